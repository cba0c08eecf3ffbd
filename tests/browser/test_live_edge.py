"""The edge in a real browser: the network trains under every hand as NumPy's does, and the line moves while it runs."""

import json

import numpy as np
import pytest

from momentum_lib import networks, rules
from momentum_lib.widgets import Edge
from momentum_lib.widgets._base import show
from momentum_lib.widgets.edge import AVERAGED, EVERY, HEIGHT, LOSS, SHARP, SWING
from tests.browser import live, marks
from tests.browser.live import button, first

SHORT = Edge(steps=40)  # before the edge is touched: until then the browser's numbers are Python's to rounding


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("edge"), [Edge(), SHORT], static=True)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("short"), [SHORT])


def agrees(shown):
    """What is drawn equals momentum_lib's up to the edge, and is like it there; returns the state."""
    state = shown["state"]
    expected = Edge(**state).numbers()
    assert shown["edge"] == pytest.approx(expected["edge"]) and not shown["live"]
    touched = [k for k, value in enumerate(expected["sharpness"]) if value > 0.8 * expected["edge"]]
    before = touched[0] if touched else len(expected["sharpness"])
    np.testing.assert_allclose(shown["sharpness"][:before], expected["sharpness"][:before], rtol=1e-6)
    n = max(0, EVERY * before - EVERY)
    np.testing.assert_allclose(shown["losses"][:n], expected["losses"][:n], rtol=1e-9)
    assert shown["steps"] == state["steps"] and len(shown["losses"]) == len(expected["losses"])
    if not touched:
        np.testing.assert_allclose(np.abs(shown["swing"]), np.abs(expected["swing"]), atol=1e-6)
    return state


def matches(page):
    return agrees(live.numbers(page))


def replayed(shown):
    """The losses of the settings that were in force, for as many steps as each was, by Python."""
    net, data = networks.Network((1, 12, 12, 1)), networks.chebyshev()
    run, losses = net.start(1), []
    for part in shown["parts"]:
        rule = rules.nesterov_torch if part["nesterov"] else rules.heavy_ball
        run = networks.train(net, data, rule, run, part["steps"], lr=part["lr"], beta=part["beta"])
        losses += run.losses.tolist()
    return losses, run


def handle(page):
    return first(page).locator('.lf-handle[aria-label="Edge"]')


def sentence(page):
    live.numbers(page)
    return first(page).locator(".lf-sentence").inner_text()


def wait_for(page, condition):
    page.wait_for_function(
        f"() => {{ const n = document.querySelector('.live-figure').__figure.numbers(); return {condition}; }}"
    )


def pixels(page, k, selector, vertex, across, up, log=True):
    """Where data belong in the k-th picture, and the vertex of a line drawn there."""
    plot = first(page).locator(".lf-plot").nth(k)
    left, top, width, height = (float(plot.locator("clipPath rect").get_attribute(n)) for n in ("x", "y", "width", "height"))
    d = plot.locator(selector).first.get_attribute("d").replace("M", " ").replace("L", " ").split()
    x, y = (float(v) for v in d[vertex].split(","))
    (x0, x1), (y0, y1) = across, np.log(up) if log else up
    at = x0 + (x - left) / width * (x1 - x0), y1 - (y - top) / height * (y1 - y0)
    return at[0], np.exp(at[1]) if log else at[1]


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Edge().state()
        shown = live.numbers(page)
        assert shown["ratio"] == pytest.approx(1, abs=0.03) and f"ratio {shown['ratio']:.2f}" in sentence(page)
        said = first(page).locator(".lf-readouts dd").all_inner_texts()
        assert said[1] == "38" and said[2] == f"{shown['ratio']:.2f}"
        live.ready(page, 1)
        assert agrees(live.numbers(page, 1)) == SHORT.state()


def test_lines_are_drawn_where_their_numbers_say(browser, address):
    with live.open_page(browser, address) as page:
        shown = live.numbers(page)
        window = (0, 1600)
        assert pixels(page, 0, ".lf-edge-line", 0, window, SHARP) == pytest.approx((0, 38), rel=0.01)
        at = pixels(page, 0, '.lf-line[data-look="momentum"]', 30, window, SHARP)
        assert at == pytest.approx((300, shown["sharpness"][30]), rel=0.01)
        at = pixels(page, 2, '.lf-line[data-look="momentum"]', 0, window, LOSS)
        assert at == pytest.approx((0, shown["losses"][0]), rel=0.01, abs=2)
        net = networks.Network((1, 12, 12, 1))
        at = pixels(page, 1, ".lf-line[data-look=momentum]:not(.lf-before)", 0, (-1.04, 1.04), (-1.7, 1.7), log=False)
        answer = net.outputs(np.array(shown["theta"]), np.array([[-1.0]]))[0, 0]
        assert at == pytest.approx((-1, answer), abs=0.02)


