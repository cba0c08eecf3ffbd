"""Many runs trained as one: each ends where it would have ended alone, whatever its neighbours do."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from torch._subclasses.fake_tensor import FakeTensorMode

from momentum_lib import rules
from momentum_lib.train import checkpoint, ensemble, model, parallel, stacked, sweep, together
from momentum_lib.train.ensemble import Ensemble
from momentum_lib.train.loop import Mismatch, Trainer, train
from momentum_lib.train.settings import Settings
from momentum_lib.train.stopping import StopRequest

TINY = {
    "model": "pico",
    "batch": 4,
    "steps": 8,
    "warmup": 3,
    "eval_windows": 4,
    "eval_every": 4,
    "log_every": 2,
    "checkpoint_every": 0,
}
RATES = {"rmsprop": 1e-3, "signum": 1e-3, "lion": 1e-3, "schedule_free": 0.3, "generalised_primal_averaging": 0.3}
WORLD = parallel.World(0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def runs(name, **changes):
    """Two runs of a rule that differ in all that runs of an ensemble may differ in."""
    rule, lr = rules.get(name), RATES.get(name, 0.01)
    own = {rule.momentum: 0.6} if rule.momentum else {}
    beside = {"adamw_lr": 0.004, "weight_decay": 0.1} if name == "muon" else {"adamw_beta1": 0.8} if rule.matrix else {}
    first = Settings(**{**TINY, "rule": name, "lr": lr, "seed": 1, **changes})
    return [first, replace(first, lr=2 * lr, hyper=own | beside, seed=2, warmup=1, decay="linear", floor=0.2, clip=0.5)]


def exact(settings):
    """A run by itself in float64; the model's own code takes its loss in float32."""
    trainer = Trainer(settings, WORLD)
    trainer.model.double()
    return trainer


@pytest.fixture(scope="module")
def every_rule():
    """dtype -> (settings of two runs of every rule, the ensemble of them all, trained, and its results)."""
    settings = [one for name in rules.RULES for one in runs(name)]

    def made(dtype):
        whole = Ensemble(settings, WORLD, dtype=dtype)
        return settings, whole, ensemble.train(whole)[0]

    return {dtype: made(dtype) for dtype in (torch.float64, torch.float32)}


@pytest.fixture
def wide(monkeypatch):
    """Losses of float64 logits in float64, also where the model says float()."""
    narrow = torch.Tensor.float
    monkeypatch.setattr(torch.Tensor, "float", lambda x: x if x.dtype == torch.float64 else narrow(x))


def apart(ours, alone):
    """How far two lists of losses lie apart, step by step."""
    assert len(ours) == len(alone)
    return [abs(a - b) for a, b in zip(ours, alone)]


def test_runs_of_one_rule_are_neighbours_and_move_together():
    """A rule's runs apart, each with programs of its own: the same numbers, and none of what training together saves."""
    (first, second), (other, _) = runs("lion"), runs("adamw")
    whole = Ensemble([first, other, second], WORLD)
    assert whole.live == [1, 0, 2]
    assert [(cohort.rule.name, cohort.places) for cohort in whole.cohorts] == [("adamw", [0]), ("lion", [1, 2])]


@pytest.mark.parametrize("name", rules.RULES)
def test_each_run_ends_where_it_would_have_ended_alone(name, every_rule, wide):
    """A rule whose numbers mix among runs, a schedule, a norm or a data order of a neighbour: float64, to 1e-10.

    SOAP to 1e-6: where few gradients tell two eigenvectors apart, rounding turns them, and what follows with them.
    """
    settings, whole, results = every_rule[torch.float64]
    bound = 1e-6 if name == "soap" else 1e-10
    for k in (k for k, one in enumerate(settings) if one.rule == name):
        alone = exact(settings[k])
        result = train(alone)
        row = whole.rows[whole.live.index(k)]
        assert (whole.stacked.layout.row(alone.model) - row).abs().max() < bound
        assert result.held_out == pytest.approx(results[k].held_out, abs=bound)
        assert result.evaluations == [[step, pytest.approx(loss, abs=bound)] for step, loss in results[k].evaluations]
        assert max(apart(results[k].losses, result.losses)) < 1e-6  # stored in float32 by the run alone


