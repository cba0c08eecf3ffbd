"""Rules and surfaces as LaTeX, every symbol in the colour of its meaning."""

import ast

from ..notation import LOOKS, QUANTITIES
from .syntax import COMPARE, PRECEDENCE, digits_of, one_expression, statements


def symbol(name, colour=True):
    """The LaTeX symbol of a quantity, in the colour of its meaning."""
    quantity = QUANTITIES.get(name)
    if quantity is None:
        return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"
    if colour and quantity.look:
        return rf"\textcolor{{{LOOKS[quantity.look].light}}}{{{quantity.latex}}}"
    return quantity.latex


def tex(node, colour=True, need=0, *, factor=False):
    """One expression as LaTeX. ``factor`` says that something stands to its left in a product."""

    def sub(inner, level=0, **kw):
        return tex(inner, colour, level, **kw)

    if isinstance(node, ast.Name):
        return symbol(node.id, colour)
    if isinstance(node, ast.Constant):
        text, level = tex_number(node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        text, level = "-" + sub(node.operand, 2), 1
    elif isinstance(node, ast.Compare):
        sign = {"<=": r"\le", ">=": r"\ge", "===": "="}
        mark = COMPARE[type(node.ops[0])]
        return f"{sub(node.left)} {sign.get(mark, mark)} {sub(node.comparators[0])}"
    elif isinstance(node, ast.Call) and node.func.id == "where":
        (condition, yes, no), level = node.args, 0
        text = rf"\begin{{cases}} {sub(yes)} & \text{{if }} {sub(condition)} \\ {sub(no)} & \text{{otherwise}} \end{{cases}}"
    elif isinstance(node, ast.Call) and node.func.id == "exp":
        text, level = f"e^{{{sub(node.args[0])}}}", 4
    elif isinstance(node, ast.Call) and node.func.id == "transpose":
        text, level = rf"{{{sub(node.args[0], 5)}}}^{{\top}}", 4
    elif isinstance(node, ast.Call) and node.func.id == "root":  # the index: of the matrix with eps added to its eigenvalues
        base, exponent, eps = node.args
        text, level = rf"{{{sub(base, 5)}}}_{{{sub(eps)}}}^{{{ast.unparse(exponent).replace(' ', '')}}}", 4
    elif isinstance(node, ast.Call):
        name = node.func.id
        inside = ", ".join(sub(a) for a in node.args)
        if name == "sqrt":
            return rf"\sqrt{{{inside}}}"
        if name == "absolute":
            return rf"\left|{inside}\right|"
        words = {"sign": r"\operatorname{sign}", "maximum": r"\max", "sin": r"\sin", "cos": r"\cos"}
        words |= {name: rf"\operatorname{{{name}}}" for name in ("rows", "columns", "eigenvectors")}
        words["orthogonal"] = r"\operatorname{orth}"
        simple = isinstance(node.args[0], ast.Name) and name in ("sin", "cos")
        return rf"{words[name]} {inside}" if simple else rf"{words[name]}\left({inside}\right)"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base = sub(node.left, 5)
        if isinstance(node.left, ast.Call) and node.left.func.id in ("sin", "cos"):
            base = rf"\left({base}\right)"
        text, level = f"{{{base}}}^{{{sub(node.right)}}}", 4
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        text, level = rf"\frac{{{sub(node.left)}}}{{{sub(node.right)}}}", 4
    elif isinstance(node, ast.BinOp):
        level = PRECEDENCE[ast.Mult if isinstance(node.op, ast.MatMult) else type(node.op)]
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: r"\,", ast.MatMult: r"\,"}[type(node.op)]
        if isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant):
            sign = r"\cdot"
        text = f"{sub(node.left, level)} {sign} {sub(node.right, level + 1)}"
    else:
        raise TypeError(f"cannot print {ast.unparse(node)!r} as LaTeX.")
    return rf"\left({text}\right)" if level < need else text


def tex_number(value):
    """A constant with all its digits, and how tightly it binds: powers of ten as such."""
    if value == 6.283185307179586:
        return r"2\pi", 2
    digits, _, power = digits_of(value).partition("e")
    if not power:
        return digits, 5
    ten = f"10^{{{int(power)}}}"
    return (ten, 4) if digits == "1" else (rf"{digits} \cdot {ten}", 2)


def rule_latex(rule, colour=True):
    """The rule as aligned LaTeX, one line an assignment, ``grad``'s definition first."""
    assigned, returned = statements(rule.fn, rule.matrix)
    where_measured = tex(one_expression(rule.look_fn), colour) if rule.look_fn else symbol("theta", colour)
    gradient = QUANTITIES["grad"].latex
    if colour:
        gradient = symbol("grad")
    rows = [rf"{gradient} &= \nabla f\left({where_measured}\right)"]
    rows += [rf"{symbol(name, colour)} &\leftarrow {tex(value, colour)}" for name, value in assigned]
    names = ["theta", *rule.slots]
    moves = [(name, value) for name, value in zip(names, returned, strict=True) if ast.unparse(value) != name]
    left, right = [symbol(name, colour) for name, _ in moves], [tex(value, colour) for _, value in moves]
    if len(moves) == 1:
        rows.append(rf"{left[0]} &\leftarrow {right[0]}")
    else:  # both sides at once: a slot that keeps the old point must see it before it moves
        rows.append(rf"\left({', '.join(left)}\right) &\leftarrow \left({', '.join(right)}\right)")
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def surface_latex(surface, colour=True):
    """The surface's value as one LaTeX equation, helper definitions after it."""
    assigned, returned = statements(surface.fn)
    arguments = ", ".join(symbol(c, colour) for c in surface.coordinates)
    text = rf"f({arguments}) = {tex(returned[0], colour)}"
    helpers = [rf"{symbol(name, colour)} = {tex(value, colour)}" for name, value in assigned]
    return (
        r"\begin{aligned}"
        + r" \\ ".join([text.replace("=", "&=", 1), *(h.replace("=", "&=", 1) for h in helpers)])
        + r"\end{aligned}"
    )
