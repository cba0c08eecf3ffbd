"""The basin: how runs end, against exact fractions, the library and plain loops; and the browser's arithmetic against
Python's."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, rules, surfaces, theory
from momentum_lib.widgets import Basin, basin

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "07-ahead.ipynb"
HB = {"lr": 1 / 9, "beta": 4 / 9}


MODULES = {"basin": "basin", "engine": "engine"}


def full(rule, **hyper):
    return {name: hyper[name] for name in rule.hyper}


# -- how runs end -----------------------------------------------------------------------------


def test_the_cycle_is_the_exact_one():
    """792, -2208, 2592 over 1225, three points, in the order that starts with the largest; settled means what it says."""
    found = Basin().numbers()
    assert found["code"] == 3
    np.testing.assert_allclose(found["cycle"], [float(x) for x in theory.lessard_cycle("33/10")], atol=1e-9)
    run = descend(rules.heavy_ball, surfaces.lessard, [3.3], steps=200, **HB).points[:, 0]
    gap = np.abs(run[3:] - run[:-3])
    assert (gap[found["settled"] :] <= 1e-6).all() and gap[found["settled"] - 1] > 1e-6
    np.testing.assert_array_equal(found["path"], run[: found["settled"] + 13])


@pytest.mark.parametrize("start", ["3", "36/10", "5", "33/10", "28/10", "1", "-3"])
def test_rest_or_cycle_as_exact_fractions_say(start):
    cycle = theory.lessard_cycle(start)
    code, at = basin.endings(rules.heavy_ball, eval(start), **HB)
    assert int(code) == (0 if cycle is None else 3)
    if cycle is None:
        run = descend(rules.heavy_ball, surfaces.lessard, [eval(start)], steps=int(at), **HB).points[:, 0]
        assert np.abs(run[-2:]).max() <= 1e-6 < np.abs(run[-3:-1]).max()


def test_divergence_is_seen_where_descend_sees_it():
    for rule, lr in ((rules.heavy_ball, 0.15), (rules.nesterov, 0.1), (rules.gradient_descent, 0.12)):
        hyper = full(rule, lr=lr, beta=0.1)
        code, at = basin.endings(rule, 2.0, **hyper)
        run = descend(rule, surfaces.lessard, [2.0], steps=1000, **hyper)
        assert code == basin.DIVERGES and at == run.diverged_at


def test_past_the_edge_the_runs_wander():
    """The minimum repels and the flat piece pulls back: bounded, and no period up to 24."""
    edge = float(basin.edge(rules.heavy_ball, 4 / 9))
    assert edge == pytest.approx(2 * (1 + 4 / 9) / 25)
    code, at = basin.endings(rules.heavy_ball, 3.3, lr=1.02 * edge, beta=4 / 9)
    run = descend(rules.heavy_ball, surfaces.lessard, [3.3], steps=3000, lr=1.02 * edge, beta=4 / 9).points[-500:, 0]
    assert code == basin.WANDERS and at == basin.STEPS
    assert np.abs(run).max() < 10 and min(np.abs(run[p:] - run[:-p]).max() for p in range(1, 25)) > 0.1


def test_many_runs_at_once_end_as_single_ones():
    """Runs that end are taken out of the batch: none may take another's place."""
    starts, lrs = np.linspace(-5, 6, 23), np.array([[0.05], [1 / 9], [0.125], [0.15]])
    codes, at = basin.endings(rules.heavy_ball, starts, lr=lrs, beta=0.5)
    assert codes.shape == at.shape == (4, 23) and len(np.unique(codes)) >= 4
    for (j, i), code in np.ndenumerate(codes):
        one = basin.endings(rules.heavy_ball, starts[i], lr=lrs[j, 0], beta=0.5)
        assert (int(one[0]), int(one[1])) == (code, at[j, i])


