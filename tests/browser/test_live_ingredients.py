"""Adam line by line in a real browser: every switch, handle and slider leads to Python's path."""

import json

import numpy as np
import pytest

from momentum_lib.widgets import Ingredients
from momentum_lib.widgets._base import many, show
from momentum_lib.widgets.ingredients import ADAM, FIELDS
from tests.browser import live, marks
from tests.browser.live import button, first


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(
        tmp_path_factory.mktemp("ingredients"), [Ingredients(), Ingredients(surface="turned", correct_s=False)], static=True
    )


def agrees(shown):
    """Everything that is drawn equals momentum_lib's for the state that is shown."""
    expected = Ingredients(**shown["state"]).numbers()
    assert shown["name"] == expected["name"] and shown["divergedAt"] == expected["diverged_at"]
    for theirs, mine in (("path", "path"), ("whole", "whole"), ("strides", "strides"), ("wholeStrides", "whole_strides")):
        np.testing.assert_allclose(np.reshape(shown[theirs], (-1, 2)), expected[mine], rtol=1e-7, atol=1e-8)
    for theirs, mine in (("first", "first"), ("loss", "loss"), ("wholeLoss", "whole_loss")):
        assert shown[theirs] == (None if expected[mine] is None else pytest.approx(expected[mine], rel=1e-6, abs=1e-12))
    return shown["state"]


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def switch(page, part):
    return first(page).locator(f'.lf-recipe-row[data-part="{part}"] input')


def flip(page, part):
    """Press a switch, and wait for the picture: asking for the numbers draws what is waiting. Returns the state."""
    switch(page, part).click()
    return matches(page)


def words(page, part):
    return first(page).locator(f'.lf-recipe-row[data-part="{part}"]').inner_text()


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Start of the paths"]')


def readout(page, k):
    return first(page).locator(".lf-readouts dd").nth(k).inner_text()


def drawn(page, selector, k=0):
    """The vertices of a path, in pixels."""
    d = first(page).locator(selector).nth(k).get_attribute("d")
    return np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Ingredients().state()
        assert (readout(page, 0), readout(page, 2)) == ("Adam", readout(page, 3))
        live.ready(page, 1)
        shown = live.numbers(page, 1)
        assert agrees(shown)["correct_s"] is False and shown["name"] == "Adam, s not corrected"


def test_every_switch_is_a_line_of_the_rule(browser, address):
    """One line off at a time: the name, the path, the struck line; the thin path of complete Adam appears beside it."""
    names = {
        "momentum": "RMSProp, corrected",
        "ruler": "averaged momentum, corrected",
        "correct_m": "Adam, m not corrected",
        "correct_s": "Adam, s not corrected",
        "decay": "AdamW",
    }
    with live.open_page(browser, address) as page:
        whole = first(page).locator(".lf-whole").first
        assert (whole.get_attribute("d") or "") == ""
        for part, name in names.items():
            state = flip(page, part)
            assert state[part] is not ADAM[part] and readout(page, 0) == name
            assert len(whole.get_attribute("d")) > 100
            struck = "is-off" in first(page).locator(f'.lf-recipe-row[data-part="{part}"]').get_attribute("class")
            assert struck is (part != "decay")
            assert flip(page, part) == Ingredients().state()


def test_the_lines_are_the_rules_own(browser, address):
    """What stands beside a switch is printed from the rule: the last line changes with decay, and with the ruler."""
    with live.open_page(browser, address) as page:
        assert words(page, "momentum").startswith("m ← β₁ m + (1 − β₁) g")
        assert words(page, "correct_s").startswith("ŝ ← s / (1 − β₂ᵗ)")
        assert words(page, "decay").startswith("θ ← θ − η m̂ / (√ŝ + ε)")
        flip(page, "decay")
        assert words(page, "decay").startswith("θ ← (1 − η ω) θ − η m̂ / (√ŝ + ε)")
        flip(page, "ruler")
        assert words(page, "decay").startswith("θ ← θ − η m")
        assert switch(page, "decay").is_disabled() and switch(page, "correct_s").is_disabled()
        assert matches(page)["decay"] is True and readout(page, 0) == "averaged momentum, corrected"
        flip(page, "momentum")
        assert readout(page, 0) == "gradient descent"
        assert switch(page, "correct_m").is_disabled() and "nothing to lift" in words(page, "correct_m")


