"""The crosswalk in a real browser: every way of touching it changes the picture as Python says it should."""

import numpy as np
import pytest

from momentum_lib import rules
from momentum_lib.conventions import CONVENTIONS
from momentum_lib.widgets import Crosswalk
from tests.browser import live


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("crosswalk"), [Crosswalk()], static=True)


def agrees(page):
    """What is drawn equals what Python computes for the state that is shown; returns the state."""
    shown = live.numbers(page)
    state, expected = shown["state"], Crosswalk(**shown["state"]).numbers()
    assert shown["drawn"] == expected["drawn"]
    assert shown["settings"] == expected["settings"]  # bit for bit
    assert shown["turn"] == expected["turn"]
    for name, path in expected["paths"].items():
        np.testing.assert_allclose(np.reshape(shown["paths"][name], (-1, 2)), path, rtol=1e-9, atol=1e-12)
        ratio = expected["ratios"][name]
        assert shown["ratios"][name] == (None if ratio is None else pytest.approx(ratio, rel=1e-6))
    assert shown["difference"] == pytest.approx(expected["difference"], rel=1e-6, abs=1e-13)
    for name, lr in expected["settings"].items():
        field = rate(page, name)
        if not field.evaluate("e => e === document.activeElement"):
            assert field.input_value() == ("" if lr is None else field.input_value())
            assert lr is None or float(field.input_value()) == float(f"{lr:.6g}")
        assert page.locator(f'[data-rule="{name}"] input[type=checkbox]').is_checked() == (name in expected["drawn"])
    return state


def rate(page, name):
    return page.locator(f'[data-rule="{name}"] input[type=text]')


def tick(page, name):
    return page.locator(f'[data-rule="{name}"] input[type=checkbox]')


def start_handle(page):
    return page.get_by_role("slider", name="Start of the paths")


def gate(page):
    return page.get_by_role("slider", name="Step after which the rate drops")


def readouts(page):
    return page.locator(".lf-readouts dd").all_inner_texts()


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert agrees(page) == Crosswalk().state()
        assert readouts(page)[0].endswith("identical")
        lines = page.locator(".lf-plot").first.locator(".lf-line[data-look]")
        drawn = [d for d in lines.evaluate_all("all => all.map(e => e.getAttribute('d'))") if d]
        assert len(drawn) == 3 and len(set(drawn)) == 1  # three paths in the document, one upon the other
        assert drawn[0].count("L") == 60


def test_the_drop_parts_the_paths(browser, address):
    with live.open_page(browser, address) as page:
        page.get_by_role("radio", name="drops").check()
        assert agrees(page)["drop"] is True
        found = Crosswalk(drop=True).numbers()
        assert (
            readouts(page)[1:]
            == [f"× {found['ratios'][n]:.3f}" for n in ("classical_momentum", "heavy_ball")]
            == ["× 0.910", "× 0.100"]
        )
        lines = page.locator(".lf-plot").first.locator(".lf-line[data-look]")
        assert len({d for d in lines.evaluate_all("all => all.map(e => e.getAttribute('d'))") if d}) == 2
        assert "part when the rate changes" in page.locator(".lf-reason").first.inner_text()
        assert "next step × 0.910" in page.locator('[data-rule="polyak"]').inner_text()


def test_mouse_moves_the_drop(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, gate(page), 1, 1)
        assert agrees(page)["drop_at"] == 13  # a trembling hand changes nothing
        live.drag(page, gate(page), 70, 20)
        state = agrees(page)
        assert state["drop"] is True and state["drop_at"] > 20
        assert f"after step {state['drop_at']}" in gate(page).get_attribute("aria-valuetext")
        live.drag(page, gate(page), -700, 0)
        assert agrees(page)["drop_at"] == 1


def test_mouse_moves_the_start(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, start_handle(page), 50, -40)
        x, y = agrees(page)["start"]
        assert x > -2.3 and y > -1.1


