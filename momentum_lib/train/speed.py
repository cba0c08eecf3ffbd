"""The sides of "What else makes training faster?": one transformer, one target loss, one change at a time and some together.

A run ends where its held-out loss comes down to the target, so that a side's result is a number of steps: the measure of
AlgoPerf (Dahl et al. 2023, arXiv:2306.07179).  Every side may try six settings, and the one that came to the target soonest is
judged at five other seeds.  A side without a schedule has a constant rate; one with a decay also chooses between two lengths.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace

from ..records import row_key
from ..records.speed import crossing
from .loop import Result, train
from .model import flops_per_token
from .settings import Settings
from .sides import Family, Side
from .sweep import Task

TRIES = 6
RATIO = 1.6  # between two rates of a grid
PATIENCE = 1.7  # how many times the steps that the coarse sweep found a run may take
JUDGED = 128  # windows of training between two looks at the held-out bytes
LENGTHS = (1.6, 2.4)  # of a schedule, in steps that the coarse sweep found; shorter ones end above the target
WARMUP = 20
RULES = {
    "sgd": ("gradient_descent", {}),
    "sgd momentum 0.5": ("heavy_ball", {"beta": 0.5}),
    "sgd momentum": ("heavy_ball", {"beta": 0.9}),
    "adamw": ("adamw", {"beta1": 0.0}),
    "adamw momentum": ("adamw", {"beta1": 0.9}),
    "muon": ("muon", {"beta": 0.0}),
    "muon momentum": ("muon", {"beta": 0.9}),
}
# Rates and steps to the target that a coarse sweep at another seed found; the schedules' lengths and the longest run follow.
FAMILIES = {
    "cpu": Family(
        Settings(
            model="nano", context=32, batch=16, steps=400, warmup=0, decay="constant", eval_windows=64, precision="float32",
            log_every=10, checkpoint_every=0,
        ),
        {
            "rates": {"sgd": 0.25, "sgd momentum 0.5": 0.125, "sgd momentum": 0.06, "adamw": 0.004, "muon": 0.08},
            "steps": {"sgd": 250, "sgd momentum 0.5": 210, "sgd momentum": 170, "adamw": 105, "muon": 30},
            "beside": 0.012,
        },
        {"steps": 5, "tolerance": 2e-3, "other_corpus": 0.3},
        {"target": 2.6},
    ),
    "gpu": Family(
        Settings(
            model="mini", batch=16, steps=6000, warmup=0, decay="constant", eval_windows=256, precision="float32",
            log_every=20, checkpoint_every=0,
        ),
        {
            "rates": {"sgd": 0.3, "sgd momentum 0.5": 0.15, "sgd momentum": 0.08, "adamw": 0.001, "muon": 0.02},
            "steps": {"sgd": 3000, "sgd momentum 0.5": 2000, "sgd momentum": 1500, "adamw": 600, "muon": 300},
            "beside": 0.002,
        },
        {"steps": 1, "tolerance": 0.05, "other_corpus": 0.3},
        {"target": 1.8},
    ),
}  # fmt: skip
MS_A_WINDOW = {"cpu": 0.9}  # with the looks at held-out bytes, on the core that the plan's minutes are of


class Reached(Exception):
    """The held-out loss is at the target: what ends a run early."""


@dataclass(frozen=True)
class TargetTask(Task):
    """A run that ends where its held-out loss comes down to ``target``, in nats a byte."""

    target: float = 0.0

    @property
    def key(self):
        return row_key({**self.settings.deciding(), "target": self.target})

    def train(self, trainer, *, watch=None, **how):
        """Train until the target is reached, or to the last step; looks at the held-out bytes after every 128 windows."""

        def look(trainer, evaluation):
            if watch:
                watch(trainer, evaluation)
            if evaluation.loss <= self.target:
                raise Reached

        trainer.settings = replace(trainer.settings, eval_every=max(1, JUDGED // trainer.settings.batch))
        result = Result()
        with suppress(Reached):
            return train(trainer, watch=look, result=result, **how)
        result.held_out = result.evaluations[-1][1]
        return result

    def says(self, result):
        """The changes, and the step at which the run came to the target; None where it never did."""
        evaluations = [[step, round(loss, 4)] for step, loss in result.evaluations]  # as the row has them
        return {"changes": self.changes, "reached": crossing(evaluations, self.target)}


def three(value):
    """A number to three digits."""
    return float(f"{value:.3g}")


def grid(centre, count=TRIES, ratio=RATIO):
    """``count`` rates around a centre, each ``ratio`` times the one before."""
    return [three(centre * ratio ** (k - (count - 1) / 2)) for k in range(count)]


def found(family, kind, name):
    """What the coarse sweep found for a rule, with momentum or without."""
    table = family.centre[kind]
    return table[name if name in table else name.split(" ")[0]]


def settings_of(family, name):
    """(rule, hyper-parameters) of a side's first words; the AdamW beside Muon keeps its own rate."""
    rule, hyper = RULES[name]
    return rule, {**hyper, **({"adamw_lr": family.centre["beside"]} if rule == "muon" else {})}


