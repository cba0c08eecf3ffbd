"""DiLoCo: processes against one process, bit for bit; a worker that dies, one that lags; rules that it contains."""

import json
import math
import os
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
import torch.distributed as dist

from momentum_lib.train import checkpoint, cli, exchange
from momentum_lib.train.diloco import Plan, Rounds, Worker, cosine, train
from momentum_lib.train.loop import Mismatch, Trainer
from momentum_lib.train.settings import Settings
from tests import forked
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}
RUN = (
    "diloco --model pico --batch 8 --warmup 2 --eval-windows 9 --lr 0.01 --threads 1 --device cpu --quiet --checkpoint-every 1"
).split()
LONG = ["--steps", "24", "--every", "3"]  # eight rounds
SHORT = ["--steps", "6", "--every", "2", "--rule", "heavy_ball", "--outer-rule", "nesterov", "--outer-set", "beta=0.5"]
# The command in a process that goes, one way or the other, once its second round of three steps is on the disk. The first of the
# others has all the patience that a busy machine needs until those who live have come to the third round, and then little.
GOING = """
import datetime, os, sys
from momentum_lib.train import checkpoint, cli, exchange

who, how, *arguments = sys.argv[1:]
patient = datetime.timedelta(seconds=float(arguments[arguments.index("--patience") + 1]))
save, meet = checkpoint.save, exchange.Group.meet

def save_and_go(folder, step, state):
    path = save(folder, step, state)
    if step == 6 and path.parent.name == f"worker-{who}":
        os.kill(os.getpid(), int(how))
    return path

def meet_those_who_live(group, name, notes):
    if name == "round 3/0" and group.world.first:
        assert group.patience == patient, group.patience
        group.store.wait([f"{name}/{number}" for number in group.members if number not in (0, int(who))], patient)
        group.patience = datetime.timedelta(seconds=0.5)
    return meet(group, name, notes)

checkpoint.save, exchange.Group.meet = save_and_go, meet_those_who_live
sys.exit(cli.main(arguments))
"""
if sys.platform != "linux":
    pytest.skip("the loopback device is called lo on Linux", allow_module_level=True)


def start(count, *arguments, program=("-m", "momentum_lib.train")):
    """So many workers, each started with its number, as Slurm or a shell would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world = {**ENV, "WORLD_SIZE": str(count), "MASTER_PORT": str(free.getsockname()[1])}
    command = [*program, *RUN, *map(str, arguments)]
    ranks = [{**world, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return [forked.start(command, cwd=ROOT, env=env, joined=True) for env in ranks]


def alone(*arguments):
    before = torch.get_num_threads()
    try:
        return cli.main([*RUN, *map(str, arguments)])
    finally:
        torch.set_num_threads(before)


def result(folder):
    return {name: value for name, value in json.loads((folder / "result.json").read_text()).items() if name != "seconds"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Eight processes to their end; four of which one is killed; two of which one stops moving. All at once."""
    root = tmp_path_factory.mktemp("diloco")
    killed, lagging = (("-c", GOING, who, int(number)) for who, number in ((2, signal.SIGKILL), (1, signal.SIGSTOP)))
    crews = {
        "eight": start(8, *SHORT, "--out", root / "eight"),
        "killed": start(4, *LONG, "--out", root / "killed", "--patience", HANG, program=killed),
        "lagging": start(2, *LONG, "--out", root / "lagging", "--patience", HANG, "--missing", "go-on", program=lagging),
    }
    says = {}
    try:
        for name in ("eight", "killed"):
            says[name] = [(p.communicate(timeout=HANG)[0], p.returncode) for p in crews[name]]
        first = crews["lagging"][0].communicate(timeout=HANG)[0]
        os.kill(crews["lagging"][1].pid, signal.SIGCONT)
        late = crews["lagging"][1].communicate(timeout=HANG)[0]
        says["lagging"] = [(text, p.returncode) for text, p in zip((first, late), crews["lagging"])]
    finally:
        for process in sum(crews.values(), []):
            process.kill()
    return root, says


def test_eight_processes_and_one_give_the_same_bits(runs, tmp_path):
    """A sum in another order, a worker on another's rows, an outer rule that sees its own way only."""
    root, says = runs
    assert all(code == 0 for _, code in says["eight"]), says["eight"]
    assert sum("done    held out" in text for text, _ in says["eight"]) == 1
    assert alone(*SHORT, "--workers", 8, "--out", tmp_path) == 0
    assert result(tmp_path) == result(root / "eight")
    for rank in (0, 7):
        one, many = (checkpoint.latest(folder / f"worker-{rank}") for folder in (tmp_path, root / "eight"))
        assert all(torch.equal(value, many["model"][name]) for name, value in one["model"].items())


