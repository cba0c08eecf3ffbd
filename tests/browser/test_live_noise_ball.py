"""The noise ball in a real browser: the swarm, its ellipse and both curves under every hand are Python's."""

import json

import numpy as np
import pytest

from momentum_lib import theory
from momentum_lib.widgets import NoiseBall
from momentum_lib.widgets._base import show
from momentum_lib.widgets.noise_ball import FRAME, GRID, STEPS, TOP, TRAIL, VARIANCES, WALKERS, frame_of, swarm
from tests.browser import live, marks
from tests.browser.live import button, first


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("noise_ball"), [NoiseBall(), NoiseBall(hold="effective", seed=3)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = NoiseBall(**state).numbers()
    for name in ("cloud", "trail"):
        np.testing.assert_allclose(np.reshape(shown[name], (-1, 2)), expected[name], rtol=1e-12, atol=1e-15)
    for name in ("exact", "measured", "inside", "lr", "effective", "average"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-11)
    np.testing.assert_allclose(np.transpose(shown["growing"]), expected["growing"], rtol=1e-9, atol=1e-16)
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Momentum"]')


def hold(page, value):
    first(page).locator(f'[data-control="hold"] input[value="{value}"]').check(force=True)


def readouts(page):
    return first(page).locator(".lf-readouts dd").all_inner_texts()


def inside(page, k):
    """The frame of the k-th picture in pixels, from its clip path: left, top, width, height."""
    rect = first(page).locator(".lf-plot").nth(k).locator("clipPath rect")
    return [float(rect.get_attribute(name)) for name in ("x", "y", "width", "height")]


def pixels(page, points):
    """Where points of the bowl belong in the first picture."""
    left, top, width, height = inside(page, 0)
    (x0, x1), (y0, y1) = FRAME
    points = np.asarray(points)
    return np.stack([left + (points[:, 0] - x0) / (x1 - x0) * width, top + (y1 - points[:, 1]) / (y1 - y0) * height], axis=1)


def vertices(page, selector, k=0):
    """The vertices of a line in pixels."""
    d = first(page).locator(selector).nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def dots(page):
    """The centres of the swarm's dots in pixels: each starts with its place, then goes half its width to the left."""
    d = first(page).locator(".lf-swarm").get_attribute("d")
    return np.array([[float(v) for v in part.split("m")[0].split(",")] for part in d.split("M")[1:]])


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == NoiseBall().state()
        assert readouts(page) == ["0.1, 1", "0.514", "0.52", "87 %", "5.26 %"]
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == NoiseBall(hold="effective", seed=3).state()


def test_swarm_and_ellipse_are_drawn_where_their_numbers_say(browser, address):
    """Two sigma in each direction, around the minimum; and every dot on its ball (those that hide each other are drawn once)."""
    with live.open_page(browser, address) as page:
        expected = NoiseBall().numbers()
        line, (cx, cy) = vertices(page, ".lf-ellipse"), pixels(page, [(0, 0)])[0]
        a, b = pixels(page, [2 * np.sqrt(expected["exact"])])[0] - (cx, cy)
        np.testing.assert_allclose(((line - (cx, cy)) / (a, b)) ** 2 @ [1, 1], 1, atol=2e-3)
        assert len(line) > 100
        places = pixels(
            page, [p for p in expected["cloud"] if all(low <= v <= high for v, (low, high) in zip(p, FRAME, strict=True))]
        )
        found = dots(page)
        assert 0.9 * len(places) < len(found) <= len(places)
        assert np.linalg.norm(found[:, None] - places[None], axis=2).min(axis=1).max() < 0.02


DRAWN = [
    ({}, None),
    ({"hold": "effective", "rate": 0.2, "beta": 0.95, "kappa": 1.0, "sigma": 1.5, "seed": 7}, 50),
    ({"hold": "rate", "rate": 0.2, "beta": 0.95, "kappa": 4.0, "sigma": 1.5}, None),
    ({"hold": "rate", "rate": 0.02, "beta": 0.0, "kappa": 2.0, "sigma": 0.5, "seed": 9999}, 0),
    ({"hold": "effective", "rate": 0.05, "beta": 0.5, "kappa": 3.0, "sigma": 1.0}, 12),
]


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = NoiseBall(**state)
            seen, found = marks.drawn(page, head=head, **figure.state()), figure.numbers()
            head = STEPS if head is None else head
            lr, exact, measured = found["lr"], found["exact"], found["measured"]
            assert list(seen.readouts.values()) == [
                f"{show(lr)}, {show(found['effective'])}",
                show(exact[0]),
                show(measured[0], 2),
                f"{int(100 * found['inside'] + 0.5)} %",
                f"{show(100 * found['average'])} %",
            ]
            variance, size = show(exact[0]), show(measured[0], 2)
            assert seen.sentence == (
                f"Momentum {show(figure.beta)}, learning rate {show(lr)}, effective rate {show(found['effective'])}: the "
                f"variance along x is {variance}, measured {size}. The curvature along y is {show(figure.kappa)}."
            )
            held = "the learning rate" if figure.hold == "rate" else "the effective rate"
            assert seen.sliders["rate"]["told"] == f"{show(figure.rate)}: {held}"

            points, turn = swarm(lr, figure.beta, figure.kappa, figure.sigma, figure.seed), np.linspace(0, 2 * np.pi, 721)
            circle = 2 * np.c_[np.cos(turn), np.sin(turn)]
            plane = seen.picture(0, *frame_of(exact))
            plane.check_ticks()
            ends = head == STEPS
            told = "ellipse: exact, two sigma" if ends else f"step {head}; dotted: exact, now"
            assert plane.key == [f"dots: {WALKERS} heavy balls", told]
            plane.marks(*plane.find("minimum"), (0, 0))
            plane.even()
            plane.marks(*plane.find("swarm"), points[head])
            (one,) = plane.find("dots", "!swarm", "!minimum")
            plane.marks(one, points[head, 0])
            plane.follows(*plane.find("thin"), points[max(0, head - TRAIL) : head + 1, 0])
            plane.follows(*plane.find("ellipse"), np.sqrt(exact) * circle)
            growing = [] if ends else np.sqrt(found["growing"][head]) * circle
            plane.follows(*plane.find("guide"), growing)

            sizes = seen.picture(1, (0, TOP), VARIANCES, log="y")
            sizes.check_ticks()
            plain = theory.noise_ball(figure.rate, 0.0, 1.0, figure.sigma)
            sizes.follows(*sizes.find("guide"), [(0, plain), (TOP, plain)])
            for part, (which, curve) in zip(sizes.find("line", look="momentum"), found["curves"].items(), strict=True):
                sizes.follows(part, np.c_[GRID, curve])
                assert ("lf-aside" in part["classes"]) is (which != figure.hold)
                start = curve[0 if which == "effective" else np.argmin(abs(GRID - 0.3))]
                name = sizes.word(f"same {'learning' if which == 'rate' else 'effective'} rate")
                if name["seen"]:
                    sizes.stands(name, (0, start), within=45)
            words = sizes.handle("Momentum", (figure.beta, exact[0]))
            assert words == f"momentum {show(figure.beta)}: variance {show(exact[0])}"


def test_both_curves_and_the_ring(browser, address):
    """Pixels of the two curves, log axis included, at both ends and where the ring stands."""
    with live.open_page(browser, address) as page:
        left, top, width, height = inside(page, 1)

        def place(beta, variance):
            low, high = np.log(VARIANCES)
            return left + beta / TOP * width, top + (high - np.log(variance)) / (high - low) * height

        for k, lr in enumerate((lambda b: 0.1, lambda b: 0.1 * (1 - b))):
            line = vertices(page, '.lf-plot:nth-child(2) .lf-line[data-look="momentum"]', k)
            for beta, vertex in ((0.0, line[0]), (TOP, line[-1])):
                np.testing.assert_allclose(vertex, place(beta, theory.noise_ball(lr(beta), beta)), atol=0.05)
        at = handle(page).get_attribute("transform").removeprefix("translate(").rstrip(")").split()
        np.testing.assert_allclose([float(v) for v in at], place(0.9, theory.noise_ball(0.1, 0.9)), atol=0.02)


def test_the_switch_tells_the_chapters_story(browser, address):
    """Raising the momentum grows the ball at the same learning rate and leaves it at the same effective rate."""
    with live.open_page(browser, address) as page:
        sizes = {}
        for value in ("rate", "effective"):
            hold(page, value)
            for beta in ("0", "0.9"):
                live.type_into(page, "beta", beta)
                state = matches(page)
                assert (state["hold"], state["beta"]) == (value, float(beta))
                sizes[value, beta] = np.ptp(vertices(page, ".lf-ellipse")[:, 0])
        assert sizes["rate", "0.9"] / sizes["rate", "0"] == pytest.approx(np.sqrt(0.5135 / 0.0526), rel=0.01)
        assert sizes["effective", "0.9"] / sizes["effective", "0"] == pytest.approx(np.sqrt(0.0501 / 0.0526), rel=0.01)
        assert readouts(page)[:2] == ["0.01, 0.1", "0.0501"]


def test_mouse_and_finger_drag_the_momentum(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), -60, 40)
        state = matches(page)
        assert 0.3 < state["beta"] < 0.85
        live.drag(page, handle(page), 3000, 0)
        assert matches(page)["beta"] == TOP
        box = first(page).locator(".lf-plot svg").nth(1).bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 80)
        assert 0.3 < matches(page)["beta"] < 0.6
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        where = "e => e.ownerSVGElement.getBoundingClientRect().top"  # the picture stays under the finger
        top = handle(page).evaluate(where)
        live.touch_drag(page, handle(page).locator(".lf-ring"), -90, 0)
        assert matches(page)["beta"] < 0.8 and handle(page).evaluate(where) == pytest.approx(top, abs=1)


