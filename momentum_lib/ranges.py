"""What may be asked: the range of every number that ``theory`` and ``scale`` take, typed once under the parameter's name.

One of them::

    @asks(curvature=POSITIVE)
    def longest_step(curvature, friction):
        ...

``friction`` has the range that :data:`RANGES` gives it everywhere; the curvature, which may be negative elsewhere, has one of
its own here.  What is no number, or a number outside, is refused before the function is asked.
"""

import functools
import inspect
import reprlib
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 80


def told(value):
    """What a message says was given: its representation, the middle of a long one left out."""
    return SHORT.repr(value)


def as_array(value):
    """An array of what was given, of objects where it is none; a fraction and a huge whole number become floats.

    Numbers of which some are masked are none: what is hidden must not be computed with.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        return np.empty(0, dtype=object)
    try:
        array = np.asarray(value)
        return np.asarray(float(value)) if array.dtype.kind == "O" and isinstance(value, Real) else array
    except (OverflowError, ValueError):  # too large for a float; rows of unequal length
        return np.empty(0, dtype=object)


def real_numbers(name, value):
    """What was given as an array of real numbers, infinity and NaN among them, in its own dtype; TypeError for anything else."""
    array = as_array(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} is {told(value)}; allowed: real numbers.")
    return array


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, finite ones; the ends belong to it unless ``above`` or ``below`` says otherwise.

    ``whole``: whole numbers alone, and if it is ``loose``, floats such as 4.0, too.  ``one``: one number, no array; ``some``: at
    least one.  ``why``: what a message adds, a unit or the reason.
    """

    low: float = -np.inf
    high: float = np.inf
    above: bool = False
    below: bool = False
    whole: bool = False
    loose: bool = False
    one: bool = False
    some: bool = False
    why: str = ""

    @property
    def words(self):
        """The range as a message says it."""
        kind = "a whole number" if self.whole else "a finite number" if np.inf in (-self.low, self.high) else "a number"
        if self.low == -np.inf and self.high < np.inf:
            return f"{kind} {'<' if self.below else '<='} {self.high:g}{self.why}"
        if self.high < np.inf:
            opens, closes = "(" if self.above else "[", ")" if self.below else "]"
            return f"{kind} in {opens}{self.low:g}, {self.high:g}{closes}{self.why}"
        from_below = "" if self.low == -np.inf else f" {'>' if self.above else '>='} {self.low:g}"
        return f"{kind}{from_below}{self.why}"

    def check(self, name, value):
        """Raise TypeError for what is no number, ValueError for a number outside, or not whole."""
        numbers = as_array(value)
        if numbers.dtype.kind not in ("iu" if self.whole and not self.loose else "iuf") or self.one and numbers.ndim:
            more = "" if self.one else ", or an array of such numbers"
            raise (ValueError if self.whole else TypeError)(f"{name} is {told(value)}; allowed: {self.words}{more}.")
        if self.some and not numbers.size:
            raise ValueError(f"{name} is empty; allowed: {self.words}, or several.")
        inside = np.isfinite(numbers)
        inside &= numbers > self.low if self.above else numbers >= self.low
        inside &= numbers < self.high if self.below else numbers <= self.high
        if self.loose:
            inside &= numbers == np.floor(numbers)
        for wrong in numbers[~inside].ravel()[:1]:
            raise ValueError(f"{name} is {wrong.item()!r}; allowed: {self.words}.")


class Switch:
    """True or False: a word such as "no" would count as True."""

    @staticmethod
    def check(name, value):
        if not isinstance(value, (bool, np.bool_)) and getattr(getattr(value, "dtype", None), "kind", "") != "b":
            raise TypeError(f"{name} is {told(value)}; allowed: True or False.")


class Exact:
    """Whatever ``Fraction`` takes: text such as "1/9", whole numbers, fractions; a float as the binary fraction it is."""

    @staticmethod
    def check(name, value):
        try:
            Fraction(value)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            raise ValueError(f"{name} is {told(value)}; allowed: a finite number, or a fraction in text such as '1/9'.") from None


