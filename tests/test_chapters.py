"""Chapters keep the course's contract: the skeleton in order, numbers that are computed, solutions that run."""

import json
import re
from pathlib import Path

import pytest
from test_repo import glossary

from momentum_lib.rules import RULES
from tests import forked

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))  # the errata page, too
SKELETON = [
    "look", "predict", "by-hand", "rule", "check", "experiment", "explore", "breaks", "summary", "exercises", "notes",
]  # fmt: skip
FORBIDDEN = ["simply", "obviously", "it is easy to see", "clearly", "of course", "delve", "powerful", "needless to say"]
RIDDLES = [  # what nobody would say aloud, each met in an earlier text; regular expressions, in lower case
    r"\bstands?\b(?! for\b)", r"\bstood\b", r"\bsomething alike\b", r"\bnot the more\b", r"\bnumbers refuse\b",
    r"\bheavy it weighs\b", r"\bis sure of less\b", r"\bforgets nothing of\b", r"\bfrom \$[^$]*\$ on\b",
    r"\bhas more than the true\b", r"\bshall mean\b", r"\bswings away\b", r"\bworked off\b", r"\bfrom rest never\b",
    r"\bkeeps? its books\b", r"\bthey say\b", r"\bknows nothing of\b", r"\bwhoever\b", r"\bthat is no accident\b",
]  # fmt: skip


