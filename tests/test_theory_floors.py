"""Floors, flows, restart, saddles and cycles: against least squares, quadrature, Runge-Kutta, runs and exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, theory

R = rules.RULES


def standard(kappa):
    """The test spectrum of the course: 50 curvatures log-spaced in [1/kappa, 1], from all ones."""
    return surfaces.quadratic(np.geomspace(1 / kappa, 1, 50))


# -- Chebyshev and conjugate gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("kappa, chebyshev, conjugate", [(100, 71, 41), (1e4, 711, 50)])
def test_result_4_steps_of_the_floors(kappa, chebyshev, conjugate):
    """A schedule that does not tend to heavy ball, and the counted steps to 1e-6 beside its 85 and 972."""
    surface, n = standard(kappa), 1200
    schedule, ball = theory.chebyshev_schedule(1 / kappa, 1, n), theory.best_heavy_ball(1 / kappa, 1)
    assert (schedule.lr[-1], schedule.beta[-1]) == pytest.approx(ball[:2], abs=1e-12)
    assert schedule.beta[0] == 0 and schedule.lr[0] == theory.best_gradient_descent(1 / kappa, 1).lr
    assert descend(rules.polyak, surface, steps=n, lr=schedule.lr, beta=schedule.beta).steps_to(1e-6) == chebyshev
    assert theory.conjugate_gradients(surface, steps=100).steps_to(1e-6) == conjugate


@pytest.mark.parametrize("k", [1, 2, 5, 17])
def test_chebyshevs_worst_error_is_the_polynomials(k):
    """A floor of another polynomial: NumPy's own Chebyshev series, and the run's worst error over the interval."""
    mu, L = 0.3, 7.0
    curvatures = np.linspace(mu, L, 2001)
    schedule = theory.chebyshev_schedule(mu, L, k)
    runs = descend(rules.polyak, surfaces.quadratic(curvatures), steps=k, lr=schedule.lr, beta=schedule.beta)
    top = np.polynomial.chebyshev.chebval((L + mu) / (L - mu), [0] * k + [1])
    assert np.abs(runs.points[-1]).max() == pytest.approx(1 / top, rel=1e-9)
    assert theory.chebyshev_floor(mu, L, k)[-1] == pytest.approx(1 / top, rel=1e-12)
    ball = theory.best_heavy_ball(mu, L)
    for lr, beta in (ball[:2], (1 / L, 0.0), (1.5 / L, 0.3)):
        other = theory.trajectory(rules.heavy_ball, curvatures, k, lr=lr, beta=beta)[-1]
        assert np.abs(other).max() >= 1 / top - 1e-12, "nobody beats the floor"


def test_conjugate_gradients_is_the_best_polynomial():
    """Steps that some combination of gradients beats: weighted least squares over all polynomials with p(0) = 1."""
    surface = standard(100)
    curvatures, path = surface.eigenvalues, theory.conjugate_gradients(surface, steps=20)
    for k in (1, 3, 8, 20):
        shifted = 2 * (curvatures - curvatures.min()) / np.ptp(curvatures) - 1
        basis = np.polynomial.chebyshev.chebvander(shifted, k - 1) * curvatures[:, None]
        weight = np.sqrt(curvatures)
        combination = np.linalg.lstsq(weight[:, None] * basis, weight, rcond=None)[0]
        best = (curvatures * (1 - basis @ combination) ** 2).sum() / 2
        assert path.values[k] == pytest.approx(best, rel=1e-6)


def test_conjugate_gradients_is_no_floor_for_the_distance():
    """It minimises f. In distance another combination of the same gradients is a step sooner: 40, not 41. Then fractions."""
    h = np.geomspace(1 / 100, 1, 50)
    floor, path = theory.distance_floor(h, 50), theory.conjugate_gradients(surfaces.quadratic(h), steps=41)
    assert floor[39] > 1e-6 >= floor[40] and path.error[40] > 1e-6 >= path.error[41]
    assert (floor[:42] <= path.error * (1 + 1e-9)).all() and (np.diff(floor) < 0).all()
    one, two = Fraction(1, 2), Fraction(2)  # p(l) = 1 - c l, best at c = sum h / sum h^2 = 10/17: rest 1 - 5/17 and 1 - 20/17
    c = (one + two) / (one**2 + two**2)
    exact = ((1 - c * one) ** 2 + (1 - c * two) ** 2) / 2
    np.testing.assert_allclose(theory.distance_floor([0.5, 2.0], 3), [1, float(exact) ** 0.5, 0, 0], atol=1e-15)


def test_conjugate_gradients_is_heavy_ball_with_its_own_settings():
    """Settings in ``hyper`` that are not those of the run; and an end that is not the minimum after d steps."""
    surface = surfaces.ravine(kappa=30, angle=0.4)
    path = theory.conjugate_gradients(surface, steps=10)
    assert len(path) == 2 and path.values[-1] < 1e-28 and path.steps_to(1e-12) == 2
    path = theory.conjugate_gradients(standard(100), steps=12)
    replay = descend(rules.polyak, standard(100), steps=12, unstable=True, **path.hyper)
    np.testing.assert_allclose(replay.points, path.points, atol=1e-12)
    np.testing.assert_allclose(replay.gradients, path.gradients, atol=1e-12)
    inner = path.gradients @ path.gradients.T
    assert np.abs(inner - np.diag(np.diag(inner))).max() < 1e-12 * inner.max()


# -- lower bounds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k, ratio", [(1, 1.52381), (10, 1.07198), (100, 1.00747)])
def test_result_9_conjugate_gradients_touches_the_bound(k, ratio):
    """A bound with a factor missing: ratio 1.0075 at k = 100, and f - f* = L/(16 (k+1)) by Nesterov's own sum."""
    worst = theory.worst_function(k, L=3.0)
    best = theory.conjugate_gradients(worst, steps=k).values[-1]
    assert best == pytest.approx(3 / (16 * (k + 1)), rel=1e-9)
    assert best / theory.lower_bound(3.0, worst.distance, k) == pytest.approx(ratio, abs=6e-6)
    n = 2 * k + 1
    assert worst.distance**2 == pytest.approx(float(sum(Fraction(i, n + 1) ** 2 for i in range(1, n + 1))))


