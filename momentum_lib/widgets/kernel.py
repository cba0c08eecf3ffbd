"""The shape of a memory: the weights of past gradients in one average, in two, or in two whose shares change during a run."""

import numpy as np

from .. import theory
from ._base import INK, QUIET, Choice, LiveFigure, Number, canvas, many, stroke

SHOWN = 80
"""Weights are drawn of the newest gradient and of so many before it."""
OLDEST = 100.0
SAME = {
    "age": "mean age",
    "newest": "newest gradient’s weight",
    "edge": "stability edge",
    "noise": "noise kept",
}
"""What is compared, in the order of ``theory.two_memories``: name -> words."""


def alike(numbers, same):
    """The mean age of the one average that has the number ``same`` in common with a memory, whose ``numbers`` are ``facts``."""
    ask = {"newest": theory.age_at_newest, "edge": theory.age_at_edge, "noise": theory.age_at_noise}.get(same)
    return max(0.0, ask(numbers[same])) if ask else numbers["age"]


def facts(share, young, old):
    """Mean age, newest weight, stability edge and kept noise of two averages, by the names of ``SAME``."""
    return dict(zip(SAME, theory.two_memories(share, young, old), strict=True))


class Kernel(LiveFigure):
    """A memory's weights over past gradients, and one average that has one number in common with it.

    ``shape``     "one" average, "two" of them mixed, or "ageing": two whose shares change during the run
    ``age``       mean age of the one average, 0 to 100 steps (beta / (1 - beta) at momentum beta)
    ``young``     mean age of the first of two, 0 to 100
    ``old``       mean age of the second, 0 to 100
    ``share``     of the second, 0 to 1; for an ageing memory at the start of the run
    ``end``       its share at the end of the run
    ``progress``  how much of the run is over, 0 to 1
    ``same``      what the one average beside it has in common: "age", "newest", "edge" or "noise"

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "kernel"
    title = "A memory has a shape, and one number does not say it"
    caption = (
        "Bars: how much each past gradient counts in the next step, by its age; the triangle stands where they balance, at the "
        "mean age. The dashed line is one average that has one number in common with this memory. The rows have the "
        "other numbers, as multiples of that average’s."
    )

    shape = Choice("two", ["one", "two", "ageing"])
    age = Number(19, 0, OLDEST)
    young = Number(3, 0, OLDEST)
    old = Number(35, 0, OLDEST)
    share = Number(0.5, 0, 1)
    end = Number(0, 0, 1)
    progress = Number(0, 0, 1)
    same = Choice("age", list(SAME))

    @property
    def memory(self):
        """The memory now: (share of the old average, mean age of the young, of the old)."""
        if self.shape == "one":
            return 0.0, self.age, self.age
        now = self.share + (self.end - self.share) * self.progress if self.shape == "ageing" else self.share
        return now, self.young, self.old

    def numbers(self):
        """What the figure shows, as plain data.

        ``weights`` and, of them, the old average's ``aged`` (81,); ``share``; ``age``, ``newest``, ``edge``, ``noise``;
        ``one``, the mean age of the average beside it, its own four numbers ``beside`` and its weights ``dashed`` (81,).
        """
        share, young, old = self.memory
        k = np.arange(SHOWN + 1.0)
        found = facts(share, young, old)
        one = alike(found, self.same)
        aged = share * theory.weight_at(k, old)
        return {
            "weights": (1 - share) * theory.weight_at(k, young) + aged,
            "aged": aged,
            "share": share,
            **found,
            "one": one,
            "beside": facts(0.0, one, one),
            "dashed": theory.weight_at(k, one),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        share, young, old = self.memory
        says = {
            "one": f"One average of mean age {many(self.age, 'step')}, momentum {theory.beta_at_mean_age(self.age):.3g}",
            "two": f"Two averages of mean age {young:.3g} and {old:.3g} steps, {share:.0%} of the second",
            "ageing": f"At {self.progress:.0%} of the run: mean ages {young:.3g} and {old:.3g}, {share:.0%} of the second",
        }[self.shape]
        return (
            f"{says}. Mean age {many(found['age'], 'step')}; the newest gradient counts {found['newest']:.3g}, the stability "
            f"edge is {found['edge']:.3g} and {found['noise']:.3g} of the noise variance is kept; for one average of the same "
            f"{SAME[self.same]} these are {found['beside']['age']:.3g}, {found['beside']['newest']:.3g}, "
            f"{found['beside']['edge']:.3g} and {found['beside']['noise']:.3g}."
        )

    def picture(self):
        """The weights as stacked bars with the one average dashed; below, the ratios of their numbers."""
        found = self.numbers()
        blue = stroke("averaged")["color"]
        figure, axes = canvas(width=7.2, height=4.6, mosaic=[["weights"], ["ratios"]], height_ratios=(1.5, 1))
        weights, ratios = axes["weights"], axes["ratios"]
        k = np.arange(SHOWN + 1)
        weights.bar(k, found["aged"], width=0.72, color=blue, alpha=0.4)
        weights.bar(k, found["weights"] - found["aged"], width=0.72, bottom=found["aged"], color=blue)
        weights.plot(k, found["dashed"], color=INK, linewidth=1.4, linestyle=(0, (4, 3)))
        weights.plot(min(found["age"], SHOWN), 0, "^", color=INK, markersize=8, clip_on=False)
        weights.set(xlim=(-0.7, SHOWN), ylim=(0, None), xlabel="steps ago", ylabel="weight of a past gradient")
        for row, name in enumerate(SAME):
            mine, other = found[name], found["beside"][name]
            ratio = mine / other if other else 1.0
            ratios.plot([1, ratio], [row, row], color=blue, linewidth=2)
            ratios.plot(ratio, row, "o", color=blue, markersize=7)
            ratios.annotate(
                f"{mine:.3g} for {other:.3g}", (1, row), xycoords=("axes fraction", "data"), xytext=(6, 0),
                textcoords="offset points", color=INK, fontsize=9, va="center", annotation_clip=False,
            )  # fmt: skip
        ratios.axvline(1, color=QUIET, linewidth=1)
        ratios.set(xscale="log", xlim=(0.05, 20), ylim=(len(SAME) - 0.5, -0.5), xlabel="times the one average’s")
        ratios.set_yticks(range(len(SAME)), list(SAME.values()))
        ratios.tick_params(axis="y", length=0)
        return figure
