"""The ribbon of text in a real browser: what is lit is Python's, under mouse, finger and keyboard."""

import pytest

from momentum_lib.widgets import Ribbon
from tests.browser import live


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("ribbon"), [Ribbon()], static=True)


def keeps(page):
    """What is drawn equals Python's for the state that is shown."""
    shown = live.numbers(page)
    expected = Ribbon(**shown["state"]).numbers()
    assert shown["amount"] == expected["amount"] and shown["half_life"] == pytest.approx(expected["half_life"])
    assert shown["weights"] == pytest.approx(expected["weights"], abs=1e-12)
    lit = live.first(page).locator(".lf-ribbon-lit").evaluate_all("all => all.map((e) => Number(e.getAttribute('opacity')))")
    assert lit == pytest.approx(expected["weights"], abs=6e-4)
    return shown["state"]


def choose(page, name):
    live.first(page).locator("select").select_option(name)


def test_a_published_training_and_back_to_your_own(browser, address):
    with live.open_page(browser, address) as page:
        assert keeps(page) == Ribbon().state()
        menu = live.first(page).locator("select")
        assert menu.input_value() == "nanoGPT"
        choose(page, "DeepSeek-V3 671B")
        assert keeps(page) == {"beta": 0.9, "tokens": 62914560}
        assert "4140 books" in live.first(page).locator(".lf-sentence").inner_text()
        live.type_into(page, "beta", "0.99")
        keeps(page)
        assert menu.input_value() == ""


def test_the_ring_is_dragged_and_obeys_keys(browser, address):
    with live.open_page(browser, address) as page:
        handle = live.first(page).locator(".lf-handle")
        live.drag(page, handle, 120, 0)
        longer = keeps(page)
        assert longer["beta"] > 0.95 and longer["tokens"] == 491520
        handle.focus()
        page.keyboard.press("ArrowLeft")
        assert keeps(page)["beta"] < longer["beta"]
        assert "books" in handle.get_attribute("aria-valuetext")


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize(("beta", "tokens"), [(0.1, 1e3), (0.9, 2e7), (0.999999, 1e9)])
def test_words_of_the_picture_stay_inside_and_apart(browser, address, width, beta, tokens):
    with live.open_page(browser, address, width=width, height=844) as page:
        page.evaluate(
            "([beta, tokens]) => { const { model } = document.querySelector('.live-figure').__figure;"
            " model.set('beta', beta); model.set('tokens', tokens); }",
            [beta, tokens],
        )
        keeps(page)
        found = (
            live.first(page)
            .locator(".lf-svg text")
            .evaluate_all(
                "all => all.filter((e) => e.textContent).map((e) => { const b = e.getBoundingClientRect();"
                " return [b.left, b.top, b.right, b.bottom, e.textContent]; })"
            )
        )
        assert min(box[0] for box in found) >= 0 and max(box[2] for box in found) <= width
        hits = [
            (a[4], b[4])
            for k, a in enumerate(found)
            for b in found[:k]
            if a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 2 and b[1] < a[3] - 2
        ]
        assert not hits


def test_link_python_and_what_is_out_of_bounds(browser, address):
    def change(page):
        live.type_into(page, "beta", "0.999")
        live.type_into(page, "tokens", "4000000")

    live.link_restores(browser, address, change, keeps, Ribbon())
    live.hostile_link_is_clamped(browser, address, "beta=1&tokens=0", keeps, Ribbon(), beta=0.999999, tokens=1e3)
    with live.open_page(browser, address) as page:
        change(page)
        names, printed = live.run_python(live.python_of(page))
        assert names["life"] == pytest.approx(live.numbers(page)["half_life"]) and "books" in printed


def test_phone_axe_paper_and_cleaning_up(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, "32.3 books")
    live.leaves_nothing(browser, address, Ribbon())


def test_a_redraw_is_quick(browser, address):
    with live.open_page(browser, address) as page:
        assert live.redraw_ms(page, "m.set('beta', 0.5 + 0.01 * k)") < 30
