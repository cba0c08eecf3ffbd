"""The recorded experiments: what each asks, which sides it compares, and what each side may try.

Every side gets the same number of tuning runs on a seed of its own; its best setting is then judged at five other seeds, which
all sides share.  A family says how large the runs are: ``cpu`` (nano models, minutes on two cores), ``gpu`` (ten million
parameters, many runs at a time) or ``flagship`` (38 million, one run after the other).
"""

import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .. import records
from ..core import nearest
from ..records.speed import best as to_target
from ..records.summary import best
from ..rules import RULES
from . import speed, worth
from .data import corpus
from .delay import Delayed, DelayedTask
from .device import machine, title
from .model import flops_per_token
from .optimizers import complete
from .settings import Settings
from .sides import Family, Side
from .sweep import Task

TUNING_SEED = 100
SEEDS = (1, 2, 3, 4, 5)
MOMENTA = (0.0, 0.5, 0.9, 0.95, 0.99)
# What the experiment "momentum" varies: each rule's momentum; of Lion the weight beta1 of the memory in the blend, not beta2, by
# which that memory fades. The records were made so.
VARIED = {name: RULES[name].momentum for name in ("heavy_ball", "adamw", "lion", "muon")} | {"lion": "beta1"}
GRID = 6  # rates a side may try in a grid, each twice the one before
SEARCH = 10  # settings a side may try in a search


FAMILIES = {
    "cpu": Family(
        Settings(model="nano", batch=16, steps=200, warmup=20, eval_every=50, eval_windows=128, precision=
            "float32", checkpoint_every=0),
        {
            "gradient_descent": 0.25,
            "heavy_ball": 0.25,
            "nesterov_torch": 0.25,
            "adamw": 0.012,
            "signum": 0.002,
            "lion": 0.004,
            "muon": 0.04,
            "schedule_free": 1.0,
        },
        {"steps": 5, "tolerance": 2e-3, "other_corpus": 0.3},
    ),
    "gpu": Family(
        Settings(
            model="mini", batch=16, steps=2000, warmup=100, eval_every=500, eval_windows=256, precision="bfloat16",
            checkpoint_every=0, log_every=50,
        ),
        {
            "gradient_descent": 0.3,
            "heavy_ball": 0.3,
            "nesterov_torch": 0.3,
            "adamw": 0.002,
            "signum": 0.0003,
            "lion": 0.0003,
            "muon": 0.02,
            "schedule_free": 1.0,
        },
        {"steps": 1, "tolerance": 0.05, "other_corpus": 0.3},
    ),
}  # fmt: skip
SIZES = tuple(FAMILIES)
# Single runs of the 38-million model, each by itself, for what a large training gains by momentum and how fast it goes.
FAMILIES["flagship"] = replace(
    FAMILIES["gpu"],
    base=replace(FAMILIES["gpu"].base, model="small", batch=64, steps=600, eval_every=200, compile=True),
    centre={**FAMILIES["gpu"].centre, "adamw": 0.001},
)
ON_GPU = ("gpu", "flagship")
FAMILIES |= worth.FAMILIES


@dataclass(frozen=True)
class Experiment:
    """What is asked, and ``sides(family)`` to train; ``groups`` records the loss by how frequent a byte is.

    ``changes`` to the family's settings: rare bytes need more windows to be judged by.  ``families``: those it is made for.
    ``task``: how a run is made, ``also``: what of that the record's config says, ``sources``: the files that it rests on besides.
    ``best(rows, side)`` is the tuning run that a side is judged by.  ``own``: families that it has in place of the library's of
    that name.  ``cost(family, sides, seeds)``: the sentence of :func:`plan`, where its runs are not all of one length.
    An experiment without sides trains nothing: ``measure(name, family, device, command, title, say)`` makes its record.
    """

    question: str
    sides: Callable | None = None
    measure: Callable | None = None
    groups: bool = False
    changes: dict = field(default_factory=dict)
    families: tuple = SIZES
    task: type = Task
    also: dict = field(default_factory=dict)
    sources: tuple = ()
    best: Callable = best
    own: dict = field(default_factory=dict)
    cost: Callable | None = None

    def base(self, family):
        """The settings that all of the experiment's runs share."""
        return replace(family.base, **self.changes)


