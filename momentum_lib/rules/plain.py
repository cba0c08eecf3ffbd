"""Gradient descent: the rule that knows only the gradient."""

from ..core import rule


@rule(family="gradient", same_as="torch.optim.SGD(params, lr=lr)")
def gradient_descent(theta, grad, *, lr):
    """Gradient descent: step against the gradient.

    Convention: lr multiplies the gradient. Unit of lr: theta^2 / f.
    Shapes: theta and grad alike, any shape.
    Source: Cauchy 1847, Comptes rendus 25, pp. 536-538.
    """
    return theta - lr * grad
