"""What a recorded experiment claims, computed from its rows.  NumPy alone, so that the book needs no torch for it.

Every claim compares two sides at the same seeds: same first weights, same batches in the same order.  So
differences are paired, and the statistic is the t of their mean.
"""

import math

import numpy as np

GROUPS = ("at least 1 in 10", "1 in 10 to 1 in 100", "1 in 100 to 1 in 1000", "rarer than 1 in 1000")
EDGES = (1e-1, 1e-2, 1e-3)  # shares of the training bytes, between the groups


def frequency_group(frequency):
    """Which group of GROUPS each symbol is in; frequency: shares, any shape.  Returns whole numbers of that shape."""
    return np.sum([np.asarray(frequency) < edge for edge in EDGES], axis=0)


def t_probability(t, df):
    """Two-sided probability that Student's t with df degrees of freedom (a whole number) lies beyond +-t.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4: the exact finite sums.
    """
    angle = math.atan(abs(t) / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    if df == 1:
        return 1 - 2 * angle / math.pi
    even = df % 2 == 0
    term = 1.0 if even else cosine
    series = term
    for k in range(1, df // 2 if even else (df - 1) // 2):
        term *= cosine**2 * ((2 * k - 1) / (2 * k) if even else 2 * k / (2 * k + 1))
        series += term
    inside = sine * series if even else 2 / math.pi * (angle + sine * series)
    return max(0.0, 1 - inside)


def paired(ours, theirs):
    """Compare two sides at the same seeds: dicts of seed to loss.

    Returns mean and sd of ours - theirs over the common seeds, their number n, t with n - 1 degrees of freedom and its
    two-sided p; t and p are None where fewer than two seeds are common or all differences are equal.
    """
    seeds = sorted(set(ours) & set(theirs))
    difference = np.array([ours[seed] - theirs[seed] for seed in seeds])
    n = len(difference)
    out = {"mean": float(difference.mean()) if n else None, "sd": None, "n": n, "t": None, "p": None}
    if n >= 2:
        out["sd"] = float(difference.std(ddof=1))
        if out["sd"] > 0:
            out["t"] = out["mean"] / (out["sd"] / math.sqrt(n))
            out["p"] = t_probability(out["t"], n - 1)
    return out


def holm(results):
    """Add ``p_holm`` to each comparison: Holm's correction for as many as there are (Holm 1979).  Changes them in place."""
    counted = sorted((r for r in results if r["p"] is not None), key=lambda r: r["p"])
    largest = 0.0
    for k, result in enumerate(counted):
        largest = max(largest, min(1.0, result["p"] * (len(counted) - k)))
        result["p_holm"] = largest


def losses(rows, side, role="judge"):
    """Seed to held-out loss of a side's runs that ended; a diverged run has none."""
    return {
        row["seed"]: row["held_out"] for row in rows if (row["side"], row["role"]) == (side, role) and row["held_out"] is not None
    }


def sides(rows):
    """The sides in the order in which they first appear."""
    return list(dict.fromkeys(row["side"] for row in rows))


def best(rows, side):
    """The side's tuning run with the lowest held-out loss, or None if all of them diverged."""
    ended = [row for row in rows if (row["side"], row["role"]) == (side, "tune") and row["held_out"] is not None]
    return min(ended, key=lambda row: row["held_out"], default=None)


def at_edge(rows, side):
    """Whether the best tuning rate is the lowest or the highest that was tried: then a better one may lie outside.

    A best rate below others that diverged is no edge.
    """
    rates = sorted({row["lr"] for row in rows if (row["side"], row["role"]) == (side, "tune")})
    chosen = best(rows, side)
    return chosen is not None and len(rates) > 1 and chosen["lr"] in (rates[0], rates[-1])


def side_summary(rows, side):
    """One side: what tuning chose, and what the judged seeds gave."""
    chosen, judged = best(rows, side), losses(rows, side)
    values = np.array(list(judged.values()))
    mine = [row for row in rows if row["side"] == side]
    return {
        "rule": mine[0]["rule"],
        "lr": chosen and chosen["lr"],
        "hyper": chosen and chosen["hyper"],
        "tuning_runs": sum(row["role"] == "tune" for row in mine),
        "at_edge": at_edge(rows, side),
        "seeds": len(values),
        "diverged": sum(row["role"] == "judge" and row["held_out"] is None for row in mine),
        "mean": float(values.mean()) if len(values) else None,
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }


def momentum(rows):
    """Each momentum against none, rule by rule; every side at its own best rate."""
    table = {side: side_summary(rows, side) for side in sides(rows)}
    comparisons = []
    for side in table:
        rule, value = side.split(" ")
        if value != "0" and f"{rule} 0" in table:
            comparisons.append({"rule": rule, "momentum": float(value), **paired(losses(rows, side), losses(rows, f"{rule} 0"))})
    holm(comparisons)
    return {"sides": table, "against_none": comparisons}


def best_against_best(rows):
    """Every pair of rules, each at the best setting that the same number of tries found."""
    table = {side: side_summary(rows, side) for side in sides(rows)}
    ranked = sorted((side for side in table if table[side]["mean"] is not None), key=lambda side: table[side]["mean"])
    comparisons = [
        {"better": a, "worse": b, **paired(losses(rows, a), losses(rows, b))}
        for k, a in enumerate(ranked)
        for b in ranked[k + 1 :]
    ]
    holm(comparisons)
    return {"sides": table, "ranking": ranked, "pairs": comparisons}


def frequency(rows):
    """Held-out loss by how frequent a byte is: each rule against heavy ball, group by group, after the last step."""

    def of_group(side, k):
        """Seed to the group's loss."""
        ended = [row for row in rows if (row["side"], row["role"]) == (side, "judge") and row["held_out"] is not None]
        return {row["seed"]: row["groups"][-1][1][k][0] for row in ended if row["groups"][-1][1][k][0] is not None}

    table = {side: side_summary(rows, side) for side in sides(rows)}
    comparisons = []
    for side in table:
        values = [np.array(list(of_group(side, k).values())) for k in range(len(GROUPS))]
        table[side]["by_group"] = [
            {"group": name, "mean": float(v.mean()) if len(v) else None, "sd": float(v.std(ddof=1)) if len(v) > 1 else None}
            for name, v in zip(GROUPS, values)
        ]
        if side != "heavy_ball" and "heavy_ball" in table:
            for k, name in enumerate(GROUPS):
                comparisons.append({"side": side, "group": name, **paired(of_group(side, k), of_group("heavy_ball", k))})
    holm(comparisons)
    return {"sides": table, "against_heavy_ball": comparisons}


def cost(rows):
    """What a step of each rule takes: the median of its repeated timings, and its state in bytes a parameter."""
    return {
        "sides": {
            row["side"]: {
                "rule": row["rule"],
                "milliseconds": float(np.median(row["milliseconds"])),
                "spread": float(max(row["milliseconds"]) - min(row["milliseconds"])),
                "state_bytes_per_parameter": row["state_bytes"] / row["parameters"],
            }
            for row in rows
        }
    }


SUMMARIES = {"momentum": momentum, "best": best_against_best, "frequency": frequency, "cost": cost}
