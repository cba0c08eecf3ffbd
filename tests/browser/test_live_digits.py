"""The digits in a real browser: written by mouse and finger, chosen by keys, read by two networks that are NumPy's."""

import json

import numpy as np
import pytest

from momentum_lib.widgets import Digits
from momentum_lib.widgets._base import show
from momentum_lib.widgets.digits import EVERY, LOSS, SIDES
from momentum_lib.widgets.digits_table import BATCHES, SHOWN, STEPS, load, pixels
from tests.browser import live, marks
from tests.browser.live import button, first

SEVEN = [(0.28, 0.2), (0.5, 0.2), (0.7, 0.2), (0.6, 0.45), (0.5, 0.65), (0.42, 0.85)]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(
        tmp_path_factory.mktemp("digits"), [Digits(), Digits(batch="4", momentum="0.5", sample=7)], static=True
    )


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = Digits(**state).numbers()
    for which in ("plain", "momentum"):
        assert shown["rates"][which] == expected["rates"][which]
        np.testing.assert_allclose(shown["losses"][which], expected["losses"][which], rtol=1e-7)
        np.testing.assert_allclose(shown["right"][which], expected["right"][which], atol=1e-12)
        np.testing.assert_allclose(shown["shares"][which], expected["shares"][which], atol=1e-7)
    return state


def matches(page):
    return agrees(live.numbers(page))


def pad(page):
    return first(page).locator(".lf-pad")


def written(page):
    """Wait until the drawing has moved to its place; returns what it is."""
    page.wait_for_timeout(700)
    state = matches(page)
    assert len(state["drawing"]) == 64
    return pixels(state["drawing"]).reshape(8, 8), state


def sentence(page):
    live.numbers(page)
    return first(page).locator(".lf-sentence").inner_text()


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Digits().state()
        shown = live.numbers(page)
        said = first(page).locator(".lf-readouts dd").all_inner_texts()
        assert said[0] == f"{100 * shown['right']['plain'][-1]:.0f} %" and said[2] == "2.98, 0.174" and said[3] == "300, 100"
        label = load()[0]["shown"]["y"][0]
        assert f"This test digit, a {label}, is read as" in sentence(page)
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1))["batch"] == "4"


def test_pad_and_bars_are_drawn_where_their_numbers_say(browser, address):
    with live.open_page(browser, address) as page:
        shown, cells = live.numbers(page), first(page).locator(".lf-cells rect")
        ink = cells.evaluate_all("all => all.map((e) => 16 * Number(e.getAttribute('fill-opacity')))")
        np.testing.assert_allclose(ink, pixels(load()[0]["shown"]["x"][0]))
        boxes = cells.evaluate_all("all => all.map((e) => [e.getAttribute('x'), e.getAttribute('y')].map(Number))")
        assert boxes[1][0] > boxes[0][0] and boxes[8][1] > boxes[0][1] and boxes[8][0] == boxes[0][0]
        for which in ("plain", "momentum"):
            bars = first(page).locator(f".lf-bar-{which}")
            wide = np.array(bars.evaluate_all("all => all.map((e) => Number(e.getAttribute('width')))"))
            unit = (boxes[1][0] - boxes[0][0]) * 8.6
            np.testing.assert_allclose(wide, np.maximum(0.5, unit * np.array(shown["shares"][which])), rtol=1e-3, atol=0.01)
            tops = bars.evaluate_all("all => all.map((e) => Number(e.getAttribute('y')))")
            assert (np.diff(tops) > 0).all()


