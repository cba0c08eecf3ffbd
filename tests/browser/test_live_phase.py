"""The phase portrait in a real browser: dots, curve and energy under every hand are Python's."""

import json
import re

import numpy as np
import pytest

from momentum_lib import theory
from momentum_lib.widgets import Phase
from momentum_lib.widgets._base import show
from momentum_lib.widgets.phase import POTENTIALS, edge
from tests.browser import live, marks
from tests.browser.live import button, first


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("phase"), [Phase(), Phase(potential="double_well")], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = Phase(**state).numbers()
    for name in ("path", "curve"):
        np.testing.assert_allclose(np.reshape(shown[name], (-1, 2)), expected[name], rtol=1e-9, atol=1e-9)
    for name in ("energies", "kinetic", "stored"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-8, atol=1e-9)
    assert shown["rises"] == expected["rises"] and shown["divergedAt"] == expected["diverged_at"]
    assert shown["gap"] == (None if expected["gap"] is None else pytest.approx(expected["gap"], rel=1e-8))
    assert (shown["lr"], shown["beta"]) == (pytest.approx(expected["lr"]), pytest.approx(expected["beta"]))
    assert shown["regime"] == expected["regime"] and shown["edge"] == pytest.approx(expected["edge"])
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Start: position and velocity"]')


def readout(page, k):
    return first(page).locator(".lf-readouts dd").nth(k).inner_text()


def drawn(page, selector, k=0):
    """The vertices of a path of the plane, in data coordinates."""
    d = first(page).locator(selector).nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def places(page, k):
    """Where the k-th set of dots stands, in pixels."""
    marks = first(page).locator('.lf-dots[data-look="momentum"]').nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in re.findall(r"M([-\d.]+,[-\d.]+)m", marks)])


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert agrees(live.numbers(page)) == Phase().state()
        assert (readout(page, 0), readout(page, 1), readout(page, 4)) == ("0.09", "0.85", "no step")
        live.ready(page, 1)
        shown = live.numbers(page, 1)
        assert agrees(shown) == Phase(potential="double_well").state()


def test_the_curve_is_drawn_where_its_numbers_say(browser, address):
    """Pixels of the dark curve and of the dots: position to the right, velocity upwards,
    each on Python's, the start at the handle."""
    with live.open_page(browser, address) as page:
        curve, fine = drawn(page, ".lf-ball"), Phase().numbers()["fine"]
        box = page.evaluate(
            "() => { const t = (k) => "
            "[...document.querySelectorAll('.lf-plot')][0].querySelectorAll('.lf-rule')[k].getAttribute('d'); return [t(0), "
            "t(1)]; }"
        )
        left, bottom, right = (float(v) for v in box[0].replace("M", "").replace("H", ",").split(","))
        top = float(box[1].split("V")[0].split(",")[1])

        def away(drawn, rows):
            """The farthest that a drawn point is from every row (position, velocity), in pixels."""
            pixels = np.c_[
                left + (rows[:, 0] + 3) / 6 * (right - left), bottom - 0.5 - (rows[:, 1] + 3) / 6 * (bottom - 0.5 - top)
            ]
            return np.linalg.norm(drawn[:, None] - pixels[None], axis=2).min(axis=1).max()

        assert len(curve) > 500 and away(curve, fine) < 1
        dots = places(page, 0)
        assert len(dots) > 40 and away(dots, Phase().numbers()["path"]) < 1
        at = handle(page).get_attribute("transform").removeprefix("translate(").rstrip(")").split()
        np.testing.assert_allclose([float(v) for v in at], curve[0], atol=0.02)


DRAWN = [
    ({}, None),
    ({"potential": "double_well", "start": [1.7, 1.2], "friction": 0.0, "h": 0.4, "time": 37.0}, 30),
    ({"potential": "lessard"}, None),
    ({"potential": "bowl", "start": [4.5, -18], "friction": 2.0, "h": 0.01, "time": 3.0}, None),
    ({"potential": "bowl", "start": [3, -3], "friction": 2.0, "h": 0.2, "time": 60.0}, None),  # at rest for long
    ({"potential": "bowl", "start": [-1, 2], "friction": 0.6, "h": 1.8, "time": 100.0}, 5),  # it diverges
    ({"potential": "lessard", "start": [4.5, 18], "friction": 12.0, "h": 2.5, "time": 1.0}, None),
    ({"potential": "double_well", "start": [0, 0.5], "friction": 12.0, "h": 0.1, "time": 5.0}, 0),
]


