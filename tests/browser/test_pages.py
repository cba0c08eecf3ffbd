"""Every page of the built site, on a laptop and a phone, in light and dark, over http and from a file."""

import functools
import gzip
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from momentum_lib import narrow
from tests.browser.accessibility import violations, violations_after_the_switch
from tests.browser.pages import LANDS, PAGES, SCROLL, SETTLED, TOO_WIDE, WITHOUT_CUE
from tests.browser.verdicts import named_by

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 450_000  # bytes a page, gzipped, everything that the browser asks for


STILL = """() => Promise.all(document.getAnimations().filter((one) => one instanceof CSSTransition)
  .map((one) => one.finished.catch(() => null)))"""


# What the other theme changes as it comes into view: the live figures; the rest was seen, from top to bottom, in the first.
VISIT = """async () => {
  for (const figure of document.querySelectorAll(".live-figure")) {
    figure.scrollIntoView({ block: "center", behavior: "instant" });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
  scrollTo({ top: 0, behavior: "instant" });
}"""


def settle(page, way=SCROLL):
    """Scroll through the page and wait until its pictures are there and its live figures are mounted."""
    page.evaluate(way)
    # axe takes parts out and puts them back, and Chromium forgets to fetch the pictures in them that were to come later
    page.evaluate("() => [...document.images].forEach((image) => { if (image.checkVisibility()) image.loading = 'eager'; })")
    page.wait_for_function(SETTLED)


FIRST = {1366: "light", 390: "dark"}  # the theme that a page is loaded in; it is switched to the other on the way

FROM = {1366: "http", 390: "file"}  # where it comes from


def sound(page, found):
    """Nothing is too wide, nothing was found by axe."""
    assert page.evaluate(TOO_WIDE) is None
    assert not found, "\n".join([f"{len(found)} accessibility problems on {page.url}", *found[:12]])


def switch(page, theme):
    """Let the reader's system ask for the other theme; wait until the page wears it."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
    page.evaluate(STILL)


def opened(page, address, first):
    """Open the page in its first theme, land on some of its places, see it from top to bottom."""
    page.goto(address)
    assert page.evaluate("document.documentElement.dataset.theme") == first
    assert page.evaluate(LANDS, 8) == []
    settle(page)


def both_themes(page, first, unknown=True):
    """What must hold of an open page in each theme; axe looks if the page is ``unknown``."""
    assert page.locator("article section[hidden]").count() == 0, "a script hides a part of the text"
    other = {"light": "dark", "dark": "light"}[first]
    sound(page, violations(page) if unknown else [])
    if page.viewport_size["width"] == 390:
        switch_while_narrow(page, other)
    else:
        switch(page, other)
        settle(page, VISIT)
    sound(page, violations_after_the_switch(page) if unknown else [])
    page.check()


@pytest.mark.parametrize("width", FIRST)
@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound(site, new_page, name, width, record_property, verdicts):
    """On a laptop and a phone, in light and dark: nothing sticks out, axe finds nothing; on the laptop it is light, too.

    One load serves both themes: see `accessibility` for what is checked in which. The laptop asks a server for the page, the
    phone opens it from a file, with its pictures, figures and typefaces.
    """
    page, responses = new_page(width=width, theme=FIRST[width]), []
    page.on("response", lambda response: responses.append(response))
    opened(page, site.url(name, FROM[width]), FIRST[width])
    if width == 1366:
        page.wait_for_load_state("networkidle")
        is_light(name, responses, record_property)
    assert page.evaluate("""async () => (await document.fonts.load('18px "Source Serif 4"')).length""") == 1
    with verdicts.of(f"{name}-{width}", named_by(site.path / f"{name}.html")) as unknown:
        record_property("looked at by axe", unknown)
        both_themes(page, FIRST[width], unknown)


# What is far from the view is cut off at its edge, not seen to stick out, and a fold hides what is in it: all is laid out.
LAY_OUT = """() => {
  const sheet = document.head.appendChild(document.createElement("style"));
  sheet.id = "laid-out";
  sheet.textContent = ".far { content-visibility: visible !important; }";
  window.__folds = [...document.querySelectorAll("details:not([open])")];
  for (const fold of window.__folds) fold.open = true;
}"""
PUT_BACK = """() => {
  document.getElementById("laid-out").remove();
  for (const fold of window.__folds) fold.open = false;
}"""
# What reaches beyond the page's edge without a box around it that scrolls (a root's line is drawn long and cut by KaTeX).
CUT_OFF = """() => {
  const edge = document.documentElement.clientWidth, found = [], scrolling = new Map();
  const scrolls = (box) => {
    if (!box || box === document.body) return false;
    if (!scrolling.has(box)) {
      const own = box.matches(".visually-hidden, .katex-mathml, .hide-tail, svg");
      scrolling.set(box, own || /auto|scroll/.test(getComputedStyle(box).overflowX) || scrolls(box.parentElement));
    }
    return scrolling.get(box);
  };
  for (const box of document.querySelectorAll("header *, main *")) {
    const { left, right, width } = box.getBoundingClientRect();
    if (width && (right > edge + 1 || left < -1) && getComputedStyle(box).position !== "absolute" && !scrolls(box))
      found.push(`${box.localName}.${[...box.classList].join(".")} ${Math.round(left)} to ${Math.round(right)}`);
  }
  return found.slice(0, 6);
}"""


FRAMES = """() => new Promise((done) => {
  let left = 4;
  (function next() { if (left--) requestAnimationFrame(next); else done(); })();
})"""  # observers of the size answer on the next frames


def resized(page, width, height):
    """Give the page another window, and wait until it has drawn for it."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(FRAMES)


