"""A folder as it comes: every file is graded or named, whose it is stands outermost, and the tables follow the roster."""

import csv
import io
import os
import shutil
import unicodedata

import grading
import pytest

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import folder, results, systems
from momentum_lib.grade.moodle import Worksheet
from momentum_lib.grade.problem_set import Master

# -- which files -----------------------------------------------------------------------------------


def test_every_file_is_graded_or_named(place, capsys):
    place.put("a.ipynb", "HOMEWORK.IPYNB", "b.Ipynb", "deep/er/c.ipynb")
    left = {
        "d.ipynb.txt": "does not end in .ipynb",
        "e.json": "does not end in .ipynb",
        "f.ipynb.zip": "an archive; unpack it",
        "g.tar.gz": "an archive",
        "h.ipynb.part": "does not end in .ipynb",
        ".i.ipynb": "hidden",
        ".hidden/j.ipynb": "hidden",
        ".ipynb_checkpoints/a-checkpoint.ipynb": "hidden",
        "__MACOSX/._a.ipynb": "hidden",
        "k.pdf": "no notebook",
        "noname": "no notebook",
    }
    place.put(*left)
    (place.inbox / "l.ipynb").symlink_to(place.inbox / "a.ipynb")
    (place.inbox / "m.ipynb").symlink_to("nowhere")
    (place.inbox / "n").symlink_to(place.inbox / "deep")
    os.mkfifo(place.inbox / "o.ipynb")
    (place.inbox / "p.ipynb").mkdir()
    place.put("p.ipynb/inside.ipynb")
    left |= {"l.ipynb": "a link", "m.ipynb": "a link", "n": "a link", "o.ipynb": "no ordinary file"}
    assert place.run() == 0
    found = {row["file"] for row in place.rows()}
    assert found == {"a.ipynb", "HOMEWORK.IPYNB", "b.Ipynb", "deep/er/c.ipynb", "p.ipynb/inside.ipynb"}
    rows = {row["file"]: row["why"] for row in place.rows("left-out.csv")}
    assert rows.keys() == left.keys() and all(rows[name].startswith(why) for name, why in left.items()), rows
    said = capsys.readouterr().err
    assert "13 files are left out" in said and "HOMEWORK" not in said and "k.pdf" not in said
    assert all(name in said for name, why in left.items() if why != "no notebook"), said


def test_a_folder_with_nothing_to_grade_says_what_there_is(place, capsys):
    place.put("all.zip", "hw.ipynb.txt")
    assert place.run() == 2
    said = capsys.readouterr().err
    assert "holds no notebook" in said and "all.zip (an archive; unpack it)" in said and "hw.ipynb.txt" in said


def test_nothing_in_a_name_commands_the_terminal(place, capsys):
    wild = "\x1b]0;owned\x07\x1b[31mred\u202e\x9b2J\r\n"
    place.put(f"{wild}.ipynb", f"{wild}.zip")
    assert place.run(*place.roster(f'student,file\n"{wild}x",nowhere.ipynb\n')) == 0
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert "\\x1b[31mred\\u202e\\x9b2J" in said
    assert all(char.isprintable() or char in "\r\n" for char in said), "the bar's own returns apart"
    for name in ("grades.csv", "left-out.csv", "canvas.csv", "moodle.csv"):
        text = (place.out / name).read_text("utf-8")
        assert all(char.isprintable() or char in "\r\n" for char in text), name


# -- whose ------------------------------------------------------------------------------------------

PATHS = {
    "Ada L_111_assignsubmission_file_/hw.ipynb": ("moodle", "111"),
    "Ada L_111_assignsubmission_file/Bob B_222_assignsubmission_file_/hw.ipynb": ("moodle", "111"),
    "Ada L_111_assignsubmission_file/bob_222_333_hw.ipynb": ("moodle", "111"),
    "all/Ada L_111_assignsubmission_file/hw.ipynb": ("moodle", "111"),
    "Ada_5_6_7_assignsubmission_file/hw.ipynb": ("moodle", "7"),
    "Ada_8_assignsubmission_onlinetext_/hw.ipynb": ("moodle", "8"),
    "lovelaceada_1234_56789_hw.ipynb": ("canvas", "1234"),
    "lovelaceada_LATE_1234_56789_hw.ipynb": ("canvas", "1234"),
    "lovelaceada_1234_56789_hw/bob_222_333_hw.ipynb": ("canvas", "1234"),
    "lovelaceada_1234_56789_hw/Bob_222_assignsubmission_file_/x.ipynb": ("canvas", "1234"),
    "Bob_222_assignsubmission_file_.ipynb": (None, None),
    "hw.ipynb": (None, None),
}


