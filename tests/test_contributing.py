"""Follows CONTRIBUTING.md to the letter, in one copy of the repository: a rule, a rule with a new symbol, a surface, a live
figure, a chapter.

Each recipe is read out of the page, put where the page says, generated, tested by the tests that apply, and taken out
again; then every file has its old bytes.  Each place is also left out once, and what is missing must be said.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from tests import forked, gate, links

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
NUMBERS = {"One": 1, "Two": 2, "Three": 3}
RULE, SYMBOL, SURFACE, FIGURE = "Add a rule", "Add a rule with a new symbol", "Add a surface", "Add a live figure"
RECIPES = (RULE, SYMBOL, SURFACE, FIGURE)


# -- the page ---------------------------------------------------------------------------------


def section(title):
    """The text below one heading of CONTRIBUTING.md."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, f"CONTRIBUTING.md has no section {title!r}"
    return found[1]


def promised(title):
    """The number of places that a recipe says it takes."""
    return NUMBERS[re.match(r"\n?(One|Two|Three) places?:", section(title))[1]]


def places(title):
    """(file, what to put there) for each place of a recipe: each block of code below a line "In `file` ...:"."""
    return re.findall(r"^In `([\w/.]+)`[^\n]*:[^\n]*\n\n```\w+\n(.*?)^```", section(title), re.M | re.S)


def name_of(title):
    """What a recipe adds, by its name."""
    code = "".join(code for _, code in places(title))
    return re.search(r'^    figure = "(\w+)"', code, re.M)[1] if title == FIGURE else re.search(r"^def (\w+)\(", code, re.M)[1]


def put(house, file, code):
    """Write one place: a new file, an import with the others, a row of a table, or a function above its registry."""
    path = house / file
    if not path.exists():
        path.write_text(code, "utf-8")
        return
    text = path.read_text("utf-8")
    if path.name == "__init__.py":
        at = list(re.finditer(r"^from \.\w+ import [^\n]*\n", text, re.M))[-1].end()
    elif path.name == "notation.py":
        at = re.search(r"^QUANTITIES = \{\n(?:    .*\n)*", text, re.M).end()
    else:
        at, code = text.index("SURFACES = "), f"{code}\n\n"
    path.write_text(text[:at] + code + text[at:], "utf-8")


@pytest.mark.parametrize("title", RECIPES)
def test_the_page_counts_its_places(title):
    """A recipe that takes more places than it says."""
    assert len(places(title)) == promised(title) == len({file for file, _ in places(title)})


def test_every_section_that_is_promised_is_there():
    for title in ("The house", *RECIPES, "Add a chapter", "Add an erratum", "Numbers", "Words"):
        section(title)


# -- the copy ---------------------------------------------------------------------------------


def files():
    """Names of the files that are committed, and of those that would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    names = done.stdout.decode().split("\0") if done.returncode == 0 else links.files()
    return [name for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of what is committed, or would be, with what `make vendor` fetched beside it."""
    folder = tmp_path_factory.mktemp("house")
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    said = run(folder, "-c", "import momentum_lib; print(momentum_lib.__file__)")
    assert Path(said.strip()).is_relative_to(folder), f"the installed library hides the copy: {said}"
    return folder


