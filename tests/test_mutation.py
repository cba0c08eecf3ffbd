"""The tool that makes every mutant of library and live figures: what it changes, and which changes no test can notice."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest

from tests.mutation import __main__ as tool
from tests.mutation import javascript, worker
from tests.mutation.operators import applied, mutants
from tests.mutation.worker import exchange, pairs

TEXT = '''
"""A docstring is left alone."""

from dataclasses import dataclass

LIMIT = 3


@dataclass
class Grid:
    """Two fields."""

    steps: list
    errors: list

    def best(self, tol: float = 0.5):
        """The first."""
        if not self.steps or tol > LIMIT and self.errors:
            raise ValueError(f"{tol - 1} is no tolerance")
        # a comment between
        text = sorted(self.errors,
                      key=abs)
        return min(text) - 2 * -tol
'''


def changes(text=TEXT):
    return {(m.inside, m.before, m.after) for m in mutants(text)}


def test_each_operator_finds_its_places():
    """An operator that changes nothing, or a docstring, a message or an annotation."""
    found = changes()
    here = "Grid.best"
    wanted = {
        ("module", "3", "4"),
        ("Grid", "Grid", "Grid"),
        (here, "0.5", "0.75"),
        (here, "tol > LIMIT", "tol >= LIMIT"),
        (here, "tol > LIMIT", "tol <= LIMIT"),
        (here, "not self.steps", "self.steps"),
        (here, "tol > LIMIT and self.errors", "tol > LIMIT or self.errors"),
        (here, "tol > LIMIT and self.errors", "self.errors"),
        (here, "self.steps", "self.errors"),
        (here, "sorted(self.errors, key=abs)", "sorted(self.errors)"),
        (here, "min", "max"),
        (here, "min(text) - 2 * -tol", "min(text) + 2 * -tol"),
        (here, "2 * -tol", "2 / -tol"),
        (here, "-tol", "tol"),
        (here, "return min(text) - 2 * -tol", "return None"),
    } - {("Grid", "Grid", "Grid")}
    assert wanted <= found, wanted - found
    said = [before for _, before, _ in found]
    assert not any("docstring" in text or "tol - 1" == text or text == "float" for text in said)


def test_a_mutant_leaves_every_other_line_where_it_is():
    """A traceback, a source text or a coverage line that speaks of another place."""
    for mutant in mutants(TEXT):
        new = applied(mutant, TEXT)
        assert new != TEXT and ast.dump(ast.parse(new)) != ast.dump(ast.parse(TEXT))
        before, after = TEXT.splitlines(), new.splitlines()
        assert len(before) == len(after)
        inside = range(mutant.line - 1, mutant.last_line)
        assert all(a == b for k, (a, b) in enumerate(zip(before, after)) if k not in inside)


SCRIPT = """
import { show } from "./kit/dom.js";

const LIMIT = 300; // of all

