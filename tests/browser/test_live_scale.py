"""The scale calculator and the memory figure in a real browser: what is drawn is Python's, under mouse, finger and keyboard."""

import pytest

from momentum_lib import scale
from momentum_lib.widgets import Memory, Scale
from tests.browser import live


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(
        tmp_path_factory.mktemp("scale"), [Scale(), Scale(parameters=70e9, optimiser="heavy_ball", gpus=8, stage=3)], static=True
    )


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("memory"), [Memory()], static=True)


def counts(shown):
    """Every byte equals the library's for the state that is shown, and so does the line of arithmetic."""
    expected = Scale(**shown["state"]).numbers()
    assert shown["line"] == expected["line"] and shown["fits"] == expected["fits"]
    assert shown["totals"] == pytest.approx(expected["totals"]) and shown["reach"] == pytest.approx(expected["reach"])
    assert shown["per_parameter"] == pytest.approx(expected["per_parameter"])
    for mine, theirs in zip(expected["bytes"], shown["bytes"], strict=True):
        assert theirs == pytest.approx(mine)
    return shown["state"]


def remembers(shown):
    """The half-lives shown are the library's."""
    expected = Memory(**shown["state"]).numbers()
    assert shown["mine"] == pytest.approx(expected["mine"]) and shown["steps"] == pytest.approx(expected["steps"])
    assert list(shown["rows"]) == list(expected["rows"])
    for name, row in expected["rows"].items():
        assert shown["rows"][name] == pytest.approx(row)
    return shown["state"]


def matches(page):
    return counts(live.numbers(page))


def keeps(page):
    return remembers(live.numbers(page))


CHOSEN = "bar => [...bar.parentElement.querySelectorAll('.is-chosen')].map((one) => one === bar)"  # it, and it alone


def readouts(page):
    return live.first(page).locator(".lf-readouts dd").all_inner_texts()


# -- the calculator ---------------------------------------------------------------------------


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Scale().state()
        assert live.first(page).locator(".lf-sum").inner_text() == Scale().memory().line
        assert readouts(page) == ["4.19", "fits, 48.6 GB left", "fits, 110 GB left"]
        assert live.first(page).locator(".lf-bar-total").all_inner_texts() == ["120 GB", "31.4 GB", "16.6 GB", "1.88 GB"]
        assert live.first(page).locator(".lf-bar").nth(Scale().state()["stage"]).evaluate(CHOSEN) == [True]
        live.ready(page, 1)
        assert counts(live.numbers(page, 1)) == Scale(parameters=70e9, optimiser="heavy_ball", gpus=8, stage=3).state()


def test_bars_are_as_long_as_their_bytes(browser, address):
    """Pixels: each piece's share of the axis is its bytes; the two cards stand where they belong."""
    with live.open_page(browser, address) as page:
        shown = live.numbers(page)
        for stage, parts in enumerate(shown["bytes"]):
            track = live.first(page).locator(".lf-bar-track").nth(stage)
            whole = track.bounding_box()["width"]
            widths = track.locator("span").evaluate_all("all => all.map((e) => e.getBoundingClientRect().width)")
            assert [w / whole for w in widths] == pytest.approx([b / shown["reach"] for b in parts.values()], abs=2e-3)
        box = live.first(page).locator(".lf-bars").bounding_box()
        for k, capacity in enumerate(scale.CARDS.values()):
            at = live.first(page).locator(".lf-card").nth(k).bounding_box()["x"] - box["x"]
            assert at / box["width"] == pytest.approx(capacity / shown["reach"], abs=3e-3)


def test_a_bar_is_a_button(browser, address):
    with live.open_page(browser, address) as page:
        live.first(page).locator(".lf-bar").nth(3).click()
        assert matches(page)["stage"] == 3 and readouts(page)[0] == "0.25"
        live.first(page).locator(".lf-bar input").nth(3).focus()
        page.keyboard.press("ArrowUp")
        assert matches(page)["stage"] == 2
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert matches(page)["stage"] == 0 and readouts(page)[1].startswith("too small, 1.5 times")
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True) as page:
        live.first(page).locator(".lf-bar").nth(2).tap()
        assert matches(page)["stage"] == 2


def test_sliders_and_menus(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "parameters", "405")
        assert matches(page)["parameters"] == 405e9
        live.type_into(page, "gpus", "1024")
        assert matches(page)["gpus"] == 1024
        live.control(page, "gpus").focus()
        page.keyboard.press("ArrowRight")
        assert matches(page)["gpus"] > 1024
        for name in scale.MENU:
            live.first(page).locator('[data-control="optimiser"] select').select_option(name)
            assert matches(page)["optimiser"] == name
        for name in scale.PRECISIONS:
            live.first(page).locator('[data-control="precision"] select').select_option(name)
            assert matches(page)["precision"] == name
        assert live.first(page).locator(".lf-bar-track.is-cut").count() > 0


def test_without_sharing_the_line_has_no_fraction(browser, address):
    with live.open_page(browser, address) as page:
        live.first(page).locator(".lf-bar").nth(0).click()
        assert matches(page)["stage"] == 0  # which waits for the drawing
        assert live.first(page).locator(".lf-sum").inner_text() == "7.5 billion × (2 + 2 + 4 + 4 + 4) bytes = 120 GB"


def test_copied_python_prints_the_same(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "parameters", "30")
        live.first(page).locator('[data-control="optimiser"] select').select_option("soap_released")
        _, printed = live.run_python(live.python_of(page))
        assert printed.splitlines()[0] == live.numbers(page)["line"]


