"""The grader broken on purpose: a hole in the sandbox, a loose comparison, a word not escaped. The property beside each must
notice.
"""

import ast
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import grading as small
import numpy as np
import pytest
import test_grade_checks as checks
import test_grade_hostile as hostile
import test_grade_results as tables
import test_grade_sandbox as walls
from mutants import NOTICED, Swap, run
from syntax import python_mutant

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import answers, editions, problem_set, results, sandbox, wire
from momentum_lib.grade import checks as library
from momentum_lib.grade import grading as grader


def folder():
    """A place of its own for a property that writes files."""
    return Path(tempfile.mkdtemp(prefix="grade-mutant-"))


# -- properties that no other test file has as a function of its own ------------------------------------


def ask(source, name, limits=hostile.QUICK):
    """What a name is after some code ran in the sandbox."""
    with sandbox.Process(limits, checked=True) as process:
        reply = process.ask({"op": "run", "cell": "c", "source": source, "limit": limits.cell}, limits.cell + 2)
        assert "error" not in reply, reply
        return process.ask({"op": "get", "name": name}, 2).get("value")


def the_environment_is_not_handed_on():
    os.environ["GRADE_CANARY"] = "secret"
    try:
        assert ask("import os\nseen = 'GRADE_CANARY' in os.environ", "seen") is False
    finally:
        del os.environ["GRADE_CANARY"]


def files_are_counted():
    """An empty file takes the kernel's memory and no room: a folder of 16 MB holds some thousands."""
    source = "left = 0\ntry:\n    for left in range(20000): open(str(left), 'w').close()\nexcept OSError: pass"
    assert ask(source, "left", sandbox.limits_of(cell=5, disk=2**24)) < 5000


def the_stems_rights_are_gone():
    assert ask(walls.RIGHTS, "found") == walls.NO_RIGHTS


def an_edition_is_what_its_key_says():
    """Two keys share no number, two names of one key neither, and what has two values left takes the other one."""
    made = small.small_set()
    given = small.code("a = 1\nb = 1\n", "two-given", small.role("two-given"))
    given["metadata"]["draws"] = {"a": {"whole": [1, 10**9]}, "b": {"whole": [1, 10**9]}}
    coin = small.code("c = 1\n", "coin", small.role("coin"))
    coin["metadata"]["draws"] = {"c": {"whole": [1, 2]}}
    made["cells"] += [small.text("## 5. Two", "two-text"), given, coin]
    master, seen = problem_set.Master(small.write(folder(), made)), []
    for n in range(8):
        names = {}
        for cell in editions.edition(master, bytes([n]) * 32)["cells"][-2:]:
            exec(cell["source"], names)
        assert names["c"] == 2
        seen += [names["a"], names["b"]]
    assert len(set(seen)) == 16


def a_short_seed_is_refused():
    with pytest.raises(ValueError, match="allowed: 12 or more"):
        editions.key_of("monday")


def nothing_but_python_is_shown():
    here = str(Path(__file__).resolve())
    assert ask(f"import os\nseen = os.path.exists({here!r}) or os.path.exists('/etc/passwd')", "seen") is False


def the_disk_is_small():
    source = """
import os
left = 0
try:
    for number in range(40):
        with open(f"{number}", "wb") as file:
            left += file.write(b"0" * 10**6)
except OSError:
    pass
"""
    assert ask(source, "left", sandbox.limits_of(cell=5, disk=8 * 2**20)) < 2**24


def memory_is_limited():
    source = "try:\n    hoard = bytearray(10**9)\n    got = True\nexcept MemoryError:\n    got = False"
    assert ask(source, "got", sandbox.limits_of(cell=5, memory=900 * 2**20)) is False


def time_is_not_swallowed():
    source = "import time\ntry:\n    time.sleep(30)\nexcept Exception:\n    pass"
    with sandbox.Process(sandbox.limits_of(cell=1), checked=True) as process:
        reply = process.ask({"op": "run", "cell": "c", "source": source, "limit": 0.3}, 5)
    assert reply.get("error", {}).get("kind") == "OutOfTime"


def a_change_in_place_is_seen():
    with sandbox.Process(hostile.QUICK, checked=True) as process:
        process.ask({"op": "run", "cell": "c", "source": "def f(x):\n    x *= 2\n    return x", "limit": 2}, 4)
        remote = answers.Remote("f", lambda request: process.ask(request, 4), 2)
        with pytest.raises(answers.Wrong, match="in place"):
            remote.call(np.ones(2))


