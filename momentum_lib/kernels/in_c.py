"""A program as C: one function that runs a range of a grid's cells, set-up and results included, on several threads.

Blocks of V runs go G steps at a time.  A block is *calm* while none of its runs is near a minimum or has left the
bound: then the bookkeeping of each step would say the same, and one look at the end of the G steps replaces it: the
largest magnitude passed on the way, and the distances at the end.  Where that look finds something, the G steps are
made again with the bookkeeping of each step.  A run that has escaped goes on as a copy of one that has not, so that it
disturbs its block no more; what it escaped at is kept.
"""

import ast
from typing import NamedTuple

from ..printing.c import HELPERS, c, same_bits
from .program import Program

V, G = 64, 16  # runs of a block, steps between two looks: their rows fit into a core's first cache
REAL = {"float64": ("double", "int64_t", "INT64_MAX"), "float32": ("float", "int32_t", "INT32_MAX")}

# The order in which whole numbers and arrays are handed over, before those that a program adds.
WHOLE = ("begin", "end", "first", "stop", "budget", "size", "cores")
NUMBERS = ("bound", "reach", "origin")
ARRAYS = ("saved", "points", "values", "errors", "steps", "diverged_at", "by_step")


class Kernel(NamedTuple):
    """The C text of a program, and what is handed to its function ``run(whole numbers, numbers, arrays)``.

    ``whole``, ``numbers`` and ``arrays`` name what stands where; ``exact`` says whether every operation
    rounds as NumPy's does, so that results agree bit for bit; ``values`` whether the C text fills in the
    surface's values, too (it does where that is exact).
    """

    text: str
    program: Program
    dtype: str
    whole: tuple
    numbers: tuple
    arrays: tuple
    exact: bool
    values: bool

    @property
    def operations(self):
        return self.program.operations

    @property
    def saved(self):
        """Numbers that one block leaves behind when its steps are made in several calls."""
        return (len(self.program.after) + 2) * V


def kernel_of(program, dtype="float64"):
    """The :class:`Kernel` of a program, for one of the dtypes of ``REAL``."""
    key = (id(program), str(dtype))
    if key not in _kernels or _kernels[key].program is not program:
        if len(_kernels) >= 256:
            _kernels.clear()
        _kernels[key] = _Text(program, str(dtype)).kernel()
    return _kernels[key]


_kernels = {}


