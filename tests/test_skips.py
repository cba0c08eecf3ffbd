"""A test that is left out is told, and red where everything should be there."""

import os
from pathlib import Path

import pytest

from tests import forked

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = "import pytest\n\ndef test_it():\n    pytest.skip({!r})\n\ndef test_another():\n    pass\n"


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("reason", "complete", "status"),
    [
        ("no such program", "", 0),
        ("no such program", "1", 1),
        ("the rehearsal needs Python 3.13, which Colab runs", "1", 0),
    ],
)
def test_a_missing_program_is_told_and_red_where_all_should_be_there(tmp_path, reason, complete, status, workers):
    (tmp_path / "test_one.py").write_text(LEFT_OUT.format(reason))
    options = ["-p", "tests.skips", "-p", "no:nbval", "-p", "no:anyio", "-p", "no:cacheprovider", "-n", str(workers)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = {**clean, "PYTHONPATH": str(ROOT), "COMPLETE": complete}
    run = forked.run(["-m", "pytest", "-q", *options, "."], cwd=tmp_path, env=environment)
    assert run.returncode == status and f"left out 1: {reason}" in run.stdout, run.stdout + run.stderr
    assert ("red, since" in run.stdout) == bool(status)
