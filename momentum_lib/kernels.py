"""A sweep's inner loop as a compiled kernel, printed from the rule's and the surface's own text.

The rule and the surface become ONE straight-line loop body over 256 runs, whose whole state lies
in one flat buffer at constant offsets: so the compiler sees that nothing overlaps, and uses vector
instructions.  What does not depend on a run's state and costs more than plain arithmetic, such as
``beta1**t`` or ``cos(angle)``, is computed beforehand by NumPy, in the rule's own words, and looked up.

``printed(rule, surface, vary)`` gives the text, ``compiled(kernel)`` makes it fast, ``Work`` runs
a range of a grid's cells.  numba loads when something is compiled, never before.

Compiled code is kept in the user's cache folder (see :func:`cache_folder`), named by the printed
text and numba's version.  Where that folder cannot be written, a kernel is compiled anew in each process.
"""

import ast
import copy
import hashlib
import importlib.util
import math
import os
import sys
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import ops
from .core import MATRIX_REASON, Rule
from .printing.syntax import CALLS, COMPARE, statements
from .surfaces import Surface

WIDTH = 256  # runs in one block: a dozen rows of them fit into a core's first cache
CHUNK = 64 * WIDTH  # runs that one task of one thread takes
TABLE_BYTES = 1 << 24  # of looked-up values at a time, per thread
STEPS_AT_ONCE = 4096  # between two looks at whether to go on
EXACT_CALLS = {"sqrt", "absolute", "sign", "maximum", "where"}
ENVIRONMENT = "MOMENTUM_CACHE"


class Unprintable(TypeError):
    """The rule or the surface is not a text that can be compiled; the message says why and what to do."""


