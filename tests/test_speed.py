"""What makes a training faster: runs to a target, steps timed in turn, and what their rows say."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from momentum_lib import records
from momentum_lib.records import RecordError, speed

# -- what the rows say, without torch ----------------------------------------------------------------


def test_where_a_run_comes_to_the_target_by_hand():
    """The evaluation after the crossing counted whole, or a later dip below the target taken for the first."""
    assert speed.crossing([[5, 3.0], [10, 2.5], [15, 2.7], [20, 2.0]], 2.6) == 9.0
    assert speed.crossing([[8, 2.6]], 2.6) == 8.0
    assert speed.crossing([[5, 3.0], [10, 2.61]], 2.6) is None and speed.crossing([], 2.6) is None


def tuned(lr, reached, held_out, side="adamw", role="tune", seed=100):
    last = [[10, held_out]]
    return {
        "side": side, "role": role, "lr": lr, "rule": side.split(" ")[0], "hyper": {}, "seed": seed, "reached": reached,
        "held_out": held_out, "evaluations": last, "changes": {"steps": int(100 * lr)},
    }  # fmt: skip


def test_a_side_is_judged_by_the_run_that_came_first():
    """The lowest loss chosen, which a run that stops at its target has by luck; a run that never came before one that did."""
    rows = [tuned(0.1, None, 2.0), tuned(0.2, 90.0, 2.59), tuned(0.4, 80.0, 2.595), tuned(0.8, None, None)]
    assert speed.best(rows, "adamw")["lr"] == 0.4 and not speed.at_edge(rows, "adamw")
    assert speed.best(rows[:1] + rows[3:], "adamw")["lr"] == 0.1
    assert speed.best(rows[3:], "adamw") is None and not speed.at_edge(rows[3:], "adamw")
    assert speed.at_edge(rows[1:3], "adamw")


def test_a_factor_and_its_interval_against_scipy():
    """Steps subtracted instead of divided, seeds mixed, the faster side called the slower."""
    stats = pytest.importorskip("scipy.stats")
    ours, theirs = {1: 50.0, 2: 60.0, 3: 55.0, 9: 1.0}, {3: 110.0, 2: 90.0, 1: 120.0}
    found = speed.factor(ours, theirs)
    logs = np.log([120 / 50, 90 / 60, 110 / 55])
    low, high = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    assert found["n"] == 3 and found["factor"] == pytest.approx(math.exp(logs.mean()))
    assert found["interval"] == pytest.approx([math.exp(low), math.exp(high)], rel=1e-6)
    assert found["p"] == pytest.approx(stats.ttest_1samp(logs, 0).pvalue)
    assert speed.factor({1: 2.0}, {2: 2.0})["factor"] is None and speed.factor({1: 2.0}, {1: 4.0})["interval"] is None


def test_an_interval_of_ranks_holds_the_median_as_often_as_it_says():
    """One rank too few: a spread that looks smaller than it is."""
    binom = pytest.importorskip("scipy.stats").binom
    assert speed.rank_interval(range(1, 22)) == [6.0, 16.0]
    for n in range(6, 40):
        low, high = speed.rank_interval(range(1, n + 1))
        assert low + high == n + 1
        assert 2 * binom.cdf(low - 1, n, 0.5) <= 0.05 < 2 * binom.cdf(low, n, 0.5)
    assert speed.rank_interval([3.0, 1.0, 2.0]) == [1.0, 3.0]


def timed(side, milliseconds, core=()):
    return {"side": side, "settings": {}, "milliseconds": milliseconds, "core": list(core), "first": 1.0}


def test_a_step_is_compared_within_its_round():
    """A slow minute of the machine counted against the variant that met it; the wall's clock where another program ran."""
    rows = [timed("adamw", [10.0, 100.0, 11.0], [8.0, 9.0, 8.0]), timed("muon", [20.0, 200.0, 22.0], [12.0, 12.0, 12.0])]
    rows.append(timed("adamw two processes", [5.0, 50.0, 5.5]))
    found = speed.pace(rows)["sides"]
    assert found["muon"]["faster"] == pytest.approx(8 / 12) and found["muon"]["clock"] == "core"
    assert found["adamw two processes"] == {
        "milliseconds": 5.5, "clock": "wall", "faster": 2.0, "interval": [2.0, 2.0], "first": 1.0,
    }  # fmt: skip
    judged = [tuned(0.1, steps, 2.6, side, "judge", seed) for side, all_steps in (("muon", (10, 12)), ("adamw", (30, 36)))
              for seed, steps in enumerate(all_steps)]  # fmt: skip
    whole, ends = speed.seconds(judged, rows, "muon", "adamw")
    assert whole == pytest.approx(3 * 8 / 12) and ends == pytest.approx([3 * 8 / 12, 3 * 9 / 12])


