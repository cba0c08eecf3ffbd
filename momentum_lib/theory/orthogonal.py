"""Newton-Schulz on singular values: an odd polynomial of a matrix moves each singular value by itself and keeps the vectors.

With X = U diag(s) V', a X + b (X X') X + c (X X')^2 X = U diag(a s + b s^3 + c s^5) V'.  So all there
is to know about the iteration is what the polynomial does to one number in (0, 1], step by step.
"""

import numpy as np

from ..core import check_steps
from ..ops import NEWTON_SCHULZ
from ..ranges import ONE_POSITIVE, Range, asks
from .closed import closed_form

CUBIC = (1.5, -0.5, 0.0)
"""Newton's own: it converges to 1 from every s in (0, sqrt 3), quadratically in the end, but a small s grows by 1.5 a step."""
QUINTIC = (15 / 8, -10 / 8, 3 / 8)
"""The same idea with one term more: it converges cubically; what ``best_quintic`` comes to on a short interval around 1."""
POLYNOMIALS = {"muon": (NEWTON_SCHULZ,), "cubic": (CUBIC,)}
"""Coefficients (a, b, c) by name, one row a step; the last one goes on."""


@asks()
@closed_form
def odd_quintic(x, a, b, c):
    """a x + b x^3 + c x^5, of the shape of ``x``."""
    return x * (a + x**2 * (b + c * x**2))


@asks()
def newton_schulz(values, steps, polynomials=POLYNOMIALS["muon"]):
    """Singular values step by step: (steps+1, ..., n), the first row divided by the Frobenius norm, as Muon begins.

    ``values`` (..., n) >= 0, a matrix's singular values; ``polynomials``: coefficients (a, b, c), one
    row a step, the last one repeated.  All zeros stay zeros.
    Raises ValueError for a negative value and for rows that are not three numbers.
    Source: Jordan et al. 2024, Muon, for the default.
    """
    values, rows = np.asarray(values, dtype=float), np.asarray(polynomials, dtype=float)
    if values.ndim == 0:
        raise ValueError(f"the singular values are {values.tolist()}; allowed: a list of finite numbers >= 0.")
    if rows.ndim != 2 or rows.shape[1] != 3 or not len(rows):
        raise ValueError(f"polynomials has shape {rows.shape}; allowed: (steps, 3), the coefficients a, b, c of each step.")
    norm = np.sqrt((values**2).sum(-1, keepdims=True))
    path = [values / np.where(norm == 0, 1.0, norm)]
    for k in range(check_steps(steps)):
        path.append(odd_quintic(path[-1], *rows[min(k, len(rows) - 1)]))
    return np.stack(path)


@asks(low=ONE_POSITIVE, high=ONE_POSITIVE)
def best_quintic(low, high):
    """The odd quintic nearest to 1 on [low, high]: (coefficients (a, b, c), largest distance from 1).

    By Chebyshev's theorem the best one is the one whose error takes its largest size at four places,
    with alternating signs: both ends and two between.  Remez's exchange finds it: solve for a, b, c and the error at
    four places, move the inner two to where the error turns, again.  On an interval so short that
    the error is below rounding: ``QUINTIC``, and 0.
    Raises ValueError unless 0 < low <= high.
    Source: Remez 1934; the use in Muon: Amsel et al. 2025, Polar Express, arXiv:2505.16932.
    """
    if not low <= high:
        raise ValueError(f"the interval is [{low!r}, {high!r}]; allowed: 0 < low <= high.")
    if high - low < 1e-4 * high:  # the error is of the third order in the length
        middle = (low + high) / 2
        return tuple(c / middle ** (2 * k + 1) for k, c in enumerate(QUINTIC)), 0.0
    x = low + (high - low) * np.array([0.0, 0.25, 0.75, 1.0])
    for _ in range(60):
        a, b, c, error = np.linalg.solve(np.stack([x, x**3, x**5, [1.0, -1.0, 1.0, -1.0]], axis=1), np.ones(4))
        turns = np.sqrt((-3 * b + np.array([1.0, -1.0]) * np.sqrt(9 * b * b - 20 * a * c)) / (10 * c))
        new = np.array([low, *np.sort(turns), high])
        if np.abs(new - x).max() < 1e-14 * high:
            break
        x = new
    return (float(a), float(b), float(c)), float(error)


@asks(low=Range(0, 1, above=True, one=True, why=", the smallest value that is to arrive"))
def best_quintics(low, steps):
    """The best polynomial for each step, one after the other, for values that begin in [low, 1]: coefficients (steps, 3).

    Each is ``best_quintic`` on the interval to which the ones before it have brought the values,
    [1 - error, 1 + error]; no other choice of ``steps`` odd quintics brings all of [low, 1] nearer to 1.
    Raises ValueError unless 0 < low <= 1.
    Source: Amsel et al. 2025, Polar Express, arXiv:2505.16932, section 4.
    """
    rows, ends = [], (low, 1.0)
    for _ in range(check_steps(steps)):
        row, error = best_quintic(*ends)
        rows.append(row)
        ends = (1 - error, 1 + error)
    return np.array(rows).reshape(-1, 3)
