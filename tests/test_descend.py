"""One run: what a path holds, how divergence is reported, schedules, and what bad input gets to hear."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from momentum_lib import core, descend, ops, rules, surfaces, sweep, theory
from momentum_lib.core import rule as a_rule

R, S = rules.RULES, surfaces.SURFACES


class Custom:
    """A surface of the reader's own: a value, a gradient, a start."""

    name, dim, start, minima = "mine", 2, (1.0, 1.0), [(0.0, 0.0)]

    def __init__(self, value=lambda p: (p**2).sum(axis=0) / 2, gradient=lambda p: p):
        self.value, self.gradient = value, gradient


@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_a_path_holds_one_consistent_story(name):
    """Arrays that are off by one step: each point must follow from the last by the rule, gradient and look."""
    rule, surface = R[name], surfaces.ravine(kappa=10, angle=0.3)
    path = descend(rule, surface, steps=20, lr=0.02)
    n = len(path)
    assert n == 20 and path.points.shape == (n + 1, 2) and path.gradients.shape == path.looks.shape == (n, 2)
    assert set(path.state) == set(rule.slots) and all(s.shape == (n + 1, 2) for s in path.state.values())
    assert path.points[0].tolist() == list(surface.start) and path.diverged_at is None
    full = {**rule.hyper, "lr": 0.02}
    for k in range(n):
        state = tuple(s[k] for s in path.state.values())
        assert np.array_equal(path.looks[k], rule.look(path.points[k], *state, **full))
        assert np.array_equal(path.gradients[k], surface.gradient(path.looks[k]))
        theta, kept = rule.step(path.points[k], path.gradients[k], state, full, k + 1)
        np.testing.assert_allclose(theta, path.points[k + 1], rtol=1e-15, atol=1e-15)
        np.testing.assert_allclose(kept, [s[k + 1] for s in path.state.values()], rtol=1e-15, atol=1e-15)
        assert path.values[k] == surface.value(path.points[k])


def test_a_reported_point_is_the_one_the_rule_reads():
    """``read`` ignored: points must be what the rule reports, not where it stands."""
    from momentum_lib import rule

    @rule(mean="theta")
    def averaged_iterate(theta, grad, mean, *, lr):
        """Gradient descent that reports a running mean of its points."""
        theta = theta - lr * grad
        return theta, 0.5 * mean + 0.5 * theta

    @averaged_iterate.reports
    def _(theta, mean, *, lr):
        return mean

    path = descend(averaged_iterate, surfaces.bowl, start=[1.0, 2.0], steps=3, lr=0.5)
    np.testing.assert_array_equal(path.points, path.state["mean"])
    np.testing.assert_allclose(path.points[:, 0], [1, 0.75, 0.5, 0.3125])


# -- divergence --------------------------------------------------------------------------------------

DIVERGING = [("gradient_descent", {"lr": 0.21}), ("heavy_ball", {"lr": 0.4}), ("nesterov", {"lr": 0.3}), ("adam", {"lr": 4e9})]


@pytest.mark.parametrize("name, hyper", DIVERGING)
def test_divergence_is_reported_at_its_step_and_nothing_infinite_is_kept(name, hyper):
    """A NaN that reaches a figure, a warning, or a wrong step number."""
    path = descend(R[name], surfaces.ravine(kappa=10), steps=3000, lr=hyper["lr"])
    t = path.diverged_at
    assert t is not None and len(path) == t - 1 and len(path.points) == len(path.values) == t
    for array in (path.points, path.values, path.looks, path.gradients, *path.state.values()):
        assert np.isfinite(array).all()
    bound = 1e9 * max(1.0, np.abs(path.points[0]).max())
    assert np.abs(path.points).max() <= bound
    state = tuple(s[-1] for s in path.state.values())
    full = {**R[name].hyper, **hyper}
    look = R[name].look(path.points[-1], *state, **full)
    beyond, _ = R[name].step(path.points[-1], path.surface.gradient(look), state, full, t)
    assert np.abs(beyond).max() > bound, "and the step it did not keep does leave"
    assert path.steps_to(0.5) is None and f"diverged at step {t}" in repr(path)


