"""The problem sets: full marks for the masters, none for blanks, and every known mistake loses its own question and is named."""

import ast
import json
import re
from pathlib import Path

import grading
import pytest

from momentum_lib.grade.grading import Checker, Room, grade, read_submission
from momentum_lib.grade.problem_set import Master, leaks, names_asked, write
from momentum_lib.grade.sandbox import Ahead, limits_of

FOLDER = Path(__file__).parents[1] / "notebooks" / "homework"
SETS = {path.stem: Master(path) for path in sorted(FOLDER.glob("*.ipynb"))}
PATIENT = limits_of(cell=60, call=30, total=300)


class Sandboxes:
    """One sandbox a set, for rooms that differ in their cells."""

    def __init__(self):
        self.running = {}

    def checker(self, name, *more):
        """A checker of the master's own answers, with more cells, ``(label, source)``, below them."""
        master = SETS[name]
        room = Room(master, read_submission(master.path), PATIENT, True, Ahead())
        room.cells += [(label, source, "") for label, source in more]
        room.process = self.running.get(name)
        room.enter()
        self.running[name] = room.process
        assert not room.failures and not room.deadly, (name, room.failures, room.deadly)
        return Checker(master, "ada@example.org", room)


@pytest.fixture(scope="module")
def sandboxes():
    made = Sandboxes()
    yield made
    for process in made.running.values():
        process.close()


@pytest.fixture(scope="module")
def checkers(sandboxes):
    return {name: sandboxes.checker(name) for name in SETS}


@pytest.mark.parametrize("name", SETS)
def test_the_masters_own_answers_score_full_marks(checkers, name):
    for cell in SETS[name].of("check"):
        result = checkers[name].grade(cell)
        assert result["points"] == cell.points, result


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_eight_to_twelve_checked_questions_and_round_points(name):
    master = SETS[name]
    assert 8 <= len(master.of("check")) <= 12 and len(master.of("essay")) >= 1
    assert master.points == (45, 15)


@pytest.mark.parametrize("name", SETS)
def test_the_blank_copy_scores_zero_and_holds_no_secret(tmp_path, name):
    master = SETS[name]
    student, _ = write(master, tmp_path)
    assert leaks(master, json.loads(student.read_text("utf-8"))) == []
    result = grade(master, student, limits=PATIENT)
    assert result["points"] == 0 and result["of"] == 45
    assert all(question["points"] == 0 and not question["look"] for question in result["questions"])


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
def test_parameters_differ_between_students_and_full_marks_do_not(tmp_path, name):
    """Another student, another set of numbers: the answers that compute are right for them, too."""
    notebook = json.loads(SETS[name].path.read_text("utf-8"))
    notebook = grading.with_cells({"who": 'STUDENT = "grace"'}, notebook)
    result = grade(SETS[name], grading.write(tmp_path, notebook), limits=PATIENT)
    assert result["points"] == 45, [q for q in result["questions"] if q["points"] < q["of"]]
    copied = grade(SETS[name], grading.write(tmp_path, notebook), owner="somebody else", limits=PATIENT)
    lost = {q["question"] for q in copied["questions"] if q["points"] < q["of"]}
    assert lost and copied["points"] > 20, lost


def function(head, body):
    return f"def {head}:\n    {body}\n"


STEP = "my_momentum(theta, grad, v, *, lr, beta)"
NESTEROV = "def my_look(theta, v, *, lr, beta):\n    return {look}\ndef my_nesterov(theta, grad, v, *, lr, beta):\n    {step}\n"
EMA = (
    "def smooth(signal, beta):\n    m, out = 0.0, []\n    for t, x in enumerate(signal, start=1):\n        m = {m}\n        "
    "out.append({out})\n    return np.array(out)\n"
)

