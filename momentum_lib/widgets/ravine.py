"""The ravine: gradient descent in a valley, from a start that the reader drags."""

import math

import numpy as np

from .. import rules, surfaces
from ..core import descend
from ._base import INK, Integer, LiveFigure, Number, Point, canvas, contours, many, show, stroke

TOLERANCE = 1e-6
BUDGET = 10_000


def needed(rate):
    """How many steps decide whether the budget suffices: at ``rate`` per step the tolerance is reached in so many, or never."""
    return min(BUDGET, math.ceil(math.log(TOLERANCE) / math.log(rate)) + 1) if 0 < rate < 1 else BUDGET


class Ravine(LiveFigure):
    """Gradient descent on ``surfaces.ravine``: start, learning rate and conditioning under the reader's hand.

    ``start``  two floats, inside the surface's domain (theta)
    ``lr``     learning rate, 1e-5 to 10 (theta^2 / f); stable below 2 / kappa
    ``kappa``  condition number, 1 to 1000
    ``angle``  rotation in radians, -pi/2 to pi/2
    ``steps``  steps drawn, 1 to 1000

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "ravine"
    title = "One learning rate for two directions: across the valley and along it"
    caption = (
        "The path of gradient descent on the map of a ravine. Across the valley the slope is steep, along it gentle, and one "
        "learning rate has to serve both. The other plot is the distance to the minimum, and its two components."
    )

    start = Point((-2.6, 0.6), surfaces.ravine.domain)
    lr = Number(0.07, 1e-5, 10)
    kappa = Number(25, 1, 1000)
    angle = Number(0.3, -math.pi / 2, math.pi / 2)
    steps = Integer(100, 1, 1000)

    @property
    def surface(self):
        """The ravine of the current state."""
        return surfaces.ravine(kappa=self.kappa, angle=self.angle)

    def path(self, steps=None):
        """The run now drawn, as :func:`momentum_lib.descend` returns it."""
        return descend(rules.gradient_descent, self.surface, start=self.start, steps=steps or self.steps, lr=self.lr)

    @property
    def _still(self):
        """Whether the start is the minimum itself: then nothing moves, and a relative distance means nothing."""
        return not any(self.start)

    def _error(self, path):
        return np.zeros(len(path.points)) if self._still else path.error

    def numbers(self):
        """What the figure shows, as plain data: the path and the read-outs."""
        along, across = abs(1 - self.lr), abs(1 - self.lr * self.kappa)
        path, long = self.path(), self.path(needed(max(along, across)))
        error = self._error(path)
        return {
            "path": path.points,
            "errors": error,
            "diverged_at": path.diverged_at,
            "steps_to": 0 if self._still else long.steps_to(TOLERANCE),
            "never_at": long.diverged_at,
            "predicted": max(along, across),
            "pace": "both" if abs(along - across) < 1e-12 else "along" if along > across else "across",
            "measured": measured_rate(error),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        where = (
            f"Gradient descent from ({self.start[0]:.3g}, {self.start[1]:.3g}) in a ravine of condition number {self.kappa:g}, "
            f"learning rate {self.lr:.4g}"
        )
        if self._still:
            return f"{where}: the start is the minimum, and the path stays there for all {self.steps} steps."
        across = "" if found["pace"] == "both" else f"{found['pace']} the valley "
        if found["never_at"]:
            return f"{where}: the steps {across}grow by the factor {_factor(found['predicted'])} each and the run diverges."
        needs = many(found["steps_to"], "step") if found["steps_to"] is not None else f"more than {many(BUDGET, 'step')}"
        alike, alone = ("grow", "it grows") if found["predicted"] > 1 else ("shrink", "it is slowest")
        pace = f"both directions {alike} alike" if found["pace"] == "both" else f"{alone} {across.strip()}"
        return (
            f"{where}: the path {'zigzags across' if self.lr * self.kappa > 1 else 'slides down into'} the valley and takes "
            f"{needs} to a millionth of the distance, {_factor(found['predicted'])} per step; {pace}."
        )

    def picture(self):
        """The path on the contours, and the distance against the step."""
        path, surface = self.path(), self.surface
        points = path.points
        figure, (plane, fall) = canvas(columns=(1.55, 1))
        contours(surface, plane)
        (x0, x1), (y0, y1) = surface.domain
        outside = (points[:, 0] < x0) | (points[:, 0] > x1) | (points[:, 1] < y0) | (points[:, 1] > y1)
        gone = np.flatnonzero(outside[:-1] & outside[1:])  # alternate steps lie on opposite sides of the valley
        flies = abs(1 - self.lr * self.kappa) > 1 and gone.size  # a run that diverges is drawn until it has left the picture
        shown = points[: gone[0] + 1] if flies else points
        line = stroke("gradient")
        plane.plot(*shown.T, **line)
        plane.plot(*shown.T, ".", color=line["color"], markersize=4)
        plane.plot(*self.start, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        plane.plot(0, 0, "x", color=INK, markersize=6)
        turn = np.array([[math.cos(self.angle), -math.sin(self.angle)], [math.sin(self.angle), math.cos(self.angle)]])
        parts = np.maximum(np.abs(points @ turn) / (np.hypot(*self.start) or 1), 1e-12)  # a log axis has no zero
        t = np.arange(len(points))
        fall.semilogy(t, np.maximum(self._error(path), 1e-12), **line)
        for values, dash, name in zip(parts.T, ((5, 2), (1, 2)), ("along", "across"), strict=True):
            fall.semilogy(t, values, color=INK, linewidth=1, linestyle=(0, dash))
            k = len(t) // 4
            if 1e-6 < values[k] < 5:
                fall.annotate(name, (k, values[k]), (5, 5), textcoords="offset points", color=INK, fontsize=9)
        fall.axhline(TOLERANCE, color=INK, linewidth=0.6, linestyle=(0, (2, 4)))
        fall.set(ylim=(3e-8, 10), xlim=(0, max(self.steps, 2)), xlabel="step")
        fall.set_title("distance to the minimum (start = 1)", color=INK, fontsize=9, loc="left")
        fall.set_yticks([1e-6, 1e-4, 1e-2, 1])
        fall.minorticks_off()
        return figure


def _factor(rate):
    """What a distance is multiplied by in a step: a rate that is far above 1 needs no decimals."""
    return f"{rate:.4f}" if rate < 2 else show(rate)


def measured_rate(error):
    """The factor by which the error shrinks per step, over the second half of a run; None where none is left."""
    end = len(error) - 1
    while end > 0 and error[end] == 0:
        end -= 1
    begin = end // 2
    return float((error[end] / error[begin]) ** (1 / (end - begin))) if end > begin and error[begin] > 0 else None