/** Says 7. */
export function far({ x, size }, plot) {
  const late = plot.x(x) > LIMIT - 70,
    half = (v) => Math.max(v, size) / -2;
  if (late && !size) return null;
  plot.line({ class: "lf-5", look: "momentum", margin: { top: 11 }, share: { column: 0.5 }, "aria-hidden": "true" });
  plot.text.update(
    size,
    x,
    `${show(half(x))} left`,
    late ? -15 : 15,
    4,
  );
  return half(late ? x : size + 1).toFixed(1);
}
"""


def test_each_operator_of_the_live_figures_finds_its_places():
    """An operator that changes nothing, or an import, a class, words, or how far a label stands beside its place."""
    found = {(m.inside, m.before, m.after) for m in javascript.mutants(SCRIPT)}
    wanted = {
        ("module", "300", "450"),
        ("far", "plot.x(x) > LIMIT - 70", "(plot.x(x) >= (LIMIT - 70))"),
        ("far", "LIMIT - 70", "(LIMIT + 70)"),
        ("far", "70", "71"),
        ("far", "x", "y"),
        ("far.half", "max", "min"),
        ("far.half", "v, size", "size, v"),
        ("far.half", "Math.max(v, size) / -2", "(Math.max(v, size) * (-2))"),
        ("far.half", "-2", "2"),
        ("far", "late && !size", "(late || (!size))"),
        ("far", "late && !size", "late"),
        ("far", "late && !size", "!(late && !size)"),
        ("far", "!size", "size"),
        ("far", 'look: "momentum"', "...{}"),
        ("far", "size, x", "x, size"),
        ("far", "plot.text.update( size, x, `${show(half(x))} left`, late ? -15 : 15, 4, );", ";"),
        ("far", "late", "!(late)"),
        ("far", "size + 1", "(size - 1)"),
        ("far", "return half(late ? x : size + 1).toFixed(1);", "return;"),
    }
    assert wanted <= found, wanted - found
    said = {before for _, before, _ in found}
    assert said.isdisjoint({"7", "5", "11", "0.5", "15", "4", "show", '"aria-hidden": "true"'})
    assert not any(text.startswith(("import", "class")) for text in said)


def test_a_mutant_of_a_live_figure_can_be_read_and_leaves_every_other_line_where_it_is():
    texts = [SCRIPT, *((tool.ROOT / f"{tool.JS}/{name}.js").read_text(encoding="utf-8") for name in ("memory", "kit/curve"))]
    some = [(text, mutant) for text in texts for mutant in javascript.mutants(text)[:: 1 if text == SCRIPT else 5]]
    new = {applied(mutant, text): (mutant, text) for text, mutant in some}
    assert len(new) > 40 and new.keys().isdisjoint(texts)
    for wrong, (mutant, text) in new.items():
        before, after = text.split("\n"), wrong.split("\n")
        inside = range(mutant.line - 1, mutant.last_line)
        assert len(before) == len(after) and all(a == b for k, (a, b) in enumerate(zip(before, after)) if k not in inside)
    javascript.read(*new)  # raises where one is no JavaScript


def test_a_live_figure_asks_its_own_tests_and_those_of_all_figures_that_name_it():
    ours = tool.js_tests("noise_ball")
    assert {"tests/test_widgets_noise_ball.py", "tests/browser/test_live_noise_ball.py"} < set(ours)
    assert set(tool.SHARED) < set(ours) and "tests/test_widgets_scale.py" not in ours
    assert "tests/browser/test_live_race.py" in tool.js_tests("kit/player"), "one of the figures that import it"
    assert "tests/browser/test_live_scale.py" in tool.js_tests("memory"), "it imports Memory"
    shared = tool.SHARED[0] + "::test_it"
    about = {"": True, "[memory]": True, "[1366-memory]": True, "[euler]": False, "[memory_2]": False}
    assert {end: tool.asks(shared + end, {"memory", "scale"}) for end in about} == about
    assert tool.asks(ours[0] + "::test_it[euler]", {"noise_ball"})


def test_a_module_that_figures_share_asks_its_own_tests_and_those_of_the_figures_with_it():
    """Whoever imports what imports it has it, too; what no module imports is on every page."""
    assert tool.figures_of("memory") == tool.figures_of("memory/part") == {"memory"}
    assert tool.figures_of("kit/rotary") == {"dial"} and tool.figures_of("kit/units") == {"memory", "ribbon", "scale"}
    assert len(tool.figures_of("kit/labels")) > 20 and tool.figures_of("kit/labels") == tool.figures_of("kit/notebook")
    assert tool.units_of("kit/labels") == ["tests/test_widgets_labels.py"] and tool.units_of("memory") == []
    assert tool.units_of("kit/exit")[-1] == tool.NODE and "tests/browser/test_kit_plot.py" in tool.units_of("kit/handle")
    text = "export const a = 1;"
    covered = {
        "tests": [("tests/browser/test_kit_player.py::test_it", 1), (f"{tool.SHARED[2]}::test_what_is{tool.WHOLE}[dial]", 1)]
    }
    row = tool.job_of(f"{tool.JS}/kit/rotary.js", tool.mutants("a.js", text)[0], text, {**covered, "lines": {}})
    assert row["first"] == [covered["tests"][1][0]], "one figure has it: what tells all of it comes first"
    assert row["own"] == ["tests/browser/test_kit_player.py"] and row["tests"] == [0, 1]
    assert "tests/test_widgets_disc.py" in tool.units_of("kit/linear"), "by its short name"
    assert "tests/test_widgets_digits.py" not in tool.units_of("kit/digits"), "that is the figure's"
    assert {"tests/test_codegen.py", "tests/test_play_net.py"} < set(tool.units_of("kit/engine")), "by a script; in a second line"
    assert "tests/test_play_net.py" not in tool.units_of("kit/plane"), "so it calls another module"
    assert tool.figures_of("kit/pad") == set(), "it is part of boxes, and of no figure"
    assert "tests/test_play_grammar.py" in tool.units_of("play/grammar"), "a part of the playground"


def test_a_test_that_is_asked_first_is_asked_once():
    run = worker.Run({"jobs": [], "table": [["a", 1], ["b", 2], ["c", 3]], "budget": 4}, None)
    assert [name for name, _ in run.tests([0, 1, 2], ["b"])] == ["b", "a", "c"]


def test_living_functions_get_the_mutants_code(tmp_path):
    """A mutant that no function runs: methods, functions in functions and decorated ones among them."""
    right = "def outer(a):\n    def inner(b):\n        return a + b\n    return inner\n"
    scope = {}
    exec(compile(right, "mine.py", "exec"), scope)
    assert scope["outer"](1)(2) == 3
    assert exchange("mine.py", right, right.replace("a + b", "a - b"), [scope["outer"]])
    assert not exchange("mine.py", right + "\n", right.replace("a + b", "a - b"), []), "nothing has the right code: no mutant ran"
    assert scope["outer"](1)(2) == -1
    more = compile(right + "f = lambda: 1\n", "mine.py", "exec")
    assert pairs(compile(right, "mine.py", "exec"), more) is None


def test_what_a_module_says_is_asked_of_every_test_that_uses_the_module():
    """A constant's line runs in the test that happens to be the first to import the module, and in no other that reads it."""
    text = "LIMIT = 10\n\n\nclass Grid:\n    steps: int = 7\n\n    def best(self, tol=3):\n        return tol + 5\n"
    found = {mutant.before: mutant for mutant in mutants(text)}
    covered = {
        "tests": ["a", "b", "c", "d"],
        "lines": {"momentum_lib/mine.py": {"1": [1], "5": [1], "7": [1], "8": [2]}},
        "imported": {"momentum_lib/mine.py": []},
        "users": {"momentum_lib/mine.py": [0, 1, 2]},
    }
    tests = {before: tool.job_of("momentum_lib/mine.py", mutant, text, covered)["tests"] for before, mutant in found.items()}
    assert tests["10"] == tests["7"] == tests["3"] == [0, 1, 2] and tests["5"] == tests["tol + 5"] == [2]
    assert tool.job_of("momentum_lib/other.py", found["10"], text, covered)["tests"] == [0, 1, 2, 3], "nobody knows who uses it"