def told(figure, found):
    """The read-outs and the sentence of a state, from Python's numbers of it."""
    beta, n, rises = found["beta"], len(found["path"]) - 1, found["rises"]
    ends = found["diverged_at"]
    readouts = [
        show(found["lr"]),
        f"{show(beta)}: negative" if beta < 0 else show(beta),
        found["regime"],
        "everything: they diverge" if ends else show(found["gap"], 2),
        f"{rises} of {n} steps" if rises else "no step",
    ]
    regime = ("is " if found["regime"].startswith("critically") else "") + found["regime"]
    dots = f"diverge at step {ends}" if ends else f"leave its curve by {show(found['gap'], 2)}"
    lr, friction, h = (show(value) for value in (found["lr"], figure.friction, figure.h))
    return readouts, (
        f"Friction {friction}, time step {h}: learning rate {lr}, momentum {show(beta)}. The ball {regime}; the dots {dots}."
    )


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = Phase(**state)
            seen, found = marks.drawn(page, head=head, **{**figure.state(), **state}), figure.numbers()
            path, fine, fine_t, h = found["path"], found["fine"], found["fine_t"], figure.h
            n = len(path) - 1
            head = n if head is None else head
            readouts, sentence = told(figure, found)
            assert list(seen.readouts.values()) == readouts and seen.sentence == sentence
            critical = theory.critical_friction(figure.curvature)
            most, highest = min(12, 2 * critical), edge(figure.curvature, figure.friction)
            seen.slides("friction", figure.friction, 0, most)
            assert seen.sliders["friction"]["marks"] == {"critical": pytest.approx(critical / most, abs=1e-4)}
            seen.slides("h", h, 0.02, min(2.5, 1.5 * highest), log=True)
            assert seen.sliders["friction"]["told"] == f"{show(figure.friction)}, {found['regime']}"
            assert seen.sliders["h"]["told"].startswith(f"{show(h)}: learning rate {show(found['lr'])}, momentum ")
            x, w = POTENTIALS[figure.potential]["frame"]
            many = (len(fine) - 1) if head == n else round(head * h / (fine_t[1] - fine_t[0]))
            curve, dots, t, fine_t = fine[: many + 1], path[: head + 1], np.arange(head + 1) * h, fine_t[: many + 1]

            assert all(("many" in seen.picture(k).look) is (n > 250) for k in range(3))
            plane = seen.picture(0, x, w)
            plane.check_ticks()
            plane.follows(*plane.find("guide"), [(x[0], 0), (x[1], 0)])
            surface = POTENTIALS[figure.potential]["surface"]
            plane.marks(*plane.find("minimum"), [(minimum[0], 0) for minimum in surface.minima])
            plane.follows(*plane.find("ball"), curve)
            plane.follows(*plane.find("faint"), dots)
            plane.leaves(dots)
            every, pen = plane.find("dots", "!minimum", look="momentum")
            plane.marks(every, dots)
            plane.marks(pen, dots[-1] if head < n else [])
            words = plane.handle("Start: position and velocity", figure.start)
            assert words == "position {}, velocity {}".format(*map(show, figure.start))
            flows(plane, figure)

            over = seen.picture(1, (0, figure.time), x)
            over.check_ticks()
            over.follows(*over.find("guide"), [(0, 0), (figure.time, 0)])
            over.follows(*over.find("ball"), np.c_[fine_t, curve[:, 0]], within=1.5)
            over.marks(*over.find("dots"), np.c_[t, dots[:, 0]])

            stored, total = found["stored"][: many + 1], (found["stored"] + found["kinetic"])[: many + 1]
            energy = seen.picture(2, (0, figure.time), (0, 1.08 * max(total[0], 1e-6)))
            energy.check_ticks()
            energy.follows(*energy.find("ball"), np.c_[fine_t, total], within=1.5)
            energy.marks(*energy.find("dots"), np.c_[t, found["energies"][: head + 1]])
            floor = np.array([(fine_t[-1], 0), (0, 0)])
            potential, kinetic = energy.find("area")
            assert (potential["look"], kinetic["look"]) == ("gradient", "momentum")
            energy.follows(potential, [*np.c_[fine_t, stored], *floor], within=1.5)
            energy.follows(kinetic, [*np.c_[fine_t, total], *np.c_[fine_t, stored][::-1]], within=1.5)


