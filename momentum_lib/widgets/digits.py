"""Digits: two networks learn to read, without and with momentum, each at its own best rate; then they read what you write."""

import functools

import numpy as np

from .. import networks, rules
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Name, canvas, stroke
from .digits_table import BATCHES, LETTERS, MOMENTA, SHOWN, SIZES, STEPS, falling, load, pixels

EVERY = 4
"""Steps from one judgement to the next."""
LOSS = (0.05, 3)
SIDES = {"plain": "gradient", "momentum": "momentum"}
"""The two networks, and the meaning whose colour each has."""


@functools.lru_cache(maxsize=1)
def _data():
    """What is learnt, what is shown, as the networks take them, and the mean picture that is taken off: from the table."""
    parts = load()[0]
    x = {name: np.array([pixels(text) for text in part["x"]]) / 16 for name, part in parts.items()}
    y = {name: np.array([int(letter) for letter in part["y"]]) for name, part in parts.items()}
    mean = x["learnt"].mean(axis=0)
    return *(networks.Rows(x[name] - mean, y[name]) for name in ("learnt", "shown")), mean


@functools.lru_cache(maxsize=8)
def trained(batch, momentum, seed):
    """The parameters after 0, 4, 8, ... 120 steps of one side, shape (31, P)."""
    net, (learnt, _, _) = networks.Network(SIZES, "cross-entropy"), _data()
    lr, run, points = load()[1][batch][momentum]["best"] * falling(), net.start(seed), []
    points.append(run)
    for first in range(0, STEPS, EVERY):
        now = slice(first, first + EVERY)
        run = networks.train(
            net, learnt, rules.heavy_ball, run, EVERY, batch=BATCHES[batch], seed=seed, lr=lr[now], beta=MOMENTA[momentum]
        )
        points.append(run.theta)
    return np.array(points)


class Digits(LiveFigure):
    """Two 64-32-10 tanh networks learn 300 digits of 8 by 8 pixels in 120 steps, then read 100 others, and yours.

    ``batch``     digits a step: "4", "32", or "all" 300
    ``momentum``  of the second network: "0.5", "0.9" or "0.99"; the first has none
    ``sample``    which of the 100 digits that were not learnt stands on the pad, 0 to 99
    ``drawing``   what stands there instead: 64 letters 0-9a-g, the grey values 0 to 16 row by row; any other text: the sample
    ``seed``      of both networks' start and of the order of the digits, 0 to 9999

    Each network trains at its own best rate for that batch and momentum, which falls in a straight line to zero
    (``digits_table``).  Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "digits"
    title = "Write a digit, and let two networks read it: one learnt without momentum, one with it"
    caption = (
        "The pad, a digit of the test or one of your own, as the networks see it; what each of them takes it for, as shares that "
        "sum to one; and their loss on digits that they did not learn. Both start alike and see the same digits in the same "
        "order, each at the learning rate that was best for it on a third set of digits."
    )

    batch = Choice("32", list(BATCHES))
    momentum = Choice("0.9", [name for name in MOMENTA if name != "0"])
    sample = Integer(0, 0, SHOWN - 1)
    drawing = Name("")
    seed = Integer(1, 0, 9999)

    # -- what is computed ------------------------------------------------------------------------

    def _sides(self):
        """Each side's momentum, by name."""
        return {"plain": "0", "momentum": self.momentum}

    def _pad(self):
        """The 64 letters that stand on the pad, and whether they are a digit of the test."""
        own = len(self.drawing) == 64 and set(self.drawing) <= set(LETTERS)
        return (self.drawing, False) if own else (load()[0]["shown"]["x"][self.sample], True)

    def numbers(self):
        """What the figure shows, as plain data, each by side ("plain", "momentum").

        ``losses`` and ``right`` (31,): the loss on the digits shown and the share read right, after 0, 4, ... 120 steps;
        ``rates``; ``shares`` (10,): what the trained network takes the digit on the pad for.
        """
        net, (_, shown, mean) = networks.Network(SIZES, "cross-entropy"), _data()
        points = {which: trained(self.batch, momentum, self.seed) for which, momentum in self._sides().items()}
        digit = pixels(self._pad()[0]) / 16 - mean
        return {
            "losses": {which: net.loss(theta, shown) for which, theta in points.items()},
            "right": {which: net.accuracy(theta, shown) for which, theta in points.items()},
            "rates": {which: load()[1][self.batch][momentum]["best"] for which, momentum in self._sides().items()},
            "shares": {which: net.probabilities(theta[-1], digit[None])[0] for which, theta in points.items()},
        }

    # -- on paper --------------------------------------------------------------------------------

    def alt(self):
        """What the picture says, with its numbers."""
        found, sample = self.numbers(), self._pad()[1]
        right = [round(SHOWN * float(found["right"][which][-1])) for which in SIDES]
        reads = [f"{s.argmax()} ({100 * s.max():.0f} %)" for s in (found["shares"][which] for which in SIDES)]
        what = f"A test digit, a {load()[0]['shown']['y'][self.sample]}," if sample else "The digit on the pad"
        size = BATCHES[self.batch] or len(_data()[0])
        return (
            f"After {STEPS} steps of {size} digits, {right[0]} of {SHOWN} unseen digits are read right without momentum, at rate "
            f"{found['rates']['plain']:.3g}, and {right[1]} with momentum {self.momentum}, at rate "
            f"{found['rates']['momentum']:.3g}. {what} is read as {reads[0]} without and as {reads[1]} with it."
        )

    def picture(self):
        """The digit, what each network takes it for, and their losses."""
        found, digit = self.numbers(), pixels(self._pad()[0]).reshape(8, 8)
        figure, axes = canvas(
            8.6, 5.0, mosaic=[["pad", "bars"], ["loss", "loss"]], height_ratios=[1.6, 1], width_ratios=[1, 1.25]
        )
        ink = np.zeros((8, 8, 4))
        ink[...] = (0.45, 0.5, 0.56, 0)
        ink[..., 3] = digit / 16
        axes["pad"].imshow(ink, extent=(0, 8, 8, 0))
        axes["pad"].set(xticks=[], yticks=[])
        for spine in axes["pad"].spines.values():
            spine.set(visible=True, color=QUIET)
        for k, (which, look) in enumerate(SIDES.items()):
            style, words = stroke(look), "without momentum" if which == "plain" else f"momentum {self.momentum}"
            places = np.arange(10) + (k - 0.5) * 0.36
            axes["bars"].barh(places, found["shares"][which], 0.34, color=style["color"], alpha=1 if k else 0.55)
            axes["loss"].semilogy(EVERY * np.arange(len(found["losses"][which])), found["losses"][which], label=words, **style)
        axes["bars"].set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10), xlabel="share", ylabel="read as")
        axes["loss"].set(xlim=(0, STEPS), ylim=LOSS, xlabel="step", ylabel="loss on unseen digits")
        axes["loss"].legend(frameon=False, labelcolor=INK, fontsize=9)
        return figure
