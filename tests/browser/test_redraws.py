"""What keeps a redraw quick: it asks the page for no layout, style or pixels, and draws with the elements that are there."""

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

ASKED = """(index) => {
  const place = document.querySelectorAll('.live-figure[data-figure]')[index], { specs, get, set, flush } = place.__figure;
  const found = new Set(), drawn = () => [...place.querySelectorAll('svg')].map((svg) => svg.querySelectorAll('*').length);
  const WATCHED = [[window, 'getComputedStyle'], [Element.prototype, 'clientWidth'], [Element.prototype, 'clientHeight'],
    [Element.prototype, 'scrollWidth'], [Element.prototype, 'getBoundingClientRect'], [HTMLElement.prototype, 'offsetWidth'],
    [HTMLElement.prototype, 'offsetHeight'], [CanvasRenderingContext2D.prototype, 'getImageData'],
    [Document.prototype, 'createElementNS']];
  function watched(what, act) {
    const before = drawn();
    let made = 0;
    const undo = WATCHED.map(([owner, name]) => {
      const own = Object.getOwnPropertyDescriptor(owner, name), part = own.get ? 'get' : 'value';
      const noted = function (...given) {
        if (name === 'createElementNS') made++;
        else found.add(`${what}: it asks for ${name}`);
        return own[part].apply(this, given);
      };
      Object.defineProperty(owner, name, { ...own, [part]: noted });
      return () => Object.defineProperty(owner, name, own);
    });
    act();
    undo.forEach((back) => back());
    const more = drawn().reduce((sum, now, k) => sum + Math.max(0, now - before[k]), 0); // an axis may have a tick more
    if (made > more) found.add(`${what}: it makes ${made} elements, where ${more} came to the picture`);
  }
  for (const [name, { kind, min, max }] of Object.entries(specs)) {
    if (kind !== 'number' && kind !== 'integer') continue;
    const first = get(name), step = kind === 'integer' ? 1 : (max - min) / 1000, up = first < (min + max) / 2 ? step : -step;
    const move = (value) => { set({ [name]: value }); flush(); };
    move(first + up);
    move(first + 2 * up); // a change draws what the first picture had not: from now on all is there
    watched(name, () => move(first + up));
    move(first);
  }
  return [...found];
}"""


def test_a_redraw_asks_the_page_nothing(browser, tmp_path):
    names = sorted(FIGURES)
    with live.open_page(browser, live.write_page(tmp_path, [make(name) for name in names])) as page:
        found = {}
        for index, name in enumerate(names):
            live.ready(page, index)
            if asked := page.evaluate(ASKED, index):
                found[name] = asked
        assert not found, "\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines)
