"""Times of the systems, shells and mistakes: what is read from elsewhere, and what is told about it."""

import inspect
import io
import json
import os
import socket
import sys
import warnings
import zipfile
from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm
from grading_parts import Told, bare_process, room_of, says

from momentum_lib import grade, rules
from momentum_lib.grade import __main__ as program
from momentum_lib.grade import (
    appeal,
    cells,
    checks,
    grading,
    late,
    misconceptions,
    notebook,
    problem_set,
    results,
    sandbox,
    systems,
    usage,
    wire,
    worker,
)
from momentum_lib.grade.moodle import Worksheet

# -- times of the systems ------------------------------------------------------------------------------


def test_times_as_gradescope_writes_them():
    utc = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
    for text in ("2026-03-01 12:00:00 UTC", "2026-03-01T12:00:00Z", " 2026-03-01 14:00:00 +0200 ", "2026-03-01T12:00:00"):
        assert systems.aware(text) == utc, text
    assert systems.aware(utc) is utc and systems.aware(utc.replace(tzinfo=None)) == utc
    assert [systems.aware(value) for value in ("soon", None, 5, ["2026-03-01"])] == [None] * 4


def test_metadata_of_gradescopes_are_read_where_they_lie_and_nowhere_else(tmp_path):
    text = "submission_7:\n  :submitters:\n  - :name: Ada\n    :email: a@b\n  :created_at: 2026-03-01 12:00:00 UTC\nother: 5\n"
    for name in ("a", "b/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / systems.METADATA).write_text(text)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / systems.METADATA).symlink_to(tmp_path / "a" / systems.METADATA)
    (tmp_path / "e" / systems.METADATA).mkdir(parents=True)
    found = systems.read_exports(tmp_path)
    assert set(found) == {"a/submission_7", "b/c/submission_7"}
    said = found["a/submission_7"]
    assert said.ids == {"name": "Ada", "email": "a@b", "gradescope": "7"} and said.notes == [] and not said.late
    assert said.order == ("Gradescope", "", said.at.timestamp()) and said.at.year == 2026
    for bad, words in (("a: [", "metadata.yml, line 2: this is no metadata"), ("[1]", "this is no metadata of Gradescope's")):
        (tmp_path / "a" / systems.METADATA).write_text(bad)
        with pytest.raises(ValueError, match=words):
            systems.read_exports(tmp_path)
    nobody = systems.said_by({":submitters": [None, 3]})
    assert (nobody.ids, nobody.at, nobody.order, nobody.notes) == ({}, None, None, []) and systems.said_by(None).ids == {}


def test_a_worksheet_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "w.csv").write_bytes("Kennung,Größe\n".encode("latin-1"))
    with pytest.raises(ValueError, match="w.csv is not in UTF-8; give the worksheet as Moodle hands it out"):
        Worksheet(tmp_path / "w.csv", 5.0)


def test_what_is_noticed_must_be_noticed_each_time():
    """A test of a student's that counts, one that is right by chance, and one that fails where it meets the others."""
    step = "def step(x):\n    return {}\n"
    right, bugs = [wire.Program(step.format("x"), "step")], [wire.Program(step.format(f"{k} * x"), "step") for k in (2, 3)]
    hunt = lambda test: grade.bug_hunt(test, right=right, bugs=bugs, points=4)
    assert hunt(lambda f: f(1) == 1) == 4 and hunt(lambda f: f(1) != 3) == 2
    calls = []

    def at_first_only(f):
        calls.append(f(1))
        return f(1) == 1 or len(calls) > 3

    says("accepts all 2 planted bugs", hunt, at_first_only)
    assert len(calls) == 15, "three each: alone, together, and, since that made a difference, three times alone again"
    calls.clear()

    def at_last_only(f):
        calls.append(f(1))
        return f(1) == 1 or len(calls) <= 3

    says("accepts all 2 planted bugs", hunt, at_last_only)
    calls.clear()

    def stops_together(f):
        calls.append(f(1))
        if len(calls) == 4:
            raise RuntimeError
        return f(1) == 1

    assert hunt(stops_together) == 4 and len(calls) == 3 + 1 + 9
    calls.clear()

    def in_the_third_round(f):
        calls.append(f(1))
        return f(1) == 1 or 6 < len(calls) <= 9

    says("accepts all 2 planted bugs", lambda: hunt(lambda f: in_the_third_round(f) or len(calls) > 9))
    calls.clear()
    assert hunt(in_the_third_round) == 4 and len(calls) == 9 + 9, "a third round that differs is followed by three more"
    calls.clear()
    assert hunt(lambda f: calls.append(0) or f(1) == 1) == 4 and len(calls) == 9, "one that knows is asked three times"


