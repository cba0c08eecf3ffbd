"""The rotation test in a real browser: what each rule leaves and the three steps, under every hand, are Python's."""

import numpy as np
import pytest

from momentum_lib.widgets import Rotation
from momentum_lib.widgets.rotation import TITLES
from tests.browser import live
from tests.browser.live import first

OTHER = {"angle": 45, "norm": "spectral"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("rotation"), [Rotation(), Rotation(**OTHER)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    expected = Rotation(**shown["state"]).numbers()
    for name in ("left", "spread", "untouched"):
        assert shown[name] == pytest.approx(expected[name], rel=1e-9)
    for name in ("point", "gradient", "euclid", "maximum", "spectral"):
        np.testing.assert_allclose(shown[name], expected[name], atol=1e-12)
    return shown["state"]


def matches(page):
    return agrees(live.numbers(page))


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Turn the problem"]')


def middles(page, selector):
    """The middle of each mark of a class, across, in pixels."""
    return page.evaluate(
        """s => [...document.querySelector('.live-figure').querySelectorAll(s)].map((e) => {
            const { left, right } = e.getBoundingClientRect(); return (left + right) / 2; })""",
        selector,
    )


def test_first_picture_is_pythons_and_drawn_to_scale(browser, address):
    """The marks of all rules lie on one logarithmic scale, hollow ones on what is left untouched."""
    with live.open_page(browser, address) as page:
        assert matches(page) == Rotation().state()
        live.type_into(page, "angle", "45")
        assert matches(page)["angle"] == 45
        found = Rotation(angle=45).numbers()
        hollow = middles(page, ".lf-before")
        logs = np.log([found["untouched"][side] for side in TITLES])
        scale = np.polyfit(logs, hollow, 1)
        np.testing.assert_allclose(hollow, np.polyval(scale, logs), atol=0.6)
        ways = [first(page).locator(".lf-way").nth(k).get_attribute("d") for k in range(len(TITLES))]
        adam = [float(pair.split(",")[0]) for pair in ways[0].removeprefix("M").split("L")]
        moved = scale[0] * np.log(found["left"]["adam"] / found["untouched"]["adam"])
        assert adam[1] - adam[0] == pytest.approx(moved, abs=1)
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == Rotation(**OTHER).state()


def test_the_square_of_the_maximum_norm_keeps_to_the_coordinates(browser, address):
    """Its sides stay upright at every angle; those of the spectral norm's square turn."""

    def upright(page, k):
        d = first(page).locator(".lf-norm-ball").nth(k).get_attribute("d").removeprefix("M").replace("Z", "")
        xy = np.array([[float(v) for v in pair.split(",")] for pair in d.split("L")])
        return bool((np.abs(np.diff(xy, axis=0)).min(1) < 0.05).all())

    with live.open_page(browser, address) as page:
        assert upright(page, 1) and upright(page, 2)
        live.type_into(page, "angle", "30")
        matches(page)
        assert upright(page, 2) and not upright(page, 1)


def test_all_three_norms_are_seen_where_two_squares_lie_on_each_other(browser, address):
    """At 0 and 90 degrees the green square lay on the ochre one; the legend's marks are those of the steps' ends."""
    with live.open_page(browser, address) as page:
        matches(page)
        balls, tips, key = (first(page).locator(part) for part in (".lf-norm-ball", ".lf-tip", ".lf-key"))
        order = [balls.nth(k).get_attribute("data-look") for k in range(3)]
        assert order == ["gradient", "matrix", "sign"]
        dashes = [balls.nth(k).evaluate("e => getComputedStyle(e).strokeDasharray") for k in range(3)]
        assert dashes[:2] == ["none", "none"] and dashes[2] != "none"
        assert balls.nth(1).get_attribute("d") == balls.nth(2).get_attribute("d")
        filled = [tips.nth(k).evaluate("e => getComputedStyle(e).fill") != "none" for k in range(3)]
        assert filled == [True, True, False]  # the end of the step on top is a ring around the other
        corners = [balls.nth(k).get_attribute("d").count("L") for k in range(3)]
        drawn = [(look, "□" if n < 6 else "○", dash != "none") for look, n, dash in zip(order, corners, dashes, strict=True)]
        named = [(s.get_attribute("data-look"), s.inner_text()) for s in key.nth(1).locator("span").all()]
        told = [(look, words[0], "dashed" in words) for look, words in named]
        assert told == drawn


def test_mouse_and_keys_turn_the_problem(browser, address):
    with live.open_page(browser, address) as page:
        handle(page).focus()
        for _ in range(3):
            page.keyboard.press("ArrowUp")
            live.numbers(page)
        assert 2 <= matches(page)["angle"] <= 6
        assert handle(page).get_attribute("aria-valuetext").startswith("turned by ")
        live.drag(page, handle(page), -60, -90)
        assert 35 < matches(page)["angle"] < 75
        live.drag(page, handle(page), -300, -100)
        assert matches(page)["angle"] == 90
        said = first(page).locator(".lf-sentence").inner_text()
        assert "along the coordinates again" in said


def test_a_finger_turns_the_problem(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page).locator(".lf-ring"), -50, -80)
        assert matches(page)["angle"] > 20 and page.evaluate("scrollY") == before


def test_one_norm_alone(browser, address):
    with live.open_page(browser, address) as page:
        balls = first(page).locator(".lf-norm-ball")
        drawn = lambda: [bool(balls.nth(k).get_attribute("d")) for k in range(3)]
        assert drawn() == [True, True, True]
        first(page).locator('[data-control="norm"] select').select_option("maximum")
        assert matches(page)["norm"] == "maximum" and drawn() == [False, False, True]


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "angle", "20")
        matches(page)
        names, printed = live.run_python(live.python_of(page))
        assert names["angle"] == 20 and f"'adam': '{live.numbers(page)['left']['adam']:.2g}'" in printed and "run anew" in printed


def test_link_and_reset(browser, address):
    def change(page):
        live.type_into(page, "angle", "37")

    live.link_restores(browser, address, change, matches, Rotation(), others=[Rotation(**OTHER)])


def test_a_hostile_link_is_clamped(browser, address):
    live.hostile_link_is_clamped(browser, address, "angle=-5&norm=taxicab", matches, Rotation())
    live.hostile_link_is_clamped(browser, address, "angle=1e9", matches, Rotation(), angle=90.0)


def test_phone_axe_static_and_cleanup(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, says="Adam 5.")
    live.leaves_nothing(browser, address, Rotation())
