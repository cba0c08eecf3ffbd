"""A rule on a surface as one straight-line program: what both the C and the NumPy form are printed from.

A run's setting is named ``h_lr``, its state ``c0_theta``, ``c1_v`` (coordinate, slot), a parameter of the surface
``p_kappa``.  What no run's state enters is *looked up*: NumPy computes it beforehand, in the rule's own words.
"""

import ast
import copy
from typing import NamedTuple

from .. import ops
from ..core import MATRIX_REASON, Rule
from ..printing.syntax import CALLS, COMPARE, statements
from ..surfaces import Surface

COSTS = {"sqrt": 3, "sin": 12, "cos": 12, "exp": 8}  # of a call, in additions; any other call counts as two
POWER = 20  # of a power that is neither a square nor a root
OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)


class Unprintable(TypeError):
    """The rule or the surface is not a text that can be compiled; the message says why and what to do."""


class Program(NamedTuple):
    """The printed form of a rule on a surface, and what has to be handed to it.

    ``step``       (name, expression) in order: where the rule looks, the gradient there, the rule's move
    ``looks``      names of the point where the gradient is measured, one a coordinate
    ``grads``      names of the gradient's parts
    ``after``      state name -> name of its next value
    ``read``       (name, expression) in order: the reported point, from the state; ``reported`` names its parts
    ``value``      (name, expression) in order, from y0, y1 ...; the last one is the surface's value there
    ``slots``      slot -> how it starts: 0 or "theta"
    ``vary``       the hyper-parameters that are axes
    ``fixed``      names of the numbers that are handed over: hyper-parameters, parameters
    ``constants``  name -> expression of fixed numbers, computed once
    ``by_step``    name -> expression of the step and fixed numbers
    ``derived``    name -> (axis, expression of that hyper-parameter)
    ``by_axis``    name -> (axis, expression of the step and that hyper-parameter)
    ``operations`` elementwise operations a step takes in NumPy, weighted by their cost: for estimates
    """

    step: tuple
    looks: tuple
    grads: tuple
    after: dict
    read: tuple
    reported: tuple
    value: tuple
    slots: dict
    vary: tuple
    fixed: tuple
    constants: dict
    by_step: dict
    derived: dict
    by_axis: dict
    minima: tuple
    looks_ahead: bool
    reports: bool
    operations: float


def read_text(fn, what):
    """``statements(fn)``, with a reason that a reader can act on where there is no such text."""
    try:
        assigned, returned = statements(fn)
    except (OSError, SyntaxError, IndexError, AttributeError, TypeError) as error:
        detail = str(error) if isinstance(error, TypeError) else "its source text cannot be read"
        raise Unprintable(f"{what} cannot be compiled: {detail}") from error
    for node in (n for _, value in [*assigned, *(("", v) for v in returned)] for n in ast.walk(value)):
        if isinstance(node, ast.Call) and fn.__globals__.get(node.func.id) is not getattr(ops, node.func.id):
            raise Unprintable(f"{what} cannot be compiled: its {node.func.id} is not that of momentum_lib.ops.")
    return assigned, returned


def load(name):
    return ast.Name(name, ast.Load())


def has_calls(node):
    """Whether an expression costs more than plain arithmetic."""
    return any(isinstance(n, ast.Call) or (isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)) for n in ast.walk(node))


class _Resolve(ast.NodeTransformer):
    """Replaces each name by what it stands for; refuses what is no arithmetic."""

    def __init__(self, names, what):
        self.names, self.what = names, what

    def visit_Name(self, node):
        if node.id not in self.names:
            raise Unprintable(f"{self.what} cannot be compiled: it uses {node.id!r}, which is none of its arguments.")
        return copy.deepcopy(self.names[node.id])

    def visit_Call(self, node):
        if (node.func.id not in CALLS and node.func.id != "where") or node.keywords:
            raise Unprintable(f"{self.what} cannot be compiled: {ast.unparse(node)!r} is not arithmetic.")
        node.args = [self.visit(a) for a in node.args]
        return node


