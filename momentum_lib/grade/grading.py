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
import socket
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..cluster import ClusterError
from .answers import Remote, Wrong
from .cells import needs_shell
from .later import POSTPONE
from .likeness import published
from .problem_set import SETUP, names_asked
from .sandbox import GRACE, Ahead, Limits, Lost, NoSandbox, Process, require_sandbox
from .wire import decode

LARGEST_FILE = 20 * 2**20
MOST_CELLS = 500
MOST_STATEMENTS = 10**9
DRAWING = re.compile(r"\b(?:plt|plot|mpl|matplotlib)\s*\.|\bfrom\s+matplotlib\b")
CHEAP = 1.0  # seconds: a question whose cells take longer does not get a new process for everything that it is asked


class Unreadable(ValueError):
    """A file that is no notebook; the message says why."""


@dataclass
class Submission:
    """A notebook that was handed in.

    ``cells`` are its code cells as (id, grade_id, source), ``essays`` the texts of its essays by grade_id, and ``texts`` all
    its cells in order as (id, grade_id, text, or None for code).
    """

    path: Path
    digest: str
    cells: list
    essays: dict = field(default_factory=dict)
    texts: list = field(default_factory=list)


def mapping(value):
    """A value that should be a dict, or an empty one: tools write null, and worse, where metadata belong."""
    return value if isinstance(value, dict) else {}


