"""The velocity in a real browser: the arrows are Python's terms, tip to tail, and light up with the rule's."""

import numpy as np
import pytest

from momentum_lib.widgets import Velocity
from tests.browser import live
from tests.browser.live import button, first


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("velocity"), [Velocity()], static=True)


def agrees(page):
    """What is drawn equals what momentum_lib computes for the state that is shown, which is returned."""
    shown = live.numbers(page)
    expected = Velocity(**shown["state"]).numbers()
    for name in ("path", "terms", "next", "kept"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-9, atol=1e-12)
    assert shown["said"] == expected["said"] == first(page).locator(".lf-sentence").inner_text()
    return shown["state"]


def segments(page, term):
    """Tails and tips of the arrows of one term, in pixels."""
    found = first(page).locator(f".lf-vector[data-of={term}]").evaluate_all("all => all.map(one => one.getAttribute('d'))")
    ends = [d[1:].split("M")[0].split("L") for d in found if d]
    return np.array([[[float(v) for v in point.split(",")] for point in pair] for pair in ends]).reshape(-1, 2, 2)


def test_the_arrows_lie_tip_to_tail_and_end_at_the_velocitys_tip(browser, address):
    with live.open_page(browser, address) as page:
        agrees(page)
        chain, whole = np.vstack([segments(page, "g"), segments(page, "memory")]), segments(page, "v")[0]
        assert len(chain) == 6
        np.testing.assert_allclose(chain[1:, 0], chain[:-1, 1], atol=0.11)
        np.testing.assert_allclose([chain[0, 0], chain[-1, 1]], whole, atol=0.11)
        faded = first(page).locator(".lf-vector[data-of=memory]").evaluate_all("all => all.map(one => +one.style.strokeOpacity)")
        assert faded == sorted(faded, reverse=True) and faded[0] == 0.8


def test_momentum_makes_the_chain_grow_and_shrink(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "step", "20")
        live.type_into(page, "beta", "0.9")
        agrees(page)
        long = np.abs(np.diff(segments(page, "memory"), axis=1)).sum()
        live.type_into(page, "beta", "0.2")
        agrees(page)
        assert np.abs(np.diff(segments(page, "memory"), axis=1)).sum() < long / 3
        live.type_into(page, "beta", "0")
        agrees(page)
        assert len(segments(page, "memory")) == 0


def test_across_the_arrows_turn_back_and_along_they_do_not(browser, address):
    with live.open_page(browser, address) as page:
        turned = {}
        live.type_into(page, "step", "8")
        for view, direction in (("along", [np.cos(0.3), -np.sin(0.3)]), ("across", [-np.sin(0.3), -np.cos(0.3)])):
            first(page).locator(f'input[value="{view}"]').check(force=True)
            assert agrees(page)["view"] == view
            parts = np.diff(np.vstack([segments(page, "g"), segments(page, "memory")]), axis=1)[:, 0] @ direction
            turned[view] = int((np.diff(np.sign(parts)) != 0).sum())
        assert turned["along"] == 0 and turned["across"] > 2


def test_step_by_step_by_hand_keys_and_play(browser, address):
    with live.open_page(browser, address) as page:
        button(page, "Step").click()
        assert agrees(page)["step"] == 6
        live.control(page, "step").focus()
        page.keyboard.press("ArrowLeft")
        assert agrees(page)["step"] == 5
        button(page, "Play").click()
        page.wait_for_function("document.querySelector('.live-figure').__figure.numbers().state.step > 5")
        button(page, "Pause").click()
        agrees(page)


DIMMED = """term => [...document.querySelectorAll('.lf-term')].every(
    (one) => (one.dataset.term === term) === (Number(getComputedStyle(one).opacity) === 1))"""


def test_a_term_and_its_arrows_light_up_together(browser, address):
    lit = "document.querySelector('.lf').dataset.lit ?? ''"
    with live.open_page(browser, address) as page:
        for term in ("g", "memory", "v"):
            first(page).locator(f".lf-ruled [data-term={term}]").hover()
            assert page.evaluate(lit) == term
            seen = page.evaluate(
                """term => [...document.querySelectorAll('.lf-term')].filter(
                (one) => (one.dataset.term === term) !== one.matches(`[data-lit="${term}"] [data-term="${term}"]`)).length""",
                term,
            )
            assert seen == 0
        first(page).locator("g[data-term=v]").focus()
        assert page.evaluate(lit) == "v"
        button(page, "Reset").focus()
        assert page.evaluate(lit) == ""


@pytest.mark.parametrize("height", [844, 664])
def test_picture_and_step_are_in_view_together_on_a_phone(browser, address, height):
    with live.open_page(browser, address, width=390, height=height) as page:
        for name in ("step", "beta"):
            live.control(page, name).scroll_into_view_if_needed()
            picture, bar = first(page).locator(".lf-plot").bounding_box(), live.control(page, name).bounding_box()
            assert picture["y"] > -1 and bar["y"] + bar["height"] <= height + 1, name


def test_link_hostile_link_and_reset(browser, address):
    live.link_restores(browser, address, lambda page: live.type_into(page, "beta", "0.5"), agrees, Velocity())
    live.hostile_link_is_clamped(browser, address, "beta=7&step=<b>&view=x", agrees, Velocity(), beta=0.97)


def test_copied_python_prints_the_velocity(browser, address):
    with live.open_page(browser, address) as page:
        names, printed = live.run_python(live.python_of(page))
        assert "the velocity" in printed
        np.testing.assert_allclose(names["path"].points[-1], live.numbers(page)["next"], rtol=1e-9)


def test_for_everybody(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)


def test_without_javascript_and_cleanup(browser, address):
    live.static_picture_stands(browser, address, "of their length along the valley")
    live.leaves_nothing(browser, address, Velocity(), meanwhile="el.querySelector('.lf-aboard button').click();")
    with live.open_page(browser, address) as page:
        assert live.redraw_ms(page, "m.set('beta', 0.3 + k / 100)") < 8