DRAWN = [
    ({}, None),
    ({"batch": "4", "momentum": "0.5", "sample": 99}, 30),
    ({"batch": "all", "momentum": "0.99", "drawing": "0" * 20 + "g8" * 22}, None),
]


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = Digits(**state)
            seen, found, (text, sample) = marks.drawn(page, head=head, **figure.state()), figure.numbers(), figure._pad()
            head, label = STEPS if head is None else head, load()[0]["shown"]["y"][figure.sample]
            k, rates = head // EVERY, [show(found["rates"][which]) for which in SIDES]
            right = [found["right"][which][k] for which in SIDES]
            assert list(seen.readouts.values()) == [*(f"{100 * part:.0f} %" for part in right), ", ".join(rates), "300, 100"]
            assert seen.sliders["sample"]["told"] == f"number {figure.sample}, a {label}"
            many = [f"{SHOWN * part:.0f}" for part in right]
            assert seen.sentence.startswith(
                f"After {head} steps of {BATCHES[figure.batch] or 300} digits, {many[0]} of {SHOWN} unseen digits are read right "
                f"without momentum, at rate {rates[0]}, and {many[1]} with momentum {figure.momentum}, at rate {rates[1]}. "
                + (f"This test digit, a {label}, is read as " if sample else "What is on the pad is read as ")
            )

            plot = seen.picture(0, (0, 19), (0, 8))
            unit = (plot.high - plot.low) / (19, 8)
            assert unit[0] == pytest.approx(unit[1], rel=1e-3)
            squares = plot.find("!bar", "!pad", tag="rect")
            places = np.array([(x, 8 - y) for y in range(8) for x in range(8)], dtype=float)
            np.testing.assert_allclose([one["at"] for one in squares], plot.pixels(places), atol=0.01)
            np.testing.assert_allclose([one["size"] for one in squares], np.tile(unit, (64, 1)), rtol=1e-3)
            np.testing.assert_allclose([16 * float(one["opacity"]) for one in squares], pixels(text))
            (edge,) = plot.find("pad", tag="rect")
            np.testing.assert_allclose(
                [*edge["at"], *edge["size"]], [*plot.pixels(np.array([[0, 8]]))[0], *(8 * unit)], rtol=1e-3
            )
            shares = found["shares"] if head == STEPS else live.numbers(page)["shares"]
            bars = [plot.find(f"bar-{which}", tag="rect") for which in SIDES]
            for digit, (first_bar, second) in enumerate(zip(*bars, strict=True)):
                for which, bar in zip(SIDES, (first_bar, second), strict=True):
                    assert bar["size"][0] == pytest.approx(max(0.5, 8.6 * unit[0] * shares[which][digit]), abs=0.01)
                    assert bar["at"][0] == pytest.approx(plot.low[0] + 9.9 * unit[0]) and bar["look"] == SIDES[which]
                # one above the other, about the middle of the digit's row
                middle = plot.pixels(np.array([[0, 8 - (digit + 0.5) * 0.8]]))[0, 1]
                end = first_bar["at"][1] + first_bar["size"][1]
                assert end < second["at"][1] and (end + second["at"][1]) / 2 == pytest.approx(middle, abs=0.02 * unit[1])
                (name,) = [part for part in plot.find("class", tag="text") if part["words"] == str(digit)]
                plot.stands(name, (9.35, 8 - (digit + 0.5) * 0.8), within=5)
                best = digit in [np.argmax(shares[which]) for which in SIDES]
                assert ("lf-read" in name["classes"]) is best
            for part, x in zip(plot.find("guide"), (9.9, 18.5), strict=True):
                plot.follows(part, [(x, 0), (x, 8)])
            reads = [int(np.argmax(shares[which])) for which in SIDES]
            assert plot.key == [f"without momentum: reads {reads[0]}", f"with momentum {figure.momentum}: reads {reads[1]}"]
            sure = [f"{100 * max(shares[which]):.0f} %" for which in SIDES]
            assert seen.sentence.endswith(f"read as {reads[0]} ({sure[0]}) without and as {reads[1]} ({sure[1]}) with it.")

            fall = seen.picture(1, (0, STEPS), LOSS, log="y")
            fall.check_ticks()
            for which, look in SIDES.items():
                losses = found["losses"][which][: k + 1]
                fall.follows(*fall.find("line", look=look), np.c_[EVERY * np.arange(k + 1), losses])
                fall.marks(*fall.find("dots", look=look), (EVERY * k, losses[-1]))
                words = fall.word("without" if which == "plain" else f"momentum {figure.momentum}")
                fall.stands(words, (EVERY * k, np.clip(losses[-1], *LOSS)), within=45)


