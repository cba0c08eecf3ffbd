"""The runner of `make test` and `make quick`: what runs when, what is red, what it prints, and what a change can break."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import limits, related, run

ROOT = Path(__file__).resolve().parents[1]
PASSES, FAILS = (sys.executable, "-c", "print('fine')"), (sys.executable, "-c", "print('lost'); raise SystemExit(3)")


@pytest.fixture
def reports(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "REPORTS", tmp_path)
    return tmp_path


def test_one_red_part_makes_the_run_red_and_bars_only_what_needs_it(reports, capsys):
    parts = [
        run.Part("a", PASSES),
        run.Part("b", FAILS, after=("a",)),
        run.Part("needs b", PASSES, needs=("b",)),
        run.Part("after b", PASSES, after=("b",)),
    ]
    done = run.run_parts(parts)
    assert {name: status for name, (status, _) in done.items()} == {"a": 0, "b": 3, "needs b": None, "after b": 0}
    said = capsys.readouterr().out
    assert "== b: red (exit status 3) after" in said and "lost" in said and "== needs b: left out, since it needs b" in said


@pytest.mark.parametrize(("command", "red"), [(PASSES, False), (FAILS, True)])
def test_the_whole_run_ends_with_the_time_of_each_part(reports, capsys, monkeypatch, command, red):
    monkeypatch.setattr(run, "everything", lambda: [run.Part("first", PASSES), run.Part("second", command)])
    assert run.main([]) == red
    said = capsys.readouterr().out
    table = said[said.index("== the time of each part") :]
    assert "first" in table and "second" in table and "in all" in table and "== the ten slowest things" in table
    assert said.rstrip().endswith("== red: second" if red else "== all green")


STOPPED = """
import os, signal, sys, threading
from pathlib import Path
from tests import run
run.REPORTS = Path(sys.argv[1])
signal.signal(signal.SIGTERM, run.stop)
slow = "import sys, time; print('so far', flush=True); open(sys.argv[1], 'w').close(); time.sleep(1000)"
part = run.Part("slow", (sys.executable, "-c", slow, str(run.REPORTS / "begun")))
def kill():
    while not (run.REPORTS / "begun").exists():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=kill, daemon=True).start()
