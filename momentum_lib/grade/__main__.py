"""Grade a folder of submissions.

python -m momentum_lib.grade SUBMISSIONS --master MASTER.ipynb --out RESULTS
"""

import argparse
import csv
import os
import re
import sys
from functools import partial
from pathlib import Path

from . import results
from .grading import file_digest, grade_next, ungraded
from .parallel import in_turn
from .problem_set import BadMaster, Master
from .sandbox import Limits, NoSandbox, limits_of, readable_from_inside, require_sandbox

CANVAS = re.compile(r"^(?P<name>[^_]+?)_(?:LATE_)?(?P<canvas>\d+)_\d+_.+$")
MOODLE = re.compile(r"^(?P<name>.+)_(?P<moodle>\d+)_assignsubmission_file_?$")

EXAMPLES = """\
examples:
  python -m momentum_lib.grade handed-in --master notebooks/homework/1-idea.ipynb --out results
  python -m momentum_lib.grade handed-in --master 1-idea-master.ipynb --out results --roster class.csv --jobs 4

what is written to RESULTS:
  grades.csv              one row a student, one column a question
  canvas.csv, moodle.csv  for the two systems' grade import
  by-hand.csv             fill in points for what a person grades, then run the same command again
  feedback/KEY.html       one page a student
  students/KEY.json       everything that is known; a second run grades only what has changed

exit codes: 0 all graded; 1 some submissions could not be read; 2 wrong use, no sandbox; 130 interrupted
"""


def parser():
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m momentum_lib.grade",
        description="Grade a folder of submissions, each in a sandbox of its own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="folder with notebooks, in subfolders or not")
    made.add_argument("--master", type=Path, required=True, help="the problem set's master notebook")
    made.add_argument("--out", type=Path, required=True, metavar="RESULTS", help="folder for the results")
    made.add_argument(
        "--roster", type=Path, help="CSV with columns file (or canvas or moodle) and student, and optionally name, email, login"
    )
    made.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="submissions graded at once (default: one a processor)"
    )
    made.add_argument("--redo", action="store_true", help="grade again what has been graded")
    made.add_argument("--trust", action="store_true", help="run without a sandbox; every submission can then do what you can")
    made.add_argument("--cell-seconds", type=float, default=Limits.cell, help="time limit for one cell (default %(default)g)")
    made.add_argument(
        "--total-seconds", type=float, default=Limits.total, help="time limit for one submission (default %(default)g)"
    )
    made.add_argument(
        "--memory-mb", type=float, default=Limits.memory / 2**20, help="memory for one submission (default %(default)g)"
    )
    return made


def identify(path, root, roster):
    """Who handed a file in: ``(owner or None, ids)``, from the roster or from the names that Canvas and Moodle give."""
    ids = {}
    for text, pattern in ((path.name, CANVAS), *((part, MOODLE) for part in path.relative_to(root).parent.parts)):
        found = pattern.match(text)
        if found:
            ids |= found.groupdict()
    for column, value in (
        ("file", path.relative_to(root).as_posix()),
        ("file", path.name),
        *((k, ids[k]) for k in ("canvas", "moodle") if k in ids),
    ):
        row = roster.get((column, value))
        if row:
            return row["student"], ids | {k: row[k] for k in ("name", "email", "login", "canvas", "moodle") if row.get(k)}
    return None, ids