@pytest.mark.parametrize("path", PATHS)
def test_the_outermost_name_decides(tmp_path, path):
    owner = folder.identify(tmp_path / path, tmp_path, folder.Roster(), ["hw.ipynb"])
    system, number = PATHS[path]
    assert {key: value for key, value in owner.ids.items() if key in ("canvas", "moodle")} == ({system: number} if system else {})
    inner = [part for part in path.split("/")[1:] if "222" in part]
    assert any("222" in note and "outermost name decided" in note for note in owner.notes) == bool(inner and system)


def test_a_corrected_roster_is_followed_without_grading(place):
    place.put("ada.ipynb", "bob.ipynb")
    first = "file,student,name,email,login,canvas,moodle\nada.ipynb,ada,Ada,a@x,al,1,11\nbob.ipynb,bob,Bob,b@x,bl,2,22\n"
    assert place.run(*place.roster(first)) == 0 and len(place.graded) == 2
    corrected = first.replace("Ada,a@x,al,1,11", "Ada L,new@x,new,9,99")
    assert place.run(*place.roster(corrected)) == 0 and place.graded == []
    canvas = {row["Student"]: row for row in place.rows("canvas.csv")}
    assert canvas["Ada L"]["ID"] == "9" and canvas["Ada L"]["SIS Login ID"] == "new" and "Ada" not in canvas
    moodle = {row["Full name"]: row for row in place.rows("moodle.csv")}
    assert moodle["Ada L"]["Identifier"] == "Participant 99" and moodle["Ada L"]["Email address"] == "new@x"
    assert place.run() == 0 and len(place.graded) == 2, "without a roster nobody owns them, and the parameters are others"
    assert len(place.rows("canvas.csv")) == 1 and place.rows("moodle.csv") == []
    assert place.run(*place.roster(corrected.replace("ada,", "eve,", 1))) == 0
    assert [row["student"] for row in place.rows()] == ["eve", "bob"]


def test_everyone_on_the_roster_has_a_row(place, capsys):
    place.put("ada.ipynb", "stranger.ipynb")
    assert place.run(*place.roster("student,file,canvas\nada,ada.ipynb,1\nbob,bob.ipynb,2\ncarol,,\n")) == 0
    rows = {row["student"]: row for row in place.rows()}
    assert rows["bob"]["look at"] == rows["carol"]["look at"] == "handed nothing in" and rows["bob"]["points"] == ""
    assert rows["ada"]["points"] == "9" and "Nobody on the roster has this file" in rows["stranger"]["look at"]
    assert [row["ID"] for row in place.rows("canvas.csv")] == ["", "1"]
    assert "2 on the roster handed in no notebook: bob, carol" in capsys.readouterr().err


def test_what_is_ambiguous_stands_in_no_import_file_and_is_named(place, capsys):
    place.put(
        "A_1_assignsubmission_file_/one.ipynb", "A_1_assignsubmission_file_/two.ipynb", "B_2_assignsubmission_file_/b.ipynb"
    )
    place.put("ada_7_1_hw.ipynb", "ada_7_2_hw.ipynb", "bob_8_1_hw.ipynb")
    assert place.run() == 1
    assert [row["Identifier"] for row in place.rows("moodle.csv")] == ["Participant 2"]
    assert [row["ID"] for row in place.rows("canvas.csv")] == ["", "8"]
    said = capsys.readouterr().err
    assert "4 stand in no import file" in said and "one.ipynb" in said and "ada_7_2_hw.ipynb" in said and "b.ipynb" not in said
    looks = [row["file"] for row in place.rows() if "It stands in no import file" in row["look at"]]
    assert len(looks) == 4
    chosen = "student,file,moodle\nada,A_1_assignsubmission_file_/two.ipynb,1\n"
    place.run(*place.roster(chosen))
    assert {row["Identifier"] for row in place.rows("moodle.csv")} == {"Participant 1", "Participant 2"}
    capsys.readouterr()


