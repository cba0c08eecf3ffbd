"""The speed limit: Chebyshev's iteration, conjugate gradients, and the functions on which no method is faster."""

from functools import partial
from typing import NamedTuple

import numpy as np

from ..core import Path, check_exact, check_start, check_steps, check_surface, gradient_at, value_at
from ..ranges import COUNT, ONE_POSITIVE, asks
from ..rules import polyak
from .best import curvature_interval


class Schedule(NamedTuple):
    """A learning rate and a momentum for every step, each of shape (steps,): pass them to ``descend``."""

    lr: np.ndarray
    beta: np.ndarray


@asks(mu=ONE_POSITIVE, L=ONE_POSITIVE)
def chebyshev_schedule(mu, L, steps):
    """Chebyshev's iteration as heavy ball with its own lr and beta at each step: a ``Schedule`` for the rule ``polyak``.

    With c = (L-mu)/(L+mu): w_1 = 1, w_2 = 1/(1 - c^2/2), w_(k+1) = 1/(1 - c^2 w_k/4);
    lr_k = 2 w_k/(L+mu), beta_k = w_k - 1.  It tends to ``best_heavy_ball``, and after k
    steps the worst error over all curvatures in [mu, L] is the smallest that any method
    reaches which does not know them: ``chebyshev_floor``.
    Raises ValueError unless 0 < mu <= L.
    Source: Flanders and Shortley 1950; Golub and Varga 1961, Numerische Mathematik 3, 147-156.
    """
    mu, L = curvature_interval(mu, L)
    c = (L - mu) / (L + mu)
    w = [1.0, 1 / (1 - c**2 / 2)]
    for _ in range(check_steps(steps) - 2):
        w.append(1 / (1 - c**2 * w[-1] / 4))
    w = np.array(w[:steps])
    return Schedule(2 * w / (L + mu), w - 1)


@asks(mu=ONE_POSITIVE, L=ONE_POSITIVE)
def chebyshev_floor(mu, L, steps):
    """The smallest worst-case factor of the error after 0, 1, ... ``steps`` gradients on [mu, L]: shape (steps+1,).

    1/T_k((L+mu)/(L-mu)) = 2 r^k/(1 + r^(2k)) with r = (sqrt(kappa)-1)/(sqrt(kappa)+1), T_k Chebyshev's
    polynomial: from 1 at the start to 2 r^k, so in the long run heavy ball's rate.
    Raises ValueError unless 0 < mu <= L.  Source: Flanders and Shortley 1950; Nemirovsky and Yudin 1983.
    """
    mu, L = curvature_interval(mu, L)
    k = np.arange(check_steps(steps) + 1)
    r = (np.sqrt(L) - np.sqrt(mu)) / (np.sqrt(L) + np.sqrt(mu))
    return 2 * r**k / (1 + r ** (2 * k))


