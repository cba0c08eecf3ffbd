"""What a question costs: which cells it needs, and what the worker that runs them answers."""

import math
import sys

import numpy as np
import pytest
from grading_parts import ask

from momentum_lib.grade import (
    cells,
    later,
    notebook,
    wire,
)

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
    for made in ("other = want", "row = other = want[0]", "other = [want] + [3]", "other = [x for x in (want, 2)]",
                 "other = dict(k=want)", "other = list((want,))", "other = copy.copy([want])", "other = Box(want)",
                 "other = np.flip(want)", "other = want.get('a')", "other = f(x=want)", "other = {1: want}"):  # fmt: skip
        for change in ("other += 5", "other[0] *= 2", "other -= y * g"):
            assert needed("want, y = [1], 0", made, change, "z = 4") == [0, 1, 2], (made, change)
    for made in (
        "other = len(want)",
        "other = float(want[0])",
        "other = sum(want)",
        "other = want[0] + 1",
    ):
        assert needed("want = [1]", made, "other += 2", "z = 4") == [0], made
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
