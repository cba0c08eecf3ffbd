"""As JavaScript: a rule or surface as a plain function of one coordinate and as a template for the live engine's loop; a closed
form."""

import ast
import inspect
import json
import re

from .infix import Infix
from .syntax import CALLS, CHOOSE, NUMPY, statements


class JavaScript(Infix):
    """JavaScript; ``rename`` maps Python names."""

    equal = "==="

    def __init__(self, rename=str):
        self.name = rename

    def call(self, name, arguments):
        return f"Math.{(CALLS | NUMPY)[name]}({', '.join(arguments)})"

    def attribute(self, text):
        return "Math.PI" if text == "np.pi" else super().attribute(text)

    def power(self, base, exponent):
        times = exponent.value if isinstance(exponent, ast.Constant) else None
        if times not in (2, 3):
            return f"Math.pow({self.print(base)}, {self.print(exponent)})"
        if isinstance(base, ast.Name):  # a product is exact where pow is not, and many times faster
            return "(" + " * ".join([self.print(base)] * times) + ")"
        return f"{'square' if times == 2 else 'cube'}({self.print(base)})"


def js(node, rename=str):
    """One expression as JavaScript; ``rename`` maps Python names."""
    return JavaScript(rename).print(node)


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
    """One closed form of the theory as an exported function with its types;
    the first sentence of its docstring says what it is."""
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
