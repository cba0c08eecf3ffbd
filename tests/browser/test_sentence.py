"""Words of the text that move a figure: pressed by mouse, finger and keys; words alone without the script."""

import pytest

from momentum_lib.widgets import make
from tests.browser import live

WORDS = """<p>Now <span class="set" data-live="ravine" data-set="lr=0.035" data-says="Sets the figure: learning rate 0.035">halve
the rate</span>, then <span class="set" data-live="ravine.2" data-set="kappa=100&amp;start=-2,0.5"
data-says="Sets the figure: condition number 100, start -2,0.5">the other</span>.</p>"""
STATE = "i => document.querySelectorAll('.live-figure')[i].__figure?.numbers().state"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("sentence"), [make("ravine"), make("ravine")], before=WORDS)


def reached(page, index, **values):
    """Wait until the figure has these values."""
    page.wait_for_function(
        "([i, v]) => { const now = document.querySelectorAll('.live-figure')[i].__figure?.numbers().state;"
        " return now && Object.entries(v).every(([k, x]) => JSON.stringify(now[k]) === JSON.stringify(x)); }",
        arg=[index, values],
    )


def test_words_are_buttons_that_say_what_they_do(browser, address):
    with live.open_page(browser, address) as page:
        words = page.get_by_role("button", name="halve the rate")
        about = words.get_attribute("aria-describedby")
        assert page.locator(f"#{about}").text_content() == "Sets the figure: learning rate 0.035"
        top = page.evaluate("scrollY")
        words.click()
        reached(page, 0, lr=0.035)
        assert live.numbers(page)["state"] == {**make("ravine").state(), "lr": 0.035}
        assert page.evaluate("scrollY") == top, "the figure was in view: the page stays"
        assert page.evaluate("() => !location.hash")


def test_keys_press_words_and_a_figure_out_of_view_is_brought(browser, address):
    with live.open_page(browser, address, height=500, reduced_motion="reduce") as page:
        page.get_by_role("button", name="the other").focus()
        page.keyboard.press(" ")
        reached(page, 1, kappa=100, start=[-2, 0.5])
        box = page.locator(".live-figure").nth(1).locator(".lf-plot").first.bounding_box()
        assert -1 <= box["y"] < 300, "the second figure came into view"
        page.get_by_role("button", name="halve the rate").focus()
        page.keyboard.press("Enter")
        reached(page, 0, lr=0.035)


def test_a_finger_presses_words_and_a_hand_on_the_figure_ends_the_way(browser, address):
    with live.open_page(browser, address, has_touch=True) as page:
        page.evaluate("""() => { const place = document.querySelector('.live-figure');
            requestAnimationFrame(() => requestAnimationFrame(() => place.dispatchEvent(new PointerEvent('pointerdown')))); }""")
        page.get_by_role("button", name="halve the rate").tap()
        page.wait_for_timeout(100)
        page.evaluate("document.querySelector('.live-figure').dispatchEvent(new PointerEvent('pointerdown'))")
        page.wait_for_timeout(600)
        assert 0.035 < page.evaluate(STATE, 0)["lr"] < 0.07, "it stopped on the way"


def test_without_the_script_they_are_words(browser, address):
    with live.open_page(browser, address, wait=False, java_script_enabled=False) as page:
        words = page.locator(".set").first
        assert words.get_attribute("role") is None and words.get_attribute("tabindex") is None
        assert "halve" in words.inner_text()
