"""``momentum_lib.optim``: the properties, the library's own loop, torch's optimisers and torch's own table of inputs."""

import functools
import subprocess
import sys
import types
import unittest
from pathlib import Path

import numpy as np
import pytest
import torch
from optim_properties import PROPERTIES, assert_close, double_by_default, follow, gradients, sample, tensors

# torch's table is in its wheel, but torch's test base class wants this package, of which the table uses nothing
sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

from momentum_lib import descend, rules, surfaces
from momentum_lib.optim import Optimizer, _flat, _program, matrices_with_adamw, muon_with_adamw

ROOT = Path(__file__).resolve().parent.parent
RATE = {"adagrad": 0.3, "rmsprop": 0.01, "adam": 0.02, "adamw": 0.02, "signum": 0.003, "lion": 0.003}


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name):
    PROPERTIES[name](Optimizer)


# -- the library's own loop ------------------------------------------------------------------------


@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_a_thousand_steps_are_descends(name):
    """Every rule, where it looks and what it reports, on Rosenbrock with one change of rate: to 1e-12."""
    surface, steps, lr = surfaces.rosenbrock, 1000, RATE.get(name, 2e-4)
    path = descend(rules.get(name), surface, steps=steps, lr=np.where(np.arange(steps) < 400, lr, lr / 2))
    assert path.diverged_at is None
    p = torch.tensor(surface.start, dtype=torch.float64)
    optimizer = Optimizer([p], name, lr=lr)
    worst = 0.0
    for t in range(steps):
        if t == 400:
            optimizer.param_groups[0]["lr"] = lr / 2
            optimizer.train()
        worst = max(worst, np.abs(p.numpy() - path.looks[t]).max())
        p.grad = torch.tensor(surface.gradient(p.numpy()))
        optimizer.step()
        if t % 10 == 9:
            with optimizer.reported():
                worst = max(worst, np.abs(p.numpy() - path.points[t + 1]).max())
    assert worst <= 1e-12


@pytest.mark.parametrize("name", rules.RULES)
def test_every_rule_looks_from_its_start_at_the_start(name):
    """What lets the state be made at the first step: before it the parameters already hold the point to look from."""
    found = rules.get(name)
    theta = torch.randn(3, 4, dtype=torch.float64)
    hyper = {key: 0.1 if value is None else value for key, value in found.hyper.items()}
    assert torch.allclose(found.look(theta, *found.init(theta), **hyper), theta, rtol=1e-15)


# -- torch's optimisers, and torch's own table of inputs ---------------------------------------------


def our_terms(cls, options):
    """torch's keywords for SGD, Adam, AdamW and NAdam as a rule and its options; None where no rule of the course is that."""
    options = {"lr": 2e-3 if cls is torch.optim.NAdam else 1e-3, **options}
    if options.pop("amsgrad", False):
        return None  # AMSGrad keeps a running maximum, and is no rule of the course
    if cls is not torch.optim.AdamW:
        options["decoupled_weight_decay"] = options.get("decoupled_weight_decay", False)
    if cls is torch.optim.SGD:
        beta, dampening = options.pop("momentum", 0), options.pop("dampening", 0)
        rule = "nesterov_torch" if options.pop("nesterov", False) else "dampened_momentum" if dampening else "heavy_ball"
        options |= {"dampening": dampening} if dampening else {}
        return ("gradient_descent", options) if beta == 0 else (rule, {**options, "beta": beta})
    beta1, beta2 = options.pop("betas", (0.9, 0.999))
    if cls is torch.optim.NAdam:
        return "nadam", {**options, "beta1": beta1, "beta2": beta2}
    return ("adamw" if cls is torch.optim.AdamW else "adam"), {**options, "beta1": beta1, "beta2": beta2} | (
        {} if cls is torch.optim.Adam else {"decoupled_weight_decay": True}
    )


