"""Rooms: what is run for a question, once more, or no longer, told answer by answer."""

import json
import os
import socket
from types import SimpleNamespace

import pytest
from grading_parts import LONG, Told, ran, room_of, says

from momentum_lib.grade import (
    sandbox,
    wire,
)

# -- rooms -----------------------------------------------------------------------------------------


def test_a_statement_that_ends_its_process_is_left_out_and_its_question_still_asked(master):
    told = Told({"bad": [sandbox.Lost("it died"), {}], "kappa": {"value": 5}})
    room = room_of(master, [("a", "b = 1"), ("bad", "b = 2\nkappa = b"), ("late", "zzz = 5")], told)
    told_at = iter([3])
    fresh_ask = told.ask

    def ask_with_place(request, seconds):
        told.at = next(told_at, None) if request.get("cell") == "bad" else None
        return fresh_ask(request, seconds)

    told.ask = ask_with_place
    room.question_is("q2-check")
    assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5}
    assert [entry for entry in ran(told) if entry[0] == "bad"] == [("bad", None), ("bad", 3)]
    assert room.deadly == {"bad": "it died"} and room.cut == {"bad": 3}
    at_once = room_of(master, [("bad", "kappa = 1")], Told({"bad": [sandbox.Lost("it died"), {}], "kappa": {"value": 5}}))
    at_once.question_is("q2-check")
    assert at_once.ask({"op": "get", "name": "kappa"}) == {"value": 5} and at_once.cut == {"bad": 0}
    assert "late" not in [name for name, _ in ran(told)], "what no name needs is not run for it"
    below = Told({"bad": [sandbox.Lost("it died"), {}], "kappa": {"value": 5}})
    below.at = 95
    room = room_of(master, [("bad", "kappa = 1")], below)
    room.question_is("q2-check")
    assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5} and room.cut == {"bad": 95}


def test_a_room_that_is_left_ends_its_sandbox(master):
    told = Told({"kappa": {"value": 5}})
    with room_of(master, [("a", "kappa = 1")], told) as room:
        room.close()
        assert not told.closed, "there was none yet"
        room.question_is("q2-check")
        assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5} and not told.closed
    assert told.closed and room.process is None


