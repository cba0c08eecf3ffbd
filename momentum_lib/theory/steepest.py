"""Steepest descent under a norm: one derivation, and gradient, sign and U V' are its three answers.

Of all steps D of size 1, which one has the largest product <grad, D> = sum of grad * D with the
gradient?  The answer depends on what size means, and its product with the gradient is the dual size:

    norm        size of D                     steepest D        dual size of the gradient
    euclid      root of the sum of squares    grad / ||grad||   root of the sum of squares
    maximum     largest entry                 sign(grad)        sum of the entries' sizes
    spectral    largest singular value        U V'              sum of the singular values

with grad = U diag(s) V'.  Why: <grad, D> <= dual size * size of D holds for each pair (Cauchy and
Schwarz; entry by entry; and, since <grad, D> = sum of s_i u_i' D v_i, singular value by singular
value), and the D named here meets it.  The step that minimises <grad, D> + size(D)^2 / (2 lr) is
-lr * dual size * D; sign descent and Muon leave the dual size out and let lr alone say how far.
"""

import numpy as np

from ..ranges import NUMBER, told

NORMS = ("euclid", "maximum", "spectral")


def _check(x, norm):
    NUMBER.check("the matrix", x)
    x = np.asarray(x, dtype=float)
    if norm not in NORMS:
        raise ValueError(f"norm is {told(norm)}; allowed: {', '.join(NORMS)}.")
    if x.ndim < 2:
        raise ValueError(f"the matrix has shape {x.shape}; allowed: finite numbers of shape (..., rows, columns).")
    return x


def size(x, norm):
    """The size of each matrix (..., rows, columns) under a norm of ``NORMS``: shape (...).  Raises ValueError for others."""
    x = _check(x, norm)
    if norm == "spectral":
        return np.linalg.svd(x, compute_uv=False).max(-1)[()]
    return np.sqrt((x**2).sum((-2, -1)))[()] if norm == "euclid" else abs(x).max((-2, -1))[()]


def dual_size(grad, norm):
    """The largest <grad, D> over all D of size 1: shape (...).  Arguments and errors as in ``size``."""
    grad = _check(grad, norm)
    if norm == "spectral":
        return np.linalg.svd(grad, compute_uv=False).sum(-1)[()]
    return np.sqrt((grad**2).sum((-2, -1)))[()] if norm == "euclid" else abs(grad).sum((-2, -1))[()]


def steepest(grad, norm):
    """The D of size 1 with the largest <grad, D>, of the shape (..., rows, columns) of ``grad``: descend along -D.

    Where the gradient leaves a part of D free (a zero entry, a zero singular value), that part is
    zero; a zero gradient has zero.  Errors as in ``size``.
    """
    grad = _check(grad, norm)
    if norm == "maximum":
        return np.sign(grad)
    if norm == "euclid":
        length = np.sqrt((grad**2).sum((-2, -1), keepdims=True))
        return grad / np.where(length == 0, 1.0, length)
    left, values, right = np.linalg.svd(grad, full_matrices=False)
    top = values.max(-1, keepdims=True)
    moved = values > max(grad.shape[-2:]) * np.finfo(float).eps * top
    return (left * moved[..., None, :]) @ right
