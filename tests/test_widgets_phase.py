"""The phase portrait: its numbers against closed forms and the library, and the browser's arithmetic against Python's."""

import itertools
import json
import math

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, rules, surfaces, theory
from momentum_lib.widgets import Phase
from momentum_lib.widgets.phase import POTENTIALS, ball, edge, flow, oscillator

MODULES = {"phase": "phase"}


# -- the ball ---------------------------------------------------------------------------------


@pytest.mark.parametrize("friction", [0.0, 0.3, 2.0, 2.0 + 1e-9, 7.0])
@pytest.mark.parametrize("curvature", [1.0, 4.0])
def test_closed_form_solves_the_equation(curvature, friction):
    """Start, velocity as the derivative of position, and Newton's law, by central differences; each regime and its border."""
    t, d = np.linspace(0.1, 8, 60), 1e-4
    x, w = oscillator(curvature, friction, (1.3, -0.7), t)
    (before, _), (after, _) = (oscillator(curvature, friction, (1.3, -0.7), t + s * d) for s in (-1, 1))
    np.testing.assert_allclose((after - before) / (2 * d), w, atol=1e-6)
    np.testing.assert_allclose((after - 2 * x + before) / d**2, -friction * w - curvature * x, atol=1e-5)
    np.testing.assert_allclose((x, w), theory.ball_with_friction(curvature, friction, t, start=1.3, velocity=-0.7), atol=1e-7)
    first = oscillator(curvature, friction, (1.3, -0.7), 0.0)
    assert (float(first[0]), float(first[1])) == (1.3, -0.7)


@pytest.mark.parametrize("friction", [0.0, 0.5, 2.0, 6.0])
def test_runge_kutta_meets_the_closed_form(friction):
    dt, n = 0.01, 2000
    rows = flow(lambda x: x, friction, (-2.4, 1.0), dt, n)
    np.testing.assert_allclose(rows, np.stack(oscillator(1.0, friction, (-2.4, 1.0), dt * np.arange(n + 1)), axis=1), atol=1e-8)


@pytest.mark.parametrize(("name", "tolerance"), [("double_well", 1e-7), ("lessard", 1e-3)])
def test_half_the_step_changes_nothing(name, tolerance):
    """The curve that is drawn as exact is: Lessard's kinks in the second derivative cost accuracy, to a thousandth of a picture
    8 wide and 36 high."""
    grad, begin = POTENTIALS[name]["surface"].grad_fn, POTENTIALS[name]["begin"]
    coarse, fine = (flow(lambda x: float(grad(x)), begin["friction"], begin["start"], 0.01 / k, 1500 * k)[::k] for k in (1, 4))
    assert np.abs(coarse - fine).max() < tolerance


@pytest.mark.parametrize("name", POTENTIALS)
def test_energy_of_the_ball_only_goes_down(name):
    found = Phase(potential=name).numbers()
    total = found["kinetic"] + found["stored"]
    assert (np.diff(total) < 1e-6 * total[0]).all() and total[-1] < total[0]
    still = Phase(potential=name, friction=0).numbers()
    total = still["kinetic"] + still["stored"]
    np.testing.assert_allclose(total, total[0], rtol=3e-4)


# -- the dots ---------------------------------------------------------------------------------


def test_the_dots_are_heavy_ball():
    """From rest they are descend's points at rate h^2 and momentum 1 - friction h; the velocity is the step over h."""
    found = Phase(friction=0.8, h=0.25, start=(1.5, 0)).numbers()
    run = descend(rules.heavy_ball, surfaces.quadratic([1.0]), [1.5], steps=80, lr=0.25**2, beta=0.8)
    np.testing.assert_allclose(found["path"][:, 0], run.points[:, 0], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(found["path"][1:, 1], np.diff(run.points[:, 0]) / 0.25, rtol=1e-9, atol=1e-13)
    assert (found["lr"], found["beta"]) == (0.0625, 0.8)


def test_the_dots_settle_on_the_curve():
    """Half the time step halves the gap, from a start that moves, too."""
    gaps = [Phase(friction=1, h=h, start=(-2, 1), time=10).numbers()["gap"] for h in (0.1, 0.05, 0.025)]
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.1) and gaps[1] / gaps[2] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(("friction", "curvature"), [(0.0, 1.0), (0.5, 1.0), (2.0, 25.0), (9.0, 2.0)])
def test_edge_is_the_rules_own(friction, curvature):
    h = edge(curvature, friction)
    setting = {"beta": 1 - friction * h}
    if 0 <= setting["beta"] < 1:
        assert theory.stability_edge(rules.heavy_ball, curvature, **setting) == pytest.approx(h**2, rel=1e-9)
    inside, outside = (
        np.abs(np.linalg.eigvals([[1 - s**2 * curvature, -(s**2) * (1 - friction * s)], [curvature, 1 - friction * s]])).max()
        for s in (0.999 * h, 1.001 * h)
    )
    assert inside <= 1 + 1e-12 < outside


