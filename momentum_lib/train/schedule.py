"""How the learning rate goes over a run: warm-up, then a plateau or a decay."""

import math

from ..core import nearest

DECAYS = ("cosine", "linear", "constant")


def factor(step, steps, *, warmup=0, decay="cosine", floor=0.0):
    """What the learning rate is multiplied by at ``step`` (0 to steps - 1): in (0, 1].

    Rises evenly over the first ``warmup`` steps, then falls to ``floor`` (a share of the full rate) along a cosine or a
    line, reaching it just after the last step, or stays.  Raises ValueError for an unknown decay, with the nearest one.
    """
    if decay not in DECAYS:
        raise ValueError(nearest(decay, DECAYS, "decay"))
    if step < warmup:
        return (step + 1) / warmup
    if decay == "constant":
        return 1.0
    done = (step - warmup) / max(1, steps - warmup)  # 0 at the end of the warm-up, below 1 at the last step
    left = 1 - done if decay == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return floor + (1 - floor) * left
