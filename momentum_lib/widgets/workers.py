"""Workers that do not wait: their copies' ages, the mean path they make, and the explicit momentum that has to give way."""

import numpy as np

from .. import theory
from ..draws import draw_noise
from ._base import INK, QUIET, Choice, Integer, LiveFigure, Number, canvas, minus, stroke

UPDATES = 120
LATE = 30
"""The error left is the root mean square over so many last updates."""
MOST = 16
BETAS = np.arange(-19, 20) / 20
FLOOR = 1e-9
"""What is less is not drawn: a billionth of the distance at the start."""
ORDERS = {"random": "random order", "turn": "in turn"}


def order_of(workers, order, seed):
    """Which worker, from 0, reports at each update: (UPDATES,) whole numbers."""
    if order == "turn":
        return np.arange(UPDATES) % workers
    share = (draw_noise(UPDATES, seed) + 6) % 1  # twelve uniforms add up to a whole number and one uniform
    return np.minimum(np.floor(workers * share), workers - 1).astype(int)


def ages_of(who, workers):
    """How many updates old each worker's copy is before each update, and after the last: (UPDATES + 1, workers)."""
    ages, now = [], np.zeros(workers, dtype=int)
    for i in who:
        ages.append(now.copy())
        now += 1
        now[i] = 0
    return np.array([*ages, now])


def left_of(workers, product, order):
    """The error left at each explicit momentum of ``BETAS``: (39,)."""
    square = theory.asynchronous_square(workers, product, UPDATES, BETAS, order)
    with np.errstate(over="ignore"):
        return np.sqrt(np.maximum(square[-LATE:].mean(0), 0))


class Workers(LiveFigure):
    """Workers that report to a server without waiting for each other, on a parabola.

    ``order``    "random" (every worker is equally likely to be next) or "turn" (one after the other)
    ``workers``  1 to 16
    ``lr``       learning rate times curvature, 0.005 to 0.5
    ``beta``     explicit momentum at the server, -0.95 to 0.95
    ``seed``     of the random order, 0 to 999

    Values outside are clamped; NaN and unknown names raise ``traitlets.TraitError``.
    """

    figure = "workers"
    title = "Workers that nobody waits for, and the momentum they make"
    caption = (
        "Rods: how old each worker’s copy of the weights is, in updates; the filled one reports next. Curves: the distance from "
        "the minimum in this run, in the mean over all orders, and of the heavy ball that the formula names. Below: the "
        "error that remains at each explicit momentum, at this learning rate."
    )

    order = Choice("random", list(ORDERS))
    workers = Integer(8, 1, MOST)
    lr = Number(0.15, 0.005, 0.5)
    beta = Number(0, -0.95, 0.95)
    seed = Integer(1, 0, 999)

    def numbers(self):
        """What the figure shows, as plain data.

        ``who`` (120,), ``ages`` (121, workers); ``path`` of this run, ``mean`` and ``ball``, the formula's heavy ball (121,);
        ``implied``, the formula's momentum, and the ``fitted`` one with what the fit ``leaves``, None where one number
        would do (one worker without momentum); ``left`` (39,), the error left at each of ``BETAS``, not below FLOOR;
        ``best``, the one of them that leaves the least; ``under``, the first and the last that leave less than FLOOR,
        empty where none does.
        """
        who = order_of(self.workers, self.order, self.seed)
        mean = theory.asynchronous_mean(self.workers, self.lr, UPDATES, self.beta, self.order)
        lr, implied = theory.asynchrony_setting(self.workers, self.lr)
        ball = [1.0, 1.0 - self.lr]
        while len(ball) <= UPDATES:
            ball.append((1 + implied - lr) * ball[-1] - implied * ball[-2])
        left = left_of(self.workers, self.lr, self.order)
        under = BETAS[left < FLOOR]
        known = self.workers > 1 or self.beta != 0
        fitted, _, leaves = theory.fit_momentum(mean) if known else (None, None, None)
        return {
            "who": who,
            "ages": ages_of(who, self.workers),
            "path": theory.simulate_workers(self.workers, self.lr, UPDATES, who[:, None], self.beta)[:, 0],
            "mean": mean,
            "ball": np.array(ball),
            "implied": implied,
            "fitted": None if fitted is None else float(fitted),
            "leaves": None if leaves is None else float(leaves),
            "left": np.maximum(left, FLOOR),
            "best": float(BETAS[left.argmin()]),
            "under": [float(under[0]), float(under[-1])] if under.size else [],
        }

    def alt(self):
        """What the picture says, with its numbers."""
        found = self.numbers()
        best, under = found["best"], found["under"]
        unseen = ", less than a billionth" if under == [best, best] else ""
        if under and not unseen:
            unseen = f"; all from {under[0]:.2g} to {under[1]:.2g} leave less than a billionth"
        count = "One worker" if self.workers == 1 else f"{self.workers} workers, {ORDERS[self.order]}"
        fit = "" if found["fitted"] is None else f"the mean path fits a heavy ball of momentum {found['fitted']:.3f}; "
        return minus(
            f"{count}, at learning rate times curvature {self.lr:.3g} and explicit momentum {self.beta:.2g}: {fit}1 - 1/M is "
            f"{found['implied']:.3f}. After {UPDATES} updates the least error is left by an explicit momentum of "
            f"{best:.2g}{unseen}."
        )

    def picture(self):
        """Paths on top; the ages at the end, and the error against the explicit momentum, below."""
        found = self.numbers()
        figure, axes = canvas(width=7.2, height=5.0, mosaic=[["path", "path"], ["ages", "left"]], height_ratios=(1.3, 1))
        path, ages, left = axes["path"], axes["ages"], axes["left"]
        blue, red = stroke("momentum"), stroke("gradient")["color"]
        t = np.arange(UPDATES + 1)
        path.axhline(0, color=QUIET, linewidth=1)
        path.plot(t, found["path"], color=red, linewidth=1, alpha=0.8)
        path.plot(t, found["mean"], **blue)
        if self.beta == 0:
            path.plot(t, found["ball"], color=INK, linewidth=1.4, linestyle=(0, (4, 3)))
        path.set(xlim=(0, UPDATES), ylim=reach(found), xlabel="update", ylabel="distance x")
        ages.bar(np.arange(1, self.workers + 1), found["ages"][-1], width=0.6, color=red)
        ages.axhline(self.workers - 1, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        ages.set(xlabel="worker", ylabel="age of its copy (updates)")
        left.plot(BETAS, found["left"], color=blue["color"], linewidth=2)
        left.axvline(self.beta, color=INK, linewidth=1)
        left.set(yscale="log", xlim=(-1, 1), ylim=(FLOOR, 1e3), xlabel="explicit momentum β", ylabel="error left")
        return figure


def reach(found):
    """How far down and up the paths are shown: from -3 to 3 at most."""
    both = np.concatenate([found["path"], found["mean"]])
    return float(np.clip(1.1 * both.min(), -3, -0.2)), float(min(3.0, 1.1 * both.max()))
