"""The race: update rules side by side on one surface, each at its own best setting."""

import functools
import math

import numpy as np
import traitlets

from .. import rules as all_rules
from .. import surfaces
from ..core import descend
from ..looks import SHORT, in_sentence
from . import tuning
from ._base import INK, Choice, Choices, Flag, Integer, LiveFigure, Number, Point, Table, canvas, contours, minus

TOLERANCE, BUDGET = tuning.TOLERANCES[0], tuning.BUDGET
RATIO = 1.5
MOST = 6


def _bounds(name):
    return {"lr": (1e-6, 100), "eps": (0, 1), "dampening": (0, 1)}.get(name, (0, 0.9999))


def frame_of(surface):
    """What the picture shows: the surface's domain, widened on its shorter side to a shape of 3 : 2."""
    (x0, x1), (y0, y1) = surface.domain
    more = RATIO * (y1 - y0) - (x1 - x0)
    if more > 0:
        return ((x0 - more / 2, x1 + more / 2), (y0, y1))
    return ((x0, x1), (y0 + more / RATIO / 2, y1 - more / RATIO / 2))


def shared_rate(surface):
    """The rate that all rules share where ``tuned`` is False: a fifth of gradient descent's best on that surface."""
    lr = tuning.best(surface.name, "gradient_descent")["lr"]
    return float(f"{lr / (5 if surface.minima else 1):.3g}")


@functools.lru_cache(maxsize=64)
def _outcome(rule, surface, start, setting):
    """How a long run ends; kept, because caption, alternative text and picture all ask for it."""
    field = surfaces.get(surface)
    run = descend(all_rules.get(rule), field, start=start, steps=BUDGET, **dict(setting))
    (x0, x1), (y0, y1) = frame_of(field)
    x, y = run.points.T
    outside = np.flatnonzero((x < x0) | (x > x1) | (y < y0) | (y > y1))
    return {
        "diverged_at": run.diverged_at,
        "leaves_at": int(outside[0]) if outside.size else None,
        "steps_to": run.steps_to(TOLERANCE) if field.minima else None,
    }


