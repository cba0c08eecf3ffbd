"""Rods in a real browser: the values under every hand are Python's, and they grow step by step."""

import numpy as np
import pytest

from momentum_lib.widgets import Rods
from tests.browser import live
from tests.browser.live import button, first

OTHER = {"polynomial": "best", "steps": 3}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("rods"), [Rods(), Rods(**OTHER)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    expected = Rods(**shown["state"]).numbers()
    np.testing.assert_allclose(shown["path"], expected["path"], rtol=1e-9, atol=1e-12)
    for name in ("least", "most"):
        assert shown[name] == (None if expected[name] is None else pytest.approx(expected[name], rel=1e-9))
    return shown["state"]


def matches(page):
    return agrees(live.numbers(page))


def handle(page, k):
    return first(page).locator(f'.lf-handle[aria-label="Singular value {k}, before"]')


def heights(page):
    """The tops of the filled rods in pixels, from the page's top."""
    d = first(page).locator(".lf-rod").get_attribute("d")
    return np.array([float(box.partition("V")[2].partition("h")[0]) for box in d.split("M")[1:]])


def test_first_picture_is_pythons_and_drawn_to_scale(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Rods().state()
        last = Rods().numbers()["path"][-1]
        scale = np.polyfit(last, heights(page), 1)
        assert scale[0] < -100
        np.testing.assert_allclose(heights(page), np.polyval(scale, last), atol=0.1)
        assert "between 0.682 and 1.13" in first(page).locator(".lf-sentence").inner_text()
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == Rods(**OTHER).state()


def test_step_play_and_reduced_motion(browser, address):
    with live.open_page(browser, address) as page:
        end = heights(page)
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 0
        begin = heights(page)
        assert (begin > end).all()
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 1
        assert "After 1 step of" in first(page).locator(".lf-sentence").inner_text()
        button(page, "Play").click()
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head >= 3")
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head === 5")
        np.testing.assert_allclose(heights(page), end, atol=0.1)
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        button(page, "Play").click()
        assert live.numbers(page)["head"] == 5
        assert "less motion" in first(page).locator(".lf-note").inner_text()


def test_mouse_and_keys_draw_a_rod(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page, 6), 0, -60)
        state = matches(page)
        assert state["values"]["s6"] > 0.2 and state["values"]["s1"] < 0.79
        assert np.linalg.norm(list(state["values"].values())) == pytest.approx(1, abs=1e-3)
        handle(page, 1).focus()
        page.keyboard.press("Shift+ArrowDown")
        assert matches(page)["values"]["s1"] == pytest.approx(state["values"]["s1"] - 0.1, abs=2e-3)
        assert handle(page, 1).get_attribute("aria-valuetext").endswith("of the norm")
        live.drag(page, handle(page, 2), 0, 900)
        assert matches(page)["values"]["s2"] == 0


def test_a_finger_draws_a_rod(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page, 4).locator(".lf-ring"), 0, -50)
        assert matches(page)["values"]["s4"] > 0.25 and page.evaluate("scrollY") == before


def test_polynomials_steps_and_typed_values(browser, address):
    with live.open_page(browser, address) as page:
        for polynomial in ("cubic", "best"):
            first(page).locator(f'[data-control="polynomial"] input[value="{polynomial}"]').check(force=True)
            for steps in ("0", "2", "8"):
                live.type_into(page, "steps", steps)
                state = matches(page)
                assert state["steps"] == int(steps) and live.numbers(page)["head"] == int(steps)
                assert heights(page).min() > 0
        first(page).locator(".lf-more summary").click()
        live.type_into(page, "singular value 3", "0.9")
        assert matches(page)["values"]["s3"] == 0.9


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        first(page).locator('[data-control="polynomial"] input[value="best"]').check(force=True)
        names, printed = live.run_python(live.python_of(page))
        np.testing.assert_allclose(names["path"], live.numbers(page)["path"], rtol=1e-9)
        assert printed.startswith("0 [") and printed.count("\n") == 6


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page, 5), 0, -40)
        live.type_into(page, "steps", "2")

    live.link_restores(browser, address, change, matches, Rods(), others=[Rods(**OTHER)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "values=s1:7,s2:x&steps=-3&polynomial=septic"
    values = {**Rods().values, "s1": 1.0}
    live.hostile_link_is_clamped(browser, address, query, matches, Rods(), values=values, steps=0)


def test_phone_axe_static_and_cleanup(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, says="they lie between 0.68")
    live.leaves_nothing(browser, address, Rods())