def a_rate_that_is_off_by_a_thousandth_is_wrong():
    def mine(theta, grad, v, *, lr, beta):
        v = beta * v + grad
        return theta - 1.001 * lr * v, v

    with pytest.raises(answers.Wrong):
        library.update_rule(mine, "heavy_ball", lr=0.02, beta=0.8)


def a_path_of_nan_is_no_known_mistake():
    def mine(theta, grad, v, *, lr, beta):
        return theta * np.nan, v

    with pytest.raises(answers.Wrong) as wrong:
        library.update_rule(mine, "heavy_ball", lr=0.02, beta=0.8)
    assert wrong.value.why is None


def points_stay_within_the_question():
    checker = grader.Checker(small.master(folder()), "ada", None)
    for value, points in (("99.0", 3), ("-99.0", 0), ("1.5", 1.5), ("'fine'", 3), ("True", 3)):
        hidden = f"### BEGIN HIDDEN TESTS\n{value}\n### END HIDDEN TESTS"
        assert checker.grade(problem_set.Cell("c", "code", "check", "q", 3.0, hidden))["points"] == points


def the_masters_given_cells_run():
    master = small.master(folder())
    changed = small.with_cells({"imports": "import sys; sys.exit()", "q1-check": "1 / 0"})
    submission = grader.read_submission(small.write(folder(), changed))
    cells = {label: source for label, source, _ in grader.cells_to_run(master, submission)}
    assert "import numpy" in cells["imports"] and "q1-check" not in cells and "setup" not in cells


def every_word_is_escaped():
    bad = hostile.MARKUP
    question = {"question": "q1-check", "title": bad, "points": 0.0, "of": 3.0, "said": bad, "why": None, "look": False}
    result = {"file": bad, "student": bad, "questions": [question], "notes": [bad], "cells": {"c": bad}, "unreadable": bad}
    page = results.feedback_page(small.master(folder()), result, {("key", "q4"): (1.0, bad)}, "key")
    assert "<script" not in page and "<img" not in page
    assert "<script" not in results._section(bad, 0.0, 3.0, "")


def only_what_is_unchanged_is_kept():
    place = folder()
    master = small.master(place)
    old = {"digest": grader.file_digest(master.path), "master": master.digest, "owner": "ada"}
    assert program.still_good(old, master.path, master, "ada")
    for change in ({"digest": "x"}, {"master": "x"}, {"owner": None}, {"again": True}):
        assert not program.still_good(old | change, master.path, master, "ada"), change


def a_leak_is_found():
    for where in ("source", "metadata", "outputs"):
        tables.test_a_leak_is_found_wherever_it_is(folder(), where)
    master = small.master(folder())
    copy = master.student_copy()
    copy["cells"][3]["source"] = '# try grade.update_rule(my_step, "heavy_ball", lr=0.03, beta=0.7, steps=30) first'
    assert problem_set.leaks(master, copy)


def no_copy_leaks():
    tables.test_the_copy_holds_no_solution_and_no_hidden_test(folder())


def what_is_no_number_is_told():
    for value in (True, "3", None, [1.0], np.array([1.0, 2.0]), float("nan")):
        with pytest.raises(answers.Wrong):
            answers.as_number("x", wire.decode(wire.encode(value)))


def objects_and_programs_do_not_cross():
    for data in (
        {"array": [1], "shape": [1], "dtype": "object"},
        {"program": "f = 1", "name": "f"},
        {"dict": [[{"list": []}, 1]]},
    ):
        with pytest.raises(ValueError):
            wire.decode(data)


def spreadsheets_are_read():
    tables.test_points_by_hand_read_as_spreadsheets_save_them(folder())


def folders_that_are_shown_are_named():
    assert sandbox.readable_from_inside(Path(sys.prefix) / "x") and not sandbox.readable_from_inside(tempfile.gettempdir())


