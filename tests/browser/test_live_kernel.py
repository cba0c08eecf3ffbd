"""The shape of a memory in a real browser: weights and numbers under every hand are Python's."""

import numpy as np
import pytest

from momentum_lib import theory
from momentum_lib.widgets import Kernel
from tests.browser import live
from tests.browser.live import first

AGEING = {"shape": "ageing", "share": 0.8, "progress": 0.5}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("kernel"), [Kernel(), Kernel(**AGEING)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    expected = Kernel(**shown["state"]).numbers()
    for name in ("weights", "aged", "dashed"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-12, atol=1e-300)
    for name in ("share", "age", "newest", "edge", "noise", "one"):
        assert shown[name] == pytest.approx(expected[name], rel=1e-12, abs=1e-12)
    assert shown["beside"] == pytest.approx(expected["beside"])
    return shown["state"]


def matches(page):
    return agrees(live.numbers(page))


def handle(page, which):
    return first(page).get_by_role("slider", name=f"Mean age of the {which}", exact=True).and_(page.locator(".lf-handle"))


def choose(page, shape):
    first(page).locator(f'[data-control="shape"] input[value="{shape}"]').check(force=True)


def test_first_picture_is_pythons_and_drawn_to_scale(browser, address):
    """The tops of the bars and the dots of the ratios, in pixels, on one scale with Python's numbers."""
    with live.open_page(browser, address) as page:
        assert matches(page) == Kernel().state()
        found = Kernel().numbers()
        d = first(page).locator(".lf-bars").nth(1).get_attribute("d")
        tops = np.array([float(bar.partition("V")[2].partition("h")[0]) for bar in d.split("M")[1:]])
        assert len(tops) > 15
        scale = np.polyfit(found["weights"][: len(tops)], tops, 1)
        assert scale[0] < -500
        np.testing.assert_allclose(tops, np.polyval(scale, found["weights"][: len(tops)]), atol=0.05)
        lines = first(page).locator(".lf-ratio")
        ends = [lines.nth(k).get_attribute("d").partition("L")[2].split(",")[0] for k in range(1, 4)]
        logs = np.log([found[name] / found["beside"][name] for name in ("newest", "edge", "noise")])
        slope = np.polyfit(logs, [float(end) for end in ends], 1)
        np.testing.assert_allclose(np.polyval(slope, logs), [float(end) for end in ends], atol=0.1)
        said = first(page).locator(".lf-sentence").inner_text().replace("\u00a0", " ")
        assert "counts 13.9 %, the edge is 25.5, the noise kept 5.2 %" in said
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == Kernel(**AGEING).state()


def test_mouse_and_keys_move_the_ages(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page, "second average"), 120, 0)
        assert 45 < matches(page)["old"] < 60
        handle(page, "first average").focus()
        page.keyboard.press("ArrowRight")
        assert matches(page)["young"] == pytest.approx(3.8)
        assert "3.8\u00a0steps, momentum 0.79" in handle(page, "first average").get_attribute("aria-valuetext")
        live.drag(page, handle(page, "first average"), -900, 0)
        assert matches(page)["young"] == 0
        choose(page, "one")
        assert matches(page)["shape"] == "one" and not handle(page, "first average").is_visible()
        live.drag(page, handle(page, "average"), -100, 0)
        assert matches(page)["age"] < 15


def test_a_finger_moves_an_age(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page, "second average").locator(".lf-ring"), 60, 0)
        assert matches(page)["old"] > 40 and page.evaluate("scrollY") == before


def test_controls_suit_the_memory(browser, address):
    """What a shape does not have is not offered; what is offered is Python's."""
    with live.open_page(browser, address) as page:
        seen = lambda name: first(page).locator(f'[data-control="{name}"]').is_visible()
        assert seen("share") and seen("same") and not seen("progress")
        live.type_into(page, "share", "0.2")
        assert matches(page)["share"] == 0.2
        first(page).locator('[data-control="same"] select').select_option("noise")
        assert matches(page)["same"] == "noise"
        choose(page, "ageing")
        live.type_into(page, "progress", "1")
        assert matches(page)["progress"] == 1 and live.numbers(page)["age"] == pytest.approx(3)
        choose(page, "one")
        assert matches(page)["shape"] == "one" and not seen("share") and not seen("same")


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        choose(page, "ageing")
        live.type_into(page, "progress", "0.3")
        names, printed = live.run_python(live.python_of(page))
        shown = live.numbers(page)
        np.testing.assert_allclose(names["weights"], shown["weights"], rtol=1e-12)
        assert f"stability edge {theory.mixture_edge(names['shares'], names['ages']):.4g}" in printed
        assert theory.mixture_edge(names["shares"], names["ages"]) == pytest.approx(shown["edge"])


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page, "second average"), 60, 0)
        choose(page, "ageing")

    live.link_restores(browser, address, change, matches, Kernel(), others=[Kernel(**AGEING)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "young=-4&old=1e9&share=NaN&progress=7&shape=star&same=taste"
    live.hostile_link_is_clamped(browser, address, query, matches, Kernel(), young=0.0, old=100.0, progress=1.0)


def test_phone_axe_static_and_cleanup(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, says="Mean age 19 steps")
    live.leaves_nothing(browser, address, Kernel())
