"""A rule's step as a few operations in place, written from the rule's own text.

The text says ``m = beta * m + (1 - beta) * grad``; run as it stands, each operation makes a new array as large as the
parameter, and copies bring the results home.  Here the text is read once and turned into a short program: a value takes over
the memory of one that nothing reads any more, a product with a number joins the sum that follows it, and what is left over
lies in a little scratch.  Numbers (``1 - beta1**t``) are computed once a step, in float64.  The result is the text's up to
rounding.  What cannot be read so (a choice by ``where``, a function without source) gives None, and runs as it stands.
"""

import ast
import functools
from dataclasses import dataclass, field

from .. import ops
from ..core import Rule
from ..printing.syntax import statements
from ._order import reordered

UNARY = {"sqrt": "sqrt", "sign": "sign", "absolute": "abs", "sin": "sin", "cos": "cos", "exp": "exp"}
PAIRS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
SCALARS = {name: getattr(ops, name) for name in ("sqrt", "sign", "absolute", "sin", "cos", "exp", "maximum")}


class Unreadable(Exception):
    """The text has something that no program in place is made of."""


@dataclass(eq=False)
class Op:
    """One operation on arrays: its name, the arrays it reads, and the number it takes as text, if any."""

    name: str
    args: list
    number: str = ""
    uses: int = 0
    home: str = ""


