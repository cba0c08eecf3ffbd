"""The problem sets: full marks for the masters, none for blanks, and every known mistake loses its own question and is named.

``EDITIONS=200 python -m pytest tests/test_homework.py -k edition`` tries two hundred editions of each set in the place of three.
"""

import ast
import importlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from momentum_lib.grade import editions
from momentum_lib.grade.grading import Checker, Room, grade, read_submission
from momentum_lib.grade.problem_set import Master, dumps, leaks, names_asked, write
from momentum_lib.grade.sandbox import Ahead, limits_of

FOLDER = Path(__file__).parents[1] / "notebooks" / "homework"
SETS = {path.stem: Master(path) for path in sorted(FOLDER.glob("*.ipynb"))}
PATIENT = limits_of(cell=60, call=30, total=300)
EDITIONS = int(os.environ.get("EDITIONS", 3))


def known(name):
    """What tests/homework knows of a set: MISTAKES and WEAK."""
    return importlib.import_module(f"tests.homework.set_{name[0]}")


KNOWN = {name: known(name) for name in SETS}


@pytest.fixture(scope="module")
def checkers():
    return {name: editions.holding_own_answers(master, "ada@example.org") for name, master in SETS.items()}


def check_of(name, question):
    return next(cell for cell in SETS[name].of("check") if cell.question == f"{question}-check")


@pytest.mark.parametrize("name", SETS)
def test_the_masters_own_answers_score_full_marks(name):
    """As a submission is graded: in the sandbox, and for the name that the notebook gives."""
    result = grade(SETS[name], SETS[name].path, limits=PATIENT)
    assert result["points"] == result["of"] == SETS[name].points[0], [q for q in result["questions"] if q["points"] < q["of"]]
    assert result["student"] == "ada@example.org" and not result["cells"]
    (note,) = result["notes"]  # it is the published solution, after all
    assert note.startswith("The published solution, apart from names and comments: ") and KNOWN[name].WEAK[0] in note


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_eight_to_twelve_questions_and_sixty_points(name):
    master = SETS[name]
    assert 8 <= len({cell.title for cell in master.of("check", "essay")}) <= 12 and len(master.of("check")) >= 7
    assert sum(master.points) == 60 and 15 <= master.points[1] <= 25


@pytest.mark.parametrize("name", SETS)
def test_the_blank_copy_scores_zero_and_holds_no_secret(tmp_path, name):
    master = SETS[name]
    student, _ = write(master, tmp_path)
    assert leaks(master, json.loads(student.read_text("utf-8"))) == []
    result = grade(master, student, limits=PATIENT)
    assert result["points"] == 0 and result["of"] == master.points[0]
    assert all(question["points"] == 0 and not question["look"] for question in result["questions"])
    assert all("blank" in question["said"] for question in result["questions"]), [q["said"] for q in result["questions"]]


@pytest.mark.parametrize("name", SETS)
def test_the_blank_copy_is_a_notebook_that_colab_opens(tmp_path, name):
    nbformat = pytest.importorskip("nbformat")
    student, _ = write(SETS[name], tmp_path)
    notebook = nbformat.read(student, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0]["id"] == "setup" and "momentum_lib" in notebook.cells[0].source
    imported = {
        (node.names[0].name if isinstance(node, ast.Import) else node.module).split(".")[0]
        for cell in notebook.cells[1:]
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported <= {"numpy", "matplotlib", "momentum_lib"}


@pytest.mark.parametrize("name", SETS)
def test_a_neighbours_answers_lose_the_questions_with_own_parameters_and_no_others(checkers, name):
    master, mine = SETS[name], checkers[name]
    other = Checker(master, "somebody else", None)
    names = {node for cell in master.of("answer") for node in assigned(cell.source)}
    other.names |= {one: mine.names[one] for one in names if one in mine.names}
    lost = {cell.question for cell in master.of("check") if other.grade(cell)["points"] < cell.points}
    assert lost and sum(cell.points for cell in master.of("check") if cell.question not in lost) >= 20, lost


def assigned(source):
    """The names that a cell's text makes."""
    made = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.Assign):
            made |= {leaf.id for target in node.targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)}
    return made


ROWS = [(name, *row) for name in SETS for row in KNOWN[name].MISTAKES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1]}: {row[3]}"[:70])
def test_a_known_mistake_loses_its_own_question_and_gets_its_sentence(checkers, row):
    name, question, source, sentence, left = (*row, 0)[:5]
    checker, cell = checkers[name], check_of(name, question)
    asked = [one.question for one in SETS[name].of("check") if assigned(source) & set(names_asked(one.hidden, set()))]
    assert asked == [cell.question]
    kept = dict(checker.names)
    try:
        checker.execute(source)
        result = checker.grade(cell)
    finally:
        checker.names.clear()
        checker.names.update(kept)
    assert not result["look"], result
    assert 0 <= result["points"] < cell.points and left in (None, pytest.approx(result["points"])), result
    assert any(part in result["said"] for part in sentence.split("|")), result["said"]


