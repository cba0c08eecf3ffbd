"""Every live figure answers to mouse, finger and keys in Firefox and WebKit as in Chromium."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live
from tests.clients.hands import every_control

START = """async () => {
  const place = document.querySelector(".live-figure");
  place.scrollIntoView();
  while (!place.dataset.ready && !place.dataset.failed) await new Promise((done) => setTimeout(done, 10));
  for (const drawer of place.querySelectorAll(".lf-more:not([hidden])")) drawer.open = true;
  return place.dataset.ready;
}"""


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_figure_answers_to_every_hand(client, tmp_path, name):
    client.resize(1000, 900)
    client.open(live.with_pictures(live.write_page(tmp_path, [make(name)], static=True)))
    assert client.call(START) == "1"
    count, dead = every_control(client)
    assert count and not dead, dead
    assert client.problems() == []