def flows(plane, figure):
    """The strokes behind the plane lie along the flow, are of one length and fill the frame."""
    (strokes,), slope = plane.find("flow"), figure._slope()
    lines, off = marks.vertices(strokes), []
    wide, tall = plane.high - plane.low
    assert len(lines) == round(wide / 32) * round(tall / 32)
    for line in lines:
        steps, (x, w) = np.diff(line, axis=0), plane.numbers((line[1:] + line[:-1]) / 2).T
        way = plane.pixels(np.c_[w, -figure.friction * w - [slope(one) for one in x]]) - plane.pixels(np.zeros((1, 2)))
        way /= np.maximum(np.hypot(*way.T), 1e-9)[:, None]
        off += np.hypot(*(steps - way * np.hypot(*steps.T)[:, None]).T).tolist()
    assert np.mean(np.array(off) > 0.5) < 0.06, figure  # but for those that turn about the minimum
    middles = np.array([line[0] for line in lines])
    assert (abs(middles.mean(0) - (plane.low + plane.high) / 2) < 1).all()
    ends = np.array([line[-1] for line in lines])
    inside = ((ends > plane.low) & (ends < plane.high)).all(1)
    (heads,) = plane.find("flow-head")
    np.testing.assert_allclose(plane.pixels(plane.dots(heads)) + (1.5, 0), ends[inside], atol=0.11)


def test_the_total_line_falls(browser, address):
    """On the energy picture the summed line goes down the page, never up, by more than a pixel's rounding."""
    with live.open_page(browser, address) as page:
        total = drawn(page, ".lf-ball", 2)
        assert (np.diff(total[:, 1]) > -0.11).all() and total[-1, 1] > total[0, 1] + 80
        shown, dots = live.numbers(page), places(page, 3)
        scale = np.polyfit(shown["energies"], dots[:, 1], 1)  # one scale holds the dots' energies and the line's two ends
        np.testing.assert_allclose(np.polyval(scale, shown["energies"]), dots[:, 1], atol=0.05)
        ends = [shown["kinetic"][k] + shown["stored"][k] for k in (0, -1)]
        np.testing.assert_allclose(np.polyval(scale, ends), total[[0, -1], 1], atol=0.2)


def test_mouse_drags_position_and_velocity(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), 90, -70)
        state = agrees(live.numbers(page))
        assert state["start"][0] > -1.5 and state["start"][1] > 0.7
        live.drag(page, handle(page), 3000, 3000)
        assert agrees(live.numbers(page))["start"] == [3, -3]


def test_a_click_puts_the_ball_there(browser, address):
    with live.open_page(browser, address) as page:
        box = first(page).locator(".lf-plot svg").first.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3)
        state = agrees(live.numbers(page))
        assert state["start"][0] > 0.5 and state["start"][1] > 0.5


def test_a_finger_drags_the_start(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page).locator(".lf-ring"), 60, -50)
        state = agrees(live.numbers(page))
        assert state["start"][0] > -2 and state["start"][1] > 0.4
        assert page.evaluate("scrollY") == before


def test_keys_move_the_start_and_the_sliders(browser, address):
    with live.open_page(browser, address) as page:
        handle(page).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowUp")
        state = agrees(live.numbers(page))
        assert state["start"] == [pytest.approx(-2.34), pytest.approx(0.6)]
        assert handle(page).get_attribute("aria-valuetext") == "position −2.34, velocity 0.6"
        live.control(page, "friction").focus()
        page.keyboard.press("ArrowRight")
        assert agrees(live.numbers(page))["friction"] > 0.5
        assert "under-damped" in live.control(page, "friction").get_attribute("aria-valuetext")