@pytest.mark.parametrize("name", SETS)
def test_every_sentence_of_a_set_is_tried(name):
    """Each ``wrong`` sentence in a hidden check is the answer to some mistake, and each question has one."""
    rows = KNOWN[name].MISTAKES
    tried = [part for row in rows for part in row[2].split("|")]
    untried = {cell.question for cell in SETS[name].of("check")} - {f"{row[0]}-check" for row in rows}
    for cell in SETS[name].of("check"):
        for node in ast.walk(ast.parse(cell.hidden)):
            if isinstance(node, ast.keyword) and node.arg == "wrong":
                pairs = node.value.body if isinstance(node.value, ast.Lambda) else node.value
                untried |= {key.value for key in pairs.keys if not any(part in key.value for part in tried)}
    assert not untried, untried


@pytest.mark.parametrize("name", SETS)
def test_every_sentence_leads_to_a_chapter_that_exists(name):
    chapters = {int(path.name[:2]) for path in FOLDER.parent.glob("[0-9][0-9]-*.ipynb")}
    for cell in SETS[name].of("check"):
        for found in re.finditer(r"\(chapters? ([\d and]+)\)", cell.hidden):
            assert {int(number) for number in re.findall(r"\d+", found[1])} <= chapters, found[0]


# -- editions ----------------------------------------------------------------------------------------


def numbers_of(value):
    """Every number in a value, as a set."""
    if isinstance(value, (list, tuple)):
        return set().union(*map(numbers_of, value)) if value else set()
    return {value} if isinstance(value, float) else set()


@pytest.mark.parametrize("name", SETS)
def test_editions_are_solved_by_their_own_solution_and_no_two_share_a_drawn_number(tmp_path, name):
    """Numbers with fewer than a thousand possible values may meet by chance; those that decide answers do not."""
    public, seen = SETS[name], [drawn_in(SETS[name])]
    for number in range(EDITIONS):
        path = tmp_path / f"{name}.ipynb"
        path.write_text(dumps(editions.edition(public, number.to_bytes(32, "big"))), "utf-8")
        master = Master(path)
        assert leaks(master, master.student_copy()) == []
        editions.reject_unsolved(master, (f"student {number}",))
        seen.append(drawn_in(master))
    for key in seen[0]:
        drawn = [one[key] for one in seen]
        assert len(set(drawn)) == len(drawn), (key, drawn)


def drawn_in(master):
    """What an edition's cells draw: ``{cell: text of all its drawn values}``, of cells in which a number varies."""
    found = {}
    for cell in master.notebook["cells"]:
        kinds = cell["metadata"].get("draws") or {}
        if any(not {"sample", "choice"} & set(kind) for kind in kinds.values()):
            values = editions.literals(editions.text_of(cell))
            found[cell["id"]] = repr([values[key][0][0] for key in kinds])
    return found


@pytest.mark.parametrize("name", SETS)
def test_what_the_practice_edition_shows_is_what_its_hidden_numbers_give(name):
    cells = [cell for cell in SETS[name].notebook["cells"] if "practice" not in cell["metadata"].get("tags", ())]
    for group in editions.groups_of(cells):
        values = {}
        for place in group:
            values |= {key: value for key, (_, value) in editions.varied(cells[place], name).items()}
        for place in group:
            for key, (kind, value) in editions.varied(cells[place], name).items():
                if "computed" in kind:
                    assert np.array_equal(editions.computed(kind, values), value), key


@pytest.mark.parametrize("name", SETS)
def test_a_public_set_says_that_it_is_for_practice(name):
    (note,) = (cell for cell in SETS[name].notebook["cells"] if "practice" in cell["metadata"].get("tags", ()))
    assert "practice edition" in editions.text_of(note) and "public" in editions.text_of(note)
    page = (FOLDER.parents[1] / "book" / f"homework-{name[0]}.md").read_text("utf-8")
    assert "practice edition" in page and f"../homework/{name}-solutions.ipynb" in page


# -- the student's own tests -------------------------------------------------------------------------


class Sandbox:
    """One sandbox for many submissions that differ from a master in one cell."""

    def __init__(self):
        self.process = None

    def grade(self, name, question, source):
        """The result of one check where this cell stands below all others."""
        master = SETS[name]
        room = Room(master, read_submission(master.path), PATIENT, True, Ahead())
        room.cells = [*room.cells, ("last", source, "")]
        room.process = self.process
        try:
            return Checker(master, "ada@example.org", room).grade(check_of(name, question))
        finally:
            self.process = room.process


@pytest.fixture(scope="module")
def sandbox():
    made = Sandbox()
    yield made
    made.process.close()


@pytest.mark.parametrize("name", SETS)
def test_half_a_test_earns_half_the_points(checkers, name):
    """A student's test that notices one kind of mistake gets the points of that kind."""
    question, source = KNOWN[name].WEAK
    checker, hunt, kept = checkers[name], check_of(name, question), dict(checkers[name].names)
    checker.execute(source)
    result = checker.grade(hunt)
    checker.names.update(kept)
    assert 0 < result["points"] < hunt.points and result["said"] == "Partly right."