def test_the_worst_function_is_a_chain_below_L():
    """A gradient that is not the value's, a curvature above L, a coordinate known too soon."""
    worst = theory.worst_function(4, L=2.5)
    rng = np.random.default_rng(0)
    x, d = rng.standard_normal((2, 9))
    slope = (worst.value(x + 1e-5 * d) - worst.value(x - 1e-5 * d)) / 2e-5
    assert worst.gradient(x) @ d == pytest.approx(slope, rel=1e-8)
    hessian = np.column_stack([worst.gradient(unit) - worst.gradient(np.zeros(9)) for unit in np.eye(9)])
    values = np.linalg.eigvalsh(hessian)
    np.testing.assert_allclose(hessian, 2.5 / 4 * (2 * np.eye(9) - np.eye(9, k=1) - np.eye(9, k=-1)), atol=1e-15)
    assert 0 < values.min() and 0.9 * 2.5 < values.max() < 2.5
    assert worst.value(np.array(worst.minima[0])) == 0 and np.abs(worst.gradient(np.array(worst.minima[0]))).max() < 1e-15
    batch = rng.standard_normal((9, 4, 3))
    np.testing.assert_allclose(worst.value(batch)[2, 1], worst.value(batch[:, 2, 1]))
    np.testing.assert_allclose(worst.gradient(batch)[:, 2, 1], worst.gradient(batch[:, 2, 1]))
    path = descend(rules.nesterov, worst, steps=4, lr=1 / 2.5, beta=theory.nesterov_schedule(4))
    assert [int((point != 0).sum()) for point in path.points] == [0, 1, 2, 3, 4]


def test_result_10_the_family_falls_like_one_over_k_squared():
    """Slope -1.96 (over K + 1) for the worst functions that grow with K, between the bounds; -1.04 for one huge function."""
    steps = np.unique(np.geomspace(10, 500, 11).astype(int))
    relative = []
    for k in map(int, steps):
        worst = theory.worst_function(k)
        path = descend(rules.nesterov, worst, steps=k, lr=1.0, beta=theory.nesterov_schedule(k))
        gap, distance = path.values[-1], worst.distance
        assert theory.lower_bound(1, distance, k) <= gap <= theory.nesterov_bound(1, distance, k)
        relative.append(gap / distance**2)
    slope = np.polyfit(np.log(steps + 1), np.log(relative), 1)[0]
    assert slope == pytest.approx(-1.960, abs=0.001)
    path = descend(rules.nesterov, theory.worst_function(2000), steps=1000, lr=1.0, beta=theory.nesterov_schedule(1000))
    k = np.arange(100, 1001)
    assert np.polyfit(np.log(k), np.log(path.values[100:]), 1)[0] == pytest.approx(-1.041, abs=0.001)


