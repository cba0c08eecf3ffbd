"""The shape of a memory: which weight each past gradient has, and what follows from it.

A mixture keeps several moving averages of the gradients and steps along ``sum of share_i * m_i``.
An average of mean age a fades by beta = a/(1+a) a step, so its newest gradient weighs 1/(1+a) and
the one from k steps ago beta^k times that.  Everything below follows from these weights.  Ages are
in steps, shares are >= 0 and add up to 1 where the step is an average; ``shares`` and ``ages`` have
one entry a memory on their last axis, (..., n), and axes in front for many mixtures at once: a
memory that changes during a run has its time there.

What rules keep, as a mixture (``nesterov_mixture``, ``lion_mixture``): Nesterov's blend, QHM, the
direction that Lion takes the sign of, and AdEMAMix's numerator (shares 1 and alpha).
"""

import numpy as np

from ..ranges import ONE_MOMENTUM, PART, POSITIVE, Range, asks
from .closed import closed_form


@asks()
@closed_form
def beta_at_mean_age(age):
    """The momentum whose average has this mean age: a/(1+a), of the shape of ``age``. Raises ValueError unless age >= 0."""
    return age / (1 + age)


@asks()
def mean_age(beta):
    """How old, on average, the gradients in a moving average are: beta/(1-beta) steps (9 at .9, 19 at .95).

    Raises ValueError for momentum outside [0, 1).
    """
    return np.asarray(beta, dtype=float)[()] / (1 - np.asarray(beta, dtype=float)[()])


def _mixture(shares, ages):
    """Both as arrays (..., n) of one shape, which must fit together."""
    ages, shares = (np.atleast_1d(np.asarray(given, dtype=float)) for given in (ages, shares))
    if shares.shape[-1] != ages.shape[-1]:
        raise ValueError(
            f"there are {shares.shape[-1]} shares and {ages.shape[-1]} ages; allowed: one share for each age, on the last axis."
        )
    if not (shares.sum(-1) > 0).all():
        raise ValueError(f"the shares are {shares.tolist()}; allowed: numbers >= 0, not all of them 0.")
    return np.broadcast_arrays(shares, ages)


@asks()
def kernel_weights(shares, ages, n):
    """Weight of the gradient from 0, 1, ... n-1 steps ago in the step of a mixture: shape (..., n).

    w_k = sum of share_i beta_i^k / (1 + a_i).  Raises ValueError for a negative share or age.
    """
    shares, ages = _mixture(shares, ages)
    beta = beta_at_mean_age(ages)[..., None]
    return ((shares / (1 + ages))[..., None] * beta ** np.arange(int(n))).sum(-2)


@asks()
def ageing_weights(ages):
    """The same for one average whose mean age changes: ``ages`` (t,) step by step, the newest last.  Shape (t,), newest first.

    The gradient from k steps ago entered with 1 - beta of its own step and has faded by each beta
    since.  Ages 0, 1, 2, ... give every gradient the same weight: the plain mean of all of them.
    Raises ValueError for a negative age.
    """
    beta = np.atleast_1d(beta_at_mean_age(ages))[::-1]
    return (1 - beta) * np.concatenate([[1.0], np.cumprod(beta)[:-1]])


@asks()
def mixture_age(shares, ages):
    """The mean age of the gradients in a mixture, in steps: the mean of the ages, each with its share.  Shape (...)."""
    shares, ages = _mixture(shares, ages)
    return ((shares * ages).sum(-1) / shares.sum(-1))[()]


@asks()
def newest_weight(shares, ages):
    """Weight of the newest gradient in the step: sum of share_i / (1 + a_i).  Shape (...)."""
    shares, ages = _mixture(shares, ages)
    return (shares / (1 + ages)).sum(-1)[()]


@asks()
def kept_noise(shares, ages):
    """Variance of the step's average of independent noise of variance 1: sum over i, j of share_i share_j / (1 + a_i + a_j).

    It is the sum of the squared weights; for one average 1/(1 + 2a) = (1-beta)/(1+beta).  The form
    is convex in the ages, so of all mixtures of one mean age the single average keeps least noise.
    Shape (...).
    """
    shares, ages = _mixture(shares, ages)
    pairs = 1 + ages[..., :, None] + ages[..., None, :]
    return (shares[..., :, None] * shares[..., None, :] / pairs).sum((-2, -1))[()]


@asks()
def kept_zigzag(shares, ages):
    """What a zigzag +1, -1, +1 ... of the gradient leaves in the step: sum of share_i / (1 + 2 a_i).  Shape (...).

    Each average keeps (1-beta)/(1+beta) of it, which is 1/(1 + 2a).
    """
    shares, ages = _mixture(shares, ages)
    return (shares / (1 + 2 * ages)).sum(-1)[()]