def ask(house, *arguments):
    """(exit status, all that was said) of a Python command whose momentum_lib is the copy's."""
    own = {"PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "", "OMP_NUM_THREADS": "1"}  # compiled once, not at each start
    own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the tests that are run there need none
    done = forked.run(arguments, cwd=house, env={**os.environ, **own}, joined=True)
    return done.returncode, done.stdout


def succeeds(answer):
    """What a command said; fails with it where the command failed."""
    status, said = answer
    assert status == 0, said[-6000:]
    return said


def run(house, *arguments):
    """What a Python command says; fails with it."""
    return succeeds(ask(house, *arguments))


def generate(house, *options):
    """`make generate`, or with --check its part of `make check`; the claims, which no recipe of code changes, aside."""
    return ask(house, "book/_gen/_all.py", *options, "--but", "claims")


def pytest_run(house, words, *paths, but="nothing"):
    """The tests of the copy whose names hold one of the words, and not what ``but`` says."""
    chosen = ["-k", f"({' or '.join(words)}) and not ({but})"]
    options = [
        "-q",
        "-x",
        "-p",
        "no:nbval",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--rootdir={house}",
        "-c",
        "pyproject.toml",
    ]
    return run(house, "-m", "pytest", *options, *chosen, *paths)


CACHES = {"node_modules", "__pycache__", ".hypothesis", ".pytest_cache", ".ruff_cache"}  # git does not look there either


def bytes_of(house):
    """Name -> content of every file of the copy."""
    found = (path.relative_to(house) for path in house.rglob("*") if path.is_file())
    return {path.as_posix(): (house / path).read_bytes() for path in found if not CACHES & {*path.parts}}


def changed(house, before):
    """Names of the files that are new, gone, or have other bytes."""
    now = bytes_of(house)
    return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}


def restore(house, before):
    """Give every file its old bytes back, and take away what is new."""
    for name, content in bytes_of(house).items():
        if name not in before:
            (house / name).unlink()
        elif before[name] != content:
            (house / name).write_bytes(before[name])


@contextlib.contextmanager
def without_a_trace(house):
    """What is written inside is gone afterwards."""
    before = bytes_of(house)
    try:
        yield before
    finally:
        restore(house, before)


# -- followed to the letter -------------------------------------------------------------------

APPLY = {  # the tests of everything that there is, by a part of their names; those that take a name have the new one in theirs
    "test_rules.py": "settings_name menu_keeps which_hyper",
    "test_mutants.py": "enough_mutants",
    "test_codegen.py": "latex matrix_rule_is_left_out share_no_name same_step printed_python",
    "test_kernels.py": "which_pairs cover_covers",
    "test_conventions.py": "every_rule_that_converts",
    "test_widgets.py": "every_module no_colour no_module bundle_is",
    "test_widgets_race_dial.py": "holds_every frames_rates",
    "test_repo.py": "test_repo",
    "test_alone.py": "generates",
    "test_descend.py": "story",
    "test_optim.py": "looks_from",
    "test_scale.py": "state_is",
    "test_surfaces.py": "minima_are",
}


def test_every_recipe_of_code_is_followed_and_taken_out_again(house):
    """The places that the page names are all that is written by hand; the tests that apply are green; nothing is left."""
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    with without_a_trace(house) as before:
        follow_all(house, before)


def follow_all(house, before):
    """Write, generate, test, take out again, generate again."""
    for title in RECIPES:
        for file, code in places(title):
            put(house, file, code)
    by_hand = {file for title in RECIPES for file, _ in places(title)}
    assert changed(house, before) == by_hand
    assert generate(house, "--check")[0] == 1, "what is new must make the generated files stale"
    run(house, "-m", "ruff", "check", "--quiet", "--no-cache", "--fix", *(file for file in by_hand if file.endswith(".py")))
    succeeds(generate(house))
    what_is_new_is_everywhere(house)
    names = [name_of(title) for title in RECIPES]
    once = f"c_text and {name_of(RULE)}"  # some seconds of compiling; the other rule, which has more in it, does that
    said = pytest_run(house, [*names, *" ".join(APPLY.values()).split()], *(f"tests/{file}" for file in APPLY), but=once)
    assert int(re.search(r"(\d+) passed", said)[1]) > 150, said
    pytest_run(house, [name_of(FIGURE)], "tests/browser/test_live_every.py")
    the_figure_passes_the_gate(house)
    for file in by_hand:
        if file in before:
            (house / file).write_bytes(before[file])
        else:
            (house / file).unlink()
    succeeds(generate(house))
    assert changed(house, before) == set(), "taken out again, and generated, these are not what they were"