def cells(chapter, kind):
    notebook = json.loads(chapter.read_text("utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def outputs(chapter):
    texts = []
    for cell in cells(chapter, "code"):
        for out in cell["outputs"]:
            texts.append("".join(out.get("text") or out.get("data", {}).get("text/plain", "")))
    return "\n".join(texts)


def by_name(path):
    return path.stem


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_sections_in_order(chapter):
    tags = [tag for cell in cells(chapter, "markdown") for tag in cell["metadata"].get("tags", [])]
    assert [tag for tag in tags if tag in SKELETON] == SKELETON


def naming(chapter):
    """The name of a chapter and the claim below it: its title, and the bold paragraph that follows."""
    found = re.search(r"^# (.+)\n\n(?:\*\*(.+)\*\*\n)?", "\n".join(source(c) for c in cells(chapter, "markdown")), re.M)
    return found[1], found[2]


def said_in_the_field():
    """The telling words of the field's terms: those of the glossary and of the rules' titles, in the singular."""
    terms = " ".join([*glossary(), *(rule.title for rule in RULES.values())]).lower()
    return {word.removesuffix("s") for word in re.findall(r"[a-z]{4,}", terms)} - {
        "line",
        "point",
        "rule",
        "step",
        "size",
        "with",
    }


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_a_chapter_has_a_plain_name_and_a_claim_with_a_number(chapter):
    name, claim = naming(chapter)
    assert len(name) <= 28, f"{name!r} needs two lines of the sidebar"
    assert said_in_the_field() & {word.removesuffix("s") for word in re.findall(r"[a-z]+", name.lower())}, name
    assert claim and re.search(r"\d", claim) and not claim.endswith("."), claim


def test_names_of_chapters_differ():
    names = [naming(chapter)[0] for chapter in CHAPTERS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_look_comes_before_any_display_formula(chapter):
    notebook = json.loads(chapter.read_text("utf-8"))["cells"]
    first_figure = next(
        i
        for i, cell in enumerate(notebook)
        if cell["cell_type"] == "code"
        and ("mystnb" in cell["metadata"] or any("live-figure" in json.dumps(out) for out in cell["outputs"]))
    )
    assert "$$" not in "".join(source(cell) for cell in notebook[:first_figure])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_explore_asks_something_new(chapter):
    """The figure to explore is another one than the chapter's first, or begins elsewhere; the text asks a question."""
    notebook = json.loads(chapter.read_text("utf-8"))["cells"]
    where = next(i for i, cell in enumerate(notebook) if "explore" in cell["metadata"].get("tags", []))
    ends = next(i for i, cell in enumerate(notebook) if "breaks" in cell["metadata"].get("tags", []))
    faces = [re.findall(r"data-figure.*?data-state=.*?role", json.dumps(cell)) for cell in notebook]
    first, explored = sum(faces[:where], [])[0], sum(faces[where:ends], [])
    assert explored and first not in explored
    assert "?" in "".join(source(cell) for cell in notebook[where:ends] if cell["cell_type"] == "markdown")


def ran_in_the_page(chapter):
    """The settings of the runs that a drawn prediction is compared with: the page computes them."""
    prose = "\n".join(source(cell) for cell in cells(chapter, "markdown"))
    boxes = re.findall(r"^`{3,}\{predict\}.*?^`{3,}$", prose, re.M | re.S)
    return [line for box in boxes for line in re.findall(r"^(?:draw|given): .*$", box, re.M)]


@pytest.mark.parametrize("chapter", NOTEBOOKS, ids=by_name)
def test_decimals_in_prose_are_computed(chapter):
    """A decimal that no cell prints or sets is a number nobody computed; the section of a source is a place, not a number."""
    prose = "\n".join(source(cell) for cell in cells(chapter, "markdown"))
    prose = re.sub(
        r"(?<=<)[a-z_]+(?:\.\d+)?(?: [a-z_0-9]+=[^\s=<>]+)+(?=>`)|"  # what words set a figure to is no claim
        r"```python.*?```|https?://\S+|\{cite[^`]*`[^`]*`|arXiv:\S+|doi:\S+|CC BY \d\.\d|\bsection \d+(?:\.\d+)+",
        "",
        prose,
        flags=re.S,
    )
    known = outputs(chapter) + "\n".join(source(cell) for cell in cells(chapter, "code")) + "\n".join(ran_in_the_page(chapter))
    numbers = set(re.findall(r"(?<![\w.#])\d*\.\d+(?![\w.])", prose))
    unknown = sorted(n for n in numbers if n not in known and n.lstrip("0") not in known and "0" + n not in known)
    assert not unknown, f"{chapter.name}: {unknown}"


@pytest.mark.parametrize("chapter", NOTEBOOKS, ids=by_name)
def test_numbers_are_set_as_numbers(chapter):
    """From 10 000 on in groups, with a minus that is no hyphen: in prose as in figures, code and links aside."""
    shown = [cell["metadata"].get("mystnb", {}) for cell in cells(chapter, "code")]
    words = [
        part.get(key, "") for own in shown for part in (own.get("figure", {}), own.get("image", {})) for key in ("caption", "alt")
    ]
    prose = "\n".join([source(cell) for cell in cells(chapter, "markdown")] + words)
    code = r"```python.*?```|^(?:draw|given): .*?$|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|<[^>]*>|https?://\S+"
    prose = re.sub(code, "", prose, flags=re.S | re.M)
    assert re.findall(r"(?<![\w.#])(?<!pull request )\d{5,}(?!\w)", prose) == []
    assert re.findall(r"(?<![\w.)\]-])-\d\S*", prose) == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_exercises_have_folded_solutions(chapter):
    prose = "\n".join(source(cell) for cell in cells(chapter, "markdown"))
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", prose)
    solutions = re.findall(r"\{solution\} (\S+)\n:class: dropdown", prose)
    assert len(exercises) >= 4
    assert sorted(exercises) == sorted(solutions)


EACH_BY_ITSELF = """
import json, os, sys, warnings
import numpy as np
import momentum_lib

blocks = json.loads(sys.argv[1])
for block in blocks:
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons mind a fork beside NumPy's threads
        child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        if status:
            sys.exit(f"it ended with {os.waitstatus_to_exitcode(status)}: {block}")
    else:
        exec("import numpy as np\\nfrom momentum_lib import *\\n" + block, {"__name__": "__main__"})
        sys.exit(0)
print(len(blocks), "blocks ran")
"""
"""A program that runs blocks of code, each in a process of its own that has just imported NumPy and the library."""


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_code_in_solutions_runs(chapter):
    prose, blocks = "\n".join(source(cell) for cell in cells(chapter, "markdown")), []
    for part in re.split(r"(?=^`{3,4}\{solution\})", prose, flags=re.M)[1:]:
        blocks += re.findall(r"```(?:python|\{code-block\} python)\n(.*?)```", part, flags=re.S)
    run = forked.run(["-W", "error", "-c", EACH_BY_ITSELF, json.dumps(blocks)], cwd=ROOT)
    assert run.returncode == 0 and run.stdout.endswith(f"{len(blocks)} blocks ran\n"), run.stdout[-4000:] + run.stderr[-4000:]


def said(path):
    """What a page says, in lower case: its text, and the captions and alternative texts of its pictures."""
    if path.suffix == ".md":
        return path.read_text("utf-8").lower()
    texts = [source(cell) for cell in cells(path, "markdown")]
    for cell in cells(path, "code"):
        about = cell["metadata"].get("mystnb", {})
        texts += [about.get("image", {}).get("alt") or "", about.get("figure", {}).get("caption") or ""]
    return "\n".join(texts).lower()


PAGES = [*NOTEBOOKS, *sorted((ROOT / "notebooks" / "homework").glob("*.ipynb")), *sorted((ROOT / "book").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_voice(page):
    text = said(page)
    words = [words for words in FORBIDDEN if re.search(rf"\b{words}\b", text)] if page in NOTEBOOKS else []
    found = [text[max(0, match.start() - 60) : match.end() + 40] for riddle in RIDDLES if (match := re.search(riddle, text))]
    assert not words + found, f"{page.name}: say it as you would aloud: {words + found}"


INK = r"\b(?:dark|black|white) (?:\w+ )?(?:curves?|lines?|ellipses?|dots?|bands?|paths?|rings?|discs?)\b|\bnothing is dark\b"


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_nothing_is_told_by_ink_which_is_white_in_the_dark(page):
    """What is drawn in the text's colour is dark on one ground and bright on the other: it is told by its form."""
    assert re.findall(INK, said(page)) == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=by_name)
def test_figures_say_what_they_show(chapter):
    """Every picture has an alt text and a caption; every chapter has a live figure."""
    live = 0
    for cell in cells(chapter, "code"):
        text = json.dumps(cell["outputs"])
        live += "live-figure" in text
        if "plt.show()" in source(cell):
            about = cell["metadata"].get("mystnb", {})
            assert len(about.get("image", {}).get("alt", "")) > 40, source(cell)[:200]
            assert len(about.get("figure", {}).get("caption", "")) > 20, source(cell)[:200]
    assert live >= 1


def test_front_page_numbers_stand_in_the_ledger():
    front = (ROOT / "book" / "intro.md").read_text("utf-8")
    ledger = "\n".join(path.read_text("utf-8") for path in (ROOT / "book" / "claims").glob("*.yml"))
    numbers = re.findall(r"\*\*(\d+)\*\*", front)
    assert numbers
    for number in numbers:
        assert re.search(rf"^\s*value: {number}\b", ledger, re.M), number
