"""A grid of runs: its axes, its numbers against single runs, its best cell, and what bad input gets to hear.

That every cell equals the single run bit for bit is a property of each rule: see ``test_rules``.
"""

import copy
import sys
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from momentum_lib import Sweep, descend, rule, rules, surfaces, sweep
from momentum_lib.kernels import build, in_numpy
from momentum_lib.ops import exp, sqrt
from momentum_lib.surfaces import surface

RAVINE = surfaces.ravine(kappa=100)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """Compiled kernels go to a folder of this module's own: nobody's home is touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(build.FOLDER, str(tmp_path_factory.mktemp("kernels")))
        yield


def needs_compiler():
    if why := build.missing():
        pytest.skip(why)


def test_axes_come_in_the_order_given():
    """A transposed map: the picture's x would be its y."""
    grid = sweep(rules.heavy_ball, RAVINE, steps=30, beta=[0.0, 0.5], lr=[0.001, 0.002, 0.003])
    assert list(grid.axes) == ["beta", "lr"] and grid.shape == (2, 3)
    assert grid.points.shape == (2, 2, 3) and grid.values.shape == grid.steps.shape == grid.diverged_at.shape == (2, 3)
    one = descend(rules.heavy_ball, RAVINE, steps=30, beta=0.5, lr=0.001)
    assert grid.values[1, 0] == one.values[-1]
    assert grid.fixed == {} and sweep(rules.heavy_ball, RAVINE, lr=[0.1]).fixed == {"beta": 0.9}


def test_a_sweep_without_axes_is_one_run():
    """Scalars that come back as a grid of shape (1,)."""
    grid = sweep(rules.heavy_ball, RAVINE, lr=0.02, beta=0.7)
    path = descend(rules.heavy_ball, RAVINE, steps=200, lr=0.02, beta=0.7)
    assert grid.shape == () and grid.points.shape == (2,) and grid.values == path.values[-1]
    assert grid.steps == path.steps_to(1e-6)


def test_three_axes():
    """A third axis that lands on the wrong dimension."""
    grid = sweep(rules.adam, RAVINE, steps=40, lr=[0.01, 0.1], beta1=[0.0, 0.5, 0.9], beta2=[0.9, 0.99, 0.999, 0.9999])
    one = descend(rules.adam, RAVINE, steps=40, lr=0.1, beta1=0.5, beta2=0.999)
    assert grid.shape == (2, 3, 4) and grid.values[1, 1, 2] == one.values[-1]


def test_best_is_the_cell_with_the_fewest_steps():
    """A best cell that is the first, the last, or of the wrong axis."""
    lr, beta = np.linspace(0.002, 0.04, 20), np.linspace(0, 0.95, 20)
    grid = sweep(rules.heavy_ball, RAVINE, steps=400, tol=1e-4, lr=lr, beta=beta)
    best = grid.best()
    assert best["steps"] == grid.steps.min() < np.median(grid.steps)
    path = descend(rules.heavy_ball, RAVINE, steps=400, lr=best["lr"], beta=best["beta"])
    assert path.steps_to(1e-4) == best["steps"] and best["value"] == path.values[-1]


def test_best_of_none_that_arrive_is_the_closest():
    """A large constant that swallows the errors: all cells would tie and the first would win."""
    grid = sweep(rules.gradient_descent, RAVINE, steps=20, lr=[1e-4, 5.0, 1e-2, 1e-3])
    assert np.isinf(grid.steps).all() and grid.best()["lr"] == 1e-2 and grid.best()["steps"] == np.inf


@pytest.mark.parametrize("steps, best", [([np.inf] * 3, 0.2), ([9.0, np.inf, 8.0], 0.3), ([8.0, np.inf, 8.0], 0.1)])
def test_best_goes_by_steps_then_by_errors_never_by_values(steps, best):
    """On a curved valley the lowest value is not the nearest point; of equals the first counts."""
    grid = sweep(rules.gradient_descent, RAVINE, steps=20, lr=[0.1, 0.2, 0.3])
    grid = replace(grid, steps=np.array(steps), errors=np.array([0.5, 0.1, 0.3]), values=np.array([1.0, 3.0, 2.0]))
    assert grid.best()["lr"] == best


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_an_error_equal_to_the_tolerance_has_arrived(engine):
    """At or below: halving each step, the error is exactly 1/4 at step 2."""
    if engine == "compiled":
        needs_compiler()
    for tol, steps in ((1 / 4, 2), (1 / 32, 5), (1 / 33, np.inf)):
        grid = sweep(rules.gradient_descent, surfaces.bowl, start=[1.0, 0.0], steps=5, tol=tol, lr=[0.5], engine=engine)
        assert grid.steps.tolist() == [steps], tol


