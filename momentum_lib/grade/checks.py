"""Checks that teach: types first, then shapes, then values, then which known mistake it is.

Every check takes an answer (a student's function or value, or the name of one in the sandbox) and
returns the sentence that praises it, or raises :class:`~momentum_lib.grade.answers.Wrong` with the sentence that helps.
"""

import hashlib
import secrets

import numpy as np

from ..core import slot_shape
from ..looks import in_sentence
from ..rules import get
from ..surfaces import get as get_surface
from .answers import Answer, Remote, Wrong, answer, as_array, as_number
from .misconceptions import misconceptions
from .wire import Program

SECRET = secrets.token_hex(16)  # in which order a student's test meets implementations: nobody can have written for it
CLOSE = 1e-9  # relative; far above rounding, far below any mistake


def parameter(student, name, choices):
    """One of the choices, the same for the same student and name whenever it is asked.

    ``student`` is the text (or whole number) by which a student is known, ``name`` the question's name, ``choices`` a
    sequence.  The empty text of a blank copy gets a choice, too, and a printed line
    that says so: a notebook that is run whole should not stop here.  The choice is a hash of both, so it needs
    no file and no server.

    >>> parameter("ada", "kappa", [25, 50, 100]) == parameter(" Ada ", "kappa", [25, 50, 100])
    True
    """
    if isinstance(student, bool) or not isinstance(student, (str, int)) or (student and not str(student).strip()):
        raise ValueError(f"STUDENT is {student!r}; write your own name, number or address there, as your course asks.")
    choices, student = list(choices), str(student)
    if not choices:
        raise ValueError(f"parameter {name!r} has no choices.")
    if not student:
        print("STUDENT is still empty, so these numbers are nobody's. Write your own name, number or address there first.")
    text = f"{student.strip().lower()}\n{name}".encode("utf-8", "surrogatepass")
    return choices[int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % len(choices)]


def same(a, b):
    """Whether two paths (steps, dim) agree to rounding, relative to the largest number met so far.

    A path that leaves the finite numbers is compared up to there.
    """
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.logical_and.accumulate(np.isfinite(b).all(axis=1))
        a, b = a[finite], b[finite]
        scale = np.maximum.accumulate(np.abs(b).max(axis=1, initial=1e-300))[:, None]
        return bool(np.all(np.abs(a - b) <= CLOSE * scale))


def alike(a, b):
    """Whether two paths agree to rounding as far as either is finite: a path of NaN is like no other."""
    return same(a, b) and same(b, a)


# -- rules -----------------------------------------------------------------------------------------


def _path(rule, step, looks, surface, start, schedule, dtype):
    """The points (steps + 1, dim) that ``step(theta, grad, state, hyper, t)`` makes."""
    theta = np.asarray(start, dtype=dtype)
    state, points = rule.init(theta), [theta]
    with np.errstate(all="ignore"):
        for t, hyper in enumerate(schedule, start=1):
            grad = surface.gradient(looks(theta, *state, **hyper)).astype(dtype)
            theta, state = step(theta, grad, state, hyper, t)
            points.append(theta)
    return np.array(points)


