"""The velocity in a real browser: the arrows are Python's terms, tip to tail, and light up with the rule's."""

import numpy as np
import pytest

from momentum_lib.widgets import Velocity
from momentum_lib.widgets.velocity import AXES, DOMAIN, GHOSTS, RAVINE
from tests.browser import live, marks
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


DRAWN = [
    {},
    {"beta": 0.97, "step": 24},
    {"beta": 0.97, "step": 23, "view": "across"},
    {"beta": 0.9, "step": 12, "view": "along"},
    {"beta": 0.0, "step": 7},
    {"beta": 0.5, "step": 0, "view": "across"},
]


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state in DRAWN:
            figure = Velocity(**state)
            seen, found, step = marks.drawn(page, **figure.state()), figure.numbers(), figure.step
            assert seen.sentence == found["said"]
            assert seen.sliders["step"]["told"] == f"step {step} of 24"
            at = {str(beta): np.log1p(-beta) / np.log(0.03) for beta in (0.5, 0.9)}
            assert seen.sliders["beta"]["marks"] == pytest.approx(at, abs=1e-4)
            path, terms = np.reshape(found["path"], (-1, 2)), np.reshape(found["terms"], (-1, 2))
            plane = seen.picture(0, *DOMAIN)
            plane.level(lambda x, y: RAVINE.value(np.array([x, y])))
            plane.marks(*plane.find("minimum"), [(0, 0)])
            plane.even()
            plane.marks(*plane.find("rolling"), path[step])
            (line,), (dots,) = plane.find("ghost"), plane.find("dots", "!rolling", "!minimum")
            plane.follows(line, path[: step + 1])
            plane.leaves(path[: step + 1])
            plane.marks(dots, path[: step + 1])
            # On one axis the arrows are the shadows of the terms on it, each drawn a little beside the one before.
            axis = None if figure.view == "together" else AXES[["along", "across"].index(figure.view)]
            plane.follows(plane.find("guide")[0], [] if axis is None else path[step] + np.outer([-6, 6], axis))
            chain = terms if axis is None else np.outer(terms @ axis, axis)
            tails = plane.pixels(path[step] + np.vstack([np.zeros(2), np.cumsum(chain, 0)]))
            arrows = [[*plane.find(of="g"), *plane.find(of="memory")], plane.find(of="v")]
            assert len(arrows[0]) == GHOSTS + 2 and len(arrows[1]) == 1
            beside = []
            for k, part in enumerate(arrows[0]):
                if k >= len(chain) or np.hypot(*(tails[k + 1] - tails[k])) < 0.5:
                    assert part["d"] == ""
                    continue
                shaft, (left, tip, right) = marks.vertices(part)
                aside = shaft - tails[k : k + 2]
                np.testing.assert_allclose(aside[0], aside[1], atol=0.11)
                np.testing.assert_allclose(tip, shaft[1])
                along, barbs = shaft[0] - shaft[1], (left + right) / 2 - tip
                assert barbs @ along == pytest.approx(np.hypot(*along) * np.hypot(*barbs), rel=0.02)  # it points forward
                assert np.hypot(*(left - tip)) == pytest.approx(np.hypot(*(right - tip)), abs=0.2)
                if axis is None:
                    np.testing.assert_allclose(aside, 0, atol=0.06)
                else:
                    assert abs(aside[0] @ (axis * (1, -1))) < 0.15
                    beside.append(np.hypot(*aside[0]) / (k + 1))
                if k:
                    assert float(part["opacity"]) == pytest.approx(max(0.25, figure.beta**k), rel=1e-4)
            assert np.ptp(beside or [0]) < 0.15 and (axis is None or beside[0] > 3)
            whole = marks.vertices(arrows[1][0])[0] if arrows[1][0]["d"] else tails[[0, 0]]
            np.testing.assert_allclose(whole, tails[[0, -1]], atol=0.5 if arrows[1][0]["d"] == "" else 0.06)


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
