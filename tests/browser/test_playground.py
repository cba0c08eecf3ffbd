"""The playground in a real browser: one state under every view, by mouse, finger and keys; and inside somebody else's page."""

import contextlib
import http.server
import io
import json
import re
import sys
import threading
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from tests.browser import live
from tests.browser.accessibility import violations, violations_after_the_switch

ROOT = Path(__file__).resolve().parents[2]
PAGE = """<!doctype html>
<html lang="en" class="js plays" data-theme="light">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Playground</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="_static/book.css"><link rel="stylesheet" href="_static/play.css">
<script src="_static/play.js" defer></script></head>
<body><main><article class="bd-article"><section><h1>Playground</h1><div class="playground"></div>
<section id="recipes"><h2>Recipes</h2>RECIPES</section></section></article></main></body></html>"""
FOREIGN = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A slide of somebody's</title></head>
<body><h1>Momentum</h1>LINE</body></html>"""


@pytest.fixture(scope="module")
def parts():
    """What the site makes of the playground (its extension), without Sphinx."""
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    try:
        import playground
        import stylesheet
    finally:
        sys.path.pop(0)
    return playground, stylesheet


@pytest.fixture(scope="module")
def folder(parts, tmp_path_factory):
    """A site that is the playground and its embed, and nothing else."""
    from momentum_lib.widgets import bundle

    playground, stylesheet = parts
    out = tmp_path_factory.mktemp("playground")
    (out / "_static").mkdir()
    (out / "_static" / "play.js").write_text(playground.script(), encoding="utf-8")
    (out / "_static" / "play.css").write_text(playground.styles(), encoding="utf-8")
    own = (stylesheet.STYLES / "base.css").read_text("utf-8") + bundle.styles()
    (out / "_static" / "book.css").write_text(stylesheet.for_the_system(own), encoding="utf-8")
    listed = re.findall(r"^- \*\*(.+?)\.\*\*", (ROOT / "book" / "playground.md").read_text("utf-8").split("## What")[0], re.M)
    items = "".join(f"<li><p><strong>{name}.</strong></p></li>" for name in listed)
    (out / "index.html").write_text(PAGE.replace("RECIPES", f"<ul>{items}</ul>"), encoding="utf-8")
    (out / "embed.html").write_text(playground.embed("1", "2"), encoding="utf-8")
    return out


class _Handler(http.server.SimpleHTTPRequestHandler):
    policy = "default-src 'none'"

    def end_headers(self):
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def served(folder, policy):
    """The address of a folder whose files come with this policy."""
    handler = type("Handler", (_Handler,), {"policy": policy})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextlib.contextmanager
def playing(browser, folder, told=None, **options):
    """The page, opened from a file with a state in its address; console errors fail it."""
    hash_ = "" if told is None else "#play=1." + quote(told if isinstance(told, str) else json.dumps(told))
    address = (folder / "index.html").as_uri() + hash_
    with live.open_page(browser, address, wait=False, **{"reduced_motion": "reduce", **options}) as page:
        page.wait_for_function("document.querySelector('.playground.is-live')")
        yield page


def ask(page, expression):
    return page.evaluate(f"() => {{ const play = document.querySelector('.playground').__playground; return {expression}; }}")


def state(page):
    return ask(page, "play.get()")


def lanes(page):
    return ask(page, "play.scene().lanes.map((l) => ({title: l.title, hyper: l.hyper, own: l.own, end: l.end, "
                     "points: l.runs.map((r) => Array.from(r.points))}))")  # fmt: skip


def settle(page):
    ask(page, "play.flush()")


RAVINE = {"kind": "library", "name": "ravine", "params": {"kappa": 25, "angle": 0.3}}
PLAIN, BALL = {"rule": "gradient_descent", "hyper": {"lr": 0.05}}, {"rule": "heavy_ball", "hyper": {"lr": 0.05, "beta": 0.5}}


def test_the_paths_are_the_librarys(browser, folder):
    from momentum_lib import descend, rules, surfaces

    with playing(browser, folder, {"surface": RAVINE, "rules": [PLAIN, BALL], "starts": [[-2, 1], [1, -1]], "steps": 30}) as page:
        found = lanes(page)
        for lane, rule, memory in zip(found, (rules.gradient_descent, rules.heavy_ball), ({}, {"beta": 0.5}), strict=True):
            for points, start in zip(lane["points"], ([-2, 1], [1, -1]), strict=True):
                path = descend(rule, surfaces.ravine(kappa=25, angle=0.3), start=start, steps=30, lr=0.05, **memory)
                assert points == pytest.approx(path.points.ravel().tolist(), rel=1e-9, abs=1e-12)


def test_the_start_moves_by_mouse_and_by_keys(browser, folder):
    with playing(browser, folder) as page:
        ring = page.get_by_role("slider", name="Start of the balls")
        before = state(page)["starts"][0]
        box = ring.locator(".lf-ring").bounding_box()
        page.mouse.move(box["x"] + 8, box["y"] + 8)
        page.mouse.down()
        page.mouse.move(box["x"] + 108, box["y"] - 42, steps=3)
        page.mouse.up()
        dragged = state(page)["starts"][0]
        assert dragged[0] > before[0] and dragged[1] > before[1]
        ring.press("ArrowRight")
        ring.press("Shift+ArrowDown")
        keyed = state(page)["starts"][0]
        assert keyed[0] > dragged[0] and keyed[1] < dragged[1]
        assert lanes(page)[0]["points"][0][:2] == pytest.approx(keyed)


def searched(page):
    """Wait until the search beside the page has found each rule's best."""
    order = "/^Each at its own best: heavy ball .*, Adam in .* and gradient descent in /"
    page.wait_for_function(f"{order}.test(document.querySelector('.pg-sentence').innerText.replace(/\\s+/g, ' '))")
    page.wait_for_function("!document.body.innerText.includes('Searching each')")