def test_the_first_step_says_what_a_correction_is_worth(browser, address):
    with live.open_page(browser, address) as page:
        assert readout(page, 1) == "1\u202fη along x, 1\u202fη along y"
        flip(page, "correct_s")
        assert readout(page, 1) == "31.6\u202fη along x, 31.6\u202fη along y"
        flip(page, "correct_m")
        assert readout(page, 1) == "3.16\u202fη along x, 3.16\u202fη along y"
        flip(page, "ruler")
        assert readout(page, 1) == "0.0175 along x, 0.262 along y"
        matches(page)


def test_the_two_rates_take_turns(browser, address):
    """With the ruler the rate is in theta, without it in theta^2 / f: each has its own slider, one at a time."""
    with live.open_page(browser, address) as page:
        lr, rate = (first(page).locator(f'[data-control="{name}"]') for name in ("lr", "rate"))
        assert lr.is_visible() and not rate.is_visible()
        live.type_into(page, "lr", "0.05")
        assert matches(page)["lr"] == 0.05
        flip(page, "ruler")
        assert rate.is_visible() and not lr.is_visible()
        live.type_into(page, "rate", "0.02")
        assert matches(page)["rate"] == 0.02


def test_mouse_finger_and_keys_move_the_start(browser, address):
    with live.open_page(browser, address, reduced_motion="reduce") as page:  # a start that is let go would run
        live.drag(page, handle(page), 120, 60)
        assert matches(page)["start"] != [-2.5, 1.5]
        live.drag(page, handle(page), 3000, 3000)
        assert matches(page)["start"] == [3, -2]
        handle(page).focus()
        page.keyboard.press("ArrowLeft")
        assert matches(page)["start"][0] < 3
        switch(page, "ruler").focus()
        page.emulate_media(reduced_motion="no-preference")
        page.keyboard.press("Space")  # Space on a switch is the switch's, not Play
        assert matches(page)["ruler"] is False and live.numbers(page)["head"] == 80
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        handle(page).scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        live.touch_drag(page, handle(page).locator(".lf-ring"), 60, 50)
        assert matches(page)["start"][0] > -2.3 and page.evaluate("scrollY") == before


@pytest.mark.parametrize("surface", FIELDS)
def test_every_surface(browser, address, surface):
    with live.open_page(browser, address) as page:
        first(page).locator('[data-control="surface"] select').select_option(surface)
        assert matches(page) == Ingredients(surface=surface).state()


def test_the_lengths_are_drawn_where_their_numbers_say(browser, address):
    """Pixels of the two curves of step lengths: equal at first, and on a logarithmic scale."""
    with live.open_page(browser, address) as page:
        strides = Ingredients().numbers()["strides"]
        x, y = (drawn(page, ".lf-plot:nth-of-type(2) .lf-mine, .lf-mine", k) for k in (1, 2))
        assert len(x) == len(y) == 80 and abs(x[0, 1] - y[0, 1]) < 0.2
        scale = np.polyfit(np.log10(strides[:, 0]), x[:, 1], 1)
        np.testing.assert_allclose(np.polyval(scale, np.log10(strides[:, 1])), y[:, 1], atol=0.6)


