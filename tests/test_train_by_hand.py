"""The small parts of the trainer against values worked out by hand: the clock, the log, rows, sizes, plans."""

import json
import math
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from momentum_lib import records, rules
from momentum_lib.train import (
    arguments,
    checkpoint,
    cost,
    device,
    diloco,
    ensemble,
    exchange,
    experiments,
    lattice,
    loop,
    model,
    pace,
    parallel,
    settings,
    sweep,
    together,
    worth,
)
from momentum_lib.train.loop import Evaluation, Mismatch, Result, Trainer
from momentum_lib.train.settings import Settings
from momentum_lib.train.stopping import StopRequest

ROOT = Path(__file__).resolve().parents[1]
CPU = parallel.alone("cpu")
PICO = {"model": "pico", "batch": 4, "steps": 8, "log_every": 2, "eval_every": 0, "checkpoint_every": 0, "eval_windows": 8}


def pico(**changes):
    return Settings(**{**PICO, **changes})


class Scripted:
    """A trainer whose losses are told, and whose evaluations are the number of steps done."""

    def __init__(self, losses, **changes):
        self.settings = pico(steps=len(losses), **changes)
        self.world, self.config, self.precision = CPU, self.settings.config(), "float32"
        self.losses, self.done, self.judged, self.mesh = losses, 0, [], None

    def step(self):
        self.done += 1
        return torch.tensor(self.losses[self.done - 1], dtype=torch.float64)

    def evaluate(self):
        self.judged.append(self.done)
        return Evaluation(np.array([1.0, 2 * self.done - 1.0]), np.array([1.0, 1.0]))

    def state(self):
        return {"model": {}}


# -- the loop ------------------------------------------------------------------------------------


def test_the_first_steps_are_not_timed_and_a_resumed_run_adds_its_seconds(monkeypatch):
    """Compilation counted as training; the pause of an evaluation counted as steps; the first half's time forgotten."""
    times = iter([0, 1, 100, 102, 200, 203, 300, 304])  # four blocks of two steps: 1, 2, 3 and 4 seconds
    monkeypatch.setattr(loop._Clock, "now", lambda self: next(times))
    monkeypatch.setattr(loop.devices, "peak_flops", lambda title, precision: 1e6)
    trainer = Scripted([5.0] * 8)
    result = loop.train(trainer, result=Result(seconds=0.5))
    assert result.seconds == 10.5
    assert result.tokens_per_second == 4 * (4 * 16) / 7  # the blocks that began after step 3
    assert result.utilisation == result.tokens_per_second * model.flops_per_token(trainer.config) / 1e6


@pytest.mark.parametrize("bad, ends", [(99.5, None), (100.0, 6), (math.nan, 6), (math.inf, 6)])
def test_a_loss_above_a_hundred_is_a_divergence(bad, ends, tmp_path):
    trainer = Scripted([5.0, 5.0, 5.0, 5.0, bad, 5.0, 5.0, 5.0], eval_every=6, checkpoint_every=6)
    result = loop.train(trainer, folder=tmp_path)
    assert result.diverged_at == ends
    assert len(result.losses) == trainer.done == (ends or 8)
    assert result.held_out == (None if ends else 8.0)
    assert [checkpoint.number(path) for path in checkpoint.found(tmp_path)] == ([] if ends else [8, 6])
    assert trainer.judged == ([] if ends else [6, 8])


def test_a_run_is_judged_and_kept_when_it_is_due_and_once_at_its_end(tmp_path):
    """An evaluation of the last step made twice; one made at each line of the log; a checkpoint that misses its own losses."""
    trainer, seen, lines, ticks = Scripted([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], eval_every=3, checkpoint_every=3), [], [], []
    given = Result(evaluations=[[3, 77.0]])  # of the run that is gone on with: judged again, not listed twice
    result = loop.train(
        trainer,
        folder=tmp_path,
        result=given,
        bar=ticks.append,
        say=lines.append,
        watch=lambda who, found: seen.append((who.done, found.loss)),
    )
    assert result.evaluations == [[3, 3.0], [6, 6.0]] and seen == [(3, 3.0), (6, 6.0)] and result.held_out == 6.0
    assert ticks == [1] * 6 and result.losses == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert lines[0].startswith("step 3/6  train 2.5000  held out 3.0000") and lines[1].startswith("step 6/6  train 5.5000")
    newest, before = (checkpoint.load(path) for path in checkpoint.found(tmp_path))
    assert (newest["step"], before["step"]) == (6, 3)
    assert before["result"]["losses"] == [1.0, 2.0, 3.0] and newest["result"]["held_out"] == 6.0
    assert "tokens/s" in lines[1] and "% of peak" not in lines[1]
    result.utilisation = 0.254
    assert loop._line(trainer, result).endswith("  25.4 % of the FLOP/s that matrix products alone reached here")
    silent = Scripted([1.0] * 4)
    assert loop.train(silent).evaluations == [[4, 4.0]] and silent.judged == [4]


def test_a_curve_is_means_of_blocks_and_the_rest():
    assert Result(losses=[float(k) for k in range(1, 26)]).curve(10) == [[10, 5.5], [20, 15.5], [25, 23.0]]
    assert len(Result(losses=[1.0] * 20).curve()) == 2
    assert Evaluation(np.array([3.0, 1.0]), np.array([2.0, 6.0])).loss == 0.5


def test_a_run_says_what_it_trains():
    found = loop.describe(Trainer(pico(rule="adamw", lr=0.01, hyper={"beta1": 0.5}, seed=7), CPU))
    assert found[0] == ("model   pico: 7,216 parameters, 1 layers, width 16, context 16, 46,080 FLOPs a token")
    assert found[1].endswith(", float32") and found[1].startswith("device  CPU, ")
    assert found[3] == "rule    adamw, lr 0.01, beta1 0.5, batch 4 x 16 bytes, seed 7"


