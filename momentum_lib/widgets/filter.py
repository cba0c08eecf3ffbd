"""The filter: a moving average on a noisy signal, its weights, and the frequencies that it lets through."""

import math

import numpy as np

from .. import rules, theory
from ..draws import draw_noise
from ._base import INK, QUIET, Choice, Flag, Integer, LiveFigure, Number, canvas, many, near_one, show, stroke

STEPS = 200
STEP_AT = 60
ZIGZAG_STEPS = 60
"""Of a zigzag only so many steps are drawn, so that each is seen."""
SHOWN_WEIGHTS = 60
DRAWS, SETTLE = 20_000, 5_000
SIGNALS = {
    "wave": "a cosine wave at the frequency you choose",
    "zigzag": "+1, -1, +1, ...: the fastest wave there is",
    "constant": "always 1",
    "step": f"0, and from step {STEP_AT} on 1",
}


def clean(signal, frequency=0.08):
    """The signal without noise, shape (200,): one of ``SIGNALS``; ``frequency`` in radians per step is the wave's."""
    t = np.arange(STEPS)
    if signal not in SIGNALS:
        raise ValueError(f"signal is {signal!r}; allowed: {', '.join(SIGNALS)}.")
    return {"wave": np.cos(frequency * t), "zigzag": 1.0 - 2 * (t % 2), "constant": np.ones(STEPS), "step": 1.0 * (t >= STEP_AT)}[
        signal
    ]


def gradients(signal="wave", *, frequency=0.08, noise=0.5, seed=0):
    """The noisy gradients of the figure, shape (200,): the signal plus ``noise`` times the draws of ``draw_noise``."""
    return clean(signal, frequency) + noise * draw_noise(STEPS, seed)


def _filter(grads, beta, rule, slot=0):
    """The rule's memory after each gradient: its own text, one step after the other."""
    state, hyper, kept = rule.init(0.0), {"lr": 0.0, "beta": beta}, np.empty(len(grads))
    for k, grad in enumerate(grads.tolist()):
        _, state = rule.step(0.0, grad, state, hyper, k + 1)
        kept[k] = state[slot]
    return kept


def _lag(response, omega, beta):
    """How many steps late a wave comes out; the limits at both ends of the frequencies by hand."""
    if omega in (0.0, math.pi):
        return 0.0 if omega else beta / (1 - beta)
    return float(-np.angle(response) / omega)