def source_of(cell):
    """A cell's text, which notebooks keep as one string or as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(map(str, source))


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
        cells, essays, texts = [], {}, []
        for number, raw in enumerate(raw_cells):
            meta = mapping(raw.get("metadata"))
            question = str(mapping(meta.get("nbgrader")).get("grade_id") or "")[:80]
            name, source = str(raw.get("id") or meta.get("id") or number)[:80], source_of(raw)
            if raw["cell_type"] == "code":
                cells.append((name, question, source))
            elif question:  # a cell that was copied carries its name along: both texts are read
                essays[question] = "\n\n".join(filter(None, [essays.get(question), source]))
            texts.append((name, question, None if raw["cell_type"] == "code" else source))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(
            f"this is no notebook: {type(error).__name__}: {str(error)[:120]}. Hand in the .ipynb file itself."
        ) from None
    return Submission(path, hashlib.sha256(data).hexdigest(), cells, essays, texts)


def words_beside(master, submission):
    """What stands beside an essay and not in its cell: ``{essay: text}``.

    A student's own cell of text counts that follows the essay, or the text above it; so does that text where it was changed,
    and a cell of text in the place of an essay that was deleted.
    """
    order = [cell.question or cell.id for cell in master.cells]
    shown = {cell.question or cell.id: cell for cell in master.cells}
    by_text = {cell.shown.strip(): cell.question or cell.id for cell in master.cells if cell.role == "text"}
    place, found = -1, {}
    for name, question, source in submission.texts:
        known = next((key for key in (question, name, by_text.get((source or "").strip())) if key in shown), None)
        if known is not None:
            place = order.index(known)
            changed = shown[known].role == "text" and source is not None and source.strip() != shown[known].shown.strip()
            source = source if changed else None
        if source is None or not source.strip():
            continue
        here = [cell for cell in master.cells[max(place, 0) : place + 2] if cell.role == "essay"]
        if here:
            found.setdefault(here[0].question, []).append(source.strip())
    return {essay: "\n\n".join(texts) for essay, texts in found.items()}


class Room:
    """The student's side: for each question a process of its own, in which the cells that it needs have run.

    A statement that ended its process, or took too long, is left out from then on, with what follows it in its cell; the other
    cells run as if it were not there.  ``ahead`` has sandboxes that serve other submissions, too; without it, there is one for
    this one alone.
    """

    def __init__(self, master, submission, limits, sandboxed, ahead):
        self.master, self.limits, self.take = master, limits, ahead.take if ahead else Process
        self.usual = self.options = {"sandboxed": sandboxed, "preload": (POSTPONE, *imported_by(master))}
        self.cells, self.digest = list(cells_to_run(master, submission)), submission.digest
        self.cut, self.failures, self.deadly = {}, {}, {}
        self.slow, self.absent = set(), set()
        self.process, self.ran = None, None  # the sandbox, and the cells that have run in its process
        self.slices, self.needed = None, set()
        self.spare = limits.total  # seconds that are left for cells that no question needs
        self.question_is(None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the sandbox, if there is one."""
        if self.process:
            self.process.close()
            self.process = None

    def question_is(self, name):
        """What is asked from now on belongs to this question, which has all of its time."""
        self.question, self.left, self.cost = name, self.limits.total, 0.0
        self.whole, self.charged, self.share = name is None, False, 1.0

    def new_process(self):
        """A process that nothing has run in, in the sandbox that there is or in a new one.  Raises NoSandbox."""
        for last_try in (False, True):
            if self.process and not self.process.alive:
                self.close()
            try:
                if self.process is None:
                    self.process = self.take(self.limits, **self.options)
                    if any(needs_shell(source) for _, source, _ in self.cells):
                        self.process.prepare()
                self.process.fresh()
                self.process.meet()
            except Lost as lost:
                self.close()
                if last_try:
                    raise NoSandbox(f"the sandbox could not be started again: {lost}") from None
            else:
                self.ran = set()
                return

    def plan(self):
        """Find out, once, which cells each question needs; where that fails, every question needs all."""
        wanted, every = wanted_by(self.master, self.cells), [label for label, _, _ in self.cells]
        try:
            self.new_process()
            found = self.process.ask({"op": "plan", "cells": self.cells, "wanted": wanted, "limit": 60}, 60 + GRACE)
            self.slices, self.needed = found["slices"], set(found["needed"])
        except (Lost, KeyError):
            self.ran, self.slices, self.needed = None, dict.fromkeys(wanted, every), set(every)
        self.slices[None] = every
        if self.draws():
            self.options = self.options | {"preload": imported_by(self.master)}
            self.close()
            self.ran = None

    def draws(self):
        """Whether an answer that a question needs may draw: then it is cheaper to have imported that before each fork."""
        given = {cell.question for cell in self.master.of("given")}
        return any(DRAWING.search(source) for label, source, own in self.cells if label in self.needed and own not in given)

    def to_run(self):
        """The (label, source) pairs that run for the question that is asked."""
        chosen = set(self.slices[None if self.whole else self.question])
        return [(label, source) for label, source, _ in self.cells if label in chosen]

    def enter(self):
        """See that every cell that the question needs, and that can run, has run in the process that there is."""
        if self.slices is None:
            self.plan()
        while not self.run_cells():
            if self.ran is None:
                self.new_process()
        self.charged = True

    def run_cells(self):
        """Run what the question needs and has not run; False where that takes a new process, or all cells."""
        todo = self.to_run()
        if self.ran is None or self.late([label for label, _ in todo]):
            self.ran = None
            return False
        for name, source in todo:
            spare = name not in self.needed
            if name in self.ran or (self.spare if spare else self.left) <= 0:
                continue
            request = {"op": "run", "cell": name, "source": source, "limit": self.limits.cell, "until": self.cut.get(name)}
            try:
                reply = self.process.ask(request, self.limits.cell + GRACE)
            except Lost as lost:
                self.charge(spare)
                self.deadly[name] = str(lost)
                self.cut[name] = min(self.process.at or 0, self.cut.get(name, MOST_STATEMENTS))
                self.ran = None
                return False
            self.ran.add(name)
            self.charge(spare)
            self.note(name, reply)
        if self.lacks_a_name(todo):
            self.whole = True
            return False
        return True

    def late(self, labels):
        """Whether a cell would run after one that stands below it."""
        places = {label: place for place, (label, _, _) in enumerate(self.cells)}
        lowest = max((places[label] for label in self.ran), default=-1)
        return any(places[label] < lowest for label in labels if label not in self.ran)

    def lacks_a_name(self, todo):
        """Whether a cell stopped for a name that another cell may make in a way that cannot be seen from outside."""
        return (
            not self.whole
            and len(todo) < len(self.cells)
            and any(self.failures.get(name, {}).get("kind") == "NameError" and name not in self.absent for name, _ in todo)
        )

    def note(self, name, reply):
        """Keep what a cell's run brought: its error, and where it was too slow."""
        error = reply.get("error")
        if isinstance(error, dict):
            if error.get("kind") == "OutOfTime" and self.process.at is not None:
                self.cut[name] = self.process.at
            if error.get("kind") == "NameError" and self.whole:
                self.absent.add(name)
            self.failures[name] = error
        elif reply.get("missing modules"):
            names = ", ".join(map(str, reply["missing modules"]))[:200]
            text = f"{names} is not there where notebooks are graded; what needs it was passed over"
            self.failures[name] = {"kind": "ModuleNotFoundError", "text": text}
        elif name not in self.cut:
            self.failures.pop(name, None)

    def charge(self, spare):
        """Count what the last cell used, once a question."""
        if spare:
            self.spare -= self.process.spent
        elif not self.charged:
            self.left -= self.process.spent
            self.cost += self.process.spent

    def fresh(self):
        """What is asked next is asked in a process that has met nothing of what was asked before.

        Where a question's cells take long, one process serves all of the question.
        """
        self.share = 1 / 3  # a hunt asks up to three times what was asked before
        if self.cost <= CHEAP:
            self.ran = None

    def ask(self, request):
        """One question to the student's process.  Raises Wrong where it dies of it; what was too slow once is not asked again."""
        name = request["name"]
        if name in self.slow:
            raise Wrong(f"{name} did not answer in time.", why="no answer")
        try:
            self.enter()
            if self.left <= 0:
                raise Wrong(
                    f"What this question needs took longer than the {self.limits.total:g} seconds of processor time that a "
                    "question has.",
                    why="no answer",
                )
            reply = self.process.ask(request, self.limits.call + GRACE)
        except Lost as lost:
            self.slow.add(name)
            self.ran = None
            raise Wrong(f"{name} did not answer: {lost}.", why="no answer") from None
        self.left -= self.process.spent * self.share
        if isinstance(reply.get("error"), dict) and reply["error"].get("kind") == "OutOfTime":
            self.slow.add(name)
        if self.may_be_elsewhere(name, reply):
            self.whole = self.charged = True
            return self.ask(request)
        return reply

    def may_be_elsewhere(self, name, reply):
        """Whether a name is missing that a cell outside the question's may make; asked once for each name."""
        error = reply.get("error")
        lacking = reply.get("missing") or (isinstance(error, dict) and error.get("kind") == "NameError")
        if not lacking or self.whole or name in self.absent:
            return False
        self.absent.add(name)
        return len(self.to_run()) < len(self.cells)

    def remote(self, name):
        """A name of the student's, to be asked here."""
        return Remote(name, self.ask, self.limits.call, self.fresh, f"{self.question} {self.digest}")

    def student(self):
        """The text that the notebook's STUDENT holds when all of it has run; "" where there is none."""
        self.question_is("STUDENT")
        try:
            value = decode(self.ask({"op": "get", "name": "STUDENT", "limit": self.limits.call}).get("value"))
        except (Wrong, ValueError, TypeError, OverflowError, RecursionError):
            return ""
        return str(value).strip()[:200] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def wanted_by(master, cells):
    """What each check asks for: ``{question: (names, labels of the answers that belong to it)}``, and STUDENT."""
    wanted, own = {"STUDENT": (["STUDENT"], [])}, []
    for cell in master.of("answer", "check"):
        if cell.role == "answer":
            own += [label for label, _, question in cells if question == cell.question]
        else:
            wanted[cell.question], own = (names_asked(cell.hidden, dir(builtins)), own), []
    return wanted


