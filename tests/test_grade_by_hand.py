"""The grader's small parts against values worked out by hand: tolerances, what crosses, what a process uses, spaces and order."""

import hashlib
import io
import json
import math
import os
import signal
import zipfile
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import grading as small
import numpy as np
import pytest
from grading_parts import says

from momentum_lib import grade, rules
from momentum_lib.grade import (
    answers,
    checks,
    folder,
    gradescope,
    late,
    problem_set,
    results,
    systems,
    usage,
    wire,
)
from momentum_lib.grade.answers import Remote
from momentum_lib.grade.moodle import Worksheet
from momentum_lib.grade.reading import reading_page

# -- tolerances ------------------------------------------------------------------------------------


def test_two_paths_are_alike_to_a_billionth_of_what_was_met_so_far():
    path = np.array([[1.0, 0.0], [8.0, 0.0], [2.0, 0.0]])
    for at, off, alike in ((0, 0.9e-9, True), (0, 1.2e-9, False), (2, 7.5e-9, True), (2, 8.5e-9, False)):
        other = path.copy()
        other[at, 1] += off
        assert checks.same(other, path) == alike, (at, off)
    assert checks.same(path[:2], path) is False
    gone = path.copy()
    gone[1:] = np.nan
    assert checks.same(path, gone), "compared as far as the second is finite"
    assert not checks.same(gone, path) and not checks.alike(path, gone) and checks.alike(gone, gone)


def test_a_number_is_right_to_its_tolerance_and_in_a_closed_range():
    for value, right in ((1 + 0.9e-6, True), (1 - 0.9e-6, True), (1 + 1.2e-6, False), (1 - 1.2e-6, False)):
        if right:
            assert grade.number(value * 2, 2.0)
        else:
            says("is not the answer", grade.number, value * 2, 2.0)
    assert grade.number(0, 0.0, name="x") == "x = 0 is right."
    says("x = 1e-12 is not", grade.number, 1e-12, 0.0, name="x")
    assert grade.number(1, between=(1, 2)) and grade.number(2, between=(1, 2))
    says("x is 0.5; an answer lies between 1 and 2", grade.number, 0.5, name="x", between=(1, 2))
    says("x is 2.5", grade.number, 2.5, 2.5, name="x", between=(1, 2))
    calls = []
    wrong = lambda: calls.append(1) or {"half of it": 0.5}
    assert grade.number(1.0, 1.0, wrong=wrong) and not calls
    assert says("x: half of it", grade.number, 0.5, 1.0, name="x", wrong=wrong).why == "half of it" and calls
    says("x: half of it", grade.number, 0.5, name="x", wrong=wrong)
    says("is not the answer", grade.number, 0.5 * (1 + 2e-6), 1.0, wrong=wrong)


def test_an_array_is_right_to_a_share_of_its_largest_and_a_function_of_each_value():
    expected = [1.0, 100.0]
    assert grade.array([1.0 + 0.9e-4, 100.0], expected)
    says("not the right numbers", grade.array, [1.0 + 1.2e-4, 100.0], expected, name="x")
    assert grade.array(np.array([[1, 2]]), shape=(1, 2), name="x") == "x is an array of shape (1, 2)."
    says("shape (2,); it must have shape (1, 2)", grade.array, [1, 2], shape=(1, 2), name="x")
    says("must be an array; it is a list", grade.array, [1, True], [1, 1], name="x")
    case = [(2.0,), (3.0,)]
    assert grade.function(lambda x: x * (1 + 0.9e-6), lambda x: x, case).endswith("is right on 2 cases.")
    says("(2) is not right", grade.function, lambda x: x * (1 + 1.2e-6), lambda x: x, case)
    says("(3) is not right", grade.function, lambda x: 2.0, lambda x: x, case)
    assert grade.function(lambda x: 0.9e-9, [0.0], [1.0]).endswith("is right on this case.")
    says("is not right", grade.function, lambda x: 1.2e-9, [0.0], [1.0])
    only_once = {"always two": lambda x: 2.0, "twice as much": lambda x: 2 * x}
    assert says("twice as much", grade.function, lambda x: 2 * x, lambda x: x, case, wrong=only_once).why == "twice as much"
    says("Work this case out", grade.function, lambda x: 2.0 + (x > 2) * 9, lambda x: x + 1, case, wrong=only_once)
    with pytest.raises(ValueError):
        grade.function(lambda x: x, [1.0, 2.0], [1.0])
    assert [checks.brief(item) for item in (np.ones((2, 3)), 0.1 + 0.2, 7, "x" * 60)] == [
        "array of shape (2, 3)", "0.3", "7", "x" * 40,
    ]  # fmt: skip
    assert grade.prediction(0, between=(0, 1), name="p") == "You committed to 0." and grade.prediction(1, between=(0, 1))
    says("p is 1.5; commit to a number between 0 and 1", grade.prediction, 1.5, between=(0, 1), name="p")


