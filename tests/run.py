"""`make test` and `make quick`: the parts of the check side by side, and at the end what each took and the ten slowest things.

    python tests/run.py            everything
    python tests/run.py --quick    in less than a minute: what the files that you changed can break

A part that needs all cores runs alone; the site is built beside the library's tests. Output of a part is printed when it ends,
in one piece, and kept in _build/reports. One red part makes the run red, and what does not depend on it runs all the same.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "_build" / "reports"
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT)]

import executed  # noqa: E402

from tests import limits, related  # noqa: E402

CORES = executed.cores()
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with=tests/sanitize.cfg", "-p", "tests.nbval_once"]
ELSEWHERE = {"claims": "tests/test_claims.py"}
"""Generators whose `--check` is a test of the part "library", too; they are not asked twice."""

UNUSED = ("nbval", "anyio", "platformdirs", "doctest", "legacypath", "logging")
"""Plugins that no test here needs: each worker would import them, a second or two, and ask them at every test."""


@dataclass(frozen=True)
class Part:
    """One part of the check: a command, and the parts whose end it waits for (it is left out where one of `needs` was red)."""

    name: str
    command: tuple
    needs: tuple = ()
    after: tuple = ()


def pytest(name, *arguments, workers=CORES):
    """The command of a run of pytest whose times are kept for the report."""
    spread = ("-n", str(workers), "--dist", "worksteal") if workers > 1 else ("-p", "no:xdist")
    for plugin in UNUSED if "--nbval" not in arguments else ():
        spread += ("-p", f"no:{plugin}")
    spread += ("--timeout", str(limits.TEST))
    return (sys.executable, "-m", "pytest", *spread, "-q", f"--junit-xml={REPORTS / name}.xml", *map(str, arguments))


def everything():
    """The parts of `make test`."""
    return [
        Part("notebooks", (sys.executable, "book/build.py", "--execute")),
        Part("check", ("make", "--no-print-directory", "check", f"BUT={' '.join(ELSEWHERE)}")),
        Part("outputs", pytest("outputs", *NBVAL, "notebooks", workers=1), after=("notebooks",)),
        Part("site", (sys.executable, "book/build.py"), needs=("notebooks",), after=("check",)),
        Part("library", pytest("library", "tests", "--ignore=tests/browser"), after=("notebooks", "check")),
        Part("browser", pytest("browser", "tests/browser"), needs=("site",), after=("library", "outputs")),
    ]


def quick():
    """The parts of `make quick`, from what changed."""
    changed = related.changed_files()
    chapters, tests, left = related.what_to_run(changed)
    print(f"== {len(changed)} changed files: {', '.join(sorted(changed)) or 'none'}")
    print(f"== chapters: {', '.join(path.name for path in chapters) or 'none'}")
    print(f"== tests: {', '.join(tests) or 'none'}")
    if left:
        print(f"== not run here, for want of time: {', '.join(left)}")
    parts = [Part("check", ("make", "--no-print-directory", "check"))]
    if chapters:
        parts.append(Part("outputs", pytest("quick-outputs", *NBVAL, *chapters, workers=min(CORES, len(chapters)))))
    if tests:
        parts.append(Part("library", pytest("quick-library", *tests), after=("check",)))
    return parts


# --- running --------------------------------------------------------------------------------------------------------
def share(workers):
    """The environment of a part: the house first, and each worker its share of the cores, not all of them twice.

    What Python compiles is kept: a machine that forbids it would compile the library in each of some hundred processes.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = dict.fromkeys(executed.THREADS, str(max(1, CORES // workers))) | {"PYTHONPATH": os.pathsep.join(paths), "NO_COLOR": "1"}
    own |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / "_build" / "bytecode")}
    return {**os.environ, **own}


RUNNING = {}
"""The processes of the parts that run now, by name."""


def run(part):
    """Run a part; return (status, seconds). What it says goes to its file."""
    began = time.monotonic()
    with (REPORTS / f"{part.name}.txt").open("w") as out:
        process = subprocess.Popen(part.command, cwd=ROOT, env=share(CORES), stdout=out, stderr=subprocess.STDOUT)
        RUNNING[part.name] = process
        status = process.wait()
        del RUNNING[part.name]
    return status, time.monotonic() - began


def stop(number, _frame):
    """Told to stop (by a CI's limit, say): show how far each part had come, and end."""
    for name, process in list(RUNNING.items()):
        print(f"\n== {name}: stopped\n{said(name)}", flush=True)
        process.terminate()
    os._exit(128 + number)


def ready(parts, done, started):
    """The parts that can start now, and those that never will since a part that they need was red."""
    waiting = [part for part in parts if part.name not in started]
    names = {part.name for part in parts}
    barred = [part for part in waiting if any(done.get(name, (0,))[0] for name in part.needs)]
    free = [p for p in waiting if p not in barred and all(name in done for name in (*p.needs, *p.after) if name in names)]
    return free, barred


def said(name):
    return (REPORTS / f"{name}.txt").read_text("utf-8", "replace").strip()


def say(part, status, seconds):
    word = f"red (exit status {status})" if status else "green"
    print(f"\n== {part.name}: {word} after {clock(seconds)}\n{said(part.name)}", flush=True)


def run_parts(parts, runner=run):
    """Run all parts, each as soon as it can; return {name: (status, seconds)}."""
    done, started, running = {}, set(), {}
    with ThreadPoolExecutor(len(parts)) as pool:
        while len(done) < len(parts):
            free, barred = ready(parts, done, started)
            for part in barred:
                started.add(part.name)
                done[part.name] = None, 0.0
                print(f"\n== {part.name}: left out, since it needs {' and '.join(part.needs)}", flush=True)
            for part in free:
                started.add(part.name)
                running[pool.submit(runner, part)] = part
                print(f"== {part.name} ...", flush=True)
            if not running:
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                part = running.pop(future)
                done[part.name] = future.result()
                say(part, *done[part.name])
    return done


# --- the report -----------------------------------------------------------------------------------------------------
def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min" if seconds >= 100 else f"{seconds:.1f} s"


def tests_of(file):
    """(seconds, name) of every test in a report of pytest."""
    for case in ElementTree.parse(file).iter("testcase"):
        where = case.get("classname", "").removeprefix("tests.")
        yield float(case.get("time", 0)), f"{where}::{case.get('name')}"


def cells():
    """(seconds, name) of every cell of the notebooks as they were last run."""
    for path in executed.notebooks():
        for run in executed.runs(executed.name_of(path))[:1]:
            yield from ((seconds, f"notebook {run.name}, cell {cell}") for cell, seconds in run.cells.items())


def slowest(began, count=10):
    """The slowest things of this run: cells and tests."""
    reports = [file for file in REPORTS.glob("*.xml") if file.stat().st_mtime >= began]
    things = [*cells(), *(thing for file in reports for thing in tests_of(file))]
    return sorted(things, reverse=True)[:count]


def report(parts, done, began, seconds):
    print("\n== the time of each part (some ran side by side)")
    for part in parts:
        status, took = done[part.name]
        word = "left out" if status is None else "red" if status else "green"
        print(f"   {clock(took):>10}  {word:<8}  {part.name}")
    print(f"   {clock(seconds):>10}  in all, on {CORES} cores")
    print("== the ten slowest things")
    for took, name in slowest(began):
        print(f"   {clock(took):>10}  {name}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only what the changed files can break")
    options = parser.parse_args(arguments)
    REPORTS.mkdir(parents=True, exist_ok=True)
    began, clock_began = time.time(), time.monotonic()
    parts = quick() if options.quick else everything()
    done = run_parts(parts)
    report(parts, done, began, time.monotonic() - clock_began)
    red = [name for name, (status, _) in done.items() if status != 0]
    print(f"== red: {', '.join(red)}" if red else "== all green", flush=True)
    return bool(red)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())
