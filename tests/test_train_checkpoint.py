"""Checkpoints under attack: kills, a full disk, flipped bits, foreign files."""

import json
import os
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
resource = pytest.importorskip("resource", reason="limits the size of files")

from momentum_lib.train import checkpoint, parallel, parts
from momentum_lib.train.checkpoint import CheckpointError
from momentum_lib.train.model import GPT, size
from tests import forked
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
STATE = {"model": {"w": torch.arange(1000.0)}, "settings": {"lr": 0.1}}
ALONE = parallel.World(0, 1, torch.device("cpu"))
WHOLE = {**STATE, "optimizer": {"state": {0: {"step": 3, "v": torch.ones(2, 3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}}


def test_what_is_saved_is_what_is_loaded(tmp_path):
    path = checkpoint.save(tmp_path, 7, STATE)
    state = checkpoint.load(path)
    assert state["step"] == 7 and state["settings"] == {"lr": 0.1}
    assert torch.equal(state["model"]["w"], STATE["model"]["w"])
    assert torch.load(path, weights_only=True)["step"] == 7, "an ordinary torch file"


def test_the_last_two_are_kept(tmp_path):
    for step in (5, 10, 15, 100000):
        checkpoint.save(tmp_path, step, STATE)
    assert [checkpoint.number(path) for path in checkpoint.found(tmp_path)] == [100000, 15]
    assert checkpoint.latest(tmp_path)["step"] == 100000
    assert len(list(tmp_path.iterdir())) == 2
    assert checkpoint.latest(tmp_path / "none") is None and checkpoint.found(tmp_path / "none") == []


# A process that saves as fast as it can and says which steps are safely on the disk; killed forty times, and more often where
# the kills have not met the writing yet.
KILLED = """
import json, os, random, signal, sys, time
import torch
torch.set_num_threads(1)
from momentum_lib.train import checkpoint

folder, kills = sys.argv[1], int(sys.argv[2])
draw, step, kill, in_the_making, lost, unreadable = random.Random(0), 0, 0, 0, 0, 0
state = {"model": {"w": torch.arange(1_000_000.0)}}
while kill < kills or (kill < 10 * kills and (step < 10 or not in_the_making)):  # a busy machine saves little in between
    kill += 1
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        while True:
            step += 1
            checkpoint.save(folder, step, state)
            os.write(write, step.to_bytes(4, "big"))
    time.sleep(0.004 + 0.1 * draw.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(write)
    told = b""
    while part := os.read(read, 65536):
        told += part
    os.close(read)
    last = int.from_bytes(told[-4:], "big") if told else step
    in_the_making += any(name.endswith(".tmp") for name in os.listdir(folder))
    for path in checkpoint.found(folder):
        try:
            loaded = checkpoint.load(path)
            assert loaded["step"] == checkpoint.number(path) and torch.equal(loaded["model"]["w"], state["model"]["w"])
        except Exception as error:
            unreadable += 1
            print(error, file=sys.stderr)
    newest = checkpoint.latest(folder)
    lost += (newest["step"] if newest else 0) < last
    step = newest["step"] if newest else 0
print(json.dumps([kill, step, in_the_making, lost, unreadable, len(checkpoint.found(folder))]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_forty_kills_while_it_writes_leave_nothing_unreadable(tmp_path, record_property):
    """A checkpoint written in place: 29 of 40 kills then left a file that could not be read."""
    done = forked.run(["-c", KILLED, tmp_path, "40"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=HANG)
    assert done.returncode == 0, done.stderr
    kills, steps, in_the_making, lost, unreadable, kept = json.loads(done.stdout)
    assert unreadable == 0, done.stderr
    assert lost == 0, "a checkpoint that had been reported as saved was gone"
    assert steps >= 10 and in_the_making >= 1, "the kills did not meet the writing"
    assert 1 <= kept <= checkpoint.KEPT + 1  # a kill between the new file and the removal of the oldest
    record_property(
        "measured",
        f"{kills} kills over {steps} checkpoints, {in_the_making} in the middle of a write: none unreadable, none lost",
    )


def test_a_full_disk_loses_nothing(tmp_path):
    """A full disk that takes the old checkpoint with it. The limit on a file's size stands in for the disk."""
    checkpoint.save(tmp_path, 1, STATE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(CheckpointError, match="the disk is full; the checkpoint of step 1 is untouched"):
            checkpoint.save(tmp_path, 2, STATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.file_name(1)]
    assert checkpoint.latest(tmp_path)["step"] == 1


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="could not write .*no earlier checkpoint exists"):
        checkpoint.save(tmp_path / "file" / "folder", 1, STATE)


def test_every_flipped_byte_is_noticed(tmp_path):
    """Damage inside a tensor, which torch.load alone takes for numbers."""
    path = checkpoint.save(tmp_path, 3, STATE)
    content = path.read_bytes()
    place = content.index(torch.arange(500.0, 510.0).numpy().tobytes())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert not torch.equal(torch.load(path, weights_only=True)["model"]["w"], STATE["model"]["w"])
    with pytest.raises(CheckpointError, match="checksum"):
        checkpoint.load(path)


def test_a_damaged_newest_one_falls_back_to_the_one_before(tmp_path):
    checkpoint.save(tmp_path, 10, STATE)
    newest = checkpoint.save(tmp_path, 20, STATE)
    newest.write_bytes(newest.read_bytes()[:-200])
    said = []
    assert checkpoint.latest(tmp_path, said.append)["step"] == 10
    assert len(said) == 1 and "step-00000020.pt is damaged" in said[0] and "Going on from step-00000010.pt" in said[0]
    checkpoint.found(tmp_path)[1].write_bytes(b"")
    with pytest.raises(CheckpointError, match="step-00000020.pt is damaged"):
        checkpoint.latest(tmp_path, said.append)


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.filterwarnings("ignore:Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")  # torch's, where it does as it says
def test_foreign_files_are_refused_and_run_no_code(tmp_path, monkeypatch):
    """Nor where the environment tells torch to trust what it reads unless it is told otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / checkpoint.file_name(1)
    for write in (
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"not a checkpoint at all"),
        lambda: path.write_bytes(pickle.dumps({"format": checkpoint.FORMAT})),
        lambda: torch.save(torch.nn.Linear(2, 2).state_dict(), path),
        lambda: torch.save([1, 2], path),
        lambda: torch.save(torch.nn.Linear(2, 2), path),
        lambda: torch.save(Harm(), path),
        lambda: torch.save({"format": checkpoint.FORMAT, "version": 99}, path),
    ):
        write()
        with pytest.raises(CheckpointError) as caught:
            checkpoint.load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "harmed").exists()
    with pytest.raises(CheckpointError, match="does not exist"):
        checkpoint.load(tmp_path / "nowhere.pt")


def test_a_checkpoint_whose_weights_meant_something_else_is_refused(tmp_path):
    path = checkpoint.save(tmp_path, 1, STATE)
    torch.save({**torch.load(path, weights_only=True), "version": 1}, path)
    with pytest.raises(CheckpointError, match="has version 1 of the format; this program reads 2. Go on with .* or begin anew"):
        checkpoint.load(path)


def test_weights_mean_what_they_meant_when_the_version_was_raised():
    """The loss of these weights on these bytes: another one, and old checkpoints go on wrongly unless VERSION is raised."""
    model = GPT(replace(size("pico"), context=8)).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.arange(weight.numel(), dtype=torch.float64).sin().view(weight.shape) / 4)
    tokens = torch.arange(16).view(2, 8) * 7 % 256
    assert {checkpoint.VERSION: model(tokens, tokens.flip(1)).item()} == {2: pytest.approx(5.520401477813721, abs=1e-9)}


@pytest.mark.parametrize(
    "said, one, parted",
    [
        ("the first line.\nthe last line\n", "the first line", "the last line"),
        (" \n", "ValueError", "ValueError"),
        ("x", "x", "x"),
    ],
)
def test_why_foreign_bytes_cannot_be_read_is_one_line(said, one, parted, tmp_path, monkeypatch):
    """Of torch's pages of advice the line that says what is wrong: the first of one file, the last of a checkpoint in parts."""

    def refuse(*_, **__):
        raise ValueError(said)

    single, folder = checkpoint.save(tmp_path, 1, STATE), checkpoint.save(tmp_path, 2, WHOLE, ALONE)
    monkeypatch.setattr(parts, "complete", refuse)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(folder)
    assert str(caught.value) == f"{folder} is not a checkpoint of this program ({parted})."
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(single)
    assert str(caught.value) == f"{single} is not a checkpoint of this program ({one})."


# -- checkpoints in parts, as several processes write them ---------------------------------------


def test_one_warning_of_torch_is_expected_and_no_other():
    with pytest.warns(UserWarning) as told, parts._quiet():
        warnings.warn("torch.distributed is disabled, unavailable or uninitialized", stacklevel=1)
        warnings.warn("the disk is nearly full", stacklevel=1)
    assert [str(warning.message) for warning in told] == ["the disk is nearly full"]


def test_parts_are_read_as_they_were_written(tmp_path):
    """Keys that become text, a number that is lost among tensors, a third checkpoint that stays."""
    for step in (1, 2, 3):
        path = checkpoint.save(tmp_path, step, WHOLE, ALONE)
    assert checkpoint.save(tmp_path, 3, WHOLE, ALONE) == path, "written again, as after a resume"
    state = checkpoint.latest(tmp_path)
    assert (
        state["step"] == 3
        and state["settings"] == {"lr": 0.1}
        and state["optimizer"]["param_groups"] == [{"lr": 0.1, "params": [0]}]
    )
    assert torch.equal(state["model"]["w"], STATE["model"]["w"])
    assert state["optimizer"]["state"][0]["step"] == 3 and torch.equal(state["optimizer"]["state"][0]["v"], torch.ones(2, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


# A process that is killed at the first thing it does to the folder, then one at the second, until one gets to the end.
KILLED_AT = """
import json, os, signal, sys
import torch
torch.set_num_threads(1)
from momentum_lib.train import checkpoint, parallel, parts

folder, world = sys.argv[1], parallel.alone("cpu")
state = {"model": {"w": torch.arange(100.0)}, "optimizer": {}}
for step in (1, 2):
    checkpoint.save(folder, step, state, world)
left = None

def kill(event, arguments):
    global left
    if left is not None and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir") and folder in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
seen = []
while not seen or seen[-1][0]:
    child = os.fork()
    if child == 0:
        left = len(seen)
        checkpoint.save(folder, 3, state, world)
        os._exit(0)
    killed = os.waitpid(child, 0)[1]
    for path in checkpoint.found(folder):
        assert torch.equal(checkpoint.load(path)["model"]["w"], state["model"]["w"]), path
    seen.append((killed, checkpoint.latest(folder)["step"]))
print(json.dumps([seen, sorted(os.listdir(folder))]))
"""


def test_a_kill_at_any_moment_leaves_the_checkpoint_before(tmp_path, record_property):
    """Files that are written under their final name, a folder that is renamed before all is in it."""
    command = ["-c", KILLED_AT, tmp_path]
    done = forked.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=HANG)
    assert done.returncode == 0, done.stderr
    seen, there = json.loads(done.stdout)
    assert len(seen) > 10 and {step for _, step in seen} == {2, 3} and seen[-1] == [0, 3]
    assert there == ["step-00000002", "step-00000003"]
    record_property("measured", f"killed at each of {len(seen) - 1} moments of a save: the checkpoint before, or the new one")


@pytest.mark.parametrize("name", ["__0_0.distcp", ".metadata", parts.RUN])
def test_a_damaged_part_falls_back_to_the_checkpoint_before(name, tmp_path):
    checkpoint.save(tmp_path, 1, STATE)
    path, said = checkpoint.save(tmp_path, 2, WHOLE, ALONE) / name, []
    content = path.read_bytes()
    for other in (content[:900] + bytes([content[900] ^ 1]) + content[901:], content[:-5], None):
        path.unlink() if other is None else path.write_bytes(other)
        assert checkpoint.latest(tmp_path, said.append)["step"] == 1
        assert "Going on from step-00000001.pt" in said[-1] and ("damaged" in said[-1] or "does not exist" in said[-1])


def test_a_foreign_index_runs_no_code(tmp_path, monkeypatch):
    """The index is a pickle; its digest is no help against somebody who wrote both."""
    monkeypatch.chdir(tmp_path)
    path = checkpoint.save(tmp_path, 1, WHOLE, ALONE)
    (path / ".metadata").write_bytes(pickle.dumps(Harm()))
    state = checkpoint.load(path / parts.RUN)
    digests = {**state["digests"], ".metadata": parts.digest(path / ".metadata")}
    (path / parts.RUN).write_bytes(checkpoint.packed(1, {**state, "digests": digests}))
    with pytest.raises(CheckpointError, match="its index asks for posix.system"):
        checkpoint.load(path)
    assert not (tmp_path / "harmed").exists()


def test_a_full_disk_leaves_no_half_of_a_checkpoint(tmp_path):
    checkpoint.save(tmp_path, 1, WHOLE, ALONE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(CheckpointError, match="the checkpoint of step 1 is untouched"):
            checkpoint.save(tmp_path, 2, WHOLE, ALONE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.latest(tmp_path)["step"] == 1
    checkpoint.save(tmp_path, 2, WHOLE, ALONE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002"]