def test_a_killed_worker_is_named_and_the_run_resumed_to_the_same_end(runs, tmp_path, capsys):
    """Killed with four processes, resumed in one: the bits of a run that nobody killed."""
    root, says = runs
    texts = [text for k, (text, code) in enumerate(says["killed"]) if k != 2 and code == 1]
    assert len(texts) == 3 and says["killed"][2][1] == -signal.SIGKILL
    assert all(text.splitlines()[-1].startswith("error: worker") and "Traceback" not in text for text in texts)
    assert any("2 did not come to round" in text and "--resume goes on with all of them" in text for text in texts)
    assert alone(*LONG, "--workers", 4, "--out", root / "killed", "--resume") == 0
    assert "resumed at step" in capsys.readouterr().out
    assert alone(*LONG, "--workers", 4, "--out", tmp_path) == 0
    assert result(root / "killed") == result(tmp_path)


def test_a_worker_that_lags_is_left_behind(runs):
    """The others go on and say so in one line; it hears it, too."""
    root, says = runs
    first, late = says["lagging"]
    assert first[1] == 0 and late[1] == 1, says["lagging"]
    assert "note: worker" in first[0] and "1 did not come to round" in first[0] and "going on with" in first[0]
    assert late[0].splitlines()[-1].startswith("error: worker 1") and "Traceback" not in late[0]
    assert 1 in [number for _, number in result(root / "lagging")["lost"]]


# -- who is there, without processes -----------------------------------------------------------


class Paper(exchange.Group):
    """A group that sends nothing."""

    def _group(self):
        return list(self.members)


def paper(rank=0, size=3, missing="stop", patience=0.05):
    world = exchange.World(rank, size, torch.device("cpu"))
    return Paper(world, dist.HashStore(), patience, missing)


def test_who_did_not_come_is_named():
    group = paper()
    assert group.group == group.members == [0, 1, 2] and group.lost == []
    group.store.set("round 2/0/1", "null")
    with pytest.raises(exchange.Lost, match=r"worker 2 did not come to round 2 within 0.05 s; the run has ended"):
        group.meet("round 2/0", [None])
    with pytest.raises(exchange.Lost, match=r"workers 1, 2 did not come to the start"):
        paper().meet("start", [None])


def test_who_has_come_is_there_though_another_took_all_the_patience():
    """On a busy machine an answer takes longer than the millisecond that is left to wait."""
    group = paper(size=4)
    for number in (1, 3):
        group.store.set(f"round 2/0/{number}", "null")

    class Slow:
        set, get, check = group.store.set, group.store.get, group.store.check

        def wait(self, keys, left):
            if left.total_seconds() < 1:
                raise RuntimeError(f"{keys} within {left}: no answer")

    group.store = Slow()
    with pytest.raises(exchange.Lost, match="^worker 2 did not come to round 2"):
        group.meet("round 2/0", [None])


def test_the_others_go_on(capsys):
    group = paper(missing="go-on")
    group.store.set("round 2/0/2", "7")
    assert group.meet("round 2/0", [5]) == {0: 5, 2: 7}
    assert group.members == group.group == [0, 2] and group.lost == [["round 2", 1]]
    assert capsys.readouterr().out == "note: worker 1 did not come to round 2 within 0.05 s; going on with 2.\n"


def test_a_group_is_made_by_those_who_are_left_alone(monkeypatch):
    """A group that waits, while it is made, for somebody who has gone: torch does, where TORCH_DIST_INIT_BARRIER is set."""
    made = []
    monkeypatch.setattr(exchange.dist, "new_group", lambda ranks, **how: made.append((list(ranks), how)) or len(made))
    group = exchange.Group(exchange.World(0, 3, CPU), dist.HashStore(), 0.05, "go-on")
    assert group.group == 1
    group.store.set("round 2/0/2", "null")
    group.meet("round 2/0", [None])
    assert group.group == 2 and [ranks for ranks, _ in made] == [[0, 1, 2], [0, 2]]
    assert all(how["use_local_synchronization"] and how["timeout"].total_seconds() == 0.05 for _, how in made)


def test_who_comes_late_hears_it():
    group = paper(rank=1)
    group.store.set("round 4/0/all", '{"0": null, "2": null}')
    with pytest.raises(exchange.Lost, match=r"worker 1 came to round 4 more than 0.05 s after the first"):
        group.meet("round 4/0", [None])


# -- what the method contains ------------------------------------------------------------------

SMALL = {"model": "pico", "batch": 8, "warmup": 2, "eval_windows": 9, "precision": "float32", "seed": 3}


