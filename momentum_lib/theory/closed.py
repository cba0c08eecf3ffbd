"""Closed forms: answers in a line or two of arithmetic, typed once here and printed as JavaScript for the live figures.

One of them::

    @asks()
    @closed_form
    def effective_rate(lr, beta):
        return lr / (1 - beta)

Its body is straight-line arithmetic: assignments and one return of an expression, a tuple or a
``Setting``, with the functions of NumPy in ``codegen.NUMPY``; ``np.where`` chooses.  Lines that
only check come first; JavaScript, whose controls cannot leave their range, goes without.
"""

import functools

import numpy as np

CLOSED_FORMS = {}


def told(value):
    """A number, or several, as a message says it."""
    return f"{value:g}" if np.ndim(value) == 0 else np.asarray(value).tolist()


def _number(value):
    """A flag as it is, a number as float64, anything else as an array of floats."""
    return value if isinstance(value, bool) else np.asarray(value, dtype=float)[()]


def _plain(answer):
    """Plain floats where the answer is one number, or several."""
    if isinstance(answer, tuple):
        parts = map(_plain, answer)
        return type(answer)(*parts) if hasattr(answer, "_fields") else tuple(parts)
    return float(answer) if np.ndim(answer) == 0 else answer


def closed_form(fn):
    """Decorator: numbers, lists and arrays in, floats or arrays out, without warnings; and codegen prints it."""

    @functools.wraps(fn)
    def answer(*args, **kwargs):
        args, kwargs = map(_number, args), {name: _number(value) for name, value in kwargs.items()}
        with np.errstate(all="ignore"):  # np.where computes the branch that it does not take, too
            return _plain(fn(*args, **kwargs))

    CLOSED_FORMS[fn.__name__] = fn
    return answer
