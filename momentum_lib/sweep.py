"""Thousands of runs at once, over a grid of hyper-parameters, in plain NumPy."""

from dataclasses import dataclass

import numpy as np

from .core import (
    check_hyper,
    check_limit,
    check_rule,
    check_start,
    check_steps,
    check_surface,
    distance_to_go,
    open_stream,
    reject_nan,
    relative_distance,
    square_distance,
    walk,
)


@dataclass(frozen=True)
class Sweep:
    """The end of every run of a grid.

    ``axes``         name -> 1-D array, in the order in which you gave them; their lengths are ``shape``
    ``fixed``        name -> the hyper-parameters that did not vary
    ``points``       (dim, *shape)  the last reported point; meaningless where a run diverged, so 0 there
    ``values``       (*shape)       the surface's value there; inf where the run diverged
    ``errors``       (*shape)       distance to the nearest minimum over the start's; inf where diverged
    ``steps``        (*shape)       the first step from which the error stays <= tol; inf where it does not
    ``diverged_at``  (*shape) int   the step at which a run left the finite world; 0 where it did not

    ``errors`` and ``steps`` are None on a surface without minima.
    """

    rule: object
    surface: object
    axes: dict
    fixed: dict
    tol: float
    points: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None
    steps: np.ndarray | None
    diverged_at: np.ndarray

    @property
    def shape(self):
        return self.values.shape

    def __repr__(self):
        axes = ", ".join(f"{name}: {len(axis)}" for name, axis in self.axes.items())
        return (
            f"<sweep of {self.rule.name} on {self.surface.name} over {axes}; "
            f"{np.count_nonzero(self.diverged_at)} of {self.values.size} diverged>"
        )

    def best(self):
        """The setting with the fewest steps, as a dict with the steps it took and the value it reached.

        If no setting arrives within the budget: the one that ends closest to a minimum.  On a
        surface without minima: the one with the lowest value.  The first of equals.
        """
        score = self.values if self.steps is None else self.steps if np.isfinite(self.steps).any() else self.errors
        index = np.unravel_index(np.argmin(score), self.shape)
        setting = {name: float(axis[i]) for (name, axis), i in zip(self.axes.items(), index, strict=True)}
        steps = None if self.steps is None else float(self.steps[index])
        return {**setting, "steps": steps, "value": float(self.values[index])}


def _all_inside(points, bound):
    """Whether every coordinate of every run is within the bound; False where one is NaN."""
    return points.max() <= bound and points.min() >= -bound


def _reach(first, tol):
    """The largest squared distance d for which sqrt(d) / first <= tol, exactly as ``Path.error`` rounds it.

    With it a step of the grid needs no root and no division, and still counts as the single run does.
    """
    square = (tol * first) ** 2
    while np.sqrt(square) / first <= tol:
        square = np.nextafter(square, np.inf)
    while np.sqrt(square) / first > tol:
        square = np.nextafter(square, 0.0)
    return square


def sweep(rule, surface, start=None, steps=200, *, tol=1e-6, limit=1e9, unstable=False, **hyper):
    """Run a rule once for every combination of the hyper-parameter arrays you give.

    Each hyper-parameter is a number (fixed) or a 1-D array (an axis of the grid, in the order
    given).  ``start``, ``steps``, ``limit`` and ``unstable`` are those of ``descend``; ``tol``
    is the relative distance that counts as converged.  Every cell equals the single run with
    the same setting bit for bit.  Returns a :class:`Sweep`.

    Raises TypeError and ValueError for bad input, and ValueError if the surface returns NaN.
    """
    check_rule(rule)
    check_surface(surface)
    steps, limit = check_steps(steps), check_limit(limit)
    start = check_start(surface, start)
    full = check_hyper(rule, hyper, unstable=unstable)
    if not 0 < tol < 1:
        raise ValueError(f"tol is {tol!r}; allowed: a relative distance between 0 and 1, such as 1e-6.")
    axes = {name: np.asarray(value, dtype=float) for name, value in hyper.items() if np.ndim(value)}
    for name, axis in axes.items():
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(f"{name} has shape {axis.shape}; allowed: a number or a non-empty 1-D array.")
    shape = tuple(len(axis) for axis in axes.values())

    timed = {}
    for name, value in full.items():
        place = list(axes).index(name) if name in axes else None
        sizes = [1] * max(len(shape), 1)
        if place is not None:
            sizes[place] = len(axes[name])
        timed[name] = np.asarray(value, dtype=start.dtype).reshape(1, *sizes)

    grid = shape or (1,)
    theta = np.ascontiguousarray(np.broadcast_to(start.reshape(-1, *[1] * len(grid)), (len(start), *grid)))
    bound = limit * max(1.0, float(np.abs(start).max()))
    minima = getattr(surface, "minima", None)
    reach = _reach(distance_to_go(surface, start), tol) if minima else None

    diverged_at = np.zeros(grid, dtype=int)
    last_above = np.zeros(grid, dtype=int)
    point = rule.read(theta, *rule.init(theta), **{name: value[0] for name, value in timed.items()})
    run = walk(rule, open_stream(surface), theta, timed, steps)
    with np.errstate(all="ignore"):
        for t, look, grad, theta, state, now in run:
            point = rule.read(theta, *state, **now)
            if not (_all_inside(theta, bound) and (rule.read_fn is None or _all_inside(point, bound))):
                escaped = (diverged_at == 0) & ~(np.abs(theta).max(axis=0) <= bound)
                if rule.read_fn:
                    escaped |= (diverged_at == 0) & ~(np.abs(point).max(axis=0) <= bound)
                bad = escaped & np.isnan(grad).any(axis=0) & (np.abs(look).max(axis=0) <= bound)
                if bad.any():
                    cell = np.unravel_index(np.argmax(bad), grid)
                    reject_nan(surface, "gradient", grad[(slice(None), *cell)], look[(slice(None), *cell)], t)
                diverged_at[escaped] = t
            if minima:
                np.copyto(last_above, t, where=~(square_distance(minima, point) <= reach))
        alive = diverged_at == 0
        points = np.where(alive, point, 0)
        values = np.where(alive, surface.value(points), np.inf)
        if np.isnan(values).any():
            cell = np.unravel_index(np.argmax(np.isnan(values)), grid)
            reject_nan(surface, "value", values[cell], points[(slice(None), *cell)], steps)
        errors = steps_to = None
        if minima:
            errors = np.where(alive, relative_distance(surface, points, start), np.inf)
            steps_to = np.where(alive & (last_above < steps), last_above + 1.0, np.inf)

    def out(array):
        return None if array is None else array.reshape((*array.shape[: array.ndim - len(grid)], *shape))[()]

    return Sweep(
        rule=rule,
        surface=surface,
        axes=axes,
        fixed={name: float(value) for name, value in full.items() if name not in axes},
        tol=tol,
        points=out(points),
        values=out(values),
        errors=out(errors),
        steps=out(steps_to),
        diverged_at=out(diverged_at),
    )