CPU = torch.device("cpu")


def ended(settings, plan):
    workers = [Worker(settings, plan, rank, CPU) for rank in range(plan.workers)]
    return workers, train(workers, exchange.Here(plan.workers))


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_one_step_of_gradient_descent_is_data_parallelism():
    """Pseudo-gradients that are summed instead of averaged, shares of a batch that overlap, a sign."""
    settings = Settings(**SMALL, rule="gradient_descent", lr=0.5, steps=6)
    workers, _ = ended(settings, Plan(workers=4, every=1, outer_rule="gradient_descent", outer_lr=1.0))
    plain = Trainer(settings)
    begin = weights(plain)
    for _ in range(6):
        plain.step()
    assert float((weights(workers[0].trainer) - weights(plain)).abs().max()) < 1e-5 < float((weights(plain) - begin).abs().max())


def test_outer_gradient_descent_of_one_worker_is_lookahead():
    """Zhang et al. 2019: the slow weights go a share of the way to the fast ones."""
    settings = Settings(**SMALL, rule="adamw", lr=0.01, steps=8)
    workers, found = ended(settings, Plan(every=4, outer_rule="gradient_descent", outer_lr=0.5))
    fast = Trainer(settings)
    for _ in range(2):
        slow = weights(fast)
        for _ in range(4):
            fast.step()
        middle, at = slow + 0.5 * (weights(fast) - slow), 0
        with torch.no_grad():
            for p in fast.model.parameters():
                p.copy_(middle[at : at + p.numel()].view_as(p))
                at += p.numel()
    assert torch.allclose(weights(workers[0].trainer), weights(fast), atol=1e-6)
    assert len(found.cosines) == 1 and -1 <= found.cosines[0] <= 1
    assert found.sent == 2 * 4 * len(weights(fast))


def test_outer_momentum_is_the_rules_own():
    """Two rounds by hand with the library's rule on the pseudo-gradients."""
    from momentum_lib import rules

    settings = Settings(**SMALL, rule="gradient_descent", lr=0.2, steps=4)
    plan = Plan(workers=2, every=2, outer_rule="heavy_ball", outer_lr=0.7, outer_hyper={"beta": 0.9})
    workers, _ = ended(settings, plan)
    mine = [Worker(settings, plan, rank, torch.device("cpu")) for rank in range(2)]
    theta, v = weights(mine[0].trainer), torch.zeros_like(weights(mine[0].trainer))
    for _ in range(2):
        ways = [worker.round()[0] for worker in mine]
        theta, v = rules.heavy_ball(theta, (ways[0] + ways[1]) / 2, v, lr=0.7, beta=0.9)
        for worker in mine:
            worker._put(theta, lambda p, part: p.detach().copy_(part))
    assert torch.allclose(weights(workers[1].trainer), theta, atol=1e-6)


def test_cosine():
    assert cosine(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])) == pytest.approx(0.5**0.5)
    assert cosine(torch.zeros(2), torch.ones(2)) == 0.0


# -- the rounds, told ---------------------------------------------------------------------------