@dataclass
class Reader:
    """Turns expressions into :class:`Op` graphs; what holds no array stays text.  ``known``: name -> Op or text."""

    known: dict
    made: list = field(default_factory=list)

    def op(self, name, *args, number=""):
        self.made.append(Op(name, list(args), number))
        return self.made[-1]

    def read(self, node):
        """An expression as an Op, or as text where it is a number."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id, node.id)
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inside = self.read(node.operand)
            return f"(-{inside})" if isinstance(inside, str) else self.op("neg", inside)
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.Call) and node.func.id == "where":
            return self.choice(*node.args)
        if isinstance(node, ast.Call):
            return self.call(node.func.id, [self.read(value) for value in node.args])
        raise Unreadable(ast.unparse(node))

    def binary(self, node):
        left, right = self.read(node.left), self.read(node.right)
        if isinstance(left, str) and isinstance(right, str):
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}.get(type(node.op))
            return f"({left} {sign} {right})"
        if isinstance(node.op, ast.Pow):
            if isinstance(left, str) or not isinstance(right, str):
                raise Unreadable(ast.unparse(node))
            return self.op("mul", left, left) if right == "2" else self.op("pow", left, number=right)
        name = PAIRS.get(type(node.op))
        if name is None:
            raise Unreadable(ast.unparse(node))
        if isinstance(right, str):
            return self.op("add", left, number=f"(-{right})") if name == "sub" else self.op(name, left, number=right)
        if isinstance(left, str):
            first = {"sub": "neg", "div": "reciprocal"}.get(name)
            return self.op({"sub": "add", "div": "mul"}.get(name, name), self.op(first, right) if first else right, number=left)
        return self.op(name, left, right)

    def choice(self, condition, *branches):
        """``where`` among numbers."""
        sign = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=="}[type(condition.ops[0])]
        left, right, x, y = map(self.read, (condition.left, condition.comparators[0], *branches))
        if not all(isinstance(value, str) for value in (left, right, x, y)):
            raise Unreadable("an array that chooses, or is chosen")
        return f"({x} if {left} {sign} {right} else {y})"

    def call(self, name, values):
        arrays = [value for value in values if not isinstance(value, str)]
        if not arrays and name in SCALARS:
            return f"{name}({', '.join(values)})"
        if name in UNARY:
            return self.op(UNARY[name], *arrays)
        if name == "orthogonal":
            return self.op(name, *arrays)
        if name in ("rows", "columns") and arrays:  # every array here has the point's shape
            return f"_{name}"
        if name == "maximum":
            return self.op(name, *arrays, number=next((value for value in values if isinstance(value, str)), ""))
        raise Unreadable(name)


def joined(made, roots):
    """Let products and quotients join the sum that alone reads them, numbers join numbers; in place, in order."""
    for op in (*made, *roots):
        op.uses = 0
    for op in made:
        for arg in op.args:
            arg.uses += 1
    for root in roots:
        root.uses += 1

    def scaled(op):  # a product with a number that only one reads
        return op.name == "mul" and op.number and op.uses == 1

    for op in made:
        if op.name in ("mul", "div") and op.number and op.args[0].uses == 1 and op.args[0].number:
            _join_numbers(op)
        if op.name not in ("add", "sub") or op.number:
            continue
        base, other = op.args
        if op.name == "add" and (mean := _mean(base, other)):
            op.name, (op.args, op.number) = "lerp", mean
            continue
        if op.name == "add" and scaled(base) and not (scaled(other) or _pair(other)):
            base, other = other, base
        minus = "-" if op.name == "sub" else ""
        if scaled(other):
            op.name, op.args, op.number = "axpy", [base, other.args[0]], f"{minus}{other.number}"
        elif other.name == "div" and other.number and other.uses == 1:
            op.name, op.args, op.number = "axpy", [base, other.args[0]], f"({minus}1 / {other.number})"
        elif _pair(other):
            a, b = other.args
            a, number = (a.args[0], a.number) if scaled(a) else (a, "1.0")
            op.name, op.args, op.number = f"addc{other.name}", [base, a, b], f"{minus}{number}"
    return _reached(made, roots)


def _join_numbers(op):
    inner, sign = op.args[0], {"mul": "*", "div": "/"}
    if inner.name not in sign:
        return
    outer = op.name
    op.args = list(inner.args)
    if inner.name == outer == "div":
        op.number = f"({inner.number} * {op.number})"
    elif inner.name == "div":
        op.number = f"({op.number} / {inner.number})"
    else:
        op.number = f"({inner.number} {sign[outer]} {op.number})"
    op.name = "div" if inner.name == outer == "div" else "mul"


def _mean(x, y):
    """([from, to], weight) of a sum that is a weighted mean, ``(1 - b) x + b y`` or ``x + (y - x) / k``; else None."""
    if y.name == "div" and y.number and y.uses == 1 and y.args[0].name == "sub" and y.args[0].uses == 1:
        to, base = y.args[0].args if not y.args[0].number else (None, None)
        return ([x, to], f"(1 / {y.number})") if base is x else None
    if not (x.name == y.name == "mul" and x.number and y.number and x.uses == y.uses == 1):
        return None
    whole = y.number == f"(1 - {x.number})" or x.number == f"(1 - {y.number})"
    return ([x.args[0], y.args[0]], y.number) if whole else None


def _pair(op):
    return op.name in ("mul", "div") and not op.number and op.uses == 1


def _reached(made, roots):
    """Those of the operations that the roots still need, in order."""
    wanted = set(roots)
    for op in reversed(made):
        if op in wanted:
            wanted.update(op.args)
    return [op for op in made if op in wanted]


@dataclass
class Places:
    """Which memory each value lies in: an array's own, or scratch (``_0``, ``_1``, ...)."""

    where: dict
    until: dict  # value -> the last step that reads it
    scratch: int = 0

    def holds(self, place, step):
        """Whether some value in this place is still read after this step."""
        return any(at == place and self.until.get(value, -1) > step for value, at in self.where.items())

    def take(self, op, step):
        """A place for what the operation makes."""
        kept = [op.home] if op.home else []
        lying = [self.where[arg] for arg in op.args if self.where[arg].startswith("_")]
        for place in (*kept, *lying, *(f"_{k}" for k in range(self.scratch))):
            if not self.holds(place, step):
                return place
        self.scratch += 1
        return f"_{self.scratch - 1}"


