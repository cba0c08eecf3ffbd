"""Noise: exact moments against enumerated noise, sampled runs, brute-force recursions and closed forms."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from momentum_lib import rules, theory

R = rules.RULES
LINEAR = [name for name, rule in R.items() if rule.family not in ("adaptive", "sign", "matrix") and name != "schedule_free"]


def hyper_of(rule, lr, beta):
    return {"lr": lr} | ({"beta": beta} if "beta" in rule.hyper else {})


def noisy_steps(rule, curvature, noises, start, hyper):
    """The rule itself, step by step, with the noises given (n, ...); returns the points (n+1, ...)."""
    full = {**rule.hyper, **hyper}
    theta = np.full(noises.shape[1:], start)
    state, points = rule.init(theta), [theta]
    for t, noise in enumerate(noises, 1):
        grad = curvature * rule.look(theta, *state, **full) + noise
        theta, state = rule.step(theta, grad, state, full, t)
        points.append(theta)
    return np.stack(points)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("curvature", [0.7, -0.2])
def test_moments_are_the_mean_over_every_coin(name, curvature):
    """A noise term dropped, doubled or unsquared: all 2^8 sequences of the noise +-sigma, through the rule itself."""
    rule, sigma, n = R[name], 0.6, 8
    hyper = hyper_of(rule, 0.3, 0.8) | ({"dampening": 0.4} if "dampening" in rule.hyper else {})
    coins = sigma * np.array(list(product([-1.0, 1.0], repeat=n))).T
    points = noisy_steps(rule, curvature, coins, 1.3, hyper)
    exact = theory.mean_square(rule, curvature, n, sigma=sigma, start=1.3, **hyper)
    np.testing.assert_allclose(exact, (points**2).mean(axis=1), rtol=1e-11)


def test_moments_of_batches_are_those_of_single_settings():
    """Axes mixed up between curvature, noise and momentum."""
    curvature, sigma, beta = np.array([[0.5], [2.0]]), np.array([[0.1], [1.0]]), np.array([0.0, 0.5, 0.9])
    many = theory.second_moments(rules.nesterov, curvature, 6, sigma=sigma, lr=0.2, beta=beta)
    settled = theory.stationary_covariance(rules.nesterov, curvature, sigma=sigma, lr=0.2, beta=beta)
    assert many.shape == (7, 2, 3, 2, 2) and settled.shape == (2, 3, 2, 2)
    for i, j in np.ndindex(2, 3):
        one = {"sigma": sigma[i, 0], "lr": 0.2, "beta": beta[j]}
        np.testing.assert_allclose(many[:, i, j], theory.second_moments(rules.nesterov, curvature[i, 0], 6, **one), rtol=1e-13)
        np.testing.assert_allclose(
            settled[i, j], theory.stationary_covariance(rules.nesterov, curvature[i, 0], **one), rtol=1e-12
        )


@pytest.mark.parametrize("name", LINEAR)
def test_the_stationary_covariance_is_where_the_moments_end(name):
    """A covariance that is not a fixed point, or that is reached from nowhere."""
    hyper = hyper_of(R[name], 0.3, 0.7)
    settled = theory.stationary_covariance(R[name], 1.4, sigma=0.5, **hyper)
    moments = theory.second_moments(R[name], 1.4, 500, sigma=0.5, start=3.0, **hyper)
    np.testing.assert_allclose(moments[-1], settled, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(settled, settled.T, rtol=1e-12)


def ball_by_fractions(lr, beta, curvature, sigma):
    """Heavy ball's stationary variance from x' = a x - beta y + noise (y the point before), in exact fractions.

    With V = E x^2 and C = E x y: V = (a^2 + beta^2) V - 2 a beta C + lr^2 sigma^2 and C = a V - beta C.
    """
    lr, beta, curvature, sigma = map(Fraction, (lr, beta, curvature, sigma))
    a = 1 + beta - lr * curvature
    return lr**2 * sigma**2 / (1 - a**2 - beta**2 + 2 * a**2 * beta / (1 + beta))


@pytest.mark.parametrize(
    "lr, beta, curvature, sigma", [("1/10", "9/10", "1", "1"), ("1/3", "1/2", "5", "2"), ("7/5", "0", "1", "3")]
)
def test_result_15_the_noise_ball(lr, beta, curvature, sigma):
    """A factor missing: exact fractions, the Lyapunov equation, both spellings of heavy ball."""
    numbers = [float(Fraction(x)) for x in (lr, beta, curvature, sigma)]
    exact = float(ball_by_fractions(lr, beta, curvature, sigma))
    assert theory.noise_ball(*numbers) == pytest.approx(exact, rel=1e-13)
    lr, beta, curvature, sigma = numbers
    for name in ("heavy_ball", "polyak", "classical_momentum"):
        settled = theory.stationary_covariance(R[name], curvature, sigma=sigma, lr=lr, beta=beta)
        assert settled[0, 0] == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("lr, beta", [(0.1, 0.9), (0.4, 0.5), (0.7, 0.0), (1.3, 0.9)])
def test_the_noise_ball_of_the_look_ahead(lr, beta):
    """Heavy ball's ball given to Nesterov: .2706 at lr .1, beta .9, about half of it; the Lyapunov equation decides."""
    settled = theory.stationary_covariance(rules.nesterov, 0.9, sigma=1.7, lr=lr, beta=beta)
    assert theory.noise_ball(lr, beta, 0.9, 1.7, ahead=True) == pytest.approx(settled[0, 0], rel=1e-10)
    assert theory.noise_ball(0.1, 0.9, ahead=True) == pytest.approx(0.2706, abs=5e-5)


