"""Mutation testing: which changes of the library's text does no test notice?

    make mutants P="rules theory"           every mutant of two packages, or of momentum_lib/rules/sign.py
    make mutants P=train N=300              a sample of 300, drawn with a stated seed
    make mutants P=rules AGAIN=1             those that survived once more, after new tests
    make mutants P=js/memory N=20           live figures, too: momentum_lib/widgets/js/memory.js, and js/kit/plot
    python -m tests.mutation report         what is known, by package
    python -m tests.mutation --sample 40 --tests grade_by_hand,grade_checks grade     quick tests alone: a lower bound

A run goes on where it was stopped: results are kept in ``_build/mutation`` for as long as a module's text is the same.
It uses one process at the lowest priority, and no test of the suite runs it.
Tools such as mutmut and cosmic-ray do not fit here: a rule is printed in other languages from its source text, and much of
the library runs in processes of its own, so a mutant must stand in a file and in memory at the same time.
"""

import argparse
import ast
import fcntl
import functools
import hashlib
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutation import javascript, operators
from tests.mutation.operators import applied

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "_build" / "mutation"
TREE = OUT / "tree"
EQUIVALENT = Path(__file__).parent / "equivalent.json"
SEED = 7
BUDGET, BROWSER_BUDGET = 10, 60  # seconds of tests

BASIC = "rules descend input surfaces sweep conventions kernels codegen theory theory_closed theory_edges theory_floors "
BASIC += "theory_linear theory_asynchrony theory_memory theory_noise theory_river mixtures"
TESTS = {  # group -> the tests of its packages, as the middles of their files' names
    "basic": BASIC,
    "optim": "optim optim_edges optim_flat optim_inplace optim_recipes",
    "train": "train train_by_hand train_checkpoint train_cli train_diloco train_ensemble train_gpu train_handed_in "
    "train_parallel train_speed speed records worth cluster",
    "grade": "grade_ahead grade_by_hand grade_cells grade_checks grade_editions grade_folder grade_hostile grade_notebooks "
    "grade_people grade_processes grade_refused grade_results grade_rooms grade_sandbox grade_systems grade_times "
    "homework instructors",
    "records": "records train",
    "scale": "scale",
    "networks": "networks",
    "printing": "printing kernels codegen narrow",
}
TESTS = {group: [f"tests/test_{name}.py" for name in names.split()] for group, names in TESTS.items()}
"""The tests that a group of packages has; those that run a mutant's line are used."""
GROUPS = {name: name for name in ("optim", "train", "grade", "records", "scale", "networks", "printing")}
GROUPS |= dict.fromkeys(("kernels", "codegen", "narrow", "notation"), "printing")
DATA = ["tests/test_codegen.py::test_check_is_clean", "tests/test_theory_edges.py::test_what_is_left_out_means_what_it_meant"]
"""Asked first about what a module says at import, such as a rule's title or a default: no test runs its line.

It is not asked about functions: it notices any edit of a text that is printed, right or wrong.
"""
STARTED = dict.fromkeys(("later", "notebook", "stem", "syscalls", "worker"), "momentum_lib/grade/sandbox.py")
STARTED = {f"momentum_lib/grade/{name}.py": starts for name, starts in STARTED.items()}
"""What runs in processes of its own, whose lines nobody notes -> what starts them: whoever runs this may notice that."""
IMPORTS = ["numpy", "pytest", "hypothesis", "scipy", "torch"]
"""What a process imports before it forks for mutants that change an import."""
JS = "momentum_lib/widgets/js"
JS_IMPORTS = [*IMPORTS[:-1], "matplotlib.pyplot", "playwright.sync_api", "momentum_lib.widgets"]
"""The same for a live figure: all of Python, which stays as it is."""
SHARED = ["test_widgets", "browser/test_live_every", "browser/test_drawn_pictures", "browser/test_drawn_chapters"]
SHARED += ["browser/test_live_choices"]
SHARED = [f"tests/{name}.py" for name in SHARED]
"""Tests of several live figures: those are asked that have the figure's name among their parameters, or have none."""
NODE = "tests/test_widgets_node.py"
WHOLE = "_drawn_and_said_is_pythons"
"""What a test is called that tells all of a figure: it is asked before the others."""


def group_of(path):
    return package_of(path) if path.endswith(".js") else GROUPS.get(package_of(path), "basic")


def package_of(path):
    if path.endswith(".js"):
        return Path(path).relative_to("momentum_lib/widgets").with_suffix("").as_posix()
    return Path(path).parts[1].removesuffix(".py")


