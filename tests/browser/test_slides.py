"""A deck opened from a file: slides hold their words, keys turn pages and leave figures alone, notes, paper, accessibility."""

import io
import json
import re
from importlib import util

import pytest
from playwright.sync_api import expect

from tests.browser import accessibility
from tests.browser.served import ROOT

SIZES = [(1366, 768), (1920, 1080)]
PROJECTORS = [(1280, 720), (1920, 1080)]
OVERFLOW = """() => {
  const slide = document.querySelector("section.present"), out = [];
  const title = slide.querySelector("h1, h2").textContent;
  if (slide.scrollHeight > slide.clientHeight + 1) out.push(`${title}: ${slide.scrollHeight - slide.clientHeight} px too high`);
  for (const box of slide.querySelectorAll(".body, .points, .math-block, pre, table, .asked"))
    if (box.scrollWidth > box.clientWidth + 1) out.push(`${title}: .${box.className || box.tagName} too wide`);
  return out;
}"""


@pytest.fixture(scope="module")
def slides():
    """book/slides.py as a module."""
    spec = util.spec_from_file_location("course_slides", ROOT / "book" / "slides.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def deck(slides, site, tmp_path_factory):
    """Chapter 3's deck, made from the built book."""
    out = tmp_path_factory.mktemp("slides")
    assert slides.main(["3", "--site", str(site.path), "--out", str(out)]) == 0
    return out / "03-momentum.html"


@pytest.fixture
def opened(deck, new_page):
    """The deck in a browser at slide number ``at`` from 0."""

    def open_it(at=0, **options):
        page = new_page(**options)
        page.goto(f"{deck.as_uri()}#/{at}")
        page.wait_for_function("document.querySelector('section.present')")
        return page

    return open_it


def where(page):
    return page.evaluate("[...document.querySelectorAll('.slides > section')].findIndex((one) => one.matches('.present'))")


def test_one_file_and_no_text_leaves_its_slide(deck, opened):
    text = deck.read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*["']""", text.partition("<script>")[0])
    assert text.count("Permission is hereby granted") > 1 and "SIL OPEN FONT LICENSE" in text, "licences go where the work goes"
    page = opened()
    many = page.evaluate("document.querySelectorAll('.slides > section').length")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for at in range(many):
            page.evaluate(f"location.hash = '#/{at}'")
            page.wait_for_function(
                f"[...document.querySelectorAll('.slides > section')].indexOf(document.querySelector('.present')) === {at}"
            )
            page.evaluate("new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))")
            assert page.evaluate(OVERFLOW) == []


class Sketch:
    """A chapter without its drawn figures, which take what room there is; live ones stand in the notebook's outputs."""

    def __init__(self, path):
        notebook = json.loads(path.read_text("utf-8"))
        self.path, self.stem, self.number = path, path.stem, int(path.stem[:2])
        self.cells, self.course = notebook["cells"], notebook["metadata"]["course"]
        self.name = re.search(r"^# (.+)$", "\n".join("".join(cell["source"]) for cell in self.cells), re.M)[1]

    def figure(self, cell):
        outputs = ["".join(one.get("data", {}).get("text/html", "")) for one in cell.get("outputs", [])]
        return next((one for one in outputs if "live-figure" in one), "<figure></figure>"), ""


# All slides of one kind at once, each where it is when it is shown; what is longer than its place, by slide.
SHOWN = ".reveal .slides > section{KIND} {{ display: flex !important; visibility: visible !important }}"
TOO_LARGE = """(kind) => [...document.querySelectorAll(`.slides > section${kind}`)].flatMap((slide) => {
  const title = slide.querySelector("h1, h2").textContent;
  return [slide, ...slide.querySelectorAll(".body, .show, .points, .math-block, pre, table, .asked")].flatMap((box) => {
    const [high, wide] = [box.scrollHeight - box.clientHeight, box.scrollWidth - box.clientWidth];
    const scrolls = box.matches("section, .body, .show");
    return (scrolls && high > 1) || wide > 1 ? [`${title}: .${box.className || box.tagName} by ${high} and ${wide} px`] : [];
  });
})"""
READY = """async () => {
  for (const frame of [1, 2]) await new Promise(requestAnimationFrame);
  await document.fonts.ready;
}"""
VISITED = """async () => {
  const slides = [...document.querySelectorAll(".slides > section")];
  for (const slide of slides.filter((one) => one.matches(".live"))) {
    location.hash = `#/${slides.indexOf(slide)}`;
    await new Promise((then) => addEventListener("hashchange", () => requestAnimationFrame(then), { once: true }));
  }
}"""


@pytest.fixture(scope="module")
def all_slides(slides, site, tmp_path_factory):
    """The slides of all chapters in one deck."""
    chapters = [Sketch(path) for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))]
    joined = "".join(part for chapter in chapters for part in slides.sections(chapter))
    made = slides.page("All", joined, slides.styles(site.path), "")
    path = tmp_path_factory.mktemp("slides") / "all.html"
    path.write_text(made, "utf-8")
    return path


