"""What makes grading quick must change nothing: one list of fonts for all, and a sandbox that serves many submissions."""

import json

import pytest
from grading import small_set, with_cells, write

from momentum_lib.grade import grading, sandbox
from momentum_lib.grade.grading import Room, read_submission
from momentum_lib.grade.later import POSTPONE
from momentum_lib.grade.problem_set import Master
from momentum_lib.grade.sandbox import Ahead, Process, limits_of

LIMITS = limits_of(total=120, cell=60)


pytestmark = pytest.mark.usefixtures("sandboxed")


@pytest.fixture
def master(tmp_path):
    path = tmp_path / "master.ipynb"
    path.write_text(json.dumps(small_set()))
    return Master(path)


@pytest.fixture
def submission(tmp_path):
    path = tmp_path / "ada.ipynb"
    path.write_text(json.dumps(small_set()))
    return path


def test_the_list_of_fonts_is_there_and_cannot_be_changed():
    """A list made anew in each sandbox costs a second; one that a submission can write lets it reach the next one."""
    pytest.importorskip("matplotlib")
    source = """
import os
import matplotlib.font_manager as fonts
(name,) = [name for name in os.listdir('/student') if name.startswith('fontlist-')]
before = open('/student/' + name).read()
refused = []
acts = [lambda p: open(p, 'w'), lambda p: open(p, 'a'), os.remove, lambda p: os.rename(p, p + 'x'), lambda p: os.chmod(p, 511)]
for act in acts:
    try:
        act('/student/' + name)
    except OSError:
        refused.append(1)
known = fonts.fontManager.findfont('DejaVu Sans').endswith('DejaVuSans.ttf')
found = f"{len(refused)} {known} {open('/student/' + name).read() == before}"
"""
    for _ in range(2):
        with Process(LIMITS) as process:
            reply = process.ask({"op": "run", "cell": "c", "source": source, "limit": 60}, 62)
            assert "error" not in reply, reply
            assert "5 True True" in json.dumps(process.ask({"op": "get", "name": "found"}, 10)["value"])


@pytest.fixture
def ahead():
    made = Ahead()
    yield made
    made.close()


def test_a_sandbox_serves_one_submission_after_the_other(ahead):
    options = {"sandboxed": True, "preload": ("numpy",)}
    waiting = ahead.start(LIMITS, **options)
    assert ahead.start(LIMITS, **options) is waiting, "one is enough"
    for _ in range(2):
        with ahead.take(LIMITS, **options) as taken:
            assert taken.sandbox is waiting
            assert "value" in taken.ask({"op": "get", "name": "__name__"}, 60)
    assert waiting.alive and list(ahead.kept.values()) == [waiting]


def test_a_sandbox_that_does_not_fit_or_has_died_is_replaced(ahead):
    options = {"sandboxed": True, "preload": ()}
    first = ahead.start(LIMITS, **options)
    with ahead.take(limits_of(cell=1), **options) as other:
        assert other.sandbox is not first and first.alive, "other limits"
    first.process.kill()
    first.process.wait()
    with ahead.take(LIMITS, **options) as other:
        assert other.sandbox is not first and "value" in other.ask({"op": "get", "name": "__name__"}, 60)
    kept = list(ahead.kept.values())
    third = ahead.start(LIMITS, sandboxed=True, preload=("numpy",))
    assert list(ahead.kept.values()) == [kept[1], third] and kept[0].process.poll() is not None, "the oldest goes"
    ahead.close()
    assert third.process.poll() is not None and kept[1].process.poll() is not None and not ahead.kept