INFO = {info.optim_cls: info for info in optim_db}
CLASSES = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam)
INPUTS = [(cls, given) for cls in CLASSES for given in INFO[cls].optim_inputs_func(device="cpu")]
ERRORS = [(cls, given) for cls in CLASSES for given in INFO[cls].optim_error_inputs_func("cpu", torch.float32)]
EXTRA = {
    "dampening, decay, climbing": (
        torch.optim.SGD,
        {"lr": 0.02, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1, "maximize": True},
    ),
    "Adam with betas": (torch.optim.Adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-4}),
}
CASES = {f"{cls.__name__} {given.desc}": (cls, given.kwargs) for cls, given in INPUTS if our_terms(cls, given.kwargs)} | EXTRA
NOT_OURS = ("foreach", "betas must be either both")  # how torch runs a step; here that is `compiled`, and each beta has its name
REFUSED = [(cls, given) for cls, given in ERRORS if not any(word in given.optimizer_error_input.desc for word in NOT_OURS)]


@pytest.mark.parametrize("case", CASES)
def test_a_thousand_steps_are_torchs(case):
    """torch's own inputs, with zero gradients and one change of rate, in float64: to 1e-12."""
    cls, options = CASES[case]
    name, terms = our_terms(cls, options)
    a, b = (tensors(shapes=("transposed", ())) for _ in range(2))
    with double_by_default():
        follow(Optimizer(a, name, **terms), a, gradients(a, 1000), (500, 0.004))
        follow(cls(b, **options), b, gradients(b, 1000), (500, 0.004))
    assert_close(a, b, 1e-12)


@pytest.mark.parametrize(
    ("name", "hyper", "cls", "theirs"),
    [
        ("rmsprop", {"lr": 0.01, "beta2": 0.9}, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9}),
        ("adagrad", {"lr": 0.1}, torch.optim.Adagrad, {"lr": 0.1}),
        ("adam", {"lr": 0.01, "weight_decay": 0.1}, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    ],
    ids=["RMSprop", "Adagrad", "AdamW as decayed Adam"],
)
def test_a_thousand_steps_are_torchs_others(name, hyper, cls, theirs):
    a, b = (tensors(shapes=("transposed", ())) for _ in range(2))
    follow(Optimizer(a, name, **hyper), a, gradients(a, 1000), (500, 0.004))
    follow(cls(b, **theirs), b, gradients(b, 1000), (500, 0.004))
    assert_close(a, b, 1e-12)


@pytest.mark.parametrize(("cls", "given"), REFUSED, ids=[f"{cls.__name__} {e.optimizer_error_input.desc}" for cls, e in REFUSED])
def test_torchs_error_inputs_are_refused(cls, given):
    """What torch refuses is refused with the same kind of error; of the shared checks the words agree, too."""
    wrong = given.optimizer_error_input
    assert given.error_on == OptimizerErrorEnum.CONSTRUCTION_ERROR
    name, options = our_terms(cls, wrong.kwargs)
    params = [sample()] if wrong.params is None else wrong.params
    shared = wrong.params is not None or "1-element" in wrong.desc
    catch = pytest.warns if issubclass(given.error_type, Warning) else pytest.raises
    with catch(given.error_type, match=given.error_regex if shared else None):
        Optimizer(params, name, **options)


def test_the_table_is_torchs_whole_table():
    """A mapping that leaves out more than it says: AMSGrad twice, and what only torch's implementations can get wrong."""
    assert len(INPUTS) == 26 and len(CASES) == 24 + len(EXTRA)
    assert len(ERRORS) == 39 and len(REFUSED) == 31


# -- beside torch's tools ------------------------------------------------------------------------------