QUIET = [  # not one of them touches its edge, so that the browser's numbers are Python's to the end
    {"steps": 40},
    {"steps": 0, "beta": 0.0, "lr": 0.02, "width": 4},
    {"steps": 257, "nesterov": True, "beta": 0.3, "lr": 0.02, "width": 24, "seed": 9999},
    {"steps": 260, "nesterov": True, "beta": 0.3, "lr": 0.02, "seed": 9999},
    {"steps": 1900, "beta": 0.0, "lr": 0.02},
    {"steps": 7, "beta": 0.99, "lr": 0.5, "nesterov": True},
]


def test_all_that_is_drawn_and_said_is_pythons(browser, short):
    with live.open_page(browser, short) as page:
        for state in QUIET:
            figure = Edge(**state)
            seen, found = marks.drawn(page, **figure.state()), figure.numbers()
            net, data, losses, sharp, last, _ = figure._trained()
            steps, edge, now, average = figure.steps, found["edge"], sharp[-1], found["average"]
            look = "gradient" if figure.beta == 0 else "nesterov" if figure.nesterov else "momentum"
            loss = [f", loss {show(losses[-1], 2)}"] if steps else []
            assert list(seen.readouts.values()) == [
                show(now),
                show(edge),
                f"{found['ratio']:.2f}",
                show(losses[-1], 2) if steps else "not yet",
            ]
            ahead = " with a look ahead" if figure.nesterov and figure.beta else ""
            head = f"Step {steps}{''.join(loss)}, at learning rate {show(figure.lr)}, momentum {show(figure.beta)}{ahead}: "
            mean = f"the sharpness, on average {show(average)} over the last {AVERAGED} steps, is "
            part = f"{int(100 * found['ratio'] + 0.5)} % of" if found["ratio"] < 0.9 else "above"
            assert seen.sentence == f"{head}{mean}{part} the edge, {show(edge)}."
            assert seen.sliders["lr"]["told"] == f"{show(figure.lr)}: the edge is {show(edge)}"

            window = max(0, steps - 1600), max(1600, steps)
            t = EVERY * np.arange(len(sharp))
            plot = seen.picture(0, window, SHARP, log="y")
            plot.check_ticks()
            plot.follows(*plot.find("edge-line"), [(window[0], edge), (window[1], edge)])
            (line,) = plot.find("line", "!stood", "!edge-line")
            plot.follows(line, np.c_[t, sharp] if steps else [])
            assert plot.find("stood")[0]["d"] == plot.find("exploded")[0]["d"] == ""
            (pen,) = plot.find("dots", "!exploded")
            assert pen["look"] == line["look"] == look
            plot.marks(pen, (t[-1], now), within=0.1)
            plot.handle("Edge", (window[1], edge))
            plot.stands(plot.word(f"edge {show(edge)}"), (window[1], edge))
            plot.stands(plot.word(f"sharpness {show(now)}"), (t[-1], now), within=60 if t[-1] > 200 else 120)

            x, fit = np.linspace(-1, 1, 401), seen.picture(1, (-1.04, 1.04), HEIGHT)
            fit.check_ticks()
            fit.follows(*fit.find("guide"), np.c_[x, 16 * x**5 - 20 * x**3 + 5 * x], within=0.5)
            fit.marks(*fit.find("dots"), np.c_[data.x, data.y])
            answers = [np.c_[x, net.outputs(theta, x[:, None])[:, 0]] for theta in last[-2:]]
            (before,), (after,) = fit.find("before"), fit.find("line", "!before", "!guide")
            assert before["look"] == after["look"] == look
            fit.follows(after, answers[-1], within=0.5)
            fit.follows(before, answers[0] if steps else [], within=0.5)

            fall = seen.picture(2, window, LOSS, log="y")
            fall.check_ticks()
            (line,) = fall.find("line")
            assert line["look"] == look
            fall.follows(line, np.c_[np.arange(len(losses)), losses])

            (line,), (dots,) = seen.picture(3).find("thin"), seen.picture(3).find("dots")
            assert line["look"] == dots["look"] == look
            ticks = dict((marks.value_of(words), at) for at, words in seen.picture(3).ticks["y"])
            top = max(ticks)
            size = max(abs(found["swing"]).max(), 1e-9)
            places = seen.picture(3, (-SWING, 0), (-top, top))
            ago = np.arange(len(last)) - len(last) + 1
            assert [int(words) for _, words in places.ticks["x"]] == [40, 30, 20, 10, 0]
            if size > 1e-6 and steps % EVERY == 0:  # the direction is that of the last measurement
                scale = (ticks[min(ticks)] - ticks[max(ticks)]) / (max(ticks) - min(ticks))
                zero = ticks[max(ticks)] + max(ticks) * scale
                drawn = places.pixels(places.dots(dots))
                assert drawn[-1, 0] == pytest.approx(places.high[0], abs=0.02)
                mine = (zero - drawn[:, 1]) / scale
                sign = np.sign(mine[0]) * np.sign(found["swing"][0])
                np.testing.assert_allclose(mine, sign * found["swing"], atol=0.02 * size)
                np.testing.assert_allclose(places.numbers(drawn)[:, 0], ago, atol=0.01)