def test_new_noise_comes_by_itself(browser, address):
    with live.open_page(browser, address) as page:
        old = first(page).locator(".lf-swarm").get_attribute("d")
        swarm = f"f.querySelector('.lf-swarm').getAttribute('d') === {json.dumps(old)}"
        live.comes_by_itself(page, {"seed": 5}, swarm, f"!({swarm})")
        button(page, "New noise").click()
        assert matches(page)["seed"] == 6


def test_keys(browser, address):
    with live.open_page(browser, address) as page:
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        assert matches(page)["beta"] == pytest.approx(0.9 - TOP / 100)
        assert handle(page).get_attribute("aria-valuetext").startswith("momentum 0.89")
        live.control(page, "rate").focus()
        page.keyboard.press("ArrowRight")
        assert matches(page)["rate"] > 0.1
        assert "the learning rate" in live.control(page, "rate").get_attribute("aria-valuetext")


def test_folded_settings(browser, address):
    with live.open_page(browser, address) as page:
        live.open_drawers(page)
        for name, value in (("kappa", "2.5"), ("sigma", "1.3")):
            live.type_into(page, name, value)
            assert matches(page)[name] == float(value)
        assert live.control(page, "seed").count() == 0  # a seed is no quantity: New noise draws the next
        button(page, "New noise").click()
        assert matches(page)["seed"] == 1


