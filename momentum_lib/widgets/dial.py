"""The beta dial: a map of steps to converge over (learning rate, momentum), and the run picked on it."""

import functools
import math

import numpy as np
import traitlets

from .. import rules as all_rules
from .. import surfaces, theory
from ..conventions import CONVENTIONS, form
from ..core import descend
from ..looks import in_sentence
from ..notation import LOOKS, QUANTITIES
from ..sweep import sweep
from . import tuning
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, Point, canvas, contours, many, stroke

TOP = 0.99
SPAN = 100
CELLS = 160


def stability_edge(rule, curvature, beta):
    """The rate above which a rule (by name) diverges at this curvature, in closed form.

    ``beta`` may be an array. Equal to :func:`momentum_lib.theory.stability_edge`, which finds it from the rule itself.
    """
    return theory.momentum_edge(curvature, beta, **form(rule))


def critical_rate(rule, curvature, beta):
    """The rate at which a direction of this curvature is critically damped, for a rule by name; ``beta`` may be an array.

    Heavy ball: lr * curvature = (1 - sqrt(beta))^2, the inverse of :func:`momentum_lib.theory.critical_beta`.
    Nesterov: ((1 - beta) / (1 + beta))^2.
    """
    return theory.critical_rate(curvature, beta, **form(rule))


def _field(surface, kappa):
    return surfaces.ravine(kappa=kappa) if surface == "ravine" else surfaces.get(surface)


def _axes(rate_range, cells):
    low, high = rate_range
    middle = (np.arange(cells) + 0.5) / cells
    return low * (high / low) ** middle, TOP * middle


@functools.lru_cache(maxsize=8)
def _map(rule, surface, kappa, start, steps, tol, rate_range, cells):
    """One map; kept, because caption, alternative text and picture all ask for it."""
    rates, momenta = _axes(rate_range, cells)
    rule = all_rules.get(rule)
    return sweep(rule, _field(surface, kappa), start=start, steps=steps, tol=tol, lr=rates, **{rule.momentum: momenta})


@functools.cache
def _steps_at_best(surface, rule):
    """How many steps a rule needs on a surface at its own best setting; None where 1000 are not enough."""
    return descend(all_rules.get(rule), surfaces.get(surface), steps=1000, **tuning.best(surface, rule)).steps_to()


def budget(surface, rule, kappa):
    """Steps enough for the valley of the map to be wide, for a surface and a rule by name."""
    if surface in ("ravine", "bowl"):
        return int(min(max(10 * math.floor(4 * math.sqrt(kappa if surface == "ravine" else 1) + 0.5), 200), 1000))
    needed = _steps_at_best(surface, rule)
    return 1000 if needed is None else min(max(50 * math.ceil(needed / 20), 200), 1000)


