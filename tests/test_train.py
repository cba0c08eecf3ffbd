"""The toy transformer: model, data, schedule, one run, and how it goes on after a stop."""

import contextlib
import math
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from momentum_lib.train import data, device, model, parallel
from momentum_lib.train.loop import Mismatch, Trainer, train
from momentum_lib.train.optimizers import complete, make_optimizer, state_bytes
from momentum_lib.train.schedule import factor
from momentum_lib.train.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
TINY = {"model": "pico", "batch": 4, "steps": 12, "warmup": 3, "eval_windows": 8, "eval_every": 0, "checkpoint_every": 0}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(**changes):
    return Settings(**{**TINY, **changes})


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


# -- model -------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", model.NORMS)
@pytest.mark.parametrize("positions", model.POSITIONS)
def test_no_position_sees_a_later_byte(norm, positions):
    """A mask that leaks, or a shifted target."""
    torch.manual_seed(0)
    gpt = model.GPT(model.size("pico", norm=norm, positions=positions))
    tokens = torch.randint(0, 256, (2, 16))
    changed = tokens.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 256
    before, after = gpt(tokens), gpt(changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9:], after[:, 9:])


def test_attention_knows_the_order_of_what_it_sees():
    """Positions that are never added: a bag of bytes."""
    torch.manual_seed(0)
    for positions in model.POSITIONS:
        gpt = model.GPT(model.size("pico", positions=positions))
        tokens = torch.randint(0, 256, (1, 16))
        swapped = tokens[:, [1, 0, *range(2, 16)]]
        assert (gpt(tokens)[0, -1] - gpt(swapped)[0, -1]).abs().max() > 1e-5, positions


def test_rotary_positions_depend_on_the_distance_alone():
    cos, sin = model.rotary_table(model.size("nano"))
    q, k = torch.randn(2, 16)
    turn = lambda x, t: model.rotate(x[None, None, None], cos[t : t + 1], sin[t : t + 1]).flatten()
    assert math.isclose(turn(q, 5) @ turn(k, 2), turn(q, 33) @ turn(k, 30), rel_tol=1e-4)
    assert torch.allclose(turn(q, 7).norm(), q.norm())


def test_a_new_model_guesses_evenly():
    """First weights so large that training begins by unlearning."""
    torch.manual_seed(0)
    for name in ("pico", "nano", "micro"):
        gpt = model.GPT(model.size(name))
        tokens = torch.randint(0, 256, (4, gpt.config.context))
        assert abs(gpt(tokens, tokens).item() - math.log(256)) < 0.3, name


def test_parameters_counted_by_hand():
    config = model.size("nano")
    embedding, block, norms = 256 * 64, 4 * 64 * 64 + 2 * 4 * 64 * 64, (2 * 2 + 1) * 64
    assert model.parameter_count(model.GPT(config)) == embedding + 2 * block + norms
    with torch.device("meta"):
        assert 30e6 < model.parameter_count(model.GPT(model.size("small"))) < 50e6, "the GPU's model: tens of millions"


@pytest.mark.parametrize("name", ["pico", "nano"])
def test_the_formula_of_operations_is_what_torch_counts(name):
    """A utilisation from a formula that forgets attention or the output matrix."""
    config = model.size(name)
    gpt = model.GPT(config)
    tokens = torch.randint(0, 256, (2, config.context))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        gpt(tokens, tokens).backward()
    assert counter.get_total_flops() == model.flops_per_token(config) * tokens.numel()


def test_utilisation_by_hand():
    assert device.utilisation(1e6, 3e8, 9.89e14, devices=2) == pytest.approx(1e6 * 3e8 / (2 * 9.89e14))
    sheets = {  # teraflops of dense bf16 products, without sparsity
        "NVIDIA H200": 989, "NVIDIA H100 PCIe": 756, "NVIDIA H100 NVL": 835, "NVIDIA H100 80GB HBM3": 989,
        "NVIDIA A100-SXM4-80GB": 312, "NVIDIA L40S": 362, "NVIDIA L4": 121, "NVIDIA GeForce RTX 4090": 165,
        "NVIDIA GeForce RTX 3090": 71,
    }  # fmt: skip
    for name, peak in sheets.items():
        assert device.peak_flops(name, "bfloat16") == peak * 1e12
    assert device.peak_flops("NVIDIA A100-SXM4-80GB", "float32") is None
    assert device.peak_flops("a card that nobody has heard of", "bfloat16") is None
    assert device.utilisation(1e6, 3e8, None) is None


