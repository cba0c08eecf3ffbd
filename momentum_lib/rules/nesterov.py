"""Nesterov's momentum: measure the gradient where the velocity is about to take you."""

from ..core import rule


@rule(v=0, family="nesterov", title="Nesterov, look-ahead")
def nesterov(theta, grad, v, *, lr, beta=0.9):
    """Nesterov's momentum: heavy ball with the gradient measured one coasting step ahead.

    Convention: grad is measured at theta - lr * beta * v; v sums gradients.
    Shapes and units as in heavy_ball.
    Source: Nesterov 1983; this spelling after Sutskever et al. 2013, eq. 3-4.
    """
    v = beta * v + grad
    return theta - lr * v, v


@nesterov.looks_at
def _(theta, v, *, lr, beta):
    return theta - lr * beta * v


@rule(
    v=0,
    family="nesterov",
    title="Nesterov, PyTorch's form",
    same_as="torch.optim.SGD(params, lr=lr, momentum=beta, nesterov=True)",
)
def nesterov_torch(theta, grad, v, *, lr, beta=0.9):
    """Nesterov's momentum with the look-ahead folded into the step: its theta IS the point ahead.

    Convention: grad is measured at theta itself; v sums gradients. At a constant rate the
    points are those at which ``nesterov`` looks. Shapes and units as in heavy_ball.
    Source: torch.optim.SGD, documentation and code of version 2.13; Bengio et al. 2013, arXiv:1212.0901.
    """
    v = beta * v + grad
    return theta - lr * (grad + beta * v), v
