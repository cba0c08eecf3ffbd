"""Every handle that moves along one axis answers to a key, wherever it is: a figure rounds finer than a key steps."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

FIND = """() => {
  window.__handles = [...document.querySelectorAll('.live-figure .lf-handle[data-axis=x], .live-figure .lf-handle[data-axis=y]')]
    .filter((node) => node.checkVisibility());
  return window.__handles.map((node) => node.getAttribute('aria-label'));
}"""
FOCUS = "(number) => window.__handles[number].focus()"
# What the figure now is, and whether the handle is at an end of its way.
SHOWN = """async (number) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const node = window.__handles[number], figure = node.closest('.live-figure').__figure;
  const [now, low, high] = ['now', 'min', 'max'].map((name) => Number(node.getAttribute(`aria-value${name}`)));
  const state = JSON.stringify(figure.numbers().state), room = (high - low) * 1e-6;
  return [`${state} ${node.getAttribute('transform')}`, now - low <= room || high - now <= room];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("handles"), [make(name) for name in sorted(FIGURES)])


def test_an_arrow_moves_a_handle_from_wherever_it_is(browser, address):
    with live.open_page(browser, address) as page:
        live.all_ready(page)
        names, stuck = page.evaluate(FIND), []
        for number, name in enumerate(names):
            page.evaluate(FOCUS, number)
            for _ in range(10):  # to its end
                page.keyboard.press("Shift+ArrowRight")
            for _ in range(5):
                page.keyboard.press("Shift+ArrowLeft")
                (before, _), _ = page.evaluate(SHOWN, number), page.keyboard.press("ArrowRight")
                now, at_end = page.evaluate(SHOWN, number)
                if now == before and not at_end:
                    stuck.append(f"{name}: at {now[-60:]}")
        assert len(names) >= 10 and not stuck, "\n".join(stuck)
