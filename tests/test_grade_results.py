"""A folder of submissions from the command line: tables, pages, what is kept, what an interruption leaves."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from html.parser import HTMLParser
from pathlib import Path

import grading
import pytest

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import results, sandbox
from momentum_lib.grade.grading import grade
from momentum_lib.grade.misconceptions import BOOK, chapter
from momentum_lib.grade.parallel import Died, in_turn
from momentum_lib.grade.problem_set import BadMaster, Master, leaks, names_asked, write
from tests.limits import HANG

ROOT = Path(__file__).parents[1]


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five submissions: all right, one blank copy, one with a wrong rule, one from Canvas,
    one from Moodle, one that is no notebook."""
    place = tmp_path_factory.mktemp("course")
    master = grading.master(place)
    inbox = place / "inbox"
    grading.write(inbox, grading.with_cells({}), "ada.ipynb")
    grading.write(inbox, master.student_copy(), "blank.ipynb")
    grading.write(
        inbox, grading.with_cells({"q1": grading.RIGHT.replace("beta * v", "0.9 * v"), "who": 'STUDENT = "=bob"'}), "bob.ipynb"
    )
    grading.write(inbox, grading.with_cells({}), "lovelaceada_LATE_1234_56789_set-1.ipynb")
    grading.write(inbox / "Carol Shaw_987_assignsubmission_file", grading.with_cells({}), "my work.ipynb")
    (inbox / "broken.ipynb").write_text("no json", "utf-8")
    (inbox / ".ipynb_checkpoints").mkdir()
    shutil.copy(inbox / "ada.ipynb", inbox / ".ipynb_checkpoints" / "ada-checkpoint.ipynb")
    return place


@pytest.fixture(scope="module")
def graded(folder):
    """The folder, graded once; returns (exit code, results folder)."""
    out = folder / "results"
    return program.main([str(folder / "inbox"), "--master", str(folder / "set.ipynb"), "--out", str(out), "--jobs", "2"]), out


def test_the_table_has_a_row_for_everyone(graded):
    code, out = graded
    rows = {row["file"]: row for row in table(out / "grades.csv")}
    assert code == 1  # one file could not be read
    assert len(rows) == 6
    assert rows["ada.ipynb"]["points"] == "9" and rows["ada.ipynb"]["of"] == "11"
    assert rows["blank.ipynb"]["points"] == "0"
    assert rows["bob.ipynb"]["points"] == "6" and rows["bob.ipynb"]["student"] == "'=bob"
    assert rows["broken.ipynb"]["points"] == "0" and "no notebook" in rows["broken.ipynb"]["look at"]
    assert "The same STUDENT stands in" in rows["ada.ipynb"]["look at"]
    assert "The same STUDENT" not in rows["bob.ipynb"]["look at"]


def test_canvas_and_moodle_find_their_own_numbers(graded):
    _, out = graded
    canvas = {row["ID"]: row for row in table(out / "canvas.csv")}
    assert canvas["1234"]["A small set"] == "9" and canvas["1234"]["Student"] == "lovelaceada"
    moodle = {row["Identifier"]: row for row in table(out / "moodle.csv")}
    assert moodle["Participant 987"]["Grade"] == "9" and moodle["Participant 987"]["Full name"] == "Carol Shaw"
    assert list(canvas["1234"]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "A small set"]


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_the_feedback_page_says_what_helps(graded):
    _, out = graded
    pages = {path.name.split("-")[0]: path.read_text("utf-8") for path in (out / "feedback").glob("*.html")}
    assert len(list((out / "feedback").glob("*.html"))) == 6
    page = Text()
    page.feed(pages["bob"])
    words = " ".join(page.words)
    assert (
        "Your rule uses beta = 0.9 whatever beta it is given" in words and "6 of 11 points" in words and "to be read / 2" in words
    )
    assert {tag for tag, _ in page.tags} <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "section",
        "span",
        "a",
    }
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert links == {chapter(3)}


