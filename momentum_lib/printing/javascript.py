"""As JavaScript: a rule or surface as a plain function of one coordinate and as a template for the live engine's loop; a closed
form."""

import ast
import inspect
import json
import re

from .infix import Infix
from .syntax import CALLS, CHOOSE, NUMPY, one_expression, statements


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
        if times not in (2, 3):  # 2.0 and 3.0 are among them
            return f"Math.pow({self.print(base)}, {self.print(exponent)})"
        if isinstance(base, ast.Name):  # a product is exact where pow is not, and many times faster
            return "(" + " * ".join([self.print(base)] * int(times)) + ")"
        return f"{'square' if times == 2 else 'cube'}({self.print(base)})"


def js(node, rename=str):
    """One expression as JavaScript; ``rename`` maps Python names."""
    return JavaScript(rename).print(node)


KEYWORDS = """
arguments async await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function get if implements import in instanceof interface let new null of package private protected public return
set static super switch this throw true try typeof undefined var void while with yield Infinity NaN
"""
TAKEN = {*KEYWORDS.split(), "Math", "Number", "Float64Array", "square", "cube"}
"""What a name cannot be in JavaScript, or what the printed text means by it."""
ENGINE = re.compile(
    "start|steps|hyper|params|bound|reach|out|points|values|state|gradients|run|map|xs|ys|from|to|wide|cells|i|j|k|x|y"
    "|starts|start|track|periodOf|o|at|tol|longest|close|every|code|period|curvature|sigma|draws|first|row|endings|walk"
    r"|(look|grad|theta)\d\w*|fixed_\w*|next_\w*|\w*_(all|at|[a-d])"
)
"""What the live engine calls its own variables: its loop has them beside the hyper-parameters and the parameters."""


def check_shared(names, what):
    """Raise ValueError for hyper-parameters or parameters whose names mean something else in the live engine's loop."""
    for name in names:
        if name in TAKEN or ENGINE.fullmatch(name):
            raise ValueError(
                f"{what}: {name!r} means something else in the live figures' JavaScript; call the setting otherwise, "
                f"for example {name}_factor."
            )


class Names:
    """How the names of one function's text are written; a name of ``once`` that is assigned gets another from there on."""

    def __init__(self, once, written):
        self.once, self.written, self.own = set(once), written, set()

    def __call__(self, name):
        return f"{name}$$" if name in self.own else self.written(name)

    def assign(self, assigned):
        """[(name, text of its value)], as the statements follow each other."""
        lines = []
        for name, value in assigned:
            text = js(value, self)
            self.own |= {name} & self.once
            lines.append((self(name), text))
        return lines


def of_rule(rule, written):
    """The :class:`Names` of a rule's text: hyper-parameters and the step number are the same for every coordinate."""
    shared = {*rule.hyper, *(["t"] if rule.uses_t else [])}
    return Names({"grad", *shared}, lambda name: name if name in shared else written(name))  # the engine keeps the gradient


def marked(name):
    """A name that exists once for each coordinate, in a template."""
    return f"{name}$"


def plain_name(name):
    """A local variable, argument or slot in a plain function: itself, or with a mark where JavaScript means another thing."""
    return f"{name}$" if name in TAKEN or name == "t" else name


def read_rule(rule):
    """The rule's statements, with one answer for theta and each slot."""
    assigned, returned = statements(rule.fn)
    if len(returned) != 1 + len(rule.slots):
        raise TypeError(f"{rule.name} returns {len(returned)} values; it must return {1 + len(rule.slots)}: theta and each slot.")
    check_shared(rule.hyper, f"rule {rule.name!r}")
    return assigned, returned


