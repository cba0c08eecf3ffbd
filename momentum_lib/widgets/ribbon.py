"""The ribbon of text: how much of what was read a momentum remembers, from a page to a library."""

import math

from ..scale import half_life, runs
from ..scale.state import count, three
from ._base import INK, QUIET, LiveFigure, Number, canvas, near_one, show

REACH = (200, 2e10)
"""The ribbon's ends, in tokens read since."""
UNITS = {"page": 400, "book": 100_000, "shelf": 4_000_000, "bookcase": 20_000_000, "library": 2_000_000_000}
"""How many tokens each is counted as: 250 pages a book, 40 books a shelf, 5 shelves a bookcase, 100 bookcases a library."""


def pieces():
    """What lies on the ribbon, from now backwards: (unit, first token, last token), cut at round numbers of the unit."""
    names, found = list(UNITS), []
    for name, following in zip(names, [*names[1:], None]):
        size, last = UNITS[name], UNITS.get(following, REACH[1])
        cuts = [k * 10**e * size for e in range(6) for k in range(1, 10) if k * 10**e * size < last]
        found += [(name, start, end) for start, end in zip(cuts, [*cuts[1:], last])]
    return [("page", REACH[0], UNITS["page"]), *found]


def amount(tokens):
    """So many tokens as a reader counts them: "32.3 books"; pages below one book, shelves or libraries beside many."""

    def said(name, plural):
        value = three(tokens / UNITS[name])
        number = show(value) if value < 1e6 else count(value)
        return f"{number} {name if number == '1' else plural}"

    if tokens < UNITS["book"]:
        return said("page", "pages")
    if tokens < UNITS["shelf"]:
        return said("book", "books")
    larger = said("shelf", "shelves") if tokens < UNITS["library"] else said("library", "libraries")
    return f"{said('book', 'books')}, {larger}"


def published():
    """The published trainings that state momentum and tokens per step: name -> (momentum, tokens per step)."""
    found = sorted(runs("momentum", "tokens_per_step"), key=lambda run: half_life(run.momentum, run.tokens_per_step))
    return {run.name: (run.momentum, run.tokens_per_step) for run in found}


class Ribbon(LiveFigure):
    """The text that a momentum remembers, on a ribbon with a logarithmic scale: lit as much as it counts.

    ``beta``    momentum, 0.1 to 0.999999
    ``tokens``  tokens per step, 1e3 to 1e9

    Values outside are clamped; NaN raises ``traitlets.TraitError``.
    """

    figure = "ribbon"
    title = "How much text a momentum remembers, from a page to a library"
    caption = (
        "The text that a training has read, from now back into the past; the farther back, the more text has the same width. "
        "It is lit as much as its gradients still count: at the ring, half. A page is counted as four hundred tokens, a book as "
        "a hundred thousand, a shelf as forty books, a bookcase as five shelves, a library as a hundred bookcases."
    )

    beta = Number(0.9, 0.1, 0.999999)
    tokens = Number(491520, 1e3, 1e9)

    @property
    def half_life(self):
        """After how many tokens a gradient counts half."""
        return half_life(self.beta, self.tokens)

    def weight(self, age):
        """How much a gradient counts after ``age`` tokens, 0 to 1."""
        return self.beta ** (age / self.tokens)

    def numbers(self):
        """What the figure shows, as plain data."""
        return {
            "half_life": self.half_life,
            "steps": self.half_life / self.tokens,
            "amount": amount(self.half_life),
            "weights": [self.weight(math.sqrt(start * end)) for _, start, end in pieces()],
        }

    def alt(self):
        """What the picture says, with its numbers."""
        return (
            f"Momentum {near_one(self.beta)} at {count(self.tokens)} tokens a step: a gradient counts half after "
            f"{count(self.half_life)} tokens, {amount(self.half_life)}."
        )

    def picture(self):
        """The ribbon, each piece as strong as it counts, and where the published trainings' half-lives lie."""
        from ..plot import colour  # loads matplotlib.pyplot: only when a picture is wanted

        figure, (ax,) = canvas(height=2.3)
        tall = {"page": 0.62, "book": 0.8, "shelf": 0.7, "bookcase": 0.9, "library": 1.0}
        for k, (name, start, end) in enumerate(pieces()):
            height = tall[name] - 0.07 * (k % 3) * (name == "book")
            for alpha, face in ((0.12, QUIET), (self.weight(math.sqrt(start * end)), colour("momentum"))):
                ax.bar(start, height, end - start, align="edge", color=face, alpha=alpha, edgecolor="none")
            ax.bar(start, height, end - start, align="edge", fill=False, edgecolor=QUIET, linewidth=0.6)
        seen = min(max(self.half_life, REACH[0]), REACH[1])
        ax.plot([seen, seen], [0, 1.12], color=INK, linewidth=1)
        ax.text(seen, 1.18, f"half remembered: {amount(self.half_life)}", color=INK, size=9, ha="center")
        lives = [half_life(*setting) for setting in published().values()]
        ax.plot(lives, [-0.07] * len(lives), "^", color=colour("momentum"), markersize=4, clip_on=False)
        ax.set(xscale="log", xlim=REACH, ylim=(-0.12, 1.35), yticks=[], xlabel="tokens read since")
        ax.set_xticks(list(UNITS.values()), [f"a {name}" for name in UNITS])
        ax.minorticks_off()
        return figure
