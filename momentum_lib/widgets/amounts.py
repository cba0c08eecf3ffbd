"""Too little momentum, the right amount, too much: three paths of heavy ball side by side, moving together."""

from .. import rules, surfaces, theory
from ..core import descend
from ._base import QUIET, LiveFigure, Number, canvas, contours, stroke

RAVINE = surfaces.ravine(kappa=25, angle=0.3)
START, STEPS = (-2.7, 0.5), 30
LR = theory.best_gradient_descent(1, 25).lr
"""Gradient descent's best rate: all three paths have it, and with momentum 0 gradient descent itself."""
DOMAIN = ((-3.0, 3.0), (-1.9, 1.9))
NAMES = {"little": "too little", "right": "the right amount", "much": "too much"}


class Amounts(LiveFigure):
    """Thirty steps of heavy ball on a ravine of condition number 25 with three momenta, at one learning rate.

    ``little``  momentum of the first path, 0 to 0.99
    ``right``   of the second; at first the one that damps the flat direction critically
    ``much``    of the third

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "amounts"
    title = "Three momenta in one ravine: which one crawls, which swings, which arrives?"
    caption = (
        "The same ravine, the same start, the same learning rate; only the momentum differs. Heavy ball at gradient descent's "
        "own best rate."
    )

    little = Number(0.1, 0, 0.99)
    right = Number(round(theory.critical_beta(LR, 1), 3), 0, 0.99)
    much = Number(0.95, 0, 0.99)

    def paths(self):
        """Name -> the run with that momentum."""
        return {name: descend(rules.heavy_ball, RAVINE, START, steps=STEPS, lr=LR, beta=getattr(self, name)) for name in NAMES}

    def numbers(self):
        """What the figure shows, as plain data: x, then y, of each point of each path, and the part of the distance to the
        minimum that is left at its end."""
        found = self.paths()
        return {
            **{name: path.points.ravel().tolist() for name, path in found.items()},
            "left": [float(path.error[-1]) for path in found.values()],
        }

    def alt(self):
        """What the picture says, with its numbers."""
        told = "; ".join(
            f"with momentum {getattr(self, name):.3g} {path.error[-1]:.2g} of the distance is left"
            for name, path in self.paths().items()
        )
        return f"Three paths in the same ravine after {STEPS} steps: {told}."

    def picture(self):
        """The three paths from above."""
        figure, axes = canvas(width=8.6, height=2.3, columns=(1, 1, 1))
        look = stroke("momentum")
        for ax, (name, path) in zip(axes, self.paths().items(), strict=True):
            contours(RAVINE, ax, DOMAIN)
            ax.plot(*path.points.T, color=look["color"], linewidth=1.3, marker="o", markersize=2.4)
            ax.plot(*START, "o", markersize=7, markerfacecolor="none", markeredgecolor=look["color"], markeredgewidth=1.4)
            ax.plot(0, 0, "x", color=QUIET, markersize=6)
            beta, first = getattr(self, name), self.spec()[name]["initial"]
            ax.set_title(
                f"{NAMES[name]}: β = {beta:.3g}" if beta == first else f"β = {beta:.3g}", fontsize=9, color=look["color"]
            )
        return figure
