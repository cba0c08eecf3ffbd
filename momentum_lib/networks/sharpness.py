"""The largest eigenvalue of a symmetric matrix that one can only multiply by: Lanczos' method."""

import numpy as np


def largest_eigenvalue(product, start, tol=1e-6):
    """The largest eigenvalue (not the largest in size) of a symmetric matrix, and its unit eigenvector.

    ``product``  v (n,) -> matrix times v
    ``start``    a vector (n,) that is not zero; one close to the answer saves products
    ``tol``      stops when the residual |A v - value v| is below ``tol`` times the largest size of a Ritz value, or the
                 space is used up

    Every new direction is made orthogonal to all before, twice, so that rounding repeats no eigenvalue.
    Raises ValueError for a start of zero, and for products that are not finite.
    Source: Lanczos 1950, doi:10.6028/jres.045.026.
    """
    start = np.asarray(start, dtype=float)
    values, vectors = largest_eigenvalues(lambda which: lambda v: product(v[0])[None], start[None], tol)
    return float(values[0]), vectors[0]


def largest_eigenvalues(products, starts, tol=1e-6):
    """The same for m matrices at once, each with the arithmetic of :func:`largest_eigenvalue`: shapes (m,) and (m, n).

    ``products``  which (k,), numbers of matrices -> a function v (k, n) -> each of these matrices times its own v
    ``starts``    (m, n), none of them zero
    """
    starts = np.asarray(starts, dtype=float)
    length = np.linalg.norm(starts, axis=-1)
    if not ((length > 0) & (length < np.inf)).all():
        raise ValueError(f"the start has length {length.min()}; allowed: a finite vector that is not zero.")
    values, vectors = np.empty(len(starts)), np.empty_like(starts)
    which = np.arange(len(starts))  # those that are not done
    basis, diagonal, beside = (starts / length[:, None])[:, None], np.empty((len(starts), 0)), np.empty((len(starts), 0))
    times = products(which)
    while len(which):
        w = times(basis[:, -1])
        if not np.isfinite(w).all():
            raise ValueError("a product is not finite: the network has left the finite world. Measure it before that step.")
        diagonal = np.column_stack([diagonal, _dot(basis[:, -1], w)])
        for _ in range(2):
            w = w - (_t(basis) @ (basis @ w[..., None]))[..., 0]
        rest = np.sqrt(_dot(w, w))
        found, turns = np.linalg.eigh(_tridiagonal(diagonal, beside))
        size = np.abs(found).max(axis=-1)
        done = (rest * np.abs(turns[:, -1, -1]) <= tol * size) | (rest <= 1e-14 * size) | (basis.shape[1] == starts.shape[1])
        if done.any():
            values[which[done]], vectors[which[done]] = found[done, -1], _ritz(turns[done], basis[done])
            go = ~done
            which, basis, diagonal, beside, w, rest = (part[go] for part in (which, basis, diagonal, beside, w, rest))
            times = products(which)
        beside = np.column_stack([beside, rest])
        basis = np.concatenate([basis, (w / rest[:, None])[:, None]], axis=1)
    return values, vectors


def _t(a):
    return np.swapaxes(a, -1, -2)


def _dot(a, b):
    """The inner products of rows."""
    return (a[:, None] @ b[..., None])[:, 0, 0]


def _tridiagonal(diagonal, beside):
    """Symmetric matrices (m, k, k) with this diagonal (m, k) and the numbers beside it (m, k - 1)."""
    count = diagonal.shape[1]
    made, place = np.zeros((len(diagonal), count, count)), np.arange(count)
    made[:, place, place] = diagonal
    made[:, place[:-1], place[1:]] = made[:, place[1:], place[:-1]] = beside
    return made


def _ritz(turns, basis):
    """The unit vectors of the largest Ritz values; each points where its start did."""
    sign = np.where(turns[:, 0, -1] == 0, 1, np.sign(turns[:, 0, -1]))
    found = ((turns[..., -1] * sign[:, None])[:, None] @ basis)[:, 0]
    return found / np.sqrt(_dot(found, found))[:, None]
