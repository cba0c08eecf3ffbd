"""A river valley: how fast a rule may travel along the flat floor while it keeps its footing on the steep side.

f(x, y) = -slope x + curvature y^2/2.  Along the river x the gradient never changes, so heavy ball moves by
slope * lr / (1-beta) a step.  Across it the curvature limits lr, and gradient noise lifts the point up the hill:
the loss there settles at curvature/2 times the noise ball.  What limits the speed decides what momentum is worth.
"""

from ..ranges import POSITIVE, asks
from .closed import closed_form


@asks(curvature=POSITIVE)
@closed_form
def lr_at_hill_loss(loss, beta, curvature=1.0, sigma=1.0):
    """The lr at which heavy ball's loss across the river settles at ``loss``; without noise it is the stability edge.

    4 loss (1-beta^2) / ((1+beta) sigma^2 + 2 loss curvature (1-beta)), in theta^2 / f; loss in f, sigma in f / theta.
    All arguments may be arrays.  Raises ValueError for momentum outside [0, 1), for loss or curvature <= 0 and sigma < 0.
    Source: ``noise_ball`` solved for lr, loss = curvature * noise_ball / 2; a test holds the two together.
    """
    return 4 * loss * (1 - beta) * (1 + beta) / ((1 + beta) * sigma**2 + 2 * loss * curvature * (1 - beta))


@asks()
@closed_form
def river_gain(beta, noise):
    """How many times as fast heavy ball travels as gradient descent, each at the lr that keeps the hill's loss the same.

    (1+beta)(1+noise) / (1-beta + (1+beta) noise) with noise = sigma^2 / (2 loss curvature), which has no unit: 0 is a river
    limited by curvature alone, where the gain is (1+beta)/(1-beta); as the noise grows the gain falls to 1.
    Arguments may be arrays.  Raises ValueError for momentum outside [0, 1) and noise < 0.
    Source: speed = slope * lr/(1-beta) at ``lr_at_hill_loss``; the river picture is that of Wen et al. 2024, arXiv:2410.05192.
    """
    return (1 + beta) * (1 + noise) / (1 - beta + (1 + beta) * noise)


@asks()
@closed_form
def noise_over_hill(part, beta):
    """sigma^2 / (2 loss curvature) at the lr that is this part (0 to 1) of the stability edge.

    (1-beta)(1-part) / ((1+beta) part).  It does not depend on sigma: at a given rate the hill's loss grows with sigma^2.
    Arguments may be arrays.  Raises ValueError for momentum outside [0, 1) and for a part outside (0, 1].
    Source: ``noise_ball`` at lr = part * ``momentum_edge``.
    """
    return (1 - beta) * (1 - part) / ((1 + beta) * part)
