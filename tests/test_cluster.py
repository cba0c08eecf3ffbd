"""Runs and submissions on a cluster: a scheduler and two workers of this machine, one of which is killed at work."""

import csv
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
distributed = pytest.importorskip("distributed", reason="a cluster needs Dask's scheduler")

from momentum_lib import cluster
from momentum_lib.grade import __main__ as grader
from momentum_lib.train import cli, sweep
from momentum_lib.train.arguments import build_parser as train_parser
from tests import forked, grading
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__LIFETIME__RESTART": "False"}
TINY = "--model pico --steps 20 --batch 4 --warmup 2 --eval-windows 8 --device cpu --threads 1 --quiet".split()
GRID = ["--rule", "heavy_ball", "--lr", "0.1", "--set", "beta=0,0.9", "--seed", *map(str, range(4))]
if sys.platform != "linux":
    pytest.skip("a process is stopped and killed as on Linux", allow_module_level=True)


def until(what, found):
    """Wait until ``found()`` is something, and return it."""
    end = time.monotonic() + HANG
    while not (value := found()):
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.05)
    return value


class Lab:
    """A scheduler, and workers that come and go."""

    def __init__(self, folder):
        self.file, self.folder, self.processes = folder / "scheduler.json", folder, []
        self.start("-m", "distributed.cli.dask_scheduler", "--port", 0, "--no-dashboard", "--host", "127.0.0.1")
        until("the scheduler", self.file.exists)
        self.on = f"dask:{self.file}"
        self.client = until("its answer", self._client)

    def _client(self):
        try:
            return distributed.Client(scheduler_file=str(self.file), set_as_default=False, timeout=HANG)
        except (OSError, ValueError):  # the file is there and not yet whole
            return None

    def start(self, *command):
        command = [*command, "--scheduler-file", self.file]
        self.processes.append(forked.start(command, cwd=self.folder, env=ENV, joined=True))
        return self.processes[-1]

    def worker(self, name, threads=1, program=("-m", "distributed.cli.dask_worker")):
        """A worker that is there; its process."""
        process = self.start(
            *program, "--nthreads", threads, "--no-nanny", "--no-dashboard", "--name", name,
            "--host", "127.0.0.1", "--local-directory", self.folder,
        )  # fmt: skip
        until(name, lambda: name in [w["name"] for w in self.client.scheduler_info(n_workers=-1)["workers"].values()])
        return process

    def busy(self, name):
        """The keys that the worker has to do."""
        known = {w["name"]: address for address, w in self.client.scheduler_info(n_workers=-1)["workers"].items()}
        return self.client.processing().get(known.get(name), ())

    def close(self):
        self.client.close()
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.communicate(timeout=HANG)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        lab.worker("steady")
        yield lab
    finally:
        lab.close()


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def numbers(row):
    return row["first_losses"], row["held_out"], row["curve"]


# A worker that stops moving when its first run begins: it cannot be done with it before it is stopped.
STOPPING = """
import os, signal
from distributed.cli.dask_worker import main
from momentum_lib.train import sweep

elsewhere = sweep.elsewhere

def stops(*arguments, **settings):
    os.kill(os.getpid(), signal.SIGSTOP)
    return elsewhere(*arguments, **settings)

stops.__qualname__ = stops.__name__ = "elsewhere"
sweep.elsewhere = stops
main()
"""


def test_a_killed_workers_runs_are_made_again_and_none_twice(lab, tmp_path, capsys):
    """A run lost with its worker, one that stands there twice, numbers that depend on the machine; a row of half a line."""
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(tmp_path / "here")]) == 0
    before = rows_of(tmp_path / "here")
    (tmp_path / "there").write_text(json.dumps(before[0]) + "\n" + json.dumps(before[1])[:50])  # of a sweep that was killed
    lost = lab.worker("lost", program=("-c", STOPPING))
    command = ["-m", "momentum_lib.train", "sweep", *TINY, *GRID, "--on", lab.on, "--out", tmp_path / "there"]
    process = forked.start(command, cwd=ROOT, env=ENV, joined=True)
    until("a worker that stopped at work", lambda: Path(f"/proc/{lost.pid}/stat").read_text().rpartition(") ")[2][0] == "T")
    taken = set(lab.busy("lost"))
    until("the others' end", lambda: sum(map(len, lab.client.processing().values())) == len(lab.busy("lost")))
    assert taken and len(rows_of(tmp_path / "there")) < len(before)
    assert cli.main(["sweep", *TINY, *GRID, "--on", lab.on, "--out", str(tmp_path / "there")]) == 1
    assert "another sweep is writing" in capsys.readouterr().err
    lost.kill()
    text, _ = process.communicate(timeout=HANG)
    assert process.returncode == 0 and "8 runs, 1 of them in" in text, text
    after = rows_of(tmp_path / "there")
    assert len(after) == 8 and "on" not in after[0] and all("CPU" in row["on"] for row in after[1:])
    assert {row["key"]: numbers(row) for row in after} == {row["key"]: numbers(row) for row in before}


