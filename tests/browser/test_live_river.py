"""The river in a real browser: both ways and the gain under every hand are Python's."""

import numpy as np
import pytest

from momentum_lib import theory
from momentum_lib.widgets import River
from momentum_lib.widgets.river import RIVERS, SHOWN
from tests.browser import live
from tests.browser.live import button, first

RATE = {"hold": "rate", "share": 0.4, "sigma": 0.5, "seed": 3}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("river"), [River(), River(**RATE)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    expected = River(**shown["state"]).numbers()
    for name in ("noise", "loss", "gain"):
        assert shown[name] == pytest.approx(expected[name], rel=1e-12)
    for who in RIVERS:
        for name in ("lr", "speed", "measured", "lost"):
            assert shown[who][name] == pytest.approx(expected[who][name], rel=1e-9)
        np.testing.assert_allclose(np.reshape(shown[who]["path"], (-1, 2)), expected[who]["path"], rtol=1e-9, atol=1e-11)
    return shown["state"]


def matches(page):
    return agrees(live.numbers(page))


def handle(page):
    return first(page).get_by_role("slider", name="Noise against the hill", exact=True).and_(page.locator(".lf-handle"))


def hold(page, value):
    first(page).locator(f'[data-control="hold"] input[value="{value}"]').check(force=True)


def vertices(page, k):
    """The k-th way in pixels."""
    d = first(page).locator(".lf-way").nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def test_first_picture_is_pythons_and_drawn_to_scale(browser, address):
    """Both ways on one scale: the pixels that they span along the river are in the ratio of the distances."""
    with live.open_page(browser, address) as page:
        assert matches(page) == River().state()
        found = River().numbers()
        spans = [np.ptp(vertices(page, k)[:, 0]) for k in range(2)]
        ends = [found[who]["path"][-1, 0] for who in RIVERS]
        assert spans[1] / spans[0] == pytest.approx(ends[1] / ends[0], rel=0.01)
        said = first(page).locator(".lf-sentence").inner_text().replace("\u00a0", " ")
        assert "16.4 times as far. Without noise: 19 times." in said
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == River(**RATE).state()


def test_mouse_keys_and_finger_move_the_noise(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), 200, 0)
        state = matches(page)
        assert state["sigma"] > 0.1 and live.numbers(page)["gain"] < 10
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        assert matches(page)["sigma"] < state["sigma"]
        hold(page, "rate")
        before = matches(page)
        live.drag(page, handle(page), 60, 0)
        now = matches(page)
        assert now["share"] < before["share"] and now["sigma"] == before["sigma"]
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        live.touch_drag(page, handle(page).locator(".lf-ring"), 80, 0)
        assert matches(page)["sigma"] > 0.05


def test_controls_suit_what_is_held(browser, address):
    with live.open_page(browser, address) as page:
        seen = lambda name: first(page).locator(f'[data-control="{name}"]').is_visible()
        assert seen("loss") and not seen("share")
        live.type_into(page, "beta", "0.5")
        live.type_into(page, "sigma", "1")
        live.type_into(page, "loss", "0.2")
        assert matches(page)["loss"] == 0.2
        assert live.numbers(page)["gain"] == pytest.approx(theory.river_gain(0.5, 2.5))
        hold(page, "rate")
        live.control(page, "share").wait_for()  # it is shown as the next frame is drawn
        assert seen("share") and not seen("loss")
        live.type_into(page, "share", "0.25")
        assert matches(page)["share"] == 0.25
        button(page, "New noise").click()
        assert matches(page)["seed"] == 1


def test_steps_walk_both_rivers_at_once(browser, address):
    with live.open_page(browser, address) as page:
        assert live.numbers(page)["head"] == SHOWN
        for _ in range(3):
            button(page, "Step").click()
        assert live.numbers(page)["head"] == 2 and len(vertices(page, 0)) <= 4
        button(page, "Reset").click()
        assert live.numbers(page)["head"] == SHOWN


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        for value in ("loss", "rate"):
            hold(page, value)
            live.type_into(page, "beta", "0.8")
            names, printed = live.run_python(live.python_of(page))
            shown = live.numbers(page)
            assert names["gain"] == pytest.approx(shown["gain"], rel=1e-9)
            assert f"{shown['gain']:.3f} times as far; loss on the side {shown['heavy']['lost']:.4f} measured" in printed


def test_link_and_reset(browser, address):
    def change(page):
        hold(page, "rate")
        live.type_into(page, "beta", "0.625")

    live.link_restores(browser, address, change, matches, River(), others=[River(**RATE)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "hold=breath&loss=99&share=-1&beta=1&sigma=NaN&seed=1e99"
    live.hostile_link_is_clamped(browser, address, query, matches, River(), loss=0.5, share=0.001, beta=0.95, seed=9999)


def test_phone_axe_static_and_cleanup(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, says="16.4 times as fast")
    live.leaves_nothing(browser, address, River())