def test_two_files_of_one_student_of_the_roster_are_ambiguous(place):
    place.put("a1.ipynb", "a2.ipynb")
    assert place.run(*place.roster("student,file,email\nada,a1.ipynb,a@x\nada,a2.ipynb,a@x\n")) == 1
    assert place.rows("moodle.csv") == []


def test_two_files_of_one_entry_in_gradescope_are_each_told_once(tmp_path):
    """What an entry says holds for all of its files, and what is said of one of them for that one alone."""
    said = systems.Said({"name": "Ada", "gradescope": "5"}, notes=["From Gradescope."])
    (tmp_path / "class.csv").write_text("student,email,name\nbob,b@x,Bob\n")
    roster = folder.Roster(tmp_path / "class.csv")
    for name in ("a.ipynb", "b.ipynb"):
        owner = folder.identify(tmp_path / "submission_5" / name, tmp_path, roster, [], {"submission_5": said})
        assert owner.notes == ["From Gradescope.", "Nobody on the roster has this file."]
    assert said.notes == ["From Gradescope."] and said.ids == {"name": "Ada", "gradescope": "5"}


def test_a_student_is_who_has_the_same_parameters():
    """As parameters are drawn: capitals do not count, and what capitals make alike is not the same name."""
    one = lambda name, file: {"student": name, "file": file, "notes": []}
    found = folder.note_twins({"a": one("Weiß", "a"), "b": one("WEISS", "b"), "c": one("weiß", "c")})
    assert found["a"]["notes"] == ["The same STUDENT stands in c."] and found["b"]["notes"] == []


def test_every_folder_is_looked_at_where_the_results_lie_among_them(tmp_path, monkeypatch):
    walk = os.walk
    monkeypatch.setattr(folder.os, "walk", lambda *top, **how: (row for row in walk(*top, **how) if row[1].sort() is None))
    for name in ("a", "out", "p"):
        grading.write(tmp_path / "in" / name, {}, "hw.ipynb")
    (tmp_path / "in" / "outside").symlink_to(tmp_path)
    found, left_out = folder.find(tmp_path / "in", tmp_path / "master.ipynb", tmp_path / "in" / "out")
    assert [path.parent.name for path in found] == ["a", "p"]
    assert left_out == [("outside", "a link; put the folder itself there")]


ROSTERS = {
    "semicolons": "student;file\nada;x/hw.ipynb\n",
    "semicolons in a heading": 'student,file,"points; late; by hand"\nada,x/hw.ipynb,\n',
    "a mark in front": "\ufeffstudent,file\nada,x/hw.ipynb\n",
    "capitals and spaces": "Student, File \n ada , x/hw.ipynb \n",
    "rows that end early, and go on": "student,file,name\nada,x/hw.ipynb\nada,y.ipynb,Ada,more,words\n",
    "backslashes": "student,file\nada,x\\hw.ipynb\n",
    "the name alone": "student,file\nada,hw.ipynb\n",
    "another spelling of accents": f"student,file\nada,{unicodedata.normalize('NFD', 'x/hw.ipynb')}\n",
    "empty lines": "\nstudent,file\n,\nada,x/hw.ipynb\n\n".lstrip("\n"),
    "the number of Moodle": "student,moodle\nada,Participant 111\n",
    "a number as spreadsheets keep it": "student,moodle\nada,111.0\n",
}