def test_the_energy_bound_and_the_rises():
    """No step gains energy up to lr * curvature = 1 - beta^2, that is h <= 2 friction / (1 + friction^2); some do beyond."""
    friction = 0.2
    h = 2 * friction / (1 + friction**2)
    assert h**2 == pytest.approx(1 - (1 - friction * h) ** 2)
    assert Phase(friction=friction, h=0.999 * h).numbers()["rises"] == 0
    assert Phase(friction=friction, h=1.2 * h).numbers()["rises"] > 3


def test_lessards_ball_rests_and_the_dots_cycle():
    found = Phase(potential="lessard", time=100).numbers()
    assert abs(found["curve"][-1, 0]) < 1e-6
    np.testing.assert_allclose(np.sort(found["path"][-3:, 0]), np.array([-2208, 792, 2592]) / 1225, rtol=1e-6)
    assert found["rises"] > 50


def test_diverging_and_negative_momentum():
    gone = Phase(friction=0.5, h=2.2, time=100)
    found = gone.numbers()
    assert found["diverged_at"] == len(found["path"]) and found["gap"] is None
    assert np.abs(found["path"]).max() <= 1e7 and "diverge" in gone.alt()
    gone.picture()
    assert Phase(friction=12, h=0.1).numbers()["beta"] == pytest.approx(-0.2)


# -- state ------------------------------------------------------------------------------------


def test_a_potential_brings_its_own_beginning():
    assert Phase(potential="lessard").state() == {
        "friction": 5 / 3,
        "h": 1 / 3,
        "potential": "lessard",
        "start": [3.3, 0.0],
        "time": 20.0,
    }
    assert Phase(potential="double_well", friction=0.1).friction == 0.1
    moved = Phase()
    moved.potential = "double_well"
    assert moved.start == (-1.8, 0.0)
    moved.start = (9, -9)
    assert moved.start == (2.0, -1.75)


@pytest.mark.parametrize(("friction", "words"), [(0, "for ever"), (0.5, "under-damped"), (2, "critically"), (3, "over-damped")])
def test_regimes(friction, words):
    assert words in Phase(friction=friction).regime
    assert words in Phase(friction=friction).alt()


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize(("name", "friction", "h"), list(itertools.product(POTENTIALS, [0.0, 0.3, 2.0, 5.0], [0.07, 0.3])))
def test_curve_and_dots_are_the_same_in_the_browser(js, name, friction, h):
    start = [0.9, -0.4]
    grad = POTENTIALS[name]["surface"].grad_fn if name != "bowl" else None
    slope = (lambda x: x) if grad is None else (lambda x: float(grad(x)))
    found = js(f"(({{points}}) => Array.from(points))(phase.dots('{name}', {start}, {friction}, {h}, 60))")
    np.testing.assert_allclose(np.reshape(found, (-1, 2)), ball(slope, friction, start, h, 60), rtol=1e-11, atol=1e-13)
    found = np.reshape(js(f"Array.from(phase.curve('{name}', {start}, {friction}, 0.01, 800))"), (-1, 2))
    mine = (
        np.stack(oscillator(1.0, friction, start, 0.01 * np.arange(801)), axis=1)
        if name == "bowl"
        else flow(slope, friction, start, 0.01, 800)
    )
    np.testing.assert_allclose(found, mine, rtol=1e-9, atol=1e-11)
    assert js(f"[phase.edge('{name}', {friction}), phase.regime('{name}', {friction})]") == [
        pytest.approx(edge(POTENTIALS[name]["curvature"], friction)),
        Phase(potential=name, friction=friction).regime,
    ]


