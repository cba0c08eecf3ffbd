"""The noise ball: a swarm of heavy balls in one bowl under gradient noise, and the exact ellipse that it fills."""

import functools
import math

import numpy as np

from .. import rules, theory
from ..draws import draw_noise
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, canvas, stroke

WALKERS, STEPS = 300, 200
POOL = 100
"""The last so many steps are pooled for what is measured; by then every setting has settled."""
TRAIL = 30
TOP = 0.95
FRAME = ((-2.4, 2.4), (-1.6, 1.6))
ZOOMS = (1, 1.25, 1.5, 2, 3)
VARIANCES = (2e-3, 10.0)
GRID = np.linspace(0, TOP, 96)
"""The momenta at which the two curves are computed."""


@functools.lru_cache(maxsize=4)
def _draws(seed):
    """The swarm's noise, shape (steps, walkers, 2)."""
    return draw_noise(STEPS * WALKERS * 2, seed).reshape(STEPS, WALKERS, 2)


def swarm(lr, beta, kappa=4.0, sigma=1.0, seed=0):
    """300 heavy balls from rest at the minimum, each under its own gradient noise: points of shape (201, 300, 2).

    Curvature 1 along x and ``kappa`` along y; each coordinate of each gradient carries noise of
    standard deviation ``sigma`` from :func:`draw_noise`.
    """
    curvature, hyper = np.array([1.0, kappa]), {"lr": lr, "beta": beta}
    theta, points = np.zeros((WALKERS, 2)), np.zeros((STEPS + 1, WALKERS, 2))
    state = rules.heavy_ball.init(theta)
    for t, noise in enumerate(_draws(seed), 1):
        theta, state = rules.heavy_ball.step(theta, curvature * theta + sigma * noise, state, hyper, t)
        points[t] = theta
    return points


def frame_of(variances):
    """What the picture shows, ((x0, x1), (y0, y1)): the usual frame, or one so much wider that the two-sigma ellipse fits."""
    needed = max(2.1 * math.sqrt(v) / high for v, (_, high) in zip(variances, FRAME, strict=True))
    zoom = next((each for each in ZOOMS if each >= needed), ZOOMS[-1])
    return tuple((zoom * low, zoom * high) for low, high in FRAME)


class NoiseBall(LiveFigure):
    """A swarm of heavy balls kept in motion by gradient noise, and the exact two-sigma ellipse.

    ``hold``   what stays the same while the momentum changes: "rate" (the learning rate) or "effective" (lr / (1 - beta))
    ``rate``   the value that is held, 0.02 to 0.2
    ``beta``   momentum, 0 to 0.95
    ``kappa``  curvature along y, 1 to 4; along x it is 1
    ``sigma``  standard deviation of the noise in each coordinate of the gradient, 0.5 to 1.5
    ``seed``   of the noise, 0 to 9999

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "noise_ball"
    title = "A ball of noise: what momentum does to it at the same learning rate, and at the same effective rate"
    caption = (
        "Many heavy balls, kept in motion by the noise of their gradients, and the exact two-sigma ellipse. The other picture "
        "is the variance along x at every momentum, once at the same learning rate and once at the same effective rate; the "
        "ring marks your momentum. Curves and ellipse are exact, the dots are simulated."
    )

    hold = Choice("rate", ["rate", "effective"])
    rate = Number(0.1, 0.02, 0.2)
    beta = Number(0.9, 0, TOP)
    kappa = Number(4, 1, 4)
    sigma = Number(1, 0.5, 1.5)
    seed = Integer(0, 0, 9999)

    # -- what is computed ------------------------------------------------------------------------

    @property
    def lr(self):
        """The learning rate in use."""
        return self._lr(self.hold, self.beta)

    def _lr(self, hold, beta):
        return self.rate * (1 - beta) if hold == "effective" else self.rate + 0 * beta

    def numbers(self):
        """What the figure shows, as plain data: ``cloud`` (300, 2) and ``trail``
        (n, 2) are points, ``exact`` the two variances."""
        lr, beta, curvature = self.lr, self.beta, np.array([1.0, self.kappa])
        points = swarm(lr, beta, self.kappa, self.sigma, self.seed)
        exact = theory.noise_ball(lr, beta, curvature, self.sigma)
        settled = points[-POOL:]
        return {
            "cloud": points[-1],
            "trail": points[-TRAIL - 1 :, 0],
            "exact": exact,
            "growing": theory.mean_square(rules.heavy_ball, curvature, STEPS, sigma=self.sigma, start=0.0, lr=lr, beta=beta),
            "measured": (settled**2).mean(axis=(0, 1)),
            "inside": float(((settled**2 / exact).sum(axis=-1) <= 4).mean()),
            "lr": lr,
            "effective": theory.effective_rate(lr, beta),
            "average": 1 / theory.sample_size(beta),
            "curves": {
                hold: theory.noise_ball(self._lr(hold, GRID), GRID, 1.0, self.sigma)
                for hold in self.class_traits()["hold"].options
            },
        }

    # -- on paper --------------------------------------------------------------------------------

    @property
    def _held(self):
        return "learning rate" if self.hold == "rate" else "effective rate"

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        first, last = found["curves"][self.hold][[0, -1]]
        return (
            f"A cloud of {WALKERS} points around the minimum fills an ellipse: variance along x {found['measured'][0]:.2g} "
            f"measured, "
            f"{found['exact'][0]:.3g} exact. At the same {self._held}, {self.rate:.3g}, it goes from {first:.3g} without "
            f"momentum to {last:.3g} at momentum {TOP}."
        )

    def picture(self):
        """The swarm in its ellipse; the variance against the momentum."""
        found, style = self.numbers(), stroke("momentum")
        figure, (plane, curve) = canvas(width=8.6, height=3.5, columns=(1.5, 1))
        plane.plot(*found["cloud"].T, ".", color=style["color"], markersize=4, alpha=0.6, markeredgewidth=0)
        plane.plot(*found["trail"].T, color=style["color"], linewidth=1)
        turn = np.linspace(0, 2 * math.pi, 181)
        plane.plot(*(2 * np.sqrt(found["exact"])[:, None] * [np.cos(turn), np.sin(turn)]), color=INK, linewidth=1.6)
        plane.plot(0, 0, "x", color=INK, markersize=7)
        x, y = frame_of(found["exact"])
        plane.set(xlim=x, ylim=y, aspect="equal", xlabel="x, curvature 1", ylabel=f"y, curvature {self.kappa:.3g}")
        for hold, dash, words in (("rate", "-", "same learning rate"), ("effective", (0, (5, 2)), "same effective rate")):
            curve.semilogy(
                GRID, found["curves"][hold], color=style["color"], linestyle=dash, linewidth=2 if hold == self.hold else 1.2
            )
            curve.annotate(words, (0.02, found["curves"][hold][0] * (1.5 if hold == "rate" else 0.55)), color=INK, fontsize=9)
        curve.plot(
            self.beta,
            found["exact"][0],
            "o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=style["color"],
            markeredgewidth=1.6,
        )
        curve.axhline(found["curves"]["rate"][0], color=QUIET, linewidth=0.7, linestyle=(0, (1, 3)))
        curve.set(xlim=(0, TOP), ylim=VARIANCES, xlabel="momentum β", ylabel="variance along x")
        return figure
