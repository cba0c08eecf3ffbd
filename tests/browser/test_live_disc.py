"""The disc in a real browser: map, eigenvalues and error change under every hand as Python's theory says they should."""

import json

import numpy as np
import pytest

from momentum_lib import rules, theory
from momentum_lib.widgets import Disc
from momentum_lib.widgets._base import many, show
from momentum_lib.widgets.disc import BUDGET, GOAL, LINEAR, TOP, best_setting, rate_range, remembers
from tests.browser import live, marks
from tests.browser.live import button, first

SECOND = Disc(rule="nesterov", lr=0.01, beta=0.7)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("disc"), [Disc(), SECOND], static=True)


def agrees(shown):
    """Eigenvalues, rate, error and read-outs that are drawn equal momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = Disc(**state).numbers()
    drawn = np.array(shown["eigenvalues"], dtype=float) @ [1, 1j]
    assert drawn.shape == expected["eigenvalues"].shape
    np.testing.assert_allclose(shown["curvatures"], expected["curvatures"], rtol=1e-12)
    # A double root moves by the square root of rounding; its square does not.
    np.testing.assert_allclose(drawn.sum(axis=1), expected["eigenvalues"].sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(drawn.prod(axis=1), expected["eigenvalues"].prod(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(drawn, expected["eigenvalues"], rtol=1e-6, atol=1e-6)
    assert shown["rate"] == pytest.approx(expected["rate"], abs=1e-6)
    np.testing.assert_allclose(np.array(shown["errors"], dtype=float), expected["errors"], rtol=1e-7, atol=1e-14)
    assert shown["divergedAt"] == expected["diverged_at"]
    assert shown["stepsTo"] == expected["steps_to"]
    assert shown["peak"] == [expected["peak"][0], pytest.approx(expected["peak"][1], rel=1e-8)]
    if expected["measured"] is None:
        assert shown["measured"] is None
    else:
        assert shown["measured"] == pytest.approx(expected["measured"], rel=1e-6)
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def map_agrees(shown):
    """Every cell of the map holds the steps that the theory's rate predicts."""
    drawn = shown["map"]
    rates, momenta, steps = Disc(**shown["state"]).map()
    np.testing.assert_allclose(drawn["xs"], rates, rtol=1e-12)
    np.testing.assert_allclose(drawn["ys"], momenta, rtol=1e-12)
    mine = np.array([np.nan if v == "diverged" else v for v in drawn["steps"]], dtype=float).reshape(steps.shape)
    np.testing.assert_allclose(mine, steps, rtol=2e-5)
    assert np.isnan(mine).any() and np.unique(mine[~np.isnan(mine)]).size > 50  # it is a map, not a blank


def handle(page, name):
    return first(page).locator(f'.lf-handle[aria-label="{name}"]')


MAP, FLAT, STEEP = "Learning rate and momentum", "Eigenvalue of the flattest direction", "Eigenvalue of the steepest direction"


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        shown = live.numbers(page)
        assert agrees(shown) == Disc().state()
        map_agrees(shown)
        best = best_setting("heavy_ball", 100)
        assert shown["best"] == pytest.approx(best._asdict())
        said = first(page).locator(".lf-readouts dd").all_inner_texts()
        assert said[0] == "0.8944" and said[2] == str(Disc().numbers()["steps_to"]) and said[3] == "never farther than the start"


def test_eigenvalues_stand_where_they_are_drawn(browser, address):
    """Pixels: the dots on the disc, read back from the SVG, are the theory's eigenvalues; the circles have their radii."""
    with live.open_page(browser, address) as page:
        found = page.evaluate("""() => { const svg = document.querySelectorAll('.live-figure .lf-svg')[1];
            const circle = (path) => { const b = path.getBBox(); return [b.x + b.width / 2, b.y + b.height / 2, b.width / 2]; };
            return { dots: svg.querySelector('.lf-dots[data-look=momentum]').getAttribute('d'),
                unit: circle(svg.querySelector('.lf-truth')), home: circle(svg.querySelector('.lf-home')),
                outer: circle(svg.querySelector('.lf-outer')) }; }""")
        x0, y0, one = found["unit"]
        places = np.array([[float(v) for v in part.split("m")[0].split(",")] for part in found["dots"].split("M")[1:]])
        z = (places[:, 0] - x0) / one - 1j * (places[:, 1] - y0) / one
        expected = Disc().eigenvalues().ravel()
        assert all(np.abs(expected - place).min() < 0.01 for place in z) and len(z) == 18
        for ring in ("home", "outer"):
            assert found[ring][2] / one == pytest.approx(0.8**0.5, abs=0.01)


