"""Gradient noise without Monte-Carlo: the exact second moments of any linear rule, and the ball of noise they end in.

The measured gradient is curvature * (look . z) + sigma * xi with xi of mean 0 and variance 1,
independent from step to step.  With M, kick and start from the rule's own function
(``linear_form``) the second moments S = E[z z^T] obey

    S' = M S M^T + sigma^2 kick kick^T

exactly, whatever the noise's distribution.
"""

import numpy as np

from ..core import check_steps
from ..ranges import ONE_MOMENTUM, ONE_NUMBER, ONE_POSITIVE, POSITIVE, Range, asks
from .closed import closed_form
from .linear import iteration_matrix, linear_form, momentum_edge, rate, trajectory


def _pieces(rule, curvature, sigma, t, hyper):
    """(M, noise added per step, reporting row) of one step."""
    form = linear_form(rule, t=t, **hyper)
    added = np.asarray(sigma, dtype=float)[..., None, None] ** 2 * (form.kick[..., :, None] * form.kick[..., None, :])
    return iteration_matrix(rule, curvature, t=t, **hyper), added, form.report


@asks()
def second_moments(rule, curvature, steps, *, sigma=1.0, start=1.0, **hyper):
    """E[z z^T] of z = (theta, *state) after 0, 1, ... ``steps`` steps from rest at ``start``: S' = M S M^T + sigma^2 kick kick^T.

    Shape (steps+1, ..., k, k), with the shape to which ``curvature`` (f / theta^2), ``sigma``
    (f / theta), ``start`` (theta) and the hyper-parameters broadcast.  Entry [0, 0] is E[theta^2].
    Exact: no sampling.  Raises ValueError for sigma < 0 and for a rule that is not linear.
    Source: the Lyapunov recursion of linear systems, as in Zhang et al. 2019, arXiv:1907.04164.
    """
    steps = check_steps(steps)
    first, later = (_pieces(rule, curvature, sigma, t, hyper) for t in (1, 2))
    z = np.asarray(start, dtype=float)[..., None] * linear_form(rule, **hyper).start
    shape = np.broadcast_shapes(z.shape[:-1], *(part.shape[:-2] for part in later[:2]))
    moments = np.broadcast_to(z[..., :, None] * z[..., None, :], (*shape, z.shape[-1], z.shape[-1]))
    out = [moments]
    for t in range(1, steps + 1):
        matrix, added, _ = first if t == 1 else later
        moments = matrix @ moments @ np.swapaxes(matrix, -1, -2) + added
        out.append(moments)
    return np.stack(out)


@asks()
def mean_square(rule, curvature, steps, *, sigma=1.0, start=1.0, **hyper):
    """E[theta^2] of the reported point after 0, 1, ... ``steps`` steps: shape (steps+1, ...), exact.

    Arguments and errors as in ``second_moments``, of which this is one entry.
    """
    moments = second_moments(rule, curvature, steps, sigma=sigma, start=start, **hyper)
    row = linear_form(rule, **hyper).report
    return np.einsum("...i,...ij,...j->...", row, moments, row)


@asks()
def expected_loss(rule, curvature, steps, *, sigma=1.0, start=1.0, **hyper):
    """E[f] = sum of curvature * E[theta^2] / 2 over a spectrum of shape (d,): shape (steps+1,), exact.

    ``sigma`` and ``start`` are numbers or of shape (d,).  Errors as in ``second_moments``.
    """
    curvature = np.atleast_1d(np.asarray(curvature, dtype=float))
    return mean_square(rule, curvature, steps, sigma=sigma, start=start, **hyper) @ curvature / 2


@asks(curvature=POSITIVE)
def stationary_covariance(rule, curvature, *, sigma=1.0, **hyper):
    """The covariance that the noise settles to: C = M C M^T + sigma^2 kick kick^T, solved exactly.

    Shape (..., k, k), as in ``second_moments``; entry [0, 0] is the variance of theta, the
    noise ball.  Solved as (I - M (x) M) vec C = sigma^2 vec(kick kick^T).
    Raises ValueError where the rule does not converge, so that nothing settles, and for sigma < 0.
    Source: discrete Lyapunov equation, solved by Kronecker product.
    """
    radius = np.max(rate(rule, curvature, **hyper))
    if not radius < 1:
        raise ValueError(
            f"the spectral radius is {radius:.6g}, so the noise grows for ever; allowed: settings below the "
            f"stability edge. Ask theory.stability_edge for {rule.name}."
        )
    matrix, added, _ = _pieces(rule, curvature, sigma, 2, hyper)
    return settles_at(matrix, added)


