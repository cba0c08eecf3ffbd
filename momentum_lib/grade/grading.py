"""One submission, safely: its cells run in the sandbox, the master's checks run here and ask there.

The process that keeps the score runs the master's text alone.  A check names the student's functions and
values; each such name is bound to a :class:`~momentum_lib.grade.answers.Remote`, which asks the sandboxed
process and gets plain data back.  The submission's own copies of checks and given cells are never run.
"""

import ast
import builtins
import contextlib
import hashlib
import io
import json
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from .answers import Remote, Wrong
from .problem_set import SETUP, names_asked
from .sandbox import GRACE, Ahead, Limits, Lost

LARGEST_FILE = 20 * 2**20
MOST_CELLS = 500
MOST_RESTARTS = 6
NAMED = re.compile(r"""^STUDENT[ \t]*=[ \t]*("[^"\n]{0,300}"|'[^'\n]{0,300}')""", re.M)


class Unreadable(ValueError):
    """A file that is no notebook; the message says why."""


@dataclass
class Submission:
    """A notebook that was handed in: its code cells as (id, grade_id, source), and its essays' texts by grade_id."""

    path: Path
    digest: str
    cells: list
    essays: dict = field(default_factory=dict)

    @property
    def student(self):
        """The text that the notebook assigns to STUDENT, read and never run; "" where there is none.

        One short line is parsed and nothing else: a parser of this process should not meet what a student made for it.
        """
        for _, _, source in self.cells:
            for literal in NAMED.findall(source):
                with contextlib.suppress(SyntaxError, ValueError):
                    return ast.literal_eval(literal).strip()[:200]
        return ""