def names_in(*nodes):
    """The names that expressions use."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def indent(lines, depth):
    return "".join(f"{'    ' * depth}{line}\n" for line in lines)


class _Text:
    """One kernel's text, part by part."""

    def __init__(self, program, dtype):
        self.program, self.dtype = program, dtype
        self.dim, self.state = len(program.grads), list(program.after)
        self.values = bool(program.value) and all(same_bits(node) for _, node in program.value)
        tabled = {axis for axis, _ in program.by_axis.values()}
        self.tabled = [name for name in program.vary if name in tabled]
        per_axis = [f"{part}_{name}" for name in program.vary for part in ("stride", "length")]
        tables = [f"{part}_{name}" for name in self.tabled for part in ("offset", "width")]
        self.whole = (*WHOLE, *per_axis, *tables)
        self.numbers = (*NUMBERS, *(f"start{i}" for i in range(self.dim)), *program.fixed, *program.constants)
        self.arrays = (*ARRAYS, *(f"axis_{n}" for n in program.vary), *program.derived, *(f"table_{n}" for n in program.by_axis))

    def kernel(self):
        """All of it."""
        lines = [node for _, node in (*self.program.step, *self.program.read)]
        return Kernel(
            text=self.text(),
            program=self.program,
            dtype=self.dtype,
            whole=self.whole,
            numbers=self.numbers,
            arrays=self.arrays,
            exact=all(map(same_bits, lines)),
            values=self.values,
        )

    def text(self):
        real, whole, largest = REAL[self.dtype]
        head = HEAD.format(real=real, whole=whole, largest=largest, helpers=HELPERS, V=V, G=G)
        return "\n".join([head, self.rows(), self.near(), self.advance(), self.settings(), self.results(), self.block(), TAIL])

    # -- names -------------------------------------------------------------------------------

    def handed(self, names):
        """Declarations of the handed-over numbers among ``names``."""
        kinds = {name: f"const int64_t {name} = w->whole[{k}];" for k, name in enumerate(self.whole)}
        for k, name in enumerate(self.numbers):
            kind = "double" if name in ("reach", "origin") else "real"
            kinds[name] = f"const {kind} {name} = (real)w->numbers[{k}];".replace("(real)", "(real)" if kind == "real" else "")
        kind_of = {"errors": "double", "steps": "double", "diverged_at": "int64_t", "saved": "char"}
        for k, name in enumerate(self.arrays):
            kinds[name] = f"{kind_of.get(name, 'real')} *restrict const {name} = w->arrays[{k}];"
        return [kinds[name] for name in [*self.whole, *self.numbers, *self.arrays] if name in names]

    def assign(self, lines):
        return [f"const real {name} = {c(node)};" for name, node in lines]

    def from_state(self, names):
        """Declarations of what a run carries, among ``names``."""
        kept = {name: f"b->now.{name}[i]" for name in self.state}
        kept |= {f"h_{name}": f"b->h_{name}[i]" for name in self.program.vary}
        kept |= {name: f"b->{name}[i]" for name in self.program.derived} | {
            name: f"row_{name}[i]" for name in self.program.by_axis
        }
        return [f"real {name} = {place};" for name, place in kept.items() if name in names]

    def near_lines(self):
        """The test whether the reported point is near a minimum."""
        minima, points = self.program.minima, self.program.reported
        lines = []
        for k, place in enumerate(minima):
            lines += [f"const double m{k}_{i} = (double){p} - {x!r};" for i, (p, x) in enumerate(zip(points, place, strict=True))]
        tests = (" + ".join(f"m{k}_{i} * m{k}_{i}" for i in range(self.dim)) + " <= reach" for k in range(len(minima)))
        return [*lines, f"const int near = {' | '.join(f'({test})' for test in tests)};"]

    def reading(self):
        """Declarations and lines that give the reported point from the state, and the names of numbers that they want."""
        used = names_in(*(node for _, node in self.program.read)) | set(self.program.reported)
        return [*self.from_state(used), *self.assign(self.program.read)], used

    # -- parts -------------------------------------------------------------------------------

    def rows(self):
        rows = [f"real {', '.join(f'{name}[V]' for name in self.state)};", "whole last[V];"]
        more = [*(f"h_{name}" for name in self.program.vary), *self.program.derived]
        block = [f"real {', '.join(f'{name}[V]' for name in more)};"] * bool(more)
        block += [f"int32_t {', '.join(f'place_{name}[V]' for name in self.tabled)};"] * bool(self.tabled)
        return (
            f"typedef struct {{\n{indent(rows, 1)}}} state;\n\n"
            f"typedef struct {{\n{indent([*block, 'state now;', 'whole escaped[V];'], 1)}}} block;\n"
        )

    def near(self):
        """How many runs of a block are near a minimum."""
        if not self.program.minima:
            return "static int count_near(const job *w, const block *b) { return 0; }\n"
        reading, used = self.reading()
        inner = [*reading, *self.near_lines(), "found += near;"]
        return (
            "static int count_near(const job *w, const block *b) {\n"
            + indent([*self.handed(used | {"reach"}), "int found = 0;", "for (int i = 0; i < V; i++) {"], 1)
            + indent(inner, 2)
            + indent(["}", "return found;"], 1)
            + "}\n"
        )

    def look_up(self):
        """Lines that put this step's row of each table beside the block's runs; contiguous places are copied."""
        lines = []
        for name, (axis, _) in self.program.by_axis.items():
            place = f"b->place_{axis}"
            lines += [
                f"const real *all_{name} = table_{name} + (s - first) * width_{axis};",
                f"real row_{name}[V];",
                f"if ({place}[V - 1] - {place}[0] == V - 1) memcpy(row_{name}, all_{name} + {place}[0], sizeof row_{name});",
                f"else for (int i = 0; i < V; i++) row_{name}[i] = all_{name}[{place}[i]];",
            ]
        return lines

    def advance(self):
        """G steps of a block, with the bookkeeping of each step or with the largest magnitude alone."""
        p = self.program
        used = names_in(*(node for _, node in (*p.step, *p.read))) | set(self.state)
        tables = {f"table_{name}" for name in p.by_axis} | {f"width_{axis}" for axis, _ in p.by_axis.values()}
        watched = list(dict.fromkeys([*(f"c{i}_theta" for i in range(self.dim)), *p.reported]))
        outside = " | ".join(f"!(fabs({name}) <= bound)" for name in watched)
        broken = " | ".join(f"({g} != {g})" for g in p.grads)
        if p.looks_ahead:
            broken = f"({broken})" + "".join(f" & (fabs({name}) <= bound)" for name in p.looks)
        inner = [*self.from_state(used), *self.assign(p.step)]
        inner += [f"{name} = {value};" for name, value in p.after.items()]
        inner += [f"b->now.{name}[i] = {name};" for name in p.after]
        inner += self.assign(p.read)
        inner += ["if (watch) {", f"    const int out = {outside}, broken = {broken};"]
        inner += ["    b->escaped[i] = (b->escaped[i] == 0) & out ? (broken ? -at : at) : b->escaped[i];"]
        if p.minima:
            inner += ["    " + line for line in self.near_lines()]
            inner += ["    b->now.last[i] = near ? b->now.last[i] : at;"]
        inner += ["} else {", "    whole high = top[i];"]
        inner += [f"    high = magnitude({name}) > high ? magnitude({name}) : high;" for name in watched]
        inner += ["    top[i] = high;", "}"]
        each = ["const real t = (real)s;", "const whole at = (whole)s;"]
        each += [f"const real {name} = by_step[(s - first) * {len(p.by_step)} + {k}];" for k, name in enumerate(p.by_step)]
        each += [*self.look_up(), "for (int i = 0; i < V; i++) {"]
        return (
            "static inline __attribute__((always_inline)) whole advance(const job *w, block *b, int64_t from, int64_t to, int "
            "watch) {\n"
            + indent([*self.handed(used | tables | {"first", "by_step", "bound", "reach"}), "whole top[V] = {0}, most = 0;"], 1)
            + indent(["for (int64_t s = from; s < to; s++) {"], 1)
            + indent(each, 2)
            + indent(inner, 3)
            + indent(["}"], 2)
            + indent(["}", "for (int i = 0; i < V; i++) most = top[i] > most ? top[i] : most;", "return most;"], 1)
            + "}\n"
        )

    def settings(self):
        """Each run's place along every axis, and what is looked up there."""
        p, lines = self.program, []
        names = {"first"} | {n for n in (*self.whole, *self.arrays) if n.startswith(("stride", "length", "offset", "axis_", "d"))}
        for name in p.vary:
            rows = {f"h_{name}": f"axis_{name}"} | {d: d for d, (axis, _) in p.derived.items() if axis == name}
            lines += ["{", f"    int64_t at = cell / stride_{name} % length_{name}, rest = cell % stride_{name};"]
            lines += [f"    const int once = rest + V <= stride_{name} && count == V;"]
            lines += [f"    const int along = stride_{name} == 1 && at + V <= length_{name} && count == V;"]
            inner = [f"b->{row}[i] = {table}[at];" for row, table in rows.items()]
            if name in self.tabled:
                inner += [f"b->place_{name}[i] = (int32_t)(at - offset_{name} + (at < offset_{name} ? length_{name} : 0));"]
                lines += ["    {"]
            else:
                same = " ".join(f"b->{row}[i] = {table}[at];" for row, table in rows.items())
                copies = " ".join(f"memcpy(b->{row}, {table} + at, V * sizeof(real));" for row, table in rows.items())
                lines += [
                    "    if (once) {",
                    f"        for (int i = 0; i < V; i++) {{ {same} }}",
                    f"    }} else if (along) {{ {copies} }} else {{",
                ]
            inner += [f"if (i + 1 < count && ++rest == stride_{name}) rest = 0, at = at + 1 == length_{name} ? 0 : at + 1;"]
            lines += [
                "        for (int i = 0; i < V; i++) {",
                *("            " + line for line in inner),
                "        }",
                "    }",
                "}",
            ]
        return (
            "static void settings(const job *w, block *b, int64_t cell, int64_t count) {\n"
            + indent([*self.handed(names - {"diverged_at"}), *lines], 1)
            + "}\n"
        )

    def results(self):
        """Write what came out of a block's runs."""
        p = self.program
        reading, used = self.reading()
        used = used | names_in(*(node for _, node in p.value))
        wanted = {"begin", "budget", "size", "reach", "origin", "points", "values", "errors", "steps", "diverged_at"}
        lost = " | ".join(f"(magnitude(b->now.{name}[i]) >= magnitude(INFINITY))" for name in self.state)
        inner = [*reading, "const int64_t escaped = b->escaped[i], place = cell + i;", f"const int lost = {lost};"]
        inner += ["const int dead = (escaped != 0) | lost;"]
        inner += [f"const real y{i} = dead ? 0 : {name};" for i, name in enumerate(p.reported)]
        inner += [f"points[{i} * size + place] = y{i};" for i in range(self.dim)]
        inner += [
            "diverged_at[place] = escaped < 0 ? -escaped : escaped == 0 && lost ? budget + 1 : escaped;",
            "least = b->escaped[i] < least ? b->escaped[i] : least;",
        ]
        if self.values:
            inner += [*self.assign(p.value), f"const real value = dead ? INFINITY : {p.value[-1][0]};"]
            inner += ["values[place] = value;", "most = magnitude(value) > most ? magnitude(value) : most;"]
        if p.minima:
            squares = [" + ".join(f"n{k}_{i} * n{k}_{i}" for i in range(self.dim)) for k in range(len(p.minima))]
            for k, place in enumerate(p.minima):
                inner += [f"const double n{k}_{i} = (double)y{i} - {x!r};" for i, x in enumerate(place)]
            inner += [f"double away = {squares[0]}, other;"]
            inner += [f"other = {square}, away = other < away ? other : away;" for square in squares[1:]]
            inner += ["errors[place] = dead ? INFINITY : sqrt(away) / origin;"]
            inner += ["const int64_t last = b->now.last[i];"]
            inner += ["steps[place] = dead | (last >= budget) ? INFINITY : (double)last + 1;"]
        faults = "b->escaped[i] < 0" + " || values[cell + i] != values[cell + i]" * self.values
        return (
            "static void results(job *w, const block *b, int64_t cell, int64_t count) {\n"
            + indent([*self.handed(used | wanted), "whole least = 0, most = 0;", "for (int i = 0; i < count; i++) {"], 1)
            + indent(inner, 2)
            + indent(
                ["}", "const int wrong = least < 0 || most > magnitude(INFINITY);", "for (int i = 0; wrong && i < count; i++)"], 1
            )
            + indent([f"if ({faults}) report(w, cell + i);"], 2)
            + "}\n"
        )

    def block(self):
        """One block from its first to its last step of this call."""
        starts = [f"b.now.c{i}_theta[i] = start{i};" for i in range(self.dim)]
        for name in self.state:
            i, slot = name[1:].split("_", 1)
            if slot != "theta":
                starts.append(f"b.now.{name}[i] = {self.start_of(slot, i)};")
        names = {"begin", "end", "first", "stop", "budget", "bound", "saved", *(f"start{i}" for i in range(self.dim))}
        rows = [*(f"b.now.{name}" for name in self.state), *(f"b.h_{name}" for name in self.program.vary)]
        rows += [f"b.{name}" for name in self.program.derived]
        copies = " ".join(f"{row}[i] = {row}[k];" for row in rows)
        return BLOCK.format(handed=indent(self.handed(names), 1), starts=indent(starts, 3), copies=copies)

    def start_of(self, slot, i):
        return f"start{i}" if self.program.slots[slot] == "theta" else f"start{i} * 0"