def read_roster(path):
    """The roster as {(column, value): row}.  Raises ValueError where a column is missing."""
    if path is None:
        return {}
    with open(path, encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        columns = set(table.fieldnames or ())
        if "student" not in columns or not columns & {"file", "canvas", "moodle"}:
            raise ValueError(
                f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; needed: student, and one of file, canvas, "
                f"moodle."
            )
        return {(column, row[column]): row for row in table for column in ("file", "canvas", "moodle") if row.get(column)}


def find(folder, master, out):
    """The notebooks below a folder, sorted; hidden folders, checkpoints, links, the master and the results are left out."""
    found, master, out = [], Path(master).resolve(), Path(out).resolve()
    for path in sorted(folder.rglob("*.ipynb")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        ours = path.resolve() == master or (out != folder.resolve() and path.resolve().is_relative_to(out))
        if path.is_file() and not path.is_symlink() and not hidden and not ours:
            found.append(path)
    return found


def still_good(old, path, master, owner):
    """Whether a result that lies there is of this very file, master and owner."""
    return (
        bool(old)
        and not old.get("again")
        and old.get("digest") == file_digest(path)
        and old.get("master") == master.digest
        and old.get("owner") == owner
    )


def grade_all(options, master):
    """Grade what has not been graded; returns {key: result}."""
    from tqdm import tqdm

    roster = read_roster(options.roster)
    limits = limits_of(cell=options.cell_seconds, total=options.total_seconds, memory=int(options.memory_mb * 2**20))
    files = find(options.submissions, options.master, options.out)
    if not files:
        raise ValueError(f"{options.submissions} holds no notebook (.ipynb). Unpack the submissions there first.")
    done, todo = {}, {}
    for path in files:
        key = results.key_of(path, options.submissions)
        owner, ids = identify(path, options.submissions, roster)
        old = None if options.redo else results.read_student(options.out, key)
        if still_good(old, path, master, owner):
            done[key] = old
        else:
            todo[key] = path, owner, ids
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print("You grade as root; an ordinary account is safer.", file=sys.stderr)
    print(f"{len(files)} submissions: {len(done)} graded before, {len(todo)} to grade, {options.jobs} at a time.")
    work = partial(grade_next, master, limits=limits, sandboxed=not options.trust)
    tasks = {key: (path, owner) for key, (path, owner, _) in todo.items()}
    for key, result in tqdm(in_turn(work, tasks, options.jobs), total=len(tasks), unit="notebook", disable=not todo):
        path, owner, ids = todo[key]
        if isinstance(result, Exception):  # ours, not the student's: said in the tables, and the others go on
            result = ungraded(master, path, owner, result)
        result |= {"file": path.relative_to(options.submissions).as_posix(), "master": master.digest, "owner": owner, "ids": ids}
        results.write_student(options.out, key, result)
        done[key] = result
    return dict(sorted(done.items()))


def note_twins(graded):
    """A note on every result that shares its STUDENT (so its parameters) or its place in Canvas or Moodle with another."""
    shared = {}
    for key, result in graded.items():
        for what, value in {"STUDENT": result["student"].lower(), **result.get("ids", {})}.items():
            if what in ("STUDENT", "canvas", "moodle") and value:
                shared.setdefault((what, value), []).append(key)
    for (what, _), keys in shared.items():
        for key in keys if len(keys) > 1 else ():
            others = ", ".join(graded[other]["file"] for other in keys[:8] if other != key)[:300]
            note = f"The same {'STUDENT' if what == 'STUDENT' else what.title() + ' number'} stands in {others}."
            graded[key] = graded[key] | {"notes": [*graded[key]["notes"], note]}
    return graded


def reject_exposed(options):
    """Raise ValueError where a submission could read the master, the results or its neighbours."""
    for path in (options.master, options.submissions, options.out):
        shown = readable_from_inside(path)
        if shown:
            raise ValueError(
                f"{path} lies in {shown}, which every submission can read from inside the sandbox. Move it elsewhere."
            )


def write_all(options, master, graded):
    """The tables and the pages."""
    results.write_by_hand(options.out, master, graded)
    by_hand = results.read_by_hand(options.out, master)
    for key, result in graded.items():
        results.write_text(options.out / "feedback" / f"{key}.html", results.feedback_page(master, result, by_hand, key))
    results.write_tables(options.out, master, graded)


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        if not options.submissions.is_dir():
            raise ValueError(f"{options.submissions} is no folder; give the folder that holds the submissions.")
        if options.jobs < 1:
            raise ValueError(f"--jobs is {options.jobs}; allowed: a whole number >= 1.")
        if options.trust:
            print("No sandbox, as you asked: the submissions run with your rights.", file=sys.stderr)
        else:
            reject_exposed(options)
            require_sandbox()
        master = Master(options.master)
        options.out.mkdir(parents=True, exist_ok=True)
        results.read_by_hand(options.out, master)
        graded = note_twins(grade_all(options, master))
        write_all(options, master, graded)
    except (NoSandbox, BadMaster, ValueError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What was graded is kept; the same command goes on from there.", file=sys.stderr)
        return 130
    unreadable = [result["file"] for result in graded.values() if "unreadable" in result]
    print(f"{len(graded)} graded; the tables and pages are in {options.out}.")
    if unreadable:
        print(f"{len(unreadable)} could not be read and have no points: {', '.join(unreadable)[:500]}", file=sys.stderr)
    return 1 if unreadable else 0


if __name__ == "__main__":
    sys.exit(main())