def test_where_a_sandbox_cannot_be_divided_each_submission_has_its_own(ahead, master, submission, monkeypatch):
    """The same grades, slower; the sandbox of the next submission starts while this one is checked, and ends neither."""
    usual = grading.grade(master, submission, limits=LIMITS, ahead=ahead)
    divided = set(ahead.kept.values())
    ahead.close()
    monkeypatch.setattr(sandbox, "may_divide", lambda: False)
    used = []
    take = ahead.take
    monkeypatch.setattr(ahead, "take", lambda *a, **k: used.append(take(*a, **k)) or used[-1])
    for _ in range(2):
        assert {**grading.grade(master, submission, limits=LIMITS, ahead=ahead), "seconds": 0} == {**usual, "seconds": 0}
    assert len(divided) == 1 and len(used) == 2, "one process each: none was lost on the way"
    assert used[0].sandbox is not used[1].sandbox and all(process.sandbox.spent for process in used)
    assert all(process.sandbox.process.poll() is not None for process in used), "each ended with its submission"
    (waiting,) = ahead.kept.values()
    assert waiting.alive and waiting not in {process.sandbox for process in used}


def test_the_next_submission_is_graded_the_same_and_meets_nothing_of_the_last(master, submission, tmp_path):
    """A worker used twice: the second student would find the first one's names."""
    alone = grading.grade(master, submission, limits=LIMITS)
    assert alone["points"] == alone["of"] > 0
    nosy = json.loads(submission.read_text())
    for cell in nosy["cells"]:
        if cell["id"] == "q1":
            cell["source"] = "left = [name for name in dir() if name == 'my_step']\nmy_step = left[0]"
    second = tmp_path / "nosy.ipynb"
    second.write_text(json.dumps(nosy))
    try:
        results = [grading.grade_next(master, path, limits=LIMITS) for path in (submission, second, submission)]
    finally:
        grading._ahead.close()
    for found in (results[0], results[2]):
        assert {**found, "seconds": 0} == {**alone, "seconds": 0}
    assert "IndexError" in json.dumps(results[1]["cells"])


def test_what_a_worker_imports_first_is_what_the_master_imports(master):
    assert grading.imported_by(master) == ("numpy", "momentum_lib:grade", "momentum_lib:rules")


DRAWN = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\nkappa = float(len(ax.lines))"


def test_what_draws_is_imported_when_it_is_first_used(tmp_path, master):
    """A sandbox starts without matplotlib; a name of it brings all of it, in an answer and in a cell beside."""
    with Process(LIMITS, checked=True, preload=(POSTPONE, "matplotlib.pyplot", "momentum_lib:plot")) as process:
        ask = lambda source: process.ask({"op": "run", "cell": "c", "source": source, "limit": 20}, 30)
        process.fresh()
        assert ask("import sys, matplotlib.pyplot as plt\nassert 'matplotlib.figure' not in sys.modules") == {"id": 1}
        assert ask("from momentum_lib import plot\nassert plot.colour('momentum') and plt.rcParams is plot.plt.rcParams") == {
            "id": 2
        }
        assert "no attribute" in ask("plt.nonsense")["error"]["text"] and "error" not in ask(DRAWN)
    handed_in = read_submission(write(tmp_path, with_cells({"q2": DRAWN}), "drawn.ipynb"))
    with Room(master, handed_in, LIMITS, True, None) as room:
        assert room.remote("kappa").value() == 1.0 and POSTPONE not in room.options["preload"], "ready before each fork"
        assert POSTPONE in room.usual["preload"]


def test_a_name_that_is_a_module_of_its_own_is_ready_too():
    """``from package import part`` in the master's cells: the part is imported before a fork; what there is not stops nothing."""
    preload = ("wsgiref:util", "json:loads", "no_such_module:thing", "wsgiref:no_such_name")
    with Process(LIMITS, sandboxed=False, preload=preload) as process:
        source = (
            "import sys\nready = ['wsgiref.util' in sys.modules, 'json' in sys.modules, 'wsgiref.no_such_name' in sys.modules]"
        )
        assert "error" not in process.ask({"op": "run", "cell": "c", "source": source, "limit": 10}, 20)
        assert process.ask({"op": "get", "name": "ready"}, 20)["value"] == {"list": [True, True, False]}