def test_best_on_a_surface_without_minima_is_the_lowest():
    """A distance to a minimum that does not exist."""
    grid = sweep(rules.heavy_ball, surfaces.saddle, steps=40, lr=[0.01, 0.1, 0.05])
    assert grid.errors is None and grid.steps is None
    assert grid.best() == {"lr": 0.1, "steps": None, "value": grid.values.min()}


def test_divergence_is_counted_and_leaves_no_nan():
    """A NaN that reaches a map: every array of a grid with diverging cells is free of it."""
    lr = np.array([0.01, 0.0199, 0.0201, 1.0, 1e6])
    grid = sweep(rules.gradient_descent, RAVINE, steps=20_000, lr=lr)
    assert (grid.diverged_at > 0).tolist() == [False, False, True, True, True], "the edge is 2 / 100"
    assert grid.diverged_at[2] > grid.diverged_at[3] > grid.diverged_at[4] >= 1
    for array in (grid.points, grid.values, grid.errors, grid.steps, grid.diverged_at):
        assert not np.isnan(array).any()
    assert np.isinf(grid.values[2:]).all() and np.isinf(grid.errors[2:]).all() and np.isinf(grid.steps[2:]).all()
    assert (grid.points[:, 2:] == 0).all() and "3 of 5 diverged" in repr(grid)


def test_no_steps():
    """steps=0 as arrival."""
    grid = sweep(rules.heavy_ball, RAVINE, steps=0, lr=[0.1, 0.2])
    assert (grid.errors == 1).all() and np.isinf(grid.steps).all() and (grid.values == RAVINE.value(RAVINE.start)).all()


def test_momentum_above_one_runs_when_asked_for():
    """``unstable=True`` that is ignored."""
    grid = sweep(rules.heavy_ball, RAVINE, steps=3000, unstable=True, lr=0.01, beta=[0.9, 1.02])
    assert (grid.diverged_at > 0).tolist() == [False, True]


class Hole:
    """A surface that is NaN on one side; the run gets there."""

    name, dim, start, minima = "hole", 2, (1.0, 1.0), [(0.0, 0.0)]

    def __init__(self, where):
        self.where = where

    def value(self, p):
        return np.where((self.where == "value") & (p[0] < 0.5), np.nan, (p**2).sum(axis=0))

    def gradient(self, p):
        return np.where((self.where == "gradient") & (p[0] < 0.5), np.nan, p)


def call(rule=rules.heavy_ball, surface=surfaces.bowl, **given):
    return sweep(rule, surface, **{"lr": [0.1, 0.2], "steps": 30, **given})


