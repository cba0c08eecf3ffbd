"""The reader's edition: every client shows it, answers stay closed, the code is the source's, figures have their pictures."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from PIL import Image

from momentum_lib.widgets.predict import parse

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_gen"), str(ROOT / "book" / "_ext"), str(ROOT / "book")]

import _myst
import executed
import lab
import reader

NAMES = [path.stem for path in reader.notebooks()]
every = pytest.mark.parametrize("name", NAMES)
BOOK = _myst.Book(ROOT)
CLIENT = MarkdownIt("commonmark").enable("table")  # what the clients' own Markdown has in common


@pytest.fixture(scope="module")
def both():
    """name -> (source, edition), each read once."""
    read = lambda path: nbformat.read(path, as_version=4)
    return {name: (read(ROOT / f"notebooks/{name}.ipynb"), read(ROOT / f"book/reader/{name}.ipynb")) for name in NAMES}


def prose(notebook):
    """The Markdown that a client renders: the text cells, and outputs in Markdown."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                yield output.data["text/markdown"]


def rendered(notebook):
    """The text cells as a client without any extension shows them, code blocks and code spans left out."""
    soup = BeautifulSoup("\n".join(CLIENT.render(text) for text in prose(notebook)), "html.parser")
    for code in soup.select("pre, code"):
        code.decompose()
    return soup


def blocks(text, *names):
    """(first line's words, options and body) of every directive of these names in a MyST text."""
    pattern = rf"^(`{{3,}}|:{{3,}})\{{(?:{'|'.join(names)})\}} *([^\n]*)\n(.*?)^\1 *$"
    return [(found[2].strip(), found[3]) for found in re.finditer(pattern, text, re.M | re.S)]


def words(text):
    """Letters alone: what is left of a sentence in any markup."""
    return re.sub(
        r"[^a-z]+", " ", re.sub(r"\{[\w:]+\}`[^`]*`|\$[^$]*\$|`[^`]*`|\[([^\]]*)\]\([^)]*\)", " ", text.lower())
    ).split()


# -- the files that are committed ---------------------------------------------------------------
def test_the_edition_is_what_the_source_makes():
    done = subprocess.run(
        [sys.executable, "book/_gen/reader.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@every
def test_no_myst_is_left(both, name):
    """No role, directive, target or attribute reaches a client that would show it as code."""
    for text in prose(both[name][1]):
        plain = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.M | re.S)
        assert not re.search(r"\{[\w:+-]+\}`|^\s*(`{3,}|:{3,})|^\([\w-]+\)=|^\{[.#]|^: ", plain, re.M), plain[:400]
    shown = rendered(both[name][1]).get_text()
    assert not re.search(r"\{(term|cite|doc|ref|numref|dropdown|admonition|exercise|solution)", shown)


@every
def test_code_is_the_sources_letter_for_letter(both, name):
    codes = [[(cell.id, cell.source) for cell in notebook.cells if cell.cell_type == "code"] for notebook in both[name]]
    assert codes[0] == codes[1] and codes[0]


@every
def test_answers_are_closed(both, name):
    """Each dropdown and solution is a `<details>` of its own that is shut, and nothing of its text stands outside of one."""
    source = "\n\n".join(cell.source for cell in both[name][0].cells if cell.cell_type == "markdown")
    asked = re.compile(r"^```\{predict\}\n(.*?)^```$", re.M | re.S)  # one fold each, and it opens with what is right
    source = asked.sub(lambda box: f"```{{dropdown}} Then open this\n{parse(box[1])[0].right.said}\n```", source)
    answers = blocks(source, "dropdown", "solution")
    soup = rendered(both[name][1])
    folds = soup.select("details")
    assert len(folds) == len(answers)
    for fold, (title, body) in zip(folds, answers, strict=True):
        assert "open" not in fold.attrs and fold.find(True).name == "summary"
        summary = fold.summary.get_text()
        assert words(title) == words(summary) or summary.startswith("Solution to exercise"), (title, summary)
        said = " ".join(words(fold.get_text()))
        opening = words(re.sub(r"^(:\w+:.*\n)+|^`{3,}.*?^`{3,}|^\$\$.*?\$\$|\$[^$]*\$", "", body, flags=re.M | re.S))[:4]
        assert " ".join(opening) in said, (title, opening)
    for fold in folds:
        fold.decompose()
    outside = " ".join(words(soup.get_text()))
    for title, body in answers:
        for sentence in re.findall(r"^[A-Z][^$`{}\n*]{60,}\.$", body, re.M):
            assert " ".join(words(sentence)) not in outside, (title, sentence)


@every
def test_boxes_are_boxes(both, name):
    """Predictions, exercises and theorems stand in a box with their title; source and edition have as many."""
    source = "\n\n".join(cell.source for cell in both[name][0].cells if cell.cell_type == "markdown")
    titles = [" ".join(words(title)) for title, _ in blocks(source, "admonition", "exercise", "prf:theorem")]
    quotes = [" ".join(words(first)) for first in re.findall(r"^> \*\*(.+?)\*\*", source, re.M)]
    shown = [" ".join(words(box.get_text())) for box in rendered(both[name][1]).select("blockquote")]
    assert len(shown) == len(titles) + len(quotes) + source.count("```{predict}")
    for title in titles + quotes:
        assert any(title in box for box in shown), title


@every
def test_mathematics_is_untouched(both, name):
    """Every formula of the source is a formula of the edition, and none is cut by a line of markup."""
    formulas = []
    for notebook in both[name]:
        text = "\n\n".join(prose(notebook))
        text = re.sub(r"^(`{3,})\w+\n.*?^\1$", "", text, flags=re.M | re.S)
        text = re.sub(r"`[^`\n]*`", "", text)
        formulas.append(re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, re.S))
    captions = sum(
        (re.findall(r"\$[^$]+\$", found["caption"]) for cell in both[name][0].cells if (found := reader._figure(cell))), []
    )
    assert sorted(formulas[0] + captions) == sorted(formulas[1])
    assert not any(re.search(r"^\s*>|</?(details|summary|blockquote)", formula, re.M) for formula in formulas[1])


