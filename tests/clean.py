"""Keep the notebooks fit to commit: text outputs only, numbered cells, one set-up cell.

    python tests/clean.py [NOTEBOOK ...]            clean them in place (all of notebooks/ without an argument)
    python tests/clean.py --check [NOTEBOOK ...]    write nothing; exit 1 and say what is wrong
    python tests/clean.py --install-hook            run the check before every commit in this clone

Images are made when the book is built, so a notebook stores none of them. What remains, the printed text, is compared by
``pytest --nbval`` at every test: a number that moved is a failing test. The set-up cell is the same in every notebook and is
written here from `repository.url` of _config.yml.
"""

import argparse
import re
import stat
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SETUP_ID, SETUP_TAGS = "setup", ["remove-cell"]
KEPT_CELL_METADATA = {"tags", "mystnb", "nbgrader", "slides", "draws", "such that"}  # book/slides.py; momentum_lib.grade.editions
KEPT_NOTEBOOK_METADATA = {"course", "permute"}  # of a chapter (book/_gen/chapters.py), of a master (momentum_lib.grade.editions)
KEPT_MIME = {"text/plain", "text/html", "text/markdown", "text/latex"}
SETUP = """\
# Set-up: where the course is installed this does nothing; in Colab it fetches the library, which takes some seconds.
import importlib.util
import os

if importlib.util.find_spec("momentum_lib") is None:
    source = os.environ.get("MOMENTUM_SOURCE", "git+{repository}")
    %pip install -q --no-deps {{source}}
    importlib.invalidate_caches()
import momentum_lib  # fails here, and says so, where the set-up did not work"""


def setup_source(root=ROOT):
    """Return the text of the set-up cell, with the repository's address from _config.yml."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    return SETUP.format(repository=config["repository"]["url"].removesuffix("/"))


def notebooks(root=ROOT):
    """Return the paths of all notebooks that are committed: the chapters, then the problem sets' masters."""
    folder = root / "notebooks"
    return sorted(folder.glob("*.ipynb")) + sorted(folder.glob("homework/*.ipynb"))


def _setup_cell(root):
    cell = nbformat.v4.new_code_cell(setup_source(root), metadata={"tags": list(SETUP_TAGS)})
    cell["id"] = SETUP_ID
    return cell


def _text_only(output):
    """Return an output without its pictures, or None where nothing is left of it."""
    output.pop("transient", None)
    if output.output_type in ("display_data", "execute_result"):
        output.metadata = {}
        output.data = {mime: data for mime, data in output.data.items() if mime in KEPT_MIME}
        return output if output.data else None
    return output


def _in_one_piece(outputs):
    """The outputs with neighbours of one stream joined: where a busy machine cuts what a cell prints says nothing."""
    joined = []
    for output in outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def clean(notebook, root=ROOT):
    """Clean a notebook (a NotebookNode) in place and return it."""
    cells = notebook.cells
    if not cells or cells[0].get("id") != SETUP_ID:
        cells.insert(0, _setup_cell(root))
    cells[0].update(source=setup_source(root), metadata=nbformat.from_dict({"tags": list(SETUP_TAGS)}), outputs=[])
    count = 0
    for index, cell in enumerate(cells):
        if index:
            if not re.fullmatch(r"c\d{2,}|[a-z][a-z0-9-]{2,40}", cell.get("id", "")) or cell["id"] == SETUP_ID:
                cell["id"] = f"c{index:02d}"
            cell.metadata = nbformat.from_dict(
                {key: cell.metadata[key] for key in sorted(KEPT_CELL_METADATA & set(cell.metadata))}
            )
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _in_one_piece(kept for output in cell.outputs if (kept := _text_only(output)) is not None)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    taken = set()
    for index, cell in enumerate(cells):  # ids are unique within a notebook
        while cell["id"] in taken:
            cell["id"] = f"c{index:02d}" if f"c{index:02d}" not in taken else f"c{index:02d}{len(taken)}"
        taken.add(cell["id"])
    kept = {key: notebook.metadata[key] for key in sorted(KEPT_NOTEBOOK_METADATA & set(notebook.metadata))}
    notebook.metadata = nbformat.from_dict({**kept, "kernelspec": dict(KERNEL), "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def text(notebook):
    """Return a notebook as the text that is committed."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def problems(path, root=ROOT):
    """Return what is wrong with the notebook at `path`, as sentences; an empty list where nothing is."""
    before = path.read_text("utf-8")
    notebook = nbformat.reads(before, as_version=4)
    found = []
    if not notebook.cells or notebook.cells[0].get("id") != SETUP_ID or notebook.cells[0].source != setup_source(root):
        found.append("the set-up cell is missing or is not the common one")
    if any(set(output.get("data", {})) - KEPT_MIME for cell in notebook.cells for output in cell.get("outputs", [])):
        found.append("it stores pictures or widget state")
    if any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", [])):
        found.append("a cell ended in an error")
    if not found and text(clean(notebook, root)) != before:
        found.append("metadata or cell numbers are not in order")
    return found


def install_hook(root=ROOT):
    """Write .git/hooks/pre-commit, which runs this check."""
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" tests/clean.py --check\n')
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    return hook


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a notebook is not clean")
    parser.add_argument("--install-hook", action="store_true", help="check before every commit in this clone")
    options = parser.parse_args(arguments)
    if options.install_hook:
        print("wrote", install_hook())
        return 0
    paths = options.notebooks or notebooks()
    status = 0
    for path in paths:
        if options.check:
            found = problems(path)
            for problem in found:
                print(f'{path}: {problem}; run "python tests/clean.py"')
            status |= bool(found)
            continue
        before = path.read_text("utf-8")
        after = text(clean(nbformat.reads(before, as_version=4)))
        if after != before:
            path.write_text(after, "utf-8")
            print("cleaned", path)
    return status


if __name__ == "__main__":
    sys.exit(main())