def grade(inbox, master, out, *more):
    code = grader.main([str(inbox), "--master", str(master), "--out", str(out), *more])
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        return code, list(csv.DictReader(file))


def test_a_class_is_graded_as_here(lab, tmp_path):
    """Submissions that only this machine's disk has, one that is none, and the same tables."""
    master, inbox = grading.master(tmp_path), tmp_path / "inbox"
    grading.write(inbox, grading.with_cells({}), "ada.ipynb")
    grading.write(inbox, grading.with_cells({"q1": "wrong"}), "bob.ipynb")
    (inbox / "broken.ipynb").write_text("no json", "utf-8")
    here = grade(inbox, master.path, tmp_path / "here", "--jobs", "1")
    there = grade(inbox, master.path, tmp_path / "there", "--on", lab.on)
    assert here == there and here[0] == 1 and [row["points"] for row in here[1]] == ["9", "6", "0"]


def test_a_stop_takes_the_work_back(lab, tmp_path):
    """Workers that go on for hours with what nobody wants."""
    task = sweep.Task(sweep.Settings(model="pico", batch=4, steps=10**6, eval_windows=8))

    class Stop(sweep.StopRequest):
        asked = False

        def __enter__(self):
            return self

        @property
        def number(self):
            self.asked = self.asked or bool(lab.busy("steady"))
            return signal.SIGTERM if self.asked else 0

        @number.setter
        def number(self, value):
            pass

    with sweep.Rows(tmp_path / "rows") as rows:
        assert sweep.run_all([task], rows, on=lab.on, device="cpu", stop=Stop()) == signal.SIGTERM
    until("an idle worker", lambda: not any(lab.client.run(executing).values()))
    assert rows.rows == []


def executing(dask_worker):
    return len(dask_worker.state.executing) + len(dask_worker.active_threads)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--on", "slurm"], "on is 'slurm'; allowed: dask: with a scheduler's address"),
        (["--on", "dask:"], "on is 'dask:'; allowed"),
        (
            ["--on", "dask:nowhere.json"],
            "nowhere.json does not exist; start `dask scheduler --scheduler-file nowhere.json`",
        ),
        (["--on", "dask:x.json", "--jobs", "2"], "leave one of them out"),
    ],
)
def test_what_is_no_cluster_is_one_line(more, says, tmp_path, capsys):
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(tmp_path / "rows"), *more]) in (1, 2)
    text = capsys.readouterr().err
    assert text.startswith("error: ") and says in text and text.count("\n") == 1
    (tmp_path / "inbox").mkdir(exist_ok=True)
    grading.write(tmp_path / "inbox", grading.with_cells({}), "ada.ipynb")
    arguments = [str(tmp_path / "inbox"), "--master", str(grading.master(tmp_path).path), "--out", str(tmp_path / "out"), *more]
    assert grader.main(arguments) == 2 and says in capsys.readouterr().err


def test_a_cluster_without_dask_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(tmp_path / "rows"), "--on", "dask:tcp://127.0.0.1:1"]) == 1
    assert "pip install 'momentum-lib[cluster]'" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cluster, "ANSWER", 0.2)
    assert cli.main(["sweep", *TINY, *GRID, "--out", str(tmp_path / "rows"), "--on", "dask:tcp://127.0.0.1:1"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("error: no Dask scheduler answers at tcp://127.0.0.1:1") and text.count("\n") == 1


class State:
    nthreads = 8


def test_a_worker_is_told_what_it_may_not_do(monkeypatch):
    """Runs that share a process, and another version's numbers among ours."""
    monkeypatch.setattr(distributed, "get_worker", lambda: type("W", (), {"state": State, "address": "tcp://big:1"}))
    with pytest.raises(cluster.ClusterError, match="tcp://big:1 does 8 pieces of work at a time .* --nthreads 1"):
        cluster._alone(print)
    task = sweep.Task(sweep.Settings(model="pico"))
    code, data = sweep.what_decides(task)
    for other in ((code[::-1], data), (code, data[::-1])):
        with pytest.raises(sweep.SweepError, match="has another version of momentum_lib or of Python"):
            sweep.elsewhere(task, other, "cpu", 1, print)


def test_the_guides_commands_are_understood():
    """An option that the pages show and the programs no longer have."""
    pages = "".join((ROOT / "book" / name).read_text("utf-8") for name in ("api.md", "instructors.md")).replace("\\\n", " ")
    lines = [line for line in pages.splitlines() if line.startswith("python -m momentum_lib.") and " --on " in line]
    assert len(lines) == 2
    for line in lines:
        words = line.split()[3:]
        found = (train_parser() if "momentum_lib.train" in line else grader.parser()).parse_args(words)
        assert cluster.address(found.on) == {"address": "tcp://head:8786"}


def test_a_record_names_the_machines():
    from momentum_lib.train.experiments import places

    assert places([{}, {"on": "A"}, {"on": "B"}, {"on": "A"}, {}], "here") == "here and A and B"
