"""A rule as plain text: a line of Unicode, or the Python that a reader meets."""

import ast
import inspect
import textwrap

from ..notation import QUANTITIES
from .syntax import COMPARE, PRECEDENCE, digits_of, one_expression, statements


def _letter(name):
    """The Unicode symbol of a quantity; the name itself where it is none."""
    return QUANTITIES[name].symbol if name in QUANTITIES else name


def words(node, need=0):
    """One expression as a line of Unicode, for places without typeset mathematics: β v + (1 − β) g."""
    if isinstance(node, ast.Name):
        return _letter(node.id)
    if isinstance(node, ast.Constant):
        return digits_of(node.value)
    if isinstance(node, ast.Compare):
        sign = COMPARE[type(node.ops[0])].replace("===", "=")
        return f"{words(node.left)} {sign} {words(node.comparators[0])}"
    if isinstance(node, ast.Call) and node.func.id == "where":
        condition, yes, no = node.args
        text = f"{words(yes)} if {words(condition)}, else {words(no)}"
        return f"({text})" if need else text
    if isinstance(node, ast.Call):
        if node.func.id == "sqrt" and isinstance(node.args[0], ast.Name):
            text = f"√{words(node.args[0])}"
            return f"({text})" if need > 3 else text
        name = {"sqrt": "√", "absolute": "abs", "maximum": "max"}.get(node.func.id, node.func.id)
        return f"{name}({', '.join(map(words, node.args))})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        text = f"−{words(node.operand, 3)}"
        return f"({text})" if need > 1 else text
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        text = words(node.left, 4) + {"2": "²", "3": "³", "t": "ᵗ"}.get(ast.unparse(node.right), f"^{words(node.right, 4)}")
        return f"({text})" if need > 3 else text
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        text = f"{words(node.left, 2)} / {words(node.right, 3)}"
        return f"({text})" if need > 2 else text
    if isinstance(node, ast.BinOp) and type(node.op) in (ast.Add, ast.Sub, ast.Mult):
        level = PRECEDENCE[type(node.op)]
        sign = {ast.Add: " + ", ast.Sub: " − ", ast.Mult: " "}[type(node.op)]
        quotient = (
            sign == " " and isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Div)
        )  # a / b c would be a / (b c)
        minus = sign == " " and isinstance(node.left, ast.UnaryOp)  # −a b is −(a b), and has its bracket outside
        left, right = words(node.left, 3 if quotient else minus or level), words(node.right, level + 1)
        level = 1 if minus else level
        if sign == " " and right[0].isdigit():
            sign = " · "
        text = f"{left}{sign}{right}"
        return f"({text})" if level < need else text
    raise TypeError(f"cannot print {ast.unparse(node)!r} as plain text.")


def rule_words(rule):
    """The rule as lines of Unicode, the look-ahead first where it has one."""
    assigned, returned = statements(rule.fn)
    rows = [f"g = ∇f({words(one_expression(rule.look_fn))})"] if rule.look_fn else []
    rows += [f"{_letter(name)} ← {words(value)}" for name, value in assigned]
    moves = [(n, v) for n, v in zip(["theta", *rule.slots], returned, strict=True) if ast.unparse(v) != n]
    left, right = ", ".join(_letter(name) for name, _ in moves), ", ".join(words(value) for _, value in moves)
    return [*rows, f"{left} ← {right}" if len(moves) == 1 else f"({left}) ← ({right})"]


def typed_text(rule):
    """The rule as a reader may type it in the playground: a line each for where it looks, how a memory starts, what changes."""
    assigned, returned = statements(rule.fn)
    rows = [f"look = {_typed(one_expression(rule.look_fn))}"] if rule.look_fn else []
    rows += [f"{name}_0 = theta" for name, start in rule.slots.items() if start == "theta"]
    rows += [f"{name} = {_typed(value)}" for name, value in assigned]
    theta, *slots = returned
    moves = [f"{n} = {_typed(value)}" for n, value in zip(rule.slots, slots, strict=True) if ast.unparse(value) != n]
    if moves:  # these, too, are worked out from the point before the step
        return "\n".join([*rows, f"after = {_typed(theta)}", *moves, "theta = after"])
    return "\n".join([*rows, f"theta = {_typed(theta)}"])


def typed_formula(surface):
    """The surface's value as a reader may type it, in its coordinates and parameters."""
    return _typed(one_expression(surface.fn))


def _typed(node):
    """One expression in plain notation."""
    return ast.unparse(node).replace(" ** ", "^")


def python_text(rule):
    """The rule's function as a reader meets it: without docstring, with its look-ahead if it has one."""

    def plain(fn, name):
        lines = textwrap.dedent(inspect.getsource(fn)).splitlines()
        tree = ast.parse("\n".join(lines)).body[0]
        body = tree.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        head = " ".join(line.strip() for line in lines[tree.lineno - 1 : tree.body[0].lineno - 1])
        return "\n".join([head.replace("def _(", f"def {name}("), *lines[body[0].lineno - 1 : tree.end_lineno]])

    text = plain(rule.fn, rule.name)
    if rule.look_fn:
        text += "\n\n" + plain(rule.look_fn, "look")
    return text