MISTAKES = {
    "1-idea": [
        ("q1-check", "arrived = np.array([2 * 0.85, 1 - 0.15 * kappa_1])", "that is where one step takes you"),
        ("q1-check", "arrived = np.array([2 * 1.15**2, (1 + 0.15 * kappa_1) ** 2])", "you went uphill"),
        ("q1-check", "arrived = np.array([2 * 0.85**2, 0.85**2])", "the slope in y is kappa * y"),
        ("q1-check", "arrived = np.array([2 * 0.85**2, 0.0, 0.0])", "has shape (3,)"),
        ("q2-check", function("best_rate(mu, L)", "return 1 / L, 1 - mu / L"), "the best rate balances both ends"),
        ("q2-check", function("best_rate(mu, L)", "return 2 / L, (L - mu) / (L + mu)"), "2/L is the edge"),
        ("q2-check", function("best_rate(mu, L)", "return 2 / (mu + L), (mu - L) / (L + mu)"), "with its minus signs"),
        (
            "q3-check",
            "measured_steps = descend(rules.gradient_descent, ravine_3, steps=2200, lr=1 / kappa_3).steps_to(1e-6)",
            "that is the count at 1/L",
        ),
        ("q3-check", "measured_steps = None", "must be a number; it is a NoneType"),
        ("q4-check", EMA.format(m="beta * m + (1 - beta) * x", out="m"), "the bias correction is missing"),
        ("q4-check", EMA.format(m="beta * m + x", out="m"), "that is a sum"),
        ("q4-check", EMA.format(m="beta * m + (1 - beta) * x", out="m / (1 - beta ** (t + 1))"), "steps count from 1"),
        ("q4-check", EMA.format(m="(1 - beta) * m + beta * x", out="m / (1 - (1 - beta) ** t)"), "not the other way round"),
        ("q5-check", function("beta_for(half_life)", "return 1 - 1 / half_life"), "turns a total weight into a beta"),
        ("q5-check", function("beta_for(half_life)", "return np.exp(-1 / half_life)"), "fades to 1/e"),
        ("q5-check", function("beta_for(half_life)", "return 1 - 1 / (2 * half_life)"), "1 - 1/(2h) is not"),
        ("q6-check", function(STEP, "v = beta * v + lr * grad\n    return theta + v, v"), "goes uphill|leaves the path"),
        ("q6-check", function(STEP, "v = beta * v + grad\n    return theta - lr * v, v"), "Your learning rate is outside"),
        (
            "q6-check",
            function(STEP, "v = beta * v + (1 - beta) * lr * grad\n    return theta - v, v"),
            "You average the gradients",
        ),
        ("q6-check", function(STEP, "v = 0.9 * v + lr * grad\n    return theta - v, v"), "uses beta = 0.9 whatever"),
        ("q6-check", function(STEP, "v *= beta\n    v += lr * grad\n    return theta - v, v"), "argument number 3 in place"),
        ("q6-check", function(STEP, "new = beta * v + lr * grad\n    return theta - new, v"), "is not returned"),
        ("q6-check", function(STEP, "v = beta * v + lr * grad\n    return theta - v"), "must return theta, v"),
        ("q7-check", function("to_averaged(lr, beta)", "return lr * (1 - beta), beta"), "the other way round"),
        ("q7-drop", "next_step_outside, next_step_inside = beta_7 + (1 - beta_7) / 10, 0.1", "that is the other spelling"),
        ("q8-check", function("edge(beta, curvature)", "return 2 / curvature"), "momentum widens it"),
        ("q8-check", function("edge(beta, curvature)", "return 2 * (1 - beta) / curvature"), "it does not narrow it"),
        ("q8-check", function("edge(beta, curvature)", "return 2 * (1 + beta) / (1 - beta) / curvature"), "averaged form"),
        ("q9-check", function("rate_at(epoch, lr)", "return lr / 10 ** min(max(epoch - 1, 0) // 30, 2)"), "one epoch late"),
        ("q9-check", function("rate_at(epoch, lr)", "return lr / 10 ** min((epoch + 1) // 30, 2)"), "one epoch early"),
        ("q9-check", function("rate_at(epoch, lr)", "return lr / 10 if epoch >= 30 else lr"), "from epoch 60 on"),
        ("q10-check", function("test_momentum(step)", "return False"), "rejects an implementation that is right"),
        ("q10-check", function("test_momentum(step)", "return True"), "accepts all 8 planted bugs"),
    ],
    "2-why": [
        ("q1-check", function("long_run_rate(lr, beta, curvature)", "return np.sqrt(beta)"), "right in ripples alone"),
        (
            "q1-check",
            function(
                "long_run_rate(lr, beta, curvature)",
                "t = 1 + beta - lr * curvature\n    r = np.sqrt(complex(t * t - 4 * beta))\n    return 2 * np.sqrt(beta) if t * "
                "t < 4 * beta else float(max(abs(t + r), abs(t - r)) / 2)",
            ),
            "a famous page prints twice that",
        ),
        (
            "q1-check",
            function("long_run_rate(lr, beta, curvature)", "return theory.rate(rules.heavy_ball, -curvature, lr=lr, beta=beta)"),
            "its trace is 1 + beta - lr * curvature",
        ),
        (
            "q2-check",
            function("best_pair(mu, L)", "s = theory.best_heavy_ball(mu, L)\n    return 1 / L, np.sqrt(s.beta)"),
            "that momentum is Nesterov's",
        ),
        (
            "q2-check",
            function("best_pair(mu, L)", "s = theory.best_heavy_ball(mu, L)\n    return s.lr, np.sqrt(s.beta)"),
            "the momentum is its square",
        ),
        (
            "q2-check",
            function("best_pair(mu, L)", "s = theory.best_heavy_ball(mu, L)\n    return 2 / (mu + L), s.beta"),
            "momentum allows nearly twice",
        ),
        ("q3-check", "measured_peak = 1.0", "start in the stiffest one"),
        ("q3-check", "measured_peak = 'big'", "must be a number; it is a str"),
        ("q4-check", function("ball(lr, beta)", "return lr, (1 - beta) / lr"), "the square root of lr"),
        ("q4-check", function("ball(lr, beta)", "return np.sqrt(lr), 1 - beta"), "the friction needs it, too"),
        (
            "q5-check",
            NESTEROV.format(look="theta", step="v = beta * v + grad\n    return theta - lr * v, v"),
            "measured at the point itself",
        ),
        (
            "q5-check",
            NESTEROV.format(look="theta - lr * beta * v", step="v = beta * v - grad\n    return theta - lr * v, v"),
            "goes uphill",
        ),
        (
            "q5-check",
            NESTEROV.format(look="theta - lr * beta * v", step="v = 0.9 * v + grad\n    return theta - lr * v, v"),
            "uses beta = 0.9|leaves the path",
        ),
        ("q6-check", function("restart_now(grad, moved)", "return int(grad @ moved < 0)"), "the other way round"),
        (
            "q6-check",
            function("restart_now(grad, moved)", "return int((grad * moved > 0).all())"),
            "take the inner product, not each sign",
        ),
        ("q6-check", function("restart_now(grad, moved)", "return int((grad * moved > 0).any())"), "any one coordinate"),
        ("q7-check", "cycle = cycle[::-1]", "put them in increasing order"),
        (
            "q8-check",
            function("cloud(lr, beta, curvature, sigma)", "return theory.noise_ball(lr, 0.0, curvature, sigma)"),
            "knows no momentum",
        ),
        (
            "q8-check",
            function("cloud(lr, beta, curvature, sigma)", "return theory.noise_ball(lr, 0.0, curvature, sigma) * (1 - beta)"),
            "not averaged away",
        ),
        (
            "q8-check",
            function("cloud(lr, beta, curvature, sigma)", "return theory.noise_ball(lr, beta, curvature, sigma) ** 0.5"),
            "standard deviation",
        ),
        (
            "q8-check",
            function("cloud(lr, beta, curvature, sigma)", "return theory.noise_ball(lr, beta, curvature, sigma) / sigma"),
            "has the square of sigma",
        ),
        ("q9-check", function("fair_lr(plain_lr, beta)", "return plain_lr / (1 - beta)"), "so its lr must be smaller"),
        ("q9-check", function("worth_gradients(beta)", "return 1 / (1 - beta)"), "total weight of the sum"),
        ("q10-check", function("growth(lr, beta, c)", "return 1 + lr * c"), "without momentum"),
        ("q10-check", function("growth(lr, beta, c)", "return 1 + lr * c / (1 - beta)"), "solve the quadratic equation"),
        (
            "q10-check",
            function("growth(lr, beta, c)", "return beta / theory.rate(rules.heavy_ball, -c, lr=lr, beta=beta)"),
            "the root that shrinks",
        ),
        ("q11-check", function("test_run(run)", "return 1"), "must return True or False"),
        ("q11-check", function("test_run(run)", "return True"), "accepts all 8 planted bugs"),
    ],
}