@pytest.mark.parametrize(
    "changes",
    [{"heads": 3}, {"layers": 0}, {"norm": "batch"}, {"positions": "absolute"}, {"heads": 16, "width": 16}, {"width": 1.5}],
)
def test_a_shape_that_cannot_be_built_is_refused(changes):
    with pytest.raises(ValueError, match="allowed|must|need|unknown"):
        model.size("pico", **changes)


# -- data --------------------------------------------------------------------------------------


def test_the_split_is_by_file_and_fixed():
    train_names, held_names = data.split_names()
    assert not set(train_names) & set(held_names)
    assert sorted(train_names + held_names) == sorted(data.names()) == sorted(set(data.names()))
    assert data.split_names() == (train_names, held_names)
    assert held_names[:3] == ["fnmatch.py", "multiprocessing/process.py", "turtle.py"], (
        "the split moved: records no longer replay"
    )
    assert not [name for name in data.names() if re.match(r"(encodings|test|pydoc_data|idlelib|lib2to3)/", name)]


def test_the_corpus_is_the_files_and_says_so():
    corpus = data.corpus()
    again = data._load(Path(data.sysconfig.get_path("stdlib")), data.split_names()[1], {}, [])
    assert np.array_equal(corpus.held_out, again)
    assert len(corpus.train) > 4e6 and len(corpus.held_out) > 3e5
    assert corpus.frequency.sum() == pytest.approx(1) and corpus.frequency.argmax() == ord(" ")
    assert 2.5 < corpus.entropy() < 3.5
    assert len(corpus.hashes) + len(corpus.missing) == len(data.names())


def test_another_library_has_another_fingerprint(tmp_path):
    """Runs on different bytes that look comparable, or on the same that do not: line ends are no difference."""
    for name in data.names():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x = 1\n" * 50)
    first = data.corpus(tmp_path)
    (tmp_path / "ast.py").write_bytes(b"x = 1\r\n" * 50)  # as an installer on Windows writes it
    data.corpus.cache_clear()
    windows = data.corpus(tmp_path)
    assert windows.fingerprint == first.fingerprint and np.array_equal(windows.train, first.train)
    data.corpus.cache_clear()
    (tmp_path / "ast.py").write_bytes(b"x = 2\n")
    second = data.corpus(tmp_path)
    assert second.fingerprint != first.fingerprint
    data.corpus.cache_clear()
    (tmp_path / "ast.py").unlink()
    left, text = data.corpus(tmp_path), b"x = 1\n" * 50
    assert left.missing == ("ast.py",) and set(left.hashes) == set(data.names()) - {"ast.py"}
    train, held_out = ([text for name in names if name != "ast.py"] for names in data.split_names())
    assert left.train.tobytes() == b"\0".join(train) and left.held_out.tobytes() == b"\0".join(held_out), "no file twice"
    assert "1 listed files are missing" in data.corpus(tmp_path).describe() and "missing" not in second.describe()
    for name in data.names()[:26]:  # a tenth of them, ast.py among them
        (tmp_path / name).unlink(missing_ok=True)
    data.corpus.cache_clear()
    assert len(data.corpus(tmp_path).missing) == 26
    (tmp_path / data.names()[26]).unlink()
    data.corpus.cache_clear()
    with pytest.raises(data.CorpusError, match="27 of the 261 listed files"):
        data.corpus(tmp_path)


def test_a_batch_follows_from_seed_and_step_alone():
    index = lambda seed, step: data.batch_index(1000, seed, step, 8, 16)
    assert np.array_equal(index(3, 7), index(3, 7))
    assert not np.array_equal(index(3, 7), index(3, 8)) and not np.array_equal(index(3, 7), index(4, 7))
    assert index(3, 7).shape == (8, 17) and (np.diff(index(3, 7)) == 1).all()
    assert index(3, 7)[:, 0].tolist() == [121, 335, 53, 460, 231, 86, 108, 180], "records rest on these draws"
    starts = np.concatenate([data.batch_index(1000, 0, step, 8, 16)[:, 0] for step in range(500)])
    assert starts.min() >= 0 and starts.max() + 16 < 1000
    assert np.histogram(starts, 8, (0, 984))[0].min() > 400, "some bytes are hardly ever drawn"
    assert data.evaluation_index(1000, 5, 16)[[0, -1], [0, -1]].tolist() == [0, 999]