def rule_templates(rule):
    """The rule's fused form: ``{"locals": [...], "step": [...], "next": [...], "look": ..., "read": ...}``.

    Every per-coordinate name ends in ``$``; hyper-parameters and ``t`` do not.  ``step`` lines
    assign, ``next`` are the expressions for theta and each slot, in order.
    """
    assigned, returned = read_rule(rule)
    names = of_rule(rule, marked)
    lines = names.assign(assigned)
    fixed = {f"{name}$" for name in ("theta", "grad", *rule.slots)}
    out = {
        "locals": sorted({name.removesuffix("$") for name, _ in lines if name not in fixed}),
        "step": [f"{name} = {text};" for name, text in lines],
        "next": [js(value, names) for value in returned],
    }
    for key, fn in (("look", rule.look_fn), ("read", rule.read_fn)):
        out[key] = js(one_expression(fn), of_rule(rule, marked)) if fn else None
    return out


def rule_functions(rule):
    """The rule's plain form, scalars in and out, as JavaScript source of ``step``, ``lookAt`` and ``readAt``."""
    slots, hyper = ", ".join(map(plain_name, rule.slots)), ", ".join(rule.hyper)
    assigned, returned = read_rule(rule)
    names = of_rule(rule, plain_name)
    lines = declared(names.assign(assigned), {"theta", "grad", *map(plain_name, rule.slots)})
    theta, *state = [js(value, names) for value in returned]
    step = [
        f"    step: (theta, grad, t, [{slots}], {{ {hyper} }}) => {{",
        *(f"      {line}" for line in lines),
        f"      return [{theta}, [{', '.join(state)}]];",
        "    },",
    ]
    for key, fn in (("lookAt", rule.look_fn), ("readAt", rule.read_fn)):
        answer = js(one_expression(fn), of_rule(rule, plain_name)) if fn else "theta"
        step.append(f"    {key}: (theta, [{slots}], {{ {hyper} }}) => {answer},")
    return "\n".join(step)


def declared(lines, known):
    """Assignments as statements: a name that is not ``known`` yet is declared where it first stands."""
    names, known, out = [name for name, _ in lines], set(known), []
    for name, text in lines:
        declare = "" if name in known else "let " if names.count(name) > 1 else "const "
        out.append(f"{declare}{name} = {text};")
        known.add(name)
    return out


def surface_templates(surface):
    """The surface's fused form: locals, lines and expressions for value and gradient; names end in ``$``.

    The engine calls the coordinates ``x$`` and ``y$``, whatever the surface calls them.
    """
    check_shared(surface.params, f"surface {surface.name!r}")
    places = dict(zip(surface.coordinates, ("x$", "y$")))

    def written(name):
        if name in surface.params:
            return name
        return places.get(name, f"{name}$$" if f"{name}$" in places.values() else f"{name}$")

    out = {}
    for key, fn in (("value", surface.fn), ("gradient", surface.grad_fn)):
        assigned, returned = statements(fn)
        names = Names([*surface.params, *surface.coordinates], written)
        lines = declared(names.assign(assigned), ())
        out[key] = {"lines": lines, "answer": [js(value, names) for value in returned]}
    return out


def surface_functions(surface):
    """The surface's plain form: ``value(x, y, params)`` and ``gradient(x, y, params)``."""
    x, y = (*map(plain_name, surface.coordinates), "_y")[:2]
    params = "{ " + ", ".join(surface.params) + " }" if surface.params else "_params"
    lines = []
    for key, fn in (("value", surface.fn), ("gradient", surface.grad_fn)):
        assigned, returned = statements(fn)
        names = Names(surface.params, lambda name: name if name in surface.params else plain_name(name))
        lines.append(f"    {key}: ({x}, {y}, {params}) => {{")
        lines += [f"      {line}" for line in declared(names.assign(assigned), {x, y})]
        answer = [js(value, names) for value in returned]
        lines.append(f"      return {answer[0] if key == 'value' else '[' + ', '.join(answer) + ']'};")
        lines.append("    },")
    return "\n".join(lines)


def camel(name):
    """A Python name as JavaScript writes it: halfLife for half_life."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def closed_form_js(fn):
    """One closed form of the theory as an exported function with its types;
    the first sentence of its docstring says what it is."""
    clash = sorted(TAKEN & {*fn.__code__.co_varnames, camel(fn.__name__)})
    if clash:
        raise ValueError(f"{fn.__name__}: {clash[0]!r} means something else in JavaScript; name it otherwise.")
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
