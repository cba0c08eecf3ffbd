"""Words of the text that move a figure: every one names a figure of its page and a state which that figure takes."""

import json
import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "book" / "_gen")]

import _myst  # noqa: E402
import sentence  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ROLE = re.compile(r"\{set\}`([^`]*)`")
FACE = re.compile(r'<div class="live-figure" data-figure="(\w+)"')


def cells(path):
    return json.loads(path.read_text("utf-8"))["cells"]


def words(path):
    """The texts of a notebook's roles, and the keys of its figures."""
    shown = [
        FACE.findall("".join(out.get("data", {}).get("text/html", ""))) for cell in cells(path) for out in cell.get("outputs", [])
    ]
    text = "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")
    return ROLE.findall(text), sentence.keys([{"data-figure": name} for found in shown for name in found])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_words_move_a_figure_of_their_page_into_a_state_that_it_takes(path):
    texts, there = words(path)
    for text in texts:
        said, key, state = sentence.parse(text)
        assert said and key in there, f"{path.stem}: {said!r} moves {key}, the page has {there}"
        assert sentence.accepted(key, state)
        assert sentence.said(key, state).startswith("Sets the figure: ")
    assert len(texts) >= 3 or not path.stem[:2].isdigit(), (
        f"{path.stem} has {len(texts)} sentences that move its figures; three or more"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("halve the rate", "says no figure and state"),
        ("halve the rate <ravine>", "says no figure and state"),
        ("halve <ravin lr=0.035>", "no live figure is called 'ravin'"),
        ("halve <ravine rate=0.035>", "ravine has no state 'rate'"),
        ("halve <ravine lr=11>", "makes lr 10.0 of 11.0"),
        ("halve <ravine lr=half>", "could not convert"),
        ("turn <filter form=product>", "form is 'product'"),
        ("play <race playing=yes>", "a value of kind 'flag' cannot be 'yes'"),
    ],
)
def test_what_no_figure_takes_is_refused(text, why):
    with pytest.raises(Exception, match=re.escape(why)):
        sentence.accepted(*sentence.parse(text)[1:])


def test_values_of_every_kind_are_read():
    assert sentence.accepted("ravine.2", {"start": "-2.6,0", "lr": "0.035"}) == {"start": [-2.6, 0], "lr": 0.035}
    assert sentence.accepted("race", {"rules": "adam,muon_like"[:4], "playing": "true", "steps": "50"})["rules"] == ["adam"]
    assert sentence.parse("log <curves.2 axes=log%20both>") == ("log", "curves.2", {"axes": "log both"})


def test_a_page_without_the_figure_is_refused():
    soup = BeautifulSoup(
        '<div class="live-figure" data-figure="dial"></div><span class="set" data-live="dial.2">more</span>', "html.parser"
    )
    with pytest.raises(ValueError, match="'more' move 'dial.2'; the page's figures are dial"):
        sentence.check(soup, soup.select(".live-figure"))


def test_in_a_notebook_the_words_are_words():
    page = _myst.Page(_myst.Book(ROOT), "notebooks/01-ravine")
    assert page.markdown("Then {set}`halve the rate <ravine lr=0.035>`, and look.") == "Then halve the rate, and look."