HEAD = """\
/* Printed by momentum_lib.kernels from a rule and a surface. */
#include <float.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#if FLT_EVAL_METHOD != 0
#error this processor computes with more digits than it stores, so it would round otherwise than NumPy
#endif

typedef {real} real;
typedef {whole} whole; /* as wide as real */
enum {{ V = {V}, G = {G}, AT_ONCE = 4 }};

typedef struct {{
    const int64_t *whole;
    const double *numbers;
    void *const *arrays;
    int64_t next, wrong;
}} job;

{helpers}
/* |x| as a whole number in the same order, infinity above all numbers and NaN above that. */
static inline whole magnitude(real x) {{
    whole bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & {largest};
}}

/* The first cell at which something is wrong. */
static void report(job *w, int64_t cell) {{
    int64_t known = __atomic_load_n(&w->wrong, __ATOMIC_RELAXED);
    while ((known < 0 || cell < known)
        && !__atomic_compare_exchange_n(&w->wrong, &known, cell, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}}
"""

BLOCK = """\
typedef struct {{
    state now;
    whole escaped[V];
}} kept;

static void run_block(job *w, int64_t cell) {{
{handed}    const int64_t count = end - cell < V ? end - cell : V;
    kept *const place = saved ? (kept *)saved + (cell - begin) / V : 0;
    block b;
    settings(w, &b, cell, count);
    if (first == 1) {{
        for (int i = 0; i < V; i++) {{
{starts}            b.now.last[i] = b.escaped[i] = 0;
        }}
    }} else {{
        b.now = place->now;
        memcpy(b.escaped, place->escaped, sizeof b.escaped);
    }}
    int calm = !count_near(w, &b);
    for (int64_t s = first; s < stop;) {{
        const int64_t to = s + G < stop ? s + G : stop;
        if (calm) {{
            const state before = b.now;
            if (advance(w, &b, s, to, 0) <= magnitude(bound) && !count_near(w, &b)) {{
                for (int i = 0; i < V; i++) b.now.last[i] = (whole)(to - 1);
                s = to;
                continue;
            }}
            b.now = before;
        }}
        int gone = 0, dead = 0;
        for (int i = 0; i < V; i++) gone += b.escaped[i] != 0;
        if (gone == V) break;
        advance(w, &b, s, to, 1);
        s = to;
        for (int i = 0; i < V; i++) dead += b.escaped[i] != 0;
        if (dead == V) break;
        if (dead > gone) {{
            int k = 0;
            while (b.escaped[k]) k++;
            for (int i = 0; i < V; i++)
                if (b.escaped[i]) {{ {copies} }}
        }}
        calm = dead == gone && !count_near(w, &b);
    }}
    if (stop <= budget) {{
        place->now = b.now;
        memcpy(place->escaped, b.escaped, sizeof b.escaped);
    }} else
        results(w, &b, cell, count);
}}
"""

TAIL = """\
static void *work(void *argument) {
    job *const w = argument;
    const int64_t end = w->whole[1];
    for (;;) {
        const int64_t cell = __atomic_fetch_add(&w->next, AT_ONCE * V, __ATOMIC_RELAXED);
        if (cell >= end) return 0;
        for (int64_t k = cell; k < cell + AT_ONCE * V && k < end; k += V) run_block(w, k);
    }
}

/* Runs the cells; returns the first at which the surface answered NaN, or -1. */
int64_t run(const int64_t *whole_numbers, const double *numbers, void *const *arrays) {
    job w = {whole_numbers, numbers, arrays, whole_numbers[0], -1};
    pthread_t others[256];
    int made = 0;
    while (made < whole_numbers[6] - 1 && made < 256 && !pthread_create(&others[made], 0, work, &w)) made++;
    work(&w);
    while (made) pthread_join(others[--made], 0);
    return w.wrong;
}
"""
