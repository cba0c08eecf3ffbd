"""The beta dial in a real browser: map, run and theory change under every hand as Python says they should."""

import json
import re

import numpy as np
import pytest

from momentum_lib import rules, theory
from momentum_lib.notation import QUANTITIES
from momentum_lib.widgets import Dial
from momentum_lib.widgets._base import many, show
from momentum_lib.widgets.dial import TOP, critical_rate, stability_edge
from tests.browser import live, marks
from tests.browser.live import button, first

SECOND = Dial(surface="rosenbrock", rule="adam", lr=0.3, beta=0.9)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("dial"), [Dial(), SECOND], static=True)


def agrees(shown):
    """The run that is drawn equals momentum_lib's for the state that is shown."""
    state = shown["state"]
    expected = Dial(**state).numbers()
    drawn = np.reshape(np.array(shown["path"], dtype=float), (-1, 2))
    assert drawn.shape == expected["path"].shape
    np.testing.assert_allclose(drawn, expected["path"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.array(shown["errors"], dtype=float), expected["errors"], rtol=1e-7, atol=1e-12)
    assert shown["divergedAt"] == expected["diverged_at"]
    assert shown["steps_to"] == expected["steps_to"]
    return state


def matches(page):
    """`agrees` for what the page shows now."""
    return agrees(live.numbers(page))


def map_agrees(shown, tolerated=0.0):
    """Every cell of the map equals momentum_lib's sweep; ``tolerated``:
    the share of cells that may differ where runs are chaotic."""
    drawn, dial = shown["map"], Dial(**shown["state"])
    rates, momenta = dial.axes(drawn["n"])
    np.testing.assert_allclose(drawn["xs"], rates, rtol=1e-12)
    np.testing.assert_allclose(drawn["ys"], momenta, rtol=1e-12)
    found = dial.map(drawn["n"])
    theirs = np.where(found.diverged_at > 0, -1, np.where(np.isinf(found.steps), 1e9, found.steps)).T.ravel()
    mine = np.array([-1 if v == "diverged" else 1e9 if v == "more" else v for v in drawn["steps"]])
    assert mine.shape == theirs.shape
    different = np.count_nonzero(mine != theirs)
    assert different <= tolerated * mine.size, f"{different} of {mine.size} cells differ"
    assert np.unique(mine).size > 20  # it is a map, not a blank


def fine(page, index=0):
    page.wait_for_function(
        "i => document.querySelectorAll('.live-figure[data-figure]')[i].__figure.numbers().map.fine", arg=index
    )


def control(page, name, kind):
    return first(page).locator(f'[data-control="{name}"] input[type={kind}]').first


def typed(page, name, value):
    control(page, name, "text").fill(str(value))
    page.keyboard.press("Enter")


def map_handle(page):
    return first(page).locator('.lf-handle[aria-label="Learning rate and momentum"]')


def knob(page):
    return first(page).locator('.lf-handle[aria-label="momentum, the beta dial"]')


def gradients(beta):
    """How long a memory is, in words."""
    said = show(theory.total_weight(beta))
    return f"{said} gradient" + "s" * (said != "1")


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert agrees(live.numbers(page)) == Dial().state()
        fine(page)
        shown = live.numbers(page)
        map_agrees(shown)
        best = Dial().best()
        assert shown["best"] == {"lr": pytest.approx(best["lr"]), "beta": pytest.approx(best["beta"]), "steps": best["steps"]}
        assert f"{best['steps']:.0f} steps at" in first(page).locator(".lf-readouts dd").nth(1).inner_text()


def test_the_map_is_painted_as_its_numbers_say(browser, address):
    """A pixel of the canvas: light where few steps do, hatching (nothing painted) where the run diverges,
    the page's colour between."""
    with live.open_page(browser, address) as page:
        fine(page)
        shown = live.numbers(page)["map"]
        n = shown["n"]
        pixels = np.array(
            page.evaluate(
                "() => { const c = document.querySelector('.lf-heat'); return [...c.getContext('2d').getImageData(0, 0, c.width, "
                "c.height).data]; }"
            )
        ).reshape(n, n, 4)[::-1]
        steps = np.array(shown["steps"], dtype=object).reshape(n, n)
        assert (pixels[steps == "diverged"][:, 3] == 0).all()
        assert (pixels[steps == "more"] == [255, 255, 255, 255]).all()
        done = np.array([[isinstance(v, (int, float)) for v in row] for row in steps])
        count, light = steps[done].astype(float), pixels[done][:, :3].sum(axis=1)
        assert light[count == count.min()].min() > 450 and light[count > 190].max() < 200
        order = np.argsort(count)
        assert (np.diff(light[order]) <= 12).all()  # the fewer steps, the lighter
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_timeout(100)
        dark = page.evaluate(
            "() => { const c = document.querySelector('.lf-heat'); return [...c.getContext('2d').getImageData(0, c.height - 1, "
            "1, 1).data]; }"
        )
        assert steps[0, 0] == "more" and dark == [20, 24, 31, 255]


DRAWN = [
    {},
    {"surface": "rosenbrock", "rule": "adam", "lr": 0.3, "beta": 0.5, "start": [-1.5, 2.0], "steps": 300, "tol": 1e-3},
    {"surface": "ravine", "rule": "nesterov", "kappa": 400.0, "lr": 0.01, "beta": 0.99, "steps": 60},  # none converges
    {"surface": "bowl", "rule": "averaged_momentum", "lr": 1.5, "beta": 0.0, "steps": 20, "tol": 0.1},
    {"surface": "ravine", "rule": "heavy_ball", "kappa": 25.0, "lr": 0.2, "beta": 0.3, "steps": 100},  # it diverges
]

ROTARY = """() => { const dial = document.querySelector('.lf-rotary'), knob = dial.querySelector('.lf-handle');
    return { value: dial.querySelector('.lf-dial-value').textContent, told: knob.getAttribute('aria-valuetext'),
        look: knob.dataset.look, move: knob.getAttribute('transform'), arc: dial.querySelector('.lf-arc-now').getAttribute('d'),
        whole: dial.querySelector('.lf-arc').getAttribute('d'), ticks: [...dial.querySelectorAll('.lf-tick-mark')].map((tick) =>
            [tick.nextElementSibling.textContent, tick.getAttribute('d')]) }; }"""


def floats(text):
    return np.array([float(v) for v in re.findall(r"-?[\d.]+", text)])


def turned(page, figure):
    """The dial's knob, arc, ticks and words are the momentum's."""
    dial = page.evaluate(ROTARY)
    symbol, family = QUANTITIES[figure.memory].symbol, rules.get(figure.rule).family
    digits = f"{figure.beta:.3f}"
    assert dial["value"] == f"{symbol} = {digits[:-1] if digits.endswith('0') else digits}" and dial["look"] == family
    assert dial["told"] == f"{show(figure.beta)}, a memory of {gradients(figure.beta)}"
    left, right = floats(dial["whole"])[:2], floats(dial["whole"])[-2:]
    middle, radius = (left + right) / 2, (right - left)[0] / 2
    place = lambda part: middle + radius * np.array([-np.cos(np.pi * part), -np.sin(np.pi * part)])  # noqa: E731
    np.testing.assert_allclose(floats(dial["move"]), place(figure.beta / TOP), atol=0.01)
    np.testing.assert_allclose(floats(dial["arc"])[[0, 1, -2, -1]], [*left, *place(figure.beta / TOP)], atol=0.01)
    assert [text for text, _ in dial["ticks"]] == ["0", "0.5", "0.9", "0.99"]
    for text, line in dial["ticks"]:
        inner, outer = floats(line).reshape(2, 2) - middle
        way = (place(float(text) / TOP) - middle) / radius
        assert inner @ way == pytest.approx(np.hypot(*inner)) and outer @ way == pytest.approx(np.hypot(*outer))
        assert radius < inner @ way < outer @ way


def test_all_that_is_drawn_and_said_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        for state in DRAWN:
            figure = Dial(**state)
            seen, path = marks.drawn(page, **figure.state()), figure.path()
            n = seen.picture(0).cells
            best, family = figure.best(n), rules.get(figure.rule).family
            lr, beta, steps, reached = figure.lr, figure.beta, figure.steps, path.steps_to(figure.tol)
            run = f"more than {many(steps, 'step')}" if reached is None else many(reached, "step")
            run = f"diverges at step {path.diverged_at}" if path.diverged_at else run
            least = best and many(best["steps"], "step")
            setting = best and f"{least} at η {show(best['lr'])}, β {show(best[figure.memory])}"
            assert list(seen.readouts.values()) == [
                run,
                setting or "none converges",
                gradients(beta),
            ]
            ends = f"Best on this map: {least}." if best else ""
            assert seen.sentence == f"Learning rate {show(lr)}, momentum {show(beta)}: {run}. {ends}"
            assert seen.sliders["condition number"]["hidden"] is (figure.surface != "ravine")
            turned(page, figure)

            low, high = figure.rate_range
            chart = seen.picture(0, (low, high), (0, TOP), log="x")
            chart.check_ticks()
            seen.slides("lr", lr, low, high, log=True)
            seen.slides("condition number", figure.kappa, 1, 1000, log=True)
            chart.marks(*chart.find("best"), (best["lr"], best[figure.memory]) if best else [])
            across, down = chart.find("cross")
            chart.follows(across, [(low, beta), (high, beta)])
            chart.follows(down, [(lr, 0), (lr, TOP)])
            words = chart.handle("Learning rate and momentum", (np.clip(lr, low, high), beta))
            assert words == f"learning rate {show(np.clip(lr, low, high))}, momentum {show(beta)}: {run}"
            (edge,), (flat,) = chart.find("theory", "!theory-flat"), chart.find("theory-flat")
            curved, b = figure.curvatures, np.linspace(0, TOP, 800)
            chart.follows(edge, np.c_[stability_edge(figure.rule, curved[1], b), b] if curved else [], within=0.6)
            chart.follows(flat, np.c_[critical_rate(figure.rule, curved[0], b), b] if curved else [], within=0.6)
            if curved:
                names = chart.find("on-map", tag="text")
                assert names[0]["words"] in ("stability edge", "edge", "") and names[1]["words"] in ("critical damping", "")
                named = chart.beside(critical_damping=np.c_[critical_rate(figure.rule, curved[0], b), b])
                assert named == ["critical damping"] or state, named
                at = stability_edge(figure.rule, curved[1], 0.08)
                part = np.log(at / low) / np.log(high / low)  # how far to the right it begins
                assert names[0]["words"] == "stability edge" or part > 0.6, names[0]
                assert names[0]["words"] or part > 0.85
                if names[0]["words"]:
                    chart.stands(names[0], (at, 0.08))
            legend = [text for text in seen.legends[0] if text]
            assert legend[1:3] == [show(best["steps"]) if best else "1", many(steps, "step")]

            plane = seen.picture(1, *figure.field.domain)
            plane.level(lambda x, y, f=figure.field: f.value(np.array([x, y])))
            plane.marks(*plane.find("minimum"), figure.field.minima)
            plane.even()
            points = path.points
            plane.follows(*plane.find("line", look=family), points)
            plane.leaves(points, look=family)
            plane.marks(*plane.find("dots", look=family), points)
            assert plane.handle("Start of the path", figure.start) == "x {}, y {}".format(*map(show, figure.start))

            fall = seen.picture(2, (0, steps), (10 ** np.floor(np.log10(figure.tol) - 0.5), 10), log="y")
            fall.check_ticks()
            goal, reach = fall.find("guide")
            fall.follows(goal, [(0, figure.tol), (steps, figure.tol)])
            hit = None if path.diverged_at else reached
            fall.follows(reach, [] if hit is None else [(hit, 1e-13), (hit, 10)])
            fall.follows(*fall.find("line", look=family), np.c_[np.arange(len(path.error)), path.error])


def test_mouse_on_the_map_picks_the_run(browser, address):
    with live.open_page(browser, address) as page:
        before = live.numbers(page)["state"]
        live.drag(page, map_handle(page), 50, 60)
        after = agrees(live.numbers(page))
        assert after["lr"] > before["lr"] * 1.3 and after["beta"] < before["beta"] - 0.08
        box = first(page).locator(".lf-svg").first.bounding_box()
        page.mouse.click(box["x"] + 42 + (box["width"] - 50) * 0.25, box["y"] + box["height"] * 0.5)
        low, high = Dial().rate_range
        assert agrees(live.numbers(page))["lr"] == pytest.approx(low * (high / low) ** 0.25, rel=0.05)


def test_a_cell_of_the_map_says_what_its_run_does(browser, address):
    """Pick cells of the map: the run drawn beside it takes the steps that the map says."""
    with live.open_page(browser, address) as page:
        fine(page)
        drawn = live.numbers(page)["map"]
        n, seen = drawn["n"], set()
        for k in np.random.default_rng(0).integers(0, n * n, 40):
            lr, beta, told = drawn["xs"][k % n], drawn["ys"][k // n], drawn["steps"][k]
            page.evaluate(
                "([lr, beta]) => { const m = document.querySelector('.live-figure').__figure.model; m.set('lr', lr); "
                "m.set('beta', beta); }",
                [lr, beta],
            )
            shown = live.numbers(page)
            assert told == ("diverged" if shown["divergedAt"] else "more" if shown["steps_to"] is None else shown["steps_to"])
            seen.add(told if isinstance(told, str) else "steps")
        assert seen == {"diverged", "more", "steps"}


def test_finger_on_the_map(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        before, scrolled = live.numbers(page)["state"], page.evaluate("scrollY")
        live.touch_drag(page, map_handle(page), -40, 50)
        after = agrees(live.numbers(page))
        assert after["lr"] < before["lr"] and after["beta"] < before["beta"]
        assert page.evaluate("scrollY") == scrolled


def test_keys_on_the_map(browser, address):
    with live.open_page(browser, address) as page:
        map_handle(page).focus()
        page.keyboard.press("ArrowUp")
        assert agrees(live.numbers(page))["beta"] == pytest.approx(0.8 + 0.0099, abs=1e-4)
        page.keyboard.press("Shift+ArrowLeft")
        low, high = Dial().rate_range
        assert agrees(live.numbers(page))["lr"] == pytest.approx(0.04 * (high / low) ** -0.1, rel=1e-3)
        words = map_handle(page).get_attribute("aria-valuetext")
        assert "learning rate" in words and "momentum" in words and f"{live.numbers(page)['steps_to']} steps" in words


def test_turning_the_dial(browser, address):
    with live.open_page(browser, address) as page:
        knob(page).scroll_into_view_if_needed()
        box = first(page).locator(".lf-rotary").bounding_box()
        x, y = live.centre(knob(page).locator(".lf-ring"))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4, steps=6)  # straight up: the middle
        page.mouse.up()
        assert agrees(live.numbers(page))["beta"] == pytest.approx(0.495, abs=0.01)
        assert live.numbers(page)["state"]["lr"] == 0.04  # the momentum alone
        knob(page).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("PageUp")
        assert agrees(live.numbers(page))["beta"] == pytest.approx(0.495 + 0.11, abs=0.011)
        page.keyboard.press("End")
        assert agrees(live.numbers(page))["beta"] == 0.99
        assert "memory of 100 gradients" in knob(page).get_attribute("aria-valuetext")
        page.keyboard.press("Home")
        assert agrees(live.numbers(page))["beta"] == 0


def test_a_finger_turns_the_dial(browser, address):
    with live.open_page(browser, address, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        knob(page).scroll_into_view_if_needed()
        live.touch_drag(page, knob(page).locator(".lf-ring"), -60, -40)
        assert agrees(live.numbers(page))["beta"] < 0.75


def test_conditioning_makes_another_map(browser, address):
    with live.open_page(browser, address) as page:
        typed(page, "condition number", 100)
        shown = live.numbers(page)
        state = agrees(shown)
        assert state["kappa"] == 100 and state["lr"] == pytest.approx(0.01)  # rate times curvature stays
        assert shown["map"]["n"] == 64 and not shown["map"]["fine"]  # coarse at once
        map_agrees(shown)
        fine(page)
        map_agrees(live.numbers(page))


def test_the_start_picks_the_map(browser, address):
    with live.open_page(browser, address) as page:
        handle = first(page).locator('.lf-handle[aria-label="Start of the path"]')
        live.drag(page, handle, 80, 40)
        state = agrees(live.numbers(page))
        assert state["start"][0] > Dial().start[0] + 0.5
        fine(page)
        map_agrees(live.numbers(page))


@pytest.mark.parametrize("rule", ["nesterov", "averaged_momentum", "adam"])
def test_rules(browser, address, rule):
    with live.open_page(browser, address) as page:
        first(page).locator("select").first.select_option(rule)
        shown = live.numbers(page)
        agrees(shown)
        assert shown["divergedAt"] is None
        map_agrees(shown, 0.05 if rule == "adam" else 0.0)
        theory = first(page).locator(".lf-theory").first.get_attribute("d")
        assert bool(theory) == (rule != "adam")


def test_another_surface(browser, address):
    with live.open_page(browser, address) as page:
        first(page).locator("summary").click()
        first(page).locator('[data-control="surface"] select').select_option("curved_valley")
        shown = live.numbers(page)
        assert shown["state"]["start"] == [-5.2, 2.2]
        map_agrees(shown, 0.03)
        assert not first(page).locator('[data-control="condition number"]').is_visible()
        assert first(page).locator(".lf-theory").first.get_attribute("d") == ""


def test_best_cell_and_budget(browser, address):
    with live.open_page(browser, address) as page:
        button(page, "Best cell").click()
        shown = live.numbers(page)
        state, best = agrees(shown), Dial().best()
        assert (state["lr"], state["beta"]) == (pytest.approx(best["lr"]), pytest.approx(best["beta"]))
        assert shown["steps_to"] == best["steps"] == int(first(page).locator(".lf-readouts dd").first.inner_text().split()[0])
        first(page).locator("summary").click()
        typed(page, "steps", 20)
        shown = live.numbers(page)
        assert shown["best"] is None
        button(page, "Best cell").click()
        assert "No setting of this map converges" in first(page).locator(".lf-note").inner_text()


def test_theory_lines_lie_where_theory_says(browser, address):
    with live.open_page(browser, address) as page:
        d = first(page).locator(".lf-theory").first.get_attribute("d")
        points = np.array([[float(v) for v in pair.split(",")] for pair in d.replace("M", " ").replace("L", " ").split()])
        box = page.evaluate(
            """() => { const c = document.querySelector('.lf-heat').style; return ['left', 'top', 'width',
                'height'].map(k => parseFloat(c[k])); }"""
        )
        low, high = Dial().rate_range
        lr = low * (high / low) ** ((points[:, 0] - box[0]) / box[2])
        beta = 0.99 * (1 - (points[:, 1] - box[1]) / box[3])
        np.testing.assert_allclose(lr, 2 * (1 + beta) / 25, rtol=0.02)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_copied_python_gives_the_same(browser, address):
    with live.open_page(browser, address) as page:
        live.drag(page, map_handle(page), 20, 40)
        text = live.python_of(page)
        names, printed = live.run_python(text)
        shown = live.numbers(page)
        np.testing.assert_allclose(names["path"].points[-1], shown["path"][-2:], rtol=1e-9, atol=1e-12)
        assert f"{shown['steps_to']}" in printed.splitlines()[0]
        assert names["grid"].shape == (64, 64)


def test_link_and_reset(browser, address):
    def change(page):
        live.drag(page, map_handle(page), 25, 30)
        typed(page, "condition number", 60)

    live.link_restores(browser, address, change, matches, Dial(), others=[SECOND])


def test_a_hostile_link_is_clamped(browser, address):
    query = "lr=1e9&beta=7&kappa=NaN&steps=1&rule=gradient_descent&start=9,-9"
    live.hostile_link_is_clamped(browser, address, query, matches, Dial(), lr=100, beta=0.99, steps=20, start=[3, -2])


def test_two_figures_and_cleanup(browser, address):
    def rest(page):
        live.ready(page, 1)
        assert live.numbers(page, 1)["state"] == SECOND.state()
        live.ready(page, 0)
        fine(page, 0)
        fine(page, 1)

    on_its_way = "await new Promise((r) => setTimeout(r, 200));"  # the fine map
    live.leaves_nothing(browser, address, Dial(), prepare=rest, meanwhile=on_its_way)


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address)


def test_recompute_times_are_reported(browser, address, record_property):
    """Not a gate (machines differ): a 64 x 64 map of 200 steps while kappa moves, and the run alone while the dial turns."""
    with live.open_page(browser, address) as page:
        fine(page)
        found = {}
        for name, change in (("kappa", "m.set('kappa', 25 + 0.1 * k)"), ("dial", "m.set('beta', 0.5 + 1e-3 * k)")):
            found[name] = (
                page.evaluate(f"""() => {{ const f = document.querySelector('.live-figure').__figure, m = f.model, times = [],
                    maps = [];
                for (let k = 1; k <= 30; k++) {{ {change}; const t = performance.now(); const n = f.numbers();
                    times.push(performance.now() - t); maps.push(n.map.ms); }}
                const middle = (a) => Math.round(100 * a.sort((x, y) => x - y)[15]) / 100;
                return {{ all: middle(times), map: middle(maps) }}; }}""")
            )
        agrees(live.numbers(page))
    record_property("redraw_ms_median", found)
    print(json.dumps({"dial, ms": found}))
