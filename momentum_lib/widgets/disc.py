"""The disc: a setting on the map of rates, its eigenvalues on the unit disc, and the measured error beside the predicted one."""

import functools

import numpy as np

from .. import rules as all_rules
from .. import surfaces, theory
from ..core import descend
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, canvas, many, stroke
from .ravine import measured_rate

LINEAR = ("gradient_descent", "heavy_ball", "nesterov", "averaged_momentum")
TOP = 0.99
DIRECTIONS, CELLS, BUDGET, GOAL = 9, 96, 2000, 1e-6


def remembers(rule):
    """Whether a rule, by name, has a momentum; one without takes no notice of it."""
    return all_rules.get(rule).momentum is not None


def rate_range(rule, kappa):
    """The ends of the map's rate axis: to 6/L, or 60/L for the averaged rule, whose rates are larger."""
    averaged = rule == "averaged_momentum"
    top = (60 if averaged else 6) / kappa
    return top / (1000 if averaged else 100), top


def best_setting(rule, kappa):
    """The best constant setting of a rule, by name, on curvatures from 1 to kappa: a :class:`momentum_lib.theory.Setting`."""
    if rule == "gradient_descent":
        return theory.best_gradient_descent(1, kappa)
    if rule == "nesterov":
        return theory.best_nesterov(1, kappa)
    best = theory.best_heavy_ball(1, kappa)
    return best._replace(lr=best.lr / (1 - best.beta)) if rule == "averaged_momentum" else best


@functools.lru_cache(maxsize=8)
def _map(rule, kappa):
    low, high = rate_range(rule, kappa)
    middle = (np.arange(CELLS) + 0.5) / CELLS
    rates, momenta = low * (high / low) ** middle, TOP * middle
    ends = np.array([1.0, kappa])[:, None, None]
    hyper = {"beta": momenta[:, None]} if remembers(rule) else {}
    rate = theory.rate(all_rules.get(rule), ends, lr=rates[None, :], **hyper).max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(rate < 1, np.log(GOAL) / np.log(rate), np.nan)
    return rates, momenta, np.broadcast_to(steps, (CELLS, CELLS))


