"""The instructor's guide to the letter: its commands exist and run, its question grades, its tables say what is there."""

import csv
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import grading
import pytest

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import appeal, editions, syscalls
from momentum_lib.grade.grading import grade
from momentum_lib.grade.problem_set import Master, leaks
from momentum_lib.grade.sandbox import Limits

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "book" / "instructors.md").read_text("utf-8")
MASTERS = sorted((ROOT / "notebooks" / "homework").glob("*.ipynb"))


def blocks(language):
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.M | re.S)


COMMANDS = [line for block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()]


def section(title):
    """The text below a heading, up to the next one of its rank or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", GUIDE, re.M | re.S)
    assert found, title
    return found[2]


def test_every_make_command_exists():
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = set(re.findall(r"`make ([\w-]+)`", GUIDE)) | {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"homework", "slides", "figures", "pdf", "notebooks"} <= named <= targets


def test_every_grading_command_is_understood_and_names_a_master_that_exists():
    lines = [shlex.split(line) for line in COMMANDS if "momentum_lib.grade" in line]
    assert len(lines) >= 3
    for words in lines:
        if words[3] == "new-set":
            assert editions.key_of(editions.parser().parse_args(words[4:]).seed)
            continue
        made = appeal.parser() if words[3] == "appeal" else program.parser()
        options = made.parse_args(words[4:] if words[3] == "appeal" else words[3:])
        assert options.master.parent.as_posix() == "private/masters" and options.master.name in {path.name for path in MASTERS}
    for option in re.findall(r"`(--[\w-]+)`", GUIDE):
        assert option in program.parser().format_help(), option


def test_the_grading_commands_run_in_their_order(tmp_path, monkeypatch):
    """A folder, a list of the class, points by hand, everything again: as the guide says it."""
    master = grading.master(tmp_path)
    grading.write(tmp_path / "handed-in", grading.with_cells({"q1": "wrong"}), "ada.ipynb")
    (tmp_path / "class.csv").write_text("student,file\nada,ada.ipynb\n", "utf-8")
    (tmp_path / "worksheet.csv").write_text("Identifier,Name,Grade,Maximum Grade\nParticipant 1,Ada,,11.00\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "results"
    for line in (line for line in COMMANDS if "momentum_lib.grade" in line):
        words = shlex.split(line)[3:]
        if words[0] == "new-set":
            continue
        words[words.index("--master") + 1] = str(master.path)
        if words[0] == "appeal":
            assert program.main(words) == 0
            continue
        assert program.main([*words, "--jobs", "1"]) == 0
        with open(out / "by-hand.csv", newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        by_name = [dict(zip(header, row)) for row in rows]
        if not any(row["question"] == "q1-check" for row in by_name):
            by_name.append({"key": by_name[0]["key"], "question": "q1-check", "points": "2"})
        program.results.write_table(out / "by-hand.csv", header, [[row.get(name, "") for name in header] for row in by_name])
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["student"] == "ada" and row["q1-check"] == "2" and row["points"] == "8"
    for name in re.findall(r"`([\w-]+(?:\.csv|/))`", section("Grade").split("### Points by hand")[0].split("With a list")[0]):
        assert (out / name).exists(), name


def test_make_homework_makes_what_the_guide_says(tmp_path):
    command = re.search(r"^homework:.*\n\t(.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1]
    assert "momentum_lib.grade.problem_set notebooks/homework/*.ipynb --out _build/homework" in command
    from momentum_lib.grade import problem_set

    problem_set.main([*map(str, MASTERS), "--out", str(tmp_path)])
    assert {"1-idea.ipynb", "1-idea-instructor.zip"} <= {path.name for path in tmp_path.iterdir()}


def test_an_edition_of_ones_own_lies_where_the_guide_says(tmp_path, monkeypatch):
    (line,) = (line for line in COMMANDS if "new-set" in line)
    monkeypatch.chdir(tmp_path)
    assert program.main([*shlex.split(line)[3:], str(MASTERS[0])]) == 0
    made = {path.relative_to(tmp_path / "private").as_posix() for path in (tmp_path / "private").rglob("*") if path.is_file()}
    assert made == {"1-idea.ipynb", "1-idea-instructor.zip", "masters/1-idea.ipynb"}
    text = section("Assign")
    assert all(f"`{name}`" in text for name in ("1-idea.ipynb", "1-idea-instructor.zip", "masters"))
    assert f"fewer than {'twelve' if editions.SHORTEST_SEED == 12 else editions.SHORTEST_SEED} characters" in text
    by_hand = [Master(path).points[1] for path in MASTERS]
    assert f"{min(by_hand):g} to {max(by_hand):g} of the 60 points" in text


def test_the_question_that_the_guide_adds_is_graded_and_its_mistake_named(tmp_path):
    answer, check = blocks("python")
    made = grading.small_set()
    made["cells"] += [
        grading.text("## 5. Overshoot", "q5-text"),
        grading.code(answer, "q5", grading.role("q5", solution=True)),
        grading.code(check, "q5-check", grading.role("q5-check", grade=True, points=1)),
    ]
    master = Master(grading.write(tmp_path, made))
    assert leaks(master, master.student_copy()) == []
    assert grading.points(grade(master, master.path))["q5-check"] == 1
    wrong = grading.with_cells({"q5": answer.replace("1 - beta", "1 + beta")}, made)
    said = grade(master, grading.write(tmp_path, wrong, "wrong.ipynb"))["questions"][-1]
    assert said["points"] == 0 and "alternates (chapter 3)" in said["said"]


def test_the_limits_are_those_of_the_sandbox():
    text = section("What the sandbox protects against, and what it does not")
    limits = Limits()
    assert f"for a cell {limits.cell:g} seconds, for a call {limits.call:g}, for everything that one question" in text
    assert f"needs {limits.total:g} (" in text and f"and {limits.total:g} for all cells that no question needs" in text
    assert f"{limits.memory >> 30} GB of address space" in text and f"{limits.disk >> 20} MB of files" in text
    refused = len(syscalls.REFUSED) + len(syscalls.REACHING) + len(syscalls.SOCKETS) + len(syscalls.SIGNALS) + 4
    assert "some fifty system calls" in text and 44 <= refused <= 55


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_the_problem_sets_tell_the_limits(path):
    limits, (title,) = Limits(), (cell for cell in Master(path).cells if cell.id == "title")
    assert f"a cell may compute for {limits.cell:g} seconds" in title.source
    assert f"one call of a function that you wrote for {limits.call:g}" in title.source
    assert f"everything for one question for {limits.total:g}" in title.source


def test_objectives_and_plans_name_chapters_that_exist():
    chapters = {path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    table = (ROOT / "book" / "_gen" / "objectives.md").read_text("utf-8")
    assert "_gen/objectives.md" in section("What students can do afterwards")
    assert set(re.findall(r"</notebooks/(\d[\w-]+)>", table)) == chapters
    for words in re.findall(r"chapters? (\d+)(?: and (\d+))?", section("Plans")):
        for number in filter(None, words):
            assert any(name.startswith(f"{int(number):02}-") for name in chapters), number


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_masters_are_in_nbgraders_format(path):
    """Schema 3 of nbgrader's cell metadata: which fields there are, and what a cell may be."""
    names = set()
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        meta = cell["metadata"].get("nbgrader")
        if meta is None:
            continue
        graded = meta["grade"]
        assert set(meta) == {"grade", "grade_id", "locked", "schema_version", "solution", "task"} | (
            {"points"} if graded else set()
        )
        assert meta["schema_version"] == 3 and meta["task"] is False
        assert all(type(meta[key]) is bool for key in ("grade", "locked", "solution"))
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", meta["grade_id"]) and meta["grade_id"] not in names
        assert meta["locked"] is not meta["solution"]
        if graded:
            assert type(meta["points"]) in (int, float) and meta["points"] > 0
        assert cell["cell_type"] == "code" or (graded and meta["solution"])
        names.add(meta["grade_id"])


