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
    length = np.linalg.norm(start)
    if not 0 < length < np.inf:
        raise ValueError(f"the start has length {length}; allowed: a finite vector that is not zero.")
    basis, diagonal, beside = [start / length], [], []
    while True:
        w = product(basis[-1])
        if not np.isfinite(w).all():
            raise ValueError("a product is not finite: the network has left the finite world. Measure it before that step.")
        diagonal.append(float(basis[-1] @ w))
        for _ in range(2):
            rows = np.array(basis)
            w = w - rows.T @ (rows @ w)
        rest = float(np.linalg.norm(w))
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        size = np.abs(values).max()
        if rest * abs(vectors[-1, -1]) <= tol * size or len(basis) == len(start) or rest <= 1e-14 * size:
            vector = vectors[:, -1] * np.sign(vectors[0, -1] or 1) @ np.array(basis)  # it points where the start did
            return float(values[-1]), vector / np.linalg.norm(vector)
        beside.append(rest)
        basis.append(w / rest)