BAD = {
    "one rate negative": (lambda: call(lr=[0.1, -0.1]), ValueError, "lr is -0.1; allowed: a finite number >= 0"),
    "one rate NaN": (lambda: call(lr=[0.1, np.nan]), ValueError, "lr is nan; allowed: a finite number >= 0"),
    "one momentum above": (lambda: call(beta=[0.1, 1.0]), ValueError, r"beta is 1; allowed: a number in \[0, 1\)"),
    "an empty axis": (lambda: call(lr=[]), ValueError, r"lr has shape \(0,\); allowed: a number or a non-empty 1-D array"),
    "a mesh": (lambda: call(lr=np.full((3, 1), 0.1)), ValueError, r"lr has shape \(3, 1\); allowed: a number or a non-empty"),
    "words": (lambda: call(lr=["a", "b"]), TypeError, "lr is \\['a', 'b'\\]; allowed"),
    "unknown name": (lambda: call(betta=[0.1]), TypeError, "unknown hyper-parameter 'betta'. Did you mean 'beta'"),
    "tolerance zero": (lambda: call(tol=0), ValueError, "tol is 0; allowed: a relative distance between 0 and 1"),
    "tolerance NaN": (lambda: call(tol=np.nan), ValueError, "tol is nan; allowed"),
    "start at the minimum": (lambda: call(start=[0.0, 0.0]), ValueError, "the start is a minimum"),
    "integer start": (lambda: call(start=np.array([1, 2])), TypeError, "start has dtype int64; allowed: a floating dtype"),
    "a column": (lambda: call(start=np.ones((2, 1))), ValueError, r"start has shape \(2, 1\); bowl needs shape \(2,\)"),
    "steps": (lambda: call(steps=1.5), ValueError, "steps is 1.5; allowed: a whole number >= 0"),
    "limit": (lambda: call(limit=-1), ValueError, "limit is -1; allowed: a finite number > 0"),
    "a rule's name": (lambda: call("adam"), TypeError, "expected a rule"),
    "a surface's name": (lambda: call(surface="bowl"), TypeError, "expected a surface"),
    "gradient NaN": (lambda: call(surface=Hole("gradient")), ValueError,
        r"surface 'hole' returned gradient = \[nan, nan\].*Mend"),
    "value NaN": (lambda: call(surface=Hole("value")), ValueError, "surface 'hole' returned value = nan.*Mend"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()


# -- slices: bounded memory, the same bits ---------------------------------------------------------

ENGINE = sys.modules["momentum_lib.sweep"]
RESULTS = ("points", "values", "errors", "steps", "diverged_at")


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (4, 3, 5)])
@pytest.mark.parametrize("cells", [1, 2, 4, 7, 15, 16, 1000])
def test_boxes_cut_a_grid_into_each_cell_once(shape, cells):
    seen = np.zeros(shape, dtype=int)
    for box in ENGINE._boxes(shape, cells):
        assert seen[box].size <= cells
        seen[box] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(
    "surface", [surfaces.rosenbrock, surfaces.noisy(surfaces.bowl, 0.3), surfaces.quadratic([1.0, 3, 9, 2, 4])]
)
def test_slices_change_no_bit(surface, monkeypatch):
    """A seam between slices, or noise that runs on from one slice into the next."""
    given = {"steps": 25, "lr": np.geomspace(1e-4, 0.5, 9), "beta1": [0.0, 0.5, 0.9], "beta2": [0.9, 0.99], "engine": "numpy"}
    whole = sweep(rules.adam, surface, **given)
    for slice_bytes in (1, 1000, 5000):
        monkeypatch.setattr(ENGINE, "SLICE_BYTES", slice_bytes)
        for name in RESULTS:
            np.testing.assert_array_equal(getattr(whole, name), getattr(sweep(rules.adam, surface, **given), name))


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_working_memory_does_not_grow_with_the_grid(engine):
    """Temporaries as large as the grid: beside the results a sweep needs about as much for 900 x 900 as for 300 x 300."""
    if engine == "compiled":
        needs_compiler()
    beyond = []
    for side in (300, 900):
        lr, beta = np.geomspace(1e-5, 1e-3, side), np.linspace(0, 0.9, side)
        sweep(rules.heavy_ball, surfaces.rosenbrock, steps=1, engine=engine, lr=lr, beta=beta)
        tracemalloc.start()
        grid = sweep(rules.heavy_ball, surfaces.rosenbrock, steps=2, engine=engine, lr=lr, beta=beta)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        beyond.append(peak - sum(getattr(grid, name).nbytes for name in RESULTS))
    assert beyond[1] < 40e6 and beyond[1] < 2 * beyond[0] + 1e6, beyond


# -- what a sweep says, draws and keeps --------------------------------------------------------------


def same(a, b):
    for name in (*RESULTS, "start"):
        x, y = getattr(a, name), getattr(b, name)
        np.testing.assert_array_equal(x, y)
        assert x is None or (np.shape(x) == np.shape(y) and x.dtype == y.dtype), name
    for name in ("fixed", "tol", "budget", "engine", "shape"):
        assert getattr(a, name) == getattr(b, name), name
    assert list(a.axes) == list(b.axes) and all((a.axes[k] == b.axes[k]).all() for k in a.axes)
    return True


