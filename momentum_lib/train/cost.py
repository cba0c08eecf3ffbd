"""What an optimiser's step costs: time and memory by rule, on a real model's tensors."""

import datetime
import time

import torch

from .. import records, rules
from .experiments import EXPERIMENTS, SEARCHED
from .model import GPT, flops_per_token, parameter_count, size
from .optimizers import make_optimizer, state_bytes

MODELS = {"cpu": "mini", "gpu": "small"}
REPEATS, STEPS = 9, 1
RATE = 1e-4  # small, so that the weights stay where they are


def measure(rule, model, device, compiled):
    """One row: the step's time in milliseconds, repeated, and the bytes of the optimiser's state; None if it is not compiled."""
    optimizer = make_optimizer(model, rule, RATE, {}, compiled="auto" if compiled else False)
    timings = []
    for repeat in range(-1, REPEATS):  # the first warms up: state is made, the rule compiled
        _wait(device)
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.step()
        _wait(device)
        if repeat >= 0:
            timings.append(round(1000 * (time.perf_counter() - began) / STEPS, 4))
    if compiled and optimizer.engine != "compiled":
        return None
    return {
        "side": f"{rule}, compiled" if compiled else rule,
        "rule": rule,
        "milliseconds": timings,
        "state_bytes": state_bytes(optimizer),
        "parameters": parameter_count(model),
    }


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_record(name, family, device, command, title, say=None):
    """Measure every rule on the family's model with random gradients; the record of the experiment of that name."""
    config = size(MODELS[family])
    torch.manual_seed(0)
    model = GPT(config).to(device)
    for p in model.parameters():
        p.grad = torch.randn_like(p)
    rows, began = [], time.perf_counter()
    for rule in SEARCHED:
        for compiled in (False, True):
            if compiled and rules.get(rule).matrix:
                continue  # products of matrices are compiled already; what is left would be the AdamW beside it
            row = measure(rule, model, device, compiled)
            if row is None:
                continue
            rows.append(row)
            if say:
                each, state = sorted(row["milliseconds"])[REPEATS // 2], row["state_bytes"] / row["parameters"]
                say(f"{row['side']:28s} {each:9.2f} ms a step  {state:.2f} bytes a parameter")
    return records.make(
        rows=rows,
        sources=records.sources_of(SEARCHED),
        experiment=name,
        family=family,
        question=EXPERIMENTS[name].question,
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
