"""The record browser: the curves of recorded runs, side by side, smoothed as the reader likes."""

import functools
import math

import numpy as np

from .. import descend, rules, surfaces, theory
from ..looks import dash
from ..notation import LOOKS, linestyle
from ._base import INK, QUIET, Choice, Flag, LiveFigure, Name, Number, Runs, canvas

POINTS = 50
"""An excerpt keeps at most so many points of a curve."""
TRIED = 24
"""... and so many settings of a side that were tried."""
QUANTITIES = {"training": "training loss", "held out": "held-out loss"}
AXES = ("linear", "log loss", "log both")
WORTH, NUMBERS, RULES_APART, LATE = "What momentum is worth", "Which momentum", "Rule against rule", "Late gradients"
CELL = "{model}, {batch} windows, {steps} steps"
EXPERIMENTS = {
    "worth": (WORTH, f"Worth: {CELL}"),
    "million": (WORTH, f"Worth: {CELL}"),
    "momentum": (NUMBERS, "Momentum 0 to 0.99, four rules"),
    "lengths": (NUMBERS, "AdamW’s β₁ in {steps} steps"),
    "numbers": (NUMBERS, "Lion’s two numbers, and Muon’s two"),
    "nesterov": (NUMBERS, "Muon’s look-ahead, on and off"),
    "best": (RULES_APART, "Which rule ends lowest"),
    "frequency": (RULES_APART, "Rare and frequent bytes"),
    "delay": (LATE, "Gradients one step late"),
}
"""A record's experiment -> (its group in the menu, its title there, which may name settings that all its runs share)."""
MODELS = ("pico", "nano", "micro", "mini", "small")  # by size


# -- from a record to what a page can carry ----------------------------------------------------


def _short(value):
    """A loss to four digits."""
    return float(f"{value:.4g}")


def thinned(curve, keep):
    """``curve``, a list of [step, value], with every ``keep`` neighbours replaced by their mean at the last one's step.

    Values of a record are means over equally many steps, so a mean of neighbours is one over more steps.
    """
    parts = [curve[k : k + keep] for k in range(0, len(curve), keep)]
    return [[part[-1][0], _short(np.mean([value for _, value in part]))] for part in parts if len(part) == keep]


def _own_look(name):
    """(name in LOOKS, SVG dash) of a rule: its family's colour, and the dash by which the family tells it apart."""
    rule = rules.get(name)
    return rule.family, dash(rule)


def side_looks(rows):
    """(name in LOOKS, SVG dash) of each side: ``rows`` are (rule, group, title) in order.

    Sides of one group share their rule's colour and differ by shade (:func:`strengths`); the one without momentum is ink.
    """
    return [
        _own_look(rule) if not group else ("ink" if title in NONE else rules.get(rule).family, "") for rule, group, title in rows
    ]


NONE = ("momentum 0", "no momentum", "momentum 0, beside it 0")  # the titles of a side without


def named(side, rule, hyper):
    """(title, group, name of the group) of a side of a record, by its name.

    "adamw 0.9" has a momentum, and so has "adamw momentum", which searched it; "lion beta1 0.9" has one number of several.
    A name without a space is a rule by itself, in no group.
    """
    whole, (_, _, label) = rules.get(rule), side.partition(" ")
    if not label:
        return whole.title, "", whole.title
    if label == "none":
        return "no momentum", rule, whole.title
    if label == "momentum":
        return f"momentum {hyper[whole.momentum]:g}", rule, whole.title
    word, _, value = label.rpartition(" ")
    if "," in label:  # of the rule, and of the one beside it
        return f"momentum {label.partition(',')[0]}, beside it {value}", rule, whole.title
    if word in ("", "both"):
        return f"momentum {value}", f"{rule} {word}".strip(), whole.title + (", both numbers" if word else "")
    return label, f"{rule} {word}", f"{whole.title}, {word} alone"