# (where, right text, wrong text, what is wrong, the property that must fail, its arguments)
MUTANTS = [
    ("sandbox",
     '["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]',
     '["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]',
     "the network is there", hostile.test_no_socket_of_the_machine_is_reached, ()),
    ("sandbox",
     '["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]',
     '["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]',
     "the instructor's environment is handed on", the_environment_is_not_handed_on, ()),
    ("sandbox", '["--chdir", WORK, "--seccomp", str(filter_fd)]', '["--chdir", WORK]',
     "no system-call filter", walls.test_the_flags_of_the_sandbox, ()),
    ("sandbox", '("/dev/pts", "/dev", "/")', '("/dev/pts", "/")',
     "memory without limit in /dev", hostile.test_what_no_answer_needs_is_not_within_reach, ()),
    ("sandbox", '("/dev/pts", "/dev", "/")', '("/dev/pts", "/dev")',
     "memory without limit in /", hostile.test_what_no_answer_needs_is_not_within_reach, ()),
    ("sandbox",
     '["--dev", "/dev", "--size", str(limits.disk), "--tmpfs", WORK, *work]',
     '["--proc", "/proc", "--dev", "/dev", "--size", str(limits.disk), "--tmpfs", WORK, *work]',
     "/proc is shown", hostile.test_what_no_answer_needs_is_not_within_reach, ()),
    ("sandbox", '"/etc/ld.so.cache"', '"/etc"',
     "/etc is shown", nothing_but_python_is_shown, ()),
    ("sandbox",
     '["--dev", "/dev", "--size", str(limits.disk), "--tmpfs", WORK, *work]',
     '["--dev", "/dev", "--tmpfs", WORK, *work]',
     "a disk without limit", the_disk_is_small, ()),
    ("sandbox",
     '[Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), Path(sys.base_prefix), Path(sys.prefix), PACKAGE]',
     '[Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), PACKAGE]',
     "results may lie beside Python", folders_that_are_shown_are_named, ()),
    ("checks", "CLOSE = 1e-9", "CLOSE = 1e-2",
     "a loose comparison of paths", a_rate_that_is_off_by_a_thousandth_is_wrong, ()),
    ("checks", "same(a, b) and same(b, a)", "same(a, b)",
     "NaN is every mistake", a_path_of_nan_is_no_known_mistake, ()),
    ("checks.bug_hunt", "noticed == 0", "noticed < 0",
     "a test that finds nothing is praised", checks.test_a_bug_hunt_that_cries_wolf_or_sleeps_earns_nothing, ()),
    ("checks", "f\"{student.strip().lower()}\\n{name}\"", 'f"{student.strip().lower()}"',
     "one parameter for all questions", checks.test_a_parameter_depends_on_the_student_and_the_question_and_nothing_else, ()),
    ("checks.curve", "np.abs(value - measured)", "value - measured",
     "a drawing above here and below there is no error", checks.test_a_drawn_curve_is_scored_by_its_mean_distance, (0.5, 3)),
    ("checks.curve", "(far - error) / (far - close)", "(far - error) / far",
     "near is not near enough", checks.test_a_drawn_curve_is_scored_by_its_mean_distance, (0.25, 4)),
    ("checks.curve", "distance.max() <= (close / 100 if copied is None else copied)", "distance.max() < 0",
     "the measurement handed in as a prediction", checks.test_a_curve_that_was_copied_from_the_run_earns_nothing, ()),
    ("checks.properties", "if not holds(student.call):\n    raise Wrong(f\"{student.name}: this must hold, and does not: {sentence}\", why=sentence)", "pass",
     "conditions are not asked",
     checks.test_a_condition_that_fails_takes_all_points_and_so_does_a_table_without_a_row_that_holds, ()),
    ("checks.properties", "points * kept / len(rows)", "points",
     "one row is worth all", checks.test_a_table_of_properties_pays_each_row, ()),
    ("editions", 'f"{self.label}\\n{next(self.number)}"', 'f"{next(self.number)}"',
     "one draw for all names", an_edition_is_what_its_key_says, ()),
    ("editions", 'hmac.digest(self.key, f"{self.label}\\n{next(self.number)}".encode(), "sha256")',
     'hmac.digest(b"open", f"{self.label}\\n{next(self.number)}".encode(), "sha256")',
     "the key decides nothing", an_edition_is_what_its_key_says, ()),
    ("editions.drawn", "values[name] == practice", "False",
     "a number of the practice edition stays", an_edition_is_what_its_key_says, ()),
    ("editions", "len(seed.strip()) < SHORTEST_SEED", "False",
     "seeds that can be tried out", a_short_seed_is_refused, ()),
    ("grading", "min(float(value), cell.points)", "float(value)",
     "more points than there are", points_stay_within_the_question, ()),
    ("grading", "max(0.0, min(float(value), cell.points))", "min(float(value), cell.points)",
     "less than none", points_stay_within_the_question, ()),
    ("grading", 'label if seen[label] == 1 else f"{label} ({seen[label]})", given.get(question, source), question', "label, source, question",
     "a student's given cells run", the_masters_given_cells_run, ()),
    ("grading", "question not in checks and name != SETUP", "name != SETUP",
     "a student's check cells run", the_masters_given_cells_run, ()),
    ("results", "linked(html.escape(said))", "linked(said)",
     "a sentence not escaped", every_word_is_escaped, ()),
    ("results._section",
     ("(f\"<section class='{'part' if points is None else grade}'><h2>{html.escape(title)} <span class='poin"
      "ts'>{shown} / {of:g}</span></h2>\"\n"
      'f"<p>{linked(html.escape(said))}</p></section>")'),
     ("(f\"<section class='{'part' if points is None else grade}'><h2>{title} <span class='points'>{shown} /"
      " {of:g}</span></h2>\"\n"
      'f"<p>{linked(html.escape(said))}</p></section>")'),
     "a title not escaped", every_word_is_escaped, ()),
    ("results", "say(str(note)[:700])", "str(note)[:700]",
     "a note not escaped", every_word_is_escaped, ()),
    ("results", "say(result['student'] or result['file'])", "result['student'] or result['file']",
     "a name not escaped", every_word_is_escaped, ()),
    ("results", '("=", "+", "-", "@")', '("=", "+", "-")',
     "a formula in a table", hostile.test_a_table_holds_no_formula, (None,)),
    ("results", 'path.read_text("utf-8-sig")', 'path.read_text("utf-8")',
     "a spreadsheet's mark is read as a name", spreadsheets_are_read, ()),
    ("results", 'points > most[row["question"]]', 'points > 10 * most[row["question"]]',
     "more points by hand than there are", spreadsheets_are_read, ()),
    ("problem_set",
     r'r"^[ \t]*### BEGIN HIDDEN TESTS[^\n]*\n.*?^[ \t]*### END HIDDEN TESTS[^\n]*(\n|\Z)"',
     r'r"^[ \t]*### BEGIN HIDDEN TEST[^\nS]*\n.*?^[ \t]*### END HIDDEN TESTS[^\n]*(\n|\Z)"',
     "hidden tests are not found", no_copy_leaks, ()),
    ("problem_set", "if self.role == \"essay\":\n    return BLANK_ESSAY", "if self.role == \"essay\":\n    return self.source",
     "a model answer is handed out", no_copy_leaks, ()),
    ("problem_set",
     '{"cell_type": cell.kind, "id": cell.id, "metadata": kept, "source": cell.shown.splitlines(keepends=True)}',
     '{"cell_type": cell.kind, "id": cell.id, "metadata": {"was": cell.source}, "source": cell.shown.splitlines(keepends=True)}',
     "the source stands in the metadata", no_copy_leaks, ()),
    ("problem_set", "len(line) > 8", "len(line) > 99",
     "short secrets are no secrets", a_leak_is_found, ()),
    ("problem_set", "len(line) > 24 and line in everything", "False",
     "a secret inside a longer line", a_leak_is_found, ()),
    ("__main__", 'old.get("digest") == file_digest(path)', "True",
     "a changed submission keeps its points", only_what_is_unchanged_is_kept, ()),
    ("__main__", 'old.get("master") == master.digest', "True",
     "a changed master changes nothing", only_what_is_unchanged_is_kept, ()),
    ("__main__", 'not old.get("again")', "True",
     "what the grader failed at stays so", only_what_is_unchanged_is_kept, ()),
    ("parallel", "suspects | under_way", "suspects",
     "those under way are lost", tables.test_a_process_that_dies_stops_none_of_the_others, ()),
    ("answers.call", "reject_changes(self.name, changed)", "None",
     "a change in place passes", a_change_in_place_is_seen, ()),
    ("answers", "type(value) not in (int, float)", "not isinstance(value, (int, float))",
     "True is a number", what_is_no_number_is_told, ()),
    ("wire", 'dtype.kind not in "biuf"', 'dtype.kind not in "biufO"',
     "objects cross", objects_and_programs_do_not_cross, ()),
    ("wire",
     "case {\"program\": str(source), \"name\": str(name)} if programs:\n    return Program(source, name).build()",
     "case {\"program\": str(source), \"name\": str(name)}:\n    return Program(source, name).build()",
     "programs run where the score is kept", objects_and_programs_do_not_cross, ()),
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant[0]}: {mutant[3]}")
def test_a_broken_grader_is_noticed(mutant):
    """A mutant that the property meant for it lets pass."""
    where, right, wrong, _, test, arguments = mutant
    sandbox.refusal()  # tried once, with the sandbox as it should be
    with Swap("momentum_lib.grade", where, right, wrong, [hostile, walls, checks, tables, sys.modules[__name__], small]):
        vars(sandbox)["refusal"] = lambda: None
        vars(sandbox)["may_divide"] = lambda: False  # a sandbox that is divided has second walls behind bubblewrap's
        with pytest.raises((*NOTICED, OSError, KeyError)):
            run(test, arguments)


