"""The phase portrait: a ball with friction, as the differential equation and as heavy ball's steps."""

import math

import numpy as np
import traitlets

from .. import rules, surfaces
from ._base import INK, QUIET, Choice, LiveFigure, Number, Point, canvas, stroke

FINE = 0.01
"""The longest time between two points of the exact curve."""
LIMIT = 1e6
POTENTIALS = {
    "bowl": {
        "surface": surfaces.quadratic([1.0]),
        "curvature": 1.0,
        "frame": ((-3, 3), (-3, 3)),
        "begin": {"start": (-2.4, 0.0), "friction": 0.5, "h": 0.3},
    },
    "double_well": {
        "surface": surfaces.double_well,
        "curvature": 2.0,
        "frame": ((-2, 2), (-1.75, 1.75)),
        "begin": {"start": (-1.8, 0.0), "friction": 0.25, "h": 0.25},
    },
    "lessard": {
        "surface": surfaces.lessard,
        "curvature": 25.0,
        "frame": ((-3.5, 4.5), (-18, 18)),
        "begin": {"start": (3.3, 0.0), "friction": 5 / 3, "h": 1 / 3},
    },
}
"""Name -> surface, curvature at its minimum, the plane shown, and where a change to it begins."""


def oscillator(curvature, friction, start, t):
    """The solution of x'' + friction x' + curvature x = 0 in closed form: ``(x, x')``, each of the shape of ``t``.

    ``start`` is (x, x') at time 0. Source: any text on the damped oscillator; e.g. Strogatz 2015.
    """
    x0, w0 = start
    t = np.asarray(t, dtype=float)
    gap = curvature - friction**2 / 4
    root = math.sqrt(abs(gap))
    fade = np.exp(-friction * t / 2)
    c = np.cos(root * t) if gap >= 0 else np.cosh(root * t)
    s = t if root == 0 else (np.sin(root * t) if gap >= 0 else np.sinh(root * t)) / root
    return (
        fade * (x0 * c + (w0 + friction * x0 / 2) * s),
        fade * (w0 * c - (curvature * x0 + friction * w0 / 2) * s),
    )


def flow(gradient, friction, start, dt, steps):
    """x'' + friction x' + gradient(x) = 0 by the classical Runge-Kutta method: shape (steps + 1, 2), position and velocity.

    ``gradient`` maps a float to a float; ``dt`` is the time between two rows.
    """

    def pull(x, w):
        return -friction * w - gradient(x)

    x, w = map(float, start)
    rows = [(x, w)]
    for _ in range(steps):
        a1 = pull(x, w)
        w2 = w + dt / 2 * a1
        a2 = pull(x + dt / 2 * w, w2)
        w3 = w + dt / 2 * a2
        a3 = pull(x + dt / 2 * w2, w3)
        w4 = w + dt * a3
        a4 = pull(x + dt * w3, w4)
        x, w = x + dt / 6 * (w + 2 * w2 + 2 * w3 + w4), w + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        rows.append((x, w))
    return np.array(rows)


def ball(gradient, friction, start, h, steps):
    """Heavy ball with rate h^2 and momentum 1 - friction h: shape (steps + 1, 2), position and velocity.

    The velocity of a row is the step that led to it over ``h``; the first row is ``start``.  Ends early where the
    position passes 1e6.
    """
    hyper = {"lr": h**2, "beta": 1 - friction * h}
    x, v = float(start[0]), -float(start[1]) / h
    rows = [tuple(map(float, start))]
    for t in range(1, steps + 1):
        x, (v,) = rules.heavy_ball.step(x, gradient(x), (v,), hyper, t)
        if not abs(x) <= LIMIT:
            break
        rows.append((x, -h * v))
    return np.array(rows)


def edge(curvature, friction):
    """The time step beyond which heavy ball diverges from a minimum: h^2 curvature = 2 (1 + beta), beta = 1 - friction h."""
    return (math.sqrt(friction**2 + 4 * curvature) - friction) / curvature