def files_of(what):
    """The modules of a package (``rules``), or one (``momentum_lib/rules/sign.py``); of live figures, too (``js/memory``)."""
    place = ROOT / what if what.startswith("momentum_lib") else ROOT / "momentum_lib" / what
    if what.split("/")[0] == "js":
        place = ROOT / "momentum_lib/widgets" / what
    if not place.exists():
        place = place.with_suffix(".js" if place.with_suffix(".js").exists() else ".py")
    if not place.exists():
        raise SystemExit(f"{what} is no package and no module of momentum_lib; say for example: rules, or core, or js/memory")
    found = sorted(place.rglob("*.js" if what.startswith("js") else "*.py")) if place.is_dir() else [place]
    return [path.relative_to(ROOT).as_posix() for path in found if "generated" not in path.parts]


@functools.cache
def figures_of(name):
    """The live figures that a module of theirs (``memory``, ``race/board``, ``kit/plot``) is part of."""
    folder = (ROOT / JS).resolve()
    owner = name.split("/")[0]
    if (folder / f"{owner}.js").exists():
        return {owner}
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.js")}
    users = {path: [] for path in texts}
    for path, text in texts.items():
        for other in re.findall(r'^import \{[^}]*\} from "([^"]*)"', text, re.M):
            users.setdefault((path.parent / other).resolve(), []).append(path)
    found, new = set(), {folder / f"{name}.js"}
    while new := {user for path in new for user in users[path]} - found:
        found |= new
    if not users[folder / f"{name}.js"]:  # what no module imports is on every page
        return {path.stem for path in texts if path.parent == folder}
    return {path.stem for path in found if path.parent == folder}


def js_tests(name):
    """The test files of a live figure (``memory``), or of a module that figures share and of the figures with it."""
    every = [*(ROOT / "tests").glob("test_widgets_*.py"), *(ROOT / "tests/browser").glob("test_live_*.py")]
    classes = ["".join(part.title() for part in figure.split("_")) for figure in figures_of(name)]
    imports = re.compile(rf"^from momentum_lib.widgets import (\([^)]*|.*)\b({'|'.join(classes) or '-'})\b", re.M)
    own = [path for path in sorted(every) if imports.search(path.read_text(encoding="utf-8"))]
    own = [path.relative_to(ROOT).as_posix() for path in own if not path.stem.endswith("_mutants")]  # tests of tests
    return list(dict.fromkeys([*units_of(name), *own, *(one for one in SHARED if (ROOT / one).exists())]))


