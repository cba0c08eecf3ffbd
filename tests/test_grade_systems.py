"""Canvas, Moodle and Gradescope as they hand out and take back; late and repeated submissions; points changed on appeal."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta, timezone

import pytest

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import appeal, folder, gradescope, late, systems
from momentum_lib.grade.moodle import Worksheet

# -- what the systems call their files ---------------------------------------------------------------

NAMES = {  # the zipper of Canvas and the downloader of Moodle, case by case
    "lovelaceada_1234_56789_hw.ipynb": {"name": "lovelaceada", "canvas": "1234"},
    "lovelaceada_LATE_1234_56789_hw-1.ipynb": {"name": "lovelaceada", "canvas": "1234"},
    "van_der_waerden_12_34_hw_5_6.ipynb": {"name": "van_der_waerden", "canvas": "12"},
    "ångströmanders_7_8_hw.ipynb": {"name": "ångströmanders", "canvas": "7"},
    "anon_XyZ12_99_hw.ipynb": {},
    "LATE_anon_XyZ12_99_hw.ipynb": {},
    "Ada L_111_assignsubmission_file/part 1/hw.ipynb": {"name": "Ada L", "moodle": "111"},
    "Ada L_111_assignsubmission_file_hw.ipynb": {"name": "Ada L", "moodle": "111"},
    "Ada L_111_assignsubmission_file_my_2_3_hw.ipynb": {"name": "Ada L", "moodle": "111"},
    "Participant_42_assignsubmission_file/hw.ipynb": {"name": "Participant", "moodle": "42"},
    "submission_5/hw.ipynb": {},  # without metadata nobody knows whose it is
    "my-hw_1_2.ipynb": {},
    "hw 1_2_3.ipynb": {},
}


@pytest.mark.parametrize("path", NAMES)
def test_a_systems_name_says_whose_a_file_is(tmp_path, path):
    owner = folder.identify(tmp_path / path, tmp_path, folder.Roster(), [])
    assert owner.ids == NAMES[path]
    assert owner.said.late == ("LATE" in path and "anon" not in path) or "anon" in path
    assert any("Canvas hides whose this is" in note for note in owner.notes) == ("anon" in path)


def test_an_entry_of_gradescopes_may_hold_other_kinds_than_texts(tmp_path):
    people = [{":name": 5, ":email": "a@x"}, {":name": None}]
    assert systems.said_by({":submitters": people}).notes == ["Handed in by 2 together (5, None); graded as the first one's."]
    (tmp_path / systems.METADATA).write_text("7: none of a submission's\nsubmission_8:\n  :created_at: 2026-03-01 12:00:00 UTC\n")
    assert list(systems.read_exports(tmp_path)) == ["submission_8"]


def test_the_first_of_several_files_that_do_not_read_is_named(tmp_path, monkeypatch):
    """By its name: the order of a folder is another one on each machine."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / systems.METADATA).write_text("- a list\n")
    found = sorted(tmp_path.rglob(systems.METADATA))
    for order in (found, found[::-1]):
        monkeypatch.setattr(systems.Path, "rglob", lambda self, pattern, order=order: iter(order))
        with pytest.raises(ValueError) as error:
            systems.read_exports(tmp_path)
        assert str(error.value).startswith(f"{found[0]}: this is no metadata")


METADATA = """\
---
submission_501:
  :submitters:
  - :name: Ada Lovelace
    :sid: '100'
    :email: ada@x.edu
  :created_at: 2026-10-05 22:10:21.893069000 Z
  :score: 0.0
  :status: processed
  :results: {}
  :history:
  - :id: 400
    :created_at: 2026-10-04 10:00:00.000000000 Z
submission_502:
  :submitters:
  - :name: Bob
    :sid:
    :email: bob@x.edu
  - :name: Carol
    :email: carol@x.edu
  :created_at: 2026-10-05 21:00:00.000000000 Z
"""


def export(place):
    """A folder as Gradescope exports it."""
    place.put("assignment_9_export/submission_501/hw.ipynb", "assignment_9_export/submission_502/deep/er.ipynb")
    (place.inbox / "assignment_9_export" / systems.METADATA).write_text(METADATA, "utf-8")