@pytest.mark.parametrize("how", ROSTERS)
def test_a_roster_reads_as_spreadsheets_save_it(place, how):
    place.put("A_111_assignsubmission_file_/hw.ipynb" if "number" in how else "x/hw.ipynb")
    place.run(*place.roster(ROSTERS[how]))
    assert [row["student"] for row in place.rows()] == ["ada"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("student,file\nada,hw.ipynb\nbob,hw.ipynb\n", "line 3: file 'hw.ipynb' belongs to 'bob', and further up to 'ada'"),
        ("student,canvas\nada,5\nbob,5.0\n", "line 3: canvas"),
        ("student,file\n,hw.ipynb\n", "line 2: the column student is empty"),
        ("name,file\nada,hw.ipynb\n", "needed: student"),
        ("student,name\nada,Ada\n", "has the columns name, student; needed: student, and one of file, canvas, moodle, email"),
        ("student,file\n\xe4,hw.ipynb\n".encode("latin-1"), "CSV UTF-8"),
    ],
)
def test_a_roster_that_does_not_read_is_told_by_line(place, capsys, text, says):
    place.put("hw.ipynb")
    assert place.run(*place.roster(text)) == 2
    said = capsys.readouterr().err.strip()
    assert says in said and len(said.splitlines()) == 1, said


def test_a_name_that_stands_twice_is_nobodys(place):
    """Two folders with a hw.ipynb each: the roster's bare name means neither."""
    place.put("x/hw.ipynb", "y/hw.ipynb")
    place.run(*place.roster("student,file\nada,hw.ipynb\n"))
    assert sorted(row["student"] for row in place.rows()) == ["ada", "hw", "hw"]
    assert [row["look at"] for row in place.rows() if row["student"] == "ada"] == ["handed nothing in"]


def test_no_two_files_share_a_key(tmp_path):
    """128 bits, over names that differ in what a key leaves out: 32 could be made to collide, and one file would be lost."""
    names = ["a b", "a-b", "a_b", "a.b", "a/b", "A b", "ä b", "a\u0301 b", "a  b", "a b ", "a\nb", "-", "--", "\udc80", "ü" * 80]
    keys = {results.key_of(tmp_path / f"{name}.ipynb", tmp_path) for name in names}
    assert len(keys) == len(names) and len({key.lower() for key in keys}) == len(names)
    assert all(len(key.rpartition("-")[2]) == 32 and len(key) < 80 for key in keys)


# -- Moodle's own worksheet ------------------------------------------------------------------------

ENGLISH = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),"
    "Last modified (grade),Feedback comments\r\n"
    '"Participant 111","Ada L",a@x,"Submitted for grading",,11.00,Yes,"Sunday, 1 March 2026, 1:00 PM",-,\r\n'
    '"Participant 222","Bob B",b@x,"No submission",3.00,11.00,Yes,-,"Monday, 2 March 2026, 1:00 PM","so, so"\r\n'
)
GERMAN = (
    "\ufeffID;Vollständiger Name;ID-Nummer;Status;Bewertung;Bestwertung;Bewertung kann geändert werden;"
    "Zuletzt geändert (Abgabe);Zuletzt geändert (Bewertung)\n"
    "Teilnehmer/in111;Ada L;11;Zur Bewertung abgegeben;;11,00;Ja;-;-\n"
    "Teilnehmer/in222;Bob B;11;Keine Abgabe;;11,00;Ja;-;-\n"
)


@pytest.mark.parametrize(("text", "grade"), [(ENGLISH, "9.00"), (GERMAN, "9,00")], ids=["English", "German"])
def test_the_worksheet_that_moodle_gave_is_filled_in_and_nothing_else_changes(place, tmp_path, text, grade):
    place.put("Ada L_111_assignsubmission_file_/hw.ipynb", "Carol_333_assignsubmission_file_/hw.ipynb")
    (tmp_path / "sheet.csv").write_bytes(text.encode("utf-8"))
    assert place.run("--moodle-worksheet", tmp_path / "sheet.csv") == 0
    filled = (place.out / "moodle-worksheet.csv").read_bytes().decode("utf-8")
    delimiter = ";" if text is GERMAN else ","
    assert filled.startswith("\ufeff") == text.startswith("\ufeff") and filled.count("\r\n") == text.count("\r\n")
    before, after = (list(csv.reader(io.StringIO(part), delimiter=delimiter)) for part in (text, filled))
    at = before[0].index("Bewertung" if text is GERMAN else "Grade")
    before[1][at] = grade
    assert after == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENGLISH.replace("11.00", "100.00"), "maximum grade is 100.00, and the problem set has 11 points"),
        (ENGLISH.replace("11.00", "9.00"), "maximum grade is 9.00, and the problem set has 11 points"),
        ("Identifier,Grade\nParticipant 1,\n", "no column holds the maximum grade"),
        ("Name,Grade,Maximum Grade\nAda,,11.00\n", "no column holds participants"),
        ("Identifier,Grade\n", "no grading worksheet"),
        ("", "no grading worksheet"),
        ("a,b\n1\n", "no grading worksheet"),
    ],
)
def test_what_is_no_worksheet_is_told_before_anything_is_graded(place, tmp_path, capsys, text, says):
    place.put("Ada L_111_assignsubmission_file_/hw.ipynb")
    (tmp_path / "sheet.csv").write_text(text, "utf-8")
    assert place.run("--moodle-worksheet", tmp_path / "sheet.csv") == 2 and place.graded == []
    said = capsys.readouterr().err.strip()
    assert says in said and len(said.splitlines()) == 1


