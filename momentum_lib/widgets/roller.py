"""The hill roller: a ball in a rough landscape, and where its energy goes, step by step."""

import numpy as np
import traitlets

from .. import rules, surfaces
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, canvas, many, stroke

LIMIT = 1e6
LONG = 20_000
"""How many steps a run may take to come to rest."""
LANDSCAPES = {
    "ripples": {
        "surface": surfaces.rippled_bowl(ripple=0.2, frequency=8),
        "frame": ((-3.5, 3.5), (0, 6.8)),
        "rates": (1e-3, 0.15),
        "begin": {"start": 3.0, "lr": 0.01, "beta": 0.9, "steps": 80},
    },
    "plateau": {
        "surface": surfaces.plateau,
        "frame": ((-4.5, 4.5), (0, 1.2)),
        "rates": (0.01, 4),
        "begin": {"start": -3.5, "lr": 0.5, "beta": 0.9, "steps": 100},
    },
    "crevice": {
        "surface": surfaces.crevice,
        "frame": ((-2.5, 5.5), (0, 11)),
        "rates": (2e-4, 0.05),
        "begin": {"start": -2.0, "lr": 0.002, "beta": 0.95, "steps": 150},
    },
}
"""Name -> surface, what is shown of it, the learning rates of the slider, and where a change to it begins."""


def height(landscape, x):
    """f at positions x, an array; of a surface with two coordinates the cut along its first axis."""
    surface, x = LANDSCAPES[landscape]["surface"], np.asarray(x, dtype=float)
    return surface.fn(*([x, 0.0][: surface.dim]), **surface.params)


def slope(landscape, x):
    """The derivative of ``height``, of the shape of x."""
    surface = LANDSCAPES[landscape]["surface"]
    found = surface.grad_fn(*([x, 0.0][: surface.dim]), **surface.params)
    return found if surface.dim == 1 else found[0]


def rest_points(landscape, parts=2000):
    """Valleys and ridges inside the frame, two lists of positions: where the slope turns to rising, and to falling.

    Found between ``parts`` equal pieces of the frame, then by bisection.
    """
    low, high = LANDSCAPES[landscape]["frame"][0]
    at = low + (high - low) * np.arange(parts + 1) / parts
    found = slope(landscape, at)
    valleys, ridges = [], []
    for k in range(parts):
        if found[k] == 0 or (found[k] < 0) == (found[k + 1] < 0):
            if found[k] == 0 and k:
                (valleys if found[k - 1] < 0 else ridges).append(float(at[k]))
            continue
        if found[k + 1] == 0:
            continue  # the next piece begins there
        a, b = at[k], at[k + 1]
        for _ in range(50):
            middle = (a + b) / 2
            a, b = (middle, b) if (slope(landscape, middle) < 0) == (found[k] < 0) else (a, middle)
        (valleys if found[k] < 0 else ridges).append(float((a + b) / 2))
    return valleys, ridges


def roll(landscape, start, lr, beta, steps):
    """Heavy ball from rest: positions, shape (n+1,); cut where they pass 1e6."""
    x, state, hyper = float(start), (0.0,), {"lr": lr, "beta": beta}
    path = [x]
    for t in range(1, steps + 1):
        x, state = rules.heavy_ball.step(x, float(slope(landscape, x)), state, hyper, t)
        if not abs(x) <= LIMIT:
            break
        path.append(x)
    return np.array(path)


def books(landscape, path, lr, beta):
    """The energy of a run, row by row: potential, kinetic, friction, finite; each of shape (n+1,), in units of f.

    potential  f
    kinetic    step^2 / (2 lr): mass 1, and a step lasts sqrt(lr)
    friction   what it has taken so far: (1 - beta^2) of the kinetic energy at the start of each step
    finite     what steps of finite length have added (or taken, if negative) so far; it makes the books balance
               and vanishes with lr: potential + kinetic + friction = energy at the start + finite
    """
    moves = np.diff(path, prepend=path[0])
    potential, kinetic = height(landscape, path), moves**2 / (2 * lr)
    friction = np.concatenate([[0.0], np.cumsum((1 - beta**2) * kinetic[:-1])])
    return potential, kinetic, friction, potential + kinetic + friction - potential[0]