def test_the_best_of_a_few_tries_by_enumeration():
    """The best of all counted for the best of two."""
    rows = [tuned(lr, reached, 2.6) for lr, reached in ((1, 40.0), (2, 30.0), (3, None), (4, 90.0))]
    taken = [40.0, 30.0, 10, 90.0]  # the one that never came had made ten steps
    for count in (1, 2, 3, 4):
        expected = np.mean([min(chosen) for chosen in itertools.combinations(taken, count)])
        assert speed.tries_to(rows, "adamw", count) == pytest.approx(expected)


def hand_made():
    """A whole record of two sides, made by hand."""
    target, rows = 2.6, []
    config = {"model": "nano", "batch": 16, "target": target}
    for side, rule, hyper, pace in (("sgd", "gradient_descent", {}, 1.0), ("sgd momentum", "heavy_ball", {"beta": 0.9}, 0.5)):
        for seed, role, lr in [(100, "tune", 0.1), (100, "tune", 0.2), *((seed, "judge", 0.2) for seed in (1, 2))]:
            evaluations = [[20, 2.7], [40, 2.6 - 0.01 * pace * (1 + seed % 3)]]
            row = {
                "role": role, "side": side, "rule": rule, "lr": lr, "hyper": hyper, "seed": seed, "held_out": evaluations[-1][1],
                "diverged_at": None, "first_losses": [5.5], "curve": [], "evaluations": evaluations, "seconds": 1.0,
                "changes": {"steps": 100 if side == "sgd" else 50}, "reached": speed.crossing(evaluations, target),
            }  # fmt: skip
            own = {name: row[name] for name in ("rule", "lr", "hyper", "seed")}
            rows.append({"key": records.row_key({**config, **row["changes"], **own}), **row})
    return records.make(
        rows=rows, sources=["core.py"], experiment="speed", family="cpu", question="?", command="-", config=config, seeds=[1, 2],
        tuning={"runs_per_side": 2, "seed": 100}, corpus="-", device="-", wall_seconds=1.0, recorded="2026-11-29",
        replay={"rows": [], "steps": 0, "tolerance": 0.0, "other_corpus": 0.0},
    )  # fmt: skip


def test_a_record_of_changed_settings_verifies_and_its_forgeries_do_not():
    """A run whose batch was edited afterwards, or that came to its target sooner than its losses say."""
    record = hand_made()
    (pair,) = record["summary"]["beside"]
    assert (pair["side"], pair["n"]) == ("sgd momentum", 2)
    for change, says in (
        (lambda row: row["changes"].update(steps=90), "key does not follow"),
        (lambda row: row.update(reached=30.0), "reached is not where"),
    ):
        forged = hand_made()
        change(forged["rows"][3])
        with pytest.raises(RecordError, match=says):
            records.verify({**forged, "digest": records.digest(forged)})


# -- the runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def training():
    pytest.importorskip("torch", reason="training needs torch")
    from momentum_lib.train import experiments, pace, sweep
    from momentum_lib.train import speed as trained

    return {"experiments": experiments, "pace": pace, "sweep": sweep, "speed": trained}