NUMBER = Range()
POSITIVE = Range(0, above=True)
NOT_NEGATIVE = Range(0)
PART = Range(0, 1, above=True)
BETWEEN = Range(0, 1, above=True, below=True)
COUNT = Range(1, whole=True, one=True)
ANY_COUNT = Range(1, whole=True, loose=True, one=True)
ONE_POSITIVE = Range(0, above=True, one=True)
ONE_NUMBER = Range(one=True)
EXACT = Exact()
SWITCH = Switch()
MOMENTUM = Range(0, 1, below=True)
ONE_MOMENTUM = Range(0, 1, below=True, one=True)
UP_TO_ONE = Range(0, 1)
AGE = Range(0, why=", in steps (beta/(1-beta) for momentum beta)")

RANGES = {
    **dict.fromkeys(("beta", "beta1", "beta2"), MOMENTUM),
    **dict.fromkeys(("lr", "effective", "friction", "noise", "distance", "k", "h"), NOT_NEGATIVE),
    **dict.fromkeys(("L", "loss", "time"), POSITIVE),
    "mu": Range(0, above=True, why=", and at most L"),
    **dict.fromkeys(("batch", "target", "span"), ONE_POSITIVE),
    **dict.fromkeys(("cells", "zooms", "limit", "d"), COUNT),
    **dict.fromkeys(("workers", "gpus"), ANY_COUNT),
    "n": Range(0, whole=True, loose=True, one=True),
    "product": Range(-1e100, 1e100, why=", the rate times the curvature"),
    **dict.fromkeys(("curvature", "omega", "start", "velocity", "step", "t"), NUMBER),
    **dict.fromkeys(("xx", "xv", "vv", "xw", "vw", "ww", "wu", "x", "y", "w", "v", "a", "b", "c"), NUMBER),
    **dict.fromkeys(("age", "ages", "young", "old"), AGE),
    **dict.fromkeys(("part", "newest"), PART),
    **dict.fromkeys(("probability", "probabilities"), Range(0, 1, above=True, some=True, why=", how often a direction is shown")),
    "rate": BETWEEN,
    "tol": PART,
    **dict.fromkeys(("tokens", "new_tokens"), Range(0, above=True, one=True, why=", in tokens per step")),
    "half_life_tokens": Range(0, above=True, one=True, why=", in tokens"),
    "parameters": ONE_POSITIVE,
    "sigma": Range(0, why=", the noise's standard deviation in f / theta"),
    "shares": NOT_NEGATIVE,
    "share": UP_TO_ONE,
    **dict.fromkeys(("averaged", "ahead"), SWITCH),
    "curvatures": Range(0, above=True, some=True),
    "values": NOT_NEGATIVE,
    "polynomials": NUMBER,
    "path": NUMBER,
    "who": Range(whole=True, loose=True),
    "longest": Range(3, whole=True, one=True, why=", the corners of a polygon"),
    "period": Range(3, whole=True, one=True, why=", the corners of a polygon"),
}


def asks(**own):
    """Decorator: each argument that :data:`RANGES` or ``own`` names is in its range, or the call is refused.

    None passes where the signature's default is None.  Raises TypeError (no numbers) and ValueError (a number outside).
    """

    def wrap(fn):
        signature = inspect.signature(fn)
        ranges = {name: RANGES.get(name) for name in signature.parameters} | own
        extra = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)
        optional = {name for name, parameter in signature.parameters.items() if parameter.default is None}

        @functools.wraps(fn)
        def asked(*args, **kwargs):
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:
                return fn(*args, **kwargs)  # which says it with its own name
            more = given.get(extra, {})  # hyper-parameters, of which ``own`` may name some
            for name, value in [*given.items(), *((name, more[name]) for name in own if name in more)]:
                if ranges.get(name) is not None and not (value is None and name in optional):
                    ranges[name].check(name, value)
            return fn(*args, **kwargs)

        return asked

    return wrap