class Race(LiveFigure):
    """Any rules side by side on any surface of the plane, from one start.

    ``surface``   the name of a surface of the plane; changing it moves the start to the surface's own
    ``rules``     one to six names of rules
    ``settings``  rule name -> {"lr": ..., "beta": ...}: what is set by hand; all else is tuned
    ``start``     two floats, inside the picture (theta)
    ``steps``     how many steps the race lasts, 2 to 2000
    ``step``      the step now shown, 0 to ``steps``
    ``playing``   True while it runs
    ``speed``     steps per second, 1 to 200
    ``compact``   the small form for a front page, which plays once when it comes into view
    ``tuned``     True: each rule at its own best setting (fewest steps from the surface's start);
                  False: the same learning rate for all, and each rule's default momentum

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "race"
    title = "The race: every rule from the same start"
    caption = (
        "Each rule starts at the ring and heads for the cross, where the surface has a minimum. It has arrived when it stays "
        "within a millionth of the first distance. Each has its own best setting, found by search, unless another was chosen."
    )

    surface = Choice("ravine", [s.name for s in tuning.racing()])
    rules = Choices(("gradient_descent", "heavy_ball", "nesterov"), list(all_rules.ELEMENTWISE), 1, MOST)
    settings = Table({}, {r.name: {name: _bounds(name) for name in r.hyper} for r in all_rules.ELEMENTWISE.values()})
    start = Point(surfaces.ravine.start, ((-8, 8), (-6, 6)))
    steps = Integer(100, 2, 2000)
    step = Integer(100, 0, 2000)
    playing = Flag(False)
    speed = Number(15, 1, 200)
    compact = Flag(False)
    tuned = Flag(True)

    def __init__(self, **state):
        if isinstance(state.get("surface"), str) and state["surface"] in surfaces.SURFACES:
            state.setdefault("start", surfaces.get(state["surface"]).start)
        state.setdefault("step", state.get("steps", 100))
        super().__init__(**state)
        self.observe(self._moved, "surface")
        self.observe(self._lengthened, "steps")

    @traitlets.validate("start")
    def _inside(self, proposal):
        return tuple(min(max(v, low), high) for v, (low, high) in zip(proposal["value"], self.frame, strict=True))

    @traitlets.validate("step")
    def _reached(self, proposal):
        return min(proposal["value"], self.steps)

    def _moved(self, change):
        with self.hold_sync():
            self.settings = {}
            self.start = self.field.start

    def _lengthened(self, change):
        if self.step == change["old"] or self.step > self.steps:
            self.step = self.steps

    # -- what runs -----------------------------------------------------------------------------

    @property
    def field(self):
        """The surface itself."""
        return surfaces.get(self.surface)

    @property
    def frame(self):
        """What the picture shows, ((x0, x1), (y0, y1))."""
        return frame_of(self.field)

    def setting(self, rule):
        """The hyper-parameters with which a rule (by name) runs now."""
        own = tuning.best(self.surface, rule) if self.tuned else {"lr": shared_rate(self.field)}
        return {**all_rules.get(rule).hyper, **own, **self.settings.get(rule, {})}

    def path(self, rule, steps=None):
        """The run of one rule (by name), as :func:`momentum_lib.descend` returns it."""
        return descend(all_rules.get(rule), self.field, start=self.start, steps=steps or self.steps, **self.setting(rule))

    def paths(self):
        """Rule name -> run, in the order of ``rules``."""
        return {rule: self.path(rule) for rule in self.rules}

    def numbers(self):
        """Rule name -> what the figure shows of it, as plain data.

        ``steps_to`` a millionth of the start's distance (None: not within 2000 steps), the step at
        which the run ``diverged_at`` or ``leaves_at`` the picture (None: never), ``loss`` at the step shown.
        """
        found = {}
        for rule in self.rules:
            path, setting = self.path(rule), self.setting(rule)
            found[rule] = {
                "path": path.points,
                "values": path.values,
                "hyper": setting,
                **_outcome(rule, self.surface, self.start, tuple(setting.items())),
                "loss": float(path.values[min(self.step, len(path))]),
            }
        return found

    # -- on paper --------------------------------------------------------------------------------

    def sentence(self):
        """What became of the runs, in the words that the figure says on the page."""
        floor, told = bool(self.field.minima), []
        for rule, shown in self.numbers().items():
            leaves, arrives = shown["leaves_at"], shown["steps_to"]
            if not floor:
                result = "stays in the picture" if leaves is None else f"leaves the picture at step {leaves}"
            elif shown["diverged_at"]:
                result = f"diverges at step {shown['diverged_at']}"
            else:
                result = f"more than {BUDGET}" if arrives is None else f"{arrives}"
            told.append(f"{in_sentence(all_rules.get(rule))} {result}")
        said = ("Steps to a millionth of the first distance: " if floor else "") + ", ".join(told)
        return said[0].upper() + said[1:] + "."

    def alt(self):
        """What the picture says, with its numbers."""
        x, y = (minus(f"{value:.3g}") for value in self.start)
        return f"{self.sentence()} Surface: {self.field.title}; start: ({x}, {y})."

    def picture(self):
        """The paths on the contours, and the loss against the step (in the compact form the paths alone)."""
        from ..plot import rule_style

        paths = self.paths()
        figure, axes = canvas(columns=(1,) if self.compact else (1.55, 1), height=4.6 if self.compact else 3.2)
        plane = axes[0]
        contours(self.field, plane, domain=self.frame)
        for x, y in self.field.minima:
            plane.plot(x, y, "x", color=INK, markersize=6)
        for rule, path in paths.items():
            style = rule_style(path.rule)
            name = SHORT.get(rule, path.rule.title)
            plane.plot(*path.points.T, **{**style, "markersize": 2.5, "linewidth": 0.8 * style["linewidth"], "label": name})
            if not self.compact:
                axes[1].plot(np.arange(len(path.values)), path.values, **{**style, "marker": "", "label": name})
        plane.plot(*self.start, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        legend = plane if self.compact else axes[1]
        if not self.compact:
            low, high = self._loss_range(paths)
            axes[1].set(
                xlim=(0, self.steps),
                xlabel="step",
                ylabel="loss f",
                yscale="log" if self.field.minima else "linear",
                ylim=(low, high),
            )
        legend.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper right")
        return figure

    def _loss_range(self, paths):
        first = next(iter(paths.values())).values[0]
        if self.field.minima:
            top = 10.0 ** math.ceil(math.log10(max(first, 1e-6) * 1.5))
            return top * 1e-10, top
        (x0, x1), (y0, y1) = self.frame
        edge = np.linspace(0, 1, 21)
        x, y = x0 + (x1 - x0) * edge, y0 + (y1 - y0) * edge
        sides = [(x, np.full(21, y0)), (x, np.full(21, y1)), (np.full(21, x0), y), (np.full(21, x1), y)]
        low = min(first, *(self.field.value(np.array(side)).min() for side in sides))
        return low, first + 0.15 * (first - low)

    def save(self, file, *, fps=25, seconds=6, progress=True):
        """Write the race as an animation, .gif or .mp4; see :func:`momentum_lib.animate.save`. Returns the file's path."""
        from .. import animate

        labels = [SHORT.get(rule, all_rules.get(rule).title) for rule in self.rules]
        return animate.save(
            list(self.paths().values()), file, fps=fps, seconds=seconds, progress=progress, labels=labels, domain=self.frame
        )