def test_every_side_has_as_many_tries_and_a_step_that_is_timed(training):
    """A contest that one side enters better tuned; a side whose seconds are those of another batch, rule or precision."""
    ours, pace = training["speed"], training["pace"]
    for family in ours.FAMILIES.values():
        sides = list(ours.sides(family))
        names = [side.name for side in sides]
        assert len(set(names)) == len(names) and {side.budget for side in sides} == {ours.TRIES}
        assert {name for pair in speed.PAIRS for name in pair} <= set(names) and names[0] == "sgd"
        for side in sides:
            lr, hyper, changes = side.trials[0]
            own = pace.settings_for(family, *pace.VARIANTS[speed.paced(side.name)])
            assert (own.rule, own.batch) == (side.rule, changes.get("batch", family.base.batch))
            assert own.precision == changes.get("precision", family.base.precision)
    tuning, judged = training["experiments"].tasks(training["experiments"].EXPERIMENTS["speed"], ours.FAMILIES["cpu"], [])
    assert len({task.key for task in tuning}) == len(tuning) == len(sides) * ours.TRIES and judged == []
    assert {task.target for task in tuning} == {2.6}


PLAIN = "sgd", "sgd momentum 0.5", "sgd momentum", "adamw", "adamw momentum", "muon", "muon momentum"


@pytest.mark.parametrize(
    "name, lowest, highest, steps, target",
    [
        (
            "cpu", [0.0772, 0.0386, 0.0185, 0.00124, 0.00124, 0.0247, 0.0247],
            [0.81, 0.405, 0.194, 0.013, 0.013, 0.259, 0.259], [425, 357, 289, 178, 178, 51, 51], 2.6,
        ),
        (
            "gpu", [0.0926, 0.0463, 0.0247, 0.000309, 0.000309, 0.00618, 0.00618],
            [0.971, 0.486, 0.259, 0.00324, 0.00324, 0.0648, 0.0648], [5100, 3400, 2550, 1020, 1020, 510, 510], 1.8,
        ),
    ],
)  # fmt: skip
def test_the_sides_whose_rate_stays_by_hand(training, name, lowest, highest, steps, target):
    """Rates 1.6**2.5 to each side of what the coarse sweep found, 1.7 times its steps: 0.25 and 250 steps of SGD on a CPU."""
    ours = training["speed"]
    family = ours.FAMILIES[name]
    sides = list(ours.sides(family))[: len(PLAIN)]
    assert tuple(side.name for side in sides) == PLAIN and family.also == {"target": target}
    assert [side.trials[0][0] for side in sides] == lowest and [side.trials[-1][0] for side in sides] == highest
    assert [{trial[2]["steps"] for trial in side.trials} for side in sides] == [{most} for most in steps]
    beside = training["experiments"].FAMILIES[name].centre["adamw"]
    assert {trial[1]["adamw_lr"] for side in sides[5:] for trial in side.trials} == {beside}, "the rate of AdamW by itself"
    named = "model context batch steps warmup decay eval_windows precision log_every checkpoint_every"
    common = [16, {"cpu": 400, "gpu": 6000}[name], 0, "constant", {"cpu": 64, "gpu": 256}[name], "float32"]
    assert [getattr(family.base, field) for field in named.split()] == [
        *{"cpu": ("nano", 32), "gpu": ("mini", 0)}[name], *common, {"cpu": 10, "gpu": 20}[name], 0,
    ]  # fmt: skip
    assert family.replay == {
        "steps": {"cpu": 5, "gpu": 1}[name],
        "tolerance": {"cpu": 2e-3, "gpu": 0.05}[name],
        "other_corpus": 0.3,
    }


def test_the_plan_says_what_it_costs(training):
    text = training["experiments"].plan(training["experiments"].EXPERIMENTS["speed"], training["speed"].FAMILIES["cpu"])
    assert text.startswith("242 runs of the nano model, each until it comes to 2.6 nats a byte") and "minutes of one core" in text


def test_a_run_ends_at_its_target(training):
    """A run that goes on to its last step, or a row whose key is that of a run without a target."""
    ours, sweep = training["speed"], training["sweep"]
    base = sweep.Settings(
        model="pico", batch=32, steps=60, warmup=0, rule="adamw", lr=0.02, eval_windows=8, precision="float32",
        log_every=10, checkpoint_every=0,
    )  # fmt: skip
    task = ours.TargetTask(base, "judge", "adamw", changes={"steps": 60}, target=4.0)
    row = sweep.run_one(task)
    before, last = row["evaluations"][-2:]
    assert last[1] <= 4.0 < before[1] and before[0] < row["reached"] <= last[0] == before[0] + 4 < 60
    assert row["held_out"] == pytest.approx(last[1], abs=1e-4) and row["changes"] == {"steps": 60}
    assert task.key != sweep.Task(base).key == sweep.Task(replace(base, eval_every=7)).key
    never = sweep.run_one(ours.TargetTask(replace(base, steps=5), target=1.0))
    assert never["reached"] is None and never["evaluations"][-1][0] == 5 and never["held_out"] > 1