def switch_while_narrow(page, other):
    """At 360 px nothing is too wide, before and after the switch to the other theme; nor at 320, the width of a laptop's page
    at four times its size, where everything is laid out. Then the width comes back."""
    wide = page.viewport_size
    resized(page, 360, 740)
    assert page.evaluate(TOO_WIDE) is None
    switch(page, other)
    settle(page, VISIT)
    assert page.evaluate(TOO_WIDE) is None
    page.evaluate(LAY_OUT)
    resized(page, 320, 700)
    assert page.evaluate(TOO_WIDE) is None
    assert page.evaluate(WITHOUT_CUE) == []
    assert page.evaluate(CUT_OFF) == []
    page.evaluate(PUT_BACK)
    resized(page, **wide)


@pytest.mark.parametrize("width", [1366, 390])
def test_text_has_the_size_that_the_reader_set(site, new_page, width):
    """A browser whose text is 20 pixels by default shows the course a quarter larger, and nothing sticks out."""
    page = new_page(width=width)
    session = page.context.new_cdp_session(page)
    sizes = {}
    for size in (16, 20):
        session.send("Page.setFontSizes", {"fontSizes": {"standard": size}})
        page.goto(site.url(PAGES[1]))
        settle(page)
        ask = "(names) => names.map((name) => parseFloat(getComputedStyle(document.querySelector(name)).fontSize))"
        sizes[size] = page.evaluate(ask, ["html", "article p", "article pre", "article h2", ".lf"])
        assert page.evaluate(TOO_WIDE) is None
        page.evaluate(LAY_OUT)
        assert page.evaluate(CUT_OFF) == []
    assert sizes[16][0] == 16
    assert sizes[20] == pytest.approx([1.25 * size for size in sizes[16]])


@functools.lru_cache(maxsize=64)
def gzipped(body):
    """The bytes that a file takes on its way; most of them come with every page."""
    return len(gzip.compress(body, 9, mtime=0))


def is_light(name, responses, record_property):
    """Everything that the browser asked for, gzipped: the whole page, scrolled to its end."""
    sizes = {}
    for response in responses:
        kind = response.request.resource_type
        sizes[kind] = sizes.get(kind, 0) + gzipped(response.body())
    total = sum(sizes.values())
    kinds = "  ".join(
        f"{kind} {sizes.get(kind, 0) / 1000:5.0f}" for kind in ("document", "stylesheet", "script", "font", "image")
    )
    record_property("measured", f"kB gzipped  {name:<24}{total / 1000:6.0f}   {kinds}")
    assert sizes["document"] > 1_000 and sizes["stylesheet"] > 1_000, "the page did not load"
    assert total <= LIMIT, f"{name}: {total:,} bytes gzipped, {LIMIT:,} allowed; {sizes}"