def test_the_strongly_convex_bound_is_the_chains():
    """A bound that conjugate gradients beats, or that nothing comes near: Nesterov's infinite chain, cut at r^n < 1e-17."""
    mu, L = 1.0, 30.0
    r = (np.sqrt(30) - 1) / (np.sqrt(30) + 1)
    chain = (L - mu) / 4 * (2 * np.eye(110) - np.eye(110, k=1) - np.eye(110, k=-1)) + mu * np.eye(110)
    start = -(r ** np.arange(1, 111))  # the error at 0; the minimum is r, r^2, ...

    class Chain:
        value, gradient = staticmethod(lambda e: e @ chain @ e / 2), staticmethod(lambda e: chain @ e)

    path = theory.conjugate_gradients(Chain, start, steps=25)
    bound = theory.lower_bound_strongly_convex(mu, L, np.linalg.norm(start), np.arange(26))
    assert (bound <= path.values).all() and (path.values[1:] <= 20 * bound[1:]).all()
    slopes = np.diff(np.log(path.values))[5:]
    np.testing.assert_allclose(slopes, 2 * np.log(r), rtol=0.02)


# -- flows ----------------------------------------------------------------------------------------------------------


def test_bessel_j1_is_the_tables():
    """Values and zeros of J1 from NIST's handbook, and Bessel's equation by differences."""
    table = {0.1: 0.049937526036242, 1.0: 0.4400505857449335, 5.0: -0.3275791375914652, 50.0: -0.0975118281251751}
    for x, value in table.items():
        assert theory.bessel_j1(x) == pytest.approx(value, abs=2e-15) == -theory.bessel_j1(-x)
    zeros = [3.8317059702075123, 7.0155866698156188, 10.173468135062722]
    assert np.abs(theory.bessel_j1(np.array(zeros))).max() < 1e-14
    x, h = np.linspace(0.5, 2000, 3001), 1e-3
    low, mid, high = (theory.bessel_j1(x + s) for s in (-h, 0, h))
    residual = x**2 * (high - 2 * mid + low) / h**2 + x * (high - low) / (2 * h) + (x**2 - 1) * mid
    assert np.abs(residual / x**2).max() < 1e-6
    assert theory.bessel_j1(1e-9) == pytest.approx(5e-10, rel=1e-15, abs=0) and theory.bessel_j1(0.0) == 0
    assert theory.bessel_j1(np.full((2, 3), 1.0)).shape == (2, 3)
    assert abs(theory.bessel_j1(1 - 1e-12) - theory.bessel_j1(1 + 1e-12)) < 1e-12


@pytest.mark.parametrize("curvature, friction", [(1, 0.2), (1, 2), (1, 2 + 1e-7), (1, 5), (-1, 0.3), (2, 0), (0, 0.5)])
def test_the_closed_form_of_the_ball_is_what_runge_kutta_rolls(curvature, friction):
    """A damping regime with a sign wrong: both position and velocity, under, at and over critical, on a slope and on a hill."""
    motion = theory.roll(surfaces.quadratic([float(curvature)]), [1.2], velocity=[-0.4], friction=friction, time=6, steps=600)
    x, v = theory.ball_with_friction(curvature, friction, motion.times, start=1.2, velocity=-0.4)
    np.testing.assert_allclose(motion.positions[:, 0], x, atol=2e-7)
    np.testing.assert_allclose(motion.velocities[:, 0], v, atol=2e-7)


def slope_of_errors(errors, sizes):
    return np.polyfit(np.log(sizes), np.log(errors), 1)[0]


def test_heavy_ball_follows_the_ball_with_friction():
    """A friction that belongs to another step of time: the distance must shrink like sqrt(lr)."""
    rates, errors = 10.0 ** -np.arange(2, 7), []
    for lr in rates:
        beta, n = 1 - 0.6 * np.sqrt(lr), int(8 / np.sqrt(lr))
        assert theory.friction(lr, beta) == pytest.approx(0.6)
        x, _ = theory.ball_with_friction(1.5, 0.6, np.arange(n + 1) * np.sqrt(lr))
        errors.append(np.abs(theory.trajectory(rules.heavy_ball, 1.5, n, lr=lr, beta=beta) - x).max())
    assert slope_of_errors(errors, rates) == pytest.approx(0.5, abs=0.01) and errors[-1] < 2e-3


