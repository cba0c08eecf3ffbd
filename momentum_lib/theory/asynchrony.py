"""Workers that do not wait for each other: the momentum that a random order makes, and the delay that a fixed order makes.

A server holds the point x.  Each of M workers has a copy w_i of it, taken when the worker last reported.  At every update one
worker i reports the gradient at its copy, the server moves, and the worker takes the new point along::

    x' = x - lr * grad(w_i),    then  w_i = x'

On a quadratic of curvature a the gradient is a * w_i.  If every worker is equally likely to be the next one, then the mean of
the copies, averaged over all orders, obeys ``w' = (1 - 1/M) w + x'/M``, and the mean of x is exactly that of heavy ball with
momentum 1 - 1/M and the rate lr/M (:func:`asynchrony_setting`).  If they come in turn, every gradient is M - 1 updates old:
that is a delay, and its matrix has M eigenvalues instead of two.

An explicit momentum ``v = beta v + grad, x' = x - lr v`` may stand on top; then the mean is that of three numbers (x, w, v).
Source: Mitliagkas, Zhang, Hadjis and Re 2016, arXiv:1605.09774 (exponential service times; here: a uniform order).
"""

from typing import NamedTuple

import numpy as np

from ..core import check_steps
from ..ranges import NUMBER, ONE_NUMBER, Range, asks, told
from .closed import closed_form

ORDERS = ("random", "turn")


class Implied(NamedTuple):
    """The heavy ball that is there without being asked for: its rate, and its momentum."""

    lr: float
    beta: float


@asks(workers=Range(1))
@closed_form
def asynchrony_beta(workers):
    """The momentum that so many workers in random order make by themselves: 1 - 1/M; 0 for one worker.

    ``workers``: a number or an array, each at least 1.
    """
    return 1 - 1 / workers


@asks(lr=Range(0, one=True))
def asynchrony_setting(workers, lr):
    """The heavy ball whose path is the mean path of M workers in random order, exactly: lr/M, 1 - 1/M.

    Proof.  Averaged over who reports, x' = x - lr a w and w' = (1 - 1/M) w + x'/M.  So x'' - x' = -lr a w', and
    w' = (1 - 1/M) w + x'/M with lr a w = x - x' gives x'' - x' = (1 - 1/M) (x' - x) - (lr/M) a x': heavy ball, after a first
    step of lr instead of lr/M (``asynchronous_mean``).
    Raises ValueError for a number of workers that is no whole number >= 1, or a rate below 0.
    """
    workers = int(workers)
    return Implied(lr / workers, 1 - 1 / workers)


@asks(workers=Range(1), beta=NUMBER)
@closed_form
def asynchronous_step(x, w, v, workers, product, beta):
    """One update of the means: the point x, the copies' mean w and lr * velocity v, in random order; (x, w, v).

    ``product``: lr * curvature; ``beta``: an explicit momentum, 0 for none.
    """
    share = 1 / workers
    moved = beta * v + product * w
    point = x - moved
    return point, (1 - share) * w + share * point, moved


@asks(workers=Range(1), beta=NUMBER)
@closed_form
def asynchronous_spread(xx, xv, vv, xw, vw, ww, wu, workers, product, beta):
    """One update of the mean products of x, v and the copies in random order; seven numbers again, exact.

    E of x x, x v, v v, x w, v w, w w, w u: v is lr * velocity, w any worker's copy, u another worker's.
    A single worker has no other, and its w u is 0.  All workers are alike, so these seven are closed: if
    worker i reports, v' = beta v + product w_i, x' = x - v', w_i' = x'.
    """
    share = 1 / workers
    pair = np.where(workers < 2, 0, 2 / workers)
    rest = np.where(workers < 2, 0, 1 - 2 / workers)
    vv_new = beta * beta * vv + 2 * beta * product * vw + product * product * ww
    xv_old = beta * xv + product * xw
    xv_new = xv_old - vv_new
    xx_new = xx - 2 * xv_old + vv_new
    other = beta * vw + product * wu
    return (
        xx_new,
        xv_new,
        vv_new,
        share * xx_new + (1 - share) * (xw - other),
        share * xv_new + (1 - share) * other,
        share * xx_new + (1 - share) * ww,
        pair * (xw - other) + rest * wu,
    )


def _columns(step, count, workers, product, beta):
    """The matrix of a linear step of ``count`` numbers, shape (..., count, count): what it makes of each unit vector."""
    product, beta = np.broadcast_arrays(np.asarray(product, dtype=float), np.asarray(beta, dtype=float))
    made = [step(*unit, float(workers), product, beta) for unit in np.eye(count)]
    return np.stack([np.stack([np.broadcast_to(row, product.shape) for row in column], -1) for column in made], -1)


@asks(beta=NUMBER)
def asynchronous_matrix(workers, product, beta=0.0):
    """What one update does to the mean of (x, w, lr * v) in random order, at lr * curvature = ``product``: shape (..., 3, 3).

    ``product`` and ``beta`` (the explicit momentum, any real number) broadcast.  Its largest eigenvalue in modulus is the
    factor by which the mean error shrinks.
    Raises ValueError for a number of workers that is no whole number >= 1.
    """
    return _columns(asynchronous_step, 3, workers, product, beta)


@asks(beta=NUMBER)
def spread_matrix(workers, product, beta=0.0):
    """What one update does to the seven mean products of ``asynchronous_spread``: shape (..., 7, 7).

    The root of its largest eigenvalue in modulus is the factor by which the root mean square error shrinks, which is what a
    single run feels; the mean over the orders may shrink faster.
    Raises ValueError for a number of workers that is no whole number >= 1.
    """
    return _columns(asynchronous_spread, 7, workers, product, beta)


