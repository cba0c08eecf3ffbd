"""The stage opens with what its sentence says, the front page says the figures' numbers; relief; one rule in other units."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, relief, rules, surfaces, theory
from momentum_lib.widgets import Race, Stage, stage, tuning

ROOT = Path(__file__).parents[1]
MODULES = {"stage": "stage", "relief": "relief", "tune": "tune", "rules": "generated/rules"}
FRONT = (ROOT / "book" / "intro.md").read_text("utf-8")


# -- the stage ---------------------------------------------------------------------------------


def test_it_opens_with_the_zigzag_and_the_ball_that_runs_along_the_floor():
    figure = Stage()
    assert figure.lr == round(theory.best_gradient_descent(1, 25).lr, 4)  # gradient descent's own best: as fair as one rate is
    plain, ball = figure.numbers()["left"]
    assert (stage.percent(plain), stage.percent(ball)) == ("20 %", "0.9 %")
    assert figure.numbers()["said"] == "With memory 0.52 the blue ball is 21 times nearer than the orange one after 20 steps."
    across = [path.points @ [-np.sin(0.3), np.cos(0.3)] for path in figure.paths().values()]
    assert (np.sign(across[0][1:]) != np.sign(across[0][:-1])).all()  # one crosses the floor with every step ...
    still = [np.abs(each[8:]).max() / abs(each[0]) for each in across]
    assert still[0] > 0.5 and still[1] < 0.15  # ... the other has come down to it


def test_without_memory_both_are_one_and_with_much_it_swings_past():
    same = Stage(beta=0).numbers()
    assert same["gradient_descent"] == same["heavy_ball"] and "the two balls are one" in same["said"]
    much = Stage(beta=0.99)
    along = much.paths()["heavy_ball"].points @ [np.cos(0.3), np.sin(0.3)]
    assert along[0] < -2 and along.max() > 2 and "swings out and past" in much.numbers()["said"]


LR = 0.0769
CASES = [(0.52, LR, 0.2013, 0.0094), (0, LR, 0.2, 0.2), (0.99, LR, 0.2, 0.9), (0.3, LR, 0.2, 0.2), (0.5, 0.1, 7, 0.03),
         (0.1, 0.12, 1e4, 300), (0.99, 0.1, 5, 1.2), (0.4, LR, 0, 0), (0.6, LR, 0.2, 0), (0.1234, LR, 0.2, 0.0312)]  # fmt: skip


def test_the_browser_says_the_same(js):
    assert js(f"{json.dumps(CASES)}.map((each) => stage.sentence(...each))") == [stage.sentence(*each) for each in CASES]
    parts = [0, 0.00123, 0.0094, 0.0951, 0.2013, 1, 9.9, 12]
    assert js(f"{json.dumps(parts)}.map(stage.percent)") == [stage.percent(part) for part in parts]


def test_the_start_may_be_the_minimum(tmp_path):
    figure = Stage(start=(0, 0))
    assert figure.numbers()["left"] == [0, 0] and "stay there" in figure.alt()
    figure.picture().savefig(tmp_path / "still.svg")


# -- the front page -----------------------------------------------------------------------------


def test_the_front_pages_steps_are_the_figures_and_the_chapters():
    said = [
        int(number) for number in re.findall(r"\b(\d+)\*{0,2}(?= steps|\.$| and)", FRONT[FRONT.index("On this ravine") :], re.M)
    ]
    race = Race().numbers()
    spectrum = surfaces.quadratic(np.geomspace(0.01, 1, 50))
    many = [
        descend(rule, spectrum, np.ones(50), steps=700, lr=best.lr, **memory).steps_to(1e-6)
        for rule, best, memory in (
            (rules.gradient_descent, theory.best_gradient_descent(0.01, 1), {}),
            (rules.heavy_ball, theory.best_heavy_ball(0.01, 1), {"beta": theory.best_heavy_ball(0.01, 1).beta}),
        )
    ]
    assert said[:4] == [race["gradient_descent"]["steps_to"], race["heavy_ball"]["steps_to"], *many]


def test_the_stage_stands_above_the_text_and_the_race_below():
    assert FRONT.index("```{live} stage") < FRONT.index("Gradient descent zigzags") < FRONT.index("```{live} race")


# -- one rule in other units ---------------------------------------------------------------------


@pytest.mark.parametrize("surface", ["ravine", "bowl", "curved_valley", "plateau"])
@pytest.mark.parametrize("name", ["averaged_momentum", "polyak", "classical_momentum", "nesterov_lerp"])
def test_one_rule_in_other_units_draws_one_path(surface, name):
    """At its best setting averaged momentum is heavy ball at its best: a race shows one path, and one number of steps."""
    pair = (tuning.leader(rules.get(name)).name, name)
    one, other = (descend(rules.get(rule), surfaces.get(surface), steps=100, **tuning.best(surface, rule)) for rule in pair)
    np.testing.assert_allclose(one.points, other.points, rtol=1e-6, atol=1e-9)


def test_leaders_are_the_same_in_the_browser(js):
    found = js("Object.values(rules.RULES).map((rule) => [rule.name, tune.leader(rule).name])")
    assert dict(found) == {name: tuning.leader(rules.get(name)).name for name, _ in found}
    assert dict(found)["averaged_momentum"] == "heavy_ball" and dict(found)["nesterov"] == "nesterov"


# -- relief ---------------------------------------------------------------------------------------

GRID = """const grid = (f, nx = 41, ny = 31) => { const values = new Float64Array(nx * ny);
    for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++) values[j * nx + i] = f(i / (nx - 1) * 2 - 1, j / (ny - 1) * 2 - 1);
    return { values, nx, ny }; };"""


def test_slopes_that_face_north_west_are_bright(js):
    """Down to the left and up is bright, down to the right and down dark; flat ground lies between."""
    planes = js(
        "[[1, -1], [1, 1], [-1, 1], [0, 0]].map(([a, b]) => relief.shades(grid((x, y) => a * x + b * y))[15 * 41 + 20])", GRID
    )
    bright, beside, dark, flat = planes
    assert bright > 0.8 > beside > 0.4 > dark and dark < flat < bright
    bowl = np.reshape(js("Array.from(relief.shades(grid((x, y) => x * x + y * y)))", GRID), (31, 41))
    assert bowl[5, 35] > bowl[25, 5] + 0.3  # the wall in the south-east faces the light, the one in the north-west does not
    assert bowl.min() >= 0 and bowl.max() <= 1


HILLS = {  # the same function in JavaScript and in Python
    "a bowl": ("x * x + 9 * y * y", lambda x, y: x * x + 9 * y * y),
    "a slope into the infinite": ("x > 0.5 ? Infinity : x - y * y", lambda x, y: np.where(x > 0.5, np.inf, x - y * y)),
    "flat ground": ("3", lambda x, y: 3 + 0 * x),
}


@pytest.mark.parametrize("hills", HILLS)
def test_a_drawn_figure_has_the_shades_of_the_live_ones(js, hills):
    text, function = HILLS[hills]
    theirs = np.reshape(js(f"Array.from(relief.shades(grid((x, y) => {text}), 0.7))", GRID), (31, 41))
    x, y = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 31))
    np.testing.assert_allclose(relief.shades(function(x, y), 0.7), theirs, atol=1e-12)


def test_shadow_is_black_and_light_is_white_in_a_drawn_figure():
    """The light comes from the north-west: of a bowl's walls the one over there is in the shade, and the opposite one lit."""
    _, ax = plt.subplots()
    paint = relief.draw(surfaces.bowl, ax).get_array()
    plt.close()
    shade, lit = paint[-1, 0], paint[0, -1]
    assert set(shade[:3]) == {0} and shade[3] > 0.1 and set(lit[:3]) == {1} and lit[3] > 0.1


