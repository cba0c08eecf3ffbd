"""Rods: the singular values of a matrix, evened out by Newton-Schulz, step by step."""

import numpy as np

from .. import theory
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Numbers, canvas, many, stroke

NAMES = tuple(f"s{k}" for k in range(1, 7))
LOW, MOST = 1e-3, 8
"""The smallest value that the best polynomials are made for, and how many steps there are at most."""
POLYNOMIALS = {**theory.POLYNOMIALS, "best": theory.best_quintics(LOW, MOST)}
TITLES = {"muon": "Muon’s polynomial", "cubic": "the cubic", "best": "the best polynomials"}


class Rods(LiveFigure):
    """Six singular values and what so many steps of an odd polynomial make of them.

    ``values``      s1 to s6, each 0 to 1; they are divided by their norm first, as Muon does
    ``polynomial``  "muon" (3.4445, -4.7750, 2.0315 in every step), "cubic" (1.5, -0.5), or "best" (another one each step)
    ``steps``       0 to 8

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "rods"
    title = "Long rods and short ones, brought to one length"
    caption = (
        "Each rod is a singular value of a matrix: the outline before, divided by the norm; the filled rod after the steps of "
        "the polynomial. Where all have length one the matrix is U V′. The curve is what the same steps make of any value."
    )

    values = Numbers(
        dict(zip(NAMES, (0.8, 0.5, 0.28, 0.15, 0.07, 0.02), strict=True)),
        {name: (0, 1) for name in NAMES},
    )
    polynomial = Choice("muon", list(POLYNOMIALS))
    steps = Integer(5, 0, MOST)

    def numbers(self):
        """What the figure shows, as plain data: ``path`` (steps+1, 6), the values step by step.

        ``least`` and ``most`` are those at its end, over the values that are not zero; None where all are.
        """
        path = theory.newton_schulz(list(self.values.values()), self.steps, POLYNOMIALS[self.polynomial])
        alive = path[-1][path[0] > 0]
        return {
            "path": path,
            "least": float(alive.min()) if alive.size else None,
            "most": float(alive.max()) if alive.size else None,
        }

    def curve(self, x):
        """What the steps make of values x, an array."""
        rows, y = POLYNOMIALS[self.polynomial], np.asarray(x, dtype=float)
        for k in range(self.steps):
            y = theory.odd_quintic(y, *rows[min(k, len(rows) - 1)])
        return y

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        if found["least"] is None:
            return f"All six singular values are 0, and so they are after {many(self.steps, 'step')}."
        first = found["path"][0][found["path"][0] > 0]
        return (
            f"{len(first)} singular values from {first.min():.3g} to {first.max():.3g}; after {many(self.steps, 'step')} of "
            f"{TITLES[self.polynomial]} they lie between {found['least']:.3g} and {found['most']:.3g}."
        )

    def picture(self):
        """The rods; the curve with their ends on it."""
        path, look = self.numbers()["path"], stroke("matrix")
        figure, (rods, curve) = canvas(width=7.2, height=3.2, columns=(1.2, 1))
        at = np.arange(len(NAMES))
        rods.bar(at, path[-1], width=0.5, color=look["color"], alpha=0.75)
        rods.bar(at, path[0], width=0.5, fill=False, edgecolor=INK, linewidth=1.2)
        rods.axhline(1, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        top = 2.1 if self.polynomial == "best" else 1.3  # between its steps the best one goes up to 2
        rods.set(ylim=(0, top), ylabel="singular value")
        rods.set_xticks(at, [f"σ{k}" for k in "₁₂₃₄₅₆"])
        x = np.geomspace(LOW, 1, 400)
        curve.plot(x, self.curve(x), color=look["color"], linewidth=1.6)
        seen = path[0] >= LOW
        curve.plot(path[0][seen], path[-1][seen], "o", color=look["color"], markersize=6)
        curve.axhline(1, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        curve.set(xscale="log", xlim=(LOW, 1), ylim=(0, top), xlabel="value before", ylabel="value after")
        return figure
