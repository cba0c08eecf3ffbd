"""Each notebook is run once: its run is valid while what it read is the same, and nbval judges its outputs as ever."""

import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import executed  # noqa: E402

from tests import related  # noqa: E402

JS = ROOT / "momentum_lib" / "widgets" / "js"

NOTEBOOKS = {
    "imports": ["from momentum_lib import a\nprint(a.x)"],
    "reads": ["from pathlib import Path\nimport momentum_lib.b", "print(Path('records/r.json').read_text())"],
    "lists": ["import os\nprint(sorted(name for name in os.listdir('records')))"],
    "starts": [
        "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'import momentum_lib.c'], text=True))"
    ],
    "blind": ["import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-I', '-c', 'print(5)'], text=True))"],
    "shows": ["import inspect\nfrom momentum_lib import a\nprint(inspect.getsource(a))"],
}
LIBRARY = {
    "__init__.py": "",
    "a.py": '"""The first."""\n\nx = 1  # a number\n',
    "b.py": "from pathlib import Path\n\nTEXT = Path(__file__).with_name('figure.js').read_text()\n",
    "c.py": "print(3)\n",
    "unread.py": "y = 1\n",
    "figure.js": "export const a = 1;\n",
}


def write_notebook(path, sources, outputs=()):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{index:02d}") for index, source in enumerate(sources)]
    for count, (cell, said) in enumerate(zip(cells, outputs), 1):
        cell.outputs, cell.execution_count = said, count
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A small house whose notebooks have been run: a library, records, six notebooks."""
    root = tmp_path_factory.mktemp("house").resolve()
    for folder in ("momentum_lib", "notebooks/records"):
        (root / folder).mkdir(parents=True)
    for name, text in LIBRARY.items():
        (root / "momentum_lib" / name).write_text(text)
    (root / "notebooks" / "records" / "r.json").write_text("7")
    (root / "requirements.txt").write_text("numpy==2\n")
    for name, sources in NOTEBOOKS.items():
        write_notebook(root / "notebooks" / f"{name}.ipynb", sources)
    time.sleep(0.05)  # so that no file is as young as the first run
    for run in executed.run_all(root=root):
        assert run.error is None, run.error
    return root


def stale(root):
    """The notebooks that would be run now."""
    return {path.stem for path in executed.notebooks(root) if executed.find(path, root) is None}


@pytest.fixture
def edit(house):
    """edit(name, text): exchange a file of the house, or write a new one; afterwards all is as it was."""
    before = {}

    def exchange(name, text):
        path = house / name
        before[path] = path.read_bytes() if path.exists() else None
        path.write_text(text)

    yield exchange
    for path, data in before.items():
        path.unlink() if data is None else path.write_bytes(data)
    assert stale(house) == set(), "undone, every run is valid again"


def test_a_run_is_kept_with_what_it_printed(house):
    assert stale(house) == set()
    run = executed.find(house / "notebooks" / "imports.ipynb", house)
    assert run.notebook().cells[0].outputs[0].text == "1\n"
    assert set(run.reads) == {"momentum_lib/__init__.py", "momentum_lib/a.py"} and run.cells.keys() == {"c00"}


@pytest.mark.parametrize(
    ("name", "text", "readers"),
    [
        ("momentum_lib/a.py", '"""The first."""\n\nx = 2  # a number\n', {"imports", "shows"}),
        ("momentum_lib/a.py", '"""Another."""\n\nx = 1  # a number\n', {"imports", "shows"}),
        ("momentum_lib/a.py", '"""The first."""\nx = 1\n\n# that is all\n', {"shows"}),  # which prints the text itself
        ("momentum_lib/figure.js", "export const a = 2;\n", {"reads"}),
        ("momentum_lib/c.py", "print(4)\n", {"starts"}),
        ("momentum_lib/unread.py", "y = 2\n", set()),
        ("momentum_lib/new.py", "z = 1\n", set()),
        ("notebooks/records/r.json", "8", {"reads"}),
        ("notebooks/records/new.json", "9", {"lists"}),
        ("requirements.txt", "numpy==3\n", set(NOTEBOOKS) - {"blind"}),
        ("momentum_lib/__init__.py", "w = 1\n", set(NOTEBOOKS) - {"blind"}),  # every kernel loads momentum_lib.narrow
    ],
    ids=["code", "docstring", "comment", "script", "child", "unread", "new", "record", "folder", "pins", "package"],
)
def test_an_edit_runs_exactly_what_read_the_file(house, edit, name, text, readers):
    edit(name, text)
    assert stale(house) == readers | {"blind"}, "a child that cannot tell what it reads may have read anything"


def test_an_edited_sentence_runs_nothing_and_an_edited_cell_its_notebook(house, edit):
    path = house / "notebooks" / "imports.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("A sentence."))
    edit("notebooks/imports.ipynb", nbformat.writes(notebook))
    assert "imports" not in stale(house)
    notebook.cells[1].source += "\nprint(2)"
    path.write_text(nbformat.writes(notebook))
    assert "imports" in stale(house)


def test_a_file_that_was_edited_during_the_run_never_fits(tmp_path):
    (tmp_path / "notes").mkdir()
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    (tmp_path / "notes" / "1").write_text(f"code\t{file}\n")
    assert executed.reads(tmp_path / "notes", tmp_path, time.time() - 10)["a.py"][1] != executed.fingerprint(file, "code")
    assert executed.reads(tmp_path / "notes", tmp_path, time.time() + 10)["a.py"][1] == executed.fingerprint(file, "code")


def test_a_failing_cell_is_told_and_tried_again(house, tmp_path):
    path = house / "notebooks" / "imports.ipynb"
    text = path.read_text()
    try:
        write_notebook(path, ["print(1)", "1 / 0", "print(2)"])
        first = executed.run(path, house)
        assert "ZeroDivisionError" in first.error and first.notebook().cells[2].outputs[0].text == "2\n"
        assert executed.run(path, house).id == first.id and executed.run(path, house, failed=False).id != first.id
    finally:
        path.write_text(text)


def test_two_cores_are_not_asked_for_by_each_of_two(monkeypatch, house):
    seen = []

    async def note(path, root, threads, failed, say):
        seen.append(threads)

    monkeypatch.setattr(executed, "_run", note)
    monkeypatch.setattr(executed, "cores", lambda: 4)
    executed.run_all(root=house)
    executed.run_all(root=house, workers=2)
    assert seen == [1] * len(NOTEBOOKS) + [2] * len(NOTEBOOKS)
    assert executed.environment(house, house, 2)["OMP_NUM_THREADS"] == "2"


# --- the chapters ---------------------------------------------------------------------------------------------------
def code_of(path):
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def shows(module):
    """Whether a notebook shows a live figure whose module is, or leads to, this one."""

    def true(path):
        figures = set(re.findall(r'data-figure=\\"(\w+)', path.read_text("utf-8")))
        return any(JS / module in related.closure(JS / f"{figure}.js") for figure in figures)

    return true


def says(*words):
    """Whether one of these stands in a notebook's code, as words of their own."""
    return lambda path: any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code_of(path)) for word in words)