def test_every_view_shows_the_same_state(browser, folder):
    with playing(browser, folder) as page:
        searched(page)
        first = state(page)
        tabs = page.get_by_role("tab")
        names = tabs.all_inner_texts()
        assert names == ["Map", "3-D", "Curves", "Settings", "Flow", "Equations", "Predict"]
        tabs.first.focus()
        for name in [*names[1:], names[0]]:  # with the arrow keys, all the way round
            page.keyboard.press("ArrowRight")
            page.wait_for_function(
                "name => document.querySelector('[role=tab][aria-selected=true]').innerText === name", arg=name
            )
            assert page.get_by_role("tabpanel").count() == 1
            assert page.evaluate("document.activeElement.textContent") == name
        assert {**state(page), "view": "map"} == first


@pytest.mark.parametrize(
    ("view", "tells"),
    [("land", "cells"), ("settings", "values"), ("flow", "said"), ("steps", "rows"), ("predict", "score"), ("curves", "view")],
)
def test_a_link_opens_a_view(browser, folder, view, tells):
    with playing(browser, folder, {"view": view}) as page:
        shown = ask(page, "play.numbers()")
        assert shown["view"] == view and tells in shown
        if view == "steps":
            names = [row[0] for row in shown["rows"]]
            assert names == ["gradient g", "velocity v", "point θ"]
        if view == "settings":
            page.wait_for_function("document.querySelector('.playground').__playground.numbers().fine")
            assert min(v for v in ask(page, "play.numbers()")["values"] if v) < 40


def test_the_equations_open_at_the_first_step_or_where_one_is(browser, folder):
    """Not at a run's end, whose numbers show a rule nothing to do; and not elsewhere than the other views."""
    title = "document.querySelector('.pg-steps-title')?.textContent"
    with playing(browser, folder, {"surface": RAVINE, "rules": [BALL], "steps": 60}, reduced_motion="reduce") as page:
        page.get_by_role("button", name="Play").first.click()  # all of it at once
        page.get_by_role("tab", name="Equations").click()
        page.wait_for_function(f"{title} === 'Heavy ball: step 1'")
        assert ask(page, "play.time.head()") >= 60, "the other views still show all of the run"
        page.get_by_role("button", name="one on").click()
        page.wait_for_function(f"{title} === 'Heavy ball: step 2'")
        assert ask(page, "play.time.head()") == 2
    with playing(browser, folder, {"surface": RAVINE, "rules": [BALL], "steps": 60}) as page:
        page.get_by_role("button", name="Step").first.click()
        page.get_by_role("button", name="Step").first.click()
        page.get_by_role("button", name="Step").first.click()
        page.get_by_role("tab", name="Equations").click()
        page.wait_for_function(f"{title} === 'Heavy ball: step 2'")


