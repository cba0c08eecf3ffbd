"""Two processes, under torchrun or started one by one, against one: same losses, same weights, whole or sharded state."""

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from momentum_lib.train import checkpoint, cli
from tests import forked
from tests.legs import leg
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}
TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
TOLERANCE = 1e-5  # nats: float32 sums in another order, over 12 steps
RUN = (
    "run --model pico --steps 12 --batch 8 --warmup 2 --eval-windows 9 --eval-every 0 --checkpoint-every 6 --device cpu --quiet"
).split()
CASES = {
    "adamw": ["--rule", "adamw", "--lr", "0.01", "--accumulation", "2", "--clip", "1"],
    "schedule_free": "--rule schedule_free --lr 1 --accumulation 2 --clip 1 --eval-every 5 --shard model".split(),  # two points
    "shampoo": ["--rule", "shampoo", "--lr", "0.02", "--set", "eps=0.001", "--shard", "zero"],  # squares of a matrix's sides
}


def under_torchrun(arguments):
    """Start two processes as the command that PyTorch brings does."""
    command = [sys.executable, *TORCHRUN, *map(str, arguments)]
    return [subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)]


def by_hand(arguments, count=2):
    """Start processes with what torchrun, Slurm and others tell each: its number, how many there are, where they meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world = {**ENV, "WORLD_SIZE": str(count), "MASTER_PORT": str(free.getsockname()[1])}
    ranks = [{**world, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return [forked.start(arguments, cwd=ROOT, env=env, joined=True) for env in ranks]


START = {"adamw": under_torchrun, "schedule_free": by_hand, "shampoo": by_hand}
if sys.platform != "linux":
    pytest.skip("the loopback device is called lo on Linux", allow_module_level=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each case by one process (in this one) and by two."""
    root = tmp_path_factory.mktemp("parallel")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    running = {name: START[name](["-m", "momentum_lib.train", *RUN, *CASES[name], "--out", root / f"{name}-2"]) for name in CASES}
    try:
        for name, case in CASES.items():
            assert cli.main([*RUN, *case, "--out", str(root / f"{name}-1")]) == 0
        for processes in running.values():
            output = ""
            for process in processes:
                output += process.communicate(timeout=HANG)[0]
                assert process.returncode == 0, output
            assert "2 processes" in output and output.count("done    held out") == 1, output
    finally:
        for process in itertools.chain(*running.values()):
            process.kill()
        torch.set_num_threads(before)
    return root


@pytest.mark.parametrize("name", list(CASES))
def test_two_processes_are_one_run(name, folders, record_property):
    """Gradients summed instead of averaged, both processes on the same rows, an evaluation of one share, a stale shard."""
    one, two = (json.loads((folders / f"{name}-{k}" / "result.json").read_text()) for k in (1, 2))
    assert len(one["losses"]) == len(two["losses"]) == 12
    apart = max(abs(a - b) for a, b in zip(one["losses"] + [one["held_out"]], two["losses"] + [two["held_out"]]))
    assert apart < TOLERANCE
    record_property("measured", f"{name}: one process and two lie {apart:.1e} nats apart at most, over 12 steps")


@pytest.mark.parametrize("name", list(CASES))
def test_the_checkpoint_of_two_processes_is_that_of_one(name, folders):
    """A shard that the checkpoint forgets: momentum that starts from zero after a resume."""
    one, two = (checkpoint.latest(folders / f"{name}-{k}") for k in (1, 2))
    assert one["step"] == two["step"] == 12 and one["settings"] == two["settings"]
    for weight, value in one["model"].items():
        assert torch.allclose(value, two["model"][weight], atol=1e-4), weight
    states = [{k: v for k, v in enumerate(found["optimizer"]["state"].values())} for found in (one, two)]
    shapes = [sorted(tuple(t.shape) for s in found.values() for t in s.values() if hasattr(t, "shape")) for found in states]
    assert shapes[0] == shapes[1] and len(shapes[0]) > 10


def test_one_process_goes_on_with_the_checkpoint_of_two(folders, tmp_path):
    """A sharded state that only the same number of processes could read."""
    from momentum_lib.train.loop import Trainer
    from momentum_lib.train.settings import Settings

    state = checkpoint.load(folders / "shampoo-2" / checkpoint.file_name(6))
    settings = Settings(
        model="pico",
        steps=12,
        batch=8,
        warmup=2,
        eval_windows=9,
        rule="shampoo",
        lr=0.02,
        hyper={"eps": 0.001},
        eval_every=0,
        checkpoint_every=6,
    )
    trainer = Trainer(settings)
    trainer.load(state)
    losses = [float(trainer.step()) for _ in range(6)]
    alone = json.loads((folders / "shampoo-1" / "result.json").read_text())["losses"][6:]
    assert max(abs(a - b) for a, b in zip(losses, alone)) < 1e-4


LEGS = {
    "model": "pico", "context": 5, "positions": "learned", "batch": 8, "steps": 12, "warmup": 2, "eval_windows": 9,
    "rule": "adamw", "lr": 0.01, "clip": 1.0, "precision": "float32",
}  # fmt: skip


def legs(count, folder, steps):
    """A leg by so many processes that divide the model; what the first of them says the losses were."""
    processes = by_hand(["-m", "tests.legs", json.dumps({**LEGS, "shard": "model"}), folder, steps], count)
    try:
        said = [process.communicate(timeout=HANG)[0] for process in processes]
        assert not any(process.returncode for process in processes), said
    finally:
        for process in processes:
            process.kill()
    found = [json.loads(text.splitlines()[-1]) for text in said]
    assert all(losses == found[0] for losses in found)
    return found[0]


def test_a_run_goes_on_with_another_number_of_processes(tmp_path, record_property):
    """Rows that another process has, five rows among four and among eight, a memory that begins anew: 2 -> 1 -> 4 -> 8."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = leg(LEGS, tmp_path / "whole", 12)
        losses = legs(2, tmp_path / "legs", 3)
        assert (tmp_path / "legs" / "step-00000003" / "__1_0.distcp").is_file()
        losses += leg(LEGS, tmp_path / "legs", 3)
        assert (tmp_path / "legs" / checkpoint.file_name(6)).is_file(), "one process writes a single file, and four read it"
        losses += legs(4, tmp_path / "legs", 3) + legs(8, tmp_path / "legs", 3)
    finally:
        torch.set_num_threads(before)
    apart = max(abs(a - b) for a, b in zip(whole, losses, strict=True))
    assert apart < TOLERANCE
    record_property("measured", f"2, 1, 4 and 8 processes, three steps each, lie {apart:.1e} nats from one process at most")
    one, eight = (checkpoint.latest(tmp_path / name) for name in ("whole", "legs"))
    assert all(torch.allclose(value, eight["model"][name], atol=1e-4) for name, value in one["model"].items())
    assert [path.name for path in checkpoint.found(tmp_path / "legs")] == ["step-00000012", "step-00000009"]