# -- printing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """The printed form of a rule on a surface, and what has to be handed to it.

    ``text``       Python source of ``run(state, by_step, first, last, bound, reach, *fixed, *tables)``
    ``rows``       name -> number of its row in the state buffer
    ``fixed``      names of the numbers that are handed over: hyper-parameters, parameters, ``k0`` ...
    ``constants``  name -> expression of fixed numbers, computed once
    ``by_step``    expressions of the step, one row of a table each
    ``derived``    row -> expression of varying hyper-parameters, computed once per run
    ``by_axis``    row -> (axis, expression of the step and that axis)
    ``exact``      whether every operation rounds as NumPy's does, so that results agree bit for bit
    ``operations`` elementwise operations a step takes in NumPy, weighted by their cost: for estimates
    """

    text: str
    rows: dict
    fixed: tuple
    constants: dict
    by_step: tuple
    derived: dict
    by_axis: dict
    exact: bool
    operations: float
    vary: tuple = field(default=())


def read(fn, what):
    """``statements(fn)``, with a reason that a reader can act on where there is no such text."""
    try:
        assigned, returned = statements(fn)
    except (OSError, SyntaxError, IndexError, AttributeError, TypeError) as error:
        detail = str(error) if isinstance(error, TypeError) else "its source text cannot be read"
        raise Unprintable(f"{what} cannot be compiled: {detail}") from error
    for node in (n for _, value in [*assigned, *(("", v) for v in returned)] for n in ast.walk(value)):
        if isinstance(node, ast.Call) and fn.__globals__.get(node.func.id) is not getattr(ops, node.func.id):
            raise Unprintable(f"{what} cannot be compiled: its {node.func.id} is not that of momentum_lib.ops.")
    return assigned, returned


class _Printer:
    """Writes one kernel, statement by statement; every value gets a name of its own."""

    def __init__(self, vary):
        self.vary = frozenset(vary)
        self.lines, self.temporaries = [], 0
        self.constants, self.by_step, self.derived, self.by_axis = {}, [], {}, {}
        self.exact, self.operations = True, 0.0

    def depends(self, node):
        """What an expression depends on: axes by name, ``t``, ``cell`` for anything that a run carries."""
        found = set()
        for name in (n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
            if name == "t":
                found.add("t")
            elif name.startswith("h_"):
                found |= {name[2:]} & self.vary
            elif not name.startswith(("p_", "k")) and name not in CALLS and name != "where":
                found.add("cell")
        return found

    def name(self, text):
        self.temporaries += 1
        name = f"r{self.temporaries}"
        self.lines.append(f"{name} = {text}")
        return ast.Name(name, ast.Load())

    def resolve(self, node, names, what):
        """The expression with each name replaced by what it stands for."""
        known = {*CALLS, "where"}

        class Replace(ast.NodeTransformer):
            def visit_Name(self, inner):
                if inner.id not in names:
                    raise Unprintable(f"{what} cannot be compiled: it uses {inner.id!r}, which is none of its arguments.")
                return copy.deepcopy(names[inner.id])

            def visit_Call(self, inner):
                if inner.func.id not in known or inner.keywords:
                    raise Unprintable(f"{what} cannot be compiled: {ast.unparse(inner)!r} is not arithmetic.")
                inner.args = [self.visit(a) for a in inner.args]
                return inner

        return Replace().visit(copy.deepcopy(node))

    def hoist(self, node, depends):
        """The name under which a value that no run's state enters is looked up; None if it is not looked up."""
        if not any(isinstance(n, ast.Call) or (isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)) for n in ast.walk(node)):
            return None  # plain arithmetic: the compiler moves it out of the loop
        text, axes = ast.unparse(node), depends - {"t"}

        def place(table, start):
            for name, known in table.items():
                if known == text or known[1:] == (text,):
                    return name
            return f"{start}{len(table)}"

        if "t" not in depends:
            table, start = (self.derived, "d") if axes else (self.constants, "k")
            name = place(table, start)
            table[name] = text
        elif not axes:
            if text not in self.by_step:
                self.by_step.append(text)
            name = f"u{self.by_step.index(text)}"
        elif len(axes) == 1:
            name = place(self.by_axis, "a")
            self.by_axis[name] = (*axes, text)
        else:
            return None
        return ast.Name(name, ast.Load())

    def lower(self, node):
        """The expression as scalar arithmetic: what is looked up replaced, helpers written out."""
        if isinstance(node, (ast.Name, ast.Constant)):
            return node
        depends = self.depends(node)
        if "cell" not in depends and (found := self.hoist(node, depends)) is not None:
            return found
        if isinstance(node, ast.Call):
            return self.call(node.func.id, [self.lower(a) for a in node.args])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self.power(self.lower(node.left), node.right)
        self.operations += 1
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            return ast.BinOp(self.lower(node.left), node.op, self.lower(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return ast.UnaryOp(node.op, self.lower(node.operand))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            return ast.Compare(self.lower(node.left), node.ops, [self.lower(node.comparators[0])])
        raise Unprintable(f"{ast.unparse(node)!r} cannot be compiled: a rule is straight-line arithmetic.")

    def call(self, name, arguments):
        self.operations += {"sqrt": 3, "sin": 12, "cos": 12, "exp": 8}.get(name, 2)
        self.exact = self.exact and name in EXACT_CALLS
        if name == "where":
            return ast.IfExp(*arguments)
        if name in ("sign", "maximum"):
            a, *rest = (ast.unparse(self.name(ast.unparse(x))) for x in arguments)
            text = f"({a} if ({a} >= {rest[0]}) | ({a} != {a}) else {rest[0]})" if rest else None
            text = text or f"(1.0 if {a} > 0 else -1.0 if {a} < 0 else 0.0 if {a} == 0 else {a})"
            return ast.parse(text, mode="eval").body
        function = ast.Name("abs", ast.Load()) if name == "absolute" else ast.parse(f"np.{name}", mode="eval").body
        return ast.Call(function, arguments, [])

    def power(self, base, exponent):
        """NumPy squares, and takes the root for 0.5; a cube is a product here and a power there."""
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if value in (2, 3):
            self.operations += 1 if value == 2 else 20
            self.exact = self.exact and value == 2
            if not isinstance(base, ast.Name):
                base = self.name(ast.unparse(base))
            square = ast.BinOp(base, ast.Mult(), base)
            return square if value == 2 else ast.BinOp(square, ast.Mult(), base)
        if value == 0.5:
            return self.call("sqrt", [base])
        self.operations += 20
        self.exact = False
        return ast.BinOp(base, ast.Pow(), self.lower(exponent))

    def function(self, assigned, returned, names, what):
        """Print a function's assignments; returns its answers as expressions. ``names`` maps its arguments."""
        names = dict(names)
        for target, value in assigned:
            value = self.resolve(value, names, what)
            if "cell" in self.depends(value):
                value = self.name(ast.unparse(self.lower(value)))
            names[target] = value
        return [self.resolve(value, names, what) for value in returned]


def names_of(prefix, names):
    return {name: ast.Name(prefix + name, ast.Load()) for name in names}


def printed(rule, surface, vary):
    """The :class:`Kernel` of a rule on a surface, with the hyper-parameters ``vary`` as axes.

    Raises Unprintable, with the reason, for anything that is not one of the library's own kinds
    of rule and surface or whose text is not straight-line arithmetic.
    """
    if type(surface) is not Surface:
        name = getattr(surface, "name", type(surface).__name__)
        kind = {"Quadratic": "it has a dimension of its own", "Noisy": "its gradient draws random numbers"}
        why = kind.get(type(surface).__name__, "it is not made by @surface, so there is no text to compile")
        raise Unprintable(f"surface {name!r} cannot be compiled: {why}.")
    if type(rule) is not Rule:
        raise Unprintable(f"rule {rule.name!r} cannot be compiled: it is not made by @rule, so there is no text to compile.")
    if rule.matrix:
        raise Unprintable(f"rule {rule.name!r} cannot be compiled: {MATRIX_REASON}.")
    if surface.grad_fn is None:
        raise Unprintable(f"surface {surface.name!r} cannot be compiled: it has no gradient.")
    minima = tuple(tuple(map(float, place)) for place in surface.minima)
    texts = rule.fn, rule.look_fn, rule.read_fn, surface.grad_fn
    key = (*texts, *rule.slots, None, *rule.hyper, None, *surface.params, None, minima, *vary)
    if key not in _printed:
        if len(_printed) >= 256:
            _printed.clear()
        _printed[key] = _print(rule, surface, vary)
    return _printed[key]


_printed = {}


def _print(rule, surface, vary):
    """What :func:`printed` returns, printed anew."""
    out, dims, carried = _Printer(vary), range(surface.dim), ["theta", *rule.slots]
    hyper = {**names_of("h_", rule.hyper), "t": ast.Name("t", ast.Load())}
    before = [{name: ast.Name(f"c{i}_{name}", ast.Load()) for name in carried} for i in dims]
    about = f"rule {rule.name!r}"

    looks = []
    for i in dims:
        look = before[i]["theta"]
        if rule.look_fn:
            (look,) = out.function(*read(rule.look_fn, about), {**before[i], **hyper}, about)
            look = out.name(ast.unparse(out.lower(look)))
        looks.append(look)
    known = {**names_of("p_", surface.params), **dict(zip(surface.coordinates, looks, strict=True))}
    grads = out.function(*read(surface.grad_fn, f"surface {surface.name!r}"), known, f"surface {surface.name!r}")
    if len(grads) != surface.dim:
        raise Unprintable(f"surface {surface.name!r} cannot be compiled: its gradient has {len(grads)} parts for {surface.dim}.")
    grads = [out.name(ast.unparse(out.lower(g))) for g in grads]
    after = []
    for i in dims:
        answers = out.function(*read(rule.fn, about), {**before[i], "grad": grads[i], **hyper}, about)
        after.append([ast.unparse(out.name(ast.unparse(out.lower(value)))) for value in answers])
    reported = [ends[0] for ends in after]
    if rule.read_fn:
        for i in dims:
            ends = dict(zip(carried, (ast.Name(e, ast.Load()) for e in after[i]), strict=True))
            (point,) = out.function(*read(rule.read_fn, about), {**ends, **hyper}, about)
            reported[i] = ast.unparse(out.name(ast.unparse(out.lower(point))))

    rows = [f"h_{n}" for n in vary] + [f"c{i}_{n}" for i in dims for n in carried] + ["last", "escaped"]
    rows = {name: k for k, name in enumerate([*rows, *out.derived, *out.by_axis])}
    numbers = [f"h_{n}" for n in rule.hyper if n not in vary] + [f"p_{n}" for n in surface.params] + list(out.constants)

    def cell(name):
        return f"row[{rows[name] * WIDTH} + i]"

    kept = [f"c{i}_{n}" for i in dims for n in carried]
    body = [f"{name} = {cell(name)}" for name in rows if name not in ("last", "escaped")]
    body += out.lines
    body += [f"{cell(name)} = {value}" for name, value in zip(kept, (v for ends in after for v in ends), strict=True)]
    ends = list(dict.fromkeys([*(e[0] for e in after), *reported]))
    outside = " | ".join(f"(not (abs({e}) <= bound))" for e in ends)
    broken = " | ".join(f"({ast.unparse(g)} != {ast.unparse(g)})" for g in grads)
    if rule.look_fn:
        broken = f"({broken})" + "".join(f" & (abs({ast.unparse(look)}) <= bound)" for look in looks)
    body += [
        f"was = {cell('escaped')}",
        f"code = -t if {broken} else t",
        f"{cell('escaped')} = code if (was == 0.0) & ({outside}) else was",
    ]
    if surface.minima:
        near = []
        for k, place in enumerate(surface.minima):
            for i in dims:
                body.append(f"m{k}_{i} = {reported[i]} - {float(place[i])!r}")
            near.append(f"({' + '.join(f'm{k}_{i} * m{k}_{i}' for i in dims)} <= reach)")
        body += [f"before = {cell('last')}", f"{cell('last')} = before if {' | '.join(near)} else t"]
    out.operations += 5 + 5 * max(1, len(surface.minima))
    arguments = ["state", "by_step", "first", "last", "bound", "reach", *numbers, *(f"table_{a}, place_{a}" for a in out.by_axis)]
    lines = [
        f"def run({', '.join(arguments)}):",
        "    for k in range(state.shape[0]):",
        "        row = state[k]",
        "        for step in range(first, last):",
        "            t = float(step)",
        *(f"            u{j} = by_step[step - first, {j}]" for j in range(len(out.by_step))),
    ]
    for name in out.by_axis:
        lines += [
            f"            for i in range({WIDTH}):",
            f"                {cell(name)} = table_{name}[step - first, place_{name}[k, i]]",
        ]
    lines += [f"            for i in range({WIDTH}):", *(f"                {line}" for line in body)]
    return Kernel(
        text="\n".join(lines) + "\n",
        rows=rows,
        fixed=tuple(numbers),
        constants=out.constants,
        by_step=tuple(out.by_step),
        derived=out.derived,
        by_axis=out.by_axis,
        exact=out.exact,
        operations=out.operations,
        vary=tuple(vary),
    )


# -- running -----------------------------------------------------------------------------------

_OPS = {name: getattr(ops, name) for name in ("where", *CALLS)}


@lru_cache(maxsize=256)
def _code(text):
    return compile(text, "<looked up>", "eval")


def evaluate(text, values):
    """A looked-up expression, in NumPy and with the rule's own helpers."""
    return eval(_code(text), {"__builtins__": {}, **_OPS}, values)  # text: printed by us above


class Work:
    """One sweep, ready to run range by range: ``work(run, begin, end)`` gives the rows of those cells.
    Several threads may call it at once.

    ``kernel`` is a :class:`Kernel`, ``run`` its function (compiled, or plain for a test); ``axes`` and
    ``fixed`` are the hyper-parameters, ``start`` the first point, ``shape`` the grid's; cells count in C order.
    """

    def __init__(self, kernel, rule, surface, start, steps, axes, fixed, bound, reach):
        self.kernel, self.rule, self.steps, self.axes = kernel, rule, steps, axes
        self.bound, self.reach = float(bound), 0.0 if reach is None else float(reach)
        self.shape = tuple(len(axis) for axis in axes.values())
        self.start = [float(x) for x in start]
        self.names = {f"h_{n}": np.array([float(v)]) for n, v in fixed.items()}
        self.names.update({f"p_{n}": v for n, v in surface.params.items()})
        numbers = {name: float(np.ravel(value)[0]) for name, value in self.names.items()}
        with np.errstate(all="ignore"):
            for name, text in kernel.constants.items():
                numbers[name] = float(np.ravel(evaluate(text, self.names))[0])
        self.numbers = [numbers[name] for name in kernel.fixed]
        self._tables, self._own = {}, threading.local()

    def place(self, axis, begin, end, padding=0):
        """The index along one axis of each cell, the last one's repeated ``padding`` times."""
        k = list(self.axes).index(axis)
        stride = math.prod(self.shape[k + 1 :])
        first, last = begin // stride, (end - 1) // stride
        counts = np.full(last - first + 1, stride)
        counts[0] -= begin - first * stride
        counts[-1] -= (last + 1) * stride - end - padding
        return np.repeat(np.arange(first, last + 1) % self.shape[k], counts)

    def table(self, times, axis=None, text=None, values=None, keep=True):
        """What is looked up at these steps: (steps, expressions), or for one axis (steps, values of the axis)."""
        key = (times, axis, text)
        if key in self._tables:
            return self._tables[key]
        with np.errstate(all="ignore"):
            if axis is None:
                rows = [[np.ravel(evaluate(e, {**self.names, "t": t}))[0] for e in self.kernel.by_step] for t in times]
                table = np.array(rows, dtype=float).reshape(len(times), len(self.kernel.by_step))
            else:
                table = np.empty((len(times), len(values)))
                for row, t in zip(table, times, strict=True):
                    row[:] = evaluate(text, {**self.names, f"h_{axis}": values, "t": t})
        if keep and len(times) == self.steps:  # all of it at once: the other ranges want the same
            self._tables[key] = table
        return table

    def __call__(self, run, begin, end, stop=None, done=None):
        """What the cells carry after all steps, row name -> (end - begin,); None if ``stop`` (an Event) was set.

        ``done(n)`` is called with the steps times runs that were made since the last call.
        """
        kernel, rows = self.kernel, self.kernel.rows
        blocks = -(-(end - begin) // WIDTH)
        cells = blocks * WIDTH
        padding = cells - (end - begin)
        state = getattr(self._own, "state", None)  # each thread keeps its buffer: a new one costs a page fault every 4 kB
        if state is None or len(state) != blocks:
            state = self._own.state = np.empty((blocks, len(rows), WIDTH))
        state[:, rows["last"]] = state[:, rows["escaped"]] = 0
        places = {name: self.place(name, begin, end, padding) for name in self.axes}
        here = {f"h_{name}": axis[places[name]] for name, axis in self.axes.items()}
        for name, values in here.items():
            state[:, rows[name]] = values.reshape(blocks, WIDTH)
        for i, x in enumerate(self.start):
            state[:, rows[f"c{i}_theta"]] = x
            for slot, first in self.rule.slots.items():
                state[:, rows[f"c{i}_{slot}"]] = x if first == "theta" else x * 0
        with np.errstate(all="ignore"):
            for name, text in kernel.derived.items():
                state[:, rows[name]] = np.broadcast_to(evaluate(text, {**self.names, **here}), cells).reshape(blocks, WIDTH)
        looked, width = [], max(1, len(kernel.by_step))
        for axis, text in kernel.by_axis.values():
            values, place = self.axes[axis], places[axis]
            whole = len(values) <= CHUNK
            if not whole:
                used, place = np.unique(place, return_inverse=True)
                values = values[used]
            width += len(values)
            looked.append((axis, text, values, whole, place.reshape(blocks, WIDTH).astype(np.int64)))
        at_once = max(1, min(STEPS_AT_ONCE, TABLE_BYTES // (8 * width)))
        flat = state.reshape(blocks, -1)
        for first in range(1, self.steps + 1, at_once):
            if stop is not None and stop.is_set():
                return None
            last = min(first + at_once, self.steps + 1)
            by_step = self.table(range(first, last))
            tables = []
            for axis, text, values, whole, place in looked:
                tables += [self.table(range(first, last), axis, text, values, keep=whole), place]
            run(flat, by_step, first, last, self.bound, self.reach, *self.numbers, *tables)
            if done is not None:
                done((last - first) * (end - begin))
        kept = [name for name in rows if name[0] == "c" or name in ("last", "escaped")]
        return {name: state[:, rows[name]].reshape(-1)[: end - begin] for name in kept}


# -- compiling ---------------------------------------------------------------------------------


def missing():
    """Why nothing can be compiled here, as a sentence; None if numba is there."""
    if "numba" in sys.modules:
        if sys.modules["numba"] is None:
            return "numba is not installed"
        return "numba's compiler is switched off by NUMBA_DISABLE_JIT" if sys.modules["numba"].config.DISABLE_JIT else None
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "numba's compiler is switched off by NUMBA_DISABLE_JIT"
    return None if importlib.util.find_spec("numba") else "numba is not installed"


def cache_folder():
    """Where compiled kernels are kept, as a Path; None if the environment variable ``MOMENTUM_CACHE`` is empty.

    ``MOMENTUM_CACHE`` names another folder.  Without it: ``momentum_lib`` in the platform's place
    for caches (``~/.cache`` or ``$XDG_CACHE_HOME``; ``~/Library/Caches``; ``%LOCALAPPDATA%``).
    Nothing is lost if you delete the folder.
    """
    chosen = os.environ.get(ENVIRONMENT)
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "momentum_lib"


FOOTER = """

from numba import njit

run = njit({signature!r}, cache=True, nogil=True, error_model="numpy")(run)
"""
_ready, _lock = {}, threading.Lock()


def signature(kernel):
    numbers = ", ".join(["float64"] * (2 + len(kernel.fixed)))
    tables = ", float64[:, ::1], int64[:, ::1]" * len(kernel.by_axis)
    return f"void(float64[:, ::1], float64[:, ::1], int64, int64, {numbers}{tables})"


def module_text(kernel):
    """The file that is kept: the printed text and the line that compiles it."""
    first = "# Printed by momentum_lib.kernels from a rule and a surface; kept because compiling it takes a second.\n"
    return first + "import numpy as np\n\n\n" + kernel.text + FOOTER.format(signature=signature(kernel))


def module_path(kernel):
    """The file's place in the cache folder, or None without one. Its name holds the text and numba's version."""
    folder = cache_folder()
    if folder is None:
        return None
    from importlib.metadata import version

    key = "\n".join([module_text(kernel), version("numba"), version("llvmlite"), np.__version__, sys.version])
    return folder / f"kernel_{hashlib.sha256(key.encode()).hexdigest()[:24]}.py"


def is_kept(kernel):
    """Whether compiled code for the kernel lies in the cache folder."""
    try:
        path = module_path(kernel)
        return path is not None and any((path.parent / "__pycache__").glob(f"{path.stem}.run-*.nbi"))
    except OSError:
        return False


def _private(folder):
    """Make the folder; whether it is ours alone to write. Kept code is executed, so nobody else may put it there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o002)


def _from_cache(kernel):
    """The compiled function by way of the cache folder; None if the folder is of no use."""
    path = module_path(kernel)
    if path is None or not _private(path.parent):
        return None
    text = module_text(kernel)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        from tempfile import mkstemp

        handle, temporary = mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)  # another process sees all of it or none
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    spec = importlib.util.spec_from_file_location(f"momentum_lib_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # numba looks it up by its name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module.run


def plain(kernel):
    """The printed text as an ordinary Python function: what the compiler compiles, for tests and the curious."""
    space = {"np": np}
    exec(compile(kernel.text, "<kernel>", "exec"), space)  # text: printed by us above
    return space["run"]


def is_warm():
    """Whether numba has compiled something in this process, so that its own start is paid."""
    return bool(_ready)


def is_ready(kernel):
    """Whether the kernel has been compiled in this process."""
    return kernel.text in _ready


def compiled(kernel):
    """The kernel as machine code: from this process, from the cache folder, or compiled now (about a second).

    Raises ImportError without numba.
    """
    with _lock:
        if kernel.text not in _ready:
            if why := missing():
                raise ImportError(f"{why}; install it with `pip install numba`, or use engine='numpy'.")
            run = None
            try:
                run = _from_cache(kernel)
            except Exception:  # a full disk, a read-only folder, a damaged file: the work goes on without a cache
                pass
            if run is None:
                import numba

                run = numba.njit(signature(kernel), nogil=True, error_model="numpy")(plain(kernel))
            _ready[kernel.text] = run
        return _ready[kernel.text]