def test_gradescopes_metadata_say_whose_and_when(place):
    export(place)
    path = place.inbox / "assignment_9_export" / systems.METADATA
    path.write_text(path.read_text("utf-8") + "7: a number is no submission\n", "utf-8")
    said = systems.read_exports(place.inbox)
    assert set(said) == {"assignment_9_export/submission_501", "assignment_9_export/submission_502"}
    assert said["assignment_9_export/submission_501"].ids == {"name": "Ada Lovelace", "email": "ada@x.edu", "gradescope": "501"}
    assert said["assignment_9_export/submission_501"].at == datetime(2026, 10, 5, 22, 10, 21, 893069, timezone.utc)
    assert place.run(*place.roster("student,email\nada,ADA@x.edu\nbob,bob@x.edu\n")) == 0
    rows = {row["student"]: row["look at"] for row in place.rows()}
    assert rows.keys() == {"ada", "bob"} and "Handed in by 2 together (Bob, Carol)" in rows["bob"]


@pytest.mark.parametrize("text", ["submission_1: [unclosed", "- a list", "\x00"])
def test_metadata_that_do_not_read_stop_before_anything_is_graded(place, capsys, text):
    export(place)
    (place.inbox / "assignment_9_export" / systems.METADATA).write_text(text, "utf-8")
    assert place.run() == 2 and place.graded == []
    assert "no metadata of Gradescope's; export the submissions again" in capsys.readouterr().err


def test_gradescope_takes_back_what_was_graded_here(place, tmp_path):
    """The archive as its specification asks: setup.sh and run_autograder at the root; and what it writes, run as it would be."""
    export(place)
    assert place.run("--due", "2026-10-05T22:00+00:00", "--late-deduction", "10") == 0
    with zipfile.ZipFile(place.out / "gradescope.zip") as archive:
        assert {"setup.sh", "run_autograder", "results/501.json", "results/502.json"} == set(archive.namelist())
        assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111, "executable"
        archive.extractall(tmp_path / "autograder" / "source")
        script = archive.read("run_autograder").decode()
    assert script.startswith("#!/usr/bin/env python3\n")
    written = {}
    for number in (501, 777):
        (tmp_path / "autograder" / "submission_metadata.json").write_text(json.dumps({"id": number}), "utf-8")
        code = script.replace('"/autograder"', repr(str(tmp_path / "autograder")))
        subprocess.run([sys.executable, "-I", "-c", code], check=True)
        written[number] = json.loads((tmp_path / "autograder" / "results" / "results.json").read_text("utf-8"))
    ada = written[501]
    assert ada["score"] == 8.1 and ada["output"] == "11 minutes late: 10 % is deducted."
    assert [(test.get("score"), test["max_score"]) for test in ada["tests"]] == [(3, 3), (2, 2), (4, 4), (None, 2)]
    known = {"score", "output", "output_format", "tests", "name", "max_score"}
    assert set(ada) | {key for test in ada["tests"] for key in test} <= known, "the specification's words alone"
    assert written[777]["score"] == 0 and "handed in after grading" in written[777]["output"]


def test_canvas_takes_the_table_as_its_importer_reads_it(place):
    """The head as the importer asks for it: Student, ID, then SIS User ID and SIS Login ID side by side, Section."""
    place.put("lovelaceada_1234_56789_hw.ipynb")
    place.run()
    table = list(csv.reader(io.StringIO((place.out / "canvas.csv").read_text("utf-8"))))
    assert table[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "A small set"]
    assert "Points Possible" in table[1][0] and table[1][5] == "11"
    assert table[2] == ["lovelaceada", "1234", "", "", "", "9"] and len({len(row) for row in table}) == 1


# -- late and repeated -------------------------------------------------------------------------------

DUE = datetime(2026, 10, 5, 22, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("minutes", "grace", "lost"),
    [(-1, 0, 0), (0, 0, 0), (1, 0, 10), (5, 5, 0), (6, 5, 10), (1440, 0, 10), (1441, 0, 20), (99999, 0, 100)],
)
def test_each_started_day_costs_its_percent_and_never_more_than_all(minutes, grace, lost):
    policy = late.Policy(DUE, grace, 10)
    assert policy.lost(policy.minutes(DUE + timedelta(minutes=minutes))) == lost