def test_a_change_counts_from_the_step_at_which_it_is_made(browser, short):
    """Play; the rate, the momentum and the look ahead change while it runs; all losses are Python's with these settings."""
    with live.open_page(browser, short) as page:
        assert matches(page) == SHORT.state()
        button(page, "Play").click()
        wait_for(page, "n.steps > 50")
        for name, value in (("lr", 0.05), ("beta", 0.8), ("nesterov", True)):
            page.evaluate("([n, v]) => document.querySelector('.live-figure').__figure.set({ [n]: v })", [name, value])
            steps = live.numbers(page)["steps"]
            wait_for(page, f"n.steps > {steps + 8}")
        button(page, "Pause").click()
        shown = live.numbers(page)
        assert shown["live"] and not shown["playing"] and len(shown["parts"]) == 4 and shown["parts"][0]["steps"] > 50
        assert [(p["lr"], p["beta"], p["nesterov"]) for p in shown["parts"]] == [
            (0.1, 0.9, False), (0.05, 0.9, False), (0.05, 0.8, False), (0.05, 0.8, True),
        ]  # fmt: skip
        losses, run = replayed(shown)
        assert len(losses) == shown["steps"] == sum(p["steps"] for p in shown["parts"])
        np.testing.assert_allclose(shown["losses"], losses, rtol=1e-9)
        np.testing.assert_allclose(shown["theta"], run.theta, rtol=1e-8, atol=1e-10)
        edge = networks.edge("nesterov_torch", lr=0.05, beta=0.8)
        assert shown["edge"] == pytest.approx(edge)
        assert pixels(page, 0, ".lf-edge-line", 0, (0, 1600), SHARP)[1] == pytest.approx(edge, rel=0.01)
        assert pixels(page, 0, ".lf-stood", 0, (0, 1600), SHARP)[1] == pytest.approx(38, rel=0.01)  # where it stood
        names, printed = live.run_python(live.python_of(page))
        np.testing.assert_allclose(names["run"].theta, shown["theta"], rtol=1e-8, atol=1e-10)
        assert f"edge {edge:.3g}" in printed
        page.wait_for_timeout(60)
        assert live.numbers(page)["steps"] == shown["steps"]
        button(page, "Reset").click()
        assert matches(page) == SHORT.state()


def test_mouse_finger_and_keys_take_hold_of_the_edge(browser, short):
    with live.open_page(browser, short) as page:
        live.drag(page, handle(page), 0, 30)
        state = matches(page)
        assert 0.1 < state["lr"] < 0.5 and "learning rate" in handle(page).get_attribute("aria-valuetext")
        live.drag(page, handle(page), 0, 900)
        assert matches(page)["lr"] == 0.5
        handle(page).focus()
        page.keyboard.press("ArrowUp")
        assert 0.4 < matches(page)["lr"] < 0.5
        box = first(page).locator(".lf-plot svg").first.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
        assert matches(page)["lr"] < 0.1
    with live.open_page(browser, short, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2) as page:
        live.touch_drag(page, handle(page).locator(".lf-ring"), 0, 25)
        assert matches(page)["lr"] > 0.11


def test_another_training_comes_by_itself(browser, short):
    with live.open_page(browser, short) as page:
        matches(page)
        said = "f.querySelector('.lf-sentence').textContent.startsWith('Step {},')"
        live.comes_by_itself(page, {"seed": 9}, f"!{said.format(40)}", said.format(40))


