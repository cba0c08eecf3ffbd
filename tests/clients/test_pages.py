"""Every page of the built site in Firefox and WebKit: nothing goes wrong, nothing sticks out, every live figure starts."""

import pytest

from tests.browser.pages import PAGES
from tests.clients.visits import visit


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound(client, watched_site, name):
    found = visit(client, watched_site, name)
    assert not found, "\n".join(found)


FOLDS = """async () => {
  const seen = [];
  for (const fold of document.querySelectorAll("article details")) {
    for (let outer = fold; outer; outer = outer.parentElement.closest("details")) outer.open = true; // one may lie in another
    if (!fold.checkVisibility()) continue; // a figure's drawer that is not in use now
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    seen.push(fold.getBoundingClientRect().height);
    fold.open = false;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    seen.push(fold.getBoundingClientRect().height);
  }
  dispatchEvent(new Event("beforeprint"));
  await new Promise((done) => setTimeout(done, 100));
  dispatchEvent(new Event("afterprint"));
  return seen;
}"""


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("notebooks/")])
def test_folds_open_and_close(client, watched_site, name):
    """WebKit dies where something measures what stands in a closed fold."""
    client.resize(1366, 900)
    client.open(watched_site.url(name))
    heights = client.call(FOLDS)
    assert heights and all(open_ > closed for open_, closed in zip(heights[::2], heights[1::2], strict=True))
    assert client.call("() => window.__problems.splice(0)") == [] == client.problems()
