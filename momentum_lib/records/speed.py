"""What makes a training faster: steps to one target, in how many seconds, and what multiplies what.  NumPy alone.

Two records say it together.  ``speed`` counts steps, which no machine changes; ``pace`` holds what a step takes on one machine,
all variants interleaved in one run.  Seconds to the target are the product of the two.
"""

import math

import numpy as np

from .summary import holm, paired, sides
from .worth import bar

BASE = "adamw"
"""The variant of ``pace`` that every other one is timed beside."""

PAIRS = (
    ("sgd momentum 0.5", "sgd"),
    ("sgd momentum", "sgd"),
    ("sgd warm-up", "sgd"),
    ("sgd decay", "sgd"),
    ("sgd momentum warm-up", "sgd momentum"),
    ("sgd momentum decay", "sgd momentum"),
    ("sgd momentum decay", "sgd decay"),
    ("adamw", "sgd"),
    ("muon", "sgd"),
    ("adamw momentum", "sgd momentum"),
    ("adamw momentum", "adamw"),
    ("adamw momentum schedule", "adamw momentum"),
    ("adamw momentum schedule", "adamw schedule"),
    ("adamw momentum search", "adamw momentum"),
    ("adamw momentum bf16", "adamw momentum"),
    ("muon momentum", "adamw momentum"),
    ("muon momentum", "muon"),
    ("muon momentum schedule", "muon momentum"),
    ("sgd momentum batch 4", "sgd batch 4"),
    ("sgd momentum batch 64", "sgd batch 64"),
    ("sgd batch 64", "sgd"),
    ("sgd batch 4", "sgd"),
    ("sgd momentum batch 64", "sgd momentum"),
    ("sgd momentum batch 4", "sgd momentum"),
    ("adamw momentum batch 64", "adamw momentum"),
    ("adamw momentum batch 4", "adamw momentum"),
)
"""What is compared: (with the change, without it)."""

STEP = ("batch", "4", "64", "bf16")
"""The words of a side's name that say how a step is made; the others change how many it needs."""


def crossing(evaluations, target):
    """The step at which the held-out loss first came down to the target, None where it never did.

    ``evaluations``: [step, loss], in order.  A straight line is drawn between the last one above the target and the next one.
    """
    before = None
    for step, loss in evaluations:
        if loss <= target:
            if before is None or before[1] <= loss:
                return float(step)
            share = (before[1] - target) / (before[1] - loss)
            return round(before[0] + share * (step - before[0]), 4)
        before = step, loss
    return None


def best(rows, side):
    """The side's tuning run that came to the target soonest; where none came, that which ended lowest, or None."""
    mine = [row for row in rows if (row["side"], row["role"]) == (side, "tune") and row["held_out"] is not None]
    return min(mine, key=lambda row: (math.inf if row["reached"] is None else row["reached"], row["held_out"]), default=None)


def at_edge(rows, side):
    """Whether the best tuning rate is the lowest or the highest that a side tried; below one that diverged it is not."""
    rates = sorted({row["lr"] for row in rows if (row["side"], row["role"]) == (side, "tune")})
    chosen = best(rows, side)
    return chosen is not None and len(rates) > 1 and chosen["lr"] in (rates[0], rates[-1])


def steps(rows, side):
    """Seed to steps to the target, of the judged runs that came to it."""
    return {
        row["seed"]: row["reached"]
        for row in rows
        if (row["side"], row["role"]) == (side, "judge") and row["reached"] is not None
    }


def factor(ours, theirs):
    """How many times fewer steps ours takes than theirs: the geometric mean over the seeds that both have, with its interval.

    ``ours``, ``theirs``: seed to steps.  Returns factor, interval (of 95 %, by Student's t on the logarithms; None for fewer than
    two seeds), n, t and p.
    """
    logs = [{seed: math.log(value) for seed, value in side.items()} for side in (theirs, ours)]
    found = paired(*logs)
    if not found["n"]:
        return {"factor": None, "interval": None, **{name: found[name] for name in ("n", "t", "p")}}
    half = bar(0.05, found["n"] - 1) * found["sd"] / math.sqrt(found["n"]) if found["n"] > 1 else None
    ends = None if half is None else [math.exp(found["mean"] - half), math.exp(found["mean"] + half)]
    return {"factor": math.exp(found["mean"]), "interval": ends, **{name: found[name] for name in ("n", "t", "p")}}


