"""Rules that average the points instead of the gradients: Schedule-Free, primal averaging."""

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


@rule(z="theta", family="averaged", title="Generalised primal averaging", momentum="mu_x")
def generalised_primal_averaging(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    """Primal averaging: gradient descent on z, whose fading mean is the answer; look between the two.

    Convention: theta keeps the share mu_x of itself, and grad is measured at mu_y theta + (1 - mu_y) z; the
    released code has 0.9967 and 0.7. With mu_x = t / (t + 1) at step t it is schedule_free. At a constant rate
    the points where it looks are those of qhm with beta = mu_x and nu = mu_y; with mu_y = mu_x it is nesterov at
    the rate lr (1 - mu_x). If lr grad is what a round of k steps of any optimiser moves, mu_y = mu_x is DiLoCo
    with one worker and mu_x = 0 is Lookahead. Unit of lr: theta^2 / f. Shapes: theta, grad and z alike.
    Source: Defazio et al. 2025, arXiv:2512.17131.
    """
    z = z - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


@generalised_primal_averaging.looks_at
def _(theta, z, *, lr, mu_x, mu_y):
    return mu_y * theta + (1 - mu_y) * z