def test_a_mouse_writes_a_seven_and_both_read_it(browser, address):
    with live.open_page(browser, address) as page:
        box = pad(page).bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
        page.mouse.move(*at[0])
        page.mouse.down()
        for place in at[1:]:
            page.mouse.move(*place, steps=3)
        assert matches(page)["drawing"] != ""  # while the pen is down, too
        page.mouse.up()
        ink, state = written(page)
        shown = live.numbers(page)
        assert [np.argmax(shown["shares"][which]) for which in ("plain", "momentum")] == [7, 7]
        assert ink[0].sum() > 32 and ink[7].sum() > 8 and ink[:, 0].sum() == 0  # it stands where the data's digits do
        assert "What is on the pad is read as 7" in sentence(page)
        assert first(page).locator(".lf-key").first.inner_text().count("reads 7") == 2
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.55 * box["height"])  # a second stroke belongs to it
        page.mouse.down()
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.55 * box["height"], steps=4)
        page.mouse.up()
        more, _ = written(page)
        assert more.sum() > ink.sum() + 8
        button(page, "Clear the pad").click()
        assert matches(page)["drawing"] == "0" * 64


def test_a_finger_writes_and_the_page_stays(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        pad(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, pad(page), 0, 55)
        ink, _ = written(page)
        assert page.evaluate("scrollY") == before
        assert ink[:, 3:5].sum() > 0.9 * ink.sum() and (ink.sum(axis=1) > 0).all()  # a one: from top to bottom


def test_keys_choose_a_digit(browser, address):
    with live.open_page(browser, address) as page:
        button(page, "Clear the pad").click()
        live.control(page, "sample").focus()
        page.keyboard.press("ArrowRight")
        state = matches(page)
        assert state["sample"] == 1 and state["drawing"] == ""
        label = load()[0]["shown"]["y"][1]
        assert f"a {label}" in live.control(page, "sample").get_attribute("aria-valuetext")
        live.type_into(page, "sample", "42")
        assert matches(page)["sample"] == 42


def test_other_settings_train_other_networks(browser, address):
    with live.open_page(browser, address) as page:
        for name, value in (("momentum", "0.99"), ("batch", "4"), ("batch", "all"), ("momentum", "0.5")):
            first(page).locator(f'[data-control="{name}"] input[value="{value}"]').check(force=True)
            assert matches(page)[name] == value
        button(page, "Another start").click()
        assert matches(page)["seed"] == 2


def test_networks_of_another_start_come_by_themselves(browser, address):
    with live.open_page(browser, address) as page:
        matches(page)
        said = "f.querySelector('.lf-sentence').textContent.startsWith('After {} steps')"
        live.comes_by_itself(page, {"seed": 9}, said.format(0), said.format(120))


def test_play_shows_them_learn(browser, address):
    with live.open_page(browser, address) as page:
        matches(page)
        for _ in range(6):
            button(page, "Step").click()
        shown = live.numbers(page)
        assert shown["head"] == 5
        assert "After 5 steps of 32 digits" in sentence(page)
        first(page).locator(".lf-pad").evaluate("e => e.closest('.lf').querySelector('input[type=range]').focus()")
        page.keyboard.press(" ")
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head > 9")
        page.keyboard.press(" ")
        assert live.numbers(page)["head"] < 120
        button(page, "Reset").click()
        assert live.numbers(page)["head"] == 120


def test_reduced_motion_shows_the_trained_networks_at_once(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        button(page, "Play").click()
        assert live.numbers(page)["head"] == 120 and "less motion" in first(page).locator(".lf-note").inner_text()


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "sample", "3")
        shown = live.numbers(page)
        names, printed = live.run_python(live.python_of(page))
        np.testing.assert_allclose(names["read"], shown["shares"]["momentum"], atol=1e-6)
        assert f"momentum 0.0: {shown['right']['plain'][-1]:.2f} right, reads" in printed


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, pad(page), 0, 60)
        page.wait_for_timeout(700)
        first(page).locator('[data-control="momentum"] input[value="0.5"]').check(force=True)

    other = Digits(batch="4", momentum="0.5", sample=7)
    live.link_restores(browser, address, change, matches, Digits(), others=[other])


def test_a_hostile_link_is_clamped(browser, address):
    query = f"batch=1e9&momentum=1.5&sample=1e9&seed=-1&drawing={'9' * 500}"
    live.hostile_link_is_clamped(browser, address, query, matches, Digits(), sample=99, seed=0)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Digits())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address, says="unseen digits")


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): both networks read another digit, and all is drawn."""
    with live.open_page(browser, address) as page:
        matches(page)
        found = {"another digit": live.redraw_ms(page, "m.set('sample', k)")}
    record_property("redraw_ms_median", found)
    print(json.dumps({"digits, ms": found}))
