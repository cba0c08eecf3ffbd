"""The record browser in a real browser: curves, bands and read-outs under every hand are Python's."""

import copy
import json

import numpy as np
import pytest

from momentum_lib.widgets import Curves
from momentum_lib.widgets._base import show
from momentum_lib.widgets.curves import EXPERIMENTS, apart, excerpts, limits, smooth
from tests.browser import live, marks
from tests.browser.live import first
from tests.test_widgets_curves import CONTEST, GRID, RECORDS

RUNS = excerpts(GRID, CONTEST)
MINE = {"runs": RUNS, "experiment": "momentum, cpu"}
OTHER = {"runs": RUNS, "beta": 0.5}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("curves"), [Curves(**MINE), Curves(), Curves(**OTHER)], static=True)


def agrees(shown):
    """Everything that is drawn equals Python's for the state that is shown."""
    state = shown["state"]
    figure = Curves(**state)
    expected = figure.numbers()
    assert (shown["steps"], shown["step"]) == (expected["steps"], expected["step"])
    assert shown["half_life"] == pytest.approx(expected["half_life"], rel=1e-12)
    assert [side["name"] for side in shown["sides"]] == [side["name"] for side in expected["sides"]]
    for ours, theirs in zip(shown["sides"], expected["sides"], strict=True):
        for name in ("mean", "low", "high", "raw"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12)
        for name in ("value", "end", "sd", "diverged"):
            assert ours[name] == pytest.approx(theirs[name])
        assert len(ours["losers"]) == len(theirs["losers"])
        for a, b in zip(ours["losers"], theirs["losers"], strict=True):
            np.testing.assert_allclose(a, smooth(b, figure.beta), rtol=1e-12)
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def cursor(page):
    return first(page).locator(".lf-handle")


def values(page):
    return first(page).locator(".lf-side-now").all_inner_texts()


def choose(page, name, value):
    first(page).locator(f'[data-control="{name}"] select').select_option(value)


def pick(page, name, value):
    first(page).locator(f'[data-control="{name}"] input[value="{value}"]').check(force=True)


def switch(page, side, on):
    first(page).locator(f'.lf-sides input[value="{side}"]').set_checked(on)


def frame(page):
    """The picture's frame in pixels, from its clip path: left, top, width, height."""
    rect = first(page).locator(".lf-plot clipPath rect")
    return [float(rect.get_attribute(name)) for name in ("x", "y", "width", "height")]


def vertices(page, selector, k=0):
    """The vertices of a drawn line in pixels."""
    d = first(page).locator(selector).nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Curves(**MINE).state()
        found = Curves(**MINE).numbers()
        assert [float(text) for text in values(page)] == [pytest.approx(side["value"], rel=1e-3) for side in found["sides"]]
        assert first(page).locator(".lf-readouts dd").first.inner_text() == "1200"
        for index, figure in ((1, Curves()), (2, Curves(**OTHER))):
            live.ready(page, index)
            assert agrees(live.numbers(page, index)) == figure.state()


@pytest.mark.parametrize(
    ("axes", "fx", "fy"), [("linear", float, float), ("log loss", float, np.log), ("log both", np.log, np.log)]
)
def test_a_curve_is_drawn_where_its_numbers_say(browser, address, axes, fx, fy):
    """Pixels along both axes are one linear map of the (logarithms of the) numbers, and the frame holds every curve."""
    with live.open_page(browser, address) as page:
        live.open_drawers(page)
        pick(page, "axes", axes)
        assert matches(page)["axes"] == axes
        found = Curves(**MINE).numbers()
        left, top, width, height = frame(page)
        drawn = vertices(page, ".lf-plot .lf-curve", 1)
        ends = [found["steps"].index(step) for step in (found["steps"][0], found["steps"][-1])]
        for numbers, f, pixels in (
            (np.array(found["steps"], float), fx, drawn[:, 0]),
            (found["sides"][1]["mean"], fy, drawn[:, 1]),
        ):
            mapped = np.array([f(v) for v in numbers])
            slope = (pixels[-1] - pixels[0]) / (mapped[ends[1]] - mapped[ends[0]])
            expected = pixels[0] + slope * (mapped - mapped[0])
            for pixel in pixels:  # a vertex that cannot be told from the one before is left out
                assert np.abs(expected - pixel).min() < 0.1
        assert drawn[:, 0].min() >= left - 0.1 and drawn[:, 1].min() >= top - 0.1 and drawn[:, 1].max() <= top + height + 0.1
        assert drawn[-1, 0] == pytest.approx(left + width, abs=0.1)
        assert first(page).locator(".lf-axes text").count() >= 6