def test_variants_are_timed_in_turn(training):
    """All rounds of one variant before the next one's, the first round counted, or fewer windows for a small batch."""
    pace, calls = training["pace"], []

    class Variant:
        def __init__(self, name, batch):
            self.name, self.settings = name, type("Settings", (), {"batch": batch})

        def run(self, steps):
            calls.append((self.name, steps))
            return float(len(calls)), None

    times = pace.measure({"a": Variant("a", 4), "b": Variant("b", 64), "c": Variant("c", 16)}, 5)
    rounds = [calls[k : k + 3] for k in range(0, len(calls), 3)]
    assert len(rounds) == 6 and all(sorted(each) == [("a", 16), ("b", 1), ("c", 4)] for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1, "an order of its own"
    assert {name: len(taken) for name, taken in times.items()} == {"a": 5, "b": 5, "c": 5}
    assert min(wall for taken in times.values() for wall, _ in taken) > 3


def test_fused_updates_take_the_same_step(training):
    """A variant that is fast because it does something else."""
    import torch

    pace, ours = training["pace"], training["speed"]
    family = replace(ours.FAMILIES["cpu"], base=replace(ours.FAMILIES["cpu"].base, model="pico", context=16, batch=4))
    settings = replace(pace.settings_for(family, *pace.VARIANTS["adamw"]), lr=0.01)
    made = [pace.Alone(settings, torch.device("cpu"), fused) for fused in ("", *pace.FUSED)]
    weights = []
    for each in made:
        wall, spent = each.run(2)
        assert 0 < spent and 0 < wall and each.first > 0
        weights.append(torch.cat([weight.detach().flatten() for weight in each.trainer.model.parameters()]))
    assert made[1].trainer.optimizer.engine == "compiled"
    for other in weights[1:]:
        torch.testing.assert_close(other, weights[0], rtol=1e-4, atol=1e-5)


def test_two_processes_are_timed_and_ended(training):
    """Processes that outlive the measurement."""
    pace, ours = training["pace"], training["speed"]
    family = replace(ours.FAMILIES["cpu"], base=replace(ours.FAMILIES["cpu"].base, model="pico", context=16, batch=4))
    two = pace.Two(pace.settings_for(family, *pace.VARIANTS["adamw"]), "cpu")
    try:
        wall, spent = two.run(2)
        assert wall > 0 and spent > 0
    finally:
        two.close()
    assert not any(process.is_alive() for process in two.crew)


def clocks(monkeypatch, pace, wall, spent=()):
    """Let the clock on the wall and that of the core say these seconds, one after the other."""
    wall, spent = iter(wall), iter(spent)
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: next(wall), process_time=lambda: next(spent)))


@pytest.mark.parametrize("kind, core", [("cpu", 125.0), ("cuda", None)])
def test_the_milliseconds_of_a_step_by_hand(training, monkeypatch, kind, core):
    """Four steps in two seconds: seconds of all steps, the idler of two processes, a GPU that is not waited for."""
    import torch

    pace, made, waited = training["pace"], [], []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    alone, two = object.__new__(pace.Alone), object.__new__(pace.Two)
    alone.device, alone.trainer = SimpleNamespace(type=kind), SimpleNamespace(step=lambda: made.append(1))
    clocks(monkeypatch, pace, [3.0, 5.0], [1.0, 1.5])
    assert alone.run(4) == (500.0, core) and made == [1] * 4 and waited == [alone.device] * (kind == "cuda")
    two.kind = kind
    two.pipes = [SimpleNamespace(send=made.append, recv=lambda took=took: took) for took in (0.25, 0.5)]
    clocks(monkeypatch, pace, [3.0, 5.0])
    assert two.run(4) == (500.0, core) and made[4:] == [4, 4]


