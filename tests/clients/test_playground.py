"""The playground and its embed in Firefox and WebKit: every view, every hand, and inside a page that allows nothing else."""

import json
from itertools import pairwise
from urllib.parse import quote, urlsplit

import pytest

from tests.browser.test_playground import FOREIGN, folder, parts, served  # noqa: F401  (two of them are fixtures)
from tests.clients.hands import RIGHT, keys, pointer

OPEN = "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:"
READY = """async () => {
  while (!document.querySelector(".playground.is-live")) await new Promise((done) => setTimeout(done, 10));
  window.__play = document.querySelector(".playground").__playground;
}"""
SEARCHED = """async () => {
  const said = document.querySelector(".pg-note");
  while (!/in 35 steps, Adam in \\d+ and/.test(document.querySelector(".pg-sentence").textContent) || said.textContent)
    await new Promise((done) => setTimeout(done, 10));
  return __play.alone();
}"""
VIEWS = """() => [...document.querySelectorAll("[role=tab]")].map((tab) => {
  tab.click();
  __play.flush();
  return __play.numbers().view;
})"""
MAP = "() => { __play.set({ view: 'map' }); __play.flush(); __play.time.end(); }"
RING = """() => {
  const { left, top, width, height } = document.querySelector(".pg-map .lf-handle .lf-ring").getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""
START = "() => __play.get().starts[0]"
WIDER = "() => document.documentElement.scrollWidth > innerWidth"
NETWORK = """async () => {
  __play.set({ surface: { kind: "net", name: "curve" }, starts: [[1, 0]], steps: 40 });
  while (!__play.scene().net?.done) await new Promise((done) => setTimeout(done, 10));
  return __play.scene().lanes.map(({ end }) => end.loss);
}"""


def dragged(client):
    """Where the ring is before and after it is dragged to the right by mouse and by finger, where the client speaks now."""
    places = [client.call(START)]
    for kind in ("mouse", "touch"):
        client.act(pointer(kind, *client.call(RING), 40, -24))
        places.append(client.call(START))
    return places


def to_the_right(places):
    return all(b[0] > a[0] for a, b in pairwise(places))


@pytest.mark.parametrize("page", ["index.html", "embed.html"])
@pytest.mark.parametrize("size", [(1366, 768), (450, 844)], ids=str)
def test_every_view_and_every_hand(client, folder, page, size):  # noqa: F811
    with served(folder, OPEN) as site:
        client.resize(*size)
        client.open(site + page)
        client.call(READY)
        assert client.call(SEARCHED) is False  # a worker does it
        assert client.call(VIEWS) == ["map", "land", "curves", "settings", "flow", "steps", "predict"]
        client.call(MAP)
        places = dragged(client)
        client.call("() => document.querySelector('.pg-map .lf-handle').focus()")
        client.act(keys(RIGHT, RIGHT))
        places.append(client.call(START))
        assert to_the_right(places), places
        assert not client.call(WIDER)
        losses = client.call(NETWORK)
        assert len(losses) == 3 and all(0 < loss < 0.4 for loss in losses)
        assert client.problems() == []


def test_the_embed_inside_a_page_that_allows_nothing_else(client, folder, parts, tmp_path):  # noqa: F811
    """Where nothing may be compiled, the page's plain functions do the same."""
    playground, _ = parts
    with served(folder, playground.NEEDS) as ours:
        told = quote(json.dumps({"starts": [[-1, 0]]}))
        line = f'<iframe src="{ours}embed.html#play=1.{told}" title="Playground" width="800" height="500"></iframe>'
        # First of all: WebKit's driver counts a pointer's place in a frame from the page's corner.
        (tmp_path / "slide.html").write_text(FOREIGN.replace("LINE", "").replace("<h1>", f"{line}<h1>"))
        host = urlsplit(ours)._replace(path="").geturl()
        with served(tmp_path, f"default-src 'none'; frame-src {host}") as theirs:
            client.resize(1000, 800)
            client.open(f"{theirs}slide.html")
            with client.inside():
                client.call(READY)
                client.call(MAP)
                places = dragged(client)
                assert places[0] == [-1, 0] and to_the_right(places), places
                assert client.call("() => document.querySelector('.pg-sentence').textContent.length") > 20
            heard = [text for text in client.problems() if "favicon" not in text]
            assert [text for text in heard if "unsafe-eval" not in text] == []  # it tries once whether it may compile
