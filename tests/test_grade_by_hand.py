"""The grader's small parts against values worked out by hand: tolerances, what crosses, what a question costs, who is whose."""

import concurrent.futures
import contextlib
import ctypes
import hashlib
import inspect
import io
import json
import math
import os
import signal
import socket
import struct
import sys
import warnings
import zipfile
from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import grading as small
import numpy as np
import pytest
import tqdm

from momentum_lib import grade, rules
from momentum_lib.grade import __main__ as program
from momentum_lib.grade import (
    answers,
    appeal,
    cells,
    checks,
    editions,
    folder,
    gradescope,
    grading,
    late,
    later,
    misconceptions,
    notebook,
    parallel,
    problem_set,
    results,
    sandbox,
    stem,
    syscalls,
    systems,
    usage,
    wire,
    worker,
)
from momentum_lib.grade.answers import Remote, Wrong
from momentum_lib.grade.moodle import Worksheet
from momentum_lib.grade.reading import reading_page


def says(words, check, *given, **named):
    """The check must not pass, with these words."""
    with pytest.raises(Wrong) as wrong:
        check(*given, **named)
    assert words in str(wrong.value), str(wrong.value)
    return wrong.value


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


# -- cells -----------------------------------------------------------------------------------------


def test_what_a_cell_does_to_names():
    def of(source):
        part = cells.parts(source)
        return part.makes, part.changes, part.reads, part.still, part.doubtful

    assert of("import numpy as np, os.path\nfrom a import b as c") == ({"np", "os", "c"}, set(), set(), {"np", "os", "c"}, False)
    assert of("def f(x):\n    return x + y") == ({"f"}, set(), {"y"}, {"f"}, False)
    assert of("def f():\n    global z\n    z = 1")[0] == {"f", "z"}
    assert of("def f():\n    def g():\n        return deep\n    return g")[2] == {"deep"}, "a function inside a function"
    assert of("def f(): pass\nf = g(f)")[3] == set(), "a name that is also assigned may hold anything"
    assert of("a.b = c[0] = 1")[1] == {"!a", "!c"}
    assert of("x = h(a, k=b.c)")[1] == {"h", "a", "b"} and of("print(a)\ny = len(b)")[1] == {"print", "len"}
    assert of("plt.plot(a)\ngrade.check(b)\ndisplay(c, d=e)\nm.plot(f)")[1] == {"plt", "grade", "display", "m", "f"}
    assert of("x = y\nz = [u, v.w]")[1] == {"y", "u", "v"} and of("(x := y)")[1] == {"y"}
    assert of("x = next(it)")[1] == {"it", "next"}
    assert cells.parts("not python at all") is cells.UNREADABLE
    for source, doubtful in (
        ("exec('a = 1')", True), ("open('x')", True), ("from m import *", True), ("a.to_csv('x')", True),
        ("np.random.seed(3)", True), ("import mine\nmine.set()", True), ("import mine as my\nmy.set()", True),
        ("plt.plot(a)", False), ("a.sort()", False),
        ("x = np.ones(3)", False), ("await random.go()", True), ("grade.check(a)", False),
    ):  # fmt: skip
        assert cells.parts(source).doubtful == doubtful, source


def test_a_cell_matters_through_what_it_changes_and_through_functions():
    def needed(*sources, of="want"):
        made = cells.plan([(str(k), source, "") for k, source in enumerate(sources)], {"q": ([of], [])})
        return [int(label) for label in made["slices"]["q"]]

    assert needed("want = []", "other = []", "want.append(1)", "other.append(1)") == [0, 2]
    assert needed("want = []", "def add():\n    want.append(1)", "add()", "def not_called():\n    pass") == [0, 1, 2]
    assert needed("class C: pass", "want = C()", "C.x = 1", "y = 2") == [0, 1, 2]
    assert needed("a = 1", "want = a", "a = 2") == [0, 1, 2], "one that makes a name again below is run, too"
    assert needed("%time want = 3", "x = 4") == [0]
    for loop in ("curve /= 2", "curve[0] = 1", "curve.x += 1", "if True:\n        curve *= 2", "curve.sort()", "f(curve)"):
        assert needed("want, other = [1], [2]", f"for curve in (want, other):\n    {loop}", "y = 2") == [0, 1], loop
        assert needed("want = [1]", f"for k, curve in enumerate([want]):\n    {loop}") == [0, 1], loop
    assert needed("want = [1]", "for curve in want:\n    print(curve)\n    total += curve") == [0], "which changes nothing of it"
    for made in ("other = want", "other = [want, 1]", "other = {'a': want}", "other = want.rows[0]", "other = want if y else 2",
                 "other: list = want", "(other := want)", "other = np.asarray(want)", "other = want.reshape(2, 2)",
                 "first = want or y\nother = (first, 2)", "(y, other) = 1, want"):  # fmt: skip
        for change in ("other.append(4)", "other['k'] = 2", "other[0].x = 3", "f(other)"):
            assert needed("want, y = [1], 0", made, change, "z = 4") == [0, 1, 2], (made, change)
    assert needed("want = [1]", "other = len(want) + want[0]", "other[0] = 2") == [0], "a new number holds nothing"
    assert needed("want = [1]", "other = [2]", "other.append(3)") == [0]
    own = cells.plan([("a", "x = 1", ""), ("b", "y = x", "q1"), ("c", "z = 1", "")], {"q": ([], ["b"]), "none": ([], [])})
    assert own == {"slices": {"q": ["a", "b"], "none": []}, "needed": ["a", "b"]}, "a question's own cells, whatever they make"


def test_a_module_that_is_not_there_costs_what_needs_it():
    run = cells.Cells()
    source = "import nothing_like_it as n, math\nn.set_style('dark')\nm = n.make()\nx = math.pi\nn.rc = 5"
    assert run.run(source, "<cell a>") == ["nothing_like_it"]
    assert run.names["x"] == math.pi and isinstance(run.names["m"], cells.Missing) and "n.rc" not in run.names
    with pytest.raises(cells.NotInstalled, match="there is no module nothing_like_it where notebooks are graded"):
        run.run("for k in n: pass", "<cell b>")
    begun = []
    run.run("a = 1\nb = 2\nc = 3", "<cell c>", until=2, begin=begun.append)
    assert begun == [0, 1] and "c" not in run.names and run.names["b"] == 2
    with pytest.raises(SyntaxError):
        run.run("d = 1\nd = = 2", "<cell d>")
    assert "d" not in run.names, "a cell with an error runs nothing"
    run.run("import asyncio\nasync def f(): return 7\ne = await f()", "<cell e>")
    assert run.names["e"] == 7
    run.loop.close()
    run.run("from __future__ import annotations", "<cell f>")
    run.run("def g(x: nothing): pass", "<cell g>")
    assert run.names["g"].__annotations__ == {"x": "nothing"}, "what __future__ sets holds in later cells"
    with pytest.raises(ModuleNotFoundError):
        run.run("x = __import__('nothing_like_it')", "<cell h>")
    run.names["kept"] = 3
    run.run("import nothing_like_it as kept", "<cell i>")
    assert run.names["kept"] == 3, "a failed import takes no name away"


# -- the worker ------------------------------------------------------------------------------------


@pytest.fixture
def mine():
    """A worker in this process, and what it sends; the signal that its limit uses is put back."""
    before = signal.getsignal(signal.SIGPROF)
    sent = []
    yield worker.Worker(lambda message: sent.append(json.loads(message))), sent
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def ask(mine, **request):
    one, sent = mine
    one.serve([json.dumps({"id": 1, "limit": 5, **request})])
    return sent[-1]


def test_the_requests_of_a_worker(mine):
    cell = "import numpy as np\ndef f(a, b=1):\n    a[0] += b\n    return a\nx = ...\nn = None\n"
    cell += "class E(Exception):\n    def __str__(self): 1/0\n"
    assert ask(mine, op="run", cell="c", source=cell) == {"id": 1}
    assert [message["at"] for message in mine[1][:-1]] == [0, 1, 2, 3, 4]
    assert ask(mine, op="get", name="n") == {"id": 1, "value": None} and ask(mine, op="get", name="y") == {
        "id": 1,
        "missing": True,
    }
    array = wire.encode(np.array([1.0, 2.0]))
    reply = ask(mine, op="call", name="f", args=[array], kwargs={"b": 2})
    assert reply["value"]["array"] == [3.0, 2.0] and reply["changed"] == [0]
    assert ask(mine, op="call", name="f", args=[array], kwargs={"b": 0})["changed"] == []
    assert ask(mine, op="call", name="f", args=[array, 0], kwargs={})["changed"] == [], "a number cannot be changed in place"
    assert ask(mine, op="call", name="f", args=[wire.encode([1.0]), 2], kwargs={})["changed"] == [0]
    assert ask(mine, op="call", name="x", args=[], kwargs={}) == {"id": 1, "blank": True}
    assert ask(mine, op="call", name="y", args=[], kwargs={}) == {"id": 1, "missing": True}
    assert ask(mine, op="call", name="n", args=[], kwargs={})["error"]["text"] == "n is no function"
    error = ask(mine, op="run", cell="d", source="a = 1\nf(3)\n")["error"]
    assert error["kind"] == "TypeError" and error["line"] == 3, "the last line of the student's own, inside f"
    assert ask(mine, op="run", cell="e", source="raise E")["error"] == {"kind": "E", "text": "", "line": 1}
    assert ask(mine, op="run", cell="g", source="import nothing_like_it, math")["missing modules"] == ["nothing_like_it"]
    assert ask(mine, op="run", cell="h", source="raise SystemExit(3)")["error"]["kind"] == "SystemExit"
    assert ask(mine, op="run", cell="i", source="u = 1\nw = 2\n", until=1) == {"id": 1} and "w" not in mine[0].names
    slow = ask(mine, op="run", cell="j", source="while True:\n    try:\n        pass\n    except Exception: pass", limit=0.05)
    assert slow["error"] == {"kind": "OutOfTime", "text": "the time limit was reached"}
    for length, kind in ((4_000_000 - 20, None), (4_000_000 - 19, "TooLarge")):  # beside it: {"id":1,"value":""} and an end
        mine[0].names["big"] = "x" * length
        assert ask(mine, op="get", name="big").get("error", {}).get("kind") == kind
    made = ask(mine, op="plan", cells=[["a", "x = 1", ""]], wanted={"q": [["x"], []]})
    assert made["slices"] == {"q": ["a"]} and made["needed"] == ["a"]


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
    import os

    mine = usage.Usage(os.getpid()).look()
    assert mine[0] > 0 and mine[1] is False and usage.Usage(2**22 + 1).look() is None
    assert usage.state_of("/proc/self/stat") == b"R"