@asks(beta=NUMBER)
def turn_matrix(workers, product, beta=0.0):
    """The same for workers in turn, of (x_t, x_(t-1), ... x_(t-M+1), lr * v): shape (..., M + 1, M + 1).

    Every gradient was measured M - 1 updates ago.  Nothing is random here, so this is the path itself.
    Raises ValueError for a number of workers that is no whole number >= 1.
    """
    count = int(workers)
    product, beta = np.broadcast_arrays(np.asarray(product, dtype=float), np.asarray(beta, dtype=float))
    matrix = np.zeros((*product.shape, count + 1, count + 1))
    matrix[..., 0, 0] = 1.0
    matrix[..., 0, count - 1] -= product
    matrix[..., 0, count] = -beta
    for k in range(1, count):
        matrix[..., k, k - 1] = 1.0
    matrix[..., count, count - 1] = product
    matrix[..., count, count] = beta
    return matrix


def _checked(order):
    if order not in ORDERS:
        raise ValueError(f"order is {told(order)}; allowed: {' or '.join(map(repr, ORDERS))}.")
    return order


def _run(matrix, state, steps):
    path = [state[..., 0]]
    for _ in range(check_steps(steps)):
        state = (matrix @ state[..., None])[..., 0]
        path.append(state[..., 0])
    return np.array(path)


@asks(beta=NUMBER)
def asynchronous_mean(workers, product, steps, beta=0.0, order="random"):
    """The mean of x over all orders, from x = 1 with every copy at 1: shape (steps + 1, ...).

    ``product``: lr * curvature; ``beta``: explicit momentum; both broadcast to (...).  ``order``: "random", or "turn" for
    workers that report one after the other.  Raises ValueError for another order, or a wrong number of workers or steps.
    """
    matrix = (asynchronous_matrix if _checked(order) == "random" else turn_matrix)(workers, product, beta)
    start = np.ones(matrix.shape[:-1])
    start[..., -1] = 0.0
    return _run(matrix, start, steps)


@asks(beta=NUMBER)
def asynchronous_square(workers, product, steps, beta=0.0, order="random"):
    """The mean of x^2 over all orders, exactly; arguments, shape and errors as :func:`asynchronous_mean`."""
    if _checked(order) == "turn":
        return asynchronous_mean(workers, product, steps, beta, order) ** 2
    matrix = spread_matrix(workers, product, beta)
    return _run(matrix, np.ones(matrix.shape[:-1]) * [1, 0, 0, 1, 0, 1, 1], steps)


@asks(beta=NUMBER)
def asynchronous_rate(workers, product, beta=0.0, order="random"):
    """The factor by which the root mean square error shrinks in an update, in the long run, shape (...).

    Raises ValueError for another order, or a wrong number of workers.
    """
    if _checked(order) == "turn":
        return abs(np.linalg.eigvals(turn_matrix(workers, product, beta))).max(-1)[()]
    return np.sqrt(abs(np.linalg.eigvals(spread_matrix(workers, product, beta))).max(-1))[()]


@asks()
def fit_momentum(path):
    """``(beta, product, residual)`` of the heavy ball that fits a path (n, ...) of at least 4 points best, by least squares.

    Heavy ball on curvature a makes x'' = (1 + beta - lr a) x' - beta x.  ``residual``: the root mean square of what is left,
    as a share of the standard deviation of x''; a heavy ball's own path leaves nothing but rounding.
    One single exponential is made by many pairs, so a path of plain gradient descent says nothing about beta.
    Raises ValueError for fewer than 4 points, and for a path of one exponential alone.
    """
    x = np.asarray(path, dtype=float)
    if len(x) < 4:
        raise ValueError(f"the path has {len(x)} points; allowed: at least 4, since two numbers are fitted.")
    now, before, after = x[1:-1], x[:-2], x[2:]
    with np.errstate(all="ignore"):
        square = (now * now).sum(0)  # what x' does not say of x and of x'': a slow path would lose half its digits otherwise
        of_before, of_after = (now * before).sum(0) / square, (now * after).sum(0) / square
        old, new = before - of_before * now, after - of_after * now
        second = (old * new).sum(0) / (old * old).sum(0)
        first, left = of_after - second * of_before, new - second * old
        residual = np.sqrt((left**2).mean(0)) / after.std(0)
    if not np.isfinite(residual).all():
        raise ValueError(
            "the path stands still, or shrinks by one factor all the way, as many pairs (beta, product) make it; allowed: a path "
            "in which two factors can be told apart."
        )
    return (-second)[()], (1 - second - first)[()], residual[()]


@asks(beta=ONE_NUMBER)
def simulate_workers(workers, product, steps, who, beta=0.0):
    """The paths themselves: ``who`` (steps, runs) says which worker, 0 to M - 1, reports at each update of each run.

    ``product``: lr * curvature, a number or an array (d,) of directions; x starts at 1 with every copy at 1.
    Returns x, shape (steps + 1, runs), or (steps + 1, runs, d).  Raises ValueError where ``who`` names no such worker.
    """
    count, who = int(workers), np.asarray(who, dtype=int)
    if who.ndim != 2 or len(who) != check_steps(steps) or who.min(initial=0) < 0 or who.max(initial=0) >= count:
        raise ValueError(
            f"who has shape {who.shape} and values {who.min(initial=0)} to {who.max(initial=0)}; allowed: shape "
            f"({steps}, runs), whole numbers from 0 to {count - 1}."
        )
    product, runs = np.asarray(product, dtype=float), np.arange(who.shape[1])
    x = np.ones((who.shape[1], *product.shape))
    copies, v, path = np.ones((who.shape[1], count, *product.shape)), np.zeros_like(x), [x]
    for i in who:
        v = beta * v + product * copies[runs, i]
        x = x - v
        copies[runs, i] = x
        path.append(x)
    return np.array(path)