def test_touch(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True) as page:
        start_handle(page).scroll_into_view_if_needed()
        scrolled = page.evaluate("scrollY")
        live.touch_drag(page, start_handle(page), 30, -30)
        assert agrees(page)["start"][0] > -2.4
        assert page.evaluate("scrollY") == scrolled
        gate(page).scroll_into_view_if_needed()
        live.touch_drag(page, gate(page), 50, 10)
        state = agrees(page)
        assert state["drop"] is True and state["drop_at"] > 15
        tick(page, "polyak").tap()
        assert "polyak" in agrees(page)["shown"]


def test_keys(browser, address):
    with live.open_page(browser, address) as page:
        gate(page).focus()
        page.keyboard.press("ArrowRight")
        state = agrees(page)
        assert state["drop"] is True and state["drop_at"] == 14
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert agrees(page)["drop_at"] == 12
        page.keyboard.press("Shift+ArrowUp")
        assert agrees(page)["drop_at"] == 22
        start_handle(page).focus()
        page.keyboard.press("Shift+ArrowUp")
        assert agrees(page)["start"] == [-2.5, pytest.approx(-0.8)]
        tick(page, "dampened_momentum").focus()
        page.keyboard.press("Space")
        assert "dampened_momentum" in agrees(page)["shown"]
        live.control(page, "beta").focus()
        page.keyboard.press("Home")
        assert agrees(page)["beta"] == 0
        assert live.numbers(page)["settings"] == dict.fromkeys(CONVENTIONS, 0.012)  # without memory all eight agree


@pytest.mark.parametrize("width", [360, 390])
def test_phone(browser, address, width):
    with live.on_a_phone(browser, address, width) as page:
        assert page.locator(".lf > .lf-controls").first.locator(".lf-control").count() == 4
        overlaps = page.evaluate("""() => [...document.querySelectorAll('.lf-row')].filter(row => {
            const [a, b, c] = [...row.children].map(e => e.getBoundingClientRect());
                return a.bottom > b.top + 1 || (c.height && b.bottom > c.top + 1); }).length""")
        assert overlaps == 0


@pytest.mark.parametrize("name", list(CONVENTIONS))
def test_a_rate_typed_in_any_row_makes_that_row_the_source(browser, address, name):
    with live.open_page(browser, address) as page:
        rate(page, name).fill("0.05")
        page.keyboard.press("Enter")
        page.locator(".lf-title").click()
        state = agrees(page)
        assert (state["source"], state["lr"]) == (name, 0.05)
        refused = page.locator(".lf-row.is-refused").evaluate_all("all => all.map(e => e.dataset.rule)")
        assert refused == [n for n in CONVENTIONS if CONVENTIONS[n].measures != CONVENTIONS[name].measures]
        reason = page.locator(".lf-reason").nth(1 if CONVENTIONS[name].measures == "here" else 0).inner_text()
        assert rules.get(name).title in reason and "measure the gradient at different points" in reason
        assert all(tick(page, n).is_disabled() for n in [*refused, name])


def test_another_formula_for_the_same_run(browser, address):
    with live.open_page(browser, address) as page:
        before = live.numbers(page)["paths"]["heavy_ball"]
        page.get_by_role("combobox", name="your formula").select_option("averaged_momentum")
        state = agrees(page)
        assert (state["source"], state["lr"]) == ("averaged_momentum", 0.012 / (1 - 0.9))
        np.testing.assert_allclose(live.numbers(page)["paths"]["heavy_ball"], before, atol=1e-13)
        page.get_by_role("combobox", name="your formula").select_option("nesterov")
        state = agrees(page)
        assert (state["source"], state["lr"]) == ("nesterov", 0.012 / (1 - 0.9))  # no equal: the numbers stay


def test_nonsense_in_a_row_is_refused_in_words(browser, address):
    with live.open_page(browser, address) as page:
        for text in ("fast", "-1", "0"):
            rate(page, "averaged_momentum").fill(text)
            page.keyboard.press("Enter")
            assert agrees(page) == Crosswalk().state()
            assert f"“{text}” does not" in page.locator(".lf-note").inner_text()
            assert rate(page, "averaged_momentum").input_value() == "0.12"


