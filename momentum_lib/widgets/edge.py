"""The edge: a small network learns a curve; its sharpness climbs to the edge that its rule sets, and stays there."""

import functools

import numpy as np

from .. import networks, rules
from ._base import INK, QUIET, Flag, Integer, LiveFigure, Number, canvas, stroke

POINTS = 20
"""Points of the curve that is learnt."""
EVERY = 10
"""Steps from one measurement of the sharpness to the next."""
AVERAGED = 300
"""The last so many steps of which the average is told."""
SWING = 40
"""Steps whose way along the sharpest direction is drawn."""
EXPLODED = 1e3
"""A loss beyond which nothing comes back."""
SHARP, LOSS, HEIGHT = (1, 300), (1e-6, 10), (-1.7, 1.7)


@functools.lru_cache(maxsize=8)
def trained(lr, beta, nesterov, width, seed, steps):
    """The training of a setting, in two parts: up to the last 40 steps, and point by point through these.

    Returns the network, its data, the losses before each step (steps,), the sharpness (m,) after 0, 10, 20, ... steps, the last
    points (at most 41, P), and the step after which the loss was beyond 1000, or 0.  After an explosion the rest is left out.
    """
    net, data = networks.Network((1, width, width, 1)), networks.chebyshev(POINTS)
    rule, hyper = rules.nesterov_torch if nesterov else rules.heavy_ball, {"lr": lr, "beta": beta}
    whole = networks.train(net, data, rule, net.start(seed), steps, every=EVERY, **hyper)
    over = np.flatnonzero(np.append(~(whole.losses <= EXPLODED), not net.loss(whole.theta, data) <= EXPLODED))
    done = int(over[0]) if over.size else steps
    last = [networks.train(net, data, rule, net.start(seed), max(0, done - SWING), **hyper)]
    while last[-1].memory[2] < done:
        last.append(networks.train(net, data, rule, last[-1], 1, **hyper))
    sharp = whole.sharpness[whole.at % EVERY == 0][: done // EVERY + 1]
    return net, data, whole.losses[:done], sharp, np.array([run.theta for run in last]), done if over.size else 0


class Edge(LiveFigure):
    """A small tanh network learns T5 on 20 points: its sharpness, and the edge 2(1+beta)/lr of heavy ball, or Nesterov's.

    ``lr``        learning rate, 0.02 to 0.5
    ``beta``      momentum, 0 to 0.99
    ``nesterov``  look ahead, in PyTorch's form
    ``width``     units in each of the two hidden layers, 4 to 24
    ``seed``      of the start, 0 to 9999
    ``steps``     how many steps are made when the figure opens, 0 to 4000

    In the browser the training goes on when it is played, and a change of the setting then counts from that step on.
    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "edge"
    title = "How sharp a network becomes while it learns, and the edge that its rule sets"
    caption = (
        "A small network learns a curve from a few points, all of them at each step: its sharpness, which is the largest "
        "curvature of its loss, and, dashed, the edge beyond which the rule cannot stay; the curve that it has learnt, and thin "
        "the one of a step before; its loss; and where the last steps lie along the direction in which the loss is sharpest."
    )

    lr = Number(0.1, 0.02, 0.5)
    beta = Number(0.9, 0, 0.99)
    nesterov = Flag(False)
    width = Integer(12, 4, 24)
    seed = Integer(1, 0, 9999)
    steps = Integer(1600, 0, 4000)

    # -- what is computed ------------------------------------------------------------------------

    @property
    def rule(self):
        """The rule in use."""
        return rules.nesterov_torch if self.nesterov else rules.heavy_ball

    @property
    def edge(self):
        """The sharpness beyond which the rule cannot stay."""
        return float(networks.edge(self.rule, lr=self.lr, beta=self.beta))

    def _trained(self):
        return trained(self.lr, self.beta, self.nesterov, self.width, self.seed, self.steps)

    def numbers(self):
        """What the figure shows, as plain data.

        ``losses`` (n,) before each step, ``sharpness`` (m,) after 0, 10, 20, ... steps, ``edge``, ``ratio``
        (the average sharpness of the last 300 steps over the edge), ``exploded`` (the step, or 0), and ``swing`` (at most 41,):
        the last points along the sharpest direction, from their middle.  Two trainings whose arithmetic differs in the last
        bit part once the edge is touched, so that the browser's are equal to these before, and alike after it.
        """
        net, data, losses, sharp, last, exploded = self._trained()
        average = float(sharp[-AVERAGED // EVERY :].mean())
        places = np.zeros(len(last))
        if not exploded:
            places = last @ net.sharpness(last[-1], data, tol=1e-5)[1]
        return {
            "edge": self.edge,
            "losses": losses,
            "sharpness": sharp,
            "average": average,
            "ratio": average / self.edge,
            "exploded": exploded,
            "swing": places - places.mean(),
        }

    # -- on paper --------------------------------------------------------------------------------

    def alt(self):
        """What the picture says, with its numbers: those that the last bit of the arithmetic does not change."""
        found = self.numbers()
        rule = f"learning rate {self.lr:.3g} and momentum {self.beta:.3g}{' with a look ahead' if self.nesterov else ''}"
        if found["exploded"]:
            return f"At {rule} the edge is {self.edge:.3g}, and the training explodes before step {self.steps}."
        part, last = found["ratio"], f"averaged over the last {AVERAGED} of {self.steps} steps at {rule}"
        if 0.9 < part < 1.1:
            return f"The sharpness, {last}, is within a tenth of the edge, {self.edge:.3g}: it stays there."
        return f"The sharpness, {last}, is about {max(1, round(10 * part)) * 10} % of the edge, {self.edge:.3g}."

    def picture(self):
        """The sharpness below its edge, the curve and its points, the loss, the swing along the sharpest direction."""
        net, data, losses, sharp, last, _ = self._trained()
        look = stroke("gradient" if self.beta == 0 else "nesterov" if self.nesterov else "momentum")
        figure, axes = canvas(8.6, 5.0, mosaic=[["sharp", "fit"], ["loss", "swing"]], height_ratios=[1.35, 1])
        end = max(self.steps, 1)
        axes["sharp"].axhline(self.edge, color=INK, linewidth=1.4, linestyle=(0, (5, 3)))
        axes["sharp"].semilogy(EVERY * np.arange(len(sharp)), sharp, **look)
        axes["sharp"].annotate(
            f"edge {self.edge:.3g}", (end, self.edge), (-4, 5), textcoords="offset points", ha="right", color=INK, fontsize=9
        )
        axes["sharp"].set(xlim=(0, end), ylim=SHARP, xlabel="step", ylabel="sharpness")
        x = np.linspace(-1, 1, 161)
        axes["fit"].plot(x, 16 * x**5 - 20 * x**3 + 5 * x, color=QUIET, linewidth=0.9, linestyle=(0, (2, 3)))
        axes["fit"].plot(x, net.outputs(last[-1], x[:, None])[:, 0], **look)
        axes["fit"].plot(data.x, data.y, "o", color=INK, markersize=4)
        axes["fit"].set(xlim=(-1.04, 1.04), ylim=HEIGHT, xlabel="input", ylabel="answer")
        axes["loss"].semilogy(losses, **{**look, "linewidth": 1.3})
        axes["loss"].set(xlim=(0, end), ylim=LOSS, xlabel="step", ylabel="loss")
        swing = self.numbers()["swing"]
        axes["swing"].axhline(0, color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        axes["swing"].plot(np.arange(len(swing)) - len(swing) + 1, swing, marker="o", markersize=3, **{**look, "linewidth": 1.2})
        axes["swing"].set(xlim=(-SWING, 0.5), xlabel="steps ago", ylabel="along the sharpest direction")
        axes["swing"].xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        return figure