GONE = copy.deepcopy(RUNS)  # a side none of whose seeds came as far as its first point
GONE["best, cpu"]["sides"][1] |= {"training": [[], []], "held_out": [[], []], "ends": [None, None]}
DRAWN = [
    {},
    {"runs": GONE, "experiment": "best, cpu", "beta": 0.5},
    {"experiment": "best, cpu", "axes": "log both", "beta": 0.9, "losing": True, "at": 0.3},
    {"experiment": "momentum, cpu", "rule": "adamw", "axes": "log loss", "beta": 0.995, "at": 0.0},
    {"experiment": "momentum, cpu", "sides": "heavy_ball 0.9,heavy_ball 0.99", "quantity": "held out", "losing": True, "at": 0.5},
]


def ends(side):
    """What a row says of how its side's seeds end."""
    there = [end for end in side["ends"] if end is not None]
    if not there:
        return "all seeds diverged"
    sd = f" ± {show(np.std(there, ddof=1), 2)}" if len(there) > 1 else ""
    flown = len(side["ends"]) - len(there)
    return f"ends {show(np.mean(there), 4)}{sd} held out{f', {flown} diverged' if flown else ''}"


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state in DRAWN:
            figure = Curves(**{**MINE, **state})
            seen, found = marks.drawn(page, **figure.state()), figure.numbers()
            part, shown = figure.chosen()
            group = shown[0]["group"]
            every = [side for side in part["sides"] if side["group"] == group]
            steps, now, sides = np.array(found["steps"], dtype=float), found["step"], found["sides"]
            assert list(seen.readouts.values()) == [
                str(now),
                f"{show(found['half_life'])} steps" if figure.beta else "not smoothed",
            ]
            assert seen.sentence == figure.sentence()
            drawn = {side["name"]: side for side in sides}
            for row, side in zip(seen.rows, every, strict=True):
                mine = drawn.get(side["name"])
                value = "–" if mine is None else "diverged" if mine["value"] is None else show(mine["value"], 4)
                assert row["cells"] == [side["title"], f"rate {show(side['lr'], 2)}", value, ends(side)]
                assert row["out"] is (mine is None)

            log = {"linear": "", "log loss": "y", "log both": "xy"}[figure.axes]
            x, y = (steps[0] if "x" in log else 0, steps[-1]), limits(found, bool(log))
            plot = seen.picture(0, x, y, log)
            plot.check_ticks()
            quantity = {"training": "training", "held out": "held-out"}[figure.quantity]
            assert plot.names == ["step", f"{quantity} loss, nats a byte"]
            kinds = ("area", "loser", "faint", "curve", "lead")
            bands, losers, raws, means, leads = (plot.find(kind) for kind in kinds)
            names = plot.find("end-name", tag="text")
            rows = [side for side in sides if len(side["mean"])]
            tops = [np.clip(plot.pixels(np.array([[x[1], side["mean"][-1]]]))[0, 1], plot.low[1], plot.high[1]) for side in rows]
            heights = dict(zip([side["name"] for side in rows], apart(tops, 15, plot.low[1] + 2, plot.high[1] - 2), strict=True))
            for k, side in enumerate(every):
                mine = drawn.get(side["name"])
                if mine is None:
                    assert (
                        bands[k]["d"]
                        == losers[k]["d"]
                        == raws[k]["d"]
                        == means[k]["d"]
                        == leads[k]["d"]
                        == names[k]["words"]
                        == ""
                    )
                    continue
                curve = lambda values, steps=steps: np.c_[steps[: len(values)], values]  # noqa: E731
                plot.follows(bands[k], [*curve(mine["high"]), *curve(mine["low"])[::-1]])
                plot.follows(means[k], curve(mine["mean"]))
                plot.follows(raws[k], curve(mine["raw"]) if figure.beta else [])
                lost = [smooth(values, figure.beta) for values in mine["losers"]]
                plot.follow_all(losers[k], [curve(values) for values in lost])
                assert {part[k]["look"] for part in (bands, losers, raws, means, leads)} == {side["look"]}
                assert (means[k]["dash"] or "none") in (side["dash"] or "none", side["dash"].replace(" ", ", "))
                title = side["title"].replace("momentum", "β") if group else side["title"].split(",")[0]
                label = names[k]
                if not len(mine["mean"]):
                    assert label["words"] == leads[k]["d"] == ""
                    continue
                assert label["words"] == title
                height = heights[side["name"]]
                assert label["seen"] and label["at"][0] == pytest.approx(plot.high[0] + 16, abs=20)
                assert label["at"][1] == pytest.approx(height + 4, abs=12)
                ((start, corner, end),) = marks.vertices(leads[k])
                tip = plot.pixels(np.array([[steps[len(mine["mean"]) - 1], mine["mean"][-1]]]))[0]
                np.testing.assert_allclose(start, [tip[0] + 2, np.clip(tip[1], plot.low[1], plot.high[1])], atol=0.06)
                np.testing.assert_allclose([*corner, *end], [plot.high[0] + 3, start[1], plot.high[0] + 13, height], atol=0.06)
            (cursor,), (rings,) = plot.find("guide"), plot.find("dots")
            plot.follows(cursor, [(now, y[0]), (now, y[1])])
            plot.marks(rings, [(now, side["value"]) for side in sides if side["value"] is not None])
            told = plot.handle("The step at which the losses are read", (now, y[0]))
            titles = {side["name"]: side["title"] for side in every}
            values = [
                f"{titles[side['name']]}: {'diverged' if side['value'] is None else show(side['value'], 4)}" for side in sides
            ]
            assert told == f"step {now}: {'; '.join(values)}"


