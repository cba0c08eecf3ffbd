"""The hill roller: its books, its valleys and its path against the library, and the browser's arithmetic against Python's."""

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, rules, theory
from momentum_lib.widgets import Roller
from momentum_lib.widgets.roller import LANDSCAPES, LONG, books, height, rest_points, roll, slope

ALL = list(LANDSCAPES)


MODULES = {"roller": "roller"}


# -- the landscape ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_the_slope_is_the_heights_derivative(name):
    low, high = LANDSCAPES[name]["frame"][0]
    x, d = np.linspace(low, high, 101), 1e-6
    np.testing.assert_allclose((height(name, x + d) - height(name, x - d)) / (2 * d), slope(name, x), atol=1e-6)


@pytest.mark.parametrize(("name", "valleys", "ridges"), [("ripples", 5, 4), ("plateau", 1, 0), ("crevice", 2, 1)])
def test_valleys_and_ridges(name, valleys, ridges):
    """As many as the picture shows, flat, bending up and down, alternating, and the surface's own minimum among them."""
    found = rest_points(name)
    assert (len(found[0]), len(found[1])) == (valleys, ridges)
    for points, sign in zip(found, (1, -1), strict=True):
        for x in points:
            assert abs(slope(name, x)) < 1e-10
            assert sign * (slope(name, x + 1e-4) - slope(name, x - 1e-4)) > 0
    together = sorted([(x, 1) for x in found[0]] + [(x, 0) for x in found[1]])
    assert [kind for _, kind in together] == [1, 0] * ridges + [1]
    assert min(abs(x - LANDSCAPES[name]["surface"].minima[0][0]) for x in found[0]) < 1e-10