def test_a_resume_brings_back_torchs_random_numbers_and_names_all_that_differs():
    """A model with dropout would go on with other numbers; of three settings that differ one is told."""
    trainer, other = Trainer(pico(), CPU), Trainer(pico(), CPU)
    torch.manual_seed(3)
    wanted = torch.get_rng_state()
    state = {**trainer.state(), "step": 5}
    torch.manual_seed(4)
    other.load(state)
    assert torch.equal(torch.get_rng_state(), wanted) and other.done == 5
    theirs = {name: value for name, value in state["settings"].items() if name != "clip"} | {"batch": 8, "new": 1}
    with pytest.raises(Mismatch, match=r"with batch = 8, this run has 4 \(and clip, new\)"):
        other.load({**state, "settings": theirs})
    with pytest.raises(Mismatch, match=r"has 4; use the settings"):
        other.load({**state, "settings": {**state["settings"], "batch": 8}})
    assert trainer.evaluate(3).counts.sum() == 3 * 16 and trainer.evaluate().counts.sum() == 8 * 16


def test_a_batch_that_processes_cannot_share_is_refused():
    with pytest.raises(ValueError, match="batch 4 cannot be shared by 3 processes x 2 parts"):
        Trainer(pico(accumulation=2), parallel.World(0, 3, CPU.device))


def test_signals_are_left_alone_outside_the_main_thread():
    found = []

    def enter():
        with StopRequest() as request:
            found.append((request.number, request._before))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [(0, {})]


# -- the model -----------------------------------------------------------------------------------


def test_first_weights_have_the_sizes_of_their_source():
    """0.02 for look-ups, 1 / sqrt(fan-in) for matrices, 1 / sqrt(2 layers) of it where a block adds to the stream."""
    torch.manual_seed(0)
    gpt = model.GPT(model.size("nano", layers=3, positions="learned", width=128))
    expected = {"embedding": 0.02, "positions": 0.02, "query": 128**-0.5, "up": 128**-0.5}
    expected |= {"out": 128**-0.5 / math.sqrt(6), "down": 512**-0.5 / math.sqrt(6)}
    for name, weight in gpt.named_parameters():
        if weight.dim() == 1:
            assert (weight == 1).all(), name
            continue
        kind = next((key for key in expected if f".{key}." in f".{name}"), "query")
        assert weight.std().item() == pytest.approx(expected[kind], rel=0.05), name
        assert abs(weight.mean().item()) < 0.1 * expected[kind], name
    wide = model.GPT(model.Config(layers=1, width=640, heads=8, context=2, vocab=2))  # 1 / sqrt(2560) would be less than 0.02
    assert wide.blocks[0].down.weight.std().item() == pytest.approx(0.02 / math.sqrt(2), rel=0.004)


def test_rotary_angles_by_hand():
    cos, sin = model.rotary_table(model.Config(width=16, heads=2, context=5))
    speeds = [1.0, 10_000**-0.25, 10_000**-0.5, 10_000**-0.75]
    assert cos.shape == sin.shape == (5, 4)
    np.testing.assert_allclose(cos[3], np.cos(3 * np.array(speeds)), rtol=1e-6)
    np.testing.assert_allclose(sin[3], np.sin(3 * np.array(speeds)), rtol=1e-6)
    x = torch.arange(1.0, 5).reshape(1, 1, 1, 4)  # pairs (1, 2) and (3, 4): a quarter turn, and none
    turned = model.rotate(x, torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert turned.flatten().tolist() == [-2.0, 1.0, 3.0, 4.0]
    both = model.turns(cos, sin, 2)
    assert both.shape == (5, 2, 2, 4, 2) and all(
        torch.equal(both[:, k, h], torch.stack((cos, sin), -1)) for k, h in np.ndindex(2, 2)
    )


# -- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", settings.RANGES)
def test_a_whole_numbers_range_ends_where_it_says(name):
    least, most = settings.RANGES[name]
    for value in (least, most):
        settings.check_whole(name, value, least, most)
    for value in (least - 1, most + 1, True, 1.0, "1"):
        with pytest.raises(ValueError, match=f"{name} is {value!r}; allowed.*at least {least} and at most {most}; choose --"):
            settings.check_whole(name, value, least, most)


def test_settings_at_their_ends():
    assert settings.RANGES["context"] == (0, 16384) and settings.RANGES["seed"] == (0, 2**64 - 1)
    assert settings.RANGES["batch"] == (1, 10**8 - 1) and settings.RANGES["warmup"] == (0, 10**8 - 1)
    for allowed in ({"lr": 0.0}, {"clip": 0.0}, {"floor": 0.0}, {"floor": 1.0}, {"warmup": 0}, {"context": 5}):
        pico(**allowed)
    for wrong in (
        {"clip": math.inf},
        {"clip": math.nan},
        {"floor": -0.01},
        {"floor": 1.01},
        {"floor": math.nan},
        {"lr": math.inf},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            pico(**wrong)
    assert pico(context=5).config().context == 5 and pico().config().context == 16
    shape = pico(norm="layer", positions="learned").config()
    assert (shape.norm, shape.positions) == ("layer", "learned") and pico().config() == model.size("pico")
    assert set(vars(pico())) - set(pico().deciding()) == {"shard", "eval_every", "log_every", "checkpoint_every"}


# -- devices and processes -----------------------------------------------------------------------


def machine_with(cuda=0, mps=False, bf16=False):
    """A torch as this machine does not have it."""
    gpu = SimpleNamespace(
        is_available=lambda: cuda > 0,
        device_count=lambda: cuda,
        is_bf16_supported=lambda including_emulation: bf16 and not including_emulation,
        get_device_name=lambda where: f"card {where.index}",
    )
    apple = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps))
    return SimpleNamespace(
        cuda=gpu, backends=apple, device=torch.device, __version__="9.9", get_num_threads=lambda: 2, autocast=torch.autocast
    )


