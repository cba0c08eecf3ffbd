"""The frame around every page: names in the sidebar and at the turn of the page."""

import html
import json
import re

import pytest

from tests.browser.conftest import ROOT
from tests.browser.pages import PAGES

CHAPTERS = [name for name in PAGES if re.match(r"notebooks/\d", name)]


def written(name):
    """The plain name and the claim of a chapter, as its notebook has them."""
    cells = json.loads((ROOT / f"{name}.ipynb").read_text("utf-8"))["cells"]
    text = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    title, claim = re.search(r"^# (.+)\n\n\*\*(.+)\*\*$", text, re.M).groups()
    return title, claim.replace("'", "’")


# --- names ----------------------------------------------------------------------------------------------------------
def test_each_name_in_the_sidebar_has_one_line(site, new_page):
    page = new_page()
    page.goto(site.url(PAGES[0]))
    heights = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".chapters li.toctree-l1 > a")]
          .map((link) => [link.textContent, link.offsetHeight]))"""
    )
    assert len(heights) == len(PAGES) - 2  # all but the search and the index
    assert max(heights.values()) == min(heights.values()) > 0, heights


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_called_by_its_plain_name(site, name):
    """In the tab and as the page's title; the claim is below it, and beside the name where a neighbour leads here."""
    title, claim = written(name)
    text = html.unescape((site.path / f"{name}.html").read_text("utf-8"))
    assert f"<title>{title} · " in text
    assert f'<p class="claim">{claim}</p>' in re.search(r"</h1>\s*(<p.*?</p>)", text)[1]
    towards = {"prev": "next", "next": "prev"}
    for way, back in towards.items():
        link = re.search(rf'<a class="\w+" href="([^"]+)" rel="{way}">', text)
        beside = html.unescape((site.path / name).parent.joinpath(link[1]).read_text("utf-8"))
        turn = re.search(rf'<a class="\w+" href="[^"]+" rel="{back}">.*?</a>', beside, re.S)[0]
        assert f"{title}</span>" in turn and f'<span class="turn-claim">{claim}</span>' in turn
