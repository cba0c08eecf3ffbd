"""Bytes: what a training keeps for every parameter, and what is left of it on one of many GPUs.

The optimiser's share is derived from the rules: a rule with two slots keeps two numbers for every
parameter, and a slot that is a square of a matrix's side as many as the matrix's shape says.  Only methods that
the library has no rule for are typed in, each with its source.
Counted are the *model states* of Rajbhandari et al.: weights, gradients, master copy, optimiser
state.  Activations, buffers and what the allocator loses come on top.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context
from numbers import Real

from ..core import is_known, nearest, slot_shape
from ..notation import QUANTITIES
from ..ranges import Range, asks
from ..rules import RULES


@dataclass(frozen=True)
class Precision:
    """Bytes per number: of the weights and gradients of the passes, of the master copy (0: none), of the state."""

    title: str
    weights: int
    gradients: int
    master: int
    state: int


PRECISIONS = {
    "fp32": Precision("all in 32 bits", 4, 4, 0, 4),
    "mixed": Precision("mixed, 16 and 32 bits", 2, 2, 4, 4),
    "mixed_state16": Precision("mixed, moments in 16", 2, 2, 4, 2),
    "bf16": Precision("all in 16 bits", 2, 2, 0, 2),
}
"""Name -> bytes per number. ``mixed`` passes in 16 bits and keeps a 32-bit master copy of the weights: ZeRO's 2 + 2 + 12
with Adam.  ``mixed_state16`` keeps the optimiser's arrays in 16 bits, too; ``bf16`` has nothing else."""

STAGES = (
    "everything on every GPU",
    "optimiser state and master shared out",
    "gradients, too",
    "weights, too",
)
"""ZeRO's stages 0 to 3. Source: Rajbhandari et al. 2020, arXiv:1910.02054."""

CARDS = {"80 GB": 80e9, "141 GB": 141e9}
"""Nameplate memory of two data-centre GPUs (H100, H200), in bytes of 10^9 to the GB."""


@dataclass(frozen=True)
class Array:
    """One array of optimiser state: ``size`` numbers per parameter, of ``width`` bytes (None: as the precision says)."""

    name: str
    title: str
    look: str
    size: float = 1.0
    width: int | None = None


@dataclass(frozen=True)
class Optimiser:
    """What an optimiser keeps between two steps. ``rule`` says whether the arrays were read off a rule of the library."""

    name: str
    title: str
    arrays: tuple
    source: str
    rule: bool

    def state(self, precision="mixed"):
        """Bytes per parameter of each array: ``{name: bytes}``."""
        width = _precision(precision).state
        return {a.name: a.size * (width if a.width is None else a.width) for a in self.arrays}


MOMENTS = {"m": "first moment", "slow": "slow first moment", "s": "second moment"}
"""How training software calls these slots; any other has the name of its quantity."""


def from_rule(rule, matrix=(4096, 4096)):
    """The optimiser that a rule is: for each of its slots one array, of the parameters' shape or, for weight matrices of
    the shape ``matrix`` (rows, columns), a square of one of their sides."""
    arrays, numbers = [], math.prod(_sides(matrix))
    for slot, how in rule.slots.items():
        quantity = QUANTITIES.get(slot)
        title = MOMENTS.get(slot) or (quantity.name if quantity else slot)
        numbers_kept = math.prod(slot_shape(how, matrix))
        arrays.append(Array(slot, title, (quantity and quantity.look) or "nesterov", numbers_kept / numbers))
    return Optimiser(rule.name, rule.title, tuple(arrays), rule.source, True)


def _sides(matrix):
    sides = tuple(matrix) if isinstance(matrix, Iterable) else ()
    if len(sides) != 2 or not all(isinstance(side, Real) and 1 <= side < math.inf for side in sides):
        raise ValueError(f"matrix is {matrix!r}; allowed: two sizes >= 1, rows and columns.")
    return tuple(float(side) for side in sides)


def stated(matrix=(4096, 4096)):
    """The methods without a rule here, for weight matrices of this shape (rows, columns): name -> Optimiser."""
    r, c = _sides(matrix)
    sides = (r * r + c * c) / (r * c)
    m, s = Array("m", MOMENTS["m"], "averaged"), Array("s", MOMENTS["s"], "adaptive")
    table = [
        ("amsgrad", "AMSGrad", (m, s, Array("largest", "largest second moment", "nesterov")), "arXiv:1904.09237"),
        (
            "adam8bit",
            "Adam, 8-bit state",
            tuple(Array(a.name, a.title, a.look, 1 + 4 / 2048, 1) for a in (m, s)),  # a byte each, and one float32 scale a block
            "arXiv:2110.02861, blocks of 2048 numbers",
        ),
        (
            "adafactor",
            "Adafactor without momentum",
            (Array("factors", "row and column sums of squares", "adaptive", (r + c) / (r * c)),),
            "arXiv:1804.04235",
        ),
        (
            "soap_released",
            "SOAP, as released",
            (m, s, Array("sides", "two sides and their eigenvectors", "matrix", 2 * sides)),
            "arXiv:2409.11321, code that keeps the eigenvectors for ten steps",
        ),
    ]
    return {name: Optimiser(name, title, arrays, source, False) for name, title, arrays, source in table}