def test_the_band_holds_the_mean(browser, address):
    with live.open_page(browser, address) as page:
        band, mean = vertices(page, ".lf-plot .lf-area"), vertices(page, ".lf-plot .lf-curve")
        assert band[:, 1].min() < mean[:, 1].min() and band[:, 1].max() > mean[:, 1].max()


def test_experiment_and_rule(browser, address):
    with live.open_page(browser, address) as page:
        choose(page, "rule", "adamw")
        assert matches(page)["rule"] == "adamw"
        choose(page, "experiment", "best, cpu")
        state = matches(page)
        assert (state["experiment"], state["rule"]) == ("best, cpu", "")
        assert not first(page).locator('[data-control="rule"]').is_visible()
        assert first(page).locator(".lf-sides li").count() == 3
        dashes = (
            first(page)
            .locator(".lf-sides .lf-line")
            .evaluate_all("all => all.map((e) => getComputedStyle(e).stroke + e.style.strokeDasharray)")
        )
        assert len(set(dashes)) == 3


def test_sides_are_switched_and_the_last_one_stays(browser, address):
    with live.open_page(browser, address) as page:
        switch(page, "heavy_ball 0.9", False)
        assert matches(page)["sides"] == "heavy_ball 0,heavy_ball 0.99"
        assert values(page)[1] == "–"
        switch(page, "heavy_ball 0", False)
        assert len(live.numbers(page)["sides"]) == 1
        switch(page, "heavy_ball 0.9", True)
        switch(page, "heavy_ball 0", True)
        assert matches(page)["sides"] == ""


def test_smoothing_and_its_half_life(browser, address):
    with live.open_page(browser, address) as page:
        assert vertices_of_raw(page) == ""
        live.type_into(page, "beta", "0.9")
        assert matches(page)["beta"] == 0.9 and vertices_of_raw(page) != ""
        assert first(page).locator(".lf-readouts dd").nth(1).inner_text() == "197 steps"
        live.control(page, "beta").focus()
        page.keyboard.press("ArrowLeft")
        assert matches(page)["beta"] < 0.9


def vertices_of_raw(page):
    return first(page).locator(".lf-plot .lf-faint").first.get_attribute("d")


def test_losing_settings_and_held_out_loss(browser, address):
    with live.open_page(browser, address) as page:
        live.open_drawers(page)
        live.control(page, "losing", "checkbox").check()
        assert matches(page)["losing"] is True
        assert len(live.numbers(page)["sides"][0]["losers"]) == 2
        assert len(vertices(page, ".lf-loser")) > 30
        pick(page, "quantity", "held out")
        assert matches(page)["quantity"] == "held out" and live.numbers(page)["steps"] == [600, 1200]