run.run_parts([part])
"""


def test_a_run_that_is_told_to_stop_says_how_far_it_has_come(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False, timeout=limits.HANG
    )
    assert done.returncode == 128 + 15 and done.stdout == "== slow ...\n\n== slow: stopped\nso far\n", done.stderr


def test_a_test_that_hangs_is_ended():
    """And says where it stood; the limits inside a test come first."""
    assert limits.HANG < limits.TEST
    for part in run.everything():
        if "pytest" in part.command:
            assert part.command[part.command.index("--timeout") + 1] == str(limits.TEST), part.name


def test_what_make_check_leaves_out_of_a_whole_run_is_checked_by_a_test_of_it():
    check = next(part for part in run.everything() if part.name == "check")
    assert check.command[-1] == "BUT=claims" and run.ELSEWHERE == {"claims": "tests/test_claims.py"}
    assert 'claims.main(["--check"]) == 0' in (ROOT / "tests" / "test_claims.py").read_text("utf-8")
    assert all("BUT" not in word for part in run.quick() if part.name == "check" for word in part.command)


def test_parts_run_side_by_side_and_what_comes_after_waits():
    seen = []

    def note(part):
        seen.append(("begin", part.name))
        time.sleep(0.1)
        seen.append(("end", part.name))
        return 0, 0.1

    run.REPORTS.mkdir(parents=True, exist_ok=True)
    parts = [run.Part("a", ()), run.Part("b", ()), run.Part("c", (), after=("a", "b"))]
    original, run.say = run.say, lambda *given: None
    try:
        run.run_parts(parts, note)
    finally:
        run.say = original
    assert {kind for kind, _ in seen[:2]} == {"begin"} and seen[-2:] == [("begin", "c"), ("end", "c")]


def test_everything_is_in_it_and_nothing_waits_for_ever():
    parts = run.everything()
    names = [part.name for part in parts]
    commands = " ".join(word for part in parts for word in part.command)
    for words in (
        "make --no-print-directory check",
        "--nbval",
        "notebooks",
        "book/build.py",
        "tests --ignore=tests/browser",
        "tests/browser",
    ):
        assert words in commands, words
    for place, part in enumerate(parts):
        assert set(part.needs + part.after) <= set(names[:place]), f"{part.name} waits for a part that comes later"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "\t$(PY) tests/run.py\n" in makefile and "\t$(PY) tests/run.py --quick\n" in makefile


def test_the_slowest_things_are_cells_and_tests(reports, monkeypatch):
    (reports / "library.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.test_a" name="test_b[c]" time="2.5"/>'
        '<testcase classname="tests.test_a" name="test_d" time="0.5"/></testsuite></testsuites>'
    )
    monkeypatch.setattr(run, "cells", lambda: iter([(1.5, "notebook 01-ravine, cell look")]))
    assert run.slowest(0, 2) == [(2.5, "test_a::test_b[c]"), (1.5, "notebook 01-ravine, cell look")]
    assert run.slowest(time.time() + 10, 2) == [(1.5, "notebook 01-ravine, cell look")], "an old report is not of this run"


def test_each_worker_gets_its_share_of_the_cores():
    assert run.share(run.CORES)["OMP_NUM_THREADS"] == "1"
    assert run.share(1)["OMP_NUM_THREADS"] == str(run.CORES)
    assert run.share(1)["PYTHONPATH"].split(":")[0] == str(ROOT)


# --- what a change can break ----------------------------------------------------------------------------------------
def nearest(*names):
    changed = {ROOT / name for name in names}
    found = {path.stem: related.distance(path, changed) for path in (ROOT / "tests").glob("test_*.py")}
    return {name: far for name, far in found.items() if far is not None}


def test_an_edited_test_comes_first_then_what_imports_the_file_then_what_leads_to_it():
    assert nearest("tests/test_descend.py")["test_descend"] == 0
    theory = nearest("momentum_lib/theory/noise.py")
    assert theory["test_theory_noise"] == 1 and theory["test_theory"] == 2 and "test_notebooks" not in theory
    script = nearest("momentum_lib/widgets/js/kit/state.js")
    assert script["test_widgets_phase"] == 2 and "test_descend" not in script and "test_theory" not in script
    assert nearest("book/claims/03.yml")["test_claims"] == 1
    assert nearest("momentum_lib/scale/settings.json")["test_scale"] == 2
    licence = nearest("LICENSE.CC-BY-4.0")
    assert licence["test_repo"] == 1 and "test_theory" not in licence and "test_descend" not in licence


def test_what_does_not_fit_into_the_time_is_named(monkeypatch):
    monkeypatch.setattr(related, "stale_chapters", lambda changed: [(ROOT / "notebooks" / "01-ravine.ipynb", 5.0)])
    monkeypatch.setattr(related, "related_tests", lambda changed: [(ROOT / "tests" / f"{name}.py", 4.0) for name in "abc"])
    chapters, tests, left = related.what_to_run({"x.py"}, budget=10)
    assert [path.stem for path in chapters] == ["01-ravine"] and tests == ["tests/a.py"]
    assert left == ["tests/b.py", "tests/c.py"]


def test_changed_is_what_differs_from_main(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True, capture_output=True
        )

    monkeypatch.setattr(related, "ROOT", tmp_path)
    git("init", "-q", "-b", "main")
    for name in ("kept", "committed", "edited"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (tmp_path / "edited").write_text("2")
    assert related.changed_files() == {"edited"}
    git("checkout", "-q", "-b", "side")
    (tmp_path / "committed").write_text("2")
    git("commit", "-q", "-m", "second", "committed")
    (tmp_path / "new").write_text("1")
    assert related.changed_files() == {"committed", "edited", "new"}
