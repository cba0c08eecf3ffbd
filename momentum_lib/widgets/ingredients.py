"""Adam line by line: each of its ingredients switched on and off, on one path."""

import math

import numpy as np
import traitlets

from .. import rules, surfaces
from ..core import descend
from ._base import INK, Choice, Flag, Integer, LiveFigure, Number, Point, canvas, contours, many, minus, stroke

FIELDS = {
    "ravine": {
        "surface": surfaces.ravine(kappa=25),
        "begin": {"start": (-2.5, 1.5), "lr": 0.2, "rate": 0.07, "steps": 80},
    },
    "turned": {
        "surface": surfaces.ravine(kappa=25, angle=math.pi / 4),
        "begin": {"start": (-2.5, -0.6), "lr": 0.2, "rate": 0.07, "steps": 80},
    },
    "rosenbrock": {
        "surface": surfaces.rosenbrock,
        "begin": {"start": (-1.2, 1.0), "lr": 0.2, "rate": 0.003, "steps": 200},
    },
    "beale": {
        "surface": surfaces.beale,
        "begin": {"start": (1.0, 1.5), "lr": 0.2, "rate": 0.02, "steps": 120},
    },
}
"""Name -> surface, and where a change to it begins."""
EPS = rules.adamw.hyper["eps"]
ADAM = {"momentum": True, "ruler": True, "correct_m": True, "correct_s": True, "decay": False}


def recipe(parts, steps, *, lr, rate, beta1, beta2, weight_decay):
    """The library's rule that has these ingredients, and its hyper-parameters: ``(rule, hyper)``.

    ``parts`` are the five flags of :class:`Ingredients`.  Nothing but rules of the library runs:
    an average that is off has its beta at 0, and a start-up correction that is off is taken out
    by a schedule, because a correction is one: m_hat multiplies the rate by 1 / (1 - beta1^t), and
    s_hat divides both the rate and eps by 1 / sqrt(1 - beta2^t).  Arrays have shape (steps,).
    """
    t = np.arange(1, steps + 1)
    beta1 = beta1 if parts["momentum"] else 0.0
    start_m, start_s = 1 - beta1**t, np.sqrt(1 - beta2**t)
    if not parts["ruler"]:
        return rules.averaged_momentum, {"lr": rate / start_m if parts["correct_m"] else np.full(steps, rate), "beta": beta1}
    bare_m, bare_s = np.ones(steps) if parts["correct_m"] else start_m, np.ones(steps) if parts["correct_s"] else start_s
    scale = bare_m / bare_s
    share = weight_decay / scale if parts["decay"] else np.zeros(steps)  # lr * weight_decay stays what it is
    return rules.adamw, {"lr": lr * scale, "beta1": beta1, "beta2": beta2, "eps": EPS / bare_s, "weight_decay": share}


def known_as(parts):
    """What these ingredients are called."""
    if not parts["ruler"]:
        if not parts["momentum"]:
            return "gradient descent"
        return "averaged momentum, corrected" if parts["correct_m"] else "averaged momentum"
    if not parts["momentum"]:
        name = "RMSProp, corrected" if parts["correct_s"] else "RMSProp"
        return f"{name}, with decay" if parts["decay"] else name
    if parts["correct_m"] and parts["correct_s"]:
        return "AdamW" if parts["decay"] else "Adam"
    left = {(True, False): "Adam, s not corrected", (False, True): "Adam, m not corrected", (False, False): "Adam, not corrected"}
    return left[parts["correct_m"], parts["correct_s"]] + (", with decay" if parts["decay"] else "")


