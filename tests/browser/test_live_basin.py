"""The basin in a real browser: run, strip and map under every hand are Python's."""

import json
import re

import numpy as np
import pytest

from momentum_lib import rules, surfaces
from momentum_lib.looks import in_sentence
from momentum_lib.widgets import Basin, basin
from momentum_lib.widgets._base import show
from momentum_lib.widgets.basin import BETAS, DIVERGES, LRS, STARTS, WANDERS, edge
from tests.browser import live, marks


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("basin"), [Basin(), Basin(lr=0.15, beta=0.9, start=5)], static=True)


def matches(page, index=0):
    """Everything that is drawn equals momentum_lib's for the state that is shown; returns the state."""
    shown = live.numbers(page, index)
    expected = Basin(**shown["state"]).numbers()
    for name in ("code", "at", "settled"):
        assert shown[name] == expected[name]
    for name in ("cycle", "path"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-11, atol=1e-14)
    assert shown["strip"] == expected["strip"].tolist() and shown["map"] == expected["map"].ravel().tolist()
    assert shown["share"] == pytest.approx(expected["share"]) and shown["edge"] == pytest.approx(expected["edge"], rel=1e-9)
    return shown["state"]


def handle(page, name="Start"):
    return live.first(page).locator(f'.lf-handle[aria-label="{name}"]')


def readout(page, k):
    return live.first(page).locator(".lf-readouts dd").nth(k).inner_text()


def dark(page, k):
    """The intervals of the k-th picture's full cells, as pixels (left, right) of its first row."""
    text = live.first(page).locator(".lf-cells-full").nth(k).get_attribute("d")
    return [tuple(float(v) for v in (part.split(",")[0], part.split("H")[1].split("V")[0])) for part in text.split("M")[1:]]


def test_first_pictures_are_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Basin().state()
        assert readout(page, 0) == "goes round 3 points for ever" and readout(page, 1) == "2.116, 0.6465, −1.802"
        live.ready(page, 1)
        assert matches(page, 1) == Basin(lr=0.15, beta=0.9, start=5).state()


def test_the_strip_is_drawn_where_its_numbers_say(browser, address):
    """The dark bands in pixels are the starts that cycle, and the handle, at 3.3, stands in one."""
    with live.open_page(browser, address) as page:
        bands, strip = dark(page, 0), Basin().numbers()["strip"]
        edges = np.flatnonzero(np.diff(np.r_[0, strip > 0, 0])).reshape(-1, 2)
        left, right = page.evaluate(
            "() => { const r = document.querySelector('.lf-cells-frame'); return [r.x.baseVal.value, r.x.baseVal.value + "
            "r.width.baseVal.value]; }"
        )
        np.testing.assert_allclose(bands, left + edges / 440 * (right - left), atol=0.06)
        at = float(handle(page).get_attribute("transform").removeprefix("translate(").split()[0])
        assert any(a < at < b for a, b in bands)
        assert at == pytest.approx(left + (3.3 + 5) / 11 * (right - left), abs=0.02)


DRAWN = [
    ({}, None),
    ({"lr": 0.118, "start": 6.0}, 17),  # it wanders
    ({"lr": 0.15, "beta": 0.9, "start": -5.0}, None),  # it diverges
    ({"rule": "nesterov", "lr": 0.06, "beta": 0.96, "start": 2.0}, None),
    ({"rule": "gradient_descent", "lr": 0.001, "start": 0.5}, 0),
    ({"lr": 0.1, "beta": 0.9, "start": -3.24}, None),  # four points: as many as have names
    ({"lr": 0.116, "beta": 0.45, "start": -4.76}, 3),  # six
]


def told(figure, found):
    """The read-outs and the sentence of a state, from Python's numbers of it."""
    code, at = found["code"], found["at"]
    ends = {
        0: f"comes to rest by step {at}",
        WANDERS: "does neither in 1000 steps",
        DIVERGES: f"diverges at step {at}",
    }.get(code, f"goes round {code} points for ever")
    cycle = ", ".join(show(x, 4) for x in found["cycle"][:4]) + (", …" if code > 4 else "")
    share, bound = f"{show(100 * found['share'])} %", found["edge"]
    side = "beyond" if figure.lr > bound else "below"
    readouts = [ends, cycle if code > 0 else "no cycle", share, f"η {show(bound)}: you are {side} it"]
    return readouts, (
        f"From {show(figure.start)}, at learning rate {show(figure.lr)}, {in_sentence(rules.get(figure.rule))} {ends}. "
        f"{share} of the starts shown end in a cycle."
    )


