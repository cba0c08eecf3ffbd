"""Exact answers on quadratics: iteration matrix, rate, stability edge, best settings; and the moving average.

Everything about a rule's stability is derived from the rule's own function: a linear rule on
f = curvature * theta^2 / 2 maps (theta, *state) by a small matrix, whose columns are the
rule's answers to unit vectors.
"""

from typing import NamedTuple

import numpy as np

from .core import check_hyper, check_number, check_rule


class Setting(NamedTuple):
    """A learning rate, a momentum and the factor by which the error shrinks per step."""

    lr: float
    beta: float
    rate: float


def _curvatures(mu, L):
    if not (np.isfinite(mu) and np.isfinite(L) and 0 < mu <= L):
        raise ValueError(f"mu is {mu!r} and L is {L!r}; allowed: finite curvatures with 0 < mu <= L.")
    return float(mu), float(L)


def best_gradient_descent(mu, L):
    """Gradient descent's best constant rate on curvatures in [mu, L]: lr = 2/(mu+L), rate (kappa-1)/(kappa+1).

    Raises ValueError unless 0 < mu <= L. Source: Polyak 1964; Nesterov 2018, theorem 2.1.15.
    """
    mu, L = _curvatures(mu, L)
    return Setting(2 / (mu + L), 0.0, (L - mu) / (L + mu))


def best_heavy_ball(mu, L):
    """Heavy ball's best setting on curvatures in [mu, L], sum convention (``heavy_ball``).

    lr = 4/(sqrt(L)+sqrt(mu))^2, beta = ((sqrt(kappa)-1)/(sqrt(kappa)+1))^2, rate sqrt(beta).
    Raises ValueError unless 0 < mu <= L. Source: Polyak 1964.
    """
    mu, L = _curvatures(mu, L)
    root = (np.sqrt(L) - np.sqrt(mu)) / (np.sqrt(L) + np.sqrt(mu))
    return Setting(float(4 / (np.sqrt(L) + np.sqrt(mu)) ** 2), float(root**2), float(root))


def best_nesterov(mu, L):
    """Nesterov's best setting on quadratics with curvatures in [mu, L], ``nesterov``.

    lr = 4/(3L+mu), beta = (sqrt(3 kappa+1)-2)/(sqrt(3 kappa+1)+2), rate 1 - 2/sqrt(3 kappa+1).
    Raises ValueError unless 0 < mu <= L. Source: Lessard, Recht and Packard 2016, proposition 1.
    """
    mu, L = _curvatures(mu, L)
    q = np.sqrt(3 * L / mu + 1)
    return Setting(4 / (3 * L + mu), float((q - 2) / (q + 2)), float(1 - 2 / q))


def iteration_matrix(rule, curvature, *, t=2, **hyper):
    """The matrix that maps (theta, *state) to its next value on f = curvature * theta^2 / 2.

    Shape (1 + slots, 1 + slots).  ``t`` is the step number, for rules whose first step
    differs.  Raises ValueError for a rule that is not linear (AdaGrad, Adam, ...).
    """
    check_rule(rule)
    full = check_hyper(rule, hyper, unstable=True)
    size = 1 + len(rule.slots)

    def advance(z):
        z = [np.array([component], dtype=float) for component in z]
        grad = curvature * rule.look(z[0], *z[1:], **full)
        theta, state = rule.step(z[0], grad, tuple(z[1:]), full, t)
        return np.array([theta[0], *(s[0] for s in state)])

    matrix = np.column_stack([advance(unit) for unit in np.eye(size)])
    probe = np.linspace(0.3, -1.7, size)
    with np.errstate(all="ignore"):
        if not np.allclose(advance(-3 * probe), -3 * matrix @ probe, rtol=1e-9, atol=1e-12):
            raise ValueError(
                f"{rule.name} is not linear in its point and state, so it has no iteration matrix. "
                "Linear rules: gradient descent, the momentum forms, Nesterov."
            )
    return matrix


def rate(rule, curvature, **hyper):
    """The factor by which the error shrinks per step in the long run: the spectral radius.

    ``curvature`` may be an array; the answer has its shape.  Above 1 the run diverges.
    """
    radii = [
        np.abs(np.linalg.eigvals(iteration_matrix(rule, c, **hyper))).max() for c in np.ravel(curvature).astype(float)
    ]
    return np.reshape(radii, np.shape(curvature))[()]


def stability_edge(rule, curvature, **hyper):
    """The largest learning rate below which the rule is stable at this curvature, by bisection to 1e-13 relative.

    ``hyper`` holds the other hyper-parameters, such as ``beta``.  Found from the rule's own
    function; closed forms for the common rules stand in chapter 4 and in the tests.
    Raises ValueError for curvature <= 0, where no rate is stable.
    """
    if not np.isfinite(curvature) or curvature <= 0:
        raise ValueError(f"curvature is {curvature!r}; allowed: a finite number > 0, since no rate is stable at others.")
    low, high = 0.0, 1.0 / curvature
    while rate(rule, curvature, lr=high, **hyper) < 1:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if rate(rule, curvature, lr=middle, **hyper) < 1 else (low, middle)
    return (low + high) / 2


def critical_beta(lr, curvature):
    """The momentum at which heavy ball neither creeps nor swings: beta = (1 - sqrt(lr * curvature))^2.

    At it the rate is 1 - sqrt(lr * curvature), the best for this lr and curvature.
    Raises ValueError unless 0 < lr * curvature <= 1 (above 1 no momentum in [0, 1) is overdamped).
    Source: Polyak 1964; Goh 2017, section on critical damping.
    """
    product = lr * curvature
    if not 0 < product <= 1:
        raise ValueError(f"lr * curvature is {product!r}; allowed: a number in (0, 1].")
    return float((1 - np.sqrt(product)) ** 2)


# -- the moving average -----------------------------------------------------------------------


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
