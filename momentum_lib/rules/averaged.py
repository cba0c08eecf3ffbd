"""Momentum as an average: the gradient's weight is 1 - beta, and all weights add up to one."""

from ..core import rule


@rule(m=0, family="averaged", title="Averaged momentum")
def averaged_momentum(theta, grad, m, *, lr, beta=0.9):
    """Averaged momentum: step along an exponential moving average of the gradients.

    Convention: m averages gradients (weight 1 - beta), so its size is that of one gradient.
    Shapes and units: theta, grad and m alike; m in f / theta; lr in theta^2 / f.
    Source: Kingma and Ba 2015, Algorithm 1, first moment without bias correction.
    """
    m = beta * m + (1 - beta) * grad
    return theta - lr * m, m


@rule(m=0, family="averaged", title="Averaged Nesterov (lerp)")
def nesterov_lerp(theta, grad, m, *, lr, beta=0.9):
    """Muon's buffer: average the gradients, then blend the new gradient in once more.

    Convention: two linear interpolations ("lerp"), both with weight beta on the memory; on
    matrices Muon orthogonalises the blend afterwards. Shapes and units as in averaged_momentum.
    Source: Jordan et al. 2024, Muon, the momentum lines of its reference code.
    """
    m = beta * m + (1 - beta) * grad
    return theta - lr * (beta * m + (1 - beta) * grad), m