def constant(family, name, more="", stretch=1.0, **changes):
    """A side whose rate stays: six rates.  ``stretch``: what its centre is multiplied by."""
    rule, hyper = settings_of(family, name)
    most = {"steps": round(PATIENCE * found(family, "steps", name)), **changes}
    trials = tuple((lr, hyper, most) for lr in grid(stretch * found(family, "rates", name)))
    return Side(f"{name} {more}".strip(), rule, trials)


def decaying(family, name, more, **changes):
    """A side whose rate falls to zero on a line: three rates at each of two lengths."""
    rule, hyper = settings_of(family, name)
    trials = tuple(
        (lr, hyper, {"decay": "linear", "steps": round(length * found(family, "steps", name)), **changes})
        for length in LENGTHS
        for lr in grid(found(family, "rates", name), TRIES // 2)
    )
    return Side(f"{name} {more}", rule, trials)


def batched(family, name, batch):
    """A side with another batch; its rates are centred on the square root of the batch, its longest run on as many windows."""
    times = batch / family.base.batch
    steps = round(PATIENCE * found(family, "steps", name) * (0.8 if times > 1 else 3))
    return constant(family, name, f"batch {batch}", times**0.5, batch=batch, steps=steps)


def searched(family, name):
    """AdamW's rate and both its memories drawn together, as many times as the others may try."""
    from .experiments import around, between, spread

    rule, hyper = settings_of(family, name)
    trials = []
    for u, v, w in spread(TRIES, 3):
        own = {"beta1": round(1 - between(v, 0.5, 0.01), 6), "beta2": round(1 - between(w, 0.2, 0.005), 6)}
        lr = around(found(family, "rates", name), u)
        trials.append((lr, {**hyper, **own}, {"steps": round(PATIENCE * found(family, "steps", name))}))
    return Side(f"{name} search", rule, tuple(trials))


def sides(family):
    """Every line of the table, the plain SGD that they all begin from first."""
    for name in RULES:
        yield constant(family, name)
    for name in ("sgd", "sgd momentum"):
        yield constant(family, name, "warm-up", 2**0.5, warmup=WARMUP)
        yield decaying(family, name, "decay")
    for name in ("adamw", "adamw momentum", "muon momentum"):
        yield decaying(family, name, "schedule", warmup=WARMUP // (4 if "muon" in name else 2))
    for name in ("sgd", "sgd momentum", "adamw momentum"):
        for batch in (family.base.batch // 4, 4 * family.base.batch):
            yield batched(family, name, batch)
    yield searched(family, "adamw momentum")
    yield constant(family, "adamw momentum", "bf16", precision="bfloat16")


def plan(family, competing, seeds):
    """How many runs there are and what they cost at most, in a sentence."""
    base = family.base
    windows, runs = 0, 0
    for side in competing:
        sizes = [change["steps"] * change.get("batch", base.batch) for *_, change in side.trials]
        windows += sum(sizes) + seeds * max(sizes)
        runs += len(sizes) + seeds
    config = base.config()
    work = windows * config.context * flops_per_token(config)
    minutes = MS_A_WINDOW.get(next(name for name, each in FAMILIES.items() if each.base.model == base.model), math.nan)
    cost = "" if math.isnan(minutes) else f", {windows * minutes / 60_000:.0f} minutes of one core"
    return (
        f"{runs} runs of the {base.model} model, each until it comes to {family.also['target']:g} nats a byte: at most "
        f"{windows:,} windows of {config.context} bytes, {work:.2g} floating-point operations{cost}; half of that is usual"
    )