def test_keys_read_point_by_point(browser, address):
    with live.open_page(browser, address) as page:
        cursor(page).focus()
        page.keyboard.press("ArrowLeft")
        assert live.numbers(page)["step"] == 1170
        page.keyboard.press("Shift+ArrowLeft")
        assert live.numbers(page)["step"] == 870
        page.keyboard.press("Home")
        assert live.numbers(page)["step"] == 30
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("PageUp")
        assert live.numbers(page)["step"] == 330
        matches(page)
        assert cursor(page).get_attribute("aria-valuetext").startswith("step 330: momentum 0: ")


def test_hover_reads_and_leaves_nothing_a_click_stays(browser, address):
    with live.open_page(browser, address) as page:
        box, (left, top, width, tall) = first(page).locator(".lf-plot svg").bounding_box(), frame(page)
        page.mouse.move(box["x"] + left + width * 0.5, box["y"] + 60)
        assert live.numbers(page)["step"] == 600 and first(page).locator(".lf-readouts dd").first.inner_text() == "600"
        assert live.numbers(page)["state"]["at"] == 1
        across, up = box["x"] + left + width * 0.5, box["y"] + top + tall / 2
        for x, y in ((across, box["y"] + top + tall + 6), (box["x"] + left - 6, up), (box["x"] + left + width + 6, up)):
            page.mouse.move(x, y)  # beside the frame
            assert live.numbers(page)["step"] == 1200, (x, y)
        page.mouse.move(across, up)
        assert live.numbers(page)["step"] == 600
        page.mouse.move(across, box["y"] - 40)
        assert live.numbers(page)["step"] == 1200
        page.mouse.click(box["x"] + left + width * 0.25, box["y"] + 60)
        page.mouse.move(5, 5)
        assert live.numbers(page)["step"] == 300
        matches(page)


def test_mouse_and_finger_drag_the_cursor(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, cursor(page), -200, 0)
        page.mouse.move(5, 5)
        assert 0.5 < matches(page)["at"] < 0.95
        live.drag(page, cursor(page), -3000, 0)
        page.mouse.move(5, 5)
        assert matches(page)["at"] == 0
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        cursor(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, cursor(page).locator(".lf-ring"), -90, 0)
        assert matches(page)["at"] < 0.9 and page.evaluate("scrollY") == before


def test_copied_python_says_the_same(browser, address, monkeypatch):
    from momentum_lib import records

    monkeypatch.setattr(records, "load", lambda name: {"momentum-cpu": GRID, "best-cpu": CONTEST}[name])
    with live.open_page(browser, address) as page:
        choose(page, "rule", "adamw")
        live.type_into(page, "beta", "0.5")
        names, printed = live.run_python(live.python_of(page))
        assert printed.strip() == Curves(**live.numbers(page)["state"]).alt()
        choose(page, "experiment", "best, cpu")
        assert live.run_python(live.python_of(page))[0]["figure"].numbers()["sides"][0]["name"] == "gradient_descent"
        live.ready(page, 1)
        assert live.run_python(live.python_of(page, 1))[1].strip() == Curves().alt()


def test_link_and_hostile_link(browser, address):
    def change(page):
        choose(page, "rule", "adamw")
        switch(page, "adamw 0.9", False)
        live.type_into(page, "beta", "0.7")

    live.link_restores(browser, address, change, matches, Curves(**MINE), [Curves(), Curves(**OTHER)])
    live.hostile_link_is_clamped(
        browser,
        address,
        "beta=7&at=-3&axes=cubic&rule=%3Cb%3E&runs=1&experiment=nope",
        matches,
        Curves(**MINE),
        beta=0.995,
        at=0,
        rule="<b>",
        experiment="nope",
    )


def test_static_picture(browser, address):
    live.static_picture_stands(browser, address, "at step 1200: momentum 0: 3.")


def test_fits_a_phone_and_is_accessible(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)


def test_leaves_nothing(browser, address):
    state = live.leaves_nothing(browser, address, Curves(**MINE))
    assert state["runs"] == json.loads(json.dumps(RUNS))


def test_a_redraw_is_quick(browser, address):
    with live.open_page(browser, address) as page:
        assert live.redraw_ms(page, "m.set('beta', k / 40)") < 30


