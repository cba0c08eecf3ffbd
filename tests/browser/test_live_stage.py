"""The stage in a real browser: it plays until touched, rolls when a start is let go, and its numbers are Python's."""

import numpy as np
import pytest

from momentum_lib import theory
from momentum_lib.widgets import Stage
from momentum_lib.widgets._base import show
from momentum_lib.widgets.stage import FRAME, RAVINE, percent
from tests.browser import live, marks
from tests.browser.live import button, first


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("stage"), [Stage()], static=True)


def agrees(shown):
    """What is drawn equals what momentum_lib computes for the state that is shown."""
    expected = Stage(**shown["state"]).numbers()
    for name in ("gradient_descent", "heavy_ball"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shown["left"], expected["left"], rtol=1e-9)
    assert shown["said"] == expected["said"]
    return shown["state"]


def matches(page):
    return agrees(live.numbers(page))


def said(page):
    return first(page).locator(".lf-sentence").inner_text()


def playing(page, yes=True):
    page.wait_for_function("yes => document.querySelector('.live-figure').__figure.numbers().playing === yes", arg=yes)


def test_it_plays_by_itself_until_someone_touches_it(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Stage().state() and said(page) == Stage().numbers()["said"]
        playing(page)
        button(page, "Pause").click()
        playing(page, False)
        assert live.numbers(page)["head"] < 20
        assert said(page) == Stage().numbers()["said"]  # of the state, not of the moment
        button(page, "Step").click()
        button(page, "Play").click()
        playing(page)


def test_it_is_still_under_reduced_motion(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        page.wait_for_timeout(200)
        shown = live.numbers(page)
        assert shown["playing"] is False and shown["head"] == 20


def test_one_dial_for_mouse_keys_and_typing(browser, address):
    with live.open_page(browser, address) as page:
        live.control(page, "beta").focus()
        page.keyboard.press("ArrowRight")
        assert matches(page)["beta"] > 0.52
        shown = live.numbers(page)
        assert shown["playing"] is False and shown["head"] == 20  # while it turns, the whole paths are seen
        page.keyboard.press("Home")
        assert matches(page)["beta"] == 0
        lines = first(page).locator(".lf-marks .lf-line:not(.lf-ghost):not(.lf-cast)")
        assert lines.nth(0).get_attribute("d") == lines.nth(1).get_attribute("d")
        live.type_into(page, "beta", "0.99")
        assert matches(page)["beta"] == 0.99 and "swings out and past" in said(page)
        live.type_into(page, "lr", "0.1")
        assert matches(page)["lr"] == 0.1 and "the ball without memory flies off" in said(page)
        live.type_into(page, "beta", "0.1")
        assert matches(page)["beta"] == 0.1 and "both balls climb the walls" in said(page)


DRAWN = [
    ({}, 20),
    ({"start": [1.4, -1.2], "beta": 0.9, "lr": 0.03}, 7),
    ({"start": [-3, 1.3], "beta": 0.99, "lr": 0.12}, 20),
    ({"start": [2, -1.8], "beta": 0.0, "lr": 0.005}, 0),
    ({"start": [-2.7, 0.5], "beta": 0.1, "lr": 0.12}, 13),  # both fly off
    ({"start": [0, 0], "beta": 0.5, "lr": 0.05}, 20),
]


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        for state, head in DRAWN:
            figure = Stage(**state)
            seen = marks.drawn(page, head=None if head == 20 else head, **figure.state())
            plain, ball = figure.paths().values()
            assert seen.sentence == figure.numbers()["said"]
            assert seen.sliders["beta"]["told"] == f"memory {show(figure.beta)}"
            at = {"none": 0, "0.5": 0.5, "0.9": 0.9, "0.99": 0.99}
            at = {words: np.log1p(-beta) / np.log(0.01) for words, beta in at.items()}
            assert seen.sliders["beta"]["marks"] == pytest.approx(at, abs=1e-4)
            held = theory.momentum_edge(25, 0)
            assert (
                seen.sliders["lr"]["told"]
                == f"{show(figure.lr)}, {show(figure.lr / held, 2)} of what holds a ball without memory"
            )
            assert seen.sliders["lr"]["marks"] == {"edge": pytest.approx((held - 0.005) / 0.115, abs=1e-4)}
            plane = seen.picture(0, *FRAME)
            wide, tall = plane.high - plane.low
            plane.ends[0, 1] = FRAME[0][0] + (FRAME[1][1] - FRAME[1][0]) * wide / tall  # as wide as the page is
            plane.level(lambda x, y: RAVINE.value(np.array([x, y])))
            plane.marks(*plane.find("minimum"), [(0, 0)])
            plane.handle("Start of both balls", figure.start)
            for path, look in ((plain, "gradient"), (ball, "momentum")):
                points = path.points
                plane.follows(*plane.find("ghost", look=look), points)
                plane.follows(*plane.find("line", "!ghost", look=look), points[: head + 1])
                plane.leaves(points[: head + 1], look=look)
                plane.marks(*plane.find("rolling", look=look), points[min(head, len(points) - 1)])
                plane.marks(*plane.find("dots", "!rolling", look=look), points[: head + 1])
            for part, path in zip(plane.find("cast"), (ball, plain), strict=True):
                plane.follows(part, path.points[: head + 1])
            left = [path.error[min(head, len(path))] if any(figure.start) else 0 for path in (plain, ball)]
            told = [percent(part) + (" left" if part <= 9.99 else "") for part in left]
            names = ["without memory", f"with memory {show(figure.beta)}"]
            assert {*names, *told, f"step {head} of 20"} <= set(plane.words())
            rows = {part["words"]: part["at"] for part in plane.find(tag="text")}
            if told[0] != told[1]:  # each value on its name's line
                assert [rows[name][1] for name in names] == [rows[value][1] for value in told]


def test_let_go_of_a_dragged_start_and_both_roll_from_there(browser, address):
    with live.open_page(browser, address) as page:
        handle = first(page).locator(".lf-handle")
        x, y = live.centre(handle)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 20, steps=4)
        held = live.numbers(page)
        assert held["playing"] is False and held["head"] == 20
        page.mouse.up()
        playing(page)
        assert matches(page)["start"][0] > -2.4
        handle.focus()
        page.keyboard.down("ArrowUp")
        playing(page, False)
        page.keyboard.up("ArrowUp")
        playing(page)


def test_a_finger_on_the_picture_puts_the_start_there(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        box = first(page).locator(".lf-svg").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
        playing(page)
        assert matches(page)["start"] != list(Stage().start)


def test_the_relief_fills_the_picture_and_follows_the_theme(browser, address):
    with live.open_page(browser, address) as page:
        pixels = """() => { const c = document.querySelector('.lf-relief');
            return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, k) => k % 4 === 0); }"""
        light = page.evaluate(pixels)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function(f"was => ({pixels})().some((one, k) => one !== was[k])", arg=light)
        dark = page.evaluate(pixels)
        assert np.mean(light) > 170 > 100 > np.mean(dark) and np.std(light) > 10 and np.std(dark) > 8
        picture, relief = (first(page).locator(name).bounding_box() for name in (".lf-plot .lf-svg", ".lf-relief"))
        assert relief == pytest.approx(picture, abs=1.1)


@pytest.mark.parametrize("height", [844, 664])
def test_picture_and_dial_are_in_view_together_on_a_phone(browser, address, height):
    with live.open_page(browser, address, width=390, height=height) as page:
        page.evaluate("document.querySelector('.lf-plot').scrollIntoView()")
        for name in ("beta", "lr"):
            picture, dial = first(page).locator(".lf-plot").bounding_box(), live.control(page, name).bounding_box()
            assert dial["y"] + dial["height"] - picture["y"] < height - 52, name


def test_link_restores_reset_returns(browser, address):
    def change(page):
        live.type_into(page, "beta", "0.8")
        live.type_into(page, "lr", "0.05")
        matches(page)

    live.link_restores(browser, address, change, matches, Stage())


def test_a_hostile_link_is_clamped(browser, address):
    live.hostile_link_is_clamped(browser, address, "beta=7&lr=<b>&start=9,NaN", matches, Stage(), beta=0.99)


def test_copied_python_draws_the_same_paths(browser, address):
    with live.open_page(browser, address) as page:
        names, printed = live.run_python(live.python_of(page))
        np.testing.assert_allclose(names["path"].points.ravel(), live.numbers(page)["heavy_ball"], rtol=1e-9, atol=1e-12)
        assert "Heavy ball" in printed


def test_for_everybody(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address, lambda page: button(page, "Pause").click() if button(page, "Pause").count() else None)


def test_without_javascript_and_cleanup(browser, address):
    live.static_picture_stands(browser, address, "21 times nearer")

    def at_rest(page):  # the page's own stage would ask for frames
        live.ready(page)
        button(page, "Pause").click()

    live.leaves_nothing(browser, address, Stage(), prepare=at_rest)


def test_a_redraw_fits_a_frame(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        assert live.redraw_ms(page, "m.set('beta', 0.3 + k / 100)") < 8