def what_is_new_is_everywhere(house):
    """Cards, tables, best settings and the printed JavaScript; what is generated is fresh."""
    js = "momentum_lib/widgets/js/generated"
    wanted = ("book/_gen/rules.md", "book/_gen/surfaces.md", "book/_gen/quantities.md", f"{js}/tuned.js", f"{js}/rules.js")
    cards, surfaces, quantities, tuned, printed = ((house / name).read_text("utf-8") for name in wanted)
    for rule in (name_of(RULE), name_of(SYMBOL)):
        assert f"(rule-{rule})=" in cards and f'name: "{rule}"' in printed
        assert tuned.count(f'"{rule}": {{') == tuned.count('"heavy_ball": {')
    assert r"\delta" in quantities and r"smallest gradient that counts $\delta$" in cards
    assert f"| `{name_of(FIGURE)}` |" in (house / "book/_gen/figures.md").read_text("utf-8")
    assert f"(surface-{name_of(SURFACE)})=" in surfaces and f'"{name_of(SURFACE)}": {{' in tuned
    succeeds(generate(house, "--check"))


def the_figure_passes_the_gate(house):
    """Formatter, linter and type checker have nothing to say of the page's JavaScript."""
    (module,) = (file for file, _ in places(FIGURE) if file.endswith(".js"))
    for script, *options in (("prettier/bin/prettier.cjs", "--check"), ("eslint/bin/eslint.js", "--max-warnings=0")):
        succeeds(gate.run(gate.node(script, *options, module), house))
    _, said = gate.run(gate.TOOLS["types"][0], house)
    assert module not in said, [line for line in said.splitlines() if module in line]


# -- each place left out once -----------------------------------------------------------------

SAID = {  # (recipe, the place that is left out) -> what make generate says
    (
        RULE,
        "rules/__init__.py",
    ): r"no import line names it\. Add to momentum_lib/rules/__init__\.py\n    from \.signs_of_memory import averaged_signs",
    (RULE, "rules/signs_of_memory.py"): "No module named 'momentum_lib.rules.signs_of_memory'",
    (
        SYMBOL,
        "notation.py",
    ): r"'counted_signs' names 'gate', and QUANTITIES in momentum_lib/notation\.py has no row.*\"gate\": Quantity\(",
    (SYMBOL, "rules/__init__.py"): r"from \.counted_signs import counted_signs",
}


@pytest.mark.parametrize(("title", "left_out"), SAID, ids=lambda value: value.replace("/", "-"))
def test_a_place_left_out_of_a_rule_is_named(house, title, left_out):
    with without_a_trace(house):
        for file, code in places(title):
            if file != f"momentum_lib/{left_out}":
                put(house, file, code)
        for option in ([], ["--check"]):
            status, said = ask(house, "-m", "momentum_lib.codegen", *option)
            assert status and re.search(SAID[title, left_out], said, re.S), said


def test_a_surface_without_its_gradient_or_in_the_wrong_place_is_named(house):
    ((file, code),) = places(SURFACE)
    function, gradient = re.match(r"(.*?\n)\n\n(@booth\.grad.*)", code, re.S).groups()
    for text, words in (
        (function, r"'booth' has no gradient\. Write it below.*@booth\.grad\n    def _\(x, y\):"),
        (None, "'booth' below the line that fills SURFACES.*Move the function"),
    ):
        with without_a_trace(house):
            if text:
                put(house, file, text)
            else:
                with (house / file).open("a", encoding="utf-8") as end:
                    end.write(f"\n\n{function}\n\n{gradient}")
            status, said = ask(house, "-m", "momentum_lib.codegen")
            assert status and re.search(words, said, re.S), said


@pytest.mark.parametrize("left_out", [file for file, _ in places(FIGURE)], ids=lambda file: Path(file).name)
def test_a_place_left_out_of_a_figure_is_named(house, left_out):
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    words = {
        "half_life.py": "No module named 'momentum_lib.widgets.half_life'",
        "half_life.js": "the figure 'half_life' has no module; write momentum_lib/widgets/js/half_life.js",
        "__init__.py": "js/half_life.js has no class; write momentum_lib/widgets/half_life.py and import it",
    }[Path(left_out).name]
    with without_a_trace(house):
        for file, code in places(FIGURE):
            if file != left_out:
                put(house, file, code)
        for option in ([], ["--check"]):
            status, said = ask(house, "book/_gen/figures.py", *option)
            assert status and words in said, said


