"""What an update rule is, and how one run is made.

An update rule is a short pure function.  It takes the point, the gradient and its own state,
and returns the next point and the next state::

    @rule(v=0)
    def heavy_ball(theta, grad, v, *, lr, beta=0.9):
        v = beta * v + grad
        return theta - lr * v, v

Everything else in the course is derived from that text: the printed equation, the grid of a
thousand runs, the torch optimiser, the JavaScript of the live figures.
"""

import inspect
import operator
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from math import isfinite
from numbers import Real

import numpy as np

from .notation import QUANTITIES
from .ranges import SWITCH, as_array, real_numbers, told

FAMILIES = ("gradient", "momentum", "averaged", "nesterov", "adaptive", "sign", "matrix")


def nearest(name, known, what):
    """The sentence that an unknown name gets: what was given, what is close, what exists."""
    close = get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"unknown {what} {told(name)}.{hint} Known: {', '.join(known)}."


def is_known(name, table):
    """Whether a name is one of a table's; what cannot be a name, such as a list, is none."""
    return isinstance(name, str) and name in table


class Rule:
    """An update rule: the function, how its state starts, where it looks and what it reports.

    You make one with :func:`rule`.  Calling it does one checked step::

        theta, v = heavy_ball(theta, grad, v, lr=0.1, beta=0.9)

    A rule without state (gradient descent) returns the point alone.  The inputs are never
    changed, and the result has their dtype.

    Three verbs describe a step.  *Look*: :meth:`look` says where the gradient is measured.
    *Step*: :meth:`step` moves.  *Read*: :meth:`read` says which point is reported.

    Most rules treat each coordinate alone.  One with ``matrix`` set moves a whole matrix at
    once; its points have shape (..., rows, columns), and some of its slots (``sides``) may be squares as wide as one side.

    ``momentum`` names the hyper-parameter by which past gradients fade: each step multiplies
    what the velocity, or the average of gradients, holds by it, and at 0 nothing older than the
    last gradient is left.  It is ``beta``, else ``beta1``, unless the rule says otherwise: Lion's is
    ``beta2``, since its ``beta1`` only weighs that memory against the new gradient.  Schedule-Free's
    says how far the gradient is measured from the point that steps, towards the mean; at 0 it is
    measured where gradient descent measures it.  Of two averages of gradients (two-memory momentum,
    AdEMAMix) it is the shorter one's, the first slot's.  None: the rule keeps no gradients (gradient
    descent), or their squares alone (AdaGrad, RMSProp).
    """

    def __init__(self, fn, slots, *, family, title, same_as, matrix=False, momentum=None):
        self.fn = fn
        self.matrix = matrix
        self.slots = dict(slots)
        self.family = family
        self.same_as = same_as
        self.name = fn.__name__
        self.title = title or self.name.replace("_", " ").capitalize()
        self.look_fn = None
        self.read_fn = None
        self.__name__, self.__module__ = self.name, fn.__module__
        self.__doc__ = self.doc = inspect.cleandoc(fn.__doc__ or "")

        parameters = inspect.signature(fn).parameters.values()
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        expected = ["theta", "grad", *self.slots]
        if positional != expected:
            raise TypeError(
                f"rule {self.name!r}: its positional arguments are {positional}; "
                f"they must be {expected}: the point, the gradient, then the slots named in @rule."
            )
        self.sides = [name for name, start in self.slots.items() if start in SIDES]
        bad = {name: start for name, start in self.slots.items() if start not in (0, "theta", *SIDES)}
        if bad:
            raise ValueError(
                f"rule {self.name!r}: slots {bad} must start as 0 (zeros) or 'theta' (a copy), both shaped like the point, or "
                "as 'rows' or 'columns' (zeros, with a row and a column for each of the matrix's)."
            )
        if self.sides and not matrix:
            raise ValueError(
                f"rule {self.name!r}: {', '.join(self.sides)} are as wide as a side of a matrix, so the rule moves whole "
                "matrices; say matrix=True."
            )
        if family not in FAMILIES:
            raise ValueError(f"rule {self.name!r}: " + nearest(family, FAMILIES, "family"))
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.uses_t = any(p.name == "t" for p in keywords)
        self.hyper = {p.name: None if p.default is p.empty else p.default for p in keywords if p.name != "t"}
        if momentum is not None and momentum not in self.hyper:
            raise ValueError(f"rule {self.name!r}, momentum: " + nearest(momentum, list(self.hyper), "hyper-parameter"))
        self.momentum = momentum or next((name for name in ("beta", "beta1") if name in self.hyper), None)

    def __repr__(self):
        hyper = ", ".join(k if v is None else f"{k}={v:g}" for k, v in self.hyper.items())
        return f"<rule {self.name}({hyper})>"

    def __reduce__(self):
        """A rule is pickled by its name, as a function is, and copied as itself."""
        return self.name

    @property
    def source(self):
        """The sentence after ``Source:`` in the docstring."""
        found = re.search(r"Source:\s*(.+?)(?:\n\s*\n|\Z)", self.doc, re.S)
        return " ".join(found[1].split()) if found else ""

    # -- the three verbs, unchecked --------------------------------------------------------

    def init(self, theta):
        """The state before the first step, one array per slot, shaped like theta or as :func:`rule` was told."""
        return tuple(_start(how, theta) for how in self.slots.values())

    def look(self, theta, *state, **hyper):
        """The point at which the gradient is measured."""
        return self.look_fn(theta, *state, **hyper) if self.look_fn else theta

    def step(self, theta, grad, state, hyper, t=1):
        """One unchecked step: ``(theta, state)`` from arrays and a full dict of hyper-parameters."""
        extra = {"t": t} if self.uses_t else {}
        out = self.fn(theta, grad, *state, **hyper, **extra)
        return (out[0], tuple(out[1:])) if self.slots else (out, ())

    def read(self, theta, *state, **hyper):
        """The point that the rule reports as its answer."""
        return self.read_fn(theta, *state, **hyper) if self.read_fn else theta

    def looks_at(self, fn):
        """Decorator: where the gradient is measured, as a function ``(theta, *slots, *, hyper)``."""
        self.look_fn = fn
        return fn

    def reports(self, fn):
        """Decorator: which point is reported, as a function ``(theta, *slots, *, hyper)``."""
        self.read_fn = fn
        return fn

    # -- the checked call ------------------------------------------------------------------

    def __call__(self, theta, grad, *state, t=1, unstable=False, **hyper):
        """One step, checked: ``(theta, *state)``, or ``theta`` alone for a rule without state.

        ``theta``, ``grad`` and each state array have one floating dtype, and one shape but for slots that are a
        square of a side (see :func:`rule`).  A hyper-parameter is a number, or an array that fits into theta's shape;
        for a rule with such slots, one number for each matrix: shape (..., 1, 1).
        ``t`` counts steps from 1.  ``unstable=True`` lets momentum leave its range.

        Raises TypeError (dtype, unknown or missing names) and ValueError (shape, range).
        """
        if len(state) != len(self.slots):
            raise TypeError(
                f"{self.name} keeps {len(self.slots)} state array(s) ({', '.join(self.slots) or 'none'}); "
                f"got {len(state)}. Start with rule.init(theta)."
            )
        for name, value in zip(("theta", "grad", *self.slots), (theta, grad, *state), strict=True):
            check_floating(value, name)
            given, point = (tuple(getattr(array, "shape", ())) for array in (value, theta))
            how = self.slots.get(name, 0)
            if how in SIDES:
                check_matrix(self, theta, "theta")
            if given != slot_shape(how, point):
                raise ValueError(
                    f"{self.name}: {name} has shape {given} and theta {point}; allowed: {slot_shape(how, point)}, a square as "
                    f"wide as the matrix has {how}. Start with rule.init(theta)."
                    if how in SIDES
                    else f"{self.name}: {name} has shape {given} and theta {point}; "
                    "they must be equal, because shapes that broadcast would hide a mistake. Reshape one of them."
                )
            if dtype_of(value) != dtype_of(theta):
                raise TypeError(
                    f"{self.name}: {name} has dtype {dtype_of(value)} and theta {dtype_of(theta)}; they must be equal, "
                    "because mixing them would change the result's. Convert one of them."
                )
        if isinstance(t, bool) or not isinstance(t, (int, np.integer)) or t < 1:
            raise ValueError(f"t is {told(t)}; allowed: a whole number >= 1, since steps count from 1.")
        check_matrix(self, theta, "theta")
        SWITCH.check("unstable", unstable)
        full = check_hyper(self, hyper, unstable=unstable)
        full = {name: fit_hyper(name, value, theta, bool(self.sides)) for name, value in full.items()}
        theta, state = take_step(self, theta, grad, state, full, t)
        return (theta, *state) if self.slots else theta


