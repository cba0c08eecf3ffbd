"""The theory at its edges: exponents, counts, bounds of arguments, plain numbers, and the order of what is returned."""

import inspect

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


def test_a_bound_after_ten_billion_steps_is_no_whole_number_that_overflows():
    late = np.array([10**10])
    assert theory.nesterov_bound(1, 1, late) == pytest.approx([2e-20], rel=1e-9, abs=0)
    assert theory.lower_bound(32, 1, late) == pytest.approx([3e-20], rel=1e-9, abs=0)
    assert theory.lower_bound_strongly_convex(1, 9, 2, np.array([10**10])).tolist() == [0.0]


def test_a_linear_form_counts_in_float64_whatever_its_numbers_are_kept_in():
    kept = {"lr": np.array([0.1, 0.3], np.float32), "beta": np.array([0.9, 0.7], np.float32)}
    kept, told = (
        theory.linear_form(rules.nesterov, **numbers) for numbers in (kept, {n: a.astype(float) for n, a in kept.items()})
    )
    for ours, theirs in zip(kept, told, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_answers_are_plain_floats():
    """A NumPy number, which prints and compares otherwise, where a float is promised."""
    cycle = theory.cycling_function(np.float64(SIMPLE.lr), np.float64(SIMPLE.beta), np.int64(1), 80)
    peak = theory.transient_peak(rules.heavy_ball, [1.0, 100.0], lr=SIMPLE.lr, beta=SIMPLE.beta)
    row, error = theory.best_quintic(0.1, 1.0)
    values = [cycle.lr, cycle.beta, cycle.mu, cycle.L, theory.worst_function(3).distance, peak.size, *row, error]
    values += [theory.norm_peak(rules.polyak, 100.0, lr=SIMPLE.lr, beta=SIMPLE.beta).size, theory.half_life(np.float64(0.5))]
    values += [*cycle.start, *cycle.previous, theory.critical_beta(np.float64(0.1), 1.0)]
    values += [*theory.standard_nesterov(np.float64(1), 9), *theory.best_streaming(rules.heavy_ball, [0.5], zooms=2)]
    values += [
        *theory.best_setting(rules.heavy_ball, 1, 9, beta=np.float64(0.3)),
        theory.stability_edge(rules.heavy_ball, 1.0, beta=0.5),
    ]
    values += [theory.small_rate_gap(rules.heavy_ball, rules.gradient_descent, 0.5, 0.5)]
    values += [*theory.best_at_batch(rules.heavy_ball, 8, curvatures=[1.0, 0.5], beta=0.5, zooms=1)]
    assert {type(value) for value in values} == {float} and type(peak.step) is int
    assert type(cycle.start) is type(cycle.previous) is tuple
    np.testing.assert_array_equal([cycle.start, cycle.previous], cycle.points[[0, -1]])


ONE_BAD = {  # what is asked of several numbers at once, one of them bad -> what the refusal says
    "curvatures of an edge": (lambda: theory.stability_edge(rules.heavy_ball, [1.0, 0.0]), "curvature is"),
    "no curvature": (lambda: theory.stability_edge(rules.heavy_ball, []), "curvature is"),
    "an endless curvature": (lambda: theory.energy_edge([np.inf, 1.0], 0.5), "L is inf"),
    "noise": (lambda: theory.mean_square(rules.heavy_ball, 1.0, 3, sigma=[1.0, -1.0], lr=0.1), "sigma is"),
    "noise that is none": (lambda: theory.mean_square(rules.heavy_ball, 1.0, 3, sigma=[np.nan, 1.0], lr=0.1), "sigma is"),
    "rates of a ball": (lambda: theory.friction([0.1, 0.0], 0.9), "lr is"),
    "frictions": (lambda: theory.ball_with_friction(1.0, [1.0, -1.0], 1.0), "friction is"),
    "friction and curvature": (lambda: theory.ball_with_friction([1.0, np.inf], 1.0, 1.0), "curvature"),
    "times": (lambda: theory.nesterov_flow(1.0, [1.0, -1.0]), "t is -1"),
    "places of a Bessel function": (lambda: theory.bessel_j1([1.0, np.nan]), r"x is nan; allowed: a number in \[-10000, 10000\]"),
    "shares": (lambda: theory.mixture_edge([1.0, np.inf], [1.0, 2.0]), "shares is"),
    "negative shares": (lambda: theory.mixture_edge([1.0, -0.5], [1.0, 2.0]), "shares is"),
    "shares of two mixtures": (lambda: theory.mixture_edge([[1.0, 0.0], [0.0, 0.0]], [1.0, 2.0]), "not all of them 0"),
    "ages": (lambda: theory.mixture_edge([0.5, 0.5], [1.0, np.nan]), "(age|ages|young|old) is .* in steps"),
    "negative ages": (lambda: theory.weight_at(1, [1.0, -1.0]), "(age|ages|young|old) is .* in steps"),
    "a young age": (lambda: theory.two_memories(0.5, -1.0, 1.0), "(age|ages|young|old) is .* in steps"),
    "an old age": (lambda: theory.two_memories(0.5, 1.0, -1.0), "(age|ages|young|old) is .* in steps"),
    "curvatures of a mixture": (lambda: theory.mixture_edge([1.0], [1.0], [1.0, -1.0]), "curvature is"),
    "endless ones": (lambda: theory.mixture_edge([1.0], [1.0], [1.0, np.inf]), "curvature is"),
    "an entry of a matrix": (
        lambda: theory.steepest([[1.0, np.nan], [0.0, 1.0]], "maximum"),
        "the matrix is nan; allowed: a finite number",
    ),
    "an endless singular value": (lambda: theory.newton_schulz([1.0, np.inf], 1), "values is inf"),
    "probabilities": (lambda: theory.streaming_rate(rules.gradient_descent, [0.5, 0.0], lr=0.1), "probability is"),
    "rates of shrinking": (lambda: theory.steps_per_efold([0.5, 1.0]), "rate is"),
    "curvatures of a noisy quadratic": (
        lambda: theory.steps_to_loss(rules.heavy_ball, 8, curvatures=[1.0, 0.0], lr=0.1),
        "curvatures is 0.0",
    ),
    "curvatures of a floor": (lambda: theory.distance_floor([1.0, 0.0], 2), "curvatures is (0.0|inf)"),
    "an endless one": (lambda: theory.distance_floor([1.0, np.inf], 2), "curvatures is (0.0|inf)"),
    "products": (lambda: theory.noise_ball([0.1, 4.0], 0.5), "numbers between 0 and the edge"),
    "products below 0": (lambda: theory.noise_ball([0.1, 0.1], 0.5, [1.0, -1.0]), "numbers between 0 and the edge"),
    "the edge itself": (lambda: theory.noise_ball([0.1, 3.0], 0.5), "numbers between 0 and the edge"),
    "no rate": (lambda: theory.noise_ball([0.1, 0.0], 0.5), "numbers between 0 and the edge"),
    "an endless batch": (lambda: theory.steps_to_loss(rules.heavy_ball, np.inf, lr=0.1), "batch is inf; allowed: a finite"),
    "an endless target": (lambda: theory.steps_to_loss(rules.heavy_ball, 8, target=np.inf, lr=0.1), "target is inf; allowed"),
    "a target of zero": (lambda: theory.best_at_batch(rules.heavy_ball, 8, target=0.0), "target is 0.0; allowed"),
    "parts": (lambda: theory.noise_over_hill([0.5, 1.5], 0.5), "part is"),
    "mu": (lambda: theory.best_heavy_ball([1.0, 0.0], [2.0, 2.0]), "mu is 0.0; .* and at most L"),
    "steps of a bound": (lambda: theory.lower_bound(1.0, 1.0, [1, -1]), "k is -1"),
    "a momentum that changes": (
        lambda: theory.energy(descend(rules.heavy_ball, surfaces.bowl, steps=2, lr=0.1, beta=[0.5, 0.6])),
        "a constant lr > 0 and a constant beta",
    ),
    "a rate that changes": (
        lambda: theory.energy(descend(rules.heavy_ball, surfaces.bowl, steps=2, lr=[0.1, 0.2], beta=0.5)),
        "a constant lr > 0 and a constant beta",
    ),
    "a rate of zero": (
        lambda: theory.energy(descend(rules.heavy_ball, surfaces.bowl, steps=2, lr=0.0, beta=0.5)),
        "a constant lr > 0 and a constant beta",
    ),
    "a worst function without curvature": (lambda: theory.worst_function(3, L=0.0), "L is (0.0|inf)"),
    "an endless worst function": (lambda: theory.worst_function(3, L=np.inf), "L is (0.0|inf)"),
}


@pytest.mark.parametrize("what", ONE_BAD)
def test_one_bad_number_among_good_ones_is_refused(what):
    """A check that is content with some of the numbers, and lets NaN or a sign into the answer."""
    ask, says = ONE_BAD[what]
    with pytest.raises(ValueError, match=says):
        ask()


OF_BETA = {
    "weights": lambda beta: theory.weights(beta, 3),
    "total_weight": theory.total_weight,
    "half_life": theory.half_life,
    "sample_size": theory.sample_size,
    "frequency_response": lambda beta: theory.frequency_response(beta, 1.0),
    "wave_gain": lambda beta: theory.wave_gain(beta, 1.0),
    "wave_delay": lambda beta: theory.wave_delay(beta, 1.0),
    "mean_age": theory.mean_age,
    "nesterov_mixture": theory.nesterov_mixture,
    "friction": lambda beta: theory.friction(0.1, beta),
    "energy_edge": lambda beta: theory.energy_edge(1.0, beta),
    "noise_ball": lambda beta: theory.noise_ball(0.1, beta),
    "effective_rate": lambda beta: theory.effective_rate(0.1, beta),
    "lr_at_effective_rate": lambda beta: theory.lr_at_effective_rate(0.1, beta),
    "lr_at_hill_loss": lambda beta: theory.lr_at_hill_loss(0.1, beta),
    "river_gain": lambda beta: theory.river_gain(beta, 1.0),
    "noise_over_hill": lambda beta: theory.noise_over_hill(0.5, beta),
    "cycling_function": lambda beta: theory.cycling_function(SIMPLE.lr, beta, 1, 80),
    "stability_edge": lambda beta: theory.stability_edge(rules.heavy_ball, 1.0, beta=beta),
    "best_setting": lambda beta: theory.best_setting(rules.heavy_ball, 1.0, 2.0, beta=beta),
    "steps_to_loss": lambda beta: theory.steps_to_loss(rules.heavy_ball, 8, lr=0.1, beta=beta, curvatures=[1.0]),
    "best_at_batch": lambda beta: theory.best_at_batch(rules.heavy_ball, 8, beta=beta, curvatures=[1.0]),
}


@pytest.mark.parametrize("name", OF_BETA)
@pytest.mark.parametrize("beta", [1.0, -0.1, np.nan])
def test_a_momentum_outside_its_range_is_refused_everywhere(name, beta):
    with pytest.raises(ValueError, match=r"beta is .*; allowed: a number in \[0, 1\)"):
        OF_BETA[name](beta)


def test_a_form_that_is_kept_cannot_be_written_into():
    """The next who asks at these numbers would get what the last one made of it."""
    form = theory.linear_form(rules.heavy_ball, lr=0.1, beta=0.5)
    for part in form:
        with pytest.raises(ValueError, match="read-only"):
            part[...] = 7.0


def test_settings_may_be_arrays_without_axes():
    """A number as ``np.loadtxt`` or a mean over all axes gives it."""
    plain = theory.rate(rules.heavy_ball, 1.0, lr=0.1, beta=0.5)
    assert theory.rate(rules.heavy_ball, np.array(1.0), lr=np.array(0.1), beta=np.array(0.5)) == plain


DEFAULTS = {
    "asynchronous_matrix": {"beta": 0.0},
    "asynchronous_mean": {"beta": 0.0, "order": "random"},
    "asynchronous_rate": {"beta": 0.0, "order": "random"},
    "asynchronous_square": {"beta": 0.0, "order": "random"},
    "ball_with_friction": {"start": 1.0, "velocity": 0.0},
    "best_at_batch": {"target": 0.01, "cells": 4, "zooms": 7},
    "best_streaming": {"zooms": 24},
    "circle_of_pairs": {"ahead": False},
    "conjugate_gradients": {"steps": 100},
    "critical_rate": {"ahead": False, "averaged": False},
    "cycling_function": {"longest": 100},
    "escape_steps": {"start": 1e-6, "goal": 1.0, "limit": 10_000_000},
    "expected_loss": {"sigma": 1.0, "start": 1.0},
    "flipping_rate": {"averaged": False},
    "frequency_response": {"averaged": True},
    "iteration_matrix": {"t": 2},
    "lessard_cycle": {"start": "33/10", "lr": "1/9", "beta": "4/9", "period": 3, "steps": 3000},
    "linear_form": {"t": 2},
    "lion_mixture": {"beta1": 0.9, "beta2": 0.99},
    "lr_at_hill_loss": {"curvature": 1.0, "sigma": 1.0},
    "mean_square": {"sigma": 1.0, "start": 1.0},
    "mixture_edge": {"curvature": 1.0},
    "momentum_edge": {"ahead": False, "averaged": False},
    "nesterov_flow": {"start": 1.0},
    "newton_schulz": {"polynomials": ((3.4445, -4.775, 2.0315),)},
    "noise_ball": {"curvature": 1.0, "sigma": 1.0, "ahead": False},
    "noisy_quadratic": {"d": 1000},
    "restarted_nesterov": {"steps": 100, "scheme": "gradient"},
    "roll": {"steps": 1000},
    "second_moments": {"sigma": 1.0, "start": 1.0},
    "setting_of_pair": {"ahead": False, "averaged": False},
    "simulate_workers": {"beta": 0.0},
    "small_rate_gap": {"curvature": 1.0, "sigma": 1.0, "start": 1.0, "span": 5.0},
    "spread_matrix": {"beta": 0.0},
    "stationary_covariance": {"sigma": 1.0},
    "steps_to_loss": {"target": 0.01},
    "trajectory": {"start": 1.0},
    "transient_peak": {"start": 1.0},
    "turn_matrix": {"beta": 0.0},
    "weights": {"averaged": True},
    "worst_function": {"L": 1.0},
}


def test_what_is_left_out_means_what_it_meant():
    """A default that became another one: every call that relies on it would answer another question."""
    found = {}
    for name, thing in vars(theory).items():
        if inspect.isfunction(thing):
            given = {p.name: p.default for p in inspect.signature(thing).parameters.values()}
            own = {key: value for key, value in given.items() if value is not inspect.Parameter.empty and value is not None}
            found |= {name: own} if own else {}
    assert found == DEFAULTS


def test_a_ball_that_creeps_is_told_to_its_last_digits():
    """Differences of exponentials that lose the digits of a short time, or overflow in a long one."""
    t, friction = 1e-5, 2 + 1e-7
    x, _ = theory.ball_with_friction(1.0, friction, t, start=0.0, velocity=1.0)
    assert x == pytest.approx(t - friction * t**2 / 2 + (friction**2 - 1) * t**3 / 6, rel=1e-13, abs=0)
    slow, fast = (-5 + np.sqrt(21)) / 2, (-5 - np.sqrt(21)) / 2
    t = np.array([1.0, 30.0, 1000.0])
    expected = (slow * np.exp(fast * t) - fast * np.exp(slow * t)) / (slow - fast)
    np.testing.assert_allclose(theory.ball_with_friction(1.0, 5.0, t)[0], expected, rtol=1e-12)


def test_what_takes_longer_than_sixteen_million_steps_never_comes():
    assert theory.steps_to_loss(rules.gradient_descent, 1e9, lr=1e-9, curvatures=[1.0]) == np.inf
    steps = theory.steps_to_loss(rules.gradient_descent, 1e9, lr=1e-6, curvatures=[1.0])
    assert steps == pytest.approx(np.log(50) / 2e-6, rel=1e-5)  # from 1/2 to 1/100


def test_what_is_there_at_once_takes_no_step_and_what_one_step_reaches_takes_one():
    """Whole numbers of steps, where the crossing is one itself; and none is minus zero."""
    asked = {"curvatures": [1.0], "beta": 0.5, "zooms": 1}
    for target, steps in ((0.5, "0.0"), (0.1, "1.0")):  # the loss at the start is 1/2
        assert str(theory.best_at_batch(rules.heavy_ball, 1e9, target=target, **asked).steps) == steps
        assert str(theory.steps_to_loss(rules.gradient_descent, 1e9, target=target, curvatures=[1.0], lr=1.0)) == steps


def test_conjugate_gradients_first_step_has_no_momentum_and_a_size_decides_nothing():
    """An end that comes sooner, or later, where the same problem is told in other units."""
    paths = [theory.conjugate_gradients(surfaces.quadratic(c * np.linspace(1, 2, 60))) for c in (1e-6, 1, 1e6)]
    assert (
        len({len(path) for path in paths}) == 1 and 10 < len(paths[0]) < 30 and all(path.hyper["beta"][0] == 0 for path in paths)
    )


def test_the_smallest_noisy_quadratic_has_one_direction():
    assert theory.noisy_quadratic(1).tolist() == [1.0]


def test_the_first_step_of_a_dampened_rule_counts_in_the_steps_to_a_loss():
    """Its first gradient enters whole: the sum over directions of the exact second moments, step by step."""
    curvatures, hyper = np.array([1.0, 0.3]), {"lr": 0.3, "beta": 0.5, "dampening": 0.9}
    loss = theory.expected_loss(
        rules.dampened_momentum, curvatures, 400, sigma=np.sqrt(curvatures / 50), start=np.ones(2), **hyper
    )
    for target in (0.5, 0.2, 0.05):
        steps = theory.steps_to_loss(rules.dampened_momentum, 50, target=target, curvatures=curvatures, **hyper)
        assert steps == np.argmax(loss <= target) > 0


def test_a_friction_without_end_holds_no_ball_that_is_at_rest():
    """Only Nesterov's friction, which is infinite at time 0, acts on a start from rest."""
    motion = theory.roll(surfaces.quadratic([2.0]), [1.0], friction=1e9, time=1e-12, steps=1)
    assert motion.velocities[1, 0] == pytest.approx(-2e-12, rel=1e-3, abs=0)


@pytest.mark.parametrize("mu, L", [(1.0, np.inf), (np.inf, np.inf), (np.nan, 1.0), (0.0, 1.0), (2.0, 1.0)])
def test_curvatures_are_finite_and_in_order(mu, L):
    for best in (theory.best_gradient_descent, theory.best_heavy_ball):
        with pytest.raises(ValueError, match="(mu|L) is .*allowed: .*0"):
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
    with pytest.raises(ValueError, match=r"a number in \(0, 1\]"):
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


def test_a_gap_without_noise_is_that_of_the_means_alone():
    """The spread begins at a point, not at one of its own."""
    effective, beta, span = 0.5, 0.5, 4.0
    steps = int(span / effective)
    ball = theory.trajectory(rules.heavy_ball, 1.0, steps, lr=effective * (1 - beta), beta=beta)
    plain = theory.trajectory(rules.gradient_descent, 1.0, steps, lr=effective)
    gap = theory.small_rate_gap(rules.heavy_ball, rules.gradient_descent, effective, beta, sigma=0.0, span=span)
    assert gap == pytest.approx(np.abs(ball - plain).max(), rel=1e-12) and gap > 0.01


def test_places_are_plain_numbers_and_a_cycle_is_run_in_its_own_order():
    function = theory.worst_function(3)
    assert type(function.minima[0]) is type(function.start) is tuple
    cycle = theory.cycling_function(SIMPLE.lr, SIMPLE.beta, 1, 80)
    np.testing.assert_allclose(cycle.run(cycle.period)[:-1], cycle.points, atol=1e-9)
    assert cycle.period > 2, "else forwards and backwards are one"
