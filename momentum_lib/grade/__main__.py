"""Grade a folder of submissions, or make an edition of your own of the problem sets.

python -m momentum_lib.grade SUBMISSIONS --master MASTER.ipynb --out RESULTS
python -m momentum_lib.grade new-set --seed TEXT --out FOLDER
python -m momentum_lib.grade appeal RESULTS --master MASTER.ipynb --student WHO --question NAME --points N --by WHO --why TEXT
"""

import argparse
import importlib
import importlib.util
import os
import sys
from functools import partial
from pathlib import Path

from .. import cluster
from ..cluster import ClusterError
from . import gradescope, results
from .folder import NOTHING, Roster, absent, find, identify, note_twins, printable
from .grading import LARGEST_FILE, file_digest, grade_next, grade_sent, ungraded
from .late import Policy, moment, settle
from .moodle import Worksheet
from .parallel import in_turn
from .problem_set import BadMaster, Master
from .reading import PAGE, reading_page
from .sandbox import Limits, NoSandbox, limits_of, readable_from_inside, require_sandbox
from .systems import read_exports

EXAMPLES = """\
examples:
  python -m momentum_lib.grade handed-in --master notebooks/homework/1-idea.ipynb --out results
  python -m momentum_lib.grade handed-in --master 1-idea-master.ipynb --out results --roster class.csv --jobs 4
  python -m momentum_lib.grade new-set --seed "words that nobody else knows" --out private   (new-set --help says more)
  python -m momentum_lib.grade handed-in --master 1-idea-master.ipynb --out results --on dask:tcp://head:8786

what is written to RESULTS:
  grades.csv              one row a student, one column a question
  canvas.csv, moodle.csv  for the two systems' grade import
  gradescope.zip          for Gradescope: an autograder that hands back what was graded here
  moodle-worksheet.csv    the worksheet that you gave (--moodle-worksheet), with the grades
  left-out.csv            every file that was not graded, and why
  by-hand.csv             fill in points for what a person grades, then run the same command again
  by-hand.html            what is read for that: each open question's mark scheme, and everybody's text below it
  feedback/KEY.html       one page a student
  students/KEY.json       everything that is known; a second run grades only what has changed

  appeals.csv             who changed points on appeal, when and why: python -m momentum_lib.grade appeal --help

exit codes: 0 all graded; 1 some submissions could not be read, or it is not clear whose they are;
  2 wrong use, no sandbox; 130 interrupted
"""

COMMANDS = {"new-set": ".editions", "appeal": ".appeal"}
"""What stands in the place of a folder to grade, and the module whose ``main(arguments)`` does it."""


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
        "--roster",
        type=Path,
        help="CSV with columns student and file (or canvas, moodle, email), and optionally name, login, due",
    )
    made.add_argument("--jobs", type=int, help="submissions graded at once (default: one a processor)")
    made.add_argument("--on", metavar="CLUSTER", help=cluster.ON_HELP)
    made.add_argument("--redo", action="store_true", help="grade again what has been graded")
    made.add_argument("--trust", action="store_true", help="run without a sandbox; every submission can then do what you can")
    made.add_argument(
        "--moodle-worksheet", type=Path, metavar="FILE", help="the grading worksheet that Moodle gave you, to be filled in"
    )
    made.add_argument(
        "--due", metavar="TIME", help="when it is due, such as 2026-10-05T23:59+02:00; what is late is said, no more"
    )
    made.add_argument(
        "--grace", type=float, default=0.0, metavar="MINUTES", help="minutes after that which cost nothing (default %(default)g)"
    )
    made.add_argument(
        "--late-deduction",
        type=float,
        default=0.0,
        metavar="PERCENT",
        help="percent of the points to deduct for each started day (default %(default)g)",
    )
    made.add_argument(
        "--repeated",
        choices=["ask", "latest"],
        default="ask",
        help="of several files for one place: none counts until you choose (ask, the default), or the latest one counts",
    )
    made.add_argument(
        "--cell-seconds", type=float, default=Limits.cell, help="processor time for one cell, in seconds (default %(default)g)"
    )
    made.add_argument(
        "--total-seconds",
        type=float,
        default=Limits.total,
        help="processor time for one question, its cells and calls together (default %(default)g)",
    )
    made.add_argument(
        "--memory-mb", type=float, default=Limits.memory / 2**20, help="memory for one submission (default %(default)g)"
    )
    return made


def still_good(old, path, master, owner):
    """Whether a result that lies there is of this very file, master and owner."""
    return (
        bool(old)
        and not old.get("again")
        and old.get("digest") == file_digest(path)
        and old.get("master") == master.digest
        and old.get("owner") == owner
    )


