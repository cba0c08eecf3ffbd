"""What must hold on a GPU before its numbers mean anything: each check takes the device, and raises or says what it saw.

All of them run on a CPU, too, in small; there they check the program, not the card.
"""

import copy
import os
import tempfile
from dataclasses import replace

import torch
import torch.distributed as dist

from .. import rules
from ..optim import Optimizer
from ..optim._program import missing
from . import device as devices
from . import parallel
from .ensemble import Ensemble
from .loop import Trainer
from .settings import Settings

CHECKS = {}
BASE = Settings(model="pico", batch=4, steps=4, warmup=1, lr=0.01, eval_windows=4, precision="float32", checkpoint_every=0)


def check(fn):
    CHECKS[fn.__name__] = fn
    return fn


def near(found, wanted, tolerance, what):
    """Raise AssertionError where two arrays part by more than a share of the wanted one's size."""
    found, wanted = found.detach().double().cpu(), wanted.detach().double().cpu()
    apart, allowed = float((found - wanted).abs().max()), tolerance * max(1.0, float(wanted.abs().max()))
    if not apart <= allowed:
        raise AssertionError(f"{what}: apart by {apart:.3g}, allowed {allowed:.3g}")


def stepped(rule, device, compiled=False, dtype=torch.float64, steps=5):
    """Three parameters after a few steps on gradients drawn on the CPU, with one change of rate."""
    random = torch.Generator().manual_seed(0)
    shapes = ((6, 4), (6, 4), (4, 4)) if rules.get(rule).matrix else ((6, 4), (7,), ())
    draw = lambda shape: torch.randn(shape, generator=random, dtype=torch.float64).to(device, dtype)
    params = [torch.nn.Parameter(draw(shape)) for shape in shapes]
    hyper = {} if rules.get(rule).hyper.get("lr", 1) is not None else {"lr": 0.01}
    optimizer = Optimizer(params, rule, compiled=compiled, **hyper)
    for t in range(steps):
        for p in params:
            p.grad = draw(p.shape)
        if t == 3 and hyper:
            optimizer.param_groups[0]["lr"] = 0.005
        optimizer.step()
    return optimizer, params


@check
def every_rule_is_the_cpus(device):
    """Every rule in float64, plain: the run on a CPU."""
    for rule in rules.RULES:
        tolerance = 1e-6 if rule in ("shampoo", "soap") else 1e-10  # roots of small eigenvalues
        for ours, cpus in zip(stepped(rule, device)[1], stepped(rule, "cpu")[1], strict=True):
            near(ours, cpus, tolerance, rule)
    return f"{len(rules.RULES)} rules"


@check
def every_rule_compiled_is_the_cpus(device):
    """Every elementwise rule in float32, compiled: the plain run on a CPU."""
    if device.type != "cuda" or missing(device):
        return f"left out: {missing(device) or 'on a CPU the tests compile every rule'}"
    names = list(rules.ELEMENTWISE)
    for rule in names:
        optimizer, params = stepped(rule, device, True, torch.float32)
        assert optimizer.engine == "compiled", f"{rule}: {optimizer.engine}"
        for ours, cpus in zip(params, stepped(rule, "cpu", dtype=torch.float32)[1], strict=True):
            near(ours, cpus, 1e-4, rule)
    return f"{len(names)} rules"


@check
def sixteen_bits_keep_their_digits(device):
    """bfloat16 parameters: computed in float32, a rounding of the float32 run."""
    for rule in ("heavy_ball", "adamw", "nesterov"):
        low, full = stepped(rule, device, dtype=torch.bfloat16)[1], stepped(rule, device, dtype=torch.float32)[1]
        for p, q in zip(low, full, strict=True):
            near(p, q, 0.05, rule)


@check
def muons_products_in_sixteen_bits(device):
    """Newton-Schulz in bfloat16 beside float32: one to two hundredths of a step."""
    from ..ops import orthogonal, products_in

    x = torch.randn(3, 64, 48, generator=torch.Generator().manual_seed(0)).to(device)
    with products_in("bfloat16"):
        low = orthogonal(x)
    apart = float((low - orthogonal(x)).norm() / low.norm())
    assert apart < 0.03, f"apart by {apart:.3f}"
    return f"apart by {apart:.4f}"


def trained(device, settings, steps=4):
    """(the trainer, its losses) after a few steps."""
    trainer = Trainer(settings, parallel.alone(device.type))
    return trainer, torch.stack([trainer.step() for _ in range(steps)]).cpu()