# -- rooms -----------------------------------------------------------------------------------------


class Told:
    """A sandbox whose answers are told: a dict, a Lost, or a function of the request; and what each request used."""

    def __init__(self, answers, spent=0.0):
        self.answers, self.spent, self.at, self.asked, self.alive, self.closed = answers, spent, None, [], True, False
        self.forks = 0

    def fresh(self):
        self.forks += 1

    def meet(self):
        pass

    def prepare(self):
        self.asked.append("prepared")

    def close(self):
        self.closed = True

    def ask(self, request, seconds):
        self.asked.append((request["op"], request.get("cell") or request.get("name"), request.get("until"), seconds))
        if request["op"] == "plan":
            return cells.plan(request["cells"], request["wanted"])
        answer = self.answers.get(request.get("cell") or request.get("name"), {})
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def room_of(master, sources, told, **limits):
    submission = grading.Submission(None, "d", [(name, name if name.startswith("q") else "", source) for name, source in sources])
    ahead = SimpleNamespace(take=lambda limits, **options: told)
    return grading.Room(master, submission, sandbox.limits_of(**limits), True, ahead)


def ran(told):
    return [(name, until) for op, name, until, _ in told.asked if op == "run"]


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


# -- notebooks, results, people --------------------------------------------------------------------


def test_what_is_read_of_a_notebook(tmp_path):
    path = tmp_path / "a.ipynb"

    def read(some):
        path.write_text(json.dumps({"cells": some}))
        return grading.read_submission(path)

    cell = {"cell_type": "code", "source": ["a = 1\n", "b"], "metadata": {"id": "colab"}}
    essay = {"cell_type": "markdown", "source": "why", "metadata": {"nbgrader": {"grade_id": "q4"}}, "id": "e"}
    found = read([cell, essay, {**essay, "source": "and how"}, {"cell_type": "markdown", "source": "loose", "metadata": None}])
    assert found.cells == [("colab", "", "a = 1\nb")] and found.essays == {"q4": "why\n\nand how"}
    assert found.texts[0] == ("colab", "", None) and found.texts[-1] == ("3", "", "loose")
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest() == grading.file_digest(path)
    assert len(read([cell] * 500).cells) == 500
    for wrong in ([cell] * 501, {"a": 1}, [1], [{"cell_type": "code"}]):
        with pytest.raises(grading.Unreadable, match="this is no notebook: "):
            read(wrong)
    with open(path, "wb") as file:
        file.truncate(20 * 2**20)
    with pytest.raises(grading.Unreadable, match="this is no notebook"):
        grading.read_submission(path)
    with open(path, "wb") as file:
        file.truncate(20 * 2**20 + 1)
    with pytest.raises(grading.Unreadable, match="the file has 20 MB; at most 20 MB are read"):
        grading.read_submission(path)
    assert grading.file_digest(path) == hashlib.sha256(str(20 * 2**20 + 1).encode()).hexdigest()
    assert grading.file_digest(tmp_path / "none") == ""


def test_points_that_a_check_gives(master):
    """A number is points, cut to what there is; a sentence is praise; what breaks is looked at."""
    checker = grading.Checker(master, "Ada", None)
    assert checker.names["STUDENT"] == "Ada" and checker.execute("") is None
    cell = next(cell for cell in master.of("check") if cell.points == 3)

    def of(source):
        hidden = f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS\n"
        return checker.grade(problem_set.replace(cell, source=hidden))

    for source, points, said in (
        ("1.5", 1.5, "Partly right."), ("3", 3, "Right."), ("99", 3, "Right."), ("-1", 0, "Partly right."),
        ("'Well done.'", 3, "Well done."), ("True", 3, "Right."), ("x = 1", 3, "Right."), ("None", 3, "Right."),
    ):  # fmt: skip
        found = of(source)
        assert (found["points"], found["said"], found["look"]) == (points, said, False), source
    wrong = of("raise grade.Wrong('no', why='that')")
    assert (wrong["points"], wrong["said"], wrong["why"], wrong["look"]) == (0, "no", "that", False)
    broken = of("1 / 0")
    assert broken["points"] == 0 and broken["look"] and broken["error"].startswith("ZeroDivisionError: ") and broken["of"] == 3
    assert of("raise ValueError('§' * 600)")["error"] == "ValueError: " + "§" * 488


def test_what_a_check_asks_for_is_charged_to_its_own_question(master):
    asked = []
    checker = grading.Checker(master, "Ada", None)
    checker.room = SimpleNamespace(question_is=asked.append, remote=lambda name: asked.append(name) or 2.5)
    for cell in master.of("check")[:2]:
        hidden = "### BEGIN HIDDEN TESTS\nkappa\n### END HIDDEN TESTS\n"
        assert checker.grade(problem_set.replace(cell, source=hidden))["points"] == min(2.5, cell.points)
    first, second = (cell.question for cell in master.of("check")[:2])
    assert asked == [first, "kappa", second, "kappa"]