def test_friction_and_time_step(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "friction", "2")
        assert agrees(live.numbers(page))["friction"] == 2
        assert readout(page, 2) == "critically damped" and readout(page, 1) == "0.4"
        live.type_into(page, "h", "0.05")
        shown = live.numbers(page)
        agrees(shown)
        assert shown["gap"] < 0.06 and readout(page, 0) == "0.0025"
        live.type_into(page, "friction", "0.1")
        live.type_into(page, "h", "1")
        shown = live.numbers(page)
        agrees(shown)
        assert shown["rises"] > 0 and readout(page, 4).startswith(f"{shown['rises']} of 20")


def test_past_the_edge_the_dots_diverge_and_the_ball_does_not(browser, address):
    with live.open_page(browser, address) as page:
        first(page).locator("summary").click()
        live.type_into(page, "time", "100")
        live.type_into(page, "h", "2")
        shown = live.numbers(page)
        agrees(shown)
        assert shown["edge"] < 2 and shown["divergedAt"] and "diverge" in readout(page, 3)
        assert np.abs(np.reshape(shown["curve"], (-1, 2))[-1]).max() < 1e-6
        live.type_into(page, "friction", "0.6")
        live.type_into(page, "h", "1.8")
        shown = live.numbers(page)
        agrees(shown)
        assert shown["beta"] < 0 and "negative" in readout(page, 1)


@pytest.mark.parametrize("potential", ["double_well", "lessard"])
def test_potentials(browser, address, potential):
    with live.open_page(browser, address) as page:
        first(page).locator(f'[data-control="potential"] input[value="{potential}"]').check(force=True)
        shown = live.numbers(page)
        assert agrees(shown) == Phase(potential=potential).state()
        if potential == "lessard":
            assert shown["rises"] > 10


def test_play_step_space_and_reduced_motion(browser, address):
    with live.open_page(browser, address) as page:
        total = len(Phase().numbers()["path"]) - 1
        assert live.numbers(page)["head"] == total
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 0
        for _ in range(3):
            button(page, "Step").click()
        assert live.numbers(page)["head"] == 3
        assert len(drawn(page, ".lf-ball")) < 100
        handle(page).focus()
        page.keyboard.press(" ")
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head > 6")
        page.keyboard.press(" ")
        held = live.numbers(page)["head"]
        page.wait_for_timeout(120)
        assert live.numbers(page)["head"] == held < total
        button(page, "Reset").click()
        assert live.numbers(page)["head"] == total
    with live.open_page(browser, address, reduced_motion="reduce") as page:
        button(page, "Play").click()
        assert live.numbers(page)["head"] == total
        assert "less motion" in first(page).locator(".lf-note").inner_text()


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), 60, -40)
        for potential in ("bowl", "double_well", "lessard"):
            first(page).locator(f'[data-control="potential"] input[value="{potential}"]').check(force=True)
            names, _ = live.run_python(live.python_of(page))
            np.testing.assert_allclose(
                np.array(names["path"], dtype=float), np.reshape(live.numbers(page)["path"], (-1, 2)), rtol=1e-9, atol=1e-12
            )


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page), 50, -60)
        live.type_into(page, "friction", "1.25")

    live.link_restores(browser, address, change, matches, Phase(), others=[Phase(potential="double_well")])


def test_a_hostile_link_is_clamped(browser, address):
    query = "friction=99&h=0&time=NaN&start=9,-99&potential=volcano"
    live.hostile_link_is_clamped(browser, address, query, matches, Phase(), friction=12, h=0.01, start=[3, -3])


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Phase())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address)


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a redraw while the friction moves, for each potential."""
    with live.open_page(browser, address) as page:
        found = {}
        for potential in ("bowl", "double_well", "lessard"):
            first(page).locator(f'[data-control="potential"] input[value="{potential}"]').check(force=True)
            found[potential] = live.redraw_ms(page, "m.set('friction', 0.3 + 1e-3 * k)")
        agrees(live.numbers(page))
    record_property("redraw_ms_median", found)
    print(json.dumps({"phase, ms": found}))
