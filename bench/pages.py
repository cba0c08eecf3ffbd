"""How soon a page of the built site can be read and used on a slow phone: Chromium, 390 px wide, its processor slowed 4 times.

    python -m bench.pages                                    # the front page, some chapters and a page of text
    python -m bench.pages book/rules notebooks/01-ravine     # these pages
    python -m bench.pages --all --rounds 1                   # every page
    python -m bench.pages --redraws                          # what a redraw of each figure and a drag in the playground cost
    python -m bench.pages --processor                        # what the page's thread works: not longer on a busy machine
    python -m bench.pages --site /tmp/before --site _build/html     # two builds in turn, page by page

For each page, as medians over the rounds: the first paint; the first live figure's picture (it stands there, in view or not;
no time where the page has none); the blocking time (what the main thread's tasks take beyond 50 ms each, until five
seconds after the page has loaded) and the longest of these tasks; the layout shift; and the gzipped bytes of all that it asks
for while it is scrolled to its end. These are times by the clock, for a machine that does nothing else; `--processor` counts the
processor time of the page's thread instead: all of it until the picture is drawn, and that of its longest task.
"""

import argparse
import gzip
import http.server
import importlib.util
import json
import statistics
import sys
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import chromium  # noqa: E402

SITE = ROOT / "_build" / "html"
CHAPTERS = ("01", "03", "04", "05", "07", "10", "12", "13")
PAGES = ("book/intro", *(f"notebooks/{number}-" for number in CHAPTERS), "book/glossary", "book/playground")
SLOWER, AFTER = 4, 5.0
MEASURED = ("paint", "picture", "blocking", "longest", "shift")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run")
WATCH = """
window.__seen = { tasks: [], shift: 0, picture: NaN };
(function look() {
  const drawn = document.querySelector('.is-live .lf-plot svg :is(path[d], polyline[points])');
  if (drawn) __seen.picture = performance.now();
  else if (performance.now() < 20000) requestAnimationFrame(look);
})();
new PerformanceObserver((list) => list.getEntries().forEach((task) => __seen.tasks.push(task.duration)))
  .observe({ type: 'longtask', buffered: true });
new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) __seen.shift += one.value; }))
  .observe({ type: 'layout-shift', buffered: true });
"""
SEEN = """() => ({
  paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
  blocking: __seen.tasks.reduce((sum, task) => sum + Math.max(0, task - 50), 0),
  longest: Math.max(0, ...__seen.tasks),
  picture: __seen.picture,
  shift: __seen.shift,
})"""
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight * 0.8) {
    scrollTo({ top: y, behavior: 'instant' });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 15)));
  }
}"""

# What a full redraw of a figure costs, in ms of script: each of its numbers moved back and forth, the slowest one's median.
REDRAW = """async (place) => {
  place.scrollIntoView({ behavior: 'instant' });
  for (let k = 0; k < 300 && place.dataset.ready !== '1'; k++) await new Promise(requestAnimationFrame);
  const figure = place.__figure, slowest = { name: place.dataset.figure, what: '', ms: 0 };
  for (const [what, { kind, min, max }] of Object.entries(figure.specs)) {
    if (kind !== 'number' && kind !== 'integer') continue;
    const first = figure.get(what), near = (part) => first + part * (first > (min + max) / 2 ? -1 : 1) * Math.min(max - min, 50);
    const times = [];
    for (let k = 1; k <= 15; k++) {
      figure.set({ [what]: kind === 'integer' ? Math.round(near(k / 50)) : near(k / 1000) });
      const began = performance.now();
      figure.flush();
      times.push(performance.now() - began);
    }
    figure.set({ [what]: first });
    figure.flush();
    const ms = times.sort((a, b) => a - b)[7];
    if (ms > slowest.ms) Object.assign(slowest, { what, ms });
  }
  return slowest;
}"""

# What a frame of a drag in the playground costs, in ms of script: the start moves (on the map of settings: the rate turns).
DRAG = """(view) => {
  const place = document.querySelector('.playground'), play = place.__playground, times = [];
  play.set({ view });
  play.flush();
  const { starts: [[x, y]], rules } = play.get(), press = (type) =>
    place.querySelector('.pg .lf-track').dispatchEvent(new PointerEvent(type, { bubbles: true }));
  press('pointerdown');
  for (let k = 1; k <= 30; k++) {
    if (view === 'settings') play.set({ rules: rules.map((one) => ({ ...one, hyper: { lr: 0.05 + k / 1000 } })) });
    else play.set({ starts: [[x + k / 100, y]] });
    const began = performance.now();
    play.flush();
    times.push(performance.now() - began);
  }
  press('pointerup');
  play.set({ starts: [[x, y]], rules });
  return times.sort((a, b) => a - b)[15];
}"""
PLAYED = ("map", "land", "curves", "settings", "flow")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    """Serve a folder on a free port of this machine; return its address and what stops it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/", server.shutdown