def rule(*, family="gradient", title=None, same_as=None, matrix=False, momentum=None, **slots):
    """Decorator that turns a function into a :class:`Rule`.

    Each further keyword names a state slot and says how it starts: ``0`` for zeros like the
    point, ``"theta"`` for a copy of it.  A matrix rule's slots may also be squares of zeros: ``"rows"`` has
    shape (..., rows, rows) where the point has (..., rows, columns), ``"columns"`` (..., columns, columns).
    ``family`` chooses the colour, ``same_as`` names the library call that the rule equals, with the rule's own
    hyper-parameter names in it.
    ``matrix`` says that the rule is not elementwise: it moves a whole matrix at once.
    ``momentum`` names the hyper-parameter by which past gradients fade, where it is neither
    ``beta`` nor, without that, ``beta1``; see :class:`Rule`.
    """

    def wrap(fn):
        return Rule(fn, slots, family=family, title=title, same_as=same_as, matrix=matrix, momentum=momentum)

    return wrap


# -- slots ---------------------------------------------------------------------------------

SIDES = {"rows": -2, "columns": -1}  # how a slot starts that is a square of a side -> the side's axis


def slot_shape(how, shape):
    """The shape of a slot that starts as ``how`` says (see :func:`rule`), for a point of this shape."""
    shape = tuple(shape)
    return (*shape[:-2], shape[SIDES[how]], shape[SIDES[how]]) if how in SIDES else shape