def imported_by(master):
    """What the master's own cells import, for the worker to have ready: modules, and ``module:name`` for a name of one."""
    nodes = [node for cell in master.of("given") for node in ast.walk(ast.parse(cell.source))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    whence = [node for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return tuple(dict.fromkeys(names + [f"{node.module}:{alias.name}" for node in whence for alias in node.names]))


def cells_to_run(master, submission):
    """The (label, source, question) triples that run in the sandbox, in order: the student's cells, with the given ones as the
    master has them, and a given one that was deleted where it belongs.
    """
    given = {cell.question: cell.source for cell in master.of("given")}
    checks = {cell.question for cell in master.of("check")}
    seen = {}
    for name, question, source in with_given(master, submission.cells):
        if question not in checks and name != SETUP:
            label = question or name
            seen[label] = seen.get(label, 0) + 1
            yield label if seen[label] == 1 else f"{label} ({seen[label]})", given.get(question, source), question


def with_given(master, cells):
    """The submission's cells with each given cell that is not there put back: before the next cell of the master that is."""
    cells, order = list(cells), [cell.question or cell.id for cell in master.cells]
    for at, cell in reversed(list(enumerate(master.cells))):
        if cell.role != "given" or any(question == cell.question for _, question, _ in cells):
            continue
        later = order[at + 1 :]
        place = next((i for i, (name, question, _) in enumerate(cells) if (question or name) in later), len(cells))
        cells.insert(place, (cell.question, cell.question, cell.source))
    return cells


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
        asked = names_asked(cell.hidden, {*names, *dir(builtins)})
        if self.room:
            self.room.question_is(cell.question)
            names |= {name: self.room.remote(name) for name in asked}
        result = {"question": cell.question, "title": cell.title, "points": 0.0, "of": cell.points, "why": None, "look": False}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = self.execute(cell.hidden, names)
        except NoSandbox:
            raise  # ours, and the next run tries again
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
            said = getattr(value, "said", "Right." if points == cell.points else "Partly right.")
            return result | {"points": points, "said": said}
        return result | {"points": cell.points, "said": value if isinstance(value, str) else "Right."}


def grade(master, path, owner=None, *, limits=None, sandboxed=True, ahead=None):
    """Grade one submission: a dict of plain data that ``momentum_lib.grade.results`` writes and reads.

    ``owner`` is who handed it in, where that is known from the file's name or the roster; it decides the
    parameters, whatever the notebook says.  ``ahead`` is an `Ahead` with sandboxes that serve other submissions, too.
    Never raises for what a submission is or does.
    """
    limits = limits or Limits()
    started = time.monotonic()
    result = {"file": Path(path).name, "set": master.name, "student": owner or "", "notes": [], "cells": {}, "essays": {}}
    try:
        submission = read_submission(path)
    except (Unreadable, OSError) as error:
        return ungraded(master, path, owner, error)
    result["digest"] = submission.digest
    with Room(master, submission, limits, sandboxed, ahead) as room:
        named = room.student()
        student = result["student"] = owner or named
        result["notes"] += notes_on(owner, named) + notes_on_likeness(published(master, submission))
        if ahead:
            ahead.start(limits, **room.usual)
        checker = Checker(master, student or "nobody", room)
        result["questions"] = [checker.grade(cell) for cell in master.of("check")]
        result["cells"] = {
            name: f"{str(error.get('kind', ''))[:80]}: {str(error.get('text', ''))[:500]}"
            for name, error in room.failures.items()
        }
        result["cells"] |= room.deadly
    beside = words_beside(master, submission)
    for cell in master.of("essay"):
        texts = [submission.essays.get(cell.question), beside.get(cell.question)]
        result["essays"][cell.question] = "\n\n".join(filter(None, texts))[:20000]
        if cell.question in beside:
            result["notes"].append(f"{cell.question}: words stand in a cell of the student's own beside the essay's; read both.")
    return finish(result, master, started)


def notes_on(owner, named):
    """What a person should know about the name in a notebook."""
    if owner and named and named.lower() != owner.lower():
        return [f"The notebook says STUDENT = {named!r}; it was graded with the parameters of {owner!r}."]
    if not owner and not named:
        return ["STUDENT is not set, so the parameters of nobody were used: questions with own parameters cannot be right."]
    return []


def notes_on_likeness(names):
    """What a person should know about answers that are the published solution."""
    if not names:
        return []
    return [f"The published solution, apart from names and comments: {', '.join(names)}. No points were taken for it."]


_ahead = Ahead()  # one a process


def grade_next(*arguments, **options):
    """`grade` for one submission of many: the sandboxes stay for the next one."""
    return grade(*arguments, ahead=_ahead, **options)


@cache
def look_for_sandbox():
    """Raise ClusterError, with this machine's name, where there is no sandbox; once a process."""
    try:
        require_sandbox()
    except NoSandbox as error:
        raise ClusterError(f"{socket.gethostname()}: {error}") from None


def grade_sent(master, name, content, owner=None, *, limits, sandboxed=True):
    """`grade_next` on a cluster's worker, for a submission that came as bytes."""
    if sandboxed:
        look_for_sandbox()
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(content)
        return grade_next(master, path, owner, limits=limits, sandboxed=sandboxed)


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