DRAWN = [
    {},
    {"rule": "nesterov", "kappa": 30.0, "lr": 0.03, "beta": 0.7, "steps": 40},
    {"rule": "averaged_momentum", "kappa": 1000.0, "lr": 0.02, "beta": 0.9, "steps": 1000},
    {"rule": "gradient_descent", "kappa": 10.0, "lr": 0.25, "steps": 20},  # it diverges
    {"rule": "heavy_ball", "kappa": 1.0, "lr": 1.0, "beta": 0.0, "steps": 20},  # there at once
    {"rule": "heavy_ball", "kappa": 50.0, "lr": 100.0, "beta": 0.99, "steps": 300},
    {"rule": "heavy_ball", "kappa": 400.0, "lr": 1e-6, "beta": 0.5, "steps": 60},
]


def told(figure, found):
    """The read-outs and the sentence of a state, from Python's numbers of it."""
    rate, ends, reached = show(found["rate"], 4), found["diverged_at"], found["steps_to"]
    at, size = found["peak"]
    measured = show(found["measured"], 4) if found["measured"] is not None else "diverges" if ends else "nothing is left"
    few = f"diverges at step {ends}" if ends else f"more than {BUDGET}" if reached is None else show(reached)
    far = f"{show(size)} times, at step {at}" if at else "never farther than the start"
    needs = f"{'more than ' if reached is None else ''}{many(BUDGET if reached is None else reached, 'step')} to a millionth"
    run = f"diverges at step {ends}" if ends else f"rate {rate}, {needs}"
    beta = f", momentum {show(figure.beta)}" if remembers(figure.rule) else ""
    return [rate, measured, few, far], run, f"Learning rate {show(figure.lr)}{beta}: {run}."


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state in DRAWN:
            figure = Disc(**state)
            rule, memory, lr, family = figure.rule, remembers(figure.rule), figure.lr, rules.get(figure.rule).family
            seen, found = marks.drawn(page, **figure.state()), figure.numbers()
            readouts, run, sentence = told(figure, found)
            assert list(seen.readouts.values()) == readouts and seen.sentence == sentence
            assert seen.sliders["beta"]["hidden"] is not memory

            low, high = rate_range(rule, figure.kappa)
            chart, best = seen.picture(0, (low, high), (0, TOP), log="x"), best_setting(rule, figure.kappa)
            chart.check_ticks()
            seen.slides("lr", lr, low, high, log=True)
            seen.slides("condition number", figure.kappa, 1, 1000, log=True)
            chart.marks(*chart.find("best"), (best.lr, best.beta) if low <= best.lr <= high else [])
            across, down = chart.find("cross")
            chart.follows(across, [(low, figure.beta), (high, figure.beta)] if memory else [])
            chart.follows(down, [(lr, 0), (lr, TOP)])
            words = chart.handle("Learning rate and momentum", (np.clip(lr, low, high), figure.beta if memory else 0))
            beta = f", momentum {show(figure.beta)}" if memory else ""
            assert words == f"learning rate {show(np.clip(lr, low, high))}{beta}: {run}"
            fewest = max(1, np.log(GOAL) / np.log(best.rate)) if best.rate > 0 else 1
            slow = (figure.kappa - 1) / (figure.kappa + 1)
            most = max(20, 2 * fewest, 3 * np.log(GOAL) / np.log(slow) if slow > 0 else 0)
            assert seen.legends == [
                [text for text in (seen.legends[0][0], many(round(fewest), "step"), f"{show(round(most))} or more") if text]
                + seen.legends[0][3:]
            ]
            steep, flat, b = chart.find("theory", "!theory-flat")[0], chart.find("theory-flat")[0], np.linspace(0, TOP, 800)
            ahead, averaged = rule == "nesterov", rule == "averaged_momentum"
            meet = theory.critical_rate(1.0, b, ahead=ahead, averaged=averaged)
            chart.follows(flat, np.c_[meet, b] if memory else [], within=0.6)
            on_map = chart.beside(flat_pair_meets=np.c_[meet, b])
            meet = theory.flipping_rate(figure.kappa, b, averaged=averaged)
            chart.follows(steep, np.c_[meet, b] if memory and not ahead else [], within=0.6)
            on_map += chart.beside(steep_pair_meets=np.c_[meet, b])
            assert on_map == (["flat pair meets"] * memory + ["steep pair meets"] * (memory and not ahead)), state

            disc, values = seen.picture(1, (-1.28, 1.28), (-1.28, 1.28)), found["eigenvalues"]
            turn = np.exp(2j * np.pi * np.linspace(0, 1, 361))
            ring = lambda size, centre=0.0, turn=turn: np.c_[centre + size * turn.real, size * turn.imag]  # noqa: E731
            disc.follows(*disc.find("truth"), ring(1))
            disc.even()
            disc.follows(*disc.find("outer"), ring(found["rate"]) if found["rate"] < 1.28 else [])
            centre, size = theory.circle_of_pairs(figure.beta, ahead=ahead)
            pairs = memory and figure.beta > 0
            disc.follows(*disc.find("home"), ring(size, centre) if pairs else [])
            if pairs:
                disc.stands(disc.word("pairs live here" if ahead else "radius √β"), (centre, -size))
            many_c = figure.kappa ** np.linspace(0, 1, 240)
            locus = theory.eigenvalues(rules.get(rule), many_c, **figure.hyper)[:, 0]
            (way,) = disc.find("faint", look=family)
            if figure.kappa > 1:
                disc.follows(way, np.c_[locus.real, locus.imag], within=1)
            disc.marks(*disc.find("dots", look=family), np.c_[values.real.ravel(), values.imag.ravel()], within=0.1)
            for name, value in ((FLAT, values[0, 0]), (STEEP, values[-1, 0])):
                x, y = np.clip(value.real, -1.28, 1.28), max(value.imag, 0)
                words = disc.handle(name, (x, y), within=0.1)
                imaginary = f" plus or minus {show(y)} i" if y > 1e-9 else ", real"
                assert words == f"{show(x)}{imaginary}, modulus {show(np.hypot(x, y))}"
                label = "flat = steep" if figure.kappa == 1 else "flat" if name == FLAT else "steep"
                disc.stands(disc.word(label), (x, y), within=60)
            steepest = values[-1, 0]
            outside = f"the steep one lies outside, at {show(steepest.real)}" if abs(steepest) > 1.28 else ""
            assert disc.find("loud", tag="text")[0]["words"] == outside

            errors, steps, rate = found["errors"], figure.steps, found["rate"]
            top = min(max(10, 10 ** np.ceil(np.log10(found["peak"][1]))), 1e9)
            fall = seen.picture(2, (0, steps), (1e-8, top), log="y")
            fall.check_ticks()
            fall.follows(*fall.find("guide"), [(0, GOAL), (steps, GOAL)])
            fall.follows(*fall.find("line", look=family), np.c_[np.arange(len(errors)), errors])
            with np.errstate(over="ignore"):
                line = [(0, 1), (steps, np.float64(rate) ** steps)] if rate > 0 else [(0, 1), (1, 1e-300)]
            fall.follows(*fall.find("outer"), line, within=0.2)
            named = fall.beside(**{"predicted:_rateᵏ": line, "measured": np.c_[np.arange(len(errors)), errors]})
            assert named == ["predicted: rateᵏ", "measured"] or state, named


