"""A differential equation as a field of slopes, its solution, and the steps that follow one slope at a time."""

import numpy as np

from .. import rules, surfaces
from ..core import descend
from ._base import INK, QUIET, LiveFigure, Number, canvas, stroke

TIME, HEIGHT = 8.0, 2.4
LINE = surfaces.quadratic([1.0])
"""x^2 / 2, whose slope is x: following it downhill is x' = -x."""


class Euler(LiveFigure):
    """Steps along the slopes of x' = -x, and its solution x(0) e^-t, over eight units of time.

    ``h``      the time that each step takes, 0.05 to 2.5; also the learning rate of gradient descent on x^2 / 2
    ``start``  x at time 0, -2 to 2

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "euler"
    title = "The equation says which way to go; make the steps longer, until they miss it"
    caption = (
        "The short strokes are the slopes that the equation x' = -x prescribes. The smooth curve obeys them everywhere, the "
        "dots only where they are. Each step is a step of gradient descent on half of x squared, with the time of a step as its "
        "learning rate."
    )

    h = Number(0.5, 0.05, 2.5)
    start = Number(1.8, -2, 2)

    def numbers(self):
        """What the figure shows, as plain data: x after each step, the factor of a step, and the largest gap to the
        solution at the times of the steps."""
        steps = int(TIME / self.h + 1e-9)
        x = descend(rules.gradient_descent, LINE, [self.start], steps=steps, lr=self.h).points[:, 0]
        truth = self.start * np.exp(-self.h * np.arange(len(x)))
        return {"x": x.tolist(), "factor": 1 - self.h, "gap": float(np.abs(x - truth).max())}

    @property
    def _told(self):
        if self.h < 1:
            return "the steps fall towards zero without crossing it"
        if self.h < 2:
            return "the steps land at or beyond zero, and still close in on it"
        return "the steps never come closer"

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        return (
            f"A smooth curve runs from {self.start:.3g} towards zero along a field of slopes; steps of {self.h:.3g} follow it "
            f"within {found['gap']:.2g}, and {self._told}."
        )

    def picture(self):
        """Slopes, solution and steps against time."""
        figure, (ax,) = canvas(width=8.6, height=3.6)
        t, x = np.meshgrid(np.linspace(0.2, TIME - 0.2, 20), np.linspace(-HEIGHT + 0.2, HEIGHT - 0.2, 13))
        half = 0.12 / np.hypot(1, x)  # strokes of one length
        ax.plot(*np.stack([[t - half, t + half], [x + half * x, x - half * x]]).reshape(2, 2, -1), color=QUIET, linewidth=0.8)
        fine, found = np.linspace(0, TIME, 200), self.numbers()["x"]
        ax.plot(fine, self.start * np.exp(-fine), color=INK, linewidth=1.6)
        ax.plot(self.h * np.arange(len(found)), found, color=stroke("gradient")["color"], linewidth=1.4, marker="o", markersize=4)
        ax.set(xlim=(0, TIME), ylim=(-HEIGHT, HEIGHT), xlabel="time", ylabel="x")
        return figure
