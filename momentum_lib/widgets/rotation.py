"""The rotation test under the hand: turn a problem against the coordinates, and see which rules lose by it."""

import numpy as np

from .. import rules
from ..notation import LOOKS
from . import turning
from ._base import INK, QUIET, Choice, LiveFigure, Number, canvas

TITLES = {
    "adam": "Adam",
    "lion": "Lion",
    "signum": "Signum",
    "gradient_descent": "gradient descent",
    "heavy_ball": "heavy ball",
    "muon": "Muon",
    "muon_0": "Muon, no memory",
    "shampoo": "Shampoo",
}
"""The rows in their order: first the rules whose steps lie along the coordinates."""
RANGE = (4e-8, 0.2)
CURVATURES = np.array([0.25, 1.0])
"""Of the two directions that the plane shows, the flat one first."""
POINT = np.array([1.1, 0.42])
"""Where the step is taken, along these two directions."""
REACH = 0.44
"""The length that stands for a step of size 1."""


def look_of(side):
    """The family in whose colour a side is drawn."""
    return rules.get(turning.SIDES[side][0]).family


def shares(angle):
    """Side -> (geometric mean over the problems of the share of the loss that is left, factor of one standard deviation).

    Measured every five degrees; between them the logarithms are interpolated.
    """
    found = {}
    for side in TITLES:
        logs = np.log(turning.load()[side])
        mean, spread = (np.interp(angle, turning.ANGLES, row) for row in (logs.mean(1), logs.std(1, ddof=1)))
        found[side] = (float(np.exp(mean)), float(np.exp(spread)))
    return found


def unit_steps(angle):
    """The plane's own part: the point, its gradient, and the step of size 1 under each norm, all (2,) in coordinates.

    The problem has two directions, turned by ``angle`` degrees.  Euclid's step goes against the gradient, the
    maximum norm's against its sign in coordinates, the spectral norm's against its sign along the problem's own directions.
    """
    q = turning.turn(angle, 2)
    own = CURVATURES * POINT
    return {
        "point": q @ POINT,
        "gradient": q @ own,
        "euclid": -REACH * (q @ own) / np.linalg.norm(own),
        "maximum": -REACH * np.sign(np.round(q @ own, 12)),
        "spectral": -REACH * (q @ np.sign(own)),
    }


class Rotation(LiveFigure):
    """The share of the loss that each rule leaves on a matrix problem, turned by an angle against the coordinates.

    ``angle``  degrees, 0 (along the coordinates) to 90 (along them again); at 45 the problem lies across all of them
    ``norm``   whose step the plane shows: "all", "euclid", "maximum" or "spectral"

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "rotation"
    title = "Turn the problem: some rules notice, some do not"
    caption = (
        "Marks: the share of the loss that each rule leaves after a hundred steps, at its own best rate, on a problem of "
        "a matrix of weights whose directions are turned against the coordinates. Hollow marks: the problem untouched; bands: "
        "the spread of five problems. The plane has two of the problem’s directions, and one step of unit size in three norms: "
        "the maximum norm’s dashed square keeps to the coordinates, the spectral norm’s turns with the problem."
    )

    angle = Number(0, 0, 90)
    norm = Choice("all", ["all", "euclid", "maximum", "spectral"])

    def numbers(self):
        """What the figure shows, as plain data: ``left``, ``spread``, ``untouched`` by side, and what ``unit_steps`` has."""
        now, before = shares(self.angle), shares(0)
        return {
            "left": {side: share for side, (share, _) in now.items()},
            "spread": {side: factor for side, (_, factor) in now.items()},
            "untouched": {side: share for side, (share, _) in before.items()},
            **unit_steps(self.angle),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        left, before = found["left"], found["untouched"]
        told = ", ".join(f"{TITLES[side]} {left[side]:.1e} ({left[side] / before[side]:.2g} times)" for side in TITLES)
        return (
            f"Turned by {self.angle:.3g} degrees, of the loss is left, and so many times as much as untouched: {told}. "
            "The maximum norm's step lies along the coordinates, the spectral norm's along the problem."
        )

    def picture(self):
        """The rows of marks; the plane with the three steps."""
        found = self.numbers()
        figure, (rows, plane) = canvas(width=7.6, height=3.6, columns=(1.5, 1))
        for k, side in enumerate(TITLES):
            look = LOOKS[look_of(side)]
            now, before, spread = (found[name][side] for name in ("left", "untouched", "spread"))
            marker = {"dot": ".", "disc": "o", "square": "s", "diamond": "D", "cross": "X"}[look.marker]
            rows.plot([before, now], [k, k], color=look.light, linewidth=1.2)
            rows.plot([now / spread, now * spread], [k, k], color=look.light, linewidth=3, alpha=0.35)
            rows.plot(before, k, marker, markersize=8, markerfacecolor="none", markeredgecolor=look.light)
            rows.plot(now, k, marker, markersize=8, color=look.light)
        rows.set(xscale="log", xlim=RANGE, ylim=(len(TITLES) - 0.4, -0.6), xlabel="share of the loss left after 100 steps")
        rows.set_yticks(range(len(TITLES)), list(TITLES.values()))
        rows.tick_params(axis="y", length=0)
        self._draw_plane(plane, found)
        return figure

    def _draw_plane(self, plane, found):
        q = turning.turn(self.angle, 2)
        turn = np.linspace(0, 2 * np.pi, 121)
        for level in (0.5, 1.0, 1.5):
            ring = q @ (level * np.array([np.cos(turn), np.sin(turn) * np.sqrt(CURVATURES[0] / CURVATURES[1])]))
            plane.plot(*ring, color=QUIET, linewidth=0.8)
        x, y = found["point"]
        corners = REACH * np.array([[1, 1, -1, -1, 1], [1, -1, -1, 1, 1]])
        shapes = {
            "euclid": ("gradient", REACH * np.array([np.cos(turn), np.sin(turn)])),
            "maximum": ("sign", corners),
            "spectral": ("matrix", q @ corners),
        }
        for norm, (family, shape) in shapes.items():
            if self.norm in ("all", norm):
                look = LOOKS[family]
                # where the two squares lie on each other, the dashed one on top shows both
                dash, order = ((0, (4, 3)), 5) if norm == "maximum" else ("-", 3)
                plane.plot(x + shape[0], y + shape[1], color=look.light, linewidth=1.5, linestyle=dash, zorder=order)
                plane.annotate(
                    "",
                    found["point"] + found[norm],
                    found["point"],
                    arrowprops={"arrowstyle": "->", "color": look.light, "lw": 1.8, "linestyle": dash},
                    zorder=order,
                )
        plane.plot(x, y, "o", color=INK, markersize=4)
        plane.set(xlim=(-1.75, 1.75), ylim=(-1.75, 1.75), aspect="equal")
        plane.set_axis_off()