# -- schedule, optimiser -----------------------------------------------------------------------


def test_the_rate_rises_then_falls_to_its_floor():
    for decay in ("linear", "cosine"):
        rate = [factor(k, 100, warmup=10, decay=decay, floor=0.1) for k in range(101)]
        assert np.allclose(rate[:10], np.arange(1, 11) / 10)
        assert rate[10] == 1 and rate[100] == pytest.approx(0.1)
        assert (np.diff(rate[10:]) < 0).all()
        assert rate[55] == pytest.approx(0.55)
    assert {factor(k, 100, decay="constant") for k in range(100)} == {1.0}
    with pytest.raises(ValueError, match="Did you mean 'cosine'"):
        factor(1, 10, decay="cosin")


def test_the_rate_of_every_group_follows_the_schedule():
    """A schedule that reaches the first group only: the AdamW beside Muon would never warm up or decay."""
    trainer = Trainer(tiny(rule="muon", lr=0.02, hyper={"adamw_lr": 0.004}, steps=8, warmup=2))
    seen = []
    for _ in range(8):
        trainer.step()
        seen.append([group["lr"] for group in trainer.optimizer.param_groups])
    wanted = [factor(k, 8, warmup=2) for k in range(8)]
    assert np.allclose(seen, np.outer(wanted, [0.02, 0.004, 0.004]))


def test_a_matrix_rule_moves_hidden_matrices_only():
    for positions in model.POSITIONS:
        gpt = model.GPT(model.size("pico", positions=positions))
        rule = {"learned": "shampoo"}.get(positions, "muon")
        hidden, *rest = make_optimizer(gpt, rule, 0.02, {"adamw_lr": 0.004, "adamw_beta1": 0.8}).param_groups
        assert {id(p) for p in hidden["params"]} == {
            id(p) for name, p in gpt.named_parameters() if "blocks" in name and p.dim() == 2
        }
        assert hidden["rule"] == rule and hidden["weight_decay"] == 0 and hidden["lr"] == 0.02 and len(hidden["params"]) == 6
        assert {(group["rule"], group["lr"], group["beta1"], group["beta2"]) for group in rest} == {("adamw", 0.004, 0.8, 0.95)}
        assert {id(p) for group in (hidden, *rest) for p in group["params"]} == {id(p) for p in gpt.parameters()}


@pytest.mark.parametrize("rule", ["nesterov", "schedule_free"])
def test_a_rule_with_two_points_is_not_sharded(rule):
    """An evaluation in which each process shows its own share of the answer and the others' training points."""
    with pytest.raises(ValueError, match="use --shard model, or none"):
        make_optimizer(model.GPT(model.size("pico")), rule, 0.1, {}, shard="zero")


@pytest.mark.parametrize("rule", ["muon", "shampoo"])
def test_a_rule_of_matrices_is_not_given_rows(rule):
    """A matrix made orthogonal piece by piece, which is another rule."""
    two = parallel.World(0, 2, torch.device("cpu"))
    with pytest.raises(ValueError, match=f"{rule} needs whole matrices, .* use --shard zero"):
        make_optimizer(model.GPT(model.size("pico")), rule, 0.02, {}, shard="model", world=two)


def test_state_is_counted_in_bytes():
    for rule, slots in {"gradient_descent": 0, "heavy_ball": 1, "adamw": 2, "lion": 1}.items():
        trainer = Trainer(tiny(rule=rule, lr=1e-3))
        trainer.step()
        assert state_bytes(trainer.optimizer) == 4 * slots * model.parameter_count(trainer.model), rule