def phone(browser):
    return browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)


def load(browser, address):
    """Open a page once on the slowed phone, nothing cached: its first paint, blocking time (ms) and layout shift."""
    context = phone(browser)
    page = context.new_page()
    page.add_init_script(WATCH)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address, wait_until="load")
    page.wait_for_timeout(1000 * AFTER)
    seen = page.evaluate(SEEN)
    context.close()
    return seen


# A trace of the page's thread: each task with its processor time ("tdur"), both in microseconds.
TRACED = {"includedCategories": ["toplevel", "blink.user_timing"]}


def processor(browser, address):
    """Open a page once: (all tasks until the picture, the longest task) in ms of the thread's processor time, slowed."""
    context = phone(browser)
    page = context.new_page()
    page.add_init_script(WATCH)
    session, events, ended = browser.new_browser_cdp_session(), [], []
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": TRACED})
    page.goto(address, wait_until="load")
    page.wait_for_timeout(1000 * AFTER)
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    drawn = page.evaluate(SEEN)["picture"]
    context.close()
    start = next(e for e in events if e["name"] == "navigationStart" and address in json.dumps(e["args"]))
    own = next(
        e["tid"]
        for e in events
        if e["name"] == "thread_name" and e["pid"] == start["pid"] and e["args"]["name"] == "CrRendererMain"
    )
    tasks = [e for e in events if e["name"] == "ThreadControllerImpl::RunTask" and (e["pid"], e["tid"]) == (start["pid"], own)]
    tasks = [(e["ts"] - start["ts"], SLOWER * e.get("tdur", 0) / 1000) for e in tasks if e["ts"] >= start["ts"]]
    until = 1000 * drawn if drawn == drawn else float("inf")  # no time where the page has no picture
    return sum(ms for at, ms in tasks if at < until), max(ms for _, ms in tasks)


def weight(browser, address):
    """Gzipped bytes of all that a page asks for while it is scrolled to its end."""
    context = phone(browser)
    page = context.new_page()
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address)
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    size = sum(len(gzip.compress(answer.body(), 9, mtime=0)) for answer in answers)
    context.close()
    return size


def measure(browser, sites, name, rounds):
    """Medians of one page on each site, in turn: a list of dicts."""
    seen = [[] for _ in sites]
    for _ in range(rounds):
        for runs, base in zip(seen, sites, strict=True):
            runs.append(load(browser, f"{base}{name}.html"))
    return [
        {key: statistics.median(run[key] for run in runs) for key in MEASURED} | {"weight": weight(browser, f"{base}{name}.html")}
        for runs, base in zip(seen, sites, strict=True)
    ]