def test_no_slide_of_any_deck_is_larger_than_the_screen(all_slides, new_page):
    """Nor scrolls, with its live figure in its first state: what moves the figure is seen beside it."""
    page, found = new_page(), []
    page.goto(f"{all_slides.as_uri()}#/0")
    page.wait_for_function("document.querySelector('section.present')")
    for width, height in PROJECTORS:
        page.set_viewport_size({"width": width, "height": height})
        for kind in (":not(.live)", ".live"):
            page.evaluate("location.hash = '#/0'")  # a title: letters have the size that they have beside no figure
            style = page.add_style_tag(content=SHOWN.format(KIND=kind))
            if kind == ".live":
                page.evaluate(VISITED)
                page.wait_for_function("!document.querySelector('section.live .live-figure:not([data-over])')")
            page.evaluate(READY)
            found += [f"{width}x{height}: {words}" for words in page.evaluate(TOO_LARGE, kind)]
            style.evaluate("(node) => node.remove()")
    assert not found, found


def test_keys_turn_pages_and_in_a_figure_they_are_the_figures(opened):
    page = opened(1)
    page.wait_for_selector("section.present [data-ready='1'] .lf")  # mounted, and drawn for the first time
    slider = page.locator("section.present .lf input[type=range]").first
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_value(before)  # the key may wait for a frame that is being drawn
    assert where(page) == 1
    page.keyboard.press("PageDown")  # a clicker's key turns the page from anywhere
    assert where(page) == 2
    page.keyboard.press("PageUp")
    slider.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert where(page) == 2


def test_a_figure_is_dragged_with_the_mouse_and_the_slide_stays(opened):
    page = opened(2)
    ring = page.locator("section.present .lf .lf-handle").first
    ring.wait_for()
    page.evaluate("new Promise((then) => setTimeout(then, 300))")
    box = ring.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 25, steps=4)
    page.mouse.up()
    moved = ring.bounding_box()
    assert abs(moved["x"] - box["x"] - 40) < 3 and abs(moved["y"] - box["y"] - 25) < 3 and where(page) == 2


def test_the_lecturers_window_follows_from_a_file(opened):
    page = opened(3)
    with page.expect_popup() as waiting:
        page.keyboard.press("s")
    desk = waiting.value
    assert desk.locator("h1").inner_text() == page.locator("section.present h2").inner_text()
    notes = page.evaluate("document.querySelector('section.present aside.notes p').textContent")
    assert desk.locator("main p").first.text_content() == notes and len(notes) > 20
    desk.keyboard.press("ArrowRight")
    page.wait_for_function("location.hash === '#/4'")
    assert desk.locator("h1").inner_text() == page.locator("section.present h2").inner_text()


# What turns the page with the mouse, and the colour of a link: axe does not look at an arrow that is drawn by borders.
ARROW = """() => {
  const link = document.querySelector('.reveal').appendChild(document.createElement('i'));
  link.style.color = 'var(--accent)';
  const found = [document.querySelector('.reveal .controls button'), link].map((one) => getComputedStyle(one).color);
  link.remove();
  return found;
}"""


def test_axe_finds_nothing_in_a_deck(opened):
    page = opened(0)
    page.add_script_tag(content=accessibility.AXE.read_text("utf-8"))
    for at, theme in ((0, "light"), (1, "dark"), (4, "dark"), (5, "light")):
        page.evaluate(f"location.hash = '#/{at}'")
        page.wait_for_function(f"[...document.querySelectorAll('.slides > section')][{at}].matches('.present')")
        if page.evaluate("document.documentElement.dataset.theme") != theme:
            page.keyboard.press("d")
        page.evaluate("new Promise((then) => setTimeout(then, 100))")
        found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false}).then((done) => done.violations)")
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
        arrow, own = page.evaluate(ARROW)
        assert arrow == own, f"in the {theme} deck the arrows are {arrow}"


def test_on_paper_each_slide_is_a_page(opened):
    import pypdf

    page = opened(1)
    many = page.evaluate("document.querySelectorAll('.slides > section').length")
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
    assert len(printed.pages) == many
    assert "The rule in two lines" in "".join(sheet.extract_text() for sheet in printed.pages)
