"""Runs tests on mutants, each in a forked process in which everything is imported already.

    python -m tests.mutation.worker cover FILE   which tests run which lines, and how long they take
    python -m tests.mutation.worker swap FILE    mutants of what runs in tests alone: the functions' code is exchanged
    python -m tests.mutation.worker fresh FILE   mutants of what runs at import: the library is imported in the fork

FILE is JSON, written by ``__main__``.  The working directory is a copy of the repository, and a mutant stands there
as a file, too, so that subprocesses and ``inspect.getsource`` meet it as well.
"""

import collections
import contextlib
import functools
import gc
import importlib
import json
import linecache
import os
import shutil
import signal
import sys
import tempfile
import time
import types
from pathlib import Path

import coverage
import hypothesis
import pytest

TREE, ANEW = Path.cwd(), 99
ONCE = [
    "-q",
    "-s",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "--hypothesis-seed=0",
    "--hypothesis-profile=mutation",
]
hypothesis.settings.register_profile(
    "mutation", database=None, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], deadline=None
)


# -- which tests run which lines ---------------------------------------------------------------------------------------


class Cover:
    """A plugin that notes which lines each test runs, and which run before the first: at import."""

    def __init__(self, watched):
        self.watched = watched
        self.seconds, self.passed, self.fixtures, self.now, self.shared = {}, {}, {}, "", 0.0

    def switch(self, context):
        self.watched.switch_context(context)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        self.now, self.fixtures[item.nodeid] = item.nodeid, item.fixturenames
        forget(kept_results())  # what one test left to another would count for the first alone
        self.switch(item.nodeid)
        begun, self.shared = time.perf_counter(), 0.0
        yield
        self.seconds[item.nodeid] = time.perf_counter() - begun - self.shared

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        """A fixture that several tests share runs once, and counts for all of them; its time is not that of the first."""
        if fixturedef.scope != "function":
            self.switch(f"fixture {fixturedef.argname}")
        begun = time.perf_counter()
        yield
        self.shared += (fixturedef.scope != "function") * (time.perf_counter() - begun)
        self.switch(self.now)

    def pytest_runtest_logreport(self, report):
        good = report.passed or (report.skipped and report.when == "call")
        self.passed[report.nodeid] = self.passed.get(report.nodeid, True) and good

    def found(self):
        """{tests: [[name, seconds]], lines: {file: {line: [numbers of tests]}}, imported: {file: [lines]}}."""
        names = [name for name, good in self.passed.items() if good]
        number = {name: k for k, name in enumerate(names)}
        users = {}
        for name in names:
            for fixture in self.fixtures[name]:
                users.setdefault(f"fixture {fixture}", []).append(number[name])
        lines, imported, data = {}, {}, self.watched.get_data()
        for path in data.measured_files():
            here = str(Path(path).relative_to(TREE))
            lines[here], imported[here] = {}, []
            for line, contexts in data.contexts_by_lineno(path).items():
                if "" in contexts:
                    imported[here].append(line)
                lines[here][line] = sorted({k for c in contexts for k in users.get(c, [number[c]] if c in number else [])})
        tests = [[name, round(self.seconds[name], 4)] for name in names]
        return {"tests": tests, "lines": lines, "imported": imported}


def cover(job):
    """Run the tests once; write what :meth:`Cover.found` returns."""
    watched = coverage.Coverage(data_file=None, include=[f"{TREE}/momentum_lib/*"], config_file=False)
    plugin = Cover(watched)
    watched.start()
    pytest.main([*ONCE, *job["tests"]], plugins=[plugin])
    watched.stop()
    Path(job["out"]).write_text(json.dumps(plugin.found()), encoding="utf-8")


# -- one mutant in the files -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def written(path, text, count):
    """The mutant as a file, with a time of its own, so that no compiled file of another is taken for it."""
    right, times = path.read_bytes(), path.stat()
    path.write_text(text, encoding="utf-8")
    os.utime(path, (times.st_mtime + count, times.st_mtime + count))
    try:
        yield
    finally:
        path.write_bytes(right)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


class Limited:
    """A plugin that stops at the first test that fails, or that takes far longer than it did."""

    def __init__(self, job, report):
        self.seconds, self.report, self.now, self.failed = dict(job["seconds"]), report, None, None
        self.wanted = {name: k for k, name in enumerate(self.seconds)}
        self.in_browser = job.get("path", "").endswith(".js")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        self.now = item.nodeid
        os.write(self.report, f"{item.nodeid}\n".encode())

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item):
        """What several tests share is made outside this time: it took its seconds in the first of them alone."""
        clock, spare = (signal.ITIMER_REAL, 20) if self.in_browser else (signal.ITIMER_PROF, 3)  # who waits takes no time
        signal.setitimer(clock, 10 * self.seconds.get(item.nodeid, 1) + spare)
        yield
        signal.setitimer(clock, 0)

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collection_modifyitems(self, items):
        """For a fresh process: the wanted tests in the wanted order."""
        items[:] = sorted((i for i in items if i.nodeid in self.wanted), key=lambda item: self.wanted[item.nodeid])


def forked(job, child):
    """Run ``child(job, plugin)`` in a fork; returns (status, the test that was last begun)."""
    seconds = sum(second for _, second in job["seconds"])
    report = tempfile.TemporaryFile()  # a pipe would be full after some hundred tests, and whoever writes into it would wait
    scratch = tempfile.mkdtemp(prefix="mutant-")
    pid = os.fork()
    if not pid:
        os.setsid()
        with open(os.devnull, "r+b") as nothing:
            for stream in (0, 1, 2):
                os.dup2(nothing.fileno(), stream)
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        status = 3
        try:
            status = child(job, Limited(job, report.fileno()))
        finally:
            os._exit(status)
    code = _wait(pid, time.monotonic() + 60 + 30 * seconds)
    with report:
        report.seek(0)
        begun = report.read().decode().split("\n")[:-1]
    shutil.rmtree(scratch, ignore_errors=True)
    ends = {0: "survived", 1: "killed", 2: "killed", 3: "killed", ANEW: "anew"}
    return ends.get(code, "timeout"), begun[-1] if begun else None