@check
def a_run_is_the_cpus(device):
    """Four steps of the trainer in float32, a tenth of a percent from the CPU's."""
    for rule in ("adamw", "muon", "schedule_free"):
        settings = replace(BASE, rule=rule)
        near(trained(device, settings)[1], trained(torch.device("cpu"), settings)[1], 2e-3, rule)


@check
def autocast_trains(device):
    """bfloat16 passes: the losses of float32 to a hundredth."""
    low = trained(device, replace(BASE, precision="bfloat16"))[1]
    near(low, trained(device, BASE)[1], 0.02, "autocast")


@check
def a_compiled_model_trains(device):
    """``torch.compile`` of the model and the rule: the eager losses."""
    if device.type != "cuda" or missing(device):
        return f"left out: {missing(device) or 'a minute of a compiler on a CPU'}"
    near(trained(device, replace(BASE, compile=True), 2)[1], trained(device, BASE, 2)[1], 2e-3, "compiled model")


@check
def a_checkpoint_travels(device):
    """Saved on the device, loaded on a CPU and back: bit for bit, and the next step is the same on the device."""
    here, _ = trained(device, BASE, 2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "state.pt")
        torch.save(here.state(), path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    away = Trainer(BASE, parallel.alone("cpu"))
    back = Trainer(BASE, parallel.alone(device.type))
    own = {"step": here.done, **state}
    if device.type == "cuda":
        away.load({**copy.deepcopy(own), "rng": {"cpu": own["rng"]["cpu"]}})
    else:
        away.load(copy.deepcopy(own))
    back.load(own)
    for p, q, r in zip(here.model.parameters(), away.model.parameters(), back.model.parameters(), strict=True):
        assert torch.equal(p.cpu(), q) and torch.equal(p, r)
    near(back.step(), here.step(), 1e-6, "the next step")


@check
def an_ensemble_is_its_runs(device):
    """Four runs of two rules together and one by one, in float32."""
    runs = [replace(BASE, rule=rule, seed=seed, clip=1.0) for rule in ("adamw", "muon") for seed in (0, 1)]
    ensemble = Ensemble(runs, parallel.alone(device.type))
    together = torch.stack([ensemble.step() for _ in range(4)]).cpu()
    for place, run in enumerate(ensemble.live):
        near(together[:, place], trained(device, runs[run])[1], 2e-3, runs[run].rule)


@check
def one_process_joins_a_group(device):
    """NCCL (gloo on a CPU) on one process: a sum over all is the number itself."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if dist.is_initialized() or not getattr(dist, f"is_{backend}_available", lambda: True)():
        return "left out: no such backend, or a group is there already"
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group(backend, init_method=f"file://{folder}/meet", rank=0, world_size=1)
        try:
            x = torch.full((3,), 2.0, device=device)
            dist.all_reduce(x)
            assert x.tolist() == [2.0, 2.0, 2.0]
        finally:
            dist.destroy_process_group()
    return backend


@check
def a_step_uses_the_memory(device):
    """How much of a copy's bandwidth a fused step of torch and a compiled one of ours reach; the figures, no bound."""
    if device.type != "cuda":
        return "left out: a GPU's question"
    count, said = 2**26, []
    a = torch.zeros(count, device=device)
    copied = 8 * count / timed(device, lambda: a.clone())
    for name, build in {
        "torch's fused AdamW": lambda p: torch.optim.AdamW([p], lr=1e-4, fused=True),
        "compiled AdamW": lambda p: Optimizer([p], "adamw", lr=1e-4, compiled=True),
        "plain AdamW": lambda p: Optimizer([p], "adamw", lr=1e-4),
    }.items():
        p = torch.nn.Parameter(torch.zeros(count, device=device))
        optimizer = build(p)
        p.grad = torch.ones_like(p)
        optimizer.step()
        share = 28 * count / timed(device, optimizer.step) / copied
        said.append(f"{name} {share:.0%}")
    return f"of {copied / 1e9:.0f} GB/s: " + ", ".join(said)


def timed(device, task, times=5):
    """Seconds of a task, the best of a few."""
    import time

    found = []
    for _ in range(times):
        torch.cuda.synchronize(device)
        began = time.perf_counter()
        task()
        torch.cuda.synchronize(device)
        found.append(time.perf_counter() - began)
    return min(found)


def describe(device):
    """The card, its memory and the versions, as lines."""
    lines = [f"device    {devices.title(device)}; {devices.machine()}"]
    if device.type == "cuda":
        of = torch.cuda.get_device_properties(device)
        lines.append(f"card      {of.total_memory / 1e9:.0f} GB, {of.multi_processor_count} processors, {of.major}.{of.minor}")
    return [*lines, f"versions  torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}"]