@asks(curvature=POSITIVE)
def mixture_edge(shares, ages, curvature=1.0):
    """The learning rate below which a mixture is stable at this curvature: 2 / (curvature * ``kept_zigzag``), exactly.

    Proof.  Let x = lr * curvature and theta_t = z^t.  The averages are then k_i(z) z^t with
    k_i = (1 - b_i)/(1 - b_i/z), so z is an eigenvalue where z - 1 = -x K(z), K = sum of share_i k_i.
    For small x all of them lie inside the unit circle; with growing x the first one leaves it at
    some z = exp(i w) for which K(z)/(1 - z) = 1/x is real.  But there

        Im k_i/(1 - z) = (1 - b_i)^2 sin(w) / ((1 + b_i)^2 (1 - cos w)^2 + (1 - b_i)^2 sin(w)^2),

    which for 0 < w < pi is positive for every average, and so for their mixture: the only way out
    is z = -1 (z = 1 needs x = 0).  There k_i = (1 - b_i)/(1 + b_i) = 1/(1 + 2 a_i), and 2 = x K(-1).
    So the edge knows nothing of a memory but what it keeps of a zigzag.  One average: 2 (1 + 2a).

    Since 1/(1 + 2a) is convex in a, and 1/(1 + a_i + a_j) lies below the mean of its two ends,
    a mixture has a lower edge than the one average of its mean age, and less noise than the one
    average of its edge: edge * noise <= 2, with equality for one average alone.
    Raises ValueError for curvature <= 0 and a negative share: a memory that is subtracted can leave the circle elsewhere.
    """
    return (2 / (np.asarray(curvature, dtype=float) * kept_zigzag(shares, ages)))[()]


@asks()
def mixture_matrix(shares, ages, product):
    """The matrix that maps (theta, lr-free averages m_1 ... m_n) to the next, at lr * curvature = ``product``.

    m_i' = beta_i m_i + (1 - beta_i) product theta;  theta' = theta - sum of share_i m_i'.  Shape (..., n+1, n+1) with
    the shape to which ``product`` and the mixtures broadcast in front.  Raises ValueError for a negative share or age.
    """
    shares, ages = _mixture(shares, ages)
    product = np.asarray(product, dtype=float)
    shape, n = np.broadcast_shapes(product.shape, shares.shape[:-1]), shares.shape[-1]
    matrix = np.zeros((*shape, n + 1, n + 1))
    index = np.arange(n)
    beta = beta_at_mean_age(ages)
    matrix[..., 1 + index, 1 + index] = beta
    matrix[..., 1:, 0] = (1 - beta) * product[..., None]
    matrix[..., 0, 0] = 1.0
    matrix[..., 0, :] -= (shares[..., None] * matrix[..., 1:, :]).sum(-2)
    return matrix


@asks()
@closed_form
def weight_at(k, age):
    """Weight of the gradient from k steps ago in an average of this mean age: beta^k / (1 + age).  ValueError unless age >= 0."""
    return (age / (1 + age)) ** k / (1 + age)


@asks()
@closed_form
def two_memories(share, young, old):
    """Mean age, newest weight, stability edge at curvature 1, kept noise of two averages, the old one with this share.

    The same as ``mixture_age``, ``newest_weight``, ``mixture_edge`` and ``kept_noise`` of the shares
    (1 - share, share) and the ages (young, old), in one line each.  Raises ValueError for a negative age.
    """
    rest = 1 - share
    age = rest * young + share * old
    newest = rest / (1 + young) + share / (1 + old)
    edge = 2 / (rest / (1 + 2 * young) + share / (1 + 2 * old))
    noise = rest**2 / (1 + 2 * young) + 2 * rest * share / (1 + young + old) + share**2 / (1 + 2 * old)
    return age, newest, edge, noise


@asks()
@closed_form
def age_at_newest(newest):
    """The mean age of the one average whose newest gradient has this weight: 1/newest - 1."""
    return 1 / newest - 1


@asks(noise=PART)
@closed_form
def age_at_noise(noise):
    """The mean age of the one average that keeps this part of the noise variance: (1/noise - 1)/2."""
    return (1 / noise - 1) / 2


@asks(edge=Range(2))
@closed_form
def age_at_edge(edge):
    """The mean age of the one average with this stability edge at curvature 1: (edge/2 - 1)/2."""
    return (edge / 2 - 1) / 2


@asks(beta=ONE_MOMENTUM)
def nesterov_mixture(beta):
    """Nesterov's blend beta m + (1 - beta) grad as a mixture: (shares, ages), two of each, the second memory of age 0.

    Also QHM's with nu = beta.  Raises ValueError for momentum outside [0, 1).
    """
    return np.array([beta, 1 - beta]), np.array([mean_age(beta), 0.0])


@asks(beta1=ONE_MOMENTUM, beta2=ONE_MOMENTUM)
def lion_mixture(beta1=0.9, beta2=0.99):
    """The direction beta1 m + (1 - beta1) grad that Lion takes the sign of, as a mixture: (shares, ages), two of each.

    Lion blends before it refreshes m by beta2.  In the refreshed average that is beta1/beta2 of it and
    1 - beta1/beta2 of the new gradient: at its defaults 91 % of a memory of mean age 99, and 9 % of none.
    Raises ValueError unless 0 < beta2 < 1 and 0 <= beta1 <= beta2: otherwise the new gradient would be subtracted.
    Source: Chen et al. 2023, arXiv:2302.06675, for the rule.
    """
    if not 0 <= beta1 <= beta2 < 1 or beta2 == 0:
        raise ValueError(f"beta1 is {beta1!r} and beta2 {beta2!r}; allowed: 0 <= beta1 <= beta2 and 0 < beta2 < 1.")
    return np.array([beta1 / beta2, 1 - beta1 / beta2]), np.array([mean_age(beta2), 0.0])