# A test that tests nothing: it goes by order, by count, by memory, by chance, by who it is or when.
NOTHING_TESTED = {
    "the first ones are right": "global n\n    n += 1\n    return n <= 3",
    "the last ones are right": "global n\n    n += 1\n    return n > 8",
    "every second one": "global n\n    n += 1\n    return n % 2 == 1",
    "what it has seen before": "global n\n    n = seen.get(run, True)\n    seen[run] = not n\n    return n",
    "a file": "import os\n    new = not os.path.exists('met')\n    open('met', 'a').close()\n    return new",
    "chance": "import random\n    return random.random() < 0.75",
    "the number of its process": "import os\n    return os.getpid() <= 7",
    "where it lies": "return id(run) % 32 != 16",
    "what it is called": "return run.__name__ != 'run'",
}


@pytest.mark.parametrize("trick", NOTHING_TESTED)
def test_a_test_that_tests_nothing_earns_nothing(sandbox, trick):
    source = f"n, seen = 0, {{}}\ndef test_run(run):\n    {NOTHING_TESTED[trick]}\n"
    result = sandbox.grade("1-idea", "kill", source)
    assert result["points"] == 0 and not result["look"], result
    assert "rejects an implementation" in result["said"] or "accepts all" in result["said"], result


# What answers nothing and looks like an answer: objects that equal everything, patches, verdicts by chance.
LIES = {
    "a drawing that bends to whatever it is compared with": (
        "sketch",
        "class Any(np.ndarray):\n    def __sub__(self, other):\n        return np.zeros(12)\n"
        "    def __array_ufunc__(self, *a, **k):\n        return np.zeros(12)\ndrawn = np.zeros(12).view(Any)",
        "must be an array|0 of 5 points",
    ),
    "a scale of its own": ("sketch", "grade.curve = lambda *a, **k: 5.0\ndrawn = np.zeros(12)", "0 of 5 points"),
    "not a number at one place": ("sketch", "drawn = measured + 0.1\ndrawn[3] = np.nan", "not finite"),
    "a verdict that equals True": (
        "detect",
        "class Yes:\n    __eq__ = __bool__ = lambda *any: True\ndef plain(losses):\n    return Yes()",
        "must return True or False",
    ),
    "a verdict by chance": ("detect", "def plain(losses):\n    return bool(np.random.rand() < 0.5)", "of gradient descent"),
    "points in place of an answer": (
        "tune",
        "def tune(gradient, dim):\n    return grade.Points(6, 'all'), 1",
        "it is a tuple",
    ),
    "a rule that changes what it is given": (
        "table",
        "def my_rule(theta, grad, v, *, lr, beta):\n    grad *= 0\n    return theta, v",
        "in place",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_only_looks_like_an_answer_earns_nothing(sandbox, lie):
    question, source, sentence = LIES[lie]
    result = sandbox.grade("1-idea", question, source)
    assert result["points"] == 0 and not result["look"], result
    assert any(part in result["said"] for part in sentence.split("|")), result["said"]


LATER_LIES = {
    "a round of gradients that has another mean for whoever asks": (
        "3-networks",
        "against",
        "class Round(list):\n    def __array__(self, *a, **k):\n        return np.ones(3)\n"
        "def against(beta2):\n    return Round([-1.0, -1.0, -1.0])",
        "a round has 1 to 400",
    ),
    "a step that equals every other": (
        "3-networks",
        "ruler",
        "class Any(np.ndarray):\n    __eq__ = __le__ = lambda *any: True\n"
        "np.allclose = lambda *a, **k: True\ndef ruler(theta, grad, r, c, *, lr, beta2, t):\n"
        "    return theta.view(Any), r.view(Any), c.view(Any)",
        "arrays of the shapes|r and c average",
    ),
    "a trainer of one's own": (
        "4-training",
        "runs",
        "handed_in.made = handed_in.runs = lambda *a, **k: 'fine'\nrows = 'fine'",
        "line 1 is no row of a run",
    ),
}


@pytest.mark.parametrize("lie", LATER_LIES)
def test_what_only_looks_like_an_answer_to_a_later_set_earns_nothing(sandbox, lie):
    name, question, source, sentence = LATER_LIES[lie]
    result = sandbox.grade(name, question, source)
    assert result["points"] == 0 and not result["look"], result
    assert any(part in result["said"] for part in sentence.split("|")), result["said"]


def test_a_hunt_in_a_set_stands_at_least_two_forms_of_right_code():
    for name, master in SETS.items():
        hunts = [node for cell in master.of("check") for node in ast.walk(ast.parse(cell.hidden))
                 if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "bug_hunt"]  # fmt: skip
        for hunt in hunts:
            right = next(word.value for word in hunt.keywords if word.arg == "right")
            assert not isinstance(right, ast.List) or len(right.elts) >= 2, name
