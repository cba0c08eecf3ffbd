"""Batch size against momentum: how many steps the noisy quadratic needs, computed exactly.

The noisy quadratic has curvatures h_i = 1/i and, at batch size B, gradient noise of variance
h_i/B in direction i, so that steep directions are noisy ones, as in a network near a minimum.
"""

from typing import NamedTuple

import numpy as np

from ..core import check_hyper, check_rule
from ..ranges import ONE_MOMENTUM, asks
from .linear import LinearForm, linear_form, spectrum
from .noise import settles_at

LONGEST = 2**24  # steps; a setting that needs more counts as never


class BatchPoint(NamedTuple):
    """A batch size, the best setting found there, and the steps it needs (inf where none arrives)."""

    batch: float
    lr: float
    beta: float
    steps: float


@asks()
def noisy_quadratic(d=1000):
    """The curvatures 1, 1/2, ... 1/d of the noisy quadratic, which are its noise variances at batch 1, too: shape (d,).

    Raises ValueError unless d is a whole number >= 1. Source: Zhang et al. 2019, arXiv:1907.04164, section 3.
    """
    return 1 / np.arange(1, int(d) + 1)


class _Problem(NamedTuple):
    """One batch size: curvatures (d,), the noise's standard deviations (d,), the loss to reach."""

    curvatures: np.ndarray
    sigma: np.ndarray
    target: float


def _problem(batch, target, curvatures):
    """The arguments, checked: a ``_Problem``."""
    curvatures = noisy_quadratic() if curvatures is None else np.asarray(curvatures, dtype=float)
    if curvatures.ndim != 1 or not curvatures.size:
        raise ValueError(f"curvatures has shape {curvatures.shape}; allowed: a non-empty 1-D array of numbers > 0.")
    return _Problem(curvatures, np.sqrt(curvatures / batch), target)


def _forms(rule, hyper):
    """The rule taken apart at its first step, which may be another (dampening), and at the later ones; settings in front."""
    return [linear_form(rule, t=t, **hyper) for t in (1, 2)]


def _matrices(form, problem):
    """(M, noise added per step) of each direction; the directions are the last axis, where NumPy's loops are long."""
    matrix = form.carry[..., None] + (form.kick[:, None] * form.look)[..., None] * problem.curvatures
    return matrix, (form.kick[:, None] * form.kick)[..., None] * problem.sigma**2


def _moved(moments, matrix):
    """M S M^T of each direction."""
    return np.einsum("ijd,kjd->ikd", np.einsum("ijd,jkd->ikd", matrix, moments), matrix)


def _crossing(first, later, problem, give_up=LONGEST):
    """The number of steps, with a fraction interpolated on log loss, at which the expected loss meets the target.

    Doubling, then bisection, on powers of M: loss(t) = loss(inf) + tr of M^t D M^tT.  inf where
    the rule diverges, where the stationary loss lies above the target, or beyond ``give_up`` steps.
    """
    matrix, added = _matrices(later, problem)
    if np.abs(spectrum(np.moveaxis(matrix, -1, 0))).max() >= 1:
        return np.inf
    target, weight = problem.target, later.report[:, None] * later.report / 2

    def loss(moments):
        return float(np.einsum("ijd,ij,d->", moments, weight, problem.curvatures))

    settled = np.moveaxis(settles_at(*(np.moveaxis(part, -1, 0) for part in (matrix, added))), 0, -1)
    floor = loss(settled)
    if floor >= target:
        return np.inf
    start = np.repeat((later.start[:, None] * later.start)[..., None], problem.curvatures.size, axis=-1)
    matrix_1, added_1 = _matrices(first, problem)
    once = _moved(start, matrix_1) + added_1
    if loss(start) <= target:
        return 0.0
    if loss(once) <= target:
        return 1.0
    now, done, before = once - settled, 1, loss(once)
    powers = [matrix]
    while floor + loss(_moved(now, powers[-1])) > target:
        if 1 + 2 ** (len(powers) - 1) >= give_up:  # not there yet, and already too late
            return np.inf
        powers.append(np.einsum("ijd,jkd->ikd", powers[-1], powers[-1]))
    for k in range(len(powers) - 2, -1, -1):
        there = _moved(now, powers[k])
        value = floor + loss(there)
        if value > target:
            now, done, before = there, done + 2**k, value
    after = floor + loss(_moved(now, powers[0]))
    return done + np.log(before / target) / np.log(before / after)


