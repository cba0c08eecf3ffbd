"""As JavaScript: a rule or surface as a plain function of one coordinate and as a template for the live engine's loop; a closed form."""

import ast
import inspect
import json
import re

from .syntax import CALLS, CHOOSE, COMPARE, NUMPY, PRECEDENCE, statements


def js(node, rename=str, need=0):
    """One expression as JavaScript; ``rename`` maps Python names; parentheses where ``need`` binds tighter."""

    def sub(inner, level=0):
        return js(inner, rename, level)

    if isinstance(node, ast.Name):
        return rename(node.id)
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "np.pi":
        return "Math.PI"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        text, level = "-" + sub(node.operand, 3), 3
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
        text, level = f"{sub(node.left, 1)} {COMPARE[type(node.ops[0])]} {sub(node.comparators[0], 1)}", 0
    elif isinstance(node, ast.Call):
        arguments, called = [sub(a) for a in node.args], ast.unparse(node.func)
        if called in CHOOSE:
            condition, yes, no = arguments
            return f"({condition} ? {yes} : {no})"
        return f"Math.{(CALLS | NUMPY)[called]}({', '.join(arguments)})"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = node.right.value if isinstance(node.right, ast.Constant) else None
        if exponent in (2, 3):  # a product is exact where pow is not, and many times faster
            if isinstance(node.left, ast.Name):
                return "(" + " * ".join([sub(node.left)] * exponent) + ")"
            return f"{'square' if exponent == 2 else 'cube'}({sub(node.left)})"
        return f"Math.pow({sub(node.left)}, {sub(node.right)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in PRECEDENCE:
        level = PRECEDENCE[type(node.op)]
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
        text = f"{sub(node.left, level)} {sign} {sub(node.right, level + 1)}"
    else:
        raise TypeError(f"a rule is straight-line arithmetic; found {ast.unparse(node)!r}.")
    return f"({text})" if level < need else text


def rule_templates(rule):
    """The rule's fused form: ``{"locals": [...], "step": [...], "next": [...], "look": ..., "read": ...}``.

    Every per-coordinate name ends in ``$``; hyper-parameters and ``t`` do not.  ``step`` lines
    assign, ``next`` are the expressions for theta and each slot, in order.
    """
    shared = {*rule.hyper, "t"}

    def rename(name):
        return name if name in shared else name + "$"

    assigned, returned = statements(rule.fn)
    fixed = {"theta", "grad", *rule.slots}
    out = {
        "locals": sorted({name for name, _ in assigned} - fixed),
        "step": [f"{rename(name)} = {js(value, rename)};" for name, value in assigned],
        "next": [js(value, rename) for value in returned],
    }
    for key, fn in (("look", rule.look_fn), ("read", rule.read_fn)):
        out[key] = js(statements(fn)[1][0], rename) if fn else None
    return out


def rule_functions(rule):
    """The rule's plain form, scalars in and out, as JavaScript source of ``step``, ``lookAt`` and ``readAt``."""
    slots, hyper = ", ".join(rule.slots), ", ".join(rule.hyper)
    assigned, returned = statements(rule.fn)
    known = {"theta", "grad", *rule.slots}
    names, lines = [name for name, _ in assigned], []
    for name, value in assigned:
        declare = "" if name in known else "let " if names.count(name) > 1 else "const "
        lines.append(f"      {declare}{name} = {js(value)};")
        known.add(name)
    theta, *state = [js(value) for value in returned]
    step = [
        f"    step: (theta, grad, t, [{slots}], {{ {hyper} }}) => {{",
        *lines,
        f"      return [{theta}, [{', '.join(state)}]];",
        "    },",
    ]
    for key, fn in (("lookAt", rule.look_fn), ("readAt", rule.read_fn)):
        answer = js(statements(fn)[1][0]) if fn else "theta"
        step.append(f"    {key}: (theta, [{slots}], {{ {hyper} }}) => {answer},")
    return "\n".join(step)


def surface_templates(surface):
    """The surface's fused form: locals, lines and expressions for value and gradient; names end in ``$``."""

    def rename(name):
        return name if name in surface.params else name + "$"

    out = {}
    for key, fn in (("value", surface.fn), ("gradient", surface.grad_fn)):
        assigned, returned = statements(fn)
        out[key] = {
            "lines": [f"const {rename(name)} = {js(value, rename)};" for name, value in assigned],
            "answer": [js(value, rename) for value in returned],
        }
    return out


def surface_functions(surface):
    """The surface's plain form: ``value(x, y, params)`` and ``gradient(x, y, params)``."""
    x, y = (surface.coordinates + ["_y"])[:2]
    params = "{ " + ", ".join(surface.params) + " }" if surface.params else "_params"
    lines = []
    for key, fn in (("value", surface.fn), ("gradient", surface.grad_fn)):
        assigned, returned = statements(fn)
        lines.append(f"    {key}: ({x}, {y}, {params}) => {{")
        lines += [f"      const {name} = {js(value)};" for name, value in assigned]
        answer = [js(value) for value in returned]
        lines.append(f"      return {answer[0] if key == 'value' else '[' + ', '.join(answer) + ']'};")
        lines.append("    },")
    return "\n".join(lines)


def camel(name):
    """A Python name as JavaScript writes it: halfLife for half_life."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def closed_form_js(fn):
    """One closed form of the theory as an exported function with its types; the first sentence of its docstring says what it is."""
    clash = {"square", "cube"} & set(fn.__code__.co_varnames)
    if clash:
        raise ValueError(
            f"{fn.__name__}: {clash.pop()} is the name of a helper of the printed text; name the variable otherwise."
        )
    record = next((v for v in fn.__globals__.values() if hasattr(v, "_fields") and v.__name__ in fn.__code__.co_names), None)
    assigned, returned = statements(fn, closed=[*CHOOSE, *NUMPY, *([record.__name__] if record else [])])
    types, heads = [], []
    for p in inspect.signature(fn).parameters.values():
        kind = "boolean" if isinstance(p.default, bool) else "number"
        types.append(f" * @param {{{kind}}} {p.name if p.default is p.empty else f'[{p.name}]'}")
        heads.append(p.name if p.default is p.empty else f"{p.name} = {json.dumps(p.default)}")
    if record:
        pairs = list(zip(record._fields, map(js, returned[0].args), strict=True))
        answer, kind = f"{{ {', '.join(f'{k}: {v}' for k, v in pairs)} }}", f"{{ {', '.join(f'{k}: number' for k, _ in pairs)} }}"
    elif len(returned) > 1:
        answer, kind = f"[{', '.join(map(js, returned))}]", f"[{', '.join(['number'] * len(returned))}]"
    else:
        answer, kind = js(returned[0]), "number"
    lines = ["/**", f" * {inspect.getdoc(fn).splitlines()[0]}", *types, f" * @returns {{{kind}}}", " */"]
    lines += [f"export function {camel(fn.__name__)}({', '.join(heads)}) {{"]
    lines += [f"  const {name} = {js(value)};" for name, value in assigned]
    return "\n".join([*lines, f"  return {answer};", "}\n"])