# (where, right text, wrong text, what is wrong, property)
IN_THE_WORKER = [
    ("worker", "(resource.RLIMIT_AS, memory)", "(4, 0)",
     "memory without limit", memory_is_limited),
    ("syscalls", "REFUSE | EAGAIN", "ALLOW",
     "processes may be started", hostile.test_what_no_answer_needs_is_not_within_reach),
    ("syscalls", "REFUSE | EPERM", "ALLOW",
     "the filter lets through what it lists", hostile.test_what_no_answer_needs_is_not_within_reach),
    ("worker.OutOfTime", "BaseException", "Exception",
     "the time limit can be swallowed", time_is_not_swallowed),
    ("worker", "encode(a) != encode(b)", "False",
     "changes in place are not seen", a_change_in_place_is_seen),
    ("stem.shut", "syscalls.drop_rights(self.libc)", "None",
     "a submission has the stem's rights", the_stems_rights_are_gone),
    ("stem.shut", "syscalls.install(syscalls.outer(), self.libc)", "None",
     "a submission may ask for what the stem may", hostile.test_what_no_answer_needs_is_not_within_reach),
    ("syscalls.divide", "libc.unshare(NAME_SPACES)", "libc.unshare(NAME_SPACES & ~0x08000000)",
     "submissions share what keeps shared memory apart", walls.each_submission_has_name_spaces_of_its_own),
    ("stem.move", 'f"size={size},nr_inodes={size // ENTRY + 64},mode=0700"', '"mode=0700"',
     "a submission's folder has no limit", the_disk_is_small),
    ("stem.move", 'f"size={size},nr_inodes={size // ENTRY + 64},mode=0700"', 'f"size={size},mode=0700"',
     "a submission's folder holds any number of files", files_are_counted),
    ("stem.protect_devices", "syscalls.MS_RDONLY", "0",
     "root's submissions change the machine's devices", walls.test_the_devices_of_the_machine_stay_as_they_are),
]  # fmt: skip


@contextmanager
def a_worker_with(where, right, wrong):
    """The sandbox shows a copy of the library whose worker has another text."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "momentum_lib"
        shutil.copytree(sandbox.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "widgets"))
        path = copy / "grade" / f"{where.partition('.')[0]}.py"
        path.write_text(ast.unparse(python_mutant(path.read_text("utf-8"), where, right, wrong)), "utf-8")
        kept, sandbox.PACKAGE = sandbox.PACKAGE, copy
        try:
            yield
        finally:
            sandbox.PACKAGE = kept


@pytest.mark.parametrize("mutant", IN_THE_WORKER, ids=lambda mutant: mutant[3])
def test_a_broken_worker_is_noticed(mutant):
    where, right, wrong, _, test = mutant
    with a_worker_with(where, right, wrong), pytest.raises(NOTICED):
        test()


def test_the_right_grader_passes_every_property():
    """A swap that leaves something broken, or properties that would fail whatever the grader does."""
    for test, arguments in dict.fromkeys(
        [(mutant[4], mutant[5]) for mutant in MUTANTS] + [(row[4], ()) for row in IN_THE_WORKER]
    ):
        run(test, arguments)
