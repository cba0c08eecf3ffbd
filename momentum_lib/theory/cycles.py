"""Convex functions on which heavy ball goes round for ever: Lessard's in exact fractions, and one made for a given tuning."""

from fractions import Fraction

import numpy as np

from ..core import check_floating, check_hyper, check_rule, check_steps
from ..ranges import EXACT, ONE_MOMENTUM, ONE_POSITIVE, asks
from ..rules import heavy_ball, polyak
from .best import curvature_interval

PIECES = ((1, 25, 0), (2, 1, 24), (None, 25, -24))  # up to x < end: gradient = slope x + offset


def _piece(x):
    """The (slope, offset) of the gradient's piece on which x lies."""
    return next((slope, offset) for end, slope, offset in PIECES if end is None or x < end)


@asks(x=EXACT)
def lessard_gradient(x):
    """The gradient of Lessard's function at a Fraction (any number, or "1/9"), exactly: 25x below 1, x + 24 from 1 to 2,
    25x - 24 from 2 on.

    Source: Lessard, Recht and Packard 2016, doi:10.1137/15M1009597, section 4.6.
    """
    x = Fraction(x) if isinstance(x, str) else x
    slope, offset = _piece(x)
    return slope * x + offset


def exact_run(rule, gradient, start, steps, **hyper):
    """A run of a rule in exact fractions, through the rule's own text: a list of steps+1 Fractions.

    ``gradient`` maps a Fraction to a Fraction; ``start`` and ``hyper`` are whatever Fraction
    takes ("33/10", 3, Fraction(1, 9)); a float is taken as the binary fraction it is.  The
    rule must do with + - * / (gradient descent and the momentum forms).  Fractions grow by some
    digits a step; a few hundred steps are quick.  Raises TypeError and ValueError for bad hyper-parameters.
    """
    check_rule(rule)
    steps = check_steps(steps)
    for name, value in (("start", start), *hyper.items()):
        EXACT.check(name, value)
    exact = {name: Fraction(value) for name, value in hyper.items()}
    full = check_hyper(rule, {name: float(value) for name, value in exact.items()})
    full = {name: exact.get(name, Fraction(value)) for name, value in full.items()}
    theta = Fraction(start)
    state, points = rule.init(theta), [theta]
    for t in range(1, steps + 1):
        theta, state = rule.step(theta, gradient(rule.look(theta, *state, **full)), state, full, t)
        points.append(theta)
    return points


@asks(start=EXACT, lr=EXACT, beta=EXACT)
def lessard_cycle(start="33/10", *, lr="1/9", beta="4/9", period=3, steps=3000):
    """The cycle that heavy ball ends in on Lessard's function, as exact Fractions in their order, or None if it converges to 0.

    A run in floats finds which of the three pieces each point of the cycle lies on; the linear
    equations of a cycle of that pattern are then solved in fractions, and the result is stepped
    through once more to be sure.  From 3.3 at the default setting: 792/1225, -2208/1225,
    2592/1225, in an order that starts with the largest.  Raises ValueError for a run that does
    neither (a longer cycle, or divergence).
    Source: Lessard, Recht and Packard 2016, doi:10.1137/15M1009597, section 4.6.
    """
    lr, beta = Fraction(lr), Fraction(beta)
    x = previous = float(Fraction(start))
    for _ in range(check_steps(steps)):
        x, previous = polyak.fn(x, lessard_gradient(x), previous, lr=float(lr), beta=float(beta))
        if not abs(x) < 1e9:
            raise ValueError(f"from {start} the run diverges at lr = {lr}, beta = {beta}; allowed: a stable setting.")
    if abs(x) < 1e-9 and abs(previous) < 1e-9:
        return None
    seen = []
    for _ in range(period):
        seen.append(x)
        x, previous = polyak.fn(x, lessard_gradient(x), previous, lr=float(lr), beta=float(beta))
    shift = int(np.argmax(seen))
    seen = seen[shift:] + seen[:shift]
    lines = [_piece(x) for x in seen]
    # x_(t+1) - (1 + beta - lr slope_t) x_t + beta x_(t-1) = -lr offset_t, indices modulo the period
    rows = []
    for t, (slope, offset) in enumerate(lines):
        row = [Fraction(0)] * period
        for index, value in ((t + 1, Fraction(1)), (t, -(1 + beta - lr * slope)), (t - 1, beta)):
            row[index % period] += value
        rows.append([*row, -lr * offset])
    cycle = _solve(rows)
    if cycle is None or not _closes(cycle, lr, beta):
        raise ValueError(
            f"from {start} the run neither converges nor ends in a cycle of {period}; allowed: another setting, period or start."
        )
    return tuple(cycle)


def _closes(cycle, lr, beta):
    """Whether a step of heavy ball leads from each point of the cycle to the next, and from the last to the first."""
    pairs = zip(cycle[-1:] + cycle[:-1], cycle, cycle[1:] + cycle[:1])
    return all(polyak.fn(x, lessard_gradient(x), before, lr=lr, beta=beta)[0] == after for before, x, after in pairs)


def _solve(rows):
    """Gauss and Jordan's elimination in fractions: rows of [coefficients..., right side]; None if no one solution exists."""
    n = len(rows)
    for i in range(n):
        pivot = next((k for k in range(i, n) if rows[k][i]), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i])]
    return [row[-1] for row in rows]