@pytest.mark.parametrize("name", rules.RULES)
def test_in_float32_losses_agree_to_a_hundred_thousandth(name, every_rule):
    """SOAP for its first two steps: then rounding turns its eigenvectors, on each processor otherwise; float64 judges."""
    settings, _, results = every_rule[torch.float32]
    for k in (k for k, one in enumerate(settings) if one.rule == name):
        result = train(Trainer(settings[k], WORLD))
        gaps = [*apart(results[k].losses, result.losses), abs(results[k].held_out - result.held_out)]
        assert max(gaps[:2] if name == "soap" else gaps) < 1e-5
        assert gaps[2] < 1e-3
        assert max(gaps) < 0.15  # of SOAP 0.10 on one processor, 0.04 on another


@pytest.mark.parametrize("norm", model.NORMS)
@pytest.mark.parametrize("positions", model.POSITIONS)
def test_stacked_models_are_the_models(norm, positions):
    """Losses and every gradient, in float64, for a depth and a length of their own."""
    config = model.size("pico", norm=norm, positions=positions, layers=3)
    torch.manual_seed(0)
    models = [model.GPT(config).double() for _ in range(3)]
    for one in models:
        for p in one.parameters():
            p.data += 0.1 * torch.randn_like(p)
    stack = stacked.Stacked(config, WORLD.device, torch.float64)
    rows = torch.stack([stack.layout.row(one) for one in models]).requires_grad_()
    tokens, targets = torch.randint(0, 256, (2, 3, 2, 11))
    logits = stack.logits(rows, tokens)
    stack.losses(rows, tokens, targets).sum().backward()
    for k, one in enumerate(models):
        alone = one(tokens[k])
        assert torch.allclose(alone.flatten(0, 1), logits[k], atol=1e-12)
        torch.nn.functional.cross_entropy(alone.flatten(0, 1), targets[k].flatten()).backward()
        for name, grad in stack.layout.parameters(rows.grad[k]).items():
            assert torch.allclose(one.get_parameter(name).grad, grad, atol=1e-12), name
    assert stack.layout.size == model.parameter_count(models[0])
    assert set(stack.layout.at) == dict(models[0].named_parameters()).keys()


def wild(**changes):
    """Three runs of which the middle one explodes."""
    calm = Settings(**{**TINY, "rule": "heavy_ball", "lr": 0.1, **changes})
    return [calm, replace(calm, rule="gradient_descent", lr=1e6, warmup=0, decay="constant", seed=3), replace(calm, seed=5)]


def test_a_run_that_diverges_leaves_and_changes_no_other():
    settings = wild()
    whole = Ensemble(settings, WORLD)
    calls, losses = [], whole.losses
    whole.losses = lambda rows, x, y: (calls.append(len(rows)), losses(rows, x, y))[1]
    results, _ = ensemble.train(whole)
    alone = train(Trainer(settings[1], WORLD))
    assert results[1].diverged_at == alone.diverged_at and results[1].held_out is None
    assert len(results[1].losses) == len(alone.losses) and results[1].losses[0] == pytest.approx(alone.losses[0], abs=1e-6)
    assert calls == [3] * alone.diverged_at + [2] * (8 - alone.diverged_at), "a run that is over still costs time"
    assert sorted(whole.live) == [0, 2]
    others, _ = ensemble.train(Ensemble([settings[0], settings[2]], WORLD))
    for k, other in zip((0, 2), others):
        assert results[k].losses == pytest.approx(other.losses, abs=1e-6) and results[k].held_out == pytest.approx(other.held_out)
    assert all(ensemble.train(Ensemble([settings[1]] * 2, WORLD))[0][k].diverged_at for k in (0, 1))


@pytest.mark.parametrize("at", [3, 7])
def test_a_stopped_ensemble_goes_on_bit_for_bit(at, tmp_path):
    """Before and after the first evaluation, and the wild run's end: a slot, a row, a result that the checkpoint forgets."""
    settings = [*wild(), *(one for name in ("nesterov", "adamw", "muon", "shampoo", "schedule_free") for one in runs(name))]
    whole, groups = Ensemble(settings, WORLD), {"groups": [["kept"]]}
    results, _ = ensemble.train(whole)
    first, request = Ensemble(settings, WORLD), StopRequest()

    def bar(_):
        if first.done == at:
            signal.raise_signal(signal.SIGTERM)

    assert ensemble.train(first, folder=tmp_path, bar=bar, beside=groups, stop=request)[1] == signal.SIGTERM
    state = checkpoint.latest(tmp_path)
    assert state["step"] == at == first.done and state["groups"] == [["kept"]]
    second = Ensemble(settings, WORLD)
    second.load(state)
    again, number = ensemble.train(second, results=[ensemble.Result(**result) for result in state["results"]])
    assert number == 0 and torch.equal(second.rows, whole.rows) and second.live == whole.live
    for one, other in zip(again, results):
        assert (one.losses, one.evaluations, one.held_out) == (other.losses, other.evaluations, other.held_out)
        assert one.diverged_at == other.diverged_at
    with pytest.raises(Mismatch, match="other runs"):
        Ensemble(settings[::-1], WORLD).load(state)
    with pytest.raises(Mismatch, match="other data"):
        Ensemble(settings, WORLD).load({**state, "fingerprint": "0" * 64})