def test_energy_grid_and_rises_in_the_browser(js):
    fig = Phase(friction=0.2, h=0.7, start=(1.2, -0.5))
    found = fig.numbers()
    assert 0 < found["rises"] < len(found["path"]) - 1
    points = json.dumps(found["path"].tolist())
    energies = js(f"{points}.map(([x, w]) => phase.energy('bowl', x, w))")
    np.testing.assert_allclose(energies, found["energies"], rtol=1e-13)
    assert js(f"phase.rises({json.dumps(energies)})") == found["rises"]
    for h, time in ((0.3, 20), (0.3, 1), (2.5, 1), (0.25, 10)):
        fig = Phase(h=h, time=time, friction=0.1)
        n, m = len(fig.numbers()["path"]) - 1, (len(fig.numbers()["fine"]) - 1) / (len(fig.numbers()["path"]) - 1)
        assert js(f"phase.grid({h}, {time})") == {"n": n, "m": m}
        assert n * h <= max(h, time) + 1e-9 and h / m <= 0.01 + 1e-12


def test_the_picture_is_drawn_where_its_numbers_say():
    """Position to the right and velocity upwards, the flow along both, energies stacked over time."""
    from unittest.mock import patch

    from matplotlib.axes import Axes

    fig = Phase(friction=0.8, start=(-1.5, 1.0))
    found, (fine, path) = fig.numbers(), (fig.numbers()[name] for name in ("fine", "path"))
    with patch.object(Axes, "streamplot", autospec=True, side_effect=Axes.streamplot) as streams:
        plane, over, energy = fig.picture().axes
    x, w, dx, dw = streams.call_args.args[1:5]
    np.testing.assert_allclose(dx, w)
    np.testing.assert_allclose(dw, -0.8 * w - x)
    curve, dots, start = (np.array(line.get_data()).T for line in plane.lines)
    np.testing.assert_allclose(curve, fine)
    np.testing.assert_allclose(dots, path)
    np.testing.assert_allclose(start, [[-1.5, 1.0]])
    times = 0.3 * np.arange(len(path))
    for axes, smooth, steps in ((over, fine[:, 0], path[:, 0]), (energy, found["kinetic"] + found["stored"], found["energies"])):
        curve, dots = (np.array(line.get_data()) for line in axes.lines)
        np.testing.assert_allclose(curve, [found["fine_t"], smooth])
        np.testing.assert_allclose(dots, [times, steps])
    below, above = (area.get_paths()[0].vertices[:, 1] for area in energy.collections)
    assert below.max() == pytest.approx(found["stored"].max()) and above.max() == pytest.approx(
        (found["kinetic"] + found["stored"]).max()
    )


def test_the_gap_is_one_of_position():
    found = Phase(friction=0.5, h=0.3, start=(-1.5, 1.0)).numbers()
    apart = np.abs(found["path"] - found["curve"]).max(axis=0)
    assert found["gap"] == apart[0] and abs(apart[0] / apart[1] - 1) > 0.1


def test_potentials_say_the_same_in_the_browser(js):
    found = js("phase.POTENTIALS")
    assert list(found) == list(POTENTIALS)
    for name, mine in POTENTIALS.items():
        theirs = found[name]
        assert theirs["curvature"] == mine["curvature"] and theirs["frame"] == [list(side) for side in mine["frame"]]
        assert theirs["begin"] == {
            "start": list(mine["begin"]["start"]),
            "friction": mine["begin"]["friction"],
            "h": mine["begin"]["h"],
        }
        d = 1e-5
        at = np.array(mine["surface"].minima[0], dtype=float)
        slopes = [float(mine["surface"].gradient(at + s * d)[0]) for s in (-1, 1)]
        assert (slopes[1] - slopes[0]) / (2 * d) == pytest.approx(mine["curvature"], rel=1e-4)
    assert math.isclose(js("phase.energy('double_well', 0, 1)"), 0.75)