class Phase(LiveFigure):
    """Heavy ball as a ball with friction: dots in the plane of position and velocity over the exact curve.

    ``potential``  what the ball rolls in: "bowl" (curvature 1), "double_well" or "lessard"
    ``start``      position (theta) and velocity (theta per unit of time) at time 0
    ``friction``   0 to 12, in 1 / time: friction = (1 - beta) / sqrt(lr)
    ``h``          time of one step, 0.01 to 2.5: h = sqrt(lr), beta = 1 - friction h
    ``time``       how long the ball rolls, 1 to 100

    Mass 1. Values outside are clamped, the start into the picture; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "phase"
    title = "A ball with friction: the curve is the ball, the dots are heavy ball"
    caption = (
        "The curve is a ball of unit mass that rolls with friction, the dots are heavy ball at the setting that friction and "
        "time step stand for. One picture is position and velocity, the others position and energy over time. The ball's energy "
        "only goes down; that of the dots need not."
    )

    potential = Choice("bowl", list(POTENTIALS))
    start = Point((-2.4, 0.0), ((-3.5, 4.5), (-18, 18)))
    friction = Number(0.5, 0, 12)
    h = Number(0.3, 0.01, 2.5)
    time = Number(20, 1, 100)

    def __init__(self, **state):
        if isinstance(state.get("potential"), str) and state["potential"] in POTENTIALS:
            state = {**POTENTIALS[state["potential"]]["begin"], **state}
        super().__init__(**state)
        self.observe(self._moved, "potential")

    @traitlets.validate("start")
    def _inside(self, proposal):
        frame = POTENTIALS[self.potential]["frame"]
        return tuple(min(max(v, low), high) for v, (low, high) in zip(proposal["value"], frame, strict=True))

    def _moved(self, change):
        self.start = POTENTIALS[self.potential]["begin"]["start"]

    # -- what is computed ------------------------------------------------------------------------

    @property
    def curvature(self):
        """The curvature at the minimum."""
        return POTENTIALS[self.potential]["curvature"]

    def height(self, x):
        """The potential energy at positions x, an array."""
        return POTENTIALS[self.potential]["surface"].value(np.asarray(x, dtype=float)[None])

    def _slope(self):
        if self.potential == "bowl":
            return lambda x: x
        grad = POTENTIALS[self.potential]["surface"].grad_fn
        return lambda x: float(grad(x))

    @property
    def regime(self):
        """How the ball comes to rest, near the minimum."""
        ratio = self.friction / (2 * math.sqrt(self.curvature))
        if self.friction == 0:
            return "swings for ever"
        if abs(ratio - 1) < 0.005:
            return "critically damped"
        return "swings: under-damped" if ratio < 1 else "creeps: over-damped"

    def numbers(self):
        """What the figure shows, as plain data: ``path`` and ``curve`` have
        shape (n+1, 2), position and velocity at times 0, h, ..."""
        n, m = max(1, math.floor(self.time / self.h + 1e-9)), math.ceil(self.h / FINE - 1e-9)
        path = ball(self._slope(), self.friction, self.start, self.h, n)
        fine_t = np.arange(n * m + 1) * self.h / m
        if self.potential == "bowl":
            fine = np.stack(oscillator(1.0, self.friction, self.start, fine_t), axis=1)
        else:
            fine = flow(self._slope(), self.friction, self.start, self.h / m, n * m)
        curve = fine[::m]
        energies = path[:, 1] ** 2 / 2 + self.height(path[:, 0])
        diverged = len(path) <= n
        return {
            "path": path,
            "curve": curve,
            "fine": fine,
            "fine_t": fine_t,
            "energies": energies,
            "kinetic": fine[:, 1] ** 2 / 2,
            "stored": self.height(fine[:, 0]),
            "gap": None if diverged else float(np.abs(path[:, 0] - curve[:, 0]).max()),
            "rises": int(np.count_nonzero(np.diff(energies) > 1e-12 * (1 + energies[0]))),
            "lr": self.h**2,
            "beta": 1 - self.friction * self.h,
            "diverged_at": len(path) if diverged else None,
            "regime": self.regime,
            "edge": edge(self.curvature, self.friction),
        }

    # -- on paper --------------------------------------------------------------------------------

    @property
    def _place(self):
        return {"bowl": "a bowl of curvature 1", "double_well": "a double well", "lessard": "Lessard's function"}[self.potential]

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        total = found["kinetic"] + found["stored"]
        dots = (
            f"the dots of heavy ball diverge at step {found['diverged_at']}"
            if found["diverged_at"]
            else f"the {len(found['path']) - 1} dots of heavy ball stay within {found['gap']:.2g} of it"
        )
        rises = f"their energy rises in {found['rises']} steps" if found["rises"] else "their energy never rises"
        return (
            f"Phase portrait of a ball with friction {self.friction:.3g} in {self._place}, from position {self.start[0]:.3g} and "
            f"velocity {self.start[1]:.3g}: "
            f"the ball ({self.regime}) goes from energy {total[0]:.3g} to {total[-1]:.2g} in {self.time:g} units of time; "
            f"{dots}, and {rises}."
        )

    def picture(self):
        """The plane, the position and the energy."""
        found, t = self.numbers(), None
        figure, axes = canvas(width=8.6, height=4.0, mosaic=[["plane", "x"], ["plane", "energy"]], width_ratios=(1.25, 1))
        plane, over, energy = axes["plane"], axes["x"], axes["energy"]
        (x0, x1), (w0, w1) = POTENTIALS[self.potential]["frame"]
        x, w = np.meshgrid(np.linspace(x0, x1, 25), np.linspace(w0, w1, 25))
        slope = np.vectorize(self._slope())(x)
        plane.streamplot(x, w, w, -self.friction * w - slope, color=QUIET, linewidth=0.5, arrowsize=0.6, density=0.9)
        for stream in (*plane.collections, *plane.patches):
            stream.set_alpha(0.6)
        dots = stroke("momentum")["color"]
        path = found["path"]
        t = np.arange(len(path)) * self.h
        plane.plot(*found["fine"].T, color=INK, linewidth=1.5)
        plane.plot(*path.T, ".", color=dots, markersize=5)
        plane.plot(*self.start, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        plane.set(xlim=(x0, x1), ylim=(w0, w1), xlabel="position x", ylabel="velocity w")
        over.plot(found["fine_t"], found["fine"][:, 0], color=INK, linewidth=1.5)
        over.plot(t, path[:, 0], ".", color=dots, markersize=4)
        over.set(xlim=(0, self.time), ylim=(x0, x1), ylabel="position x")
        total = found["kinetic"] + found["stored"]
        energy.fill_between(found["fine_t"], 0, found["stored"], color=stroke("gradient")["color"], alpha=0.3, linewidth=0)
        energy.fill_between(found["fine_t"], found["stored"], total, color=dots, alpha=0.3, linewidth=0)
        energy.plot(found["fine_t"], total, color=INK, linewidth=1.5)
        energy.plot(t, found["energies"], ".", color=dots, markersize=4)
        energy.annotate("kinetic", (0.98, 0.86), xycoords="axes fraction", ha="right", color=dots, fontsize=9)
        energy.annotate(
            "potential", (0.98, 0.7), xycoords="axes fraction", ha="right", color=stroke("gradient")["color"], fontsize=9
        )
        energy.set(xlim=(0, self.time), ylim=(0, 1.08 * max(total[0], 1e-6)), xlabel="time", ylabel="energy")
        return figure
