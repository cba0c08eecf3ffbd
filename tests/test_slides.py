"""The lectures as they are marked in the notebooks: every mark can be followed, every deck has its length and its board."""

import json
import re
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def slides():
    """book/slides.py as a module."""
    spec = util.spec_from_file_location("course_slides", ROOT / "book" / "slides.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Paper:
    """A chapter whose figures are only named: what can be judged without the built book."""

    def __init__(self, path):
        notebook = json.loads(path.read_text("utf-8"))
        self.path, self.stem, self.number = path, path.stem, int(path.stem[:2])
        self.cells, self.course = notebook["cells"], notebook["metadata"]["course"]
        self.name = "A name"

    def figure(self, cell):
        has = "figure" in cell["metadata"].get("mystnb", {}) or "live-figure" in json.dumps(cell.get("outputs", []))
        assert has, f"{self.path.name}, cell {cell['id']} has no figure"
        return "<figure></figure>", ""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_mark_of_a_lecture_can_be_followed(slides, path):
    """Each slide has a title, notes, what it shows; questions expect every answer; a figure moves; the claims are there."""
    chapter = Paper(path)
    made = slides.sections(chapter)
    assert slides.LEAST <= len(made) - 1 <= slides.MOST
    titles = [mark["title"] for _, mark in slides.marked(chapter)]
    assert len(set(titles)) == len(titles) and all(len(re.sub(r"\$.*?\$", "x", title)) <= 60 for title in titles)
    assert len(chapter.course["board"]) >= 3
    asked = [mark for _, mark in slides.marked(chapter) if "ask" in mark or "question" in mark]
    shows = {mark["show"].split()[0] for _, mark in slides.marked(chapter) if "show" in mark}
    assert len(asked) >= 2 and {"figure", "claims"} <= shows
    assert '"slides"' not in (ROOT / "book" / "reader" / path.name).read_text("utf-8"), (
        "a student's copy holds no lecturer's notes"
    )
    shown = [cell for cell, mark in slides.marked(chapter) if mark.get("show") == "figure"]
    assert any("live-figure" in json.dumps(cell["outputs"]) for cell in shown), "a lecture has a figure that moves"


CELL = {
    "id": "c01",
    "cell_type": "markdown",
    "metadata": {},
    "source": "# A name\n\n**A claim with 1**\n\n$$x^2$$\n\n- **First.** More.\n- **Second**: more.\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
}
PREDICT = {
    "id": "c02",
    "cell_type": "markdown",
    "metadata": {},
    "source": "## Predict\n\n```{predict}\nUp or down?\n\n"
    "- [ ] **Up.** Tempting, for a while.\n- [x] **Down.** It is so, by one step.\n```\n",
}


class Small:
    """A chapter of two cells."""

    def __init__(self, *marks, cell=CELL):
        self.path, self.number, self.name = Path("07-small.ipynb"), 7, "A name"
        self.course = {"able": "count", "board": ["left", "right", "below"]}
        self.cells = [{**cell, "metadata": {"slides": list(marks)}}]


def test_what_a_slide_shows_is_the_cells_own(slides):
    chapter = Small()
    (cell,) = chapter.cells
    mark = {"title": "One", "notes": "Say it."}
    assert "katex" in slides.one_slide(chapter, cell, {**mark, "show": "formula"})
    assert "<td>1</td>" in slides.one_slide(chapter, cell, {**mark, "show": "table"})
    assert "<li>First.</li><li>Second.</li>" in slides.one_slide(chapter, cell, {**mark, "show": "claims"})
    assert "A claim with 1" in slides.one_slide(chapter, cell, {**mark, "show": "claim"})
    code = {"id": "c03", "cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [{"text": "a\nb < c\nd\n"}]}
    assert "<pre>b &lt; c\nd</pre>" in slides.one_slide(chapter, code, {**mark, "show": "output 2-3"})
    said = slides.one_slide(chapter, PREDICT, {**mark, "ask": 1, "expect": [60, 40]})
    body, _, notes = said.partition("<aside")
    assert "Up or down?" in body and "<b>B</b> Down" in body and body.count("tick") == 1
    assert "60 %" in notes and "our estimate" in notes and "Tempting" in notes and "60" not in body


@pytest.mark.parametrize(
    "mark, told",
    [
        ({"title": "One"}, "needs a title and notes"),
        ({"title": "One", "notes": "x", "colour": "red"}, "a slide has no 'colour'"),
        ({"title": "One", "notes": "x", "show": "film"}, "show 'film' is not known; allowed: figure, formula"),
        ({"title": "One", "notes": "x", "show": "formula 2"}, "number 2 is asked for"),
        ({"title": "One", "notes": "x", "show": "output 1-2"}, "it prints 0 lines, and 'output 1-2' is asked for"),
        ({"title": "One", "notes": "x", "points": ["word " * 46]}, "more than 45 words"),
        ({"title": "One", "notes": "x", "ask": 1}, "wants a cell with a {predict} box"),
        (
            {"title": "One", "notes": "x", "question": "A?", "answers": ["a", "b"], "right": 1, "expect": [50, 40]},
            "add up to 100",
        ),
    ],
)
def test_a_mark_that_cannot_be_followed_is_refused_with_its_place(slides, mark, told):
    chapter = Small(mark)
    with pytest.raises(LookupError, match=re.escape(told)) as refused:
        slides.one_slide(chapter, chapter.cells[0], mark)
    assert "07-small.ipynb, cell c01" in str(refused.value)


def test_a_deck_that_is_too_short_or_has_no_board_is_refused(slides):
    mark = {"title": "One", "notes": "x"}
    with pytest.raises(LookupError, match="a lecture has 12 to 20"):
        slides.sections(Small(mark))
    chapter = Small(*[mark] * 12)
    del chapter.course["board"]
    with pytest.raises(LookupError, match="no plan of the board"):
        slides.sections(chapter)
