"""Rules that average the points instead of the gradients: Schedule-Free."""

from ..core import rule


@rule(z="theta", family="averaged", title="Schedule-Free")
def schedule_free(theta, grad, z, *, lr, beta=0.9, t):
    """Schedule-Free: gradient descent on z, whose running mean is the answer; look between the two.

    Convention: theta is the mean of z's points, the start among them, so after step t the newest weighs
    1 / (t + 1); grad is measured at (1 - beta) z + beta theta. The released code leaves the start out
    (1 / t). Unit of lr: theta^2 / f. Shapes: theta, grad and z alike.
    Source: Defazio et al. 2024, arXiv:2405.15682.
    """
    z = z - lr * grad
    return theta + (z - theta) / (t + 1), z


@schedule_free.looks_at
def _(theta, z, *, lr, beta):
    return (1 - beta) * z + beta * theta