def test_the_first_step_is_timed_with_what_was_compiled_for_it(training, monkeypatch):
    """A compiler is a child whose seconds count; a GPU's first step is timed by the clock on the wall."""
    import torch

    pace = training["pace"]
    monkeypatch.setattr(pace.os, "times", lambda: SimpleNamespace(children_user=1.0, children_system=0.5))
    clocks(monkeypatch, pace, [], [2.0])
    assert pace.core() == 3.5
    monkeypatch.setattr(
        pace, "Trainer", lambda settings, world: SimpleNamespace(settings=settings, world=world, step=lambda: None)
    )
    seconds = iter([2.0, 2.75])
    monkeypatch.setattr(pace, "core", lambda: next(seconds))
    clocks(monkeypatch, pace, [0.0, 0.0], [0.0, 0.0])
    made = pace.Alone("settings", torch.device("cpu"))
    assert made.first == 0.75 and made.trainer.world == pace.parallel.World(0, 1, torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    clocks(monkeypatch, pace, [4.0, 4.0, 4.0, 4.5], [0.0])
    assert pace.Alone("settings", torch.device("cuda")).first == 0.5


def test_one_of_two_processes_steps_as_often_as_it_is_told(training, monkeypatch):
    """A member that joins as somebody else, steps too seldom, counts what it waited, or stays in the group when it fails."""
    import torch

    pace, done = training["pace"], []
    monkeypatch.setattr(pace, "os", SimpleNamespace(environ={"WORLD_SIZE": "8"}))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: done.append(("threads", count)))
    monkeypatch.setattr(pace.parallel, "join", lambda kind: done.append(("join", kind)) or "a world")
    monkeypatch.setattr(pace.parallel, "leave", lambda: done.append("left"))
    model = SimpleNamespace(parameters=lambda: [torch.ones(2)])
    trainer = SimpleNamespace(model=model, step=lambda: done.append("step"))
    monkeypatch.setattr(pace, "Trainer", lambda *given: done.append(given) or trainer)
    clocks(monkeypatch, pace, [], [1.0, 1.5, 2.0, 4.0])
    asked = iter([1, 2, 0])
    pace.member(SimpleNamespace(recv=lambda: next(asked), send=done.append), 1, 4711, "settings", "cpu")
    assert pace.os.environ == {
        "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "4711",
    }  # fmt: skip
    assert done == [("threads", 1), ("join", "cpu"), ("settings", "a world"), "step", 0.5, "step", "step", 2.0, "left"]
    with pytest.raises(EOFError):
        pace.member(SimpleNamespace(recv=_ended), 0, 4711, "settings", "cpu")
    assert done[-1] == "left" and done.count("left") == 2


def _ended():
    """What a pipe says whose other end has gone."""
    raise EOFError


@pytest.mark.parametrize("batch, every", [(4, 32), (16, 8), (128, 1), (256, 1)])
def test_a_run_to_a_target_is_looked_at_after_as_many_windows_whatever_its_batch(training, monkeypatch, batch, every):
    """And a look that reaches the target ends it: what it ended at is what was last seen."""
    ours = training["speed"]

    def train(trainer, watch, result, **how):
        assert trainer.settings.eval_every == every and how == {"stop": "a stop"}
        for step, loss in ((every, 3.0), (2 * every, 2.6), (3 * every, 2.0)):
            result.evaluations.append((step, loss))
            watch(trainer, SimpleNamespace(loss=loss))

    monkeypatch.setattr(ours, "train", train)
    seen, settings = [], replace(ours.FAMILIES["cpu"].base, batch=batch)
    task = ours.TargetTask(settings, "tune", "sgd", False, {}, target=2.6)
    watch = lambda trainer, evaluation: seen.append(evaluation.loss)
    result = task.train(SimpleNamespace(settings=settings), watch=watch, stop="a stop")
    assert seen == [3.0, 2.6] and result.held_out == 2.6 and task.says(result) == {"changes": {}, "reached": 2.0 * every}


