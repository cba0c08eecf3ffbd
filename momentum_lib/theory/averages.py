"""The moving average: weights, total weight, half-life, sample size, frequency response."""

import numpy as np

from ..core import check_number


def weights(beta, n, *, averaged=True):
    """Weight of the gradient from 0, 1, ... n-1 steps ago: (1-beta) beta^k, or beta^k in a sum. Shape (n,)."""
    check_number("beta", beta)
    powers = float(beta) ** np.arange(n)
    return (1 - beta) * powers if averaged else powers


def total_weight(beta):
    """What the sum form adds up to on a constant gradient: 1/(1-beta) (10 at beta = .9)."""
    check_number("beta", beta)
    return 1 / (1 - beta)


def half_life(beta):
    """Steps after which a gradient's weight has halved: ln(1/2)/ln(beta); 0 at beta = 0."""
    check_number("beta", beta)
    return 0.0 if beta == 0 else float(np.log(0.5) / np.log(beta))


def sample_size(beta):
    """How many equally weighted samples have the same variance: (1+beta)/(1-beta) (19 at beta = .9)."""
    check_number("beta", beta)
    return (1 + beta) / (1 - beta)


def frequency_response(beta, omega, *, averaged=True):
    """Complex gain of the moving average at ``omega`` radians per step, the shape of ``omega``.

    (1-beta)/(1 - beta e^{-i omega}); without the 1-beta for the sum.  Its modulus is the gain,
    its angle the phase lag.
    """
    check_number("beta", beta)
    top = 1 - beta if averaged else 1.0
    return top / (1 - beta * np.exp(-1j * np.asarray(omega, dtype=float)))
