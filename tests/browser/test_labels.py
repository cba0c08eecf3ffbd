"""Words in live figures: over no other words and not beyond the figure's edge, at the ends of sliders and in every choice."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

COLLISIONS = """([index, changes]) => {
  const PARTS = 'svg, .lf-key, .lf-mark-row, .lf-cards'; // a picture that stays in view lies over what passes: no collision
  const place = document.querySelectorAll('.live-figure')[index], { model, numbers } = place.__figure, wrong = new Set();
  const begin = numbers().state, edge = place.getBoundingClientRect();
  const words = () => [...place.querySelectorAll('.lf-plot svg text, .lf-key > span, .lf-mark, .lf-card > span, .lf-rotary text')]
    .filter((e) => e.textContent.trim() && e.checkVisibility({ visibilityProperty: true }))
    .map((e) => ({ text: e.textContent, box: e.getBoundingClientRect(), part: e.closest(PARTS) }))
    .filter(({ box }) => box.width > 0);
  // words that stand in a picture and on its upright axis
  const box = (e) => e.getBoundingClientRect();
  const shown = (e) => e.textContent.trim() && e.checkVisibility({ visibilityProperty: true });
  const crossed = () => [...place.querySelectorAll('.lf-plot svg')].flatMap((svg) => {
    const rules = [...svg.querySelectorAll('.lf-axes .lf-rule')].map(box).filter(({ width, height }) => height > width);
    const edge = box(svg).right; // words that are wider than the room beside the axis stand across it
    const on = ({ left, right, top, bottom, width }) => rules.some((rule) => width < edge - rule.left - 6 &&
      left < rule.left - 1 && right > rule.left + 1 && top < rule.bottom - 1 && bottom > rule.top + 1);
    return [...svg.querySelectorAll('.lf-front text')].filter((e) => shown(e) && on(box(e))).map((e) => e.textContent);
  });
  const look = (change) => {
    const seen = words();
    for (const text of crossed()) wrong.add(`${change}: “${text}” lies across an axis`);
    seen.forEach(({ text, box, part }, k) => {
      if (box.left < edge.left - 17 || box.right > edge.right + 17) wrong.add(`${change}: “${text}” leaves the figure`);
      for (const other of seen.slice(0, k).filter((each) => each.part === part)) {
        const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left),
          tall = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (wide > 1 && tall > 4) wrong.add(`${change}: “${text}” over “${other.text}”`); // a line has 4 px of air
      }
    });
  };
  for (const change of changes) {
    for (const [name, value] of Object.entries({ ...begin, ...change })) model.set(name, value);
    numbers();
    look(JSON.stringify(change));
  }
  for (const [name, value] of Object.entries(begin)) model.set(name, value);
  numbers();
  return [...wrong];
}"""


def extremes(name):
    """The state as it is, and with each of its numbers at either end, each choice made, each flag turned."""
    found = [{}]
    for key, spec in FIGURES[name].spec().items():
        if spec["kind"] in ("number", "integer"):
            found += [{key: spec["min"]}, {key: spec["max"]}]
        elif spec["kind"] == "choice":
            found += [{key: option} for option in spec["options"]]
        elif spec["kind"] == "flag" and key not in ("playing", "compact"):
            found.append({key: not spec["initial"]})
        elif spec["kind"] == "point":
            found.append({key: [end[1] for end in spec["domain"]]})
    return found


@pytest.fixture(scope="module")
def names():
    return sorted(FIGURES)


@pytest.fixture(scope="module")
def address(names, tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("labels"), [make(name) for name in names])


@pytest.mark.parametrize("width", [390, 1366])
def test_no_words_collide_at_the_ends_of_the_sliders(browser, address, names, width):
    with live.open_page(browser, address, width=width, height=844) as page:
        found = {}
        live.all_ready(page)
        for index, name in enumerate(names):
            if wrong := page.evaluate(COLLISIONS, [index, extremes(name)]):
                found[name] = wrong
        assert not found, "\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines)