def _start(how, theta):
    """A slot before the first step: fresh memory, of theta's dtype and, for a tensor, on its device."""
    if how in SIDES:
        shape = slot_shape(how, theta.shape)
        return theta.new_zeros(shape) if hasattr(theta, "new_zeros") else np.zeros(shape, theta.dtype)
    return theta * 0 if how == 0 else theta * 1


# -- checks --------------------------------------------------------------------------------


def check_floating(value, name):
    """Raise TypeError unless ``value`` is a float, a floating array or a floating tensor."""
    if isinstance(value, float) or type(value) is np.ndarray and value.dtype.kind == "f":
        return
    dtype = getattr(value, "dtype", None)
    floating = getattr(dtype, "is_floating_point", None)  # torch
    if floating is None and dtype is not None:
        floating = np.issubdtype(dtype, np.floating)
    if not floating:
        given = f"dtype {dtype}" if dtype is not None else f"type {type(value).__name__}"
        raise TypeError(
            f"{name} has {given}; allowed: a floating dtype, since steps are fractions. "
            f"Convert it, for example with np.asarray({name}, dtype=float)."
        )


def dtype_of(value):
    """The dtype of an array, tensor or NumPy number; that of a plain float is float64."""
    return getattr(value, "dtype", np.dtype(float))


