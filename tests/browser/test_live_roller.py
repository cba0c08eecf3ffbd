"""The hill roller in a real browser: path, bands and valley under every hand are Python's."""

import json

import numpy as np
import pytest

from momentum_lib.widgets import Roller
from momentum_lib.widgets._base import many, show
from momentum_lib.widgets.roller import LANDSCAPES, height
from tests.browser import live, marks
from tests.browser.live import button, first

OTHER = {"landscape": "crevice"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("roller"), [Roller(), Roller(**OTHER)], static=True)


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = Roller(**state).numbers()
    for name in ("path", "potential", "kinetic", "friction", "finite"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(shown["valleys"], expected["valleys"], atol=1e-9)
    assert shown["kept"] == pytest.approx(expected["kept"], rel=1e-7, abs=1e-10)
    assert shown["entered"] == expected["entered"] and shown["divergedAt"] == expected["diverged_at"]
    assert shown["valley"] == (None if expected["valley"] is None else pytest.approx(expected["valley"], abs=1e-9))
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Start: where the ball is let go"]')


def choose(page, landscape):
    first(page).locator(f'[data-control="landscape"] input[value="{landscape}"]').check(force=True)


def readout(page, k):
    return first(page).locator(".lf-readouts dd").nth(k).inner_text()


def vertices(page, selector, k=0):
    """The vertices of a drawn path, in pixels."""
    d = first(page).locator(selector).nth(k).get_attribute("d").replace("Z", "")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Roller().state()
        found = Roller().numbers()
        assert readout(page, 0) == "0, the lowest" and readout(page, 1) == str(found["entered"])
        assert readout(page, 3).startswith(f"{found['friction'][-1]:.3g}")
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == Roller(**OTHER).state()


def test_the_bands_are_drawn_where_their_numbers_say(browser, address):
    """The outline over all bands, and the top of the lowest one, in pixels: one scale brings both onto Python's numbers."""
    with live.open_page(browser, address) as page:
        found = Roller().numbers()
        total = vertices(page, ".lf-ball")
        mine = found["potential"][0] + found["finite"]
        scale = np.polyfit(mine, total[:, 1], 1)
        assert scale[0] < -20 and len(total) == len(mine)
        np.testing.assert_allclose(total[:, 1], np.polyval(scale, mine), atol=0.1)
        low = vertices(page, ".lf-area")[: len(mine)]
        np.testing.assert_allclose(low[:, 1], np.polyval(scale, found["potential"]), atol=0.15)
        middle = vertices(page, ".lf-area", 1)[: len(mine)]
        np.testing.assert_allclose(middle[:, 1], np.polyval(scale, found["potential"] + found["kinetic"]), atol=0.15)
        begin = vertices_of_guide(page)
        assert begin == pytest.approx(np.polyval(scale, found["potential"][0]), abs=0.1)


def vertices_of_guide(page):
    """The height in pixels of the line at the energy of the start."""
    return vertices(page, ".lf-guide")[0, 1]


DRAWN = [
    ({}, 30),
    ({"landscape": "plateau", "start": 5.5, "lr": 4.0, "beta": 0.5, "steps": 10}, None),
    ({"landscape": "crevice", "start": -2.5, "lr": 0.0002, "beta": 0.0, "steps": 500}, None),  # in the valley where it starts
    ({"landscape": "ripples", "start": -3.5, "lr": 4.0, "beta": 0.9, "steps": 40}, None),  # it diverges
    ({"landscape": "ripples", "start": 3.0, "lr": 0.01, "beta": 0.999, "steps": 100}, 0),  # not at rest
]


def told(figure, found, head):
    """The read-outs and the sentence of a state, from Python's numbers of it."""
    begin, valley, entered = found["potential"][0], found["valley"], found["entered"]
    left, taken, added = found["potential"][head] + found["kinetic"][head], found["friction"][head], found["finite"][head]
    if found["diverged_at"]:
        where = "nowhere: it diverges"
    elif valley is None:
        where = "none yet"
    else:
        lowest = min(height(figure.landscape, bottom) for bottom in found["valleys"])
        which = "the lowest" if height(figure.landscape, valley) <= lowest else "not the lowest"
        where = f"{show(valley if abs(valley) > 1e-9 else 0)}, {which}"

    def beside(part):
        times = f"{show(part / begin, 2)} times the start’s" if part > 1.005 * begin else f"{int(100 * part / begin + 0.5)} %"
        return f"{show(part)} ({times})"

    readouts = [
        where,
        "–" if entered is None else "0: it starts in it" if entered == 0 else str(entered),
        beside(left),
        beside(taken),
        ("+" if added >= 0 else "−") + show(abs(added), 2),
    ]
    how = f"which it enters for good at step {entered}" if entered else "in which it starts"
    rests = "does not come to rest" if valley is None else f"comes to rest in the valley at {where}, {how}"
    return readouts, f"The ball {rests}. Of its energy {show(begin)}, friction took {show(taken)} in {many(head, 'step')}."


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = Roller(**state)
            seen, found = marks.drawn(page, head=head, **{**figure.state(), **state}), figure.numbers()
            seen.slides("lr", figure.lr, *LANDSCAPES[figure.landscape]["rates"], log=True)
            path, potential, n = found["path"], found["potential"], len(found["path"]) - 1
            waits, head = head is None, n if head is None else head
            readouts, sentence = told(figure, found, head)
            assert list(seen.readouts.values()) == readouts and seen.sentence == sentence

            across, up = LANDSCAPES[figure.landscape]["frame"]
            hill, x = seen.picture(0, across, up), np.linspace(*across, 1501)
            hill.check_ticks()
            ground = np.c_[x, height(figure.landscape, x)]
            hill.follows(*hill.find("hill"), ground, within=0.6)
            hill.follows(*hill.find("ground"), [*ground, (across[1], up[0]), (across[0], up[0])], within=0.6)
            hill.marks(*hill.find("trail"), np.c_[path, potential][: head + 1])
            at = 0 if waits else head  # until it is let go, the ball is where the ring is
            hill.marks(*hill.find("dots", "!trail"), (path[at], potential[at]))
            words = hill.handle("Start: where the ball is let go", (figure.start, potential[0]))
            assert words == f"position {show(figure.start)}, height {show(potential[0])}"

            begin, total = potential[0], potential[0] + found["finite"]
            energy, t = seen.picture(1, (0, n), (0, 1.2 * max(begin, *total, 1e-9))), np.arange(head + 1)
            energy.check_ticks()
            low, middle, top = potential, potential + found["kinetic"], total
            (orange, blue), (grey,), (line,) = energy.find("area"), energy.find("taken"), energy.find("ball")
            assert (orange["look"], blue["look"], energy.key) == (
                "gradient",
                "momentum",
                ["■ potential", "■ kinetic", "■ taken by friction"],
            )
            for part, below, above in ((orange, 0 * low, low), (blue, low, middle), (grey, middle, top)):
                outline = np.r_[np.c_[t, above[: head + 1]], np.c_[t, below[: head + 1]][::-1]]
                energy.follows(part, outline)
            energy.follows(line, np.c_[t, top[: head + 1]])
            energy.follows(*energy.find("guide"), [(0, begin), (n, begin)])
            energy.stands(energy.word("dotted: the energy at the start"), (n, begin))


def test_the_ball_sits_on_the_ground(browser, address):
    """Ring and outline share their place: the ring's centre lies on the drawn hill."""
    with live.open_page(browser, address) as page:
        hill = vertices(page, ".lf-hill")
        x, y = (float(v) for v in handle(page).get_attribute("transform").removeprefix("translate(").rstrip(")").split())
        assert abs(np.interp(x, hill[:, 0], hill[:, 1]) - y) < 0.5


def test_mouse_drags_the_start(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, handle(page), -150, 0)
        assert matches(page)["start"] < 2.2
        live.drag(page, handle(page), 3000, 0)
        assert matches(page)["start"] == 3.5


def test_a_click_lets_it_go_there(browser, address):
    with live.open_page(browser, address) as page:
        box = first(page).locator(".lf-plot svg").first.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.3)
        assert -2.5 < matches(page)["start"] < -1


