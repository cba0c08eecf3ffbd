"""The stage: one ravine, two balls, and one dial, the memory that only one of them has."""

from .. import rules, surfaces, theory
from ..core import descend
from ._base import INK, LiveFigure, Number, Point, canvas, contours, stroke

STEPS, KAPPA = 20, 25
RAVINE = surfaces.ravine(kappa=KAPPA, angle=0.3)
FRAME = ((-3.15, 5.0), (-1.95, 1.45))
"""Of the static picture; the live one is as wide as the page is."""


def _short(number, digits=3):
    """A number as js/kit/dom.js shows it where it is neither tiny nor huge."""
    return f"{number:.{digits}g}" if abs(number) < 10**digits else f"{number:.0f}"


def percent(part):
    """A part of the first distance in percent, short."""
    return "flies off" if part > 9.99 else f"{_short(100 * part, 1 if 100 * part < 9.5 else 2)} %"


def _remains(part):
    said = percent(part)
    return f"{said} left" if said.endswith("%") else said


def _times(ratio):
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def sentence(beta, lr, plain, ball):
    """What a state says: ``plain`` and ``ball`` are the parts of the distance left to gradient descent and to heavy ball."""
    memory, after = f"memory {_short(beta)}", f"after {STEPS} steps"
    if plain == 0 and ball == 0:
        return "Both balls start at the minimum, and stay there."
    if lr > theory.momentum_edge(KAPPA, beta):
        return "At this learning rate both balls climb the walls and fly off; a lower rate holds them."
    if lr > theory.momentum_edge(KAPPA, 0):
        return (
            f"At this learning rate the ball without memory flies off; with {memory}, {percent(ball)} of the distance is left "
            f"{after}."
        )
    if beta == 0:
        return f"With memory 0 the two balls are one: {percent(ball)} of the distance is left {after}."
    if ball == 0:
        return f"With {memory} the ball lies at the minimum {after}."
    ratio = plain / ball
    if ratio >= 1.05:
        return f"With {memory} the blue ball is {_times(ratio)} times nearer than the orange one {after}."
    if ratio > 0.95:
        return f"With {memory} the two balls are equally near {after}."
    return (
        f"With {memory} the blue ball swings out and past: {after} it is {_times(1 / ratio)} times farther away than the orange "
        "one."
    )


class Stage(LiveFigure):
    """Twenty steps of gradient descent and of heavy ball on a ravine of condition number 25, from one start, at one rate.

    ``start``  two floats, -3 to 2 and -1.8 to 1.3 (theta)
    ``beta``   the memory of the second ball: heavy ball's momentum, 0 to 0.99
    ``lr``     learning rate of both, 0.005 to 0.12 (theta^2 / f); without memory stable below 0.08

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "stage"
    title = "Two balls roll down one ravine. Only the blue one remembers."
    caption = (
        "Gradient descent and heavy ball, as many steps each, from one start and at one learning rate, on a ravine that is far "
        "steeper across than along."
    )

    start = Point((-2.7, 0.5), ((-3, 2), (-1.8, 1.3)))
    beta = Number(0.52, 0, 0.99)
    lr = Number(0.0769, 0.005, 0.12)

    def paths(self):
        """Rule name -> the run, as :func:`momentum_lib.descend` returns it."""
        settings = {"gradient_descent": {}, "heavy_ball": {"beta": self.beta}}
        return {
            rule: descend(rules.get(rule), RAVINE, start=self.start, steps=STEPS, lr=self.lr, **memory)
            for rule, memory in settings.items()
        }

    def numbers(self):
        """What the figure shows, as plain data: x, then y, of each point of each path; the parts of the distance that are
        left to each; the sentence that the state makes."""
        paths = self.paths()
        left = [float(path.error[-1]) if any(self.start) else 0.0 for path in paths.values()]
        found = {name: path.points.ravel().tolist() for name, path in paths.items()}
        return {**found, "left": left, "said": sentence(self.beta, self.lr, *left)}

    def alt(self):
        """What the picture says, with its numbers."""
        x, y = self.start
        return (
            f"Two paths in a ravine from ({x:.3g}, {y:.3g}) at learning rate {self.lr:.3g}, without memory and with momentum "
            f"{self.beta:.3g}. {self.numbers()['said']}"
        )

    def picture(self):
        """Both paths from above."""
        figure, (ax,) = canvas(height=3.05)
        contours(RAVINE, ax, domain=FRAME)
        (_, right), (_, top) = FRAME
        left = self.numbers()["left"]
        told = ("without memory", f"with memory {self.beta:.3g}")
        rows = zip(("gradient", "momentum"), self.paths().values(), told, left, (0.25, 0.5), strict=True)
        for look, path, name, part, below in rows:
            style = stroke(look)
            ax.plot(*path.points.T, **style, marker="o", markersize=2.5)
            ax.plot(*path.points[-1], "o", color=style["color"], markersize=8)
            ax.text(
                right - 0.1, top - below, f"{name}: {_remains(part)}", color=style["color"], ha="right", fontsize=9
            )  # fmt: skip
        ax.plot(*self.start, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        ax.plot(0, 0, "x", color=INK, markersize=6)
        return figure