def _whole(crossing):
    """The first step at or after a crossing; what rounding puts a hair behind a step is that step."""
    return max(0.0, float(np.ceil(crossing - 1e-9)))


@asks()
def steps_to_loss(rule, batch, *, target=0.01, curvatures=None, **hyper):
    """Steps until the expected loss of the noisy quadratic is down to ``target``, from E[theta^2] = 1: a whole number, or inf.

    Noise of variance curvature/batch in each direction; ``curvatures`` (d,) default to
    ``noisy_quadratic``.  Exact second moments, found by bisection on powers of the iteration
    matrix: a step at which the loss crosses the target, the first one where it falls all the way.
    inf where the rule diverges, where its stationary loss is not below the target, or beyond 2^24 steps.
    Raises ValueError for a batch or target <= 0 and for a rule that is not linear.
    Source: Zhang et al. 2019, arXiv:1907.04164, section 3.
    """
    problem = _problem(batch, target, curvatures)
    check_rule(rule)
    check_hyper(rule, hyper)
    return _whole(_crossing(*_forms(rule, hyper), problem))


@asks(beta=ONE_MOMENTUM)
def best_at_batch(rule, batch, *, target=0.01, curvatures=None, beta=None, cells=4, zooms=7):
    """The lr and beta that need the fewest steps at one batch size: a ``BatchPoint``.

    ``beta`` given: only lr is searched, as for a rule without momentum.  Otherwise grids over
    log lr/(1-beta) and log(1-beta), momentum up to .999999, ``cells`` cells a side and four times
    as many at first, then ``zooms`` - 1 times closer around the best setting; finer ones change
    the steps by about 1 %. The other arguments and errors: ``steps_to_loss``.
    """
    problem = _problem(batch, target, curvatures)
    check_rule(rule)
    moving = rule.momentum is not None and beta is None
    given = {} if beta is None else {rule.momentum or "beta": beta}
    check_hyper(rule, {"lr": 1.0, **given})
    steepest = problem.curvatures.max()
    box = np.log([[1e-3 / steepest, 1e4 / steepest], [1e-6, 1.0]])[: 1 + moving]
    limits = np.log([[1e-9 / steepest, 1e9 / steepest], [1e-6, 1.0]])[: 1 + moving]
    best = (np.inf, np.zeros(len(box)))
    tried = set()

    def setting(u):
        left = np.exp(u[1]) if moving else 1 - given.get(rule.momentum, 0.0)
        return {"lr": np.exp(u[0]) * left} | ({rule.momentum: 1 - left} if moving else given)

    for zoom in range(zooms):
        axes = [np.linspace(low, high, (cells if zoom else 4 * cells) + 1) for low, high in box]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(box))
        grid = np.array([u for u in grid if not _seen(u, tried)]).reshape(-1, len(box))
        forms = _forms(rule, {name: np.broadcast_to(value, len(grid)) for name, value in setting(grid.T).items()})
        for k, u in enumerate(grid):
            limit = LONGEST if np.isinf(best[0]) else best[0]
            value = _crossing(*(_at(form, k) for form in forms), problem, give_up=limit)
            if value < best[0]:
                best = (value, u)
        cell = np.array([axis[1] - axis[0] for axis in axes])
        box = np.clip(np.stack([best[1] - cell, best[1] + cell], -1), limits[:, :1], limits[:, 1:])
    found = {name: float(value) for name, value in setting(best[1]).items()}
    return BatchPoint(float(batch), found["lr"], found.get(rule.momentum, 0.0), _whole(best[0]))


def _seen(u, tried):
    """Whether a place was tried before; it is from now on."""
    key = tuple(np.round(u, 12))
    return key in tried or tried.add(key)


def _at(form, k):
    """One of the settings that a form holds in front."""
    return LinearForm(*(part[k] for part in form[:-1]), form.start)