class Roller(LiveFigure):
    """A ball rolls from rest through a rough landscape; below it, where its energy is and what friction took.

    ``landscape``  "ripples" (small valleys in a bowl), "plateau" or "crevice" (a narrow valley beside a wide one)
    ``start``      the position at which it is let go, at rest
    ``lr``         learning rate, 0.0002 to 4
    ``beta``       momentum, 0 to 0.999
    ``steps``      how many steps are shown, 10 to 2000

    Values outside are clamped, the start into the picture; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "roller"
    title = "The hill roller: which valley, and where the energy went"
    caption = (
        "A heavy ball, let go on the hill. The bands are its energy at each step: potential, kinetic, and what friction has "
        "taken. The dotted line is the energy at the start; what the bands miss of it, or have beyond it, is due to steps of "
        "finite length."
    )

    landscape = Choice("ripples", list(LANDSCAPES))
    start = Number(3.0, -4.5, 5.5)
    lr = Number(0.01, 2e-4, 4)
    beta = Number(0.9, 0, 0.999)
    steps = Integer(80, 10, 2000)

    def __init__(self, **state):
        if isinstance(state.get("landscape"), str) and state["landscape"] in LANDSCAPES:
            state = {**LANDSCAPES[state["landscape"]]["begin"], **state}
        super().__init__(**state)
        self.observe(self._moved, "landscape")

    @traitlets.validate("start")
    def _inside(self, proposal):
        low, high = LANDSCAPES[self.landscape]["frame"][0]
        return min(max(proposal["value"], low), high)

    def _moved(self, change):
        self.start = LANDSCAPES[self.landscape]["begin"]["start"]

    # -- what is computed ------------------------------------------------------------------------

    def numbers(self):
        """What the figure shows, as plain data.

        ``path`` (n+1,) and its ``potential``, ``kinetic``, ``friction``, ``finite`` of the steps shown; of the long run
        (20 000 steps): ``valley``, the bottom of the one it ends in, or None while it moves or has left the picture;
        ``entered``, the first step from which it stays there; ``kept``, the energy at the end of the steps shown.
        """
        long = roll(self.landscape, self.start, self.lr, self.beta, max(LONG, self.steps))
        path = long[: self.steps + 1]
        potential, kinetic, friction, finite = books(self.landscape, path, self.lr, self.beta)
        valleys, ridges = rest_points(self.landscape)
        valley, entered = None, None
        if len(long) > LONG and abs(long[-1] - long[-2]) < 1e-9 and valleys:
            nearest = min(valleys, key=lambda bottom: abs(bottom - long[-1]))
            if abs(nearest - long[-1]) < 1e-4:
                valley = nearest
                low = max([r for r in ridges if r < valley], default=-np.inf)
                high = min([r for r in ridges if r > valley], default=np.inf)
                outside = np.flatnonzero((long <= low) | (long >= high))
                entered = int(outside[-1]) + 1 if outside.size else 0
        return {
            "path": path,
            "potential": potential,
            "kinetic": kinetic,
            "friction": friction,
            "finite": finite,
            "kept": float(potential[-1] + kinetic[-1]),
            "valleys": valleys,
            "valley": valley,
            "entered": entered,
            "diverged_at": len(long) if len(long) <= LONG else None,
        }

    # -- on paper --------------------------------------------------------------------------------

    @property
    def _place(self):
        return {
            "ripples": "a bowl with ripples",
            "plateau": "a hollow in a plain",
            "crevice": "a wide valley with a narrow, deeper one beside it",
        }[self.landscape]

    def _end(self, found):
        if found["diverged_at"]:
            return f"diverges at step {found['diverged_at']}"
        if found["valley"] is None:
            return f"is not at rest after {LONG} steps"
        lowest = min(found["valleys"], key=lambda x: float(height(self.landscape, x)))
        way = f"which it enters for good at step {found['entered']}" if found["entered"] else "in which it starts"
        which = "the lowest" if found["valley"] == lowest else "not the lowest"
        return f"comes to rest at {found['valley'] + 0.0:.2f} ({which} valley), {way}"

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        return (
            f"A ball in {self._place}, let go at {self.start:.3g} with learning rate {self.lr:.3g} and momentum {self.beta:.3g}: "
            f"it {self._end(found)}. "
            f"Of the energy {found['potential'][0]:.3g} it has {found['kept']:.3g} after {many(len(found['path']) - 1, 'step')}; "
            f"friction took {found['friction'][-1]:.3g}, "
            f"and steps of finite length changed the sum by {found['finite'][-1]:+.2g}."
        )

    def picture(self):
        """The landscape with the run, and the energy below it."""
        found = self.numbers()
        figure, axes = canvas(width=7.6, height=5.0, mosaic=[["hill"], ["energy"]], height_ratios=(1.2, 1))
        hill, energy = axes["hill"], axes["energy"]
        (x0, x1), (y0, y1) = LANDSCAPES[self.landscape]["frame"]
        x = np.linspace(x0, x1, 801)
        blue, orange = stroke("momentum")["color"], stroke("gradient")["color"]
        hill.fill_between(x, y0, height(self.landscape, x), color=QUIET, alpha=0.18, linewidth=0)
        hill.plot(x, height(self.landscape, x), color=INK, linewidth=1.4)
        hill.plot(found["path"], found["potential"], ".", color=blue, markersize=5, alpha=0.7)
        hill.plot(
            self.start, found["potential"][0], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6
        )
        hill.plot(found["path"][-1], found["potential"][-1], "o", color=blue, markersize=8)
        hill.set(xlim=(x0, x1), ylim=(y0, y1), xlabel="position θ", ylabel="f(θ)")
        t, floor = np.arange(len(found["path"])), np.zeros(len(found["path"]))
        for name, look, shade in (("potential", orange, 0.3), ("kinetic", blue, 0.3), ("friction", INK, 0.18)):
            energy.fill_between(t, floor, floor + found[name], color=look, alpha=shade, linewidth=0)
            floor = floor + found[name]
        energy.plot(t, floor, color=INK, linewidth=1.5)
        energy.axhline(found["potential"][0], color=INK, linewidth=1, linestyle=(0, (5, 3)))
        for name, look, x in (("taken by friction", INK, 1), ("kinetic", blue, 0.83), ("potential", orange, 0.75)):
            energy.annotate(name, (x, 1.03), xycoords="axes fraction", ha="right", color=look, fontsize=9)
        energy.set(xlim=(0, len(t) - 1), ylim=(0, 1.12 * max(floor.max(), 1e-9)), xlabel="step", ylabel="energy")
        return figure