def test_the_best_device_there_is(monkeypatch):
    for there, name in (({"cuda": 2, "mps": True}, "cuda"), ({"mps": True}, "mps"), ({}, "cpu")):
        monkeypatch.setattr(device, "torch", machine_with(**there))
        assert device.choose().type == name
    with pytest.raises(device.DeviceError, match="this torch \\(9.9\\) finds no MPS device; use --device auto or cpu"):
        device.choose("mps")
    assert device.title(torch.device("cpu")) == "CPU, 2 threads"
    assert device.title(torch.device("mps")) == "Apple GPU (MPS)"
    monkeypatch.setattr(device, "torch", machine_with(cuda=2, bf16=True))
    assert device.choose("cuda", 1) == torch.device("cuda", 1) and device.title(torch.device("cuda", 1)) == "card 1"
    with pytest.raises(device.DeviceError, match="process 2 finds no GPU of its own; this machine has 2"):
        device.choose("auto", 2)
    gpu, cpu = torch.device("cuda", 0), torch.device("cpu")
    assert [device.precision_of("auto", where) for where in (gpu, cpu)] == ["bfloat16", "float32"]
    assert device.precision_of("float32", gpu) == "float32" and device.precision_of("bfloat16", cpu) == "bfloat16"
    monkeypatch.setattr(device, "torch", machine_with(cuda=1))
    assert device.precision_of("auto", gpu) == "float32", "a card that only emulates it"
    words = device.machine()
    assert " cores, " in words and not words.startswith(",")


def test_a_process_joins_the_group_that_its_environment_names(monkeypatch):
    calls = []
    group = SimpleNamespace(
        init_process_group=lambda *given, **named: calls.append((given, named)), get_rank=lambda: 1, get_world_size=lambda: 3
    )
    monkeypatch.setattr(parallel, "dist", group)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert parallel.join("cpu") == parallel.World(0, 1, torch.device("cpu")) and calls == []
    monkeypatch.setenv("RANK", "1")
    assert parallel.join("cpu").size == 1  # half an environment is none
    monkeypatch.setenv("WORLD_SIZE", "3")
    world = parallel.join("cpu")
    assert (world.rank, world.size, world.first, world.many) == (1, 3, False, True) and calls == [(("gloo",), {})]
    seen = []
    monkeypatch.setattr(parallel.devices, "choose", lambda name, rank=0: seen.append((name, rank)) or torch.device("cpu"))
    monkeypatch.setenv("LOCAL_RANK", "2")
    parallel.join("cpu")
    assert seen == [("cpu", 2)]
    assert parallel.agree(7, CPU) == 7 and parallel.total(torch.tensor(2.0), CPU) == 2


def test_a_worker_of_many_meets_the_others_on_the_device_of_its_number(monkeypatch):
    """The number of a device left a text, which no device has; half an environment taken for a group."""
    seen, began = [], []
    group = SimpleNamespace(
        rendezvous=lambda url, timeout: seen.append((url, timeout.total_seconds())) or iter([("store", 1, 3)]),
        init_process_group=lambda backend, **named: began.append((backend, named)),
        PrefixStore=lambda *given: given,
    )
    monkeypatch.setattr(exchange, "dist", group)
    monkeypatch.setattr(exchange, "Group", lambda *given: given)
    monkeypatch.setattr(exchange.devices, "choose", lambda name, number=0: seen.append((name, number)) or torch.device("cpu"))
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert exchange.join("cpu", 5, "wait") == (None, None)
    monkeypatch.setenv("RANK", "1")
    assert exchange.join("cpu", 5, "wait") == (None, None) and seen == began == []
    monkeypatch.setenv("WORLD_SIZE", "3")
    world, made = exchange.join("cpu", 5, "wait")
    assert (world.rank, world.size, world.device) == (1, 3, torch.device("cpu"))
    assert made == (world, ("diloco", "store"), 5, "wait") and seen == [("cpu", 0), ("env://", 60)]
    assert began == [("gloo", {"store": "store", "rank": 1, "world_size": 3})]
    monkeypatch.setenv("LOCAL_RANK", "2")
    exchange.join("cuda", 90, "wait")
    assert seen[2:] == [("cuda", 2), ("env://", 90)] and type(seen[2][1]) is int


def test_a_run_of_many_goes_on_from_the_newest_round_that_all_of_them_saved(monkeypatch, tmp_path):
    """A run begun anew where the workers have no round in common, though the first of them has saved some."""
    load = lambda path: {"result": {"sent": checkpoint.number(path)}, "mean": path.parent.name}
    monkeypatch.setattr(diloco.checkpoint, "load", load)
    group = SimpleNamespace(meet=lambda name, steps: dict(enumerate(steps)))
    for case, (steps, step, whose) in enumerate((
        (((4, 8), (4, 6)), 4, (0, 1)), (((4, 8), (6,)), 8, (0, 0)), (((4, 8), ()), 8, (0, 0)), (((), (6,)), None, ()),
    )):  # fmt: skip
        loaded, said, workers = [], [], []
        for rank, mine in enumerate(steps):
            place = tmp_path / str(case) / f"worker-{rank}"
            place.mkdir(parents=True)
            for each in mine:
                (place / checkpoint.file_name(each)).touch()
            workers.append(SimpleNamespace(rank=rank, folder=place.name, load=loaded.append))
        result, mean = diloco.newest_common(workers, group, tmp_path / str(case), said.append)
        assert [state["worker"] for state in loaded] == list(whose) and len(said) == (whose == (0, 0))
        assert (result and result.sent, mean) == ((step, f"worker-{whose[1]}") if step else (None, None))


