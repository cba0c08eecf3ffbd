"""How a figure comes onto a page: in tasks that are short each, unseen until it is whole, and there before a key passes it."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

# Take one task, let the browser draw a frame, and tell of each figure what has been done and what is seen of it.
TAKE = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  while (!__tasks.length) await frame();
  __tasks.shift()();
  await frame();
  const seen = (node) => !!node && node.checkVisibility({ visibilityProperty: true });
  return [...document.querySelectorAll('.live-figure[data-figure]')].map((place) => ({
    name: place.dataset.figure,
    done: Object.entries({ made: '.lf-host', 'laid out': '.lf-svg[height]', drawn: '.lf-line[d]:not([d=""])' })
      .filter(([, what]) => place.querySelector(what)).map(([name]) => name),
    live: seen(place.querySelector('.lf')),
    picture: seen(place.querySelector('.live-static img')),
    room: place.getBoundingClientRect().height,
  }));
}"""
PLAIN = ("dial", "noise_ball")  # they draw nothing while they are made or laid out


@pytest.fixture
def held(browser):
    """A page on which the tasks of live figures wait."""
    with live.held_page(browser, viewport={"width": 1366, "height": 900}) as page:
        yield page


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_comes_step_by_step_and_stands_there_at_once(held, tmp_path, name):
    held.goto(live.write_page(tmp_path, [make(name)], static=True))
    seen = [{"done": [], "live": False, "room": None}]
    while not seen[-1]["live"]:
        seen += held.evaluate(TAKE)
        assert seen[-1]["live"] != seen[-1]["picture"], "either the picture or the figure is seen"
    waits = [one["room"] for one in seen[1:-1]]
    assert waits == [waits[0]] * len(waits), "the place stays as it is until the figure is whole"
    steps = [[what for what in now["done"] if what not in before["done"]] for before, now in zip(seen, seen[1:], strict=False)]
    assert not any({"made", "laid out"} <= set(step) for step in steps), steps
    assert name not in PLAIN or all(len(step) < 2 for step in steps), steps


def test_a_key_finds_a_figure_that_is_coming(held, tmp_path):
    held.goto(live.write_page(tmp_path, [make("ravine")], before='<a href="#a">before</a>', static=True))
    while held.locator(".lf-coming").count() == 0:
        held.evaluate(TAKE)
    held.keyboard.press("Tab")
    held.keyboard.press("Tab")
    assert held.evaluate("document.activeElement.closest('.live-figure.is-live') !== null")


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_figure_that_cannot_go_on_leaves_its_picture(held, tmp_path, after):
    """Wherever it fails: nothing of it is left, the picture stands, and the console says which figure it was."""
    said = []
    held.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    held.goto(live.write_page(tmp_path, [make("ravine")], static=True))
    held.wait_for_function("__tasks.length")
    for _ in range(after):
        held.evaluate(TAKE)
    held.evaluate("() => { Element.prototype.setAttribute = () => { throw new Error('no room'); }; }")
    held.wait_for_function("() => { __tasks.shift()?.(); return document.querySelector('.live-figure').dataset.failed; }")
    assert held.locator(".lf-host").count() == 0 and held.locator(".live-static img").is_visible()
    assert len(said) == 1 and "live figure ravine" in said[0] and "no room" in said[0], said
