"""The mutants of a module: each changes one place of its text, and leaves every other line where it is.

A mutant is an edit of the text, not of the tree alone, since rules are printed in other languages from their source.
What is not mutated: docstrings, annotations, the text of messages, and what stands inside an f-string.
"""

import ast
import collections
from typing import NamedTuple

ARITHMETIC = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.BitXor: [ast.BitAnd],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
}
COMPARISONS = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
TWINS = ("min max", "any all", "minimum maximum", "argmin argmax", "nanmin nanmax", "sin cos", "sinh cosh", "floor ceil")
TWINS += ("rows columns", "zeros ones", "zeros_like ones_like", "first last", "append extend", "startswith endswith")
TWINS += ("lower upper", "logical_or logical_and", "sum prod", "mean median", "real imag", "keys values")
SWAPPED = {a: b for pair in TWINS for a, b in (pair.split(), pair.split()[::-1])}
CLEANERS = {"replace", "strip", "rstrip", "lstrip", "lower", "upper", "casefold", "copy", "clone", "detach", "contiguous"}
CLEANERS |= {"resolve", "ravel", "conj", "expanduser", "splitlines", "removeprefix", "removesuffix", "squeeze", "item"}
"""Methods whose answer is of the same kind as what they are called on: a mutant leaves the call out."""
PLAIN = {"list", "tuple", "sorted", "reversed", "set", "abs", "float", "int", "bool", "str"}
"""Functions of one argument that a mutant leaves out."""


class Mutant(NamedTuple):
    """One change of a module's text: characters ``start`` to ``end`` become ``new``."""

    line: int
    last_line: int
    inside: str
    kind: str
    before: str
    after: str
    start: int
    end: int
    new: str
    nth: int = 1

    @property
    def key(self):
        """What it is called in results and in the list of equivalent mutants: it outlives edits elsewhere in the module."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.inside}: {self.before} -> {self.after}{again}"


def mutants(text):
    """The mutants of a module's text, in its order."""
    return list(_Finder(text).found())


def applied(mutant, text):
    """The module's text with the change."""
    return text[: mutant.start] + mutant.new + text[mutant.end :]


def numbered(found):
    """The mutants without those that do the same at the same place, each with its number among those that read alike."""
    seen, counts = set(), collections.Counter()
    for mutant in found:
        place = mutant.start, mutant.end, mutant.new
        if place in seen:
            continue
        seen.add(place)
        counts[mutant.key] += 1
        yield mutant._replace(nth=counts[mutant.key])


class _Finder:
    """Goes through a module and collects its mutants."""

    def __init__(self, text):
        self.text, self.tree = text, ast.parse(text)
        self.lines = text.splitlines(keepends=True)
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line))
        self.fields = _fields(self.tree)

    def found(self):
        return numbered(self.visit(self.tree, ()))

    def visit(self, node, scope):
        """The mutants at a node and below it; ``scope`` names the functions and classes around it."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = (*scope, node.name)
            for child in [*node.decorator_list, *_heads(node)]:
                yield from self.visit(child, inner)
            for child in node.body:
                yield from self.visit(child, inner)
            return
        if _is_message(node) or isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
            if isinstance(node, ast.Raise):
                yield from self.made(node, scope, "statement left out", "pass")
            return
        for kind, new in _changes(node, self.fields.get(scope[:1], ())):
            yield from self.made(node, scope, kind, new)
        for test in _conditions(node):
            yield from self.made(test, scope, "condition turned", ast.UnaryOp(ast.Not(), test))
        for child in _children(node):
            yield from self.visit(child, scope)

    def made(self, node, scope, kind, new):
        """The mutant with this node replaced, so that the lines below stay where they are."""
        start, end = self.place(node.lineno, node.col_offset), self.place(node.end_lineno, node.end_col_offset)
        lines = "\n" * (node.end_lineno - node.lineno)
        new = new if isinstance(new, str) else ast.unparse(new)
        whole = new + lines if isinstance(node, ast.stmt) else new if _atom(new) and not lines else f"({new}{lines})"
        yield Mutant(node.lineno, node.end_lineno, ".".join(scope) or "module", kind, ast.unparse(node), new, start, end, whole)

    def place(self, line, column):
        text = self.lines[line - 1]
        return self.offsets[line - 1] + len(text.encode()[:column].decode())


def _atom(text):
    return text.replace("_", "a").replace(".", "a").isalnum()


def _heads(node):
    """What is computed where a function or class is defined: defaults and bases, without annotations."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *node.keywords]
    return [*node.args.defaults, *filter(None, node.args.kw_defaults)]