@pytest.mark.parametrize("name", [name for name, s in S.items()])
def test_no_surface_breaks_a_wild_run(name):
    """An overflow warning or an exception from a run that is thrown far out."""
    for rule in ("gradient_descent", "heavy_ball", "nesterov"):
        path = descend(R[rule], S[name], steps=400, lr=30.0)
        assert np.isfinite(path.points).all() and np.isfinite(path.values).all()


def test_limit_decides_what_counts_as_diverged():
    """A limit that is ignored."""
    near = descend(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=100, lr=3.0, limit=100.0)
    assert near.diverged_at == 7 and np.abs(near.points).max() == 64  # doubles: 2, 4, ... 64, then 128 > 100


# -- schedules -----------------------------------------------------------------------------------------


def test_a_schedule_gives_each_step_its_value():
    """A schedule read one step late, or only at its first value."""
    lr = np.array([0.5, 0.25, 0.1, 0.0])
    path = descend(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=4, lr=lr)
    np.testing.assert_allclose(path.points[:, 0], [1, 0.5, 0.375, 0.3375, 0.3375], rtol=1e-15)
    assert path.hyper["lr"].shape == (4,) and "lr=schedule" in repr(path)


@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_a_constant_schedule_is_the_constant(name):
    """A schedule that takes another path through the arithmetic."""
    hyper = {key: 0.05 if key == "lr" else value for key, value in R[name].hyper.items()}
    one = descend(R[name], surfaces.rosenbrock, start=[0.5, 0.2], steps=30, **{**hyper, "lr": 1e-3})
    many = descend(
        R[name], surfaces.rosenbrock, start=[0.5, 0.2], steps=30, **{k: np.full(30, v) for k, v in {**hyper, "lr": 1e-3}.items()}
    )
    assert one.points.tobytes() == many.points.tobytes()


# -- counting --------------------------------------------------------------------------------------------


def test_steps_to_counts_from_the_last_step_above():
    """The first dip below the tolerance taken for arrival: an oscillating run dips and comes back."""
    path = descend(rules.heavy_ball, surfaces.bowl, start=[1.0, 0.0], steps=300, lr=0.5, beta=0.9)
    error = path.error
    first = path.steps_to(1e-2)
    assert (error[first:] <= 1e-2).all() and error[first - 1] > 1e-2
    assert np.argmax(error <= 1e-2) < first, "it dips below earlier"
    assert path.steps_to(1e-30) is None and error[0] == 1.0
    assert path.steps_to(2.0) == int(np.flatnonzero(error > 2.0)[-1]) + 1 if (error > 2).any() else path.steps_to(2.0) == 0


def test_an_error_equal_to_the_tolerance_has_arrived():
    """At or below: halving each step, the error is exactly 1/4 at step 2."""
    path = descend(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=5, lr=0.5)
    assert path.error.tolist() == [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]
    assert [path.steps_to(tol) for tol in (1, 1 / 4, 1 / 32, 1 / 33)] == [0, 2, 5, None]


def test_error_is_measured_to_the_nearest_minimum():
    """The distance to the first listed minimum taken where another one is nearer."""
    path = descend(rules.gradient_descent, surfaces.himmelblau, start=[-3.0, 3.0], steps=300, lr=0.01)
    assert path.error[-1] < 1e-12 and np.linalg.norm(path.points[-1] - [3, 2]) > 5


def test_no_steps_is_a_path_of_one_point():
    """steps=0 as an error, or as one step."""
    path = descend(rules.adam, surfaces.rosenbrock, steps=0, lr=0.1)
    assert len(path) == 0 and path.points.shape == (1, 2) and path.gradients.shape == path.looks.shape == (0, 2)
    assert path.values.tolist() == [surfaces.rosenbrock.value(path.points[0])] and path.steps_to() is None
    assert descend(rules.adam, surfaces.rosenbrock, steps=0, lr=np.empty(0)).points.shape == (1, 2)