def side_summary(rows, side):
    """One side: what tuning chose, and how many steps the judged seeds took."""
    chosen, taken = best(rows, side), steps(rows, side)
    mine = [row for row in rows if row["side"] == side]
    logs = np.log(list(taken.values()))
    return {
        "rule": mine[0]["rule"],
        "lr": chosen and chosen["lr"],
        "hyper": chosen and chosen["hyper"],
        "changes": chosen and chosen.get("changes", {}),
        "tuning_runs": sum(row["role"] == "tune" for row in mine),
        "at_edge": at_edge(rows, side),
        "seeds": sum(row["role"] == "judge" for row in mine),
        "reached": len(taken),
        "steps": float(np.exp(logs.mean())) if len(logs) else None,
        "spread": float(np.exp(logs.std(ddof=1))) if len(logs) > 1 else None,
    }


def speed(rows):
    """Steps to the target, side by side, and how many times fewer they are with each change than without."""
    table = {side: side_summary(rows, side) for side in sides(rows)}
    pairs = [pair for pair in PAIRS if set(pair) <= set(table)]
    compared = [{"side": a, "beside": b, **factor(steps(rows, a), steps(rows, b))} for a, b in pairs]
    holm(compared)
    return {"sides": table, "beside": compared}


def rank_interval(values, chance=0.05):
    """Two of the values between which the median of their distribution lies, but for this probability; exact, whatever it is.

    The k-th lowest and the k-th highest, k from the binomial distribution (Conover 1999, section 3.2).  Where there are too few
    values for that, the lowest and the highest.
    """
    ordered, n = sorted(values), len(values)
    outside, k = 2 * 0.5**n, 1
    while k < n // 2 and outside + 2 * math.comb(n, k) * 0.5**n <= chance:
        outside += 2 * math.comb(n, k) * 0.5**n
        k += 1
    return [float(ordered[k - 1]), float(ordered[-k])]


def clock(mine, other):
    """Two variants' milliseconds a step, round by round: of the core where both have them, else by the wall clock."""
    name = "core" if mine["core"] and other["core"] else "milliseconds"
    return mine[name], other[name]


def faster(mine, other):
    """How many times faster a step of one variant is than one of another, timed in turn: (median, [low, high])."""
    ratios = [slow / fast for fast, slow in zip(*clock(mine, other))]
    return float(np.median(ratios)), rank_interval(ratios)


def pace(rows):
    """What a step of each variant takes, and how many times faster it is than the base's in the same round."""
    base = next(row for row in rows if row["side"] == BASE)
    found = {}
    for row in rows:
        middle, interval = faster(row, base)
        found[row["side"]] = {
            "milliseconds": float(np.median(row["core"] or row["milliseconds"])),
            "clock": "core" if row["core"] else "wall",
            "faster": middle,
            "interval": interval,
            "first": row["first"],
        }
    return {"sides": found}


def paced(side):
    """The variant of ``pace`` whose step a side of ``speed`` takes."""
    rule, *words = side.split(" ")
    # AdamW and Muon do the same arithmetic whatever their momentum is
    return " ".join([rule, *(word for word in words if word in STEP or (rule == "sgd" and word == "momentum"))])


def seconds(speed_rows, pace_rows, side, theirs):
    """How many times fewer seconds a side takes to the target than another: steps times what a step takes.

    Returns (factor, [low, high]).  The interval joins the two spreads, in logarithms, as those of independent measurements.
    """
    by_name = {row["side"]: row for row in pace_rows}
    middle, ends = faster(by_name[paced(side)], by_name[paced(theirs)])
    count = factor(steps(speed_rows, side), steps(speed_rows, theirs))
    halves = [
        math.hypot(math.log(end / middle), math.log(other / count["factor"])) for end, other in zip(ends, count["interval"])
    ]
    whole = count["factor"] * middle
    return whole, [whole * math.exp(-halves[0]), whole * math.exp(halves[1])]


def tries_to(rows, side, count):
    """The steps to the target that the best of ``count`` of a side's tuning runs is expected to take, drawn without order.

    A run that never came counts as its last step: what it cost at least.
    """
    taken = sorted(
        row["evaluations"][-1][0] if row["reached"] is None else row["reached"]
        for row in rows
        if (row["side"], row["role"]) == (side, "tune")
    )
    n = len(taken)
    return sum(math.comb(n - k - 1, count - 1) * value for k, value in enumerate(taken) if n - k > count - 1) / math.comb(
        n, count
    )
