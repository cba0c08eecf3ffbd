"""What the asymptotic rate hides: the error can grow before it falls, because the iteration matrix is not normal."""

from typing import NamedTuple

import numpy as np

from ..core import check_steps
from ..ranges import asks
from .linear import iteration_matrix, rate, trajectory


class Peak(NamedTuple):
    """The largest value of a curve and the step at which it is reached."""

    step: int
    size: float


@asks()
def power_norms(rule, curvature, steps, **hyper):
    """The spectral norms of M^0, M^1, ... M^steps, M the iteration matrix: shape (steps+1,).

    The norm mixes point and state, so it depends on the units of the state; the two-point form
    ``polyak`` has points only and is the one to quote.  ``curvature``: one number.
    Raises ValueError for a rule that is not linear.
    """
    matrix = iteration_matrix(rule, curvature, **hyper)
    if matrix.ndim != 2:
        raise ValueError(f"got settings of shape {matrix.shape[:-2]}; allowed: one curvature and one setting. Loop over them.")
    power, powers = np.eye(len(matrix)), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(check_steps(steps) + 1):
            powers.append(power)
            power = matrix @ power
    held = np.isfinite(powers).all(axis=(1, 2))  # beyond, all is larger than any float
    finite = np.where(held[:, None, None], powers, 0.0)
    return np.where(held, np.linalg.norm(finite, 2, axis=(1, 2)), np.inf)


def _horizon(rule, curvature, hyper):
    """Enough steps to have passed every peak: a dozen times the memory of the slowest eigenvalue."""
    slowest = np.max(rate(rule, curvature, **hyper))
    if not slowest < 1:
        raise ValueError(
            f"the spectral radius is {slowest:.6g}, so the run does not converge and has no peak; "
            f"allowed: settings below the stability edge. Ask theory.stability_edge({rule.name}, ...)."
        )
    steps = int(np.ceil(12 / -np.log(max(slowest, 1e-3)))) + 4
    if steps > 1_000_000:
        raise ValueError(
            f"the spectral radius is {slowest:.9g}, so the peak may lie millions of steps away; allowed: up to about "
            "0.99999. Look at fewer steps with theory.trajectory or theory.power_norms."
        )
    return steps


@asks()
def norm_peak(rule, curvature, **hyper):
    """The largest norm of M^k over all k, and its k: a ``Peak``. See ``power_norms`` for the norm.

    A start exists that is magnified by just this.  Raises ValueError where the rule diverges.
    """
    norms = power_norms(rule, curvature, _horizon(rule, curvature, hyper), **hyper)
    return Peak(int(np.argmax(norms)), float(norms.max()))


@asks()
def transient_peak(rule, curvature, *, start=1.0, **hyper):
    """The largest error after a start from rest, over the start's, and its step: a ``Peak``.

    ``curvature``: one number, or a spectrum of shape (d,); the error is then the Euclidean
    distance in all d directions.  ``start``: broadcasts to the spectrum (theta).  A size of 1 at
    step 0 says that the error never exceeds the start's.
    Raises ValueError where the rule diverges, for a start of zero, and for a rule that is not linear.
    Source: Danilova, Kulakova and Polyak 2018, arXiv:1811.00658.
    """
    spectrum = np.atleast_1d(np.asarray(curvature, dtype=float))
    points = trajectory(rule, spectrum, _horizon(rule, spectrum, hyper), start=start, **hyper)
    errors = np.sqrt((points**2).reshape(len(points), -1).sum(axis=1))
    if errors[0] == 0:
        raise ValueError("start is all zeros, the minimum; allowed: any other point, since errors are relative to the start's.")
    return Peak(int(np.argmax(errors)), float(errors.max() / errors[0]))