def test_result_11_nesterov_follows_its_equation():
    """x = 2 J1(s)/s by Runge-Kutta on x'' + 3/t x' + 2 x = 0; and the iterates' distance shrinks like the root of the step."""
    motion = theory.roll(surfaces.quadratic([2.0]), [1.0], friction=lambda t: 3 / t, time=15, steps=2500)
    np.testing.assert_allclose(motion.positions[:, 0], theory.nesterov_flow(2.0, motion.times), atol=1e-9)
    rates, errors = 10.0 ** -np.arange(2, 6), []
    for lr in rates:
        n = int(10 / np.sqrt(lr))
        path = descend(rules.nesterov, surfaces.quadratic([1.0]), steps=n, lr=lr, beta=theory.nesterov_schedule(n))
        errors.append(np.abs(path.points[:, 0] - theory.nesterov_flow(1.0, np.arange(n + 1) * np.sqrt(lr))).max())
    assert slope_of_errors(errors, rates) == pytest.approx(0.5, abs=0.01)
    assert errors[0] == pytest.approx(0.1033, abs=1e-4) and errors[-1] == pytest.approx(0.00349, abs=1e-5)
    assert theory.nesterov_flow(3.0, 0.0, start=2.0) == 2.0


def test_energy_only_falls():
    """Kinetic energy of another mass: the sum falls in the flow at the rate friction |v|^2,
    and in runs below the edge 2(1-beta)/L."""
    surface = surfaces.rippled_bowl
    motion = theory.roll(surface, surface.start, friction=0.4, time=20, steps=4000)
    held = theory.roll_energy(surface, motion)
    power = 0.4 * (motion.velocities**2).sum(axis=1)
    lost = np.concatenate([[0], np.cumsum((power[1:] + power[:-1]) / 2 * np.diff(motion.times))])
    np.testing.assert_allclose(held.total, held.total[0] - lost, atol=2e-3)
    assert (np.diff(held.total) < 1e-9).all() and np.diff(held.potential).max() > 0
    L = 1 + 0.3 * 25  # the ripples' curvature is at most ripple * frequency^2
    for beta in (0.0, 0.5, 0.9):
        lr = theory.energy_edge(L, beta)
        for name in ("heavy_ball", "polyak"):
            path = descend(R[name], surface, steps=300, lr=lr, beta=beta)
            total, moves = theory.energy(path).total, np.diff(path.points, axis=0)
            promised = ((1 - beta) / lr - L / 2) * (moves**2).sum(axis=1)
            assert (np.diff(total) <= -promised + 1e-12).all() and (np.diff(total) <= 1e-12).all()
    steep = surfaces.quadratic([1.0])  # above the edge it can rise: the edge is no idle bound at beta = 0
    assert np.diff(theory.energy(descend(rules.heavy_ball, steep, steps=9, lr=2.02, beta=0.0)).total).max() > 0
    assert np.diff(theory.energy(descend(rules.heavy_ball, steep, steps=9, lr=0.9, beta=0.9)).total).max() > 0


# -- restart and saddles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kappa, by_gradient, by_value, knows", [(1e3, 801, 889, 455), (1e4, 2036, 2270, 1455)])
def test_result_12_restart(kappa, by_gradient, by_value, knows):
    """Steps to 1e-6 without knowing mu, beside Nesterov that knows it; never restarting takes ten times as long."""
    surface = standard(kappa)
    paths = [theory.restarted_nesterov(surface, steps=by_value + 200, lr=1.0, scheme=s) for s in ("gradient", "value")]
    assert [path.steps_to(1e-6) for path in paths] == [by_gradient, by_value]
    for path in paths:
        replay = descend(rules.nesterov, surface, steps=len(path), **path.hyper)
        np.testing.assert_array_equal(replay.points, path.points)
        assert (path.hyper["beta"][1:] == 0).sum() >= 3
    usual = theory.standard_nesterov(1 / kappa, 1)
    assert descend(rules.nesterov, surface, steps=knows + 50, lr=usual.lr, beta=usual.beta).steps_to(1e-6) == knows
    never = theory.restarted_nesterov(surface, steps=by_value + 200, lr=1.0, scheme="never")
    np.testing.assert_array_equal(never.hyper["beta"], theory.nesterov_schedule(len(never)))
    assert never.steps_to(1e-6) is None


