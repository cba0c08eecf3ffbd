"""A rule's own arithmetic in an order that stays in range: the square of 1e20 is no float32, a thousandth of it is one.

torch's Adam and RMSProp scale a gradient before they square it, and take the root of ``s`` before they divide by the root of
``1 - beta2**t``.  A rule is written to be read; here its text gets the same order, so that one large gradient does not
leave an infinity in the state.  Where torch's own square overflows (AdaGrad's sum, 1e30 in Adam), so does this one.
"""

import ast
import functools
import inspect
import textwrap

from .. import ops
from ..core import Rule
from ..printing.syntax import statements


def step(rule, theta, grad, slots, hyper, t):
    """One unchecked step as :meth:`momentum_lib.core.Rule.step` takes it, in the order that stays in range."""
    if type(rule) is not Rule or rule.matrix:
        return rule.step(theta, grad, slots, hyper, t)
    out = in_range(rule.fn, tuple(rule.slots))(theta, grad, *slots, **hyper, **({"t": t} if rule.uses_t else {}))
    return (out[0], out[1:]) if rule.slots else (out, ())


@functools.lru_cache(maxsize=256)
def in_range(fn, slots):
    """The rule's function in that order; ``fn`` itself where nothing changes or its text cannot be read."""
    try:
        definition = _definition(fn, slots)
    except (OSError, SyntaxError, TypeError):
        return fn
    if definition is None:
        return fn
    definition.decorator_list, definition.returns = [], None
    definition.args.defaults, definition.args.kw_defaults = [], [None] * len(definition.args.kwonlyargs)
    module, made = ast.Module([definition], []), {}
    exec(compile(ast.fix_missing_locations(module), inspect.getsourcefile(fn), "exec"), fn.__globals__, made)
    return made[fn.__name__]


def _definition(fn, slots):
    """The function's text in that order, as a tree; None where nothing changes.  Raises what reading the text raises."""
    if getattr(fn, "__closure__", None) or getattr(fn, "__globals__", {}).get("sqrt") is not ops.sqrt:
        return None
    statements(fn)
    definition = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]
    plain = [node for node in definition.body if not isinstance(node, ast.Expr)]  # without the docstring
    before = ast.unparse(plain)
    definition.body = _Reordered(slots).over(plain)
    return None if ast.unparse(definition.body) == before else definition


def reordered(fn, slots):
    """The statements in that order, as :func:`momentum_lib.printing.syntax.statements` gives them."""
    if getattr(fn, "__closure__", None):
        raise TypeError(f"{fn.__name__} reads what its text does not show")
    definition = _definition(fn, slots)
    if definition is None:
        return statements(fn)
    *assigned, returned = definition.body
    values = returned.value.elts if isinstance(returned.value, ast.Tuple) else [returned.value]
    return [(node.targets[0].id, node.value) for node in assigned], list(values)


class _Reordered(ast.NodeTransformer):
    """``c * g**2`` as ``c * g * g``, ``sqrt(s / (1 - b**t))`` as ``sqrt(s) / sqrt(1 - b**t)``; c and b are numbers, s a slot."""

    def __init__(self, slots):
        self.slots, self.arrays, self.quotients = slots, {"theta", "grad", *slots}, {}

    def over(self, body):
        """The statements in the new order, without what nothing reads any more."""
        body = [self.visit(node) for node in body]
        read = {n.id for node in body for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        return [node for node in body if isinstance(node, ast.Return) or node.targets[0].id in read]

    def visit_Assign(self, node):
        node.value = self.visit(node.value)
        name = node.targets[0].id
        # a quotient is known by its name until one of the names in it is given anew
        stale = [known for known, value in self.quotients.items() if name in (known, *_names(value))]
        for known in stale:
            del self.quotients[known]
        (self.arrays.add if self._is_array(node.value) else self.arrays.discard)(name)
        if self._quotient(node.value) and name not in _names(node.value):
            self.quotients[name] = node.value
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            for number, other in ((node.left, node.right), (node.right, node.left)):
                name = _squared(other)
                if name and not self._is_array(number):
                    return ast.BinOp(ast.BinOp(number, ast.Mult(), name), ast.Mult(), name)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if node.func.id != "sqrt":
            return node
        inside = self.quotients.get(getattr(node.args[0], "id", None), node.args[0])
        if not self._quotient(inside):
            return node
        root = lambda value: ast.Call(ast.Name("sqrt", ast.Load()), [value], [])
        return ast.BinOp(root(inside.left), ast.Div(), root(inside.right))

    def _quotient(self, node):
        """Whether an expression is a slot over 1 minus a power of a number."""
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and getattr(node.left, "id", None) in self.slots):
            return False
        below = node.right
        left = isinstance(below, ast.BinOp) and isinstance(below.op, ast.Sub) and getattr(below.left, "value", None) == 1
        return left and isinstance(below.right, ast.BinOp) and isinstance(below.right.op, ast.Pow) and not self._is_array(below)

    def _is_array(self, node):
        return not self.arrays.isdisjoint(_names(node))


def _squared(node):
    """The name that an expression squares; None if it is no square of a name."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.left, ast.Name):
        return None
    power = isinstance(node.op, ast.Pow) and getattr(node.right, "value", None) == 2
    product = isinstance(node.op, ast.Mult) and getattr(node.right, "id", None) == node.left.id
    return node.left if power or product else None


def _names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
