"""A chapter's first screen is its figure: on a laptop and on a phone, above any formula and any code; on a laptop the hand is
on it, too."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
OPENED = ["book/intro", *(f"notebooks/{name}" for name in CHAPTERS)]
# Still so when what was drawn is laid out, which may ask for another typeface.
READY = """async (frames) => {
  const place = document.querySelector('.live-figure[data-figure]');
  const ready = () => place.dataset.ready === '1' && document.fonts.status === 'loaded';
  for (let still = 0; still < frames; still = ready() ? still + 1 : 0) await new Promise(requestAnimationFrame);
}"""
SEEN = """() => {
  const picture = document.querySelector('.live-figure .lf-plot'), { top, bottom, height } = picture.getBoundingClientRect();
  const place = picture.closest('.live-figure'), host = place.querySelector('.lf-host');
  const here = (yes) => { place.classList.toggle('is-live', yes); host.classList.toggle('lf-coming', !yes); };
  const stands = place.getBoundingClientRect().top;
  here(false); // as it was before the figure came
  const stood = place.getBoundingClientRect().top;
  here(true);
  const before = [...document.querySelectorAll('article :is(.math-block, pre, details)')]
    .filter((one) => one.compareDocumentPosition(picture) & Node.DOCUMENT_POSITION_FOLLOWING);
  const turns = [...host.querySelectorAll('.lf > :is(.lf-acts, .lf-controls) > *')];
  return { top, height, jump: stands - stood, seen: Math.min(bottom, innerHeight) - top,
    hand: Math.max(...turns.map((one) => one.getBoundingClientRect().bottom)),
    before: before.map((one) => one.textContent.slice(0, 60)) };
}"""


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 664)])
def test_the_first_screen_has_the_picture_and_on_a_laptop_what_turns_it(site, new_page, width, height, record_property):
    page, found = new_page(width=width), {}
    page.set_viewport_size({"width": width, "height": height})
    for name in OPENED:
        page.goto(site.url(name))
        page.evaluate(READY, 3)
        found[name] = page.evaluate(SEEN)
        page.evaluate(READY, 30)  # what has come near may ask for typefaces that a next page would end
    record_property("measured", json.dumps({name: round(one["top"]) for name, one in found.items()}))
    least = {name: 0.6 * one["height"] if width > 600 else min(150, one["height"]) for name, one in found.items()}
    short = {name: (round(one["top"]), round(one["seen"])) for name, one in found.items() if one["seen"] < least[name]}
    assert not short, f"at {width} x {height} too little of the first picture is seen (its top, what is seen of it): {short}"
    far = {name: round(one["hand"]) for name, one in found.items() if width > 600 and one["hand"] > height}
    assert not far, f"what turns the first picture ends below the first screen of {height} px: {far}"
    assert {one["jump"] for one in found.values()} == {0}, "its place moves as the figure comes"
    assert not {name: one["before"] for name, one in found.items() if one["before"]}, "a formula or code comes before the figure"
