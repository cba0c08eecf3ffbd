"""Thousands of runs at once, over a grid of hyper-parameters: in NumPy, or compiled where that pays.

The grid is run in slices, so that the working memory is bounded whatever its size.
"""

import importlib
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import rules, surfaces
from .core import (
    bound_of,
    check_elementwise,
    check_hyper,
    check_limit,
    check_rule,
    check_start,
    check_steps,
    check_surface,
    check_tolerance,
    distance_to_go,
    is_ours,
    open_stream,
    reject_nan,
    relative_distance,
    square_distance,
    value_at,
    walk,
)
from .ranges import SWITCH, told


@dataclass(frozen=True)
class Sweep:
    """The end of every run of a grid.

    ``axes``         name -> 1-D array, in the order in which you gave them; their lengths are ``shape``
    ``fixed``        name -> the hyper-parameters that did not vary
    ``points``       (dim, *shape)  the last reported point; meaningless where a run diverged, so 0 there
    ``values``       (*shape)       the surface's value there; inf where the run diverged
    ``errors``       (*shape)       distance to the nearest minimum over the start's; inf where diverged
    ``steps``        (*shape)       the first step from which the error stays <= tol; inf where it does not
    ``diverged_at``  (*shape) int   the step at which a run left the finite world; 0 where it did not

    ``start``        (dim,)         the first point of every run
    ``budget``                      how many steps each run made
    ``engine``                      what ran it: "numpy" or "compiled"

    ``errors`` and ``steps`` are None on a surface without minima.
    """

    rule: object
    surface: object
    axes: dict
    fixed: dict
    tol: float
    points: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None
    steps: np.ndarray | None
    diverged_at: np.ndarray
    start: np.ndarray | None = None
    budget: int | None = None
    engine: str = "numpy"

    @property
    def shape(self):
        return self.values.shape

    def __repr__(self):
        axes = ", ".join(f"{name}: {len(axis)} from {axis.min():.4g} to {axis.max():.4g}" for name, axis in self.axes.items())
        fixed = "".join(f", {name}={value:g}" for name, value in self.fixed.items())
        params = ", ".join(f"{name}={value:g}" for name, value in getattr(self.surface, "params", {}).items())
        where = getattr(self.surface, "name", "surface") + (f"({params})" if params else "")
        counts = f"{np.count_nonzero(self.diverged_at)} of {np.size(self.values)} diverged"
        if self.steps is not None:
            counts += f", {np.count_nonzero(np.isfinite(self.steps))} within {self.tol:g} of a minimum"
        budget = "" if self.budget is None else f" in {self.budget} steps"
        return f"<sweep of {self.rule.name} on {where} over {axes or 'no axis'}{fixed}{budget}; {counts}>"

    def best(self):
        """The setting with the fewest steps, as a dict with the steps it took and the value it reached.

        If no setting arrives within the budget: the one that ends closest to a minimum.  On a
        surface without minima: the one with the lowest value.  The first of equals.
        """
        score = self.values if self.steps is None else self.steps if np.isfinite(self.steps).any() else self.errors
        index = np.unravel_index(np.argmin(score), self.shape)
        setting = {name: float(axis[i]) for (name, axis), i in zip(self.axes.items(), index, strict=True)}
        steps = None if self.steps is None else float(self.steps[index])
        return {**setting, "steps": steps, "value": float(self.values[index])}

    def plot(self, ax=None, **style):
        """Draw the sweep with ``momentum_lib.plot`` (needs matplotlib): a curve for one axis, a map for two.

        ``ax`` is a matplotlib Axes, or None for a new one; returns it.  Shown are the steps to
        converge.  Raises ValueError for another number of axes and for a surface without minima.
        """
        if self.steps is None or len(self.axes) not in (1, 2):
            what = "a surface without minima" if self.steps is None else f"{len(self.axes)} axes"
            raise ValueError(
                f"this sweep has {what}; plot() draws the steps to converge over one axis or two. "
                "Sweep fewer hyper-parameters, or draw .values or .errors yourself, for example one slice of them."
            )
        plot = importlib.import_module("momentum_lib.plot")  # only when asked: it loads matplotlib
        return (plot.steps_map if len(self.axes) == 2 else plot.steps_curve)(self, ax, **style)

    def save(self, path):
        """Write the sweep to one file (.npz: arrays and a line of JSON, no pickle); returns the path.

        The file appears whole or not at all.  A rule is kept by its name, a surface by its name
        and parameters: :meth:`load` finds the library's own again, and wants yours handed to it.
        """
        import json
        from tempfile import mkstemp

        path = Path(path)
        words = {
            "format": FORMAT,
            "rule": self.rule.name,
            "foreign": rules.RULES.get(self.rule.name) is not self.rule,
            "surface": _surface_words(self.surface),
            "axes": list(self.axes),
            "fixed": self.fixed,
            "tol": self.tol,
            "budget": self.budget,
            "engine": self.engine,
        }
        arrays = {f"axis_{name}": axis for name, axis in self.axes.items()}
        arrays.update({name: getattr(self, name) for name in RESULTS if getattr(self, name) is not None})
        handle, temporary = mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, about=np.array(json.dumps(words)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path

    @classmethod
    def load(cls, path, *, rule=None, surface=None):
        """The sweep that :meth:`save` wrote, equal bit for bit.

        ``rule`` and ``surface`` stand in for those that are not the library's own.  Raises
        FileNotFoundError, ValueError (not a saved sweep, or damaged) and LookupError (a rule or
        surface the library does not have and that was not given).
        """
        import json
        from zipfile import BadZipFile
        from zlib import error as BadStream

        try:
            with np.load(path, allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            words = json.loads(str(data.pop("about")))
            if words["format"] != FORMAT:
                raise ValueError(f"its format is {words['format']}, this library reads {FORMAT}")
            axes = {name: data.pop(f"axis_{name}") for name in words["axes"]}
            results = {name: data[name] if name in data else None for name in RESULTS}
            shape = tuple(len(axis) for axis in axes.values())
            for name in ("values", "diverged_at", *(n for n in ("errors", "steps") if results[n] is not None)):
                if results[name].shape != shape:
                    raise ValueError(f"{name} has shape {results[name].shape} where the axes have {shape}")
            kept = {name: words[name] for name in ("fixed", "tol", "budget", "engine")}
            named = words["rule"], words["surface"]
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile, BadStream) as error:
            raise ValueError(
                f"{os.fspath(path)!r} is not a sweep that can be read: {error}. Allowed: a file written by Sweep.save; "
                "if it was one, it is damaged, so run the sweep again."
            ) from error
        rule = rule or _known("rule", named[0], lambda: _rule_from(words))
        surface = surface or _known("surface", named[1]["name"], lambda: _surface_from(named[1]))
        return cls(rule=rule, surface=surface, axes=axes, **kept, **{n: v if v is None else v[()] for n, v in results.items()})


FORMAT = 1  # of saved files
RESULTS = ("points", "values", "errors", "steps", "diverged_at", "start")


def _surface_words(surface):
    """A surface as JSON: what :func:`_surface_from` makes it from again."""
    if isinstance(surface, surfaces.Noisy):
        return {"name": "noisy", "of": _surface_words(surface.surface), "sigma": surface.sigma, "seed": int(surface.seed)}
    if isinstance(surface, surfaces.Quadratic):
        return {"name": "quadratic", "eigenvalues": surface.eigenvalues.tolist()}
    name = getattr(surface, "name", type(surface).__name__)
    known = _is_the_librarys(surface)
    return {"name": name, "params": dict(surface.params) if known else {}, "foreign": not known}


def _is_the_librarys(surface):
    """Whether a surface is one of the library's, with its own gradient; noise aside."""
    own = surfaces.SURFACES.get(getattr(surface, "name", ""))
    return own is not None and getattr(surface, "grad_fn", None) is own.grad_fn


def _rule_from(words):
    if words["foreign"]:
        raise LookupError(f"the rule {words['rule']!r} is not one of the library's.")
    return rules.get(words["rule"])


def _surface_from(words):
    if words["name"] == "noisy":
        return surfaces.noisy(_surface_from(words["of"]), words["sigma"], words["seed"])
    if words["name"] == "quadratic":
        return surfaces.quadratic(words["eigenvalues"])
    if words["foreign"]:
        raise LookupError(f"the surface {words['name']!r} is not one of the library's.")
    found = surfaces.SURFACES[words["name"]]
    return found(**words["params"]) if words["params"] else found


def _known(kind, name, find):
    """The library's rule or surface of a saved sweep, or the way out where it has none of that name."""
    try:
        return find()
    except LookupError as error:
        raise LookupError(f"{error} The sweep was saved with {name!r}; pass {kind}= to load it with yours.") from None


def _all_finite(array):
    """Whether every number of an array is finite."""
    return np.isfinite(array).all()


def _all_inside(points, bound):
    """Whether every coordinate of every run is within the bound; False where one is NaN."""
    return points.max() <= bound and points.min() >= -bound


def _reach(first, tol):
    """The largest squared distance d for which sqrt(d) / first <= tol, exactly as ``Path.error`` rounds it.

    With it a step of the grid needs no root and no division, and still counts as the single run does.
    """
    square = (tol * first) ** 2
    while np.sqrt(square) / first <= tol:
        square = np.nextafter(square, np.inf)
    while np.sqrt(square) / first > tol:
        square = np.nextafter(square, 0.0)
    return square


SLICE_BYTES = 1 << 22  # of one slice's arrays in the NumPy engine: they stay in a core's second cache
NS = 0.27  # nanoseconds of one elementwise operation of NumPy on one run
READY, KEPT, COMPILE = 0.001, 0.02, 0.2  # seconds until a kernel runs: loaded in this process; kept on disk; compiled anew
DTYPES = ("float64", "float32")
ENGINES = ("auto", "numpy", "compiled")


@dataclass(frozen=True)
class _Job:
    """One sweep, checked: what both engines need, and the arrays that they fill, shaped like the grid."""

    rule: object
    surface: object
    start: np.ndarray
    steps: int
    axes: dict
    full: dict
    grid: tuple
    bound: float
    minima: list
    origin: float | None  # distance from the start to a minimum
    reach: float | None
    out: dict

    def finish_values(self, cells, flat):
        """The surface's values at the points of some cells, and inf where a run diverged."""
        dead, points = flat["diverged_at"][cells] != 0, flat["points"][:, cells]
        values = value_at(self.surface, points, dead.shape)
        wrong = np.isnan(values) & ~dead
        if wrong.any():
            reject_nan(self.surface, "value", values[np.argmax(wrong)], points[:, np.argmax(wrong)], self.steps)
        flat["values"][cells] = np.where(dead, np.inf, values)

    def finish(self, part, point, diverged_at, last_above):
        """Write the results of some cells: ``part`` maps a result to its view on them."""
        dead = diverged_at != 0
        points, values = part("points"), part("values")
        points[...] = point
        np.copyto(points, 0, where=dead)
        values[...] = value_at(self.surface, points, values.shape)
        np.copyto(values, np.inf, where=dead)
        if np.isnan(values).any():
            cell = np.unravel_index(np.argmax(np.isnan(values)), values.shape)
            reject_nan(self.surface, "value", values[cell], points[(slice(None), *cell)], self.steps)
        part("diverged_at")[...] = diverged_at
        if self.minima:
            errors, steps = part("errors"), part("steps")
            errors[...] = relative_distance(self.surface, points, self.start)
            np.copyto(errors, np.inf, where=dead)
            np.add(last_above, 1.0, out=steps)
            np.copyto(steps, np.inf, where=dead | (last_above >= self.steps))


def _boxes(shape, cells):
    """Slices that cut a grid into boxes of at most about ``cells`` cells, in C order."""
    axis, inner = len(shape), 1
    while axis and inner * shape[axis - 1] <= cells:
        axis -= 1
        inner *= shape[axis]
    if axis == 0:
        yield (slice(None),) * len(shape)
        return
    width = max(1, cells // inner)
    for lead in np.ndindex(*shape[: axis - 1]):
        for first in range(0, shape[axis - 1], width):
            rest = [slice(None)] * (len(shape) - axis)
            yield (*(slice(k, k + 1) for k in lead), slice(first, first + width), *rest)


def _numpy_box(job, box, done=None):
    """Run the cells of one box of the grid in NumPy."""
    names, timed = list(job.axes), {}
    for name, value in job.full.items():
        sizes = [1] * len(job.grid)
        if name in job.axes:
            value = np.asarray(value)[box[names.index(name)]]
            sizes[names.index(name)] = len(value)
        timed[name] = np.asarray(value, dtype=job.start.dtype).reshape(1, *sizes)
    ends = _walk(job, timed, job.out["values"][box].shape, done)
    job.finish(lambda name: job.out[name][(..., *box)], *ends)


def _correct(job, cells):
    """Run some cells, by their places in the flat grid, in NumPy; what it says of where they diverge is what holds."""
    timed = {name: np.asarray(value, dtype=job.start.dtype).reshape(1, -1) for name, value in job.full.items()}
    for (name, axis), place in zip(job.axes.items(), np.unravel_index(cells, job.grid), strict=False):
        timed[name] = np.asarray(axis, dtype=job.start.dtype)[place].reshape(1, -1)
    flat = _flat(job)
    part = {name: array[..., cells] for name, array in flat.items()}
    before = part["diverged_at"].copy()
    job.finish(part.get, *_walk(job, timed, cells.shape))
    other = part["diverged_at"] != before
    for name, array in part.items():
        flat[name][..., cells[other]] = array[..., other]


def _walk(job, timed, shape, done=None):
    """Many runs, each looked at as ``descend`` looks at its one: ``(point, diverged_at, last_above)`` of shape ``shape``."""
    rule, surface, steps, bound = job.rule, job.surface, job.steps, job.bound
    theta = np.ascontiguousarray(np.broadcast_to(job.start.reshape(-1, *[1] * len(shape)), (len(job.start), *shape)))
    diverged_at = np.zeros(shape, dtype=int)
    last_above = np.zeros(shape, dtype=int)
    point = rule.read(theta, *rule.init(theta), **{name: value[0] for name, value in timed.items()})
    run = walk(rule, open_stream(surface), theta, timed, steps)
    for t, look, grad, theta, state, now in run:
        point = rule.read(theta, *state, **now)
        values = value_at(surface, point, shape)
        if not (all(map(_all_finite, (values, *state))) and _all_inside(theta, bound) and _all_inside(point, bound)):
            alive = diverged_at == 0
            beyond = lambda array: ~(np.abs(array).max(axis=0) <= bound)
            bad = alive & np.isnan(grad).any(axis=0) & ~beyond(look)
            if bad.any():
                cell = np.unravel_index(np.argmax(bad), shape)
                reject_nan(surface, "gradient", grad[(slice(None), *cell)], look[(slice(None), *cell)], t)
            escaped = beyond(theta) | beyond(point)
            for slot in state:
                escaped |= ~np.isfinite(slot).all(axis=0)
            bad = alive & ~escaped & np.isnan(values)
            if bad.any():
                cell = np.unravel_index(np.argmax(bad), shape)
                reject_nan(surface, "value", values[cell], point[(slice(None), *cell)], t)
            diverged_at[alive & (escaped | ~np.isfinite(values))] = t
        if job.minima:
            np.copyto(last_above, t, where=~(square_distance(job.minima, point) <= job.reach))
        if done:
            done(last_above.size)
    return point, diverged_at, last_above


def _look_again(job):
    """Run once more, with a look at each step's value and state, the cells of which a kernel cannot say when they diverged.

    A kernel watches the points, and the state at the end.  Where a value or a state can be infinite at a point within the
    bound (float32, or a start far out), these are all of them.
    """
    flat, every = _flat(job), _can_overflow(job)
    size = _cells_of_a_slice(job)
    for begin in range(0, flat["values"].size, size):
        diverged_at, values = (flat[name][begin : begin + size] for name in ("diverged_at", "values"))
        doubtful = every | (diverged_at > job.steps) | ((diverged_at == 0) & ~np.isfinite(values))
        last = np.where(diverged_at == 0, job.steps, np.minimum(diverged_at, job.steps))
        for octave in np.unique(np.frexp(last[doubtful])[1]):  # runs that end soon do not wait for the others
            cells = np.flatnonzero(doubtful & (np.frexp(last)[1] == octave))
            _correct(replace(job, steps=int(last[cells].max())), begin + cells)


def _can_overflow(job):
    """Whether somewhere within the bound a value, a gradient's square or a new state is infinite or no number.

    Asked at two thousand places: near and far, along the axes, the diagonals and in between.  The library's rules keep nothing
    higher than squares; a rule of one's own is asked for its state after a step, at the ends of the axes.
    """
    dim, dtype = len(job.start), job.start.dtype
    if dtype.name == "float64" and job.bound <= 1e20 and is_ours(job.rule) and _is_the_librarys(job.surface):
        return False  # none of these grows faster than the eighth power, and exp and cos stay small
    rng = np.random.default_rng(0)
    ways = np.concatenate([np.eye(dim), np.ones((1, dim)), rng.choice([-1.0, 1.0], (8, dim)), rng.uniform(-1, 1, (30, dim))])
    ways = np.concatenate([ways, -ways])
    far = np.concatenate([[0.0], np.geomspace(1e-3, job.bound, 25)])
    places = np.concatenate([job.start[:, None], (far[:, None, None] * ways).reshape(-1, dim).T], axis=1).astype(dtype)
    with np.errstate(all="ignore"):
        grads = job.surface.gradient(places)
        found = [job.surface.value(places), *np.square(grads)]
        if not is_ours(job.rule):
            for end in (0, -1):
                hyper = {name: dtype.type(np.ravel(value)[end]) for name, value in job.full.items()}
                found += job.rule.step(places, grads, job.rule.init(places), hyper)[1]
    return not all(map(_all_finite, found))


def _cells_of_a_slice(job):
    """How many runs of the NumPy engine go side by side."""
    arrays = 2 * len(job.start) * (2 + len(job.rule.slots)) + 6
    return max(1, SLICE_BYTES // (8 * arrays))


def _run_boxes(job, done):
    """Run all cells through the rule and the surface themselves: whatever they are."""
    with np.errstate(all="ignore"):
        for box in _boxes(job.grid, _cells_of_a_slice(job)):
            _numpy_box(job, box, done)


def _lookup(job, program):
    from .kernels.lookup import Lookup

    fixed = {name: value for name, value in job.full.items() if name not in job.axes}
    return Lookup(program, job.axes, fixed, job.surface.params, job.start.dtype)


def _flat(job):
    """Results by name, the grid's axes as one."""
    return {name: array.reshape(*array.shape[: array.ndim - len(job.grid)], -1) for name, array in job.out.items()}


def _name_the_fault(job, cell):
    """The surface answered NaN at a finite point in this cell: run it through the surface itself, which says where."""
    with np.errstate(all="ignore"):
        _numpy_box(job, tuple(slice(k, k + 1) for k in np.unravel_index(cell, job.grid)))


def _run_in_place(job, program, done):
    """Run all cells in NumPy, slice by slice, from the printed program."""
    from .kernels.in_numpy import Slice, arrays_of

    arrays, lookup, flat = arrays_of(program), _lookup(job, program), _flat(job)
    size = job.out["values"].size
    common = {"start": job.start, "steps": job.steps, "shape": job.grid, "bound": job.bound, "reach": job.reach}
    with np.errstate(all="ignore"):
        for begin in range(0, size, arrays.cells(job.start.itemsize)):
            end = min(begin + arrays.cells(job.start.itemsize), size)
            part = Slice(arrays, lookup, **common, begin=begin, end=end)
            point = part.run(done)
            if (part.escaped < 0).any():
                _name_the_fault(job, begin + int(np.argmax(part.escaped < 0)))
            view = {name: array[..., begin:end] for name, array in flat.items()}
            lost = (part.escaped == 0) & ~np.isfinite(part.state).all(axis=0)
            job.finish(view.get, np.array(point), np.where(lost, job.steps + 1, np.abs(part.escaped)), part.last)


def _run_compiled(job, kernel, done):
    """Run all cells in the kernel, which fills in the results, too; values that it cannot round as NumPy does are NumPy's."""
    from .kernels import build, calls

    calls_of = calls.Calls(
        kernel,
        build.compiled(kernel),
        _lookup(job, kernel.program),
        start=job.start,
        steps=job.steps,
        shape=job.grid,
        bound=job.bound,
        reach=job.reach,
        origin=job.origin,
        out=job.out,
    )
    wrong = calls_of(done)
    if wrong is not None:
        _name_the_fault(job, wrong)
    if not kernel.values:
        with np.errstate(all="ignore"):
            for begin in range(0, calls_of.size, calls.CELLS):
                job.finish_values(slice(begin, begin + calls.CELLS), _flat(job))


def _program(job):
    """The printed program of the sweep; None, or the reason as an exception, where the rule or the surface is no such text."""
    from .kernels.program import Unprintable, printed

    try:
        if job.start.dtype.name not in DTYPES:
            raise Unprintable(f"the start has dtype {job.start.dtype}; kernels compute in {' or '.join(DTYPES)}.")
        return printed(job.rule, job.surface, list(job.axes)), None
    except Unprintable as error:
        return None, error


def _choose(job, engine):
    """``(program, kernel)``: what to run, None for what is not to be had or does not pay.

    Raises, with the reason, where "compiled" is asked for and cannot be.
    """
    program, why_not = _program(job)
    if engine == "compiled" and program is None:
        raise type(why_not)(f"{why_not} Use engine='numpy', or 'auto', which chooses for you.") from None
    if engine == "numpy" or program is None:
        return program, None
    seconds = job.out["values"].size * job.steps * NS * program.operations * 1e-9  # that NumPy would take
    if engine == "auto" and seconds < READY:
        return program, None
    from .kernels import build
    from .kernels.in_c import kernel_of

    kernel = kernel_of(program, job.start.dtype)
    if engine == "auto" and not _pays(kernel, build, seconds):
        return program, None
    try:
        build.compiled(kernel)
    except ImportError:
        if engine == "compiled":
            raise
        return program, None
    return program, kernel


def _pays(kernel, build, seconds):
    """Whether a kernel ends sooner than NumPy.  What is compiled already decides only where the bits are the same."""
    if build.why_not(kernel):
        return False
    saved = seconds * (0.8 if kernel.exact else 0.3)
    if saved > COMPILE or not kernel.exact:
        return saved > COMPILE
    return saved > READY and (build.is_ready(kernel) or (saved > KEPT and build.is_kept(kernel)))


@contextmanager
def _progress(progress, total, label):
    """A function that counts runs times steps on a bar; None where no bar is wanted."""
    if progress not in (None, True, False):
        raise ValueError(f"progress is {told(progress)}; allowed: True, False, or None (on a terminal, when it takes long).")
    if progress is False or (progress is None and not getattr(sys.stderr, "isatty", bool)()):
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if progress:
            raise ImportError("progress=True needs tqdm: run `pip install tqdm`, or leave progress out.") from None
        yield None
        return
    from threading import Lock

    lock = Lock()
    with tqdm(total=total, desc=label, unit="step", unit_scale=True, delay=0 if progress else 2.0, leave=bool(progress)) as bar:

        def done(steps):
            with lock:
                bar.update(steps)

        yield done


def _check_dtype(start, dtype):
    """The start in the dtype asked for; its own if none is."""
    if dtype is None:
        return start
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = None
    if name not in DTYPES:
        raise ValueError(f"dtype is {told(dtype)}; allowed: {', '.join(map(repr, DTYPES))}, or None for the start's own.")
    with np.errstate(over="ignore"):
        return start.astype(name)


def _check_first(job):
    """Raise ValueError where the surface has no value at the point that the first run reports before its first step."""
    first = {name: job.start.dtype.type(np.ravel(value)[0]) for name, value in job.full.items()}
    with np.errstate(all="ignore"):
        point = job.rule.read(job.start, *job.rule.init(job.start), **first)
        value = value_at(job.surface, point)
    if np.isnan(value):
        reject_nan(job.surface, "value", value, point, 0)


def sweep(
    rule,
    surface,
    start=None,
    steps=200,
    *,
    tol=1e-6,
    limit=1e9,
    unstable=False,
    engine="auto",
    dtype=None,
    progress=None,
    **hyper,
):
    """Run a rule once for every combination of the hyper-parameter arrays you give.

    Each hyper-parameter is a number (fixed) or a 1-D array (an axis of the grid, in the order
    given).  ``start``, ``steps``, ``limit`` and ``unstable`` are those of ``descend``; ``tol``
    is the relative distance that counts as converged.  Returns a :class:`Sweep`.

    ``dtype``: "float64" or "float32" to compute in; None keeps the start's.  Distances to a minimum are always measured
    in float64.  In float32 a vector instruction takes twice as many runs.  Where a value or a state can overflow within the
    limit, as in float32, all runs are walked once more in NumPy, which sees the step at which it did.

    - ``engine="numpy"``: every cell equals the single run with the same setting bit for bit.
    - ``engine="compiled"``: a kernel in C, made from the rule's and the surface's text, on all cores.
      The bits are the same where what a step does to a run's state is ``+ - * /``, squares, ``sqrt``, ``sign``,
      ``absolute``, ``maximum`` and ``where`` (powers such as ``beta**t`` are NumPy's own, looked up).  Where a
      gradient has cubes or ``sin``, ``cos``, ``exp``, the last digit of these differs, and a chaotic run with it.
    - ``engine="auto"``: the compiled one where it ends sooner, its compilation included.  What happens to be
      compiled already decides only where the bits are the same; elsewhere the size of the work does.

    ``progress``: True shows a bar, False none; None shows one on a terminal, after two seconds.

    Raises TypeError and ValueError for bad input (a matrix rule among it), ValueError if the surface returns NaN, and with
    ``engine="compiled"`` TypeError (what cannot be compiled) or ImportError (no compiler), with the reason.
    """
    check_rule(rule)
    check_elementwise(rule, "a sweep runs many points side by side in one array, which it cannot do for")
    check_surface(surface)
    steps, limit = check_steps(steps), check_limit(limit)
    SWITCH.check("unstable", unstable)
    start = check_start(surface, _check_dtype(check_start(surface, start), dtype))
    full = check_hyper(rule, hyper, unstable=unstable)
    check_tolerance(tol, below=1)
    if engine not in ENGINES:
        raise ValueError(f"engine is {told(engine)}; allowed: {', '.join(map(repr, ENGINES))}.")
    axes = {name: np.array(value, dtype=float) for name, value in hyper.items() if np.ndim(value)}
    for name, axis in axes.items():
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(f"{name} has shape {axis.shape}; allowed: a number or a non-empty 1-D array.")
    shape = tuple(len(axis) for axis in axes.values())
    grid = shape or (1,)
    bound, minima = bound_of(start, limit), getattr(surface, "minima", None)
    origin = distance_to_go(surface, start) if minima else None
    out = {"points": np.empty((len(start), *grid), start.dtype), "values": np.empty(grid, start.dtype)}
    out["diverged_at"] = np.empty(grid, dtype=int)
    if minima:
        out.update(errors=np.empty(grid, np.result_type(start.dtype, float)), steps=np.empty(grid))
    job = _Job(
        rule=rule,
        surface=surface,
        start=start,
        steps=steps,
        axes=axes,
        full=full,
        grid=grid,
        bound=bound,
        minima=minima,
        origin=origin,
        reach=_reach(origin, tol) if minima else None,
        out=out,
    )
    _check_first(job)
    program, kernel = _choose(job, engine)
    with _progress(progress, out["values"].size * steps, f"{rule.name} on {getattr(surface, 'name', 'surface')}") as done:
        if kernel:
            _run_compiled(job, kernel, done)
        elif program:
            _run_in_place(job, program, done)
        else:
            _run_boxes(job, done)
    if program:
        with np.errstate(all="ignore"):
            _look_again(job)
    ends = {name: array.reshape((*array.shape[: array.ndim - len(grid)], *shape))[()] for name, array in out.items()}
    return Sweep(
        rule=rule,
        surface=surface,
        axes=axes,
        fixed={name: float(value) for name, value in full.items() if name not in axes},
        tol=tol,
        **{"errors": None, "steps": None, **ends},
        start=start,
        budget=steps,
        engine="compiled" if kernel else "numpy",
    )