def test_late_is_said_and_costs_nothing_without_being_asked(place):
    export(place)
    place.put("lovelaceada_LATE_7_8_hw.ipynb")
    due = ["--due", "2026-10-05T22:00+00:00"]
    roster = place.roster("student,email,canvas,due\nada,ada@x.edu,,\nbob,bob@x.edu,,2026-10-05T20:00Z\neve,,7,\n")
    assert place.run(*due, *roster) == 0
    rows = {row["student"]: (row["points"], row["look at"]) for row in place.rows()}
    assert rows["ada"] == ("9", "11 minutes late.") and rows["eve"] == ("9", "Late, says Canvas; by how much it does not say.")
    assert rows["bob"][0] == "9" and "60 minutes (1 h) late." in rows["bob"][1], "by the roster's own time"
    assert place.run(*due, *roster, "--late-deduction", "50", "--grace", "15") == 0 and place.graded == []
    assert {row["student"]: row["points"] for row in place.rows()} == {"ada": "9", "bob": "4.5", "eve": "9"}
    page = next(path for path in (place.out / "feedback").glob("*502*")).read_text("utf-8")
    assert "50 % is deducted" in page and "4.5 of 11" in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--late-deduction", "10"], "needs --due"),
        (["--due", "tomorrow"], "such as 2026-10-05T23:59"),
        (["--due", "2026-10-05", "--late-deduction", "101"], "from 0 to 100"),
        (["--due", "2026-10-05", "--late-deduction", "100.5"], "from 0 to 100"),
        (["--due", "2026-10-05", "--grace", "nan"], "minutes, a number >= 0"),
        (["--due", "2026-10-05", "--grace", "inf"], "minutes, a number >= 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(place, capsys, words, says):
    place.put("hw.ipynb")
    assert place.run(*words) == 2 and place.graded == []
    assert says in capsys.readouterr().err


def test_a_policy_may_take_all_points(place):
    place.put("hw.ipynb")
    assert place.run("--due", "2026-10-05", "--late-deduction", "100") == 0


def test_of_repeated_submissions_the_latest_counts_where_that_was_asked_and_is_known(place, capsys):
    place.put("ada_7_20_hw.ipynb", "ada_7_100_hw-1.ipynb", "ada_LATE_7_300_hw-2.ipynb", "dan_5_30_hw.ipynb")
    place.put(
        "bob_8_20_hw.ipynb", "bob_8_21_other.ipynb", "C_9_assignsubmission_file/a.ipynb", "C_9_assignsubmission_file/b.ipynb"
    )
    assert place.run() == 1 and len(place.rows("canvas.csv")) == 2, "nothing is chosen without being asked"
    assert place.run("--repeated", "latest") == 1, "bob and C gave several files at once: a person chooses"
    assert [row["ID"] for row in place.rows("canvas.csv")] == ["", "7", "5"] and place.rows("moodle.csv") == []
    rows = {row["file"]: row["look at"] for row in place.rows()}
    assert "latest" not in rows["dan_5_30_hw.ipynb"], "one alone is no choice"
    assert "The latest of 3 submissions." in rows["ada_LATE_7_300_hw-2.ipynb"]
    for older in ("ada_7_20_hw.ipynb", "ada_7_100_hw-1.ipynb"):
        assert rows[older].startswith("A later submission counts: ada_LATE_7_300_hw-2.ipynb."), rows[older]
    said = capsys.readouterr().err
    assert "4 stand in no import file" in said and "ada" not in said.rpartition("stand in no import file")[2]


def test_the_latest_is_the_last_in_the_systems_own_order():
    """By Canvas' numbers, by Gradescope's times, and for a student of the roster whatever they say: whose it is comes first."""
    one = lambda file, order, owner=None, **ids: {"file": file, "notes": [], "ids": ids, "order": order, "owner": owner}
    canvas, gradescope = (lambda number: ("Canvas", "hw.ipynb", number)), (lambda time: ("Gradescope", "", time))
    found = late.choose_latest({
        "a": one("a", canvas(9), canvas="7"), "b": one("b", canvas(5), canvas="7"), "c": one("c", canvas(99), canvas="8"),
        "d": one("d", gradescope(1.0), gradescope="1", email="x"), "e": one("e", gradescope(2.0), gradescope="2", email="x"),
        "f": one("f", canvas(1), email="y"), "g": one("g", canvas(2), email="y"),
        "h": one("h", canvas(4), "ada", canvas="1"), "i": one("i", canvas(3), "ada", canvas="2"), "j": one("j", canvas(5), "ada"),
        "k": one("k", canvas(6), "bob"), "l": one("l", None, "bob"), "m": one("m", None, "eve"), "n": one("n", None, "eve"),
    })  # fmt: skip
    assert [key for key, each in found.items() if each.get("superseded")] == ["b", "d", "h", "i"]
    assert found["a"]["told"] == found["e"]["told"] == ["The latest of 2 submissions."]
    assert found["b"]["told"] == ["A later submission counts: a."] and found["j"]["told"] == ["The latest of 3 submissions."]
    assert not any("told" in found[key] for key in "cfgklmn")


def test_a_minute_that_has_begun_is_late_and_the_moment_itself_is_not():
    due = datetime(2026, 10, 5, 23, 59, tzinfo=timezone.utc)
    for seconds, said in ((-1, []), (0, []), (1, ["1 minute late."]), (60, ["1 minute late."]), (61, ["2 minutes late."])):
        result = {"notes": [], "at": due + timedelta(seconds=seconds), "late": True}
        assert late.settle({"k": result}, late.Policy(due))["k"]["notes"] == said


def test_the_worksheet_says_when_each_handed_in(tmp_path):
    head = "Identifier,Status,Grade,Maximum Grade,Last modified (submission),Last modified (grade)\n"
    rows = 'Participant 5,Submitted,,11.00,"Sunday, 1 March 2026, 1:05 PM",-\n'
    rows += 'Participant 6,None,,11.00,-,"Monday, 2 March 2026, 1:00 PM"\n'
    (tmp_path / "sheet.csv").write_text(head + rows, "utf-8")
    times = Worksheet(tmp_path / "sheet.csv", 11).times()
    assert times == {"5": datetime(2026, 3, 1, 13, 5).astimezone()}
    german = rows.replace("Sunday, 1 March 2026, 1:05 PM", "Sonntag, 1. März 2026, 13:05").replace(
        "Monday, 2 March 2026, 1:00 PM", "-"
    )
    (tmp_path / "sheet.csv").write_text(head + german, "utf-8")
    assert Worksheet(tmp_path / "sheet.csv", 11).times() == {}


def test_a_page_for_a_student_names_nobody_elses_file(place):
    place.put("ada_7_20_hw.ipynb", "ada_7_30_secret-name.ipynb")
    place.run()
    assert any("secret-name" in row["look at"] for row in place.rows())
    page = next((place.out / "feedback").glob("ada-7-20*")).read_text("utf-8")
    assert "secret-name" not in page


# -- appeals -------------------------------------------------------------------------------------------


def decide(place, tmp_path, **changes):
    words = {
        "student": "ada",
        "question": "q1-check",
        "points": "1.5",
        "by": "=Dr. Noether",
        "why": "the shape was wrong",
    } | changes
    options = [part for key, value in words.items() for part in (f"--{key}", value)]
    return program.main(["appeal", str(place.out), "--master", str(tmp_path / "set.ipynb"), *options])


def test_an_appeal_changes_the_points_and_is_logged(place, tmp_path, capsys):
    place.put("ada.ipynb", "bob.ipynb")
    place.run()
    assert decide(place, tmp_path) == 0 and "3 before, 1.5 now" in capsys.readouterr().out
    assert decide(place, tmp_path, points="2", why="on second thoughts") == 0
    assert decide(place, tmp_path, question="q4", points="2", why="well argued") == 0
    log = place.rows("appeals.csv")
    assert [(row["question"], row["before"], row["after"]) for row in log] == [
        ("q1-check", "3", "1.5"),
        ("q1-check", "1.5", "2"),
        ("q4", "", "2"),
    ]
    assert log[0]["by"] == "'=Dr. Noether" and log[0]["why"] == "the shape was wrong" and log[0]["student"] == "ada"
    assert datetime.fromisoformat(log[0]["when"]).tzinfo is not None
    assert place.run() == 0 and place.graded == [], "the same command again grades nothing"
    assert {row["student"]: row["points"] for row in place.rows()} == {"ada": "10", "bob": "9"}
    assert "on second thoughts" in next((place.out / "feedback").glob("ada*")).read_text("utf-8")
    assert len(place.rows("appeals.csv")) == 3, "nothing rewrites the log"


@pytest.mark.parametrize("points", ["0", "3"])
def test_an_appeal_may_give_nothing_or_all(place, tmp_path, points):
    place.put("ada.ipynb")
    place.run()
    assert decide(place, tmp_path, points=points) == 0
    assert [row["after"] for row in place.rows("appeals.csv")] == [points]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"student": "eve"}, "does not mean one submission: none has this name"),
        ({"question": "q9"}, "there is no question 'q9'; known: q1-check"),
        ({"points": "4"}, "q1-check has from 0 to 3"),
        ({"points": "-0.5"}, "q1-check has from 0 to 3"),
        ({"points": "nan"}, "q1-check has from 0 to 3"),
        ({"why": " "}, "write both"),
        ({"by": " "}, "write both"),
    ],
)
def test_an_appeal_that_makes_no_sense_changes_nothing(place, tmp_path, capsys, changes, says):
    place.put("ada.ipynb")
    place.run()
    before = (place.out / "by-hand.csv").read_bytes()
    assert decide(place, tmp_path, **changes) == 2 and says in capsys.readouterr().err
    assert (place.out / "by-hand.csv").read_bytes() == before and not (place.out / appeal.LOG).exists()


def test_the_autograder_runs_nothing_of_a_submission():
    assert "submission/" not in gradescope.RUN and "import" not in gradescope.SETUP
