"""The river: heavy ball and gradient descent travel down a valley at the same loss across it; what momentum is worth there."""

import functools

import numpy as np

from .. import rules, theory
from ..draws import draw_noise
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, canvas, stroke

WALKERS, STEPS = 100, 200
POOL = 100
"""The last so many steps are pooled for what is measured: by then both have their full speed."""
SHOWN = 60
"""So many of them are drawn, of one walker, from where they begin."""
TOP = 0.95
NOISE = (1e-3, 1e2)
"""The noise against the hill over which the gain is drawn."""
GAINS = (0.9, 50.0)
RIVERS = {"plain": rules.gradient_descent, "heavy": rules.heavy_ball}
"""Who travels: name in ``numbers()`` -> rule."""


@functools.lru_cache(maxsize=4)
def _draws(seed):
    """The noise across the river, shape (steps, walkers), for both rules."""
    return draw_noise(STEPS * WALKERS, seed).reshape(STEPS, WALKERS)


def travel(rule, lr, beta=0.0, loss=0.05, sigma=0.1, seed=0):
    """One rule on f(x, y) = -x + y^2/2 from rest at (0, sqrt(2 loss)), noise in y alone: (x of shape (201,), y of (201, 100))."""
    hyper = {"lr": lr} | ({"beta": beta} if rule.momentum else {})
    x, y = np.zeros(STEPS + 1), np.zeros((STEPS + 1, WALKERS))
    y[0] = np.sqrt(2 * loss)
    along, across = rule.init(x[:1]), rule.init(y[0])
    for t, noise in enumerate(_draws(seed), 1):
        x[t : t + 1], along = rule.step(x[t - 1 : t], np.array([-1.0]), along, hyper, t)
        y[t], across = rule.step(y[t - 1], y[t - 1] + sigma * noise, across, hyper, t)
    return x, y


def verdict(beta, gain):
    """What momentum is worth, by the gain itself and by its share of what it would be without noise."""
    most = theory.river_gain(beta, 0.0)
    share = (gain - 1) / (most - 1)
    if most < 1.1:
        return "So small a momentum has next to nothing to give"
    if gain < 1.1:
        return "The noise sets the pace, and momentum has next to nothing to give"
    if share < 0.05:
        return "The noise sets the pace, and little is left of what momentum could give"
    return "The curvature sets the pace, and momentum pays" if share > 0.7 else "Curvature and noise both hold it back"