def cells(picture, part, nx, ny):
    """Which cells of a grid a path covers, as flags, row by row from below."""
    flags = np.zeros((ny, nx), dtype=bool)
    (left, top), (right, bottom) = picture.low, picture.high
    for run in part["d"].split("M")[1:]:
        x0, y0, x1, y1, back = (float(v) for v in re.fullmatch(r"(.+),(.+)H(.+)V(.+)H(.+)Z", run).groups())
        assert back == x0
        columns = (np.array([x0, x1]) - left) / (right - left) * nx
        rows = (bottom - np.array([y0, y1])) / (bottom - top) * ny
        np.testing.assert_allclose([*columns, *rows], np.round([*columns, *rows]), atol=0.1)
        (a, b), (c, d) = np.round(columns).astype(int), np.round(rows).astype(int)
        assert d == c + 1
        flags[c, a:b] = True
    return flags.ravel()


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = Basin(**state)
            seen, found = marks.drawn(page, head=head, **figure.state()), figure.numbers()
            path, look, family = found["path"], rules.get(figure.rule), rules.get(figure.rule).family
            n = len(path) - 1
            head = n if head is None else head
            readouts, sentence = told(figure, found)
            assert list(seen.readouts.values()) == readouts and seen.sentence == sentence
            bound = (found["edge"] - 0.001) / 0.159
            assert seen.sliders["lr"]["marks"] == ({"edge": pytest.approx(bound, abs=1e-4)} if bound < 1 else {})
            assert seen.sliders["beta"]["hidden"] is (look.momentum is None)

            hill, x = seen.picture(0, STARTS, (-6, 170)), np.linspace(*STARTS, 2201)
            hill.check_ticks("y")
            height = surfaces.lessard.value
            hill.follows(*hill.find("truth"), np.c_[x, height(x[None])], within=0.3)
            hill.follows(*hill.find("guide"), [(figure.start, 170), (figure.start, height(np.array([[figure.start]]))[0])])
            fall = seen.picture(2, STARTS, (max(n, 1), 0))
            fall.check_ticks("y")
            plumb, *columns, rest = fall.find("guide")
            fall.follows(plumb, [(figure.start, 0), (figure.start, 1)])
            fall.follows(rest, [(0, 0), (0, n)])
            cycle = found["cycle"] if len(found["cycle"]) <= 4 else []
            for k, part in enumerate(columns):
                fall.follows(part, [(cycle[k], 0), (cycle[k], n)] if k < len(cycle) else [])
            names = [part for part in fall.find("direct", tag="text") if part["words"]]
            assert [part["words"] for part in names] == [show(x) for x in cycle]
            for part, x in zip(names, cycle, strict=True):
                fall.stands(part, (x, 0), dy=-6, within=1 if len(cycle) < 4 else 16)  # of four, two are in each other's way
            for picture, ups in ((hill, height(path[None])), (fall, np.arange(n + 1))):
                points = np.c_[path, ups][: head + 1]
                for name in ("heavy_ball", "nesterov", "gradient_descent"):
                    mine = name == figure.rule
                    (way,) = picture.find("faint", look=rules.get(name).family)
                    dots, now = picture.find("dots", look=rules.get(name).family)
                    picture.follows(way, points if mine else [])
                    picture.marks(dots, points if mine else [])
                    picture.marks(now, points[-1] if mine and head < n else [])

            strip, field = seen.picture(1, STARTS, (0, 1)), seen.picture(3, LRS, BETAS)
            strip.check_ticks("x")
            field.check_ticks()
            strip.follows(*strip.find("guide"), [(figure.start, 1), (figure.start, 0)])
            assert strip.handle("Start", (figure.start, 0.5)) == f"start {show(figure.start)}: {readouts[0]}"
            words = field.handle("Learning rate and momentum", (figure.lr, figure.beta))
            assert words == f"learning rate {show(figure.lr)}, momentum {show(figure.beta)}: {readouts[0]}"
            for picture, codes, nx in ((strip, found["strip"], 440), (field, found["map"], 64)):
                codes = np.asarray(codes)
                full, dotted, hatched = picture.find("cells")
                assert full["look"] == dotted["look"] == hatched["look"] == family
                for part, kind in ((full, codes > 0), (dotted, codes == WANDERS), (hatched, codes == DIVERGES)):
                    different = np.count_nonzero(cells(picture, part, nx, codes.size // nx) != kind.ravel())
                    assert different <= 0.002 * codes.size, (state, picture.label, different)  # where runs are chaotic
            beta = np.linspace(*BETAS, 97)
            field.follows(*field.find("theory"), np.c_[edge(look, beta) + 0 * beta, beta], within=0.5)
            field.stands(field.word("stability edge"), (edge(look, 0.2), 0.2))
            assert seen.legends == [["comes to rest", "cycles for ever", "neither", "diverges"]]


def test_endings_differ_without_colour(browser, address):
    """Full, dotted and hatched are three fills; the patterns are there, and each sort of cell is drawn."""
    with live.open_page(browser, address) as page:
        fills = page.evaluate(
            "() => [...document.querySelectorAll('.live-figure')[0].querySelectorAll('.lf-cells')].slice(3).map((n) => "
            "[getComputedStyle(n).fill, n.getAttribute('d').length])"
        )
        assert len({fill for fill, _ in fills}) == 3 and all(length > 50 for _, length in fills)
        for fill, _ in fills[1:]:
            (name,) = re.findall(r'url\("#(.+)"\)', fill)
            assert page.locator(f'[id="{name}"]').count() == 1
        assert live.first(page).locator(".lf-legend-entry").all_inner_texts() == [
            "comes to rest",
            "cycles for ever",
            "neither",
            "diverges",
        ]


def test_the_map_of_another_start_comes_by_itself(browser, address):
    with live.open_page(browser, address) as page:
        matches(page)
        old = live.first(page).locator(".lf-cells-full").nth(1).get_attribute("d")
        cells = f"f.querySelectorAll('.lf-cells-full')[1].getAttribute('d') === {json.dumps(old)}"
        live.comes_by_itself(page, {"start": -4.0}, cells, f"!({cells})")


def test_mouse_drags_the_start(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), -14, 30)
        state = matches(page)
        assert 2.7 < state["start"] < 3.1
        live.drag(page, handle(page), -3000, 0)
        assert matches(page)["start"] == -5


def test_a_finger_drags_the_setting(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page, "Learning rate and momentum").scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page, "Learning rate and momentum").locator(".lf-ring"), -60, -50)
        state = matches(page)
        assert state["lr"] < 0.1 and state["beta"] > 0.5
        assert page.evaluate("scrollY") == before


