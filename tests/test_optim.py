"""``momentum_lib.optim`` against the library's own loop and against torch's optimisers."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from momentum_lib import descend, rule, rules, surfaces
from momentum_lib.optim import Optimizer

ELEMENTWISE = {name: r for name, r in rules.RULES.items() if not getattr(r, "matrix", False)}
RATE = {"adagrad": 0.3, "rmsprop": 0.01, "adam": 0.02, "adamw": 0.02, "signum": 0.003, "lion": 0.003}
TORCH = torch.optim
REFERENCES = {  # our rule and hyper-parameters beside torch's class and its own
    "sgd": ("gradient_descent", {"lr": 0.05}, TORCH.SGD, {"lr": 0.05}),
    "momentum": ("heavy_ball", {"lr": 0.02, "beta": 0.9}, TORCH.SGD, {"lr": 0.02, "momentum": 0.9}),
    "dampening": ("dampened_momentum", {"lr": 0.02, "beta": 0.9, "dampening": 0.3}, TORCH.SGD, {"lr": 0.02, "momentum": 0.9, "dampening": 0.3}),
    "nesterov": ("nesterov_torch", {"lr": 0.02, "beta": 0.9}, TORCH.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "l2": (
        "heavy_ball",
        {"lr": 0.02, "beta": 0.9, "weight_decay": 0.1, "decoupled_weight_decay": False},
        TORCH.SGD,
        {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1},
    ),
    "adam": ("adam", {"lr": 0.01, "beta1": 0.8, "beta2": 0.99}, TORCH.Adam, {"lr": 0.01, "betas": (0.8, 0.99)}),
    "adam maximize": ("adam", {"lr": 0.01, "maximize": True}, TORCH.Adam, {"lr": 0.01, "maximize": True}),
    "adam l2": (
        "adam",
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": False},
        TORCH.Adam,
        {"lr": 0.01, "weight_decay": 0.1},
    ),
    "adamw by decay": ("adam", {"lr": 0.01, "weight_decay": 0.1}, TORCH.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    "rmsprop": ("rmsprop", {"lr": 0.01, "beta2": 0.9}, TORCH.RMSprop, {"lr": 0.01, "alpha": 0.9}),
    "adagrad": ("adagrad", {"lr": 0.1}, TORCH.Adagrad, {"lr": 0.1}),
}
if "adamw" in rules.RULES:
    REFERENCES["adamw"] = ("adamw", {"lr": 0.01, "weight_decay": 0.1}, TORCH.AdamW, {"lr": 0.01, "weight_decay": 0.1})


def tensors(dtype=torch.float64, seed=0):
    """Parameters of several shapes: a matrix, a vector, a number, a transposed matrix, an empty one."""
    random = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)
    return [torch.nn.Parameter(x) for x in (make(3, 4), make(5), make(()), make(4, 3).T, make(0))]


def gradients(params, steps, seed=1):
    """A stream of gradients that depend on the step and on the point, some entries and some whole tensors exactly zero."""
    random = torch.Generator().manual_seed(seed)
    for t in range(steps):
        out = []
        for p in params:
            g = torch.randn(p.shape, generator=random, dtype=torch.float64) * (torch.rand(p.shape, generator=random) > 0.3)
            out.append((0 if t % 17 == 5 else 1) * g)
        yield t, out


def follow(optimizer, params, stream, rate_change=None):
    """Run an optimiser over a stream of gradients; the gradient also pulls to the origin, so that errors feed back."""
    for t, grads in stream:
        if rate_change and t == rate_change:
            for group in optimizer.param_groups:
                group["lr"] = group["lr"] / 3
        for p, g in zip(params, grads):
            p.grad = (g + 0.1 * p.detach().double() * (g != 0)).to(p.dtype)
        optimizer.step()


def close(ours, theirs, tol):
    for a, b in zip(ours, theirs):
        assert torch.isfinite(a).all()
        difference = (a.detach() - b.detach()).abs().max() if a.numel() else 0.0
        assert difference <= tol * max(1.0, b.detach().abs().max() if b.numel() else 1.0), float(difference)


# -- the same path as the library's loop and as torch --------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("surface", [surfaces.ravine(kappa=20, angle=0.4), surfaces.rosenbrock], ids=["ravine", "rosenbrock"])
def test_the_path_is_descends(name, surface):
    """A thousand steps of every rule, its look and its report included, are those of ``descend``."""
    steps, lr = 1000, RATE.get(name, 0.01 if surface.name == "ravine" else 2e-4)
    rates = np.where(np.arange(steps) < 400, lr, lr / 2)
    path = descend(rules.get(name), surface, steps=steps, lr=rates)
    assert path.diverged_at is None
    p = torch.tensor(surface.start, dtype=torch.float64)
    optimizer = Optimizer([p], name, lr=lr)
    worst = 0.0
    for t in range(steps):
        if t == 400:
            optimizer.param_groups[0]["lr"] = lr / 2
            optimizer.train()  # the next look counts the new rate
        p.grad = torch.tensor(surface.gradient(p.numpy()))
        assert np.abs(p.numpy() - path.looks[t]).max() <= 1e-12
        optimizer.step()
        with optimizer.reported():
            worst = max(worst, np.abs(p.numpy() - path.points[t + 1]).max())
    assert worst <= 1e-12


@pytest.mark.parametrize("case", REFERENCES)
def test_a_thousand_steps_are_torchs(case):
    """Zero gradients, a change of rate, several shapes: to 1e-12 where torch has the same optimiser."""
    name, hyper, cls, theirs = REFERENCES[case]
    a, b = tensors(), tensors()
    follow(Optimizer(a, name, **hyper), a, gradients(a, 1000), rate_change=500)
    follow(cls(b, **theirs), b, gradients(b, 1000), rate_change=500)
    close(a, b, 1e-12)