def test_restart_restarts_when_it_should():
    """A test of the wrong sign: each restart follows a step along its gradient, uphill (or one that raised f), no other."""
    surface = standard(100)
    for scheme in ("gradient", "value"):
        path = theory.restarted_nesterov(surface, steps=150, lr=1.0, scheme=scheme)
        uphill = (path.gradients * np.diff(path.points, axis=0)).sum(axis=1) > 0
        uphill = uphill if scheme == "gradient" else np.diff(path.values) > 0
        np.testing.assert_array_equal(path.hyper["beta"][1:] == 0, uphill[:-1])
    gone = theory.restarted_nesterov(surfaces.quadratic([1.0]), steps=4000, lr=40.0, scheme="never")
    assert gone.diverged_at == len(gone) + 1 and np.isfinite(gone.points).all()


@pytest.mark.parametrize("beta, steps", [(0.0, 13823), (0.9, 1511), (0.99, 531)])
def test_result_30_momentum_leaves_a_saddle_sooner(beta, steps):
    """From 1e-6 to 1 at lr |curvature| = 1e-3: counted, simulated, and close to ln(1e6)/ln(rate)."""
    assert theory.escape_steps(rules.heavy_ball, -1e-3, lr=1.0, beta=beta) == steps
    path = descend(rules.heavy_ball, surfaces.quadratic([-0.1]), start=(1e-6,), steps=steps, lr=0.01, beta=beta)
    assert abs(path.points[-1, 0]) >= 1 > abs(path.points[-2, 0])
    guess = np.log(1e6) / np.log(theory.rate(rules.heavy_ball, -1e-3, lr=1.0, beta=beta))
    assert guess <= steps <= guess * 1.05
    if beta == 0.9:  # an average at the same lr does not: it has no larger effective rate
        assert theory.escape_steps(rules.averaged_momentum, -1e-3, lr=1.0, beta=beta) > 13823


# -- cycles ----------------------------------------------------------------------------------------------------------


def test_result_13_lessards_cycle_is_exact():
    """792, -2208, 2592 over 1225 from 3.3, in fractions; from 3, 3.6 and 5 heavy ball converges; others always."""
    cycle = theory.lessard_cycle("33/10")
    assert sorted(x * 1225 for x in cycle) == [-2208, 792, 2592]
    for t in range(3):  # by hand: x' = x - g/9 + 4/9 (x - x_old)
        x, old = cycle[t], cycle[t - 1]
        slope = 25 * x if x < 1 else x + 24 if x < 2 else 25 * x - 24
        assert x - slope / 9 + Fraction(4, 9) * (x - old) == cycle[(t + 1) % 3]
    run = theory.exact_run(rules.heavy_ball, theory.lessard_gradient, "33/10", 240, lr="1/9", beta="4/9")
    assert all(isinstance(x, Fraction) for x in run)
    assert max(min(abs(x - c) for c in cycle) for x in run[-3:]) < Fraction(1, 10**30), "exactly, not by rounding"
    for start in ("3", "36/10", "5"):
        assert theory.lessard_cycle(start) is None
    run = theory.exact_run(rules.heavy_ball, theory.lessard_gradient, 3, 200, lr="1/9", beta="4/9")
    assert abs(run[-1]) < Fraction(1, 10**20)
    for rule, hyper in ((rules.gradient_descent, {}), (rules.nesterov, {"beta": "2/3"})):
        run = theory.exact_run(rule, theory.lessard_gradient, "33/10", 60, lr="1/25", **hyper)
        assert abs(run[-1]) < Fraction(1, 1000)


def test_lessards_gradient_is_the_surfaces():
    """Two texts of one function that differ."""
    for x in (-2.0, 0.99, 1.0, 1.5, 2.0, 7.25):
        assert theory.lessard_gradient(x) == surfaces.lessard.gradient(np.array([x]))[0]
    path = descend(rules.heavy_ball, surfaces.lessard, start=(3.3,), steps=90, lr=1 / 9, beta=4 / 9)
    exact = theory.exact_run(rules.heavy_ball, theory.lessard_gradient, "33/10", 90, lr="1/9", beta="4/9")
    np.testing.assert_allclose(path.points[:, 0], [float(x) for x in exact], atol=1e-9)


