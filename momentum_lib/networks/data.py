"""What the small networks learn: a curve on twenty points, and 1 797 handwritten digits."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..draws import draw_noise

DIGITS_ORDER = 0
"""The seed of the one shuffle after which the digits are divided."""


@dataclass(frozen=True)
class Rows:
    """Inputs and what belongs to them: ``x`` (rows, inputs) floats; ``y`` (rows, outputs) floats, or (rows,) whole numbers.

    Whole numbers are classes: cross-entropy takes them as they are, the squared loss as rows with a single 1.
    Both may have the same axes in front, for many networks that each see rows of their own.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self):
        return self.x.shape[-2]

    def take(self, which):
        """Some of the rows, by a slice, or by an array of row numbers of shape (..., size)."""
        return Rows(self.x[which], self.y[which])

    def astype(self, dtype):
        """The same rows in another floating dtype; classes stay whole numbers."""
        return Rows(self.x.astype(dtype), self.y if self.y.dtype.kind in "iu" else self.y.astype(dtype))


class Digits(NamedTuple):
    """Three disjoint parts: to learn from, to choose settings by, to judge by once; ``mean`` (64,) was taken off them."""

    train: Rows
    held_out: Rows
    test: Rows
    mean: np.ndarray


def chebyshev(rows=20):
    """The fifth Chebyshev polynomial, y = 16 x^5 - 20 x^3 + 5 x, on evenly spaced x in [-1, 1]: x and y of shape (rows, 1).

    Raises ValueError for fewer than 2 rows.
    Source: Cohen, Kaur, Li, Kolter and Talwalkar 2021, arXiv:2103.00065, who train a small network on these points.
    """
    if rows < 2:
        raise ValueError(f"rows is {rows!r}; allowed: a whole number >= 2, the two ends among them.")
    x = np.linspace(-1, 1, rows)[:, None]
    return Rows(x, 16 * x**5 - 20 * x**3 + 5 * x)


def digits(train=1000, held_out=297):
    """scikit-learn's 1 797 digits of 8 x 8 pixels, shuffled once and divided; the rest (500 by default) is for the test.

    ``x`` has shape (rows, 64): grey values 0 ... 16, divided by 16, less the mean picture of the training rows.
    ``y`` has shape (rows,): the classes 0 ... 9.
    Raises ImportError without scikit-learn, ValueError where a part would be empty.
    Source: E. Alpaydin and C. Kaynak 1998, Optical Recognition of Handwritten Digits, doi:10.24432/C50P49.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "networks.digits needs scikit-learn, which is not installed; install it with: pip install scikit-learn"
        ) from error
    x, y = load_digits(return_X_y=True)
    if min(train, held_out, len(x) - train - held_out) < 1:
        raise ValueError(
            f"train={train!r}, held_out={held_out!r}; allowed: whole numbers >= 1 that leave a test row of {len(x)} digits."
        )
    order = np.random.default_rng(DIGITS_ORDER).permutation(len(x))
    x, y = x[order] / 16, y[order]
    mean = x[:train].mean(axis=0)
    every = Rows(x - mean, y)
    parts = (slice(train), slice(train, train + held_out), slice(train + held_out, None))
    return Digits(*(every.take(part) for part in parts), mean=mean)


def batches(rows, size, steps, seed=0):
    """Which rows each step takes: shape (steps, size), whole numbers below ``rows``.

    Each epoch has a fresh order, made of ``draw_noise`` so that the browser has the same one; the rows left over at its
    end are passed over.  Raises ValueError unless 1 <= size <= rows.
    """
    if not 1 <= size <= rows:
        raise ValueError(f"the batch has {size!r} rows; allowed: a whole number from 1 to {rows}, the rows there are.")
    whole = rows // size
    epochs = -(-steps // whole)
    order = np.argsort(draw_noise(rows * epochs, seed).reshape(epochs, rows), axis=1, kind="stable")
    return order[:, : whole * size].reshape(-1, size)[:steps]