# -- previews and slides -----------------------------------------------------------------------------------


def generator(name, monkeypatch):
    from importlib import util

    monkeypatch.syspath_prepend(str(ROOT / "book" / "_gen"))
    spec = util.spec_from_file_location(Path(name).stem + "_script", ROOT / "book" / name)
    module = util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_a_preview_holds_every_question_and_no_secret(path, monkeypatch):
    made = generator("_gen/homework.py", monkeypatch)
    master, page = Master(path), made.page(path)
    assert page == (ROOT / "book" / "_gen" / f"homework-{path.stem[0]}.md").read_text("utf-8")
    as_notebook = {"cells": [{"source": page}]}
    assert leaks(master, as_notebook) == []
    assert page.count("\n## ") == len({cell.title for cell in master.of("check", "essay")})
    assert f"| **together** | **{master.points[0]:g}** | **{master.points[1]:g}** |" in page
    shell = (ROOT / "book" / f"homework-{path.stem[0]}.md").read_text("utf-8")
    assert f"# {master.title}\n" in shell and f'href="../homework/{path.name}"' in shell


def test_figures_are_those_of_a_built_page(tmp_path, monkeypatch, capsys):
    slides = generator("figures.py", monkeypatch)
    monkeypatch.setattr(slides, "drawer", lambda: (None, None))
    site, out = tmp_path / "site", tmp_path / "out"
    for place in ("notebooks", "_images", "_downloads"):
        (site / place).mkdir(parents=True)
    (site / "_images" / "a-light.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    (site / "_downloads" / "film.gif").write_bytes(b"GIF89a")
    state = json.dumps({"beta": 0.9})
    (site / "notebooks" / "03-x.html").write_text(
        "<article><h1>A <b>title</b><a class='headerlink'>#</a></h1><figure id='fig-one'><img class='only-light' "
        "src='../_images/a-light.svg' alt='A &lt; B'>"
        "<img class='only-dark' src='../_images/a-dark.svg'><figcaption>Seen <i>here</i></figcaption></figure>"
        f"<div class='live-figure' data-figure='dial' data-state='{state}'><figure><img src='../_images/a-light.svg' "
        f"alt='Live'></figure></div>"
        "<a class='reference download' href='../_downloads/film.gif'>The film</a></article>",
        "utf-8",
    )
    assert slides.main(["--site", str(site), "--out", str(out)]) == 0
    assert {path.name for path in (out / "03-x").iterdir()} == {
        "01-one.svg",
        "02-dial.svg",
        "02-dial.png",
        "03-film.gif",
    }
    png = (out / "03-x" / "02-dial.png").read_bytes()
    assert int.from_bytes(png[16:20], "big") == slides.WIDTH
    page = (out / "index.html").read_text("utf-8")
    assert "A &lt; B" in page and "Seen here" in page and "<h2>A title</h2>" in page and "CC BY 4.0" in page
    shutil.rmtree(site / "notebooks")
    assert slides.main(["--site", str(site), "--out", str(out)]) == 2 and "no built chapter" in capsys.readouterr().err