def test_mouse_on_the_map_moves_the_eigenvalues(browser, address):
    with live.open_page(browser, address) as page:
        before = live.numbers(page)
        live.drag(page, handle(page, MAP), -30, 40)
        after = live.numbers(page)
        state = agrees(after)
        assert state["lr"] < 0.016 and state["beta"] < 0.75
        assert after["eigenvalues"] != before["eigenvalues"] and after["rate"] != before["rate"]
        box = first(page).locator(".lf-svg").first.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 20, box["y"] + box["height"] * 0.8)
        assert agrees(live.numbers(page))["lr"] > 0.04
        assert live.numbers(page)["divergedAt"]
        assert "lies outside" in first(page).inner_text()


@pytest.mark.parametrize("rule", LINEAR)
def test_an_eigenvalue_can_be_dragged(browser, address, rule):
    with live.open_page(browser, address) as page:
        first(page).locator("select").first.select_option(rule)
        agrees(live.numbers(page))
        button(page, "Best setting").click()
        state = agrees(live.numbers(page))
        handle(page, STEEP).scroll_into_view_if_needed()
        live.drag(page, handle(page, STEEP), 45, -40)
        shown = live.numbers(page)
        assert agrees(shown)["lr"] < state["lr"]
        z = complex(*shown["eigenvalues"][-1][0])
        place = first(page).evaluate("""(figure) => { const svg = figure.querySelectorAll('.lf-svg')[1],
            b = svg.querySelector('.lf-truth').getBBox();
            const at = [...svg.querySelectorAll('.lf-handle')][1].getAttribute('transform').match(/[-\\d.]+/g).map(Number);
            return [(at[0] - b.x - b.width / 2) / (b.width / 2), (b.y + b.height / 2 - at[1]) / (b.height / 2)]; }""")
        assert abs(complex(*place) - complex(z.real, abs(z.imag))) < 0.02
        if rule == "nesterov":  # left of 0 it has no pairs
            assert z.imag == 0 and -0.8 < z.real < 0 and shown["state"]["beta"] == pytest.approx(state["beta"], abs=1e-4)
        elif remembers(rule):
            assert z.imag != 0  # pulled off the real line: a pair
            product = shown["state"]["lr"] * 100 * ((1 - shown["state"]["beta"]) if rule == "averaged_momentum" else 1)
            assert abs(1 - z) ** 2 == pytest.approx(product, rel=1e-6)