@pytest.mark.parametrize("kappa, period", [(25, None), (100, None), (100, 5), (1e4, 12)])
def test_result_14_a_function_on_which_the_tuned_heavy_ball_cycles(kappa, period):
    """A gradient that is not the value's, curvatures outside [mu, L], or a cycle that is left: all are looked at."""
    best = theory.best_heavy_ball(1, kappa)
    f = theory.cycling_function(best.lr, best.beta, 1, kappa, period=period)
    assert f.period == (period or 3)
    run = f.run(600)
    np.testing.assert_allclose(np.linalg.norm(run, axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(run[-f.period :], run[: f.period][(np.arange(f.period) + 601) % f.period], atol=1e-9)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-1.5, 1.5, (2, 2, 4000))
    gap = f.gradient(x) - f.gradient(y)
    curvature = (gap * (x - y)).sum(0) / ((x - y) ** 2).sum(0)
    assert curvature.min() >= 1 - 1e-9 and curvature.max() <= kappa * (1 + 1e-9), "mu-strongly convex, L-smooth"
    d = rng.standard_normal((2, 4000))
    slope = (f.value(x + 1e-6 * d) - f.value(x - 1e-6 * d)) / 2e-6
    np.testing.assert_allclose((f.gradient(x) * d).sum(0), slope, rtol=1e-4, atol=1e-4 * kappa)
    assert f.value(np.zeros(2)) == 0 and not f.gradient(np.zeros(2)).any()
    plain = theory.best_gradient_descent(1, kappa)
    if kappa <= 100:
        assert descend(rules.gradient_descent, f, steps=900, lr=plain.lr).error[-1] < 1e-6
        usual = theory.standard_nesterov(1, kappa)
        assert descend(rules.nesterov, f, steps=300, lr=usual.lr, beta=usual.beta).error[-1] < 1e-6
        stuck = descend(rules.heavy_ball, f, steps=600, lr=best.lr, beta=best.beta)
        if (kappa, period) == (100, None):  # even from rest it is drawn into the cycle
            assert np.linalg.norm(stuck.points[-1]) == pytest.approx(1, abs=1e-6)


def test_the_nearest_point_of_the_polygon():
    """A projection onto a line instead of a side: brute force over points of the polygon."""
    best = theory.best_heavy_ball(1, 100)
    f = theory.cycling_function(best.lr, best.beta, 1, 100, period=5)
    s = np.linspace(0, 1, 401)[:, None, None]
    sides = (f.corners + s * (np.roll(f.corners, -1, axis=0) - f.corners)).reshape(-1, 2)
    x = np.random.default_rng(5).uniform(-1, 1, (2, 200))
    nearest = f.nearest_point(x)
    brute = np.linalg.norm(x.T[:, None] - sides, axis=-1).min(axis=1)
    away = np.linalg.norm(x - nearest, axis=0)
    inside = away == 0
    assert 5 < inside.sum() < 150
    np.testing.assert_allclose(away[~inside], brute[~inside], atol=2e-4)
    centre = np.abs(x[:, inside]).max(), np.linalg.norm(f.corners, axis=1).max()
    assert centre[0] < centre[1]


def quartic():
    """f = (x^4 + y^4)/4, whose gradient is odd, as a quadratic's is, and yet not linear."""

    class Quartic:
        name = "quartic"
        value, gradient = staticmethod(lambda x: (x**4).sum() / 4), staticmethod(lambda x: x**3)

    return Quartic


def nearly_a_bowl(share):
    """f = |x|^2/2 + share |x|^3/3, coordinate by coordinate."""

    class Nearly:
        name = "nearly a bowl"
        value = staticmethod(lambda x: (x**2 / 2 + share * np.abs(x) ** 3 / 3).sum())
        gradient = staticmethod(lambda x: x + share * np.abs(x) * x)

    return Nearly


def test_a_quadratic_is_one_to_a_millionth():
    theory.conjugate_gradients(nearly_a_bowl(1e-8), (1.0, 2.0))
    with pytest.raises(ValueError, match="is not a quadratic"):
        theory.conjugate_gradients(nearly_a_bowl(3e-6), (1.0, 2.0))


BALL = theory.best_heavy_ball(1, 4)
BAD = {
    "chebyshev": (lambda: theory.chebyshev_schedule(0, 1, 3), ValueError, "mu is 0; allowed"),
    "no quadratic": (lambda: theory.conjugate_gradients(surfaces.rosenbrock), ValueError, "is not a quadratic; allowed"),
    "an odd gradient": (
        lambda: theory.conjugate_gradients(quartic(), (1.0, 2.0)), ValueError, "is not a quadratic; allowed"),
    "saddle": (lambda: theory.conjugate_gradients(surfaces.saddle, (0.5, 1.5)), ValueError,
        "curvature of .* was met; allowed: convex"),
    "no surface": (lambda: theory.conjugate_gradients(3), TypeError, "expected a surface"),
    "bound": (lambda: theory.lower_bound(1, 1, -1), ValueError, "k is -1; allowed"),
    "bound's L": (lambda: theory.nesterov_bound(0, 1, 1), ValueError, "L is 0; allowed"),
    "worst": (lambda: theory.worst_function(0), ValueError, "k is 0; allowed: a whole number >= 1"),
    "worst's shape": (lambda: theory.worst_function(2).value(np.zeros(4)), ValueError, r"shape \(4,\); allowed: \(5, ...\)"),
    "flat floor": (lambda: theory.distance_floor([1.0, 0.0], 3), ValueError, r"curvatures is 0.0; allowed"),
    "friction": (lambda: theory.friction(0.0, 0.9), ValueError, "lr is 0.0; allowed"),
    "rub": (lambda: theory.ball_with_friction(1, -1, 0.0), ValueError, "friction is -1"),
    "bessel": (lambda: theory.bessel_j1(2e4), ValueError, "x is .*-10000, 10000"),
    "time": (lambda: theory.nesterov_flow(1.0, -1.0), ValueError, "t is -1.0; allowed"),
    "flat flow": (lambda: theory.nesterov_flow(0.0, 1.0), ValueError, "curvature is 0.0; allowed"),
    "roll": (lambda: theory.roll(surfaces.bowl, [1.0, 1.0], friction=0.1, time=0), ValueError, "time is 0; allowed"),
    "roll's friction": (lambda: theory.roll(surfaces.bowl, [1.0, 1.0], friction=-1, time=1), ValueError,
        "friction is -1; allowed"),
    "roll's shapes": (
        lambda: theory.roll(surfaces.bowl, [1.0, 1.0], velocity=[1.0], friction=1, time=1), ValueError, "equal shapes"),
    "energy of Adam": (lambda: theory.energy(descend(rules.adam, surfaces.bowl, steps=2, lr=0.1)), ValueError,
        "rule is adam; allowed"),
    "energy of a schedule": (
        lambda: theory.energy(descend(rules.polyak, surfaces.bowl, steps=2, lr=np.ones(2))), ValueError, "a constant lr > 0"),
    "energy edge": (lambda: theory.energy_edge(-1, 0.5), ValueError, "L is -1; allowed"),
    "scheme": (lambda: theory.restarted_nesterov(surfaces.bowl, lr=0.1, scheme="gradients"), ValueError,
        "Did you mean 'gradient'"),
    "uphill": (lambda: theory.escape_steps(rules.polyak, 1.0, lr=0.1), ValueError,
        "curvature is 1.0; allowed: a finite number < 0"),
    "escape's goal": (lambda: theory.escape_steps(rules.polyak, -1.0, lr=0.1, goal=0), ValueError, "goal is 0; allowed"),
    "escape of many": (lambda: theory.escape_steps(rules.polyak, -1.0, lr=np.ones(2)), ValueError,
        "one curvature and one setting"),
    "no escape": (lambda: theory.escape_steps(rules.polyak, -1.0, lr=0.0, limit=9), ValueError,
        "after 9 steps the point is at 1e-06"),
    "diverging cycle": (lambda: theory.lessard_cycle("33/10", lr="1/2"), ValueError, "diverges at lr = 1/2"),
    "other period": (lambda: theory.lessard_cycle("33/10", period=4), ValueError, "neither converges nor ends in a cycle of 4"),
    "no cycle": (lambda: theory.cycling_function(BALL.lr, BALL.beta, 1, 4), ValueError, "no cycle with 3 to 100 corners"),
    "cycle's period": (lambda: theory.cycling_function(0.1, 0.5, 1, 4, period=2), ValueError, "period is 2; allowed"),
    "cycle's lr": (lambda: theory.cycling_function(0.0, 0.5, 1, 4), ValueError, "lr is 0.0"),
    "cycle's shape": (
        lambda: theory.cycling_function(*theory.best_heavy_ball(1, 100)[:2], 1, 100).value(np.zeros(3)), ValueError,
            r"\(2, ...\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()
