"""Masters of problem sets, and what is made of them: the student's copy, the instructor's package.

    python -m momentum_lib.grade.problem_set notebooks/homework/*.ipynb --out _build/homework

A master is a notebook in nbgrader's format.  Its cells' metadata say what they are:

``given``     locked, neither graded nor a solution: runs for the student and for the grader alike
``answer``    a solution to be written: between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` in the master, a blank in the copy
``check``     locked and graded: what students see, then ``### BEGIN HIDDEN TESTS`` ... ``### END HIDDEN TESTS``
``essay``     a solution that a person grades, by the mark scheme between ``=== BEGIN MARK SCHEME ===`` and ``=== END MARK
SCHEME ===``
"""

import argparse
import ast
import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION[^\n]*\n.*?^[ \t]*### END SOLUTION[^\n]*(\n|\Z)", re.M | re.S)
HIDDEN = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS[^\n]*\n.*?^[ \t]*### END HIDDEN TESTS[^\n]*(\n|\Z)", re.M | re.S)
SCHEME = re.compile(r"^=== BEGIN MARK SCHEME ===\n(.*?)^=== END MARK SCHEME ===(\n|\Z)", re.M | re.S)
BLANK = '{indent}# Write your answer here.\n{indent}raise NotImplementedError("this answer is still blank")\n'
BLANK_NAMED = "{name} = ...  # write your answer here\n"
BLANK_CELL = "# Write your answer here.\n"
NAME = re.compile(r"^STUDENT = .*$", re.M)
BLANK_NAME = 'STUDENT = ""  # between the quotation marks'
BLANK_ESSAY = "*Write your answer here.*"
SETUP = "setup"


class BadMaster(ValueError):
    """A master that cannot be used; the message says which cell and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell: its notebook ``id``, its ``role`` (text, code, given, answer, check, essay), its question's name, its points."""

    id: str
    kind: str
    role: str
    question: str
    points: float
    source: str
    title: str = ""
    asked: frozenset = frozenset()

    @property
    def shown(self):
        """The text that a student sees.

        A blank stops nothing when a notebook is run whole: a name that a check asks for (``asked``) is three dots, and only
        the body of a function raises, when it is called.
        """
        if self.role == "essay":
            return BLANK_ESSAY
        if self.role == "code":
            return NAME.sub(BLANK_NAME, self.source)
        text = SOLUTION.sub(self.blank, self.source)
        return HIDDEN.sub("", text).rstrip("\n")

    def blank(self, found):
        """What stands in the place of a solution."""
        if found[1]:
            return BLANK.format(indent=found[1])
        made = [name for name in assigned(found[0]) if name in self.asked]
        return "".join(BLANK_NAMED.format(name=name) for name in made) or BLANK_CELL

    @property
    def hidden(self):
        """The hidden tests of a check, which stand on their own feet: given cells and the student's names are all they use."""
        found = HIDDEN.search(self.source)
        return "\n".join(found[0].splitlines()[1:-1]) if found else ""

    @property
    def scheme(self):
        """The mark scheme of an essay."""
        found = SCHEME.search(self.source)
        return found[1].strip() if found else ""


def role_of(kind, meta):
    """What a cell is, by its nbgrader metadata."""
    if not meta:
        return "code" if kind == "code" else "text"
    if meta.get("grade"):
        return "essay" if meta.get("solution") else "check"
    return "answer" if meta.get("solution") else "given"


class Master:
    """A problem set as its author wrote it.  Raises BadMaster where it could not be graded."""

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.stem
        self.notebook = json.loads(self.path.read_text("utf-8"))
        self.digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self.cells = []
        title = ""
        for number, raw in enumerate(self.notebook["cells"]):
            meta, source = (raw.get("metadata") or {}).get("nbgrader") or {}, "".join(raw["source"])
            heading = re.search(r"^#{2,}\s+(.+)$", source, re.M) if raw["cell_type"] == "markdown" else None
            title = heading[1].strip() if heading else title
            role = role_of(raw["cell_type"], meta)
            name = raw.get("id", f"cell-{number}")
            points = float(meta.get("points", 0) or 0) if role in ("check", "essay") else 0.0
            self.cells.append(Cell(name, raw["cell_type"], role, str(meta.get("grade_id", "")), points, source, title))
        self._reject()
        asked = frozenset(name for cell in self.of("check") for name in names_asked(cell.source, ()))
        self.cells = [replace(cell, asked=asked) if cell.role == "answer" else cell for cell in self.cells]

    def _reject(self):
        seen = set()
        for cell in self.cells:
            here = f"{self.path.name}, cell {cell.id}"
            if cell.role in ("given", "answer", "check", "essay"):
                if not cell.question:
                    raise BadMaster(f"{here}: no grade_id; give it one that is its own.")
                if cell.question in seen:
                    raise BadMaster(f"{here}: grade_id {cell.question!r} stands twice; give each cell its own.")
                seen.add(cell.question)
            if cell.role == "check" and not HIDDEN.search(cell.source):
                raise BadMaster(
                    f"{here}: a check without hidden tests lets students see all that is graded; add BEGIN HIDDEN TESTS."
                )
            if cell.role == "answer" and not SOLUTION.search(cell.source):
                raise BadMaster(f"{here}: a solution without ### BEGIN SOLUTION and ### END SOLUTION would be handed out.")
            if cell.role in ("check", "essay") and cell.points <= 0:
                raise BadMaster(f"{here}: points are {cell.points:g}; allowed: a number > 0.")
            if cell.role == "essay" and not cell.scheme:
                raise BadMaster(f"{here}: a question that a person grades needs a mark scheme.")
            if cell.role not in ("answer", "essay") and "### BEGIN SOLUTION" in cell.source:
                raise BadMaster(f"{here}: holds a solution and is no answer cell; set nbgrader's solution to true.")

    def of(self, *roles):
        """The cells with one of the roles, in order."""
        return [cell for cell in self.cells if cell.role in roles]

    @property
    def title(self):
        """The notebook's first heading."""
        headings = (re.search(r"^#\s+(.+)$", cell.source, re.M) for cell in self.cells if cell.kind == "markdown")
        return next((found[1].strip() for found in headings if found), self.name)

    @property
    def points(self):
        """Points that the checks give, and points that a person gives."""
        return sum(cell.points for cell in self.of("check")), sum(cell.points for cell in self.of("essay"))

    def student_copy(self):
        """The notebook that students get, as a dict: no solution, no hidden test, no output, nothing of them in metadata."""
        cells = []
        for raw, cell in zip(self.notebook["cells"], self.cells, strict=True):
            meta = raw.get("metadata") or {}
            kept = {key: meta[key] for key in ("nbgrader", "tags") if key in meta}
            if cell.role in ("check", "given"):
                kept["deletable"] = kept["editable"] = False
            made = {"cell_type": cell.kind, "id": cell.id, "metadata": kept, "source": cell.shown.splitlines(keepends=True)}
            if cell.kind == "code":
                made |= {"execution_count": None, "outputs": []}
            cells.append(made)
        known = self.notebook["metadata"]
        metadata = {"kernelspec": known["kernelspec"], "language_info": {"name": "python"}, "colab": {"provenance": []}}
        return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}

    def mark_scheme(self):
        """What a person grades, and how, in Markdown."""
        lines = [f"# Mark scheme: {self.title}", ""]
        for cell in self.of("essay"):
            lines += [f"## {cell.title} ({cell.points:g} points)", "", cell.scheme, ""]
        return "\n".join(lines)

    def questions(self):
        """A table of what is graded: name, title, points, and who grades."""
        return [
            {
                "question": cell.question,
                "title": cell.title,
                "points": f"{cell.points:g}",
                "graded by": "check" if cell.role == "check" else "person",
            }
            for cell in self.of("check", "essay")
        ]


