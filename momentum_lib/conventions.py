"""Which momentum formula is right?  All of them: a table of conventions, and exact conversion between them."""

from typing import NamedTuple

from .core import check_hyper
from .ranges import SWITCH
from .rules import get


class Convention(NamedTuple):
    """Where a convention stands: which gradient it uses, where the rate stands, how the gradient is weighted.

    ``measures`` "here" or "ahead"; ``rate`` "inside" or "outside" the memory; ``weight`` the
    factor on the new gradient: "one", "1 - beta" or "1 - dampening".  ``used_by`` says who writes it so.
    """

    rule: str
    measures: str
    rate: str
    weight: str
    used_by: str


CONVENTIONS = {
    c.rule: c
    for c in (
        Convention("polyak", "here", "inside", "one", "Polyak 1964"),
        Convention("classical_momentum", "here", "inside", "one", "Sutskever et al. 2013, Keras"),
        Convention("heavy_ball", "here", "outside", "one", "PyTorch, Goh 2017"),
        Convention("averaged_momentum", "here", "outside", "1 - beta", "Adam's first moment, most textbooks' averages"),
        Convention("dampened_momentum", "here", "outside", "1 - dampening", "PyTorch with dampening"),
        Convention("nesterov", "ahead", "outside", "one", "Nesterov 1983 as told by Sutskever et al. 2013"),
        Convention("nesterov_torch", "ahead", "outside", "one", "PyTorch and optax with nesterov=True"),
        Convention("nesterov_lerp", "ahead", "outside", "1 - beta", "Muon"),
    )
}


def form(rule):
    """Which variant of a closed form in ``theory`` is a rule's: ``{"ahead": ..., "averaged": ...}``.

    ``rule``: gradient_descent or a convention (of dampened momentum the one without dampening), a rule or its name.
    Raises ValueError for others.
    """
    name = get(rule).name
    if name == "gradient_descent":
        return {"ahead": False, "averaged": False}
    if name not in CONVENTIONS:
        raise ValueError(
            f"{name} has no closed form; allowed: gradient_descent, {', '.join(CONVENTIONS)}. Ask theory.rate instead."
        )
    return {"ahead": CONVENTIONS[name].measures == "ahead", "averaged": CONVENTIONS[name].weight == "1 - beta"}


def convert(source, target, *, constant_rate=True, **hyper):
    """The hyper-parameters with which ``target`` makes the same run as ``source`` with ``hyper``.

    ``source`` and ``target`` are rules or their names; ``gradient_descent`` counts as beta = 0.
    The conversion is exact, or it is refused: ValueError says why no setting makes the two equal.
    ``constant_rate=False`` asks for a conversion that stays exact when the learning rate changes
    in mid-run; then forms with the rate inside the memory do not convert to forms outside.

    The two look-ahead forms ``nesterov`` and ``nesterov_torch`` make the same run seen from two
    places: the second one's points are those at which the first one looks.

    >>> convert("heavy_ball", "averaged_momentum", lr=0.1, beta=0.5)
    {'lr': 0.2, 'beta': 0.5}
    """
    source, target = get(source), get(target)
    SWITCH.check("constant_rate", constant_rate)
    given = check_hyper(source, hyper)
    for name in (source.name, target.name):
        if name not in CONVENTIONS and name != "gradient_descent":
            raise ValueError(
                f"{name} is not a momentum convention: it divides each step by a running root of squares, which no "
                f"learning rate and momentum imitate. Convertible: gradient_descent, {', '.join(CONVENTIONS)}."
            )
    if source.name == target.name:
        return given
    lr, beta = given["lr"], given.get("beta", 0.0)

    # to the common form: the sum of gradients, rate outside
    if source.name == "dampened_momentum" and given["dampening"] > 0:
        raise ValueError(
            f"dampened_momentum with dampening {given['dampening']:g} has no exact equal: its buffer starts at the whole "
            "first gradient and scales only the later ones. With dampening=0 it is heavy_ball."
        )
    before, after = (CONVENTIONS.get(r.name) for r in (source, target))
    if before and before.weight == "1 - beta":
        lr = lr * (1 - beta)
    if beta == 0:
        pass
    elif target.name == "gradient_descent":
        raise ValueError(f"gradient_descent has no memory; momentum {beta:g} has. Only beta = 0 converts.")
    elif before.measures != after.measures:
        raise ValueError(
            f"{source.name} and {target.name} measure the gradient at different points, so no learning rate and "
            "momentum make their runs equal (except beta = 0)."
        )
    elif not constant_rate and before.rate != after.rate:
        raise ValueError(
            f"{source.name} and {target.name} part when the rate changes: one rescales its whole memory, the other only "
            "the gradients still to come. They agree at a constant rate (constant_rate=True)."
        )
    elif not constant_rate and "nesterov" in (source.name, target.name):
        raise ValueError(
            f"{source.name} and {target.name} part when the rate changes: one coasts to its look-ahead point with the new "
            "rate, the other has coasted there with the old one. They agree at a constant rate (constant_rate=True)."
        )
    if target.name == "gradient_descent":
        return {"lr": lr}
    if after.weight == "1 - beta":
        lr = lr / (1 - beta)
    out = {"lr": lr, "beta": beta}
    if target.name == "dampened_momentum":
        out["dampening"] = 0.0
    return out
