"""What a rule's or a surface's text asks of the arithmetic, read off its syntax tree."""

import ast

from momentum_lib.printing.syntax import statements

ROUNDED = {"sin", "cos", "exp"}  # NumPy, the C library and JavaScript may each round these in their own way


def rounded(fn, moving=None, powers=(2,)):
    """Whether a function calls anything that another language may round differently: a sine, or a power that is no product.

    ``moving``: only what is computed from these names counts, and from what is computed from them.  None: everything.
    ``powers``: the exponents that are the same arithmetic everywhere.
    """
    assigned, returned = statements(fn)
    moved = set(moving or ())

    def counts(node):
        return moving is None or any(isinstance(n, ast.Name) and n.id in moved for n in ast.walk(node))

    def differs(node):
        if isinstance(node, ast.Call):
            return ast.unparse(node.func) in ROUNDED and any(map(counts, node.args))
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)):
            return False
        return getattr(node.right, "value", None) not in powers and counts(node)

    for name, value in assigned:
        if any(differs(node) for node in ast.walk(value)):
            return True
        moved |= {name} if counts(value) else set()
    return any(differs(node) for value in returned for node in ast.walk(value))


def functions(thing):
    """The texts of a rule or of a surface."""
    found = (getattr(thing, name, None) for name in ("fn", "look_fn", "read_fn", "grad_fn"))
    return [fn for fn in found if fn is not None]
