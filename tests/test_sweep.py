"""A grid of runs: its axes, its numbers against single runs, its best cell, and what bad input gets to hear.

That every cell equals the single run bit for bit is a property of each rule: see ``test_rules``.
"""

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, sweep

RAVINE = surfaces.ravine(kappa=100)


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
    "gradient NaN": (lambda: call(surface=Hole("gradient")), ValueError, r"surface 'hole' returned gradient = \[nan, nan\].*Mend"),
    "value NaN": (lambda: call(surface=Hole("value")), ValueError, "surface 'hole' returned value = nan.*Mend"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()
