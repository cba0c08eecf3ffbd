"""The moving average: weights, total weight, half-life, sample size, frequency response."""

import numpy as np

from ..ranges import ONE_MOMENTUM, POSITIVE, asks
from .closed import closed_form


@asks(beta=ONE_MOMENTUM)
def weights(beta, n, *, averaged=True):
    """Weight of the gradient from 0, 1, ... n-1 steps ago: (1-beta) beta^k, or beta^k in a sum. Shape (n,)."""
    powers = float(beta) ** np.arange(int(n))
    return (1 - beta) * powers if averaged else powers


@asks()
@closed_form
def total_weight(beta):
    """What the sum form adds up to on a constant gradient: 1/(1-beta) (10 at beta = .9)."""
    return 1 / (1 - beta)


@asks()
@closed_form
def half_life(beta):
    """Steps after which a gradient's weight has halved: ln(1/2)/ln(beta); 0 at beta = 0."""
    return np.log(0.5) / np.log(beta)  # -inf below at beta = 0


@asks(steps=POSITIVE)
@closed_form
def beta_at_half_life(steps):
    """The momentum whose weights halve in so many steps: (1/2)^(1/steps), the inverse of ``half_life``; steps > 0."""
    return 0.5 ** (1 / steps)


@asks()
@closed_form
def sample_size(beta):
    """How many equally weighted samples have the same variance: (1+beta)/(1-beta) (19 at beta = .9)."""
    return (1 + beta) / (1 - beta)


@asks()
def frequency_response(beta, omega, *, averaged=True):
    """Complex gain of the moving average at ``omega`` radians per step, the shape of ``omega``.

    (1-beta)/(1 - beta e^{-i omega}); without the 1-beta for the sum.  Its modulus is the gain,
    its angle the phase lag.
    """
    top = 1 - np.asarray(beta, dtype=float) if averaged else 1.0
    return top / (1 - np.asarray(beta, dtype=float) * np.exp(-1j * np.asarray(omega, dtype=float)))


@asks()
@closed_form
def wave_gain(beta, omega):
    """By how much the average shrinks a wave of ``omega`` radians per step: the modulus of ``frequency_response``.

    (1-beta)/sqrt((1-beta)^2 + 4 beta sin^2(omega/2)), which loses no digits where omega is small.
    """
    half = np.sin(omega / 2)
    return (1 - beta) / np.sqrt((1 - beta) ** 2 + 4 * beta * half**2)


@asks()
@closed_form
def wave_delay(beta, omega):
    """By how many steps a wave of ``omega`` radians per step, 0 to pi, comes out late: minus the response's angle over omega.

    beta/(1-beta) in the limit of slow waves; a zigzag, omega = pi, is not late at all.
    """
    late = np.arctan2(beta * np.sin(omega), 1 - beta * np.cos(omega)) / omega
    return np.where(omega == 0, beta / (1 - beta), np.where(omega == np.pi, 0.0, late))