def test_strangers_to_a_worksheet_are_named_in_one_order(place, tmp_path, capsys):
    numbers = [f"{number}" for number in range(100, 110)]
    place.put(*(f"Ada L_{number}_assignsubmission_file_/hw.ipynb" for number in numbers))
    (tmp_path / "sheet.csv").write_text("Identifier,Grade,Maximum Grade\nParticipant 1,,11\nParticipant 100,,11\n", "utf-8")
    assert place.run("--moodle-worksheet", tmp_path / "sheet.csv") == 0
    assert f"9 participants do not stand in the worksheet: {', '.join(numbers[1:])}\n" in capsys.readouterr().err


def test_a_command_without_a_word_says_what_it_needs(capsys):
    with pytest.raises(SystemExit) as ended:
        program.main([])
    assert ended.value.code == 2 and "required: SUBMISSIONS, --master, --out" in capsys.readouterr().err


def test_a_worksheet_with_one_row_is_read_by_its_maximum(tmp_path):
    """With one participant every column holds one number: the one that is the set's points counts."""
    (tmp_path / "sheet.csv").write_text("Identifier,ID number,Group,Grade,Maximum Grade\nParticipant 5,77,3,,11.00\n", "utf-8")
    sheet = Worksheet(tmp_path / "sheet.csv", 11)
    assert sheet.filled({"5": 4.5}) == "Identifier,ID number,Group,Grade,Maximum Grade\nParticipant 5,77,3,4.50,11.00\n"


# -- what grading needs ----------------------------------------------------------------------------


def test_the_extra_brings_what_grading_imports(place, capsys, monkeypatch):
    """All that the grader, and the masters' own cells, import and the library alone does not bring."""
    import ast
    import re
    import sys
    from pathlib import Path

    root = Path(program.__file__).parents[2]
    text = (root / "pyproject.toml").read_text("utf-8")
    extra = set(re.findall(r'"([\w-]+)[><=]', re.search(r"^grade = \[(.*)\]", text, re.M)[1]))
    sources = [path.read_text("utf-8") for path in (root / "momentum_lib" / "grade").glob("*.py")]
    for path in (root / "notebooks" / "homework").glob("*.ipynb"):
        sources += [cell.source for cell in Master(path).of("given", "answer", "check")]
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for alias in node.names
    }
    needed = {
        name.lower().replace("yaml", "pyyaml")
        for name in imported - set(sys.stdlib_module_names) - {"numpy", "momentum_lib", "traitlets"}
    }
    assert needed == extra, "traitlets comes with IPython"
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda name: None)
    place.put("a.ipynb")
    assert place.run() == 2 and "grading needs IPython, matplotlib, tqdm, yaml" in capsys.readouterr().err


def test_results_inside_the_folder_are_no_submissions(place):
    place.put("a.ipynb")
    place.out = place.inbox / "out"
    place.run()
    shutil.copy(place.inbox / "a.ipynb", place.out / "b.ipynb")
    place.run()
    assert [row["file"] for row in place.rows()] == ["a.ipynb"] and place.rows("left-out.csv") == []
