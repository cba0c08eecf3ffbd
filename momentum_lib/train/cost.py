"""What an optimiser's step costs: time and memory by rule, on a real model's tensors."""

import datetime
import time

import torch

from .. import records
from .experiments import EXPERIMENTS, SEARCHED
from .model import GPT, flops_per_token, parameter_count, size
from .optimizers import make_optimizer, state_bytes

MODELS = {"cpu": "mini", "gpu": "small"}
REPEATS, STEPS, WARM = 7, 3, 2
RATE = 1e-4  # small, so that the weights stay where they are


def measure(rule, model, device):
    """One row: the step's time in milliseconds, repeated, and the bytes of the optimiser's state."""
    optimizer = make_optimizer(model, rule, RATE, {})
    for _ in range(WARM):
        optimizer.step()
    timings = []
    for _ in range(REPEATS):
        _wait(device)
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.step()
        _wait(device)
        timings.append(round(1000 * (time.perf_counter() - began) / STEPS, 4))
    return {
        "side": rule,
        "rule": rule,
        "milliseconds": timings,
        "state_bytes": state_bytes(optimizer),
        "parameters": parameter_count(model),
    }


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_record(family, device, command, title, say=None):
    """Measure every rule on the family's model with random gradients; the record of it."""
    config = size(MODELS[family])
    torch.manual_seed(0)
    model = GPT(config).to(device)
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    rows, began = [], time.perf_counter()
    for rule in SEARCHED:
        rows.append(measure(rule, model, device))
        if say:
            each = sorted(rows[-1]["milliseconds"])[REPEATS // 2]
            say(f"{rule:18s} {each:9.2f} ms a step  {rows[-1]['state_bytes'] / rows[-1]['parameters']:.2f} bytes a parameter")
    return records.make(
        rows=rows,
        sources=records.sources_of(SEARCHED),
        experiment="cost",
        family=family,
        question=EXPERIMENTS["cost"].question,
        command=command,
        config={
            "model": MODELS[family],
            "parameters": parameter_count(model),
            "flops_per_token": flops_per_token(config),
            "steps": STEPS,
        },
        seeds=[0],
        tuning={},
        corpus="none: random gradients",
        device=title,
        wall_seconds=round(time.perf_counter() - began, 1),
        recorded=datetime.date.today().isoformat(),
        replay={"rows": [], "steps": 0, "tolerance": 0.0, "other_corpus": 0.0},
    )
