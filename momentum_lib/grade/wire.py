"""What may cross from a student's process to the one that keeps the score: plain data, as JSON.

Numbers, strings, lists, tuples, dicts and NumPy arrays of numbers cross; everything else crosses
as the name of its type.  Nothing is unpickled, nothing of the student's is compared with ``==``,
and a message has a greatest size.
"""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np

LARGEST_MESSAGE = 4_000_000  # bytes of one line
LARGEST_ARRAY = 200_000  # numbers in one array
DEEPEST = 12  # levels of nesting


class Alien:
    """A value that is no plain data: all that is known of it is the name of its type."""

    def __init__(self, kind):
        self.kind = str(kind)[:80]

    def __repr__(self):
        return f"<a {self.kind}>"


class Program:
    """A function given by its source text, to be built where the student's code runs.

    ``source`` defines ``name``; it may import NumPy and momentum_lib.
    """

    def __init__(self, source, name):
        self.source, self.name = source, name

    def build(self):
        """The function itself, made from the text."""
        names = {}
        exec(compile(self.source, "<given implementation>", "exec"), names)
        return names[self.name]


def encode(value):
    """A value as plain JSON data; what cannot cross becomes ``{"alien": type name}``.

    NumPy's numbers of every width cross (a long double as a double), its texts as texts, fractions and decimals as floats.
    """
    return _encoded(value, 0, [LARGEST_ARRAY])


def _encoded(value, depth, left):
    """``left`` counts down the values that may still cross: a list of lists of one list has more than it has bytes."""
    kind = type(value)
    left[0] -= 1
    if left[0] < 0:
        return {"alien": "value of too many parts"}
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if abs(value) < 2**63 else {"alien": "int with more than 63 bits"}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind in (Fraction, Decimal):
        return _of_fraction(value)
    if depth >= DEEPEST:
        return {"alien": f"{kind.__name__} nested too deep"}
    if isinstance(value, np.generic) and kind.__module__ == "numpy":
        return _of_scalar(value)
    if kind is np.ndarray:
        return _of_array(value, left)
    if kind in (list, tuple):
        return {kind.__name__: [_encoded(item, depth + 1, left) for item in value]}
    if kind is dict:
        return {"dict": [[_encoded(key, depth + 1, left), _encoded(item, depth + 1, left)] for key, item in value.items()]}
    if kind is Program:
        return {"program": value.source, "name": value.name}
    return {"alien": kind.__name__}


def _of_fraction(value):
    try:
        return encode(float(value))
    except (OverflowError, ValueError):
        return {"alien": f"{type(value).__name__} too large for a float"}


def _of_scalar(value):
    """A number of NumPy's with its dtype, or a text of NumPy's as a text."""
    if value.dtype.kind == "U":
        return str(value)
    if value.dtype.kind not in "biuf":
        return {"alien": value.dtype.name.rstrip("0123456789") if value.dtype.kind in "SV" else value.dtype.name}
    value = value if value.dtype.itemsize <= 8 else np.float64(value)
    return {"scalar": encode(value.item()), "dtype": str(value.dtype)}


def _of_array(value, left):
    if value.dtype.kind not in "biuf":
        return {"alien": f"array of {value.dtype}"}
    if value.size > left[0]:
        return {"alien": f"array of {value.size} numbers"}
    left[0] -= value.size
    value = value if value.dtype.itemsize <= 8 else value.astype(np.float64)
    return {"array": [encode(number) for number in value.ravel().tolist()], "shape": list(value.shape), "dtype": str(value.dtype)}


def decode(data, *, programs=False):
    """The value of plain JSON data.  ``programs=True`` (in the student's process alone) builds functions from source.

    Raises ValueError for anything that :func:`encode` does not write.
    """
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, dict):
        match data:
            case {"float": ("nan" | "inf" | "-inf") as text}:
                return float(text)
            case {"scalar": number, "dtype": str(dtype)}:
                return number_type(dtype)(decode(number))
            case {"array": list(numbers), "shape": list(shape), "dtype": str(dtype)}:
                return np.array([decode(number) for number in numbers], dtype=number_type(dtype)).reshape(shape)
            case {"list": list(items)}:
                return [decode(item, programs=programs) for item in items]
            case {"tuple": list(items)}:
                return tuple(decode(item, programs=programs) for item in items)
            case {"dict": list(items)}:
                return {as_key(decode(key)): decode(item, programs=programs) for key, item in items}
            case {"alien": kind}:
                return Alien(kind)
            case {"program": str(source), "name": str(name)} if programs:
                return Program(source, name).build()
    raise ValueError(f"not a value that may cross: {str(data)[:80]!r}")


def number_type(text):
    """The NumPy type of numbers by its name, never one of objects."""
    dtype = np.dtype(text)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError(f"dtype {text!r} may not cross")
    return dtype.type


def as_key(key):
    """A dictionary's key, if it is a string or a number."""
    if isinstance(key, (str, int, float)):
        return key
    raise ValueError("a dictionary's keys must be strings or numbers")


def dumps(message):
    """One message as one line of bytes."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