def test_a_finger_drags_the_start(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page).locator(".lf-ring"), -70, 0)
        assert matches(page)["start"] < 2.2
        assert page.evaluate("scrollY") == before


def test_keys_move_the_start_and_the_sliders(browser, address):
    with live.open_page(browser, address) as page:
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowLeft")
        assert matches(page)["start"] == pytest.approx(2.23)
        assert handle(page).get_attribute("aria-valuetext").startswith("position 2.23, height ")
        live.control(page, "beta").focus()
        page.keyboard.press("ArrowRight")
        assert matches(page)["beta"] > 0.9


def test_rate_and_momentum(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "beta", "0.5")
        assert matches(page)["beta"] == 0.5 and "not the lowest" in readout(page, 0)
        live.type_into(page, "lr", "0.002")
        assert matches(page)["lr"] == 0.002
        live.type_into(page, "beta", "0")
        state = matches(page)
        assert state["beta"] == 0


@pytest.mark.parametrize("landscape", ["plateau", "crevice"])
def test_landscapes(browser, address, landscape):
    with live.open_page(browser, address) as page:
        choose(page, landscape)
        assert matches(page) == Roller(landscape=landscape).state()
        handle(page).focus()
        page.keyboard.press("Shift+ArrowRight")
        low, high = LANDSCAPES[landscape]["frame"][0]
        assert matches(page)["start"] == pytest.approx(LANDSCAPES[landscape]["begin"]["start"] + (high - low) / 10, abs=2e-3)