def test_wrong_hyper_parameters_are_refused_before_anything_runs():
    with pytest.raises(ValueError, match="Did you mean 'lion'"):
        tiny(rule="lyon")
    with pytest.raises(TypeError, match="unknown hyper-parameter 'beta'.*beta1"):
        tiny(rule="adamw", hyper={"beta": 0.9})
    with pytest.raises(ValueError, match="allowed"):
        tiny(rule="heavy_ball", hyper={"beta": 1.5})
    with pytest.raises(ValueError, match="argument of its own"):
        tiny(rule="heavy_ball", hyper={"lr": 0.1})
    with pytest.raises(TypeError, match="adamw_lr"):
        tiny(rule="heavy_ball", hyper={"adamw_lr": 0.1})
    assert complete("adamw", 0.1, {})[0]["beta2"] == 0.95


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 0}, {"steps": 1.5}, {"lr": float("nan")}, {"lr": -1.0}, {"clip": -1.0}, {"floor": 2.0}, {"decay": "square"},
        {"shard": "all"}, {"precision": "float8"}, {"batch": 4,
            "accumulation": 3}, {"model": "nanno"}, {"seed": -1}, {"context": -3},
    ],
)  # fmt: skip
def test_a_setting_outside_its_range_is_refused(changes):
    with pytest.raises(ValueError, match="allowed|unknown|must"):
        tiny(**changes)


# -- one run -----------------------------------------------------------------------------------


def test_the_loss_falls_below_what_frequencies_alone_can_reach(record_property):
    """A model that learns no more than how often each byte occurs."""
    trainer = Trainer(Settings(rule="adamw", lr=0.006, steps=60, warmup=10, eval_windows=64, eval_every=0))
    result = train(trainer)
    assert result.held_out < trainer.corpus.entropy() - 0.1
    assert np.mean(result.losses[-10:]) < trainer.corpus.entropy() - 0.1
    record_property(
        "measured", f"nano: {result.tokens_per_second:,.0f} tokens/s on one thread, held out {result.held_out:.3f} after 60 steps"
    )


def test_one_seed_is_one_run():
    runs = [Trainer(tiny(seed=seed, rule="adamw", lr=1e-2)) for seed in (1, 1, 2)]
    losses = [train(run).losses for run in runs]
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(weights(runs[0]), weights(runs[1]))


def test_a_run_leaves_torchs_own_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    Trainer(tiny()).step()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rule, lr", [("heavy_ball", 0.3), ("adamw", 0.01), ("muon", 0.02)])
def test_accumulated_parts_are_the_whole_batch(rule, lr):
    """Gradients summed instead of averaged, or a part left out."""
    whole, parts = (Trainer(tiny(rule=rule, lr=lr, batch=8, accumulation=k, clip=1.0)) for k in (1, 4))
    for _ in range(5):
        assert float(whole.step()) == pytest.approx(float(parts.step()), abs=2e-6)
    assert torch.allclose(weights(whole), weights(parts), atol=2e-5 if rule != "muon" else 2e-4)


def test_each_process_works_on_its_own_rows(monkeypatch):
    """Two processes that both do all the work agree with one, and gain nothing."""
    monkeypatch.setattr(parallel, "wrap", lambda model, world, how: model)
    monkeypatch.setattr(parallel, "no_sync", lambda *_, **__: contextlib.nullcontext())
    seen = []
    for world in (parallel.alone("cpu"), *(parallel.World(rank, 2, torch.device("cpu")) for rank in (0, 1))):
        trainer = Trainer(tiny(), world)
        trainer.forward = lambda x, y, model=trainer.model: (seen.append(x), model(x, y))[1]
        trainer.step()
    whole, even, odd = seen
    assert torch.equal(even, whole[0::2]) and torch.equal(odd, whole[1::2]) and len(even) == len(odd) == 2


def test_clipping_bounds_the_gradient():
    free, clipped = (Trainer(tiny(rule="gradient_descent", lr=1.0, warmup=0, decay="constant", clip=c)) for c in (0.0, 0.01))
    start = weights(free)
    free.step(), clipped.step()
    assert (weights(clipped) - start).norm() == pytest.approx(0.01, rel=1e-3)
    assert (weights(free) - start).norm() > 0.1