def test_a_slow_flip_is_not_called_a_longer_cycle():
    """Closing in on 3 points from both sides in turn repeats after 6 sooner; the answer is 3."""
    t = np.arange(48)
    column = np.array([2.0, 0.5, -1.5])[t % 3] + 4e-9 * (-1.0) ** (t // 3)
    assert basin.periods(column[:, None]).tolist() == [3]
    assert basin.periods(np.sin(t)[:, None]).tolist() == [0]
    assert basin.periods((1.0 * (t % 6))[:, None]).tolist() == [6]
    assert (basin.endings(rules.heavy_ball, 5.0, lr=0.15, beta=0.9)[0]) == 3


def test_periods_are_those_of_a_longer_run():
    """Cycles of three and of five points side by side, each the smallest period of 3000 steps."""
    starts = basin.STRIP[5::20]
    codes, _ = basin.endings(rules.heavy_ball, starts, lr=0.15, beta=0.9)
    assert {3, 5} <= set(codes.tolist())
    for start, code in zip(starts, codes, strict=True):
        run = descend(rules.heavy_ball, surfaces.lessard, [start], steps=3000, lr=0.15, beta=0.9).points[-200:, 0]
        smallest = next(p for p in range(1, 25) if np.abs(run[p:] - run[:-p]).max() < 1e-6)
        assert code == (0 if np.abs(run).max() < 1e-6 else smallest)


def test_only_heavy_ball_cycles_below_its_edge():
    lrs, betas = np.meshgrid(*basin.MAP)
    for rule, cycles in ((rules.heavy_ball, True), (rules.nesterov, False), (rules.gradient_descent, False)):
        hyper = full(rule, lr=lrs, beta=betas)
        below = lrs < basin.edge(rule, betas) - 1e-9
        found = any((basin.endings(rule, start, **hyper)[0][below] > 0).any() for start in (3.3, -2.0, 5.2))
        assert found == cycles, rule.name


def test_share_strip_and_map_meet_the_single_run():
    fig = Basin(start=3.2875, lr=0.11125, beta=0.45)  # the middles of cells
    found = fig.numbers()
    i, j = int(np.argmin(np.abs(basin.MAP[0] - 0.11125))), int(np.argmin(np.abs(basin.MAP[1] - 0.45)))
    k = int(np.argmin(np.abs(basin.STRIP - 3.2875)))
    assert (
        basin.STRIP[k] == pytest.approx(3.2875)
        and basin.MAP[0][i] == pytest.approx(0.11125)
        and basin.MAP[1][j] == pytest.approx(0.45)
    )
    assert found["strip"][k] == found["map"][j, i] == found["code"]
    assert found["share"] == np.count_nonzero(found["strip"] > 0) / 440


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "goes round 3 points for ever: 2.116, 0.6465, -1.802"),
        ({}, "On Lessard's function heavy ball at"),
        ({"rule": "nesterov", "lr": 0.15}, "On Lessard's function Nesterov at"),
        ({}, " % end in a cycle"),
        ({"start": 3.0}, "comes to rest in the minimum by step"),
        ({"lr": 0.118}, "neither comes to rest nor repeats itself in 1000 steps"),
        ({"lr": 0.15}, "diverges at step"),
        ({"rule": "gradient_descent", "lr": 0.05}, "at learning rate 0.05, from 3.3, comes to rest"),
    ],
)
def test_alt_says_how_it_ends(state, words):
    fig = Basin(**state)
    assert words in fig.alt()
    fig.picture()


def test_the_picture_is_drawn_where_its_numbers_say():
    """Points on the function and down the steps, the start on its strip, the setting on its map; full cells are cycles."""
    fig = Basin(start=3.2875, lr=0.11125, beta=0.45)
    found = fig.numbers()
    places = fig.picture().axes
    hill, strip, fall, field = (
        next(ax for ax in places if name in (ax.get_ylabel(), ax.get_xlabel())) for name in ("f", "start", "step", "momentum")
    )
    points = {
        ax: [np.array(line.get_data()).T for line in ax.lines if line.get_marker() == "o"][-1]
        for ax in (hill, strip, fall, field)
    }
    np.testing.assert_allclose(points[hill], np.c_[found["path"], surfaces.lessard.value(found["path"][None])])
    np.testing.assert_allclose(points[fall], np.c_[found["path"], np.arange(len(found["path"]))])
    np.testing.assert_allclose([points[strip][0, 0], *points[field][0]], [3.2875, 0.11125, 0.45])
    full = [area for area in strip.collections if area.get_facecolor().size and not area.get_hatch()]
    width = sum(np.ptp(area.get_paths()[0].vertices[:, 0]) for area in full)
    assert width / (basin.STRIP[1] - basin.STRIP[0]) == pytest.approx(np.count_nonzero(found["strip"] > 0))


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("rule", basin.RULES)
@pytest.mark.parametrize(("lr", "beta"), [(1 / 9, 4 / 9), (0.15, 0.9), (0.118, 4 / 9), (0.04, 2 / 3), (0.155, 0.2)])
def test_trace_and_strip_are_the_same_in_the_browser(js, rule, lr, beta):
    fig = Basin(rule=rule, lr=lr, beta=beta, start=2.9)
    mine, theirs = (
        fig.numbers(),
        js(f"(({{path, ...rest}}) => ({{...rest, path: Array.from(path)}}))(basin.trace('{rule}', 2.9, {lr!r}, {beta!r}))"),
    )
    assert (theirs["code"], theirs["at"], theirs["settled"]) == (mine["code"], mine["at"], mine["settled"])
    np.testing.assert_allclose(theirs["cycle"], mine["cycle"], rtol=1e-12)
    np.testing.assert_allclose(theirs["path"], mine["path"], rtol=1e-12, atol=1e-15)
    assert js(f"Array.from(basin.strip('{rule}', {lr!r}, {beta!r}))") == mine["strip"].tolist()
    assert js(f"basin.edge('{rule}', {beta!r})") == pytest.approx(mine["edge"], rel=1e-9)