class Dial(LiveFigure):
    """Steps to converge for every learning rate and momentum of a rule, and the run of the setting you pick.

    ``surface``  the name of a surface of the plane with a minimum; changing it moves the start to the surface's own
    ``rule``     the name of a rule with one momentum
    ``kappa``    condition number of the ravine, 1 to 1000
    ``lr``       learning rate of the cross-hair, 1e-6 to 100; one outside the map is shown at its edge
    ``beta``     its momentum, 0 to 0.99 (Adam: beta1; Lion: beta2)
    ``start``    two floats, inside the surface's domain (theta)
    ``steps``    budget of each run, 20 to 1000; if not given, enough for the surface and the rule
    ``tol``      the relative distance that counts as converged, 1e-12 to 0.1

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "dial"
    title = "Turn the beta dial: how many steps a learning rate and a momentum need together"
    caption = (
        "The map counts the steps of every learning rate and momentum. Hatched: the run diverges; plain: the budget of steps "
        "was not enough. Where the theory is known, the solid line is the stability edge and the dashed one critical damping of "
        "the flat direction. The run of the setting at the cross-hair is drawn beside it, with its distance to the minimum."
    )

    surface = Choice("ravine", [s.name for s in tuning.racing() if s.minima])
    rule = Choice("heavy_ball", [r.name for r in all_rules.ELEMENTWISE.values() if r.momentum])
    kappa = Number(25, 1, 1000)
    lr = Number(0.04, 1e-6, 100)
    beta = Number(0.8, 0, TOP)
    start = Point(surfaces.ravine.start, ((-6, 6), (-6, 6)))
    steps = Integer(200, 20, 1000)
    tol = Number(1e-6, 1e-12, 0.1)

    def __init__(self, **state):
        if isinstance(state.get("surface"), str) and state["surface"] in surfaces.SURFACES:
            state.setdefault("start", surfaces.get(state["surface"]).start)
        super().__init__(**state)
        if "steps" not in state:
            self.steps = budget(self.surface, self.rule, self.kappa)
        self.observe(self._moved, "surface")

    @traitlets.validate("start")
    def _inside(self, proposal):
        return tuple(
            min(max(v, low), high) for v, (low, high) in zip(proposal["value"], surfaces.get(self.surface).domain, strict=True)
        )

    def _moved(self, change):
        self.start = surfaces.get(self.surface).start

    # -- what is computed ------------------------------------------------------------------------

    @property
    def field(self):
        """The surface itself, with its condition number."""
        return _field(self.surface, self.kappa)

    @property
    def memory(self):
        """The name of the rule's momentum."""
        return all_rules.get(self.rule).momentum

    @property
    def curvatures(self):
        """Smallest and largest curvature where the surface is a quadratic and the rule linear, else None."""
        if self.rule not in CONVENTIONS:
            return None
        return {"ravine": (1.0, self.kappa), "bowl": (1.0, 1.0)}.get(self.surface)

    @property
    def rate_range(self):
        """The ends of the map's rate axis."""
        averaged = self.rule in CONVENTIONS and form(self.rule)["averaged"]
        if self.curvatures:
            top = (60 if averaged else 6) / self.curvatures[1]
            return top / (10 * SPAN if averaged else SPAN), top
        top = tuning.best(self.surface, self.rule)["lr"] * 8
        return top / SPAN, top

    def axes(self, cells=CELLS):
        """The map's grid: the rates in the middle of its columns and the momenta in the middle of its rows."""
        return _axes(self.rate_range, cells)

    def path(self):
        """The run of the cross-hair's setting, as :func:`momentum_lib.descend` returns it."""
        return descend(
            all_rules.get(self.rule), self.field, start=self.start, steps=self.steps, lr=self.lr, **{self.memory: self.beta}
        )

    def map(self, cells=CELLS):
        """The map, as :func:`momentum_lib.sweep` returns it: rate first, momentum second."""
        return _map(self.rule, self.surface, self.kappa, self.start, self.steps, self.tol, self.rate_range, cells)

    def best(self, cells=CELLS):
        """The map's cell with the fewest steps, as a dict with lr, the momentum and steps; None where none converges."""
        found = self.map(cells)
        return None if np.isinf(found.steps).all() else found.best()

    def numbers(self):
        """What the figure shows of the picked run, as plain data."""
        path = self.path()
        return {"path": path.points, "errors": path.error, "diverged_at": path.diverged_at, "steps_to": path.steps_to(self.tol)}

    # -- on paper --------------------------------------------------------------------------------

    def _told(self, path):
        steps = path.steps_to(self.tol)
        if path.diverged_at:
            return f"diverges at step {path.diverged_at}"
        return f"needs more than {many(self.steps, 'step')}" if steps is None else f"needs {many(steps, 'step')}"

    def _place(self):
        return f"{self.field.title} (condition number {self.kappa:g})" if self.surface == "ravine" else self.field.title

    def alt(self):
        """What the picture says, with its numbers."""
        best = self.best()
        top = (
            f"the fewest steps, {best['steps']:.0f}, are at learning rate {best['lr']:.3g} and momentum {best[self.memory]:.2g}"
            if best
            else "no setting converges"
        )
        return (
            f"Map of steps to converge of {in_sentence(all_rules.get(self.rule))} on {self._place()}: {top}. "
            f"The cross-hair at learning rate {self.lr:.3g} and momentum {self.beta:.3g} {self._told(self.path())}."
        )

    def picture(self):
        """The map with its theory, and the picked run."""
        found, path = self.map(), self.path()
        look = all_rules.get(self.rule).family
        figure, (chart, plane, fall) = canvas(width=9.6, height=3.1, columns=(1.5, 1.1, 1))
        rates, momenta = self.axes()
        steps = np.ma.masked_invalid(found.steps).T
        low = float(steps.min()) if steps.count() else 1.0
        from matplotlib.colors import LogNorm

        chart.pcolormesh(
            rates, momenta, steps, cmap="cividis_r", norm=LogNorm(max(low, 1), self.steps), shading="nearest", rasterized=True
        )
        diverged = (found.diverged_at > 0).T.astype(float)
        if diverged.any() and not diverged.all():
            hatched = chart.contourf(rates, momenta, diverged, levels=[0.5, 1.5], hatches=["////"], colors="none")
            hatched.set_edgecolor(QUIET)
            hatched.set_linewidth(0)
        if self.curvatures:
            flat, steep = self.curvatures
            beta = np.linspace(0, TOP, 200)
            chart.plot(stability_edge(self.rule, steep, beta), beta, color=INK, linewidth=1.3)
            chart.plot(critical_rate(self.rule, flat, beta), beta, color=INK, linewidth=1.3, linestyle=(0, (5, 3)))
        if steps.count():
            best = found.best()
            chart.plot(
                best["lr"],
                best[self.memory],
                "D",
                markersize=6,
                markerfacecolor="none",
                markeredgecolor=LOOKS["ink"].light,
                markeredgewidth=1.4,
            )
        chart.axvline(self.lr, color=QUIET, linewidth=0.8)
        chart.axhline(self.beta, color=QUIET, linewidth=0.8)
        chart.plot(
            self.lr,
            self.beta,
            "o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=stroke(look)["color"],
            markeredgewidth=2,
        )
        quantity = QUANTITIES[self.memory]
        chart.set(
            xscale="log", xlim=self.rate_range, ylim=(0, TOP), xlabel="learning rate η", ylabel=f"momentum {quantity.symbol}"
        )
        contours(self.field, plane)
        plane.plot(*path.points.T, **stroke(look))
        plane.plot(*self.start, "o", markersize=7, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.5)
        error = np.maximum(path.error, 1e-16)
        fall.semilogy(np.arange(len(error)), error, **stroke(look))
        fall.axhline(self.tol, color=QUIET, linewidth=0.8, linestyle=":")
        fall.set(
            xlim=(0, self.steps),
            ylim=(10 ** math.floor(math.log10(self.tol) - 0.5), 10),
            xlabel="step",
            ylabel="distance (start = 1)",
        )
        return figure
