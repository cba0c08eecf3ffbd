"""The limits of small steps: heavy ball is a ball with friction, Nesterov a ball whose friction fades like 3/t.

One step takes the time h = sqrt(lr), because two gradients of a small step push twice: position
changes like lr * steps^2.  Time is in units of 1/sqrt(curvature), energy in units of f.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from ..core import Path, check_exact, check_steps, check_surface, gradient_at
from ..ranges import NOT_NEGATIVE, ONE_POSITIVE, POSITIVE, UP_TO_ONE, Range, asks, told
from .closed import closed_form


class Roll(NamedTuple):
    """A motion in continuous time: ``times`` (n+1,), ``positions`` and ``velocities`` (n+1, dim)."""

    times: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray


class Energy(NamedTuple):
    """Energies in units of f, each of shape (n+1,): what height holds, what motion holds, and both."""

    potential: np.ndarray
    kinetic: np.ndarray
    total: np.ndarray


@asks(lr=POSITIVE)
def friction(lr, beta):
    """The friction of the ball that heavy ball follows as lr -> 0: (1-beta)/sqrt(lr), unit 1/time.

    x'' + friction x' + grad f = 0 with the time sqrt(lr) per step.  Critical at 2 sqrt(curvature).
    Raises ValueError for momentum outside [0, 1) and for lr <= 0.
    Source: Polyak 1964, section 2; Qian 1999, doi:10.1016/S0893-6080(98)00116-6.
    """
    return ((1 - np.asarray(beta, dtype=float)) / np.sqrt(np.asarray(lr, dtype=float)))[()]


@asks()
@closed_form
def setting_of_ball(friction, h):
    """(lr, beta) of the heavy ball that takes a step in each time h of a ball with this friction: h^2 and 1 - friction h."""
    return h**2, 1 - friction * h


@asks(curvature=POSITIVE)
@closed_form
def critical_friction(curvature):
    """The friction at which the ball neither creeps nor swings: 2 sqrt(curvature), unit 1/time."""
    return 2 * np.sqrt(curvature)


@asks(curvature=POSITIVE)
@closed_form
def longest_step(curvature, friction):
    """The time h beyond which heavy ball with lr = h^2 and beta = 1 - friction h diverges: h^2 curvature = 2 (1 + beta)."""
    return (np.sqrt(friction**2 + 4 * curvature) - friction) / curvature


@asks()
@closed_form
def ball_with_friction(curvature, friction, t, *, start=1.0, velocity=0.0):
    """Position and velocity at times ``t`` of x'' + friction x' + curvature x = 0: two arrays of t's shape, exact.

    Underdamped for friction < 2 sqrt(curvature): x = e^(-friction t/2) (x0 cos w t + (v0 + friction x0/2) sin(w t)/w)
    with w^2 = curvature - friction^2/4; hyperbolic functions above, the limit between.
    ``curvature`` and ``friction`` are numbers; curvature may be negative (a hill top).
    Raises ValueError for negative friction and for numbers that are not finite. Source: any text on oscillators.
    """
    half = friction / 2
    gap = curvature - half**2
    w = np.sqrt(np.abs(gap))
    fade = np.exp(-half * t)
    plus = np.exp((w - half) * t)  # where friction wins: both decay, though cosh and sinh would overflow
    minus = np.exp((-w - half) * t)
    near = np.where(np.abs(w * t) < 1, fade * np.sinh(w * t), (plus - minus) / 2)
    c = np.where(gap > 0, fade * np.cos(w * t), (plus + minus) / 2)
    s = np.where(w == 0, fade * t, np.where(gap > 0, fade * np.sin(w * t), near) / w)
    push = velocity + half * start
    x = start * c + push * s
    return x, push * c - half * x - start * gap * s


@asks(x=Range(-1e4, 1e4))
def bessel_j1(x):
    """The Bessel function J1 at real x, an array of x's shape, to 1e-14 absolute (x up to 10 000 of either sign).

    J1(x) = (1/pi) int_0^pi cos(s - x sin s) ds by the trapezoidal rule, which converges faster than
    any power for a periodic integrand; the power series between -1 and 1, so that J1(x)/x is exact, too.
    Raises ValueError beyond 10 000 and for NaN. Source: Bessel 1824; NIST DLMF 10.9.2 and 10.2.2.
    """
    x = np.asarray(x, dtype=float)
    flat, out = x.ravel(), np.empty(x.size)
    small = np.abs(flat) < 1
    term = flat[small] / 2
    series = term.copy()
    for k in range(1, 12):
        term = -term * (flat[small] / 2) ** 2 / (k * (k + 1))
        series += term
    out[small] = series
    large = np.flatnonzero(~small)
    for part in np.array_split(large, 1 + large.size // 512):
        n = int(np.max(np.abs(flat[part]), initial=0)) + 64
        s = (np.arange(n) + 0.5) * (np.pi / n)
        out[part] = np.cos(s - flat[part][:, None] * np.sin(s)).mean(axis=1)
    return out.reshape(x.shape)[()]


@asks(curvature=POSITIVE, t=NOT_NEGATIVE)
def nesterov_flow(curvature, t, *, start=1.0):
    """The position at times ``t`` >= 0 of x'' + (3/t) x' + curvature x = 0 from rest: 2 J1(s)/s times start, s =
    sqrt(curvature) t.

    Shape of t; s up to 10 000.  Nesterov's iterates of 1983 at step k follow it at t = k sqrt(lr),
    with a distance that shrinks like sqrt(lr).  Raises ValueError for curvature <= 0 and for t < 0.
    Source: Su, Boyd and Candes 2016, Journal of Machine Learning Research 17(153), section 3.
    """
    t = np.asarray(t, dtype=float)
    s = np.sqrt(curvature) * t
    safe = np.where(s == 0, 1.0, s)
    return (start * np.where(s == 0, 1.0, 2 * bessel_j1(safe) / safe))[()]


@asks(friction=None, time=ONE_POSITIVE)
def roll(surface, start, *, friction, time, steps=1000, velocity=None):
    """The ball x'' + friction x' + grad f(x) = 0 on any surface, by Runge and Kutta's method of order 4: a ``Roll``.

    ``friction``: a number >= 0, or a function of time such as ``lambda t: 3 / t`` (Nesterov's; one
    that is infinite at time 0 needs a start from rest).  ``start`` and ``velocity`` of shape
    (dim,); ``velocity`` defaults to rest.  ``time`` > 0 is cut into ``steps`` equal parts; the error
    is of order (time/steps)^4.  Raises ValueError for a time <= 0, for no steps and for negative friction.
    Source: Kutta 1901.
    """
    check_surface(surface)
    check_exact(surface, "a ball rolls along")
    steps = check_steps(steps)
    if not steps:
        raise ValueError("steps is 0; allowed: at least one step.")
    if not callable(friction):
        Range(0, one=True, why=", or a function of time").check("friction", friction)
    rub = friction if callable(friction) else lambda t: friction
    x = np.array(start, dtype=float)
    v = np.zeros_like(x) if velocity is None else np.array(velocity, dtype=float)
    if x.shape != v.shape:
        raise ValueError(f"start has shape {x.shape} and velocity {v.shape}; allowed: equal shapes.")
    fading, slope = callable(friction), partial(gradient_at, surface.gradient)

    def pull(t, x, v):
        if fading and t == 0 and not v.any():  # 3/t at rest: v = a t gives (1 + 3) a = -grad
            return -slope(x) / (1 + 1e-9 * rub(1e-9))
        return -slope(x) - rub(t) * v

    h, times = time / steps, np.linspace(0, time, steps + 1)
    xs, vs = [x], [v]
    for t in times[:-1]:
        a1 = pull(t, x, v)
        x2, v2 = x + h / 2 * v, v + h / 2 * a1
        a2 = pull(t + h / 2, x2, v2)
        x3, v3 = x + h / 2 * v2, v + h / 2 * a2
        a3 = pull(t + h / 2, x3, v3)
        x4, v4 = x + h * v3, v + h * a3
        a4 = pull(t + h, x4, v4)
        x, v = x + h / 6 * (v + 2 * v2 + 2 * v3 + v4), v + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        xs.append(x)
        vs.append(v)
    return Roll(times, np.stack(xs), np.stack(vs))


@asks(lr=POSITIVE)
@closed_form
def kinetic_energy(step, lr):
    """The energy of the motion that makes a step: step^2/(2 lr), mass 1, since a step takes the time sqrt(lr)."""
    return step**2 / (2 * lr)


@asks(beta=UP_TO_ONE)
@closed_form
def friction_share(beta):
    """The part of the kinetic energy that friction takes in a step: 1 - beta^2, for the velocity is kept by beta."""
    return 1 - beta**2


def roll_energy(surface, motion):
    """The energies of a ``Roll``, mass 1: f, speed^2/2 and their sum, which only falls (by friction speed^2 a time).

    Returns ``Energy``, three arrays of shape (n+1,) in units of f.
    """
    if not isinstance(motion, Roll):
        raise TypeError(f"expected a Roll, which theory.roll returns; got {told(motion)}.")
    potential = np.asarray(surface.value(motion.positions.T))
    kinetic = (motion.velocities**2).sum(axis=1) / 2
    return Energy(potential, kinetic, potential + kinetic)


def energy(path):
    """The energies of a run of heavy ball: f, beta step^2/(2 lr) and their sum, ``Energy``, shape (n+1,).

    For lr <= 2(1-beta)/L the sum never rises, on any surface whose gradient has the Lipschitz
    constant L, convex or not; it falls by at least ((1-beta)/lr - L/2) step^2 a step (step^2 is the
    squared length of the last step made).  Proof: put
    grad = (beta last - step)/lr into f(x + step) <= f(x) + grad . step + L step^2/2.
    ``path`` is what ``descend`` returns for a rule with constant lr and beta in the sum convention.
    Raises ValueError for another rule or for a schedule.
    Source: Zavriev and Kostyuk 1993, Computational Mathematics and Modeling 4, 336-341.
    """
    if not isinstance(path, Path):
        raise TypeError(f"expected a path, which descend returns; got {told(path)}.")
    if path.rule.name not in ("heavy_ball", "polyak"):
        raise ValueError(f"the path's rule is {path.rule.name}; allowed: heavy_ball or polyak. Convert the setting first.")
    lr, beta = path.hyper["lr"], path.hyper["beta"]
    if np.ndim(lr) or np.ndim(beta) or lr <= 0:
        raise ValueError(f"the path has lr {lr!r} and beta {beta!r}; allowed: a constant lr > 0 and a constant beta.")
    moves = np.diff(path.points, axis=0, prepend=path.points[:1])  # the run starts at rest
    kinetic = beta * (moves**2).sum(axis=1) / (2 * lr)
    return Energy(path.values, kinetic, path.values + kinetic)


@asks()
def energy_edge(L, beta):
    """The largest lr at which heavy ball's energy is sure to fall: 2(1-beta)/L. See ``energy``.

    Raises ValueError for L <= 0 and for momentum outside [0, 1).
    """
    return (2 * (1 - np.asarray(beta, dtype=float)) / np.asarray(L, dtype=float))[()]
