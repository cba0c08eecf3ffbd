"""The few helpers that a rule or a surface may call, beside ``+ - * / **``.

Each one serves NumPy arrays, torch tensors and plain numbers from one name, and has one
spelling in JavaScript and one in LaTeX (see ``printing``).  Nothing here imports torch: a
tensor brings its own module along.
"""

import contextlib
import contextvars
import functools
import math
import sys

import numpy as np


def _namespace(*values):
    """torch if any value is a tensor, else NumPy."""
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        if any(isinstance(value, torch.Tensor) for value in values):
            return torch
    return np


@functools.lru_cache(256)
def _of_number(name, x, sign):
    """The function of that name at one number; a surface asks for the sine of its angle at each step.

    ``sign`` tells -0.0 from 0.0, which are equal.
    """
    return float(getattr(np, name)(x))


def _apply(name, *values):
    """The function of that name, from the module the values come from.

    Plain numbers give a plain number, which lifts no float32 array to float64.
    """
    if len(values) == 1:  # the two cases that nearly every step has
        (x,) = values
        if type(x) is float:
            return _of_number(name, x, math.copysign(1, x))
        if type(x) is np.ndarray:
            return getattr(np, name)(x)
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
    """How many rows each matrix of ``x``, shape (..., rows, columns), has: a plain number; 1 for none, so that it divides."""
    return float(max(1, x.shape[-2]))


def columns(x):
    """How many columns each matrix of ``x``, shape (..., rows, columns), has: a plain number; 1 for none, so that it divides."""
    return float(max(1, x.shape[-1]))


NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonal(x, out=None):
    """Each matrix with its singular values moved near 1 and its singular vectors kept.

    ``x``: shape (..., rows, columns), an array or a tensor; the answer has its shape and dtype.
    Five Newton-Schulz steps X <- a X + b (X X') X + c (X X')^2 X, begun at X / ||X||_F: matrix
    products alone, no decomposition.  A singular value of at least a hundredth of the norm
    lands in [0.68, 1.14]; zero stays zero, so a zero matrix gives zero.  A tall matrix is
    turned on its side first, because X X' is then the small product.
    Tensors are multiplied in bfloat16 inside :func:`products_in`.
    ``out``: an array like ``x`` that takes the answer, ``x`` itself if need be; memory is then used again, where without
    it each product has its own, as ``torch.vmap`` wants.
    Source: Jordan et al. 2024, Muon, with its coefficients.
    """
    xp, tall = _namespace(x), x.shape[-2] > x.shape[-1]
    given, again = x.dtype, out is not None
    if 0 in x.shape:  # a matrix without an entry, whose largest there is not
        return xp.multiply(x, 1, out=out)
    largest = xp.maximum(xp.amax(x, axis=(-2, -1), keepdims=True), -xp.amin(x, axis=(-2, -1), keepdims=True))
    x = xp.divide(x, largest + (largest == 0), out=out)  # to entries of at most 1: no square then over- or underflows
    if xp is not np and _PRODUCTS.get() == "bfloat16":
        x = x.to(xp.bfloat16)
    x /= _length(x, xp) + (largest == 0)
    if tall:
        x = x.swapaxes(-2, -1)
    x = _newton_schulz(x) if xp is np else _newton_schulz_of_tensors(x, xp, again)
    if tall:
        x = x.swapaxes(-2, -1)
    if again:
        return xp.multiply(x, 1, out=out)
    return x if xp is np else x.to(given)


def _length(x, xp):
    """The root of the sum of the squares of a matrix's entries, shape (..., 1, 1); of tensors in one pass."""
    if xp is np:
        return np.sum(x * x, axis=(-2, -1), keepdims=True) ** 0.5
    return xp.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)


def _newton_schulz(x):
    a, b, c = NEWTON_SCHULZ
    for _ in range(5):
        gram = x @ x.swapaxes(-2, -1)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x