def test_checkpoints_are_written_while_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(ensemble, "SAVED_EVERY", 0.0)
    ensemble.train(Ensemble(wild(), WORLD), folder=tmp_path)
    assert checkpoint.found(tmp_path), "a kill would lose all"


def test_parts_of_a_batch_are_the_batch():
    parts, whole = (ensemble.train(Ensemble(wild(accumulation=k), WORLD))[0] for k in (2, 1))
    for one, other in zip(parts[::2], whole[::2]):
        assert one.losses == pytest.approx(other.losses, abs=2e-6)


def test_runs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="share the model's shape.*clip, decay, floor, hyper, lr, rule, seed, warmup"):
        Ensemble([*wild(), replace(wild()[0], batch=8)], WORLD)


def test_ensembles_of_one_shape_are_compiled_once(monkeypatch):
    """Half a minute for each pair of runs, and a limit of torch's after eight."""
    made = []
    monkeypatch.setattr(torch, "compile", lambda fn: made.append(fn) or fn)
    ensemble.compiled.cache_clear()
    settings = wild(compile=True)
    results = [ensemble.train(Ensemble(some, WORLD))[0] for some in (settings, settings[:1])]
    ensemble.compiled.cache_clear()
    assert len(made) == 1 and results[0][0].losses == pytest.approx(results[1][0].losses, abs=1e-6)


# -- many ensembles, one file of rows ------------------------------------------------------------


def rows_of(path, run, **options):
    with sweep.Rows(path) as rows:
        stopped = run(rows=rows, threads=1, device="cpu", **options)
        return stopped, {row["key"]: row for row in rows.rows}


def tasks():
    settings = [*wild(), *(replace(one, batch=2) for one in wild()), *runs("muon")]
    return [sweep.Task(one, "tune", f"side {k}", groups=k == 0) for k, one in enumerate(settings)]


def test_ensembles_write_the_rows_that_single_runs_write(tmp_path):
    lines = []
    _, alone = rows_of(tmp_path / "alone", lambda **options: sweep.run_all(tasks(), **options))
    _, made = rows_of(tmp_path / "made", lambda **options: together.run_together(tasks(), **options), say=lines.append)
    assert any("5 runs of the pico model in 1 ensemble of at most 5" in line for line in lines), lines
    assert made.keys() == alone.keys() and len(lines) == 2 + len(made)
    for key, row in alone.items():
        assert made[key].keys() == row.keys()
        for name in ("code", "role", "side", "rule", "lr", "hyper", "seed", "diverged_at"):
            assert made[key][name] == row[name]
        assert made[key]["first_losses"] == pytest.approx(row["first_losses"], rel=1e-6, abs=1e-5)
        assert made[key]["held_out"] == (row["held_out"] and pytest.approx(row["held_out"], abs=1e-5))
        for name in ("curve", "evaluations"):
            assert [step for step, _ in made[key][name]] == [step for step, _ in row[name]]
    assert sum("groups" in row for row in made.values()) == 1
    assert not list(tmp_path.glob("*.ensembles"))


