"""Rules that step by a sign: the same length along every coordinate, whatever the gradient's size."""

from ..core import rule
from ..ops import sign


@rule(m=0, family="sign", title="Signum")
def signum(theta, grad, m, *, lr, beta=0.9):
    """Signum: step by the sign of the averaged gradient, the same length in every coordinate.

    Convention: m averages gradients; a sum would have the same sign. Unit of lr: theta.
    Shapes: theta, grad and m alike.
    Source: Bernstein et al. 2018, arXiv:1802.04434.
    """
    m = beta * m + (1 - beta) * grad
    return theta - lr * sign(m), m


@rule(m=0, family="sign", title="Lion", momentum="beta2")
def lion(theta, grad, m, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Lion: step by the sign of a blend of memory and new gradient, and remember for longer than you blend.

    Convention: m averages gradients with weight 1 - beta2; the blend weighs the new gradient by
    1 - beta1; weight decay is decoupled. Unit of lr: theta. Shapes: theta, grad and m alike.
    Source: Chen et al. 2023, arXiv:2302.06675, the program that their search found.
    """
    direction = sign(beta1 * m + (1 - beta1) * grad)
    m = beta2 * m + (1 - beta2) * grad
    return (1 - lr * weight_decay) * theta - lr * direction, m