def test_the_rate_drops_half_way_and_the_message_says_so():
    assert [now["lr"] for now in checks._schedule(rules.heavy_ball, {"lr": 1.0}, 5, True)] == [1.0, 1.0, 0.1, 0.1, 0.1]
    assert [now["lr"] for now in checks._schedule(rules.heavy_ball, {"lr": 1.0, "beta": 0.5}, 3, False)] == [1.0] * 3
    assert checks._schedule(rules.heavy_ball, {"lr": 1.0}, 1, False) == [{"lr": 1.0, "beta": 0.9}]

    def late(theta, grad, v, *, lr, beta):
        v = beta * v + grad
        return theta - lr * v * (1 if lr > 0.01 else 1.5), v

    words = "at step 5 of 8, where the learning rate has dropped. Do that step by hand"
    says(words, grade.update_rule, late, "heavy_ball", lr=0.02, beta=0.8, steps=8)

    def at_once(theta, grad, v, *, lr, beta):
        v = beta * v + grad
        return theta - 1.7 * lr * v, v

    says("at step 1 of 8. Do that step", grade.update_rule, at_once, "heavy_ball", lr=0.02, beta=0.8, steps=8)


def test_a_parameter_is_a_hash_of_student_and_name(capsys):
    """Another hash, and every number that a class was given is another one."""
    for student, text in (("Ada ", "ada"), (5, "5"), ("", "")):
        number = int.from_bytes(hashlib.sha256(f"{text}\nkappa".encode()).digest()[:8], "big")
        assert checks.parameter(student, "kappa", range(10**6)) == number % 10**6
    assert capsys.readouterr().out.count("STUDENT is still empty") == 1
    for wrong in (True, None, 1.5, "  "):
        with pytest.raises(ValueError, match="write your own name"):
            checks.parameter(wrong, "kappa", [1])


# -- what crosses ----------------------------------------------------------------------------------


def test_what_crosses_and_what_is_named():
    for value, data in (
        (2**63 - 1, 2**63 - 1),
        (2**63, {"alien": "int with more than 63 bits"}),
        (-(2**63), {"alien": "int with more than 63 bits"}),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (Fraction(10**400), {"alien": "Fraction too large for a float"}),
        (math.inf, {"float": "inf"}),
        (np.str_("a"), "a"),
        (np.float32(0.5), {"scalar": 0.5, "dtype": "float32"}),
        (np.longdouble(0.5), {"scalar": 0.5, "dtype": "float64"}),
        (np.bytes_(b"ab"), {"alien": "bytes"}),
        (np.complex128(1j), {"alien": "complex128"}),
        (np.datetime64("2020-01-01"), {"alien": "datetime64[D]"}),
        (np.array([1.5], dtype=np.longdouble), {"array": [1.5], "shape": [1], "dtype": "float64"}),
        (np.array(["a"]), {"alien": "array of <U1"}),
        ((1, [2]), {"tuple": [1, {"list": [2]}]}),
        ({"a": None}, {"dict": [["a", None]]}),
        (...,  {"alien": "ellipsis"}),
    ):  # fmt: skip
        assert wire.encode(value) == data, value
    assert wire.encode(np.zeros(199_999))["shape"] == [199_999], "the array itself is one of the 200 000"
    assert wire.encode(np.zeros(200_000)) == {"alien": "array of 200000 numbers"}
    two = wire.encode([np.zeros(150_000), np.zeros(150_000)])["list"]
    assert "array" in two[0] and two[1] == {"alien": "array of 150000 numbers"}, "all arrays together"
    deep, level = [], 1
    for _ in range(11):
        deep, level = [deep], level + 1
    assert "alien" not in json.dumps(wire.encode(deep)) and level == 12
    assert "list nested too deep" in json.dumps(wire.encode([deep]))
    key, within = (), {0: {}}
    for _ in range(9):
        key, within = (key,), {0: within}
    assert "alien" not in json.dumps(wire.encode([{key: 1}])) + json.dumps(wire.encode([within]))
    assert "tuple nested too deep" in json.dumps(wire.encode([{(key,): 1}])), "the keys, too"
    assert "dict nested too deep" in json.dumps(wire.encode([{0: within}]))
    assert wire.decode({"dict": [["a", 1], [2, {"float": "-inf"}]]}) == {"a": 1, 2: -math.inf}
    assert wire.dumps({"a": 1}) == b'{"a":1}\n'
    with pytest.raises(ValueError):
        wire.dumps({"a": math.nan})
    assert len(wire.Alien("x" * 99).kind) == 80 and repr(wire.Alien("y")) == "<a y>"


