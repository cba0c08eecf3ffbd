"""One expression as C, with the same bits as NumPy wherever :func:`same_bits` says so."""

import ast

from .infix import Infix

FUNCTIONS = {"absolute": "fabs", "maximum": "larger"}  # the others have NumPy's name
EXACT_CALLS = {"sqrt", "absolute", "sign", "maximum", "where"}
EXACT_POWERS = (2, 0.5)  # NumPy squares, and takes the root for 0.5; a cube is a product here and a power there

# What the expressions call, beside <tgmath.h>; NumPy's answers for NaN and for the zeros.
HELPERS = """\
static inline real square(real x) { return x * x; }
static inline real cube(real x) { return x * x * x; }
static inline real sign(real x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }
static inline real larger(real x, real y) { return (x >= y) | (x != x) ? x : y; }
"""


def exponent_of(node):
    """The exponent of a power as a plain number; None if it is an expression."""
    return node.right.value if isinstance(node.right, ast.Constant) else None


def same_bits(node):
    """Whether every operation of an expression rounds in C as it does in NumPy."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and inner.func.id not in EXACT_CALLS:
            return False
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow) and exponent_of(inner) not in EXACT_POWERS:
            return False
    return True


class C(Infix):
    """C, over a type ``real`` that the text around it chooses."""

    def constant(self, value):
        return f"(real){value!r}"

    def call(self, name, arguments):
        return f"{FUNCTIONS.get(name, name)}({', '.join(arguments)})"

    def power(self, base, exponent):
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        short = {2: "square", 3: "cube", 0.5: "sqrt"}.get(value)
        return f"{short}({self.print(base)})" if short else f"pow({self.print(base)}, {self.print(exponent)})"


def c(node):
    """One expression as C."""
    return C().print(node)
