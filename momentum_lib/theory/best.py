"""The best constant learning rate and momentum on curvatures in [mu, L]: closed forms, and a search for any linear rule."""

from typing import NamedTuple

import numpy as np

from ..core import check_rule
from ..ranges import ONE_MOMENTUM, ONE_POSITIVE, asks
from .closed import closed_form, told
from .linear import rate


class Setting(NamedTuple):
    """A learning rate, a momentum and the factor by which the error shrinks per step."""

    lr: float
    beta: float
    rate: float


def check_curvatures(mu, L):
    """Raises ValueError unless mu <= L: numbers, or arrays of them."""
    if not (np.asarray(mu) <= np.asarray(L)).all():
        raise ValueError(f"mu is {told(mu)} and L is {told(L)}; allowed: 0 < mu <= L.")


def curvature_interval(mu, L):
    """mu and L as floats; raises ValueError unless mu <= L."""
    check_curvatures(mu, L)
    return float(mu), float(L)


@asks()
@closed_form
def best_gradient_descent(mu, L):
    """Gradient descent's best constant rate on curvatures in [mu, L]: lr = 2/(mu+L), rate (kappa-1)/(kappa+1).

    Raises ValueError unless 0 < mu <= L. Source: Polyak 1964; Nesterov 2018, theorem 2.1.15.
    """
    check_curvatures(mu, L)
    return Setting(2 / (mu + L), 0.0, (L - mu) / (L + mu))


@asks()
@closed_form
def best_heavy_ball(mu, L):
    """Heavy ball's best setting on curvatures in [mu, L], sum convention (``heavy_ball``).

    lr = 4/(sqrt(L)+sqrt(mu))^2, beta = ((sqrt(kappa)-1)/(sqrt(kappa)+1))^2, rate sqrt(beta).
    Raises ValueError unless 0 < mu <= L. Source: Polyak 1964.
    """
    check_curvatures(mu, L)
    root = (np.sqrt(L) - np.sqrt(mu)) / (np.sqrt(L) + np.sqrt(mu))
    return Setting(4 / (np.sqrt(L) + np.sqrt(mu)) ** 2, root**2, root)


@asks()
@closed_form
def best_nesterov(mu, L):
    """Nesterov's best setting on quadratics with curvatures in [mu, L], ``nesterov``.

    lr = 4/(3L+mu), beta = (sqrt(3 kappa+1)-2)/(sqrt(3 kappa+1)+2), rate 1 - 2/sqrt(3 kappa+1).
    Raises ValueError unless 0 < mu <= L. Source: Lessard, Recht and Packard 2016, proposition 1.
    """
    check_curvatures(mu, L)
    q = np.sqrt(3 * L / mu + 1)
    return Setting(4 / (3 * L + mu), (q - 2) / (q + 2), 1 - 2 / q)


@asks(mu=ONE_POSITIVE, L=ONE_POSITIVE)
def standard_nesterov(mu, L):
    """Nesterov's usual setting, good on every smooth strongly convex function: lr = 1/L, ``nesterov``.

    beta = (sqrt(kappa)-1)/(sqrt(kappa)+1), rate on quadratics 1 - 1/sqrt(kappa).
    Raises ValueError unless 0 < mu <= L.
    Source: Nesterov 2018, scheme 2.2.22; the rate: Lessard, Recht and Packard 2016, proposition 1.
    """
    mu, L = curvature_interval(mu, L)
    root = np.sqrt(L / mu)
    return Setting(1 / L, float((root - 1) / (root + 1)), float(1 - 1 / root))


@asks(mu=ONE_POSITIVE, L=ONE_POSITIVE, beta=ONE_MOMENTUM)
def best_setting(rule, mu, L, **fixed):
    """The best constant setting of ANY linear rule on curvatures in [mu, L], by search on its own matrix.

    Minimises over lr, and over beta unless ``fixed`` gives it or the rule has none, the largest
    rate among mu, L and 7 curvatures between them (it sits at an end for every rule of the
    course).  Returns a ``Setting``; lr, beta and rate are good to about 1e-6 relative, the
    square root of rounding, because the rate has a corner of infinite slope at its minimum.
    Raises ValueError unless 0 < mu <= L, for a rule that is not linear, and for bad ``fixed`` values.
    """
    check_rule(rule)
    mu, L = curvature_interval(mu, L)
    if "lr" in fixed:
        raise TypeError("best_setting looks for lr itself; leave lr out. For one lr ask theory.rate.")
    between = np.unique(np.geomspace(mu, L, 9))
    curvatures = np.concatenate([[mu, L], between[(between > mu) & (between < L)]])[:, None]

    def worst(lr, beta):
        momentum = {} if beta is None else {rule.momentum: beta}
        return rate(rule, curvatures, lr=lr, **fixed, **momentum).max(axis=0)

    def over_lr(beta=None):
        """The best lr at one momentum: zoom on log lr, where the worst rate has one valley."""
        low, high = np.log(1e-3 / L), np.log(1e4 / mu)
        for _ in range(9):  # 32 times closer each time: down to rounding
            lrs = np.exp(np.linspace(low, high, 65))
            rates = worst(lrs, beta)
            k = int(np.argmin(rates))
            low, high = np.log(lrs[max(k - 1, 0)]), np.log(lrs[min(k + 1, 64)])
        found = (rates[k], lrs[k])
        return found

    if not rule.momentum or rule.momentum in fixed:
        found, lr = over_lr()
        return Setting(float(lr), float(fixed.get(rule.momentum, 0.0)), float(found))

    # golden section over beta, on the scale log(1 - beta) on which momenta differ
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(1e-9), 0.0
    inner = [high - golden * (high - low), low + golden * (high - low)]
    values = [over_lr(beta=-np.expm1(u)) for u in inner]
    while high - low > 1e-10:
        left = values[0][0] <= values[1][0]
        low, high = (low, inner[1]) if left else (inner[0], high)
        new = high - golden * (high - low) if left else low + golden * (high - low)
        value = over_lr(beta=-np.expm1(new))
        inner, values = ([new, inner[0]], [value, values[0]]) if left else ([inner[1], new], [values[1], value])
    (found, lr), u = min(zip(values, inner))
    zero = over_lr(beta=0.0)
    if zero[0] <= found:
        (found, lr), u = zero, 0.0
    return Setting(float(lr), float(-np.expm1(u)), float(found))