def test_numbers_and_arrays_as_they_are_meant():
    assert answers.as_number("x", np.array([[2.5]])) == 2.5 and answers.as_number("x", np.int8(3)) == 3.0
    assert type(answers.as_number("x", 3)) is float
    says("x is still blank", answers.as_number, "x", ...)
    says("x is still blank", answers.as_number, "x", wire.Alien("ellipsis"))
    says("must be a number; it is an int128", answers.as_number, "x", wire.Alien("int128"))
    says("must be a number; it is a bool", answers.as_number, "x", np.bool_(True))
    says("x is nan; it must be a finite number", answers.as_number, "x", np.float64("nan"))
    assert answers.as_array("x", 2.0).shape == () and answers.as_array("x", np.int64(2)).dtype == float
    says("must be an array; it is a bool", answers.as_array, "x", True)
    says("must be an array; it is an Ellipse", answers.as_array, "x", wire.Alien("Ellipse"))
    assert answers.as_array("x", np.ones((2, 1), int), [2, 1]).tolist() == [[1.0], [1.0]]


def test_what_the_students_process_answers_is_read_with_care():
    def remote(reply):
        asked.clear()
        return Remote("f", lambda request: asked.append(request) or reply, 3.5)

    asked = []
    assert remote({"value": {"list": [1]}}).call(np.float64(2), x=(1,)) == [1]
    assert asked == [
        {"op": "call", "name": "f", "limit": 3.5, "args": [{"scalar": 2.0, "dtype": "float64"}], "kwargs": {"x": {"tuple": [1]}}}
    ]
    assert remote({"value": 7}).value() == 7 and asked == [{"op": "get", "name": "f"}]
    says("f is not there. Keep the name", remote({"missing": True}).value)
    says("f is still blank", remote({"blank": True}).call)
    error = says(
        "f stopped with KeyError: 'x' (line 4 of its cell)",
        remote({"error": {"kind": "KeyError", "text": "'x'", "line": 4}}).call,
    )
    assert error.kind == "KeyError" and error.why is None
    assert "line" not in str(says("f stopped with E: t", remote({"error": {"kind": "E", "text": "t", "line": "4"}}).call))
    blank = {"error": {"kind": "NotImplementedError", "text": "this answer is still blank", "line": 1}}
    still = says("f is still blank.", remote(blank).call)
    assert str(still) == "f is still blank." and still.kind == "NotImplementedError"
    says("f changed its argument number 3 in place", remote({"value": 1, "changed": ["0", 2]}).call)
    assert remote({"value": 1, "changed": "2"}).call() == 1 and remote({"value": 1, "changed": []}).call() == 1
    says("f stopped with None: None", remote({"error": "words"}).call)
    mine = answers.Answer(lambda a, b: a.append(b) or 1, "mine")
    given = [1]
    assert says("mine changed its argument number 1", mine.call, given, 2).why == "in-place" and given == [1]
    says("mine stopped with TypeError", mine.call)
    says("must be a function; it is an int", answers.Answer(5, "mine").call)


