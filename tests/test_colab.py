"""A rehearsal of Colab without Colab: its Python and its packages, a folder with nothing but the notebook, and the library
installed by the notebook's own set-up cell from a wheel that is built here.

Needs Python 3.13 (on the PATH, or under pyenv); elsewhere it is skipped and says so. The environment is kept in .venv-colab.
"""

import ast
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
# Chapters that train need torch, which is too large to fetch for a rehearsal: Colab has it, and they run here under nbval.
NOTEBOOKS = sorted((ROOT / "book" / "reader").glob("*.ipynb"))  # what Run in Colab opens
TRAINING = {path.stem for path in NOTEBOOKS if "from momentum_lib.train import" in path.read_text("utf-8")}
CHAPTERS = [path for path in NOTEBOOKS if path.stem not in TRAINING]
VENV = ROOT / ".venv-colab"
PINS = ["numpy==2.1.3", "matplotlib==3.10.0", "ipywidgets==7.7.1", "ipython==7.34.0", "traitlets==5.7.1", "anywidget==0.9.21",
        "ipykernel==6.17.1", "tqdm==4.67.1", "pillow==11.3.0", "scipy==1.16.3", "scikit-learn==1.6.1"]  # fmt: skip
STUB = "import os\nassert os.environ['COLAB_REHEARSAL'] == '1'\n"


def python313():
    """Return the path of a Python 3.13 that runs, or None."""
    places = [shutil.which("python3.13"), *sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python")), sys.executable]
    for place in filter(None, places):
        run = subprocess.run(
            [str(place), "-c", "import sys; print(sys.version_info[:2] == (3, 13))"], capture_output=True, text=True, check=False
        )
        if run.stdout.strip() == "True":
            return str(place)
    return None


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """The Python of an environment like Colab's, and the wheel of the library: (python, wheel)."""
    base = python313()
    if base is None:
        pytest.skip("the rehearsal needs Python 3.13, which Colab runs; none was found on the PATH or under pyenv")
    python = VENV / "bin" / "python"
    stamp = VENV / "installed"
    wanted = hashlib.sha256(json.dumps(PINS).encode()).hexdigest()
    lock = ROOT / "_build" / "colab.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([base, "-m", "venv", "--clear", str(VENV)], check=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--no-compile", *PINS], check=True, stdout=subprocess.DEVNULL
            )
            package = next(VENV.glob("lib/python*/site-packages")) / "google" / "colab"
            package.mkdir(parents=True)
            (package / "__init__.py").write_text(STUB)
            stamp.write_text(wanted)
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "momentum_lib", source / "momentum_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks" / "records", source / "notebooks" / "records")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(work),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return python, next(work.glob("momentum_lib-*.whl"))


def test_only_the_chapters_that_train_are_left_out():
    """Another chapter may use torch where it is there, and says so where it is not."""
    assert "13-transformer" in TRAINING
    for name in TRAINING:
        assert "import torch" in (ROOT / "notebooks" / f"{name}.ipynb").read_text("utf-8")
    assert len(CHAPTERS) >= 11


def set_up(path):
    """The text of a notebook's first cell of code."""
    return next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def test_every_chapter_sets_itself_up_in_the_same_words():
    """So that one installation, in a folder of its own, speaks for all of them."""
    assert len({set_up(path) for path in CHAPTERS}) == 1


def rehearse(notebook, python, wheel, installed, folder):
    """Run a notebook in an empty folder by Colab's Python; what its set-up cell installs goes to ``installed``."""
    from nbclient import NotebookClient

    kernel = folder / "jupyter" / "kernels" / "colab"
    kernel.mkdir(parents=True)
    environment = {"COLAB_REHEARSAL": "1", "MOMENTUM_SOURCE": str(wheel), "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                   "PYTHONPATH": str(installed), "PIP_TARGET": str(installed), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}  # fmt: skip
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": environment,
    }
    (kernel / "kernel.json").write_text(json.dumps(spec))
    (folder / "content").mkdir()
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    try:
        resources = {"metadata": {"path": str(folder / "content")}}
        NotebookClient(notebook, kernel_name="colab", timeout=HANG, allow_errors=True, resources=resources).execute()
    finally:
        os.environ.pop("JUPYTER_PATH") if before is None else os.environ.update(JUPYTER_PATH=before)