def test_only_the_courses_own_addresses_become_links():
    assert results.linked("see chapter 2, or chapter 99") == f"see <a href='{chapter(2)}'>chapter 2</a>, or chapter 99"
    assert results.linked(f"on: {chapter(3)}") == f"on: <a href='{chapter(3)}'>03-momentum.html</a>"
    for foreign in ("https://example.org/", "javascript:alert(1)", BOOK.replace("https", "http"), "chapters 2"):
        assert "<a" not in results.linked(foreign)


def test_the_blank_copy_is_told_that_it_is_blank(graded):
    _, out = graded
    blank = next(r for p in (out / "students").glob("*.json") if (r := json.loads(p.read_text("utf-8")))["file"] == "blank.ipynb")
    assert blank["points"] == 0 and all(question["points"] == 0 for question in blank["questions"])
    assert blank["questions"][0]["said"] == "my_step is still blank." and blank["cells"] == {}


def test_a_second_run_grades_only_what_changed_and_gives_the_same(folder, graded, capsys):
    _, out = graded
    before = {path.name: path.read_bytes() for path in (out / "students").glob("*.json")}
    tables = (out / "grades.csv").read_bytes()
    arguments = [str(folder / "inbox"), "--master", str(folder / "set.ipynb"), "--out", str(out)]
    program.main(arguments)
    assert "6 graded before, 0 to grade" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (out / "students").glob("*.json")} == before
    assert (out / "grades.csv").read_bytes() == tables
    bob = folder / "inbox" / "bob.ipynb"
    kept = bob.read_text("utf-8")
    grading.write(folder / "inbox", grading.with_cells({"who": 'STUDENT = "=bob"'}), "bob.ipynb")
    program.main(arguments)
    assert "5 graded before, 1 to grade" in capsys.readouterr().out
    assert {row["file"]: row["points"] for row in table(out / "grades.csv")}["bob.ipynb"] == "9"
    bob.write_text(kept, "utf-8")
    program.main(arguments)


def test_points_by_hand_are_asked_for_kept_and_added(folder, graded):
    _, out = graded
    arguments = [str(folder / "inbox"), "--master", str(folder / "set.ipynb"), "--out", str(out)]
    rows = table(out / "by-hand.csv")
    assert len(rows) == 6 and {row["question"] for row in rows} == {"q4"}
    mine = next(row for row in rows if row["key"].startswith("ada-"))
    mine |= {"points": "1.5", "comment": "Good <b>start</b>"}
    results.write_table(out / "by-hand.csv", list(rows[0]), [list(row.values()) for row in rows])
    program.main(arguments)
    after = {row["file"]: row for row in table(out / "grades.csv")}
    assert after["ada.ipynb"]["points"] == "10.5" and after["ada.ipynb"]["q4"] == "1.5" and after["blank.ipynb"]["points"] == "0"
    page = next((out / "feedback").glob("ada-*.html")).read_text("utf-8")
    assert "10.5 of 11" in page and "Good &lt;b&gt;start" in page
    assert next(row for row in table(out / "by-hand.csv") if row["key"] == mine["key"])["points"] == "1.5"


@pytest.mark.parametrize(
    ("points", "says"),
    [("many", "line 2: points are 'many'"), ("-1", "points are -1"), ("nan", "points are nan"), ("inf", "points are inf")],
)
def test_points_by_hand_that_do_not_read_are_named_by_line(tmp_path, points, says):
    results.write_table(tmp_path / "by-hand.csv", ["key", "question", "points", "comment"], [["k", "q4", points, ""]])
    with pytest.raises(ValueError, match=says):
        results.read_by_hand(tmp_path)


def rewritten(folder, master, text, encoding="utf-8"):
    (folder / "by-hand.csv").write_bytes(text.encode(encoding))
    return results.read_by_hand(folder, master)