def test_what_runs_in_a_process_of_its_own_is_asked_of_those_who_start_it(monkeypatch):
    """A line of a student's process, which two tests run by hand and hundreds in the sandbox."""
    text = "def live():\n    return 5\n"
    (mutant, *_) = mutants(text)
    covered = {
        "tests": ["a", "b", "c", "d"],
        "lines": {"momentum_lib/mine.py": {"2": [1]}, "momentum_lib/starts.py": {"7": [0, 1], "9": [3], "11": []}},
        "imported": {},
        "users": {},
    }
    assert tool.job_of("momentum_lib/mine.py", mutant, text, covered)["tests"] == [1]
    monkeypatch.setattr(tool, "STARTED", {"momentum_lib/mine.py": "momentum_lib/starts.py"})
    assert tool.job_of("momentum_lib/mine.py", mutant, text, covered)["tests"] == [0, 1, 3]


SHARED = """
import pytest


@pytest.fixture(scope="module")
def made():
    print("<made>")


def test_one(made):
    print("<ran>")
"""
TIMED = """
import os, sys
from types import SimpleNamespace

import pytest

from tests.mutation import worker

worker.signal = SimpleNamespace(ITIMER_PROF=2, setitimer=lambda which, seconds: print(f"<{which}: {seconds}>"))
reads, writes = os.pipe()
limited = worker.Limited({"seconds": [["test_it.py::test_one", 0.5]]}, writes)
code = pytest.main(["-s", "-p", "no:cacheprovider", "--rootdir=.", "test_it.py"], plugins=[limited])
os.close(writes)
print(f"<{int(code)} {os.read(reads, 99).decode().strip()}>")
"""