def test_link_and_reset(browser, address):
    def change(page):
        live.type_into(page, "parameters", "13")
        live.first(page).locator(".lf-bar").nth(2).click()

    live.link_restores(
        browser, address, change, matches, Scale(), others=[Scale(parameters=70e9, optimiser="heavy_ball", gpus=8, stage=3)]
    )


def test_a_hostile_link_is_clamped(browser, address):
    query = "parameters=1e99&gpus=-4&stage=17&optimiser=magic&precision=NaN"
    live.hostile_link_is_clamped(browser, address, query, matches, Scale(), parameters=1e12, gpus=1, stage=3)


def test_bars_are_large_enough_for_a_finger(browser, address):
    with live.on_a_phone(browser, address) as page:
        heights = live.first(page).locator(".lf-bar").evaluate_all("all => all.map((e) => e.getBoundingClientRect().height)")
        assert len(heights) == 4 and min(heights) >= 43.99


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address, tokens):
    live.leaves_nothing(browser, tokens, Memory(), listeners=5)
    found = live.mounted_and_gone(browser, address, Scale())  # bars follow their container by CSS: it has no observer to leave
    assert found["during"][0] > found["before"][0] + 10
    assert found["after"] == found["later"] == found["before"] and found["left"] == found["heard"] == 0


def test_static_picture_without_javascript_and_in_print(browser, address, tokens):
    live.static_picture_stands(browser, address, says="31.4 GB at stage 1")
    live.static_picture_stands(browser, tokens, says="1.02 billion (DeepSeek-V4)")


# -- memory in tokens -------------------------------------------------------------------------


def handle(page):
    return live.first(page).locator('.lf-handle[aria-label="Your half-life in tokens"]')


def test_rows_and_first_read_outs(browser, tokens):
    with live.open_page(browser, tokens) as page:
        assert keeps(page) == Memory().state()
        assert readouts(page) == ["6.64 million", "13.5", "β = 0.00141"]


def test_dots_stand_at_their_half_lives(browser, tokens):
    """Pixels of the discs and squares against the log axis."""
    with live.open_page(browser, tokens) as page:
        rows = list(live.numbers(page)["rows"].values())
        left, right = page.evaluate(
            "() => { const d = document.querySelector('.lf-rule').getAttribute('d').match(/-?[\\d.]+/g).map(Number); return "
            "[d[0], d[2]]; }"
        )

        def middles(shape):
            found = live.first(page).locator(f'.lf-dots[data-shape="{shape}"]')
            return found.evaluate_all("all => all.map((e) => { const b = e.getBBox(); return b.x + b.width / 2; })")

        from math import log10

        at = lambda value: left + (log10(value) - 4) / 6 * (right - left)
        assert middles("disc") == pytest.approx([at(row["momentum"]) for row in rows], abs=0.6)
        assert middles("square") == pytest.approx([at(row["squares"]) for row in rows], abs=0.6)


def test_dragging_the_ring_changes_the_momentum(browser, tokens):
    with live.open_page(browser, tokens) as page:
        live.drag(page, handle(page), 120, 0)
        state = keeps(page)
        assert state["beta"] > 0.99 and state["tokens"] == 491520
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        assert keeps(page)["beta"] < state["beta"]
        live.drag(page, handle(page), -3000, 0)
        assert keeps(page)["beta"] == pytest.approx(0.0001)
    with live.open_page(browser, tokens, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        live.touch_drag(page, handle(page).locator(".lf-ring"), 60, 0)
        assert keeps(page)["beta"] > 0.95


def test_holding_the_half_life_moves_the_momentum_with_the_batch(browser, tokens):
    with live.open_page(browser, tokens) as page:
        live.type_into(page, "tokens", "3840")
        assert keeps(page)["beta"] == 0.95
        live.type_into(page, "tokens", "491520")
        life = live.numbers(page)["mine"]
        live.control(page, "hold", "checkbox").check()
        live.type_into(page, "tokens", "3840")
        shown = live.numbers(page)
        state = remembers(shown)
        assert state["beta"] == pytest.approx(scale.same_memory(0.95, 491520, 3840)) and shown["mine"] == pytest.approx(life)


def test_memory_shares_link_python_and_clamps(browser, tokens):
    def change(page):
        live.type_into(page, "beta", "0.999")
        live.type_into(page, "tokens", "4000000")

    live.link_restores(browser, tokens, change, keeps, Memory())
    live.hostile_link_is_clamped(browser, tokens, "beta=1&tokens=0&hold=maybe", keeps, Memory(), beta=0.999999, tokens=1e3)
    with live.open_page(browser, tokens) as page:
        change(page)
        names, printed = live.run_python(live.python_of(page))
        assert names["mine"] == pytest.approx(live.numbers(page)["mine"]) and len(printed.splitlines()) == 9


def test_memory_on_a_phone_and_for_axe(browser, tokens):
    live.fits_a_phone(browser, tokens)
    live.accessible(browser, tokens)


def test_recompute_times_are_reported(browser, address, tokens, record_property):
    """Not a gate (machines differ): a redraw while a slider moves."""
    with live.open_page(browser, address) as page:
        found = {"scale": live.redraw_ms(page, "m.set('parameters', 7e9 + 1e8 * k)")}
        assert matches(page)["parameters"] == pytest.approx(1e10), "the last of thirty changes is what it shows"
    with live.open_page(browser, tokens) as page:
        found["memory"] = live.redraw_ms(page, "m.set('beta', 0.9 + 1e-3 * k)")
        assert keeps(page)["beta"] == pytest.approx(0.93)
    record_property("redraw_ms_median", found)