def test_points_by_hand_read_as_spreadsheets_save_them(tmp_path):
    master = grading.master(tmp_path)
    assert rewritten(tmp_path, master, "\ufeffkey,question,points,comment\r\nk,q4,1.5,fine\r\n") == {("k", "q4"): (1.5, "fine")}
    assert rewritten(tmp_path, master, 'key;question;points;comment\nk;q4;1,5;"so, so"\n') == {("k", "q4"): (1.5, "so, so")}
    short = "key,question,points,comment\nk,q1-check\nk,q4,2\nl,q4,0,\n"
    assert rewritten(tmp_path, master, short) == {("k", "q4"): (2.0, ""), ("l", "q4"): (0.0, "")}, "rows that end early"
    assert rewritten(tmp_path, master, "key,question,points\nk,q4,2\n") == {("k", "q4"): (2.0, "")}
    assert rewritten(tmp_path, master, 'key,question,points,"so; so; and; so"\nk,q4,2,\n') == {("k", "q4"): (2.0, "")}
    assert rewritten(tmp_path, master, "key,question,points\rk,q4,2\r") == {("k", "q4"): (2.0, "")}, "lines of an old Mac"
    for text, encoding, says in (
        ("key,question,points,comment\nk,q4,1,ü\n", "latin-1", "CSV UTF-8"),
        ("key,points\nk,1\n", "utf-8", "lacks the column question"),
        ("key,question,points,comment\nk,q5,1,\n", "utf-8", "line 2: there is no question 'q5'; known: q1-check"),
        ("key,question,points,comment\nk,q4,15,\n", "utf-8", "line 2: points are 15; q4 has 2"),
    ):
        with pytest.raises(ValueError, match=says):
            rewritten(tmp_path, master, text, encoding)


def test_points_by_hand_outlive_their_submission_and_replace_a_checks(folder, tmp_path):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(folder / "inbox" / "bob.ipynb", inbox)
    arguments = [str(inbox), "--master", str(folder / "set.ipynb"), "--out", str(out), "--jobs", "1"]
    program.main(arguments)
    (key,) = {row["key"] for row in table(out / "by-hand.csv")}
    rows = [[key, "", "q1-check", "", "", "3", "the idea is right"], ["gone-12345678", "", "q4", "", "", "2", "kept"]]
    results.write_table(out / "by-hand.csv", ["key", "student", "question", "title", "of", "points", "comment"], rows)
    program.main(arguments)
    (row,) = table(out / "grades.csv")
    assert row["points"] == "9" and row["q1-check"] == "3"
    assert {(r["key"], r["points"]) for r in table(out / "by-hand.csv")} == {(key, "3"), (key, ""), ("gone-12345678", "2")}


def test_points_for_what_the_master_has_not_are_kept_as_they_are(tmp_path):
    results.write_table(tmp_path / "by-hand.csv", ["key", "question", "points", "comment"], [["k", "of last year", "1.5", "so"]])
    results.write_by_hand(tmp_path, grading.master(tmp_path), {})
    kept = {"key": "k", "student": "", "question": "of last year", "title": "", "of": "0", "points": "1.5", "comment": "so"}
    assert table(tmp_path / "by-hand.csv") == [kept]


def test_a_file_is_whole_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    """A machine that stops in between leaves the old file or the new one."""
    seen, path = [], tmp_path / "a.csv"
    path.write_text("old")
    monkeypatch.setattr(results.os, "fsync", lambda file: seen.append((os.fstat(file).st_size, path.read_text())))
    results.write_text(path, "new and longer")
    assert seen == [(14, "old")] and path.read_text() == "new and longer" and os.listdir(tmp_path) == ["a.csv"]


def test_half_a_character_stays_what_it_is_in_a_table():
    for half in "\ud800\ud801\udffe\udfff":
        assert results.cell_safe(f"a{half}\x00b") == f"a{half} b"


