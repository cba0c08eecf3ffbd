"""Helpers of the browser tests: a page with live figures, a browser, hands (mouse, finger, keyboard), and the checks that every
figure must pass.

The checks at the end (`link_restores` to `leaves_nothing`) take ``agrees``, a function of the page that compares all that is
drawn with momentum_lib and returns the state, and ``initial``, the widget that the page was written with.
"""

import contextlib
import functools
import io
import json
import re
import sys
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))

import chromium  # noqa: E402

from tests.browser import accessibility  # noqa: E402
from tests.browser.pages import SCROLL  # noqa: E402

PATIENCE = 120_000  # ms that only a hang takes
HARNESS = Path(__file__).parent / "harness" / "index.html"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # a page lives for a second here: compiling beside it, and collecting early, is work for nothing, a tenth of all
    "--js-flags=--single-threaded,--min-semi-space-size=32",
]


@contextlib.contextmanager
def browser():
    """A headless Chromium (or Chrome) under Playwright; the tests share one, as the fixture ``browser``."""
    path = chromium.path()
    if path is None:
        pytest.fail("no Chromium on the PATH; .ci/run installs it (Debian: apt-get install chromium)", pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield launched
        finally:
            IDLE.clear()
            launched.close()


ROOM = '<div style="height: 1500px"></div>'  # more than what a figure takes for near


BLANK = '<svg xmlns="http://www.w3.org/2000/svg"/>'
WRITTEN = {}  # {address of a page: its folder and its figures}


@functools.cache
def bundled(names):
    """The script of these figures and the styles of all."""
    from momentum_lib.widgets import bundle

    return bundle.script(names), bundle.styles()


def write_page(folder, figures, *, before="", static=False):
    """Write the harness page with these widgets into ``folder``; returns its file:// address.

    Of two or three figures only the first is mounted at once: the next one is far below, as in a chapter.
    ``static``: with their static pictures, blank ones, for a live figure hides them; `with_pictures` gives the page with those
    that Python draws. The script is that of the figures on the page, since a browser compiles it at every load; the site's
    pages share one script for all.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    script, styles = bundled(tuple(sorted({figure.figure for figure in figures})))
    (folder / "live.js").write_text(script, encoding="utf-8")
    (folder / "live.css").write_text(styles, encoding="utf-8")
    parts = []
    for number, figure in enumerate(figures):
        inside = ""
        if static:
            (folder / f"picture{number}.svg").write_text(BLANK, encoding="utf-8")
            inside = (
                f'<figure class="live-static"><img src="picture{number}.svg" alt="{figure.alt()}">'
                f'<p class="live-said" aria-hidden="true">{figure.alt()}</p>'
                f"<figcaption>{figure.caption}</figcaption></figure>"
            )
        parts.append(figure._repr_html_().replace("></div>", f">{inside}</div>"))
    page = HARNESS.read_text(encoding="utf-8").replace(
        "<!-- figures -->", before + (ROOM if len(parts) < 4 else "\n").join(parts)
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    address = (folder / "index.html").as_uri()
    WRITTEN[address] = folder, figures
    return address


def with_pictures(address):
    """The address of the same page with the static pictures as Python draws them."""
    folder, figures = WRITTEN[address]
    drawn = folder / "drawn.html"
    if not drawn.is_file():
        for number, figure in enumerate(figures):
            figure.picture().savefig(folder / f"drawn{number}.svg", transparent=True)
        drawn.write_text((folder / "index.html").read_text("utf-8").replace('src="picture', 'src="drawn'), encoding="utf-8")
    return drawn.as_uri()


def new_context(launched, **options):
    """A context of the browser whose waits end only for a hang: a busy machine makes a test slow, not red."""
    context = launched.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


IDLE = {}  # {(browser, how a context was made): a page of it that nobody uses}: a new one costs more than what a test does


@contextlib.contextmanager
def blank_page(launched, options):
    """A blank page of a context with these options, perhaps one that was used before: nothing of that is left on it."""
    key = launched, json.dumps(options, sort_keys=True)
    page = IDLE.pop(key, None) or new_context(launched, **options).new_page()
    try:
        yield page
        with contextlib.suppress(PlaywrightError):  # a page that has no storage
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
        page.mouse.move(0, 0)
        page.context.clear_cookies()
        page.set_viewport_size(options["viewport"])
        page.emulate_media(
            media="null",
            color_scheme=options.get("color_scheme", "light"),
            reduced_motion=options.get("reduced_motion", "no-preference"),
        )
    except BaseException:
        page.context.close()
        raise
    if key in IDLE:  # two were open at once
        page.context.close()
    else:
        IDLE[key] = page


@contextlib.contextmanager
def open_page(launched, address, *, width=1366, height=900, wait=True, errors=None, **context):
    """An open page; afterwards no console error may have been seen (collect them in ``errors`` to allow some)."""
    seen = [] if errors is None else errors
    heard = {
        "console": lambda message: seen.append(message.text) if message.type == "error" else None,
        "pageerror": lambda error: seen.append(str(error)),
    }
    with blank_page(launched, {"viewport": {"width": width, "height": height}, **context}) as page:
        for name, listener in heard.items():
            page.on(name, listener)
        page.goto(address)
        if wait:
            ready(page)
        yield page
    for name, listener in heard.items():
        page.remove_listener(name, listener)
    if errors is None:
        assert not seen, seen


def first(page):
    """The first live figure of a page."""
    return page.locator(".live-figure[data-figure]").first


def button(page, name):
    """A button of the first figure, by the words on it."""
    return first(page).get_by_role("button", name=name)


AT_REST = """i => { const figure = document.querySelectorAll('.live-figure[data-figure]')[i];
    if (figure.dataset.failed) throw new Error(`the figure ${figure.dataset.figure} failed`);
    const { width, height } = figure.getBoundingClientRect(), size = `${width} x ${height}`, seen = figure.__sizes ??= [];
    if (seen.push(size) > 3) seen.shift();
    return figure.dataset.ready === '1' && seen.length === 3 && seen.every((one) => one === size); }"""  # asked each frame


def ready(page, index=0):
    """Scroll the index-th live figure into view and wait until it has drawn, and has had one size for three frames: what it
    drew for another one, before the page's own layout was done, is gone then."""
    place = page.locator(".live-figure[data-figure]").nth(index)
    place.scroll_into_view_if_needed()
    page.wait_for_function(AT_REST, arg=index)
    return place


def all_ready(page):
    """Scroll past all live figures and wait until each has drawn, and has had one size for three frames."""
    page.evaluate(SCROLL)
    at_rest(page)


def at_rest(page):
    """Wait until every live figure has drawn, and has had one size for three frames from now on."""
    page.evaluate("() => document.querySelectorAll('.live-figure[data-figure]').forEach((figure) => { delete figure.__sizes; })")
    page.wait_for_function(
        f"() => [...document.querySelectorAll('.live-figure[data-figure]').keys()].map({AT_REST}).every(Boolean)"
    )


NUMBERS = """i => JSON.stringify(document.querySelectorAll('.live-figure[data-figure]')[i].__figure.numbers(), (_, value) =>
    value === undefined ? null : ArrayBuffer.isView(value) ? [...value]
    : typeof value === "number" && !Number.isFinite(value) ? `\u0000${value}` : value)"""  # as one text


def numbers(page, index=0):
    """The plain data that the index-th figure now draws."""
    return json.loads(re.sub(r'"\\u0000(NaN|-?Infinity)"', r"\1", page.evaluate(NUMBERS, index)))


def python_of(page, index=0):
    """The text that Copy as Python gives."""
    return page.evaluate("i => document.querySelectorAll('.live-figure[data-figure]')[i].__figure.python()", index)


def run_python(text):
    """Run copied code as a reader would; returns (its names, what it printed)."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "<copied>", "exec"), names)
    return names, printed.getvalue()


def centre(locator):
    """The middle of an element in the window, in pixels."""
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, handle, dx, dy, steps=6):
    """Drag with the mouse."""
    x, y = centre(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    page.mouse.up()


def touch_drag(page, handle, dx, dy, steps=6):
    """Drag with a finger: real touch events from the browser's own input pipeline, so that touch-action counts."""
    x, y = centre(handle)
    session = page.context.new_cdp_session(page)

    def send(kind, points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", [{"x": x, "y": y}])
    for k in range(1, steps + 1):
        send("touchMove", [{"x": x + dx * k / steps, "y": y + dy * k / steps}])
    send("touchEnd", [])
    session.detach()


def violations(page):
    """What axe finds in the live figures of a page, as short lines."""
    accessibility.prepare(page)
    return accessibility.told(
        page.evaluate("async () => (await axe.run('.live-figure', { resultTypes: ['violations'], preload: false })).violations")
    )


def violations_after_the_switch(page):
    """What axe finds in the live figures in another theme, after `violations` was asked in the first: a switch changes
    colours, and what it makes visible is looked at as a whole."""
    return accessibility.told(page.evaluate(accessibility.SWITCHED, [accessibility.COLOURS, ".live-figure"]))


HELD = """
window.__tasks = [];
window.MessageChannel = class {
  port1 = { close() {} };
  port2 = { postMessage: () => __tasks.push(() => this.port1.onmessage()) };
};
"""


@contextlib.contextmanager
def held_page(launched, **options):
    """A page of its own whose tasks (next of kit/work.js) wait in `__tasks` until a test takes them, one at a time."""
    with new_context(launched, **options) as context:
        context.add_init_script(HELD)
        yield context.new_page()


COUNT_LISTENERS = """
(() => {
  const open = new Map(), of = (o) => (o === undefined ? "" : typeof o === "object" ? JSON.stringify(o) : String(o));
  const add = EventTarget.prototype.addEventListener, remove = EventTarget.prototype.removeEventListener;
  const key = (t, a) => { if (!open.has(t)) open.set(t, new Set()); return open.get(t); };
  const ids = new WeakMap(); let next = 1;
  const id = (f) => { if (!f) return 0; if (!ids.has(f)) ids.set(f, next++); return ids.get(f); };
  EventTarget.prototype.addEventListener = function (type, f, o) {
      key(this).add(type + id(f)); return add.call(this, type, f, o); };
  EventTarget.prototype.removeEventListener = function (type, f, o) {
      key(this).delete(type + id(f)); return remove.call(this, type, f, o); };
  window.__listeners = () => [...open.values()].reduce((n, s) => n + s.size, 0);
  window.__watchers = 0;
  for (const name of ["ResizeObserver", "MutationObserver"]) {
    const Real = window[name];
    window[name] = class extends Real {
      observe(...a) { if (!this.counted) { this.counted = true; window.__watchers++; } return super.observe(...a); }
      disconnect() { if (this.counted) { this.counted = false; window.__watchers--; } return super.disconnect(); }
    };
  }
  window.__frames = new Set();
  const ask = window.requestAnimationFrame, cancel = window.cancelAnimationFrame;
  window.requestAnimationFrame = (f) => {
      const n = ask((t) => { window.__frames.delete(n); f(t); }); window.__frames.add(n); return n; };
  window.cancelAnimationFrame = (n) => { window.__frames.delete(n); cancel(n); };
})();
"""


def control(page, name, kind="range", index=0):
    """The input of one control of the index-th figure; ``kind`` is its type: range, text, checkbox."""
    return page.locator(".live-figure[data-figure]").nth(index).locator(f'[data-control="{name}"] input[type={kind}]')


def type_into(page, name, text, index=0):
    """Type a value into a control and press Enter."""
    control(page, name, "text", index).fill(text)
    page.keyboard.press("Enter")


MOUNT = """async ([text, state]) => {
    const { default: figure } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    const counts = () => [window.__listeners(), window.__watchers, window.__frames.size];
    const rest = (ms) => new Promise((r) => setTimeout(r, ms));
    await rest(400); // the page's own figures come to rest, on a slow machine later
    for (let k = 0; k < 100 && window.__frames.size; k++) await rest(50);
    const before = counts(), el = document.body.appendChild(document.createElement("div")), heard = new Map();
    const model = { get: (k) => state[k], save_changes() {},
      set: (k, v) => { state[k] = v; (heard.get("change:" + k) || []).forEach((f) => f()); },
      on: (e, f) => heard.set(e, [...(heard.get(e) || []), f]),
      off: (e, f) => heard.set(e, heard.get(e).filter((g) => g !== f)) };
    const stop = figure.render({ model, el });
    model.set(...Object.entries(state)[0]);
    /* meanwhile */
    const during = counts(), shown = { ...state };
    stop();
    const after = counts();
    await rest(100); // what was on its way would arrive now
    return { before, during, after, later: counts(), state: shown, left: el.childNodes.length,
        heard: [...heard.values()].flat().length };
}"""


def mounted_and_gone(launched, address, figure, meanwhile="", prepare=ready):
    """Mount the module that Jupyter gets once more, end it, and count: listeners, observers and frames before, during, right
    after and later, what is left.

    ``prepare(page)`` waits until the page is at rest; ``meanwhile`` is JavaScript that acts on ``el`` and ``model`` while it is
    mounted.
    """
    from momentum_lib.widgets import bundle

    with new_context(launched) as context:
        context.add_init_script(COUNT_LISTENERS)
        page = context.new_page()
        page.goto(address)
        prepare(page)
        return page.evaluate(MOUNT.replace("/* meanwhile */", meanwhile), [bundle.module(figure.figure), figure.state()])


SMALL_TARGETS = """() => [...document.querySelectorAll(
    '.lf-hit, .lf-button, .lf-track input, .lf-more summary, .lf-segment, .lf select, .lf-toggle, .lf-entry, .lf-row-name, ' +
    '.lf-row-values input')]
    .filter(e => e.checkVisibility()).map(e => [e.getAttribute('class') || e.type, e.getBoundingClientRect().height])
    .filter(([, height]) => height < 43.999)"""  # all but rounding


def comes_by_itself(page, state, before, after):
    """With this state the first figure shows ``before`` at once, and ``after`` by and by: conditions in JavaScript on the
    figure's element ``f``. Nobody asks for its numbers, which would make at once what is made frame by frame."""
    ask = "document.querySelector('.live-figure[data-figure]')"
    change = f"const f = {ask}, {{ set, flush }} = f.__figure; set(state); flush();"
    assert page.evaluate(f"state => {{ {change} return Boolean({before}); }}", state)
    page.wait_for_function(f"() => {{ const f = {ask}; return {after}; }}")


def link_restores(launched, address, change, agrees, initial, others=()):
    """After ``change(page)``, the address that Link gives opens with that very state; Reset leads back to ``initial``;
    ``others`` below stay as they are."""
    with open_page(launched, address) as page:
        change(page)
        button(page, "Link").click()
        link, state = page.url, numbers(page)["state"]
    assert f"#live={initial.figure}&" in link and state != initial.state()
    with open_page(launched, link) as page:
        assert agrees(page) == state
        for index, other in enumerate(others, 1):
            ready(page, index)
            assert numbers(page, index)["state"] == other.state()
        button(page, "Reset").click()
        assert agrees(page) == initial.state()


def hostile_link_is_clamped(launched, address, query, agrees, initial, **clamped):
    """A link with ``query`` gives the initial state, but for what could be brought within its range: ``clamped``."""
    with open_page(launched, f"{address}#live={initial.figure}&{query}") as page:
        assert agrees(page) == {**initial.state(), **clamped}


def static_picture_stands(launched, address, says=""):
    """Without JavaScript and in print the static picture is there instead of the figure;
    ``says``: words that its description holds."""
    address = with_pictures(address)
    with open_page(launched, address, wait=False, java_script_enabled=False) as page:
        picture = page.locator(".live-static img").first
        assert picture.is_visible() and picture.bounding_box()["width"] > 300
        assert says in picture.get_attribute("alt")
        said = page.locator(".live-static .live-said").first
        assert said.is_visible() and said.text_content() == picture.get_attribute("alt")
        assert page.locator(".lf").count() == 0
    with open_page(launched, address) as page:
        picture, drawn = page.locator(".live-static img").first, page.locator(".lf").first
        said = page.locator(".live-static .live-said").first
        assert drawn.is_visible() and not picture.is_visible() and not said.is_visible()
        page.emulate_media(media="print")
        assert picture.is_visible() and said.is_visible() and not drawn.is_visible()


def open_drawers(page, by_hand=False):
    """Mount every figure of the page and open what it keeps folded; afterwards the first is in view."""
    all_ready(page)
    if by_hand:
        for drawer in page.locator(".lf-more:not([hidden]) summary").all():
            drawer.click()
        assert page.locator(".lf-more:not([hidden], [open])").count() == 0
    page.evaluate("() => document.querySelectorAll('.lf-more:not([hidden])').forEach((fold) => { fold.open = true; })")
    at_rest(page)
    ready(page)


@contextlib.contextmanager
def on_a_phone(launched, address, width=360):
    """A page of that width, drawers open: every target is at least 44 px tall, nothing sticks out.
    Yields it for the figure's own checks."""
    with open_page(launched, address, width=width, height=740) as page:
        open_drawers(page, by_hand=True)
        assert page.locator(".lf-button").first.is_visible()
        assert page.evaluate(SMALL_TARGETS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        yield page


def fits_a_phone(launched, address):
    """The checks of `on_a_phone`, at 360 px."""
    with on_a_phone(launched, address):
        pass  # it checked on the way in


def accessible(launched, address, prepare=None):
    """Axe finds nothing on a laptop and on a phone, light and dark, with drawers and copied code open, after
    ``prepare(page)``."""
    for width in (1366, 360):
        with open_page(launched, address, width=width) as page:
            open_drawers(page)
            if prepare:
                prepare(page)
            button(page, "Copy as Python").click()
            for theme, look in {"light": violations, "dark": violations_after_the_switch}.items():
                page.evaluate("t => { document.documentElement.dataset.theme = t; }", theme)
                found = look(page)
                assert not found, (width, theme, found)


def leaves_nothing(launched, address, figure, listeners=10, **how):
    """Mounted, used and ended, a figure leaves no listener, observer, frame or element; returns its state just before the end.

    ``listeners``: it must have had more than so many, or the count sees nothing; ``how``: what `mounted_and_gone` takes.
    """
    found = mounted_and_gone(launched, address, figure, **how)
    assert found["during"][0] > found["before"][0] + listeners and found["during"][1] > found["before"][1]
    assert found["after"] == found["later"] == found["before"]
    assert found["left"] == 0 and found["heard"] == 0
    return found["state"]


def redraw_ms(page, change, times=30):
    """The median time in ms of a full redraw of the first figure, over ``times`` changes: JavaScript on its model ``m``, with
    ``k`` = 1, 2, ..."""
    return page.evaluate(f"""() => {{ const f = document.querySelector('.live-figure').__figure, m = f.model, found = [];
        for (let k = 1; k <= {times}; k++) {{ {change}; const t = performance.now(); f.numbers();
            found.push(performance.now() - t); }}
        return Math.round(100 * found.sort((a, b) => a - b)[{times} >> 1]) / 100; }}""")


def shots(address, folder, name, launched):
    """Screenshots of a page at laptop and phone width, light and dark, into ``folder``; returns their paths."""
    found = []
    for width, height in ((1366, 900), (390, 844)):
        for theme in ("light", "dark"):
            with open_page(launched, address, width=width, height=height, device_scale_factor=2 if width < 500 else 1) as page:
                page.evaluate("t => { document.documentElement.dataset.theme = t; }", theme)
                for index in range(page.locator(".live-figure[data-figure]").count()):
                    ready(page, index)
                page.wait_for_timeout(120)
                path = Path(folder) / f"{name}-{width}-{theme}.png"
                page.screenshot(path=path, full_page=True)
                found.append(path)
    return found


if __name__ == "__main__":
    # python tests/browser/live.py NAME [FOLDER]: the harness page of one figure, with screenshots beside it.
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from momentum_lib.widgets import make

    into = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="live-"))
    where = with_pictures(write_page(into, [make(sys.argv[1])], static=True))
    with browser() as opened:
        print(where, *shots(where, into, sys.argv[1], opened), sep="\n")
