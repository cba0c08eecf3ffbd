"""The optimiser of a model, by the name of a rule."""

import torch

from ..core import nearest


def make_optimizer(model, rule, lr, hyper, shard="none", world=None):
    known = {
        "gradient_descent": lambda p: torch.optim.SGD(p, lr=lr),
        "heavy_ball": lambda p: torch.optim.SGD(p, lr=lr, momentum=hyper.get("beta", 0.9)),
        "adamw": lambda p: torch.optim.AdamW(
            p, lr=lr, betas=(hyper.get("beta1", 0.9), hyper.get("beta2", 0.95)), weight_decay=hyper.get("weight_decay", 0.0)
        ),
    }
    if rule not in known:
        raise ValueError(nearest(rule, known, "rule"))
    return known[rule](model.parameters())