def test_result_15_printed_values():
    """.0526 and .5135 at lr .1; .0526, .0508, .0501, .0500 at equal effective rate .1 (beta 0, .5, .9, .99)."""
    assert np.round(theory.noise_ball(0.1, np.array([0, 0.9])), 4).tolist() == [0.0526, 0.5135]
    beta = np.array([0, 0.5, 0.9, 0.99])
    lr = theory.lr_at_effective_rate(0.1, beta)
    np.testing.assert_allclose(theory.effective_rate(lr, beta), 0.1)
    assert np.round(theory.noise_ball(lr, beta), 4).tolist() == [0.0526, 0.0508, 0.0501, 0.05]


def test_samples_only_confirm():
    """An exact answer that samples contradict: 4 000 seeded runs, well within five standard errors."""
    noises = np.random.default_rng(3).standard_normal((60, 4000))
    points = noisy_steps(rules.nesterov, 0.8, noises, 2.0, {"lr": 0.2, "beta": 0.7})
    exact = theory.mean_square(rules.nesterov, 0.8, 60, start=2.0, lr=0.2, beta=0.7)
    error = (points**2).std(axis=1)[1:] / np.sqrt(4000)
    assert (np.abs((points**2).mean(axis=1) - exact)[1:] < 5 * error).all()


def test_expected_loss_adds_the_directions_up():
    """Half forgotten, or the noise of one direction given to another."""
    h, sigma = np.array([1.0, 0.25]), np.array([0.3, 2.0])
    parts = [theory.mean_square(rules.heavy_ball, c, 5, sigma=s, lr=0.4, beta=0.5) * c / 2 for c, s in zip(h, sigma)]
    np.testing.assert_allclose(theory.expected_loss(rules.heavy_ball, h, 5, sigma=sigma, lr=0.4, beta=0.5), sum(parts))


def test_result_21_the_gap_vanishes_with_the_rate():
    """A gap that does not shrink in proportion to the rate, or that compares unequal effective rates."""
    rates = 0.1 / 2.0 ** np.arange(5)
    for beta in (0.5, 0.9):
        gaps = np.array([theory.small_rate_gap(rules.heavy_ball, rules.gradient_descent, r, beta) for r in rates])
        slopes = np.diff(np.log(gaps)) / np.diff(np.log(rates))
        assert (np.diff(gaps) < 0).all() and (np.diff(slopes) > 0).all() and slopes[-1] > 0.8, slopes
    assert theory.small_rate_gap(rules.heavy_ball, rules.gradient_descent, 0.1, 0.0) < 1e-12
    assert theory.small_rate_gap(rules.averaged_momentum, rules.gradient_descent, 0.1, 0.5) > 0.03


# -- batch size ----------------------------------------------------------------------------------------------


def scan(rule, batch, target, **hyper):
    """Steps to the target by the plain recursion in three numbers per direction, heavy ball and gradient descent only."""
    h = 1 / np.arange(1, 1001)
    lr, beta = hyper["lr"], hyper.get("beta", 0.0)
    a = 1 + beta - lr * h
    now, mixed, old, t = np.ones(1000), np.ones(1000), np.ones(1000), 0
    while (h * now).sum() / 2 > target:
        fresh = a**2 * now - 2 * a * beta * mixed + beta**2 * old + lr**2 * h / batch
        now, mixed, old, t = fresh, a * now - beta * mixed, now, t + 1
    return t