KEPT = {
    "two axes": (rules.heavy_ball, RAVINE, {"lr": [0.001, 0.02, 0.3], "beta": [0.0, 0.5]}),
    "none": (rules.nesterov, surfaces.rosenbrock, {"lr": 1e-3}),
    "no minimum": (rules.adam, surfaces.saddle, {"lr": [0.1, 0.2], "beta1": 0.8}),
    "noise": (rules.adam, surfaces.noisy(surfaces.ravine(kappa=9), 0.5, seed=3), {"lr": [0.1, 0.2]}),
    "many dimensions": (rules.polyak, surfaces.quadratic([1.0, 2.0, 3.0]), {"lr": [0.1, 0.2]}),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_saved_sweep_comes_back_whole(case, tmp_path):
    r, f, given = KEPT[case]
    grid = sweep(r, f, steps=30, **given)
    path = grid.save(tmp_path / "map.npz")
    back = Sweep.load(path)
    assert same(grid, back) and back.rule is r and repr(back) == repr(grid) and back.best() == grid.best()
    assert back.surface.params == f.params and type(back.surface) is type(f)
    assert back.surface.value(back.start) == f.value(grid.start)
    with np.load(path, allow_pickle=False) as file:  # readable without this library, and without pickle
        assert (file["values"] == grid.values).all() and all((file[f"axis_{k}"] == v).all() for k, v in grid.axes.items())


def test_a_rule_and_a_surface_of_ones_own_are_handed_over(tmp_path):
    mine = rule(v=0)(rules.heavy_ball.fn)
    hole = Hole("nowhere")
    path = sweep(mine, hole, steps=5, lr=[0.1, 0.2]).save(tmp_path / "mine")
    with pytest.raises(LookupError, match="'heavy_ball' is not one of the library's.*pass rule= to load it"):
        Sweep.load(path)
    with pytest.raises(LookupError, match="'hole' is not one of the library's.*pass surface="):
        Sweep.load(path, rule=mine)
    assert Sweep.load(path, rule=mine, surface=hole).rule is mine


def test_a_file_that_is_no_sweep_or_is_damaged(tmp_path):
    path = sweep(rules.heavy_ball, RAVINE, steps=5, lr=np.linspace(0.01, 0.1, 99)).save(tmp_path / "map.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-1], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"map.npz' is not a sweep that can be read: .*run the sweep again"):
            Sweep.load(path)
    np.savez(path, a=np.arange(3))
    with pytest.raises(ValueError, match="Allowed: a file written by Sweep.save"):
        Sweep.load(path)
    np.savez(path, about=np.array([{"format": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Allowed: a file written by Sweep.save"):
        Sweep.load(path)
    with pytest.raises(FileNotFoundError):
        Sweep.load(tmp_path / "none.npz")


class Walked:
    """A surface without a text to compile, so that the sweep walks over it itself."""

    def __init__(self, surface):
        self.name, self.dim, self.start, self.minima = "walked", surface.dim, surface.start, surface.minima
        self.value, self.gradient = surface.value, surface.gradient


@surfaces.surface(domain=((0, 2),), start=(1.0,), minima=[])
def edge(x):
    """No number below one half; with an exponential, which C may round otherwise, so that NumPy computes the values."""
    return exp(x) * sqrt(x - 0.5)


@edge.grad
def _(x):
    return (x,)


@pytest.mark.parametrize("engine", ["numpy", "compiled", "walked"])
def test_the_first_run_that_ends_where_the_surface_has_no_number_is_named(engine):
    """The first cell, or any, named for the one that is wrong."""
    if engine == "compiled":
        needs_compiler()
    f, engine = (Walked(edge), "numpy") if engine == "walked" else (edge, engine)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"value = nan at the finite point \[0\.4\] \(step 1\)"):
        sweep(rules.gradient_descent, f, steps=1, lr=[0.1, 0.2, 0.6, 0.8], engine=engine)


@surfaces.surface(domain=((0, 2),), start=(1.0,), minima=[])
def rim(x):
    """A number everywhere, and no slope below one half."""
    return x


@rim.grad
def _(x):
    return (sqrt(x - 0.5),)


@pytest.mark.parametrize("engine", ["numpy", "compiled", "walked"])
def test_the_first_run_whose_gradient_is_no_number_is_named(engine):
    """One bad run among good ones that goes unnoticed, or another one named for it."""
    if engine == "compiled":
        needs_compiler()
    f, engine = (Walked(rim), "numpy") if engine == "walked" else (rim, engine)
    at = 1 - 0.9 * np.sqrt(0.5)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=rf"gradient = \[nan\] at the finite point \[{at}\] \(step 2\)"),
    ):
        sweep(rules.gradient_descent, f, steps=2, lr=[0.1, 0.2, 0.9, 0.3, 0.8], engine=engine)


@surfaces.surface(domain=((0, 2),), start=(1.0,), minima=[])
def pinhole(x):
    """A slope of one with no number within a thousandth of 0.4: a run is there for one step, and finite after it."""
    return x + 0 * sqrt((x - 0.4) ** 2 - 1e-6)


@pinhole.grad
def _(x):
    return (x * 0 + 1,)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_hole_that_one_run_alone_meets_is_named(engine):
    if engine == "compiled":
        needs_compiler()
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"value = nan at the finite point \[0\.4\] \(step 1\)"):
        sweep(rules.gradient_descent, pinhole, steps=3, lr=[0.1, 0.25, 0.6, 0.8], engine=engine)
    sweep(rules.gradient_descent, pinhole, steps=3, lr=[0.1, 0.25, 0.5, 0.8], engine=engine)


def test_when_a_kernel_pays():
    """A share for a factor: what is saved must pay for compiling, or for loading what is compiled."""

    def pays(seconds, exact, ready=False, kept=False, missing=None):
        kernel = SimpleNamespace(exact=exact)
        found = SimpleNamespace(why_not=lambda _: missing, is_ready=lambda _: ready, is_kept=lambda _: kept)
        return ENGINE._pays(kernel, found, seconds)

    assert [pays(s, exact=False) for s in (0.6, 0.7)] == [False, True]  # saves 0.3 of it, and compiling takes 0.2 s
    assert [pays(s, exact=True) for s in (0.24, 0.26)] == [False, True]  # saves 0.8 of it
    assert [pays(s, exact=True, kept=True) for s in (0.024, 0.026)] == [False, True]  # loading takes 0.02 s
    assert [pays(s, exact=True, ready=True) for s in (0.0012, 0.0013)] == [False, True]
    assert not pays(0.1, exact=False, ready=True, kept=True) and not pays(9, exact=True, missing="no compiler")


def test_whole_numbers_are_settings(tmp_path):
    """An axis of integers, in which halves would be lost; a seed that JSON does not write."""
    noisy = surfaces.noisy(surfaces.bowl, 0.5, seed=np.int64(3))
    grid = sweep(rules.heavy_ball, noisy, steps=3, lr=[1, 2], beta=0)
    assert grid.axes["lr"].dtype == float and Sweep.load(grid.save(tmp_path / "map.npz")).surface.seed == 3


@rule(v=0)
def loud(theta, grad, v, *, lr):
    """Stays where it is, and reports a point that runs away."""
    return theta - lr * grad, v + lr * 1e9


@loud.reports
def _(theta, v, *, lr):
    return theta + v


@pytest.mark.parametrize("f", [surfaces.bowl, Walked(surfaces.bowl)], ids=["printed", "walked"])
def test_a_report_that_runs_away_has_diverged(f):
    """Only the point that steps watched, though another one is reported."""
    grid = sweep(loud, f, start=[1.0, 1.0], steps=30, lr=[0.0, 0.125, 0.5, 1.0], engine="numpy")
    single = [descend(loud, surfaces.bowl, [1.0, 1.0], 30, lr=lr).diverged_at or 0 for lr in (0.0, 0.125, 0.5, 1.0)]
    assert grid.diverged_at.tolist() == single == [0, 8, 2, 2]


def test_arrays_that_do_not_fit_their_axes_are_a_damaged_file(tmp_path):
    """A file put together from two: numbers under the wrong setting."""
    path = sweep(rules.heavy_ball, RAVINE, steps=5, lr=[0.01, 0.02], beta=[0.1, 0.2, 0.3]).save(tmp_path / "map.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name in ("values", "diverged_at", "errors", "steps"):
        np.savez(path, **{**arrays, name: arrays[name].T})
        with pytest.raises(ValueError, match=rf"{name} has shape \(3, 2\) where the axes have \(2, 3\)"):
            Sweep.load(path)


def test_a_surface_of_the_librarys_name_with_another_gradient_is_ones_own(tmp_path):
    """A sweep that comes back with the library's gradient under it."""
    mine = copy.copy(surfaces.bowl)
    mine.grad_fn = lambda x, y: (2 * x, 2 * y)
    path = sweep(rules.heavy_ball, mine, steps=5, lr=[0.1, 0.2]).save(tmp_path / "map.npz")
    with pytest.raises(LookupError, match="pass surface="):
        Sweep.load(path)


def test_the_best_setting_is_plain_numbers():
    best = sweep(rules.heavy_ball, RAVINE, steps=50, tol=0.5, lr=[0.001, 0.01], beta=[0.1, 0.5], dtype="float32").best()
    assert list(best) == ["lr", "beta", "steps", "value"] and {type(value) for value in best.values()} == {float}


@pytest.mark.parametrize(
    "low, high, inside", [(-1, 1, True), (-2, 2, True), (-2.1, 0, False), (0, 2.1, False), (0, np.nan, False)]
)
def test_runs_are_inside_where_no_coordinate_is_beyond_the_bound(low, high, inside):
    assert bool(ENGINE._all_inside(np.array([[low, 0.5], [0.0, high]]), 2.0)) == inside


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    grid = sweep(rules.heavy_ball, RAVINE, steps=5, lr=[0.01, 0.02])
    path = grid.save(tmp_path / "map.npz")
    before = path.read_bytes()
    monkeypatch.setattr(ENGINE.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        grid.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_repr_says_what_was_run_and_how_it_ended():
    grid = sweep(rules.adam, RAVINE, steps=300, tol=0.1, lr=np.geomspace(1e-3, 1, 20), beta1=0.5)
    said = repr(grid)
    for part in ("adam", "ravine(kappa=100, angle=0)", "lr: 20 from 0.001 to 1", "beta1=0.5", "in 300 steps", "0 of 20 diverged"):
        assert part in said
    assert f"{np.isfinite(grid.steps).sum()} within 0.1 of a minimum" in said
    assert "no axis" in repr(sweep(rules.adam, surfaces.saddle, lr=0.1)) and "0x" not in said


def test_plot_draws_one_axis_and_two():
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    one = sweep(rules.gradient_descent, RAVINE, steps=900, tol=0.01, lr=np.linspace(1e-3, 0.03, 30))
    ax = one.plot()
    drawn = ax.lines[0].get_xydata()
    assert (drawn[:, 0] == one.axes["lr"]).all() and (np.isfinite(drawn[:, 1]) == np.isfinite(one.steps)).all()
    assert (ax.lines[1].get_xdata() == one.axes["lr"][one.diverged_at > 0]).all() and len(ax.lines[1].get_xdata())
    assert ax.get_ylabel() == "steps to $10^{-2}$ (crosses: diverges)"
    two = sweep(rules.heavy_ball, RAVINE, steps=300, tol=0.02, lr=np.geomspace(1e-3, 0.03, 8), beta=np.linspace(0, 0.9, 5))
    mine = pyplot.subplots()[1]
    assert two.plot(mine) is mine and mine.get_xscale() == "log" and mine.collections
    assert mine.figure.axes[1].get_ylabel() == "steps to 0.02 (hatched: diverges)"
    pyplot.close("all")
    with pytest.raises(ValueError, match="no axis|0 axes"):
        sweep(rules.heavy_ball, RAVINE, lr=0.01).plot()
    with pytest.raises(ValueError, match="a surface without minima"):
        sweep(rules.heavy_ball, surfaces.saddle, lr=[0.01]).plot()


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_bar_counts_every_step(engine, capsys, monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    if engine == "compiled":
        needs_compiler()
    monkeypatch.setattr(in_numpy, "SLICE_BYTES", 5000)
    call(engine=engine, lr=np.linspace(0.1, 0.2, 500), progress=True)
    said = capsys.readouterr().err
    assert "heavy_ball on bowl: 100%" in said and "15.0k/15.0k" in said
    call(engine=engine, progress=False)
    call(engine=engine)  # no terminal here
    assert capsys.readouterr().err == ""


def test_no_bar_is_drawn_on_a_terminal_where_none_is_wanted(monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto", reason="tqdm is not installed")
    drawn = []

    class Drawn(tqdm.tqdm):
        def __init__(self, *args, **options):
            drawn.append(options["total"])
            super().__init__(*args, **options)

    monkeypatch.setattr(tqdm, "tqdm", Drawn)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    call(progress=False)
    assert drawn == []
    call()
    assert len(drawn) == 1


def test_a_bar_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        call(progress=True)
    call()
    with pytest.raises(ValueError, match="progress is 2; allowed: True, False, or None"):
        call(progress=2)


FAR = {"single": (np.float32, 9), "double": (np.float64, 40)}  # decades out; a square of the farthest is still a number


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("precision", FAR)
@pytest.mark.parametrize("name", ["gradient_descent", "heavy_ball", "nesterov", "adam", "rmsprop"])
def test_a_run_that_overflows_diverges_at_the_step_of_the_single_run(name, precision, engine):
    """A value or a state that is infinite within the bound: the step told at which the points left, or none."""
    if engine == "compiled":
        needs_compiler()
    dtype, decades = FAR[precision]
    rng = np.random.default_rng(len(name))
    counts = set()
    for f in (surfaces.beale, surfaces.rosenbrock, surfaces.rastrigin, Walked(surfaces.himmelblau)):
        if engine == "compiled" and isinstance(f, Walked):
            continue
        for _ in range(4):
            start = (rng.uniform(-1, 1, 2) * 10 ** rng.uniform(0, decades)).astype(dtype)
            lr, steps = 10 ** rng.uniform(-8, 1, 4), int(rng.integers(1, 12))
            grid = sweep(rules.get(name), f, start, steps, engine=engine, lr=lr)
            single = [descend(rules.get(name), f, start, steps, lr=rate) for rate in lr]
            assert grid.diverged_at.tolist() == [path.diverged_at or 0 for path in single]
            assert np.isfinite(grid.values).tolist() == [path.diverged_at is None for path in single]
            counts |= set(grid.diverged_at.tolist())
    assert 0 in counts and len(counts) > 1


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_state_that_overflows_is_no_run_at_rest(engine):
    """Adam's average of squares infinite in float32: every later step is 0, and the run seems to have settled."""
    if engine == "compiled":
        needs_compiler()
    start = np.array([1e7, 1e7], np.float32)
    grid = sweep(rules.adam, surfaces.rosenbrock, start, 9, engine=engine, lr=[0.1, 0.2])
    assert descend(rules.adam, surfaces.rosenbrock, start, 9, lr=0.1).diverged_at == 1
    assert grid.diverged_at.tolist() == [1, 1] and np.isinf(grid.values).all() and (grid.points == 0).all()


@surface(domain=((-3, 3), (-3, 3)), start=(0.9, 0.3), minima=[])
def lobes(x, y):
    """An even surface: at each corner of a square it is 0, between them the fourth power of a square."""
    q = x * x - y * y
    return q * q * q * q


@lobes.grad
def _(x, y):
    q = x * x - y * y
    c = 8 * q * q * q
    return c * x, -c * y


@surface(domain=((-3, 3),), start=(2.0,), minima=[])
def peak(x):
    """Finite far out, infinite in float32 near 0."""
    return x * x + exp(800 * (0.5 - x * x))


@peak.grad
def _(x):
    return 2 * x


@rule(s=0)
def spiky(theta, grad, s, *, lr):
    """Keeps the gradient's sixth power, which is infinite for a while and forgotten."""
    return theta - lr * grad, grad * grad * grad * grad * grad * grad


HIDDEN = {  # rule, surface, start, rates, other settings: where the corners of the bound, or the last step, say nothing
    "a value between the corners": (rules.gradient_descent, lobes, [0.9, 0.3], [3.0, 1.0], {}),
    "a value within": (rules.heavy_ball, peak, [2.0], [0.057, 0.104, 0.151], {"beta": 0.9}),
    "a state that is forgotten": (spiky, surfaces.ravine, [2e6, 1e6], [0.01, 0.04], {}),
    "a run that comes back": (rules.lion, surfaces.beale, [1.0, 1.5], [1e5, 1e-3], {}),
}


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("case", HIDDEN)
def test_what_is_infinite_for_a_while_is_seen_in_a_grid_as_in_a_run(case, engine):
    """An even number of steps said otherwise than an odd one."""
    if engine == "compiled":
        needs_compiler()
    r, f, start, rates, fixed = HIDDEN[case]
    start, met = np.array(start, np.float32), set()
    for steps in (1, 2, 3, 4, 9, 30):
        grid = sweep(r, f, start, steps, engine=engine, lr=rates, **fixed)
        single = [descend(r, f, start, steps, lr=lr, **fixed).diverged_at or 0 for lr in rates]
        assert grid.diverged_at.tolist() == single, steps
        met |= set(single)
    assert met - {0}, "some run leaves the finite world"


def test_a_value_that_is_none_is_named_by_a_grid_as_by_a_run():
    """NaN at the start, or on the way: answered, where the single run raises."""
    far = np.array(surfaces.saddle.start, np.float32) * np.float32(1e30)
    for ask in (descend, sweep):
        with pytest.raises(ValueError, match=r"surface 'saddle' returned value = nan .*step 0"):
            ask(rules.adam, surfaces.saddle, far, 30, lr=1e-3)


def test_a_start_in_another_order_of_bytes_or_too_far_for_its_dtype():
    """A raw KeyError from the kernels; a start of infinity."""
    given = {"steps": 200, "lr": np.geomspace(1e-4, 1e-3, 300), "beta": np.linspace(0, 0.9, 30)}
    big, native = (sweep(rules.heavy_ball, surfaces.rosenbrock, np.array([-1.2, 1.0], order), **given) for order in (">f8", "f8"))
    assert big.points.dtype == native.points.dtype and big.points.tobytes() == native.points.tobytes()
    with pytest.raises(ValueError, match=r"start is \[inf, 1.0\]; allowed: finite numbers"):
        sweep(rules.heavy_ball, RAVINE, [1e39, 1.0], 5, lr=[1e-3], dtype="float32")


def test_a_grid_and_a_quadratic_keep_numbers_of_their_own():
    """The reader's array, changed later, renames the best setting."""
    rates, curvatures = np.array([0.01, 0.001]), np.array([1.0, 9.0])
    grid, f = sweep(rules.heavy_ball, RAVINE, steps=300, lr=rates), surfaces.quadratic(curvatures)
    best = grid.best()
    rates[:] = curvatures[:] = 99
    assert grid.best() == best and f.eigenvalues.tolist() == [1, 9]


@surface(domain=((-3, 3), (-3, 3)), start=(2.0, 2.0), minima=[])
def cliff(x, y, *, edge=1.0):
    """A gradient that is NaN left of an edge."""
    return x**2 + y**2 + 0 * edge


@cliff.grad
def _(x, y, *, edge):
    return 2 * x + 0 * sqrt(x - edge), 2 * y


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_one_run_among_many_that_meets_nan_is_named(engine):
    """All the others stay where the surface has a gradient."""
    if engine == "compiled":
        needs_compiler()
    with pytest.raises(ValueError) as single:
        descend(rules.gradient_descent, cliff, steps=6, lr=0.2)
    with pytest.raises(ValueError) as many:
        sweep(rules.gradient_descent, cliff, steps=6, lr=[1e-6, 1e-5, 0.2, 1e-4], engine=engine)
    assert str(many.value) == str(single.value)


def test_a_slice_holds_as_many_runs_as_fit_into_a_cores_cache():
    """Point, look, gradient and state, twice each, and the bookkeeping: 8 bytes a number, 4 MiB in all."""
    for r, slots in ((rules.gradient_descent, 0), (rules.heavy_ball, 1), (rules.adam, 2)):
        for dim in (1, 2, 5):
            cells = ENGINE._cells_of_a_slice(SimpleNamespace(start=np.zeros(dim), rule=r))
            assert cells == 2**22 // (8 * (2 * dim * (2 + slots) + 6))