def losers(tried):
    """The tuning runs of a side without the one that won."""
    ended = [end for *_, end in tried if end is not None]
    best = next((k for k, (*_, end) in enumerate(tried) if ended and end == min(ended)), None)
    return [run for k, run in enumerate(tried) if k != best]


def strengths(sides):
    """How strong each side's line is on paper, 0.4 to 1: within a group it grows with the momentum; else it is 1."""
    out = []
    for side in sides:
        family = [other["name"] for other in sides if side["group"] and other["look"] == side["look"] != "ink"]
        out.append(0.4 + 0.6 * family.index(side["name"]) / (len(family) - 1) if len(family) > 1 else 1.0)
    return out


def apart(wanted, gap, low, high):
    """Heights for labels that want to stand at ``wanted``, at least ``gap`` apart and within low and high, moved as little
    as it takes (labels that touch move together)."""
    step = min(gap, (high - low) / max(1, len(wanted) - 1))
    blocks = []  # [height of the first, members in order]
    for k in np.argsort(wanted, kind="stable"):
        at, members = wanted[k], [k]
        while True:
            at = min(max(at, low), high - (len(members) - 1) * step)
            if not blocks or blocks[-1][0] + len(blocks[-1][1]) * step <= at:
                break
            members = blocks.pop()[1] + members
            at = sum(wanted[m] - i * step for i, m in enumerate(members)) / len(members)
        blocks.append((at, members))
    found = np.empty(len(wanted))
    for at, members in blocks:
        found[members] = at + step * np.arange(len(members))
    return found


def heading(record):
    """What the menu says of a record: its ``kind`` (a group of experiments), its ``label`` there and its ``place``, numbers by
    which the menu is sorted: the experiment, the model's size, windows, steps."""
    name, family, config = record["experiment"], record["family"], record.get("config", {})
    kind, label = EXPERIMENTS.get(name, ("", name.capitalize()))
    said = label.format(**config) + (f", {family}" if family in ("gpu", "flagship") else "")
    experiment = list(EXPERIMENTS).index(name) if name in EXPERIMENTS else len(EXPERIMENTS)
    model = MODELS.index(config["model"]) if config.get("model") in MODELS else len(MODELS)
    return {"kind": kind, "label": said, "place": [experiment, model, config.get("batch", 0), config.get("steps", 0)]}


