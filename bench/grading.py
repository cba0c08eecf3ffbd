"""How long grading takes: ``python -m bench --grading`` grades 50, 100 and 200 submissions of the first problem set.

Every submission is the master with a name of its own, which is the longest that an honest one takes: all answers run and
all checks ask.  Then the largest folder is graded again, killed after a third, interrupted after two thirds and resumed, and
both results are compared.  ``python -m bench --grading 1000`` does this for a class of that size.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MASTER = ROOT / "notebooks" / "homework" / "1-idea.ipynb"


def hand_in(folder, count):
    """Write ``count`` submissions; returns the folder."""
    notebook = json.loads(MASTER.read_text("utf-8"))
    (who,) = (cell for cell in notebook["cells"] if cell["id"] == "who")
    folder.mkdir(parents=True)
    for number in range(count):
        who["source"] = f'STUDENT = "student {number}"'
        (folder / f"{number:04}.ipynb").write_text(json.dumps(notebook), "utf-8")
    return folder


def command(inbox, out, jobs):
    words = [sys.executable, "-m", "momentum_lib.grade", inbox, "--master", MASTER, "--out", out, "--jobs", jobs]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return dict(args=list(map(str, words)), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def processor():
    """Seconds that this machine's cores have been busy, with whatever: what a sandbox used is told to nobody when it is ended."""
    user, nice, system = map(int, Path("/proc/stat").read_text("ascii").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def graded(inbox, out, jobs):
    """Seconds of a whole run, by the clock and of all cores."""
    begin, used = time.perf_counter(), processor()
    done = subprocess.run(**command(inbox, out, jobs), check=False)
    seconds = time.perf_counter() - begin, processor() - used
    if done.returncode:
        raise SystemExit(f"grading {inbox} ended with code {done.returncode}")
    return seconds


def interrupted(inbox, out, jobs, at, how=signal.SIGINT):
    """Run until ``at`` submissions are graded, then Ctrl-C or another signal; returns how many are kept."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that started us in the background has it ignored
    process = subprocess.Popen(**command(inbox, out, jobs), start_new_session=True)
    while process.poll() is None and len(list((out / "students").glob("*.json"))) < at:
        time.sleep(0.05)
    os.killpg(process.pid, how)
    process.wait()
    return len(list((out / "students").glob("*.json")))


def result(out):
    """What a run leaves, without the seconds that it took: file -> text."""
    kept = {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*.html")}
    kept |= {path.name: path.read_text("utf-8") for path in out.glob("*.csv")}
    for path in (out / "students").glob("*.json"):
        kept[path.name] = json.dumps(json.loads(path.read_text("utf-8")) | {"seconds": 0})
    return kept


def main(counts=(50, 100, 200), jobs=2):
    """Print seconds for each count, then whether an interrupted run of the largest ends in the same result."""
    if shutil.which("bwrap") is None:
        print("\ngrading is left out: bubblewrap (bwrap) is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as place:
        place = Path(place)
        print(f"\nGrading problem set 1, each submission in its own sandbox, {jobs} at a time")
        print("  (cores busy counts everything that runs here: measure on a machine that does nothing else)")
        print(f"  {'submissions':>11}  {'seconds':>8}  {'each':>6}  {'cores busy, each':>16}")
        for count in counts:
            seconds, used = graded(hand_in(place / f"in-{count}", count), place / f"out-{count}", jobs)
            print(f"  {count:>11}  {seconds:8.1f}  {seconds / count:6.2f}  {used / count:16.2f}", flush=True)
        whole, again, inbox = place / f"out-{counts[-1]}", place / "again", place / f"in-{counts[-1]}"
        killed = interrupted(inbox, again, jobs, counts[-1] // 3, signal.SIGKILL)
        kept = interrupted(inbox, again, jobs, 2 * counts[-1] // 3)
        seconds, _ = graded(inbox, again, jobs)
        same = result(whole) == result(again)
        print(
            f"  killed after {killed}, interrupted after {kept} of {counts[-1]}, resumed in {seconds:.1f} s: "
            f"{'the same result' if same else 'ANOTHER result'}"
        )
        if not same:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