def test_numbers_that_are_drawn_fill_their_range():
    """A thousand keys: values between two ends, evenly on the scale that was asked for, and never outside."""
    draws = [editions.Draws(bytes([k % 256, k // 256]), "a number") for k in range(1000)]
    for kind, middle in (
        ({"between": [1, 100], "digits": 4, "log": True}, 10.0),
        ({"between": [1, 100], "digits": 2}, 50.5),
        ({"whole": [1, 100]}, 50.5),
    ):
        found = sorted(editions.draw(kind, one) for one in draws)
        assert 1 <= found[0] < 1.06 * 1 + (0 if "log" in kind else 1) and 96 < found[-1] <= 100, kind
        assert 440 <= sum(value < middle for value in found) <= 560, kind  # 500 within 3.8 deviations


def test_the_points_of_a_result_are_the_sum_of_its_questions(master, monkeypatch):
    monkeypatch.setattr(grading.time, "monotonic", lambda: 11.23456)
    assert grading.finish({"questions": []}, master, 10.0)["seconds"] == 1.23
    said = {"questions": [{"points": 1.5}, {"points": 2.0}, {"points": 0.0}]}
    found = grading.finish(said, master, 0.0)
    assert found["points"] == 3.5 and (found["of"], found["by_hand"]) == (9.0, 2.0)
    nothing = grading.ungraded(master, master.path, "ada", OSError("gone"))
    assert [(q["points"], q["look"], q["why"], q["of"]) for q in nothing["questions"]] == [
        (0.0, False, None, of) for of in (3, 2, 4)
    ]
    assert (nothing["points"], nothing["unreadable"], nothing["student"], nothing.get("again")) == (0, "gone", "ada", None)
    ours = grading.ungraded(master, master.path, None, KeyError("x"))
    assert ours["again"] is True and ours["student"] == "" and ours["unreadable"] == "The grader failed here: KeyError: 'x'"


def test_what_a_master_asks_for_and_brings(master):
    wanted = grading.wanted_by(master, [("mine", "x", "q1"), ("other", "y", ""), ("more", "z", "q1"), ("k", "k", "q2")])
    assert wanted["STUDENT"] == (["STUDENT"], []) and wanted["q1-check"] == (["grade", "my_step"], ["mine", "more"])
    assert wanted["q2-check"][1] == ["k"] and wanted["q3-check"][1] == []
    assert grading.imported_by(master) == ("numpy", "momentum_lib:grade", "momentum_lib:rules")
    likeness = "The published solution, apart from names and comments: q1, q3. No points were taken for it."
    assert grading.notes_on_likeness([]) == [] and grading.notes_on_likeness(["q1", "q3"]) == [likeness]
    assert grading.notes_on("ADA", "ada") == []
    assert grading.notes_on("ada", "Ada") == [] == grading.notes_on("ada", "") and grading.notes_on("", "bob") == []
    assert "STUDENT = 'bob'; it was graded with the parameters of 'ada'" in grading.notes_on("ada", "bob")[0]
    assert "STUDENT is not set" in grading.notes_on(None, "")[0]


def test_keys_cells_and_points_of_the_tables(tmp_path):
    key = results.key_of(tmp_path / "Zoë Ångström" / "hw 1.ipynb", tmp_path)
    assert key == "Zoe-Angstrom-hw-1-" + hashlib.sha256("Zoë Ångström/hw 1.ipynb".encode()).hexdigest()[:32]
    assert results.key_of(tmp_path / ("a" * 90), tmp_path).startswith("a" * 40 + "-")
    assert results.key_of(tmp_path / "名前.ipynb", tmp_path).startswith("submission-")
    for text, safe in (
        ("=1+1", "'=1+1"), (" +5", "' +5"), ("-x", "'-x"), ("@a", "'@a"), ("a=b", "a=b"), ("a\tb\x1b[1m", "a b [1m"),
        ("＝1", "'＝1"), ("", ""), ("  ", "  "), (7, "7"),
    ):  # fmt: skip
        assert results.cell_safe(text) == safe, text
    assert [results.points_text(value) for value in (2.0, 1.005, 1 / 3, 0)] == ["2", "1", "0.33", "0"]
    rows = {"questions": [{"question": "a", "points": 1.0}, {"question": "b", "points": 2.0}]}
    assert results.total(rows, {("k", "a"): (5.0, ""), ("other", "b"): (9.0, ""), ("k", "essay"): (0.5, "")}, "k") == 7.5
    for points, kind, shown in ((None, "part", "to be read"), (0, "none", "0"), (2.0, "full", "2"), (1.5, "part", "1.5")):
        section = results._section("Name it (2 points)", points, 2.0, "See chapter 3, chapter 99 and <b>")
        assert f"<section class='{kind}'>" in section and f">{shown} / 2</span>" in section and "(2 points)" not in section
        assert "03-" in section and ">chapter 3</a>" in section and "chapter 99" in section and "&lt;b&gt;" in section
    assert results.canvas_row({"student": "x", "ids": {"email": "a"}}, "1") == []
    assert results.canvas_row({"student": "x", "ids": {"login": "l"}}, "1") == [["x", "", "", "l", "", "1"]]
    assert results.moodle_row({"student": "x", "ids": {"canvas": "1"}}, "1", 9) == []
    assert results.moodle_row({"student": "x", "ids": {"moodle": "7", "name": "N"}}, "1", 9.5) == [
        ["Participant 7", "N", "", "1", "9.5"]
    ]
    assert results.moodle_row({"student": "x", "ids": {"email": "e"}}, "1", 9) == [["", "x", "e", "1", "9"]]


def test_several_files_for_one_place():
    def graded(**which):
        made = {
            key: {"student": one.get("student", key), "file": f"{key}.ipynb", "notes": [], **one} for key, one in which.items()
        }
        return folder.note_twins(made)

    found = graded(a={"student": "Ada"}, b={"student": "ada"}, c={"student": ""}, d={"student": ""})
    assert found["a"]["notes"] == ["The same STUDENT stands in b.ipynb."] and not found["a"].get("ambiguous")
    assert found["c"]["notes"] == [], "nobody is not one person"
    found = graded(a={"ids": {"canvas": "7"}}, b={"ids": {"canvas": "7"}}, c={"ids": {"moodle": "7"}})
    assert found["a"]["ambiguous"] and found["b"]["ambiguous"] and "ambiguous" not in found["c"]
    assert found["b"]["notes"] == ["The same Canvas number stands in a.ipynb."]
    found = graded(a={"owner": "Ada", "sure": True}, b={"owner": "Ada"})
    assert "ambiguous" not in found["a"] and found["b"]["ambiguous"], "the roster names one of them by its file: it counts"
    found = graded(a={"owner": "Ada", "sure": True}, b={"owner": "Ada", "sure": True})
    assert found["a"]["ambiguous"] and found["b"]["ambiguous"] and found["a"]["notes"] == []
    roster = SimpleNamespace(rows=[{"student": "B"}, {"student": "A"}, {"student": "B"}])
    assert folder.absent(roster, {"x": {"owner": "A"}, "y": {}}) == {"B": folder.NOTHING}


def test_whose_file_was_left_out_did_not_hand_in_nothing(tmp_path):
    path = tmp_path / "class.csv"
    path.write_text("student,canvas\nada,7\nbob,8\n", "utf-8")
    left_out = [("adal_7_9_hw.ipynb.txt", "does not end in .ipynb"), ("else.pdf", "no notebook")]
    found = folder.absent(folder.Roster(path), {}, tmp_path, left_out)
    assert found == {"ada": "left out: adal_7_9_hw.ipynb.txt (does not end in .ipynb)", "bob": folder.NOTHING}


def test_the_texts_of_an_open_question_stand_on_one_page_below_its_mark_scheme():
    cell = SimpleNamespace(question="why", title="1. Why", points=4, scheme="4 points. <b>One</b> for each.")
    master = SimpleNamespace(title="A set", of=lambda *roles: [cell])
    one = {"student": "ada", "file": "a.ipynb", "essays": {"why": "Since <script>alert(1)</script>."}}
    two = {"student": "bob", "file": "b.ipynb", "essays": {"why": "*Write your answer here.*"}}
    broken = {"student": "", "file": "c.ipynb"}
    page = reading_page(master, {"k1": one, "k2": two, "k3": broken}, {("k1", "why"): (3.5, "")})
    assert "<script>" not in page and "Since &lt;script&gt;" in page and "&lt;b&gt;One" in page
    assert "3.5 / 4" in page and "k1" in page and "Nothing was written by bob, c.ipynb." in page


def test_why_an_answer_is_not_there_stands_below_its_question():
    cell = SimpleNamespace(question="q1-check", title="1. One (2 points)", points=2)
    master = SimpleNamespace(title="A set", points=(2, 0), of=lambda *roles: [cell])
    said = {"question": "q1-check", "points": 0, "of": 2, "said": "edge is not there.", "look": False}
    cells = {"q1": "OutOfTime: the time limit was reached", "other": "NameError: x"}
    result = {"student": "ada", "file": "a.ipynb", "questions": [said], "cells": cells, "notes": []}
    page = results.feedback_page(master, result, {}, "key")
    assert "<p>edge is not there. The cell q1: OutOfTime: the time limit was reached</p>" in page
    assert "<p class='quiet'>The cell other: NameError: x</p>" in page and page.count("OutOfTime") == 1


def test_what_is_to_be_looked_at_is_read_as_sentences():
    questions = [{"question": "q1", "look": True}]
    result = {"questions": questions, "notes": ["Late, says Canvas.", "no time"], "ambiguous": True}
    said = results.look_at(result)
    assert said == "Late, says Canvas. no time. It stands in no import file: several are for one place. q1: a check failed."


def test_names_and_numbers_of_the_systems():
    first = lambda *parts: systems.said_of(parts).ids
    assert first("adalovelace_LATE_111_222_hw-1.ipynb") == {"name": "adalovelace", "canvas": "111"}
    assert first("Ada Lovelace_333_assignsubmission_file_", "hw.ipynb") == {"name": "Ada Lovelace", "moodle": "333"}
    assert first("Ada_Love_333_assignsubmission_onlinetext", "hw.ipynb")["name"] == "Ada_Love"
    assert first("hw_1.ipynb") == {} == first("Ada_333_assignsubmission_file_")
    assert [folder.plain("canvas", text) for text in ("Participant 12", "12.0", " x", "7.50")] == ["12", "12", " x", "50"]
    assert folder.plain("file", ".\\a\\é.ipynb") == "a/é.ipynb"
    assert folder.printable("a\x1b[2J\u202eb") == "a\\x1b[2J\\u202eb" and folder.printable("é") == "é"


def test_what_was_graded_before_is_kept_only_while_everything_is_the_same(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("{}")
    master = SimpleNamespace(digest="m")
    good = {"digest": grading.file_digest(path), "master": "m", "owner": "ada"}
    assert program.still_good(good, path, master, "ada")
    for change in ({"again": True}, {"digest": "x"}, {"master": "n"}, {"owner": None}):
        assert not program.still_good(good | change, path, master, "ada"), change
    assert not program.still_good(None, path, master, "ada") and not program.still_good(good, path, master, "bob")


def test_the_exit_code_says_whether_a_person_must_look(capsys):
    assert program.report({"a": {"file": "a"}}, {}) == 0 and capsys.readouterr().err == ""
    assert program.report({"a": {"file": "a", "unreadable": "x"}, "b": {"file": "b", "unreadable": "y"}}, {}) == 1
    assert capsys.readouterr().err == "2 could not be read and have no points: a, b\n"
    assert program.report({"a": {"file": "a", "ambiguous": True}}, {}) == 1
    capsys.readouterr()
    assert program.report({}, dict.fromkeys((f"s{k}" for k in range(21)), folder.NOTHING)) == 0
    assert capsys.readouterr().err.strip().endswith("s19, ...")
    program.say_some(20, "things", [str(k) for k in range(20)])
    assert capsys.readouterr().err.strip() == "20 things: " + ", ".join(map(str, range(20)))


def test_limits_at_their_ends():
    for name, (least, most) in sandbox.BOUNDS.items():
        assert getattr(sandbox.limits_of(**{name: most}), name) == most
        if least:
            assert getattr(sandbox.limits_of(**{name: least}), name) == least
        for wrong in (least - 1, most + 1, math.nan, True, "5", 0):
            with pytest.raises(ValueError, match=f"limit {name} is .*; allowed: "):
                sandbox.limits_of(**{name: wrong})
    assert sandbox.limits_of(cell=0.001).cell == 0.001 and type(sandbox.limits_of(memory=2.0**30).memory) is int
    with pytest.raises(ValueError, match="limit memory is 128; allowed: from 256 to 6.71089e.07 MB"):
        sandbox.limits_of(memory=2.0**27)
    day, disk = "a number > 0, to 86400 seconds", "from 0.0625 to 1.04858e+06 MB"
    for name, wrong, says in (("cell", 1e5, day), ("call", 1e5, day), ("total", 1e5, day), ("disk", 2.0**15, disk)):
        with pytest.raises(ValueError) as caught:
            sandbox.limits_of(**{name: wrong})
        shown = "0.03125" if name == "disk" else "100000"
        assert str(caught.value) == f"limit {name} is {shown}; allowed: {says}."
    with pytest.raises(ValueError, match=f"limit memory is {'9' * 40}; allowed"):
        sandbox.limits_of(memory="9" * 60)
    with pytest.raises(ValueError, match="unknown limit 'cells'; known: cell, call, total, memory, disk"):
        sandbox.limits_of(cells=3)
    command = sandbox.worker_command(sandbox.limits_of(total=2.5), ["numpy"], sandboxed=False)
    assert command[-2:] == ["trusted", "numpy"]
    assert json.loads(command[-3]) == {"memory": 2 * 2**30, "seconds": 8 + 10, "file_size": 64 * 2**20}


def test_a_master_is_read_as_nbgrader_means_it():
    roles = {(True, True): "essay", (True, False): "check", (False, True): "answer", (False, False): "given"}
    for (graded, solution), role in roles.items():
        assert problem_set.role_of("code", {"grade": graded, "solution": solution}) == role
    assert problem_set.role_of("code", {}) == "code" and problem_set.role_of("markdown", None) == "text"
    source = "import os.path as p, sys\ndef f(x):\n    return x + y\nz: int = w\n(a, b), c.d = f(sys), 1\nclass K: pass"
    assert problem_set.names_asked(source, {"int"}) == ["c", "w", "y"]
    assert problem_set.assigned(source) == ["f", "z", "a", "b", "c", "K"]
    cell = problem_set.Cell("i", "code", "answer", "q", 0.0, small.solved("u = 1\nv = u"), asked=("v",))
    assert cell.shown.strip() == "v = ...  # write your answer here"
    nothing = problem_set.Cell("i", "code", "answer", "q", 0.0, small.solved("u = 1"), asked=())
    assert nothing.shown == "# Write your answer here."
    inside = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    shown = problem_set.Cell("i", "code", "answer", "q", 0.0, inside).shown
    assert "\n    raise NotImplementedError(" in shown and "return 1" not in shown


def test_the_title_of_a_master_is_its_first_heading():
    master = object.__new__(problem_set.Master)
    cell = lambda kind, source: problem_set.Cell("i", kind, "text", "", 0.0, source)
    master.name = "set-1"
    master.cells = [cell("code", "# a comment"), cell("markdown", "Words.\n## 1. A part\n#  A small set \t\r\n# Another")]
    assert master.title == "A small set"
    master.cells = master.cells[:1]
    assert master.title == "set-1"


def test_an_appeal_says_what_who_and_why(capsys):
    words = {"--master": "m", "--student": "s", "--question": "q", "--points": "3", "--by": "me", "--why": "since"}
    said = lambda left_out: ["out", *(word for pair in words.items() if pair[0] != left_out for word in pair)]
    assert appeal.parser().parse_args(said(None)).by == "me"
    for name in words:
        with pytest.raises(SystemExit):
            appeal.parser().parse_args(said(name))
        assert f"required: {name}" in capsys.readouterr().err


LINES = {  # command -> (what it needs; what that means; what each option is given, means, and is shown as)
    "grade": (
        program.parser,
        "in --master m --out o",
        {
            "submissions": Path("in"), "master": Path("m"), "out": Path("o"), "roster": None, "jobs": None, "on": None,
            "redo": False, "trust": False, "moodle_worksheet": None, "due": None, "grace": 0.0, "late_deduction": 0.0,
            "repeated": "ask", "cell_seconds": 10.0, "total_seconds": 60.0, "memory_mb": 2048.0,
        },
        {
            "submissions": ("", "", "SUBMISSIONS"), "master": ("a/b", Path("a/b"), None), "out": ("a/b", Path("a/b"), "RESULTS"),
            "roster": ("a/b", Path("a/b"), None), "jobs": ("3", 3, None), "on": ("dask:a", "dask:a", "CLUSTER"),
            "redo": ("", True, None), "trust": ("", True, None), "moodle_worksheet": ("a/b", Path("a/b"), "FILE"),
            "due": ("2026-10-05", "2026-10-05", "TIME"), "grace": ("1.5", 1.5, "MINUTES"),
            "late_deduction": ("1.5", 1.5, "PERCENT"), "repeated": ("latest", "latest", None),
            "cell_seconds": ("1.5", 1.5, None), "total_seconds": ("1.5", 1.5, None), "memory_mb": ("300.5", 300.5, None),
        },
    ),
    "grade appeal": (
        appeal.parser,
        "r --master m --student s --question q --points 3 --by me --why since",
        {
            "results": Path("r"), "master": Path("m"), "student": "s", "question": "q", "points": 3.0, "by": "me", "why": "since",
        },
        {
            "results": ("", "", "RESULTS"), "master": ("a/b", Path("a/b"), None), "student": ("x", "x", None),
            "question": ("x", "x", None), "points": ("1.5", 1.5, None), "by": ("x", "x", "WHO"), "why": ("x", "x", None),
        },
    ),
    "grade new-set": (
        editions.parser,
        "--seed s --out o",
        {"masters": [], "seed": "s", "out": Path("o")},
        {"masters": ("", "", "MASTER"), "seed": ("x", "x", None), "out": ("a/b", Path("a/b"), "FOLDER")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("command", LINES)
def test_each_word_of_a_command_means_what_it_is(command):
    """A number or a path that stays a text, a default that became another one, what must be said and may be left out."""
    parser, needed, bare, options = LINES[command]
    parser, needed = parser(), needed.split()
    assert vars(parser.parse_args(needed)) == bare and parser.prog == f"python -m momentum_lib.{command}"
    text = parser.format_help()
    assert " ".join(parser.description.split()) in " ".join(text.split())
    assert command == "grade appeal" or " ".join(parser.epilog.split()) in " ".join(text.split())
    assert {action.dest: action.metavar for action in parser._actions[1:]} == {name: row[2] for name, row in options.items()}
    for action in parser._actions[1:]:
        assert len(action.help.split()) > 1 or action.dest == "by"
        if action.option_strings:
            given, means, _ = options[action.dest]
            assert action.option_strings == [f"--{action.dest.replace('_', '-')}"]
            found = getattr(parser.parse_args([*needed, *action.option_strings, *given.split()]), action.dest)
            assert (found, type(found)) == (means, type(means))
        if action.required and action.option_strings:
            at = needed.index(action.option_strings[0])
            with pytest.raises(SystemExit):
                parser.parse_args(needed[:at] + needed[at + 2 :])
    with pytest.raises(SystemExit):
        parser.parse_args([word for word in needed if word not in ("in", "r")] + ["--else"])


def test_a_new_set_is_written_of_all_public_masters_in_their_order(monkeypatch, tmp_path, capsys):
    """The folder's own order, which is another one on each machine; a set without masters that looks like a success."""
    written = []
    monkeypatch.setattr(editions, "new_set", lambda path, key, out: written.append((path, out)) or [f"made of {path}"])
    public = SimpleNamespace(glob=lambda pattern: [Path("2.ipynb"), Path("1.ipynb")] if pattern == "[0-9]*.ipynb" else [])
    monkeypatch.setattr(editions, "PUBLIC", public)
    words = ["--seed", "a text that nobody else knows", "--out", str(tmp_path)]
    assert editions.main(words) == 0
    assert written == [(Path("1.ipynb"), tmp_path), (Path("2.ipynb"), tmp_path)]
    said = capsys.readouterr().out
    assert said.startswith("made of 1.ipynb\nmade of 2.ipynb\nEach edition") and str(tmp_path) in said
    assert editions.main(["own.ipynb", *words]) == 0 and written[2:] == [(Path("own.ipynb"), tmp_path)]
    monkeypatch.setattr(editions, "PUBLIC", SimpleNamespace(glob=lambda pattern: []))
    assert editions.main(words) == 2 and "the library has no masters beside it" in capsys.readouterr().err


def test_an_autograders_programs_may_be_run_and_its_results_not():
    with zipfile.ZipFile(io.BytesIO(gradescope.archive({7: {"score": 1}}))) as made:
        modes = {entry.filename: entry.external_attr >> 16 for entry in made.infolist()}
        assert {entry.date_time for entry in made.infolist()} == {(2020, 1, 1, 0, 0, 0)}, "the same bytes at any time"
    assert modes == {"setup.sh": 0o755, "run_autograder": 0o755, "results/7.json": 0o644}


def test_words_at_the_very_top_stand_beside_what_is_there_alone():
    """Nothing of the master's above them: they belong to its first cell, if that is an essay, and to no other."""
    cell = lambda role, name: SimpleNamespace(role=role, question=name, id=name, shown=name)
    told = grading.Submission(None, "d", [], {}, [("mine", "", "my words")])
    below = [cell("text", "t"), cell("essay", "q"), cell("essay", "r")]
    for cells_of_it, found in ((below, {}), (below[1:], {"q": "my words"})):
        master = SimpleNamespace(cells=cells_of_it)
        assert grading.words_beside(master, told) == found


def test_a_text_of_the_masters_is_known_by_its_words_under_any_name():
    """As Colab hands it back, with another id: what follows it stands beside the essay, and it does not."""
    cell = lambda role, name, shown: SimpleNamespace(role=role, question="q" if role == "essay" else "", id=name, shown=shown)
    master = SimpleNamespace(
        cells=[cell("text", "t", "\n## 1. Why?  \n"), cell("essay", "e", "*Here.*"), cell("text", "u", "## 2.")]
    )
    told = [
        ("x1", "", " ## 1. Why? \n"),
        ("x2", "q", "Since."),
        ("x3", "", "\n And so. \n"),
        ("x4", "", "## 2."),
        ("x5", "", "No more."),
    ]
    assert grading.words_beside(master, grading.Submission(None, "d", [], {}, told)) == {"q": "And so."}


def test_a_text_of_numpys_crosses_as_a_text():
    assert type(wire.encode(np.str_("a"))) is str and type(answers.crossed("x", np.str_("a"))) is str


def test_what_is_no_python_is_read_as_ipython_reads_it_and_nothing_else_is():
    shell = SimpleNamespace(user_ns={}, transform_cell=lambda source: "read = 1")
    assert cells.Cells(shell).plain("%magic") == "read = 1" and cells.Cells(shell).plain("x = 1") == "x = 1"
    assert cells.Cells().plain("%magic") == "%magic"


def test_a_nursery_makes_one_shell_for_all_its_children(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = []
    monkeypatch.setattr("momentum_lib.grade.notebook.make_shell", lambda: made.append(object()) or made[-1])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nursery = worker.Nursery(theirs, {}, False)
    shells = []
    for _ in range(2):
        ours.send(wire.dumps({"op": "shell"}))
    monkeypatch.setattr(nursery, "end", lambda: shells.append(nursery.shell) or 0)
    ours.send(wire.dumps({"op": "end"}))
    ours.shutdown(socket.SHUT_WR)
    nursery.serve()
    assert len(made) == 1 and nursery.shell is shells[0] is made[0] and json.loads(ours.recv(100)) == {"code": 0}
    ours.close()
    theirs.close()


def test_results_inside_the_folder_are_no_submissions_however_the_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("in/ada.ipynb", "in/out/bob.ipynb"):
        small.write(tmp_path / name.rpartition("/")[0], {}, name.rpartition("/")[2])
    for place in ("in", tmp_path / "in"):
        found, left_out = folder.find(place, tmp_path / "master.ipynb", tmp_path / "in" / "out")
        assert [path.name for path in found] == ["ada.ipynb"] and left_out == []


def test_adam_with_eps_under_the_root_takes_its_first_step_by_the_gradient_itself():
    """At the first step the corrected averages are the gradient and its square."""
    zero = np.zeros(1)
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 7.0}
    theta, _ = misconceptions._root_outside(np.array([2.0]), np.array([3.0]), (zero, zero), hyper, 1)
    np.testing.assert_allclose(theta, 2 - 0.1 * 3 / np.sqrt(9 + 7.0), rtol=1e-12)
    theta, _ = misconceptions._root_outside(np.array([2.0]), np.array([3.0]), (zero, zero), hyper, 3)
    np.testing.assert_allclose(theta, 2 - 0.1 * 0.3 / 0.271 / np.sqrt(0.09 / 0.029701 + 7.0), rtol=1e-12)


def test_a_list_of_whole_numbers_counts_as_an_array_of_numbers():
    assert checks.listed([1, 2]).dtype == checks.listed((np.int64(1), 2.5)).dtype == np.float64
    assert checks.listed(["1"]) == ["1"] and checks.listed([True]) == [True] and checks.listed(3) == 3


def test_the_texts_of_a_notebook_are_read_wherever_they_stand():
    cell = {"source": ["a = 1\n", "b = 2"], "outputs": [], "metadata": {"tags": ["x"], "n": 3}}
    assert list(problem_set.strings({"cells": [cell], "kernel": "python"})) == ["a = 1\nb = 2", "x", "python"]
    assert list(problem_set.strings([["a", 1, ["b", "c"], []], "d"])) == ["a", "bc", "d"], "a list of other things, too"


def test_adam_without_correction_begins_with_the_averages_as_they_are():
    """At the first step they are a tenth of the gradient and a hundredth of its square."""
    zero = np.zeros(1)
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 7.0}
    theta, (m, s) = misconceptions._biased_adam(np.array([2.0]), np.array([3.0]), (zero, zero), hyper, 1)
    np.testing.assert_allclose([theta[0], m[0], s[0]], [2 - 0.1 * 0.3 / (0.3 + 7.0), 0.3, 0.09], rtol=1e-12)


def test_a_copys_cells_are_lines_and_a_tool_may_have_written_no_metadata(tmp_path):
    notebook = small.small_set()
    notebook["cells"][3]["metadata"] = None
    notebook["cells"][5]["metadata"] |= {"tags": ["x"], "secret": "no"}
    made = problem_set.Master(small.write(tmp_path, notebook)).student_copy()
    who = {"cell_type": "code", "id": "who", "metadata": {}, "execution_count": None, "outputs": []}
    assert made["cells"][3] == who | {"source": [problem_set.BLANK_NAME]}
    assert made["cells"][2]["source"] == ["import numpy as np\n", "\n", "from momentum_lib import grade, rules"]
    assert made["cells"][2]["metadata"].items() >= {"deletable": False, "editable": False}.items()
    assert set(made["cells"][5]["metadata"]) == {"nbgrader", "tags"} and made["cells"][1]["cell_type"] == "markdown"
    assert made["nbformat"] == 4 and made["nbformat_minor"] == 5 and "outputs" not in made["cells"][1]
    assert made["metadata"]["language_info"] == {"name": "python"} and made["metadata"]["kernelspec"]["name"] == "python3"
    assert problem_set.dumps({"é": [1]}) == '{\n "é": [\n  1\n ]\n}\n'
    results.write_student(tmp_path, "key", {"é": [1]})
    assert (tmp_path / "students" / "key.json").read_text("utf-8") == '{\n "é": [\n  1\n ]\n}\n'


def test_a_table_of_questions_says_who_grades():
    master = object.__new__(problem_set.Master)
    cell = lambda role, points: SimpleNamespace(role=role, question=f"q-{role}", title=f"The {role}", points=points)
    master.cells = [cell("text", 0), cell("essay", 2.5), cell("answer", 0), cell("check", 3.0)]
    assert master.questions() == [
        {"question": "q-essay", "title": "The essay", "points": "2.5", "graded by": "person"},
        {"question": "q-check", "title": "The check", "points": "3", "graded by": "check"},
    ]


def test_what_cannot_be_sent_to_a_cluster_is_graded_here_and_the_rest_there(monkeypatch, tmp_path, capsys):
    """A submission that is too large or has gone left out of the results; a line about workers that ends in an error."""
    small, large, gone = (tmp_path / f"{name}.ipynb" for name in ("small", "large", "gone"))
    small.write_bytes(b"{}")
    with open(large, "wb") as file:
        file.truncate(20 * 2**20 + 1)
    works = []
    crew = SimpleNamespace(
        in_turn=lambda work, sent: works.append(work) or ((key, ("there", *given)) for key, given in sent.items())
    )
    monkeypatch.setattr(program.cluster, "connect", lambda address: contextlib.nullcontext(crew))
    options, here = SimpleNamespace(on="dask:a", trust=False), lambda path, owner: ("here", path.name, owner)
    waiting = {"s": (small, "ada"), "l": (large, "bob"), "g": (gone, "eve")}
    for workers, words in ((2, "2 workers at dask:a."), (0, "0 workers at dask:a; they begin when one comes.")):
        crew.workers = workers
        assert dict(program.on_cluster(options, None, waiting, None, here)) == {
            "s": ("there", "small.ipynb", b"{}", "ada"), "l": ("here", "large.ipynb", "bob"), "g": ("here", "gone.ipynb", "eve"),
        }  # fmt: skip
        assert capsys.readouterr().out.strip() == words
    options.trust = True
    list(program.on_cluster(options, "master", waiting, "limits", here))
    assert [work.keywords for work in works[1:]] == [
        {"limits": None, "sandboxed": True},
        {"limits": "limits", "sandboxed": False},
    ]
    assert works[-1].func is grading.grade_sent and works[-1].args == ("master",) and capsys.readouterr()
    assert dict(program.on_cluster(options, None, {"g": (gone, "eve")}, None, here)) == {"g": ("here", "gone.ipynb", "eve")}
    assert capsys.readouterr().out == "", "nothing to send, no cluster is asked"
    monkeypatch.setattr(program, "LARGEST_FILE", 2)
    assert dict(program.on_cluster(options, None, {"s": (small, "ada")}, None, here))["s"][0] == "there", "as large as that it is"


# -- what is long is cut ---------------------------------------------------------------------------

LONG = "§" * 30_000


def reply_of(error):
    """What a check is told of an error in the student's process."""
    with pytest.raises(Wrong) as wrong:
        Remote("f", lambda request: {"error": error}, 1).call()
    return str(wrong.value)


def read_cell(tmp_path, **cell):
    """The first cell of a notebook that holds one, as it is read: (id, question, source)."""
    path = small.write(tmp_path, {"cells": [{"cell_type": "code", "source": "", "metadata": {}, **cell}]})
    return grading.read_submission(path).cells[0]


def note_on_twins(names):
    """What is said of the first of several files in one place."""
    made = {str(k): {"student": "ada", "file": name, "notes": []} for k, name in enumerate(names)}
    return folder.note_twins(made)["0"]["notes"][0]


def first_section(cell, notes=()):
    """A student's page, of a result in whose cell something stopped."""
    asked = SimpleNamespace(question="q1-check", title="One", points=2)
    said = {"question": "q1-check", "points": 0, "of": 2, "said": "No.", "look": False}
    master = SimpleNamespace(title="A set", points=(2, 0), of=lambda *roles: [asked])
    result = {"student": "s", "file": "f", "questions": [said], "cells": cell, "notes": list(notes)}
    return results.feedback_page(master, result, {}, "key").partition("<main>")[2]


CUT = {  # what is said -> (characters of it that are kept, a text that holds them)
    "a question's name": (80, lambda place: read_cell(place, metadata={"nbgrader": {"grade_id": LONG}})[1]),
    "a cell's name": (80, lambda place: read_cell(place, id=LONG)[0]),
    "a cell's name in Colab": (80, lambda place: read_cell(place, metadata={"id": LONG})[0]),
    "the kind of an error": (80, lambda place: reply_of({"kind": LONG, "text": ""})),
    "the text of an error": (500, lambda place: reply_of({"kind": "E", "text": LONG})),
    "an error where it happens": (500, lambda place: worker.describe(ValueError(LONG))["text"]),
    "its kind where it happens": (80, lambda place: worker.describe(type(LONG, (Exception,), {})())["kind"]),
    "what cannot be read": (80 - len("{'"), lambda place: says("cannot be read", answers.decoded, "f", {LONG: 1}).args[0]),
    "the kind of what cannot cross": (80, lambda place: repr(wire.Alien(LONG))),
    "an argument": (40, lambda place: checks.brief(LONG)),
    "a limit": (40, lambda place: str(pytest.raises(ValueError, sandbox.limits_of, memory=LONG).value)),
    "the last words of a sandbox": (200, lambda place: sandbox.ended(io.BytesIO(f"first\n{LONG[:900]}".encode()))),
    "people of Gradescope's": (
        200 - len("a, "), lambda place: systems.said_by({":submitters": [{":name": "a"}, {":name": LONG}]}).notes[0],
    ),
    "the names in a path": (
        200 - len(" (2), "),
        lambda place: systems.said_of(
            ("a_1_assignsubmission_file", *(f"{LONG[:150]}_{k}_assignsubmission_file" for k in (2, 3)), "h.ipynb")
        ).notes[0],
    ),
    "files of one place": (300, lambda place: note_on_twins(["a", LONG])),
    "the cell of a question": (500 - len("Err: "), lambda place: first_section({"q1": f"Err: {LONG}"})),
    "another cell": (700 - len("The cell other: "), lambda place: first_section({"other": LONG})),
    "a note": (700, lambda place: first_section({}, [LONG])),
}  # fmt: skip


@pytest.mark.parametrize("what", CUT)
def test_what_is_long_is_cut(what, tmp_path):
    """A student's text of any length in a table, on a page or in a message."""
    kept, told = CUT[what]
    assert told(tmp_path).count("§") == kept


def test_of_many_last_words_the_first_two_thousand_bytes_are_read():
    assert sandbox.ended(io.BytesIO(b"a" * 1995 + b"\nbcdefg")) == "the sandbox ended: bcde" and sandbox.ended(io.BytesIO()) == ""


def test_several_are_named_up_to_a_number():
    graded = {str(k): {"student": "ada", "file": f"file{k}"} for k in range(12)}
    with pytest.raises(ValueError, match="'ada' does not mean one submission") as several:
        appeal.find(graded, "ada")
    assert str(several.value).count("file") == 8 + 1, "and once: give the file"
    with pytest.raises(ValueError, match="'eve' does not mean one submission: none has this name"):
        appeal.find(graded, "eve")
    assert [appeal.find(graded, words) for words in ("file3", "7")] == ["3", "7"]
    assert note_on_twins([f"file{k}" for k in range(12)]).count("file") == 7, "eight, but for itself"


def test_what_a_whole_submission_brings_is_cut_and_kept_in_its_place(master, tmp_path):
    """Errors of cells, the text of an essay with what stands beside it, notes on the name: a result of one that is told."""
    told = Told(
        {
            "who": {"error": {"kind": LONG, "text": LONG, "line": 1}},
            "STUDENT": {"value": "bob"},
            "q2": [sandbox.Lost("it died"), {}],
        }
    )
    ahead = SimpleNamespace(take=lambda limits, **options: told, start=lambda limits, **options: started.append(options))
    started, notebook = [], small.with_cells({"q4": "First."})
    notebook["cells"] += [small.text(LONG, "mine"), small.text("", "nothing")]
    result = grading.grade(master, small.write(tmp_path, notebook, "a.ipynb"), "ada", ahead=ahead)
    assert (result["file"], result["set"], result["student"]) == ("a.ipynb", "set", "ada") and result["digest"]
    assert result["cells"]["who"] == f"{LONG[:80]}: {LONG[:500]}" and result["cells"]["q2"] == "it died"
    assert result["essays"] == {"q4": ("First.\n\n" + LONG)[:20000]}
    assert "STUDENT = 'bob'; it was graded with the parameters of 'ada'" in result["notes"][0]
    assert result["notes"][1:] == ["q4: words stand in a cell of the student's own beside the essay's; read both."]
    assert [question["points"] for question in result["questions"]] == [0.0] * 3 and started and told.closed
    assert (result["points"], result["of"], result["by_hand"]) == (0, 9.0, 2.0) and "again" not in result


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


@pytest.fixture
def place(tmp_path, monkeypatch):
    return small.place(tmp_path, monkeypatch)


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


# -- the two ends of a channel -----------------------------------------------------------------------


def test_why_there_is_no_sandbox(monkeypatch):
    """Not installed, installed and of no use, and a Python that does not run inside: each with its own words."""
    asked, told = [], []

    class Trial:
        def __init__(self, limits, **options):
            asked.append((limits.total, options["checked"], options["preload"], options["work"][0], options["work"][2]))
            if isinstance(told[-1], Exception):
                raise told[-1]

        __enter__, __exit__ = (lambda self: self), (lambda self, *error: None)

        def ask(self, request, seconds):
            assert (request["op"], request["source"], request["limit"], seconds) == ("run", "import numpy", 50, 55)
            return told[-1]

    monkeypatch.setattr(sandbox, "Process", Trial)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "/usr/bin/bwrap" if name == "bwrap" else None)
    refusal = sandbox.refusal.__wrapped__
    for answer, says_so in (
        ({"id": 1}, None),
        ({"error": {"text": "no numpy"}}, "the grader's Python does not work in the sandbox: no numpy"),
        (sandbox.Lost("gone"), "bubblewrap is installed and does not work here: gone"),
        (OSError("denied"), "bubblewrap is installed and does not work here: denied"),
        (sandbox.syscalls.UnknownMachine("a toaster"), "bubblewrap is installed and does not work here: a toaster"),
    ):
        told.append(answer)
        assert refusal() == says_so and asked[-1] == (60, True, ["matplotlib.font_manager"], "--bind", sandbox.WORK)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert refusal().startswith("bubblewrap (bwrap) is not installed; on Debian and Ubuntu: apt install bubblewrap")
    for why in (None, "it is Sunday"):
        monkeypatch.setattr(sandbox, "refusal", lambda why=why: why)
        if why:
            with pytest.raises(sandbox.NoSandbox, match="no sandbox: it is Sunday. Submissions are programs;.*say --trust"):
                sandbox.require_sandbox()
        else:
            sandbox.require_sandbox()


def bare_process(channel, **known):
    """A process of the grader's side with nothing behind it but a channel."""
    process = object.__new__(sandbox.Process)
    process.channel, process.buffer, process.count, process.usage = channel, b"", 0, None
    for name, value in known.items():
        setattr(process, name, value)
    return process


def test_what_is_no_answer(monkeypatch):
    """Nonsense, too much, nothing in time, and an end: each is Lost with its own words."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = bare_process(ours, usage=SimpleNamespace(over=lambda: True), last_words=lambda: "its last words")
        theirs.send(b'{"a": 1}\n[2]\nno message\n' + b"[" * 100_000 + b"\n")
        assert process._read() == {"a": 1} and process._read() == [2]
        for _ in range(2):
            with pytest.raises(sandbox.Lost, match="it answered with something that is no message"):
                process._read()
        with pytest.raises(sandbox.Lost, match="the time limit was reached"):
            process._read()
        process.usage.over = lambda: theirs.send(b"3\n") and False
        assert process._read() == 3, "one that has time is waited for"
        process.buffer = b"x" * (2 * wire.LARGEST_MESSAGE + 1)
        with pytest.raises(sandbox.Lost, match="its answer was too large"):
            process._read()
        process.buffer = b" " * (2 * wire.LARGEST_MESSAGE)
        theirs.send(b"4\n")
        assert process._read() == 4, "as large as that it may be"
        theirs.close()
        with pytest.raises(sandbox.Lost, match="its last words"):
            process._read()


def test_a_child_that_never_comes_or_goes_at_once_is_lost(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = bare_process(ours, last_words=lambda: "its last words")
        monkeypatch.setattr(sandbox, "HANG", 0.0)
        with pytest.raises(sandbox.Lost, match="no process came to be in the sandbox"):
            process.meet()
        theirs.close()
        with pytest.raises(sandbox.Lost, match="its last words"):
            process.meet()
        assert process.usage is None


def test_a_sandbox_that_makes_no_nursery_is_closed_by_whom_it_belongs_to(monkeypatch):
    closed = []

    class Dead:
        spent = False

        def nursery(self, errors):
            self.errors = errors
            raise sandbox.Lost("it ended at once")

        def close(self):
            closed.append(self)

    lent = Dead()
    with pytest.raises(sandbox.Lost, match="it ended at once"):
        sandbox.Process(sandbox.Limits(), sandbox=lent)
    assert closed == [] and lent.errors.closed
    monkeypatch.setattr(sandbox, "Sandbox", lambda limits, **options: own)
    own = Dead()
    with pytest.raises(sandbox.Lost, match="it ended at once"):
        sandbox.Process(sandbox.Limits())
    assert closed == [own] and own.errors.closed


def test_a_sandbox_that_has_gone_forks_no_child():
    process = bare_process(None, control=socket.socket(socket.AF_UNIX), last_words=lambda: "its last words")
    with process.control:
        with pytest.raises(sandbox.Lost, match="its last words"):
            process.fresh()
    process.channel.close()


def test_how_a_child_ended_is_said(monkeypatch):
    """By its processor's time, by itself, or with its whole sandbox; the channel to the nursery waits as before afterwards."""
    for code, words in ((-signal.SIGXCPU, "it used up its processor time"), (3, "the process ended by itself (code 3)")):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            theirs.send(wire.dumps({"code": code}))
            process = bare_process(None, control=ours)
            assert process.last_words() == words and ours.gettimeout() is None
            assert json.loads(theirs.recv(100)) == {"op": "end"}
    gone = SimpleNamespace(last_words=lambda: "the sandbox ended")
    for said, words in ((b"", "the sandbox ended"), (b"first\nlast\n", "the sandbox ended: last")):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.close()
        with ours:
            process = bare_process(None, control=ours, errors=io.BytesIO(said), sandbox=gone)
            process.errors.read()
            assert process.last_words() == words


def test_an_error_of_a_value_or_of_a_call_is_an_answer(mine):
    """A class whose name cannot be read, a function that stops, ends or takes too long: the worker serves on."""
    cell = "class M(type):\n    __name__ = property(lambda cls: 1 / 0)\nclass C(metaclass=M): pass\nodd = C()\n"
    cell += "def f(how):\n    if how == 'slow':\n        while True: pass\n    raise how if how is not None else SystemExit(2)\n"
    assert ask(mine, op="run", cell="c", source=cell) == {"id": 1}
    assert ask(mine, op="get", name="odd")["error"]["kind"] == "ZeroDivisionError"
    call = lambda how, **more: ask(mine, op="call", name="f", args=[how], kwargs={}, **more)["error"]
    assert call(None) == {"kind": "SystemExit", "text": "2", "line": 8} and call(1)["kind"] == "TypeError"
    assert call("slow", limit=0.05) == {"kind": "OutOfTime", "text": "the time limit was reached"}
    assert ask(mine, op="call", name="odd", args=[], kwargs={})["error"]["text"] == "odd is no function"
    built = ask(mine, op="call", name="str", args=[], kwargs={})
    assert built == {"id": 1, "missing": True}, "what a notebook has not made is not there"
    mine[0].names["ran"] = lambda program, *, also: program(2) + also(1)
    given = wire.encode(wire.Program("def g(x):\n    return 10 * x", "g"))
    assert ask(mine, op="call", name="ran", args=[given], kwargs={"also": given})["value"] == 30


def test_what_does_not_cross_back():
    """What no encoding writes: a text that is to be run, a dtype of objects or of wide numbers, a key that is none."""
    program = {"program": "def g(): return 1", "name": "g"}
    assert wire.decode(program, programs=True)() == 1 and wire.decode({"list": [program]}, programs=True)[0]() == 1
    assert wire.decode({"tuple": [program]}, programs=True)[0]() == 1
    assert wire.decode({"dict": [["g", program]]}, programs=True)["g"]() == 1
    for data, says_so in (
        (program, "not a value that may cross"), ({"list": [program]}, "not a value"), ({"float": "1e5"}, "not a value"),
        ({"scalar": 1, "dtype": "object"}, "dtype 'object' may not cross"), ({"scalar": 1, "dtype": "longdouble"}, "may not"),
        ({"array": [1], "shape": [1], "dtype": "complex64"}, "'complex64' may not cross"), ([1], "not a value that may cross"),
        ({"dict": [[{"list": []}, 1]]}, "a dictionary's keys must be strings or numbers"), ({"dict": [[None, 1]]}, "keys must"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says_so):
            wire.decode(data)
    assert [wire.decode({"dict": [[key, 1]]}) for key in ("a", 2, 0.5, True)] == [{"a": 1}, {2: 1}, {0.5: 1}, {True: 1}]
    for dtype in ("int64", "uint8", "bool", "float16", "float64"):
        found = wire.decode({"array": [0, 1], "shape": [2, 1], "dtype": dtype})
        assert found.dtype == dtype and found.shape == (2, 1) and wire.decode({"scalar": 1, "dtype": dtype}).dtype == dtype


# -- a nursery -------------------------------------------------------------------------------------


def child_that(do):
    """A process of ours that does something and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(do() or 0)
        finally:
            os._exit(9)
    return pid


def test_a_nursery_ends_its_child_and_says_how(monkeypatch, tmp_path):
    """One that ended by itself, one that does not, one that somebody else waited for, and none."""
    monkeypatch.chdir(tmp_path)
    nursery = worker.Nursery(None, {}, False)
    assert nursery.end() is None and nursery.kill() is None
    nursery.child = child_that(lambda: 5)
    os.waitid(os.P_PID, nursery.child, os.WEXITED | os.WNOWAIT)
    assert nursery.end() == 5 and nursery.child is None
    for end, code in ((nursery.end, -signal.SIGKILL), (nursery.kill, None)):
        nursery.child = pid = child_that(signal.pause)
        assert end() == code and nursery.child is None
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)
        nursery.child = pid
        assert end() is None, "somebody waited for it before"
    nursery.child = None


def test_a_work_folder_is_emptied_of_all_but_what_lay_there_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fonts.json").write_text("{}")
    outside = tmp_path.with_name(tmp_path.name + "-outside")
    outside.mkdir()
    (outside / "kept").write_text("x")
    nursery = worker.Nursery(None, {}, False)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "file").write_text("x")
    os.chmod(tmp_path / "deep", 0)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "broken").symlink_to("nowhere")
    nursery.sweep()
    assert os.listdir(tmp_path) == ["fonts.json"] and (outside / "kept").exists()
    monkeypatch.setattr(worker, "MOST_LEFT", 3)
    for k in range(4):
        (tmp_path / f"{k}").write_text("x")
    with pytest.raises(OSError, match="too many files"):
        nursery.sweep()
    os.unlink(tmp_path / "3")
    nursery.sweep()
    assert os.listdir(tmp_path) == ["fonts.json"]


# -- modules that are imported when they are first used -----------------------------------------------


def test_a_module_is_put_off_until_a_name_of_it_is_asked_for(monkeypatch, tmp_path):
    """A package and a part of it: nothing of them runs before; then all that was put off is there, under every name."""
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "__init__.py").write_text(
        "import sys\nsys.drawn_ran = getattr(sys, 'drawn_ran', []) + ['package']\nINK = 1\n"
    )
    (tmp_path / "drawn" / "part.py").write_text("import sys\nsys.drawn_ran.append('part')\nfrom . import INK\nDOUBLE = 2 * INK\n")
    (tmp_path / "plain_one.py").write_text("HERE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("drawn", "drawn.part", "plain_one"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "drawn_ran", [], raising=False)
    import plain_one

    later.postpone(("plain_one", "drawn", "drawn.part", "no_such_module", "no_such.part", "drawn.nothing"))
    assert sys.modules["plain_one"] is plain_one and not {"no_such_module", "no_such.part", "drawn.nothing"} & set(sys.modules)
    import drawn
    import drawn.part as part

    assert type(drawn) is later.Later is type(part) and drawn.part is part and sys.drawn_ran == []
    assert drawn.__file__.endswith("__init__.py") and drawn.__path__ == [str(tmp_path / "drawn")]
    assert drawn.__spec__.name == "drawn" and part.__spec__.name == "drawn.part"
    assert not hasattr(part, "__path__") and not hasattr(drawn, "__wrapped__") and sys.drawn_ran == [], "a look changes nothing"
    assert part.DOUBLE == 2 and sys.drawn_ran == ["package", "part"]
    assert drawn.INK == 1 and sys.modules["drawn"] is not drawn and sys.modules["drawn"].INK == 1
    assert sys.modules["drawn.part"].DOUBLE == 2 and drawn.part.DOUBLE == 2
    with pytest.raises(AttributeError, match="module 'drawn' has no attribute 'nonsense'"):
        drawn.nonsense  # noqa: B018
    assert sys.drawn_ran == ["package", "part"], "once"
    for name in ("drawn", "drawn.part", "plain_one"):
        sys.modules.pop(name, None)


def test_a_command_that_measures_time_runs_once():
    for text, said in (("f(x)", "f(x)"), ("-n 10 -r 5 f(x)", "  f(x)"), ("-n10 f(-n)", " f(-n)"), ("f -no 5", "f -no 5")):
        assert notebook.once("timeit", text) == f"-n 1 -r 1 {said}" and notebook.once("time", text) == text


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


def test_what_is_noticed_must_be_noticed_twice():
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
    assert len(calls) == 9, "three each: alone, together, and, since that made a difference, alone again"
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

    assert hunt(stops_together) == 4 and len(calls) == 3 + 1 + 3


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


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """The shell in which notebooks run, in this process, whose main module and folders it leaves alone."""
    for name in ("IPYTHONDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("IPYTHONDIR")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    made = notebook.make_shell()
    made.user_ns["get_ipython"] = lambda: made
    return made


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


# -- what is asked of the kernel ---------------------------------------------------------------------


class Kernel:
    """A C library that keeps what it is asked; ``no``: the names of calls that it refuses."""

    def __init__(self, *no):
        self.asked, self.no = [], no

    def __getattr__(self, name):
        def call(*arguments):
            self.asked.append((name, *(getattr(one, "value", one) for one in arguments)))
            return -1 if name in self.no else 0

        return call


def test_each_right_is_given_up_by_its_own_call(monkeypatch):
    """The numbers are the kernel's, from linux/prctl.h, sched.h, mount.h and capability.h."""
    libc, end = Kernel(), (0, 0, 0)
    syscalls.die_with_parent(libc, 9)
    syscalls.adopt_orphans(libc)
    assert libc.asked == [("prctl", 1, 9, *end), ("prctl", 36, 1, *end)]
    libc = Kernel()
    syscalls.divide(libc)
    spaces = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
    assert libc.asked == [("unshare", spaces), ("mount", b"none", b"/", None, 0x4000 | 1 << 18, None)]
    libc = Kernel()
    syscalls.mount(libc, "tmpfs", "/there", 2 | 4, "tmpfs", "size=5")
    assert libc.asked == [("mount", b"tmpfs", b"/there", b"tmpfs", 6, b"size=5")]
    libc = Kernel()
    syscalls.drop_rights(libc)
    version = struct.pack("II", 0x20080522, 0)
    assert libc.asked == [*(("prctl", 24, number, *end) for number in range(64)), ("capset", version, bytes(24))]
    for errno, tried in ((1, 1), (22, 64)):
        monkeypatch.setattr(syscalls.ctypes, "get_errno", lambda errno=errno: errno)
        libc = Kernel("prctl")
        syscalls.drop_rights(libc)
        assert len(libc.asked) == tried + 1, "who may not give one up has none; one that there is not is passed over"
    monkeypatch.setattr(syscalls.ctypes, "get_errno", lambda: 7)
    for call, words in (
        (lambda: syscalls.divide(Kernel("unshare")), "the kernel refused name spaces of one's own"),
        (lambda: syscalls.divide(Kernel("mount")), "the kernel refused a mount at /"),
        (lambda: syscalls.mount(Kernel("mount"), "a", "/b", 0), "the kernel refused a mount at /b"),
        (lambda: syscalls.drop_rights(Kernel("capset")), "the kernel refused no capabilities"),
        (lambda: syscalls.adopt_orphans(Kernel("prctl")), "the kernel refused children of children"),
        (lambda: syscalls.install(b"12345678", Kernel("prctl")), "the kernel refused the system-call filter"),
    ):
        with pytest.raises(OSError, match=words) as refused:
            call()
        assert refused.value.errno == 7


def test_a_filter_is_installed_whole_and_for_good():
    libc, programs = Kernel(), []

    def prctl(what, how, *rest):
        if what == 22:
            count, address = struct.unpack("HP", rest[0].raw[: struct.calcsize("HP")])
            programs.append((how, count, ctypes.string_at(address, 8 * count), rest[1:]))
        else:
            programs.append((what, how, *rest))
        return 0

    libc.prctl = prctl
    text = syscalls.outer("x86_64")
    syscalls.install(text, libc)
    assert programs == [(38, 1, 0, 0, 0), (2, len(text) // 8, text, (0, 0))]


@pytest.fixture
def nursing(monkeypatch, tmp_path):
    """A stem in this process, whose kernel and folder are told; it has rights to lose alone."""
    monkeypatch.chdir(tmp_path)
    done = []
    for name in ("adopt_orphans", "divide", "mount", "drop_rights", "install"):
        monkeypatch.setattr(stem.syscalls, name, lambda *given, name=name: done.append((name, *given)))
    monkeypatch.setattr(stem.syscalls, "system", lambda: "libc")
    monkeypatch.setattr(stem.syscalls, "outer", lambda: "the filter")
    monkeypatch.setattr(stem, "DEVICES", ("null", "no such device"))
    return done


def test_a_stem_prepares_a_folder_and_gives_up_its_rights(nursing, monkeypatch, tmp_path):
    """What lies in the work folder is shown in the new one; a device keeps its flags and becomes read-only."""
    ours = stem.Stem(None, {"file_size": 8192}, True)
    kept = os.statvfs("/dev/null").f_flag & (2 | 4 | 8)
    assert nursing == [("adopt_orphans", "libc"), ("mount", "libc", "none", "/dev/null", 32 | 4096 | 1 | kept)]
    nursing.clear()
    assert stem.Stem(None, {}, False).nursery is None and nursing == [], "one that is trusted has none"
    (tmp_path / "fonts.json").write_text("x")
    (tmp_path / "folder").mkdir()
    following = tmp_path.with_name(tmp_path.name + "-next")
    following.mkdir()
    monkeypatch.setattr(stem, "NEXT", str(following))
    ours.move()
    assert nursing == [
        ("divide", "libc"),
        ("mount", "libc", "tmpfs", str(following), 2 | 4, "tmpfs", "size=8192,nr_inodes=66,mode=0700"),
        ("mount", "libc", f"{tmp_path}/fonts.json", f"{following}/fonts.json", 4096),
        ("mount", "libc", str(following), str(tmp_path), 8192),
    ]
    assert os.listdir(following) == ["fonts.json"] and Path.cwd() == tmp_path
    nursing.clear()
    ours.shut()
    assert nursing == [("drop_rights", "libc"), ("install", "the filter", "libc")]


def test_a_stem_ends_the_last_nursery_and_says_whether_there_can_be_more(nursing, monkeypatch):
    """Undivided it becomes the one nursery there is; a sandbox loses its rights before, one that is trusted has none."""
    for sandboxed, divides, says_so, then in (
        (True, True, True, []), (True, False, False, ["shut", "nursed"]), (False, True, False, ["nursed"]),
    ):  # fmt: skip
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one, did = stem.Stem(theirs, {}, sandboxed), []
        monkeypatch.setattr(one, "end", lambda did=did: did.append("ended"))
        monkeypatch.setattr(one, "divide", lambda *descriptors, divides=divides: divides)
        monkeypatch.setattr(one, "shut", lambda did=did: did.append("shut"))
        monkeypatch.setattr(one, "nurse", lambda *descriptors, did=did: did.append("nursed") or [*map(os.close, descriptors)])
        reading, writing = os.pipe()
        with ours, theirs:
            socket.send_fds(ours, [wire.dumps({"op": "nursery"})], [reading, writing])
            ours.send(wire.dumps({"op": "end"}))
            ours.shutdown(socket.SHUT_WR)
            os.close(writing)
            one.serve()
            assert json.loads(ours.recv(100)) == {"divided": says_so}
        assert did == ["ended", *then] + ["ended"] * (not then)
        assert os.read(reading, 1) == b"", "nobody else holds what was handed over"
        os.close(reading)
    monkeypatch.undo()
    one = object.__new__(stem.Stem)
    one.nursery = None
    one.end()
    one.nursery = pid = child_that(signal.pause)
    one.end()
    assert one.nursery is None
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_the_last_words_of_a_nursery_are_in_its_file(tmp_path):
    """What it fails at, and what the C library says: descriptor 2 is the file that the grader reads."""
    words, (ours, theirs), control = tmp_path / "words", socket.socketpair(), socket.socketpair()[0]

    class Nursery:
        def __init__(self, *given):
            pass

        def serve(self):
            assert control.fileno() == -1, "nobody closes its number, which is another one's soon"
            os.write(2, b"of its own; ")
            raise ValueError("no more")

        def kill(self):
            os.write(2, b"; killed")

    def nurse():
        stem.Nursery = Nursery
        stem.Stem(control, {}, False).nurse(theirs.fileno(), os.open(words, os.O_CREAT | os.O_WRONLY))

    os.waitpid(child_that(nurse), 0)
    assert words.read_bytes() == b"of its own; ValueError: no more\n; killed"
    for one in (ours, theirs, control):
        one.close()


# -- processes of a pool ---------------------------------------------------------------------------


def test_a_process_of_a_pool_ends_with_its_parent_and_at_ctrl_c(monkeypatch):
    did = []

    class Thread:
        def __init__(self, target, args, daemon):
            self.run = lambda: target(*args)
            did.append(("thread", args, daemon))

        def start(self):
            did.append("started")
            self.run()

    monkeypatch.setattr(parallel.threading, "Thread", Thread)
    monkeypatch.setattr(parallel, "parent_process", lambda: SimpleNamespace(sentinel=55))
    monkeypatch.setattr(parallel, "wait_for", lambda sentinels: did.append(("waited for", sentinels)))
    monkeypatch.setattr(parallel.os, "_exit", lambda code: did.append("gone"))
    monkeypatch.setattr(parallel.signal, "signal", lambda number, handler: did.append((number, handler)))
    monkeypatch.setattr(parallel.signal, "pthread_sigmask", lambda how, which: did.append((how, which)) or "before")
    parallel.ready()
    assert did == [
        ("thread", (55,), True), "started", ("waited for", [55]), "gone", (signal.SIGINT, parallel.leave),
        (signal.SIG_UNBLOCK, {signal.SIGINT}),
    ]  # fmt: skip
    did.clear()
    with contextlib.suppress(KeyError), parallel.interruptions_later():
        did.append("inside")
        raise KeyError
    assert did == [(signal.SIG_BLOCK, {signal.SIGINT}), "inside", (signal.SIG_SETMASK, "before")]
    monkeypatch.delattr(parallel.signal, "pthread_sigmask")
    did.clear()
    with parallel.interruptions_later():
        did.append("inside")
    parallel.ready()
    assert did[0] == "inside" and did[-1] == (signal.SIGINT, parallel.leave)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    with pytest.raises(SystemExit):
        parallel.leave(signal.SIGINT, None)
    assert sys.stderr.name == os.devnull
    sys.stderr.close()


def test_tasks_of_a_process_that_died_are_tried_once_more_each_alone(monkeypatch):
    """Pools in this process: who was under way with the one that died is a suspect, and only who dies alone is named."""
    pools = []

    class Pool:
        def __init__(self, workers, mp_context, initializer):
            self.workers, self.tasks, self.ended = workers, [], None
            assert mp_context.get_start_method() == "spawn" and initializer is parallel.ready
            pools.append(self)

        def submit(self, function, *arguments):
            self.tasks.append(arguments[0])
            future = concurrent.futures.Future()
            try:
                future.set_result(function(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future

        def shutdown(self, cancel_futures):
            self.ended = cancel_futures

    def work(number, factor):
        if number in (2, 5):
            raise parallel.BrokenProcessPool
        if number == 3:
            raise KeyError(number)
        return factor * number

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Pool)
    found = dict(parallel.in_turn(work, {f"t{k}": (k, 10) for k in range(1, 7)}, 2))
    assert {key: found[key] for key in ("t1", "t4", "t6")} == {"t1": 10, "t4": 40, "t6": 60} and len(found) == 6
    assert isinstance(found["t3"], KeyError) and type(found["t2"]) is type(found["t5"]) is parallel.Died
    assert "see --jobs and --memory-mb if memory was short" in str(found["t2"])
    alone = [pool for pool in pools if pool.workers == 1]
    assert {pool.workers for pool in pools} == {1, 2} and pools[0].tasks == [1, 2] and all(pool.ended is True for pool in pools)
    assert {2, 5} <= {number for pool in alone for number in pool.tasks}
    assert len({number for pool in pools for number in pool.tasks}) == 6
    pools.clear()
    assert list(parallel.in_turn(work, {}, 2)) == [] and pools == []
    taken = parallel.in_turn(work, {"a": (1, 1), "b": (4, 1)}, 1)
    assert next(taken) == ("a", 1)
    taken.close()
    assert pools[0].ended is True and pools[0].tasks == [1], "whoever stops asking ends the pool"


def test_what_a_person_must_see_to_is_said_at_the_end(place, tmp_path, capsys):
    """Each with its number and its names, one line each: nobody's file, two for one place, a stranger, who handed nothing in."""
    places = {name: f"{name}_{number}_assignsubmission_file" for name, number in (("Ada", 1), ("Bob", 2), ("Eve", 3))}
    place.put(
        f"{places['Ada']}/a.ipynb",
        f"{places['Ada']}/again.ipynb",
        f"{places['Bob']}/b.ipynb",
        f"{places['Eve']}/e.ipynb",
        "x.zip",
    )
    sheet = tmp_path / "w.csv"
    sheet.write_text("Identifier,Grade,Maximum Grade\nParticipant 1,,11\nParticipant 2,,11\n")
    roster = place.roster("student,moodle,file\nada,1,\nbob,2,\neve,3,\nzoe,4,\n")
    assert place.run("--moodle-worksheet", sheet, *roster, "--trust") == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line and "%|" not in line]
    assert [line for line in lines if "root" not in line and "notebook/s" not in line] == [
        "No sandbox, as you asked: the submissions run with your rights.",
        "1 file is left out (all are in left-out.csv): x.zip (an archive; unpack it)",
        "1 participant does not stand in the worksheet: 3",
        f"2 stand in no import file, since several are for one place: {places['Ada']}/a.ipynb, {places['Ada']}/again.ipynb",
        "1 on the roster handed in no notebook: zoe",
    ]
    assert said.out.splitlines()[-1] == f"4 graded; the tables and pages are in {place.out}."
    assert (place.out / "moodle-worksheet.csv").read_text().splitlines()[1:] == ["Participant 1,,11", "Participant 2,9.00,11"]


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