def test_without_a_lowest_point_the_sentence_says_that_no_setting_is_best(browser, folder):
    slope = {"kind": "formula", "text": "x^4 - y"}
    with playing(browser, folder, {"surface": slope, "rules": [PLAIN, BALL], "fair": "best"}) as page:
        page.wait_for_function("document.querySelector('.playground').textContent.includes('each rule has a guessed one')")
    with playing(browser, folder, {"surface": slope, "rules": [PLAIN, BALL], "fair": "same"}) as page:
        page.wait_for_function("document.querySelector('.playground').textContent.includes('no lowest point')")
        assert "guessed" not in page.locator(".playground").inner_text()


def test_without_memory_a_heavy_ball_is_gradient_descent(browser, folder):
    with playing(browser, folder, {"surface": RAVINE, "rules": [PLAIN, BALL]}) as page:
        plain, ball = (lane["points"][0] for lane in lanes(page))
        assert plain != ball
        page.get_by_role("slider", name="memory").press("Home")
        page.get_by_role("textbox", name="memory, type a value").fill("0")
        page.keyboard.press("Enter")
        plain, ball = (lane["points"][0] for lane in lanes(page))
        assert ball == plain
        assert "back to its best" in page.locator(".pg-chip").nth(1).inner_text()
        page.get_by_role("button", name="Heavy ball: back to its own best setting").click()
        assert not lanes(page)[1]["own"]


@pytest.mark.parametrize(("tab", "last"), [("Predict", "Run"), ("Equations", "one on →")])
def test_on_a_phone_nothing_to_press_lies_below_an_edge(browser, folder, tab, last):
    """A picture of fixed height that scrolls by itself hides its buttons from a finger."""
    with playing(browser, folder, width=390, height=664) as page:
        page.get_by_role("tab", name=tab).click()
        button = page.get_by_role("button", name=last)
        button.wait_for()
        inner = """button => {
          const found = [];
          for (let box = button.parentElement; box !== document.body; box = box.parentElement) {
            const scrolls = getComputedStyle(box).overflowY !== "visible" && box.scrollHeight > box.clientHeight + 1;
            if (scrolls) found.push(box.className);
          }
          return found;
        }"""
        assert button.evaluate(inner) == []


def test_fair_and_unfair(browser, folder):
    """Each at its own best, in the order of their steps; one rate for all, and the sentence says what that does."""
    with playing(browser, folder) as page:
        searched(page)
        said = page.locator(".pg-sentence")
        ends = {lane["title"]: lane["end"]["steps"] for lane in lanes(page)}
        assert ends["Heavy ball"] < ends["Adam"] < ends["Gradient descent"]
        assert said.inner_text().startswith("Each at its own best: heavy ball")
        page.get_by_role("radio", name="one rate for all").check(force=True)
        assert len({lane["hyper"]["lr"] for lane in lanes(page)}) == 1
        settle(page)
        assert said.inner_text().startswith("One rate for all, ")
        assert re.search(r"Each at its own best|The order is the same", said.inner_text())


def test_a_typed_surface_and_a_typed_rule(browser, folder):
    own = {"text": "v = beta*v + grad\ntheta = theta - lr*v", "hyper": {"lr": 0.05, "beta": 0.5}}
    told = {"surface": {"kind": "formula", "text": "x^2 + 4*y^2", "params": {}}, "rules": [BALL, own], "starts": [[-2, 1]]}
    with playing(browser, folder, told) as page:
        theirs, mine = (lane["points"][0] for lane in lanes(page))
        assert mine == theirs
        field = page.get_by_role("textbox", name="Your formula of x and y")
        field.fill("x^2 + 4*q")
        settle(page)
        assert "q" in page.locator(".pg-typed .pg-wrong").inner_text()
        assert lanes(page)[0]["points"][0] == theirs  # the last good one stays
        field.fill("x^2 + y^2")
        settle(page)
        assert page.locator(".pg-typed .pg-wrong").inner_text() == ""
        assert lanes(page)[0]["points"][0] != theirs