def test_fingers(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        before, scrolled = live.numbers(page)["state"], page.evaluate("scrollY")
        live.touch_drag(page, handle(page, MAP), -40, 50)
        after = agrees(live.numbers(page))
        assert after["lr"] < before["lr"] and after["beta"] < before["beta"]
        assert page.evaluate("scrollY") == scrolled
        handle(page, STEEP).scroll_into_view_if_needed()
        live.touch_drag(page, handle(page, STEEP).locator(".lf-ring"), 30, 20)
        assert agrees(live.numbers(page)) != after


def test_keys(browser, address):
    with live.open_page(browser, address) as page:
        handle(page, MAP).focus()
        page.keyboard.press("ArrowUp")
        assert agrees(live.numbers(page))["beta"] == pytest.approx(0.8099, abs=2e-4)
        page.keyboard.press("Shift+ArrowLeft")
        state = agrees(live.numbers(page))
        assert state["lr"] == pytest.approx(0.02 * 100**-0.1, rel=1e-3)
        words = handle(page, MAP).get_attribute("aria-valuetext")
        assert "learning rate" in words and f"{live.numbers(page)['stepsTo']} steps" in words
        handle(page, FLAT).focus()
        page.keyboard.press("ArrowLeft")
        moved = agrees(live.numbers(page))
        assert moved["lr"] > state["lr"]  # farther from 1
        assert "plus or minus" in handle(page, FLAT).get_attribute("aria-valuetext") and "modulus" in handle(
            page, FLAT
        ).get_attribute("aria-valuetext")


@pytest.mark.parametrize("rule", LINEAR)
def test_rules_and_their_maps(browser, address, rule):
    with live.open_page(browser, address) as page:
        first(page).locator("select").first.select_option(rule)
        shown = live.numbers(page)
        state = agrees(shown)
        map_agrees(shown)
        assert shown["divergedAt"] is None
        if rule == "averaged_momentum":  # the same rule in another unit: nothing on the disc moves
            z = np.array(shown["eigenvalues"]) @ [1, 1j]
            np.testing.assert_allclose(z, Disc().eigenvalues(), atol=1e-9)
            assert state["lr"] == pytest.approx(0.1)
        assert first(page).locator('[data-control="beta"]').is_visible() == remembers(rule)
        button(page, "Best setting").click()
        shown = live.numbers(page)
        agrees(shown)
        assert shown["rate"] == pytest.approx(best_setting(rule, 100).rate, abs=1e-6)


def test_condition_number_makes_another_map_and_a_mountain(browser, address):
    with live.open_page(browser, address) as page:
        live.type_into(page, "condition number", "1000")
        shown = live.numbers(page)
        state = agrees(shown)
        assert state["kappa"] == 1000 and state["lr"] == pytest.approx(0.002)  # rate times curvature stays
        map_agrees(shown)
        button(page, "Best setting").click()
        shown = live.numbers(page)
        agrees(shown)
        best = theory.best_heavy_ball(1, 1000)
        peak = theory.transient_peak(rules.heavy_ball, Disc(kappa=1000).curvatures, lr=best.lr, beta=best.beta)
        assert shown["peak"] == [peak.step, pytest.approx(peak.size, rel=1e-6)]
        assert f"at step {peak.step}" in first(page).locator(".lf-readouts dd").nth(3).inner_text()


def test_lines_of_the_map_meet_at_the_best_setting(browser, address):
    """Read the two curves back from the SVG: they are where the discriminant vanishes, and cross at the diamond."""
    with live.open_page(browser, address) as page:
        found = page.evaluate("""() => { const fig = document.querySelector('.live-figure'),
            c = fig.querySelector('.lf-heat').style;
            return { box: ['left', 'top', 'width', 'height'].map(k => parseFloat(c[k])),
                lines: [...fig.querySelectorAll('.lf-theory')].map(p => p.getAttribute('d')),
                best: fig.querySelector('.lf-best').getAttribute('d') }; }""")
        left, top, width, height = found["box"]

        def settings(d):
            points = np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])
            low, high = 0.0006, 0.06
            return low * (high / low) ** ((points[:, 0] - left) / width), 0.99 * (1 - (points[:, 1] - top) / height)

        for d, curvature in zip(found["lines"], (1, 100), strict=True):
            lr, beta = settings(d)
            inside = (lr > 0.00065) & (lr < 0.055) & (beta > 0.01) & (beta < 0.98)
            assert inside.sum() > 20
            gap = (1 + beta - lr * curvature) ** 2 - 4 * beta
            assert np.abs(gap[inside]).max() < 0.03
        lr, beta = settings(found["best"].split("m")[0])
        best = theory.best_heavy_ball(1, 100)
        assert lr[0] == pytest.approx(best.lr, rel=0.01) and beta[0] == pytest.approx(best.beta, abs=0.01)


