"""The few helpers that a rule or a surface may call, beside ``+ - * / **``.

Each one serves NumPy arrays, torch tensors and plain numbers from one name, and has one
spelling in JavaScript and one in LaTeX (see ``printing``).  Nothing here imports torch: a
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


def _apply(name, *values):
    """The function of that name, from the module the values come from.

    Plain numbers give a plain number, which lifts no float32 array to float64.
    """
    if all(type(value) is float for value in values):
        return float(getattr(np, name)(*values))
    xp = _namespace(*values)
    if xp is not np:
        like = next(value for value in values if isinstance(value, xp.Tensor))
        return getattr(xp, name)(*(xp.as_tensor(value, dtype=like.dtype, device=like.device) for value in values))
    result = getattr(np, name)(*values)
    return float(result) if all(isinstance(value, (int, float)) for value in values) else result


def sqrt(x):
    """Square root, elementwise."""
    return _apply("sqrt", x)


def sign(x):
    """-1, 0 or 1, elementwise."""
    return _apply("sign", x)


def absolute(x):
    """Absolute value, elementwise."""
    return _apply("abs", x)


def sin(x):
    """Sine of an angle in radians, elementwise."""
    return _apply("sin", x)


def cos(x):
    """Cosine of an angle in radians, elementwise."""
    return _apply("cos", x)


def exp(x):
    """Exponential, elementwise."""
    return _apply("exp", x)


def maximum(x, y):
    """The larger of two values, elementwise."""
    return _apply("maximum", x, y)


def where(condition, x, y):
    """``x`` where the condition holds, ``y`` elsewhere.

    A plain ``bool`` (a comparison of step numbers, say) picks one branch.
    Raises TypeError where an array chooses between two plain numbers: they would decide the dtype, not the point.
    """
    if isinstance(condition, (bool, np.bool_)):
        return x if condition else y
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        raise TypeError(
            f"where chooses between the plain numbers {x!r} and {y!r}, which have no dtype; allowed: at least one array. "
            f"Write for example {x!r} + 0 * theta."
        )
    xp = _namespace(condition, x, y)
    return xp.where(condition, x, y)


# -- for matrix rules ------------------------------------------------------------------------


def rows(x):
    """How many rows each matrix of ``x``, shape (..., rows, columns), has: a plain number."""
    return float(x.shape[-2])


def columns(x):
    """How many columns each matrix of ``x``, shape (..., rows, columns), has: a plain number."""
    return float(x.shape[-1])


NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonal(x):
    """Each matrix with its singular values moved near 1 and its singular vectors kept.

    ``x``: shape (..., rows, columns), an array or a tensor; the answer has its shape and dtype.
    Five Newton-Schulz steps X <- a X + b (X X') X + c (X X')^2 X, begun at X / ||X||_F: matrix
    products alone, no decomposition.  A singular value of at least a hundredth of the norm
    lands in [0.68, 1.14]; zero stays zero, so a zero matrix gives zero.  A tall matrix is
    turned on its side first, because X X' is then the small product.
    Source: Jordan et al. 2024, Muon, with its coefficients.
    """
    xp, tall, (a, b, c) = _namespace(x), x.shape[-2] > x.shape[-1], NEWTON_SCHULZ
    largest = xp.amax(abs(x), axis=(-2, -1), keepdims=True)
    x = x / (largest + (largest == 0))  # first to entries of at most 1: no square then over- or underflows
    x = x / (xp.sum(x * x, axis=(-2, -1), keepdims=True) ** 0.5 + (largest == 0))
    if tall:
        x = x.swapaxes(-2, -1)
    for _ in range(5):
        gram = x @ x.swapaxes(-2, -1)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.swapaxes(-2, -1) if tall else x
