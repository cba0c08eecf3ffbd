"""Momentum in its four sum-like spellings: where the rate is, and how the sum starts."""

from ..core import rule
from ..ops import where


@rule(previous="theta", family="momentum", title="Heavy ball, two-point form")
def polyak(theta, grad, previous, *, lr, beta=0.9):
    """Heavy ball as Polyak wrote it: a gradient step plus a share of the last step.

    Convention: no velocity is stored, the previous point is. Unit of lr: theta^2 / f.
    Shapes: theta, grad and previous alike, any shape.
    Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5.
    """
    return theta - lr * grad + beta * (theta - previous), theta


@rule(v=0, family="momentum", title="Momentum, rate inside", same_as="keras.optimizers.SGD(lr, momentum=beta)")
def classical_momentum(theta, grad, v, *, lr, beta=0.9):
    """Classical momentum: the velocity is the step itself, so the rate is inside it.

    Convention: v sums steps; a new lr touches only the gradients still to come.
    Shapes and units: theta, grad and v alike; v in units of theta; lr in theta^2 / f.
    Source: Sutskever, Martens, Dahl and Hinton 2013, eq. 1-2; the form that Keras uses.
    """
    v = beta * v + lr * grad
    return theta - v, v


@rule(v=0, family="momentum", title="Heavy ball", same_as="torch.optim.SGD(params, lr=lr, momentum=beta)")
def heavy_ball(theta, grad, v, *, lr, beta=0.9):
    """Heavy ball: keep a decaying sum of gradients and step along it.

    Convention: v sums gradients (no 1 - beta); lr multiplies the sum, so a new lr rescales the
    whole memory at once. Shapes and units: theta, grad and v alike; v in f / theta; lr in theta^2 / f.
    Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5; this spelling is PyTorch's.
    """
    v = beta * v + grad
    return theta - lr * v, v


@rule(
    v=0,
    family="momentum",
    title="Momentum, dampened",
    same_as="torch.optim.SGD(params, lr=lr, momentum=beta, dampening=dampening)",
)
def dampened_momentum(theta, grad, v, *, lr, beta=0.9, dampening=0.0, t):
    """Dampened momentum as PyTorch does it: later gradients enter scaled, the first one whole.

    Convention: v starts as the first gradient, undampened; from step 2 on each gradient is
    scaled by 1 - dampening. At beta = 0 PyTorch keeps no buffer and ignores dampening; this rule
    does not. Shapes and units as in heavy_ball.
    Source: torch.optim.SGD, documentation and code of version 2.13.
    """
    v = where(t > 1, beta * v + (1 - dampening) * grad, grad)
    return theta - lr * v, v