@every
def test_every_figure_has_a_picture_and_no_cell_an_empty_box(both, name):
    source, edition = both[name]
    shown = {cell.id: cell.outputs for cell in edition.cells if cell.cell_type == "code"}
    for cell in source.cells:
        faces = [o for o in cell.get("outputs", []) if "data-figure" in o.get("data", {}).get("text/html", "")]
        figures = [o for o in cell.get("outputs", []) if "<Figure size" in o.get("data", {}).get("text/plain", "")]
        if not faces and not figures:
            continue
        pictures = [output for output in shown[cell.id] if reader.is_picture(output)]
        assert len(pictures) == len(faces) + len(figures), cell.id
        for picture in pictures:
            about = picture.metadata["image/png"]
            image = decoded(picture)
            assert len(about["alt"]) > 60 and about["width"] <= reader.WIDTH, cell.id
            assert about["height"] == pytest.approx(image.shape[0] * about["width"] / image.shape[1], abs=1)
            assert len(picture.data["image/png"]) > 6000, f"{cell.id}: an empty picture"
        for output in shown[cell.id][: len(faces)]:
            assert "Run this cell" in output.data["text/html"] and "Run this cell" in output.data["text/plain"]
    data = [output.get("data", {}) for outputs in shown.values() for output in outputs]
    assert not any("widget" in mime for one in data for mime in one), "a view without its model is an error in every client"
    assert not any('class="live-figure"' in one.get("text/html", "") for one in data)


@every
def test_what_a_folded_cell_prints_is_not_stored(both, name):
    """The numbers of the solutions are folded on the site; GitHub and Colab cannot fold an output."""
    source, edition = both[name]
    shown = {cell.id: cell for cell in edition.cells}
    for cell in source.cells:
        tags = set(cell.metadata.get("tags", []))
        if "hide-cell" in tags:
            assert shown[cell.id].outputs == []
        if tags & {"hide-cell", "hide-input"}:
            assert shown[cell.id].metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}


@every
def test_every_link_leads_somewhere(both, name):
    """Links are whole addresses: Colab resolves no other. Those of the course name a page and an anchor that there are."""
    links = [link["href"] for link in rendered(both[name][1]).select("a[href]")]
    assert len(links) > 8
    anchors = {place.anchor for place in BOOK.labels.values()} | set(BOOK.terms.values())
    for link in links:
        assert link.startswith("https://"), link
        page, _, anchor = link.removeprefix(BOOK.site).partition("#")
        if link.startswith(BOOK.site) and page and not page.startswith("_downloads/"):
            assert page.removesuffix(".html") in BOOK.documents, link
            assert not anchor or anchor in anchors, link


def decoded(output):
    """A picture of the edition as an array of RGBA values."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGBA"), dtype=float)


ROUNDED = {("10-network", "live"): 5.5}
"""A cell whose picture shows a training past the edge, where the last digit decides: how far apart two processors may draw it.