# -- sweeps --------------------------------------------------------------------------------------


def test_a_grid_runs_its_last_axis_fastest_and_knows_what_a_setting_is():
    base = pico(rule="adamw", hyper={"beta2": 0.8})
    found = list(sweep.grid(base, {"rule": ["adamw"], "beta1": [0.0, 0.5], "lr": [0.1, 0.2]}))
    assert [(one.hyper, one.lr) for one in found] == [
        ({"beta2": 0.8, "beta1": 0.0}, 0.1),
        ({"beta2": 0.8, "beta1": 0.0}, 0.2),
        ({"beta2": 0.8, "beta1": 0.5}, 0.1),
        ({"beta2": 0.8, "beta1": 0.5}, 0.2),
    ]
    tasks = [sweep.Task(one) for one in (*found, found[0])]
    rows = SimpleNamespace(rows=[{"key": tasks[1].key}])
    assert [task.key for task in sweep.missing(tasks, rows)] == [tasks[k].key for k in (0, 2, 3)]
    assert sweep.run_each([], rows, 1, 1, "no device", None) == 0


def test_losses_by_how_frequent_a_byte_is():
    frequency = np.full(256, 1e-5)
    frequency[:4] = [0.2, 0.05, 0.1, 0.002]
    nats, counts = np.zeros(256), np.zeros(256)
    nats[:5], counts[:5] = [3.0, 2.0, 1.0, 5.0, 0.0], [2, 1, 2, 3, 0]
    found = sweep.by_frequency(frequency, Evaluation(nats, counts))
    assert found == [[1.0, 4], [2.0, 1], [round(5 / 3, 5), 3], [None, 0]]
    assert type(found[0][1]) is int


def test_the_row_of_a_run():
    result = Result(
        losses=[5.123456, math.inf, 4.0, *[3.0] * 8], evaluations=[[5, 2.123456]], held_out=2.1234567, seconds=1.23456
    )
    result.tokens_per_second = 1234.6
    row = sweep.row_of(sweep.Task(pico(rule="heavy_ball", lr=0.1, seed=3)), result, [[1, 2]], began=10.00049)
    assert row["first_losses"] == [5.123456], "what comes before the first that JSON cannot hold"
    assert row["curve"] == [[11, 3.0]] and row["evaluations"] == [[5, 2.1235]] and row["held_out"] == 2.1234567
    assert (row["side"], row["role"], row["seed"], row["lr"], row["rule"]) == ("heavy_ball", "judge", 3, 0.1, "heavy_ball")
    assert (row["seconds"], row["tokens_per_second"], row["began"]) == (1.235, 1235, 10.0) and "groups" not in row
    assert row["took"] > 1e9 and row["code"] == sweep.CODE["heavy_ball"]
    grouped = sweep.row_of(sweep.Task(pico(), "tune", "mine", groups=True), Result(losses=[1.0] * 9), [[1, 2]], began=0.0)
    assert grouped["groups"] == [[1, 2]] and (grouped["side"], grouped["role"]) == ("mine", "tune")
    assert grouped["tokens_per_second"] is None and grouped["first_losses"] == [1.0] * 5
    json.dumps(row, allow_nan=False)


def test_a_finished_run_in_one_line():
    """Of the hyper-parameters those that are not the rule's own."""
    row = {"rule": "adamw", "lr": 0.00123456, "hyper": {"beta1": 0.9, "beta2": 0.95}, "seed": 4, "held_out": 2.5, "took": 1.26}
    assert sweep.describe_row(row) == "adamw              lr 0.001235   beta2 0.95  seed 4  held out 2.5000  1.3 s"
    assert "diverged by step 20" in sweep.describe_row({**row, "held_out": None, "diverged_at": 20})