@pytest.mark.parametrize(
    ("file", "who"),
    [
        ("notebooks/records/cost-cpu.json", says('records.load("cost-cpu")')),
        ("notebooks/records/momentum-cpu.json", says('records.load("momentum-cpu")')),
        ("momentum_lib/train/files.txt", says("momentum_lib.train")),
        ("momentum_lib/widgets/js/phase.js", shows("phase.js")),
        ("momentum_lib/widgets/js/ravine.js", shows("ravine.js")),
        ("momentum_lib/widgets/js/kit/noise.js", shows("kit/noise.js")),
        ("momentum_lib/widgets/noise_ball.css", says("momentum_lib.widgets")),
        ("momentum_lib/scale/settings.json", says("momentum_lib.widgets", "momentum_lib.train", "import scale", "codegen")),
        ("momentum_lib/theory/noise.py", says("theory", "networks", "momentum_lib.widgets", "momentum_lib.train", "conventions")),
        ("momentum_lib/animate.py", says("animate")),
        ("momentum_lib/grade/checks.py", says("grade")),
        ("momentum_lib/grade/sandbox.py", says("grade.sandbox")),
    ],
    ids=lambda value: Path(value).name if isinstance(value, str) else "",
)
def test_a_file_of_the_library_runs_exactly_the_notebooks_that_read_it(monkeypatch, file, who):
    for path, run in zip(executed.notebooks(), executed.run_all()):
        assert run.error is None, f"{path.name}: {run.error}"
    true = executed.fingerprint
    monkeypatch.setattr(executed, "fingerprint", lambda path, kind: "edited" if path == ROOT / file else true(path, kind))
    assert stale(ROOT) == {path.stem for path in executed.notebooks() if who(path)}


