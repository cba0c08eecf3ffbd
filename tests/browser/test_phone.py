"""Live figures on a phone: the picture stays in view beside the control in use, and a finger that scrolls turns nothing."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

BAR = 52  # pixels of the page's bar, below which the picture stays
PHONE = {"has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def names():
    return sorted(FIGURES)


@pytest.fixture(scope="module")
def address(names, tmp_path_factory):
    """One page with all figures, below a bar as the site has one."""
    bar = f'<div style="position:sticky;top:0;height:{BAR}px;z-index:20"></div><style>.lf {{ --lf-top: {BAR}px }}</style>'
    return live.write_page(tmp_path_factory.mktemp("phone"), [make(name) for name in names], before=bar)


APART = """async (bar) => {
  const wrong = [], parts = '.lf-track input, .lf select, .lf-segments, .lf-toggle, .lf-acts > button, .lf-rotary, ' +
    '.lf-recipe-row, .lf-entry, .lf-row-name';
  const hits = (node, { left, top, width, height }) => {
    const found = document.elementFromPoint(left + width / 2, top + height / 2);
    return found && node.contains(found);
  };
  const still = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const place of document.querySelectorAll('.live-figure')) {
    for (const fold of place.querySelectorAll('.lf-more:not([hidden])')) fold.open = true;
    await still();
    const held = [...place.querySelectorAll('.lf-pictures, .lf-pictures *')]
      .find((e) => getComputedStyle(e).position === 'sticky');
    const main = held?.matches('.lf-pictures') ? (held.querySelector('.lf-plot') ?? held) : held;
    for (const part of place.querySelectorAll(parts)) {
      const picture =
        part.closest('.lf-pane')?.querySelector('.lf-plot') ?? main ?? [...place.querySelectorAll('.lf-plot')].at(-1);
      if (!part.checkVisibility() || picture.contains(part)) continue;
      const above = part.getBoundingClientRect().top < picture.getBoundingClientRect().top;
      if (above && innerWidth >= 600) scrollBy({ top: part.getBoundingClientRect().top - bar - 4, behavior: 'instant' });
      else part.scrollIntoView({ block: innerWidth < 600 ? 'center' : 'end', behavior: 'instant' });
      const seen = picture.getBoundingClientRect(), own = part.getBoundingClientRect(),
        share = (Math.min(seen.bottom, innerHeight) - Math.max(seen.top, bar)) / seen.height;
      const covered = !hits(part, own) || own.bottom > innerHeight + 1, hidden = share < 0.9 || !hits(picture, seen);
      if (covered || hidden)
        wrong.push([place.dataset.figure, part.className || part.ariaLabel, covered ? 'is covered' : `picture ${share}`]);
    }
  }
  return wrong;
}"""


ALONE = """() => [...document.querySelectorAll('.lf-share')].filter((row) => {
    const tops = [...row.querySelectorAll('button')].map((button) => Math.round(button.getBoundingClientRect().top));
    return tops.length < 2 || new Set(tops).size > 1; }).map((row) => row.closest('.live-figure').dataset.figure)"""
OUTSIDE = """() => [...document.querySelectorAll('.lf-plot svg')].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('.lf-axes text')].filter((text) => {
    const { top, bottom, left, right } = text.getBoundingClientRect();
    return bottom < frame.top - 14 || top > frame.bottom + 14 || right < frame.left - 14 || left > frame.right + 14;
  }).map((text) => `${svg.closest('.live-figure').dataset.figure}: ${text.textContent}`);
})"""
FITS = """() => Object.fromEntries([...document.querySelectorAll('.live-figure')].map((place) => {
  scrollTo({ top: 0, behavior: 'instant' }); // nothing is held in view that would stand higher
  const parts = place.querySelectorAll('.lf > .lf-pictures, .lf > .lf-controls > *, .lf > .lf-acts > *');
  const boxes = [...parts].filter((part) => part.checkVisibility()).map((part) => part.getBoundingClientRect());
  const top = Math.min(...boxes.map((box) => box.top)), end = Math.max(...boxes.map((box) => box.bottom));
  return [place.dataset.figure, Math.round(end - top)];
}))"""
LONG = {"crosswalk", "curves", "ingredients", "race"}  # tables of rules pass below the picture, which stays


def resized(page, width, height):
    """Another window: every figure has drawn for it, and has had one size for three frames."""
    page.set_viewport_size({"width": width, "height": height})
    live.at_rest(page)


def keeps_the_picture_in_view(page, width, height):
    """Of every control, in a window of this size; nothing sticks out, and Link stands beside Copy as Python."""
    resized(page, width, height)
    assert page.evaluate(APART, BAR) == [], (width, height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(ALONE) == [], width
    assert page.evaluate(OUTSIDE) == [], width


def test_the_picture_is_in_view_with_every_control_of_a_phone(browser, address):
    """No tick stands beyond its axis, either."""
    with live.open_page(browser, address, width=320, height=664, **PHONE) as page:
        live.open_drawers(page)
        for width, height in ((320, 664), (390, 664), (390, 844)):
            keeps_the_picture_in_view(page, width, height)


def test_the_picture_is_in_view_with_every_control_of_a_laptop(browser, address):
    """A figure's controls, what acts on it and its pictures fit below the page's bar together; further pictures come after
    these. No tick stands beyond its axis."""
    with live.open_page(browser, address, width=1000, height=900) as page:
        live.open_drawers(page)
        assert page.evaluate("document.querySelectorAll('.lf-axes text').length") > 100
        for width, height in ((1000, 900), (1024, 700), (1366, 768)):
            keeps_the_picture_in_view(page, width, height)
        tall = {name: high for name, high in page.evaluate(FITS).items() if high > 768 - BAR}
        assert set(tall) <= LONG, tall
        for width in (390, 320):  # a narrow window of a laptop, without a finger
            resized(page, width, 900)
            assert page.evaluate(ALONE) == [], width


DIAL_AND_PATH = """() => {
  const dial = document.querySelector('.live-figure[data-figure=dial] .lf-rotary');
  dial.scrollIntoView({ block: 'end', behavior: 'instant' });
  const [map, path] = document.querySelectorAll('.live-figure[data-figure=dial] .lf-svg[role=group]');
  return [map, path, dial].map((one) => { const { top, bottom } = one.getBoundingClientRect(); return [top, bottom]; });
}"""


def test_the_dial_its_map_and_its_path_are_in_view_together(browser, address):
    with live.open_page(browser, address, width=390, height=664, **PHONE) as page:
        for height in (664, 844):
            page.set_viewport_size({"width": 390, "height": height})
            live.ready(page, sorted(FIGURES).index("dial"))
            (map_top, map_end), (path_top, path_end), (dial_top, dial_end) = page.evaluate(DIAL_AND_PATH)
            assert BAR <= map_top < map_end <= path_top + 1 < path_end <= dial_top + 1 < dial_end <= height + 1


@pytest.fixture(scope="module")
def sliders(tmp_path_factory):
    """A figure with sliders and one with the dial, long enough to scroll."""
    return live.write_page(tmp_path_factory.mktemp("finger"), [make("ravine"), make("dial")])


def test_a_finger_that_scrolls_turns_no_slider(browser, sliders):
    with live.open_page(browser, sliders, width=390, height=664, **PHONE) as page:
        bar = live.control(page, "kappa")
        bar.scroll_into_view_if_needed()
        before, scrolled = live.numbers(page)["state"], page.evaluate("scrollY")
        live.touch_drag(page, bar, 3, -150)
        page.wait_for_function("y => scrollY > y + 50", arg=scrolled)
        assert live.numbers(page)["state"] == before
        assert bar.get_attribute("aria-valuetext") == "25"
        assert float(bar.input_value()) == pytest.approx(466, abs=1)  # the thumb, too, is where it was


def test_a_finger_that_slides_turns_it_and_a_tap_sets_it(browser, sliders):
    with live.open_page(browser, sliders, width=390, height=664, **PHONE) as page:
        bar = live.control(page, "kappa")
        bar.scroll_into_view_if_needed()
        scrolled = page.evaluate("scrollY")
        live.touch_drag(page, bar, 60, 4)
        turned = live.numbers(page)["state"]["kappa"]
        assert 60 < turned < 500 and page.evaluate("scrollY") == scrolled
        box = bar.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert live.numbers(page)["state"]["kappa"] == pytest.approx(1000**0.5, rel=0.03)


AT_REST = """() => { const seen = window.__seen ??= [];
  if (seen.push(scrollY) > 5) seen.shift();
  return seen.length === 5 && new Set(seen).size === 1; }"""  # asked each frame: a page that glides takes no tap


def test_a_finger_beside_the_dials_knob_scrolls_and_a_tap_on_its_arc_turns(browser, sliders):
    with live.open_page(browser, sliders, width=390, height=664, **PHONE) as page:
        live.ready(page, 1)
        dial = page.locator(".lf-rotary")
        dial.scroll_into_view_if_needed()
        before, scrolled = live.numbers(page, 1)["state"], page.evaluate("scrollY")
        live.touch_drag(page, dial, 0, -150)
        page.wait_for_function("y => scrollY > y + 50", arg=scrolled)
        assert live.numbers(page, 1)["state"] == before
        page.wait_for_function(AT_REST)
        dial.evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
        box = dial.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] * (92 - 74 + 12) / 128)  # the arc's top
        assert live.numbers(page, 1)["state"]["beta"] == pytest.approx(0.495, abs=0.02)


def test_the_ring_of_focus_lies_about_the_thumb(browser, sliders):
    with live.open_page(browser, sliders) as page:
        bar = live.control(page, "kappa")
        before = bar.screenshot()
        bar.focus()
        page.keyboard.press("Shift")  # so that the focus is one of keys
        assert bar.evaluate("e => getComputedStyle(e).outlineStyle") == "none"  # none about the bar, over the words above it
        assert bar.screenshot() != before