def test_play_shows_the_swarm_grow(browser, address):
    """Step by step the dots are the swarm's at that step, and the dotted ellipse is the exact one at that step."""
    with live.open_page(browser, address) as page:
        points, growing = swarm(0.1, 0.9), NoiseBall().numbers()["growing"]
        assert (
            live.numbers(page)["head"] == STEPS and first(page).locator(".lf-plot .lf-marks .lf-guide").get_attribute("d") == ""
        )
        for _ in range(4):
            button(page, "Step").click()
        shown = live.numbers(page)
        assert shown["head"] == 3
        np.testing.assert_allclose(np.reshape(shown["shown"], (-1, 2)), points[3], rtol=1e-12, atol=1e-15)
        line, (cx, cy) = vertices(page, ".lf-plot .lf-marks .lf-guide"), pixels(page, [(0, 0)])[0]
        a, b = pixels(page, [2 * np.sqrt(growing[3])])[0] - (cx, cy)
        np.testing.assert_allclose(((line - (cx, cy)) / (a, b)) ** 2 @ [1, 1], 1, atol=4e-3)
        handle(page).focus()
        page.keyboard.press(" ")
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head > 6")
        page.keyboard.press(" ")
        held = live.numbers(page)
        page.wait_for_timeout(120)
        assert live.numbers(page)["head"] == held["head"] < STEPS
        np.testing.assert_allclose(np.reshape(live.numbers(page)["shown"], (-1, 2)), points[held["head"]], rtol=1e-12, atol=1e-15)
        button(page, "Reset").click()
        assert live.numbers(page)["head"] == STEPS


def test_reduced_motion_shows_the_cloud_at_once(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        button(page, "Play").click()
        shown = live.numbers(page)
        assert shown["head"] == STEPS and shown["shown"] == shown["cloud"]
        assert "less motion" in first(page).locator(".lf-note").inner_text()


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        for value in ("rate", "effective"):
            hold(page, value)
            live.type_into(page, "beta", "0.7")
            names, printed = live.run_python(live.python_of(page))
            shown = live.numbers(page)
            np.testing.assert_allclose(names["points"][-1], np.reshape(shown["cloud"], (WALKERS, 2)), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(names["measured"], shown["measured"], rtol=1e-12)
            assert f"{shown['exact'][0]:.3f} exact" in printed


def test_link_and_reset(browser, address):
    def change(page):
        hold(page, "effective")
        live.type_into(page, "beta", "0.625")

    live.link_restores(browser, address, change, matches, NoiseBall(), others=[NoiseBall(hold="effective", seed=3)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "hold=breath&rate=99&beta=1&kappa=NaN&sigma=-3&seed=1e99"
    live.hostile_link_is_clamped(browser, address, query, matches, NoiseBall(), rate=0.2, beta=TOP, sigma=0.5, seed=9999)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, NoiseBall())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address, says="0.514 exact")


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a redraw while the momentum moves, and one with new noise."""
    with live.open_page(browser, address) as page:
        found = {
            "momentum": live.redraw_ms(page, "m.set('beta', 0.5 + 1e-3 * k)"),
            "noise": live.redraw_ms(page, "m.set('seed', k)"),
        }
        matches(page)
    record_property("redraw_ms_median", found)
    print(json.dumps({"noise_ball, ms": found}))