def fit_hyper(name, value, theta, whole=False):
    """One hyper-parameter for a step at ``theta``: a plain number, or an array of theta's dtype.

    ``whole``: matrices move as a whole, so an array has one number for each of them.

    NumPy numbers become plain ones and arrays take theta's dtype, so that float32 stays float32.
    Raises ValueError for an array that would make the result larger than theta.
    """
    if np.ndim(value) == 0:
        return float(value) if isinstance(value, (int, np.generic, np.ndarray)) else value
    shape, goal = tuple(np.shape(value)), tuple(np.shape(theta))
    goal, room = ((*goal[:-2], 1, 1), "one number for each matrix:") if whole else (goal, "theta's")
    if len(shape) > len(goal) or any(a not in (1, b) for a, b in zip(shape[::-1], goal[::-1], strict=False)):
        raise ValueError(
            f"{name} has shape {shape}, which does not fit into {room} {goal}; allowed: one number, "
            "or an array whose axes are the last ones of that shape."
        )
    return value if hasattr(theta, "new_tensor") else np.asarray(value, dtype=dtype_of(theta))


def check_hyper(rule, hyper, *, unstable=False):
    """All hyper-parameters of a rule, defaults filled in, every value checked.

    ``unstable=True`` lets values leave their range (a momentum of 1.02, say), never be NaN
    or infinite; None says that the caller offers no such thing, so that no message points to it.
    Raises TypeError for unknown and missing names, ValueError for bad values.
    """
    for name in hyper:
        if name not in rule.hyper:
            raise TypeError(f"{rule.name}: " + nearest(name, list(rule.hyper), "hyper-parameter"))
        if hyper[name] is None:
            check_number(name, None)
    full = {**rule.hyper, **hyper}
    missing = [name for name, value in full.items() if value is None]
    if missing:
        raise TypeError(f"{rule.name} needs {', '.join(missing)}; give it, for example {missing[0]}=0.1.")
    for name, value in full.items():
        check_number(name, value, unstable=unstable)
    return full


def check_number(name, value, *, unstable=False):
    """Raise ValueError unless every number in ``value`` is finite and in the quantity's range.

    ``unstable`` as for :func:`check_hyper`.
    """
    quantity = QUANTITIES.get(name)
    allowed = quantity.allowed if quantity else "any finite number"
    numbers = as_array(value).ravel()
    if numbers.dtype.kind not in "iuf":
        raise TypeError(f"{name} is {told(value)}; allowed: {allowed}, or an array of such numbers.")
    for number in numbers[~np.isfinite(numbers)][:1]:
        raise ValueError(f"{name} is {number}; allowed: {allowed}.")
    if quantity is None or unstable:
        return
    for number in numbers:
        if not quantity.accepts(number):
            way_out = "" if name == "lr" or unstable is None else " To see what happens outside on purpose, pass unstable=True."
            raise ValueError(f"{name} is {number:g}; allowed: {quantity.allowed}.{way_out}")


FARTHEST = 1e150  # a coordinate whose square float64 still holds


def _real(number):
    if not isinstance(number, Real):
        raise TypeError
    return number


def _numbers_of_start(start):
    """Numbers in a list as float64; a masked array in which nothing is masked as the plain one under it."""
    try:
        if as_array(start).dtype.kind in "OU":  # fractions, or what only looks like numbers
            start = [float(_real(number)) for number in start]
        return np.asarray(start) if isinstance(start, np.ma.MaskedArray) else np.asarray(start, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"start is {told(start)}; allowed: one number per coordinate, such as [1.0, -0.5].") from None