def test_no_rest_and_divergence_are_said(browser, address):
    with live.open_page(browser, address) as page:
        choose(page, "plateau")
        live.type_into(page, "beta", "0")
        live.type_into(page, "lr", "0.01")
        handle(page).focus()
        page.keyboard.press("Shift+ArrowLeft")
        assert matches(page)["start"] == pytest.approx(-4.4) and readout(page, 0) == "none yet" and readout(page, 1) == "–"
        choose(page, "crevice")
        live.type_into(page, "lr", "4")
        shown = live.numbers(page)
        agrees(shown)
        assert shown["divergedAt"] and "diverges" in readout(page, 0)


def test_play_step_space_and_reduced_motion(browser, address):
    with live.open_page(browser, address) as page:
        total = Roller().steps
        assert live.numbers(page)["head"] == total
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 0
        for _ in range(3):
            button(page, "Step").click()
        assert live.numbers(page)["head"] == 3
        assert len(vertices(page, ".lf-ball")) == 4
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
        live.drag(page, handle(page), -60, 0)
        for landscape in LANDSCAPES:
            choose(page, landscape)
            names, _ = live.run_python(live.python_of(page))
            shown = live.numbers(page)
            for mine, theirs in (
                ("x", "path"),
                ("potential", "potential"),
                ("kinetic", "kinetic"),
                ("friction", "friction"),
                ("finite", "finite"),
            ):
                np.testing.assert_allclose(names[mine], shown[theirs], rtol=1e-8, atol=1e-10)


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page), -90, 0)
        live.type_into(page, "beta", "0.83")

    live.link_restores(browser, address, change, matches, Roller(), others=[Roller(**OTHER)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "beta=7&lr=-1&steps=NaN&start=-99&landscape=volcano"
    live.hostile_link_is_clamped(browser, address, query, matches, Roller(), beta=0.999, lr=2e-4, start=-3.5)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Roller())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address, says="comes to rest at 0.00")


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a redraw while the momentum moves, for each landscape."""
    with live.open_page(browser, address) as page:
        found = {}
        for landscape in LANDSCAPES:
            choose(page, landscape)
            found[landscape] = live.redraw_ms(page, "m.set('beta', 0.9 + 1e-4 * k)")
        matches(page)
    record_property("redraw_ms_median", found)
    print(json.dumps({"roller, ms": found}))
