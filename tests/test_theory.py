"""Exact answers against closed forms, against brute force, and against counted runs."""

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, theory

R = rules.RULES
CURVATURES = (0.01, 1.0, 100.0)
BETAS = (0.0, 0.3, 0.9, 0.99)


# -- stability edges -----------------------------------------------------------------------------------

EDGES = {  # result 7, and the same for the remaining linear rules
    "heavy_ball": lambda c, b: 2 * (1 + b) / c,
    "polyak": lambda c, b: 2 * (1 + b) / c,
    "classical_momentum": lambda c, b: 2 * (1 + b) / c,
    "dampened_momentum": lambda c, b: 2 * (1 + b) / c,
    "averaged_momentum": lambda c, b: 2 * (1 + b) / ((1 - b) * c),
    "nesterov": lambda c, b: 2 * (1 + b) / ((1 + 2 * b) * c),
    "nesterov_torch": lambda c, b: 2 * (1 + b) / ((1 + 2 * b) * c),
    "nesterov_lerp": lambda c, b: 2 * (1 + b) / ((1 - b) * (1 + 2 * b) * c),
}


@pytest.mark.parametrize("name", EDGES)
def test_stability_edge_is_the_closed_form(name):
    """An edge of another rule, or one that only holds for curvature 1."""
    for c in CURVATURES:
        for b in BETAS:
            assert theory.stability_edge(R[name], c, beta=b) == pytest.approx(EDGES[name](c, b), rel=1e-9)


def test_stability_edges_have_the_printed_values():
    """beta = .9 at curvature 1: 3.8, 1.35714 and 38; gradient descent 2."""
    assert theory.stability_edge(rules.heavy_ball, 1.0, beta=0.9) == pytest.approx(3.8)
    assert theory.stability_edge(rules.nesterov, 1.0, beta=0.9) == pytest.approx(1.35714, abs=5e-6)
    assert theory.stability_edge(rules.averaged_momentum, 1.0, beta=0.9) == pytest.approx(38)
    assert theory.stability_edge(rules.gradient_descent, 4.0) == pytest.approx(0.5)


def test_dampening_moves_the_edge():
    """Dampening ignored by the matrix: later gradients enter with 1 - dampening, so the edge rises by its inverse."""
    edge = theory.stability_edge(rules.dampened_momentum, 1.0, beta=0.9, dampening=0.5)
    assert edge == pytest.approx(2 * 3.8)


@pytest.mark.parametrize("name", EDGES)
def test_runs_live_below_the_edge_and_die_above(name):
    """An edge that the rule's own runs do not know."""
    surface = surfaces.quadratic([1.0, 9.0])
    edge = EDGES[name](9.0, 0.6)
    assert descend(R[name], surface, steps=4000, lr=0.99 * edge, beta=0.6).error[-1] < 1e-9
    assert descend(R[name], surface, steps=4000, lr=1.01 * edge, beta=0.6).diverged_at is not None


# -- rates -----------------------------------------------------------------------------------------------


def heavy_ball_rate(product, beta):
    """Result 6, derived by hand: z^2 - (1 + beta - product) z + beta = 0."""
    half = (1 + beta - product) / 2
    inside = half**2 - beta
    return np.sqrt(beta) if inside <= 0 else abs(half) + np.sqrt(inside)


def test_heavy_balls_rate_is_the_roots_modulus():
    """The misprint 2 sqrt(beta) for the complex roots, or a wrong branch for the real ones."""
    for product in (0.001, 0.01, 0.3, 1.0, 2.5, 3.5):
        for beta in (0.1, 0.5, 0.81, 0.9):
            rate = theory.rate(rules.heavy_ball, product, lr=1.0, beta=beta)
            assert rate == pytest.approx(heavy_ball_rate(product, beta), abs=1e-7)


@pytest.mark.parametrize("name", [*EDGES, "gradient_descent"])
def test_a_rate_is_what_a_long_run_shrinks_by(name):
    """A spectral radius that has nothing to do with runs: the error over 400 steps falls by rate^400."""
    hyper = {"lr": 0.2} if name == "gradient_descent" else {"lr": 0.05, "beta": 0.3}
    path = descend(R[name], surfaces.quadratic([1.0]), steps=600, **hyper)
    measured = (path.error[600] / path.error[200]) ** (1 / 400)
    assert measured == pytest.approx(theory.rate(R[name], 1.0, **hyper), rel=1e-3)


def test_rate_takes_arrays_of_curvatures():
    """A shape lost on the way."""
    out = theory.rate(rules.heavy_ball, np.ones((2, 3)), lr=0.1, beta=0.5)
    assert out.shape == (2, 3) and np.ndim(theory.rate(rules.heavy_ball, 1.0, lr=0.1)) == 0


