"""What keeps a page fast on a phone: parts far from the view are not laid out or measured, and nothing jumps while it loads."""

import pytest

from tests.browser import live
from tests.browser.pages import PAGES

PARTS = {
    "book/intro": 1,
    "book/rules": 25,
    "book/claims": 17,
    "book/glossary": 60,
    "notebooks/05-square-root": 25,
    "notebooks/07-ahead": 25,
}
"""Page -> how many of its parts wait, at least: a chapter's claims are one, and each item of a long list."""
WATCH = """
const shifts = [];
let dressed = 0; // until the typefaces are there lines may move: how soon they come is the machine's affair
new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({ type: "layout-shift", buffered: true });
const frame = (then) => requestAnimationFrame(then);
document.fonts.addEventListener("loadingdone", () => frame(() => frame(() => { dressed = performance.now(); })));
window.__shift = () => shifts.filter((one) => one.startTime > dressed).reduce((sum, one) => sum + one.value, 0);
window.__read = [];
for (const [type, name] of [[Element, "scrollWidth"], [Element, "clientWidth"], [HTMLElement, "offsetWidth"],
                            [HTMLElement, "offsetHeight"], [HTMLElement, "offsetTop"]]) {
  const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
  const noted = function () { __read.push([this, name]); return get.call(this); };
  Object.defineProperty(type.prototype, name, { configurable: true, get: noted });
}
const place = Element.prototype.getBoundingClientRect;
Element.prototype.getBoundingClientRect = function () { __read.push([this, "getBoundingClientRect"]); return place.call(this); };
window.__far_reads = () => __read.splice(0)
  .filter(([node]) => node.isConnected && place.call(node.closest(".live-figure") ?? node).top > innerHeight * 2.5)
  .map(([node, name]) => `${name} of ${node.tagName.toLowerCase()}.${node.className}`);
"""


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("name", PARTS)
def test_what_is_far_from_the_view_waits(site, new_page, name, width):
    """Its layout waits, its height is told and nearly true; nothing off the screen is measured, nothing jumps."""
    page = new_page(width=width)
    page.add_init_script(WATCH)
    page.goto(site.url(name))
    page.wait_for_load_state("load")
    page.wait_for_timeout(1000)
    assert page.locator("head > link[rel=preload][as=font]").count() >= 4
    assert page.evaluate("__shift()") < 0.03
    assert page.evaluate("__far_reads()") == []
    parts = page.evaluate(
        """() => [...document.querySelectorAll('.far')].map((part) => {
          const style = getComputedStyle(part);
          const told = 16 * parseFloat(style.getPropertyValue(innerWidth < 544 ? '--n' : '--w')); // it is written in rem
          const [word, height] = style.containIntrinsicHeight.split(' ');
          const auto = style.contentVisibility === 'auto' && word === 'auto' && Math.abs(parseFloat(height) - told) < 0.1;
          part.style.contentVisibility = 'visible';
          const pad = ['paddingTop', 'paddingBottom'].reduce((sum, side) => sum + parseFloat(style[side]), 0);
          return { auto, told, pad, words: part.textContent.slice(0, 40) };
        })"""
    )
    heights = page.evaluate("() => [...document.querySelectorAll('.far')].map((part) => part.offsetHeight)")
    assert len(parts) >= PARTS[name] and all(part["auto"] for part in parts)
    told, true = sum(part["told"] for part in parts), sum(heights)
    assert abs(told - true) < 0.04 * true + (30 if len(parts) < 5 else 0), (told, true)  # of a few parts, one line is more


# How far what is seen moved by itself since the page began to come, as a browser reckons it.
SHIFTED = """
let moved = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => { moved += one.value; }))
  .observe({ type: "layout-shift", buffered: true });
window.__moved = async () => {
  for (let k = 0; k < 6; k += 1) await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
  return moved;
};
"""
STEADY = 0.05  # half of what the makers of browsers call steady
PUSHED = """<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,"><div id="late"></div><p>Pushed</p>
<div style="height: 600px">And what follows</div><script>
  const push = () => { document.querySelector("#late").style.height = "300px"; };
  requestAnimationFrame(() => requestAnimationFrame(push));</script>"""


@pytest.fixture
def steadily(browser):
    """A function: how far the pages at these addresses shift while they come, at one width; the typefaces never come, since
    how soon they do is the machine's affair, and lines may move then."""

    def steadily(addresses, width):
        height = 900 if width > 600 else 844
        with live.new_context(browser, viewport={"width": width, "height": height}, is_mobile=width < 600) as context:
            context.route("**/*.woff2", lambda route: route.abort())
            context.add_init_script(SHIFTED)
            page, moved = context.new_page(), {}
            for name, address in addresses.items():
                page.goto(address)
                moved[name] = page.evaluate("__moved()")
            return moved

    return steadily


@pytest.mark.parametrize("width", [1366, 390])
def test_nothing_pushes_a_page_down_while_it_comes(site, steadily, tmp_path, width):
    """What a script makes has its place before it is there."""
    moved = steadily({name: site.url(name) for name in PAGES}, width)
    assert {name: round(shift, 3) for name, shift in moved.items() if shift >= STEADY} == {}
    (tmp_path / "pushed.html").write_text(PUSHED, "utf-8")
    assert steadily({"pushed": (tmp_path / "pushed.html").as_uri()}, width)["pushed"] >= STEADY


@pytest.mark.parametrize("width", [1366, 390])
def test_a_link_into_the_page_lands_on_its_target(site, new_page, width):
    """From outside, and from the top of the page, however little of the way was laid out."""
    page = new_page(width=width)
    for target in ("exercises", "summary", "speed-limit"):
        page.goto("about:blank")
        page.goto(site.url("notebooks/05-square-root") + f"#{target}")
        page.wait_for_timeout(1500)
        padding = page.evaluate("parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop)")
        top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", target)
        assert abs(top - padding) < 10, target
        page.evaluate("scrollTo(0, 0)")
        page.evaluate("history.replaceState(null, '', location.pathname)")
        page.evaluate(
            """id => document.body.appendChild(Object.assign(document.createElement('a'), { href: `#${id}` })).click()""", target
        )
        page.wait_for_timeout(1000)
        top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", target)
        assert abs(top - padding) < 10, target


def test_on_paper_everything_is_laid_out(site, new_page):
    page = new_page()
    page.goto(site.url("notebooks/05-square-root"))
    page.emulate_media(media="print")
    assert page.evaluate(
        "[...document.querySelectorAll('.far')].every((p) => getComputedStyle(p).contentVisibility === 'visible')"
    )