def test_a_start_on_the_minimum_stays_and_has_no_relative_error():
    """0/0 as a NaN in an error curve."""
    path = descend(rules.adam, surfaces.bowl, start=[0.0, 0.0], steps=5, lr=0.1)
    assert np.array_equal(path.points, np.zeros((6, 2)))
    with pytest.raises(ValueError, match="the start is a minimum, so a relative distance means nothing"):
        _ = path.error
    with pytest.raises(ValueError, match="saddle has no minimum, so there is no distance to one"):
        _ = descend(rules.adam, surfaces.saddle, steps=1, lr=0.1).error


def test_the_start_is_neither_kept_nor_changed():
    """A path that shares memory with the caller's array."""
    start = np.array([1.0, 2.0])
    path = descend(rules.heavy_ball, surfaces.bowl, start=start, steps=3, lr=0.1)
    start[:] = 99
    assert path.points[0].tolist() == [1, 2]
    path.points[0] = 7
    assert start.tolist() == [99, 99]


def test_lists_and_tuples_of_whole_numbers_are_points():
    """[1, 2] typed by a reader: a list is read as floats, only an integer array is refused."""
    for start in ([1, 2], (1, 2), [1.0, 2.0]):
        assert descend(rules.heavy_ball, surfaces.bowl, start=start, steps=1, lr=0.1).points.dtype == float


@pytest.mark.parametrize("gradient", [
    lambda p: p.astype(float), lambda p: [float(x) for x in p], lambda p: np.round(p).astype(int), lambda p: p.astype(np.float16),
])  # fmt: skip
def test_a_run_keeps_its_dtype_whatever_a_surface_computes_in(gradient):
    """A float64 gradient of one's own that makes a float32 run float64."""
    start = np.array([3.0, -2.0], np.float32)
    surface = Custom(value=lambda p: float(p @ p) / 2, gradient=gradient)
    for name in ("heavy_ball", "adam"):
        path = descend(R[name], surface, start=start, steps=4, lr=0.25)
        assert {array.dtype.name for array in (path.points, path.looks, path.gradients, *path.state.values())} == {"float32"}
        grid = sweep(R[name], Custom(value=lambda p: (p * p).sum(axis=0) / 2, gradient=lambda p: np.round(p, 1).astype(float)),
                     start, 4, lr=[0.25])  # fmt: skip
        assert grid.points.dtype == np.float32


def test_a_surface_may_write_into_what_it_is_given():
    """``p -= center; return p``: the path's own points changed under it."""

    def gradient(p):
        p *= 2
        return p

    def value(p):
        p *= p
        return float(p.sum())

    path = descend(rules.gradient_descent, Custom(value, gradient), start=[1.0, 0.5], steps=3, lr=0.25)
    assert path.points[:, 0].tolist() == [1, 0.5, 0.25, 0.125] and path.values.tolist() == [1.25 / 4**k for k in range(4)]
    many = Custom(lambda p: np.sum(np.square(p, out=p), axis=0), gradient)
    assert sweep(rules.gradient_descent, many, [1.0, 0.5], 3, lr=[0.25]).points[:, 0].tolist() == path.points[-1].tolist()


def test_a_surface_may_use_its_own_memory_again():
    """One buffer for every gradient: all rows of the path were the last one; so was what the rule remembered."""
    buffer = np.empty(2)

    def gradient(p):
        buffer[:] = p
        return buffer

    paths = [descend(rules.heavy_ball, Custom(gradient=g), start=[2.0, 1.0], steps=4, lr=0.5) for g in (gradient, lambda p: p)]
    for name in ("points", "gradients", "looks"):
        np.testing.assert_array_equal(*(getattr(path, name) for path in paths))
    np.testing.assert_array_equal(*(path.state["v"] for path in paths))