def test_a_network_learns_in_the_page(browser, folder):
    """All its weights, in the plane that their steps span; another draw of them; what a view cannot show, it says."""
    told = {"surface": {"kind": "net", "name": "curve"}, "rules": [PLAIN, BALL], "steps": 12}
    with playing(browser, folder, told) as page:
        done = "document.querySelector('.playground').__playground.scene().net.done"
        page.wait_for_function(done)
        said = page.locator(".pg-sentence").inner_text()
        assert (
            said.startswith("193 weights learn a curve through 19 points. After 12 steps") and "% of its way (heavy ball)" in said
        )
        before = lanes(page)
        assert before[1]["end"]["loss"] < 0.5 and page.get_by_role("slider", name="Start of the balls").count() == 0
        page.get_by_role("button", name="Other weights").click()
        page.wait_for_function(done)
        assert state(page)["starts"] == [[2, 0]] and lanes(page)[1]["end"]["loss"] != before[1]["end"]["loss"]
        for view, words in {"Flow": "thousands of directions", "Settings": "lowest point"}.items():
            page.get_by_role("tab", name=view).click()
            settle(page)
            assert words in page.locator(".pg-view:not([hidden]) .pg-empty").inner_text()
        page.get_by_role("tab", name="Equations").click()
        rows = ask(page, "play.numbers()")["rows"]
        assert [row[0] for row in rows] == ["gradient g", "velocity v", "point θ"]
        assert page.locator(".pg-numbers th").nth(0).inner_text().startswith("θ")
        page.get_by_role("tab", name="Predict").click()
        settle(page)
        assert "bring the loss" in page.locator(".pg-ask").inner_text()
        page.get_by_role("combobox", name="Surface").select_option(label="Ravine")
        assert state(page)["steps"] == 60 and len(lanes(page)) == 2


def test_figures_open_the_playground_with_the_state_at_hand(browser, evaluate, tmp_path):
    """Each link is read whole: nothing in it is left out or clamped, and it tells what the figure shows."""
    from momentum_lib.widgets import make
    from momentum_lib.widgets.bundle import JS

    states = {"disc": {"kappa": 50}, "edge": {"lr": 0.07}, "rotation": {"angle": 30}}
    names = ["basin", "dial", "digits", *states, "noise_ball", "race", "ravine", "stage", "velocity"]
    header = '<a class="tool play" href="https://course.example/playground.html">Play</a>'
    address = live.write_page(tmp_path, [make(name, **states.get(name, {})) for name in names], before=header)
    with live.open_page(browser, address, wait=False, reduced_motion="reduce") as page:
        page.evaluate("for (const place of document.querySelectorAll('.live-figure')) place.scrollIntoView()")
        page.wait_for_function(f"document.querySelectorAll('.lf-to-playground[href]').length === {len(names)}")
        links = page.locator(".lf-to-playground").evaluate_all("all => all.map(({ hash }) => hash)")
    read = evaluate({"link": JS / "play" / "link.js"}, f"{json.dumps(links)}.map(link.fromHash)")
    for link, state in zip(links, read, strict=True):
        told = json.loads(unquote(link.removeprefix("#play=1.")))
        assert told and {part: state[part] for part in told} == told
    surfaces = {name: state["surface"] for name, state in zip(names, read, strict=True)}
    assert surfaces["disc"]["params"]["kappa"] == 50 and surfaces["rotation"]["params"]["angle"] == pytest.approx(0.5235988)
    assert [surfaces[name] for name in ("edge", "digits")] == [{"kind": "net", "name": name} for name in ("curve", "digits")]


SLOPES = """(() => {
  const { surface: s, params: p } = play.scene(), h = 1e-5;
  return [[0.3, 0.2], [-2, 1]].map(([x, y]) => [...s.gradient(x, y, p),
    (s.value(x + h, y, p) - s.value(x - h, y, p)) / (2 * h), (s.value(x, y + h, p) - s.value(x, y - h, p)) / (2 * h)]);
})()"""


def test_a_surface_is_drawn_by_hand(browser, folder):
    with playing(browser, folder, {"surface": {"kind": "drawn", "bumps": []}}) as page:
        page.get_by_role("button", name="Hollows").click()
        box = page.locator(".pg-map .lf-svg").bounding_box()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
        page.mouse.down()
        page.mouse.up()
        ((_, _, deep, _),) = state(page)["surface"]["bumps"]
        assert deep < 0
        page.get_by_role("slider", name="Start of the balls").press("+")
        assert state(page)["surface"]["bumps"][1][2] > 0
        slope = ask(page, SLOPES)
        for gx, gy, dx, dy in slope:
            assert (gx, gy) == pytest.approx((dx, dy), abs=1e-8)


def test_a_link_restores_all_of_it(browser, folder):
    told = {
        "view": "curves", "surface": {"kind": "drawn", "bumps": [[0.5, -0.25, -0.7, 0.6]]}, "rules": [BALL, PLAIN], "picked": 1,
        "fair": "same", "starts": [[-2, 1], [0.5, 0.5]], "steps": 77, "noise": 0.4, "seed": 9,
    }  # fmt: skip
    with playing(browser, folder, told) as page:
        assert state(page) == told
        page.get_by_role("button", name="Take it with you").click()
        link = page.get_by_role("textbox", name="A link to all of this").input_value()
        assert "embed.html#" in page.get_by_role("textbox", name="One line").input_value()
        page.goto("about:blank")
        page.goto(link)
        page.wait_for_function("document.querySelector('.playground.is-live')")
        assert state(page) == told


