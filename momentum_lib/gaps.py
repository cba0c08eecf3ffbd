"""What an author forgot: places that something new needs and does not have yet, said before anything is generated."""

import importlib
import pkgutil

from . import rules, surfaces
from .core import FAMILIES, Rule
from .notation import LOOKS, QUANTITIES, named
from .surfaces import Surface


def imports():
    """Rules that stand in a family file and in no import line of rules/__init__.py."""
    for part in pkgutil.iter_modules(rules.__path__):
        module = importlib.import_module(f"{rules.__name__}.{part.name}")
        for rule in vars(module).values():
            if isinstance(rule, Rule) and rules.RULES.get(rule.name) is not rule:
                yield (
                    f"momentum_lib/rules/{part.name}.py defines the rule {rule.name!r}, and no import line names it. "
                    f"Add to momentum_lib/rules/__init__.py\n    from .{part.name} import {rule.name}"
                )


def symbols():
    """Slots and hyper-parameters of rules without a row in notation.py; families and symbols without a look."""
    for rule in rules.RULES.values():
        for name in (*rule.slots, *rule.hyper):
            try:
                named(name, f"rule {rule.name!r}")
            except LookupError as error:
                yield str(error)
    for family in FAMILIES:
        if family not in LOOKS:
            yield (
                f"the family {family!r} of momentum_lib/core.py has no row in LOOKS of momentum_lib/notation.py; add its colours."
            )
    for name, quantity in QUANTITIES.items():
        if quantity.look is not None and quantity.look not in LOOKS:
            yield (
                f"QUANTITIES[{name!r}] of momentum_lib/notation.py has the look {quantity.look!r}; there are {', '.join(LOOKS)}."
            )


def dashes():
    """Families with more rules than dashes: two of their lines would look alike."""
    for family, look in LOOKS.items():
        members = [rule.name for rule in rules.RULES.values() if rule.family == family]
        if len(members) > 1 + len(look.members):
            yield (
                f"the family {family!r} has {len(members)} rules ({', '.join(members)}) and {1 + len(look.members)} dashes, so "
                f"two of them would look alike. Add a dash, in units of the line's width, to `members` of LOOKS[{family!r}] in "
                'momentum_lib/notation.py, such as\n    "1 2.4"'
            )


def pictures():
    """Surfaces without a gradient, and surfaces below the line that fills SURFACES."""
    for surface in vars(surfaces).values():
        if not isinstance(surface, Surface):
            continue
        if surface.name not in surfaces.SURFACES:
            yield (
                f"momentum_lib/surfaces.py defines {surface.name!r} below the line that fills SURFACES, so nothing knows of it. "
                "Move the function and its gradient above that line."
            )
        if surface.grad_fn is None:
            yield (
                f"the surface {surface.name!r} has no gradient. Write it below the function in momentum_lib/surfaces.py\n"
                f"    @{surface.name}.grad\n    def _({', '.join(surface.coordinates)}):"
            )


def found():
    """One sentence for each place that is missing, in the order in which an author fills them."""
    return [*imports(), *symbols(), *dashes(), *pictures()]
