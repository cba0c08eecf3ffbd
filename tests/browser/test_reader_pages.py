"""The reader's edition beside the built site: its numbers, citations and links are those of the pages."""

import json
import re
import sys
from functools import cache

import pytest
from bs4 import BeautifulSoup

from tests.browser.conftest import ROOT

sys.path[:0] = [str(ROOT / "book" / "_gen"), str(ROOT / "book" / "_ext")]

import _myst

BOOK = _myst.Book(ROOT)
EDITIONS = sorted((ROOT / "book" / "reader").glob("*.ipynb"))
every = pytest.mark.parametrize("path", EDITIONS, ids=lambda path: path.stem)


@cache
def page_of(path):
    """A page of the built site as a tree."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


@cache
def anchors_of(path):
    """The anchors of a page of the built site."""
    return set(re.findall(r'\bid="([^"]+)"', path.read_text("utf-8")))


def text_of(path):
    """The text cells of an edition."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@every
def test_links_into_the_course_lead_to_what_is_published(site, path):
    links = set(re.findall(rf"\]\({re.escape(BOOK.site)}([^)\s]*)\)", text_of(path)))
    assert len(links) > 5
    for link in links:
        name, _, anchor = link.partition("#")
        target = site.path / (name or "index.html")
        assert target.is_file(), link
        assert not anchor or anchor in anchors_of(target), link


@every
def test_numbers_are_those_of_the_page(site, path):
    """Figures, theorems, exercises and their solutions, in the order of the page."""
    page = page_of(site.path / "notebooks" / f"{path.stem}.html").select_one("article")
    text = text_of(path)
    captions = [tag.get_text().strip() for tag in page.select("figcaption .caption-number") if "." in tag.get_text()[4:]]
    assert re.findall(r"^\*\*(Fig\. [\d.]+)\.\*\*", text, re.M) == captions
    boxes = [tag.get_text().strip() for tag in page.select(".admonition-title .caption-number")]
    assert re.findall(r"^\*\*((?:Exercise|Theorem) [\d.]+)", text, re.M) == boxes
    solutions = [re.match(r"Solution to exercise ([\d.]+)", tag.get_text()) for tag in page.select("summary")]
    assert re.findall(r"<summary>Solution to exercise ([\d.]+)<", text) == [found[1] for found in solutions if found]


@every
def test_citations_name_whom_the_page_names(site, path):
    """The words of each citation, brackets and links aside, are the page's."""
    plain = lambda text: re.sub(r"[^\w ]+", "", re.sub(r"\s+", " ", text)).strip()
    page = page_of(site.path / "notebooks" / f"{path.stem}.html")
    theirs = {plain(tag.get_text()) for tag in page.select("article .bibtex-citation")}
    text = plain(re.sub(r"\]\([^)]*\)", "", text_of(path)))
    assert not [words for words in theirs if words not in text]


@every
def test_run_in_colab_and_download_lead_to_the_edition(site, path):
    """Colab is sent to a file that is committed; the site gives the same bytes to who downloads."""
    page = page_of(site.path / "notebooks" / f"{path.stem}.html")
    colab = page.select_one('a[aria-label="Run in Colab"]')["href"]
    branch = BOOK.config["repository"]["branch"]
    assert colab.endswith(f"/blob/{branch}/book/reader/{path.name}")
    download = page.select_one('a[aria-label="Download the notebook"]')["href"]
    assert (site.path / "notebooks" / download).resolve().read_bytes() == path.read_bytes()