def check_start(surface, start):
    """The start as a fresh floating array; the surface's own start if none is given.

    A list or tuple of numbers becomes float64; an array keeps its dtype and must be floating.
    """
    if start is None:
        start = getattr(surface, "start", None)
        if start is None:
            raise TypeError("this surface names no start of its own; pass start, one number per coordinate.")
    if isinstance(start, (list, tuple, int, float, np.ma.MaskedArray)):
        start = _numbers_of_start(start)
    check_floating(start, "start")
    theta = np.array(start)
    theta = theta.astype(theta.dtype.newbyteorder("="), copy=False)
    if theta.size == 0:
        raise ValueError(f"start has shape {theta.shape}, no coordinate at all; allowed: at least one number.")
    for wrong in theta[~(np.abs(theta.astype(float)) <= FARTHEST)].ravel()[:1]:  # NaN among them
        among = f", with {wrong:g} in it" if theta.size > 6 else ""  # of so many, not all are told
        raise ValueError(f"start is {told(theta.tolist())}{among}; allowed: finite numbers, up to {FARTHEST:g} in size.")
    dim = getattr(surface, "dim", None)
    if dim is not None and theta.shape != (dim,):
        raise ValueError(
            f"start has shape {theta.shape}; {getattr(surface, 'name', 'this surface')} needs shape ({dim},). "
            "Give one number per coordinate."
        )
    return theta


def check_steps(steps):
    """Raise unless ``steps`` is a whole number >= 0."""
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"steps is {told(steps)}; allowed: a whole number >= 0.")
    return int(steps)


def is_number(value):
    """Whether something is one real number, Python's or NumPy's; a truth is none."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def check_limit(limit):
    """Raise unless ``limit`` is a finite number > 0: beyond it no run could be told from a diverged one."""
    if not is_number(limit) or not 0 < limit < np.inf:
        raise ValueError(f"limit is {told(limit)}; allowed: a finite number > 0, such as 1e9.")
    return float(limit)


def bound_of(start, limit):
    """How far a run from here may go before it counts as diverged: ``limit * max(1, |start|)``, or all that the dtype holds."""
    return min(limit * max(1.0, float(np.abs(start).max(initial=0))), float(np.finfo(start.dtype).max))


def check_tolerance(tol, below=np.inf):
    """Raise ValueError unless ``tol`` is a number between 0 and ``below``, as a relative distance that counts as arrived is."""
    if not is_number(tol) or not 0 < tol < below:
        allowed = "a finite relative distance > 0" if below == np.inf else f"a relative distance between 0 and {below}"
        raise ValueError(f"tol is {told(tol)}; allowed: {allowed}, such as 1e-6.")


def check_surface(surface):
    """Raise TypeError unless the argument has ``value`` and ``gradient``."""
    if not callable(getattr(surface, "value", None)) or not callable(getattr(surface, "gradient", None)):
        raise TypeError(
            "expected a surface, such as surfaces.rosenbrock or surfaces.get('rosenbrock'), or anything with "
            f"value(theta) and gradient(theta); got {told(surface)}."
        )


def check_exact(surface, what):
    """Raise ValueError for a noisy surface where its noise would be left out; ``what`` begins the sentence."""
    if hasattr(surface, "stream"):
        raise ValueError(f"{what} exact gradients, and {told(surface)} has noisy ones; allowed: the surface under it.")


def check_rule(rule):
    """Raise TypeError unless the argument is a Rule."""
    if not isinstance(rule, Rule):
        raise TypeError(f"expected a rule, such as rules.heavy_ball or rules.get('heavy_ball'); got {told(rule)}.")


MATRIX_REASON = "it moves a whole matrix at once, and one coordinate, or a point of the plane, has no rows and columns"


def check_matrix(rule, theta, what):
    """Raise ValueError where a matrix rule would get a point without rows and columns."""
    if rule.matrix and np.ndim(theta) < 2:
        raise ValueError(
            f"{rule.name} is a matrix rule: {MATRIX_REASON}. {what} has shape {tuple(np.shape(theta))}; allowed: "
            "(..., rows, columns). Give it a matrix, or use an elementwise rule such as heavy_ball."
        )


def check_elementwise(rule, what):
    """Raise TypeError for a matrix rule where each coordinate must move by itself; ``what`` begins the sentence."""
    if rule.matrix:
        raise TypeError(f"{what} {rule.name}: {MATRIX_REASON}. Run it with descend, on a surface whose points are matrices.")


# -- one run ---------------------------------------------------------------------------------


def walk(rule, gradient, theta, hyper, steps):
    """Yield ``(t, look, grad, theta, state, hyper_t)`` for t = 1 ... steps; the one loop of the library.

    ``theta``: array of shape (dim, *batch).  ``hyper``: name -> array of shape (1 or steps,
    *broadcastable to batch); its first axis is time.  Both a single run and a whole grid go
    through here, on arrays and with the same arithmetic, which is why they agree bit for bit.
    """
    state, now = rule.init(theta), {name: value[0] for name, value in hyper.items()} if steps else {}
    timed = any(len(value) > 1 for value in hyper.values())
    for t in range(1, steps + 1):
        if timed:
            now = {name: value[min(t, len(value)) - 1] for name, value in hyper.items()}
        look = rule.look(theta, *state, **now)
        grad = gradient_at(gradient, look)
        theta, state = take_step(rule, theta, grad, state, now, t)
        yield t, look, grad, theta, state, now


def is_ours(rule):
    """Whether a rule is one of the library's, which write into nothing that they are given."""
    return (rule.fn.__module__ or "").startswith("momentum_lib.rules.")


