"""Any rule of the library as a torch optimiser.

>>> import torch
>>> from momentum_lib.optim import Optimizer
>>> weights = torch.nn.Parameter(torch.tensor([-6.0, 4.5]))
>>> optimizer = Optimizer([weights], "nesterov", lr=0.01, beta=0.9)
>>> for _ in range(100):
...     optimizer.zero_grad()
...     (weights**2).sum().backward()
...     optimizer.step()
>>> with optimizer.reported():
...     print(weights.norm() < 0.1)
tensor(True)

Needs torch (``pip install .[torch]``); the rest of the library does not.
"""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "momentum_lib.optim needs torch: pip install torch, or pip install .[torch] in the repository"
    ) from error

from ._recipes import matrices_with_adamw, muon_with_adamw
from .optimizer import Optimizer

__all__ = ["Optimizer", "matrices_with_adamw", "muon_with_adamw"]
