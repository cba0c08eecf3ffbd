"""Heavy ball's basin of cycling: from which starts, and at which settings, it never comes to rest on a convex function."""

import numpy as np

from .. import descend, rules, surfaces, theory
from ..looks import in_sentence
from ._base import INK, QUIET, Choice, LiveFigure, Number, canvas, show, stroke

RULES = ("heavy_ball", "nesterov", "gradient_descent")
STARTS, LRS, BETAS = (-5.0, 6.0), (0.0, 0.16), (0.0, 0.96)
"""The strip of starts, and the map of settings: both are cut into cells, and each cell is run from its middle."""
STEPS, TOL, LONGEST, CLOSE, EVERY, LIMIT = 1000, 1e-6, 24, 1e-9, 100, 1e9
WANDERS, DIVERGES = -1, -2
CURVATURE = 25.0


def middles(span, n):
    """The middles of ``n`` equal cells of the interval ``span``: shape (n,)."""
    low, high = span
    return low + (high - low) * (np.arange(n) + 0.5) / n


STRIP = middles(STARTS, 440)
MAP = middles(LRS, 64), middles(BETAS, 48)


def periods(track):
    """The period, up to half its rows, with which each column of ``track`` repeats to 1e-9; 0 where none does.

    The smallest one that repeats to 1e-6: a run that closes in on 3 points from both sides in turn repeats after 6
    a little sooner. ``track`` (2 longest, n): the last points of n runs, in order. Shape (n,).
    """
    longest, found, sure = len(track) // 2, np.zeros(track.shape[1], dtype=int), np.zeros(track.shape[1], dtype=bool)
    for p in range(longest, 0, -1):
        gap = np.abs(track[longest:] - track[longest - p : -p]).max(axis=0)
        found[gap <= TOL] = p
        sure |= gap <= CLOSE
    return np.where(sure, found, 0)


def endings(rule, starts, **hyper):
    """How runs on Lessard's function end: ``(codes, at)``, whole numbers of the shape to which all arguments broadcast.

    A code is the period of the cycle, or 0 (at rest: two points in a row within 1e-6 of the minimum), ``WANDERS``
    (neither in 1000 steps) or ``DIVERGES``; ``at`` is the step at which that was seen. Cycles are looked for at every
    100th step, up to period 24, repeating to 1e-9.
    """
    arrays = np.broadcast_arrays(starts, *hyper.values())
    shape, (x, *values) = arrays[0].shape, [np.array(a, dtype=float).ravel() for a in arrays]
    codes, at, runs = np.full(x.size, WANDERS), np.full(x.size, STEPS), np.arange(x.size)
    bound, state, track = LIMIT * np.maximum(1, np.abs(x)), rule.init(x), np.zeros((2 * LONGEST, x.size))
    with np.errstate(all="ignore"):
        for t in range(1, STEPS + 1):
            now = dict(zip(hyper, values, strict=True))
            before, grad = x, surfaces.lessard.gradient(rule.look(x, *state, **now)[None])[0]
            x, state = rule.step(x, grad, state, now, t)
            track[t % len(track)] = x
            kind = np.where((np.abs(x) <= TOL) & (np.abs(before) <= TOL), 0, WANDERS)
            kind[~(np.abs(x) <= bound)] = DIVERGES
            if t % EVERY == 0:
                period = periods(np.roll(track, -1 - t % len(track), axis=0))
                kind = np.where((kind == WANDERS) & (period > 0), period, kind)
            ended = kind != WANDERS
            if ended.any():
                codes[runs[ended]], at[runs[ended]] = kind[ended], t
                keep = ~ended
                x, bound, runs, track = x[keep], bound[keep], runs[keep], track[:, keep]
                state, values = tuple(slot[keep] for slot in state), [v[keep] for v in values]
                if not runs.size:
                    break
    return codes.reshape(shape), at.reshape(shape)


def edge(rule, beta):
    """The learning rate beyond which the minimum itself drives runs away; for arrays of momenta, too."""
    return theory.stability_edge(rule, CURVATURE, **({rule.momentum: beta} if rule.momentum else {}))


