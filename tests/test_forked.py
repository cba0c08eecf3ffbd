"""A forked program is what `python ARGUMENTS` is: its own arguments, folder, environment, path, streams, status and signals."""

import signal
import subprocess

import pytest

from tests import forked

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
