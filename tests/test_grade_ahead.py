"""What makes grading quick must change nothing: one list of fonts for all, and a worker that waits for the next submission."""

import json

import pytest
from grading import small_set, with_cells, write

from momentum_lib.grade import grading
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


def test_a_worker_that_waits_is_the_next_one_taken():
    ahead, options = Ahead(), {"sandboxed": True, "preload": ("numpy",)}
    ahead.start(LIMITS, **options)
    waiting = ahead.process
    ahead.start(LIMITS, **options)
    assert ahead.process is waiting, "one at a time"
    with ahead.take(LIMITS, **options) as taken:
        assert taken is waiting and ahead.process is None
        assert "value" in taken.ask({"op": "get", "name": "__name__"}, 60)
    with ahead.take(LIMITS, **options) as fresh:
        assert fresh is not waiting


def test_a_worker_that_does_not_fit_or_has_died_is_replaced():
    ahead, options = Ahead(), {"sandboxed": True, "preload": ()}
    ahead.start(LIMITS, **options)
    first = ahead.process
    with ahead.take(limits_of(cell=1), **options) as other:
        assert other is not first and first.process.poll() is not None, "other limits"
    ahead.start(LIMITS, **options)
    second = ahead.process
    second.process.kill()
    second.process.wait()
    with ahead.take(LIMITS, **options) as other:
        assert other is not second and "value" in other.ask({"op": "get", "name": "__name__"}, 60)
    ahead.start(LIMITS, **options)
    third = ahead.process
    ahead.close()
    assert third.process.poll() is not None and ahead.process is None


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
    with Room(master, handed_in, LIMITS, True, Ahead()) as room:
        assert room.remote("kappa").value() == 1.0 and POSTPONE not in room.options["preload"], "ready before each fork"
        assert POSTPONE in room.usual["preload"]