class Told:
    """A variant whose steps take what they are told to."""

    def __init__(self, milliseconds, batch=16, device="cpu"):
        self.milliseconds, self.asked, self.open, self.first = milliseconds, [], True, 1.23456
        self.settings = SimpleNamespace(
            rule="adamw", batch=batch, accumulation=1, precision="float32", compile=False, device=device
        )

    def run(self, steps):
        self.asked.append(steps)
        return self.milliseconds + len(self.asked), self.milliseconds / 3 if self.settings.device == "cpu" else None

    def close(self):
        self.open = False


def test_a_record_of_the_pace_holds_each_round_and_ends_what_it_began(training, monkeypatch):
    """The round that warms up counted, fewer windows than wanted, a core's time that a GPU has not, processes that live on."""
    import torch

    pace = training["pace"]
    made = {"adamw": Told(10.0), "muon": Told(20.0, batch=100, device="cuda"), "sgd": Told(30.0, batch=3)}
    monkeypatch.setattr(pace, "variants", lambda family, device, say: made)
    monkeypatch.setattr(pace, "ROUNDS", 3)
    said = []
    record = records.verify(pace.make_record("pace", "cpu", torch.device("cpu"), "the command", "a machine", said.append))
    assert said == ["1 of 3 rounds", "3 of 3 rounds"]
    rows = {row["side"]: row for row in record["rows"]}
    assert rows["adamw"]["milliseconds"] == [12.0, 13.0, 14.0] and rows["adamw"]["core"] == [3.3333] * 3
    assert rows["muon"]["core"] == [] and rows["sgd"]["milliseconds"] == [32.0, 33.0, 34.0] and rows["sgd"]["first"] == 1.235
    assert rows["muon"]["settings"] == {
        "rule": "adamw", "batch": 100, "accumulation": 1, "precision": "float32", "compile": False,
    }  # fmt: skip
    assert {name: set(each.asked) for name, each in made.items()} == {"adamw": {4}, "muon": {1}, "sgd": {21}}
    assert not any(each.open for each in made.values())
    assert record["config"]["rounds"] == 3 and record["seeds"] == [0] and record["wall_seconds"] < 60
    assert (record["command"], record["device"], record["corpus"]) == ("the command", "a machine", pace.corpus().fingerprint)
    assert "train/pace.py" in record["sources"] and record["replay"]["rows"] == []

    made["sgd"].open, made["sgd"].run = True, None
    with pytest.raises(TypeError):
        pace.make_record("pace", "cpu", torch.device("cpu"), "the command", "a machine")
    assert not made["sgd"].open, "what was begun ends, whatever happened"


@pytest.mark.parametrize("cards, two", [(0, True), (1, False), (2, True)])
def test_each_variant_is_begun_and_two_processes_only_where_each_has_a_device(training, monkeypatch, cards, two):
    import torch

    pace, said = training["pace"], []
    device = torch.device("cuda" if cards else "cpu")
    monkeypatch.setattr(pace, "Alone", lambda settings, where, fused="": (settings, where, fused))
    monkeypatch.setattr(pace, "Two", lambda settings, kind: (settings, kind))
    monkeypatch.setattr(pace.torch.cuda, "device_count", lambda: cards)
    family = training["speed"].FAMILIES["cpu"]
    begun = pace.variants(family, device, said.append)
    plain = pace.settings_for(family, *pace.VARIANTS["adamw"])
    assert list(begun) == [*pace.VARIANTS, *pace.FUSED, *([pace.TWO] if two else [])]
    assert begun["sgd batch 4"] == (pace.settings_for(family, "sgd", {"batch": 4}), device, "")
    assert begun["adamw fused"] == (plain, device, "adamw fused") and begun.get(pace.TWO) in (None, (plain, device.type))
    assert said == [f"{len(begun)} variants have made their first step"]
    assert plain.lr == pace.RATE == 1e-4 and pace.settings_for(family, "muon momentum", {}).hyper["adamw_lr"] == 1e-4
    assert "adamw_lr" not in plain.hyper


def test_only_runs_that_make_all_their_steps_can_lie_over_each_other():
    kinds = records.KINDS
    assert kinds["worth"].curves and not kinds["speed"].curves and not kinds["pace"].curves
