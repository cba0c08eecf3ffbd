"""What momentum is worth, and how that changes with the model's size, the batch and the length of training.

A cell is one size, one batch and one length.  In each, four rules compete against themselves: without momentum anywhere, and with
the best momentum that as many tries find.  The cells form a lattice of three sizes, three batches and two lengths, so that one
thing changes at a time between neighbours and a trend is seen in many places at once.
"""

import itertools
import math

from .lattice import FIRST, FIRST_OF_LADDER, LADDER, ROUNDS, next_points
from .model import GPT, parameter_count, size
from .settings import Settings
from .sides import Family, Side

CONTEXT = 32
# Rates of momentum's own unit: SGD's is that of an average, lr / (1 - beta), as the other rules' are.
CENTRES = {
    "pico": {"heavy_ball": 2.0, "adamw": 0.03, "signum": 0.006, "lion": 0.006, "muon": 0.1},
    "nano": {"heavy_ball": 1.0, "adamw": 0.015, "signum": 0.003, "lion": 0.003, "muon": 0.05},
    "micro": {"heavy_ball": 0.5, "adamw": 0.006, "signum": 0.001, "lion": 0.001, "muon": 0.03},
}
MUONS = ("muon", "muon_plain")  # with its look-ahead, and without
BESIDE_MUON = 0.3  # the rate of the AdamW that moves embeddings, head and norms, as a share of Muon's
SIZES, BATCHES, LENGTHS = ("pico", "nano", "micro"), (2, 8, 32), (200, 800)
LATTICE = tuple(itertools.product(SIZES, BATCHES, LENGTHS))  # cells: (size, batch, steps)
SHORT_CELLS = (("nano", 8, 50), ("nano", 32, 50))  # a third length, and the text of nano-8x200 in larger batches


def cell_name(model, batch, steps):
    """The family's name of a cell, such as nano-8x200."""
    return f"{model}-{batch}x{steps}"


def cell(model, batch, steps):
    """The :class:`Family` of one cell."""
    base = Settings(
        model=model, context=CONTEXT, batch=batch, steps=steps, warmup=steps // 10, eval_every=steps // 2, eval_windows=256,
        precision="float32", checkpoint_every=0, log_every=max(10, steps // 40),
    )  # fmt: skip
    return Family(base, CENTRES[model], {"steps": 5, "tolerance": 2e-3, "other_corpus": 0.3})


MILLION = ("micro", 8, 1000)  # nearly a million parameters, a thousand steps
FAMILIES = {cell_name(*each): cell(*each) for each in (*LATTICE, *SHORT_CELLS, MILLION)}


def on_lattice(cells):
    """Those of these records that lie on the lattice, each with its place: log2 of its weights, windows and steps, by name."""
    found = []
    for record in cells:
        model, batch, steps = (record["config"][name] for name in ("model", "batch", "steps"))
        if (model, batch, steps) in LATTICE:
            weights = parameter_count(GPT(size(model, context=CONTEXT)))
            found.append((record, {"weights": math.log2(weights), "windows": math.log2(batch), "steps": math.log2(steps)}))
    return found


def numbers(rule, beta):
    """The hyper-parameters in which a rule has the momentum ``beta`` everywhere, none of them left at another value.

    Of Muon that includes the AdamW beside it.  Signum is Lion with beta1 = beta2 = beta, word for word.
    """
    return {
        "heavy_ball": {"beta": beta},
        "adamw": {"beta1": beta},
        "signum": {"beta": beta},
        "lion": {"beta1": beta, "beta2": beta},
        "muon": {"beta": beta, "adamw_beta1": beta},
    }[rule]


def trial(rule, rate, hyper):
    """(lr, hyper) at a rate in the unit of an average of gradients."""
    lr = rate * (1 - hyper["beta"]) if rule == "heavy_ball" else rate
    beside = {"adamw_lr": rounded(BESIDE_MUON * rate)} if rule in MUONS else {}
    return rounded(lr), {**hyper, **beside}


def rounded(value):
    """A number to four digits."""
    return float(f"{value:.4g}")


def searching(name, rule, centre, hypers, first, rounds=ROUNDS):
    """A :class:`Side` that searches the rate, and with several ``hypers`` also which of them; both on a lattice."""

    def at(point):
        return trial(rule, centre * 2 ** point[0], hypers[point[1]])

    def further(outcomes):
        known, fresh, losses = {}, first, [loss for _, loss in outcomes]
        while fresh and len(known) < len(losses):  # the points of the later rounds follow from the earlier ones
            known.update(zip(fresh, losses[len(known) :]))
            fresh = next_points(known, len(hypers), rounds)
        return [at(point) for point in fresh]

    return Side(name, rule, tuple(at(point) for point in first), further, sum(rounds))


def worth_sides(family):
    """SGD, AdamW, Signum and Muon, each without momentum and with the best of a ladder; the same number of tries for all."""
    for rule in ("heavy_ball", "adamw", "signum", "muon"):
        yield searching(f"{rule} none", rule, family.centre[rule], [numbers(rule, 0.0)], FIRST)
        ladder = [numbers(rule, beta) for beta in LADDER]
        yield searching(f"{rule} momentum", rule, family.centre[rule], ladder, FIRST_OF_LADDER)


SHORT = (4, 2)  # the rounds of a side whose momentum is given


def given(name, rule, centre, hyper):
    """A :class:`Side` whose momentum is given and whose rate is searched."""
    return searching(name, rule, centre, [hyper], FIRST, SHORT)


def number_sides(family):
    """Lion with each of its two numbers varied, and both as one; Muon and the AdamW beside it, each with momentum and without.

    The first side of a rule is that without any momentum.
    """
    lion = family.centre["lion"]
    for beta in (0.0, 0.5, 0.8, 0.9, 0.95):
        yield given(f"lion both {beta:g}", "lion", lion, numbers("lion", beta))
    for beta in (0.5, 0.8, 0.95, 0.99):
        yield given(f"lion beta1 {beta:g}", "lion", lion, {"beta1": beta, "beta2": 0.9})
    for beta in (0.5, 0.8, 0.95, 0.99):
        yield given(f"lion beta2 {beta:g}", "lion", lion, {"beta1": 0.9, "beta2": beta})
    for hidden in (0.0, 0.9):
        for other in (0.0, 0.9):
            name = f"muon {hidden:g}, adamw beside it {other:g}"
            yield given(name, "muon", family.centre["muon"], {"beta": hidden, "adamw_beta1": other})


def ahead_sides(family):
    """Muon with its look-ahead and without it, at three momenta; the AdamW beside both keeps its 0.9."""
    for beta in (0.8, 0.9, 0.95):
        for rule in MUONS:
            yield given(f"{rule} {beta:g}", rule, family.centre["muon"], {"beta": beta, "adamw_beta1": 0.9})


def length_sides(family):
    """AdamW with the momenta of the large models and around: the same sides at every length."""
    for beta in (0.0, 0.5, 0.9):
        yield given(f"adamw {beta:g}", "adamw", family.centre["adamw"], {"beta1": beta})


def million_sides(family):
    """AdamW and Muon without momentum and with 0.9 everywhere, the rate searched with few tries, as each run is long."""
    for rule in ("adamw", "muon"):
        for name, beta in (("none", 0.0), ("momentum", 0.9)):
            hyper = [numbers(rule, beta)]
            yield searching(f"{rule} {name}", rule, family.centre[rule], hyper, ((-1.0, 0), (1.0, 0)), (2, 2, 2))