def test_keys_play_step_and_set(browser, short):
    with live.open_page(browser, short) as page:
        button(page, "Ten steps").focus()
        page.keyboard.press("Enter")
        shown = live.numbers(page)
        assert shown["steps"] == 50 and shown["live"]
        np.testing.assert_allclose(shown["losses"], replayed(shown)[0], rtol=1e-9)
        handle(page).focus()
        page.keyboard.press(" ")
        wait_for(page, "n.playing && n.steps > 60")
        page.keyboard.press(" ")
        assert not live.numbers(page)["playing"]
        live.control(page, "lr").focus()
        page.keyboard.press("ArrowRight")
        assert live.numbers(page)["state"]["lr"] > 0.1
        assert "the edge is" in live.control(page, "lr").get_attribute("aria-valuetext")


def test_too_large_a_rate_explodes_and_a_new_start_is_offered(browser, address):
    with live.open_page(browser, address) as page:
        live.numbers(page)
        button(page, "Play").click()
        wait_for(page, "n.steps > 1604")
        live.type_into(page, "lr", "0.5")
        wait_for(page, "n.exploded")
        shown = live.numbers(page)
        assert not shown["playing"] and shown["exploded"] == shown["steps"] < 1800
        assert f"Exploded at step {shown['exploded']}" in sentence(page) and "Start again" in sentence(page)
        assert first(page).locator(".lf-exploded").get_attribute("d") != ""
        assert first(page).locator(".lf-readouts dd").all_inner_texts()[0] == "exploded"
        live.type_into(page, "lr", "0.1")
        button(page, "Start again").click()
        wait_for(page, "n.playing && n.steps > 5")
        again = live.numbers(page)
        assert again["steps"] < 400 and not again["exploded"] and first(page).locator(".lf-exploded").get_attribute("d") == ""
        button(page, "Pause").click()
        shown = live.numbers(page)
        np.testing.assert_allclose(shown["losses"][:300], replayed(shown)[0][:300], rtol=1e-9)


def test_another_start_and_another_width(browser, short):
    with live.open_page(browser, short) as page:
        button(page, "Another start").click()
        assert matches(page)["seed"] == 2
        live.open_drawers(page)
        live.type_into(page, "width", "7")
        live.type_into(page, "steps", "60")
        assert matches(page)["width"] == 7


def test_reduced_motion_trains_on_demand(browser, short):
    with live.open_page(browser, short, reduced_motion="reduce") as page:
        assert matches(page) == SHORT.state()
        button(page, "Play").click()
        shown = live.numbers(page)
        assert shown["steps"] == 240 and not shown["playing"]
        assert "less motion" in first(page).locator(".lf-note").inner_text()
        page.wait_for_timeout(60)
        assert live.numbers(page)["steps"] == 240


def test_link_and_reset(browser, address):
    def change(page):
        live.type_into(page, "lr", "0.05")
        live.control(page, "nesterov", "checkbox").check()

    live.link_restores(browser, address, change, matches, Edge(), others=[SHORT])


def test_a_hostile_link_is_clamped(browser, short):
    query = "lr=1e9&beta=NaN&nesterov=perhaps&width=1e9&seed=-4&steps=0"
    live.hostile_link_is_clamped(browser, short, query, matches, SHORT, lr=0.5, width=24, seed=0, steps=0)


def test_touch_targets_and_width(browser, address):
    live.fits_a_phone(browser, address)


def test_axe_finds_nothing(browser, address):
    live.accessible(browser, address)


def test_cleanup_leaves_nothing(browser, short):
    live.leaves_nothing(
        browser,
        short,
        SHORT,
        meanwhile="el.querySelector('.lf-acts button').click(); await new Promise((r) => setTimeout(r, 50));",
    )


def test_static_picture_without_javascript_and_in_print(browser, address):
    live.static_picture_stands(browser, address, says="within a tenth of the edge, 38")


def test_frame_times_are_reported(browser, short, record_property):
    """Not a gate (machines differ): four steps more, as in a frame, and the drawing of everything."""
    with live.open_page(browser, short) as page:
        found = page.evaluate("""() => { const f = document.querySelector('.live-figure').__figure, found = [];
          const ten = [...document.querySelectorAll('.lf-acts button')].find((one) => one.textContent === 'Ten steps');
          for (let k = 0; k < 30; k++) {
            const t = performance.now(); ten.click(); f.numbers(); found.push(performance.now() - t); }
          return Math.round(100 * found.sort((a, b) => a - b)[15]) / 100; }""")
    record_property("ten_steps_ms_median", found)
    print(json.dumps({"edge, ms for ten steps and a drawing": found}))
