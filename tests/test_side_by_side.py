"""Tests in forks that share one collection: each runs once and is reported as if it had run alone, even if its process dies."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tests import forked
from tests.side_by_side import parted

FILE = """
import os, signal, time, warnings
import pytest

COLLECTED = os.getpid()


@pytest.fixture(scope="module")
def shared():
    print("made")
    yield os.getpid()
    with open("unmade", "a") as out:
        out.write(f"{os.getpid()}\\n")


@pytest.mark.parametrize("k", range(8))
def test_it(k, shared, tmp_path_factory, record_property):
    print("said", k)
    assert os.getpid() == shared != COLLECTED
    assert not any(tmp_path_factory.mktemp("place").iterdir())
    record_property("measured", f"{k} of 8")
    with open("ran", "a") as out:
        out.write(f"{k} {os.getpid()}\\n")
    while len({line.split()[1] for line in open("ran")}) < 2:  # the other one has begun, too
        time.sleep(0.01)
"""
ODD = """
    if k == 1:
        warnings.warn("a word of warning")
    if k == 2:
        pytest.skip("not here")
    if k == 3:
        assert k == 4
    if k == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    if k == 6:
        os._exit(3)
"""


def run(folder, text, *options):
    """Run pytest on a file of tests with two workers; return (exit status, what it said, {test: its entry in the report})."""
    (folder / "test_it.py").write_text(text)
    arguments = ["-p", "tests.side_by_side", "--side-by-side", "2", "-p", "no:xdist", "-p", "no:cacheprovider", "-q", "-rA"]
    arguments += ["-o", "junit_family=legacy"]
    done = forked.run(["-m", "pytest", *arguments, "--junit-xml=report.xml", *options, "."], cwd=folder, joined=True)
    cases = {case.get("name"): case for case in ElementTree.parse(folder / "report.xml").iter("testcase")}
    return done.returncode, done.stdout, cases


def ran(folder):
    """(test, process) of each that ran, in order."""
    return [tuple(map(int, line.split())) for line in (folder / "ran").read_text().splitlines()]


def test_each_runs_once_in_one_of_two_processes(tmp_path):
    status, said, cases = run(tmp_path, FILE)
    assert status == 0 and "8 passed" in said, said
    assert sorted(k for k, _ in ran(tmp_path)) == list(range(8)) and len(cases) == 8
    workers = {process for _, process in ran(tmp_path)}
    assert len(workers) == 2 and set((tmp_path / "unmade").read_text().split()) == {*map(str, workers)}
    assert {case.find(".//property").get("value") for case in cases.values()} == {f"{k} of 8" for k in range(8)}


def test_each_is_reported_as_if_it_had_run_alone(tmp_path):
    """A failure with what it compared and what it alone printed, a skip, a warning; and a death with its cause."""
    status, said, cases = run(tmp_path, FILE + ODD)
    assert status == 1 and "3 failed, 4 passed, 1 skipped" in said, said
    red = {name: case.find("failure").text for name, case in cases.items() if case.find("failure") is not None}
    assert set(red) == {"test_it[3]", "test_it[4]", "test_it[6]"}
    assert "assert 3 == 4" in red["test_it[3]"] and "signal SIGKILL" in red["test_it[4]"] and "exit status 3" in red["test_it[6]"]
    assert re.search(r"Captured stdout call -+\nsaid 3\n[=_-]", said) and "UserWarning: a word of warning" in said
    assert "not here" in said and sorted(k for k, _ in ran(tmp_path)) == list(range(8))


def test_the_first_failure_stops_both(tmp_path):
    status, said, _ = run(tmp_path, FILE + "    assert False\n", "-x")
    assert status == 1 and "stopping after" in said and len(ran(tmp_path)) <= 4, said


def test_what_cannot_be_collected_is_red(tmp_path):
    status, said, _ = run(tmp_path, FILE + "    oh dear\n")
    assert status == 2 and "SyntaxError" in said and not (tmp_path / "ran").exists(), said


@pytest.mark.parametrize(("count", "lengths"), [(1, [7]), (2, [4, 3]), (3, [3, 2, 2]), (9, [1] * 7 + [0] * 2)])
def test_neighbours_stay_together(count, lengths):
    stretches = parted(range(7), count)
    assert [*map(len, stretches)] == lengths and [k for stretch in stretches for k in stretch] == list(range(7))