# -- a chapter --------------------------------------------------------------------------------


def tags():
    """The tags of the sections, as the page promises them."""
    promise = re.search(r"give the cell that opens each section its tag: (.+?)\.$", section("Add a chapter"), re.M)[1]
    return re.findall(r"`([\w-]+)`", promise)


def a_chapter():
    """The smallest chapter that keeps the contract, with what its cells print."""
    text, code, output = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell, nbformat.v4.new_output
    face = '<div class="live-figure" data-figure="dial" data-state="{}" role="group"></div>'
    live = [output("execute_result", {"text/html": face.format(state)}) for state in ("{}", "{&quot;kappa&quot;: 9}")]
    first, *others = tags()
    cells = [
        text("# The gradient\n\n**One word needs 612 steps**\n\nTurn the dial.", metadata={"tags": [first]}),
        code("Dial()", outputs=live[:1]),
        text("Why so many?"),
    ]
    for number, tag in enumerate(others):
        words = f"## Section {number}" + "\n\n*May be skipped on a first reading.*" * (tag == "check")
        if tag == "exercises":
            words += "".join(
                f"\n\n```{{exercise}} Easy {k}\n:label: ex-99-{k}\nCount.\n```\n\n```{{solution}} ex-99-{k}\n:class: "
                f"dropdown\nOne.\n```"
                for k in range(4)
            )
        if tag == "explore":
            words += "\n\nAnd in a round bowl?"
            cells += [text(words, metadata={"tags": [tag]}), code("Dial(kappa=9)", outputs=live[1:])]
        else:
            cells.append(text(words, metadata={"tags": [tag]}))
        cells.append(code(f"print({number}, 612)", outputs=[output("stream", name="stdout", text=f"{number} 612\n")]))
    course = {
        "about": "why one word is enough",
        "able": "count to 612",
        "needs": [1],
        "facts": {f"ex-99-{k}": f"counting: the number {k}" for k in range(4)},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata={"course": course})


CLAIMS = """- id: 99.1
  claim: Six times a hundred and two are 612.
  source: this course
  code: 6 * 102
  value: 612
  tolerance: 0
  shown: 612
"""
LISTS = (
    "book/_gen/contents.md",
    "book/_gen/objectives.md",
    "book/_gen/graph.md",
    "momentum_lib/grade/chapters.py",
    "book/_gen/plans.md",
    "book/_gen/hours.md",
    "README.md",
)


def list_it(house, stem="99-word"):
    """The line of _toc.yml, below the last chapter."""
    path = house / "_toc.yml"
    text = path.read_text("utf-8")
    at = list(re.finditer(r"^      - file: notebooks/\d[^\n]*\n", text, re.M))[-1].end()
    line = re.search(r"`(- file: notebooks/)NN-word`", section("Add a chapter"))[1]
    path.write_text(f"{text[:at]}      {line}{stem}\n{text[at:]}", "utf-8")


def picture_it(house, number="99"):
    """The picture of a chapter: its row in CHAPTERS."""
    path = house / "book/_ext/tiles.py"
    text = path.read_text("utf-8")
    end = text.index("}  # fmt: skip")
    path.write_text(f'{text[:end]}    "{number}": race,\n{text[end:]}', "utf-8")


def test_the_tags_that_are_promised_are_the_ones_that_are_tested():
    from tests import test_chapters

    assert tags() == test_chapters.SKELETON