class River(LiveFigure):
    """Heavy ball and gradient descent down a river valley of slope 1 and curvature 1, at the same loss on its side.

    ``hold``   what the reader sets: "loss", the loss allowed on the side, or "rate", heavy ball's learning rate
    ``loss``   the loss allowed, 0.005 to 0.5
    ``share``  heavy ball's learning rate as a share of the largest stable one, 0.001 to 0.99
    ``beta``   momentum, 0 to 0.95
    ``sigma``  standard deviation of the gradient's noise across the river, 0.01 to 2
    ``seed``   of the noise, 0 to 9999

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "river"
    title = "Down the river: turn up the noise, and see what momentum is worth"
    caption = (
        "Equally many steps without and with momentum, at full speed, down a valley with a steep side. Each rule has the "
        "learning rate at which its loss on the side settles at the same height, so that only the way along the river differs. "
        "Below: how many times as far momentum gets, against the noise; the curve is the closed form, the ring is you."
    )

    hold = Choice("loss", ["loss", "rate"])
    loss = Number(0.05, 0.005, 0.5)
    share = Number(0.05, 0.001, 0.99)
    beta = Number(0.9, 0, TOP)
    sigma = Number(0.03, 0.01, 2)
    seed = Integer(0, 0, 9999)

    def settings(self):
        """(noise against the hill, loss on the side, {who: lr}): what the state means."""
        if self.hold == "loss":
            loss = self.loss
            noise = self.sigma**2 / (2 * loss)
            heavy = theory.lr_at_hill_loss(loss, self.beta, 1.0, self.sigma)
        else:
            noise = theory.noise_over_hill(self.share, self.beta)
            loss = self.sigma**2 / (2 * noise)
            heavy = self.share * theory.momentum_edge(1.0, self.beta)
        return noise, loss, {"plain": theory.lr_at_hill_loss(loss, 0.0, 1.0, self.sigma), "heavy": heavy}

    def numbers(self):
        """What the figure shows, as plain data.

        ``noise``, ``loss``, ``gain``; for each of ``plain`` and ``heavy``: ``lr``, ``speed`` exact and ``measured`` (x a step),
        ``lost`` (the measured loss on the side), ``path`` (61, 2); ``curve``: the gain at 96 noises.
        """
        noise, loss, rates = self.settings()
        found = {"noise": noise, "loss": loss, "gain": theory.river_gain(self.beta, noise)}
        drawn = slice(STEPS - POOL, STEPS - POOL + SHOWN + 1)
        for who, rule in RIVERS.items():
            beta = self.beta if rule.momentum else 0.0
            x, y = travel(rule, rates[who], beta, loss, self.sigma, self.seed)
            found[who] = {
                "lr": rates[who],
                "speed": theory.effective_rate(rates[who], beta),
                "measured": (x[-1] - x[-1 - POOL]) / POOL,
                "lost": (y[-POOL:] ** 2).mean() / 2,
                "path": np.stack([x[drawn] - x[drawn][0], y[drawn, 0]], axis=1),
            }
        return {**found, "curve": theory.river_gain(self.beta, np.geomspace(*NOISE, 96))}

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        plain, heavy = found["plain"], found["heavy"]
        where = f"noise {self.sigma:.3g}, with a loss of {found['loss']:.3g} on the side,"
        if self.beta == 0:
            return (
                f"With momentum 0 both are gradient descent, and neither gets farther: at {where} {plain['speed']:.3g} a step "
                f"along the river, {plain['measured']:.3g} measured."
            )
        return (
            f"{verdict(self.beta, found['gain'])}: at momentum {self.beta:.3g} and {where} heavy ball "
            f"moves {heavy['speed']:.3g} a step along the river ({heavy['measured']:.3g} measured) and gradient descent "
            f"{plain['speed']:.3g}: {found['gain']:.3g} times as fast. Without noise it would be "
            f"{theory.river_gain(self.beta, 0.0):.3g} times."
        )

    def picture(self):
        """Both ways along the river; below, the gain against the noise."""
        found = self.numbers()
        figure, axes = canvas(width=7.2, height=5.2, mosaic=[["plain"], ["heavy"], ["gain"]], height_ratios=(1, 1, 1.9))
        far = max(found[who]["path"][-1, 0] for who in RIVERS)
        tall = 3.2 * np.sqrt(2 * found["loss"])
        for who, look, words in (("plain", "gradient", "without momentum"), ("heavy", "momentum", "with momentum")):
            ax = axes[who]
            ax.axhspan(-np.sqrt(2 * found["loss"]), np.sqrt(2 * found["loss"]), color=QUIET, alpha=0.25, linewidth=0)
            ax.plot(*found[who]["path"].T, **stroke(look))
            ax.plot(*found[who]["path"][-1], "o", color=stroke(look)["color"], markersize=6)
            ax.set(
                xlim=(-0.01 * far, 1.02 * far), ylim=(-tall, tall), ylabel="side", title=f"{words}, {SHOWN} steps at full speed"
            )
            ax.title.set(color=INK, size=9)
        axes["heavy"].set(xlabel="along the river")
        axes["gain"].loglog(np.geomspace(*NOISE, 96), found["curve"], **stroke("momentum"))
        axes["gain"].plot(
            found["noise"], found["gain"], "o", markersize=9, markerfacecolor="none", markeredgecolor=stroke("momentum")["color"]
        )
        axes["gain"].axhline(1, color=QUIET, linewidth=1)
        axes["gain"].set(xlim=NOISE, ylim=GAINS, xlabel="noise: σ² / (2 · loss on the side)", ylabel="times as far")
        axes["gain"].set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
        axes["gain"].minorticks_off()
        return figure