@pytest.mark.parametrize("name", EDGES)
def test_the_iteration_matrix_makes_the_next_point(name):
    """A transposed matrix: two steps of the rule must be the matrix squared."""
    matrix = theory.iteration_matrix(R[name], 3.0, lr=0.1, beta=0.4)
    theta, slot, full = np.array([0.7]), np.array([-0.2]), {**R[name].hyper, "lr": 0.1, "beta": 0.4}
    z = np.array([0.7, -0.2])
    for t in (2, 3):
        grad = 3.0 * R[name].look(theta, slot, **full)
        theta, (slot,) = R[name].step(theta, grad, (slot,), full, t)
        z = matrix @ z
    np.testing.assert_allclose([theta[0], slot[0]], z, rtol=1e-13)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw", "signum", "lion"])
def test_a_rule_that_is_not_linear_has_no_matrix(name):
    """A matrix made up for a rule that has none."""
    with pytest.raises(ValueError, match=f"{name} is not linear in its point and state"):
        theory.iteration_matrix(R[name], 1.0, lr=0.1)


# -- best settings -----------------------------------------------------------------------------------------

BEST = {
    "gradient_descent": theory.best_gradient_descent,
    "heavy_ball": theory.best_heavy_ball,
    "nesterov": theory.best_nesterov,
}


def worst(name, setting, mu, L):
    ends = np.array([mu, L])
    hyper = {"lr": setting.lr} | ({} if name == "gradient_descent" else {"beta": setting.beta})
    return theory.rate(R[name], ends, **hyper).max()


@pytest.mark.parametrize("name", BEST)
def test_best_settings_have_the_rate_they_promise(name):
    """A formula whose rate belongs to another rate and momentum (worst of all curvatures, not only the ends)."""
    for mu, L in ((1.0, 100.0), (0.5, 2.0), (1e-3, 10.0), (3.0, 3.0)):
        best = BEST[name](mu, L)
        between = np.geomspace(mu, L, 41)
        hyper = {"lr": best.lr} | ({} if name == "gradient_descent" else {"beta": best.beta})
        assert theory.rate(R[name], between, **hyper).max() == pytest.approx(best.rate, abs=2e-7)


@pytest.mark.parametrize("name", BEST)
def test_no_other_setting_is_better(name):
    """A "best" that brute force beats: 4 000 random settings, half of them close to it."""
    mu, L = 1.0, 30.0
    best, rng = BEST[name](mu, L), np.random.default_rng(7)
    n = 2000
    lr = np.concatenate([rng.uniform(0, 4 / L, n), best.lr * np.exp(0.05 * rng.standard_normal(n))])
    beta = np.concatenate([rng.uniform(0, 1, n), np.clip(best.beta + 0.02 * rng.standard_normal(n), 0, 0.999)])
    beta = np.zeros_like(beta) if name == "gradient_descent" else beta
    c = np.array([mu, L])[:, None]
    product = lr * c
    if name == "nesterov":
        trace, determinant = (1 + beta) * (1 - product), beta * (1 - product)
    else:
        trace, determinant = 1 + beta - product, beta + 0 * product
    inside = (trace**2 - 4 * determinant).astype(complex)
    roots = [(trace + s * np.sqrt(inside)) / 2 for s in (1, -1)]
    rates = np.abs(roots).max(axis=(0, 1))
    assert rates.min() >= best.rate - 1e-12
    assert rates.min() < best.rate + 0.02, "and the search came close, so it was a search"


# -- the facts' numbers ----------------------------------------------------------------------------------------


def count(name, setting, kappa, budget):
    """Steps to 1e-6 on 50 curvatures log-spaced in [1/kappa, 1], from all ones."""
    surface = surfaces.quadratic(np.geomspace(1 / kappa, 1.0, 50))
    hyper = {"lr": setting.lr} | ({} if name == "gradient_descent" else {"beta": setting.beta})
    return descend(R[name], surface, steps=budget, **hyper).steps_to(1e-6)


def test_results_1_to_3():
    """A rule, a setting or a count that is off: the steps of the standard quadratic, kappa = 100 and 10 000."""
    assert count("gradient_descent", theory.best_gradient_descent(0.01, 1), 100, 700) == 612
    assert count("heavy_ball", theory.best_heavy_ball(0.01, 1), 100, 200) == 85
    assert count("heavy_ball", theory.best_heavy_ball(1e-4, 1), 1e4, 1200) == 972
    usual = theory.Setting(1.0, 9 / 11, 0.9)
    assert count("nesterov", usual, 100, 300) == 139
    assert theory.rate(rules.nesterov, np.array([0.01, 1.0]), lr=1.0, beta=9 / 11).max() == pytest.approx(0.9, abs=1e-7)


def test_the_printed_settings():
    """eta .0330579, beta .669421, rate .818182 (heavy ball); .980198 (gradient descent); .884722 (Nesterov); kappa = 100."""
    assert theory.best_heavy_ball(1, 100) == pytest.approx((0.0330579, 0.669421, 0.818182), abs=5e-7)
    assert theory.best_gradient_descent(1, 100).rate == pytest.approx(0.980198, abs=5e-7)
    assert theory.best_heavy_ball(1, 1e4).rate == pytest.approx(0.980198, abs=5e-7)
    assert theory.best_nesterov(1, 100).rate == pytest.approx(0.884722, abs=5e-7)