def test_a_child_that_takes_nothing_is_not_waited_for():
    """More than the socket holds, to a process that is stopped: a grader that hangs with it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = object.__new__(sandbox.Process)
        process.channel = ours
        theirs.send(json.dumps({"ready": os.getpid()}).encode())
        process.meet()
        assert process.usage.pid == os.getpid() and ours.gettimeout() == 0, "nothing is waited for longer than select says"
        process.usage = SimpleNamespace(over=lambda: True)
        with pytest.raises(sandbox.Lost, match="it did not take the request in time"):
            process._write(bytes(2**24))


def test_a_question_that_used_its_time_up_costs_no_other(master):
    told = Told({"kappa": {"value": 5}}, spent=40.0)
    room = room_of(master, [("a", "kappa = 1"), ("b", "kappa = kappa")], told)
    room.question_is("q2-check")
    says("longer than the 60 seconds of processor time that a question has", room.ask, {"op": "get", "name": "kappa"})
    assert room.left < 0
    for spent, cells_run in ((20.0, 3), (30.0, 2)):
        told.spent, room.ran, told.asked[:] = spent, None, []
        room.question_is("q2-check")
        says("longer than the 60 seconds", room.ask, {"op": "get", "name": "kappa"})
        assert room.left == 0 and len(ran(told)) == cells_run, "nothing is left is not enough"
    told.spent = 59.5 / 3  # three cells: half a second is left
    room.ran = None
    room.question_is("q2-check")
    assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5}
    room.question_is("q3-check")
    assert room.left == 60.0 and not room.charged and room.cost == 0 and room.share == 1.0
    told.spent = 1.5
    room.question_is("q2-check")
    room.ran = None
    assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5} and room.left == 60 - 3 * 1.5 - 1.5  # the imports, too
    room.fresh()
    assert room.ran is not None and room.share == 1 / 3, "cells that take long run once for all that is asked"
    room.ask({"op": "get", "name": "kappa"})
    assert room.left == 60 - 3 * 1.5 - 1.5 - 0.5
    for cost, anew in ((1.01, False), (1.0, True)):
        room.cost = cost
        room.fresh()
        assert (room.ran is None) is anew


def test_what_was_too_slow_is_not_asked_again(master):
    told = Told({"kappa": [sandbox.Lost("the time limit was reached")], "lam": [{"error": {"kind": "OutOfTime", "text": "t"}}]})
    room = room_of(master, [("a", "kappa = lam = 1")], told)
    room.question_is("q2-check")
    assert says("kappa did not answer: the time limit was reached", room.ask, {"op": "call", "name": "kappa"}).why == "no answer"
    before = len(told.asked)
    assert says("kappa did not answer in time", room.ask, {"op": "call", "name": "kappa"}).why == "no answer"
    assert len(told.asked) == before
    assert "error" in room.ask({"op": "call", "name": "lam"})
    says("lam did not answer in time", room.ask, {"op": "call", "name": "lam"})
    assert told.asked[-1] == ("call", "lam", None, 5 + sandbox.GRACE)


def test_a_name_that_another_cell_may_make_is_looked_for_once(master):
    told = Told({"kappa": [{"missing": True}, {"value": 3}], "nowhere": {"missing": True}})
    room = room_of(master, [("a", "x = 1"), ("hidden", "setup_of_a_kind = 1")], told)
    room.question_is("q2-check")
    assert room.ask({"op": "get", "name": "kappa"}) == {"value": 3}
    assert {"a", "hidden"} <= {name for name, _ in ran(told)}, "all cells have run by then"
    room.question_is("q2-check")
    room.ran, told.asked[:] = None, []
    assert room.ask({"op": "get", "name": "nowhere"}) == {"missing": True}
    asked = [entry for entry in told.asked if entry[0] == "get"]
    room.question_is("q2-check")
    assert room.ask({"op": "get", "name": "nowhere"}) == {"missing": True}
    assert len([entry for entry in told.asked if entry[0] == "get"]) == len(asked) + 1


def test_a_cell_runs_once_for_all_that_its_question_asks(master):
    """The time of a question spent on the same cell again; a list that a second run makes longer."""
    told = Told({"kappa": {"value": 5}})
    room = room_of(master, [("a", "b = []"), ("c", "b.append(1)\nkappa = len(b)")], told)
    room.question_is("q2-check")
    for _ in range(2):
        assert room.ask({"op": "get", "name": "kappa"}) == {"value": 5}
    names = [name for name, _ in ran(told)]
    assert [name for name in names if name in "ac"] == ["a", "c"] and len(set(names)) == len(names)


def test_a_cell_is_late_where_one_below_it_has_run(master):
    room = room_of(master, [("a", "x = 1"), ("b", "x = 2"), ("c", "x = 3")], Told({}))
    for there, labels, found in (
        ({"b"}, "a", True), ({"b"}, "b", False), ({"b"}, "c", False), ({"b"}, "bc", False), ({"c"}, "cb", True),
        ({"a", "c"}, "a", False), ({"a", "c"}, "b", True), (set(), "abc", False),
    ):  # fmt: skip
        room.ran = there
        assert room.late(list(labels)) is found, (there, labels)


def test_only_a_name_that_is_missing_may_be_made_elsewhere_and_is_looked_for_once(master):
    """Another error answered by running the whole notebook."""
    room = room_of(master, [("a", "x = 1"), ("b", "y = 2")], Told({}))
    room.question_is("q2-check")
    every = [label for label, _, _ in room.cells]
    room.slices = {"q2-check": ["a"], None: every}
    error = lambda kind: {"error": {"kind": kind, "text": "t", "line": 1}}
    for reply in (error("ValueError"), {"error": "NameError"}, {"value": 1}, {}):
        assert not room.may_be_elsewhere("f", reply) and room.absent == set()
    assert room.may_be_elsewhere("f", error("NameError")) and room.absent == {"f"}
    assert not room.may_be_elsewhere("f", error("NameError")), "asked once"
    assert room.may_be_elsewhere("g", {"missing": True})
    room.slices["q2-check"] = every
    assert not room.may_be_elsewhere("h", {"missing": True}), "every cell has run"
    room.question_is(None)
    assert not room.may_be_elsewhere("k", {"missing": True})


def test_an_answer_that_draws_is_one_that_a_question_needs_and_the_student_wrote(master):
    """Matplotlib imported before each fork for the sake of a cell that the master gave, or of one that nothing needs."""
    given = SimpleNamespace(question="q0")
    for source, own, needed, draws in (
        ("plt.plot(1)", "q2", {"a"}, True), ("plt.plot(1)", "", {"a"}, True), ("plt.plot(1)", "q0", {"a"}, False),
        ("plt.plot(1)", "q2", {"b"}, False), ("x = 1", "q2", {"a"}, False),
    ):  # fmt: skip
        room = room_of(master, [("a", source)], Told({}))
        room.master = SimpleNamespace(of=lambda role: [given] if role == "given" else [])
        room.cells, room.needed = [("a", source, own)], needed
        assert room.draws() is draws, (source, own, needed)


def test_a_request_has_its_own_limit_and_the_time_of_its_answer():
    """A clock that began with an earlier request, or that never began: an answer that takes for ever, one that has no time."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        began = []
        process = object.__new__(sandbox.Process)
        process.channel, process.buffer, process.count = ours, b"", 0
        process.usage = SimpleNamespace(start=lambda *limits: began.append(limits), spent=lambda: 0.25, over=lambda: True)
        for k, (request, limits) in enumerate((({"op": "get", "limit": 3}, (3, 7.5)), ({"op": "get"}, (7.5, 7.5))), 1):
            theirs.send(wire.dumps({"id": k - 1, "value": "an older one"}))
            theirs.send(wire.dumps({"id": k, "at": 40 + k}) + wire.dumps({"id": k, "value": k}))
            assert process.ask(request, 7.5) == {"id": k, "value": k}
            assert began.pop() == limits and not began and process.at == 40 + k and process.spent == 0.25