# --- nbval is the judge ---------------------------------------------------------------------------------------------
def stream(text, name="stdout"):
    return [nbformat.v4.new_output("stream", name=name, text=text)]


def value(text):
    return [nbformat.v4.new_output("execute_result", {"text/plain": text})]


def figure(text):
    return [nbformat.v4.new_output("display_data", {"text/plain": text})]


DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
JUDGED = {  # what a cell does, what is stored, whether nbval has to call it wrong
    "right": ("print(1.25)", stream("1.25\n"), False),
    "moved number": ("print(1.25)", stream("1.26\n"), True),
    "missing": ("print(1.25)", [], True),
    "surplus": ("x = 2", stream("2\n"), True),
    "silent": ("x = 2", [], False),
    "value": ("x + 1", value("3"), False),
    "wrong value": ("x + 1", value("4"), True),
    "error": ("1 / 0", [], True),
    "after an error": ("print(2)", stream("2\n"), False),
    "wrong stream": ("import sys\nprint(5, file=sys.stderr)", stream("5\n"), True),
    "picture": (DRAW, figure("<Figure size 640x480 with 1 Axes>"), False),
    "wrong words of a picture": (DRAW, figure("a drawing"), True),
    "seconds": ("print('0.5 s')", stream("0.7 s\n"), False),
}


def judge(folder, *options):
    """What nbval says of every cell of a folder's one notebook: whether it is red."""
    command = [
        sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env",
        f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}",
        "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder), "-q", "-rA", *options, str(folder / "notebooks"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = {int(cell): word == "FAILED" for word, cell in re.findall(r"^(PASSED|FAILED) \S+::Cell (\d+)", done.stdout, re.M)}
    assert done.returncode == any(said.values()), done.stdout[-3000:] + done.stderr[-3000:]
    return [said[cell] for cell in sorted(said)]


def test_a_planted_wrong_output_is_red_and_every_cell_is_judged_as_by_nbval_with_a_kernel(tmp_path):
    (tmp_path / "notebooks").mkdir()
    sources, outputs, red = zip(*JUDGED.values())
    write_notebook(tmp_path / "notebooks" / "a.ipynb", sources, outputs)
    once = judge(tmp_path, "-p", "tests.nbval_once")
    assert dict(zip(JUDGED, once, strict=True)) == dict(zip(JUDGED, red))
    assert judge(tmp_path) == once
    drawn = executed.runs("a", tmp_path)[0].notebook().cells[list(JUDGED).index("picture")].outputs[0]
    assert drawn.data["image/svg+xml"].startswith("<?xml"), "the site shows what nbval compared"


def test_the_site_reads_the_same_runs(house, tmp_path):
    from jupyter_cache import get_cache

    paths = executed.notebooks(house)
    executed.fill(tmp_path / "cache", {path: executed.find(path, house) for path in paths})
    cache = get_cache(tmp_path / "cache")
    assert len(cache.list_cache_records()) == len(NOTEBOOKS)
    _, merged = cache.merge_match_into_notebook(nbformat.read(house / "notebooks" / "imports.ipynb", as_version=4))
    assert merged.cells[0].outputs[0].text == "1\n"
    executed.fill(tmp_path / "cache", {paths[0]: executed.find(paths[0], house)})
    assert len(get_cache(tmp_path / "cache").list_cache_records()) == 1, "what was there before could be of yesterday"


def test_what_a_run_printed_is_stored_beside_sentences_that_were_added(house, edit):
    path = house / "notebooks" / "imports.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("A sentence."))
    edit("notebooks/imports.ipynb", nbformat.writes(notebook))
    executed.store(path, executed.find(path, house))
    sentence, code = nbformat.read(path, as_version=4).cells
    assert sentence.source == "A sentence." and code.outputs[0].text == "1\n" and code.execution_count == 1


def test_the_kept_runs_are_few(house):
    path = house / "notebooks" / "lists.ipynb"
    run = executed.find(path, house)
    notebook, told = run.notebook(), {key: value for key, value in vars(run).items() if key != "file"}
    for number in range(executed.KEEP + 2):
        executed._keep(house, notebook, {**told, "id": None, "seconds": number})
    assert len(executed.runs("lists", house)) == executed.KEEP
    assert len(list((house / "_build" / "executed").glob("lists@*.ipynb"))) == executed.KEEP