def test_the_dashed_line_falls_by_the_rate(browser, address):
    """The curve's own vertices, at known steps and errors, give the scale;
    on it the line falls by the predicted rate in each step."""
    with live.open_page(browser, address) as page:
        shown = live.numbers(page)
        paths = [
            first(page).locator(f".lf-later path{which}").get_attribute("d")
            for which in ('.lf-line[data-look="momentum"]', ".lf-outer")
        ]
        curve, line = (
            np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])
            for d in paths
        )
        n = len(curve)
        across, start = np.polyfit(np.arange(n), curve[:, 0], 1)
        down, _ = np.polyfit(np.log(shown["errors"][:n]), curve[:, 1], 1)
        assert n > 50 and line[0, 0] == pytest.approx(start, abs=0.2)
        slope = (line[-1, 1] - line[0, 1]) / (line[-1, 0] - line[0, 0]) * across / down
        assert np.exp(slope) == pytest.approx(shown["rate"], abs=2e-3)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        for rule in ("heavy_ball", "gradient_descent"):
            first(page).locator("select").first.select_option(rule)
            live.drag(page, handle(page, MAP), -20, 20)
            names, printed = live.run_python(live.python_of(page))
            shown = live.numbers(page)
            assert float(names["rate"]) == pytest.approx(shown["rate"], abs=1e-7)
            np.testing.assert_allclose(names["path"].error, shown["errors"], rtol=1e-7)
            assert f"predicted {shown['rate']:.6f}" in printed


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, handle(page, MAP), 10, 30)
        live.type_into(page, "condition number", "60")

    live.link_restores(browser, address, change, matches, Disc(), others=[SECOND])


def test_a_hostile_link_is_clamped(browser, address):
    query = "lr=1e9&beta=7&kappa=NaN&steps=1&rule=adam"
    live.hostile_link_is_clamped(browser, address, query, matches, Disc(), lr=100, beta=0.99, steps=20)


def test_two_figures_and_cleanup(browser, address):
    with live.open_page(browser, address) as page:
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == SECOND.state()
    live.leaves_nothing(browser, address, Disc())


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address)


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a drag over the map, and a change of the condition number, which makes the map anew."""
    with live.open_page(browser, address) as page:
        found = {
            name: live.redraw_ms(page, change)
            for name, change in (("kappa", "m.set('kappa', 90 + 0.1 * k)"), ("drag", "m.set('beta', 0.6 + 1e-3 * k)"))
        }
        agrees(live.numbers(page))
    record_property("measured", "disc, ms to draw: " + json.dumps(found))
