"""Chapters teach in order: a word, a rule or a symbol is introduced before it is used, no fact is asked for twice, what may be
skipped is marked, and the page shows the lines of code that carry the idea."""

import json
import re
import sys
from pathlib import Path

import pytest
from test_repo import glossary

from momentum_lib.notation import QUANTITIES
from momentum_lib.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_gen"))
import chapters as generator  # noqa: E402

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
VISIBLE = 120
"""Most lines of code that a chapter shows unasked."""
PICTURES = {
    "pictures-matrix": r"\beigenvectors?\b|\bdeterminants?\b",
    "pictures-pair": r"\bcomplex (?:number|pair)|\bare complex\b|\bconjugate pair",
    "pictures-equation": r"\bdifferential equation",
    "pictures-convex": r"\bconvex(?:ity)?\b",
    "pictures-shadow": r"\bCauchy-Schwarz",
    "pictures-spread": r"\b(?:co)?variance\b|\bstandard deviations?\b",
    "pictures-p": r"\bdegrees of freedom\b",
}
"""Section of the page of pictures -> what a chapter calls the notion."""
SHARED = {"weight_decay", "eps"}
"""Quantities whose letter has another meaning in earlier chapters: an angular frequency, a small slope."""

each = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text("utf-8"))


def source(cell):
    return "".join(cell["source"])