class Basin(LiveFigure):
    """Lessard's strongly convex function: a run from one start, a strip of all starts, a map of all settings.

    ``rule``   "heavy_ball", "nesterov" or "gradient_descent"
    ``start``  -5 to 6
    ``lr``     learning rate, 0.001 to 0.16
    ``beta``   momentum, 0 to 0.96; gradient descent has none

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "basin"
    title = "Where does it end? Drag the start, and look for places from which the run never comes to rest"
    caption = (
        "Lessard's function is made of three parabolas that form one convex bowl. One picture shows the run from your start, on "
        "the function and step by step downwards; the band between says how the run from every other start would end. The map "
        "says how the run from your start would end at each learning rate and momentum; the line on it is the stability edge."
    )

    rule = Choice("heavy_ball", RULES)
    start = Number(3.3, *STARTS)
    lr = Number(1 / 9, 0.001, LRS[1])
    beta = Number(4 / 9, *BETAS)

    # -- what is computed ------------------------------------------------------------------------

    @property
    def _rule(self):
        return rules.get(self.rule)

    @property
    def _hyper(self):
        full = {"lr": self.lr, "beta": self.beta}
        return {name: full[name] for name in self._rule.hyper}

    def numbers(self):
        """What the figure shows, as plain data.

        ``code``, ``at``: how the run ends, and the step at which that was seen; ``cycle``: its points, from the largest;
        ``settled``: the first step from which the run stays within 1e-6 of it; ``path``: the points shown, (n+1,);
        ``strip``: the code of each start of ``STRIP``; ``share``: the part of it that cycles; ``map``: the code of
        each setting, (momenta, rates); ``edge``: the stability edge.
        """
        codes, at = endings(self._rule, self.start, **self._hyper)
        code, at = int(codes), int(at)
        run = descend(self._rule, surfaces.lessard, [self.start], steps=at, **self._hyper).points[:, 0]
        cycle, settled = [], None
        if code > 0:
            cycle = run[-code:]
            cycle = np.roll(cycle, -int(np.argmax(cycle)))
            off = np.flatnonzero(np.abs(run[code:] - run[:-code]) > TOL)
            settled = int(off[-1]) + 1 if off.size else 0
        shown = {WANDERS: 120, DIVERGES: at, 0: at}.get(code, min(at, (settled or 0) + 4 * code))
        strip = endings(self._rule, STRIP, **self._hyper)[0]
        lrs, betas = np.meshgrid(*MAP)
        grid = {"lr": lrs, "beta": betas}
        return {
            "code": code,
            "at": at,
            "cycle": np.asarray(cycle),
            "settled": settled,
            "path": run[: shown + 1],
            "strip": strip,
            "share": float((strip > 0).mean()),
            "map": endings(self._rule, self.start, **{name: grid[name] for name in self._rule.hyper})[0],
            "edge": float(edge(self._rule, self.beta)),
        }

    # -- on paper --------------------------------------------------------------------------------

    def _setting(self):
        return f"learning rate {self.lr:.4g}" + (f" and momentum {self.beta:.4g}" if self._rule.momentum else "")

    def _ends(self, found):
        points = ", ".join(f"{x:.4g}" for x in found["cycle"][:4]) + (", ..." if found["code"] > 4 else "")
        return {
            0: f"comes to rest in the minimum by step {found['at']}",
            WANDERS: f"neither comes to rest nor repeats itself in {STEPS} steps",
            DIVERGES: f"diverges at step {found['at']}",
        }.get(found["code"]) or f"goes round {found['code']} points for ever: {points}"

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        low, high = STARTS
        return (
            f"On Lessard's function {in_sentence(self._rule)} at {self._setting()}, from {self.start:.3g}, {self._ends(found)}. "
            f"Of the starts between {low:g} and {high:g}, {show(100 * found['share'])} % end in a cycle. "
            f"The minimum itself is stable up to learning rate {found['edge']:.4g}."
        )

    def picture(self):
        """The run on the function and over the steps, the strip of starts, the map of settings."""
        found, look = self.numbers(), stroke(self._rule.family)
        figure, axes = canvas(
            width=8.6,
            height=4.9,
            mosaic=[["height", "map"], ["strip", "map"], ["fall", "map"]],
            height_ratios=(1.1, 0.22, 1.35),
            width_ratios=(1.25, 1),
        )
        height, strip, fall, field = (axes[name] for name in ("height", "strip", "fall", "map"))
        x, path, dots = np.linspace(*STARTS, 400), found["path"], {"color": look["color"], "markersize": 3.5}
        height.plot(x, surfaces.lessard.value(x[None]), color=INK, linewidth=1.3)
        height.plot(path, surfaces.lessard.value(path[None]), "o", **dots)
        height.set(xlim=STARTS, ylim=(-5, 170), ylabel="f")
        fall.plot(path, np.arange(len(path)), "-", color=look["color"], linewidth=0.8, alpha=0.5)
        fall.plot(path, np.arange(len(path)), "o", **dots)
        fall.set(xlim=STARTS, ylim=(max(len(path) - 1, 1), 0), ylabel="step", xlabel="position")
        self._paint(strip, STRIP, [0, 1], found["strip"][None])
        strip.plot([self.start], [0.5], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        strip.set(xlim=STARTS, ylim=(0, 1), yticks=[], xlabel="start")
        self._paint(
            field, MAP[0], [BETAS[0] + (BETAS[1] - BETAS[0]) * k / len(MAP[1]) for k in range(len(MAP[1]) + 1)], found["map"]
        )
        betas = np.linspace(*BETAS, 100)
        field.plot(edge(self._rule, betas) * np.ones_like(betas), betas, "--", color=INK, linewidth=1.2)
        field.plot([self.lr], [self.beta], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)
        field.set(
            xlim=LRS,
            ylim=BETAS,
            xlabel="learning rate",
            ylabel="momentum",
            title="full: cycles, dotted: neither, hatched: diverges",
        )
        field.title.set(size=9, color=INK)
        return figure

    def _paint(self, ax, xs, rows, codes):
        """Cells by their code, never by colour alone: blank, full, dotted, hatched."""
        half = (xs[1] - xs[0]) / 2
        edges = np.append(xs - half, xs[-1] + half)
        colour = stroke(self._rule.family)["color"]
        for wanted, style in (
            (codes > 0, {"facecolor": colour, "edgecolor": "none"}),
            (codes == WANDERS, {"facecolor": "none", "edgecolor": QUIET, "hatch": "...."}),
            (codes == DIVERGES, {"facecolor": "none", "edgecolor": QUIET, "hatch": "////"}),
        ):
            for k, row in enumerate(wanted):
                sides = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
                for a, b in zip(sides[::2], sides[1::2], strict=True):
                    ax.fill_between([edges[a], edges[b]], rows[k], rows[k + 1], linewidth=0, **style)
