"""Workers without a lock: the mean against heavy ball and against every order there is, the spread against all orders, too."""

import itertools

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, theory

COUNTS = (2, 4, 8, 16)


def every_order(workers, steps):
    """All sequences of workers, shape (steps, workers ** steps): their plain mean is the expectation."""
    return np.array(list(itertools.product(range(workers), repeat=steps))).T


# -- the mean is heavy ball --------------------------------------------------------------------


@pytest.mark.parametrize("workers", COUNTS)
def test_the_mean_path_is_heavy_balls(workers):
    """Momentum 1 - 1/M and lr/M, after a first step that is M times as long: to rounding, at three rates."""
    for lr in (0.02, 0.3, 1.0):
        mean = theory.asynchronous_mean(workers, lr, 200)
        lr_implied, beta = theory.asynchrony_setting(workers, lr)
        path = [1.0, 1.0 - lr]
        for _ in range(199):
            path.append((1 + beta - lr_implied) * path[-1] - beta * path[-2])
        np.testing.assert_allclose(mean, path, rtol=0, atol=1e-13 * max(1, np.abs(path).max()))


@pytest.mark.parametrize("workers", COUNTS)
def test_the_librarys_rule_makes_the_same_path(workers):
    """Heavy ball itself, started with the velocity that its first step lacks."""
    rate, beta = theory.asynchrony_setting(workers, 0.1)
    x, v, path = 1.0, (workers - 1) / beta, [1.0]  # so that the first step is 0.1
    for _ in range(60):
        x, v = rules.heavy_ball(x, x, v, lr=rate, beta=beta)
        path.append(x)
    np.testing.assert_allclose(theory.asynchronous_mean(workers, 0.1, 60), path, atol=1e-13)


@pytest.mark.parametrize(("workers", "steps"), [(2, 8), (3, 6)])
def test_mean_and_square_are_those_of_all_orders(workers, steps):
    """Every order once: no sampling, so to rounding; with an explicit momentum, too, and for three curvatures."""
    products = np.array([0.05, 0.4, 1.1])
    for beta in (0.0, 0.5, -0.3):
        paths = theory.simulate_workers(workers, products, steps, every_order(workers, steps), beta)
        for found, power in ((theory.asynchronous_mean, 1), (theory.asynchronous_square, 2)):
            np.testing.assert_allclose(found(workers, products, steps, beta), (paths**power).mean(1), rtol=1e-12, atol=1e-13)


def test_a_simulation_scatters_about_the_mean():
    who = np.random.default_rng(0).integers(0, 8, (120, 4000))
    paths = theory.simulate_workers(8, 0.05, 120, who)
    error = paths.std(1) / np.sqrt(4000)
    away = np.abs(paths.mean(1) - theory.asynchronous_mean(8, 0.05, 120))
    assert (away <= 5 * error + 1e-12).all() and error.max() > 1e-4


@pytest.mark.parametrize("workers", COUNTS)
def test_the_fit_finds_it_to_the_thirteenth_digit(workers):
    beta, product, residual = theory.fit_momentum(theory.asynchronous_mean(workers, 0.3, 40))
    assert beta == pytest.approx(theory.asynchrony_beta(workers), abs=1e-12) and product == pytest.approx(
        0.3 / workers, abs=1e-12
    )
    assert residual < 1e-12


@pytest.mark.parametrize("product", [0.005, 0.0005])
def test_a_slow_path_is_fitted_as_well(product):
    """A path that is nearly one exponential lost half of its digits, and the rounding was told as what the fit leaves."""
    beta, rate, residual = theory.fit_momentum(theory.asynchronous_mean(4, product, 120))
    assert (beta, rate) == pytest.approx((3 / 4, product / 4), abs=1e-8) and residual < 1e-9


# -- in turn: a delay, not a momentum ----------------------------------------------------------


@pytest.mark.parametrize("workers", (1, *COUNTS))
def test_in_turn_is_one_order(workers):
    turn = np.arange(90)[:, None] % workers
    path = theory.simulate_workers(workers, 0.1, 90, turn, 0.4)[:, 0]
    np.testing.assert_allclose(theory.asynchronous_mean(workers, 0.1, 90, 0.4, "turn"), path, atol=1e-13)
    np.testing.assert_allclose(theory.asynchronous_square(workers, 0.1, 90, 0.4, "turn"), path**2, atol=1e-13)


def test_a_delay_of_one_has_the_product_for_its_momentum():
    """x'' = x' - p x: a momentum of lr times curvature, another one in every direction, and none of them 1/2."""
    for product in (0.05, 0.2, 0.3):
        beta, rate, _ = theory.fit_momentum(theory.asynchronous_mean(2, product, 60, order="turn"))
        assert beta == pytest.approx(product, abs=1e-6) and rate == pytest.approx(product, abs=1e-6)