def test_a_cuda_graph_is_refused(monkeypatch):
    """A captured step would repeat its rate for ever, silently."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    p = sample()
    with pytest.raises(RuntimeError, match="CUDA graph is being captured"):
        Optimizer([p], "heavy_ball", lr=0.1).step()
    assert p[0] == 1


def test_hooks_run_around_a_step():
    p, seen = sample(), []
    optimizer = Optimizer([p], "heavy_ball", lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: seen.append(("before", p[0].item())))
    handle = optimizer.register_step_post_hook(lambda *_: seen.append(("after", p[0].item())))
    optimizer.register_state_dict_post_hook(lambda o, d: seen.append("saved"))
    optimizer.register_load_state_dict_pre_hook(lambda o, d: seen.append("loading"))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.step()
    handle.remove()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert [x if isinstance(x, str) else x[0] for x in seen] == ["before", "after", "saved", "loading", "loaded", "before"]
    assert seen[0][1] == 1.0 and seen[1][1] == pytest.approx(0.95)


@pytest.mark.parametrize("bad", [False, True])
def test_a_gradient_scaler_drives_it(bad):
    """torch.amp.GradScaler unscales the gradients in place, and leaves out a step with an infinite one."""
    p = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Optimizer([p], "heavy_ball", lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale((p * (float("inf") if bad else 1.0)).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.allclose(p, torch.tensor([1.0, 2.0]) - (0.0 if bad else 0.1))


def test_zero_redundancy_shards_it(tmp_path):
    """ZeroRedundancyOptimizer builds it by keywords, steps it and gathers its state."""
    import torch.distributed as dist
    from torch.distributed.optim import ZeroRedundancyOptimizer

    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        p, q = sample(), sample()
        sharded = ZeroRedundancyOptimizer([p], Optimizer, rule="adam", lr=0.1)
        alone = Optimizer([q], "adam", lr=0.1)
        for _ in range(3):
            sharded.step()
            alone.step()
        assert torch.equal(p, q)
        sharded.consolidate_state_dict()
        assert torch.equal(sharded.state_dict()["state"][0]["m"], alone.state[q]["m"])
    finally:
        dist.destroy_process_group()


# -- Muon with AdamW ----------------------------------------------------------------------------------


class Tiny(torch.nn.Module):
    """A model with one of each: embedding, hidden matrices, norm, biases, a convolution, a tied and an untied head."""

    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(11, 6)
        self.inner = torch.nn.Linear(6, 8)
        self.outer = torch.nn.Linear(8, 6)
        self.norm = torch.nn.LayerNorm(6)
        self.mix = torch.nn.Conv1d(6, 6, 1)
        self.lm_head = torch.nn.Linear(6, 11, bias=False)
        self.tied = torch.nn.Linear(6, 11, bias=False)
        self.tied.weight = self.tokens.weight

    def forward(self, ids):
        x = self.norm(self.outer(self.inner(self.tokens(ids)).relu()))
        x = self.mix(x.mT).mT
        return self.lm_head(x) + self.tied(x)


def test_one_call_sorts_a_model_for_muon():
    """Hidden matrices to Muon, embeddings and heads to AdamW with decay, vectors to AdamW without; the loss falls."""
    torch.manual_seed(0)
    model = Tiny()
    optimizer = muon_with_adamw(model, lr=0.02, adamw_lr=0.01, weight_decay=0.1, guard=3)
    sorts = {group["name"]: (group["rule"], set(group["param_names"]), group["weight_decay"]) for group in optimizer.param_groups}
    assert sorts == {
        "hidden": ("muon", {"inner.weight", "outer.weight"}, 0.1),
        "embedding and head": ("adamw", {"tokens.weight", "lm_head.weight", "mix.weight"}, 0.1),
        "vectors": ("adamw", {"inner.bias", "outer.bias", "norm.weight", "norm.bias", "mix.bias"}, 0.0),
    }
    ids = torch.randint(11, (4, 7))
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5
    again = muon_with_adamw(model.named_parameters(), not_hidden=("tokens", "head"), lr=0.02)
    assert set(again.param_groups[0]["param_names"]) == {"inner.weight", "outer.weight"}
    plain = muon_with_adamw(Tiny(), nesterov=False)
    assert [group["rule"] for group in plain.param_groups] == ["muon_plain", "adamw", "adamw"]


def test_any_matrix_rule_moves_the_hidden_matrices():
    """Muon's call with another rule: its own settings, AdamW's by their prefix, the same groups; two rules that share a name."""
    own = {"beta": 0.8, "beta2": 0.7, "eps": 1e-6}
    options = {"lr": 0.03, "adamw_lr": 0.01, "adamw_beta1": 0.6, "adamw_beta2": 0.5, "weight_decay": 0.1, "guard": 3}
    for rule in ("shampoo", rules.shampoo):
        optimizer = matrices_with_adamw(Tiny(), rule, **options, **own)
        hidden, outside, vectors = optimizer.param_groups
        assert set(hidden["param_names"]) == {"inner.weight", "outer.weight"} and hidden["rule"] == "shampoo"
        assert {name: hidden[name] for name in own} == own and hidden["lr"] == 0.03 and hidden["weight_decay"] == 0.1
        assert {(group["rule"], group["lr"], group["beta1"], group["beta2"]) for group in (outside, vectors)} == {
            ("adamw", 0.01, 0.6, 0.5)
        }
        assert [group["weight_decay"] for group in (outside, vectors)] == [0.1, 0.0] and optimizer._guard.limit == 3
    same = [
        [{k: v for k, v in group.items() if k not in ("params", "reasons")} for group in optimizer.param_groups]
        for optimizer in (matrices_with_adamw(Tiny(), "muon", lr=0.02, beta=0.9), muon_with_adamw(Tiny(), beta=0.9))
    ]
    assert same[0] == same[1]
    with pytest.warns(UserWarning, match="'1.weight' \\(3, 4\\) to AdamW"):
        matrices_with_adamw(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 3)), "shampoo", lr=0.1)
    with pytest.raises(ValueError, match="Name the matrices that Shampoo should move"):
        matrices_with_adamw(torch.nn.LayerNorm(3), "shampoo", lr=0.1)
    with pytest.raises(LookupError, match="Did you mean 'shampoo'"):
        matrices_with_adamw(Tiny(), "shampo", lr=0.1)


# -- without torch --------------------------------------------------------------------------------------

NO_TORCH = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Gone())
"""


