"""Chapters as files: clean, with outputs that are really there, and a moved number makes the notebook test fail."""

import copy
import re
from pathlib import Path

import nbformat
import pytest

from tests import clean, forked

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = clean.notebooks()
NBVAL = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}"]


def read(path):
    return nbformat.read(path, as_version=4)


def test_problem_sets_are_notebooks_that_are_kept_clean():
    assert {path.parent.name for path in NOTEBOOKS} == {"notebooks", "homework"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_clean(path):
    assert clean.problems(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_really_there(path):
    """nbval passes a notebook whose outputs were stripped; so what prints or draws must have stored what it printed."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    printing = [cell for cell in cells[1:] if re.search(r"^print\(|^    print\(|plt\.show\(\)", cell.source, re.M)]
    silent = [cell["id"] for cell in printing if not cell.outputs and "assert" not in cell.source]
    assert not silent, f"{path.name}: cells {silent} print, and have no stored output; run `make notebooks`"
    assert sum(bool(cell.outputs) for cell in cells) >= 8
    assert sum(bool(re.search(r"\d", str(output.get("text", "")))) for cell in cells for output in cell.outputs) >= 4


def with_one_cell_twice(path, folder):
    """A copy of a chapter up to its first printed number with three digits, that cell twice: as stored, and a digit moved."""
    notebook = read(path)
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and re.search(r"\d\.\d{2}", output.text):
                again = copy.deepcopy(cell)
                again.id = "again"
                place = max(re.finditer(r"\d\.\d{2}", output.text), key=lambda match: match.start()).end() - 1
                moved = output.text[:place] + str((int(output.text[place]) + 1) % 10) + output.text[place + 1 :]
                next(one for one in again.outputs if one.get("text") == output.text).text = moved
                notebook.cells = [*notebook.cells[: index + 1], again]
                nbformat.write(notebook, folder / "copy.ipynb")
                return folder / "copy.ipynb", sum(cell.cell_type == "code" for cell in notebook.cells)
    raise AssertionError(f"{path.name} prints no number")


def run_nbval(path):
    command = ["-m", "pytest", *NBVAL, "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", path.parent, "-q", path]
    return forked.run(command, cwd=ROOT)


@pytest.mark.parametrize("path", CHAPTERS[:1], ids=lambda path: path.stem)
def test_a_changed_number_fails(path, tmp_path):
    """And nothing else: the same cell with the number that is stored passes just before."""
    target, cells = with_one_cell_twice(path, tmp_path)
    found = run_nbval(target)
    assert found.returncode == 1 and f"1 failed, {cells - 1} passed" in found.stdout, found.stdout[-3000:]
    assert re.search(rf"copy\.ipynb::Cell {cells - 1}\b", found.stdout), found.stdout[-3000:]


# --- the cleaner itself ---------------------------------------------------------------------------------------------
def untidy():
    code = nbformat.v4.new_code_cell("1 + 1", metadata={"collapsed": True, "tags": ["hide-input"]}, execution_count=None)
    code.outputs = [
        nbformat.v4.new_output("execute_result", {"text/plain": "2", "image/png": "AAAA"}, execution_count=7),
        nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg/>"}),
    ]
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A"), code], metadata={"kernelspec": {"name": "other", "display_name": "x"}}
    )


def test_what_a_cell_prints_is_one_piece():
    """A stream that a busy machine cut in three, beside one that is another's."""
    pieces = [("stdout", "a\n"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d"), ("stdout", "\n")]
    notebook = untidy()
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in pieces]
    found = [(output.name, output.text) for output in clean.clean(notebook).cells[-1].outputs]
    assert found == [("stdout", "a\nb"), ("stderr", "c"), ("stdout", "d\n")]


def test_clean_drops_pictures_and_numbers_cells():
    notebook = clean.clean(untidy())
    setup, _, code = notebook.cells
    assert setup["id"] == "setup" and setup.metadata.tags == ["remove-cell"] and "git+https://" in setup.source
    assert [output.data for output in code.outputs] == [{"text/plain": "2"}]
    assert code.execution_count == 2 and code.outputs[0].execution_count == 2
    assert code.metadata == {"tags": ["hide-input"]}
    assert notebook.metadata.kernelspec.name == "python3"
    again = copy.deepcopy(notebook)
    assert clean.text(clean.clean(again)) == clean.text(notebook)
    nbformat.validate(notebook)


def test_the_check_names_what_is_wrong(tmp_path, capsys):
    path = tmp_path / "untidy.ipynb"
    nbformat.write(untidy(), path)
    assert clean.main(["--check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "set-up cell" in said and "pictures" in said
    before = path.read_bytes()
    assert clean.main(["--check", str(path)]) == 1 and path.read_bytes() == before
    assert clean.main([str(path)]) == 0
    assert clean.main(["--check", str(path)]) == 0


def test_the_set_up_cell_follows_the_one_address(tmp_path):
    (tmp_path / "_config.yml").write_text("repository: {url: 'https://github.com/someone/else'}\n")
    assert "git+https://github.com/someone/else" in clean.setup_source(tmp_path)
    compile(re.sub(r"^\s*%pip.*$", "    pass", clean.setup_source(tmp_path), flags=re.M), "setup", "exec")