def test_a_click_on_strip_and_map(browser, address):
    with live.open_page(browser, address) as page:
        box = live.first(page).locator(".lf-svg").nth(1).bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 20)
        assert -0.5 < matches(page)["start"] < 1.2
        box = live.first(page).locator(".lf-svg").nth(3).bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
        state = matches(page)
        assert 0.02 < state["lr"] < 0.06 and 0.4 < state["beta"] < 0.8


def test_keys_move_start_and_setting(browser, address):
    with live.open_page(browser, address) as page:
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowLeft")
        assert matches(page)["start"] == pytest.approx(3.3 - 0.11 - 1.1)
        assert "start 2.09: " in handle(page).get_attribute("aria-valuetext")
        handle(page, "Learning rate and momentum").focus()
        page.keyboard.press("ArrowDown")
        assert matches(page)["beta"] == pytest.approx(4 / 9 - 0.0096, abs=1e-4)
        live.control(page, "lr").focus()
        page.keyboard.press("ArrowLeft")
        assert matches(page)["lr"] < 1 / 9


def test_other_rules_do_not_cycle(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "lr", "0.04")
        for rule in ("nesterov", "gradient_descent"):
            live.first(page).locator('[data-control="rule"] select').select_option(rule)
            assert matches(page)["rule"] == rule
            assert live.numbers(page)["share"] == 0 and readout(page, 0).startswith("comes to rest by step")
            assert live.control(page, "beta").is_visible() == (rule == "nesterov")


@pytest.mark.parametrize(
    ("lr", "words"), [("0.118", "does neither in 1000 steps"), ("0.15", "diverges at step"), ("0.05", "comes to rest by step")]
)
def test_the_other_endings(browser, address, lr, words):
    with live.open_page(browser, address) as page:
        live.type_into(page, "lr", lr)
        matches(page)
        assert words in readout(page, 0) and readout(page, 1) == "no cycle"
        assert readout(page, 3).endswith("beyond it" if float(lr) > 0.1156 else "below it")


def test_play_step_and_reduced_motion(browser, address):
    with live.open_page(browser, address) as page:
        total = len(Basin().numbers()["path"]) - 1
        assert live.numbers(page)["head"] == total
        for _ in range(4):
            live.button(page, "Step").click()
        assert live.numbers(page)["head"] == 3
        handle(page).focus()
        page.keyboard.press(" ")
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head > 5")
        page.keyboard.press(" ")
        live.button(page, "Reset").click()
        assert live.numbers(page)["head"] == total
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        live.button(page, "Play").click()
        assert live.numbers(page)["head"] == total


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        for rule in basin.RULES:
            live.first(page).locator('[data-control="rule"] select').select_option(rule)
            names, _ = live.run_python(live.python_of(page))
            path = live.numbers(page)["path"]
            np.testing.assert_allclose(names["path"].points[: len(path), 0], path, rtol=1e-11, atol=1e-14)


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page), -40, 0)
        live.type_into(page, "beta", "0.7")
        live.type_into(page, "lr", "0.12")

    live.link_restores(browser, address, change, matches, Basin(), others=[Basin(lr=0.15, beta=0.9, start=5)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "lr=99&beta=-3&start=NaN&rule=adam"
    live.hostile_link_is_clamped(browser, address, query, matches, Basin(), lr=0.16, beta=0)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Basin())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address, says="goes round 3 points for ever")


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a redraw while the setting moves, where runs cycle and where they wander, and a whole map."""
    with live.open_page(browser, address) as page:
        found = {
            "strip": live.redraw_ms(page, "m.set('lr', 0.111 + 1e-6 * k)"),
            "strip, wandering": live.redraw_ms(page, "m.set('lr', 0.118 + 1e-6 * k)"),
            "map": live.redraw_ms(page, "m.set('start', 3.3 + 1e-3 * k)"),
        }
        matches(page)
    record_property("redraw_ms_median", found)
    print(json.dumps({"basin, ms": found}))
