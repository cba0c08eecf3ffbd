"""The few helpers that a rule or a surface may call, beside ``+ - * / **``.

Each one serves NumPy arrays, torch tensors and plain numbers from one name, and has one
spelling in JavaScript and one in LaTeX (see ``codegen``).  Nothing here imports torch: a
tensor brings its own module along.
"""

import sys

import numpy as np


def _namespace(*values):
    """torch if any value is a tensor, else NumPy."""
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        if any(isinstance(value, torch.Tensor) for value in values):
            return torch
    return np


def _like(value, xp):
    """A number as something the elementwise functions of ``xp`` accept."""
    return value if xp is np else xp.as_tensor(value)


def sqrt(x):
    """Square root, elementwise."""
    xp = _namespace(x)
    return xp.sqrt(_like(x, xp))


def sign(x):
    """-1, 0 or 1, elementwise."""
    xp = _namespace(x)
    return xp.sign(_like(x, xp))


def absolute(x):
    """Absolute value, elementwise."""
    xp = _namespace(x)
    return xp.abs(_like(x, xp))


def sin(x):
    """Sine of an angle in radians, elementwise."""
    xp = _namespace(x)
    return xp.sin(_like(x, xp))


def cos(x):
    """Cosine of an angle in radians, elementwise."""
    xp = _namespace(x)
    return xp.cos(_like(x, xp))


def exp(x):
    """Exponential, elementwise."""
    xp = _namespace(x)
    return xp.exp(_like(x, xp))


def maximum(x, y):
    """The larger of two values, elementwise."""
    xp = _namespace(x, y)
    return xp.maximum(_like(x, xp), _like(y, xp))


def where(condition, x, y):
    """``x`` where the condition holds, ``y`` elsewhere.

    A plain ``bool`` (a comparison of step numbers, say) picks one branch.
    """
    if isinstance(condition, bool):
        return x if condition else y
    xp = _namespace(condition, x, y)
    return xp.where(condition, x, y)
