"""The library alone: what must hold on every Python from the oldest to the newest, with NumPy and pytest and nothing else.

The full suite compares with torch, node and a browser; this file is what the workflow runs where those are not installed.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import codegen, convert, descend, rules, surfaces, sweep, theory

ROOT = Path(__file__).resolve().parents[1]
PLANE = {name: surface for name, surface in surfaces.SURFACES.items() if surface.dim == 2}


MODEST = {"lr": 1e-4}  # a rate at which every rule stays finite for a few steps on every surface


def test_the_import_loads_nothing_but_numpy():
    code = (
        "import sys, numpy; numpy_only = set(sys.modules); import momentum_lib;"
        "new = {m.split('.')[0] for m in set(sys.modules) - numpy_only};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'momentum_lib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_heavy_ball_is_the_two_lines_of_the_book():
    f = surfaces.ravine(kappa=100, angle=0.3)
    path = descend(rules.heavy_ball, f, steps=50, lr=0.03, beta=0.67)
    theta, v = np.array(f.start), np.zeros(2)
    for point in path.points[1:]:
        v = 0.67 * v + f.gradient(theta)
        theta = theta - 0.03 * v
        assert (point == theta).all()


@pytest.mark.parametrize("name", rules.ELEMENTWISE)
@pytest.mark.parametrize("on", PLANE)
def test_every_rule_runs_on_every_surface(name, on):
    path = descend(rules.get(name), PLANE[on], steps=5, **MODEST)
    assert path.diverged_at is None and path.points.shape == (6, 2)
    assert np.isfinite(path.points).all() and np.isfinite(path.values).all()
    again = descend(rules.get(name), PLANE[on], steps=5, **MODEST)
    assert (path.points == again.points).all()


@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_a_grid_equals_its_single_runs_bit_for_bit(name):
    rates = np.array([0.003, 0.01, 0.02])
    grid = sweep(rules.get(name), surfaces.rosenbrock, steps=20, lr=rates / 10)
    for i, lr in enumerate(rates / 10):
        path = descend(rules.get(name), surfaces.rosenbrock, steps=20, lr=lr)
        if path.diverged_at:
            assert grid.diverged_at[i] == path.diverged_at
        else:
            assert (grid.points[:, i] == path.points[-1]).all() and grid.values[i] == path.values[-1]


def test_the_best_settings_reach_their_predicted_rates():
    mu, L = 1.0, 100.0
    for rule, setting in (
        (rules.gradient_descent, theory.best_gradient_descent(mu, L)),
        (rules.heavy_ball, theory.best_heavy_ball(mu, L)),
        (rules.nesterov, theory.best_nesterov(mu, L)),
    ):
        hyper = {"lr": setting.lr} if rule is rules.gradient_descent else {"lr": setting.lr, "beta": setting.beta}
        measured = max(theory.rate(rule, curvature, **hyper) for curvature in (mu, L))
        assert measured == pytest.approx(setting.rate, abs=1e-6)


def test_a_conversion_makes_the_same_path():
    hyper = convert("heavy_ball", "averaged_momentum", lr=0.01, beta=0.9)
    one = descend(rules.heavy_ball, surfaces.rosenbrock, steps=100, lr=1e-4, beta=0.9)
    other = descend(rules.averaged_momentum, surfaces.rosenbrock, steps=100, lr=hyper["lr"] / 100, beta=0.9)
    np.testing.assert_allclose(one.points, other.points, rtol=1e-11)


def test_divergence_is_reported_without_a_warning(recwarn):
    path = descend(rules.gradient_descent, surfaces.ravine(kappa=100), steps=500, lr=0.021)
    assert path.diverged_at and np.isfinite(path.points).all() and not recwarn.list


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"lr": -1.0}, "lr is -1"),
        ({"lr": float("nan")}, "lr"),
        ({"lr": 0.1, "beta": 1.0}, "unstable=True"),
        ({"lr": 0.1, "betta": 0.5}, "beta"),
    ],
)
def test_bad_input_is_told_what_is_allowed(wrong, says):
    with pytest.raises((TypeError, ValueError), match=says):
        descend(rules.heavy_ball, surfaces.bowl, steps=3, **wrong)


def test_this_python_generates_the_committed_javascript():
    """The printer reads Python's own syntax tree, so a new Python is where it would change."""
    assert codegen.main(["--check"]) == 0
