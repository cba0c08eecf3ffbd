"""What students hand in: every way to write a name, what notebooks alone understand, cells that are gone, moved or harmful."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import grading
import numpy as np
import pytest

from momentum_lib import grade as library
from momentum_lib.grade import cells
from momentum_lib.grade import grading as grading_of
from momentum_lib.grade.grading import grade, read_submission, words_beside
from momentum_lib.grade.problem_set import Master
from momentum_lib.grade.sandbox import limits_of

ROOT = Path(__file__).parents[1]
QUICK = limits_of(cell=0.2, call=1, total=25)
CALM = limits_of(cell=5, call=5, total=25)
KAPPA = 'kappa = grade.parameter(STUDENT, "kappa", range(1, 1000)) * 1.0'


pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture(scope="module")
def one(master):
    """Ask for single answers in one sandbox."""
    made = grading.OneSandbox(master, CALM)
    yield made
    made.close()


@pytest.fixture
def hand_in(master, tmp_path):
    """Grade a submission with cells replaced, and with more of them: near the start, and at the end."""

    def run(changes=None, start=(), end=(), notebook=None, limits=QUICK, **more):
        made = notebook or grading.with_cells(dict(changes or {}))
        made["cells"][3:3] = [grading.code(source, f"start-{n}") for n, source in enumerate(start)]
        made["cells"] += [grading.code(source, f"end-{n}") for n, source in enumerate(end)]
        return grade(master, grading.write(tmp_path, made), limits=limits, **more)

    return run


# -- harm in one cell costs that cell --------------------------------------------------------------

HARMFUL = {
    "slow": "while True: pass",
    "slow, and prints an answer": "while True: print(kappa)",
    "slow, and seems to make an answer": "kappa = kappa\nwhile True: pass",
    "asleep": "import time\ntime.sleep(10**6)",
    "deadly": "import os\nos._exit(0)",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "an error": "1 / 0",
}


def test_harmful_cells_cost_nothing_else(hand_in):
    """Eight of a kind, at both ends of the notebook; those that take their time are four."""
    for what, source in HARMFUL.items():
        count = 4 if what in ("slow, and seems to make an answer", "asleep") else 8
        result = hand_in(start=[source.replace("kappa = kappa", "kappa = 1")] * (count // 2), end=[source] * (count // 2))
        assert result["points"] == 9, (what, result)
        assert "used up" not in json.dumps(result)


def test_a_cell_that_goes_wrong_late_has_made_what_stands_above(hand_in):
    for harm in ("import os\nos._exit(1)", "while True: pass", "1 / 0"):
        result = hand_in({"q2": f"{KAPPA}\n{harm}\nkappa = 0"})
        assert result["points"] == 9 and "q2" in result["cells"], result


def test_what_one_question_uses_up_is_lost_to_no_other(hand_in):
    slow = "def my_step(theta, grad, v, *, lr, beta):\n    import time\n    begin = time.process_time()\n"
    slow += "    while time.process_time() < begin + 0.3: pass\n    v = beta * v + grad\n    return theta - lr * v, v\n"
    result = hand_in({"q1": slow}, limits=limits_of(cell=0.5, call=1, total=1))
    assert result["points"] == 6 and "longer than the 1 seconds of processor time" in result["questions"][0]["said"], result


# -- names -----------------------------------------------------------------------------------------

NAMES = [
    'STUDENT = "a" + "da"',
    'STUDENT = """ada"""',
    "STUDENT = r'ada'",
    'STUDENT: str = "ada"',
    'STUDENT = ("ada")',
    'STUDENT = "a\\x64a"',
    'STUDENT = "a" "da"',
    "STUDENT = f'{chr(97)}da'",
    'STUDENT, group = "ada", 7',
    'me = STUDENT = "ada"',
    'if True:\n    STUDENT = " ada "',
    'STUDENT = np.str_("ada")',
    '(STUDENT := "ada")',
    "exec('STUDENT = \"ada\"')",
    'globals()["STUDENT"] = "ada"',
    '%time STUDENT = "ada"',
    '%%time\nSTUDENT = "ada"',
    'def name():\n    global STUDENT\n    STUDENT = "ada"\nname()',
    'STUDENT = b"ada".decode()  # "eve"',
    'STUDENT = "eve"\nSTUDENT = "ada"',
]


@pytest.mark.parametrize("source", NAMES)
def test_a_name_may_be_written_in_any_way(one, tmp_path, source):
    result, room = one.checked(tmp_path, grading.with_cells({"who": source}), "q2-check")
    assert room.student() == "ada" and result["points"] == 2, (result, room.failures)


def test_what_is_no_name_is_none(hand_in):
    for source, student in (
        ("STUDENT = None", ""),
        ("STUDENT = True", ""),
        ('STUDENT = ["ada"]', ""),
        ("STUDENT = 4711", "4711"),
    ):
        result = hand_in({"who": source})
        assert result["student"] == student and result["points"] == (9 if student else 7), source


# -- what notebooks understand ---------------------------------------------------------------------

RUNS = {
    "%time": "%time three = 3\nassert three == 3",
    "a value of %time": "def f(): return 3\nx = %time f()\nassert x == 3",
    "%timeit -o": "def f(): return 3\nt = %timeit -o f()\nassert t.best >= 0",
    "a long %timeit": "%timeit -n 100000 -r 99 sum(range(10000))",
    "the shell": "files = !ls\nfor file in files: print(file)\n!pip install x\nmore = %sx ls\n!!ls",
    "await": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 3\nassert await f() == 3",
    "async for": "async def g():\n    yield 1\nasync for y in g(): pass\nassert [i async for i in g()] == [y]",
    "get_ipython": "get_ipython().run_line_magic('matplotlib', 'inline')\nassert 'colab' not in str(get_ipython())",
    "its settings": "%load_ext autoreload\n%autoreload 2\n%config InlineBackend.figure_format = 'retina'\n%matplotlib widget",
    "a command that nobody knows": "%sql select 1\n%reset -f",
    "questions": "?np.zeros\nnp.zeros??",
    "the future": "from __future__ import annotations\ndef f(x: Nowhere): pass",
    "display": "from IPython.display import Markdown, display\ndisplay(Markdown('x'))",
    "its source": "def f(x):\n    return x\nimport inspect\nassert 'return x' in inspect.getsource(f)",
    "pickle": "import pickle\nclass Mine: pass\nassert type(pickle.loads(pickle.dumps(Mine()))) is Mine",
    "threads": "from concurrent.futures import ThreadPoolExecutor as T\nwith T(2) as t: assert list(t.map(abs, [-1])) == [1]",
    "pandas": "import pandas as pd, math\npd.set_option('x', 3)\nd = pd.DataFrame({'a': [1]})\nd['b'] = 1\nassert math.pi",
    "Colab": "from google.colab import drive, files\ndrive.mount('/content/drive')\nimport seaborn as sns\nsns.set_theme()",
    "whether it is Colab": "try:\n    import google.colab\n    assert False\nexcept ImportError:\n    pass",
    "a picture": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1])\nplt.savefig('x.png')\nplt.show()",
}


@pytest.mark.parametrize("what", RUNS)
def test_what_a_notebook_understands_costs_nothing(one, tmp_path, what):
    result, room = one.checked(tmp_path, grading.with_cells({"q1": f"{RUNS[what]}\n{grading.RIGHT}"}), "q1-check")
    assert result["points"] == 3 and not room.deadly, (result, room.failures)
    assert set(room.failures) == ({"q1"} if what in ("pandas", "Colab") else set()), room.failures


@pytest.mark.parametrize("first", ["%%time", "# mine\n%%time", "%%capture out", "%%prun"])
def test_a_cell_may_begin_with_a_command(one, tmp_path, first):
    others = {"who": "%%bash\nexit 1", "setup": "%%html\n<b>", "q2": "%%timeit\nx = 1", "q3": "%%javascript\n1"}
    notebook = grading.with_cells({"q1": f"{first}\n{grading.RIGHT}", **others})
    result, room = one.checked(tmp_path, notebook, "q1-check")
    assert result["points"] == 3 and not room.failures, (result, room.failures)


def test_a_file_that_one_cell_writes_another_reads(hand_in):
    for magic in ("writefile", "file"):
        files = [f"%%{magic} helper.py\ndef f():\n    return 1\n", "import numpy as np\nnp.save('one.npy', 1.0)"]
        result = hand_in({"q2": f"import helper\n{KAPPA} * helper.f() * float(np.load('one.npy'))"}, start=files, limits=CALM)
        assert result["points"] == 9, (magic, result)


def test_a_module_that_is_missing_costs_what_needs_it_and_is_named(hand_in):
    source = "import pandas as pd\n" + grading.RIGHT.replace("v = beta", "pd.Series([1])\n    v = beta")
    result = hand_in({"q1": source})
    assert grading.points(result) == {"q1-check": 0, "q2-check": 2, "q3-check": 4}
    assert "there is no module pandas where notebooks are graded" in result["questions"][0]["said"]
    assert "pandas is not there where notebooks are graded" in result["cells"]["q1"]


# -- which cells a question needs ------------------------------------------------------------------

SPREAD = {
    "made by a function": [f"def make():\n    global kappa\n    {KAPPA}", "make()"],
    "changed by a function of another cell": ["box = {}\ndef put(x): box['k'] = x", f"{KAPPA}\nput(kappa)", "kappa = box['k']"],
    "filled later": ["import numpy as np\nbox = np.zeros(1)", f"{KAPPA}\nbox[0] = kappa", "kappa = box[0]"],
    "through another name": ["a = []\nb = a", f"{KAPPA}\nb.append(kappa)\nkappa = None", "kappa = a[0]"],
    "by exec": [f"exec({KAPPA!r})"],
    "in the module": [f"import sys\n{KAPPA.replace('kappa =', 'k =')}", "sys.modules['__main__'].kappa = k"],
    "with a seed": [
        "import random\nrandom.seed(1)",
        f"{KAPPA}\nkappa *= 1 if abs(random.random() - 0.13436424411240122) < 1e-9 else 2",
    ],
    "patched": ["class Holder: pass\nholder = Holder()", f"{KAPPA}\nholder.k = kappa\ndel kappa", "kappa = holder.k"],
    "in the environment": ["import os\nos.environ['SCALE'] = '1'", f"{KAPPA}\nimport os\nkappa *= int(os.environ['SCALE'])"],
}


@pytest.mark.parametrize("how", SPREAD)
def test_an_answer_may_be_made_in_several_cells(one, tmp_path, how):
    notebook = grading.with_cells({"q2": "0"})
    notebook["cells"] += [grading.code(source, f"more-{n}") for n, source in enumerate(SPREAD[how])]
    result, room = one.checked(tmp_path, notebook, "q2-check")
    assert result["points"] == 2, (result, room.failures)


def test_a_question_runs_the_cells_that_it_needs_and_no_other():
    made = cells.plan(
        [
            ["imports", "import numpy as np", ""],
            ["a", "a = 1", ""],
            ["b", "b = a + 1", ""],
            ["show", "print(b)", ""],
            ["f", "def f(x):\n    return x + b", ""],
            ["long", "total = sum(range(10**9))", ""],
            ["patch", "np.float_ = float", ""],
            ["broken", "this is no Python", ""],
            ["asks", "c = grade.parameter(a, 'k', [1])\nprint(a, b)", ""],
        ],
        {"q": (["f"], []), "r": (["a"], ["long"]), "s": (["np"], [])},
    )
    assert made["slices"]["q"] == ["a", "b", "f", "broken"]
    assert made["slices"]["r"] == ["a", "long", "broken"]
    assert made["slices"]["s"] == ["imports", "patch", "broken"]
    assert made["needed"] == ["imports", "a", "b", "f", "long", "patch"]


# -- cells that are gone, moved, or strange --------------------------------------------------------


def test_what_a_cell_does_to_names_is_read_from_its_syntax():
    """A name that is read like what Python calls a comprehension, a function that is called, an object that is called."""
    assert cells.parts("listcomp\nx = [i for i in b]").still == set() and cells.parts("def f(): pass\nf()").still == {"f"}
    assert not cells.parts("import mine\nmine(3)").doubtful and cells.parts("import mine\nmine.set(3)").doubtful


def test_what_is_awaited_goes_on_in_the_cells_below():
    """A task belongs to one loop, and so does a notebook."""
    held = cells.Cells()
    begin = "import asyncio\nasync def begin():\n    return asyncio.ensure_future(asyncio.sleep(0, 5))\ntask = await begin()"
    assert held.run(begin, "one") == held.run("x = await task", "two") == [] and held.names["x"] == 5
    held.loop.close()


def test_a_module_that_says_itself_what_it_lacks_is_quoted(tmp_path, monkeypatch):
    (tmp_path / "lacking_one.py").write_text("raise ModuleNotFoundError('install pandas first')")
    monkeypatch.syspath_prepend(tmp_path)
    held = cells.Cells()
    assert held.run("import lacking_one", "one") == ["install pandas first"] == held.run("lacking_one.go()", "two")
    assert held.run("import nothing_like_it as gone\ndef go(): return gone.x()\ny = go()", "three") == ["nothing_like_it"]
    assert held.names["y"].module == "that is needed here"


def test_what_a_master_imports_is_read_from_its_given_cells():
    given = [SimpleNamespace(source=text) for text in ("import a.b, c\nfrom d.e import f, g", "from . import x\nimport c")]
    found = grading_of.imported_by(SimpleNamespace(of=lambda role: given if role == "given" else []))
    assert found == ("a.b", "c", "d.e:f", "d.e:g")


def test_given_cells_that_were_deleted_stand_where_the_master_has_them():
    """Two one after the other, one before what is there, and one at the end; the submission itself stays as it is."""
    cell = lambda name, role="given": SimpleNamespace(role=role, question=name, id=f"id-{name}", source=f"of {name}")
    master = SimpleNamespace(cells=[cell("g1"), cell("g2"), cell("q1", "answer"), cell("g3"), cell("", "code"), cell("g4")])
    handed = [("mine", "", "x"), ("id-q1", "q1", "y"), ("id-", "", "z")]
    found = grading_of.with_given(master, handed)
    assert [question or name for name, question, _ in found] == ["mine", "g1", "g2", "q1", "g3", "id-", "g4"]
    assert found[1] == ("g1", "g1", "of g1") and len(handed) == 3


def test_a_name_in_other_letters_is_the_same_name():
    assert grading_of.notes_on("Ada", "ada") == grading_of.notes_on("ada", "Ada") == [] != grading_of.notes_on("ada", "bob")


def test_a_file_that_was_not_graded_has_nothing_to_be_looked_at(master, tmp_path):
    result = grading_of.ungraded(master, tmp_path / "gone.ipynb", None, OSError())
    assert [(question["points"], question["look"]) for question in result["questions"]] == [(0.0, False)] * 3
    assert (result["unreadable"], result["student"], result["seconds"] >= 0) == ("OSError", "", True)
    path = tmp_path / "as large as can be.ipynb"
    with open(path, "wb") as file:
        file.truncate(20 * 2**20)
    assert grading_of.file_digest(path) == hashlib.sha256(bytes(20 * 2**20)).hexdigest()


def test_a_given_cell_that_was_deleted_runs_where_it_belongs(tmp_path):
    """One in the middle needs what stands above it: the imports, the name."""
    made = grading.small_set()
    made["cells"][7:7] = [
        grading.code("drawn = grade.parameter(STUDENT, 'kappa', range(1, 1000))", "given", grading.role("given"))
    ]
    master = Master(grading.write(tmp_path, made))
    handed = grading.with_cells({"q2": "kappa = drawn * 1.0"}, made)
    for gone in (["given"], ["given", "imports"], ["given", "q2-check", "q1"]):
        left = {**handed, "cells": [cell for cell in handed["cells"] if cell["id"] not in gone]}
        result = grade(master, grading.write(tmp_path, left, "handed.ipynb"), limits=QUICK)
        assert result["questions"][1]["points"] == 2, (gone, result)


STRANGE = [None, [], "", 3, {"nbgrader": None}, {"nbgrader": []}, {"nbgrader": {"grade_id": None}}, {"nbgrader": {"grade_id": 7}}]


@pytest.mark.parametrize("meta", STRANGE)
def test_strange_metadata_cost_nothing(hand_in, meta):
    notebook = grading.with_cells({})
    for cell in notebook["cells"][:1] + notebook["cells"][3:5]:
        cell["metadata"] = meta
    result = hand_in(notebook=notebook)
    assert result["points"] == 9 and "unreadable" not in result, result


def test_words_beside_an_essay_are_kept_and_pointed_at(hand_in, master, tmp_path):
    def beside(change):
        notebook = grading.with_cells({"q4": "*Write your answer here.*"})
        change(notebook["cells"])
        return hand_in(notebook=notebook)

    below = grading.text("Because I say so.", "mine")
    above = grading.text("Mine, above.", "mine")
    for change, words in (
        (lambda made: made.append(below), "Because I say so."),
        (lambda made: made.insert(-1, above), "Mine, above."),
        (lambda made: made.__setitem__(-1, below), "Because I say so."),
        (lambda made: made[-2].__setitem__("source", "## 4. Why?\nIn the heading's own cell."), "In the heading's own cell."),
        (lambda made: made.append({**below, "cell_type": "raw"}), "Because I say so."),
    ):
        result = beside(change)
        assert words in result["essays"]["q4"], words
        assert "q4: words stand in a cell of the student's own" in result["notes"][0], words
    assert hand_in()["notes"] == []
    assert beside(lambda made: made.insert(5, grading.text("A note to myself.", "mine")))["notes"] == []
    assert words_beside(master, read_submission(grading.write(tmp_path, master.student_copy()))) == {}


# -- the student's own notebook --------------------------------------------------------------------

MASTERS = sorted((ROOT / "notebooks" / "homework").glob("[0-9]*.ipynb"))


def test_a_blank_copy_runs_from_end_to_end(capsys):
    """Run All: nothing stops, every check says that its answer is still blank."""
    for path in MASTERS:
        names, master = {}, Master(path)
        for cell in master.student_copy()["cells"]:
            if cell["cell_type"] == "code" and cell["id"] != "setup":
                exec("".join(cell["source"]), names)
        said = capsys.readouterr().out
        assert said.count("is still blank") == said.count("not yet") >= len(master.of("check"))
        assert "STUDENT is still empty" in said and "is right" not in said


NUMBERS = [np.complex128(1), np.clongdouble(1), np.str_("1"), np.bytes_(b"1"), np.datetime64("2020-01-01"), np.timedelta64(1), 1j,
           np.array([1j]), np.array("x"), np.array([None]), np.zeros(1, dtype=[("a", int)]), {(1, 2): 3}, {None: 1}, 2**80, ...,
           [[[]]], {"a": {1}}, np.ma.ones(1), memoryview(b"x"), range(3), np.random.default_rng(0)]  # fmt: skip


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_no_value_stops_the_students_own_notebook(value, capsys):
    library.check("n", library.number, value, 1.0, name="x")
    library.check("a", library.array, value, [1.0, 2.0], name="x")
    library.check("f", library.function, lambda x: value, [1.0], [(1.0,)])
    library.check("p", library.prediction, value, between=(0, 2), name="x")
    library.check("u", library.update_rule, lambda *args, **kwargs: (value, value), "heavy_ball", lr=0.1, beta=0.5)
    library.check("b", library.bug_hunt, lambda step: value, right=[abs], bugs=[len], points=1)
    assert capsys.readouterr().out.count("not yet") == 6


def test_numbers_of_every_width_are_numbers():
    from decimal import Decimal
    from fractions import Fraction

    for value in (
        np.longdouble(0.5),
        np.float16(0.5),
        np.float32(0.5),
        Fraction(1, 2),
        Decimal("0.5"),
        np.array(0.5),
        np.array([0.5]),
    ):
        assert library.number(value, 0.5)
    for value in (np.int8(1), np.uint64(1), np.bool_(1).astype(int), np.longlong(1)):
        assert library.number(value, 1)
    assert library.array(np.array([0.5, 1], dtype=np.longdouble), [0.5, 1]) and library.array([np.longdouble(0.5), 1], [0.5, 1])


def test_a_list_that_holds_itself_many_times_is_told_at_once():
    many = []
    many.extend([many] * 1000)
    with pytest.raises(library.Wrong, match="must be an array"):
        library.array(many, [1.0], name="x")


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_a_class_does_not_share_its_numbers(path):
    """The numbers of a set are many: in a class of two hundred, hardly two students have the same."""
    master, drawn = Master(path), []
    for number in range(200):
        names = {"STUDENT": f"student {number}"}
        for cell in master.of("given"):
            exec(cell.source, names)
        drawn.append(tuple(sorted((k, v) for k, v in names.items() if isinstance(v, (int, float)) and not k.startswith("_"))))
    assert len(set(drawn)) >= 195