@pytest.mark.parametrize(
    "batch, speed_up, lr, beta", [(256, 1.37, 0.00717, 0.99398), (1024, 2.54, 0.1116, 0.97618), (16384, 12.5, 2.93, 0.8876)]
)
def test_result_22_steps_by_powers_are_steps_by_recursion(batch, speed_up, lr, beta):
    """Bisection on powers that misses the first crossing, and the speed-up at the best settings found."""
    steps = theory.steps_to_loss(rules.heavy_ball, batch, lr=lr, beta=beta)
    assert steps == scan(rules.heavy_ball, batch, 0.01, lr=lr, beta=beta)
    plain = theory.best_at_batch(rules.gradient_descent, batch)
    assert plain.beta == 0 and plain.steps == scan(rules.gradient_descent, batch, 0.01, lr=plain.lr)
    assert plain.steps / steps == pytest.approx(speed_up, rel=0.02)


@pytest.mark.parametrize("batch, lr, beta, speed_up", [(4, 1.7584e-6, 0.9999044, 1.174), (64, 4.5214e-4, 0.99846, 1.211)])
def test_result_22_small_batches(batch, lr, beta, speed_up):
    """A momentum of .9 that seems to pay at batch 4: it gains 1 % at most, and even the best momentum only a fifth."""
    plain = theory.best_at_batch(rules.gradient_descent, batch)
    usual = theory.best_at_batch(rules.heavy_ball, batch, beta=0.9)
    assert 1 <= plain.steps / usual.steps < (1.01 if batch == 4 else 1.05)
    assert plain.steps / theory.steps_to_loss(rules.heavy_ball, batch, lr=lr, beta=beta) == pytest.approx(speed_up, abs=0.01)


def test_result_22_the_best_setting_beats_its_neighbours():
    """A search that stops early: best momentum at batch 1024 on 60 directions against a dense grid."""
    h = theory.noisy_quadratic(60)
    best = theory.best_at_batch(rules.heavy_ball, 1024, curvatures=h)
    assert best.steps == theory.steps_to_loss(rules.heavy_ball, 1024, curvatures=h, lr=best.lr, beta=best.beta)
    grid = [
        theory.steps_to_loss(rules.heavy_ball, 1024, curvatures=h, lr=lr, beta=beta)
        for lr in np.geomspace(0.1, 4, 24)
        for beta in 1 - np.geomspace(0.02, 1, 24)
    ]
    assert best.steps <= min(grid) <= best.steps * 1.15
    fixed = theory.best_at_batch(rules.heavy_ball, 1024, curvatures=h, beta=0.5)
    assert fixed.beta == 0.5 and best.steps < fixed.steps < theory.best_at_batch(rules.gradient_descent, 1024, curvatures=h).steps


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_best_setting_follows_the_unit_of_the_loss(scale):
    """The same problem in other units has the same steps and momentum, and its rate in the inverse unit."""
    h = theory.noisy_quadratic(20)
    plain = theory.best_at_batch(rules.heavy_ball, 64, curvatures=h)
    other = theory.best_at_batch(rules.heavy_ball, 64 / scale, target=0.01 * scale, curvatures=scale * h)
    assert (other.lr * scale, other.beta, other.steps) == pytest.approx((plain.lr, plain.beta, plain.steps), rel=1e-6)


def test_a_target_below_the_noise_is_never_reached():
    """A number of steps where there is none; or a start that counts as a step."""
    assert theory.steps_to_loss(rules.heavy_ball, 1, lr=0.5, beta=0.9) == np.inf
    assert theory.steps_to_loss(rules.heavy_ball, 1, lr=9.0, beta=0.9) == np.inf
    assert theory.steps_to_loss(rules.gradient_descent, 1, target=10, lr=0.5) == 0
    assert theory.steps_to_loss(rules.gradient_descent, 1e9, target=0.01, curvatures=[1.0], lr=0.9) == 1