# -- the run and its books --------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_the_path_is_descends(name):
    figure = Roller(landscape=name)
    surface = LANDSCAPES[name]["surface"]
    start = np.zeros(surface.dim)
    start[0] = figure.start
    run = descend(rules.heavy_ball, surface, start, steps=figure.steps, lr=figure.lr, beta=figure.beta)
    found = figure.numbers()
    np.testing.assert_allclose(found["path"], run.points[:, 0], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found["potential"], run.values, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("beta", [0.0, 0.6, 0.97])
def test_the_books_balance(name, beta):
    """What finite steps add, from its own formula: the ground's bend under the step, less lr/2 gradient^2."""
    lr = LANDSCAPES[name]["begin"]["lr"]
    path = roll(name, LANDSCAPES[name]["begin"]["start"], lr, beta, 120)
    potential, kinetic, friction, finite = books(name, path, lr, beta)
    d, g = np.diff(path), slope(name, path[:-1])
    added = np.diff(height(name, path)) - g * d - lr / 2 * g**2
    np.testing.assert_allclose(np.diff(finite), added, atol=1e-12 * (1 + potential[0]))
    np.testing.assert_allclose(potential + kinetic + friction, potential[0] + finite, atol=1e-12 * (1 + potential[0]))
    assert finite[0] == friction[0] == kinetic[0] == 0
    assert (np.diff(friction) >= 0).all()
    np.testing.assert_allclose(np.diff(friction), (1 - beta) * (1 + beta) * kinetic[:-1], atol=1e-12)


def test_finite_steps_vanish_with_the_rate():
    """At friction 1 a quarter of the rate about halves what finite steps add."""
    added = [
        abs(books("ripples", roll("ripples", 3.0, h * h, 1 - h, round(8 / h)), h * h, 1 - h)[3][-1]) for h in (0.02, 0.01, 0.005)
    ]
    assert added[0] / added[1] == pytest.approx(2, abs=0.1) and added[1] / added[2] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_from_rest_it_stays_below_its_start(beta):
    """The theorem of chapter 9: for lr L <= 2 (1 - beta) no ground between two steps is higher than the start."""
    lr = theory.energy_edge(1 + 0.2 * 64, beta)
    for start in np.linspace(-3.4, 3.4, 35):
        path = roll("ripples", start, lr, beta, 600)
        between = np.linspace(path.min(), path.max(), 500)
        assert height("ripples", between).max() <= height("ripples", start) + 1e-9


# -- where it ends ----------------------------------------------------------------------------


def test_the_valley_is_not_monotone_in_momentum():
    ends = [abs(Roller(start=3.5, beta=beta).numbers()["valley"]) for beta in (0.5, 0.9, 0.97)]
    assert ends == [pytest.approx(1.427, abs=0.01), pytest.approx(0, abs=1e-9), pytest.approx(1.427, abs=0.01)]


def test_entered_is_the_last_way_in():
    figure = Roller()
    found = figure.numbers()
    path, (_, ridges) = found["path"], rest_points("ripples")
    high = min(r for r in ridges if r > found["valley"])
    assert path[found["entered"] - 1] >= high > path[found["entered"] :].max()
    assert Roller(start=0.9).numbers()["entered"] == 0


def test_the_crevice_is_skipped():
    assert Roller(landscape="crevice", beta=0.5).numbers()["valley"] == pytest.approx(0, abs=1e-9)
    assert Roller(landscape="crevice", beta=0.95).numbers()["valley"] == pytest.approx(1.99, abs=0.01)


def test_no_valley_while_it_moves_and_where_it_diverges():
    still = Roller(landscape="plateau", start=-4.5, lr=0.01, beta=0)
    assert still.numbers()["valley"] is None and f"not at rest after {LONG} steps" in still.alt()
    gone = Roller(landscape="crevice", lr=4, beta=0.9)
    found = gone.numbers()
    assert found["valley"] is None and found["diverged_at"] == len(roll("crevice", -2.0, 4, 0.9, LONG))
    assert np.isfinite(found["potential"]).all() and "diverges" in gone.alt()
    gone.picture()


# -- state ------------------------------------------------------------------------------------


def test_a_landscape_brings_its_own_beginning():
    assert Roller(landscape="plateau").state() == {"beta": 0.9, "landscape": "plateau", "lr": 0.5, "start": -3.5, "steps": 100}
    moved = Roller()
    moved.start = 9
    assert moved.start == 3.5
    moved.landscape = "crevice"
    assert moved.start == -2.0


def test_words_carry_the_numbers():
    figure = Roller()
    found = figure.numbers()
    assert "comes to rest at 0.00 (the lowest valley)" in figure.alt() and f"step {found['entered']}" in figure.alt()
    assert f"{found['friction'][-1]:.3g}" in figure.alt() and f"{found['finite'][-1]:+.2g}" in figure.alt()


def test_the_picture_is_drawn_where_its_numbers_say():
    """The hill with its dots, position to the right; below it the energies stacked over the steps."""
    figure = Roller(start=2.5, beta=0.8)
    found = figure.numbers()
    hill, energy = figure.picture().axes
    ground, dots, start, end = (np.array(line.get_data()).T for line in hill.lines)
    np.testing.assert_allclose(ground[:, 1], height("ripples", ground[:, 0]))
    np.testing.assert_allclose(dots, np.c_[found["path"], found["potential"]])
    np.testing.assert_allclose([start[0], end[0]], [[2.5, found["potential"][0]], [found["path"][-1], found["potential"][-1]]])
    stack = np.cumsum([found["potential"], found["kinetic"], found["friction"]], axis=0)
    total, begin = (np.array(line.get_data()) for line in energy.lines)
    np.testing.assert_allclose(total, [np.arange(len(found["path"])), stack[-1]])
    assert set(begin[1]) == {found["potential"][0]}
    for area, top in zip(energy.collections, stack, strict=True):
        assert area.get_paths()[0].vertices[:, 1].max() == pytest.approx(top.max())


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("beta", [0.0, 0.8, 0.97])
def test_path_books_and_rest_are_the_same_in_the_browser(js, name, beta):
    figure = Roller(landscape=name, beta=beta)
    mine = figure.numbers()
    state = f"'{name}', {figure.start}, {figure.lr}, {beta}"
    theirs = js(
        f"(() => {{ const long = roller.roll({state}, roller.LONG), path = long.slice(0, {figure.steps + 1}), all = "
        f"roller.books('{name}', path, {figure.lr}, {beta});"
        f" return {{ path: Array.from(path), ...Object.fromEntries(Object.entries(all).map(([k, v]) => [k, Array.from(v)])), "
        f"...roller.rest(long, roller.restPoints('{name}')) }}; }})()"
    )
    for row in ("path", "potential", "kinetic", "friction", "finite"):
        np.testing.assert_allclose(theirs[row], mine[row], rtol=1e-9, atol=1e-11)
    assert theirs["entered"] == mine["entered"]
    assert theirs["valley"] == (None if mine["valley"] is None else pytest.approx(mine["valley"], abs=1e-9))


def test_a_valley_has_two_sides(js):
    """The landscape is symmetric: from the left it enters when it does from the right."""
    right, left = (Roller(start=start, beta=0.8).numbers()["entered"] for start in (3.0, -3.0))
    assert right == left > 0
    for start in (3, -3):
        assert (
            js(f"roller.rest(roller.roll('ripples', {start}, 0.01, 0.8, roller.LONG), roller.restPoints('ripples')).entered")
            == right
        )


def test_an_energy_beyond_the_starts_is_no_percentage(js):
    """Friction can take more than there was at the start where the steps add energy: 15 times, not 1505 %."""
    assert js("[roller.beside(4.39, 4.62), roller.beside(69.5, 4.62), roller.beside(1, 0)]") == [
        "4.39 (95 %)",
        "69.5 (15 times the start’s)",
        "1",
    ]


def test_landscapes_say_the_same_in_the_browser(js):
    found = js("roller.LANDSCAPES")
    assert list(found) == ALL and js("roller.LONG") == LONG
    for name, mine in LANDSCAPES.items():
        theirs = found[name]
        assert theirs["surface"] == mine["surface"].name and theirs["params"] == mine["surface"].params
        assert theirs["frame"] == [list(side) for side in mine["frame"]] and theirs["rates"] == list(mine["rates"])
        assert theirs["begin"] == mine["begin"]
        points = js(f"roller.restPoints('{name}')")
        for side, mine_side in zip(("valleys", "ridges"), rest_points(name), strict=True):
            np.testing.assert_allclose(points[side], mine_side, atol=1e-9)