def read_submission(path):
    """Read a notebook file.  Raises Unreadable where it is too large or no notebook."""
    path = Path(path)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise Unreadable(
            f"the file has {size / 2**20:.0f} MB; at most {LARGEST_FILE >> 20} MB are read. Clear the outputs and hand it in "
            f"again."
        )
    data = path.read_bytes()
    try:
        notebook = json.loads(data)
        raw_cells = notebook["cells"]
        if not isinstance(raw_cells, list) or len(raw_cells) > MOST_CELLS:
            raise ValueError(f"it has no list of at most {MOST_CELLS} cells")
        cells, essays = [], {}
        for number, raw in enumerate(raw_cells):
            source = raw["source"]
            source = source if isinstance(source, str) else "".join(source)
            meta = raw.get("metadata", {}).get("nbgrader", {})
            question = str(meta.get("grade_id", ""))[:80]
            if raw["cell_type"] == "code":
                cells.append((str(raw.get("id", number))[:80], question, source))
            elif question:  # a cell that was copied carries its name along: both texts are read
                essays[question] = "\n\n".join(filter(None, [essays.get(question), source]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"this is no notebook: {type(error).__name__}: {str(error)[:120]}. Hand in the .ipynb file itself."
        ) from None
    return Submission(path, hashlib.sha256(data).hexdigest(), cells, essays)


class Room:
    """The student's process, made anew when it dies: all cells run again, without those that killed it.

    ``ahead`` keeps a worker for the next submission while this one is checked, or none.
    """

    def __init__(self, master, submission, limits, sandboxed, ahead):
        self.limits, self.ahead = limits, ahead
        self.options = {"sandboxed": sandboxed, "preload": imported_by(master)}
        self.cells = list(cells_to_run(master, submission))
        self.deadly, self.failures = {}, {}
        self.slow = set()
        self.restarts = 0
        self.ends = time.monotonic() + limits.total
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the process, if there is one."""
        if self.process:
            self.process.close()
            self.process = None

    def enter(self):
        """A process in which every cell that can run has run."""
        while self.process is None:
            if time.monotonic() > self.ends or self.restarts > MOST_RESTARTS:
                raise Lost("the submission used up its time")
            self.process, self.failures = self.ahead.take(self.limits, **self.options), {}
            self.process.ends = self.ends
            for name, source in self.cells:
                if name in self.deadly:
                    continue
                try:
                    reply = self.process.ask(
                        {"op": "run", "cell": name, "source": source, "limit": self.limits.cell}, self.limits.cell + GRACE
                    )
                except Lost as lost:
                    self.deadly[name] = str(lost)
                    self.lose()
                    break
                if "error" in reply:
                    self.failures[name] = reply["error"]
        return self.process

    def lose(self):
        """Give this process up; the next question gets a new one."""
        self.close()
        self.restarts += 1

    def ask(self, request):
        """One question to the student's process.  Raises Wrong where it dies of it; what was too slow once is not asked again."""
        if request["name"] in self.slow:
            raise Wrong(f"{request['name']} did not answer in time.", why="no answer")
        try:
            reply = self.enter().ask(request, self.limits.call + GRACE)
        except Lost as lost:
            self.slow.add(request["name"])
            self.lose()
            raise Wrong(f"{request['name']} did not answer: {lost}.", why="no answer") from None
        if isinstance(reply.get("error"), dict) and reply["error"].get("kind") == "OutOfTime":
            self.slow.add(request["name"])
        return reply


def imported_by(master):
    """The modules that the master's own cells import, for the worker to have ready."""
    nodes = [node for cell in master.of("given") for node in ast.walk(ast.parse(cell.source))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return tuple(dict.fromkeys(names + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]))


def cells_to_run(master, submission):
    """The (name, source) pairs that run in the sandbox, in order:
    the student's cells, with the given ones as the master has them."""
    given = {cell.question: cell.source for cell in master.of("given")}
    checks = {cell.question for cell in master.of("check")}
    present = {question for _, question, _ in submission.cells}
    for question, source in given.items():
        if question not in present:
            yield question, source
    seen = {}
    for name, question, source in submission.cells:
        if question not in checks and name != SETUP:
            label = question or name
            seen[label] = seen.get(label, 0) + 1
            yield label if seen[label] == 1 else f"{label} ({seen[label]})", given.get(question, source)


class Checker:
    """The master's checks, run in this process with the student's names bound to the room."""

    def __init__(self, master, student, room):
        self.room = room
        self.names = {"__name__": "__check__", "STUDENT": student}
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in master.of("given"):
                self.execute(cell.source)
        self.names["STUDENT"] = student

    def execute(self, source, names=None):
        """Run a text; the value of its last line where that is an expression."""
        names = self.names if names is None else names
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<check>", "exec"), names)
        return eval(compile(ast.Expression(last.value), "<check>", "eval"), names) if last else None

    def grade(self, cell):
        """The points of one check cell with the sentence that goes with them, as a dict."""
        names = dict(self.names)
        for name in names_asked(cell.hidden, {*names, *dir(builtins)}):
            names[name] = Remote(name, self.room.ask, self.room.limits.call)
        result = {"question": cell.question, "title": cell.title, "points": 0.0, "of": cell.points, "why": None, "look": False}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = self.execute(cell.hidden, names)
        except Wrong as wrong:
            return result | {"said": str(wrong), "why": wrong.why}
        except Exception as error:  # the check itself failed: a person must look, the others go on
            return result | {
                "said": "This question could not be graded; your instructor will look at it.",
                "look": True,
                "error": f"{type(error).__name__}: {error}"[:500],
            }
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            points = max(0.0, min(float(value), cell.points))
            return result | {"points": points, "said": "Right." if points == cell.points else "Partly right."}
        return result | {"points": cell.points, "said": value if isinstance(value, str) else "Right."}


def grade(master, path, owner=None, *, limits=None, sandboxed=True, ahead=None):
    """Grade one submission: a dict of plain data that ``momentum_lib.grade.results`` writes and reads.

    ``owner`` is who handed it in, where that is known from the file's name or the roster; it decides the
    parameters, whatever the notebook says.  ``ahead`` is an `Ahead` that starts the next submission's worker meanwhile.
    Never raises for what a submission is or does.
    """
    limits = limits or Limits()
    started = time.monotonic()
    result = {"file": Path(path).name, "set": master.name, "student": owner or "", "notes": [], "cells": {}, "essays": {}}
    try:
        submission = read_submission(path)
    except (Unreadable, OSError) as error:
        return ungraded(master, path, owner, error)
    named = submission.student
    student = owner or named
    result |= {"digest": submission.digest, "student": student}
    if owner and named and named.lower() != owner.lower():
        result["notes"].append(f"The notebook says STUDENT = {named!r}; it was graded with the parameters of {owner!r}.")
    if not student:
        result["notes"].append(
            "STUDENT is not set, so the parameters of nobody were used: questions with own parameters cannot be right."
        )
    with Room(master, submission, limits, sandboxed, ahead or Ahead()) as room:
        with contextlib.suppress(Lost):
            room.enter()
        if ahead:
            ahead.start(limits, **room.options)
        checker = Checker(master, student or "nobody", room)
        result["questions"] = [checker.grade(cell) for cell in master.of("check")]
        result["cells"] = {
            name: f"{str(error.get('kind', ''))[:80]}: {str(error.get('text', ''))[:500]}"
            for name, error in room.failures.items()
            if isinstance(error, dict)
        }
        result["cells"] |= {name: why for name, why in room.deadly.items()}
    result["essays"] = {cell.question: submission.essays.get(cell.question, "")[:20000] for cell in master.of("essay")}
    return finish(result, master, started)


_ahead = Ahead()  # one a process


def grade_next(*arguments, **options):
    """`grade` for one submission of many: the worker of the next one starts while this one is checked."""
    return grade(*arguments, ahead=_ahead, **options)


def ungraded(master, path, owner, error):
    """The result of a file that could not be graded: no points, and the reason.

    A reason that is not the file's (anything but Unreadable and OSError) is marked, so that the next run tries again.
    """
    said = {"points": 0.0, "why": None, "look": False, "said": "The file could not be graded."}
    questions = [{"question": c.question, "title": c.title, "of": c.points, **said} for c in master.of("check")]
    result = {"file": Path(path).name, "set": master.name, "student": owner or "", "notes": [], "cells": {}, "essays": {}}
    result |= {"digest": file_digest(path), "unreadable": str(error) or type(error).__name__, "questions": questions}
    if not isinstance(error, (Unreadable, OSError)):
        result |= {"unreadable": f"The grader failed here: {type(error).__name__}: {str(error)[:300]}", "again": True}
    return finish(result, master, time.monotonic())


def finish(result, master, started):
    """The result with its sums."""
    result["points"] = sum(question["points"] for question in result["questions"])
    result["of"], result["by_hand"] = master.points
    result["seconds"] = round(time.monotonic() - started, 2)
    return result


def file_digest(path):
    """The SHA-256 of a file; of one that is too large to be graded, that of its size; "" where it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return hashlib.sha256(str(size).encode() if size > LARGEST_FILE else file.read()).hexdigest()
    except OSError:
        return ""