def taken(page, name):
    """The bytes of the file that a button of the dialog gives."""
    with page.expect_download() as told:
        page.get_by_role("button", name=name).click()
    return Path(told.value.path()).read_bytes()


def test_what_is_seen_is_taken_away_as_files(browser, folder):
    from PIL import Image

    with playing(browser, folder, {"surface": RAVINE, "rules": [PLAIN, BALL], "starts": [[-2, 1]], "steps": 12}) as page:
        page.get_by_role("button", name="Take it with you").click()
        rows = taken(page, "Numbers (CSV)").decode().splitlines()
        points = lanes(page)[1]["points"][0]
        assert len(rows) == 1 + 2 * 13 and rows[0] == "rule,start,step,x,y,loss"
        assert [float(v) for v in rows[-1].split(",")[2:5]] == pytest.approx([12, *points[-2:]], rel=1e-12)
        drawing = taken(page, "Drawing (SVG)").decode()
        root = ElementTree.fromstring(drawing)
        assert root.tag.endswith("svg") and drawing.count("<image") == 1 and "class=" not in drawing and "drag me" not in drawing
        assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) > 12
        still = Image.open(io.BytesIO(taken(page, "Picture (PNG)")))
        box = page.locator(".pg-stage").bounding_box()
        assert still.size == pytest.approx((2 * box["width"], 2 * box["height"]), abs=2)
        assert len(still.convert("RGB").getcolors(1 << 24)) > 100
        moving = Image.open(io.BytesIO(taken(page, "Moving picture (GIF)")))
        assert moving.format == "GIF" and moving.n_frames == 48 and moving.size[0] == 528
        first, last = (frame_of(moving, k) for k in (0, 47))
        blue = lambda frame: sum(1 for r, g, b in frame.getdata() if b > r + 90 and b > g + 60)  # noqa: E731
        assert blue(last) > blue(first) > 0  # the heavy ball's path has grown


@pytest.mark.parametrize("view", ["curves", "land"])
def test_the_other_views_move_and_can_be_taken_away(browser, folder, view):
    from PIL import Image

    told = {"surface": RAVINE, "rules": [BALL], "picked": 0, "starts": [[-2, 1]], "steps": 8, "view": view}
    with playing(browser, folder, told, width=700, height=600) as page:
        page.get_by_role("button", name="Take it with you").click()
        root = ElementTree.fromstring(taken(page, "Drawing (SVG)"))
        images = root.findall(".//{http://www.w3.org/2000/svg}image")
        texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert (len(images), "Heavy ball" in texts) == {"curves": (0, True), "land": (1, False)}[view]
        moving = Image.open(io.BytesIO(taken(page, "Moving picture (GIF)")))
        box = page.locator(".pg-view:not([hidden])").bounding_box()
        assert moving.n_frames == 9
        assert moving.size == (528, pytest.approx(528 * box["height"] / box["width"], abs=1))
        blue = [sum(1 for r, g, b in frame_of(moving, k).getdata() if b > r + 90 and b > g + 60) for k in (0, 4, 8)]
        assert blue[2] > blue[1] > blue[0] > 0  # the ball's line has grown
        assert ask(page, "play.time.head()") == 8  # all of it stands there again