def _schedule(rule, hyper, steps, drop):
    """One dict of hyper-parameters a step; ``drop`` divides the rate by ten half-way, which parts what a constant rate cannot."""
    full = {**{key: value for key, value in rule.hyper.items() if value is not None}, **hyper}
    return [{**full, "lr": full["lr"] / (10 if drop and t >= steps // 2 else 1)} for t in range(steps)]


def update_rule(given, like, *, surface="ravine", start=None, steps=12, drop=True, look=None, dtype=float, **hyper):
    """Check an update rule that has the library's signature against the library's rule ``like``, by its path.

    ``given(theta, grad, *state, **hyper)`` returns the new point and then the state (plus ``t=`` where
    the rule counts steps).  ``look(theta, *state, **hyper)``, where given, is the student's own place to measure
    the gradient.  ``surface`` is a surface or its name, ``hyper`` the settings; ``drop`` lowers the rate tenfold half-way.
    """
    rule, student, place = get(like), answer(given), answer(look) if look is not None else None
    surface = get_surface(surface)
    start = surface.start if start is None else start
    schedule = _schedule(rule, hyper, steps, drop)
    slots = list(rule.slots)

    def take(theta, grad, state, now, t):
        out = student.call(theta, grad, *state, **now, **({"t": t} if rule.uses_t else {}))
        parts = [out] if not slots and isinstance(out, np.ndarray) else out
        wanted = ", ".join(["theta", *slots])
        if not isinstance(parts, (tuple, list)) or len(parts) != 1 + len(slots):
            what = f"{len(parts)} values" if isinstance(parts, (tuple, list)) else "one value"
            raise Wrong(
                f"{student.name} must return {wanted}, in this order; it returned {what if out is not None else 'nothing'}."
            )
        arrays = [
            as_array(f"the {name} that {student.name} returns", part, slot_shape(rule.slots.get(name, 0), theta.shape))
            for name, part in zip(("theta", *slots), parts)
        ]
        for name, part in zip(("theta", *slots), parts):
            if getattr(part, "dtype", theta.dtype) != theta.dtype:
                raise Wrong(f"{student.name} changed the dtype of {name} from {theta.dtype} to {part.dtype}; keep the input's.")
        return arrays[0].astype(dtype), tuple(array.astype(dtype) for array in arrays[1:])

    def measured(theta, *state, **now):
        if place is None:
            return rule.look(theta, *state, **now)
        return as_array(f"the point that {place.name} returns", place.call(theta, *state, **now), theta.shape)

    wanted = _path(
        rule, lambda theta, grad, state, now, t: rule.step(theta, grad, state, now, t), rule.look, surface, start, schedule, dtype
    )
    path = _path(rule, take, measured, surface, start, schedule, dtype)
    tell = (lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-5)) if np.dtype(dtype) == np.float32 else alike
    if tell(path, wanted):
        return f"{student.name} makes the path of {in_sentence(rule)}, step for step."
    for known in misconceptions(rule):
        if tell(_path(rule, known.step, known.looks or rule.look, surface, start, schedule, dtype), path):
            raise Wrong(f"{student.name}: {known.message}", why=known.name)
    first = next(t for t in range(len(wanted)) if not tell(path[: t + 1], wanted[: t + 1]))
    raise Wrong(
        f"{student.name} leaves the path of {in_sentence(rule)} at step {first} of {steps}"
        + (", where the learning rate has dropped" if drop and first > steps // 2 else "")
        + ". Do that step by hand and compare."
    )


# -- numbers and functions -----------------------------------------------------------------------------


def _recognise(name, value, wrong, tol):
    """Raise Wrong with the sentence of the known wrong value that ``value`` equals."""
    for sentence, known in ((wrong() if callable(wrong) else wrong) or {}).items():
        if np.allclose(value, known, rtol=tol, atol=0):
            raise Wrong(f"{name}: {sentence}", why=sentence)


def number(given, expected=None, *, name=None, tol=1e-6, between=None, wrong=None):
    """Check a number: that it is one, in its range, and (where ``expected`` is given) right to the relative ``tol``.

    ``wrong`` maps the sentence that helps to the value that the mistake gives; a function that makes it is called for an
    answer that is not right alone.
    """
    student = answer(given)
    name = name or student.name
    value = as_number(name, student.value())
    if between is not None and not between[0] <= value <= between[1]:
        raise Wrong(f"{name} is {value:g}; an answer lies between {between[0]:g} and {between[1]:g}. Check the units.")
    if expected is not None and not abs(value - expected) <= tol * max(abs(expected), 1e-300):
        _recognise(name, value, wrong, tol)
        raise Wrong(f"{name} = {value:g} is not the answer.")
    if expected is None:
        _recognise(name, value, wrong, tol)
        return f"{name} = {value:g} is a number in range."
    return f"{name} = {value:g} is right."


def array(given, expected=None, *, shape=None, name=None, tol=1e-6, wrong=None):
    """Check an array of numbers: type, shape, then (where ``expected`` is given) values to the relative ``tol`` of the largest.

    A list or tuple of numbers counts as an array.  ``wrong`` maps the sentence that helps to the array that the mistake gives.
    """
    student = answer(given)
    name, shape = name or student.name, np.shape(expected) if expected is not None else shape
    value = as_array(name, listed(student.value()), shape)
    if expected is None:
        return f"{name} is an array of shape {value.shape}."
    if np.allclose(value, expected, rtol=0, atol=tol * np.max(np.abs(expected))):
        return f"{name} is right."
    _recognise(name, value, wrong, tol)
    raise Wrong(f"{name} has the right shape and not the right numbers.")


def returned(given, shape, name):
    """What a call gave, or a student's value, as an array of finite numbers: for the rows of a table of properties.

    Raises Wrong where it is none, or has another ``shape``; ``()`` stands for one number.
    """
    made = as_array(name, listed(given.value() if isinstance(given, (Answer, Remote)) else given), shape)
    if not np.isfinite(made).all():
        raise Wrong(f"{name} holds a number that is not finite.")
    return made


def listed(value):
    """A list or tuple of plain numbers as an array; anything else as it is."""
    plain = isinstance(value, (list, tuple)) and all(type(item) in (int, float) or isinstance(item, np.generic) for item in value)
    return np.array(value, dtype=float) if plain else value


def function(given, reference, cases, *, tol=1e-6, wrong=None):
    """Check a function of plain arguments against ``reference`` on every case (a tuple of arguments).

    ``reference`` is a function, or a sequence with the expected value of each case.  ``wrong`` maps the
    sentence that helps to a function that makes the mistake; it is recognised where it explains every case.
    """
    student = answer(given)
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    expected = [reference(*case) for case in cases] if callable(reference) else list(reference)
    results = []
    for case, goal in zip(cases, expected, strict=True):
        value = student.call(*case)
        label = f"{student.name}({', '.join(brief(item) for item in case)})"
        if np.ndim(goal) == 0:
            results.append(np.asarray(as_number(label, value)))
        else:
            results.append(as_array(label, listed(value), np.shape(goal)))
    if all(np.allclose(value, goal, rtol=tol, atol=tol * 1e-3) for value, goal in zip(results, expected)):
        return f"{student.name} is right on {len(cases)} cases." if len(cases) > 1 else f"{student.name} is right on this case."
    for sentence, mistake in (wrong or {}).items():
        if all(np.allclose(value, mistake(*case), rtol=tol, atol=tol * 1e-3) for value, case in zip(results, cases)):
            raise Wrong(f"{student.name}: {sentence}", why=sentence)
    case = next(
        case for case, value, goal in zip(cases, results, expected) if not np.allclose(value, goal, rtol=tol, atol=tol * 1e-3)
    )
    raise Wrong(f"{student.name}({', '.join(brief(item) for item in case)}) is not right. Work this case out by hand.")


def brief(item):
    """An argument in a few characters."""
    if isinstance(item, np.ndarray):
        return f"array of shape {item.shape}"
    return f"{item:g}" if isinstance(item, float) else str(item)[:40]


# -- predictions and text ----------------------------------------------------------------------------------


def prediction(given, *, between, name=None):
    """Check that a prediction was committed: a number in range.  Any such number counts; being wrong here costs nothing."""
    student = answer(given)
    value = as_number(name or student.name, student.value())
    if not between[0] <= value <= between[1]:
        raise Wrong(f"{name or student.name} is {value:g}; commit to a number between {between[0]:g} and {between[1]:g}.")
    return f"You committed to {value:g}."


class Points(float):
    """Points that a check gives, with the sentence that goes with them: ``Points(2.5, "two rows of four hold")``."""

    def __new__(cls, value, said):
        made = super().__new__(cls, value)
        made.said = said
        return made


def curve(given, measured=None, *, points=0, close, far, shape=None, name=None, unit="", copied=None):
    """Score a curve that was drawn before the run, by its mean distance from the measured one.

    ``given`` and ``measured`` are arrays of one shape, in one ``unit``; with e = mean(abs(given - measured)) the score is
    points * (far - e) / (far - close), not less than 0 and not more than ``points``: all of them up to ``close``, none from
    ``far`` on.  A drawing that is nowhere farther than ``copied`` from the measurement (by default a hundredth of ``close``)
    was made after the run, and earns nothing.  Without ``measured`` the type and the ``shape`` are checked alone.
    """
    student = answer(given)
    name = name or student.name
    if not 0 <= close < far:
        raise ValueError(f"close is {close:g} and far is {far:g}; allowed: 0 <= close < far.")
    value = as_array(name, listed(student.value()), np.shape(measured) if measured is not None else shape)
    if not np.isfinite(value).all():
        raise Wrong(f"{name} holds a number that is not finite; draw a number at every place.")
    if measured is None:
        return f"you drew {value.size} numbers in {name}. Now run, and compare."
    distance = np.abs(value - measured)
    if distance.max() <= (close / 100 if copied is None else copied):
        raise Wrong(f"{name} is the measurement itself. A prediction is made before the run, and it may be wrong.", why="copied")
    error = distance.mean()
    earned = points * min(1.0, max(0.0, (far - error) / (far - close)))
    said = f"{name} is {error:.2g}{unit and ' '}{unit} from the run on average: {earned:.3g} of {points:g} points."
    if earned == 0:
        raise Wrong(said)
    return Points(earned, said)


def properties(given, rows, *, points, conditions=()):
    """Check a function by a table of properties: an equal share of the points for each row that holds.

    ``rows`` and ``conditions`` are ``(sentence, holds)``: the sentence says what must hold, and ``holds(call)`` says whether it
    does, with ``call(*arguments)`` to ask the student's function.  A condition that does not hold takes all points, and so
    does a call that fails: put there what a function that does nothing fulfils.
    """
    student = answer(given)
    for sentence, holds in conditions:
        if not holds(student.call):
            raise Wrong(f"{student.name}: this must hold, and does not: {sentence}", why=sentence)
    failed = [sentence for sentence, holds in rows if not holds(student.call)]
    kept = len(rows) - len(failed)
    if not failed:
        count = len(conditions) + len(rows)
        return Points(points, f"{student.name} has {f'all {count} properties' if count > 1 else 'the property'}.")
    said = f"{student.name}: {kept} of {len(rows)} rows hold. This one does not: {failed[0]}"
    if not kept:
        raise Wrong(said, why=failed[0])
    return Points(points * kept / len(rows), said)


# -- tests that the student writes ---------------------------------------------------------------------------


def bug_hunt(given, *, right, bugs, points):
    """Grade a test that the student wrote by what it notices: points for each planted bug, none if it cries wolf.

    ``given(implementation)`` returns True where the implementation is right and False where it is not (or
    raises AssertionError there).  ``right`` and ``bugs`` are lists of :class:`momentum_lib.grade.Program`.  Returns the points.

    Each implementation is shown three times, in orders that hang on a secret of the grader's process: when submissions are
    graded, first each to a process that has seen no other, then twice all to one.  Where that makes a difference, three rounds
    like the first one follow: order, count, memory and the clock are worth nothing, and chance a point in some thousand tests.
    What is noticed counts where it is noticed each time.
    """
    student = answer(given)
    programs = [(program, True) for program in right] + [(program, False) for program in bugs]
    rounds = [verdicts(student, programs, "first")]
    for name in ("together", "together again"):
        try:
            said = verdicts(student, programs, name, together=True)
        except Wrong:
            said = None
        if said != rounds[0]:
            rounds += [verdicts(student, programs, f"again {k}") for k in range(3)]
            break
        rounds.append(said)
    noticed = sum(not any(said[number] for said in rounds) for number in range(len(right), len(programs)))
    if noticed == 0:
        raise Wrong(
            f"{student.name} accepts all {len(bugs)} planted bugs. Which input makes a wrong rule and a right one differ?"
        )
    return points * noticed / len(bugs)


def verdicts(student, programs, name, together=False):
    """What a student's test says of each of the (program, whether it is right), in the order of the round ``name``.

    Raises Wrong where it rejects a right one that it meets alone.
    """
    said = {}
    for place, number in enumerate(shuffled(len(programs), f"{name} {student.seed} {SECRET}")):
        program, good = programs[number]
        if not together or place == 0:
            student.fresh()
        said[number] = accepts(student, program)
        if good and not said[number] and not together:
            raise Wrong(
                f"{student.name} rejects an implementation that is right. A test that always fails finds nothing: which "
                "property did it ask for?"
            )
    return said


def shuffled(count, seed):
    """The numbers below ``count`` in an order that a text decides."""
    return sorted(range(count), key=lambda number: hashlib.sha256(f"{number} {seed}".encode()).digest())


def accepts(student, program):
    """The verdict of a student's test on one implementation.  Raises Wrong where it gives none."""
    try:
        verdict = student.call(program)
    except Wrong as error:
        if error.kind == "AssertionError":
            return False
        raise
    if verdict is None:
        return True
    if type(verdict) not in (bool, np.bool_):
        raise Wrong(f"{student.name} must return True or False, or raise AssertionError.")
    return verdict


__all__ = [
    "Points",
    "Program",
    "Wrong",
    "array",
    "bug_hunt",
    "curve",
    "function",
    "number",
    "parameter",
    "prediction",
    "properties",
    "returned",
    "update_rule",
]