def assigned(source):
    """The names that a cell's text makes."""
    made = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.Assign):
            made |= {leaf.id for target in node.targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)}
    return made


@pytest.mark.parametrize(
    ("name", "question", "source", "sentence"), [(name, *row) for name, rows in MISTAKES.items() for row in rows]
)
def test_a_known_mistake_loses_its_own_question_and_gets_its_sentence(sandboxes, name, question, source, sentence):
    changed = assigned(source)
    checks = [cell for cell in SETS[name].of("check") if changed & set(names_asked(cell.hidden, set()))]
    assert [cell.question for cell in checks] == [re.sub(r"-.*", "-check", question)]
    result = sandboxes.checker(name, ("mistake", source)).grade(checks[0])
    assert result["points"] == 0 and not result["look"], result
    assert any(part in result["said"] for part in sentence.split("|")), result["said"]


@pytest.mark.parametrize("name", SETS)
def test_every_sentence_of_a_set_is_tried(name):
    """Each ``wrong`` sentence in a hidden check is the answer to some mistake above."""
    tried = [part for _, _, sentence in MISTAKES[name] for part in sentence.split("|")]
    untried = []
    for cell in SETS[name].of("check"):
        for node in ast.walk(ast.parse(cell.hidden)):
            if isinstance(node, ast.keyword) and node.arg == "wrong":
                known = node.value.body if isinstance(node.value, ast.Lambda) else node.value
                for key in known.keys:
                    if not any(part in key.value for part in tried):
                        untried.append(key.value)
    assert not untried, untried


