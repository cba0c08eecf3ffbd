"""What the grader refuses, and what it says where something has gone."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import grading as small
import pytest
from grading_parts import Told, ran, room_of

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import (
    folder,
    grading,
    misconceptions,
    problem_set,
    results,
    sandbox,
)

# -- what is refused, and what has gone ---------------------------------------------------------------


def test_a_sandbox_that_does_not_start_is_tried_twice(master):
    """One that has died while it waited costs nothing; where none starts, no student is to blame."""
    for failures, works in ((0, True), (1, True), (2, False)):
        told, taken = Told({"kappa": {"value": 5}}), []

        def take(limits, failures=failures, told=told, taken=taken, **options):
            taken.append(limits)
            if len(taken) <= failures:
                raise sandbox.Lost("it ended at once")
            return told

        room = room_of(master, [("a", "kappa = 1")], told)
        room.take = take
        if works:
            room.new_process()
            assert room.process is told and room.ran == set() and len(taken) == failures + 1
        else:
            with pytest.raises(sandbox.NoSandbox, match="the sandbox could not be started again: it ended at once"):
                room.new_process()
            assert room.process is None
    told.alive, old = False, told
    room = room_of(master, [("a", "kappa = 1")], told)
    room.process, fresh = old, Told({})
    room.take = lambda limits, **options: fresh
    room.new_process()
    assert old.closed and room.process is fresh and fresh.forks == 1, "one that has died is closed, and another taken"
    room.new_process()
    assert room.process is fresh and fresh.forks == 2 and not fresh.closed, "one that lives serves on"


def test_where_no_plan_can_be_made_every_question_needs_every_cell(master):
    told = Told({"kappa": {"value": 5}})
    ask = told.ask
    for answer in (sandbox.Lost("gone"), {"error": {"kind": "MemoryError", "text": ""}}):

        def without_plan(request, seconds, answer=answer):
            if request["op"] != "plan":
                return ask(request, seconds)
            assert seconds == 60 + sandbox.GRACE and request["limit"] == 60
            if isinstance(answer, Exception):
                raise answer
            return answer

        told.ask, told.asked[:] = without_plan, []
        room = room_of(master, [("a", "x = 1"), ("b", "kappa = 1")], told)
        room.question_is("q2-check")
        assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5}
        every = [label for label, _, _ in room.cells]
        assert [name for name, _ in ran(told)] == every == room.slices["q2-check"] == room.slices[None]
        assert room.needed == set(every)


def test_a_sandbox_that_fails_in_a_check_is_no_answer_of_the_students(master):
    checker = grading.Checker(master, "Ada", None)

    def none(name):
        raise sandbox.NoSandbox("gone")

    checker.room = SimpleNamespace(question_is=lambda name: None, remote=none)
    with pytest.raises(sandbox.NoSandbox, match="gone"):
        checker.grade(master.of("check")[1])


def test_a_clusters_worker_grades_what_came_as_bytes_where_it_has_a_sandbox(monkeypatch, tmp_path):
    given, why = [], [None]

    def graded(master, path, owner, **options):
        given.append((master, path.name, path.read_bytes(), path.parent.name[:11], owner, options))
        return "result"

    def require():
        if why[0]:
            raise sandbox.NoSandbox(why[0])

    monkeypatch.setattr(grading, "grade_next", graded)
    monkeypatch.setattr(grading, "require_sandbox", require)
    grading.look_for_sandbox.cache_clear()
    options = {"limits": sandbox.Limits(), "sandboxed": True}
    assert grading.grade_sent("m", "deep/a.ipynb", b"{}", "ada", **options) == "result"
    assert given == [("m", "a.ipynb", b"{}", "submission-", "ada", options)]
    why[0] = "none here"
    grading.grade_sent("m", "a.ipynb", b"{}", **options)  # looked for once a process
    grading.look_for_sandbox.cache_clear()
    with pytest.raises(program.ClusterError, match=f"{socket.gethostname()}: none here"):
        grading.grade_sent("m", "a.ipynb", b"{}", **options)
    grading.grade_sent("m", "b.ipynb", b"{}", limits=None, sandboxed=False)
    assert given[-1][1:] == ("b.ipynb", b"{}", "submission-", None, {"limits": None, "sandboxed": False}) and len(given) == 3
    grading.look_for_sandbox.cache_clear()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--on dask:x --jobs 2", "--jobs counts processes of this machine, --on has the workers that there are; leave one"),
        ("--on tcp://x", "on is 'tcp://x'; allowed: dask:"),
        ("--late-deduction 101 --due 2026-10-05", "--late-deduction is 101; allowed: percent of the points, from 0 to 100"),
        ("--late-deduction -1 --due 2026-10-05", "--late-deduction is -1"),
        ("--grace -1", "--grace is -1; allowed: minutes, a number >= 0"),
        ("--grace inf", "--grace is inf"),
        ("--grace nan", "--grace is nan"),
        ("--late-deduction 5", "--late-deduction needs --due"),
        ("--due soon", "--due is 'soon'; allowed: a time such as 2026-10-05T23:59"),
        ("--jobs 0", "--jobs is 0; allowed: a whole number >= 1"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_graded(words, says, place, capsys):
    place.put("a.ipynb")
    assert place.run(*words.split()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says) and captured.err.count("\n") == 1 and place.graded == []


def test_what_stops_a_run_and_what_only_one_submission(place, capsys, monkeypatch):
    """A cluster that is gone, a submission that takes its workers down, an interruption."""
    place.put("a.ipynb", "b.ipynb")
    answers_of = iter([program.ClusterError("head: no answer"), program.cluster.Died("two workers ended")])
    monkeypatch.setattr(program, "on_cluster", lambda *rest: ((key, next(answers_of)) for key in rest[2]))
    assert place.run("--on", "dask:x") == 2
    said = capsys.readouterr()
    assert said.err.strip().endswith("head: no answer") and "2 to grade, by the workers at dask:x." in said.out
    answers_of = iter([program.cluster.Died("two workers ended")] * 2)
    assert place.run("--on", "dask:x") == 1
    said = {row["look at"].partition(". ")[0] for row in place.rows()}
    assert said == {"The grader failed here: Died: two workers ended."} and len(place.rows()) == 2

    def interrupted(*rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "grade_all", interrupted)
    capsys.readouterr()
    assert place.run() == 130
    assert capsys.readouterr().err == "Interrupted. What was graded is kept; the same command goes on from there.\n"


def test_a_folder_or_a_file_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    def walk(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "in" / "shut")))
        yield from ()

    monkeypatch.setattr(folder.os, "walk", walk)
    assert folder.find(tmp_path / "in", tmp_path / "m", tmp_path / "out") == (
        [],
        [("shut", "cannot be opened: Permission denied")],
    )
    assert folder.why_not(tmp_path / "gone.ipynb", Path("gone.ipynb")) == "cannot be opened: No such file or directory"


def test_a_chapter_that_there_is_not_has_no_address():
    with pytest.raises(LookupError, match="no chapter has the number 99; there are 1, 2, 3,"):
        misconceptions.chapter(99)


WITHOUT = {  # what a master lacks -> (what is changed, what is said)
    "a name": (lambda cells: cells[5]["metadata"]["nbgrader"].pop("grade_id"), "cell q1: no grade_id; give it one"),
    "an answer's name": (lambda cells: cells[6]["metadata"]["nbgrader"].pop("grade_id"), "cell q1-check: no grade_id"),
    "a given cell's name": (lambda cells: cells[2]["metadata"]["nbgrader"].pop("grade_id"), "cell imports: no grade_id"),
    "an essay's name": (lambda cells: cells[14]["metadata"]["nbgrader"].pop("grade_id"), "cell q4: no grade_id"),
    "points": (
        lambda cells: cells[6]["metadata"]["nbgrader"].update(points=-1),
        "cell q1-check: points are -1; allowed: a number > 0",
    ),
    "points that are null": (
        lambda cells: cells[6]["metadata"]["nbgrader"].update(points=None),
        "cell q1-check: points are 0; allowed: a number > 0",
    ),
    "an essay's points": (lambda cells: cells[14]["metadata"]["nbgrader"].pop("points"), "cell q4: points are 0"),
    "a mark": (
        lambda cells: cells[6].update(source="### BEGIN SOLUTION\\n" + cells[6]["source"]),
        "holds a solution and is no answer",
    ),
}


@pytest.mark.parametrize("what", WITHOUT)
def test_a_master_that_lacks_something_is_refused(what, tmp_path):
    change, says_so = WITHOUT[what]
    notebook = small.small_set()
    change(notebook["cells"])
    with pytest.raises(problem_set.BadMaster, match=f"set.ipynb, .*{says_so}"):
        problem_set.Master(small.write(tmp_path, notebook))


def test_a_copy_that_would_tell_is_not_written(master, tmp_path, monkeypatch):
    monkeypatch.setattr(problem_set, "leaks", lambda master, copy: ["a secret line", "another"])
    with pytest.raises(
        problem_set.BadMaster, match="set.ipynb: the student's copy would hold 'a secret line'. Nothing was written"
    ):
        problem_set.write(master, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_packages_command_names_what_it_made_or_what_is_wrong(master, tmp_path, capsys):
    problem_set.main([str(master.path), "--out", str(tmp_path / "a" / "b")])
    made = [tmp_path / "a" / "b" / name for name in ("set.ipynb", "set-instructor.zip")]
    assert capsys.readouterr().out.split() == [str(path) for path in made] and all(path.exists() for path in made)
    bad = {"broken": "{", "empty": "{}", "other": json.dumps(small.with_cells({"q4": "Because."}))}
    for name, says_so in (("broken", "Expecting property name"), ("empty", "'cells'"), ("other", "needs a mark scheme")):
        path = tmp_path / f"{name}.ipynb"
        path.write_text(bad[name])
        with pytest.raises(SystemExit, match=says_so) as ended:
            problem_set.main([str(path), "--out", str(tmp_path / "c")])
        assert name != "empty" or str(path) in str(ended.value)
    for words in ([], [str(master.path)], ["--out", "o"]):
        with pytest.raises(SystemExit):
            problem_set.main(words)


def test_what_is_written_makes_the_folders_that_lack(tmp_path):
    """Twice: into folders that are not there, and into those that are."""
    for _ in range(2):
        results.write_bytes(tmp_path / "a" / "b" / "c.bin", b"x")
        results.write_text(tmp_path / "d" / "e" / "f.txt", "x")
        results.write_table(tmp_path / "g" / "h" / "i.csv", ["x"], [[1]])
        results.write_student(tmp_path / "j" / "k", "key", {"x": 1})
    assert results.read_student(tmp_path / "j" / "k", "key") == {"x": 1} and results.read_student(tmp_path, "none") is None
    assert (tmp_path / "g" / "h" / "i.csv").read_bytes() == b"x\r\n1\r\n" and not list(tmp_path.rglob("*.part"))