@pytest.mark.parametrize("start", [3.3, -3.3])
def test_a_cycle_starts_with_its_largest_point(js, start):
    """Wherever in it the run stands when its end is known."""
    cycle = Basin(start=start).numbers()["cycle"]
    assert cycle[0] == max(cycle) > 2
    np.testing.assert_allclose(js(f"basin.trace('heavy_ball', {start}, {1 / 9!r}, {4 / 9!r}).cycle"), cycle, rtol=1e-12)


def test_map_is_the_same_in_the_browser(js):
    mine = Basin().numbers()["map"]
    for j in (0, 20, 22, 33, 47):
        assert js(f"Array.from(basin.row('heavy_ball', 3.3, {j}))") == mine[j].tolist()
    np.testing.assert_allclose(js("Array.from(basin.STRIP)"), basin.STRIP, rtol=1e-15)
    for name, middles in zip(("lrs", "betas"), basin.MAP, strict=True):
        np.testing.assert_allclose(js(f"Array.from(basin.MAP.{name})"), middles, rtol=1e-15)


def test_a_page_that_forbids_compiling_sees_the_same(js):
    expression = (
        "[['heavy_ball', 0.15, 0.9], ['nesterov', 0.09, 0.5], ['heavy_ball', 0.118, 0.44]].map(([r, lr, b]) => "
        "Array.from(basin.strip(r, lr, b)).filter((_, k) => k % 11 === 0))"
    )
    assert js(expression) == js(expression, before="engine.forbidCompiling(true);\n")


def test_cells_cover_what_they_should(js):
    """Rows from below, neighbours joined, nothing beside the wanted cells."""
    box = "{left: 0, right: 40, top: 0, bottom: 20}"
    assert (
        js(f"basin.cells([3, 3, 0, 5, 0, 0, 0, 0], 4, (code) => code > 0, {box})")
        == "M0.0,20.0H20.0V10.0H0.0ZM30.0,20.0H40.0V10.0H30.0Z"
    )
    assert js(f"basin.cells([0, 0, 0, 0, -2, -2, -2, -2], 4, (code) => code === -2, {box})") == "M0.0,10.0H40.0V0.0H0.0Z"


def test_words_of_the_chapter_that_set_the_figure_lead_to_a_run_that_ends():
    """Another rule at the rate of the one before may be past its edge, and then the sentence promises what nobody sees."""
    text = NOTEBOOK.read_text("utf-8")
    words = re.findall(r"\{set\}`([^<`]+)<basin(?:\.2)? ([^>]+)>`", text)
    assert len(words) >= 4
    for said, setting in words:
        values = dict(pair.split("=") for pair in setting.split() if "=" in pair)
        state = {name: value if name == "rule" else float(value) for name, value in values.items()}
        found = Basin(**state).numbers()
        assert found["code"] != basin.DIVERGES, said
        if state.get("rule") == "nesterov":
            rates, betas = basin.MAP
            left = rates[None] < (2 * (1 + betas) / (25 * (1 + 2 * betas)))[:, None]  # of its edge, where the curvature is 25
            assert found["code"] == 0 and found["share"] == 0 and not (found["map"][left] > 0).any(), said
