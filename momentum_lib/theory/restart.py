"""Adaptive restart, and how soon a saddle is left."""

import numpy as np

from ..core import (
    Path,
    check_number,
    check_start,
    check_steps,
    check_surface,
    gradient_at,
    nearest,
    open_stream,
    reject_nan,
    value_at,
)
from ..ranges import ONE_POSITIVE, Range, asks
from ..rules import nesterov
from .linear import iteration_matrix, linear_form

SCHEMES = ("gradient", "value", "never")
DOWNHILL = Range(high=0, below=True, one=True, why=", since elsewhere nothing pushes away")


def restarted_nesterov(surface, start=None, steps=100, *, lr, scheme="gradient"):
    """Nesterov's method with growing momentum that drops it when a step goes uphill: a ``Path``.

    The momentum at step t is (k-1)/(k+2), k counted from the last restart.  ``scheme``:
    "gradient" restarts after a step along its gradient, uphill (grad . step > 0), "value"
    after one that raised f, "never" not at all.  With lr = 1/L it has about the linear rate of the method
    that knows mu.  ``path.hyper["beta"]`` holds the momentum used, zero at each restart; the run is
    that of ``nesterov`` with this schedule.  ``start`` (dim,).
    Raises ValueError for an unknown scheme and for lr < 0; stops at the last finite point of a diverging run.
    Source: O'Donoghue and Candes 2015, arXiv:1204.3982.
    """
    check_surface(surface)
    check_number("lr", lr)
    if scheme not in SCHEMES:
        raise ValueError(nearest(scheme, SCHEMES, "scheme"))
    theta, steps = check_start(surface, start), check_steps(steps)
    (v,) = nesterov.init(theta)
    points, velocities, looks, gradients, values, betas = [theta], [v], [], [], [value_at(surface, theta)], []
    k, diverged_at, measure = 1, None, open_stream(surface)
    if np.isnan(values[0]):
        reject_nan(surface, "value", values[0], theta, 0)
    for t in range(1, steps + 1):
        hyper = {"lr": float(lr), "beta": (k - 1) / (k + 2)}
        look = nesterov.look(theta, v, **hyper)
        with np.errstate(all="ignore"):
            grad = gradient_at(measure, look)
            if np.isnan(grad).any():
                reject_nan(surface, "gradient", grad, look, t)
            moved, (v,) = nesterov.step(theta, grad, (v,), hyper)
            value = value_at(surface, moved)
            if np.isnan(value) and np.isfinite(moved).all():
                reject_nan(surface, "value", value, moved, t)
        if not (np.isfinite(moved).all() and np.isfinite(value)):
            diverged_at = t
            break
        uphill = (grad @ (moved - theta) > 0) if scheme == "gradient" else value > values[-1]
        k = 1 if uphill and scheme != "never" else k + 1
        theta = moved
        for series, item in ((points, theta), (velocities, v), (looks, look), (gradients, grad), (values, value)):
            series.append(item)
        betas.append(hyper["beta"])
    return Path(
        rule=nesterov,
        surface=surface,
        hyper={"lr": float(lr), "beta": np.array(betas)},
        points=np.array(points),
        values=np.array(values),
        looks=np.array(looks).reshape(-1, len(theta)),
        gradients=np.array(gradients).reshape(-1, len(theta)),
        state={"v": np.array(velocities)},
        diverged_at=diverged_at,
    )


@asks(start=ONE_POSITIVE, goal=ONE_POSITIVE, curvature=DOWNHILL)
def escape_steps(rule, curvature, *, start=1e-6, goal=1.0, limit=10_000_000, **hyper):
    """Steps in which a linear rule carries a point from ``start`` to beyond ``goal`` on f = curvature theta^2 / 2, curvature < 0.

    From rest; a whole number.  In the long run the distance grows by ``rate`` a step; for heavy ball and small
    x = -lr curvature that is 1 + x/(1-beta), as long as x is well below (1-beta)^2.
    Raises ValueError for curvature >= 0 (nothing pushes away), unless 0 < start < goal, for settings
    that have not arrived after ``limit`` steps, and for a rule that is not linear.
    Source: Jin, Netrapalli and Jordan 2018, arXiv:1711.10456.
    """
    if not start < goal:
        raise ValueError(f"start is {start!r} and goal {goal!r}; allowed: 0 < start < goal.")
    form = linear_form(rule, **hyper)
    z, matrix = start * form.start, iteration_matrix(rule, curvature, t=1, **hyper)
    if matrix.ndim != 2:
        raise ValueError(f"got settings of shape {matrix.shape[:-2]}; allowed: one curvature and one setting. Loop over them.")
    for t in range(1, int(limit) + 1):
        z = matrix @ z
        if form.report @ z >= goal:
            return t
        if t == 1:
            matrix = iteration_matrix(rule, curvature, **hyper)
    raise ValueError(f"after {limit} steps the point is at {form.report @ z:.3g}; allowed: a larger lr, or a larger limit.")