def test_the_code_of_the_picture_is_there_for_three_libraries(browser, folder):
    with playing(browser, folder, {"surface": RAVINE, "rules": [PLAIN, BALL], "starts": [[-2, 1]], "steps": 12}) as page:
        page.get_by_role("button", name="Take it with you").click()
        field, menu = page.locator(".pg-carry textarea"), page.get_by_role("combobox", name="As code for")
        assert "momentum_lib" in field.input_value()
        _, printed = live.run_python(field.input_value())
        numbers = [float(v) for v in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", printed)]
        assert numbers[-2:] == pytest.approx(lanes(page)[1]["points"][0][-2:], abs=1e-10)
        for target, name in {"torch": "PyTorch", "optax": "JAX and optax"}.items():
            menu.select_option(label=f"As code for {name}")
            assert f"import {target}" in field.input_value()


def frame_of(image, k):
    image.seek(k)
    return image.convert("RGB")


HOSTILE = [
    '{"rules":[{"rule":"__proto__","hyper":{}},{"rule":"constructor"}]}',
    '{"surface":{"kind":"library","name":"toString"},"starts":[["a",1],[1e999,0],[null,null]]}',
    '{"surface":{"kind":"drawn","bumps":[[1,2,3],["x",0,0,1]]},"steps":1e99,"noise":-4,"seed":"<b>","picked":77}',
    '{"view":"<img src=x onerror=alert(1)>","fair":{},"steps":null}',
    "{" * 50,
    '{"steps":' + "9" * 3000 + "}",
]


def test_a_hostile_link_opens_the_playground(browser, folder):
    for told in HOSTILE:
        with playing(browser, folder, told) as page:
            now = state(page)
            assert now["view"] == "map" and now["fair"] == "best"
            assert 1 <= now["steps"] <= 1000 and 0 <= now["picked"] < len(now["rules"])
            assert all(abs(v) <= 50 for start in now["starts"] for v in start)
            assert len(lanes(page)[0]["points"][0]) >= 2


def test_a_prediction_is_scored(browser, folder):
    with playing(browser, folder, {"view": "predict", "rules": [BALL], "picked": 0}) as page:
        assert page.locator(".pg-value").first.is_hidden()  # it would give the answer away
        pen = page.get_by_role("slider", name="Your curve")
        pen.press("ArrowDown")
        page.get_by_role("button", name="Run").click()
        score = ask(page, "play.numbers()")["score"]
        assert 0 <= score <= 100
        assert page.locator(".pg-verdict").inner_text().startswith(f"{score} of 100")
        assert page.locator(".pg-value").first.is_visible()


def test_a_run_that_flies_off_is_predicted_too(browser, folder):
    """Its curve rises above the start's distance, and the axis has room for that."""
    rules = [{"rule": "gradient_descent", "hyper": {"lr": 0.081}}]
    told = {"view": "predict", "surface": RAVINE, "rules": rules, "picked": 0, "starts": [[-1, 1.5]], "steps": 100}
    with playing(browser, folder, told) as page:
        page.get_by_role("slider", name="Your curve").press("ArrowDown")
        page.get_by_role("button", name="Run").click()
        assert "too hopeful" in page.locator(".pg-verdict").inner_text()
        ends = "node => [0, node.getTotalLength()].map((at) => node.getPointAtLength(at).y)"
        first, last = page.locator(".pg-pad .lf-line[data-look=gradient]").evaluate(ends)
        assert last < first - 5


def test_twelve_recipes_open_with_one_tap(browser, folder):
    with playing(browser, folder) as page:
        recipes = page.locator(".pg-recipe")
        assert recipes.count() == 12
        seen = set()
        for k in range(12):
            recipes.nth(k).evaluate("button => button.click()")
            seen.add(json.dumps(state(page), sort_keys=True))
            for lane in lanes(page):
                assert len(lane["points"][0]) > 2
        assert len(seen) == 12
        for k, told in ((2, "later"), (5, "sooner"), (8, "sooner"), (10, "flies off"), (11, "as soon as")):
            recipes.nth(k).evaluate("button => button.click()")  # says what it is a picture of
            page.wait_for_function(f"document.querySelector('.pg-sentence').textContent.includes('{told}')")
            assert page.get_by_role("radio", name="each at its best").is_checked() is False, "they have settings of their own"
        page.get_by_role("radio", name="each at its best").check(force=True)
        assert all(not rule["hyper"] for rule in state(page)["rules"])
        recipes.nth(6).evaluate("button => button.click()")  # the cycle: round three points for ever
        points = lanes(page)[0]["points"][0][0::2]
        assert points[-1] == pytest.approx(points[-4], abs=1e-6) and abs(points[-1] - points[-2]) > 0.5


def test_it_rolls_once_by_itself_and_stands_still_where_that_is_asked_for(browser, folder):
    with playing(browser, folder, reduced_motion="no-preference") as page:
        page.wait_for_function("document.querySelector('.playground').__playground.time.playing()")
    with playing(browser, folder) as page:
        page.wait_for_timeout(450)
        assert not ask(page, "play.time.playing()")


@pytest.mark.parametrize("width", [1366, 390])
def test_axe_finds_nothing(browser, folder, width):
    mobile = {"has_touch": True, "is_mobile": True} if width == 390 else {}
    with playing(browser, folder, width=width, height=800, **mobile) as page:
        found = violations(page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        found += violations_after_the_switch(page)
        assert not found, "\n".join(found)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_forced_colours_leave_it_usable(browser, folder):
    with playing(browser, folder, forced_colors="active") as page:
        assert page.get_by_role("tab", selected=True).is_visible()
        assert page.get_by_role("slider", name="Start of the balls").is_visible()
        page.get_by_role("tab", name="Curves").click()
        assert ask(page, "play.numbers()")["view"] == "curves"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_embed_works_in_a_page_that_allows_nothing_else(browser, folder, parts, tmp_path, theme):
    """One line in somebody's page under the strictest policy; the embed itself under the policy that it states."""
    playground, _ = parts
    with served(folder, playground.NEEDS) as ours:
        line = f'<iframe src="{ours}embed.html#play=1.{quote(json.dumps({"surface": RAVINE, "rules": [PLAIN, BALL]}))}" '
        (tmp_path / "slide.html").write_text(
            FOREIGN.replace("LINE", line + 'title="Playground" width="900" height="640"></iframe>')
        )
        host = urlsplit(ours)._replace(path="").geturl()
        with served(tmp_path, f"default-src 'none'; frame-src {host}") as theirs:
            heard = []
            with live.open_page(
                browser, f"{theirs}slide.html", wait=False, errors=heard, color_scheme=theme, reduced_motion="reduce"
            ) as page:
                frame = page.frame_locator("iframe")
                ring = frame.get_by_role("slider", name="Start of the balls")
                ring.press("ArrowRight")
                assert frame.locator(".pg-sentence").inner_text()
                inner = page.frames[1]
                assert inner.evaluate("document.querySelector('.playground').__playground.get().starts[0][0]") > -2.7
                ground = inner.evaluate("getComputedStyle(document.querySelector('.pg')).getPropertyValue('--page').trim()")
                assert ground == {"light": "#ffffff", "dark": "#14181f"}[theme]
                assert not frame.get_by_role("link", name="Recipes").is_visible()
            assert [text for text in heard if "favicon" not in text] == []


def test_its_own_script_is_small(parts):
    """Beside the kit of the live figures, which every chapter loads anyway."""
    import gzip

    playground, _ = parts
    own, all_of_it = (len(gzip.compress(text.encode())) for text in (playground.own_script(), playground.script()))
    assert 30_000 < own < 60_000 and all_of_it < 92_000


OPEN = "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:"


@pytest.mark.parametrize("policy", ["open", "stated", "no worker"])
def test_the_search_runs_beside_the_page_where_it_may(browser, folder, parts, policy):
    """In a worker on a site, even where nothing may be compiled; in the page where there can be no worker (and from the disk)."""
    told = {"open": OPEN, "stated": parts[0].NEEDS, "no worker": f"{OPEN}; worker-src 'none'"}[policy]
    short = quote(json.dumps({"surface": {"kind": "net", "name": "curve"}, "rules": [BALL], "picked": 0, "steps": 3}))
    heard = []
    with (
        served(folder, told) as site,
        live.open_page(browser, f"{site}embed.html#play=1.{short}", wait=False, errors=heard, reduced_motion="reduce") as page,
    ):
        page.wait_for_selector(".playground.is-live")
        page.evaluate("document.querySelector('.playground').__playground.set({ rules: [{ rule: 'heavy_ball', hyper: {} }] })")
        expect(page.locator(".pg-setting")).not_to_have_text("η 0.1 · β 0.8", timeout=live.PATIENCE)
        if policy == "no worker":  # that there is none the page learns a moment later
            page.wait_for_function("document.querySelector('.playground').__playground.alone()")
        elif not page.workers:  # that there is one we may be told a moment later
            page.wait_for_event("worker")
        alone = ask(page, "play.alone()")
        assert (alone, len(page.workers)) == {"no worker": (True, 0)}.get(policy, (False, 1))
    assert [text for text in heard if "worker" not in text and "favicon" not in text] == []
    assert bool(heard) == (policy == "no worker") or policy == "stated"


def test_the_keyboard_does_all_of_it(browser, folder):
    """Every control by Tab, each with a ring round it; dials, rules, the dialog and a recipe by keys alone."""
    with playing(browser, folder) as page:
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            here = page.evaluate("""() => {
              const node = document.activeElement, style = getComputedStyle(node), inner = node.querySelector(".lf-focus");
              const ring = style.outlineStyle !== "none" || style.boxShadow !== "none" || inner !== null;
              const thumb = node.type === "range"; // its thumb has the ring
              return [node.getAttribute("aria-label") ?? node.textContent, ring || thumb, node === document.body];
            }""")
            if here[2]:
                break
            seen.append(here)
        names = [name for name, _, _ in seen]
        for wanted in ("Surface", "Map", "Recipes", "Take it with you", "Start of the balls", "Play", "+ ball", "memory",
                       "learning rate", "Add a rule"):  # fmt: skip
            assert wanted in names, names
        assert [name for name, ring, _ in seen if not ring] == []
        dial = page.get_by_role("slider", name="memory").first
        before = lanes(page)[1]["hyper"]["beta"]
        dial.press("ArrowRight")
        assert lanes(page)[1]["hyper"]["beta"] > before
        page.get_by_role("button", name="Take Adam away").press("Enter")
        assert [lane["title"] for lane in lanes(page)] == ["Gradient descent", "Heavy ball"]
        carry = page.get_by_role("button", name="Take it with you")
        carry.press("Enter")
        assert page.get_by_role("dialog").is_visible()
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible() and carry.evaluate("node => node === document.activeElement")
        page.locator(".pg-recipe").nth(4).press("Enter")
        assert state(page)["surface"]["name"] == "saddle"


def test_a_recipes_name_opens_it_and_what_unfolds_is_in_view(browser, folder):
    """A name that looks like a link and is none; numbers that unfold below the panel's edge."""
    with playing(browser, folder) as page:
        name = page.locator("#recipes li strong").nth(4)
        name.scroll_into_view_if_needed()
        box = name.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert state(page)["surface"]["name"] == "saddle"
        page.get_by_text("Steps, noise, numbers").click()
        page.wait_for_function(
            "() => { const more = document.querySelector('.pg-more').getBoundingClientRect(),"
            " side = document.querySelector('.pg-side').getBoundingClientRect();"
            " return more.bottom <= side.bottom + 1 || more.top <= side.top + 1; }"
        )


def test_a_key_finds_what_is_made_later(browser, folder):
    """What is not seen at first is made task by task; with the first key all of it is there."""
    with live.held_page(browser, viewport={"width": 1366, "height": 900}, reduced_motion="reduce") as page:
        page.goto((folder / "index.html").as_uri())
        page.wait_for_function("__tasks.shift()?.() || document.querySelector('.playground.is-live')")
        carry = page.get_by_role("button", name="Take it with you")
        assert page.get_by_role("link", name="Recipes").is_visible() and carry.count() == 0
        page.keyboard.press("Tab")
        assert carry.is_visible() and page.get_by_role("button", name="Take Adam away").is_visible()


def test_a_finger_drags_the_ring_turns_the_land_and_does_not_scroll(browser, folder):
    with playing(browser, folder, width=390, height=844, has_touch=True, is_mobile=True) as page:
        before = state(page)["starts"][0]
        live.touch_drag(page, page.get_by_role("slider", name="Start of the balls").locator(".lf-ring"), 60, -40)
        after = state(page)["starts"][0]
        assert after[0] > before[0] and after[1] > before[1]
        page.get_by_role("tab", name="3-D").click()
        turned = ask(page, "play.numbers()")["turn"]
        live.touch_drag(page, page.locator(".pg-land"), -60, 30)
        assert ask(page, "play.numbers()")["turn"] != turned
        assert page.evaluate("scrollY") == 0


def test_in_a_notebook_the_model_hears_what_the_hand_does(browser):
    """The module that anywidget loads, in a page like a notebook's: it opens as the model says."""
    from momentum_lib.widgets import Playground
    from tests.browser.test_live_notebook import HOST, RUN

    play = Playground(surface={"net": "curve"}, rules=["heavy_ball"], starts=[[2, 0]], steps=8)
    source = play._source.get_state(["key", "module", "styles", "colours"])
    with live.open_page(browser, "about:blank", wait=False, reduced_motion="reduce") as page:
        page.set_content(HOST.replace("ROOT", "10"))
        page.evaluate(f"window.__run = {RUN}; 0")
        page.evaluate(
            """([stub, source, state]) => {
              window.__state = state;
              return window.__run([stub, { source }, [state], 1]);
            }""",
            [play._esm, source, {**play.state(), "_source": "IPY_MODEL_source"}],
        )
        inside = page.locator(".output > div")
        inside.locator(".pg-sentence").get_by_text("193 weights").wait_for()
        inside.get_by_role("tab", name="Curves").click()
        page.wait_for_function("window.__state.view === 'curves'")
        inside.get_by_role("button", name="Other weights").click()
        page.wait_for_function("window.__state.starts[0][0] === 3")