def test_a_chapter_is_a_notebook_and_a_line(house):
    """Cleaned and generated it stands in every list, README counts it, and the tests of chapters hold it;
    its claims are content."""
    assert promised("Add a chapter") == 3
    chapters = "book/_gen/chapters.py"
    with without_a_trace(house) as before:
        nbformat.write(a_chapter(), house / "notebooks/99-word.ipynb")
        assert ask(house, "tests/clean.py", "--check", "notebooks/99-word.ipynb")[0] == 1, "an unclean chapter must be noticed"
        run(house, "tests/clean.py", "notebooks/99-word.ipynb")
        status, said = ask(house, chapters, "--check")
        assert status == 1 and 'add the line "- file: notebooks/99-word"' in said, said
        list_it(house)
        assert ask(house, chapters, "--check")[0] == 1
        run(house, chapters)
        run(house, "book/_gen/plans.py")
        status, said = ask(
            house, "-m", "pytest", "-q", "-p", "no:nbval", "-p", "no:cacheprovider", "tests/test_tiles.py", "-k", "every_chapter"
        )
        assert status and "99-word: no picture; write a function in book/_ext/tiles.py" in said, said
        picture_it(house)
        pytest_run(house, ["every_chapter"], "tests/test_tiles.py")
        assert changed(house, before) == {"notebooks/99-word.ipynb", "_toc.yml", "book/_ext/tiles.py", *LISTS}
        for name in LISTS[:4]:
            assert "99-word" in (house / name).read_text("utf-8"), name
        count = len(list(house.glob("notebooks/[0-9]*.ipynb")))
        counted = re.search(r"holds ([\w-]+) chapters", (house / "README.md").read_text("utf-8"))[1]
        assert (
            counted
            == run(
                house, "-c", f"import sys; sys.path.insert(0, 'book/_gen'); import chapters; print(chapters.in_words({count}))"
            ).strip()
        )
        files = ["test_chapters.py", "test_notebooks.py", "test_contributing.py", "test_instructors.py", "test_teaching.py"]
        words = ["99-word", "objectives", "chapters_exist", "one_fact"]
        pytest_run(house, words, *(f"tests/{file}" for file in files))
        status, said = ask(
            house, "-m", "pytest", "-q", "-p", "no:nbval", "-p", "no:cacheprovider", "tests/test_claims.py", "-k", "ledger"
        )
        assert status and "book/claims/99.yml is missing or empty" in said, said
        (house / "book/claims/99.yml").write_text(CLAIMS, "utf-8")
        pytest_run(house, ["ledger", "ids_are", "99.1"], "tests/test_claims.py")
        (house / "notebooks/99-word.ipynb").unlink()
        status, said = ask(house, chapters)
        assert status == 1 and "_toc.yml lists notebooks/99-word, which does not exist" in said, said
        restore(house, before)
        run(house, chapters, "--check")


@pytest.mark.parametrize("key", ["about", "able", "needs"])
def test_a_chapter_that_does_not_say_what_it_is_about_is_named(house, key):
    with without_a_trace(house):
        notebook = a_chapter()
        del notebook.metadata["course"][key]
        nbformat.write(notebook, house / "notebooks/99-word.ipynb")
        list_it(house)
        status, said = ask(house, "book/_gen/chapters.py")
        assert status == 1 and "notebooks/99-word.ipynb does not say wh" in said and f"its metadata lack '{key}'" in said, said


def chapters():
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def test_chapters_exist():
    assert chapters(), "notebooks/ holds no chapter"


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_is_named_and_listed_and_has_one_title(path):
    assert re.fullmatch(r"\d\d-[a-z]+(-[a-z]+)*", path.stem), f"{path.name}: name it NN-word.ipynb"
    assert f"file: notebooks/{path.stem}\n" in (ROOT / "_toc.yml").read_text("utf-8"), f"_toc.yml does not list {path.stem}"
    cells = json.loads(path.read_text("utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    titles = re.findall(r"^# (.+)$", re.sub(r"^(`{3,}|~{3,}).*?^\1", "", prose, flags=re.M | re.S), re.M)
    assert len(titles) == 1, f"{path.name} has {len(titles)} titles: {titles}"