def rates(centre, count=GRID):
    """``count`` rates around a centre, each twice the one before."""
    return [centre * 2.0 ** (k - count // 2) for k in range(count)]


def spread(count, dim):
    """``count`` points in the unit cube of ``dim`` dimensions, evenly scattered, the same every time; (count, dim).

    The additive recurrence of the generalised golden ratio (Roberts 2018): low discrepancy without randomness.
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dim + 1))
    steps = ratio ** -np.arange(1.0, dim + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


def between(u, low, high):
    """The point a share u of the way from low to high, on a logarithmic scale, to three digits."""
    return float(f"{low * (high / low) ** u:.3g}")


def around(centre, u):
    """The rate a share u of the way from an eighth of the centre to eight times it."""
    return between(u, centre / 8, centre * 8)


def momentum_sides(family):
    """Every rule of ``VARIED`` with every momentum, a grid of rates each; the AdamW beside Muon keeps its own."""
    for rule, name in VARIED.items():
        beside = {"adamw_lr": family.centre["adamw"]} if rule == "muon" else {}
        for beta in MOMENTA:
            trials = tuple((lr, {name: beta, **beside}) for lr in rates(family.centre[rule]))
            yield Side(f"{rule} {beta:g}", rule, trials)


# What is searched beside lr: the hyper-parameter, and 1 - its value at both ends; None for a rate, which goes as lr does,
# from an eighth of the family's centre to eight times it.
SEARCHED = {
    "gradient_descent": {},
    "heavy_ball": {"beta": (0.5, 0.01)},
    "nesterov_torch": {"beta": (0.5, 0.01)},
    "adamw": {"beta1": (0.5, 0.01), "beta2": (0.2, 0.005)},
    "signum": {"beta": (0.5, 0.01)},
    "lion": {"beta1": (0.5, 0.02), "beta2": (0.2, 0.005)},
    "muon": {"beta": (0.5, 0.01), "adamw_lr": None},
    "schedule_free": {"beta": (0.5, 0.02)},
}


def delay_sides(family):
    """Without momentum and with 0.9, each at its own best of a grid of rates that reaches further down than without a delay."""
    for rule, name in {"adamw": "beta1", "heavy_ball": "beta", "muon": "beta"}.items():
        beside = {"adamw_lr": family.centre["adamw"] / 2} if rule == "muon" else {}
        for beta in (0.0, 0.9):
            trials = tuple((lr / 2, {name: beta, **beside}) for lr in rates(family.centre[rule]))
            yield Side(f"{rule} {beta:g}", rule, trials)


def search_sides(family):
    """Every rule, its rate and its other hyper-parameters searched together."""
    for rule, ranges in SEARCHED.items():
        trials = []
        for point in spread(SEARCH, 1 + len(ranges)):
            hyper = {
                name: around(family.centre["adamw"], u) if ends is None else round(1 - between(u, *ends), 6)
                for u, (name, ends) in zip(point[1:], ranges.items())
            }
            trials.append((around(family.centre[rule], point[0]), hyper))
        yield Side(rule, rule, tuple(trials))


def frequency_sides(family):
    """SGD with momentum, Adam, and the sign of the momentum, at the usual momentum, a grid of rates each."""
    for rule, hyper in {"heavy_ball": {"beta": 0.9}, "adamw": {"beta1": 0.9}, "signum": {"beta": 0.9}}.items():
        yield Side(rule, rule, tuple((lr, hyper) for lr in rates(family.centre[rule])))


def measure_cost(*arguments):
    """The record of ``train.cost``, which imports this module."""
    from .cost import make_record

    return make_record(*arguments)


def measure_pace(*arguments):
    """The record of ``train.pace``, which imports this module."""
    from .pace import make_record

    return make_record(*arguments)


EXPERIMENTS = {
    "momentum": Experiment(
        "How much does momentum help SGD, AdamW, Lion and Muon, when every momentum has its own best rate?", momentum_sides
    ),
    "best": Experiment("Which rule ends lowest, when every rule may try the same number of settings?", search_sides),
    "frequency": Experiment(
        "Is Adam's lead over SGD with momentum larger on rare bytes than on frequent ones?",
        frequency_sides,
        groups=True,
        changes={"eval_windows": 512, "eval_every": 100},
    ),
    "worth": Experiment(
        "How much is momentum worth to SGD, AdamW, Signum and Muon, when both sides search their settings with as many tries?",
        worth.worth_sides,
        families=(*worth.FAMILIES, "gpu"),
    ),
    "numbers": Experiment(
        "Which number of Lion is its momentum, and which momentum of Muon's two helps?",
        worth.number_sides,
        families=tuple(worth.FAMILIES),
    ),
    "nesterov": Experiment(
        "Does Muon end lower with its look-ahead than without it, at momentum 0.8, 0.9 and 0.95?",
        worth.ahead_sides,
        families=tuple(worth.FAMILIES),
    ),
    "lengths": Experiment(
        "Is AdamW better with beta1 0.5 or with 0.9, in a short and in a longer training?",
        worth.length_sides,
        families=tuple(worth.FAMILIES),
    ),
    "million": Experiment(
        "How much is a momentum of 0.9 worth to AdamW and Muon at a size of a million?",
        worth.million_sides,
        families=(*worth.FAMILIES, "flagship"),
    ),
    "delay": Experiment(
        "What does a gradient that comes one step late cost AdamW, heavy ball and Muon, and what is momentum worth to them then?",
        delay_sides,
        families=("cpu", "gpu"),
        task=DelayedTask,
        also={"delay": Delayed.delay},
        sources=("train/delay.py",),
    ),
    "speed": Experiment(
        "Which changes make a transformer come to the same loss in fewer steps, and which of them multiply?",
        speed.sides,
        families=tuple(speed.FAMILIES),
        task=speed.TargetTask,
        sources=("train/speed.py",),
        best=to_target,
        own=speed.FAMILIES,
        cost=speed.plan,
    ),
    "pace": Experiment("How long does a step take with each change, all of them timed in turn?", measure=measure_pace),
    "cost": Experiment("How long does a step of each rule take, and how much does it keep in memory?", measure=measure_cost),
}


def family_of(name, experiment, here=True):
    """The named family.  Raises ValueError for a name that the experiment does not know, and where a GPU is needed and there is
    none; ``here``: the runs are made on this machine."""
    import torch

    if name not in experiment.families:
        raise ValueError(nearest(name, experiment.families, "family"))
    if here and name in ON_GPU and not torch.cuda.is_available():
        raise ValueError(f"the {name} family needs a CUDA GPU, and this torch finds none; use --family cpu.")
    return experiment.own.get(name) or FAMILIES[name]


def experiment_of(name):
    """The named experiment.  Raises ValueError for an unknown name."""
    if name not in EXPERIMENTS:
        raise ValueError(nearest(name, EXPERIMENTS, "experiment"))
    return EXPERIMENTS[name]


def tasks(experiment, family, rows):
    """(tuning runs, judged runs) as far as the rows at hand allow them to be named.

    A side that searches names its later tries once the earlier ones have ended.  The judged runs are known once every tuning
    run has ended; until then there are none.
    """
    sides = list(experiment.sides(family))
    losses = {row["key"]: math.inf if row["held_out"] is None else row["held_out"] for row in rows}

    def make(side, trial, seed, role):
        lr, hyper, changes = (*trial, {})[:3]
        own, beside = complete(side.rule, lr, hyper)  # all of them written out: a row says what it ran with
        settings = replace(experiment.base(family), rule=side.rule, lr=lr, hyper={**own, **beside}, seed=seed, **changes)
        return experiment.task(settings, role, side.name, experiment.groups, changes, **family.also)

    tuning, ended_all = [], True
    for side in sides:
        trials, ended = side.wanted(lambda *trial, side=side: losses.get(make(side, trial, TUNING_SEED, "tune").key))
        tuning += [make(side, trial, TUNING_SEED, "tune") for trial in trials]
        ended_all &= ended
    if not ended_all:
        return tuning, []
    judged = []
    for side in sides:
        found = experiment.best(rows, side.name)
        lowest = min(side.trials, key=lambda trial: trial[0])
        chosen = (found["lr"], found["hyper"], found.get("changes", {})) if found else (lowest[0], *side.trials[0][1:])
        judged += [make(side, chosen, seed, "judge") for seed in SEEDS]
    return tuning, judged


def count(experiment, family):
    """How many runs an experiment has, tuning and judged together."""
    sides = list(experiment.sides(family))
    return sum(side.budget for side in sides) + len(sides) * len(SEEDS)


def plan(experiment, family):
    """How many runs an experiment has, of what size, and how much they compute, in a sentence."""
    if experiment.cost:
        return experiment.cost(family, list(experiment.sides(family)), len(SEEDS))
    base, runs = experiment.base(family), count(experiment, family)
    config = base.config()
    work = runs * base.steps * base.batch * config.context * flops_per_token(config)
    return (
        f"{runs} runs of the {base.model} model, {base.steps} steps of {base.batch} x {config.context} bytes each: "
        f"{work:.2g} floating-point operations"
    )


def places(rows, here):
    """The machines on which the rows were made, in words: a cluster's rows name their own, all others were made ``here``."""
    return " and ".join(dict.fromkeys(row.get("on", here) for row in rows))


def wall_seconds(rows):
    """Seconds during which at least one of the runs was at work."""
    total, until = 0.0, -math.inf
    for began, took in sorted((row["began"], row["took"]) for row in rows):
        total += max(0.0, began + took - max(began, until))
        until = max(until, began + took)
    return round(total, 1)


def record(name, family_name, rows, device, command, family=None):
    """The record of a finished experiment, verified; rows in the order of the plan, whatever order they ended in.

    ``family``: what goes under that name, if not the library's own.
    """
    experiment = EXPERIMENTS[name]
    family = family or experiment.own.get(family_name) or FAMILIES[family_name]
    tuning, judged = tasks(experiment, family, rows)
    by_key = {row["key"]: row for row in rows}
    ordered = [by_key[task.key] for task in (*tuning, *judged)]
    decided = {**experiment.base(family).deciding(), **experiment.also, **family.also}
    config = {key: value for key, value in decided.items() if key not in ("rule", "lr", "hyper", "seed")}
    first = {side: next(t.key for t in judged if t.side == side) for side in dict.fromkeys(t.side for t in judged)}
    shown = [{key: value for key, value in row.items() if key not in ("began", "took", "code", "on")} for row in ordered]
    return records.make(
        rows=shown,
        sources=[*records.sources_of(dict.fromkeys(row["rule"] for row in ordered)), *experiment.sources],
        experiment=name,
        family=family_name,
        question=experiment.question,
        command=command,
        config=config,
        seeds=list(SEEDS),
        tuning={
            "runs_per_side": len(tuning) // len(first),
            "seed": TUNING_SEED,
            "chosen_by": "held-out loss after the last step",
        },
        corpus=corpus().fingerprint,
        device=places(ordered, f"{title(device)}; {machine()}"),
        wall_seconds=wall_seconds(ordered),
        recorded=datetime.date.today().isoformat(),
        replay={"rows": _replayed(first, by_key), **family.replay},
    )


def _replayed(first, by_key):
    """The rows whose first losses are run again: one judged run of every rule."""
    chosen = {}
    for key in first.values():
        chosen.setdefault(by_key[key]["rule"], key)
    return list(chosen.values())