Every other setting of that figure is further off: 6.0 for another rate, 6.6 for a momentum of 0.89, 7.1 for another seed.
"""


@every
def test_pictures_are_what_the_cells_and_figures_draw_now(both, name):
    """The stored pictures against the notebook's run and the live figures as the library draws them."""
    path = ROOT / f"notebooks/{name}.ipynb"
    executed.run(path)
    made = reader.Edition(BOOK, path, fresh=True)
    new = {cell.id: cell.get("outputs", []) for cell in made.notebook().cells}
    assert made.missing == []
    for cell in both[name][1].cells:
        stored = [output for output in cell.get("outputs", []) if reader.is_picture(output)]
        drawn = [output for output in new[cell.id] if reader.is_picture(output)]
        assert len(stored) == len(drawn), f'{name}, {cell.id}: run "make notebooks"'
        for one, other in zip(map(decoded, stored), map(decoded, drawn), strict=True):
            assert np.abs(np.subtract(one.shape, other.shape)).max() <= 3, f'{name}, {cell.id}: run "make notebooks"'
            high, wide = np.minimum(one.shape, other.shape)[:2]
            off = np.abs(one[:high, :wide] - other[:high, :wide]).mean()
            limit = ROUNDED.get((name, cell.id), 2.5)
            assert off < limit, f'{name}, {cell.id} draws another picture (off by {off:.1f} of 255); run "make notebooks"'


