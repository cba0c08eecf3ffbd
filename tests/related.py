"""What the changed files can break: the chapters that have to run again, and the tests that import, read or name them.

Changed is what differs from the main branch, committed or not. Which notebooks rest on a file is known from their last runs
(book/_ext/executed.py); which tests do, from the imports of Python and JavaScript and from the file names that a test holds.
"""

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import executed  # noqa: E402

BUDGET = 35  # seconds for chapters and tests together, by what they took the last time
UNKNOWN = 3.0  # seconds of a test file or a chapter that never ran here


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def changed_files():
    """The files that differ from where this branch left main; on main itself, from the last commit."""
    start = next((base for name in ("main", "origin/main") for base in git("merge-base", "HEAD", name)), "HEAD")
    names = git("diff", "--name-only", start) + git("ls-files", "--others", "--exclude-standard")
    return {name for name in names if name}


# --- which file leads to which --------------------------------------------------------------------------------------
def _module(dotted):
    """The file of a dotted name below the root, or None."""
    places = [top.joinpath(*dotted.split(".")) for top in (ROOT, ROOT / "tests", ROOT / "book" / "_ext")]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return next((file for file in files if file.is_file()), None)


def _python_imports(file, text):
    package = file.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1 if node.level else 0], *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
    if package[:1] != ("momentum_lib",):  # the front door loads what is asked of it: ml.theory, momentum_lib.rules
        yield from (f"momentum_lib.{name}" for name in re.findall(r"\b(?:ml|momentum_lib)\.(\w+)", text))


@cache
def leads_to(file):
    """The files that a file imports, and the data beside it that it names; of a live figure its module and styles, too."""
    if file.suffix == ".js":
        return {(file.parent / name).resolve() for name in re.findall(r'from "(\.[^"]+)"', file.read_text("utf-8"))}
    if file.suffix != ".py":
        return set()
    text = file.read_text("utf-8")
    found = {_module(name) for name in _python_imports(file, text)} - {None}
    found |= {data for data in file.parent.iterdir() if data.suffix in (".json", ".txt", ".mplstyle") and data.name in text}
    if file.parent.name == "widgets":
        found |= {place for place in (file.parent / "js" / f"{file.stem}.js", file.with_suffix(".css")) if place.is_file()}
    return found


@cache
def closure(file):
    """All files that a file leads to, by one import or by many."""
    found, front = set(), {file}
    while front:
        found |= front
        front = {other for one in front for other in leads_to(one)} - found
    return found


def _names(test, text, file):
    """Whether a test's own name or text holds the name of a file or, outside the library and the tests, of its folder."""
    words = [file.name, *([file.stem] if "-" in file.stem else [])]
    if not file.is_relative_to(ROOT / "momentum_lib") and file.parent not in (ROOT, ROOT / "tests"):
        words.append(file.parent.name)
    return file.stem in test.stem or any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) for word in words)


def distance(test, changed):
    """0: the test itself changed; 1: it imports or names a changed file; 2: it leads to one; None: nothing to do with any."""
    if test in changed:
        return 0
    text = test.read_text("utf-8")
    if any(_names(test, text, file) for file in changed) or leads_to(test) & changed:
        return 1
    return 2 if closure(test) & changed else None


# --- what fits ------------------------------------------------------------------------------------------------------
def seconds_by_file():
    """Seconds of each test file in the last reports of pytest."""
    spent = {}
    for report in (ROOT / "_build" / "reports").glob("*library.xml"):
        for case in ElementTree.parse(report).iter("testcase"):
            name = case.get("classname", "").split(".")
            file = next((part for part in name if part.startswith("test_")), None)
            spent[file] = spent.get(file, 0.0) + float(case.get("time", 0))
    return spent


def _fit(things, budget):
    """Split (thing, seconds) pairs into what fits, in order, and the rest; return (fits, rest, seconds left)."""
    fits, rest = [], []
    for thing, seconds in things:
        (fits if seconds <= budget else rest).append(thing)
        budget -= seconds if seconds <= budget else 0
    return fits, rest, budget


def stale_chapters(changed):
    """(path, seconds) of the notebooks that changed or have no valid run, the shortest first."""
    found, seen = [], {}
    for path in executed.notebooks():
        valid = executed.find(path, seen=seen)
        if valid is None or path in changed:
            last = next(iter(executed.runs(executed.name_of(path))), None)
            found.append((path, 0.0 if valid else last.seconds if last else UNKNOWN))
    return sorted(found, key=lambda pair: pair[1])


def related_tests(changed):
    """(path, seconds) of the test files that have to do with the changed files, the nearest first, then the shortest."""
    spent = seconds_by_file()
    near = [(distance(test, changed), spent.get(test.stem, UNKNOWN), test) for test in sorted((ROOT / "tests").glob("test_*.py"))]
    return [(test, seconds) for far, seconds, test in sorted(one for one in near if one[0] is not None)]


def what_to_run(names, budget=None):
    """The chapters and the test files to run for these changed files, and the names of those for which there is no time."""
    changed = {(ROOT / name).resolve() for name in names}
    budget = BUDGET * executed.cores() if budget is None else budget
    chapters, late, budget = _fit(stale_chapters(changed), budget)
    tests, rest, _ = _fit(related_tests(changed), budget)
    relative = lambda paths: [path.relative_to(ROOT).as_posix() for path in paths]
    return chapters, relative(tests), relative(late + rest)