@pytest.fixture(scope="module", params=PAGES)
def text_of(request, site):
    """(a page's name, its HTML as a tree): tests of one page share it."""
    return request.param, BeautifulSoup((site.path / f"{request.param}.html").read_text("utf-8"), "html.parser")


def test_pictures_say_what_they_show(text_of):
    name, soup = text_of
    for image in soup.select("article img"):
        alt = (image.get("alt") or "").strip()
        assert len(alt) > 15 and not alt.startswith(("../_images", "_images")), (
            f"{name}: {image.get('src')} has the alt text {alt!r}"
        )
    assert soup.select_one("main a.report[href*='/issues/new?']"), f"{name} has no link for reporting an error"
    assert soup.title.string.strip() and "\\" not in soup.title.string
    assert len(soup.select("h1")) == 1
    ids = [tag["id"] for tag in soup.select("[id]")]
    assert len(ids) == len(set(ids)), f"{name}: the id {next(i for i in ids if ids.count(i) > 1)!r} occurs more than once"


def test_a_chapter_has_the_number_of_its_file(text_of):
    """Heading, menu, figures and exercises: a chapter that is not written yet moves no other one up; other pages have none."""
    name, soup = text_of
    heading = soup.select_one("h1 .chapter-number")
    if not re.match(r"notebooks/\d", name):
        assert heading is None
        return
    number = str(int(name.split("/")[1].split("-")[0]))
    assert heading.get_text() == f"Chapter {number}"
    assert soup.select_one("nav.chapters li.current.active > a").get_text().startswith(f"{number}.")
    counted = [span.get_text() for span in soup.select(".caption-number")]
    counted += [p.get_text() for p in soup.select("div.exercise > .admonition-title")]
    assert all(f" {number}." in text for text in counted), counted


PHONE = 350  # pixels of a page's column at 390


def shown_on_a_phone(folder, soup):
    """(name, SVG that a phone shows, its width in pixels) of each static figure of a page in this folder."""
    for image in soup.select("article img.only-light"):
        source = image.parent.source if image.parent.name == "picture" else None
        file = folder / unquote(source["srcset"] if source is not None else image["src"])
        least = image.parent.get("style", "").removeprefix("--least:").removesuffix("rem")
        width = float((source or image)["width"])
        yield image["src"], file.read_text("utf-8"), 16 * float(least) if least else min(width, PHONE)


def test_words_of_static_figures_are_11_pixels_on_a_phone(site, text_of):
    name, soup = text_of
    for source, text, width in shown_on_a_phone((site.path / name).parent, soup):
        smallest = narrow.smallest(text, width)
        assert smallest is None or smallest >= 10.95, f"{source}: {smallest:.1f} pixels"


def test_wide_static_figures_have_one_for_phones(site):
    texts = [(site.path / f"{name}.html").read_text("utf-8") for name in PAGES]
    assert sum(len(re.findall(r"<picture[^>]*>\s*<source[^>]*>\s*<img[^>]*\bonly-light\b", text)) for text in texts) > 20