def _wait(pid, until):
    """The exit status of a fork, or a negative number for one that was ended; whatever it began ends with it."""
    pause, done = 0.005, 0
    while not done and time.monotonic() < until:
        time.sleep(pause)
        pause = min(0.1, pause * 1.2)
        done, status = os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if not done:
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


class Run:
    """The mutants of one call, one after the other; tests that found many come first, and quick ones before slow ones.

    Those of a file that names the module are asked as if they were ten times quicker.
    """

    def __init__(self, job, out):
        self.jobs, self.table, self.budget, self.out = job["jobs"], job["table"], job["budget"], out
        self.found = collections.Counter()

    def tests(self, numbers, first, own=()):
        """[[test, seconds]] of these, as many as fit into the budget; at least one; ``first`` before all others."""

        def rank(test):
            return test[1] / (1 + self.found[test[0]]) / (10 if test[0].partition("::")[0] in own else 1)

        wanted, left = [[name, 5.0] for name in first], self.budget
        for name, seconds in sorted((self.table[k] for k in numbers if self.table[k][0] not in first), key=rank):
            left -= seconds
            if wanted and left < 0:
                break
            wanted.append([name, seconds])
        return wanted

    def all(self, child):
        for count, job in enumerate(self.jobs, 1):
            path, begun = TREE / job["path"], time.monotonic()
            job["seconds"] = self.tests(job["tests"], job["first"], job.get("own", ()))
            with written(path, job["text"], count):
                status, by = forked(job, child) if job["seconds"] else ("survived", None)
            line = {key: job[key] for key in ("path", "key", "line", "kind", "mode", "digest")}
            line |= {"status": status, "ran": len(job["seconds"]), "of": len(job["tests"])}
            if status in ("killed", "timeout"):
                self.found[by] += 1
                line["by"] = by
            print(json.dumps({**line, "seconds": round(time.monotonic() - begun, 2)}), file=self.out, flush=True)


# -- the two ways ------------------------------------------------------------------------------------------------------


def pairs(old, new):
    """{code object: the mutant's}, for all that differ; None if the two have different parts."""
    found = {} if old == new else {old: new}
    mine, theirs = ([c for c in code.co_consts if isinstance(c, types.CodeType)] for code in (old, new))
    if len(mine) != len(theirs):
        return None
    for a, b in zip(mine, theirs, strict=True):
        inner = pairs(a, b)
        if inner is None:
            return None
        found |= inner
    return found


def exchange(path, right, wrong, functions):
    """Give each living function of a file the mutant's code, and forget what was computed; False where that cannot be.

    Nor can it where no function has the right code: the file has changed since it was imported.
    """
    changed = pairs(compile(right, path, "exec"), compile(wrong, path, "exec"))
    if changed is None:
        return False
    met = False
    for function in functions:
        new = changed.get(function.__code__)
        if new is None:
            continue
        if new.co_freevars != function.__code__.co_freevars:
            return False
        function.__code__, met = new, True
    linecache.clearcache()
    return met


def kept_results():
    """What clears each thing in which the library and its tests keep results."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] not in ("momentum_lib", "tests") and not name.startswith("test_"):
            continue
        for key, value in list(vars(module).items()):
            if isinstance(value, functools._lru_cache_wrapper):
                found.append(value.cache_clear)
            elif type(value) is dict and key.startswith("_") and key[1:2].islower() and key.islower():
                found.append(value.clear)
    return found


def forget(kept):
    for clear in kept:
        clear()


class Swap:
    """A plugin that runs mutants instead of the tests that were collected."""

    def __init__(self, run):
        self.run = run

    def pytest_runtestloop(self, session):
        self.items, self.config = {item.nodeid: item for item in session.items}, session.config
        self.functions, self.kept = {}, kept_results()
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType:
                self.functions.setdefault(thing.__code__.co_filename, []).append(thing)
        gc.freeze()
        self.run.all(self.child)
        return True

    def child(self, job, plugin):
        forget(self.kept)
        path = str(TREE / job["path"])
        if not exchange(path, job["right"], job["text"], self.functions.get(path, [])):
            return ANEW
        self.config.pluginmanager.register(plugin)
        items = [self.items[name] for name in plugin.wanted if name in self.items]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if plugin.failed:
                return 1
        return 0


def fresh(job, plugin):
    """The tests in this process, which has not imported the library yet."""
    files = dict.fromkeys(name.partition("::")[0] for name in plugin.wanted)
    return pytest.main([*ONCE, "-x", *files], plugins=[plugin])


def swap(job):
    with open(job["out"], "a", encoding="utf-8") as out:
        pytest.main([*ONCE, *job["tests"]], plugins=[Swap(Run(job, out))])


def import_anew(job):
    for name in job["imports"]:
        importlib.import_module(name)
    gc.freeze()
    with open(job["out"], "a", encoding="utf-8") as out:
        Run(job, out).all(fresh)


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for the processes that tests start
    os.environ["MOMENTUM_CACHE"] = str(TREE.parent / "kernels")
    way, file = sys.argv[1:]
    {"cover": cover, "swap": swap, "fresh": import_anew}[way](json.loads(Path(file).read_text(encoding="utf-8")))
