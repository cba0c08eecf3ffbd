"""The theory at its edges: exponents, counts, bounds of arguments, plain numbers, and the order of what is returned."""

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, theory

SIMPLE = theory.best_heavy_ball(1, 100)


def test_the_bounds_fall_with_the_step_as_the_theorems_say():
    """An exponent or a count that is off by one: golden values by hand."""
    assert theory.lower_bound_strongly_convex(1, 9, 2.0, np.arange(3)).tolist() == [2.0, 0.5, 0.125]  # r = 1/2
    assert theory.lower_bound_strongly_convex(4, 36, 1.0, 1) == 0.5
    assert theory.lower_bound(32, 3.0, np.array([0, 1, 2])) == pytest.approx([27, 27 / 4, 3])
    assert theory.nesterov_bound(2, 3.0, np.array([0, 1, 2])) == pytest.approx([36, 9, 4])


def test_answers_are_plain_floats():
    """A NumPy number, which prints and compares otherwise, where a float is promised."""
    cycle = theory.cycling_function(np.float64(SIMPLE.lr), np.float64(SIMPLE.beta), np.int64(1), 80)
    peak = theory.transient_peak(rules.heavy_ball, [1.0, 100.0], lr=SIMPLE.lr, beta=SIMPLE.beta)
    values = [cycle.lr, cycle.beta, cycle.mu, cycle.L, theory.worst_function(3).distance, peak.size]
    assert {type(value) for value in values} == {float} and type(peak.step) is int


@pytest.mark.parametrize("mu, L", [(1.0, np.inf), (np.inf, np.inf), (np.nan, 1.0), (0.0, 1.0), (2.0, 1.0)])
def test_curvatures_are_finite_and_in_order(mu, L):
    for best in (theory.best_gradient_descent, theory.best_heavy_ball):
        with pytest.raises(ValueError, match="finite curvatures with 0 < mu <= L"):
            best(mu, L)


def test_the_search_reaches_flat_problems_and_says_zero_where_momentum_is_no_use():
    """A range of rates that grows with mu, where it must shrink; of equal settings, the simplest."""
    assert theory.best_setting(rules.gradient_descent, 1e-3, 2e-3).lr == pytest.approx(2 / 3e-3, rel=1e-6)
    assert theory.best_setting(rules.heavy_ball, 1e-3, 1e-3, beta=0.0).lr == pytest.approx(1000, rel=1e-6)
    assert theory.best_setting(rules.heavy_ball, 1.0, 1.0).beta == 0.0


def test_the_longest_cycle_that_is_asked_for_is_looked_at():
    """A range that leaves out its last number, or goes beyond it."""
    found = theory.cycling_function(SIMPLE.lr, SIMPLE.beta, 1, 80)
    assert theory.cycling_function(SIMPLE.lr, SIMPLE.beta, 1, 80, longest=found.period).period == found.period
    try:
        assert theory.cycling_function(SIMPLE.lr, SIMPLE.beta, 1, 80, longest=found.period - 1).period < found.period
    except ValueError as error:
        assert f"with 3 to {found.period - 1} corners" in str(error)
    assert found.domain == ((-1.5, 1.5), (-1.5, 1.5)) and found.dim == 2


@pytest.mark.parametrize("k", [True, 0, 1.0])
def test_a_worst_function_wants_a_whole_number_of_steps(k):
    with pytest.raises(ValueError, match="allowed: a whole number >= 1"):
        theory.worst_function(k)


def test_a_ball_that_starts_with_a_push_along_one_axis_is_not_at_rest():
    """A start taken for rest because one of its coordinates is."""
    given = {"time": 2.0, "steps": 50, "velocity": [1.0, 0.0]}
    constant = theory.roll(surfaces.bowl, [0.5, 1.0], friction=0.5, **given)
    called = theory.roll(surfaces.bowl, [0.5, 1.0], friction=lambda t: 0.5, **given)
    np.testing.assert_array_equal(called.positions, constant.positions)


def test_energies_come_in_the_order_of_their_names():
    path = descend(rules.heavy_ball, surfaces.ravine, steps=20, lr=0.01, beta=0.9)
    found = theory.energy(path)
    np.testing.assert_array_equal(found.potential, path.values)
    np.testing.assert_array_equal(found.total, found.potential + found.kinetic)
    assert found.kinetic[0] == 0 and (found.kinetic[1:] > 0).all()


def test_restarts_make_all_steps_and_none_where_nothing_moves():
    """A step that is left out at the end, and a restart where the gradient is zero: it works against nothing."""
    path = theory.restarted_nesterov(surfaces.ravine, steps=30, lr=0.02)
    assert len(path) == 30 and len(path.hyper["beta"]) == 30
    still = theory.restarted_nesterov(surfaces.bowl, [0.0, 0.0], steps=6, lr=0.1)
    np.testing.assert_array_equal(still.hyper["beta"], theory.nesterov_schedule(6))


def test_a_saddle_is_left_at_the_step_that_the_run_itself_takes():
    """The first step of a rule that has its own, and a limit that is one off."""
    for rule, hyper in ((rules.dampened_momentum, {"dampening": 0.5}), (rules.heavy_ball, {}), (rules.gradient_descent, {})):
        hyper = {"lr": 0.1, **({"beta": 0.8} if rule.momentum else {}), **hyper}
        theta, state, steps = np.array([0.01]), rule.init(np.array([0.01])), 0
        while abs(theta[0]) < 0.05:
            steps += 1
            theta, state = rule.step(theta, -theta, state, hyper, steps)
        asked = {"start": 0.01, "goal": 0.05, **hyper}
        assert theory.escape_steps(rule, -1.0, **asked) == theory.escape_steps(rule, -1.0, limit=steps, **asked) == steps
        with pytest.raises(ValueError, match=f"after {steps - 1} steps"):
            theory.escape_steps(rule, -1.0, limit=steps - 1, **asked)


@pytest.mark.parametrize("given", [{"curvature": 0.5}, {"curvature": 0.0}, {"goal": np.inf}, {"start": 0.0}, {"start": 2.0}])
def test_what_is_no_saddle_or_no_way_out_is_refused(given):
    with pytest.raises(ValueError, match="allowed: "):
        theory.escape_steps(rules.gradient_descent, **{"curvature": -1.0, "lr": 0.1, **given})


@pytest.mark.parametrize("probability", [[], 1.5, 0.0, [0.5, 2.0]])
def test_a_probability_is_one(probability):
    with pytest.raises(ValueError, match=r"numbers in \(0, 1\]"):
        theory.streaming_rate(rules.gradient_descent, probability, lr=0.1)


def test_the_best_rate_on_a_stream_is_found_to_many_digits():
    """A zoom that stays wide: 1 - p + p (1 - lr)^2 is least at lr = 1."""
    best = theory.best_streaming(rules.gradient_descent, [0.1, 0.5])
    assert best.lr == pytest.approx(1, abs=1e-6) and best.rate == pytest.approx(0.9, abs=1e-12) and best.beta == 0.0
    with pytest.raises(TypeError, match="expected a rule"):
        theory.best_streaming("gradient_descent", [0.1, 0.5])


def test_conjugate_gradients_take_a_hundred_steps_unless_told():
    path = theory.conjugate_gradients(surfaces.quadratic(np.linspace(1, 1e4, 300)), np.ones(300))
    assert len(path) == 100