DRAWN = [
    ({}, None),
    ({"surface": "turned", "correct_s": False, "decay": True, "weight_decay": 2.0, "steps": 40}, 12),
    ({"surface": "beale", "ruler": False, "rate": 0.05, "correct_m": False, "start": [-4.5, 4.5]}, None),  # it diverges
    ({"surface": "rosenbrock", "ruler": False, "momentum": False, "rate": 0.001, "steps": 400}, None),
    ({"surface": "ravine", "momentum": False, "lr": 10.0, "beta2": 0.0, "start": [4, -4], "steps": 5}, 0),
    (
        {"surface": "ravine", "lr": 1e-4, "beta1": 0.999, "beta2": 0.9999, "correct_m": False, "correct_s": False, "steps": 100},
        57,
    ),
]


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state, head in DRAWN:
            figure = Ingredients(**state)
            seen, found = marks.drawn(page, head=head, **{**figure.state(), **state}), figure.numbers()
            path, whole, adam = found["path"], found["whole"], figure.parts == ADAM
            head = len(path) - 1 if head is None else head
            mine = f"diverged at step {found['diverged_at']}" if found["diverged_at"] else show(found["loss"])
            theirs = (
                f"diverged at step {figure.path(ADAM).diverged_at}" if found["whole_loss"] is None else show(found["whole_loss"])
            )
            x, y = (show(stride) + ("\u202fη" if figure.ruler else "") for stride in found["first"])
            assert list(seen.readouts.values()) == [found["name"], f"{x} along x, {y} along y", mine, theirs]
            beside = "" if adam else f"; complete Adam: {theirs}"
            assert seen.sentence == f"This is {found['name']}. Loss after {many(figure.steps, 'step')}: {mine}{beside}."
            for name in ("lr", "rate"):
                begin = FIELDS[figure.surface]["begin"][name]
                seen.slides(name, getattr(figure, name), begin / 20, 10 * begin, log=True)
            assert (seen.sliders["lr"]["hidden"], seen.sliders["rate"]["hidden"]) == (not figure.ruler, figure.ruler)

            plane = seen.picture(0, *figure.field.domain)
            plane.level(lambda x, y, f=figure.field: f.value(np.array([x, y])))
            plane.marks(*plane.find("minimum"), figure.field.minima)
            plane.even()
            (own,), (other,), (dots,) = plane.find("mine"), plane.find("whole"), plane.find("dots", "!minimum")
            assert own["look"] == dots["look"] == figure.look
            plane.follows(own, path[: head + 1])
            plane.leaves(path[: head + 1])
            plane.marks(dots, path[: head + 1])
            plane.follows(other, [] if adam else whole)
            assert plane.handle("Start of the paths", figure.start) == "x {}, y {}".format(*map(show, figure.start))

            lengths = seen.picture(1, (0, figure.steps), figure.stride_range(found), log="y")
            lengths.check_ticks()
            for k, (one, thin) in enumerate(zip(lengths.find("mine"), lengths.find("whole"), strict=True)):
                assert one["look"] == figure.look and ("lf-along-y" in one["classes"]) is (k == 1)
                for part, strides in ((one, found["strides"][:head]), (thin, found["whole_strides"])):
                    strides = np.maximum(strides[:, k], 1e-300)
                    drawn = part is one or not adam
                    lengths.follows(part, np.c_[1 + np.arange(len(strides)), strides] if drawn else [])
            lengths.follows(*lengths.find("guide"), [(0, figure.lr), (figure.steps, figure.lr)] if figure.ruler else [])
            low, high = figure.stride_range(found)
            if figure.ruler and low < figure.lr < high:
                lengths.stands(lengths.word("η"), (figure.steps, figure.lr))
            assert lengths.key == ["solid: along x", "dashed: along y"]


def test_play_and_step(browser, address):
    with live.open_page(browser, address) as page:
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 0
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 1
        button(page, "Play").click()
        page.wait_for_function("document.querySelector('.live-figure').__figure.numbers().head > 5")
        button(page, "Pause").click()
        matches(page)


def test_a_diverging_run_is_told(browser, address):
    with live.open_page(browser, address) as page:
        first(page).locator('[data-control="surface"] select').select_option("beale")
        flip(page, "ruler")
        live.type_into(page, "rate", "2")
        matches(page)
        assert "diverged at step" in readout(page, 2)


@pytest.mark.parametrize(
    "off", [(), ("correct_m", "correct_s"), ("ruler",), ("ruler", "correct_m", "momentum"), ("momentum", "correct_s")]
)
def test_copied_python_gives_the_same_path(browser, address, off):
    with live.open_page(browser, address) as page:
        for part in off:
            flip(page, part)
        if "ruler" not in off:
            flip(page, "decay")
        names, printed = live.run_python(live.python_of(page))
        np.testing.assert_allclose(names["path"].points, np.reshape(live.numbers(page)["path"], (-1, 2)), rtol=1e-9, atol=1e-11)
        assert "steps" in printed


def test_link_and_reset(browser, address):
    def change(page):
        flip(page, "correct_s")
        live.drag(page, handle(page), 50, 40)
        live.type_into(page, "lr", "0.11")

    live.link_restores(browser, address, change, matches, Ingredients(), others=[Ingredients(surface="turned", correct_s=False)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "lr=99&rate=NaN&beta1=1&start=9,-99&surface=volcano&steps=1e9&ruler=perhaps"
    live.hostile_link_is_clamped(browser, address, query, matches, Ingredients(), lr=10, beta1=0.999, start=[3, -2], steps=400)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, address):
    live.leaves_nothing(browser, address, Ingredients())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address)


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a redraw while the rate moves."""
    with live.open_page(browser, address) as page:
        found = {}
        for surface in FIELDS:
            first(page).locator('[data-control="surface"] select').select_option(surface)
            found[surface] = live.redraw_ms(page, "m.set('lr', 0.1 + 1e-3 * k)")
        matches(page)
    record_property("redraw_ms_median", found)
    print(json.dumps({"ingredients, ms": found}))
