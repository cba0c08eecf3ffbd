"""momentum_lib: update rules, the surfaces they run on, and the mathematics between them.

>>> from momentum_lib import descend, rules, surfaces
>>> path = descend(rules.heavy_ball, surfaces.ravine(kappa=100), steps=100, lr=0.03, beta=0.67)
>>> path.steps_to(1e-3) is not None
True

Importing this package loads NumPy and nothing else; ``theory``, ``scale`` and ``convert`` load when you first name
them.  Plots, live figures and torch load when you import ``momentum_lib.plot``, ``momentum_lib.widgets`` or
``momentum_lib.optim``.
"""

from . import rules, surfaces
from .core import Path, Rule, descend, rule
from .sweep import Sweep, sweep

__version__ = "0.1.0"
__all__ = [
    "Path",
    "Rule",
    "Sweep",
    "convert",
    "descend",
    "rule",
    "rules",
    "scale",
    "surfaces",
    "sweep",
    "theory",
]


def __getattr__(name):
    """What loads when it is first named."""
    import importlib

    if name in ("theory", "scale"):
        return importlib.import_module(f"{__name__}.{name}")
    if name == "convert":
        return importlib.import_module(f"{__name__}.conventions").convert
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