def settles_at(matrix, added):
    """The covariance C = M C M^T + added, for matrices (..., k, k) of spectral radius below 1."""
    k = matrix.shape[-1]
    shape = np.broadcast_shapes(matrix.shape[:-2], added.shape[:-2])
    matrix, added = (np.broadcast_to(part, (*shape, k, k)) for part in (matrix, added))
    kron = np.einsum("...ik,...jl->...ijkl", matrix, matrix).reshape(*shape, k * k, k * k)
    return np.linalg.solve(np.eye(k * k) - kron, added.reshape(*shape, k * k, 1)).reshape(*shape, k, k)


def check_settles(lr, beta, curvature, ahead):
    """Raises ValueError unless the rule is stable at this setting, so that its noise settles."""
    edge = momentum_edge(1.0, beta, ahead=ahead)
    if not ((lr * curvature > 0) & (lr * curvature < edge) & (curvature > 0)).all():
        raise ValueError(
            f"lr * curvature is {np.asarray(lr * curvature).tolist()}; allowed: numbers between 0 and the edge "
            f"{np.round(edge, 6).tolist()} at positive curvature, where the rule is stable."
        )


@asks()
@closed_form
def noise_ball(lr, beta, curvature=1.0, sigma=1.0, *, ahead=False):
    """The variance at which heavy ball settles under gradient noise, in theta^2; with ``ahead`` that of ``nesterov``.

    Var = lr sigma^2 (1+beta) / (curvature (1-beta) (2(1+beta) - lr curvature)); sum convention
    (``heavy_ball``), sigma in f / theta.  All arguments may be arrays.  As lr -> 0 it is
    lr/(1-beta) * sigma^2/(2 curvature): only the effective rate counts.  Nesterov's, with
    b = beta (1 - lr curvature): lr sigma^2 (1+b) / (curvature (1-b) (2(1+beta) - (1 + 2 beta) lr curvature)).
    Raises ValueError for momentum outside [0, 1) and for lr * curvature outside the stable range.
    Source: Mandt, Hoffman and Blei 2017, arXiv:1704.04289, for the small-rate limit; the exact
    form follows from ``stationary_covariance``, and a test holds the two together.
    """
    check_settles(lr, beta, curvature, ahead)
    product = lr * curvature
    steep = np.where(ahead, 1 + 2 * beta, 1.0)  # how much sooner the look-ahead loses its stability
    kept = np.where(ahead, beta * (1 - product), beta)
    return lr * sigma**2 * (1 + kept) / (curvature * (1 - kept) * (2 * (1 + beta) - steep * product))


@asks()
@closed_form
def effective_rate(lr, beta):
    """The rate at which a sum of gradients moves on a constant gradient: lr/(1-beta), unit theta^2 / f.

    Raises ValueError for momentum outside [0, 1).
    """
    return lr / (1 - beta)


@asks()
@closed_form
def lr_at_effective_rate(effective, beta):
    """The lr that gives heavy ball this effective rate: effective * (1-beta). Raises ValueError for momentum outside [0, 1)."""
    return effective * (1 - beta)


@asks(effective=ONE_POSITIVE, beta=ONE_MOMENTUM, sigma=Range(0, one=True), start=ONE_NUMBER)
def small_rate_gap(rule, plain, effective, beta, *, curvature=1.0, sigma=1.0, start=1.0, span=5.0):
    """How far SGD with momentum is from SGD at the same effective rate: it vanishes with the rate.

    The largest 2-Wasserstein distance between the two points' laws (Gaussian noise, so Gaussian
    laws: sqrt((m1-m2)^2 + (s1-s2)^2), m the mean and s the standard deviation; unit theta) over
    the first ``span`` units of effective time, that is span/effective steps.
    ``rule`` runs at lr = effective*(1-beta) and ``beta`` (``heavy_ball``), ``plain`` at
    lr = effective (``gradient_descent``).  One number each; returns a float.
    Raises ValueError for bad momentum, and for ``effective`` or ``span`` <= 0.
    Source: Wang, Malladi, Wang, Lyu and Li 2023, arXiv:2307.15196.
    """
    steps = int(np.ceil(span / effective))
    laws = []
    for one, hyper in ((rule, {"lr": lr_at_effective_rate(effective, beta), "beta": beta}), (plain, {"lr": effective})):
        mean = trajectory(one, curvature, steps, start=start, **hyper)
        variance = mean_square(one, curvature, steps, sigma=sigma, start=0.0, **hyper)
        laws.append((mean, np.sqrt(np.maximum(variance, 0))))
    (mean, spread), (plain_mean, plain_spread) = laws
    return float(np.hypot(mean - plain_mean, spread - plain_spread).max())