def test_notes_on_cells(master):
    told = Told({})
    room = room_of(master, [("a", "x = 1")], told)
    room.process = told
    told.at = 4
    room.note("a", {"error": {"kind": "OutOfTime", "text": "t"}})
    assert room.cut == {"a": 4} and room.failures["a"]["kind"] == "OutOfTime"
    told.at = None
    room.note("no statement", {"error": {"kind": "OutOfTime", "text": "t"}})
    assert room.cut == {"a": 4}, "one that had begun none is not cut at one"
    room.note("a", {})
    assert "a" in room.failures, "a cell that is cut has not come right"
    room.note("b", {"error": {"kind": "ValueError", "text": "t"}})
    assert "b" not in room.cut and "b" in room.failures
    room.note("b", {})
    assert "b" not in room.failures
    room.note("c", {"missing modules": ["pandas", "torch"]})
    assert room.failures["c"]["text"].startswith("pandas, torch is not there where notebooks are graded")
    room.note("long", {"missing modules": [LONG, "torch"]})
    assert room.failures["long"]["text"].startswith("§" * 200 + " is not there")
    room.whole = False
    room.note("d", {"error": {"kind": "NameError", "text": "t"}})
    assert room.absent == set(), "another cell may make it"
    room.whole = True
    room.note("e", {"error": {"kind": "ValueError", "text": "t"}})
    room.note("d", {"error": {"kind": "NameError", "text": "t"}})
    assert room.absent == {"d"}
    lines = [("x", "%time y = 1")]
    shell = room_of(master, lines, told)
    shell.new_process()
    assert told.asked[-1] == "prepared" and shell.ran == set()


def test_a_name_of_a_person_is_a_short_text_or_a_number(master):
    for value, name in (("  Ada ", "Ada"), (7, "7"), (True, ""), (1.5, ""), (["a"], ""), ("x" * 300, "x" * 200)):
        room = room_of(master, [("who", "STUDENT = 1")], Told({"STUDENT": {"value": wire.encode(value)}}))
        assert room.student() == name
    for broken in ({"value": {"array": [1], "shape": [-5, 7], "dtype": "float64"}}, {"missing": True}, sandbox.Lost("gone")):
        assert room_of(master, [("who", "STUDENT = 1")], Told({"STUDENT": broken})).student() == ""
