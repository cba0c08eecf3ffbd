"""Notebooks, results and people: who is whose, what a reader of a report sees, and where long words are cut."""

import contextlib
import hashlib
import io
import json
import math
import socket
import zipfile
from pathlib import Path
from types import SimpleNamespace

import grading as small
import numpy as np
import pytest
from grading_parts import LONG, Told, says

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
    misconceptions,
    problem_set,
    results,
    sandbox,
    systems,
    wire,
    worker,
)
from momentum_lib.grade.answers import Remote, Wrong
from momentum_lib.grade.reading import reading_page

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
    for name, wrong, told in (("cell", 1e5, day), ("call", 1e5, day), ("total", 1e5, day), ("disk", 2.0**15, disk)):
        with pytest.raises(ValueError) as caught:
            sandbox.limits_of(**{name: wrong})
        shown = "0.03125" if name == "disk" else "100000"
        assert str(caught.value) == f"limit {name} is {shown}; allowed: {told}."
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