def test_a_relief_knows_no_units(js):
    one, other = (js(f"Array.from(relief.shades(grid((x, y) => {k} * (x * x + 9 * y * y))))", GRID) for k in (1, 1e6))
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert np.isfinite(js("Array.from(relief.shades(grid((x, y) => (x > 0.5 ? Infinity : x))))", GRID)).all()
    assert len(set(js("Array.from(relief.shades(grid(() => 3)))", GRID))) == 1


def test_a_cell_is_as_wide_as_high_where_nothing_else_is_said(js):
    hills = "relief.shades(grid((x, y) => x * x + 3 * y)"
    usual, square, wide = js(f"[{hills}), {hills}, 1), {hills}, 2)].map((found) => Array.from(found))", GRID)
    assert usual == square != wide


def test_it_is_night_on_a_dark_page(js):
    """Light is brighter than shade in both; by day light is the page's own ground, at night shade is darker than it."""
    pages = "[{ ground: [255, 255, 255], text: [90, 100, 110] }, { ground: [20, 24, 31], text: [154, 166, 178] }]"
    day, night = js(f"{pages}.map(relief.tones)")
    assert day["light"] == [255, 255, 255] and max(day["shade"]) < 190
    assert max(night["shade"]) < 20 < min(night["light"]) and max(night["light"]) < 100
    pixels = js("Array.from(relief.reliefPixels(Float64Array.of(0, 1), 1, 2, { shade: [1, 2, 3], light: [101, 102, 103] }))")
    assert pixels == [101, 102, 103, 255, 1, 2, 3, 255]  # the first row is the top of the picture
    shares = np.arange(6) / 5
    wide = js(f"Array.from(relief.reliefPixels({shares.tolist()}, 3, 2, {{ shade: [0, 50, 200], light: [100, 50, 0] }}))")
    mixed = np.outer(np.flipud(shares.reshape(2, 3)), [100, 0, -200]) + [0, 50, 200]
    np.testing.assert_array_equal(np.reshape(wide, (6, 4)), np.c_[np.rint(mixed), np.full(6, 255)])