# -- what a process uses ---------------------------------------------------------------------------


def test_waiting_for_a_processor_is_free_and_sleep_is_not(monkeypatch):
    """(seconds of the clock, of the processor, asleep): computing, waiting, sleeping, suspended, without /proc."""
    looks, sent = iter([]), []
    clock = [0.0]
    monkeypatch.setattr(usage.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(usage.Usage, "look", lambda self: next(looks))
    monkeypatch.setattr(usage.Usage, "send", lambda self, number: sent.append(number))
    looks = iter([(1.0, False)] * 2)
    used = usage.Usage(1)
    used.start(limit=0.55, most=1.0)
    assert (used.begun, used.slept, used.told) == (1.0, 0.0, False)

    def over(seconds, look):
        nonlocal looks
        clock[0] += seconds
        looks = iter([look])
        return used.over()

    assert not over(0.4, (1.1, False)) and used.slept == 0  # it computed for 0.1 s and waited
    assert not over(0.4, (1.1, False)) and used.slept == 0  # runnable, and had no processor
    assert not over(0.4, (1.1, True)) and used.slept == 0  # asleep now, awake at the last look
    assert not over(0.4, (1.11, True)) and used.slept == pytest.approx(0.4) and sent == [], "0.51 of 0.55 s"
    assert not over(0.1, (1.2, False)) and sent == [signal.SIGPROF] and used.told
    assert not over(0.1, (1.2, False)) and sent == [signal.SIGPROF], "told once"
    assert not over(0.4, (1.2, True)) and used.slept == pytest.approx(0.4), "it computed in between"
    assert not over(9.0, None) and used.slept == pytest.approx(0.45), "half a second at most, a tenth of it"
    assert sent == [signal.SIGPROF], "told once"
    looks = iter([(1.3, False)])
    assert used.spent() == pytest.approx(0.3 + 0.45)
    assert over(0.1, (1.6, False)) and sent[-1] == signal.SIGKILL
    monkeypatch.undo()

    mine = usage.Usage(os.getpid()).look()
    assert mine[0] > 0 and mine[1] is False and usage.Usage(2**22 + 1).look() is None
    assert usage.state_of("/proc/self/stat") == b"R"


# -- spaces, capitals and order ----------------------------------------------------------------------


def test_a_roster_is_read_whatever_stands_around_its_words(tmp_path):
    """As people type it: headings in capitals, spaces, paths of another system, addresses, numbers with words before them."""
    path = tmp_path / "class.csv"
    path.write_text(
        " STUDENT , File,Canvas ,eMail,Name\n ada , .\\A\\hw.ipynb ,,,\nbob,,Participant 12, Bob@X.org ,\n , ,,,\n"
        "zoe,, 7.0 ,,Zoe Z\n",
        "utf-8",
    )
    roster = folder.Roster(path)
    assert (
        [row["student"] for row in roster.rows] == ["ada", "bob", "zoe"]
        and bool(roster) is True
        and bool(folder.Roster()) is False
    )
    assert roster.row_of("A/hw.ipynb", {}, ["hw.ipynb"]) == (roster.rows[0], True)
    assert (
        roster.row_of("x.ipynb", {"canvas": "12"}, [])
        == roster.row_of("x.ipynb", {"email": " BOB@x.ORG "}, [])
        == (roster.rows[1], False)
    )
    assert roster.row_of("x.ipynb", {"canvas": "7"}, []) == (roster.rows[2], False) and roster.rows[2]["name"] == "Zoe Z"
    assert roster.row_of("x.ipynb", {"canvas": "8"}, []) == (None, False)


def test_files_stand_in_the_order_of_their_names(tmp_path, monkeypatch):
    """Whatever the file system says first; the master is none of them, however it is named."""
    names = ["c.ipynb", "a.ipynb", "set.ipynb", "b.pdf", "A.pdf"]
    for name in names:
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(folder.os, "walk", lambda top, onerror: iter([(str(top), [], list(names))]))
    monkeypatch.chdir(tmp_path)
    for master in ("set.ipynb", tmp_path / "x" / ".." / "set.ipynb", tmp_path / "set.ipynb"):
        found, left_out = folder.find(tmp_path, master, tmp_path / "out")
        assert [path.name for path in found] == ["a.ipynb", "c.ipynb"] and [name for name, _ in left_out] == ["A.pdf", "b.pdf"]


def test_a_master_may_be_written_with_other_kinds_and_spaces(tmp_path):
    """Points as a text, a name that is a number, a heading and a mark scheme with room around them."""
    notebook = small.small_set()
    notebook["cells"][6]["metadata"]["nbgrader"].update(points="3", grade_id=61)
    notebook["cells"][4]["source"] = "##   1. Write heavy ball \t"
    notebook["cells"][14]["source"] = "Since.\n=== BEGIN MARK SCHEME ===\n\n  A reason. \n\n=== END MARK SCHEME ===\n"
    for cell in notebook["cells"][7:]:
        if cell["metadata"].get("nbgrader"):
            cell["metadata"]["nbgrader"].update(grade=int(cell["metadata"]["nbgrader"]["grade"]))
    master = problem_set.Master(small.write(tmp_path, notebook))
    check = master.of("check")[0]
    assert (check.question, check.points, check.title) == ("61", 3.0, "1. Write heavy ball") and type(check.points) is float
    assert master.of("essay")[0].scheme == "A reason." and [len(master.of(role)) for role in ("check", "answer", "given")] == [
        3,
        3,
        1,
    ]
    assert check.hidden == 'grade.update_rule(my_step, "heavy_ball", lr=0.03, beta=0.7, steps=30)'
    assert check.shown == 'grade.check("1", grade.update_rule, my_step, "heavy_ball", lr=0.02, beta=0.8)'


def test_times_grades_and_points_are_read_with_spaces(tmp_path):
    assert late.moment(" 2026-10-05T23:59+02:00 ", "due") == datetime.fromisoformat("2026-10-05T23:59+02:00")
    path = tmp_path / "w.csv"
    path.write_text("Identifier,Grade,Maximum\n Participant 7 , 5 , 9 \n Participant 8 ,, 9 \n")
    sheet = Worksheet(path, 9)
    assert sheet.participants == {"7", "8"} and sheet.filled({"7": 8}).splitlines()[1] == " Participant 7 ,8.00, 9 "
    (tmp_path / "by-hand.csv").write_text('key,question,points\nk,q," 1,5 "\nk,r,  \n')
    assert results.read_by_hand(tmp_path) == {("k", "q"): (1.5, "")}


def test_results_stand_in_the_order_of_their_keys(tmp_path):
    with zipfile.ZipFile(io.BytesIO(gradescope.archive({9: {}, 7: {}, 8: {}}))) as made:
        assert made.namelist()[2:] == ["results/7.json", "results/8.json", "results/9.json"]
    cell = SimpleNamespace(question="why", title="1. Why?", points=4, scheme="s")
    master = SimpleNamespace(title="A set", of=lambda *roles: [cell] if "essay" in roles else [], points=(0, 4))
    graded = {
        key: {"student": key * 2, "file": f"{key}.ipynb", "essays": {"why": f" word {key} \n"}, "questions": [], "notes": []}
        for key in ("c", "a", "b")
    }
    page = reading_page(master, graded, {})
    assert [page.index(f"<pre>word {key}</pre>") for key in "abc"] == sorted(
        page.index(f"<pre>word {key}</pre>") for key in "abc"
    )
    results.write_by_hand(tmp_path, master, graded)
    results.write_tables(tmp_path, master, graded)
    for name, column in (("by-hand.csv", 0), ("grades.csv", 1)):
        rows = (tmp_path / name).read_text().splitlines()[1:]
        assert [row.split(",")[column][0] for row in rows] == ["a", "b", "c"]
    said = systems.said_by({":submitters": [{":name": 5, ":email": "x"}]})
    assert said.ids == {"name": "5", "email": "x"}
