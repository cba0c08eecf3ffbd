"""The GPU command, rehearsed on a CPU: its checks, its order, its deadline, and that it needs torch, NumPy and tqdm alone."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from momentum_lib import records
from momentum_lib.train import cli, experiments, gpu, gpu_checks
from momentum_lib.train import device as devices

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")

BARE = """
import sys
from importlib.machinery import PathFinder
allowed = {"torch", "torchgen", "functorch", "numpy", "tqdm", "momentum_lib", "filelock", "typing_extensions", "sympy", "mpmath",
           "networkx", "jinja2", "markupsafe", "fsspec", "setuptools"} | sys.stdlib_module_names
class Bare:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        return PathFinder.find_spec(name, path, target) if top in allowed or top.startswith("_sysconfigdata") else None
sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path if isinstance(finder, type)]
from momentum_lib.train.cli import main
code = main(sys.argv[1:])
assert not {"numba", "matplotlib", "pandas", "scipy"} & set(sys.modules)
sys.exit(code)
"""


@pytest.mark.parametrize("name", gpu_checks.CHECKS)
def test_each_check_holds_on_a_cpu(name):
    """In small, where there is no card: the program of the check, not the card."""
    said = gpu_checks.CHECKS[name](CPU)
    left_out = ("every_rule_compiled_is_the_cpus", "a_compiled_model_trains", "a_step_uses_the_memory")
    assert bool(said and said.startswith("left out")) == (name in left_out)


def test_a_check_that_fails_is_noted_and_the_next_one_runs(tmp_path, monkeypatch, capsys):
    """A wrong number is a finding: it is kept, told, and asked again next time; what held is not."""
    asked = []

    def wrong(device):
        asked.append("wrong")
        gpu_checks.near(torch.ones(2), torch.zeros(2), 0.5, "a sum")

    monkeypatch.setattr(gpu_checks, "CHECKS", {"wrong": wrong, "right": lambda device: asked.append("right")})
    for _ in range(2):
        report = gpu.Report(tmp_path, gpu.provenance(CPU))
        assert gpu.run_checks(CPU, report, print, time.monotonic() + 60) == ["wrong"]
    assert asked == ["wrong", "right", "wrong"]
    found = json.loads((tmp_path / gpu.REPORT).read_text("utf-8"))
    assert "a sum: apart by 1, allowed 0.5" in found["checks"]["wrong"]["said"] and found["checks"]["right"]["passed"]
    assert gpu.Report(tmp_path, {**gpu.provenance(CPU), "device": "another card"}).content["checks"] == {}


def test_a_deadline_is_a_signal_that_comes_by_itself():
    early, late = gpu.Deadline(time.monotonic() + 60), gpu.Deadline(time.monotonic() - 1)
    assert early.number == 0 and late.number == signal.SIGTERM
    early.number = signal.SIGINT
    assert early.number == signal.SIGINT


def test_with_torch_numpy_and_tqdm_alone_a_family_is_recorded_and_kept(tmp_path):
    """The whole way in a process that can import nothing else; a second start finds everything there."""
    words = ["gpu", "--shrunk", "--only", "frequency", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", BARE, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "no GPU has seen it" in done.stdout and "everything is there" in done.stdout
    path = tmp_path / "frequency-gpu-shrunk.json"
    record = records.verify(records.load(path))
    assert len(record["rows"]) == 33 and record["family"] == "gpu-shrunk" and "CPU" in record["device"]
    rows = (tmp_path / "frequency-gpu-shrunk.rows.jsonl").read_text("utf-8")
    family = gpu.shrunk(experiments.FAMILIES["gpu"])
    said = []
    assert gpu.make_family("frequency", "gpu-shrunk", family, tmp_path, CPU, time.monotonic() - 1, said.append)
    assert (tmp_path / "frequency-gpu-shrunk.rows.jsonl").read_text("utf-8") == rows
    elsewhere = tmp_path / "late"
    elsewhere.mkdir()
    assert not gpu.make_family("frequency", "gpu-shrunk", family, elsewhere, CPU, time.monotonic() - 1, said.append)
    assert "the same command goes on" in said[-1] and not (elsewhere / "frequency-gpu-shrunk.json").exists()


def test_every_piece_has_its_family():
    """What the command makes can be made: each experiment is made for the family that it is asked for."""
    for name, family in gpu.PIECES:
        assert family in experiments.EXPERIMENTS[name].families
        if name != "cost":
            assert experiments.count(experiments.EXPERIMENTS[name], experiments.FAMILIES[family]) > 0
            assert list(experiments.EXPERIMENTS[name].sides(experiments.FAMILIES[family]))


def test_speed_is_told_beside_the_short_loop(tmp_path):
    report, said = gpu.Report(tmp_path, {}), []
    gpu.measure_speed(CPU, report, said.append, small=True)
    assert list(report.content["speed"]) == ["loop", "ours", "ours, its norms and positions"] and len(said) == 3
    assert all(found["tokens_per_second"] > 0 for found in report.content["speed"].values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks what happens without a GPU")
def test_what_it_refuses(capsys):
    for words, complaint in (
        (["gpu", "--minutes", "0"], "minutes is 0; allowed: a number from 1"),
        (["gpu", "--only", "chekcs"], "Did you mean 'checks'"),
        (["gpu"], "finds no CUDA device"),
    ):
        assert cli.main(words) == 2
        assert complaint in capsys.readouterr().err
    assert devices.products_of("bfloat16") == "bfloat16" and devices.products_of("float32") == "as given"