def told(path):
    """The text of a chapter's sections, cell by cell, without exercises and notes."""
    found = []
    for cell in read(path)["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "exercises" in tags or "notes" in tags:
            break
        if cell["cell_type"] == "markdown":
            found.append(source(cell))
    return found


def number(path):
    return int(path.stem[:2])


# -- words and rules ------------------------------------------------------------------------------


def taught():
    """Word or rule's title -> the first chapter that teaches it: the glossary's, else the one that prints the rule's text."""
    found = {}
    for term, text in glossary().items():
        if "<pictures-" in text:  # introduced on the page of pictures; test_a_notion_leads_to_its_picture
            continue
        found[term] = min(int(n) for n in re.findall(r"</notebooks/(\d+)-", text))
    for rule in RULES.values():
        if rule.title.lower() in {term.lower() for term in found}:
            continue
        printed = [n for n, text in CODE.items() if re.search(rf"python_text\(rules\.{rule.name}\)", text)]
        if printed:
            found[rule.title] = min(printed)
    return found


CODE = {number(path): "\n".join(source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "code") for path in CHAPTERS}


def too_early(text, chapter, words):
    """The words of ``words`` (word -> chapter that teaches it) that a chapter's ``text`` uses before, and does not link."""
    found = []
    for word, home in words.items():
        use = re.search(rf"(?<![\w-]){re.escape(word)}(?:s|es)?(?![\w-])", text, re.I)
        if home <= chapter or not use:
            continue
        before, after = text[max(0, use.start() - 150) : use.start()], text[use.end() : use.end() + 150]
        inside = re.search(r"\{(?:term|doc|ref)\}`[^`]*$", before)
        beside = re.search(rf"\{{doc\}}`[^`]*/{home:02d}-", before + after) or re.match(r" \(\{ref\}`", after)
        if not (inside or beside):
            found.append(word)
    return found


@each
def test_a_word_or_rule_of_a_later_chapter_is_linked_where_it_is_first_used(path):
    text = "\n".join(told(path))
    assert not (found := too_early(text, number(path), taught())), (
        f"{path.stem} uses {', '.join(found)} before the chapter that teaches it; link the first use, {{term}}`{found[0]}`, or "
        "name that chapter beside it"
    )


def test_a_word_too_early_is_noticed():
    words = {"noise ball": 8, "Muon": 13}
    assert too_early("A noise ball is round.", 3, words) == ["noise ball"]
    assert too_early("See Muons in {doc}`chapter 14 </notebooks/14-scale>`.", 3, words) == ["Muon"]
    assert too_early("A {term}`noise ball` and Muon, {doc}`chapter 13 </notebooks/13-transformer>`.", 3, words) == []
    assert too_early("A noise ball.", 8, words) == []
    assert len(taught()) > 60


# -- symbols --------------------------------------------------------------------------------------


def first_uses(cells):
    """Quantity -> the first cell whose formulas have its symbol, of those with a symbol that is more than one letter."""
    found = {}
    plain = [re.sub(r"\\textcolor\{[^}]*\}|[{}]", "", cell) for cell in cells]
    formulas = [" ".join(re.findall(r"\$\$.*?\$\$|\$[^$]*\$", text, re.S)) for text in plain]
    for name, quantity in QUANTITIES.items():
        symbol = re.sub(r"[{}]", "", quantity.latex)
        if len(symbol) == 1 or name in SHARED:
            continue
        for cell, formula in zip(cells, formulas, strict=True):
            if re.search(re.escape(symbol) + r"(?![A-Za-z_])", formula):
                found[name] = cell
                break
    return found


def unnamed(cells):
    """The quantities whose first cell does not say what they are: no word of their name that has five letters or more."""
    return [
        name
        for name, cell in first_uses(cells).items()
        if not any(word in cell.lower() for word in re.findall(r"[a-z]{5,}", QUANTITIES[name].name.lower()))
    ]


def test_a_symbol_is_named_where_the_course_first_uses_it():
    cells = [cell for path in CHAPTERS for cell in told(path)]
    assert len(first_uses(cells)) > 5
    assert unnamed(cells) == []


def test_a_symbol_that_comes_from_nowhere_is_noticed():
    assert unnamed(["Take $\\eta = 1$.", "The learning rate $\\eta$ is a length."]) == ["lr"]
    assert unnamed(["The learning rate $\\eta$, and the {term}`momentum` $\\textcolor{#123456}{\\beta}$."]) == []


# -- exercises ------------------------------------------------------------------------------------


def exercises():
    """(chapter, label, title) of every exercise."""
    for path in CHAPTERS:
        text = "\n".join(source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown")
        for title, label in re.findall(r"\{exercise\} ([^\n]*)\n:label: (\S+)", text):
            yield path.stem, label, re.sub(r"[^\w' ]", "", title).strip().lower()


def test_no_two_exercises_ask_for_one_fact():
    facts = {label: fact for path in CHAPTERS for label, fact in read(path)["metadata"]["course"]["facts"].items()}
    listed = list(exercises())
    assert {label for _, label, _ in listed} == facts.keys(), (
        'the notebook\'s metadata name under "course", "facts" for each exercise\'s label the fact that it asks for'
    )
    assert all(re.fullmatch(r"[\w .-]+: .{8,}", fact) for fact in facts.values()), "a fact is 'subject: what about it'"
    for what in (list(facts.values()), [title for *_, title in listed]):
        assert not [one for one in set(what) if what.count(one) > 1]


# -- the short path -------------------------------------------------------------------------------


@each
def test_what_may_be_skipped_is_marked_and_named_below_the_first_figure(path):
    cells = read(path)["cells"]
    titles = generator.skipped(cells)
    marks = "\n".join(source(cell) for cell in cells).count(generator.MARK)
    assert 1 <= len(titles) == marks, f"{generator.MARK!r} stands under the title of a section, with an empty line between"
    first = next(i for i, cell in enumerate(cells) if "live-figure" in json.dumps(cell.get("outputs", "")))
    below = [cell for cell in cells[first:] if cell["cell_type"] == "markdown"]
    head = next((source(cell) for cell in below[:2] if source(cell).endswith(generator.short_path(titles))), None)
    assert head, "make generate writes it"
    told = [re.search(rf"^\*\*{words}\b.*", head, re.M) for words in ("Afterwards you can", "You need")]
    assert all(told) and re.search(r"\*\*Time:\*\* about \d+ minutes, and \d+ for the exercises\.$", told[1][0])
    heart = [cell for cell in cells if {"look", "rule", "summary"} & set(cell["metadata"].get("tags", []))]
    assert not [title for title in titles if f"## {title}\n" in "".join(source(cell).split("###")[0] for cell in heart)]


def test_a_chapter_without_a_mark_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "21-new.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# New\n"]}]}))
    monkeypatch.setattr(generator, "notebooks", lambda: {"21-new": path})
    with pytest.raises(LookupError, match="marks no section"):
        generator.with_head("21-new")


# -- pictures and code ----------------------------------------------------------------------------


@each
def test_a_notion_leads_to_its_picture(path):
    text = "\n".join(told(path))
    for section, words in PICTURES.items():
        use, link = re.search(words, text), text.find(f"<{section}>`")
        assert use is None or 0 <= link <= use.end() + 80, (
            f"{path.stem}: {use[0]!r} has no link {{ref}}`in a picture <{section}>`"
        )


def test_the_pictures_are_there():
    text = (ROOT / "notebooks" / "pictures.ipynb").read_text("utf-8")
    assert all(f"({section})=" in text for section in PICTURES)
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    assert 0 < toc.index("notebooks/pictures") < toc.index("notebooks/01-")


@each
def test_the_page_shows_the_lines_that_carry_the_idea(path):
    """Bookkeeping folds: what a reader sees unasked is short."""
    hidden = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
    code = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    shown = [source(cell) for cell in code if not hidden & set(cell["metadata"].get("tags", []))]
    assert sum(bool(line.strip()) for text in shown for line in text.splitlines()) <= VISIBLE