class Scripted:
    """A worker whose rounds of two steps end with the losses that it is given."""

    plan, folder = Plan(every=2), "worker-0"

    def __init__(self, losses, rank=0, done=0):
        self.trainer = SimpleNamespace(settings=SimpleNamespace(steps=2 * len(losses)), done=done)
        self.rank, self.losses, self.moved = rank, losses, []

    def round(self):
        self.trainer.done += 2
        return torch.ones(3), self.losses[self.trainer.done // 2 - 1]

    def move(self, mean):
        self.moved.append(mean.tolist())

    def evaluate(self):
        return SimpleNamespace(loss=8.0)

    def state(self):
        return {"of": "a worker"}


class Asked:
    """A stop that is asked for once a worker has made so many steps."""

    def __init__(self, worker, steps):
        self.worker, self.steps = worker, steps

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @property
    def number(self):
        return signal.SIGTERM if self.worker.trainer.done >= self.steps else 0


@pytest.fixture
def saved(monkeypatch):
    """What is saved: (place, step, state)."""
    found = []
    monkeypatch.setattr(checkpoint, "save", lambda folder, step, state: found.append((str(folder), step, state)))
    return found


@pytest.mark.parametrize("bad, ends", [(99.5, None), (100.0, 2), (math.nan, 2), (math.inf, 2)])
def test_a_round_above_a_hundred_is_a_divergence(bad, ends, saved, tmp_path):
    worker, ticks = Scripted([5.0, bad, 5.0]), []
    result = train([worker], exchange.Here(1), folder=tmp_path, bar=ticks.append, every=1)
    assert result.diverged_at == ends and result.held_out == (None if ends else 8.0)
    assert len(result.losses) == worker.trainer.done // 2 == (ends or 3)
    assert ticks == [1] * (1 if ends else 3) == [1] * len(saved)


def test_rounds_are_kept_and_told_when_they_are_due_and_at_the_end(saved, tmp_path):
    """A round counted from another place, a last one that nobody kept, a second worker that judges, too."""
    worker, lines = Scripted([1.0, 2.0, 3.0, 4.0, 5.0]), []
    result = train([worker], exchange.Here(1), folder=tmp_path, say=lines.append, every=2, result=Rounds(seconds=5.0))
    assert lines == ["round 2/5  train 2.0000", "round 4/5  train 4.0000", "round 5/5  train 5.0000"]
    assert [(place, step) for place, step, _ in saved] == [(str(tmp_path / "worker-0"), step) for step in (4, 8, 10)]
    kept = saved[1][2]
    assert kept["of"] == "a worker" and kept["mean"].tolist() == [1.0] * 3
    assert kept["result"]["losses"] == [1.0, 2.0, 3.0, 4.0] and 5 < kept["result"]["seconds"] <= result.seconds < 65
    assert result.losses == [1.0, 2.0, 3.0, 4.0, 5.0] and result.cosines == pytest.approx([1.0] * 4)
    assert result.sent == 5 * 3 * 4 and worker.moved == [[1.0] * 3] * 5
    assert train([Scripted([1.0], rank=1)], exchange.Here(1)).held_out is None
    rest = Scripted([1.0, 2.0, 3.0], done=4)
    assert train([rest], exchange.Here(1), mean=-torch.ones(3)).cosines == pytest.approx([-1.0]) and rest.trainer.done == 6


@pytest.mark.parametrize("steps, ends", [(4, 4), (6, 6)])
def test_a_stop_ends_after_the_round_at_hand_but_for_the_last(steps, ends, saved, tmp_path):
    worker = Scripted([1.0, 2.0, 3.0])
    result = train([worker], exchange.Here(1), folder=tmp_path, stop=Asked(worker, steps))
    assert worker.trainer.done == ends and result.stopped_by == (signal.SIGTERM if steps < 6 else 0)
    assert result.held_out == (None if steps < 6 else 8.0) and [step for _, step, _ in saved] == [ends]


# -- the command -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--every", "0"], "every is 0; allowed: a whole number of at least 1"),
        (["--steps", "25", "--every", "10"], "25 steps are no whole number of rounds of 10"),
        (["--workers", "3"], "batch 8 cannot be shared by 3 processes"),
        (["--workers", "0"], "workers is 0; allowed"),
        (["--outer-rule", "nesterof"], "Did you mean 'nesterov'"),
        (["--outer-set", "gamma=0.5"], "gamma"),
        (["--outer-lr", "-1"], "outer-lr is -1.0; allowed"),
        (["--missing", "ignore"], "answer to a missing worker"),
        (["--patience", "0"], "patience is 0.0; allowed: seconds"),
        (["--resume"], "--resume needs --out"),
        (["--checkpoint-every", "0"], "checkpoint_every is 0"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, says, capsys):
    assert alone(*arguments) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ") and says in text and text.count("\n") == 1


def test_a_folder_is_not_written_over_and_a_resume_wants_its_own_plan(tmp_path, capsys):
    assert alone("--steps", 2, "--every", 1, "--out", tmp_path) == 0
    assert alone("--steps", 2, "--every", 1, "--out", tmp_path) == 2
    assert "already holds a run, at step 2; add --resume" in capsys.readouterr().err
    assert alone("--steps", 2, "--every", 2, "--out", tmp_path, "--resume") == 1
    assert "made with every = 1, this run has 2" in capsys.readouterr().err
    assert alone("--steps", 2, "--every", 1, "--out", tmp_path, "--resume") == 0


def test_another_workers_state_leaves_the_inner_memory_empty():
    settings, plan = Settings(**SMALL, steps=4), Plan(workers=2, every=2)
    workers, _ = ended(settings, plan)
    other = Worker(settings, plan, 1, torch.device("cpu"))
    other.load({**workers[0].state(), "worker": 0, "step": 4})
    assert not other.trainer.optimizer.state and torch.equal(weights(other.trainer), weights(workers[0].trainer))
    other.load({**workers[1].state(), "worker": 1, "step": 4})
    assert other.trainer.optimizer.state
    with pytest.raises(Mismatch, match="outer_lr"):
        Worker(settings, Plan(workers=2, every=2, outer_lr=0.1), 0, torch.device("cpu")).load({**workers[0].state(), "worker": 0})
