"""Every update rule of the course, one family a file.

To add one: write the function in a family file and name it in an import line below.
The order of the lines is the order in which the course teaches, and every menu shows, the rules.
"""
# ruff: noqa: I001  (the order carries meaning)

from ..core import Rule, is_known, nearest
from .plain import gradient_descent
from .momentum import polyak, classical_momentum, heavy_ball, dampened_momentum
from .averaged import averaged_momentum, nesterov_lerp
from .nesterov import nesterov, nesterov_torch
from .adaptive import adagrad, rmsprop, adam, adamw, nadam
from .sign import signum, lion
from .matrix import muon, muon_plain, shampoo, soap
from .iterates import schedule_free, generalised_primal_averaging
from .mixtures import qhm, two_memory_momentum, ademamix

RULES = {value.name: value for value in list(globals().values()) if isinstance(value, Rule)}
ELEMENTWISE = {rule.name: rule for rule in RULES.values() if not rule.matrix}  # those that can move a point of the plane


def get(name):
    """The rule of that name. Raises LookupError that names the nearest match."""
    if isinstance(name, Rule):
        return name
    if not is_known(name, RULES):
        raise LookupError(nearest(name, list(RULES), "rule"))
    return RULES[name]


__all__ = ["ELEMENTWISE", "RULES", "get", *RULES]