def test_a_longer_delay_is_no_heavy_ball():
    for workers in (4, 8, 16):
        beta, _, residual = theory.fit_momentum(theory.asynchronous_mean(workers, 0.05, 300, order="turn"))
        assert abs(beta - theory.asynchrony_beta(workers)) < 0.15 and residual > 5e-4
        assert theory.fit_momentum(theory.asynchronous_mean(workers, 0.05, 300))[2] < 1e-11


# -- rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["random", "turn"])
def test_one_worker_is_heavy_ball(order):
    for product, beta in ((0.05, 0.0), (0.3, 0.6), (1.5, 0.9)):
        found = theory.asynchronous_rate(1, product, beta, order)
        assert found == pytest.approx(theory.rate(rules.heavy_ball, product, lr=1.0, beta=beta), rel=1e-7)
    run = descend(rules.heavy_ball, surfaces.quadratic([0.3]), (1.0,), steps=30, lr=1.0, beta=0.6).points[:, 0]
    np.testing.assert_allclose(theory.asynchronous_mean(1, 0.3, 30, 0.6, order), run, atol=1e-13)
    np.testing.assert_allclose(theory.asynchronous_square(1, 0.3, 30, 0.6, order), run**2, atol=1e-13)


@pytest.mark.parametrize(("workers", "beta", "order"), [(3, 0.2, "random"), (8, -0.4, "random"), (4, 0.3, "turn")])
def test_the_rate_is_that_of_long_runs(workers, beta, order):
    square = theory.asynchronous_square(workers, 0.15, 2000, beta, order)
    late = [np.sqrt(square[k : k + 400].mean()) for k in (800, 1600)]
    assert (late[1] / late[0]) ** (1 / 800) == pytest.approx(theory.asynchronous_rate(workers, 0.15, beta, order), rel=1e-3)


def test_the_best_explicit_momentum_gives_way():
    """Curvatures 0.01 to 1, every side at its own best rate: .7 for one worker, none or less for eight and sixteen."""
    products = np.geomspace(0.01, 1, 5)
    betas, rates = np.arange(-9, 10) / 10, np.geomspace(0.005, 4, 36)
    best, factors = {}, {}
    for workers in (1, 2, 4, 8, 16):
        found = theory.asynchronous_rate(workers, rates[:, None, None] * products, betas[:, None]).max(-1).min(0)
        best[workers], factors[workers] = betas[found.argmin()], found
    assert best[1] == 0.7 and 0 < best[2] < 0.7 and best[4] < best[2] and max(best[8], best[16]) <= 0
    none, nine = factors[16][9], factors[16][18]  # with sixteen, 0.9 takes more than twice the updates of none
    assert np.log(none) / np.log(nine) > 2 and np.log(factors[1][9]) / np.log(factors[1][18]) < 0.5


def test_four_points_are_as_many_as_a_fit_needs():
    path = [1.0, 0.7]
    for _ in range(2):  # heavy ball with momentum 0.5 and the product 0.3
        path.append((1 + 0.5 - 0.3) * path[-1] - 0.5 * path[-2])
    beta, product, residual = theory.fit_momentum(path)
    assert (beta, product) == pytest.approx((0.5, 0.3)) and residual < 1e-12


# -- what is refused ---------------------------------------------------------------------------


def test_what_does_not_fit_is_refused():
    for workers in (0, 2.5, True):
        with pytest.raises(ValueError, match="workers is .* whole number >= 1"):
            theory.asynchrony_setting(workers, 0.1)
    with pytest.raises(ValueError, match="order is 'chaos'; allowed: 'random' or 'turn'"):
        theory.asynchronous_mean(2, 0.1, 5, order="chaos")
    with pytest.raises(ValueError, match="the path has 3 points"):
        theory.fit_momentum([1.0, 0.5, 0.25])
    for who in ([[0], [2]], [[0], [-1]], [0, 1], [[0]]):
        with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
            theory.simulate_workers(2, 0.1, 2, who)
    with pytest.raises(ValueError, match="lr is -1"):
        theory.asynchrony_setting(2, -1.0)


@pytest.mark.parametrize("path", [np.ones(6), np.zeros(6), 0.5 ** np.arange(6)])
def test_a_path_of_one_factor_says_nothing_about_momentum(path):
    """Three times NaN, as if that were an answer."""
    with pytest.raises(ValueError, match="one factor all the way.*allowed: a path in which two factors"):
        theory.fit_momentum(path)