class Disc(LiveFigure):
    """The eigenvalues of a rule's iteration matrix, one pair for each of nine curvatures from 1 to kappa.

    ``rule``   gradient_descent, heavy_ball, nesterov or averaged_momentum
    ``kappa``  condition number, 1 to 1000; curvatures 1 = mu to kappa = L (f / theta^2)
    ``lr``     learning rate, 1e-6 to 100 (theta^2 / f); one outside the map is shown at its edge
    ``beta``   momentum, 0 to 0.99; gradient descent takes no notice of it
    ``steps``  steps of the measured run that are drawn, 20 to 1000

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "disc"
    title = "Drag a setting over the map: its eigenvalues move, and the error follows the outermost one"
    caption = (
        "On the map, the steps that the outermost eigenvalue predicts for every setting; hatched: it lies outside the unit "
        "disc. On the disc, the eigenvalues of the setting at the cross-hair, a pair for each curvature. With them its error, "
        "and the dashed line that the outermost eigenvalue predicts. The diamond marks the best setting."
    )

    rule = Choice("heavy_ball", LINEAR)
    kappa = Number(100, 1, 1000)
    lr = Number(0.02, 1e-6, 100)
    beta = Number(0.8, 0, TOP)
    steps = Integer(150, 20, 1000)

    # -- what is computed ------------------------------------------------------------------------

    @property
    def curvatures(self):
        """The nine curvatures, even in the logarithm, shape (9,), in f / theta^2."""
        return self.kappa ** (np.arange(DIRECTIONS) / (DIRECTIONS - 1))

    @property
    def hyper(self):
        """The hyper-parameters that the rule takes."""
        return {"lr": self.lr, "beta": self.beta} if remembers(self.rule) else {"lr": self.lr}

    @property
    def best(self):
        """The rule's best setting for this condition number."""
        return best_setting(self.rule, self.kappa)

    def eigenvalues(self):
        """Complex, shape (9, 2), or (9, 1) for gradient descent; see :func:`momentum_lib.theory.eigenvalues`."""
        return theory.eigenvalues(all_rules.get(self.rule), self.curvatures, **self.hyper)

    def path(self, steps=None):
        """The run from a start of ones on the quadratic with these curvatures."""
        return descend(all_rules.get(self.rule), surfaces.quadratic(self.curvatures), steps=steps or self.steps, **self.hyper)

    def map(self):
        """Rates (96,), momenta (96,) and the predicted steps to a millionth, shape (momenta, rates);
        NaN where the rule diverges."""
        return _map(self.rule, self.kappa)

    def numbers(self):
        """What the figure shows, as plain data."""
        long = self.path(BUDGET)
        errors = long.error[: self.steps + 1]
        values = self.eigenvalues()
        peak = int(np.argmax(errors))
        return {
            "curvatures": self.curvatures,
            "eigenvalues": values,
            "rate": float(np.abs(values).max()),
            "errors": errors,
            "diverged_at": long.diverged_at,
            "peak": (peak, float(errors[peak])),
            "steps_to": None if long.diverged_at else long.steps_to(GOAL),
            "measured": None if long.diverged_at else measured_rate(errors),
        }

    # -- on paper --------------------------------------------------------------------------------

    def _setting(self):
        momentum = f" and momentum {self.beta:.3g}" if remembers(self.rule) else ""
        return f"{all_rules.get(self.rule).title} at learning rate {self.lr:.3g}{momentum}, condition number {self.kappa:g}"

    def _told(self, found):
        if found["diverged_at"]:
            return f"the run diverges at step {found['diverged_at']}"
        needs = many(found["steps_to"], "step") if found["steps_to"] is not None else f"more than {many(BUDGET, 'step')}"
        return f"the run takes {needs} to a millionth of the distance"

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        complex_pairs = int(np.count_nonzero(np.abs(found["eigenvalues"].imag).max(axis=1) > 1e-9))
        step, size = found["peak"]
        away = f", after a peak of {size:.3g} times the start at step {step}" if step else ""
        return (
            f"{self._setting()}: of {DIRECTIONS} directions {complex_pairs} have a complex pair of eigenvalues, the outermost "
            f"modulus is "
            f"{found['rate']:.4f}, and {self._told(found)}{away}."
        )

    def picture(self):
        """The map, the disc and the error."""
        from matplotlib.colors import LogNorm

        found, best = self.numbers(), self.best
        rates, momenta, steps = self.map()
        look = stroke(all_rules.get(self.rule).family)
        figure, (chart, disc, fall) = canvas(width=9.6, height=3.3, columns=(1.15, 1, 1.15))

        low = max(1.0, float(np.log(GOAL) / np.log(best.rate)) if best.rate > 0 else 1.0)
        slow = (self.kappa - 1) / (self.kappa + 1)
        high = max(20.0, 2 * low, 3 * np.log(GOAL) / np.log(slow) if slow > 0 else 0)
        shown = np.ma.masked_invalid(steps)
        chart.pcolormesh(
            rates,
            momenta,
            np.ma.maximum(shown, low),
            cmap="cividis_r",
            norm=LogNorm(low, high),
            shading="nearest",
            rasterized=True,
        )
        if shown.mask.any() and not shown.mask.all():
            hatched = chart.contourf(
                rates, momenta, np.isnan(steps).astype(float), levels=[0.5, 1.5], hatches=["////"], colors="none"
            )
            hatched.set_edgecolor(QUIET)
            hatched.set_linewidth(0)
        chart.axvline(self.lr, color=QUIET, linewidth=0.8)
        if remembers(self.rule):
            chart.axhline(self.beta, color=QUIET, linewidth=0.8)
        height = self.beta if remembers(self.rule) else 0
        chart.plot(best.lr, best.beta, "D", markersize=6, markerfacecolor="none", markeredgecolor=INK, clip_on=False)
        ring = {"markersize": 8, "markerfacecolor": "none", "markeredgecolor": look["color"], "markeredgewidth": 2}
        chart.plot(np.clip(self.lr, *rate_range(self.rule, self.kappa)), height, "o", clip_on=False, **ring)
        chart.set(
            xscale="log", xlim=rate_range(self.rule, self.kappa), ylim=(0, TOP), xlabel="learning rate η", ylabel="momentum β"
        )

        turn = np.exp(2j * np.pi * np.linspace(0, 1, 181))
        disc.plot(turn.real, turn.imag, color=QUIET, linewidth=1.2)
        disc.plot(*(found["rate"] * np.array([turn.real, turn.imag])), color=INK, linewidth=1, linestyle=(0, (5, 3)))
        values, reach = found["eigenvalues"], 1.28
        disc.plot(values.real.ravel(), values.imag.ravel(), "o", color=look["color"], markersize=4)
        for k, name in ((0, "flat"), (-1, "steep")):
            x, y = np.clip(values[k, 0].real, -reach, reach), abs(values[k, 0].imag)
            disc.plot(x, y, "o", clip_on=False, **ring)
            disc.annotate(name, (x, y), (0, 8), textcoords="offset points", ha="center", color=INK, fontsize=9)
        disc.axhline(0, color=QUIET, linewidth=0.5)
        disc.axvline(0, color=QUIET, linewidth=0.5)
        disc.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        disc.set_axis_off()

        t = np.arange(len(found["errors"]))
        fall.semilogy(t, np.maximum(found["errors"], 1e-16), **look)
        if found["rate"] > 0:
            line = np.exp(np.clip(np.arange(self.steps + 1) * np.log(found["rate"]), -300, 300))
            fall.semilogy(np.arange(self.steps + 1), line, color=INK, linewidth=1, linestyle=(0, (5, 3)))
        fall.set(
            xlim=(0, self.steps),
            ylim=(1e-8, 10 ** max(1, np.ceil(np.log10(found["peak"][1])))),
            xlabel="step",
            ylabel="distance (start = 1)",
        )
        return figure