OPTIMISERS = {**{name: from_rule(rule) for name, rule in RULES.items()}, **stated()}
"""Name -> Optimiser: every rule of the library, then the stated methods at matrices of 4096 x 4096."""

MENU = ["gradient_descent", "heavy_ball", "lion", "muon", "adamw", "ademamix", "adam8bit", "adafactor", "soap_released"]
"""The optimisers that the calculator offers."""


def optimiser(name, matrix=(4096, 4096)):
    """The optimiser of that name; ``matrix`` matters where a slot is as wide as a side of it: Shampoo, SOAP, Adafactor.

    Raises ValueError for an unknown name.
    """
    if not is_known(name, OPTIMISERS):
        raise ValueError(nearest(name, list(OPTIMISERS), "optimiser"))
    return from_rule(RULES[name], matrix) if OPTIMISERS[name].rule else stated(matrix)[name]


def _precision(name):
    if not is_known(name, PRECISIONS):
        raise ValueError(nearest(name, list(PRECISIONS), "precision"))
    return PRECISIONS[name]


def state_bytes(name, precision="fp32", matrix=(4096, 4096)):
    """Bytes of optimiser state per parameter: 8 for Adam in 32 bits. ``name`` is a rule's or a stated method's."""
    return sum(optimiser(name, matrix).state(precision).values())


@dataclass(frozen=True)
class Memory:
    """The model states of one training on one GPU, in bytes.

    ``parts`` is ``{name: bytes per parameter}`` before sharing, ``shared`` the names of the parts
    of which this GPU keeps one part in ``gpus``.
    """

    parameters: float
    parts: dict
    shared: frozenset
    gpus: int

    @property
    def bytes(self):
        """Bytes of each part on this GPU."""
        return {n: self.parameters * b / (self.gpus if n in self.shared else 1) for n, b in self.parts.items()}

    @property
    def per_parameter(self):
        """Bytes per parameter on this GPU."""
        return sum(b / (self.gpus if n in self.shared else 1) for n, b in self.parts.items())

    @property
    def total(self):
        """Bytes on this GPU."""
        return self.parameters * self.per_parameter

    def fits(self, capacity):
        """Whether the model states alone fit into ``capacity`` bytes."""
        return self.total <= capacity

    @property
    def line(self):
        """The arithmetic, written out."""
        whole = [f"{three(b):g}" for n, b in self.parts.items() if n not in self.shared]
        cut = [f"{three(b):g}" for n, b in self.parts.items() if n in self.shared]
        if cut:
            inside = " + ".join(cut)
            whole.append(f"({inside})/{self.gpus}" if len(cut) > 1 else f"{inside}/{self.gpus}")
        text = " + ".join(whole)
        return f"{count(self.parameters)} × {f'({text})' if len(whole) > 1 else text} bytes = {size(self.total)}"


@asks(stage=Range(0, 3, whole=True, one=True))
def memory(parameters, name="adam", *, precision="mixed", stage=0, gpus=1, matrix=(4096, 4096)):
    """The model states of a training on one of ``gpus`` data-parallel GPUs, as a :class:`Memory`.

    ``parameters`` is their number, ``name`` an optimiser, ``precision`` a name of PRECISIONS,
    ``stage`` ZeRO's (0 shares nothing out, 3 everything).  Raises ValueError outside these.
    Source: Rajbhandari et al. 2020, arXiv:1910.02054: 2 + 2 + 12 bytes with Adam, then
    4 + 12/N, 2 + 14/N and 16/N.
    """
    p = _precision(precision)
    state = optimiser(name, matrix).state(precision)
    parts = {"weights": p.weights, "gradients": p.gradients, **({"master": p.master} if p.master else {}), **state}
    by_stage = [set(), {"master", *state}, {"master", *state, "gradients"}, set(parts)]
    return Memory(float(parameters), parts, frozenset(by_stage[stage] & set(parts)), int(gpus))


# -- numbers in words, the same in js/scale.js --------------------------------------------------------------------


def three(value):
    """``value`` rounded to three significant digits, halves away from zero, as JavaScript rounds."""
    return float(Context(prec=3, rounding=ROUND_HALF_UP).create_decimal_from_float(float(value)))


def _in_units(value, units):
    value = three(value)
    scale, word = next(((s, w) for s, w in units if value >= s), units[-1])
    return f"{value / scale:g} {word}".rstrip()


def size(number):
    """Bytes in words, three digits, 1000 to the step: 31.4 GB."""
    return _in_units(number, ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")))


def count(number):
    """A count in words, three digits: 7.5 billion, 301."""
    return _in_units(number, ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand"), (1, "")))