def units_of(name):
    """The test files of a part that is no figure: they name it among their ``MODULES``, or run what loads it in tests/js."""
    texts = {path: path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py"))}
    short = name.removeprefix("kit/")  # by which tests know it, too, where no figure has that name
    called = f"(kit/)?{short}" if not (ROOT / JS / f"{short}.js").exists() else name
    scripts = [path.name for path in sorted((ROOT / "tests/js").iterdir()) if f"{name}.js" in path.read_text("utf-8")]
    named = "|".join([rf'^MODULES \|?= [^}}]*"{called}"(?!:)', *(rf'\b{re.escape(script)}"' for script in scripts)])
    found = [path for path, text in texts.items() if re.search(named, text, re.M)]
    found += [ROOT / NODE] * (any(script.endswith(".test.js") for script in scripts) and (ROOT / NODE).exists())
    return [path.relative_to(ROOT).as_posix() for path in found if "/" in name]


def asks(test, figures):
    """Whether a test of live figures' files is about one of these."""
    return test.partition("::")[0] not in SHARED or "[" not in test or not figures.isdisjoint(re.split(r"[\[\]-]", test))


@functools.cache
def mutants(path, text):
    """The mutants of a module's text."""
    return (javascript if path.endswith(".js") else operators).mutants(text)


def copy_tree():
    """The repository's files in a place of their own, where mutants may stand; what is the same stays as it is."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    names = [name for name in names if name and (ROOT / name).is_file()]
    for name in names:
        there = TREE / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists() or there.read_bytes() != (ROOT / name).read_bytes():
            shutil.copy2(ROOT / name, there)
    for path in [*TREE.rglob("*.py"), *(TREE / JS).rglob("*.js")]:
        if path.is_file() and "node_modules" not in path.parts and path.relative_to(TREE).as_posix() not in names:
            path.unlink()
    for name in ("node_modules", ".venv"):
        if (ROOT / name).exists() and not (TREE / name).exists():
            (TREE / name).symlink_to((ROOT / name).resolve())


def worker(way, job):
    """Run the worker at the lowest priority, alone and on one core."""
    file = OUT / f"{way}.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TREE), "NICE": "19"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation.worker", way, str(file)],
        cwd=TREE,
        env=env,
        preexec_fn=lambda: os.nice(19 - os.nice(0)),
        stdout=(OUT / f"{way}.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise SystemExit(f"the worker ended with {done.returncode}; see {OUT / f'{way}.log'}")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def coverage_of(group, files):
    """What the group's tests run of the library; made anew for a test file that has changed, or that runs a changed module."""
    all_of = {"tests": [], "lines": {}, "imported": {}, "users": {}}
    now = {path: digest((ROOT / path).read_text(encoding="utf-8")) for path in files_of(".")}
    for name in TESTS[group]:
        mark, file = digest((ROOT / name).read_text(encoding="utf-8")), OUT / f"coverage-{Path(name).stem}.json"
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        changed = [path for path in files if path in kept.get("lines", {}) and kept["modules"][path] != now[path]]
        if kept.get("mark") != mark or changed:
            print(f"{name}: which lines it runs ...", flush=True)
            worker("cover", {"tests": [name], "out": str(file)})
            kept = {**json.loads(file.read_text(encoding="utf-8")), "mark": mark, "modules": now}
            file.write_text(json.dumps(kept), encoding="utf-8")
        first = len(all_of["tests"])
        all_of["tests"] += kept["tests"]
        for path, lines in kept["lines"].items():
            mine = all_of["lines"].setdefault(path, {})
            for line, tests in lines.items():
                mine.setdefault(line, []).extend(first + k for k in tests)
            all_of["imported"].setdefault(path, []).extend(kept["imported"][path])
            all_of["users"].setdefault(path, []).extend(range(first, len(all_of["tests"])))
    return all_of


def known(package):
    """{(path, key): its line of the results} for modules whose text is still the same."""
    file = OUT / "results" / f"{package}.jsonl"
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        row = json.loads(line)
        if (ROOT / row["path"]).exists() and row["digest"] == digest((ROOT / row["path"]).read_text(encoding="utf-8")):
            found[row["path"], row["key"]] = row
    return found


def equivalents():
    """{(path, key): why no test can notice it}."""
    rows = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return {(path, key): why for path, keys in rows.items() for key, why in keys.items()}


def runs_at_import(mutant, text):
    """Whether a mutant stands in no function's body: its line has run before a test begins, and what it made is used anywhere."""
    bodies = [node.body for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return not any(body[0].lineno <= mutant.line <= body[-1].end_lineno for body in bodies)


def job_of(path, mutant, text, covered):
    """What the worker needs to know about a mutant."""
    touched = covered["lines"].get(path, {})
    lines = range(mutant.line, mutant.last_line + 1)
    if path.endswith(".js"):  # nobody notes its lines
        name = group_of(path).removeprefix("js/")
        figures = figures_of(name)
        tests = [k for k, (test, _) in enumerate(covered["tests"]) if asks(test, figures)]
        whole = [covered["tests"][k][0] for k in tests if WHOLE in covered["tests"][k][0] and len(figures) == 1]
        return {**row_of(path, mutant, text, "fresh", tests, whole), "own": units_of(name)}  # what tells all of it comes first
    if runs_at_import(mutant, text):  # the line runs in the test that is the first to import the module, if in any
        tests = covered["users"].get(path, [])
    else:
        starts = covered["lines"].get(STARTED.get(path), {}).values()
        tests = sorted({k for line in lines for k in touched.get(str(line), ())}.union(*starts))
    imported = mutant.inside == "module" or not set(lines).isdisjoint(covered["imported"].get(path, ()))
    if not tests:  # a line of a process of its own, or of an import: whatever touches the module may notice it
        tests = sorted({k for some in touched.values() for k in some}) or list(range(len(covered["tests"])))
    first = DATA * (imported and group_of(path) in ("basic", "printing"))
    row = row_of(path, mutant, text, "fresh" if imported else "swap", tests, first)
    return {**row, "own": sorted(name for name in TESTS[group_of(path)] if names_module(name, path))}


def names_module(test, path):
    """Whether a file of tests imports a module by name: its tests are asked before others that are as quick."""
    package, name = Path(path).parent.as_posix().replace("/", "."), Path(path).stem
    text = (ROOT / test).read_text(encoding="utf-8")
    return re.search(rf"^(from {package}\.{name} import|from {package} import (\([^)]*|.*)\b{name}\b)", text, re.M) is not None


def row_of(path, mutant, text, mode, tests, first=()):
    return {
        "path": path, "key": mutant.key, "line": mutant.line, "kind": mutant.kind, "mode": mode, "digest": digest(text),
        "tests": tests, "text": applied(mutant, text), "right": text, "first": list(first),
    }  # fmt: skip


def wanted(package, files, arguments):
    """[(path, mutant, text)] still to be run: all, or the sample; without those that are known to be equivalent."""
    every = []
    for path in files:
        text = (ROOT / path).read_text(encoding="utf-8")
        every += [(path, mutant, text) for mutant in mutants(path, text)]
    if arguments.sample and arguments.sample < len(every) and not arguments.again:
        every = random.Random(arguments.seed).sample(every, arguments.sample)
    have, same = known(package), equivalents()
    if arguments.again:
        chosen = {place for place, row in have.items() if row["status"] == "survived"} - same.keys()
    else:
        chosen = {(path, mutant.key) for path, mutant, _ in every} - have.keys() - same.keys()
    every = [one for one in every if (one[0], one[1].key) in chosen]
    return every  # a sample stays in the order drawn, so that a run that is stopped leaves a sample, too


def run(what, arguments):
    """Run the mutants of a package or module; results go to ``_build/mutation/results``."""
    files = files_of(what)
    package, group = package_of(files[0]), group_of(files[0])
    figure = group.startswith("js/")
    if figure and len(files) > 1:  # each has tests of its own
        for path in files:
            run(package_of(path), arguments)
        return
    if figure:
        TESTS[group] = js_tests(group.removeprefix("js/"))
    if arguments.tests:
        named = [Path("tests", name) for name in arguments.tests.split(",")]
        TESTS[group] = [path.with_name(f"test_{path.name}.py").as_posix() for path in named]
    OUT.mkdir(parents=True, exist_ok=True)
    lock = (OUT / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # mutants of two runs at a time would stand in one tree
    copy_tree()
    covered = coverage_of(group, files)
    jobs = [job_of(*one, covered) for one in wanted(package, files, arguments)]
    print(f"{what}: {len(jobs)} mutants to run", flush=True)
    out = OUT / "results" / f"{package}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    budget = arguments.budget or (BROWSER_BUDGET if figure else BUDGET)
    common = {"table": covered["tests"], "budget": budget, "out": str(out), "tests": TESTS[group]}
    common["imports"] = JS_IMPORTS if figure else IMPORTS
    begun = sum(1 for _ in out.open()) if out.exists() else 0
    for way in ("swap", "fresh"):
        if way == "fresh" and out.exists():
            rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()[begun:]]
            anew = {(row["path"], row["key"]) for row in rows if row["status"] == "anew"}
            jobs = [{**job, "mode": "fresh"} if (job["path"], job["key"]) in anew else job for job in jobs]
        some = [job for job in jobs if job["mode"] == way]
        if some:
            worker(way, {**common, "jobs": some})


def interval(found, of):
    """The 95 % interval of a share (Wilson)."""
    z, share = 1.96, found / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def report(survivors=False):
    """Print what is known by package, and with ``survivors`` every mutant that no test noticed."""
    packages = sorted({package_of(path) for path in files_of(".")}) + [package_of(path) for path in files_of("js")]
    print(f"{'package':12} {'mutants':>8} {'run':>6} {'killed':>7} {'survived':>9} {'equivalent':>11} {'share killed':>13}")
    for package in packages:
        rows, same = known(package), equivalents()
        if not rows:
            continue
        every = [(path, m.key) for path in files_of(package) for m in mutants(path, (ROOT / path).read_text(encoding="utf-8"))]
        rows = {place: rows[place] for place in every if place in rows}  # not those of an operator that has gone
        rows = {place: row for place, row in rows.items() if place not in same and row["status"] != "anew"}
        equal = sum(place in same for place in every)
        killed = sum(row["status"] != "survived" for row in rows.values())
        if not rows:
            continue
        share = f"{killed / len(rows):.1%}"
        if len(rows) + equal < len(every):
            low, high = interval(killed, len(rows))
            share += f" ({low:.1%} to {high:.1%})"
        print(f"{package:12} {len(every):8} {len(rows):6} {killed:7} {len(rows) - killed:9} {equal:11} {share:>13}", flush=True)
        if survivors:
            for row in rows.values():
                if row["status"] == "survived":
                    cut = "" if row["ran"] == row["of"] else f"  [{row['ran']} of {row['of']} tests]"
                    print(f"    {row['path']}:{row['line']}  {row['key']}{cut}")


def options():
    """What the command takes."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="+", help="packages or modules; or report, or survivors")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants of each, drawn with the seed")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--again", action="store_true", help="run those that survived once more")
    parser.add_argument(
        "--tests", help="ask these test files alone (tests/test_NAME.py, by NAME or browser/NAME and commas): a lower bound"
    )
    parser.add_argument(
        "--budget", type=float, help=f"seconds of tests that a mutant may take ({BUDGET}; live figures: {BROWSER_BUDGET})"
    )
    return parser


def main(arguments=None):
    chosen = options().parse_args(arguments)
    for what in chosen.what:
        if what in ("report", "survivors"):
            report(what == "survivors")
        else:
            run(what, chosen)


if __name__ == "__main__":
    main()