def excerpt(record, points=POINTS):
    """What the figure shows of one record (see ``momentum_lib.records``): its curves, thinned, to four digits.

    ``points``: at most so many of each curve are kept.  Returns plain data: ``title``, by which the state names it; what
    :func:`heading` says of it; ``steps`` and ``held_steps`` (where the points lie); and ``sides``, for each its ``name``,
    ``title`` and look (``look``, ``dash``), ``group`` (what it is shown with, where an experiment has several sides of a
    rule; else ""), the ``lr`` that tuning chose, one curve a judged seed (``training``, ``held_out``), ``ends`` (their last
    held-out losses; None where a run diverged) and ``tried`` (the tuning runs: [lr, training curve, last held-out loss]).
    A run that diverged has a shorter curve.
    """
    rows = record["rows"]
    longest = max(len(row["curve"]) for row in rows)
    keep = max(1, -(-longest // points))
    grid = max((thinned(row["curve"], keep) for row in rows), key=len)
    held = max((row["evaluations"] for row in rows), key=len)
    values = lambda row: [value for _, value in thinned(row["curve"], keep)]
    sides = []
    for name in dict.fromkeys(row["side"] for row in rows):
        mine = [row for row in rows if row["side"] == name]
        judged = [row for row in mine if row["role"] == "judge"]
        tried = [[row["lr"], values(row), row["held_out"] and _short(row["held_out"])] for row in mine if row["role"] == "tune"]
        title, group, of = named(name, mine[0]["rule"], judged[0].get("hyper", {}))
        look, pattern = side_looks([(mine[0]["rule"], group, title)])[0]
        sides.append(
            {
                "name": name,
                "title": title,
                "group": group,
                "of": of,
                "lr": judged[0]["lr"],
                "training": [values(row) for row in judged],
                "held_out": [[_short(value) for _, value in row["evaluations"]] for row in judged],
                "ends": [row["held_out"] and _short(row["held_out"]) for row in judged],
                "tried": tried[:TRIED],
                "look": look,
                "dash": pattern,
            }
        )
    return {
        "title": f"{record['experiment']}, {record['family']}",
        **heading(record),
        "steps": [step for step, _ in grid],
        "held_steps": [step for step, _ in held],
        "sides": sides,
    }


def excerpts(*records, points=POINTS):
    """The state ``runs`` of :class:`Curves` for several records, by title."""
    return {part["title"]: part for part in (excerpt(record, points) for record in records)}


@functools.lru_cache(maxsize=1)
def example():
    """What the figure shows when it is given no runs: two rules on a noisy ravine, made on the spot as a record is.

    Five rates tried on one seed, five other seeds judged at the best one; 120 steps, the noisy loss of the path.
    """
    rows, contest = [], {"gradient_descent": {}, "heavy_ball": {"beta": 0.9}}
    for name, hyper in contest.items():
        made = {}
        for lr in (0.001, 0.003, 0.01, 0.03, 0.06):
            made[lr] = _noisy_run(name, lr, hyper, 100)
            rows.append({**made[lr], "role": "tune"})
        best = min(made, key=lambda lr: made[lr]["held_out"])
        rows += [{**_noisy_run(name, best, hyper, seed), "role": "judge"} for seed in (1, 2, 3, 4, 5)]
    record = {"experiment": "noisy ravine", "family": "example", "rows": rows}
    return excerpts(record)


def _noisy_run(name, lr, hyper, seed):
    run = descend(rules.get(name), surfaces.noisy(surfaces.ravine, 3.0, seed), steps=120, lr=lr, **hyper)
    values = surfaces.ravine.value(run.points[1:].T)
    curve = [[5 * (k + 1), float(part.mean())] for k, part in enumerate(values.reshape(24, 5))]
    ends = [[30 * (k + 1), float(values[30 * k + 29])] for k in range(4)]
    return {"side": name, "rule": name, "lr": lr, "seed": seed, "curve": curve, "evaluations": ends, "held_out": ends[-1][1]}


def _decimals(loss):
    """So many decimals give a loss four digits."""
    return max(0, 3 - math.floor(math.log10(abs(loss) or 1.0)))


# -- what is drawn -----------------------------------------------------------------------------


def smooth(values, beta):
    """The bias-corrected moving average of chapter 2 along the last axis:
    ``rules.averaged_momentum``'s memory over 1 - beta**t."""
    values = np.asarray(values, dtype=float)
    (kept,), out = rules.averaged_momentum.init(np.zeros(values.shape[:-1])), np.empty_like(values)
    for k in range(values.shape[-1]):
        _, (kept,) = rules.averaged_momentum.step(0.0, values[..., k], (kept,), {"lr": 0.0, "beta": beta}, k + 1)
        out[..., k] = kept / (1 - beta ** (k + 1))
    return out


def together(curves):
    """Mean, lowest and highest of curves (lists), point by point, as far as all of them go: three arrays (n,)."""
    n = min(map(len, curves))
    values = np.array([curve[:n] for curve in curves], dtype=float).reshape(len(curves), n)
    return values.mean(0), values.min(0), values.max(0)


class Curves(LiveFigure):
    """The curves of recorded runs: loss against step, the mean over the seeds in the band of all seeds.

    ``runs``        what :func:`excerpts` makes of records; without it, an :func:`example` is shown
    ``experiment``  the title of one of them; "" is the first in the alphabet
    ``rule``        which rule's sides, where an experiment has several of each rule; "" is the first
    ``sides``       names of the sides to draw, with commas between; "" is all of them
    ``beta``        momentum of the moving average that smooths the curves, 0 (none) to 0.995
    ``axes``        "linear", "log loss" or "log both"
    ``quantity``    "training" (each point a mean over some steps) or "held out"
    ``losing``      whether the settings that lost the tuning are drawn, too
    ``at``          where along the steps the values are read, 0 (the first point) to 1 (the last)

    Values outside are clamped; NaN, unknown names and runs of another form raise ``traitlets.TraitError``.
    """

    figure = "curves"
    title = "Recorded runs: every seed, every setting that was tried, smoothed by your own momentum"
    caption = (
        "Each line is the mean over the seeds, its band reaches from the lowest to the highest of them, and each side has its "
        "own best setting. Faint lines, if you ask for them, are the settings that lost the tuning; the smoothing is a moving "
        "average with the momentum that you choose."
    )

    runs = Runs()
    experiment = Name("")
    rule = Name("")
    sides = Name("")
    beta = Number(0, 0, 0.995)
    axes = Choice("linear", AXES)
    quantity = Choice("training", list(QUANTITIES))
    losing = Flag(False)
    at = Number(1, 0, 1)

    def __init__(self, **state):
        super().__init__(**{**state, "runs": state.get("runs") or example()})

    def __repr__(self):
        rest = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.spec() if name != "runs")
        return f"Curves(runs=<{'; '.join(self.runs)}>, {rest})"

    # -- what is computed ------------------------------------------------------------------------

    def chosen(self):
        """The excerpt on show, and those of its sides that are drawn."""
        part = self.runs.get(self.experiment) or self.runs[min(self.runs)]
        groups = list(dict.fromkeys(side["group"] for side in part["sides"]))
        group = self.rule if self.rule in groups else groups[0]
        mine = [side for side in part["sides"] if side["group"] == group]
        wanted = self.sides.split(",")
        return part, [side for side in mine if side["name"] in wanted] or mine

    def numbers(self):
        """What the figure shows, as plain data: for each side drawn ``mean``,
        ``low`` and ``high`` (smoothed) and what is read at the cursor."""
        part, sides = self.chosen()
        training = self.quantity == "training"
        steps = part["steps" if training else "held_steps"]
        index = int(self.at * (len(steps) - 1) + 0.5)  # halfway is the later one, as in the browser
        out = []
        for side in sides:
            curves = side["training" if training else "held_out"]
            mean, low, high = (smooth(row, self.beta) for row in together(curves))
            ends = [end for end in side["ends"] if end is not None]
            out.append(
                {
                    "name": side["name"],
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "raw": together(curves)[0],
                    "value": float(mean[index]) if index < len(mean) else None,
                    "end": float(np.mean(ends)) if ends else None,
                    "sd": float(np.std(ends, ddof=1)) if len(ends) > 1 else None,
                    "diverged": len(side["ends"]) - len(ends),
                    "losers": [curve for _, curve, _ in losers(side["tried"])] if self.losing and training else [],
                }
            )
        return {"steps": steps, "step": steps[index], "sides": out, "half_life": self._half_life(steps)}

    def _half_life(self, steps):
        """After how many steps a loss counts half in the smoothed curve; 0 without smoothing."""
        return theory.half_life(self.beta) * (steps[1] - steps[0]) if self.beta and len(steps) > 1 else 0.0

    def best(self):
        """(its title, its mean) of the side drawn with the lowest last held-out loss among those without a diverged seed."""
        _, sides = self.chosen()
        found = [
            (row["end"], side["title"]) for row, side in zip(self.numbers()["sides"], sides) if row["end"] and not row["diverged"]
        ]
        return min(found, key=lambda each: each[0])[::-1] if found else (None, math.nan)

    # -- on paper --------------------------------------------------------------------------------

    def sentence(self):
        """What the state says, as the figure says it on the page."""
        found, (_, sides) = self.numbers(), self.chosen()
        values = [row["value"] for row in found["sides"]]
        said = "; ".join(
            f"{side['title']}: {'diverged' if value is None else _short(value)}" for side, value in zip(sides, values)
        )
        loss = ("smoothed " if self.beta else "") + QUANTITIES[self.quantity]
        return f"{loss.capitalize()} at step {found['step']}: {said}.{self._at_the_end(found)}"

    def _at_the_end(self, found):
        """How the sides compare by the loss that they are judged by: held out, after the last step, not smoothed."""
        rows = found["sides"]
        title, end = self.best()
        if title is None:
            return ""
        digits = _decimals(end)
        if len(rows) != 2 or any(row["diverged"] for row in rows):
            return (
                f" Held out at the end, {title} is lowest: {end:.{digits}f}."
                if len(rows) > 1
                else (f" Held out at the end: {end:.{digits}f}.")
            )
        first, second = (row["end"] for row in rows)
        gap = f"{abs(first - second):.{digits}f}"
        word = "the same" if not float(gap) else f"{gap} {'lower' if second < first else 'higher'}"
        return f" Held out at the end: {first:.{digits}f} and {second:.{digits}f}, {word}."

    def alt(self):
        """What the picture says, with its numbers."""
        part, sides = self.chosen()
        rule = f", {sides[0]['of']}" if sides[0]["group"] else ""
        return f"Loss against the step in “{part['label']}”{rule}. {self.sentence()}"

    def picture(self):
        """The curves of the sides drawn, each in its band."""
        found, (part, _) = self.numbers(), self.chosen()
        figure, (ax,) = canvas(height=3.9)
        own = dict(zip([side["name"] for side in part["sides"]], zip(part["sides"], strengths(part["sides"]))))
        for row in found["sides"]:
            side, strength = own[row["name"]]
            colour = INK if side["look"] == "ink" else LOOKS[side["look"]].light
            steps = found["steps"][: len(row["mean"])]
            for loser in row["losers"]:
                ax.plot(found["steps"][: len(loser)], smooth(loser, self.beta), color=colour, linewidth=0.8, alpha=0.3)
            ax.fill_between(steps, row["low"], row["high"], color=colour, alpha=0.08, linewidth=0)
            look = {"linestyle": linestyle(side["dash"], 1.8), "linewidth": 1.8, "alpha": strength}
            ax.plot(steps, row["mean"], color=colour, label=side["title"], **look)
        ax.set(xlabel="step", ylabel=f"{QUANTITIES[self.quantity]}, nats a byte" if "noisy" not in part["title"] else "loss")
        ax.set_yscale("linear" if self.axes == "linear" else "log")
        ax.set_xscale("log" if self.axes == "log both" else "linear")
        ax.set_ylim(*limits(found, self.axes != "linear"))
        ax.axvline(found["step"], color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
        self._name_ends(ax, [row for row in found["sides"] if len(row["mean"])], own)
        return figure

    @staticmethod
    def _name_ends(ax, rows, own):
        """Each side's name at the right edge, at the height of its curve's end or, where two would touch, beside it."""
        y = lambda value: float(ax.transAxes.inverted().transform(ax.transData.transform((1, value)))[1])  # noqa: E731
        heights = apart([min(max(y(row["mean"][-1]), 0), 1) for row in rows], 0.062, 0.02, 0.98)
        for row, height in zip(rows, heights, strict=True):
            side = own[row["name"]][0]
            colour = INK if side["look"] == "ink" else LOOKS[side["look"]].light
            ax.text(1.015, height, side["title"].split(",")[0], transform=ax.transAxes, color=colour, size=9, va="center")


def limits(found, log=False):
    """The ends of the loss axis: all means and bands, with a little room; what flies off (over five times the first) is cut."""
    lows, highs = zip(*((row["low"].min(), row["high"][0]) for row in found["sides"] if len(row["mean"])))
    low, high = min(lows), max(highs)
    room = 0.06 * (high - low) or 0.1
    return (low / 1.05, high * 1.05) if log else (low - room, high + room)