def test_the_course_of_other_methods_is_their_own_whatever_a_surface_does_with_memory():
    """Restarted Nesterov, conjugate gradients and the rolling ball on a surface that writes into all that it is given."""

    def careless(p):
        g = p * [1.0, 9.0]
        p[:] = 99
        return g

    calm = surfaces.quadratic([1.0, 9.0])
    wild = Custom(lambda p: float(p @ (careless(p.copy()))) / 2 + 0 * (p.fill(99) or 0), careless)
    for run in (
        lambda f: theory.restarted_nesterov(f, [2.0, 1.0], 20, lr=0.1),
        lambda f: theory.conjugate_gradients(f, [2.0, 1.0], 2),
    ):
        np.testing.assert_allclose(run(wild).points, run(calm).points, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(run(wild).values, run(calm).values, rtol=1e-12, atol=1e-15)
    rolled = [theory.roll(f, [2.0, 1.0], friction=0.5, time=2.0, steps=50).positions for f in (wild, calm)]
    np.testing.assert_allclose(*rolled, rtol=1e-12)


def test_other_methods_report_nan_and_do_not_leave_noise_out():
    hole = Custom(gradient=lambda p: p * np.where(p[0] < 0.5, np.nan, 1))
    with pytest.raises(ValueError, match=r"surface 'mine' returned gradient = \[nan, nan\]"):
        theory.restarted_nesterov(hole, [1.0, 1.0], 30, lr=0.3)
    with pytest.raises(ValueError, match="surface 'mine' returned value = nan.*step 0"):
        theory.restarted_nesterov(Custom(value=lambda p: np.nan), [1.0, 1.0], 3, lr=0.3)
    loud = surfaces.noisy("bowl", 1.0, 3)
    assert not np.allclose(theory.restarted_nesterov(loud, None, 3, lr=0.1).gradients,
                           theory.restarted_nesterov(surfaces.bowl, None, 3, lr=0.1).gradients)  # fmt: skip
    for run in (lambda: theory.conjugate_gradients(loud), lambda: theory.roll(loud, [1.0, 1.0], friction=0.1, time=1.0)):
        with pytest.raises(ValueError, match="exact gradients, and <noisy .* has noisy ones; allowed: the surface under it"):
            run()


@a_rule(v=0)
def in_place(theta, grad, v, *, lr):
    v *= 0.9
    v += grad
    theta -= lr * v
    return theta, v


@a_rule()
def forgetful(theta, grad, *, lr):
    theta - lr * grad


@a_rule(v=0)
def without_state(theta, grad, v, *, lr):
    return theta - lr * grad


@a_rule()
def widened(theta, grad, *, lr):
    return theta - np.float64(lr) * grad


@a_rule()
def flat(theta, grad, *, lr):
    return (theta - lr * grad).ravel()[:1]


WRONG_RULES = {
    in_place: "in_place writes into an array that it was given; allowed: new arrays",
    forgetful: "forgetful returned theta with None; allowed: shape .* and float",
    without_state: r"without_state returned 1 value\(s\); allowed: theta, v",
    widened: "widened returned theta with shape .* and float64; allowed: shape .* and float32",
    flat: r"flat returned theta with shape \(1,\) and float32; allowed",
}


@pytest.mark.parametrize("wrong", WRONG_RULES, ids=lambda wrong: wrong.name)
def test_a_rule_of_ones_own_is_told_what_is_wrong_with_it(wrong):
    """The commonest slips: theta -= ..., a forgotten return; a path whose points were all the last one."""
    start, grad = np.array([1.0, 2.0], np.float32), np.ones(2, np.float32)
    for run in (
        lambda: descend(wrong, surfaces.bowl, start, 3, lr=0.1),
        lambda: sweep(wrong, Custom(lambda p: (p * p).sum(axis=0) / 2), start, 3, lr=[0.1, 0.2]),
        lambda: wrong(start, grad, *wrong.init(start), lr=0.1),
    ):
        with pytest.raises((TypeError, ValueError), match=WRONG_RULES[wrong]):
            run()
    assert start.tolist() == [1, 2] and grad.tolist() == [1, 1]


@pytest.mark.parametrize("tol", [np.nan, 0, -1, np.inf, "x", None, True, np.complex64(0.1)])
def test_a_tolerance_is_a_number_above_nothing(tol):
    path = descend(rules.gradient_descent, surfaces.bowl, steps=2, lr=0.1)
    with pytest.raises(ValueError, match="tol is .*; allowed: a finite relative distance > 0"):
        path.steps_to(tol)
    with pytest.raises(ValueError, match="tol is .*; allowed: a relative distance between 0 and 1"):
        sweep(rules.gradient_descent, surfaces.bowl, tol=tol, lr=0.1)


def test_a_run_ends_beyond_its_limit_and_not_at_it():
    """The distance doubles: 2, 4, ... 64 lies at the limit, and 128 beyond it."""
    far = descend(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=100, lr=3.0, limit=64.0)
    assert far.diverged_at == 7 and np.abs(far.points).max() == 64
    near = descend(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=100, lr=3.0, limit=0.5)
    assert near.diverged_at == 1, "a limit below 1 is one, too"


def test_decorators_of_a_rule_hand_back_what_they_decorate():
    look, read = (lambda theta, v, *, lr: theta), (lambda theta, v, *, lr: theta + 0)
    assert in_place.looks_at(look) is look and in_place.reports(read) is read
    in_place.look_fn = in_place.read_fn = None


# -- bad input -------------------------------------------------------------------------------------------


def call(rule=rules.heavy_ball, surface=surfaces.bowl, **given):
    return descend(rule, surface, **{"lr": 0.1, "steps": 5, **given})


def nan_above(step):
    """A gradient that turns NaN at the given call."""
    calls = iter(range(1, 1000))
    return lambda p: p * np.nan if next(calls) >= step else p


BAD = {
    "start of words": (lambda: call(start=[1, "a"]), TypeError, r"start is \[1, 'a'\]; allowed: one number per coordinate"),
    "start ragged": (lambda: call(start=[1, [2]]), TypeError, r"start is \[1, \[2\]\]; allowed"),
    "start empty": (lambda: call(start=[]), ValueError, r"start has shape \(0,\), no coordinate at all; allowed"),
    "start too far": (lambda: call(start=[1e151, 0]), ValueError, r"start is \[1e\+151, 0.0\]; allowed: .* up to 1e\+150"),
    "unstable a word": (lambda: call(unstable="no"), TypeError, "unstable is 'no'; allowed: True or False"),
    "gradient complex": (lambda: call(surface=Custom(gradient=lambda p: p * 1j)), TypeError, "the gradient .* allowed: real"),
    "gradient None": (lambda: call(surface=Custom(gradient=lambda p: None)), TypeError, "the gradient .*is None; allowed"),
    "value complex": (lambda: call(surface=Custom(value=lambda p: 1j)), TypeError, "the value .*is 1j; allowed: real numbers"),
    "value None": (lambda: call(surface=Custom(value=lambda p: None)), TypeError, "the value .*is None; allowed"),
    "value a word": (lambda: call(surface=Custom(value=lambda p: "1")), TypeError, "the value .*is '1'; allowed"),
    "value's shape": (lambda: call(surface=Custom(value=lambda p: np.ones(3))), ValueError,
        r"the value that the surface returned has shape \(3,\); allowed: \(\), one number a point. Sum"),
    "no value": (lambda: call(surface=SimpleNamespace(gradient=lambda p: p)), TypeError, "expected a surface"),
    "no gradient of its own": (lambda: call(surface=SimpleNamespace(value=lambda p: 1.0)), TypeError, "expected a surface"),
    "a value, no function": (lambda: call(surface=SimpleNamespace(value=1, gradient=lambda p: p)), TypeError, "expected a"),
    "rate negative": (lambda: call(lr=-0.1), ValueError, "lr is -0.1; allowed: a finite number >= 0"),
    "rate NaN": (lambda: call(lr=np.nan), ValueError, "lr is nan; allowed: a finite number >= 0"),
    "rate infinite": (lambda: call(lr=np.inf), ValueError, "lr is inf; allowed: a finite number >= 0"),
    "rate a word": (lambda: call(lr="0.1"), TypeError, "lr is '0.1'; allowed"),
    "rate missing": (lambda: descend(rules.adam, surfaces.bowl), TypeError, "adam needs lr; give it, for example lr=0.1"),
    "momentum one": (lambda: call(beta=1.0), ValueError, r"beta is 1; allowed: a number in \[0, 1\).*unstable=True"),
    "momentum above": (lambda: call(beta=1.2), ValueError, r"beta is 1.2; allowed: a number in \[0, 1\)"),
    "momentum negative": (lambda: call(beta=-0.1), ValueError, r"beta is -0.1; allowed: a number in \[0, 1\)"),
    "floor negative": (lambda: call(rules.adam, eps=-1e-8), ValueError, "eps is -1e-08; allowed: a finite number >= 0"),
    "dampening": (lambda: call(rules.dampened_momentum, dampening=1.5), ValueError,
        r"dampening is 1.5; allowed: a number in \[0, 1\]"),
    "in a schedule": (lambda: call(lr=[0.1, 0.1, -2.0, 0.1, 0.1]), ValueError, "lr is -2; allowed"),
    "schedule too short": (lambda: call(lr=[0.1, 0.2]), ValueError,
        r"lr has shape \(2,\); allowed: one number, or a schedule of shape \(5,\).*sweep"),
    "schedule too wide": (lambda: call(lr=np.full((5, 2), 0.1)), ValueError, r"lr has shape \(5, 2\); allowed"),
    "unknown name": (lambda: call(momentum=0.9), TypeError, "heavy_ball: unknown hyper-parameter 'momentum'.*Known: lr, beta"),
    "misspelt name": (lambda: call(rules.adam, beta_1=0.9), TypeError, "unknown hyper-parameter 'beta_1'. Did you mean 'beta1'"),
    "step number as hyper": (lambda: call(rules.adam, t=3), TypeError, "unknown hyper-parameter 't'"),
    "integer points": (lambda: call(start=np.array([1, 2])), TypeError,
        "start has dtype int64; allowed: a floating dtype.*np.asarray"),
    "boolean points": (lambda: call(start=np.array([True, False])), TypeError, "start has dtype bool; allowed: a floating dtype"),
    "three coordinates": (lambda: call(start=[1.0, 2.0, 3.0]), ValueError, r"start has shape \(3,\); bowl needs shape \(2,\)"),
    "a column": (lambda: call(start=np.ones((2, 1))), ValueError, r"start has shape \(2, 1\); bowl needs shape \(2,\)"),
    "one number": (lambda: call(start=1.0), ValueError, r"start has shape \(\); bowl needs shape \(2,\)"),
    "start NaN": (lambda: call(start=[np.nan, 1.0]), ValueError, r"start is \[nan, 1.0\]; allowed: finite numbers"),
    "start infinite": (lambda: call(start=[np.inf, 1.0]), ValueError, r"start is \[inf, 1.0\]; allowed: finite numbers"),
    "steps negative": (lambda: call(steps=-1), ValueError, "steps is -1; allowed: a whole number >= 0"),
    "steps a fraction": (lambda: call(steps=10.0), ValueError, "steps is 10.0; allowed: a whole number >= 0"),
    "steps true": (lambda: call(steps=True), ValueError, "steps is True; allowed: a whole number >= 0"),
    "limit a truth": (lambda: call(limit=True), ValueError, "limit is True; allowed: a finite number > 0"),
    "limit zero": (lambda: call(limit=0), ValueError, "limit is 0; allowed: a finite number > 0"),
    "limit infinite": (lambda: call(limit=np.inf), ValueError, "limit is inf; allowed: a finite number > 0"),
    "a rule's name": (lambda: call("heavy_ball"), TypeError, r"expected a rule.*rules.get\('heavy_ball'\); got 'heavy_ball'"),
    "a function": (lambda: call(np.sin), TypeError, "expected a rule"),
    "a surface's name": (lambda: call(surface="rosenbrock"), TypeError, "expected a surface.*surfaces.get.*got 'rosenbrock'"),
    "no gradient": (lambda: call(surface=lambda p: p), TypeError, r"expected a surface.*value\(theta\) and gradient\(theta\)"),
    "value NaN": (lambda: call(surface=Custom(value=lambda p: np.nan)), ValueError,
        r"surface 'mine' returned value = nan at the finite point \[1.0, 1.0\] \(step 0\)"),
    "gradient NaN": (lambda: call(surface=Custom(gradient=nan_above(3))), ValueError,
        r"surface 'mine' returned gradient = \[nan, nan\].*\(step 3\).*Mend the surface"),
    "gradient's shape": (lambda: call(surface=Custom(gradient=lambda p: p[:, None])), ValueError,
        r"the gradient has shape \(2, 1\) where the point has \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()


def test_momentum_above_one_runs_when_asked_for():
    """``unstable=True`` that is ignored."""
    path = descend(rules.heavy_ball, surfaces.bowl, steps=2000, lr=0.1, beta=1.05, unstable=True)
    assert path.diverged_at is not None
    with pytest.raises(ValueError, match="beta is nan"):
        descend(rules.heavy_ball, surfaces.bowl, lr=0.1, beta=np.nan, unstable=True)


def test_what_is_asked_at_each_step_again_is_answered_as_at_the_first():
    """A number's sine is kept; -0.0 equals 0.0, and its square root does not."""
    assert [math.copysign(1, ops.sqrt(x)) for x in (0.0, -0.0, 0.0, -0.0)] == [1, -1, 1, -1]
    assert [ops.sin(1.0), ops.cos(1.0), ops.sin(1.0)] == [math.sin(1), math.cos(1), math.sin(1)]
    assert type(ops.exp(1)) is type(ops.exp(1.0)) is float
    for dtype in (np.float32, np.float64):
        point = np.ones(2, dtype)
        assert ops.sin(point).dtype == dtype and ops.sin(point).shape == (2,)
        assert ops.maximum(0.5, point).dtype == dtype


@pytest.mark.parametrize("value", [lambda p: float(p @ p), lambda p: np.float32(p @ p), lambda p: np.array(p @ p)])
def test_a_value_may_be_any_number_and_ends_a_run_where_it_is_none(value):
    """A plain number, one of NumPy's, an array without axes: finite, infinite and no number at all."""
    assert len(descend(rules.gradient_descent, Custom(value), steps=5, lr=0.1)) == 5
    high = descend(rules.gradient_descent, Custom(lambda p: value(p) * np.where(p[0] < 0.9, np.inf, 1)[()]), steps=5, lr=0.1)
    assert len(high) == 1 and high.diverged_at == 2
    with pytest.raises(ValueError, match="returned value = nan"):
        descend(rules.gradient_descent, Custom(lambda p: value(p) * np.where(p[0] < 0.9, np.nan, 1)[()]), steps=5, lr=0.1)


def test_a_rule_is_shown_by_its_name_and_numbers():
    assert repr(R["heavy_ball"]) == "<rule heavy_ball(lr, beta=0.9)>"
    assert repr(R["gradient_descent"]) == "<rule gradient_descent(lr)>"


def test_a_distance_is_measured_in_float64_whatever_a_minimum_is_given_in():
    """In float32 a distance of 1e-25, squared, is nothing."""
    near = np.array([1e-25], np.float32)
    assert core.square_distance([np.zeros(1, np.float32)], near) == pytest.approx(1e-50, rel=1e-6, abs=0)
    assert core.square_distance([np.zeros(1, np.float32), (1,)], near).dtype == float


def test_a_run_has_a_hundred_steps_where_none_are_named():
    assert len(descend(R["heavy_ball"], surfaces.bowl, lr=0.1).points) == 101