def boxes(page, index=0):
    """Name and box of each curve's name at its end."""
    return (
        page.locator(".lf")
        .nth(index)
        .evaluate(
            """(root) => [...root.querySelectorAll(".lf-end-name")].filter((n) => n.textContent)
          .map((n) => [n.textContent, ...["left", "top", "right", "bottom"].map((side) => n.getBoundingClientRect()[side])])"""
        )
    )


@pytest.mark.parametrize("width", [1366, 390])
def test_names_stand_at_the_ends_of_the_curves_and_none_on_another(browser, address, width):
    """They stood in a table below, beside dash patterns of one colour."""
    with live.open_page(browser, address, width=width, height=844) as page:
        for experiment in ("momentum, cpu", "best, cpu"):
            choose(page, "experiment", experiment)
            live.numbers(page)
            found = boxes(page)
            assert len(found) == 3, found
            rows = sorted(found, key=lambda row: row[2])
            assert all(low[2] >= high[4] - 4 for high, low in zip(rows, rows[1:])), rows
            assert max(row[3] for row in rows) <= width
        assert {name for name, *_ in found} == {"Gradient descent", "AdamW", "Muon"}


def test_one_side_is_lit_and_the_others_recede(browser, address):
    """By its row under pointer or focus, or by its curve."""
    with live.open_page(browser, address) as page:

        def lit():
            live.numbers(page)  # what was asked for is drawn
            return tuple(first(page).locator(f".lf-plot .lf-curve.{kind}").count() for kind in ("is-lit", "is-back"))

        assert lit() == (0, 0)
        first(page).locator(".lf-side-row").nth(1).hover()
        assert lit() == (1, 2)
        page.mouse.move(5, 5)
        assert lit() == (0, 0)
        first(page).locator(".lf-sides input").nth(2).focus()
        assert lit() == (1, 2) and "is-lit" in first(page).locator(".lf-plot .lf-curve").nth(2).get_attribute("class")
        first(page).locator(".lf-sides input").nth(2).blur()
        x, y = vertices(page, ".lf-plot .lf-curve", 0)[20]
        box = first(page).locator(".lf-plot svg").bounding_box()
        page.mouse.move(box["x"] + x, box["y"] + y)
        assert lit() == (1, 2)


def test_a_box_wears_the_colour_of_its_line(browser, address):
    """Boxes of one family all alike beside lines that are not."""
    with live.open_page(browser, address) as page:
        rows = (
            first(page)
            .locator(".lf-side-row")
            .evaluate_all(
                "all => all.map((row) => ['input', '.lf-swatch path'].map((of, k) =>"
                " getComputedStyle(row.querySelector(of))[k ? 'stroke' : 'accentColor']))"
            )
        )
        assert all(box == line for box, line in rows) and len({box for box, _ in rows}) == len(rows), rows


@pytest.mark.parametrize("width", [390, 1366])
def test_the_menu_has_titles_in_groups_and_none_is_cut(browser, tmp_path, width):
    """Of every record: a closed menu cuts what is wider than it is, and its arrow takes some of that."""
    runs = excerpts(*RECORDS)
    address = live.write_page(tmp_path, [Curves(runs=runs, experiment="worth, nano-8x200", rule="muon")])
    with live.open_page(browser, address, width=width, height=844) as page:
        live.ready(page)
        menu = first(page).locator('[data-control="experiment"] select')
        shown, groups, room, widths = menu.evaluate(
            """(menu) => { const style = getComputedStyle(menu), pen = document.createElement('canvas').getContext('2d'),
              px = (name) => parseFloat(style[name]);
            pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
            return [menu.selectedOptions[0].textContent, [...menu.children].map((group) => [group.label, group.children.length]),
              menu.clientWidth - px('paddingLeft') - px('paddingRight') - 24,
              [...menu.options].map(({ textContent }) => [textContent, pen.measureText(textContent).width])]; }"""
        )
        assert shown == "Worth: nano, 8 windows, 200 steps" and len(widths) == len(RECORDS)
        assert [label for label, _ in groups] == list(dict.fromkeys(kind for kind, _ in EXPERIMENTS.values()))
        assert not {text: (width, room) for text, width in widths if width > room}
        choose(page, "experiment", "best, cpu")
        assert matches(page)["experiment"] == "best, cpu"
