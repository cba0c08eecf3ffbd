"""How a figure comes onto a page: unseen until it is whole, one at a time; no task makes it, lays it out and draws it."""

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

# A mutation observer is called when a task ends: what one call tells has happened in one task.
WATCH = """
window.__tasks = [];
new MutationObserver((records) => {
  const task = {}; // what happened in it, by figure
  const note = (node, what) => {
    const place = node.closest('.live-figure[data-figure]');
    if (place) (task[place.dataset.figure] ??= new Set()).add(what);
  };
  for (const { target, type, attributeName, oldValue, addedNodes } of records) {
    if (type === 'childList' && [...addedNodes].some((node) => node.matches?.('.lf-host'))) note(target, 'made');
    if (attributeName === 'height' && oldValue === null && target.matches('.lf-svg')) note(target, 'laid out');
    if (attributeName === 'd' && target.matches('.lf-line')) note(target, 'drawn');
    if (attributeName === 'class' && target.matches('.live-figure.is-live')) note(target, 'shown');
  }
  for (const place of document.querySelectorAll('.live-figure:not(.is-live)')) {
    const host = place.querySelector('.lf-host');
    if (host && getComputedStyle(host).visibility !== 'hidden') note(place, 'seen too soon');
  }
  const figures = Object.entries(task).map(([name, what]) => [name, [...what]]);
  if (figures.length) __tasks.push(figures);
}).observe(document, { subtree: true, childList: true, attributeOldValue: true, attributeFilter: ['d', 'height', 'class'] });
"""


PLAIN = ("dial", "noise_ball")  # they draw nothing while they are laid out


def test_a_figure_comes_step_by_step_and_unseen(browser, tmp_path):
    names = sorted(FIGURES)
    address = live.write_page(tmp_path, [make(name) for name in names])
    with live.open_page(browser, "about:blank", wait=False) as page:
        page.add_init_script(WATCH)
        page.goto(address)
        for index in range(len(names)):
            live.ready(page, index)
        tasks = page.evaluate("__tasks")
    steps = {name: [] for name in names}
    for figures in tasks:
        starting = [name for name, what in figures if "made" in what]
        assert len(starting) <= 1, f"one task makes {' and '.join(starting)}"
        for name, what in figures:
            if "shown" not in sum(steps[name], []):  # what is drawn later is a redraw
                steps[name].append(what)
    for name, found in steps.items():
        assert found[0] == ["made"] and found[-1] == ["shown"], f"{name}: {found}"
        assert "seen too soon" not in sum(found, []), name
        for task in found if name in PLAIN else ():
            assert len(task) == 1, f"{name}: one task has it {' and '.join(task)}"