def conjugate_gradients(surface, start=None, steps=100):
    """Conjugate gradients on a quadratic surface: the ``Path`` of the best k gradients can do for f.

    No method whose points are start + combinations of gradients has a smaller f after k steps.
    It is heavy ball (``polyak``) with the best lr and beta at each step; they are in
    ``path.hyper``, arrays of shape (steps,), and the momentum may exceed 1.  The gradients are
    kept orthogonal by force, so rounding does not slow it.  ``start`` (dim,); it ends early
    where the gradient is down to rounding (1e-15 of the first).
    Raises TypeError for something that is no surface, and ValueError for one that is not a
    convex quadratic (its gradient is not linear, or some curvature met is not positive).
    Source: Hestenes and Stiefel 1952, doi:10.6028/jres.049.044.
    """
    check_surface(surface)
    check_exact(surface, "conjugate gradients take")
    x, steps = check_start(surface, start).astype(float), check_steps(steps)
    slope = partial(gradient_at, surface.gradient)
    constant = slope(0 * x)
    points, values, gradients, lrs, betas, basis = [x], [value_at(surface, x)], [], [], [], []
    grad = slope(x)
    first, push, before = np.linalg.norm(grad), 0 * x, None
    for _ in range(steps):
        size = np.linalg.norm(grad)
        if size <= 1e-15 * first:
            break
        ratio = 0.0 if before is None else (size / before) ** 2
        push = ratio * push - grad
        bent = slope(push) - constant
        if not np.allclose(slope(-2 * push) - constant, -2 * bent, rtol=1e-6, atol=1e-9 * np.abs(bent).max()):
            raise ValueError(
                f"{getattr(surface, 'name', surface)!r} is not a quadratic; allowed: the ravine, the bowl, quadratic(...)."
            )
        if push @ bent <= 0:
            raise ValueError(f"a curvature of {push @ bent / (push @ push):.3g} was met; allowed: convex quadratics.")
        lr = size**2 / (push @ bent)
        betas.append(ratio * lr / lrs[-1] if lrs else 0.0)
        lrs.append(lr)
        gradients.append(grad)
        basis.append(grad / size)
        x, grad, before = x + lr * push, grad + lr * bent, size
        frame = np.array(basis)
        for _ in range(2):
            grad = grad - frame.T @ (frame @ grad)
        points.append(x)
        values.append(value_at(surface, x))
    return Path(
        rule=polyak,
        surface=surface,
        hyper={"lr": np.array(lrs), "beta": np.array(betas)},
        points=np.array(points),
        values=np.array(values),
        looks=np.array(points[:-1]).reshape(-1, len(x)),
        gradients=np.array(gradients).reshape(-1, len(x)),
        state={"previous": np.array([points[0], *points[:-1]])},
        diverged_at=None,
    )


@asks()
def distance_floor(curvatures, steps):
    """The smallest distance, over the start's, that 0, 1, ... ``steps`` gradients can reach on a quadratic: shape (steps+1,).

    From a start at distance 1 in every direction; no method whose points are start + combinations of gradients comes
    nearer.  Conjugate gradients minimises f and may be a step later.  The floor is the start less its part in the span of
    h, h^2, ..., h^k, for ``curvatures`` h (n,), all positive; the basis is kept orthogonal by force.
    Raises ValueError for a curvature that is not positive.  Source: this course.
    """
    h = np.asarray(curvatures, float)
    if h.ndim != 1:
        raise ValueError(f"curvatures has shape {h.shape}; allowed: a list of positive numbers.")
    rest, power, basis, floor = np.ones_like(h), h, np.empty((0, len(h))), [1.0]
    for _ in range(min(check_steps(steps), len(h))):
        for _ in range(2):
            power = power - basis.T @ (basis @ power)
        basis = np.vstack([basis, power / np.linalg.norm(power)])
        rest = rest - basis[-1] @ rest * basis[-1]
        floor.append(np.linalg.norm(rest) / np.sqrt(len(h)))
        power = h * basis[-1]
    return np.pad(np.array(floor), (0, steps + 1 - len(floor)))


@asks()
def lower_bound(L, distance, k):
    """No method is sure of a smaller f(x_k) - f* on convex functions than 3 L distance^2/(32 (k+1)^2): shape of k, unit f.

    ``distance`` from start to minimum, ``L`` the largest curvature; holds for k <= (n-1)/2 in n
    dimensions, and for k < 0 or L <= 0 it raises ValueError.  Source: Nesterov 2018, theorem 2.1.7.
    """
    L, distance, k = (np.asarray(given, dtype=float)[()] for given in (L, distance, k))
    return 3 * L * distance**2 / (32 * (k + 1) ** 2)


@asks(mu=ONE_POSITIVE, L=ONE_POSITIVE)
def lower_bound_strongly_convex(mu, L, distance, k):
    """No method is sure of a smaller f(x_k) - f* with curvatures in [mu, L] than mu/2 r^(2k) distance^2: shape of k, unit f.

    r = (sqrt(kappa)-1)/(sqrt(kappa)+1), the rate of tuned heavy ball and of Chebyshev's iteration on
    quadratics; in enough dimensions (r^n is small).  Raises ValueError unless 0 < mu <= L, and for k < 0.
    Source: Nesterov 2018, theorem 2.1.13.
    """
    mu, L = curvature_interval(mu, L)
    r = (np.sqrt(L) - np.sqrt(mu)) / (np.sqrt(L) + np.sqrt(mu))
    return mu / 2 * r ** (2 * np.asarray(k, dtype=float)[()]) * np.asarray(distance, dtype=float)[()] ** 2