def placed(order, inputs, roots):
    """(the place of each value, how much scratch, copies that end the step as (to, from)).

    ``inputs``: name -> Op; ``roots``: name -> the Op whose value belongs there at the end.
    """
    until = {arg: step for step, op in enumerate(order) for arg in op.args}
    until |= dict.fromkeys(roots.values(), len(order))
    for name, op in roots.items():
        if op.name != "input":
            op.home = op.home or name
    for op in reversed(order):
        if op.home and op.args and op.args[0].name != "input" and not op.args[0].home:
            op.args[0].home = op.home
    places = Places({op: name for name, op in inputs.items()}, until)
    for step, op in enumerate(order):
        places.where[op] = places.take(op, step)
    left, copies = [(name, places.where[op]) for name, op in roots.items() if places.where[op] != name], []
    while left:
        ready = next((pair for pair in left if all(pair[0] != source for _, source in left if (_, source) != pair)), None)
        if ready is None:
            raise Unreadable("values that change places with one another")
        left.remove(ready)
        copies.append(ready)
    return places.where, places.scratch, copies


# -- the program's text ------------------------------------------------------------------------------

INTO = {  # one array at a time: a line that reads {0}, {1}, {2} and the number {k} and writes {out}
    "axpy": "torch.add({0}, {1}, alpha={k}, out={out})",
    "addcmul": "torch.addcmul({0}, {1}, {2}, value={k}, out={out})",
    "addcdiv": "torch.addcdiv({0}, {1}, {2}, value={k}, out={out})",
    "maximum": "torch.clamp({0}, min={k}, out={out})",
}
WITHIN = {
    "axpy": "{0}.add_({1}, alpha={k})",
    "addcmul": "{0}.addcmul_({1}, {2}, value={k})",
    "addcdiv": "{0}.addcdiv_({1}, {2}, value={k})",
    "maximum": "{0}.clamp_(min={k})",
}


def line(op, where, number):
    """One operation on single tensors."""
    args, out = [where[arg] for arg in op.args], where[op]
    if op.name == "orthogonal":
        return [f"orthogonal({args[0]}, out={out})"]
    given = [*args, number] if number else args
    special = op.name in INTO and number
    if out == args[0] and (op.name != "maximum" or number):
        text = WITHIN[op.name] if special else f"{args[0]}.{op.name}_({', '.join(given[1:])})"
        if op.name == "mul" and number:  # without weight decay a pass less
            text = f"if {number} != 1: {text}"
    else:
        text = INTO[op.name] if special else f"torch.{op.name}({', '.join(given)}, out={out})"
    return [text.format(*args, k=number, out=out) if special else text]


def lines_of_lists(op, where, number):
    """The same on lists of tensors, a few kernels for all of them; a product is never squared before it is scaled."""
    args, out = [where[arg] for arg in op.args], where[op]
    if op.name == "addcmul":
        base, a, b = args
        lines = [f"_p = torch._foreach_mul({a}, {number})", f"torch._foreach_mul_(_p, {b})"]
        return [*lines, *_lists("add", [base, "_p"], "", out)]
    name = {"axpy": "add"}.get(op.name, op.name)
    extra = f", alpha={number}" if op.name == "axpy" else f", value={number}" if op.name == "addcdiv" else ""
    given = args if extra or not number else [*args, number]
    return _lists(name, given, extra, out)


def _lists(name, given, extra, out):
    if out in given[1:2] and name in ("add", "mul"):  # the other way round it is in place
        scale = [f"torch._foreach_mul_({out}, {extra.partition('=')[2]})"] if extra else []
        return [*scale, f"torch._foreach_{name}_({out}, {given[0]})"]
    if out == given[0]:
        return [f"torch._foreach_{name}_({', '.join(given)}{extra})"]
    made = f"torch._foreach_{name}({', '.join(given)}{extra})"
    return [f"{out} = {made}"] if out.startswith("_") else [f"torch._foreach_copy_({out}, {made})"]