def shut(array):
    """The same numbers, into which nobody can write; what is no NumPy array is handed on as it is."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def take_step(rule, theta, grad, state, hyper, t):
    """One step; a rule of one's own must write into nothing, and return what it was given: as many, shapes, dtypes."""
    if is_ours(rule):
        return rule.step(theta, grad, state, hyper, t)
    given = (theta, *state)
    try:
        out = rule.fn(shut(theta), shut(grad), *map(shut, state), **hyper, **({"t": t} if rule.uses_t else {}))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise ValueError(
            f"{rule.name} writes into an array that it was given; allowed: new arrays, as in theta = theta - lr * grad, "
            "since the caller still holds the old ones."
        ) from None
    found = out if rule.slots and isinstance(out, tuple) else (out,)
    names = ("theta", *rule.slots)
    if len(found) != len(names):
        raise TypeError(f"{rule.name} returned {len(found)} value(s); allowed: {', '.join(names)}, in this order.")
    for name, value, before in zip(names, found, given, strict=True):
        if np.shape(value) != np.shape(before) or getattr(value, "dtype", float) != getattr(before, "dtype", float):
            given_back = told(value) if not hasattr(value, "dtype") else f"shape {np.shape(value)} and {value.dtype}"
            raise TypeError(
                f"{rule.name} returned {name} with {given_back}; allowed: shape {np.shape(before)} and {dtype_of(before)}, "
                "as it was given."
            )
    return found[0], tuple(found[1:])


def as_measured(grad, look):
    """A gradient as an array of the point's dtype, so that a float32 run stays one whatever the surface computes in.

    Raises TypeError for what are no real numbers, ValueError for another shape than the point's.
    """
    if type(grad) is not np.ndarray or grad.dtype.kind != "f":
        grad = real_numbers("the gradient that the surface returned", grad)
    if grad.shape != look.shape:
        raise ValueError(
            f"the gradient has shape {grad.shape} where the point has {look.shape}; allowed: one number for each coordinate."
        )
    return np.array(grad, dtype=look.dtype)  # a copy: the surface may use its own memory again


def gradient_at(measure, point):
    """The gradient that ``measure`` gives at a point, which is handed as a copy; see :func:`as_measured`."""
    return as_measured(measure(point.copy()), point)


def value_at(surface, point, shape=()):
    """The surface's value at a point, or at many, whose values have this shape; it is handed a copy, which it may change.

    Raises TypeError for what are no real numbers, ValueError for another shape than one number for each point.
    """
    value = surface.value(point.copy())
    if isinstance(value, float) and shape == ():
        return value
    value = real_numbers("the value that the surface returned", value)
    if value.shape == (1, *shape):  # a surface of one dimension whose author did not sum over it
        value = value[0]
    if value.shape not in (shape, ()):
        raise ValueError(
            f"the value that the surface returned has shape {value.shape}; allowed: {shape}, one number a point. "
            "Sum over the coordinates, the first axis."
        )
    return np.broadcast_to(value, shape)[()]