def python(code):
    return subprocess.run([sys.executable, "-c", NO_TORCH + code], capture_output=True, text=True, cwd=ROOT)


def test_without_torch_it_says_what_to_install():
    done = python("import momentum_lib\nimport momentum_lib.optim")
    assert done.returncode and "momentum_lib.optim needs torch: pip install torch" in done.stderr.splitlines()[-1]


def test_the_reference_is_built_without_torch():
    """autodoc imports it with torch mocked, as `_config.yml` says, and finds the docstrings."""
    assert "autodoc_mock_imports: [torch]" in (ROOT / "_config.yml").read_text(encoding="utf-8")
    code = (
        "from sphinx.ext.autodoc.mock import mock, undecorate\n"
        "with mock(['torch']):\n"
        "    from momentum_lib.optim import Optimizer, muon_with_adamw\n"
        "    print(undecorate(Optimizer.step).__doc__, Optimizer.__doc__, muon_with_adamw.__doc__)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "One step for every parameter" in done.stdout and "Jordan" in done.stdout


# -- compiled -----------------------------------------------------------------------------------------

ENGINE = [  # the properties that the engine could break; the others are about what stands before it
    "agrees_with_torch",
    "goes_on_after_a_huge_gradient_as_torch_does",
    "looks_steps_and_reports_as_descend",
    "computes_low_precision_in_float32",
    "none_now_and_then_agrees_with_torch",
    "trains_by_backward",
    "clears_gradients_both_ways",
    "moves_matrices_by_a_matrix_rule",
    "keeps_slots_as_wide_as_a_side",
    "resumes_bit_for_bit",
    "copies_and_pickles",
    "follows_who_writes_the_parameters",
    "follows_who_writes_through_data",
    "follows_a_state_that_was_put_in_place",
    "keeps_what_a_person_holds",
    "windows_opened_later_stay_open",
    "steps_inside_the_backward_pass",
    "is_left_out_of_a_compiled_graph",
    "tells_which_of_two_points_was_saved",
    "serves_a_rule_of_your_own",
]
CANNOT = _program.missing(torch.device("cpu"))


@pytest.mark.skipif(CANNOT is not None, reason=f"nothing can be compiled here: {CANNOT}")
@pytest.mark.parametrize("name", ENGINE)
def test_property_compiled(name):
    """The same properties over flat buffers and the compiled text."""
    PROPERTIES[name](functools.partial(Optimizer, compiled=True))


@pytest.mark.skipif(CANNOT is not None, reason=f"nothing can be compiled here: {CANNOT}")
def test_a_schedule_compiles_nothing_again():
    """Twenty rates, a decay and sizes that differ: one program, compiled once, and then once for any size."""
    torch._dynamo.utils.counters.clear()
    _program.program.cache_clear()
    for n in (5, 70, 700):
        p = torch.nn.Parameter(torch.ones(n))
        optimizer = Optimizer([p], "heavy_ball", lr=0.1, compiled=True)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        for _ in range(20):
            p.grad = torch.ones(n)
            optimizer.step()
            schedule.step()
        assert optimizer.engine == "compiled"
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


@pytest.mark.skipif(CANNOT is not None, reason=f"nothing can be compiled here: {CANNOT}")
def test_what_is_compiled_for_a_small_model_has_threads_for_a_large_one():
    """One kernel serves all sizes, and the compiler would leave threads out of one that it first sees with 64 numbers."""
    from torch._inductor.utils import fresh_cache, run_and_get_code

    _program.program.cache_clear()
    p = torch.nn.Parameter(torch.ones(64))
    p.grad = torch.ones(64)
    with fresh_cache():
        _, code = run_and_get_code(Optimizer([p], "gradient_descent", lr=0.1, compiled=True).step)
    assert code and all("#pragma omp parallel" in text for text in code)


def test_without_a_compiler_the_plain_path_runs(monkeypatch):
    """compiled=True warns once and goes on; "auto" goes on quietly; both say why."""
    monkeypatch.setattr(_flat, "missing", lambda device: "no C++ compiler was found")
    p, q = sample(), sample()
    optimizer = Optimizer([p], "heavy_ball", lr=0.1, compiled=True)
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler"):
        optimizer.step()
    optimizer.step()
    quiet = Optimizer([q], "heavy_ball", lr=0.1, compiled="auto")
    quiet.step()
    quiet.step()
    assert torch.equal(p, q) and optimizer.engine == quiet.engine == "plain: no C++ compiler was found"


def test_a_failed_compilation_loses_no_step(monkeypatch):
    """The step at which compiling fails, and all later ones, are the plain path's."""

    def broken(*args):
        raise torch._dynamo.exc.TorchDynamoException("the compiler fell over\nat length")

    a, b = tensors(), tensors()
    optimizer = Optimizer(a, "adam", lr=0.01, compiled=True)
    with monkeypatch.context() as patch:
        patch.setattr(_flat, "program", broken)
        with pytest.warns(UserWarning, match="compiling failed: the compiler fell over; the plain path"):
            follow(optimizer, a, gradients(a, 5))
    follow(Optimizer(b, "adam", lr=0.01), b, gradients(b, 5))
    assert all(torch.equal(p, q) for p, q in zip(a, b, strict=True))
    assert optimizer.engine == "plain: compiling failed: the compiler fell over"


def test_auto_leaves_small_models_alone():
    optimizer = Optimizer([sample()], "heavy_ball", lr=0.1, compiled="auto")
    optimizer.step()
    assert optimizer.engine.startswith("plain: fewer than 1048576 numbers")
