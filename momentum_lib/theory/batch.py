"""Batch size against momentum: how many steps the noisy quadratic needs, computed exactly.

The noisy quadratic has curvatures h_i = 1/i and, at batch size B, gradient noise of variance
h_i/B in direction i, so that steep directions are noisy ones, as in a network near a minimum.
"""

from typing import NamedTuple

import numpy as np

from ..core import check_hyper, check_rule
from .linear import iteration_matrix, linear_form, rate
from .noise import second_moments, stationary_covariance

LONGEST = 2**24  # steps; a setting that needs more counts as never


class BatchPoint(NamedTuple):
    """A batch size, the best setting found there, and the steps it needs (inf where none arrives)."""

    batch: float
    lr: float
    beta: float
    steps: float


def noisy_quadratic(d=1000):
    """The curvatures 1, 1/2, ... 1/d of the noisy quadratic, which are its noise variances at batch 1, too: shape (d,).

    Raises ValueError unless d is a whole number >= 1. Source: Zhang et al. 2019, arXiv:1907.04164, section 3.
    """
    if isinstance(d, bool) or not isinstance(d, (int, np.integer)) or d < 1:
        raise ValueError(f"d is {d!r}; allowed: a whole number >= 1, the number of directions.")
    return 1 / np.arange(1, d + 1)


def _check(batch, target, curvatures):
    for name, value in (("batch", batch), ("target", target)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value!r}; allowed: a finite number > 0.")
    if curvatures is None:
        return noisy_quadratic()
    curvatures = np.asarray(curvatures, dtype=float)
    if curvatures.ndim != 1 or not curvatures.size or not (curvatures > 0).all():
        raise ValueError(f"curvatures has shape {curvatures.shape}; allowed: a non-empty 1-D array of numbers > 0.")
    return curvatures


def _crossing(rule, batch, target, curvatures, hyper, give_up=LONGEST):
    """The number of steps, with a fraction interpolated on log loss, at which the expected loss meets the target.

    Doubling, then bisection, on powers of M: loss(t) = loss(inf) + tr of M^t D M^tT.  inf where
    the rule diverges, where the stationary loss lies above the target, or beyond ``give_up`` steps.
    """
    if np.max(rate(rule, curvatures, **hyper)) >= 1:
        return np.inf
    sigma = np.sqrt(curvatures / batch)
    row = linear_form(rule, **hyper).report
    weight = row[:, None] * row / 2

    def loss(moments):
        return float(curvatures @ (moments * weight).sum((-1, -2)))

    settled = stationary_covariance(rule, curvatures, sigma=sigma, **hyper)
    floor = loss(settled)
    if floor >= target:
        return np.inf
    start, first = second_moments(rule, curvatures, 1, sigma=sigma, **hyper)  # step 1 may be another (dampening)
    if loss(start) <= target:
        return 0.0
    if loss(first) <= target:
        return 1.0
    now, done, before = first - settled, 1, loss(first)
    powers = [iteration_matrix(rule, curvatures, **hyper)]

    def move(moments, matrix):
        return matrix @ moments @ np.swapaxes(matrix, -1, -2)

    while floor + loss(move(now, powers[-1])) > target:
        if 1 + 2 ** (len(powers) - 1) >= give_up:  # not there yet, and already too late
            return np.inf
        powers.append(powers[-1] @ powers[-1])
    for k in range(len(powers) - 2, -1, -1):
        there = move(now, powers[k])
        value = floor + loss(there)
        if value > target:
            now, done, before = there, done + 2**k, value
    after = floor + loss(move(now, powers[0]))
    return done + float(np.log(before / target) / np.log(before / after))


def steps_to_loss(rule, batch, *, target=0.01, curvatures=None, **hyper):
    """Steps until the expected loss of the noisy quadratic is down to ``target``, from E[theta^2] = 1: a whole number, or inf.

    Noise of variance curvature/batch in each direction; ``curvatures`` (d,) default to
    ``noisy_quadratic``.  Exact second moments, found by bisection on powers of the iteration
    matrix: a step at which the loss crosses the target, the first one where it falls all the way.
    inf where the rule diverges or where its stationary loss is not below the target.
    Raises ValueError for a batch or target <= 0 and for a rule that is not linear.
    Source: Zhang et al. 2019, arXiv:1907.04164, section 3.
    """
    curvatures = _check(batch, target, curvatures)
    check_rule(rule)
    check_hyper(rule, hyper)
    return float(np.ceil(_crossing(rule, batch, target, curvatures, hyper) - 1e-9))


def best_at_batch(rule, batch, *, target=0.01, curvatures=None, beta=None, cells=4, zooms=7):
    """The lr and beta that need the fewest steps at one batch size: a ``BatchPoint``.

    ``beta`` given: only lr is searched, as for a rule without momentum.  Otherwise grids over
    log lr/(1-beta) and log(1-beta), momentum up to .999999, ``cells`` cells a side and four times
    as many at first, then ``zooms`` - 1 times closer around the best setting; finer ones change
    the steps by about 1 %.  Seconds a batch.  The other arguments and errors: ``steps_to_loss``.
    """
    curvatures = _check(batch, target, curvatures)
    check_rule(rule)
    moving = rule.momentum is not None and beta is None
    given = {} if beta is None else {rule.momentum or "beta": beta}
    check_hyper(rule, {"lr": 1.0, **given})
    box = np.log([[1e-3 / curvatures.max(), 1e4 / curvatures.max()], [1e-6, 1.0]])[: 1 + moving]
    best = (np.inf, np.zeros(len(box)))
    tried = {}

    def setting(u):
        left = np.exp(u[1]) if moving else 1 - given.get(rule.momentum, 0.0)
        return {"lr": float(np.exp(u[0]) * left)} | ({rule.momentum: float(1 - left)} if moving else given)

    def steps(u):
        key = tuple(np.round(u, 12))
        if key not in tried:
            limit = LONGEST if np.isinf(best[0]) else best[0]
            tried[key] = _crossing(rule, batch, target, curvatures, setting(u), give_up=limit)
        return tried[key]

    limits = np.log([[1e-9 / curvatures.max(), 1e9 / curvatures.max()], [1e-6, 1.0]])[: len(box)]
    for zoom in range(zooms):
        axes = [np.linspace(low, high, (cells if zoom else 4 * cells) + 1) for low, high in box]
        for u in np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(box)):
            value = steps(u)
            if value < best[0]:
                best = (value, u)
        cell = np.array([axis[1] - axis[0] for axis in axes])
        box = np.clip(np.stack([best[1] - cell, best[1] + cell], -1), limits[:, :1], limits[:, 1:])
    found = setting(best[1])
    return BatchPoint(float(batch), found["lr"], found.get(rule.momentum, 0.0), float(np.ceil(best[0] - 1e-9)))