def grade_all(options, master, roster, files, limits, times):
    """Grade what has not been graded; returns {key: result}.  ``times``: when each participant of Moodle's handed in."""
    from tqdm import tqdm

    done, waiting, owners = {}, {}, {}
    exports = read_exports(options.submissions)
    names = [path.name for path in files]
    for path in files:
        key = results.key_of(path, options.submissions)
        owners[key] = identify(path, options.submissions, roster, names, exports)
        old = None if options.redo else results.read_student(options.out, key)
        if still_good(old, path, master, owners[key].student):
            done[key] = old
        else:
            waiting[key] = path, owners[key].student
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        say("You grade as root; an ordinary account is safer.", sys.stderr)
    how = f"by the workers at {options.on}" if options.on else f"{options.jobs} at a time"
    kind = "submission" if len(files) == 1 else "submissions"
    say(f"{len(files)} {kind}: {len(done)} graded before, {len(waiting)} to grade, {how}.")
    grade_here = partial(grade_next, master, limits=limits, sandboxed=not options.trust)
    made = on_cluster(options, master, waiting, limits, grade_here) if options.on else in_processes(options, waiting, grade_here)
    for key, result in tqdm(made, total=len(waiting), unit="notebook", disable=not waiting):
        path, owner = waiting[key]
        if isinstance(result, ClusterError) and not isinstance(result, cluster.Died):
            raise result
        if isinstance(result, Exception):  # ours, not the student's: said in the tables, and the others go on
            result = ungraded(master, path, owner, result)
        name = path.relative_to(options.submissions).as_posix()
        done[key] = result | {"file": name, "master": master.digest, "owner": owner, "ids": owners[key].ids}
        results.write_student(options.out, key, done[key])
    for key, owner in owners.items():  # who it is may have changed, and costs no grading
        if done[key].get("ids") != owner.ids:
            results.write_student(options.out, key, done[key] | {"ids": owner.ids})
        done[key] = done[key] | about(owner, done[key]["notes"], times)
    return dict(sorted(done.items()))


def about(owner, notes, times):
    """What is known of a result beside its points, as a dict: whose it is, when it came, and what a person should see."""
    at = owner.said.at or times.get(owner.ids.get("moodle"))
    due = moment(owner.due, f"due of {owner.student!r} in the roster") if owner.due else None
    known = {"at": at, "due": due, "late": owner.said.late, "order": owner.said.order, "told": notes}
    return known | {"ids": owner.ids, "sure": owner.sure, "notes": [*notes, *owner.notes]}


def policy_of(options):
    """What is asked for late and repeated submissions.  Raises ValueError for what makes no sense."""
    if not 0 <= options.late_deduction <= 100:
        raise ValueError(f"--late-deduction is {options.late_deduction:g}; allowed: percent of the points, from 0 to 100.")
    if not 0 <= options.grace < float("inf"):
        raise ValueError(f"--grace is {options.grace:g}; allowed: minutes, a number >= 0.")
    due = moment(options.due, "--due") if options.due else None
    if options.late_deduction and due is None:
        raise ValueError("--late-deduction needs --due, the time after which a submission is late.")
    return Policy(due, options.grace, options.late_deduction, options.repeated == "latest")


def in_processes(options, waiting, grade_here):
    """(key, result or error) of each submission that waits, from processes of this machine."""
    return in_turn(grade_here, waiting, max(1, min(options.jobs, len(waiting))))


def on_cluster(options, master, waiting, limits, grade_here):
    """The same from a cluster's workers, which get each notebook's bytes; what cannot be sent is told here."""
    sent = {}
    for key, (path, owner) in waiting.items():
        try:
            content = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else None
        except OSError:
            content = None
        if content is None:
            yield key, grade_here(path, owner)
        else:
            sent[key] = path.name, content, owner
    if not sent:
        return
    work = partial(grade_sent, master, limits=limits, sandboxed=not options.trust)
    with cluster.connect(options.on) as crew:
        say(f"{crew.workers} workers at {options.on}" + ("." if crew.workers else "; they begin when one comes."))
        yield from crew.in_turn(work, sent)


def check_jobs(options):
    """Set how many are graded at once, where this machine decides it; raises ValueError for what cannot be."""
    if options.on is None:
        options.jobs = (os.cpu_count() or 1) if options.jobs is None else options.jobs
        if options.jobs < 1:
            raise ValueError(f"--jobs is {options.jobs}; allowed: a whole number >= 1.")
        return
    cluster.address(options.on)
    if options.jobs is not None:
        raise ValueError("--jobs counts processes of this machine, --on has the workers that there are; leave one of them out.")


def say(text, file=None):
    """Print a line in which nothing is a command to the terminal."""
    print(printable(text), file=file or sys.stdout)


def say_some(number, what, items):
    """Print how many there are of something a person must see, and the first of them."""
    most = 20
    say(f"{number} {what}: {', '.join(items[:most])}" + (", ..." if len(items) > most else ""), sys.stderr)