class CyclingFunction:
    """A smooth, strongly convex function of two variables on which one setting of heavy ball cycles for ever.

    f(x) = mu/2 norm(x)^2 + (L-mu)/2 distance(x, polygon)^2, minimum 0 at the origin, curvatures in
    [mu, L].  ``points`` (K, 2): the cycle, a regular K-gon on the unit circle; ``corners`` (K, 2):
    the polygon; ``start``: the cycle's first point, ``previous`` the one before it; ``velocity``
    the v that ``heavy_ball`` must have there.  Points of shape (2, *batch).  Made by ``cycling_function``.
    """

    def __init__(self, lr, beta, mu, L, period, corners):
        self.lr, self.beta, self.mu, self.L, self.period, self.corners = lr, beta, mu, L, period, corners
        angles = 2 * np.pi * np.arange(period) / period
        self.points = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        self.start, self.previous = tuple(self.points[0].tolist()), tuple(self.points[-1].tolist())
        self.velocity = (self.points[-1] - self.points[0]) / lr
        self.name, self.title = "cycling_function", f"A function on which heavy ball cycles through {period} points"
        self.dim, self.params, self.minima = 2, {}, [(0.0, 0.0)]
        self.domain = ((-1.5, 1.5), (-1.5, 1.5))

    def __repr__(self):
        return f"<cycling function: {self.period} points, mu = {self.mu:g}, L = {self.L:g}>"

    def nearest_point(self, theta):
        """The point of the polygon nearest to theta: (2, *batch) -> (2, *batch). A point inside is its own."""
        theta = np.asarray(theta, dtype=float)
        check_floating(theta, "theta")
        if theta.shape[:1] != (2,):
            raise ValueError(f"theta has shape {theta.shape}; allowed: (2, ...), coordinates first.")
        flat = theta.reshape(2, -1).T[:, None]
        ends = np.roll(self.corners, -1, axis=0)
        sides = ends - self.corners
        along = np.clip(((flat - self.corners) * sides).sum(-1) / (sides**2).sum(-1), 0, 1)
        on_sides = self.corners + along[..., None] * sides
        best = np.argmin(((flat - on_sides) ** 2).sum(-1), axis=1)
        outward = np.stack([sides[:, 1], -sides[:, 0]], axis=-1)  # corners run anticlockwise
        inside = (((flat - self.corners) * outward).sum(-1) <= 0).all(axis=1)
        nearest = np.where(inside[:, None], flat[:, 0], on_sides[np.arange(len(best)), best])
        return nearest.T.reshape(theta.shape)

    def value(self, theta):
        """theta (2, *batch) -> (*batch)."""
        theta = np.asarray(theta, dtype=float)
        away = theta - self.nearest_point(theta)
        return self.mu / 2 * (theta**2).sum(axis=0) + (self.L - self.mu) / 2 * (away**2).sum(axis=0)

    def gradient(self, theta):
        """theta (2, *batch) -> (2, *batch)."""
        theta = np.asarray(theta, dtype=float)
        return self.mu * theta + (self.L - self.mu) * (theta - self.nearest_point(theta))

    def run(self, steps):
        """Heavy ball on the cycle with the velocity it needs there: points (steps+1, 2), by the rule itself."""
        theta, v, points = self.points[0], self.velocity, [self.points[0]]
        for _ in range(check_steps(steps)):
            theta, (v,) = heavy_ball.step(theta, self.gradient(theta), (v,), {"lr": self.lr, "beta": self.beta})
            points.append(theta)
        return np.array(points)


@asks(lr=ONE_POSITIVE, beta=ONE_MOMENTUM, mu=ONE_POSITIVE, L=ONE_POSITIVE)
def cycling_function(lr, beta, mu, L, *, period=None, longest=100):
    """A function with curvatures in [mu, L] on which heavy ball at (lr, beta) cycles: a ``CyclingFunction``.

    A regular K-gon x_t is a cycle if the gradients there are g_t = ((1+beta) x_t - x_(t+1) - beta x_(t-1))/lr.
    With u_t = g_t - mu x_t and c_t = x_t - u_t/(L-mu) such a function exists exactly if
    u_t . (c_s - c_t) <= 0 for all s and t, and then it is the one with the polygon of the c_t.
    ``period``: K; by default the one from 3 to ``longest`` that holds with the most to spare.
    Raises ValueError unless 0 < mu < L, for bad lr or beta, and where no such cycle exists: the
    theorem says that settings without such a cycle are not faster than gradient descent by more than a
    constant factor on quadratics, as the condition number grows.
    Source: Goujaud, Taylor and Dieuleveut 2023, arXiv:2307.11291.
    """
    mu, L = curvature_interval(mu, L)
    if mu == L:
        raise ValueError(f"mu is {mu:g} and L {L:g}; allowed: mu < L.")
    found = []
    for K in [int(period)] if period else range(3, int(longest) + 1):
        turn = np.exp(2j * np.pi * np.arange(K) / K)  # the K-gon in the complex plane
        u = ((1 + beta) - turn[1] - beta / turn[1]) / lr - mu
        c = 1 - u / (L - mu)
        room = -np.max((np.conj(u) * (c * turn[1:] - c)).real)
        if room > 1e-9:
            found.append((room, K, c * turn))
    if not found:
        which = f"with {period} corners" if period else f"with 3 to {longest} corners"
        raise ValueError(
            f"heavy ball at lr = {lr:g}, beta = {beta:g} has no cycle {which} on curvatures in [{mu:g}, {L:g}]; "
            "allowed: settings that accelerate on larger condition numbers, such as best_heavy_ball(1, 100)."
        )
    _, K, corners = max(found, key=lambda item: item[0])
    return CyclingFunction(float(lr), float(beta), mu, L, K, np.stack([corners.real, corners.imag], axis=-1))