# -- streaming ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINEAR)
def test_the_streaming_map_is_the_mean_over_every_sequence(name):
    """Probabilities swapped, or a direction that moves while it is not shown: all 2^7 sequences, weighted."""
    rule, p, n = R[name], 0.3, 7
    hyper = hyper_of(rule, 0.6, 0.5)
    full, mean = {**rule.hyper, **hyper}, np.zeros(n + 1)
    for shown in product([0.0, 1.0], repeat=n):
        theta = np.array([1.0])
        state, seen = rule.init(theta), [1.0]
        for curvature in shown:
            grad = curvature * rule.look(theta, *state, **full)
            theta, state = rule.step(theta, grad, state, full, 2)
            seen.append(theta[0])
        mean += p ** sum(shown) * (1 - p) ** (n - sum(shown)) * np.array(seen) ** 2
    operator = theory.streaming_operator(rule, p, **hyper)
    start = theory.linear_form(rule, **hyper).start
    moments, ours = np.outer(start, start).ravel(), []
    for _ in range(n + 1):
        ours.append(moments[0])
        moments = operator @ moments
    np.testing.assert_allclose(ours, mean, rtol=1e-12)


def test_result_20_momentum_gains_nothing_on_a_stream():
    """kappa about 1e4: best SGD and best heavy ball take 9 999.5 steps per e-fold, to 1e-4; the deterministic one 25."""
    p = [1 - 1e-4, 1e-4]
    plain, ball = (theory.best_streaming(R[name], p) for name in ("gradient_descent", "heavy_ball"))
    assert plain.lr == pytest.approx(1, abs=1e-4) and plain.rate == pytest.approx(1 - 1e-4, rel=1e-12)
    slow, fast = theory.steps_per_efold(plain.rate), theory.steps_per_efold(ball.rate)
    assert slow == pytest.approx(9999.5, abs=0.01) and fast == pytest.approx(slow, rel=1e-4)
    assert theory.steps_per_efold(theory.best_heavy_ball(min(p), max(p)).rate ** 2) == pytest.approx(25, abs=0.01)
    for lr in (0.5, 1.0, 1.3):
        q = np.array([0.2, 0.9])
        np.testing.assert_allclose(theory.streaming_rate(rules.gradient_descent, q, lr=lr), 1 - q + q * (1 - lr) ** 2)
        np.testing.assert_allclose(theory.streaming_rate(rules.heavy_ball, q, lr=lr, beta=0.0), 1 - q + q * (1 - lr) ** 2)


BAD = {
    "sigma": (lambda: theory.second_moments(rules.polyak, 1.0, 3, sigma=-1, lr=0.1), ValueError,
        "sigma is -1; allowed: a finite"),
    "diverging": (lambda: theory.stationary_covariance(rules.polyak, 1.0, lr=4.0), ValueError,
        "grows for ever; allowed: settings"),
    "flat": (lambda: theory.stationary_covariance(rules.polyak, 0.0, lr=1.0), ValueError, "curvature is 0.0; allowed"),
    "ball beyond the edge": (lambda: theory.noise_ball(4.0, 0.9), ValueError,
        r"lr \* curvature is 4.0; allowed: numbers between 0 and the edge 3.8"),
    "ball ahead, beyond its edge": (lambda: theory.noise_ball(1.4, 0.9, ahead=True), ValueError, "the edge 1.357143"),
    "ball's momentum": (lambda: theory.noise_ball(0.1, 1.0), ValueError, "beta is 1.0; allowed"),
    "effective": (lambda: theory.effective_rate(0.1, 1.0), ValueError, "beta is 1.0; allowed"),
    "gap": (lambda: theory.small_rate_gap(rules.polyak, rules.gradient_descent, 0.0, 0.5), ValueError,
        "effective is 0.0; allowed"),
    "batch": (lambda: theory.steps_to_loss(rules.polyak, 0, lr=0.1), ValueError, "batch is 0; allowed"),
    "target": (lambda: theory.best_at_batch(rules.polyak, 1, target=-1), ValueError, "target is -1; allowed"),
    "curvatures": (lambda: theory.steps_to_loss(rules.polyak, 1, curvatures=[-1.0], lr=1.0), ValueError,
        r"curvatures is -1.0"),
    "no direction": (lambda: theory.noisy_quadratic(0), ValueError, "d is 0; allowed: a whole number >= 1"),
    "best momentum of a plain rule": (
        lambda: theory.best_at_batch(rules.gradient_descent, 1, beta=0.5), TypeError, "unknown hyper-parameter 'beta'"),
    "probability": (lambda: theory.streaming_rate(rules.polyak, 0.0, lr=1.0), ValueError, "probability is 0.0; allowed"),
    "efold": (lambda: theory.steps_per_efold(1.0), ValueError, "rate is 1.0; allowed"),
    "Adam": (lambda: theory.mean_square(rules.adam, 1.0, 3, lr=0.1), ValueError, "adam is not linear"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()