def open_stream(surface):
    """A gradient function for one run: a fresh noise stream where the surface is noisy."""
    return surface.stream() if hasattr(surface, "stream") else surface.gradient


def reject_nan(surface, what, value, point, t):
    """Raise ValueError for a NaN that the surface itself produced at a finite point."""
    raise ValueError(
        f"surface {getattr(surface, 'name', surface)!r} returned {what} = {told(np.asarray(value).tolist())} at the "
        f"finite point {told(np.asarray(point).tolist())} (step {t}); a surface must return numbers wherever a run can go. "
        "Mend the surface, or start elsewhere."
    )


@dataclass(frozen=True)
class Path:
    """One run, from step 0 to the last finite step.

    With n steps done and points of shape (dim,), or of a matrix's (rows, columns) in its place:

    ``points``    (n+1, dim)  the reported point after 0, 1, ... n steps
    ``values``    (n+1,)      the surface's value there (without noise)
    ``looks``     (n, dim)    where the gradient was measured
    ``gradients`` (n, dim)    the gradient measured there
    ``state``     name -> (n+1, dim), every slot over time; a square of a side: (n+1, rows, rows) or (n+1, columns, columns)
    ``hyper``     name -> number, or array of shape (steps,) for a schedule
    ``diverged_at``  None, or the step that left the finite world; arrays end before it
    """

    rule: Rule
    surface: object
    hyper: dict
    points: np.ndarray
    values: np.ndarray
    looks: np.ndarray
    gradients: np.ndarray
    state: dict
    diverged_at: int | None

    def __len__(self):
        return len(self.gradients)

    def __repr__(self):
        hyper = ", ".join(f"{k}={v:g}" if np.ndim(v) == 0 else f"{k}=schedule" for k, v in self.hyper.items())
        end = f"diverged at step {self.diverged_at}" if self.diverged_at else f"f = {self.values[-1]:.6g}"
        return f"<{self.rule.name}({hyper}) on {getattr(self.surface, 'name', 'surface')}: {len(self)} steps, {end}>"

    @property
    def error(self):
        """Distance to the nearest minimum, divided by the start's: shape (n+1,), first entry 1."""
        rows = self.points.reshape(len(self.points), -1)
        return relative_distance(self.surface, rows.T, rows[0])

    def steps_to(self, tol=1e-6):
        """The first step from which :attr:`error` stays at or below ``tol``, a number > 0; None if it does not."""
        check_tolerance(tol)
        above = np.flatnonzero(self.error > tol)
        first = 0 if above.size == 0 else int(above[-1]) + 1
        return None if self.diverged_at or first > len(self) else first


def _largest(array):
    """The largest size of a number of an array: ``np.abs(array).max()`` without what NumPy adds for options, each step."""
    return np.maximum.reduce(np.abs(array), axis=None)


def total(terms):
    """Sum over the first axis, in an order that does not depend on the batch: one run and many agree bit for bit."""
    if len(terms) <= 4:
        return reduce(operator.add, terms)
    if not isinstance(terms, np.ndarray):
        return terms.sum(0)
    return np.ascontiguousarray(np.moveaxis(terms, 0, -1)).sum(axis=-1)


def square_distance(minima, points):
    """Squared distance of points (dim, *batch) to the nearest of the minima, shape (*batch)."""
    places = [np.reshape(np.asarray(m, dtype=float), (-1,) + (1,) * (points.ndim - 1)) for m in minima]
    return reduce(np.minimum, [total((points - place) ** 2) for place in places])


def distance_to_go(surface, start):
    """Distance from the start to the nearest minimum, the unit of every relative error."""
    if not getattr(surface, "minima", None):
        raise ValueError(
            f"{getattr(surface, 'name', 'this surface')} has no minimum, so there is no distance to one. Look at values instead."
        )
    first = np.sqrt(square_distance(surface.minima, np.asarray(start)))
    if first == 0:
        raise ValueError("the start is a minimum, so a relative distance means nothing. Start elsewhere.")
    return first