@pytest.mark.parametrize("name", SETS)
def test_every_sentence_leads_to_a_chapter_that_exists(name):
    chapters = {int(path.name[:2]) for path in FOLDER.parent.glob("[0-9][0-9]-*.ipynb")}
    for cell in SETS[name].of("check"):
        for found in re.finditer(r"\(chapters? ([\d and]+)\)", cell.hidden):
            assert {int(number) for number in re.findall(r"\d+", found[1])} <= chapters, found[0]


WEAK = {
    "1-idea": "def test_momentum(step):\n    theta = np.zeros(1)\n    return bool(step(theta, np.ones(1), np.zeros(1), "
    "lr=0.1, beta=0.9)[0][0] < 0)\n",
    "2-why": "def test_run(run):\n    return bool(np.isclose(run(lambda x: x, np.ones(1), 2, [0.1, 0.1], 0.5)[0], 0.765))\n",
}


@pytest.mark.parametrize("name", SETS)
def test_half_a_test_earns_half_the_points(sandboxes, name):
    """A student's test that notices one kind of mistake gets the points of that kind."""
    hunt = next(cell for cell in SETS[name].of("check") if "bug_hunt" in cell.hidden)
    result = sandboxes.checker(name, ("weak", WEAK[name])).grade(hunt)
    assert 0 < result["points"] < hunt.points and result["said"] == "Partly right."


# A test that tests nothing: it goes by order, by count, by memory, by chance, by who it is or when.
NOTHING_TESTED = {
    "the first ones are right": "global n\n    n += 1\n    return n <= 3",
    "the last ones are right": "global n\n    n += 1\n    return n > 8",
    "every second one": "global n\n    n += 1\n    return n % 2 == 1",
    "what it has seen before": "global n\n    n = seen.get(step, True)\n    seen[step] = not n\n    return n",
    "a file": "import os\n    new = not os.path.exists('met')\n    open('met', 'a').close()\n    return new",
    "chance": "import random\n    return random.random() < 0.75",
    "the number of its process": "import os\n    return os.getpid() <= 7",
    "where it lies": "return id(step) % 32 != 16",
    "what it is called": "return step.__name__ != 'step'",
}


@pytest.mark.parametrize("trick", NOTHING_TESTED)
def test_a_test_that_tests_nothing_earns_nothing(sandboxes, trick):
    hunt = next(cell for cell in SETS["1-idea"].of("check") if "bug_hunt" in cell.hidden)
    source = f"n, seen = 0, {{}}\ndef test_momentum(step):\n    {NOTHING_TESTED[trick]}\n"
    result = sandboxes.checker("1-idea", ("trick", source)).grade(hunt)
    assert result["points"] == 0 and not result["look"], result
    assert "rejects an implementation" in result["said"] or "accepts all" in result["said"], result
