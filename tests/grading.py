"""A small problem set and submissions of it, made in a folder: what the grading tests share."""

import copy
import csv
import json

from momentum_lib.grade import __main__ as program
from momentum_lib.grade.grading import Checker, Room, read_submission
from momentum_lib.grade.problem_set import Master
from momentum_lib.grade.sandbox import Process

RIGHT = "def my_step(theta, grad, v, *, lr, beta):\n    v = beta * v + grad\n    return theta - lr * v, v\n"


def text(source, name, meta=None):
    return {"cell_type": "markdown", "id": name, "metadata": {"nbgrader": meta} if meta else {}, "source": source}


def code(source, name, meta=None):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"nbgrader": meta} if meta else {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def role(name, *, grade=False, solution=False, points=None):
    meta = {"grade_id": name, "grade": grade, "solution": solution, "locked": not solution, "schema_version": 3, "task": False}
    return meta | ({"points": points} if grade else {})


def solved(body):
    """A solution between its marks."""
    return f"### BEGIN SOLUTION\n{body}\n### END SOLUTION\n"


def small_set():
    """A master with three checks and an essay, as a dict: 3 + 2 + 4 points by checks, 2 by hand."""
    hunt = """\
### BEGIN HIDDEN TESTS
secret = "def step(theta, grad, v, *, lr, beta):\\n    v = beta * v {sign} grad\\n    return theta - lr * v, v\\n"
right = [grade.Program(secret.replace("{sign}", "+"), "step")]
bugs = [grade.Program(secret.replace("{sign}", "-"), "step"), grade.Program(secret.replace("{sign}", "+ 0 *"), "step")]
grade.bug_hunt(my_test, right=right, bugs=bugs, points=4)
### END HIDDEN TESTS
"""
    cells = [
        code("# Set-up\nimport momentum_lib", "setup"),
        text("# A small set", "title"),
        code("import numpy as np\n\nfrom momentum_lib import grade, rules", "imports", role("imports")),
        code('STUDENT = "ada"', "who"),
        text("## 1. Write heavy ball", "q1-text"),
        code("### BEGIN SOLUTION\n" + RIGHT + "### END SOLUTION\n", "q1", role("q1", solution=True)),
        code(
            'grade.check("1", grade.update_rule, my_step, "heavy_ball", lr=0.02, beta=0.8)\n'
            '### BEGIN HIDDEN TESTS\ngrade.update_rule(my_step, "heavy_ball", lr=0.03, beta=0.7, steps=30)\n### END HIDDEN '
            "TESTS\n",
            "q1-check",
            role("q1-check", grade=True, points=3),
        ),
        text("## 2. A number of your own", "q2-text"),
        code(solved('kappa = grade.parameter(STUDENT, "kappa", range(1, 1000)) * 1.0'), "q2", role("q2", solution=True)),
        code(
            '### BEGIN HIDDEN TESTS\ngrade.number(kappa, grade.parameter(STUDENT, "kappa", range(1, 1000)), name="kappa")\n### '
            "END HIDDEN TESTS\n",
            "q2-check",
            role("q2-check", grade=True, points=2),
        ),
        text("## 3. Find the bug", "q3-text"),
        code(
            solved(
                "def my_test(step):\n    theta, v = step(np.array([1.0]), np.array([2.0]), np.array([3.0]), lr=0.1, beta=0.5)\n"
                "    return bool(np.isclose(v[0], 3.5))"
            ),
            "q3",
            role("q3", solution=True),
        ),
        code(hunt, "q3-check", role("q3-check", grade=True, points=4)),
        text("## 4. Why?", "q4-text"),
        text(
            "Because the memory adds what agrees.\n=== BEGIN MARK SCHEME ===\nA reason: 2 points.\n=== END MARK SCHEME ===\n",
            "q4",
            role("q4", grade=True, solution=True, points=2),
        ),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write(folder, notebook, name="set.ipynb"):
    """Write a notebook into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(notebook), "utf-8")
    return path


def master(folder):
    """The small set as a Master."""
    return Master(write(folder, small_set()))


def with_cells(changes, notebook=None):
    """A copy of the small set's master, as a submission, with some cells' sources replaced: ``{cell id: source}``."""
    made = copy.deepcopy(notebook or small_set())
    for cell in made["cells"]:
        if cell["id"] in changes:
            cell["source"] = changes.pop(cell["id"])
    assert not changes, changes
    return made


class OneSandbox:
    """One sandbox for many submissions of a set: what asks only for a few answers need not start one for each."""

    def __init__(self, master, limits):
        self.master, self.limits, self.process = master, limits, None

    def room(self, folder, notebook):
        """The room of a submission."""
        submission = read_submission(write(folder, notebook, "handed.ipynb"))
        room = Room(self.master, submission, self.limits, True, self)
        return room

    def take(self, limits, **options):
        """As `Ahead` has it: the sandbox that there is, or a new one."""
        if self.process is None or not self.process.alive:
            self.process = Process(limits, **options)
            self.process.prepare()
        return self.process

    def checked(self, folder, notebook, question):
        """The result of one check, and the room in which it was asked."""
        room = self.room(folder, notebook)
        checker = Checker(self.master, room.student() or "nobody", room)
        return checker.grade(next(cell for cell in self.master.cells if cell.question == question)), room

    def close(self):
        if self.process:
            self.process.close()


def points(result):
    """{question: points} of a result."""
    return {question["question"]: question["points"] for question in result["questions"]}


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def place(tmp_path, monkeypatch):
    """A folder with a master, where grading itself is replaced: what is asked here is who, which and where."""

    def graded(master, path, owner=None, **options):
        place.graded.append(str(path))
        questions = [{"question": c.question, "title": c.title, "of": c.points, "points": c.points, "why": None, "look": False,
                      "said": "Right."} for c in master.of("check")]  # fmt: skip
        return {"file": path.name, "set": master.name, "student": owner or path.stem, "notes": [], "cells": {}, "essays": {},
                "digest": program.file_digest(path), "questions": questions, "points": 9, "of": 9, "by_hand": 2}  # fmt: skip

    class Place:
        inbox, out, graded = tmp_path / "inbox", tmp_path / "out", []

        def put(self, *names):
            for name in names:
                path = self.inbox / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({"cells": [], "of": name}), "utf-8")

        def run(self, *more):
            self.graded.clear()
            words = [str(self.inbox), "--master", str(tmp_path / "set.ipynb"), "--out", str(self.out), *map(str, more)]
            return program.main(words)

        def roster(self, text):
            path = tmp_path / "class.csv"
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
            return ["--roster", path]

        def rows(self, name="grades.csv"):
            return table(self.out / name)

    monkeypatch.setattr(program, "grade_next", graded)
    monkeypatch.setattr(program, "require_sandbox", lambda: None)
    monkeypatch.setattr(program, "in_turn", lambda work, tasks, jobs: [(key, work(*task)) for key, task in tasks.items()])
    master(tmp_path)
    place = Place()
    return place
