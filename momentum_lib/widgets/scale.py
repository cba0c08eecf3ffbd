"""The scale calculator: model states in bytes on one GPU, for ZeRO's four stages."""

from ..scale import CARDS, MENU, OPTIMISERS, PRECISIONS, STAGES, memory
from ..scale.state import count, size
from ._base import INK, Choice, Integer, LiveFigure, Number, canvas

LOOK = {"weights": "ink", "gradients": "gradient", "master": "quiet"}
NARROW = 160e9
"""The bars' axis reaches at least this far, in bytes: both cards stay in the picture."""


class Scale(LiveFigure):
    """Bytes per GPU: model size, precision, optimiser and number of GPUs under the reader's hand.

    ``parameters``  number of parameters, 1e7 to 1e12
    ``optimiser``   a name of ``scale.MENU``
    ``precision``   a name of ``scale.PRECISIONS``
    ``gpus``        data-parallel GPUs, 1 to 16384
    ``stage``       ZeRO's stage, 0 to 3: the one whose arithmetic is written out

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "scale"
    title = "Where the memory goes: weights, gradients, and what the optimiser remembers"
    caption = (
        "What one card has to hold at each stage of ZeRO: weights, gradients, master copy and optimiser state; activations come "
        "on top. The optimiser's part is one number per parameter for each slot of its rule."
    )

    parameters = Number(7.5e9, 1e7, 1e12)
    optimiser = Choice("adamw", MENU)
    precision = Choice("mixed", list(PRECISIONS))
    gpus = Integer(64, 1, 16384)
    stage = Integer(1, 0, 3)

    def memory(self, stage=None):
        """The model states at a stage (by default the chosen one), as ``scale.memory`` returns them."""
        stage = self.stage if stage is None else stage
        return memory(self.parameters, self.optimiser, precision=self.precision, stage=stage, gpus=self.gpus)

    @property
    def _where(self):
        return f"on each of {self.gpus} GPUs" if self.gpus > 1 else "on one GPU"

    def numbers(self):
        """What the figure shows, as plain data."""
        found = [self.memory(stage) for stage in range(len(STAGES))]
        chosen = found[self.stage]
        return {
            "bytes": [m.bytes for m in found],
            "totals": [m.total for m in found],
            "per_parameter": chosen.per_parameter,
            "line": chosen.line,
            "fits": {card: chosen.fits(capacity) for card, capacity in CARDS.items()},
            "reach": max(NARROW, 1.1 * chosen.total),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        totals = ", ".join(f"{size(t)} at stage {k}" for k, t in enumerate(self.numbers()["totals"]))
        fitting = [card for card, fits in self.numbers()["fits"].items() if fits]
        end = (
            f"stage {self.stage} fits a card of {' and one of '.join(fitting)}" if fitting else f"stage {self.stage} fits no card"
        )
        return (
            f"{count(self.parameters)} parameters with {OPTIMISERS[self.optimiser].title}, {PRECISIONS[self.precision].title}, "
            f"{self._where}: {totals}; {end}."
        )

    def picture(self):
        """Four stacked bars, one a stage, and the two cards as lines."""
        from ..plot import colour  # loads matplotlib.pyplot: only when a picture is wanted

        found, looks = self.numbers(), {**LOOK, **{a.name: a.look for a in OPTIMISERS[self.optimiser].arrays}}
        names = {a.name: a.title for a in OPTIMISERS[self.optimiser].arrays}
        figure, (ax,) = canvas(height=3.4)
        reach = found["reach"] / 1e9
        for stage, parts in enumerate(found["bytes"]):
            left = 0.0
            for name, value in parts.items():
                bar = ax.barh(stage, value / 1e9, left=left, height=0.42, color=colour(looks[name]), label=names.get(name, name))
                bar.patches[0].set(edgecolor="none", alpha=1 if stage == self.stage else 0.55)
                left += value / 1e9
            ax.text(0, stage - 0.3, f"stage {stage}: {STAGES[stage]}", color=INK, size=9, va="bottom")
            ax.text(reach, stage - 0.3, size(found["totals"][stage]), color=INK, size=9, va="bottom", ha="right")
        for card, capacity in CARDS.items():
            ax.axvline(capacity / 1e9, color=INK, linewidth=1, linestyle=(0, (2, 3)))
            ax.text(capacity / 1e9, 3.32, f"{card} ", color=INK, size=9, ha="right", va="top")
        handles, labels = ax.get_legend_handles_labels()
        kept = len(found["bytes"][0])
        chosen = slice(self.stage * kept, (self.stage + 1) * kept)
        legend = ax.legend(
            handles[chosen], labels[chosen], ncols=kept, loc="upper left", bbox_to_anchor=(0, -0.2), frameon=False, fontsize=9
        )
        for text in legend.get_texts():
            text.set_color(INK)
        ax.set(xlim=(0, reach), ylim=(3.6, -0.65), yticks=[], xlabel="GB on each GPU")
        return figure