def test_critical_damping():
    """Result 5: at eta lambda = .01 the critical momentum is .81, its rate .9, and no other momentum is faster."""
    assert theory.critical_beta(0.1, 0.1) == pytest.approx(0.81)
    for product in (0.01, 0.25, 0.9):
        beta = theory.critical_beta(product, 1.0)
        rates = [heavy_ball_rate(product, b) for b in np.linspace(0, 0.999, 2001)]
        assert heavy_ball_rate(product, beta) == pytest.approx(1 - np.sqrt(product), abs=1e-7)
        assert min(rates) >= 1 - np.sqrt(product) - 1e-9
        assert np.linspace(0, 0.999, 2001)[np.argmin(rates)] == pytest.approx(beta, abs=1e-3)


# -- the moving average ----------------------------------------------------------------------------------------


def test_result_16():
    """beta = .9: total weight 10, sample size 19, half-life 6.58."""
    assert theory.total_weight(0.9) == pytest.approx(10)
    assert theory.sample_size(0.9) == pytest.approx(19)
    assert theory.half_life(0.9) == pytest.approx(6.58, abs=5e-3)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_statistics_of_the_average_are_sums_of_its_weights(beta):
    """A statistic that is not its definition: summed over enough weights that the rest is below 1e-16."""
    n = 2 if beta == 0 else int(np.log(1e-18) / np.log(beta)) + 1
    summed, averaged = theory.weights(beta, n, averaged=False), theory.weights(beta, n)
    assert summed.sum() == pytest.approx(theory.total_weight(beta), rel=1e-12)
    assert averaged.sum() == pytest.approx(1, rel=1e-12)
    assert 1 / (averaged**2).sum() == pytest.approx(theory.sample_size(beta), rel=1e-12)
    if beta:
        assert beta ** theory.half_life(beta) == pytest.approx(0.5)
    else:
        assert theory.half_life(beta) == 0


def test_weights_are_what_the_rule_applies():
    """Weights of another filter: a lone gradient of 1 must sit in the velocity with exactly these weights."""
    for name, averaged in (("averaged_momentum", True), ("heavy_ball", False)):
        state, seen = (np.zeros(1),), []
        for t in range(12):
            _, state = R[name].step(np.zeros(1), np.array([float(t == 0)]), state, {"lr": 1.0, "beta": 0.8})
            seen.append(state[0][0])
        np.testing.assert_allclose(seen, theory.weights(0.8, 12, averaged=averaged), rtol=1e-14)


@pytest.mark.parametrize("omega", [0.0, 0.05, 0.7, np.pi])
def test_frequency_response_is_what_a_sinusoid_gets(omega):
    """Gain or phase of another filter, or the lag's sign: a real cosine through the rule itself."""
    for name, averaged in (("averaged_momentum", True), ("heavy_ball", False)):
        beta, n = 0.9, 800
        t = np.arange(n)
        state, out = (np.zeros(1),), []
        for x in np.cos(omega * t):
            _, state = R[name].step(np.zeros(1), np.array([x]), state, {"lr": 1.0, "beta": beta})
            out.append(state[0][0])
        gain = theory.frequency_response(beta, omega, averaged=averaged)
        expected = np.abs(gain) * np.cos(omega * t + np.angle(gain))
        np.testing.assert_allclose(out[500:], expected[500:], atol=1e-12)
        assert np.angle(gain) <= 1e-15, "an average lags; it cannot lead"


BAD = {
    "mu above L": (lambda: theory.best_heavy_ball(2, 1), ValueError, "mu is 2 and L is 1; allowed: 0 < mu <= L"),
    "mu zero": (lambda: theory.best_nesterov(0, 1), ValueError, "mu is 0; allowed: a finite number > 0, and at most L"),
    "L NaN": (lambda: theory.best_gradient_descent(1, np.nan), ValueError, "L is nan; allowed"),
    "no curvature": (lambda: theory.stability_edge(rules.heavy_ball, 0.0), ValueError, "curvature is 0.0; allowed: a finite"),
    "overdamped": (lambda: theory.critical_beta(2.0, 1.0), ValueError, r"lr \* curvature is 2.0; allowed: a number in \(0, 1\]"),
    "critical NaN": (lambda: theory.critical_beta(np.nan, 1.0), ValueError, r"lr is nan; allowed"),
    "beta one": (lambda: theory.half_life(1.0), ValueError, r"beta is 1.0; allowed: a number in \[0, 1\)"),
    "beta negative": (lambda: theory.sample_size(-0.1), ValueError, "beta is -0.1; allowed"),
    "beta NaN": (lambda: theory.frequency_response(np.nan, 1.0), ValueError, "beta is nan; allowed"),
    "a name": (lambda: theory.rate("heavy_ball", 1.0, lr=0.1), TypeError, "expected a rule"),
    "unknown name": (lambda: theory.rate(rules.heavy_ball, 1.0, lr=0.1, beat=1), TypeError, "Did you mean 'beta'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()