def _children(node):
    """What is looked at below a node: no annotation, no docstring."""
    if isinstance(node, ast.AnnAssign):
        return [node.value] if node.value else []
    if isinstance(node, ast.Lambda):
        return [*_heads(node), node.body]
    return ast.iter_child_nodes(node)


def _is_message(node):
    """Whether a statement only speaks: a docstring, a raise, an assert."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.JoinedStr))
    return text or isinstance(node, (ast.Raise, ast.Assert))


def _fields(tree):
    """Class -> the fields that it declares with annotations: reading one for another is a fault worth a test."""
    found = {}
    for piece in tree.body:
        if isinstance(piece, ast.ClassDef):
            names = [
                line.target.id for line in piece.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            ]
            found[piece.name,] = names
    return found


def _changes(node, fields):
    """(kind, new node or text) for each mutant of one node."""
    made = CHANGES.get(type(node))
    return made(node, fields) if made else ()


def _copy(node, **changed):
    return type(node)(**{**dict(ast.iter_fields(node)), **changed})


def _binary(node, fields):
    for other in ARITHMETIC[type(node.op)]:
        yield "arithmetic", _copy(node, op=other())


def _compare(node, fields):
    for k, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            yield "comparison", _copy(node, ops=[*node.ops[:k], other(), *node.ops[k + 1 :]])


def _boolean(node, fields):
    yield "and/or", _copy(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for k in range(len(node.values)):
        rest = [*node.values[:k], *node.values[k + 1 :]]
        yield "condition left out", rest[0] if len(rest) == 1 else _copy(node, values=rest)


def _unary(node, fields):
    yield "sign or not left out", node.operand


def _constant(node, fields):
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", ast.Constant(value + 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(value * 1.5 if value else 1.0)


def _conditions(node):
    """The conditions of a node that have no mutants of their own which say as much as their opposite."""
    tests = [node.test] if isinstance(node, (ast.If, ast.While, ast.IfExp)) else getattr(node, "ifs", [])
    return [test for test in tests if not isinstance(test, (ast.Compare, ast.UnaryOp))]


def _call(node, fields):
    for k, keyword in enumerate(node.keywords):
        if keyword.arg:
            yield "argument left out", _copy(node, keywords=[*node.keywords[:k], *node.keywords[k + 1 :]])
    names = [isinstance(a, (ast.Name, ast.Attribute)) for a in node.args]
    if len(names) >= 2 and all(names[:2]) and ast.dump(node.args[0]) != ast.dump(node.args[1]):
        yield "arguments swapped", _copy(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if isinstance(node.func, ast.Attribute) and node.func.attr in CLEANERS:
        yield "call left out", node.func.value
    if isinstance(node.func, ast.Name) and node.func.id in PLAIN and len(node.args) == 1 and not node.keywords:
        if not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp)):
            yield "call left out", node.args[0]


def _name(node, fields):
    if isinstance(node.ctx, ast.Load) and node.id in SWAPPED:
        yield "twin", ast.Name(SWAPPED[node.id], ast.Load())


def _attribute(node, fields):
    if not isinstance(node.ctx, ast.Load):
        return
    if node.attr in SWAPPED:
        yield "twin", _copy(node, attr=SWAPPED[node.attr])
    if node.attr in fields and isinstance(node.value, ast.Name) and node.value.id == "self":
        for step in (1, -1):
            other = fields[(fields.index(node.attr) + step) % len(fields)]
            if other != node.attr:
                yield "field", _copy(node, attr=other)


def _return(node, fields):
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield "answer left out", ast.Return(ast.Constant(None))


def _dropped(node, fields):
    yield "statement left out", "pass"


def _assign(node, fields):
    if any(not isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets):
        yield "statement left out", "pass"


def _augmented(node, fields):
    yield "statement left out", "pass"
    for other in ARITHMETIC[type(node.op)]:
        yield "arithmetic", _copy(node, op=other())


def _loop_exit(node, fields):
    yield "statement left out", "pass"


CHANGES = {
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Return: _return,
    ast.Expr: _dropped,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.Break: _loop_exit,
    ast.Continue: _loop_exit,
    ast.Delete: _dropped,
}