def live_pages(site):
    return [name for name in PAGES if 'class="live-figure"' in (site.path / f"{name}.html").read_text("utf-8")]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_every_figure_of_a_chapter_is_on_its_page(site, path):
    """A back end that draws nowhere, or a cell without its picture, leaves a page that builds and shows nothing."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    names = [cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") for cell in cells]
    html = (site.path / "notebooks" / f"{path.stem}.html").read_text("utf-8")
    for name in filter(None, names):
        figure = re.search(rf'<figure[^>]*id="{name}".*?</figure>', html, re.S)
        assert figure and "<img" in figure[0], name


STATIC = """() => [...document.querySelectorAll(".live-figure")].map((place) => {
  const picture = place.querySelector(".live-static img.only-light"), { width, height } = picture.getBoundingClientRect();
  return { figure: place.dataset.figure, visible: picture.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
    width, height, caption: place.querySelector("figcaption").innerText.trim() };
})"""


def test_without_javascript_and_on_paper_the_static_picture_stands(site, new_page):
    names = live_pages(site)
    assert len(names) >= 3, f"live figures on {names} only"
    plain = new_page(js=False)
    for name in names:
        plain.goto(site.url(name))
        found = plain.evaluate(STATIC)
        assert found, name
        for place in found:
            assert place["visible"] and place["width"] > 250 and place["height"] > 80 and place["caption"], (name, place)
    printed = new_page()
    printed.goto(site.url(names[0]))
    settle(printed)
    assert not printed.locator(".live-static img").first.is_visible()
    printed.emulate_media(media="print")
    assert printed.locator(".live-static img.only-light").first.is_visible()
    assert not printed.locator("header.bar").is_visible()


def test_pages_without_live_figures_do_not_load_their_script(site):
    with_live = set(live_pages(site))
    for name in PAGES:
        text = (site.path / f"{name}.html").read_text("utf-8")
        assert ("_static/live/" in text) == (name in with_live), name
        loaded = re.findall(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]*)"', text)
        assert not [address for address in loaded if re.search(r"mathjax|thebe|require|fontawesome|bootstrap", address, re.I)], (
            name
        )


def test_colours_follow_the_system_and_the_button(site, new_page):
    page = new_page(theme="dark")
    page.goto(site.url(PAGES[0]))
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{theme} === 'light'")
    button = page.locator("#theme-button")
    button.click()
    assert page.evaluate(theme) == "dark" and "dark" in button.get_attribute("aria-label")
    page.reload()
    assert page.evaluate(theme) == "dark"
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(20, 24, 31)"


def test_equations_wear_the_colours_of_the_page(site, new_page):
    from momentum_lib.notation import LOOKS

    name = next(n for n in PAGES if f"color:{LOOKS['momentum'].light}" in (site.path / f"{n}.html").read_text("utf-8"))
    for theme in ("light", "dark"):
        page = new_page(theme=theme)
        page.goto(site.url(name))
        drawn = page.locator(f".katex-html [style*='color:{LOOKS['momentum'].light}']").first
        colour = drawn.evaluate("e => getComputedStyle(e).color")
        hexa = getattr(LOOKS["momentum"], theme).lstrip("#")
        assert colour == f"rgb({', '.join(str(int(hexa[i : i + 2], 16)) for i in (0, 2, 4))})"


def test_chapters_on_a_phone(site, new_page):
    page = new_page(width=390)
    page.goto(site.url(PAGES[1]))
    assert not page.locator("#side").is_visible()
    page.locator("#menu-button").click()
    dialog = page.locator("#menu-dialog")
    link = dialog.locator(f"a[href*='{PAGES[2].rpartition('/')[2]}']")
    assert link.is_visible()
    found = violations(page)
    assert not found, "\n".join(found)
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator("#menu-button").click()
    link.click()
    page.wait_for_url(f"**/{PAGES[2]}.html")


def test_keyboard_reaches_the_text_first(site, new_page):
    page = new_page()
    page.goto(site.url(PAGES[1]))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    stops = page.evaluate("""() =>
      [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')].filter((one) =>
      one.tabIndex >= 0 && one.checkVisibility()
      && one.compareDocumentPosition(document.querySelector('main')) & Node.DOCUMENT_POSITION_FOLLOWING).length""")
    assert 5 <= stops <= 15  # once 47: the chapters came before the text
    assert page.evaluate("""() => {
      const { left, top, right } = document.querySelector('.side').getBoundingClientRect(), main = document.querySelector('main');
      return left < 20 && top < 80 && right <= main.getBoundingClientRect().left + 1; }""")


def test_code_can_be_copied(site, browser, new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(site.url(PAGES[1]))
    block = page.locator("div.highlight:has(> .copy):visible").first
    block.hover()
    block.locator(".copy").click()
    page.wait_for_function(
        "document.querySelector('.copy') && [...document.querySelectorAll('.copy')].some(b => b.textContent === 'Copied')"
    )
    assert page.evaluate("navigator.clipboard.readText()").strip() == block.locator("pre").text_content().strip()