def test_rows_of_other_code_and_of_no_program(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"key": "a", "rule": "adamw", "code": sweep.CODE["adamw"]}, {"key": "b", "rule": "adamw", "code": "older"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with sweep.Rows(path, current=True) as current:
        assert [row["key"] for row in current.rows] == ["a"] and current.outdated == 1
    with sweep.Rows(path) as every:
        assert [row["key"] for row in every.rows] == ["a", "b"] and every.outdated == 0
    path.write_text(json.dumps(rows[0]) + "\n[1]\n")
    with pytest.raises(sweep.SweepError, match="line 2: not a row"), sweep.Rows(path):
        pass


class Pipe:
    """A worker's end that answers once."""

    def __init__(self, answer):
        self.answer, self.sent = answer, []

    def recv(self):
        if self.answer is None:
            raise EOFError
        return self.answer

    def send(self, what):
        self.sent.append(what)


@pytest.mark.parametrize(("ends", "kept"), [(True, [1, 2]), (False, [1])])
def test_a_run_that_ends_as_the_stop_comes_is_kept(ends, kept):
    """A finished run thrown away; threads that stay as the runs had them."""
    request, rows, seen, before = SimpleNamespace(number=0), [], [], torch.get_num_threads()

    def runner(task, world, stop):
        with stop as asked:
            assert asked is request and world.device == torch.device("cpu")
        seen.append(torch.get_num_threads())
        request.number = 15 if task == 2 else 0
        return {"of": task} if task == 1 or ends else None

    for threads in (before + 1, 0):
        request.number = 0
        rows.clear()
        assert sweep._one_by_one([1, 2, 3], rows, threads, "cpu", runner, None, None, request) == 15
        assert [row["of"] for row in rows] == kept and torch.get_num_threads() == before
    assert seen == [before + 1] * 2 + [before] * 2
    assert sweep._one_by_one([1], rows, 0, "cpu", runner, None, None, request) == 0


def test_a_run_on_a_clusters_worker_by_hand(monkeypatch):
    """Another number of threads than was asked for, a row without its machine, other code's run taken for ours."""
    task, seen, before = sweep.Task(pico()), [], torch.get_num_threads()
    monkeypatch.setattr(sweep.cluster, "Asked", lambda: "a stop that the cluster may ask for")

    def runner(task, world, stop):
        assert stop == "a stop that the cluster may ask for"
        seen.append((world.device.type, torch.get_num_threads()))
        return row

    try:
        for threads, row in ((before + 1, {"key": "a"}), (0, {"key": "b"})):
            found = sweep.elsewhere(task, sweep.what_decides(task), "cpu", threads, runner)
            assert found == {**row, "on": f"{device.title(torch.device('cpu'))}; {device.machine()}"}
        assert seen == [("cpu", before + 1)] * 2
        row = None
        with pytest.raises(sweep.SweepError, match="the cluster took its task back"):
            sweep.elsewhere(task, sweep.what_decides(task), "cpu", 0, runner)
        with pytest.raises(sweep.SweepError, match="has another version of momentum_lib or of Python"):
            sweep.elsewhere(task, ("other code", "other data"), "cpu", 0, runner)
    finally:
        torch.set_num_threads(before)


def test_processes_begin_as_forks_of_one_where_the_system_can(monkeypatch):
    found = {}
    for methods in (["spawn"], ["fork", "spawn", "forkserver"]):
        monkeypatch.setattr(sweep.multiprocessing, "get_all_start_methods", partial(list, methods))
        monkeypatch.setattr(sweep.multiprocessing, "get_context", lambda name: found.setdefault(name, SimpleNamespace(
            set_forkserver_preload=lambda modules: found.update(modules=modules), name=name)))  # fmt: skip
        assert sweep._context().name == methods[-1]
    assert found["modules"] == ["numpy", "torch", "torch._dynamo"]


def test_a_worker_gets_the_next_run_or_goes_home():
    """A process that died, waited for for ever; one that is sent home with runs left."""
    rows, joined = SimpleNamespace(append=lambda row: kept.append(row)), []
    kept, ticks = [], []
    process = SimpleNamespace(join=lambda: joined.append(1), exitcode=-9)
    pipe, waiting = Pipe(("row", [{"key": "a"}, {"key": "b"}])), ["next"]
    crew = {pipe: process}
    sweep._take(pipe, crew, waiting, rows, ticks.append, None)
    assert [row["key"] for row in kept] == ["a", "b"] and ticks == [1, 1] and pipe.sent == ["next"] and crew and not joined
    sweep._take(pipe, crew, waiting, rows, None, None)
    assert pipe.sent == ["next", None] and not crew and joined == [1]
    for answer, says in (
        (None, "died with exit code -9"),
        (("error", "Traceback\nValueError: no paper\n"), "no paper; finished"),
    ):
        dead = Pipe(answer)
        with pytest.raises(sweep.SweepError, match=says):
            sweep._take(dead, {dead: process}, [], rows, None, None)


# -- ensembles -----------------------------------------------------------------------------------


def test_the_memory_of_a_run_by_hand(monkeypatch):
    """pico, 4 windows of 16 bytes, alphabet 256, width 16: its own numbers twelve times, and what a pass keeps."""
    one, gpu = pico(), torch.device("cuda")
    position = 1 * 20 * 16 + 4 * 256 + 8 * 16
    each = 4 * 12 * 7216 + max(4 * 4 * 16 * position, 4 * 8 * 16 * 3 * 256)
    monkeypatch.setattr(together, "free_memory", lambda where: 10 * each)
    assert together.width(one, gpu)[0] == 5  # half of what is free
    assert together.width(one, gpu, jobs=2)[0] == 2
    judging = pico(eval_windows=1000)  # 64 windows in one pass
    assert together.width(judging, gpu)[0] == 5 * each // (4 * 12 * 7216 + 4 * 64 * 16 * 3 * 256)
    halves = pico(batch=64, accumulation=16)
    assert together.width(halves, gpu) == together.width(one, gpu), "parts of a batch need a part of the memory"
    monkeypatch.setattr(together, "free_memory", lambda where: 1e15)
    assert together.width(one, CPU.device)[0] == 2**21 // (4 * 4 * 16 * 256)
    assert together.width(pico(batch=1, context=2), CPU.device, threads=3)[0] == 3 * 2**21 // (4 * 2 * 256)
    wide = pico(model="small", context=16)  # 4 x 512 is wider than the alphabet
    assert together.width(wide, CPU.device)[0] == 2**21 // (4 * 4 * 16 * 2048)


def test_ensembles_are_cut_evenly_with_work_for_every_process(monkeypatch, tmp_path):
    tasks = [sweep.Task(pico(seed=seed)) for seed in range(7)] + [sweep.Task(pico(batch=2, seed=1))]
    monkeypatch.setattr(together, "width", lambda *_: (3, "a reason"))
    made, lines = together.bunches(tasks, tmp_path, CPU.device)
    assert [len(bunch.tasks) for bunch in made] == [2, 2, 3, 1]
    assert [task for bunch in made for task in bunch.tasks] == tasks
    assert lines == [
        "7 runs of the pico model in 3 ensembles of at most 3: a reason",
        "1 run of the pico model in 1 ensemble of at most 1: a reason",
    ]
    assert [len(bunch.tasks) for bunch in together.bunches(tasks, tmp_path, CPU.device, jobs=2)[0]] == [1, 2, 2, 2, 1]
    assert len({bunch.folder for bunch in made}) == 4 and made[0].folder == tmp_path / together.identity(made[0].tasks)


def test_a_begun_ensemble_is_gone_on_with_only_where_it_is_whole_and_ours(tmp_path):
    """A spoilt checkpoint that stops the sweep, other code's ensemble gone on with, a run made twice."""
    tasks = [sweep.Task(pico(seed=seed)) for seed in range(7)]

    def begun(name, some):
        checkpoint.save(tmp_path / name, 2, {"runs": [task.settings.deciding() for task in some]})

    begun(together.identity(tasks[:2]), tasks[:2])
    begun("made by other code", tasks[5:])
    begun(together.identity(tasks[1:3]), tasks[1:3])  # one of its runs is taken already, or this one takes it
    (tmp_path / "spoilt").mkdir()
    (tmp_path / "spoilt" / checkpoint.file_name(3)).write_bytes(b"none")
    (tmp_path / "empty").mkdir()
    found, left = together.going_on(tasks, tmp_path)
    assert len(found) == 1 and found[0].folder.name in (together.identity(tasks[:2]), together.identity(tasks[1:3]))
    assert left == [task for task in tasks if task not in found[0].tasks]
    assert together.going_on(tasks[4:], tmp_path) == ([], tasks[4:])
    assert together.going_on(tasks, tmp_path / "nowhere") == ([], tasks)


def test_free_memory_is_the_least_of_what_the_machine_and_its_container_allow(monkeypatch):
    files = {"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   300 kB\n"}

    class Place(str):
        def __truediv__(self, name):
            return Place(f"{self}/{name}")

        def read_text(self):
            if self not in files:
                raise FileNotFoundError(self)
            return files[self]

    monkeypatch.setattr(together, "Path", Place)
    assert together.free_memory(CPU.device) == 300 * 1024
    files |= {"/sys/fs/cgroup/memory.max": "250000\n", "/sys/fs/cgroup/memory.current": "50000\n"}
    assert together.free_memory(CPU.device) == 200_000
    files["/sys/fs/cgroup/memory.current"] = "350000\n"
    assert together.free_memory(CPU.device) == 0
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert together.free_memory(CPU.device) == 300 * 1024
    files.clear()
    monkeypatch.setattr(together, "os", SimpleNamespace(sysconf={"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10}.__getitem__))
    assert together.free_memory(CPU.device) == 4096 * 10 // 2
    monkeypatch.setattr(together, "os", SimpleNamespace())
    assert together.free_memory(CPU.device) == 2**30


def test_each_run_of_an_ensemble_has_its_share_of_the_time(monkeypatch):
    """Three runs that each claim the whole time; losses of one row in another's result."""
    three = SimpleNamespace(live=[2, 0, 1], base=pico(), config=pico().config(), done=2, keep=lambda places: kept.append(places))
    kept, results = [], [Result() for _ in range(3)]
    monkeypatch.setattr(ensemble, "_now", lambda _: 16.0)
    blocks = [torch.tensor([1.0, 2.0, 99.0]), torch.tensor([1.5, 2.5, 101.0])]
    ensemble._note(three, results, blocks, began=10.0)
    assert [result.losses for result in results] == [[2.0, 2.5], [99.0, 101.0], [1.0, 1.5]]
    assert [result.diverged_at for result in results] == [None, 2, None] and kept == [[0, 1]]
    assert {result.seconds for result in results} == {2.0}
    assert {result.tokens_per_second for result in results} == {2 * 4 * 16 / 2.0}
    ensemble._note(three, results, [torch.tensor([1.0, 2.0, 3.0])], began=13.0)
    assert kept == [[0, 1]] and results[0].seconds == 3.0


# -- checkpoints ---------------------------------------------------------------------------------


def test_what_is_wrong_with_a_checkpoint_in_parts_is_said_in_one_line(monkeypatch, tmp_path):
    """A part that only another process finds damaged; the last line of a stranger's complaint, which says what it is."""
    from momentum_lib.train import parts

    def complain(*_):
        raise complaints.pop()

    complaints = [KeyError(), ValueError("one\ntwo\nthree")]
    found, others = None, False
    monkeypatch.setattr(checkpoint, "load", lambda path: {"digests": {}})
    monkeypatch.setattr(parts, "damaged", lambda path, digests, world: found)
    monkeypatch.setattr(checkpoint.parallel, "agree", lambda flag, world: flag or others)
    monkeypatch.setattr(parts, "complete", complain)
    for reason in ("three", "KeyError"):
        with pytest.raises(checkpoint.CheckpointError, match=f"is not a checkpoint of this program \\({reason}\\)\\.$"):
            checkpoint._load_parts(tmp_path, None, None)
    found = "the second part"
    with pytest.raises(checkpoint.CheckpointError, match="is damaged: the second part is not what was written"):
        checkpoint._load_parts(tmp_path, None, None)
    found, others = None, True
    with pytest.raises(checkpoint.CheckpointError, match="is damaged: another process found a part of it so"):
        checkpoint._load_parts(tmp_path, None, None)


def test_a_killed_writers_leftovers_go_and_other_files_stay(tmp_path):
    for name in (".step-00000001.pt.77.tmp", "notes.tmp", "step-1.pt", "step-00000001.pt.bak"):
        (tmp_path / name).write_text("")
    checkpoint.save(tmp_path, 12, {})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"notes.tmp", "step-1.pt", "step-00000001.pt.bak", "step-00000012.pt"}
    assert [checkpoint.number(path) for path in checkpoint.found(tmp_path)] == [12]


def test_a_disk_that_refuses_is_told_in_its_own_words(tmp_path, monkeypatch):
    import errno

    def refuse(number):
        def write(path, content):
            raise OSError(number, "Words of the system")

        return write

    for number, says in (
        *((full, "the disk is full; no earlier") for full in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
        (errno.EACCES, "Words of the system; no earlier checkpoint exists"),
    ):
        monkeypatch.setattr(checkpoint, "write_atomically", refuse(number))
        with pytest.raises(checkpoint.CheckpointError, match=rf"\(0.0 MB\): {says}"):
            checkpoint.save(tmp_path, 3, {})


# -- experiments, worth, cost ----------------------------------------------------------------------


def test_rates_and_points_of_a_search_by_hand():
    assert experiments.rates(1.0) == [0.125, 0.25, 0.5, 1.0, 2.0, 4.0]
    golden = (1 + 5**0.5) / 2
    np.testing.assert_allclose(experiments.spread(3, 1)[:, 0], (0.5 + np.arange(1, 4) / golden) % 1, rtol=1e-12)
    plastic = 1.32471795724474602596
    np.testing.assert_allclose(experiments.spread(2, 2)[1], (0.5 + 2 * np.array([plastic**-1, plastic**-2])) % 1, rtol=1e-12)
    assert experiments.between(0.5, 0.01, 1.0) == 0.1 and experiments.between(1 / 3, 1.0, 8.0) == 2.0
    assert experiments.around(0.04, 0.5) == 0.04 and experiments.around(0.04, 0) == 0.005 and experiments.around(0.04, 1) == 0.32


def test_the_sides_of_a_search_keep_to_their_ranges():
    family = experiments.FAMILIES["cpu"]
    for side in experiments.search_sides(family):
        assert len(side.trials) == 10
        for lr, hyper in side.trials:
            assert family.centre[side.rule] / 8 <= lr <= family.centre[side.rule] * 8
            assert set(hyper) == set(experiments.SEARCHED[side.rule])
            for name, ends in experiments.SEARCHED[side.rule].items():
                if ends is None:
                    assert family.centre["adamw"] / 8 <= hyper[name] <= family.centre["adamw"] * 8
                else:
                    assert 1 - ends[0] <= hyper[name] <= 1 - ends[1]


GPUS = {
    "gradient_descent": 0.3, "heavy_ball": 0.3, "nesterov_torch": 0.3, "adamw": 0.002, "signum": 0.0003, "lion": 0.0003,
    "muon": 0.02, "schedule_free": 1.0,
}  # fmt: skip
SPAN = "model batch steps warmup eval_every eval_windows log_every precision compile".split()


@pytest.mark.parametrize(
    ("name", "wanted", "centre", "replay"),
    [
        ("gpu", ["mini", 16, 2000, 100, 500, 256, 50, "bfloat16", False], GPUS, (1, 0.05, 0.3)),
        ("flagship", ["small", 64, 600, 100, 200, 256, 50, "bfloat16", True], {**GPUS, "adamw": 0.001}, (1, 0.05, 0.3)),
    ],
)
def test_what_a_gpu_is_asked_for_is_what_was_planned(name, wanted, centre, replay):
    """No record holds these numbers yet: a run that is shorter, is looked at more seldom, or searches around another rate."""
    family = experiments.FAMILIES[name]
    assert [getattr(family.base, field) for field in SPAN] == wanted and family.base.checkpoint_every == 0
    assert family.centre == centre and tuple(family.replay[key] for key in ("steps", "tolerance", "other_corpus")) == replay


TRAINED = [
    path
    for path in sorted((ROOT / "notebooks" / "records").glob("*-*.json"))
    if path.name not in ("cost-cpu.json", "pace-cpu.json")
]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_a_record_was_made_with_the_settings_that_its_family_has(path):
    """A setting, a target or a plan of what is run again that was changed after the runs had been made."""
    record = records.load(path)
    experiment = experiments.EXPERIMENTS[record["experiment"]]
    family = experiment.own.get(record["family"]) or experiments.FAMILIES[record["family"]]
    decided = {**experiment.base(family).deciding(), **experiment.also, **family.also}
    each = ("rule", "lr", "hyper", "seed")
    assert record["config"] == {key: value for key, value in decided.items() if key not in each}
    assert {key: value for key, value in record["replay"].items() if key != "rows"} == family.replay
    assert record["question"] == experiment.question and record["seeds"] == list(experiments.SEEDS)


def test_what_is_measured_is_measured_by_the_module_of_its_name(monkeypatch):
    for name, module in (("cost", cost), ("pace", pace)):
        monkeypatch.setattr(module, "make_record", lambda *given, name=name: (name, given))
        assert experiments.EXPERIMENTS[name].measure(name, "cpu") == (name, (name, "cpu"))


def test_the_rates_of_what_is_recorded_are_those_of_the_searches():
    """A centre that was moved after the runs around it had been recorded."""
    momentum = json.loads((ROOT / "notebooks" / "records" / "momentum-cpu.json").read_text("utf-8"))
    centre = experiments.FAMILIES["cpu"].centre
    found = {row["rule"]: set() for row in momentum["rows"]}
    for row in momentum["rows"]:
        found[row["rule"]].add(round(math.log2(row["lr"] / centre[row["rule"]]), 2))
    assert set(found) == {"heavy_ball", "adamw", "lion", "muon"}
    assert all(powers <= {-3, -2, -1, 0, 1, 2} and len(powers) > 1 for powers in found.values()), found


def test_the_sides_of_the_momentum_experiment():
    found = {side.name: side for side in experiments.momentum_sides(experiments.FAMILIES["cpu"])}
    assert len(found) == 4 * 5
    assert found["muon 0.95"].trials[3] == (0.04, {"beta": 0.95, "adamw_lr": 0.012})
    assert found["lion 0.5"].trials[3] == (0.004, {"beta1": 0.5}) and found["adamw 0"].trials[0][0] == 0.012 / 8
    assert [side.trials[3] for side in experiments.frequency_sides(experiments.FAMILIES["cpu"])] == [
        (0.25, {"beta": 0.9}),
        (0.012, {"beta1": 0.9}),
        (0.002, {"beta": 0.9}),
    ]


def test_a_side_of_which_every_run_diverged_is_judged_at_its_lowest_rate():
    experiment, family = experiments.EXPERIMENTS["frequency"], experiments.FAMILIES["cpu"]
    tuning, none = experiments.tasks(experiment, family, [])
    assert none == [] and len(tuning) == 18 and tuning[0].settings.eval_windows == 512 and tuning[0].groups
    row = lambda task: {
        "key": task.key, "side": task.side, "role": task.role, "lr": task.settings.lr, "hyper": task.settings.hyper, "seed": 100,
        "held_out": None if task.side == "signum" else abs(task.settings.lr - 0.012) + 2,
    }  # fmt: skip
    rows = [row(task) for task in tuning]
    assert experiments.tasks(experiment, family, rows[:-1])[1] == []
    judged = experiments.tasks(experiment, family, rows)[1]
    chosen = {task.side: task.settings for task in judged}
    assert len(judged) == 15 and [task.settings.seed for task in judged[:5]] == [1, 2, 3, 4, 5]
    assert chosen["signum"].lr == 0.002 / 8 and chosen["adamw"].lr == 0.012
    assert chosen["adamw"].hyper["beta2"] == 0.95 and {task.role for task in judged} == {"judge"}
    assert experiments.count(experiment, family) == 18 + 15
    flops = 33 * 200 * 16 * 64 * model.flops_per_token(model.size("nano"))
    assert experiments.plan(experiment, family) == (
        f"33 runs of the nano model, 200 steps of 16 x 64 bytes each: {flops:.2g} floating-point operations"
    )


def test_the_lattice_by_hand():
    """The neighbours of the best in their order, without what was tried and what the ladder does not have."""
    first = {(-3.0, 0): 4.0, (-1.0, 0): 1.0, (1.0, 0): 2.0, (3.0, 0): math.inf}
    assert lattice.next_points(first, 1) == [(0.0, 0), (-2.0, 0), (-0.5, 0)]
    assert lattice.next_points(first, 2) == [(0.0, 0), (-2.0, 0), (-1.0, 1)]
    ladder = {(-1.0, 0): 4.0, (1.0, 0): 3.0, (-1.0, 2): 2.0, (1.0, 2): 1.0}
    assert lattice.next_points(ladder, 5) == [(2.0, 2), (0.0, 2), (1.0, 3)]
    assert lattice.next_points(ladder, 3) == [(2.0, 2), (0.0, 2), (1.0, 1)]
    assert lattice.next_points(dict.fromkeys(range(5), 1.0), 1) == [] and lattice.next_points({**first, **ladder}, 5) == []
    assert lattice.next_points({(-1.0, 0): 1.0, (1.0, 0): 2.0}, 1, (2, 2)) == [(0.0, 0), (-2.0, 0)]


def test_a_trial_is_in_the_unit_of_an_average():
    assert worth.trial("heavy_ball", 1.0, {"beta": 0.9}) == (0.1, {"beta": 0.9})
    assert worth.trial("adamw", 0.0123456, {"beta1": 0.9}) == (0.01235, {"beta1": 0.9})
    assert worth.trial("muon", 0.05, {"beta": 0.9}) == (0.05, {"beta": 0.9, "adamw_lr": 0.015})
    base = worth.cell("nano", 8, 800).base
    assert (base.warmup, base.eval_every, base.log_every, base.context, base.batch) == (80, 400, 20, 32, 8)
    assert worth.cell("nano", 8, 50).base.log_every == 10


def test_what_a_step_costs_is_measured_of_every_rule(monkeypatch):
    """The warming up counted as a measurement; a row that says compiled and was not; bytes of one parameter."""
    monkeypatch.setattr(cost, "MODELS", {"cpu": "pico"})
    monkeypatch.setattr(cost, "REPEATS", 3)
    names, steps = ["gradient_descent", "heavy_ball", "muon"], []
    monkeypatch.setattr(cost, "SEARCHED", names)
    make = cost.make_optimizer

    def counted(*given, **named):
        optimizer = make(*given, **named)
        optimizer.register_step_post_hook(lambda *_: steps.append(1))
        return optimizer

    monkeypatch.setattr(cost, "make_optimizer", counted)
    lines = []
    record = records.verify(cost.make_record("cost", "cpu", CPU.device, "no command", "this machine", lines.append))
    rows = {row["side"]: row for row in record["rows"]}
    assert list(rows) == names and len(lines) == 3, "what is too small to be compiled has no row"
    assert [len(row["milliseconds"]) for row in rows.values()] == [3, 3, 3] and all(
        min(row["milliseconds"]) > 0 for row in rows.values()
    )
    assert len(steps) == 4 * (3 + 2)  # two elementwise rules are also tried compiled
    sizes = [row["state_bytes"] for row in rows.values()]
    hidden = 12 * 16 * 16
    assert sizes == [0, 4 * 7216, 4 * (hidden + 2 * (7216 - hidden))]
    assert {row["parameters"] for row in rows.values()} == {7216} and "4.00 bytes a parameter" in lines[1]
    assert record["config"]["flops_per_token"] == model.flops_per_token(model.size("pico"))


def test_name_and_numbers_of_an_argument():
    assert arguments.pair(" beta = 0.5") == ("beta", 0.5) and arguments.pairs("beta=0,0.9") == ("beta", [0.0, 0.9])
    for wrong in ("beta", "beta=", "beta=x"):
        for read in (arguments.pair, arguments.pairs):
            with pytest.raises(arguments.argparse.ArgumentTypeError, match="is not name=number"):
                read(wrong)
    assert set(rules.RULES) >= set(experiments.SEARCHED)