def relative_distance(surface, points, start):
    """Distance of points (dim, *batch) to the nearest minimum over the start's distance to its own."""
    first = distance_to_go(surface, start)
    return np.sqrt(square_distance(surface.minima, points)) / first


def descend(rule, surface, start=None, steps=100, *, limit=1e9, unstable=False, **hyper):
    """Run one rule on one surface and return the whole :class:`Path`.

    ``surface``  anything with ``value(theta)`` and ``gradient(theta)``; see ``surfaces``.
    ``start``    the first point, shape (dim,), a floating dtype, which the run keeps; (rows, columns) where the
                 surface takes matrices, as a matrix rule needs.
    ``steps``    how many steps, a whole number >= 0.
    ``limit``    a run whose coordinates pass ``limit * max(1, |start|)`` counts as diverged.
    ``hyper``    hyper-parameters: a number, or an array of shape (steps,) for a schedule.
    ``unstable`` allow values outside their range, such as a momentum above 1.

    A run that diverges ends quietly at its last finite step and says so in ``diverged_at``.
    Raises TypeError and ValueError for bad input, and ValueError if the surface returns NaN.
    """
    check_rule(rule)
    check_surface(surface)
    steps, limit = check_steps(steps), check_limit(limit)
    SWITCH.check("unstable", unstable)
    theta = check_start(surface, start)
    check_matrix(rule, theta, "the start")
    hyper = check_hyper(rule, hyper, unstable=unstable)
    timed = {}
    for name, value in hyper.items():
        array = np.asarray(value, dtype=theta.dtype)
        if array.ndim and array.shape != (steps,):
            raise ValueError(
                f"{name} has shape {array.shape}; allowed: one number, or a schedule of shape ({steps},), "
                "one number per step. For a grid of settings use sweep."
            )
        timed[name] = array.reshape((-1,) + (1,) * theta.ndim)

    bound = bound_of(theta, limit)
    first = {name: value[0] for name, value in timed.items()} if steps else {}
    state = rule.init(theta)
    points = [rule.read(theta, *state, **first) if steps else theta]
    with np.errstate(all="ignore"):
        values, looks, grads, states = [value_at(surface, points[0])], [], [], [state]
    if np.isnan(values[0]):
        reject_nan(surface, "value", values[0], points[0], 0)
    diverged_at = None
    run = walk(rule, open_stream(surface), theta, timed, steps)
    with np.errstate(all="ignore"):
        for t, look, grad, theta, state, now in run:
            if np.isnan(np.add.reduce(grad, axis=None)) and np.isnan(grad).any() and _largest(look) <= bound:
                reject_nan(surface, "gradient", grad, look, t)
            point = rule.read(theta, *state, **now)
            finite = _largest(theta) <= bound and (point is theta or _largest(point) <= bound)
            finite = finite and all(np.logical_and.reduce(np.isfinite(slot), axis=None) for slot in state)
            value = value_at(surface, point) if finite else np.inf
            if not (isfinite(value) if isinstance(value, float) else np.isfinite(value)):
                if np.isnan(value):
                    reject_nan(surface, "value", value, point, t)
                diverged_at = t
                break
            points.append(point)
            values.append(value)
            looks.append(look)
            grads.append(grad)
            states.append(state)

    def stack(rows):
        return np.array(rows) if rows else np.empty((0, *theta.shape), theta.dtype)

    return Path(
        rule=rule,
        surface=surface,
        hyper={name: float(value) if np.ndim(value) == 0 else np.array(value) for name, value in hyper.items()},
        points=np.array(points),
        values=np.array(values),
        looks=stack(looks),
        gradients=stack(grads),
        state={name: np.array([s[i] for s in states]) for i, name in enumerate(rule.slots)},
        diverged_at=diverged_at,
    )
