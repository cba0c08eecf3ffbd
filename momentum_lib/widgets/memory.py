"""Memory in tokens: half-lives of published trainings beside the reader's own."""

from ..scale import half_life, runs
from ..scale.state import count
from ._base import INK, QUIET, Flag, LiveFigure, Number, canvas, near_one

REACH = (1e6, 3e10)
"""The axis of the static picture, in tokens; a half-life outside lies on its edge."""


def published():
    """The published trainings that state momentum and tokens per step, by tokens per step: name -> half-lives in tokens.

    Each is a dict with "momentum" and, where beta2 is stated, "squares"; "look" is the family's colour.
    """
    found = {}
    for run in sorted(runs("momentum", "tokens_per_step"), key=lambda run: run.tokens_per_step):
        row = {"look": "matrix" if run.family == "muon" else "momentum", "momentum": half_life(run.momentum, run.tokens_per_step)}
        if run.states("beta2"):
            row["squares"] = half_life(run.beta2, run.tokens_per_step)
        found[run.name] = row
    return found


class Memory(LiveFigure):
    """Half-lives in tokens: momentum and batch size under the reader's hand, published trainings to compare with.

    ``beta``    momentum, 0.0001 to 0.999999
    ``tokens``  tokens per step, 1e3 to 1e9
    ``hold``    whether a change of the batch size keeps the half-life in tokens (the momentum follows)

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "memory"
    title = "How much text a momentum remembers"
    caption = (
        "Half-lives, counted in tokens, of published trainings: discs for the momentum, squares for Adam's second memory, "
        "beta2. The ring is yours. A half-life is ln(1/2)/ln(beta) steps, times the tokens of a step; the settings come from "
        "the course's data file, where each has its source."
    )

    beta = Number(0.95, 0.0001, 0.999999)
    tokens = Number(491520, 1e3, 1e9)
    hold = Flag(False)

    @property
    def half_life(self):
        """The reader's own half-life, in tokens."""
        return half_life(self.beta, self.tokens)

    def numbers(self):
        """What the figure shows, as plain data."""
        rows = {name: {k: v for k, v in row.items() if k != "look"} for name, row in published().items()}
        return {"rows": rows, "mine": self.half_life, "steps": self.half_life / self.tokens}

    def alt(self):
        """What the picture says, with its numbers."""
        rows = published()
        low, high = min(rows, key=lambda n: rows[n]["momentum"]), max(rows, key=lambda n: rows[n]["momentum"])
        return (
            f"Half-lives of momentum on a log axis, from {count(rows[low]['momentum'])} tokens ({low}) to "
            f"{count(rows[high]['momentum'])} ({high}); momentum {near_one(self.beta)} at {count(self.tokens)} tokens a step "
            f"lies at {count(self.half_life)}."
        )

    def picture(self):
        """One row a training, the reader's own on top, dots on a log axis."""
        from ..plot import colour  # loads matplotlib.pyplot: only when a picture is wanted

        rows = published()
        figure, (ax,) = canvas(height=0.9 + 0.4 * (len(rows) + 1))
        seen = min(max(self.half_life, REACH[0]), REACH[1])
        ax.plot(seen, 0, "o", markersize=10, markerfacecolor="none", markeredgewidth=2, color=colour("momentum"))
        ax.axvline(seen, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
        ax.text(seen * 1.35, 0, count(self.half_life), color=INK, size=9, va="center")
        for k, row in enumerate(rows.values(), 1):
            ends = [v for n, v in row.items() if n != "look"]
            ax.plot(ends, [k] * len(ends), color=QUIET, linewidth=1)
            if "squares" in row:
                ax.plot(
                    row["squares"], k, "s", markersize=9, markerfacecolor="none", markeredgewidth=1.8, color=colour("adaptive")
                )
            ax.plot(row["momentum"], k, "o", markersize=5, color=colour(row["look"]))
            ax.text(max(ends) * 1.35, k, " and ".join(dict.fromkeys(count(v) for v in ends)), color=INK, size=9, va="center")
        ax.set(xscale="log", xlim=REACH, ylim=(len(rows) + 0.6, -0.6), xlabel="tokens until the weight of a gradient has halved")
        ax.set_yticks(range(len(rows) + 1), ["yours", *rows])
        ax.tick_params(axis="y", length=0)
        return figure