class Ingredients(LiveFigure):
    """Adam's lines, each with a switch, on one path, and the length of every step along each coordinate.

    ``surface``      "ravine" (along the axes), "turned" (by 45 degrees), "rosenbrock" or "beale"
    ``momentum``     True: m averages gradients; False: m is the gradient (beta1 = 0)
    ``ruler``        True: each coordinate is divided by the root of its s; False: none is
    ``correct_m``    True: m is divided by 1 - beta1^t
    ``correct_s``    True: s is divided by 1 - beta2^t
    ``decay``        True: every step shrinks theta by the share lr * weight_decay, outside the ratio; needs the ruler
    ``lr``           learning rate with the ruler, 1e-4 to 10 (theta)
    ``rate``         learning rate without it, 1e-5 to 2 (theta^2 / f)
    ``beta1``        0 to 0.999
    ``beta2``        0 to 0.9999
    ``weight_decay`` 0 to 2 (1 / unit of lr)
    ``start``        two floats, inside the surface's domain (theta)
    ``steps``        5 to 400

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "ingredients"
    title = "Adam, line by line: take a line out and see what it was for"
    caption = (
        "The rule of the ticked lines and, where one is missing, complete Adam as a thin line, from one start. Drawn are the "
        "paths, and the length of each step along x and along y."
    )

    surface = Choice("ravine", list(FIELDS))
    momentum = Flag(True)
    ruler = Flag(True)
    correct_m = Flag(True)
    correct_s = Flag(True)
    decay = Flag(False)
    lr = Number(0.2, 1e-4, 10)
    rate = Number(0.07, 1e-5, 2)
    beta1 = Number(0.9, 0, 0.999)
    beta2 = Number(0.999, 0, 0.9999)
    weight_decay = Number(0.2, 0, 2)
    start = Point((-2.5, 1.5), ((-4.5, 4.5), (-4.5, 4.5)))
    steps = Integer(80, 5, 400)

    def __init__(self, **state):
        if isinstance(state.get("surface"), str) and state["surface"] in FIELDS:
            state = {**FIELDS[state["surface"]]["begin"], **state}
        super().__init__(**state)
        self.observe(self._moved, "surface")

    @traitlets.validate("start")
    def _inside(self, proposal):
        return tuple(min(max(v, low), high) for v, (low, high) in zip(proposal["value"], self.field.domain, strict=True))

    def _moved(self, change):
        with self.hold_sync():
            for name, value in FIELDS[self.surface]["begin"].items():
                setattr(self, name, value)

    # -- what is computed ------------------------------------------------------------------------

    @property
    def field(self):
        """The surface itself."""
        return FIELDS[self.surface]["surface"]

    @property
    def parts(self):
        """The five switches as a dict, in the order of Adam's lines."""
        return {name: getattr(self, name) for name in ADAM}

    def path(self, parts=None):
        """The run with these ingredients (by default those of the state), as :func:`momentum_lib.descend` returns it."""
        setting = {name: getattr(self, name) for name in ("lr", "rate", "beta1", "beta2", "weight_decay")}
        rule, hyper = recipe(self.parts if parts is None else parts, self.steps, **setting)
        return descend(rule, self.field, start=self.start, steps=self.steps, **hyper)

    def numbers(self):
        """What the figure shows, as plain data: the path, its strides (n, 2) along each coordinate, and complete Adam's beside
        it.

        ``first`` is the first stride: in learning rates with the ruler, else in units of theta.
        """
        path, whole = self.path(), self.path(ADAM)
        strides = np.abs(np.diff(path.points, axis=0))
        return {
            "name": known_as(self.parts),
            "path": path.points,
            "whole": whole.points,
            "strides": strides,
            "whole_strides": np.abs(np.diff(whole.points, axis=0)),
            "first": [float(v) / (self.lr if self.ruler else 1) for v in strides[0]] if len(strides) else None,
            "loss": None if path.diverged_at else float(path.values[-1]),
            "whole_loss": None if whole.diverged_at else float(whole.values[-1]),
            "diverged_at": path.diverged_at,
        }

    # -- on paper --------------------------------------------------------------------------------

    @property
    def look(self):
        """The meaning whose colour the path wears."""
        return "adaptive" if self.ruler else "averaged" if self.momentum else "gradient"

    def _off(self):
        words = {
            "momentum": "the average",
            "ruler": "the ruler",
            "correct_m": "the correction of m",
            "correct_s": "the correction of s",
        }
        if not self.ruler:
            words.pop("correct_s")
        return [text for name, text in words.items() if not getattr(self, name)]

    def _end(self, found):
        return (
            f"diverges at step {found['diverged_at']}"
            if found["diverged_at"]
            else f"has loss {found['loss']:.2g} after {many(self.steps, 'step')}"
        )

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        x, y = self.start
        whole = "diverges" if found["whole_loss"] is None else f"{found['whole_loss']:.2g}"
        unit = " learning rates" if self.ruler else ""
        first = (
            "no step is finite"
            if found["first"] is None
            else "its first step is {:.3g}{} long along x and {:.3g} along y".format(found["first"][0], unit, found["first"][1])
        )
        beside = "" if self.parts == ADAM else f"; complete Adam: {whole}"
        at = f"({minus(f'{x:.3g}')}, {minus(f'{y:.3g}')})"
        return f"Path of {found['name']} on {self.field.title} from {at}: {first}; it {self._end(found)}{beside}."

    def picture(self):
        """The paths on the contours, and the length of each step along each coordinate."""
        found, mine = self.numbers(), stroke(self.look)
        figure, (plane, lengths) = canvas(columns=(1.35, 1), height=3.3)
        contours(self.field, plane)
        for x, y in self.field.minima:
            plane.plot(x, y, "x", color=INK, markersize=6)
        if self.parts != ADAM:
            plane.plot(*found["whole"].T, color=INK, linewidth=1.0)
            for k in (0, 1):
                lengths.plot(
                    np.arange(1, len(found["whole_strides"]) + 1), found["whole_strides"][:, k], color=INK, linewidth=0.8
                )
        plane.plot(*found["path"].T, **{**mine, "linestyle": "-"}, marker=".", markersize=4)
        plane.plot(*self.start, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        at = np.arange(1, len(found["strides"]) + 1)
        for k, (name, dash) in enumerate((("along x", "-"), ("along y", (0, (3, 2))))):
            lengths.plot(at, found["strides"][:, k], color=mine["color"], linewidth=1.6, linestyle=dash, label=name)
        low, high = self.stride_range(found)
        if self.ruler:
            lengths.axhline(self.lr, color=INK, linewidth=0.8)
        lengths.set(yscale="log", xlim=(0, self.steps), ylim=(low, high), xlabel="step", ylabel="length of the step")
        lengths.legend(frameon=False, fontsize=8, labelcolor=INK, loc="lower left")
        return figure

    def stride_range(self, found):
        """The ends of the axis of lengths: whole decades, four at most."""
        every = np.concatenate([found["strides"].ravel(), found["whole_strides"].ravel()])
        top = math.ceil(math.log10(min(max(every.max(initial=0), 1e-6), 1e3)))
        return 10.0 ** (top - 4), 10.0**top
