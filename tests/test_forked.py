"""A forked program is what `python ARGUMENTS` is: its own arguments, folder, environment, path, streams, status and signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import forked
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
READY = ("json",)
TELL = "import os, sys; print(sys.argv, os.getcwd(), os.environ['WHO'], sys.path[:2], __name__); print('aside', file=sys.stderr)"


@pytest.mark.parametrize("kind", ["-c", "-m", "script"])
def test_it_is_told_what_python_is_told(tmp_path, kind):
    (tmp_path / "told.py").write_text(TELL)
    arguments = {"-c": ["-c", TELL, "a"], "-m": ["-m", "told", "a"], "script": [tmp_path / "told.py", "a"]}[kind]
    environment = {"WHO": "ada", "PYTHONPATH": str(tmp_path / "lib")}
    done = forked.run(arguments, READY, cwd=tmp_path, env=environment)
    (first,) = {"-c": [""], "-m": [str(tmp_path)], "script": [str(tmp_path)]}[kind]
    argv = {"-c": "-c"}.get(kind, str(tmp_path / "told.py"))
    assert done.stdout == f"{[argv, 'a']} {tmp_path} ada {[first, str(tmp_path / 'lib')]} __main__\n"
    assert (done.returncode, done.stderr) == (0, "aside\n")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no more paper')", 1, "no more paper\n"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("import atexit; atexit.register(print, 'last'); print('first')", 0, "first\nlast\n"),
    ],
)
def test_its_end_is_told(code, status, said):
    done = forked.run(["-c", code], READY, joined=True)
    assert done.returncode == status and said in done.stdout, done


def test_one_program_leaves_nothing_for_the_next():
    forked.run(["-c", "import json, os; json.spoilt = 1; os.environ['SPOILT'] = '1'"], READY)
    assert (
        forked.run(["-c", "import json, os; print(hasattr(json, 'spoilt'), 'SPOILT' in os.environ)"], READY).stdout
        == "False False\n"
    )


def test_it_is_heard_while_it_runs_and_ends_when_told():
    process = forked.start(["-c", "import time\nprint('ready')\nwhile True: time.sleep(0.1)"], READY)
    assert process.stdout.readline() == "ready\n" and process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "" and process.poll() == process.returncode == 130
    hanging = forked.start(["-c", "while True: pass"], READY)
    with pytest.raises(subprocess.TimeoutExpired):
        hanging.communicate(timeout=0.05)
    assert hanging.wait() == -signal.SIGKILL


def test_warnings_are_errors_where_that_is_asked_for():
    warn = ["-c", "import sys, warnings; warnings.warn('no more paper'); print('fine', sys.warnoptions)"]
    assert forked.run(warn, READY).stdout == "fine []\n"
    done = forked.run(["-W", "error", *warn], READY)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.endswith("UserWarning: no more paper\n")


MEET = """import sys
from tests import forked
for _ in sys.stdin:
    print(forked.run(["-c", "import os; print(os.getsid(0))"], ("json",)).stdout, end="")
"""


def test_the_workers_of_one_run_share_a_process_that_ends_with_the_last_of_them(tmp_path):
    """An import in each of them; a process that ends with the first of them, or never."""
    environment = {**os.environ, "PYTEST_XDIST_TESTRUNUID": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command, pipes = [sys.executable, "-c", MEET], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(2)]

    def ask(worker):
        worker.stdin.write("\n")
        worker.stdin.flush()
        return int(worker.stdout.readline())

    def leave(worker):
        worker.stdin.close()
        assert worker.wait(HANG) == 0
        worker.stdout.close()

    one, other = map(ask, workers)
    assert one == other
    leave(workers[0])
    assert ask(workers[1]) == one
    leave(workers[1])
    end = time.monotonic() + HANG
    while Path(f"/proc/{one}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert not Path(f"/proc/{one}").exists()
