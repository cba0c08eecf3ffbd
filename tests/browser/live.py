"""Helpers of the browser tests: a page with live figures, a browser, and hands (mouse, finger, keyboard)."""

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HARNESS = Path(__file__).parent / "harness" / "index.html"


FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def browser():
    """A headless Chromium (or Chrome) under Playwright; the tests share one, as the fixture ``browser``."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium on the PATH; .ci/run installs it (Debian: apt-get install chromium)", pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield launched
        finally:
            launched.close()


def write_page(folder, figures, *, before="", static=False):
    """Write the harness page with these widgets (and their static pictures) into ``folder``; returns its file:// address."""
    from momentum_lib.widgets import bundle

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "live.js").write_text(bundle.script(), encoding="utf-8")
    (folder / "live.css").write_text(bundle.styles(), encoding="utf-8")
    parts = []
    for number, figure in enumerate(figures):
        inside = ""
        if static:
            figure.picture().savefig(folder / f"picture{number}.svg", transparent=True)
            inside = (
                f'<figure class="live-static"><img src="picture{number}.svg" alt="{figure.alt()}">'
                f"<figcaption>{figure.caption}</figcaption></figure>"
            )
        parts.append(figure._repr_html_().replace("></div>", f">{inside}</div>"))
    page = HARNESS.read_text(encoding="utf-8").replace("<!-- figures -->", before + "\n".join(parts))
    (folder / "index.html").write_text(page, encoding="utf-8")
    return (folder / "index.html").as_uri()


@contextlib.contextmanager
def open_page(launched, address, *, width=1366, height=900, wait=True, errors=None, **context):
    """A page in a fresh context; afterwards no console error may have been seen (collect them in ``errors`` to allow some)."""
    seen = [] if errors is None else errors
    made = launched.new_context(viewport={"width": width, "height": height}, **context)
    page = made.new_page()
    page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.goto(address)
    if wait:
        ready(page)
    yield page
    made.close()
    if errors is None:
        assert not seen, seen


def ready(page, index=0):
    """Scroll the index-th live figure into view and wait until it has drawn."""
    place = page.locator(".live-figure[data-figure]").nth(index)
    place.scroll_into_view_if_needed()
    page.wait_for_function("i => document.querySelectorAll('.live-figure[data-figure]')[i].dataset.ready === '1'", arg=index)
    return place


def numbers(page, index=0):
    """The plain data that the index-th figure now draws."""
    return page.evaluate("i => document.querySelectorAll('.live-figure[data-figure]')[i].__figure.numbers()", index)


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


AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def violations(page):
    """What axe finds in the live figures of a page, as short lines."""
    assert AXE.is_file(), "axe-core is not there; `make vendor` fetches it"
    page.add_script_tag(path=str(AXE))
    found = page.evaluate(
        "async () => (await axe.run('.live-figure', { resultTypes: ['violations'], preload: false })).violations"
    )
    return [f"{v['id']}: {n['target']} {n['html'][:120]} {n['failureSummary']}" for v in found for n in v["nodes"]]


COUNT_LISTENERS = """
(() => {
  const open = new Map(), of = (o) => (o === undefined ? "" : typeof o === "object" ? JSON.stringify(o) : String(o));
  const add = EventTarget.prototype.addEventListener, remove = EventTarget.prototype.removeEventListener;
  const key = (t, a) => { if (!open.has(t)) open.set(t, new Set()); return open.get(t); };
  const ids = new WeakMap(); let next = 1;
  const id = (f) => { if (!f) return 0; if (!ids.has(f)) ids.set(f, next++); return ids.get(f); };
  EventTarget.prototype.addEventListener = function (type, f, o) { key(this).add(type + id(f)); return add.call(this, type, f, o); };
  EventTarget.prototype.removeEventListener = function (type, f, o) { key(this).delete(type + id(f)); return remove.call(this, type, f, o); };
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
  window.requestAnimationFrame = (f) => { const n = ask((t) => { window.__frames.delete(n); f(t); }); window.__frames.add(n); return n; };
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
    await new Promise((r) => setTimeout(r, 100));
    const before = counts(), el = document.body.appendChild(document.createElement("div")), heard = new Map();
    const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; (heard.get("change:" + k) || []).forEach((f) => f()); }, save_changes() {},
      on: (e, f) => heard.set(e, [...(heard.get(e) || []), f]), off: (e, f) => heard.set(e, heard.get(e).filter((g) => g !== f)) };
    const stop = figure.render({ model, el });
    model.set(...Object.entries(state)[0]);
    const during = counts();
    stop();
    return { before, during, after: counts(), left: el.childNodes.length, heard: [...heard.values()].flat().length };
}"""


def mounted_and_gone(launched, address, figure):
    """Mount the module that Jupyter gets once more, end it, and count: listeners, observers and frames before, during and after, what is left."""
    from momentum_lib.widgets import bundle

    with launched.new_context() as context:
        context.add_init_script(COUNT_LISTENERS)
        page = context.new_page()
        page.goto(address)
        ready(page)
        return page.evaluate(MOUNT, [bundle.module(figure.figure), figure.state()])


SMALL_TARGETS = """() => [...document.querySelectorAll('.lf-hit, .lf-button, .lf-track input, .lf-more summary, .lf-segment, .lf select, .lf-toggle, .lf-row-name, .lf-row-values input')]
    .filter(e => e.checkVisibility()).map(e => [e.getAttribute('class') || e.type, e.getBoundingClientRect().height]).filter(([, height]) => height < 43.9)"""


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
    where = write_page(into, [make(sys.argv[1])], static=True)
    with browser() as opened:
        print(where, *shots(where, into, sys.argv[1], opened), sep="\n")