def leaks(master, copy):
    """Every line of a solution or a hidden test that a student's copy holds anywhere: source, metadata, outputs.

    A line of at most 8 characters tells nothing; one of at most 24 may stand within another line by chance.
    """
    texts = list(strings(copy))
    lines = {line.strip() for text in texts for line in text.splitlines()}
    everything = "\n".join(texts)
    shown = {line.strip() for cell in master.cells for line in cell.shown.splitlines()}
    secret = set()
    for cell in master.cells:
        for pattern in (SOLUTION, HIDDEN):
            for found in pattern.finditer(cell.source):
                secret |= {line.strip() for line in found[0].splitlines()}
        if cell.role == "essay":
            secret |= {line.strip() for line in cell.source.splitlines()}
    telling = {line for line in secret - shown if len(line) > 8}
    return sorted(line for line in telling if line in lines or (len(line) > 24 and line in everything))


def strings(data):
    """Every text in a notebook, wherever it stands; a cell's source as one."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list) and data and all(isinstance(item, str) for item in data):
        yield "".join(data)
    elif isinstance(data, (list, dict)):
        for item in data.values() if isinstance(data, dict) else data:
            yield from strings(item)


def names_asked(source, known):
    """The names that a check's text uses and neither defines nor finds among the known: the student's."""
    tree = ast.parse(source)
    names = {"read": set(), "made": set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names["read" if isinstance(node.ctx, ast.Load) else "made"].add(node.id)
        elif isinstance(node, ast.arg):
            names["made"].add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.Import, ast.ImportFrom)):
            names["made"] |= (
                {node.name} if isinstance(node, ast.FunctionDef) else {(a.asname or a.name).split(".")[0] for a in node.names}
            )
    return sorted(names["read"] - names["made"] - set(known))


def assigned(source):
    """The names that a text makes at its top level, in order."""
    made = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            made += [leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
    return list(dict.fromkeys(made))


def dumps(notebook):
    """A notebook as text, in one form."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def write_copy(master, out):
    """Write the student's copy of one master below ``out``; returns its path.  Raises BadMaster where it would leak."""
    copy = master.student_copy()
    found = leaks(master, copy)
    if found:
        raise BadMaster(f"{master.path.name}: the student's copy would hold {found[0]!r}. Nothing was written.")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    student = out / f"{master.name}.ipynb"
    student.write_text(dumps(copy), "utf-8")
    return student


def write(master, out):
    """Write the student's copy and the instructor's package of one master below ``out``; returns their paths."""
    out, student = Path(out), write_copy(master, out)
    table = io.StringIO()
    rows = csv.DictWriter(table, ["question", "title", "points", "graded by"], lineterminator="\n")
    rows.writeheader()
    rows.writerows(master.questions())
    package = out / f"{master.name}-instructor.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            (f"{master.name}-master.ipynb", master.path.read_text("utf-8")),
            (f"{master.name}-student.ipynb", student.read_text("utf-8")),
            ("mark-scheme.md", master.mark_scheme()),
            ("questions.csv", table.getvalue()),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return student, package


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m momentum_lib.grade.problem_set", description=__doc__.splitlines()[0])
    parser.add_argument("masters", nargs="+", type=Path, metavar="MASTER", help="notebooks with questions, solutions and checks")
    parser.add_argument("--out", type=Path, required=True, help="folder for the students' copies and the instructor's packages")
    options = parser.parse_args(arguments)
    try:
        for path in options.masters:
            for made in write(Master(path), options.out):
                print(made)
    except (BadMaster, OSError, KeyError, json.JSONDecodeError) as error:
        sys.exit(f"{path}: {error!r}" if isinstance(error, KeyError) else f"{error}")


if __name__ == "__main__":
    main()