def submissions(options):
    """(the notebooks to grade, the other files with the reason), the others named.  Raises ValueError where there is none."""
    files, left_out = find(options.submissions, options.master, options.out)
    named = [f"{name} ({why})" for name, why in left_out if why != "no notebook"]
    if not files:
        others = f" What is there: {'; '.join(named[:5])}." if named else ""
        raise ValueError(f"{options.submissions} holds no notebook (.ipynb). Unpack the submissions there first.{others}")
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [[results.cell_safe(name), results.cell_safe(why)] for name, why in left_out]
    results.write_table(options.out / "left-out.csv", ["file", "why"], rows)
    if named:
        say_some(len(named), f"{'file is' if len(named) == 1 else 'files are'} left out (all are in left-out.csv)", named)
    return files, left_out


def reject_exposed(options):
    """Raise ValueError where a submission could read the master, the results or its neighbours."""
    for path in (options.master, options.submissions, options.out):
        shown = readable_from_inside(path)
        if shown:
            raise ValueError(
                f"{path} lies in {shown}, which every submission can read from inside the sandbox. Move it elsewhere."
            )


def write_all(options, master, graded, absentees, worksheet):
    """The tables and the pages."""
    results.write_by_hand(options.out, master, graded)
    by_hand = results.read_by_hand(options.out, master)
    for key, result in graded.items():
        results.write_text(options.out / "feedback" / f"{key}.html", results.feedback_page(master, result, by_hand, key))
    results.write_text(options.out / PAGE, reading_page(master, graded, by_hand))
    results.write_tables(options.out, master, graded, absentees)
    handed_back = {
        result["ids"]["gradescope"]: gradescope.results_json(master, result, by_hand, key, results.total(result, by_hand, key))
        for key, result in graded.items()
        if "gradescope" in result["ids"] and results.counts(result)
    }
    if handed_back:
        results.write_bytes(options.out / "gradescope.zip", gradescope.archive(handed_back))
    if worksheet:
        points = {
            result["ids"]["moodle"]: results.total(result, by_hand, key)
            for key, result in graded.items()
            if "moodle" in result["ids"] and results.counts(result)
        }
        results.write_text(options.out / "moodle-worksheet.csv", worksheet.filled(points))
        strangers = sorted(set(points) - worksheet.participants)
        if strangers:
            who = "participant does" if len(strangers) == 1 else "participants do"
            say_some(len(strangers), f"{who} not stand in the worksheet", strangers)


def require_modules():
    """Raise ValueError where something is missing that grading needs and the library alone does not bring."""
    missing = [name for name in ("IPython", "matplotlib", "tqdm", "yaml") if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"grading needs {', '.join(missing)}; install the library's extra: pip install 'momentum-lib[grade]'.")


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] and arguments[0] in COMMANDS:
        return importlib.import_module(COMMANDS[arguments[0]], __package__).main(arguments[1:])
    options = parser().parse_args(arguments)
    try:
        if not options.submissions.is_dir():
            raise ValueError(f"{options.submissions} is no folder; give the folder that holds the submissions.")
        check_jobs(options)
        limits = limits_of(cell=options.cell_seconds, total=options.total_seconds, memory=options.memory_mb * 2**20)
        require_modules()
        if options.trust:
            say("No sandbox, as you asked: the submissions run with your rights.", sys.stderr)
        else:
            reject_exposed(options)
            if options.on is None:  # the workers look for theirs
                require_sandbox()
        master, roster = Master(options.master), Roster(options.roster)
        worksheet = Worksheet(options.moodle_worksheet, sum(master.points)) if options.moodle_worksheet else None
        results.read_by_hand(options.out, master)
        policy, times = policy_of(options), worksheet.times() if worksheet else {}
        notebooks, left_out = submissions(options)
        graded = grade_all(options, master, roster, notebooks, limits, times)
        graded = note_twins(settle(graded, policy))
        absentees = absent(roster, graded, options.submissions, left_out)
        write_all(options, master, graded, absentees, worksheet)
    except (NoSandbox, BadMaster, ClusterError, ValueError, OSError) as error:
        say(f"{error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        say("Interrupted. What was graded is kept; the same command goes on from there.", sys.stderr)
        return 130
    say(f"{len(graded)} graded; the tables and pages are in {options.out}.")
    return report(graded, absentees)


def report(graded, absentees):
    """Name what a person must see to; returns the exit code. ``absentees`` are those without a notebook, and what they have."""
    unreadable = [result["file"] for result in graded.values() if "unreadable" in result]
    unclear = [result["file"] for result in graded.values() if result.get("ambiguous")]
    if unreadable:
        say_some(len(unreadable), "could not be read and have no points", unreadable)
    if unclear:
        say_some(len(unclear), "stand in no import file, since several are for one place", unclear)
    if absentees:
        who = [student if words == NOTHING else f"{student} ({words})" for student, words in absentees.items()]
        say_some(len(who), "on the roster handed in no notebook", who)
    return 1 if unreadable or unclear else 0


if __name__ == "__main__":
    sys.exit(main())
