"""A program as NumPy calls that write into arrays they are given: no fresh array, nothing stacked, inside a core's cache.

The bookkeeping of each step is saved in the same way as in C (see ``in_c``): while no run of a slice is near a minimum
and none has left the bound, the sum of squares of each coordinate and one look every G steps say it all.
"""

import ast

import numpy as np

from ..printing.syntax import CALLS
from .lookup import place

G = 16  # steps between two looks
SLICE_BYTES = 1 << 19  # of one slice's arrays: they stay in a core's second cache
UFUNCS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power"}
UFUNCS |= {ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal", ast.Eq: "equal"}
SHORT = {2: "square", 0.5: "sqrt"}  # what NumPy's ** does for these exponents
NAMES = {*UFUNCS.values(), *SHORT.values(), *CALLS, "negative", "copyto"}


class _Assembly:
    """Flattens expressions to single operations, and gives each result one of as few arrays as it takes."""

    def __init__(self, fixed):
        self.fixed = fixed  # whether a name stays the same all the time
        self.aliases, self.known = {}, {}
        self.operations = []  # (result, function, arguments), in order
        self.settled = set()  # results that stay the same all the time

    def operand(self, node):
        """The name or number that stands for an expression."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node.id)
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and getattr(node.right, "value", None) in SHORT:
            return self.operation(SHORT[node.right.value], node.left)
        if isinstance(node, ast.BinOp):
            return self.operation(UFUNCS[type(node.op)], node.left, node.right)
        if isinstance(node, ast.UnaryOp):
            return self.operation("negative", node.operand)
        if isinstance(node, ast.Compare):
            return self.operation(UFUNCS[type(node.ops[0])], node.left, node.comparators[0])
        return self.operation(node.func.id, *node.args)

    def operation(self, function, *nodes):
        return self.result(function, tuple(self.operand(node) for node in nodes))

    def result(self, function, arguments):
        key = function, arguments
        if key not in self.known:
            self.known[key] = f"v{len(self.known)}"
            self.operations.append((self.known[key], *key))
            if all(a in self.settled or self.fixed(a) for a in arguments):
                self.settled.add(self.known[key])
        return self.known[key]

    def lines(self, lines):
        for name, node in lines:
            self.aliases[name] = self.operand(node)

    def own(self, name, taken):
        """The operand that stands for a name as an array that nobody else has."""
        found = self.aliases.get(name, name)
        if found.startswith("v") and found not in taken and found not in self.settled:
            return found
        copied = f"v{len(self.known)}"
        self.known["copy", copied] = copied
        self.operations.append((copied, "copy", (found,)))
        return copied

    def split(self):
        """The operations that are made once, and those of each step."""
        once = [operation for operation in self.operations if operation[0] in self.settled]
        return once, [operation for operation in self.operations if operation[0] not in self.settled]


def _call(function, arguments, result):
    """One operation as a line of Python."""
    if function == "where":
        condition, yes, no = arguments
        if condition[0] in "kuda":  # looked up: a number, or an array of numbers
            condition = f"bool({condition})" if condition[0] in "ku" else f"({condition} != 0)"
        return [f"copyto({result}, {no})", f"copyto({result}, {yes}, where={condition})"]
    if function == "copy":
        return [f"copyto({result}, {arguments[0]})"]
    return [f"{function}({', '.join(arguments)}, {result})"]


COMPARISONS = {"less", "less_equal", "greater", "greater_equal", "equal"}


def _allocate(operations, pinned):
    """Lines of Python for the operations, the array of each result, and how many arrays they take.

    ``pinned`` results keep their array to the end.
    """
    last = {}
    for k, (_, _, arguments) in enumerate(operations):
        last.update(dict.fromkeys(arguments, k))
    last.update(dict.fromkeys(pinned, len(operations)))
    free, place, count, lines = [], {}, 0, []
    for k, (result, function, arguments) in enumerate(operations):
        ending = [a for a in dict.fromkeys(arguments) if a in place and last[a] == k]
        named = [place.get(a, a) for a in arguments]
        if function in COMPARISONS:
            place[result] = result  # truth values: an array of another type, made anew; rules seldom compare
            lines.append(f"{result} = {function}({', '.join(named)})")
        else:
            if function != "where":  # an operation may write over what it reads last; a choice reads while it writes
                free += [place.pop(a) for a in ending if place[a].startswith("b")]
                ending = []
            if not free:
                free.append(f"b{count}")
                count += 1
            place[result] = free.pop()
            lines += _call(function, named, place[result])
        free += [place.pop(a) for a in ending if place[a].startswith("b")]
        if last.get(result, -1) < k and place[result].startswith("b"):
            free.append(place.pop(result))
    return lines, place, count


class Arrays:
    """A program, assembled: ``step`` makes one step, ``once`` computes what stays, ``report`` gives the reported point."""

    def __init__(self, program):
        self.program, self.state = program, list(program.after)
        settings = [f"h_{name}" for name in program.vary] + list(program.derived)
        looked = [*program.by_step, *program.by_axis]
        numbers = [*program.fixed, *program.constants]
        moving = {*self.state, *looked, "t"}
        out = _Assembly(lambda a: a not in moving and a[0] != "v")
        out.lines(program.step)
        taken, after = set(), []
        for name in program.after.values():
            after.append(out.own(name, taken))
            taken.add(after[-1])
        shown = [out.aliases.get(name, name) for name in (*program.grads, *program.looks)]
        once, each = out.split()
        keep = [result for result, *_ in once]
        lines, where, self.buffers = _allocate(each, {*after, *shown})
        buffers = [f"b{k}" for k in range(self.buffers)]
        moved = {where[name]: state for name, state in zip(after, self.state, strict=True)}
        answer = [*(where[name] for name in after), *(moved.get(b, b) for b in buffers)]
        given = ["t", *self.state, *buffers, *settings, *numbers, *keep, *looked]
        self.step = self._function(given, lines, [self._tuple(answer), self._tuple([where.get(a, a) for a in shown])])
        self.once = self._function([*settings, *numbers], [f"{r} = {f}({', '.join(a)})" for r, f, a in once], [self._tuple(keep)])
        self.report = self._report(settings, numbers)
        self.settings, self.numbers = settings, numbers

    def _report(self, settings, numbers):
        out = _Assembly(lambda a: False)
        out.lines(self.program.read)
        lines = []
        for result, function, arguments in out.operations:
            lines.append(f"{result} = {function}({', '.join(arguments)})")
        answer = self._tuple([out.aliases.get(name, name) for name in self.program.reported])
        return self._function([*self.state, *settings, *numbers], lines, [answer])

    @staticmethod
    def _tuple(names):
        return f"({', '.join(names)},)" if names else "()"

    @staticmethod
    def _function(arguments, lines, answers):
        from .. import ops

        text = f"def f({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in lines)
        text += f"    return {', '.join(answers)}\n"
        space = {name: getattr(np, name) for name in NAMES} | {"where": ops.where}
        exec(compile(text, "<in place>", "exec"), space)  # text: printed by us
        space["f"].text = text
        return space["f"]

    def cells(self, itemsize):
        """Runs of one slice."""
        arrays = 2 * len(self.state) + self.buffers + len(self.settings) + 4
        return max(1, SLICE_BYTES // (itemsize * arrays))


def arrays_of(program):
    """The :class:`Arrays` of a program."""
    if id(program) not in _assembled or _assembled[id(program)].program is not program:
        if len(_assembled) >= 256:
            _assembled.clear()
        _assembled[id(program)] = Arrays(program)
    return _assembled[id(program)]


_assembled = {}


class Slice:
    """A range of a grid's cells, run in NumPy.  After ``run``: ``point``, ``escaped`` (negative: the surface's NaN), ``last``."""

    def __init__(self, arrays, lookup, *, start, steps, shape, bound, reach, begin, end):
        self.arrays, self.lookup, self.steps = arrays, lookup, steps
        self.bound, self.reach, p = bound, reach, arrays.program
        self.size, dtype = end - begin, lookup.dtype
        self.places = {name: place(shape, k, begin, end) for k, name in enumerate(lookup.axes)}
        settings = [lookup.axes[name][self.places[name]] for name in p.vary]
        settings += [lookup.derived[name][self.places[axis]] for name, (axis, _) in p.derived.items()]
        self.settings = settings
        self.numbers = [lookup.numbers[name] for name in arrays.numbers]
        self.state = []
        for name in arrays.state:
            i, slot = name[1:].split("_", 1)
            x = start[int(i)]
            self.state.append(np.full(self.size, x if slot == "theta" or p.slots[slot] == "theta" else x * 0, dtype))
        self.buffers = [np.empty(self.size, dtype) for _ in range(arrays.buffers)]
        self.before = [np.empty(self.size, dtype) for _ in self.state]
        self.looked = {name: np.empty(self.size, dtype) for name in p.by_axis}
        self.escaped, self.last = np.zeros(self.size, dtype=int), np.zeros(self.size, dtype=int)
        self.minima = [[np.array([float(x)]) for x in place] for place in p.minima]
        self.kept = arrays.once(*settings, *self.numbers)
        self.watched = [k for k, name in enumerate(arrays.state) if name.endswith("_theta")]
        self.limit = 0.999 * float(bound) * float(bound)

    def report(self):
        """The reported point, one array a coordinate."""
        return self.arrays.report(*self.state, *self.settings, *self.numbers)

    def advance(self, t, tables, row):
        """One step; returns the gradient's parts and where it was measured."""
        p = self.arrays.program
        looked = tables[None][row]
        for name, (axis, _) in p.by_axis.items():
            np.take(tables[name][row], self.places[axis], out=self.looked[name], mode="clip")
        given = (t, *self.state, *self.buffers, *self.settings, *self.numbers, *self.kept, *looked, *self.looked.values())
        held, shown = self.arrays.step(*given)
        count = len(self.state)
        self.state, self.buffers = list(held[:count]), list(held[count:])
        return shown

    def inside(self):
        """Whether all runs are surely within the bound; False where that is not sure."""
        points = [self.state[k] for k in self.watched]
        if self.arrays.program.reports:
            points += self.report()
        return all(float(np.dot(x, x)) < self.limit for x in points)

    def near(self, point):
        """Which runs are within reach of a minimum."""
        found = None
        for minimum in self.minima:
            away = None
            for x, m in zip(point, minimum, strict=True):
                square = np.square(x - m)
                away = square if away is None else away + square
            close = away <= self.reach
            found = close if found is None else found | close
        return np.zeros(self.size, dtype=bool) if found is None else found

    def note(self, t, shown):
        """The bookkeeping of one step."""
        point = self.report()
        if not self.inside():
            self.note_escapes(t, shown, point)
        if self.minima:
            np.copyto(self.last, t, where=~self.near(point))

    def note_escapes(self, t, shown, point):
        def outside(parts):
            return ~np.logical_and.reduce([np.abs(x) <= self.bound for x in parts])

        p = self.arrays.program
        theta = [self.state[k] for k in self.watched]
        out = outside(theta) | outside(point) if p.reports else outside(theta)
        broken = np.logical_or.reduce([np.isnan(g) for g in shown[: len(p.grads)]])
        if p.looks_ahead:
            broken &= ~outside(shown[len(p.grads) :])
        np.copyto(self.escaped, np.where(broken, -t, t), where=(self.escaped == 0) & out)

    def stretch(self, times, tables, calm):
        """Some steps, with the bookkeeping of each or of all together; whether they count."""
        if not calm:
            for row, t in enumerate(times):
                self.note(t, self.advance(t, tables, row))
            return True
        for kept, array in zip(self.before, self.state, strict=True):
            np.copyto(kept, array)
        for row, t in enumerate(times):
            self.advance(t, tables, row)
            if not self.inside():
                break
        else:
            if not (self.minima and self.near(self.report()).any()):
                self.last.fill(times[-1])
                return True
        self.state, self.before = self.before, self.state
        return False

    def replace_escaped(self):
        """Let each run that has escaped go on as a copy of one that has not."""
        gone = self.escaped != 0
        alive = np.argmin(gone)
        for array in (*self.state, *self.settings):
            array[gone] = array[alive]
        self.kept = self.arrays.once(*self.settings, *self.numbers)

    def run(self, done=None):
        """Make all steps, or as many as there are runs left; the reported point after them."""
        calm, gone = not (self.minima and self.near(self.report()).any()), 0
        for first in range(1, self.steps + 1, G):
            times = range(first, min(first + G, self.steps + 1))
            tables = {name: self.lookup.by_axis(name, times) for name in self.arrays.program.by_axis}
            tables[None] = self.lookup.by_step(times).tolist()
            calm = calm and self.stretch(times, tables, calm=True)
            if not calm:
                self.stretch(times, tables, calm=False)
            if done:
                done(len(times) * self.size)
            if calm:
                continue
            now = np.count_nonzero(self.escaped)
            if now == self.size:
                if done:
                    done((self.steps - times[-1]) * self.size)
                break
            if now > gone:
                self.replace_escaped()
            calm = now == gone and not (self.minima and self.near(self.report()).any())
            gone = now
        return self.report()
