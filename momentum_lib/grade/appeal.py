"""Points changed on appeal, with a log of who changed them, when and why.

python -m momentum_lib.grade appeal RESULTS --master MASTER.ipynb --student ada --question q6-check --points 4 \\
    --by "Dr. Noether" --why "The rule was right; its shape was not."
"""

import argparse
import csv
import io
import sys
from datetime import datetime
from pathlib import Path

from . import results
from .problem_set import BadMaster, Master

LOG = "appeals.csv"
HEADER = ["when", "by", "key", "student", "question", "before", "after", "why"]


def parser():
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m momentum_lib.grade appeal",
        description="Change a question's points on appeal: they go into by-hand.csv, and who, when and why into appeals.csv.",
    )
    made.add_argument("results", type=Path, metavar="RESULTS", help="folder with the results of grading")
    made.add_argument("--master", type=Path, required=True, help="the problem set's master notebook")
    made.add_argument("--student", required=True, help="the student, the file or the key, as grades.csv or by-hand.csv has it")
    made.add_argument("--question", required=True, help="the question's name, such as q6-check")
    made.add_argument("--points", type=float, required=True, help="the points that it has from now on")
    made.add_argument("--by", required=True, metavar="WHO", help="who decides")
    made.add_argument("--why", required=True, help="the reason; the student reads it")
    return made


def find(graded, words):
    """The key that a student's name, file or key means.  Raises ValueError where it is none, or several."""
    found = [key for key, each in graded.items() if words in (key, each["student"], each["file"], each.get("owner"))]
    if len(found) != 1:
        which = "; ".join(f"{graded[key]['file']} ({key})" for key in found[:8]) or "none has this name"
        raise ValueError(f"{words!r} does not mean one submission: {which}. Give the file as grades.csv has it, or the key.")
    return found[0]


def change(folder, master, options, now):
    """Write the points and the log; returns the line that says so."""
    names = sorted(path.stem for path in (folder / "students").glob("*.json"))
    graded = {name: each for name in names if (each := results.read_student(folder, name))}
    key = find(graded, options.student)
    result = graded[key]
    most = {cell.question: cell.points for cell in master.of("check", "essay")}
    if options.question not in most:
        raise ValueError(f"there is no question {options.question!r}; known: {', '.join(most)}.")
    if not 0 <= options.points <= most[options.question]:
        raise ValueError(f"--points is {options.points:g}; {options.question} has from 0 to {most[options.question]:g}.")
    if not options.by.strip() or not options.why.strip():
        raise ValueError("--by and --why say who decides, and the reason; write both.")
    machine = {question["question"]: question["points"] for question in result["questions"]}
    given = results.read_by_hand(folder, master)
    before = given.get((key, options.question), (machine.get(options.question), ""))[0]
    line = [now, options.by, key, result["student"], options.question]
    line += ["" if before is None else results.points_text(before), results.points_text(options.points), options.why]
    log(folder, line)
    given[key, options.question] = options.points, options.why
    results.write_by_hand(folder, master, graded, given)
    shown = "no points" if before is None else f"{before:g}"
    return f"{result['student'] or result['file']}, {options.question}: {shown} before, {options.points:g} now; logged in {LOG}."


def log(folder, line):
    """Add a line to the log, which nothing rewrites."""
    text, path = io.StringIO(), folder / LOG
    table = csv.writer(text)
    if not path.exists():
        table.writerow(HEADER)
    table.writerow([results.cell_safe(part) for part in line])
    with open(path, "a", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(text.getvalue())


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        print(change(options.results, Master(options.master), options, now))
    except (BadMaster, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("Run the grading command again: it grades nothing twice and rewrites the tables and the pages.")
    return 0