# -- what makes it --------------------------------------------------------------------------------
@pytest.fixture
def page(tmp_path):
    """A page of a small book, on its way to plain Markdown."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "_config.yml").write_text("title: T\nrepository:\n  url: https://github.com/me/it\n")
    terms = "```{glossary}\n:sorted:\n\nStep size\n  How far.\n\nHessian\n  H.\n```\n"
    (tmp_path / "book" / "glossary.md").write_text(f"# Glossary\n\n{terms}")
    (tmp_path / "book" / "references.bib").write_text(
        "@article{one, author={Polyak, Boris T.}, year={1964}, doi={10.1/a(2)b}}\n"
        "@misc{two, author={de Vries, Ann and Bo, C.}, year={2001}, eprint={2001.1}}\n"
        "@misc{many, author={A, B and C, D and E, F}, year={2002}}\n"
    )
    (tmp_path / "book" / "bibliography.md").write_text("# Bibliography\n")
    first = "```{exercise} First\n:label: ex-a\nDo.\n```\n\n"
    second = "```{exercise} Second\n:class: x\n:label: ex-b\nDo.\n```\n\n"
    text = f"(top)=\n# Title\n\n(here_it)=\n## A place\n\n{first}{second}" + "```{prf:theorem} T\n:label: thm\nSo.\n```\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    nbformat.write(notebook, tmp_path / "notebooks" / "07-x.ipynb")
    return _myst.Page(_myst.Book(tmp_path), "notebooks/07-x", ["fig-a", "fig-b"])


SITE = "https://me.github.io/it/"


def boxed(text):
    return f"<blockquote>\n\n{text}\n\n</blockquote>"


def folded(title, text):
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


CODE = "```python\nx = {term}\n(a)=\n```"
SAID = {
    "a term": ("{term}`steps <step size>`", f"[steps]({SITE}book/glossary.html#term-Step-size)"),
    "a term over two lines": ("{term}`step\nsize`", f"[step\nsize]({SITE}book/glossary.html#term-Step-size)"),
    "a page": ("{doc}`/notebooks/07-x`", f"[Title]({SITE}notebooks/07-x.html)"),
    "a page beside": ("{doc}`words <07-x>`", f"[words]({SITE}notebooks/07-x.html)"),
    "a place": ("{ref}`here_it`", f"[A place]({SITE}notebooks/07-x.html#here-it)"),
    "a place as a link": ("[so](#here_it)", f"[so]({SITE}notebooks/07-x.html#here-it)"),
    "who": ("{cite:t}`one`", "[Polyak (1964)](https://doi.org/10.1/a%282%29b)"),
    "two": (
        "{cite:p}`one,two`",
        "([Polyak, 1964](https://doi.org/10.1/a%282%29b); [de Vries and Bo, 2001](https://arxiv.org/abs/2001.1))",
    ),
    "many": ("{cite}`many`", f"([A *et al.*, 2002]({SITE}book/bibliography.html))"),
    "a figure": ("{numref}`fig-b`", "Fig. 7.2"),
    "a theorem": ("{prf:ref}`thm`", "Theorem 7.1"),
    "an exercise": ("{numref}`Exercise %s <ex-b>`", "Exercise 7.2"),
    "code": ("`{not}`, `a{b}`", "`{not}`, `a{b}`"),
    "a code block": (CODE, CODE),
    "a target": ("(label)=\n## Words", "## Words"),
    "definitions": (
        "{.erratum}\nWhere\n: There, or\n  here.\n\nWhat\n: $$x$$",
        "**Where:** There, or\n  here.\n\n**What:**\n\n$$x$$",
    ),
    "a box": ("```{admonition} Predict $x$\n:class: predict\n\nNow.\n```", boxed("**Predict $x$**\n\nNow.")),
    "a quotation": ("Say:\n> **So.** Is\n>\n> $$x\n> y$$\nand", "Say:\n\n" + boxed("**So.** Is\n\n$$x\ny$$") + "\n\nand"),
    "a note": (":::{note}\nNow.\n:::", boxed("**Note**\n\nNow.")),
    "a fold": ("```{dropdown} Why `a<b` *so*\nNow.\n```", folded("Why <code>a&lt;b</code> <em>so</em>", "Now.")),
    "a solution": (f"````{{solution}} ex-b\n:class: dropdown\n\n{CODE}\n````", folded("Solution to exercise 7.2", CODE)),
    "a box that folds": ("```{admonition} Why\n:class: tip dropdown\nSo.\n```", folded("Why", "So.")),
    "a formula": ("```{math}\nx\n```", "$$x$$"),
}


@pytest.mark.parametrize("what", SAID)
def test_each_kind_of_markup_is_said_in_plain_markdown(page, what):
    source, plain = SAID[what]
    assert page.markdown(source) == plain


REFUSED = {
    "{newrole}`x`": "role {newrole} is not known",
    "```{newbox}\nx\n```": "directive {newbox} is not known",
    "{term}`no such`": "glossary has no 'no such'",
    "{cite}`nobody`": "references.bib has no 'nobody'",
    "{doc}`/book/nothing`": "no page is called 'book/nothing'",
    "{ref}`nowhere`": "no heading has the label 'nowhere'",
    "{numref}`fig-z`": "called 'fig-z'",
    "```{note}\nnever closed": "is never closed",
}


@pytest.mark.parametrize("source", REFUSED)
def test_what_no_client_would_show_is_refused(page, source):
    with pytest.raises(LookupError, match=re.escape(REFUSED[source])):
        page.markdown(source)


def test_a_figure_that_nobody_drew_is_named(monkeypatch):
    """A new figure cell that was never run: the edition stands, and says what to run."""
    monkeypatch.setattr(reader.executed, "find", lambda path: None)
    edition = reader.Edition(BOOK, ROOT / "notebooks" / "errata.ipynb")
    next(cell for cell in edition.source.cells if reader._figure(cell)).id = "new-figure"
    edition.notebook()
    assert edition.missing == ["new-figure"]


# -- make lab -------------------------------------------------------------------------------------
def test_make_lab_never_writes_over_a_readers_work(tmp_path):
    assert lab.copy(target=tmp_path / "lab") == ([f"{name}.ipynb" for name in NAMES], [])
    own = tmp_path / "lab" / f"{NAMES[0]}.ipynb"
    own.write_text("mine")
    (tmp_path / "lab" / f"{NAMES[1]}.ipynb").unlink()
    assert lab.copy(target=tmp_path / "lab") == ([f"{NAMES[1]}.ipynb"], [f"{NAMES[0]}.ipynb"])
    assert own.read_text() == "mine"


def test_jupyterlab_is_pinned_beside_the_books_packages():
    """Exact versions, none of which the book pins otherwise; `make lab` alone installs them, and the README says so."""
    pins = lambda name: re.findall(r"^([\w.-]+)==([\w.]+)$", (ROOT / name).read_text("utf-8"), re.M)
    mine = dict(pins("requirements-lab.txt"))
    lines = [line for line in (ROOT / "requirements-lab.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert "jupyterlab" in mine and len(mine) == len(lines)
    assert not {name.lower() for name in mine} & {name.lower() for name, _ in pins("requirements.txt")}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^lab: \$\(LAB\)", makefile, re.M) and makefile.count("requirements-lab.txt") == 2
    assert "make lab" in (ROOT / "README.md").read_text("utf-8")
    settings = json.loads((lab.SETTINGS / "overrides.json").read_text("utf-8"))
    assert settings["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    assert f"--LabApp.app_settings_dir={lab.SETTINGS}" in lab.command([])
