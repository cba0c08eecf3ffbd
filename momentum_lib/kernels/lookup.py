"""What no run's state enters: computed by NumPy beforehand, in the rule's own words, and looked up."""

import ast
import math
from functools import lru_cache

import numpy as np

from .. import ops
from ..printing.syntax import CALLS

OPS = {name: getattr(ops, name) for name in ("where", *CALLS)}


@lru_cache(maxsize=512)
def _code(text):
    return compile(text, "<looked up>", "eval")


def evaluate(text, values):
    """A looked-up expression, in NumPy and with the rule's own helpers."""
    return eval(_code(text), {"__builtins__": {}, **OPS}, values)  # text: printed by us


class _Powers(ast.NodeTransformer):
    """Takes the powers ``base**t`` out of an expression: ``q0``, ``q1`` ... stand for them, ``bases`` are theirs."""

    def __init__(self):
        self.bases = []

    def visit_BinOp(self, node):
        self.generic_visit(node)
        is_t = isinstance(node.right, ast.Name) and node.right.id == "t"
        if not (is_t and isinstance(node.op, ast.Pow)) or "t" in names_in(node.left):
            return node
        self.bases.append(ast.unparse(node.left))
        return ast.Name(f"q{len(self.bases) - 1}", ast.Load())


def names_in(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


@lru_cache(maxsize=512)
def _without_powers(text):
    """The expression's text without its powers of t, their bases, and whether t has gone with them."""
    powers = _Powers()
    node = powers.visit(ast.parse(text, mode="eval").body)
    return ast.unparse(node), tuple(powers.bases), "t" not in names_in(node)


def powers(base, times):
    """``base**t`` for each step: (steps, n), the bits of one power at a time.

    NumPy has shorter ways for the first two powers of an array, and one for all others.
    """
    base = np.atleast_1d(base)
    table = np.power(base, np.array(times, dtype=base.dtype)[:, None])
    for row, t in enumerate(times[:2]):
        table[row] = base**t
    return table


def over_steps(text, values, times, width, dtype):
    """An expression of the step and at most one axis: (steps, width)."""
    bare, bases, easy = _without_powers(text)
    if easy and all(isinstance(evaluate(base, values), np.ndarray) for base in bases):
        found = {f"q{k}": powers(evaluate(base, values), times) for k, base in enumerate(bases)}
        return np.ascontiguousarray(np.broadcast_to(evaluate(bare, {**values, **found}), (len(times), width)), dtype=dtype)
    table = np.empty((len(times), width), dtype)
    for row, t in zip(table, times, strict=True):
        row[:] = evaluate(text, {**values, "t": t})
    return table


class Lookup:
    """What a program looks up in one sweep: ``numbers`` by name, ``derived`` along an axis, tables over steps.

    ``axes`` and ``hyper`` are arrays and numbers of the hyper-parameters, ``params`` the surface's; all is computed
    in ``dtype``, as the rule on arrays of that dtype would.
    """

    def __init__(self, program, axes, hyper, params, dtype):
        self.program, self.dtype = program, dtype
        self.axes = {name: np.asarray(axis, dtype=dtype) for name, axis in axes.items()}
        self.names = {f"h_{n}": np.array([v], dtype=dtype) for n, v in hyper.items()}
        self.names.update({f"p_{n}": v for n, v in params.items()})
        self.numbers = {name: float(value[0] if isinstance(value, np.ndarray) else value) for name, value in self.names.items()}
        with np.errstate(all="ignore"):
            for name, text in program.constants.items():
                self.numbers[name] = float(np.ravel(evaluate(text, self.names))[0])
            self.derived = {name: self._along(axis, text) for name, (axis, text) in program.derived.items()}

    def _along(self, axis, text):
        values = {**self.names, f"h_{axis}": self.axes[axis]}
        return np.ascontiguousarray(np.broadcast_to(evaluate(text, values), len(self.axes[axis])), dtype=self.dtype)

    def by_step(self, times):
        """The step's own expressions: (steps, expressions)."""
        with np.errstate(all="ignore"):
            columns = [over_steps(text, self.names, times, 1, self.dtype) for text in self.program.by_step.values()]
        return np.ascontiguousarray(np.concatenate(columns, axis=1)) if columns else np.empty((len(times), 0), self.dtype)

    def by_axis(self, name, times, used=slice(None)):
        """One expression of the step and an axis, at the ``used`` places of that axis: (steps, places)."""
        axis, text = self.program.by_axis[name]
        values = self.axes[axis][used]
        with np.errstate(all="ignore"):
            return over_steps(text, {**self.names, f"h_{axis}": values}, times, len(values), self.dtype)


def place(shape, k, begin, end):
    """The index along axis k of the cells begin ... end - 1 of a grid, counted in C order."""
    stride = math.prod(shape[k + 1 :])
    first, last = begin // stride, (end - 1) // stride
    counts = np.full(last - first + 1, stride)
    counts[0] -= begin - first * stride
    counts[-1] -= (last + 1) * stride - end
    return np.repeat(np.arange(first, last + 1) % shape[k], counts)
