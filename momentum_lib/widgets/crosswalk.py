"""The crosswalk: one setting written in every convention, and the change of rate that parts them."""

import numpy as np

from .. import rules, surfaces
from ..conventions import CONVENTIONS, convert
from ..core import descend
from ..looks import in_sentence
from ._base import INK, QUIET, Choice, Choices, Flag, Integer, LiveFigure, Number, Point, canvas, contours, stroke

RAVINE = {"kappa": 25, "angle": 0.3}


class Crosswalk(LiveFigure):
    """One run in every momentum convention: exact conversions, refusals with their reason, and where the forms part.

    ``source``  the convention in which you give the setting, a rule's name
    ``lr``      its learning rate, 1e-5 to 1000 (theta^2 / f)
    ``beta``    its momentum, 0 to 0.999
    ``drop``    whether the rate drops in mid-run
    ``drop_at`` the last step at the full rate, 1 to 299
    ``factor``  by which the rate is divided then, 1 to 100
    ``shown``   names of the conventions to draw; the source is always drawn, one that does not convert never
    ``start``   two floats, inside the ravine's domain (theta)
    ``steps``   steps drawn, 10 to 300

    The surface is ``surfaces.ravine(kappa=25, angle=0.3)``.  Values outside are clamped; NaN and
    unknown names raise ``traitlets.TraitError``.
    """

    figure = "crosswalk"
    title = "One run, eight ways to write it: where do the forms agree, and what parts them?"
    caption = (
        "Each ticked form has your setting, converted to its own. Drawn are the paths and the length of each step. When the "
        "rate drops, the forms with the rate outside rescale their whole memory at once, those with the rate inside only the "
        "gradients still to come."
    )

    source = Choice("heavy_ball", list(CONVENTIONS))
    lr = Number(0.012, 1e-5, 1000)
    beta = Number(0.9, 0, 0.999)
    drop = Flag(False)
    drop_at = Integer(13, 1, 299)
    factor = Number(10, 1, 100)
    shown = Choices(["classical_momentum", "heavy_ball", "averaged_momentum"], list(CONVENTIONS), least=0)
    start = Point((-2.5, -1.2), surfaces.ravine.domain)
    steps = Integer(60, 10, 300)

    @property
    def turn(self):
        """The last step at the full rate, inside the run."""
        return min(self.drop_at, self.steps - 1)

    def settings(self):
        """Rule name -> the converted hyper-parameters, or the sentence that refuses them."""
        given = {"lr": self.lr, "beta": self.beta, **({"dampening": 0.0} if self.source == "dampened_momentum" else {})}
        found = {}
        for name in CONVENTIONS:
            try:
                found[name] = convert(self.source, name, **given)
            except ValueError as error:
                found[name] = str(error)
        return found

    def drawn(self):
        """The names of the rules drawn, in the table's order: the source, and what is shown and converts."""
        settings = self.settings()
        return [n for n in CONVENTIONS if n == self.source or (n in self.shown and isinstance(settings[n], dict))]

    def rates(self, lr):
        """The schedule of one rule, shape (steps,): ``lr``, divided by the factor after the drop."""
        late = np.arange(self.steps) >= self.turn
        return np.where(late, lr / self.factor, lr) if self.drop else np.full(self.steps, lr)

    def points(self, name):
        """The points by which a rule is compared, shape (steps+1, 2): its own, or those at which a look-ahead rule looks."""
        rule, hyper = rules.get(name), dict(self.settings()[name])
        hyper["lr"] = self.rates(hyper["lr"])
        path = descend(rule, surfaces.ravine(**RAVINE), start=self.start, steps=self.steps, **hyper)
        if rule.look_fn is None:
            return path.points
        now = {n: value[min(len(path), self.steps - 1)] if np.ndim(value) else value for n, value in hyper.items()}
        return np.vstack([path.looks, rule.look(path.points[-1], *(path.state[slot][-1] for slot in rule.slots), **now)])

    def numbers(self):
        """What the figure shows, as plain data."""
        paths = {name: self.points(name) for name in self.drawn()}
        lengths = {name: np.linalg.norm(np.diff(p, axis=0), axis=1) for name, p in paths.items()}
        return {
            "drawn": list(paths),
            "settings": {name: s["lr"] if isinstance(s, dict) else None for name, s in self.settings().items()},
            "paths": paths,
            "lengths": lengths,
            "difference": largest_difference(list(paths.values())),
            "turn": self.turn,
            "ratios": {n: _ratio(v, self.turn) for n, v in lengths.items()},
        }

    def _sides(self, found):
        """The first rule drawn of each place of the rate: {"inside": name, "outside": name}, where there is one."""
        sides = {}
        for name in sorted(found["drawn"], key=lambda name: rules.get(name).look_fn is not None):  # a rule's own points first
            sides.setdefault(CONVENTIONS[name].rate, name)
        return sides

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        names = ", ".join(in_sentence(rules.get(n)) for n in found["drawn"])
        said = (
            f"Paths of {names} in a ravine of condition number {RAVINE['kappa']}, at the setting of "
            f"{in_sentence(rules.get(self.source))}: learning rate {self.lr:.4g}, momentum {self.beta:g}"
        )
        gap = found["difference"]
        if gap < 1e-9:
            said += "; they are identical up to rounding" if len(found["drawn"]) > 1 else ""
        else:
            said += f"; they differ by up to {gap:.3g} of their size"
        if self.drop:
            ratios = [
                f"{found['ratios'][n]:.3f} times the last with the rate {side}"
                for side, n in self._sides(found).items()
                if found["ratios"][n] is not None
            ]
            said += f"; the rate is divided by {self.factor:g} after step {found['turn']}" + (
                ", and the next step is " + " and ".join(ratios) if ratios else ""
            )
        return said + "."

    def picture(self):
        """The paths on the contours, and the length of each step."""
        from ..plot import rule_style  # loads matplotlib.pyplot: only when a picture is wanted

        found = self.numbers()
        figure, (plane, lengths) = canvas(columns=(1.55, 1))
        contours(surfaces.ravine(**RAVINE), plane)
        for rank, (name, points) in enumerate(found["paths"].items()):
            style = {**stroke(rules.get(name).family), "linestyle": rule_style(rules.get(name))["linestyle"]}
            plane.plot(*points.T, **style)
            plane.plot(
                *_apart(points, 0.1 + 0.09 * len(found["paths"])).T,
                "o",
                markersize=3.5 + 3 * rank,
                markerfacecolor="none",
                markeredgecolor=style["color"],
                markeredgewidth=0.9,
            )
            steps = np.maximum(found["lengths"][name], 1e-12)
            lengths.semilogy(np.arange(1, len(steps) + 1), steps, label=rules.get(name).title, **style)
        plane.plot(*self.start, "o", markersize=9, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        plane.plot(0, 0, "x", color=INK, markersize=6)
        if self.drop:
            lengths.axvline(found["turn"], color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
            lengths.annotate(
                f"rate ÷ {self.factor:g}",
                (found["turn"], 0),
                xycoords=("data", "axes fraction"),
                xytext=(4, 6),
                textcoords="offset points",
                color=INK,
                fontsize=9,
            )
        lengths.set(xlim=(0, self.steps), xlabel="step", ylabel="length of the step")
        lengths.legend(frameon=False, fontsize=8, labelcolor=INK, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
        return figure


def _ratio(lengths, turn):
    """The step after the turn over the step before it; None where the run has ended or stands still."""
    return float(lengths[turn] / lengths[turn - 1]) if len(lengths) > turn and lengths[turn - 1] > 0 else None


def _apart(points, least):
    """The points that lie at least so far from the last one kept: tiny steps would make one blot."""
    kept = [points[0]]
    for point in points[1:]:
        if np.linalg.norm(point - kept[-1]) >= least:
            kept.append(point)
    return np.array(kept)


def largest_difference(paths):
    """The largest distance between two paths (n, 2) at one step, over the largest distance of any from the origin."""
    size = max(np.linalg.norm(p, axis=1).max() for p in paths)
    gap = max(np.linalg.norm(a[: len(b)] - b[: len(a)], axis=1).max() for a in paths for b in paths)
    return float(gap / size) if size else 0.0