@pytest.mark.parametrize(
    "rule, lr",
    [("heavy_ball", 0.3), ("adamw", 0.01), ("lion", 0.002), ("shampoo", 0.02), ("schedule_free", 1.0), ("nadam", 0.01)],
)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(rule, lr, tmp_path):
    """State that a checkpoint forgets: a moment, a step count, the place in the data or the schedule."""
    from momentum_lib.train import checkpoint

    whole = Trainer(tiny(rule=rule, lr=lr))
    losses = train(whole).losses
    for k in random.Random(rule).sample(range(1, 12), 2):
        folder = tmp_path / str(k)
        first = Trainer(tiny(rule=rule, lr=lr))
        before = [float(first.step()) for _ in range(k)]
        checkpoint.save(folder, k, first.state())
        second = Trainer(tiny(rule=rule, lr=lr))
        second.load(checkpoint.latest(folder))
        rest = train(second)
        assert before + rest.losses == losses
        assert torch.equal(weights(second), weights(whole))
        assert rest.held_out == whole.evaluate().loss


def test_evaluation_judges_the_point_that_the_rule_reports_and_disturbs_nothing():
    judged, left = (Trainer(tiny(rule="schedule_free", lr=1.0, hyper={"beta": 0.5})) for _ in range(2))
    for _ in range(6):
        judged.step(), left.step()
        evaluation = judged.evaluate()
    with left.optimizer.reported():
        shown = [p.detach().clone() for p in left.model.parameters()]
    gpt = model.GPT(left.config)
    with torch.no_grad():
        for p, value in zip(gpt.parameters(), shown):
            p.copy_(value)
        index = data.evaluation_index(len(left.held_bytes), 8, left.config.context)
        tokens = torch.from_numpy(left.corpus.held_out[index]).long()
        assert evaluation.loss == pytest.approx(float(gpt(tokens[:, :-1], tokens[:, 1:])), abs=1e-6)
    assert evaluation.counts.sum() == 8 * 16
    assert torch.equal(weights(judged), weights(left))


def test_a_run_of_another_kind_is_not_resumed():
    state = {**Trainer(tiny(lr=0.1)).state(), "step": 0}
    with pytest.raises(Mismatch, match="lr = 0.1, this run has 0.2"):
        Trainer(tiny(lr=0.2)).load(state)
    with pytest.raises(Mismatch, match="resume with the Python"):
        Trainer(tiny(lr=0.1)).load({**state, "fingerprint": "0" * 64})


def test_a_diverging_run_ends_and_says_when():
    result = train(Trainer(tiny(rule="gradient_descent", lr=1e6, steps=40, warmup=0, decay="constant")))
    assert result.diverged_at is not None and result.diverged_at <= 20 and result.held_out is None


@pytest.mark.parametrize("at, ends", [(5, 5), (12, 12)])
def test_a_signal_ends_the_run_after_the_step_at_hand_with_a_checkpoint(at, ends, tmp_path):
    """A stop that comes with the last step, and throws the finished run away."""
    from momentum_lib.train import checkpoint
    from momentum_lib.train.stopping import StopRequest

    request, trainer = StopRequest(), Trainer(tiny())

    def bar(_):
        if trainer.done == at:
            signal.raise_signal(signal.SIGTERM)

    result = train(trainer, folder=tmp_path, bar=bar, stop=request)
    assert (result.stopped_by == signal.SIGTERM) == (at < 12) and (result.held_out is None) == (at < 12)
    assert trainer.done == ends == len(result.losses) == checkpoint.latest(tmp_path)["step"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_ctrl_c_insists():
    from momentum_lib.train.stopping import StopRequest

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopRequest() as request:
        signal.raise_signal(signal.SIGINT)
        assert request.number == signal.SIGINT
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_bfloat16_trains_alike():
    exact, short = (Trainer(tiny(rule="adamw", lr=0.01, precision=precision)) for precision in ("float32", "bfloat16"))
    pairs = [(float(exact.step()), float(short.step())) for _ in range(8)]
    assert pairs != [(a, a) for a, _ in pairs]
    assert max(abs(a - b) for a, b in pairs) < 0.05
    assert all(p.dtype == torch.float32 for p in short.model.parameters())


def test_the_package_imports_without_torch():
    """Records are read in a book that has no torch."""
    code = "import sys, momentum_lib.train, momentum_lib.records.summary, momentum_lib.records; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip() == "False"
