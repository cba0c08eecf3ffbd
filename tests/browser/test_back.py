"""Words that bring a figure from afar offer a way back; by finger, by Escape, and gone where the reader scrolls back."""

import pytest

from momentum_lib.widgets import make
from tests.browser import live

WORDS = """<div style="height: {above}px"></div><p id="words">Make it <span class="set" data-live="ravine" data-set="kappa=100"
data-says="Sets the figure: condition number 100">narrower</span> and look.</p><div style="height: 3000px"></div>"""
NEAR = WORDS.replace("3000px", "0").format(above=230)
BACK = "Back to the text"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("back"), [make("ravine")], before=WORDS.format(above=10))


def in_view(page, selector):
    return page.evaluate(
        """(selector) => { const { top, bottom } = document.querySelector(selector).getBoundingClientRect();
        return top < innerHeight - 20 && bottom > 20; }""",
        selector,
    )


def pressed(page):
    page.get_by_role("button", name="narrower").click()
    back = page.get_by_role("button", name=BACK)
    back.wait_for()
    page.wait_for_function("scrollY > 2000")
    return back


@pytest.mark.parametrize("width", [1366, 390])
def test_back_to_the_words(browser, address, width):
    with live.open_page(browser, address, width=width, height=664, reduced_motion="reduce") as page:
        down = "document.querySelector('.way-back')?.classList.contains('is-down')"
        pressed(page)
        page.wait_for_function(f"{down} === false")
        page.keyboard.press("Escape")
        page.wait_for_function("scrollY < 500")
        pressed(page).click()
        page.wait_for_function("scrollY < 500")
        assert in_view(page, "#words") and page.evaluate("document.activeElement.textContent") == "narrower"
        assert page.get_by_role("button", name=BACK).count() == 0
        pressed(page)
        page.keyboard.press("Escape")
        page.wait_for_function("scrollY < 500")
        assert page.get_by_role("button", name=BACK).count() == 0


@pytest.mark.parametrize("width", [1366, 390])
def test_the_figure_is_shown_from_its_top_on(browser, address, width):
    """A figure taller than the screen is not shown by its end, whichever part of it stays while one scrolls."""
    with live.open_page(browser, address, width=width, height=664, reduced_motion="reduce") as page:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.evaluate("scrollTo(0, 0)")
        pressed(page)
        top = page.evaluate("document.querySelector('.live-figure').getBoundingClientRect().top")
        assert -5 < top < 332


def test_the_offer_goes_where_the_reader_scrolls_back(browser, address):
    with live.open_page(browser, address, height=664, reduced_motion="reduce") as page:
        back = pressed(page)
        page.wait_for_function("!document.querySelector('.way-back').classList.contains('is-down')")  # seen to have left
        page.evaluate("scrollTo(0, 0)")
        back.wait_for(state="detached")


def test_the_answer_is_shown_where_the_picture_was_in_view_alone(browser, tmp_path_factory):
    """Words right above a figure whose sentence, which says what they have done, is below the screen."""
    address = live.write_page(tmp_path_factory.mktemp("near"), [make("ravine")], before=NEAR)
    whole = "(name) => { const { top, bottom } = document.querySelector(name).getBoundingClientRect(); return [top, bottom]; }"
    with live.open_page(browser, address, width=390, height=664, reduced_motion="reduce") as page:
        page.evaluate("scrollTo(0, 0)")
        assert page.evaluate(whole, ".lf-plot")[1] < 664 < page.evaluate(whole, ".lf-sentence")[1]
        page.get_by_role("button", name="narrower").click()
        page.wait_for_function(f"({whole})('.lf-sentence')[1] <= innerHeight")
        assert live.numbers(page)["state"]["kappa"] == 100