# -- whole programs ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """``numbers(values, t)`` once a step, then ``one(arrays, scratch, numbers)`` or ``many(lists, (), numbers)`` in place.

    ``scratch``: how many arrays of the point's shape ``one`` needs.
    """

    numbers: object
    one: object
    many: object
    scratch: int
    text: str


def make(assigned, returned, arrays, targets, join=True):
    """A :class:`Program` of statements; ``arrays``: the names of its inputs; ``targets``: where each returned value goes.

    Without ``join`` it rounds as the text does, bit for bit.  Raises Unreadable.
    """
    inputs = {name: Op("input", []) for name in arrays}
    reader = Reader(dict(inputs))
    for name, value in assigned:
        reader.known[name] = reader.read(value)
    values = [reader.read(value) for value in returned]
    if any(isinstance(value, str) for value in values):
        raise Unreadable("a number where an array belongs")
    roots = dict(zip(targets, values, strict=True))
    order = (joined if join else _reached)(reader.made, list(roots.values()))
    where, scratch, copies = placed(order, inputs, roots)
    texts = list(dict.fromkeys(op.number for op in order if op.number))
    number = {text: f"k{i}" for i, text in enumerate(texts)} | {"": ""}
    head = [f"{', '.join(arrays)}, = arrays", f"{' '.join(f'k{i},' for i in range(len(texts)))} = numbers" if texts else "pass"]
    lay = [f"{' '.join(f'_{k},' for k in range(scratch))} = scratch"] if scratch else []
    one = [text for op in order for text in line(op, where, number[op.number])]
    lists = not any(op.name == "orthogonal" for op in order)  # matrices move as one array instead
    many = [text for op in order if lists for text in lines_of_lists(op, where, number[op.number])]
    one += [f"{a}.copy_({b})" for a, b in copies]
    many += [f"torch._foreach_copy_({a}, {b})" for a, b in copies]
    body = lambda name, lines: "\n    ".join([f"def {name}(arrays, scratch, numbers):", *lines])
    text = "\n".join([body("one", head + lay + one), body("many", head + many)])
    made = {"orthogonal": ops.orthogonal}
    exec(compile(f"import torch\n{text}", f"<{', '.join(targets)} in place>", "exec"), made)
    formula = compile(f"({' '.join(f'float({t}),' for t in texts)})" if texts else "()", "<numbers>", "eval")
    numbers = lambda values, t: eval(formula, {**SCALARS, **values, "t": t})
    return Program(numbers, made["one"], made["many"], scratch, text)


@functools.lru_cache(maxsize=256)
def step_of(way):
    """The program of a step as :func:`momentum_lib.optim._step.advance` takes it from the point on; None where there is none.

    Its arrays: theta, grad, the slots, and ``shown`` where the rule looks ahead and a penalty joins the gradient.
    """
    rule = way.rule
    if type(rule) is not Rule or rule.sides:
        return None
    try:
        assigned, returned = statements(rule.fn, True) if rule.matrix else reordered(rule.fn, tuple(rule.slots))
        before = []
        if way.maximize:
            before.append(("grad", "-grad"))
        if way.decay == "coupled":
            before.append(("grad", f"grad + weight_decay * {'shown' if rule.look_fn else 'theta'}"))
        elif way.decay == "decoupled":
            before.append(("theta", "(1 - lr * weight_decay) * theta"))
        parsed = [(name, ast.parse(text, mode="eval").body) for name, text in before]
        arrays = ["theta", "grad", *rule.slots, *(["shown"] if way.decay == "coupled" and rule.look_fn else [])]
        return make([*parsed, *assigned], returned, arrays, ["theta", *rule.slots])
    except (OSError, SyntaxError, TypeError, Unreadable):
        return None


@functools.lru_cache(maxsize=256)
def look_of(rule, join):
    """The program that writes where a rule looks from into ``shown``, from theta and the slots; None where there is none.

    ``join``: as for :func:`make`.  One optimiser uses one of the two throughout, since it looks again, later, to see whether
    somebody wrote there.
    """
    try:
        assigned, returned = statements(rule.look_fn)
        return make(assigned, returned, ["shown", "theta", *rule.slots], ["shown"], join)
    except (OSError, SyntaxError, TypeError, Unreadable):
        return None