@asks()
def nesterov_bound(L, distance, k):
    """Nesterov's growing momentum has f(x_k) - f* <= 2 L distance^2/(k+1)^2 on every convex function: shape of k, unit f.

    Proved for the momentum (t-2)/(t+1) at step t.  ``nesterov_schedule``, one step ahead of it, has the bound
    (2 L distance^2 + 3 (f(x_0) - f*))/(k+2)^2: chapter 7 proves that one.
    Raises ValueError for k < 0 or L <= 0.  Source: Nesterov 1983; Su, Boyd and Candes 2016, eq. 2.
    """
    L, distance, k = (np.asarray(given, dtype=float)[()] for given in (L, distance, k))
    return 2 * L * distance**2 / (k + 1) ** 2


def nesterov_schedule(steps):
    """The momentum (t-1)/(t+2) at step t = 1, 2, ... that needs no mu: shape (steps,), for ``nesterov`` with lr = 1/L.

    The momentum starts one step earlier than in the source, so step 2 already has 1/4; see ``nesterov_bound``.
    Source: Nesterov 1983, in the form of Su, Boyd and Candes 2016, eq. 1.
    """
    t = np.arange(1, check_steps(steps) + 1)
    return (t - 1) / (t + 2)


class WorstFunction:
    """A convex quadratic on which k gradients from 0 can do no better than ``lower_bound``, to 1 %.

    f - f* = L/8 (e_1^2 + sum (e_i - e_(i+1))^2 + e_n^2) with e = x - x*, x*_i = 1 - i/(n+1) and
    n = 2k+1 coordinates in a chain: each gradient tells of one coordinate more.  The minimum is
    0; ``start`` is 0; ``distance`` is that from start to minimum.  Points of shape (n, *batch).
    Raises ValueError for k that is no whole number >= 1 and for L <= 0.
    Source: Nesterov 2018, section 2.1.2.
    """

    def __init__(self, k, L):
        COUNT.check("k", k)
        ONE_POSITIVE.check("L", L)
        self.k, self.L, self.dim = int(k), float(L), 2 * int(k) + 1
        self.name, self.title = "worst_function", f"The worst function for {k} steps"
        self.params, self.start = {}, tuple(np.zeros(self.dim))
        best = 1 - np.arange(1, self.dim + 1) / (self.dim + 1)
        self.minima, self.distance = [tuple(best)], float(np.linalg.norm(best))

    def __repr__(self):
        return f"<worst function for k = {self.k}, L = {self.L:g}>"

    def _chain(self, theta, first):
        """theta with its neighbours at both ends, ``first`` and 0: shape (n+2, *batch)."""
        theta = np.asarray(theta, dtype=float)
        if theta.shape[:1] != (self.dim,):
            raise ValueError(f"theta has shape {theta.shape}; allowed: ({self.dim}, ...), coordinates first.")
        return np.concatenate([np.full_like(theta[:1], first), theta, np.zeros_like(theta[:1])])

    def value(self, theta):
        """theta (n, *batch) -> (*batch), at least 0."""
        chain = self._chain(theta, 0.0)
        best = self._chain(self.minima[0], 0.0)
        return self.L / 8 * (np.diff(chain - best.reshape((-1,) + (1,) * (chain.ndim - 1)), axis=0) ** 2).sum(axis=0)

    def gradient(self, theta):
        """theta (n, *batch) -> (n, *batch)."""
        return -self.L / 4 * np.diff(self._chain(theta, 1.0), n=2, axis=0)  # exact zeros beyond the coordinates reached


def worst_function(k, L=1.0):
    """Nesterov's worst function for k steps, curvatures below L: a ``WorstFunction``, which ``descend`` takes.

    Let it grow with k: one fixed huge function is not the worst for any smaller k.
    """
    return WorstFunction(k, L)