def test_unticking_and_reset(browser, address):
    with live.open_page(browser, address) as page:
        for name in ("classical_momentum", "averaged_momentum"):
            tick(page, name).uncheck()
        assert agrees(page)["shown"] == ["heavy_ball"]
        assert readouts(page)[0] == "tick a second form"
        page.get_by_role("button", name="Reset").click()
        assert agrees(page) == Crosswalk().state()


@pytest.mark.parametrize("state", [{}, {"drop": True, "factor": 4, "drop_at": 20}, {"source":
    "averaged_momentum", "lr": 0.3, "shown": ["polyak", "nesterov"]},
                                   {"source": "nesterov", "drop": True, "shown": ["nesterov_lerp"]},
                                   {"source": "dampened_momentum", "drop": True, "steps": 10, "drop_at": 50}])  # fmt: skip
def test_copied_python_gives_the_same_paths(browser, tmp_path, state):
    with live.open_page(browser, live.write_page(tmp_path, [Crosswalk(**state)])) as page:
        page.get_by_role("button", name="Copy as Python").click()
        names, printed = live.run_python(page.locator(".lf-code").text_content())
        shown = live.numbers(page)
        assert list(names["paths"]) == shown["drawn"]
        for name, path in names["paths"].items():
            drawn = np.reshape(shown["paths"][name], (-1, 2))
            assert len(path) == len(drawn) - (name == "nesterov")  # n steps look at n points
            np.testing.assert_allclose(path, drawn[: len(path)], rtol=1e-9, atol=1e-12)
            assert str(path[-1]) in printed


def test_link_keeps_the_state(browser, address):
    def change(page):
        live.drag(page, gate(page), 40, 0)
        tick(page, "polyak").check()

    live.link_restores(browser, address, change, agrees, Crosswalk())


def test_a_hostile_link_is_clamped(browser, address):
    query = "lr=1e99&beta=-3&source=<i>&shown=polyak,rm&drop=1&drop_at=-5&steps=7&start=99,NaN&factor=0"
    clamped = {"lr": 1000, "beta": 0, "shown": ["polyak"], "drop_at": 1, "steps": 10, "factor": 1}
    live.hostile_link_is_clamped(browser, address, query, agrees, Crosswalk(), **clamped)


def test_a_diverging_setting_stays_in_the_picture(browser, tmp_path):
    wild = [
        Crosswalk(lr=900, drop=True),
        Crosswalk(lr=0.2, steps=300),
        Crosswalk(start=(0, 0)),
        Crosswalk(beta=0.999, drop=True, factor=100, lr=1e-5),
    ]
    with live.open_page(browser, live.write_page(tmp_path, wild)) as page:
        for index in range(len(wild)):
            live.ready(page, index)
        bad = page.evaluate(
            "() => [...document.querySelectorAll('.lf-svg *')].flatMap(e => [...e.attributes].map(a => a.value)).filter(v => "
            "/NaN|Infinity|undefined/.test(v))"
        )
        assert bad == []
        assert "NaN" not in page.locator("main").inner_text()
        assert "diverged" in page.locator(".lf").first.inner_text()
        assert "diverged" not in page.locator(".lf").nth(2).inner_text()  # it stands still at the minimum


def test_speaks_when_the_reader_pauses(browser, address):
    with live.open_page(browser, address) as page:
        before = page.locator(".lf-spoken").text_content()
        gate(page).focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("before => document.querySelector('.lf-spoken').textContent !== before", arg=before)
        assert "divided by 10 after step 14" in page.locator(".lf-spoken").text_content()


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Crosswalk(), listeners=30)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address, lambda page: page.get_by_role("radio", name="drops").check())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address)


def test_recompute_time_is_reported(browser, tmp_path, record_property):
    """Not a gate (machines differ): one full redraw with all forms and 300 steps; goal 4 ms on a laptop core for 1000 steps."""
    with live.open_page(browser, live.write_page(tmp_path, [Crosswalk(steps=300, drop=True, shown=list(CONVENTIONS))])) as page:
        found = live.redraw_ms(page, "m.set('lr', 0.01 + 1e-5 * k)", times=60)
        agrees(page)
    record_property("measured", f"crosswalk: redraw {found:.2f} ms median (five forms, 1500 steps in all)")