class _Lowering:
    """Writes one program, statement by statement; every value gets a name of its own."""

    def __init__(self, vary):
        self.vary = frozenset(vary)
        self.lines, self.temporaries = [], 0
        self.constants, self.by_step, self.derived, self.by_axis = {}, {}, {}, {}
        self.operations = 0.0

    def depends(self, node):
        """What an expression depends on: axes by name, ``t``, ``cell`` for anything that a run carries."""
        found = set()
        for name in (n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
            if name == "t":
                found.add("t")
            elif name.startswith("h_"):
                found |= {name[2:]} & self.vary
            elif not name.startswith(("p_", "k")) and name not in CALLS and name != "where":
                found.add("cell")
        return found

    def name(self, node):
        """Give a lowered expression a name; returns it."""
        self.temporaries += 1
        name = f"r{self.temporaries}"
        self.lines.append((name, node))
        return load(name)

    def hoist(self, node, depends):
        """The name under which a value that no run's state enters is looked up; None if it stays where it is."""
        axes = depends - {"t"}
        if isinstance(node, (ast.Name, ast.Constant)) or len(axes) > 1 or (axes and not has_calls(node)):
            return None
        what = ast.unparse(node) if not axes else (*axes, ast.unparse(node))
        table, letter = (self.by_axis, "a") if len(depends) > len(axes) and axes else (self.derived, "d") if axes else (None, "")
        if table is None:
            table, letter = (self.by_step, "u") if depends else (self.constants, "k")
        for name, known in table.items():
            if known == what:
                return load(name)
        table[f"{letter}{len(table)}"] = what
        return load(f"{letter}{len(table) - 1}")

    def lower(self, node):
        """The expression with what is looked up replaced by its name."""
        if isinstance(node, (ast.Name, ast.Constant)):
            return node
        depends = self.depends(node)
        if "cell" not in depends and (found := self.hoist(node, depends)) is not None:
            return found
        if isinstance(node, ast.Call):
            self.operations += COSTS.get(node.func.id, 2)
            return ast.Call(node.func, [self.lower(a) for a in node.args], [])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            cheap = {2: 1, 0.5: COSTS["sqrt"]}
            self.operations += cheap.get(getattr(node.right, "value", None), POWER)
            return ast.BinOp(self.lower(node.left), node.op, self.lower(node.right))
        self.operations += 1
        if isinstance(node, ast.BinOp) and isinstance(node.op, OPERATIONS):
            return ast.BinOp(self.lower(node.left), node.op, self.lower(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return ast.UnaryOp(node.op, self.lower(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            return ast.Compare(self.lower(node.left), node.ops, [self.lower(node.comparators[0])])
        raise Unprintable(f"{ast.unparse(node)!r} cannot be compiled: a rule is straight-line arithmetic.")

    def function(self, fn, names, what):
        """Print a function's assignments; returns the names of its answers. ``names`` maps its arguments."""
        names = dict(names)
        assigned, returned = read_text(fn, what)
        for target, value in assigned:
            value = _Resolve(names, what).visit(copy.deepcopy(value))
            names[target] = self.name(self.lower(value)) if "cell" in self.depends(value) else value
        return [self.name(self.lower(_Resolve(names, what).visit(copy.deepcopy(value)))) for value in returned]

    def section(self):
        """What was written since the last section."""
        lines, self.lines = tuple(self.lines), []
        return lines


def with_prefix(prefix, names):
    return {name: load(prefix + name) for name in names}


def refuse(rule, surface):
    """Raise Unprintable for what is not one of the library's own kinds of rule and surface."""
    if type(surface) is not Surface:
        name = getattr(surface, "name", type(surface).__name__)
        kind = {"Quadratic": "it has a dimension of its own", "Noisy": "its gradient draws random numbers"}
        why = kind.get(type(surface).__name__, "it is not made by @surface, so there is no text to compile")
        raise Unprintable(f"surface {name!r} cannot be compiled: {why}.")
    if type(rule) is not Rule:
        raise Unprintable(f"rule {rule.name!r} cannot be compiled: it is not made by @rule, so there is no text to compile.")
    if rule.matrix:
        raise Unprintable(f"rule {rule.name!r} cannot be compiled: {MATRIX_REASON}.")
    if surface.grad_fn is None:
        raise Unprintable(f"surface {surface.name!r} cannot be compiled: it has no gradient.")


def printed(rule, surface, vary):
    """The :class:`Program` of a rule on a surface, with the hyper-parameters ``vary`` as axes.

    Raises Unprintable, with the reason, for anything that is not one of the library's own kinds
    of rule and surface or whose text is not straight-line arithmetic.
    """
    refuse(rule, surface)
    minima = tuple(tuple(map(float, place)) for place in surface.minima)
    texts = rule.fn, rule.look_fn, rule.read_fn, surface.fn, surface.grad_fn
    key = (*texts, *rule.slots.items(), None, *rule.hyper, None, *surface.params, None, minima, *vary)
    if key not in _printed:
        if len(_printed) >= 256:
            _printed.clear()
        _printed[key] = _print(rule, surface, tuple(vary), minima)
    return _printed[key]


_printed = {}


def _print(rule, surface, vary, minima):
    """What :func:`printed` returns, printed anew."""
    out, dims, carried = _Lowering(vary), range(surface.dim), ["theta", *rule.slots]
    about, there = f"rule {rule.name!r}", f"surface {surface.name!r}"
    hyper, params = with_prefix("h_", rule.hyper), with_prefix("p_", surface.params)
    hyper |= {"t": load("t")} if rule.uses_t else {}  # elsewhere a slot or a local variable may be called so
    state = [{name: load(f"c{i}_{name}") for name in carried} for i in dims]

    looks = [state[i]["theta"] for i in dims]
    if rule.look_fn:
        looks = [out.function(rule.look_fn, {**state[i], **hyper}, about)[0] for i in dims]
    grads = out.function(surface.grad_fn, {**params, **dict(zip(surface.coordinates, looks, strict=True))}, there)
    if len(grads) != surface.dim:
        raise Unprintable(f"{there} cannot be compiled: its gradient has {len(grads)} parts for {surface.dim}.")
    after = {}
    for i in dims:
        answers = out.function(rule.fn, {**state[i], "grad": grads[i], **hyper}, about)
        after |= {f"c{i}_{name}": answer.id for name, answer in zip(carried, answers, strict=True)}
    step = out.section()
    reported = [state[i]["theta"] for i in dims]
    if rule.read_fn:
        reported = [out.function(rule.read_fn, {**state[i], **hyper}, about)[0] for i in dims]
    read, operations = out.section(), out.operations
    places = {name: load(f"y{i}") for i, name in enumerate(surface.coordinates)}
    out.function(surface.fn, {**params, **places}, there)
    return Program(
        step=step,
        looks=tuple(look.id for look in looks),
        grads=tuple(grad.id for grad in grads),
        after=after,
        read=read,
        reported=tuple(part.id for part in reported),
        value=out.section(),
        slots=dict(rule.slots),
        vary=vary,
        fixed=(*(f"h_{n}" for n in rule.hyper if n not in vary), *(f"p_{n}" for n in surface.params)),
        constants=out.constants,
        by_step=out.by_step,
        derived=out.derived,
        by_axis=out.by_axis,
        minima=minima,
        looks_ahead=rule.look_fn is not None,
        reports=rule.read_fn is not None,
        operations=operations + 5 + 5 * max(1, len(minima)),
    )