class Filter(LiveFigure):
    """A moving average under the reader's hand, as ``rules.averaged_momentum`` keeps it, or the sum of ``heavy_ball``.

    ``beta``      momentum, 0 to 0.999
    ``form``      "average" (weight 1 - beta on each new gradient) or "sum" (weight 1)
    ``signal``    "wave", "zigzag", "constant" or "step"
    ``frequency`` of the wave, 0.01 to pi radians per step
    ``noise``     standard deviation of the noise, 0 to 2 (the wave's height is 1)
    ``corrected`` whether the average is divided by 1 - beta**t, which takes away its bias at the start
    ``seed``      of the noise, 0 to 9999

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "filter"
    title = "What a moving average lets through: slow waves, fast ones, noise"
    caption = (
        "Noisy gradients and what the memory makes of them: smoother, and late. Beside it the weight of each past gradient by "
        "its age, and the gain at each frequency, up to the fastest wave, which changes sign in every step. Every curve comes "
        "from the rule's own text."
    )

    beta = Number(0.9, 0, 0.999)
    form = Choice("average", ["average", "sum"])
    signal = Choice("wave", list(SIGNALS))
    frequency = Number(0.08, 0.01, math.pi)
    noise = Number(0.5, 0, 2)
    corrected = Flag(False)
    seed = Integer(0, 0, 9999)

    def gradients(self):
        """The noisy gradients, shape (200,)."""
        return gradients(self.signal, frequency=self.frequency, noise=self.noise, seed=self.seed)

    def filtered(self):
        """The average or sum after each gradient, shape (200,)."""
        if self.form == "sum":
            return _filter(self.gradients(), self.beta, rules.heavy_ball)
        kept = _filter(self.gradients(), self.beta, rules.averaged_momentum)
        return kept / (1 - self.beta ** np.arange(1.0, STEPS + 1)) if self.corrected else kept

    @property
    def omega(self):
        """The frequency that the gain is read at: the signal's own where it has one."""
        return {"zigzag": math.pi, "constant": 0.0}.get(self.signal, self.frequency)

    def numbers(self):
        """What the figure shows, as plain data: the curves and the read-outs."""
        beta, averaged = self.beta, self.form == "average"
        response = theory.frequency_response(beta, self.omega, averaged=averaged)
        draws = draw_noise(DRAWS, self.seed)
        passed = _filter(draws, beta, rules.averaged_momentum)
        return {
            "clean": clean(self.signal, self.frequency),
            "gradients": self.gradients(),
            "filtered": self.filtered(),
            "weights": theory.weights(beta, SHOWN_WEIGHTS + 1, averaged=averaged),
            "half_life": theory.half_life(beta),
            "total_weight": 1.0 if averaged else theory.total_weight(beta),
            "sample_size": theory.sample_size(beta),
            "measured": float((draws[SETTLE:] ** 2).mean() / (passed[SETTLE:] ** 2).mean()),
            "omega": self.omega,
            "gain": float(abs(response)),
            "lag": _lag(response, self.omega, beta),
            "nyquist": float(abs(theory.frequency_response(beta, math.pi, averaged=averaged))),
        }

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        kept = "average" if self.form == "average" else "sum"
        what = {
            "wave": f"a wave of one turn in {2 * math.pi / self.omega if self.omega else math.inf:.3g} steps",
            "zigzag": "a zigzag of +1 and −1",
            "constant": "a constant 1",
            "step": "a step from 0 to 1",
        }[self.signal]
        late = f", {many(found['lag'], 'step', digits=2)} late," if self.signal == "wave" else ""
        wave = "" if self.signal == "step" else f" multiplies its height by {found['gain']:.3g}{late} and"
        spread = found["sample_size"] if self.form == "average" else found["sample_size"] / found["total_weight"] ** 2
        noise = (
            f"divides the noise variance by {spread:.3g}" if spread >= 1 else f"multiplies the noise variance by {1 / spread:.3g}"
        )
        if self.beta == 0:
            return (
                f"The moving {kept} with momentum 0 of {what} keeps the newest gradient alone: it takes no noise away, which has "
                f"standard deviation {show(self.noise)}, and is never late."
            )
        return (
            f"The moving {kept} with momentum {near_one(self.beta)} of {what}{wave} {noise}; its weights halve every "
            f"{many(found['half_life'], 'step')}."
        )

    def picture(self):
        """The signal and its average; the weights; the frequency response."""
        found, averaged = self.numbers(), self.form == "average"
        look = "averaged" if averaged else "momentum"
        style, name = stroke(look), "average m" if averaged else "sum v"
        figure, axes = canvas(width=7.2, height=4.8, mosaic=[["time", "time"], ["weights", "response"]], height_ratios=(1.15, 1))
        time, weights, response = axes["time"], axes["weights"], axes["response"]

        t = np.arange(STEPS)
        grad = stroke("gradient")["color"]
        time.plot(t, found["gradients"], color=grad, linewidth=0.6, alpha=0.35)
        time.plot(t, found["gradients"], ".", color=grad, markersize=3, label="gradients g")
        if self.noise:
            time.plot(t, found["clean"], color=QUIET, linewidth=1.2, label="without the noise")
        time.plot(t, found["filtered"], **style, label=name)
        time.set(xlim=(0, ZIGZAG_STEPS if self.signal == "zigzag" else STEPS), xlabel="step t")
        time.legend(frameon=False, fontsize=8, labelcolor=INK, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)

        k = np.arange(SHOWN_WEIGHTS + 1)
        weights.vlines(k, 0, found["weights"], color=style["color"], linewidth=1.6)
        if found["half_life"] <= SHOWN_WEIGHTS:
            weights.axvline(found["half_life"], color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
            weights.annotate(
                f"half after {many(found['half_life'], 'step')}" if self.beta else "the newest alone",
                (found["half_life"], found["weights"][0]),
                xytext=(6, -4),
                textcoords="offset points",
                color=INK,
                fontsize=9,
                va="top",
            )
        weights.set(
            xlim=(-0.5, SHOWN_WEIGHTS), ylim=(0, 1.08 * found["weights"][0]), xlabel="steps ago", ylabel="weight of a gradient"
        )

        omega = np.geomspace(0.01, math.pi, 200)
        top = abs(theory.frequency_response(self.beta, 0.0, averaged=averaged))
        response.semilogx(omega, abs(theory.frequency_response(self.beta, omega, averaged=averaged)), **style)
        response.plot(
            max(self.omega, 0.01),
            found["gain"],
            "o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=style["color"],
            markeredgewidth=1.6,
        )
        response.annotate(
            f"+1, −1: {found['nyquist']:.3g}",
            (math.pi, found["nyquist"]),
            xytext=(-2, 22),
            textcoords="offset points",
            ha="right",
            color=INK,
            fontsize=9,
        )
        response.set(xlim=(0.01, math.pi), ylim=(0, 1.08 * top), xlabel="frequency, radians per step", ylabel="gain")
        return figure
