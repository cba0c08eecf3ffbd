"""Least squares on a stream, one example a step: where momentum cannot win.

Each step shows one direction: direction i with probability p_i, and then the gradient in it is
that of curvature 1, in all others 0.  On average the curvatures are the p_i, so the deterministic
problem has kappa = max p / min p; but a direction that is not shown cannot be learnt.
"""

import numpy as np

from ..core import check_rule
from ..ranges import asks
from .best import Setting
from .linear import iteration_matrix


@asks()
def streaming_operator(rule, probability, **hyper):
    """The exact map of second moments, vec E[z z^T] -> its next value: p A (x) A + (1-p) B (x) B.

    A is the rule's iteration matrix at curvature 1 (the direction is shown), B at curvature 0 (it
    is not).  Shape (..., k^2, k^2), with the shape to which ``probability`` and the
    hyper-parameters broadcast; k = 1 + slots.  No label noise.
    Raises ValueError for probabilities outside (0, 1] and for a rule that is not linear.
    Source: Kidambi, Netrapalli, Jain and Kakade 2018, arXiv:1803.05591, section 3.
    """
    p = np.asarray(probability, dtype=float)[..., None, None]
    out = 0.0
    for weight, curvature in ((p, 1.0), (1 - p, 0.0)):
        matrix = iteration_matrix(rule, curvature, **hyper)
        k = matrix.shape[-1]
        kron = np.einsum("...ik,...jl->...ijkl", matrix, matrix).reshape(*matrix.shape[:-2], k * k, k * k)
        out = out + weight * kron
    return out


@asks()
def streaming_rate(rule, probability, **hyper):
    """The factor by which E[theta^2] shrinks per step in the long run: the spectral radius of ``streaming_operator``.

    SGD: 1 - p + p (1 - lr)^2.  A factor of the SQUARED error, unlike ``rate``.  Shapes and
    errors as in ``streaming_operator``.
    """
    operator = streaming_operator(rule, probability, **hyper)
    return np.abs(np.linalg.eigvals(operator)).max(axis=-1)[()]


@asks()
def steps_per_efold(rate):
    """Steps in which something that shrinks by ``rate`` per step falls by a factor e: -1/ln(rate).

    Raises ValueError unless 0 < rate < 1.
    """
    rate = np.asarray(rate, dtype=float)
    return (-1 / np.log(rate))[()]


@asks()
def best_streaming(rule, probabilities, *, zooms=24):
    """The setting whose slowest direction is fastest: ``Setting`` (lr, beta, factor of E[theta^2] per step).

    Zooming grid over lr in (0, 2) and beta in [0, 1), where the rule has one; ``probabilities``
    of shape (d,).  Raises ValueError as ``streaming_operator``.
    Source: the comparison of Kidambi et al. 2018, arXiv:1803.05591, with the best setting instead of any.
    """
    check_rule(rule)
    p = np.ravel(np.asarray(probabilities, dtype=float))
    p = np.array([p.min(), p.max()])  # the ends decide
    moving = rule.momentum is not None
    box = np.array([[1e-6, 2.0], [0.0, 1 - 1e-9]])[: 1 + moving]
    limits, best = box.copy(), (np.inf, None)
    for _ in range(int(zooms)):
        axes = [np.linspace(low, high, 17) for low, high in box]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(box))
        hyper = {"lr": grid[:, 0]} | ({rule.momentum: grid[:, 1]} if moving else {})
        worst = streaming_rate(rule, p[:, None], **hyper).max(axis=0)
        k = np.argmin(worst)
        if worst[k] < best[0]:
            best = (float(worst[k]), grid[k])
        cell = np.array([axis[1] - axis[0] for axis in axes])
        box = np.clip(np.stack([best[1] - 2 * cell, best[1] + 2 * cell], -1), limits[:, :1], limits[:, 1:])
    return Setting(float(best[1][0]), float(best[1][1]) if moving else 0.0, best[0])