MISTAKES = {  # rule -> what is known to go wrong with it, most telling first, with the chapter that explains it
    "gradient_descent": {"sign": 1},
    "heavy_ball": {
        "sign": 1, "hard-coded beta": 3, "no memory": 3, "1 - beta too many": 2, "rate inside or outside": 3,
    },
    "classical_momentum": {
        "sign": 1, "hard-coded beta": 3, "no memory": 3, "1 - beta too many": 2, "rate inside or outside": 3,
    },
    "averaged_momentum": {"sign": 1, "hard-coded beta": 3, "no memory": 3, "missing 1 - beta": 2},
    "nesterov": {"sign": 1, "hard-coded beta": 3, "no memory": 3, "look-ahead forgotten": 3},
    "nesterov_torch": {"sign": 1, "hard-coded beta": 3, "no memory": 3, "look-ahead forgotten": 3},
    "adam": {"sign": 1, "no bias correction": 2, "eps under the root": 11, "steps count from 0": 2},
    "adamw": {"sign": 1, "no bias correction": 2, "eps under the root": 11, "steps count from 0": 2},
    "rmsprop": {"sign": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_known_to_go_wrong_with_a_rule(name):
    """A mistake that nobody recognises any more, or that sends to another chapter."""
    found = misconceptions.misconceptions(name)
    assert list(dict.fromkeys(known.name for known in found)) == list(MISTAKES[name])
    assert all(known.link == misconceptions.chapter(MISTAKES[name][known.name]) for known in found)
    fixed = [known.sentence[:25] for known in found if known.name == "hard-coded beta"]
    assert fixed == [f"Your rule uses beta = {value}"[:25] for value in ("0.9 ", "0.99", "0.5 ")] * (
        "no memory" in MISTAKES[name]
    )
    assert len(found) == len(MISTAKES[name]) + 2 * ("no memory" in MISTAKES[name])


def test_the_names_with_which_a_notebook_begins():
    """It is the main program, and what it shows goes nowhere; a display of its own stays."""
    begun = cells.Cells().names
    assert begun["__name__"] == "__main__" and begun["display"](1, two=3) is None and set(begun) == {"__name__", "display"}
    mine = {"display": print}
    assert cells.Cells(names=mine).names is mine and mine["display"] is print
    shell = SimpleNamespace(user_ns={"x": 1})
    assert cells.Cells(shell, {"y": 2}).names is shell.user_ns and shell.user_ns["display"](1) is None


def test_what_ipython_understands_changes_nothing_outside(shell, tmp_path, monkeypatch):
    """Commands to the system, installations, unknown words: passed over. Measuring runs once, and names are the notebook's."""
    monkeypatch.chdir(tmp_path)
    names = shell.user_ns

    def run(source):
        exec(shell.transform_cell(source), names)

    assert not shell.history_manager.enabled and shell.autocall == 0 and os.environ["IPYTHONDIR"] == str(tmp_path)
    for word in (*notebook.OUTSIDE, "no_such_command"):
        assert shell.run_line_magic(word, "touch here") is None
    run("!touch here\nfound = !echo 5\n%pip install nothing")
    assert names["found"] == [] and shell.system("touch here") is None and not (tmp_path / "here").exists()
    names["counted"] = []
    run("%timeit -n 50 -r 7 counted.append(1)")
    assert len(names["counted"]) == 1
    run("%time within = 3")
    assert names["within"] == 3
    run("%%time\nbelow = 4")
    assert names["below"] == 4
    run("%%timeit -n 9\ncounted.append(2)")
    assert names["counted"] == [1, 2]
    run("%%python\nx_of_its_own = 1\nopen('written', 'w').close()")
    assert "x_of_its_own" not in names and (tmp_path / "written").exists()
    run("%%bash\ntouch here")
    run("%%no_such_command\nhere")
    assert not (tmp_path / "here").exists()
    run("%time 1 / 0")
    with pytest.raises(ZeroDivisionError):
        run("%%python3\n1 / 0")


def test_what_stands_for_a_module_that_is_not_there_does_nothing():
    """It may be named, looked into and written to; whatever needs a value of it is told which module there is not."""
    held = cells.Missing("nothing_like_it")
    held.x = 5
    assert held.x is held and held.deep.er is held and not hasattr(held, "__wrapped__")

    def entered():
        with held:
            pass

    def stored():
        held[0] = 1

    uses = [
        held, lambda: held[0], stored, entered, lambda: iter(held), lambda: held + 1, lambda: 1 + held, lambda: held - 1,
        lambda: 1 - held, lambda: held * 2, lambda: 2 * held, lambda: held / 2, lambda: bool(held), lambda: len(held),
        lambda: float(held), lambda: 1 in held, lambda: np.asarray(held), lambda: held.make(1, of=2),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(cells.NotInstalled, match="there is no module nothing_like_it where notebooks are graded; write it"):
            use()


def test_a_statement_that_needs_a_missing_module_names_it_too():
    held = cells.Cells()
    assert held.run("import nothing_like_it as gone", "one") == ["nothing_like_it"]
    assert held.run("x = 1\ny = gone.made(2)", "two") == ["nothing_like_it"] and held.names["x"] == 1
    assert held.names["y"].module == "nothing_like_it"
    assert held.run("gone(3)\ny + 1", "three") == ["nothing_like_it"]


def test_in_float32_a_path_is_alike_to_four_digits():
    """A ten-thousandth of a coordinate, and a hundred-thousandth of one at zero."""

    def off(relative, absolute):
        def mine(theta, grad, v, *, lr, beta):
            v = beta * v + grad
            return (theta - lr * v) * np.float32(1 + relative) + np.array([0, absolute], np.float32), v

        return mine

    settings = {"dtype": np.float32, "start": (6.0, 0.0), "steps": 1, "drop": False, "lr": 0.02, "beta": 0.5}
    for relative, absolute, right in (
        (0.9e-4, 0, True),
        (-0.9e-4, 0, True),
        (1.3e-4, 0, False),
        (0, 0.9e-5, True),
        (0, 1.3e-5, False),
    ):
        if right:
            assert grade.update_rule(off(relative, absolute), "heavy_ball", **settings)
        else:
            says("at step 1 of 1", grade.update_rule, off(relative, absolute), "heavy_ball", **settings)


def test_a_nursery_that_says_nothing_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(sandbox, "GRACE", 0.01)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        gone = SimpleNamespace(last_words=lambda: "the sandbox ended")
        assert bare_process(None, control=ours, errors=io.BytesIO(), sandbox=gone).last_words() == "the sandbox ended"


def test_a_column_in_which_a_number_stands_twice_is_not_who(tmp_path):
    """Two of one group: Moodle's worksheet has such columns where groups submit."""
    path = tmp_path / "w.csv"
    path.write_text("Group,Identifier,Grade,Maximum Grade\nGroup 4,Participant 7,,9\nGroup 4,Participant 8,,9\n")
    assert Worksheet(path, 9).participants == {"7", "8"}


def test_a_table_of_points_that_is_empty_is_told_what_it_lacks(tmp_path):
    for text in ("", "\n", "key,points\n"):
        (tmp_path / "by-hand.csv").write_text(text)
        with pytest.raises(ValueError, match="lacks the column (key|question); needed: key, question, points"):
            results.read_by_hand(tmp_path)
    (tmp_path / "by-hand.csv").write_text("key,question,points\n")
    assert results.read_by_hand(tmp_path) == {} == results.read_by_hand(tmp_path / "none")


def test_results_stand_in_one_order_whenever_they_were_graded(place, monkeypatch):
    kept, settle = [], program.settle
    monkeypatch.setattr(program, "settle", lambda graded, policy: kept.append(list(graded)) or settle(graded, policy))
    for names in (["b.ipynb"], ["a.ipynb", "c.ipynb"]):
        place.put(*names)
        place.run()
    assert [key[0] for key in kept[-1]] == ["a", "b", "c"]


@pytest.mark.parametrize("user", [0, 1, 1000])
def test_who_grades_as_root_is_told_so(user, place, monkeypatch, capsys):
    monkeypatch.setattr(program.os, "geteuid", lambda: user)
    place.put("a.ipynb")
    assert place.run() == 0
    assert ("You grade as root; an ordinary account is safer." in capsys.readouterr().err) == (user == 0)


def test_a_room_lacks_a_name_where_one_of_its_cells_stopped_for_it(master):
    room = room_of(master, [("a", "x = y"), ("b", "z = 1"), ("c", "w = 1")], Told({}))
    room.question_is("q2-check")
    two, every = [("a", ""), ("b", "")], room.cells
    assert not room.lacks_a_name(two)
    room.failures = {"a": {"kind": "ValueError"}, "b": {"kind": "NameError"}}
    assert room.lacks_a_name(two) and not room.lacks_a_name(two[:1]) and not room.lacks_a_name(every)
    room.absent = {"b"}
    assert not room.lacks_a_name(two), "no other cell makes it, either"
    room.absent, room.whole = set(), True
    assert not room.lacks_a_name(two)


def test_points_by_hand_that_do_not_read_stop_before_anything_is_graded(place, capsys):
    place.put("a.ipynb")
    place.out.mkdir()
    (place.out / "by-hand.csv").write_text("key,question,points\nk,q4,many\n")
    assert place.run() == 2 and place.graded == [] and "line 2: points are 'many'" in capsys.readouterr().err


WRONG = {  # rule, mistake -> whose step it is, with how much of the gradient, which settings, how many steps too many
    ("heavy_ball", "sign"): ("heavy_ball", -1, {}, 0), ("heavy_ball", "no memory"): ("heavy_ball", 1, {"beta": 0.0}, 0),
    ("heavy_ball", "1 - beta too many"): ("averaged_momentum", 1, {}, 0),
    ("heavy_ball", "rate inside or outside"): ("classical_momentum", 1, {}, 0),
    ("classical_momentum", "1 - beta too many"): ("classical_momentum", 0.25, {}, 0),
    ("classical_momentum", "rate inside or outside"): ("heavy_ball", 1, {}, 0),
    ("averaged_momentum", "missing 1 - beta"): ("heavy_ball", 1, {}, 0),
    ("nesterov_torch", "look-ahead forgotten"): ("heavy_ball", 1, {}, 0),
    ("nesterov", "look-ahead forgotten"): ("nesterov", 1, {}, 0), ("gradient_descent", "sign"): ("gradient_descent", -1, {}, 0),
    ("adam", "sign"): ("adam", -1, {}, 0), ("adam", "steps count from 0"): ("adam", 1, {}, 1),
    ("adamw", "steps count from 0"): ("adamw", 1, {}, 1),
}  # fmt: skip


@pytest.mark.parametrize("which", WRONG, ids=" ".join)
def test_a_known_mistake_is_the_step_that_it_says(which):
    name, mistake = which
    other, share, changes, more = WRONG[which]
    rule, theta, grad = rules.get(name), np.array([2.0, 1.0]), np.array([3.0, -1.0])
    state = tuple(np.array([4.0, 0.5]) for _ in rule.slots)
    hyper = {key: 0.01 if value is None else value for key, value in rule.hyper.items()}
    hyper |= {"beta": 0.75} if "beta" in hyper else {}
    (known,) = (known for known in misconceptions.misconceptions(name) if known.name == mistake)
    own = {key: value for key, value in (hyper | changes).items() if key in rules.get(other).hyper}
    kept = dict(hyper)
    found, right = known.step(theta, grad, state, hyper, 3), rules.get(other).step(theta, share * grad, state, own, 3 + more)
    np.testing.assert_allclose(found[0], right[0], rtol=1e-14)
    np.testing.assert_allclose(found[1], right[1], rtol=1e-14)
    assert hyper == kept, "the settings of the next step are as they were"
    looked = known.looks(theta, *state, **hyper) if known.looks else None
    assert (looked is theta) == (which == ("nesterov", "look-ahead forgotten"))


@pytest.mark.parametrize("value", [0.9, 0.99, 0.5])
def test_a_fixed_momentum_is_the_one_that_its_sentence_names(value):
    (known,) = (known for known in misconceptions.misconceptions("heavy_ball") if f"beta = {value:g} " in known.sentence)
    theta, (v,) = known.step(np.array([2.0]), np.array([3.0]), (np.array([4.0]),), {"lr": 0.1, "beta": 0.8}, 1)
    np.testing.assert_allclose([v[0], theta[0]], [4 * value + 3, 2 - 0.1 * (4 * value + 3)])


def no_child():
    """What stands for a process that is not there."""
    return SimpleNamespace(pid=2**22 + 5, wait=lambda *seconds: None, poll=lambda: None)


def test_a_sandbox_is_one_unless_it_is_told_otherwise(monkeypatch):
    did = []
    monkeypatch.setattr(sandbox, "require_sandbox", lambda: did.append("looked for"))
    monkeypatch.setattr(sandbox, "show_fonts", lambda: ["fonts"])

    def shut_in(limits, work, preload, options):
        did.append((work, preload))
        streams.append(options)
        return no_child()

    def started(command, env, cwd, **options):
        did.append((command[-2:], env["HOME"] == cwd != os.getcwd()))
        streams.append(options)
        return no_child()

    streams = []
    monkeypatch.setattr(sandbox, "shut_in", shut_in)

    monkeypatch.setattr(sandbox.subprocess, "Popen", started)
    for options, wanted in (
        ({}, ["looked for", (["fonts"], ())]),
        ({"checked": True, "preload": ["numpy"]}, [(["fonts"], ["numpy"])]),
        ({"checked": True, "work": ["mine"]}, [(["mine"], ())]),
        ({"checked": True, "work": []}, [([], ())]),
        ({"sandboxed": False, "preload": ["numpy"]}, [(["trusted", "numpy"], True)]),
    ):
        did.clear()
        one = sandbox.Sandbox(sandbox.Limits(), **options)
        assert did == wanted and one.alive
        held = streams.pop()
        assert held["stdout"] == sandbox.subprocess.DEVNULL and held["stderr"] is one.errors and held["start_new_session"] is True
        assert held["stdin"].fileno() == -1, "the other end is the child's alone"
        folder_of_its_own = one.folder and one.folder.name
        one.close()
        one.close()
        assert one.control.fileno() == -1 and one.errors.closed and not (folder_of_its_own and os.path.exists(folder_of_its_own))


def test_sandboxes_wait_for_those_who_need_the_same(monkeypatch):
    """Two at most, of the last used; one that has died is closed, and one that serves a single submission ends with it."""
    made, closed = [], []

    class One:
        def __init__(self, limits, **options):
            self.limits, self.options, self.alive, self.spent = limits, options, True, False
            made.append(self)

        def close(self):
            closed.append(self)

    monkeypatch.setattr(sandbox, "Sandbox", One)
    ahead, limits, other = sandbox.Ahead(), sandbox.Limits(), sandbox.Limits(cell=1.0)
    first = ahead.start(limits, preload=("a",), sandboxed=True)
    assert ahead.start(limits, sandboxed=True, preload=("a",)) is first and first.options == {
        "preload": ("a",),
        "sandboxed": True,
    }
    second = ahead.start(other, preload=("a",))
    assert ahead.start(limits, preload=("a",), sandboxed=True) is first and len(made) == 2 and not closed
    third = ahead.start(limits, preload=("b",))
    assert closed == [second] and list(ahead.kept.values()) == [first, third], "the one that was not used for longest"
    third.alive = False
    fourth = ahead.start(limits, preload=("b",))
    assert fourth is not third and closed == [second, third]
    fourth.alive, fourth.spent = False, True
    fifth = ahead.start(limits, preload=("b",))
    assert fifth is not fourth and closed == [second, third], "whoever has it to himself ends it"
    ahead.close()
    assert set(closed[2:]) == {first, fifth} and not ahead.kept
    monkeypatch.setattr(sandbox, "Process", lambda limits, sandbox: (limits, sandbox))
    assert ahead.take(limits, preload=()) == (limits, made[-1])


def test_what_the_kernel_says_of_a_process(monkeypatch):
    """A name with brackets in it, two times in ticks, and threads of which one works."""
    fields = ["S", *map(str, range(4, 14)), "30", "12", "0", "0", "20", "0", "{threads}", "0"]
    line = "7 (a ) S b) " + " ".join(fields)
    told = {"/proc/7/stat": line.format(threads=1)}

    def opened(path, mode):
        assert mode == "rb"
        if path not in told:
            raise FileNotFoundError(path)
        return io.BytesIO(told[path].encode())

    monkeypatch.setattr(usage, "open", opened, raising=False)
    monkeypatch.setattr(usage.os, "listdir", lambda path: ["7", "8"] if path == "/proc/7/task" else [])
    look = lambda: usage.Usage(7).look()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert look() == (pytest.approx(42 * tick), True)
    for state, asleep in (("R", False), ("D", False), ("T", True), ("t", True), ("Z", False)):
        told["/proc/7/stat"] = line.format(threads=1).replace(" S 4", f" {state} 4")
        assert look()[1] is asleep, state
    told["/proc/7/stat"] = line.format(threads=2)
    for other, asleep in (("S", True), ("R", False)):
        told["/proc/7/task/7/stat"], told["/proc/7/task/8/stat"] = "7 (x) S 1 2", f"8 (y) {other} 1 2"
        assert look()[1] is asleep
    del told["/proc/7/task/8/stat"]
    assert look() is None, "a thread that has gone meanwhile"
    told["/proc/7/stat"] = "7 (x) S 1"
    assert look() is None and usage.Usage(8).look() is None
    found = usage.Usage(8)
    assert (found.begun, found.cpu, found.slept, found.told) == (0.0, 0.0, 0.0, False)


def test_the_source_of_a_function_in_a_notebook_can_be_read():
    run = cells.Cells()
    source = "x = 1\ndef f():\n    return x\n"
    run.run(source, "<cell a>")
    assert inspect.getsource(run.names["f"]) == "def f():\n    return x\n"


def test_a_line_of_the_log_is_kept_as_it_was_written(tmp_path):
    """A name that is no text, letters of two bytes, a formula, a second line."""
    for why in ("=é", "\ud800, so"):
        appeal.log(tmp_path, ["now", "Dr. Nöther", "key", "ada", "q", "", "3", why])
    assert (tmp_path / "appeals.csv").read_bytes().decode() == (
        "when,by,key,student,question,before,after,why\r\nnow,Dr. Nöther,key,ada,q,,3,'=é\r\n"
        'now,Dr. Nöther,key,ada,q,,3,"\\ud800, so"\r\n'
    )


def test_paths_that_leave_all_bounds_are_compared_without_a_word():
    far = np.array([[1e308, 0.0], [np.inf, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not checks.same(-far, far) and checks.same(far, far) and not checks.alike(far, -far)
        says("uphill", grade.update_rule, lambda theta, grad, *, lr: theta + lr * grad, "gradient_descent", lr=1e3, steps=300)


def test_what_is_said_on_the_command_line_reaches_each_submission(place, monkeypatch, capsys):
    """Limits, the wall, how many at once, a bar that counts; folders that lack are made, and those that are there kept."""
    began, bars, graded = [], [], program.grade_next
    monkeypatch.setattr(program, "grade_next", lambda *given, **options: began.append(options) or graded(*given))
    turns = []
    monkeypatch.setattr(
        program, "in_turn", lambda work, tasks, jobs: turns.append(jobs) or [(key, work(*task)) for key, task in tasks.items()]
    )
    monkeypatch.setattr(tqdm, "tqdm", lambda made, **options: bars.append(options) or made)
    place.put("a.ipynb", "b.ipynb", "c.ipynb")
    place.out = place.out / "deep" / "er"
    limits = ["--cell-seconds", "3", "--total-seconds", "7", "--memory-mb", "300"]
    for words, jobs, count in (
        (["--jobs", "2", *limits], 2, 3),
        (["--jobs", "9", "--redo", "--trust"], 3, 3),
        (["--jobs", "9"], 1, 0),
    ):
        assert place.run(*words) == 0
        assert turns[-1] == jobs and bars[-1] == {"total": count, "unit": "notebook", "disable": not count}
    assert began[0] == {"limits": sandbox.Limits(cell=3.0, total=7.0, memory=300 * 2**20), "sandboxed": True} and len(began) == 6
    assert began[-1] == {"limits": sandbox.Limits(), "sandboxed": False}
    for processors, jobs in ((5, 3), (2, 2), (None, 1)):
        monkeypatch.setattr(program.os, "cpu_count", lambda processors=processors: processors)
        assert place.run("--redo") == 0 and turns[-1] == jobs
    monkeypatch.setattr(
        sys, "argv", ["grade", str(place.inbox), "--master", str(place.inbox.parent / "set.ipynb"), "--out", str(place.out)]
    )
    capsys.readouterr()
    for count in ("3 submissions: 3", "1 submission: 1"):
        assert program.main() == 0 and f"{count} graded before, 0 to grade" in capsys.readouterr().out
        for name in ("b.ipynb", "c.ipynb"):
            (place.inbox / name).unlink(missing_ok=True)


def test_the_next_submission_takes_what_is_ready(monkeypatch):
    monkeypatch.setattr(grading, "grade", lambda *given, **options: (given, options))
    assert grading.grade_next("m", "p", limits=1) == (("m", "p"), {"limits": 1, "ahead": grading._ahead})


def test_a_policy_asks_for_nothing_by_itself():
    assert late.Policy() == late.Policy(due=None, grace=0.0, deduction=0.0, latest=False)


def test_a_value_has_five_seconds_and_a_call_what_it_is_given(mine, monkeypatch):
    given, limit = [], worker.time_limit
    monkeypatch.setattr(worker, "time_limit", lambda seconds: given.append(seconds) or limit(seconds))
    one, sent = mine
    one.names["x"] = abs
    one.serve([json.dumps({"id": 1, "op": "get", "name": "x"}), json.dumps({"id": 2, "op": "get", "name": "x", "limit": 3})])
    one.serve([json.dumps({"id": 3, "op": "call", "name": "x", "args": [1], "kwargs": {}, "limit": 2})])
    assert given == [5, 3, 2] and sent[-1]["value"] == 1


def test_a_package_says_what_is_graded_and_its_command_what_it_does(master, tmp_path, capsys):
    _, package = problem_set.write(master, tmp_path)
    with zipfile.ZipFile(package) as archive:
        lines = archive.read("questions.csv").decode().split("\n")
    assert lines[:2] == ["question,title,points,graded by", "q1-check,1. Write heavy ball,3,check"] and lines[-1] == ""
    with pytest.raises(SystemExit):
        problem_set.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert (
        text.startswith("usage: python -m momentum_lib.grade.problem_set") and "Masters of problem sets, and what is made" in text
    )
    assert "MASTER notebooks with questions" in text and "--out OUT folder for the students' copies" in text