def test_a_test_is_not_late_by_what_it_shares(tmp_path):
    """A quick test stopped while what its file shares is made for it, which the slow first test of the file once paid for."""
    (tmp_path / "test_it.py").write_text(SHARED, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tool.ROOT)}
    done = subprocess.run([sys.executable, "-c", TIMED], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert re.findall(r"<(.*?)>", done.stdout) == ["made", "2: 8.0", "ran", "2: 0", "0 test_it.py::test_one"], done.stderr


COVERED = """
from types import SimpleNamespace

import pytest

from tests.mutation import worker

plugin = worker.Cover(SimpleNamespace(switch_context=lambda name: None))
pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir=.", "test_it.py"], plugins=[plugin])
print(f"<{sorted(name for name, seconds in plugin.seconds.items() if seconds > 0.4)} of {len(plugin.seconds)}>")
"""
SLOW = """
import time

import pytest


@pytest.fixture(scope="module")
def made():
    time.sleep(0.5)


def test_first(made):
    pass


def test_slow(made):
    time.sleep(0.5)
"""


def test_what_is_made_for_several_tests_is_not_the_time_of_the_first(tmp_path):
    """A browser that is started for a file made its first test too dear to ask."""
    (tmp_path / "test_it.py").write_text(SLOW, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tool.ROOT)}
    done = subprocess.run([sys.executable, "-c", COVERED], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert re.findall(r"<(.*?)>", done.stdout) == ["['test_it.py::test_slow'] of 2"], done.stderr


def test_a_mutant_that_many_tests_ask_is_not_taken_for_one_that_hangs():
    """Thousands of tests begun, more than a pipe holds: whoever tells of them waits for nobody."""

    def child(job, plugin):
        for number in range(3000):
            os.write(plugin.report, f"tests/test_of_a_long_name_{'x' * 40}.py::test_{number}\n".encode())
        return 0

    ended, last = worker.forked({"seconds": [["a test", 0.0]]}, child)
    assert ended == "survived" and last.endswith("::test_2999")


def test_every_equivalent_mutant_is_there_and_has_its_reason():
    """A row that excuses a mutant of a text that has changed since."""
    rows = json.loads(tool.EQUIVALENT.read_text(encoding="utf-8"))
    assert rows
    for path, keys in rows.items():
        known = {mutant.key for mutant in tool.mutants(path, (tool.ROOT / path).read_text(encoding="utf-8"))}
        for key, why in keys.items():
            assert key in known, f"{path} has no mutant {key!r} any more: take its row out of {tool.EQUIVALENT.name}"
            assert len(why.split()) > 4, (path, key)


def test_every_module_has_mutants_that_can_be_read():
    """An operator that writes what Python does not read."""
    for path in ("momentum_lib/sweep.py", "momentum_lib/rules/momentum.py", "momentum_lib/grade/wire.py"):
        text = (tool.ROOT / path).read_text(encoding="utf-8")
        for mutant in mutants(text)[::7]:
            ast.parse(applied(mutant, text))


@pytest.mark.parametrize("found, of, low, high", [(95, 100, 0.888, 0.978), (0, 10, 0, 0.278), (10, 10, 0.722, 1)])
def test_the_interval_is_wilsons(found, of, low, high):
    """Golden values: Wilson 1927, as in Brown, Cai and DasGupta 2001."""
    assert tool.interval(found, of) == pytest.approx((low, high), abs=6e-4)


def test_make_says_what_the_command_takes():
    """`make mutants` with each of its choices."""
    for choices in ([], ["P=rules theory"], ["N=3"], ["P=js/memory", "N=3"], ["P=optim", "N=3", "AGAIN=1"]):
        said = subprocess.run(
            ["make", "-n", "mutants", *choices], cwd=tool.ROOT, capture_output=True, text=True, check=True
        ).stdout
        chosen = tool.options().parse_args(re.search(r"tests\.mutation (.*)", said)[1].split())
        assert chosen.what[-1] == "survivors" and len(chosen.what) > 1 and chosen.again == ("AGAIN=1" in choices)
        assert chosen.sample == (3 if "N=3" in choices else 0)


@pytest.mark.parametrize("group", ["optim", "train", "grade", "networks", "theory"])
def test_a_group_asks_every_test_of_its_name(group):
    own = {path.relative_to(tool.ROOT).as_posix() for path in (tool.ROOT / "tests").glob(f"test_{group}*.py")}
    own = {name for name in own if not name.endswith("_mutants.py")}  # tests of tests
    assert own and own <= set(tool.TESTS["basic" if group == "theory" else group])