# Between two chapters: their names are gone and their pictures closed, and the next one has an empty folder of its own.
LEAVE = """import os, pathlib
get_ipython().reset(new_session=False)
import matplotlib.pyplot
matplotlib.pyplot.close("all")
import os, pathlib
folder = pathlib.Path({folder!r})
folder.mkdir()
os.chdir(folder)
del os, pathlib, folder, matplotlib"""
LOOK = """import sys, google.colab, momentum_lib, numpy
print(sys.version_info[:2], numpy.__version__, momentum_lib.__file__)"""


def in_a_row(paths, folder):
    """All these notebooks as one: the first finds no library, the others what its set-up cell installed."""
    cells = []
    for path in paths:
        cells.append(nbformat.v4.new_code_cell(LEAVE.format(folder=str(folder / path.stem))))
        own = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        cells += [*own, nbformat.v4.new_code_cell(LOOK)]
        for number, cell in enumerate(cells[-len(own) - 2 :]):
            cell.id = f"{path.stem}-{number}"
            cell.metadata.chapter = path.stem
    return nbformat.v4.new_notebook(cells=cells)


def wrong_with(notebook):
    """{chapter: what failed, or was said on stderr} of a notebook that was run."""
    found = {}
    for cell in notebook.cells:
        for output in cell.outputs:
            failed = output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", [])
            if failed or (output.get("name") == "stderr" and cell.source != set_up(CHAPTERS[0])):
                said = "\n".join(output.traceback) if failed else output.text
                found.setdefault(cell.metadata.chapter, []).append(said)
    return found


def run_as_in_colab(chapters, colab, folder, more=()):
    """Run these chapters, and then the cells ``more``, in one kernel of Colab's packages: what starts a kernel, and what a
    chapter imports, is the same each time. Nothing may fail, and the library is the installed one."""
    python, wheel = colab
    installed = folder / "installed"
    installed.mkdir()
    notebook = in_a_row(chapters, folder)
    for cell in more:
        notebook.cells.append(nbformat.v4.new_code_cell(cell, metadata={"chapter": "what all chapters import"}))
    rehearse(notebook, python, wheel, installed, folder)
    wrong = wrong_with(notebook)
    assert not wrong, "\n".join(f"{name}: {said}" for name, texts in wrong.items() for said in texts)
    looks = [cell for cell in notebook.cells if cell.source == LOOK]
    assert len(looks) == len(chapters)
    for cell in looks:
        said = "".join(output.get("text", "") for output in cell.outputs)
        assert said.startswith("(3, 13) 2.1.3") and str(installed) in said and str(ROOT / "momentum_lib") not in said


def code_of(path):
    """The Python of a notebook after its set-up cell, as one text."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return "\n".join(line for source in cells[1:] for line in source.splitlines() if not line.startswith(("%", "!")))


def imports_of(path):
    """The imports that stand by themselves in a notebook; torch and Optuna are Colab's own or the reader's to install."""
    nodes = [node for node in ast.parse(code_of(path)).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return [text for text in map(ast.unparse, nodes) if not re.search(r"\b(torch|optuna)\b", text)]


def test_the_shortest_chapter_runs_as_in_colab(colab, tmp_path):
    """It installs the library, draws and shows a live figure; and what any other chapter imports is there, too. All chapters
    run so every night (tests/clients)."""
    shortest = sorted(CHAPTERS, key=lambda path: len(code_of(path)))[:1]
    imports = sorted({text for path in CHAPTERS for text in imports_of(path)})
    assert "from scipy import stats" in imports and len(imports) > 40
    run_as_in_colab(shortest, colab, tmp_path, ["\n".join(imports)])
