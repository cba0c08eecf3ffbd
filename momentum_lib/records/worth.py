"""What momentum is worth: each rule with momentum beside the same rule without, over one cell or over many."""

import math

import numpy as np

from .summary import best, holm, losses, paired, side_summary, sides, t_probability


def bar(chance, df):
    """The t that Student's distribution with df degrees of freedom passes, in either direction, with this probability."""
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_probability(middle, df) > chance else (low, middle)
    return high


def interval(comparison, chance=0.05):
    """The ends of the interval around a paired mean that misses the truth with this probability; None where there is no t."""
    if comparison["t"] is None:
        return None
    half = bar(chance, comparison["n"] - 1) * comparison["sd"] / math.sqrt(comparison["n"])
    return [comparison["mean"] - half, comparison["mean"] + half]


def cut(rows, side):
    """Whether no lower, or no higher, rate than the best tuning run's was tried, with whatever momentum.

    Rates are compared in the unit of an average of gradients, SGD's as lr / (1 - beta).  A rate that diverged counts as tried:
    a best one below it is not cut.
    """
    chosen = best(rows, side)
    if chosen is None:
        return False
    rates = sorted(averaged(row) for row in rows if (row["side"], row["role"]) == (side, "tune"))
    return averaged(chosen) in (rates[0], rates[-1])


def averaged(row):
    """The rate of a run in the unit of an average of gradients, to three digits."""
    beta = row["hyper"].get("beta", 0.0) if row["rule"] == "heavy_ball" else 0.0
    return float(f"{row['lr'] / (1 - beta):.3g}")


def table(rows):
    """Side -> its summary; ``at_edge`` is :func:`cut`'s."""
    return {side: {**side_summary(rows, side), "at_edge": cut(rows, side)} for side in sides(rows)}


def compared(rows, pairs):
    """The comparisons of pairs of sides (ours, theirs), each with its interval; Holm's correction over all of them."""
    found = []
    for ours, theirs in pairs:
        comparison = paired(losses(rows, ours), losses(rows, theirs))
        found.append({"side": ours, "beside": theirs, **comparison, "interval": interval(comparison)})
    holm(found)
    return found


def worth(rows):
    """Each rule with momentum beside the same rule without, both at the best that equally many tries found."""
    found = table(rows)
    rules = [side.removesuffix(" none") for side in found if side.endswith(" none")]
    return {"sides": found, "momentum_beside_none": compared(rows, [(f"{rule} momentum", f"{rule} none") for rule in rules])}


def against(rows):
    """Every side beside the reference of its group: the first side whose name begins with the same word."""
    found = table(rows)
    first = {}
    for side in found:
        first.setdefault(side.split(" ")[0], side)
    pairs = [(side, first[side.split(" ")[0]]) for side in found if side != first[side.split(" ")[0]]]
    return {"sides": found, "beside_first": compared(rows, pairs)}


def ahead(rows):
    """Muon without its look-ahead beside Muon with it, at each momentum."""
    found = table(rows)
    momenta = [side.partition(" ")[2] for side in found if side.startswith("muon ")]
    return {"sides": found, "without_beside_with": compared(rows, [(f"muon_plain {beta}", f"muon {beta}") for beta in momenta])}


def gains(record):
    """Rule -> seed -> how much lower the run with momentum ended than the run without; of a record of ``worth``."""
    found = {}
    for comparison in record["summary"]["momentum_beside_none"]:
        with_it, without = (losses(record["rows"], comparison[name]) for name in ("side", "beside"))
        rule = comparison["side"].removesuffix(" momentum")
        found[rule] = {seed: without[seed] - with_it[seed] for seed in without if seed in with_it}
    return found


def trends(pairs, together=False):
    """Whether momentum is worth more in one cell than in another: the gains of both, paired by seed, rule by rule.

    ``pairs``: name -> (record of one cell, record of the other).  ``together``: the mean of the rules that both have instead of
    each.  Returns comparisons with ``name`` and ``rule`` ("" together), whose mean is the other's gain minus the one's; Holm's
    correction over all of them.
    """
    found = []
    for name, cells in pairs.items():
        before, after = _alike(*(gains(cell) for cell in cells), together=together)
        for rule in before:
            comparison = paired(after[rule], before[rule])
            found.append({"name": name, "rule": rule, **comparison, "interval": interval(comparison)})
    holm(found)
    return found


def slopes(places, together=False):
    """How the worth of momentum changes along each direction of a lattice of cells: least squares, seed by seed.

    ``places``: pairs of a cell's record and its coordinates, a dict of name -> number, the same names for all.  At each seed the
    gains of all cells are fitted by a constant and a slope for each name; the slopes of the seeds are then one sample.
    Returns comparisons with ``name`` and ``rule`` ("" for the mean of the rules, ``together``), whose mean is the slope: nats for
    one more of the coordinate; Holm's correction over all of them.  Raises ValueError where the cells do not span each direction.
    """
    names = list(places[0][1])
    design = np.array([[1.0, *(at[name] for name in names)] for _, at in places])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"{len(places)} cells do not tell {', '.join(names)} apart; give cells that differ in each alone")
    cells = _alike(*(gains(record) for record, _ in places), together=together)
    found = []
    for rule in cells[0]:
        seeds = sorted(set.intersection(*(set(cell[rule]) for cell in cells)))
        gained = np.array([[cell[rule][seed] for seed in seeds] for cell in cells])
        _, *fitted = np.linalg.lstsq(design, gained, rcond=None)[0]  # each (seeds,)
        for name, slope in zip(names, fitted):
            comparison = paired(dict(zip(seeds, slope.tolist())), dict.fromkeys(seeds, 0.0))
            found.append({"name": name, "rule": rule, **comparison, "interval": interval(comparison)})
    holm(found)
    return found


def _alike(*cells, together):
    """The gains of cells for the rules that all have, or the mean over these rules, seed by seed, as the rule ""."""
    rules = [rule for rule in cells[0] if all(rule in cell for cell in cells)]
    if not together:
        return [{rule: cell[rule] for rule in rules} for cell in cells]
    seeds = [set.intersection(*(set(cell[rule]) for rule in rules)) for cell in cells]
    return [
        {"": {seed: sum(cell[rule][seed] for rule in rules) / len(rules) for seed in sorted(mine)}}
        for cell, mine in zip(cells, seeds)
    ]
