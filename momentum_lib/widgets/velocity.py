"""The velocity, drawn: the gradients of the past laid tip to tail at the ball, each faded by the momentum, and their sum."""

import numpy as np

from .. import rules, surfaces
from ..core import descend
from ._base import INK, Choice, Integer, LiveFigure, Number, canvas, contours, stroke

STEPS, GHOSTS, LR, ANGLE, START = 24, 10, 0.05, 0.3, (-2.7, 0.5)
RAVINE = surfaces.ravine(kappa=25, angle=ANGLE)
DOMAIN = ((-3.1, 2.0), (-1.95, 1.4))
AXES = np.array([[np.cos(ANGLE), np.sin(ANGLE)], [-np.sin(ANGLE), np.cos(ANGLE)]])
"""The directions along the valley and across it."""


def sentence(step, beta, kept):
    """What a state says; ``kept`` is the part of the terms' length that their sum keeps, along the valley and across it."""
    if step == 0:
        return "At the start nothing is remembered: the velocity is the first gradient."
    if beta == 0:
        return f"With momentum 0 only the last gradient counts: step {step} is gradient descent's."
    along, across = (f"{int(100 * part + 0.5)} %" for part in kept)
    return (
        f"At step {step}, with momentum {beta:.3g}, the arrows' sum keeps {along} of their length along the valley and {across} "
        "of it across."
    )


class Velocity(LiveFigure):
    """Heavy ball on a ravine of condition number 25, stopped at one step: its velocity as a chain of faded gradients.

    ``beta``  momentum, 0 to 0.97
    ``step``  the step now shown, 0 to 24
    ``view``  "together", or only what lies "along" the valley or "across" it

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "velocity"
    title = "The velocity is the sum of the gradients so far, each a little faded"
    caption = (
        "Each arrow is a gradient times the learning rate, downhill; one that is a step older is shorter by the momentum. Along "
        "the valley the arrows add up; across it they fold back on themselves."
    )

    beta = Number(0.8, 0, 0.97)
    step = Integer(5, 0, STEPS)
    view = Choice("together", ["together", "along", "across"])

    def path(self):
        """The whole run, as :func:`momentum_lib.descend` returns it."""
        return descend(rules.heavy_ball, RAVINE, START, steps=STEPS + 1, lr=LR, beta=self.beta)

    def terms(self):
        """The parts of the next step, newest first, shape (step + 1, 2), in theta: minus lr beta^age times a gradient."""
        gradients = self.path().gradients[self.step :: -1][: self.step + 1]
        return -LR * self.beta ** np.arange(self.step + 1)[:, None] * gradients

    def numbers(self):
        """What the figure shows, as plain data; the last of ``terms`` is all that is older than ten steps."""
        path, terms = self.path(), self.terms()
        shown = np.vstack([terms[: GHOSTS + 1], terms[GHOSTS + 1 :].sum(0, keepdims=True)[: len(terms) > GHOSTS + 1]])
        parts = AXES @ terms.T
        kept = (abs(parts.sum(1)) / abs(parts).sum(1)).tolist()
        return {
            "path": path.points.ravel().tolist(),
            "terms": shown.ravel().tolist(),
            "next": path.points[self.step + 1].tolist(),
            "kept": kept,
            "said": sentence(self.step, self.beta, kept),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        return f"A ball in a ravine, {len(self.terms())} gradients tip to tail, and their sum. {self.numbers()['said']}"

    def picture(self):
        """The ball, the chain of arrows and their sum."""
        figure, (ax,) = canvas(height=4.4)
        contours(RAVINE, ax, domain=DOMAIN)
        path, blue, orange = self.path(), stroke("momentum")["color"], stroke("gradient")["color"]
        ax.plot(*path.points[: self.step + 1].T, color=blue, linewidth=1, alpha=0.4, marker="o", markersize=2.5)
        ax.plot(0, 0, "x", color=INK, markersize=6)
        tails = np.vstack([path.points[self.step], path.points[self.step] + np.cumsum(self.terms(), 0)])
        draw = {"textcoords": "data", "annotation_clip": False}
        for age, (tail, tip) in enumerate(zip(tails[:-1], tails[1:], strict=True)):
            style = {"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "color": blue if age else orange}
            ax.annotate("", tip, tail, arrowprops={**style, "alpha": max(0.25, self.beta**age), "linewidth": 1.4}, **draw)
        whole = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "color": blue, "linewidth": 3}
        ax.annotate("", tails[-1], tails[0], arrowprops=whole, **draw)
        ax.plot(*tails[0], "o", color=blue, markersize=8)
        return figure