def test_a_killed_sweep_goes_on_inside_its_ensembles(tmp_path, monkeypatch):
    """Begun again at step 0, or under another cut of the same runs; a folder that stays."""
    path, steps = tmp_path / "rows", []
    monkeypatch.setattr(ensemble, "SAVED_EVERY", 0.0)
    original = Ensemble.step

    def killed(self):
        if len(steps) == 6:
            raise KeyboardInterrupt
        steps.append(self.done)
        return original(self)

    monkeypatch.setattr(Ensemble, "step", killed)
    run = lambda **options: together.run_together(tasks(), **options)
    with pytest.raises(KeyboardInterrupt):
        rows_of(path, run)
    (folder,) = (tmp_path / "rows.ensembles").iterdir()
    at = checkpoint.latest(folder)["step"]
    assert at > 0 and not path.read_bytes()
    lines = []
    steps[:] = range(7)
    monkeypatch.setattr(together, "CACHE", 1)  # what is begun stays together all the same
    _, made = rows_of(path, run, say=lines.append)
    assert lines[0] == "1 ensembles go on from their checkpoints" and "3 runs of the pico model in 3 ensembles" in lines[1]
    assert steps[7:9] == [at, at + 1], "it began again"
    _, whole = rows_of(tmp_path / "whole", run)
    assert {key: (row["held_out"], row["evaluations"]) for key, row in made.items()} == {
        key: (row["held_out"] and pytest.approx(row["held_out"], abs=1e-5), row["evaluations"]) for key, row in whole.items()
    }
    assert not list(tmp_path.glob("*.ensembles"))


def test_memory_decides_how_many_train_at_a_time(monkeypatch):
    one = wild()[0]
    cuda = torch.device("cuda")
    monkeypatch.setattr(together, "free_memory", lambda device: 1e9)
    most, why = together.width(one, cuda)
    assert 20 < most < 2000 and "0.5 GB to fill" in why
    assert together.width(one, cuda, jobs=2)[0] == most // 2
    assert together.width(replace(one, batch=64), cuda)[0] < most
    assert together.width(one, WORLD.device)[0] == 32 and together.width(one, WORLD.device, threads=2)[0] == 64
    assert together.width(replace(one, model="nano", batch=16), WORLD.device)[0] == 2
    monkeypatch.setattr(together, "free_memory", lambda device: 1.0)
    assert together.width(one, WORLD.device)[0] == 1, "one run is tried whatever the machine says"


def test_the_machine_says_how_much_memory_is_free():
    assert 1e6 < together.free_memory(WORLD.device) < 1e14


def test_a_gpu_that_is_too_small_after_all_gets_half(tmp_path, monkeypatch):
    original, sizes = together._run, []

    def small(bunch, *others):
        sizes.append(len(bunch.tasks))
        if len(bunch.tasks) > 2:
            raise torch.OutOfMemoryError("too much")
        return original(bunch, *others)

    monkeypatch.setattr(together, "_run", small)
    mine = tuple(task for task in tasks() if task.settings.batch == 4)
    made = together.run_bunch(together.Bunch(mine, tmp_path / "x"), WORLD, None, StopRequest())
    assert [row["key"] for row in made] == [task.key for task in mine] and sizes == [5, 2, 3, 1, 2]
    monkeypatch.setattr(together, "_run", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("one is too much")))
    with pytest.raises(torch.OutOfMemoryError):
        together.run_bunch(together.Bunch(mine, Path("x")), WORLD, None, StopRequest())


def test_in_bfloat16_an_ensemble_trains_as_its_runs_do():
    """A sum that autocast takes in bf16, a parameter kept in it."""
    settings = [one for name in ("adamw", "muon") for one in runs(name, precision="bfloat16")]
    whole = Ensemble(settings, WORLD)
    for one, result in zip(settings, ensemble.train(whole)[0]):
        alone = train(Trainer(one, WORLD)).losses
        assert result.losses == pytest.approx(alone, abs=0.02) and result.losses[:2] == pytest.approx(alone[:2], abs=2e-3)
    assert whole.rows.dtype == torch.float32


def test_the_forward_pass_and_the_state_are_on_the_gpu():
    """A table, an index or a slot that stays behind: tensors that only say where they are.

    Neither the backward pass nor vmap: a torch without CUDA cannot even pretend to do them.
    """
    settings = [one for name in ("adamw", "nesterov", "muon", "shampoo") for one in runs(name)]
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        whole = Ensemble(settings, parallel.World(0, 1, torch.device("cuda", 0)))
        for places in (range(8), [0, 3, 4, 7]):
            whole.keep(list(places))
            losses = whole.losses(whole.rows, *whole._batches([whole.settings[k] for k in whole.live]))
            assert losses.shape == (len(places),) and losses.device.type == "cuda" and losses.dtype == torch.float32
        states = [state for cohort in whole.cohorts for state in cohort.states]
        assert {value.device.type for state in states for value in state.values()} == {"cuda"}
