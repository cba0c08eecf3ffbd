"""``momentum_lib.optim``: the properties, the library's own loop, torch's optimisers and torch's own table of inputs."""

import functools
import sys
import types
import unittest

import numpy as np
import pytest
import torch
from optim_properties import PROPERTIES, assert_close, follow, gradients, sample, tensors

# torch's table is in its wheel, but torch's test base class wants this package, of which the table uses nothing
sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

from momentum_lib import descend, rules, surfaces
from momentum_lib.optim import Optimizer

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
    """torch's keywords for SGD, Adam and AdamW as a rule and its options; None where no rule of the course is that."""
    options = {"lr": 1e-3, **options}
    if options.pop("amsgrad", False):
        return None  # AMSGrad keeps a running maximum, and is no rule of the course
    if cls is not torch.optim.AdamW:
        options["decoupled_weight_decay"] = False
    if cls is torch.optim.SGD:
        beta, dampening = options.pop("momentum", 0), options.pop("dampening", 0)
        rule = "nesterov_torch" if options.pop("nesterov", False) else "dampened_momentum" if dampening else "heavy_ball"
        options |= {"dampening": dampening} if dampening else {}
        return ("gradient_descent", options) if beta == 0 else (rule, {**options, "beta": beta})
    beta1, beta2 = options.pop("betas", (0.9, 0.999))
    return ("adamw" if cls is torch.optim.AdamW else "adam"), {**options, "beta1": beta1, "beta2": beta2} | (
        {} if cls is torch.optim.Adam else {"decoupled_weight_decay": True}
    )


INFO = {info.optim_cls: info for info in optim_db}
CLASSES = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
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
    assert len(INPUTS) == 19 and len(CASES) == 17 + len(EXTRA)
    assert len(ERRORS) == 31 and len(REFUSED) == 23


# -- beside torch's tools ------------------------------------------------------------------------------


def test_one_cycle_says_that_the_momentum_has_another_name():
    """OneCycleLR cycles `momentum` or `betas`, which a rule calls otherwise: torch refuses before anything is lost."""
    with pytest.raises(ValueError, match="cycle_momentum"):
        torch.optim.lr_scheduler.OneCycleLR(Optimizer([sample()], "heavy_ball", lr=0.1), 0.1, total_steps=10)


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


# -- compiled -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROPERTIES)
def test_property_compiled(name):
    """The same properties over flat buffers and the compiled text."""
    PROPERTIES[name](functools.partial(Optimizer, compiled=True))