def _newton_schulz_of_tensors(x, torch, again):
    """The same with each sum in the product's own call, and, ``again``, each step in the memory of the one before it."""
    a, b, c = NEWTON_SCHULZ
    add = torch.addmm if x.ndim == 2 else torch.baddbmm
    x, shape = (x if x.ndim <= 3 else x.flatten(0, -3)), x.shape
    new = gram = factor = None
    if again:
        new, gram = torch.empty_like(x), x.new_empty(*x.shape[:-1], x.shape[-2])
        factor = torch.empty_like(gram)
    for _ in range(5):
        square = torch.matmul(x, x.mT, out=gram)
        changed = add(square, square, square, beta=b, alpha=c, out=factor)
        x, new = add(x, changed, x, beta=a, out=new), (x if again else None)
    return x.view(shape)


_PRODUCTS = contextvars.ContextVar("products", default="as given")


@contextlib.contextmanager
def products_in(dtype):
    """In the block, :func:`orthogonal` multiplies tensors in this dtype: "bfloat16", or "as given" for the tensor's own.

    bfloat16 keeps eight bits: the answer moves by one to two hundredths of its norm (float32: by a millionth), and takes about
    half the time where the processor has instructions for such products, more than before where it has none.
    Raises ValueError for another name.
    """
    if dtype not in ("as given", "bfloat16"):
        raise ValueError(f"products is {dtype!r}; allowed: 'as given' or 'bfloat16'.")
    token = _PRODUCTS.set(dtype)
    try:
        yield
    finally:
        _PRODUCTS.reset(token)


def transpose(x):
    """Each matrix of ``x``, shape (..., rows, columns), turned: (..., columns, rows)."""
    return x.swapaxes(-2, -1)


ZERO = 8  # times the dtype's resolution and the largest eigenvalue: what rounding leaves of a zero one is about 2


def _spectrum(x, what):
    """(eigenvalues (..., 1, n) from small to large, eigenvectors (..., n, n), which of them are not zero (..., 1, n)).

    A matrix with an infinity or a NaN in it has NaN for all of its eigenvectors.
    Raises ValueError for what is no square, TypeError for a dtype that no decomposition knows.
    """
    xp = _namespace(x)
    if len(x.shape) < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{what} takes symmetric matrices, shape (..., n, n); got shape {tuple(x.shape)}.")
    if x.dtype not in (xp.float32, xp.float64):
        raise TypeError(f"{what} takes float32 or float64; got {x.dtype}. Convert the matrix first.")
    finite = xp.isfinite(x).all(-1)[..., None].all(-2)[..., None]
    values, vectors = xp.linalg.eigh(xp.where(finite, x, xp.zeros_like(x)))
    values = values[..., None, :]
    seen = values > ZERO * xp.finfo(x.dtype).eps * values[..., -1:]
    return values, xp.where(finite, vectors, xp.full_like(vectors, float("nan"))), seen


def root(x, exponent, eps=0.0):
    """A power of each symmetric matrix of ``x`` without negative eigenvalues: Q diag(w)^exponent Q', Q its eigenvectors.

    ``x``: shape (..., n, n), float32 or float64, of which the lower triangle is read; the answer has its shape and dtype.
    ``eps`` is added to every eigenvalue, as a share of the largest, before the power is taken.  A zero eigenvalue stays
    zero, whatever the exponent and ``eps``: -1 gives the pseudo-inverse, a zero matrix gives zero.  Zero is what rounding
    cannot tell from it: less than 8 times the dtype's resolution of the largest, or below zero.
    Raises ValueError for another shape, TypeError for another dtype.
    """
    values, vectors, seen = _spectrum(x, "root")
    xp = _namespace(x)
    raised = xp.where(seen, values + eps * values[..., -1:], xp.ones_like(values)) ** exponent
    return (vectors * xp.where(seen, raised, xp.zeros_like(values))) @ vectors.swapaxes(-2, -1)


def eigenvectors(x):
    """The eigenvectors of each symmetric matrix of ``x``, as columns, from the smallest eigenvalue to the largest.

    ``x``: shape (..., n, n), float32 or float64; the answer has its shape and dtype.  Columns have length one, but one whose
    eigenvalue is zero, or below it, is zero itself: such directions have no order and no names, and a product with the
    answer leaves them out.  A zero matrix gives zero.  The sign of a column is whatever the decomposition makes it.
    Raises ValueError and TypeError as :func:`root` does.
    """
    _, vectors, seen = _spectrum(x, "eigenvectors")
    xp = _namespace(x)
    return xp.where(seen, vectors, 0 * vectors)