def processors(sites, wanted, rounds):
    """Print what the thread of each page works, site by site in turn."""
    from playwright.sync_api import sync_playwright

    served = [serve(site) for site in sites]
    print(f"\nPages on a phone: processor time of the page's thread, times {SLOWER}; medians of {rounds}")
    print(f"  {'page':<28} {'until picture':>14} {'longest task':>14}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=list(FLAGS))
        for name in names_of(sites[0], wanted):
            runs = [[processor(browser, f"{base}{name}.html") for base, _ in served] for _ in range(rounds)]
            for each in zip(*runs, strict=True):
                until, longest = (statistics.median(values) for values in zip(*each, strict=True))
                print(f"  {name:<28} {until:11.0f} ms {longest:11.0f} ms", flush=True)
        browser.close()
    for _, stop in served:
        stop()


def names_of(site, wanted):
    """The pages of a built site whose names begin with one of ``wanted`` (all where it is empty)."""
    found = sorted(path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html"))
    found = [name for name in found if name not in ("index", "404") and not name.startswith("_")]
    return found if not wanted else [name for want in wanted for name in found if name.startswith(want)]


@contextmanager
def looking(site):
    """(a Chromium, the address at which it finds the site), until the block ends."""
    from playwright.sync_api import sync_playwright

    base, stop = serve(site)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=list(FLAGS))
        yield browser, base
        browser.close()
    stop()


def redraws(site=SITE, slower=(1, SLOWER)):
    """Print what a redraw of every kind of figure of the site costs, on this machine and slowed; return the rows."""
    print(f"\nA redraw of each figure: script, medians of 15, of the number that costs most; then {slower[-1]} times slower")
    rows = {}
    with looking(site) as (browser, base):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        processor = page.context.new_cdp_session(page)
        for name in names_of(site, ("book/intro", "notebooks/")):
            page.goto(f"{base}{name}.html")
            for place in page.query_selector_all(".live-figure[data-figure]"):
                figure = place.get_attribute("data-figure")
                if figure in rows:
                    continue
                rows[figure] = []
                for rate in slower:
                    processor.send("Emulation.setCPUThrottlingRate", {"rate": rate})
                    rows[figure].append(place.evaluate(REDRAW))
                what, times = rows[figure][0]["what"], "".join(f" {run['ms']:8.2f} ms" for run in rows[figure])
                print(f"  {figure:<16} {what:<16}{times}", flush=True)
    return rows


def drags(site=SITE, slower=(1, SLOWER)):
    """Print what a frame of a drag costs in the views of the playground, on this machine and slowed; return the rows."""
    print(f"\nPlayground, a frame of a drag: script, medians of 30; then {slower[-1]} times slower (60 frames a second: 16 ms)")
    rows = {}
    with looking(site) as (browser, base):
        page = phone(browser).new_page()
        processor = page.context.new_cdp_session(page)
        page.goto(f"{base}book/playground.html")
        page.wait_for_selector(".playground.is-live")
        for view in PLAYED:
            rows[view] = []
            for rate in slower:
                processor.send("Emulation.setCPUThrottlingRate", {"rate": rate})
                rows[view].append(page.evaluate(DRAG, view))
            print(f"  {view:<16}" + "".join(f" {ms:8.2f} ms" for ms in rows[view]), flush=True)
    return rows


def report(sites, wanted, rounds):
    """Measure and print; ``sites`` are folders, compared page by page where there is more than one."""
    from playwright.sync_api import sync_playwright

    names = names_of(sites[0], wanted)
    served = [serve(site) for site in sites]
    print(f"\nPages on a phone: Chromium, 390 px, processor {SLOWER} times slower; medians of {rounds}")
    print(f"  {'page':<28} {'first paint':>12} {'picture':>12} {'blocking':>12} {'longest':>12} {'shift':>7} {'gzipped':>10}")
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=list(FLAGS))
        for name in names:
            for row in measure(browser, [base for base, _ in served], name, rounds):
                rows.append(row)
                print(
                    f"  {name:<28} {row['paint']:9.0f} ms {row['picture']:9.0f} ms {row['blocking']:9.0f} ms "
                    f"{row['longest']:9.0f} ms {row['shift']:7.3f} "
                    f"{row['weight'] / 1000:7.1f} kB", flush=True,
                )  # fmt: skip
        browser.close()
    for _, stop in served:
        stop()
    return rows


def main(rounds=3):
    """The entry of ``python -m bench``: left out where the site is not built or there is no Chromium."""
    if not SITE.is_dir():
        print("\npages are left out: the site is not built. For it: make site")
    elif importlib.util.find_spec("playwright") is None:
        print("\npages are left out: playwright is missing. For it: make env")
    elif chromium.path() is None:
        print("\npages are left out: no Chromium on the PATH (Debian: apt-get install chromium)")
    else:
        report([SITE], PAGES, rounds)
        redraws()
        drags()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="pages, or how their names begin")
    parser.add_argument("--all", action="store_true", help="every page")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--site", type=Path, action="append", help=f"a built site (default: {SITE.relative_to(ROOT)})")
    parser.add_argument("--redraws", action="store_true", help="what a redraw of each figure and a drag in the playground cost")
    parser.add_argument("--processor", action="store_true", help="processor time instead of time by the clock")
    options = parser.parse_args()
    if options.processor:
        processors(options.site or [SITE], () if options.all else options.pages or PAGES, options.rounds)
    elif options.redraws:
        redraws((options.site or [SITE])[0])
        drags((options.site or [SITE])[0])
    else:
        report(options.site or [SITE], () if options.all else options.pages or PAGES, options.rounds)