def test_the_master_and_the_results_are_no_submissions(folder, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(folder / "inbox" / "ada.ipynb", inbox)
    shutil.copy(folder / "set.ipynb", inbox)
    (inbox / "results").mkdir()
    shutil.copy(folder / "inbox" / "bob.ipynb", inbox / "results")
    program.main([str(inbox), "--master", str(inbox / "set.ipynb"), "--out", str(inbox / "results"), "--jobs", "1"])
    assert [row["file"] for row in table(inbox / "results" / "grades.csv")] == ["ada.ipynb"]


def test_two_files_with_one_place_in_canvas_are_named(tmp_path):
    result = {"student": "", "notes": [], "ids": {"canvas": "12", "name": "x"}}
    graded = program.note_twins({"a": result | {"file": "a.ipynb"}, "b": result | {"file": "b.ipynb"}})
    assert graded["a"]["notes"] == ["The same Canvas number stands in b.ipynb."]


def die(where):
    os._exit(1)


def answer(number):
    if number == 13:
        die("here")
    if number == 14:
        raise ValueError("mine")
    return number**2


def test_a_process_that_dies_stops_none_of_the_others():
    before = set(multiprocessing.active_children())
    done = dict(in_turn(answer, {number: (number,) for number in range(24)}, 2))
    assert isinstance(done.pop(13), Died) and isinstance(done.pop(14), ValueError)
    assert done == {number: number**2 for number in range(24) if number not in (13, 14)}
    assert set(multiprocessing.active_children()) <= before, "none is left behind"


def test_what_the_grader_failed_at_is_tried_again(folder, tmp_path, monkeypatch):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(folder / "inbox" / "ada.ipynb", inbox)
    arguments = [str(inbox), "--master", str(folder / "set.ipynb"), "--out", str(out), "--jobs", "1"]
    with monkeypatch.context() as context:
        context.setattr(program, "in_turn", lambda work, tasks, jobs: ((key, Died("gone")) for key in tasks))
        assert program.main(arguments) == 1
    assert "The grader failed here" in table(out / "grades.csv")[0]["look at"]
    assert program.main(arguments) == 0 and table(out / "grades.csv")[0]["points"] == "9"


def test_a_file_that_vanishes_has_no_points_and_stops_nothing(tmp_path):
    result = grade(grading.master(tmp_path), tmp_path / "gone.ipynb")
    assert result["points"] == 0 and "gone.ipynb" in result["unreadable"] and "again" not in result


def test_a_folder_that_submissions_can_read_is_refused(folder, capsys):
    """What a grader without that rule would leave in Python's own folder goes with the test, which would fail ever after."""
    inside = Path(sys.prefix) / f"results-{uuid.uuid4()}"
    try:
        assert program.main([str(folder / "inbox"), "--master", str(folder / "set.ipynb"), "--out", str(inside)]) == 2
        assert "every submission can read" in capsys.readouterr().err and not inside.exists()
    finally:
        shutil.rmtree(inside, ignore_errors=True)


def test_a_copy_names_nobody(tmp_path):
    master = grading.master(tmp_path)
    (named,) = [cell["source"] for cell in master.student_copy()["cells"] if cell["id"] == "who"]
    assert "ada" in master.cells[3].source and "".join(named).startswith('STUDENT = ""')


def test_the_roster_says_who_it_is_and_decides_the_parameters(folder, tmp_path):
    roster = tmp_path / "class.csv"
    roster.write_text("file,student,name,email\nada.ipynb,ada@school,Ada L,ada@school\n", "utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    shutil.copy(folder / "inbox" / "ada.ipynb", inbox)
    program.main([str(inbox), "--master", str(folder / "set.ipynb"), "--out", str(tmp_path / "out"), "--roster", str(roster)])
    (row,) = table(tmp_path / "out" / "grades.csv")
    assert row["student"] == "ada@school" and row["q2-check"] == "0" and row["q1-check"] == "3"
    assert "graded with the parameters of 'ada@school'" in row["look at"]
    assert table(tmp_path / "out" / "moodle.csv")[0]["Email address"] == "ada@school"


# The grader, which waits before it writes the tenth result: the interruption comes before the end, however late it comes.
HELD = """
import sys, time
from momentum_lib.grade import __main__ as program, results

write, written = results.write_student, []

def write_nine(*arguments):
    if len(written) == 9:
        time.sleep({hang})
    written.append(write(*arguments))

results.write_student = write_nine
sys.exit(program.main())
"""


def test_an_interrupted_run_goes_on_to_the_same_result(folder, graded, tmp_path, capsys):
    inbox, out, fresh = tmp_path / "inbox", tmp_path / "out", tmp_path / "fresh"
    for number in range(12):
        grading.write(inbox, grading.with_cells({"who": f'STUDENT = "student {number}"'}), f"s{number:02}.ipynb")
    words = [str(inbox), "--master", str(folder / "set.ipynb"), "--jobs", "2", "--out"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs the tests in the background
    process = subprocess.Popen(
        [sys.executable, "-c", HELD.format(hang=HANG), *words, str(out)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + HANG
    while len(list((out / "students").glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    signal.signal(signal.SIGINT, before)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=HANG)
    kept = len(list((out / "students").glob("*.json")))
    assert process.returncode == 130 and "the same command goes on from there" in said, said
    assert "Traceback" not in said
    assert 3 <= kept < 12
    capsys.readouterr()
    assert program.main([*words, str(out)]) == 0
    assert f"{kept} graded before, {12 - kept} to grade" in capsys.readouterr().out
    assert program.main([*words, str(fresh), "--jobs", "1"]) == 0
    assert (fresh / "grades.csv").read_bytes() == (out / "grades.csv").read_bytes()
    assert {p.name: p.read_bytes() for p in (fresh / "feedback").iterdir()} == {
        p.name: p.read_bytes() for p in (out / "feedback").iterdir()
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["NOWHERE"], "is no folder"),
        (["EMPTY"], "holds no notebook"),
        (["INBOX", "--jobs", "0"], "--jobs is 0"),
        (["INBOX", "--cell-seconds", "-1"], "limit cell is -1"),
        (["INBOX", "--roster", "BAD"], "needed: student"),
        (["INBOX", "--master", "BAD"], "Expecting value"),
    ],
)
def test_wrong_use_is_told_in_one_line(folder, tmp_path, capsys, arguments, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").write_text("a,b\n", "utf-8")
    places = {"NOWHERE": tmp_path / "x", "EMPTY": tmp_path / "empty", "INBOX": folder / "inbox", "BAD": tmp_path / "bad"}
    arguments = [str(places.get(a, a)) for a in arguments]
    code = program.main(["--master", str(folder / "set.ipynb"), "--out", str(tmp_path / "out"), *arguments])
    said = capsys.readouterr().err.strip()
    assert code == 2 and says in said and len(said.splitlines()) == 1


def test_without_a_sandbox_nothing_runs_unless_it_is_trusted(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        sandbox, "refusal", lambda: "bubblewrap (bwrap) is not installed; on Debian and Ubuntu: apt install bubblewrap"
    )
    arguments = [str(folder / "inbox"), "--master", str(folder / "set.ipynb"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert program.main(arguments) == 2
    said = capsys.readouterr().err
    assert "apt install bubblewrap" in said and "--trust" in said
    assert not (tmp_path / "out").exists()
    assert program.main([*arguments, "--trust"]) == 1
    captured = capsys.readouterr()
    assert "with your rights" in captured.err
    assert {row["file"]: row["points"] for row in table(tmp_path / "out" / "grades.csv")}["ada.ipynb"] == "9"


# -- masters and copies --------------------------------------------------------------------------------


def test_the_copy_holds_no_solution_and_no_hidden_test(tmp_path):
    master = grading.master(tmp_path)
    copy = master.student_copy()
    assert leaks(master, copy) == []
    text = json.dumps(copy)
    for secret in ("beta * v + grad", "steps=30", "BEGIN", "mark scheme", "MARK SCHEME", "Because the memory", "range(1, 1000)"):
        assert secret not in text, secret
    assert "my_step = ..." in text and all(cell.get("outputs", []) == [] for cell in copy["cells"])


@pytest.mark.parametrize("where", ["source", "metadata", "outputs"])
def test_a_leak_is_found_wherever_it_is(tmp_path, where):
    master = grading.master(tmp_path)
    copy = master.student_copy()
    cell = next(cell for cell in copy["cells"] if cell["id"] == "who")
    cell[where] = {
        "source": "v = beta * v + grad",
        "metadata": {"note": "    v = beta * v + grad"},
        "outputs": [{"text": 'grade.update_rule(my_step, "heavy_ball", lr=0.03, beta=0.7, steps=30)'}],
    }[where]
    assert leaks(master, copy)


@pytest.mark.parametrize("line", ["Because the memory adds what agrees.", "A reason: 2 points.", "### END SOLUTION"])
def test_an_essays_answer_and_its_scheme_and_a_mark_leak_as_a_solution_does(tmp_path, line):
    master = grading.master(tmp_path)
    copy = master.student_copy()
    copy["cells"][0]["source"] += f"\n  {line}\n"
    assert leaks(master, copy) == [line]


def test_a_line_of_a_scheme_leaks_however_far_it_is_set_in(tmp_path):
    notebook = grading.small_set()
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("A reason: 2 points.", "A reason: 2 points.\n    Half of it: 1 point.  ")
    master = Master(grading.write(tmp_path, notebook))
    copy = master.student_copy()
    assert leaks(master, copy) == []
    copy["cells"][0]["source"] += "\nHalf of it: 1 point.\n"
    assert leaks(master, copy) == ["Half of it: 1 point."]


def test_a_line_leaks_alone_if_it_tells_something_and_within_another_if_it_is_long(tmp_path):
    """``x = 1`` stands in many notebooks by chance, and so does a word within a sentence."""
    lines = ["x" * 8, "x" * 9, "y" * 24, "y" * 25]
    for alone in (True, False):
        for line in lines:
            master = Master(grading.write(tmp_path, grading.with_cells({"q1": grading.solved(line)})))
            copy = master.student_copy()
            copy["metadata"]["note"] = line if alone else f"see {line}!"
            assert leaks(master, copy) == ([line] if len(line) > (8 if alone else 24) else []), (line, alone)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"q1": "def my_step(): pass"}, "without ### BEGIN SOLUTION"),
        ({"q2-check": "grade.number(kappa, 3)"}, "without hidden tests"),
        ({"q4": "Because."}, "needs a mark scheme"),
        ({"who": "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"}, "is no answer cell"),
    ],
)
def test_a_master_that_would_leak_or_not_grade_is_refused(tmp_path, changes, says):
    with pytest.raises(BadMaster, match=says):
        Master(grading.write(tmp_path, grading.with_cells(changes)))


def test_a_master_with_two_cells_of_one_name_or_no_points_is_refused(tmp_path):
    twice = grading.with_cells({})
    twice["cells"][5]["metadata"]["nbgrader"]["grade_id"] = "q2"
    with pytest.raises(BadMaster, match="stands twice"):
        Master(grading.write(tmp_path, twice))
    free = grading.with_cells({})
    free["cells"][6]["metadata"]["nbgrader"]["points"] = 0
    with pytest.raises(BadMaster, match="points are 0"):
        Master(grading.write(tmp_path, free))


def test_points_of_what_is_not_graded_are_none(tmp_path):
    notebook = grading.small_set()
    notebook["cells"][2]["metadata"]["nbgrader"]["points"] = 5
    master = Master(grading.write(tmp_path, notebook))
    assert {cell.role: cell.points for cell in master.cells if cell.role not in ("check", "essay")} == dict.fromkeys(
        ("text", "code", "given", "answer"), 0.0
    )
    assert master.points == Master(grading.write(tmp_path, grading.small_set())).points


def test_the_instructors_package_holds_what_grading_needs(tmp_path):
    import zipfile

    master = grading.master(tmp_path)
    student, package = write(master, tmp_path / "out")
    again = write(master, tmp_path / "again")
    assert package.read_bytes() == again[1].read_bytes()
    with zipfile.ZipFile(package) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
        assert sorted(archive.namelist()) == ["mark-scheme.md", "questions.csv", "set-master.ipynb", "set-student.ipynb"]
        assert "A reason: 2 points." in archive.read("mark-scheme.md").decode()
        assert archive.read("set-student.ipynb") == student.read_bytes()


def test_the_names_that_a_check_asks_for():
    assert names_asked("import numpy as np\nx = np.ones(3)\ngrade.number(f(x), [y for y in z][0])", {"grade"}) == ["f", "z"]
    assert names_asked("def g(a):\n    return a + b\ng(1)", set()) == ["b"]
