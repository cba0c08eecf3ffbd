"""Sixteen bits: what bfloat16 keeps of a number, exactly, in NumPy.

A bfloat16 is the upper half of a float32: its sign, its eight bits of exponent, seven bits of
fraction.  Between two neighbouring numbers lies 1/128 of their power of two, so an average that
should move by less than half of that stays where it is.
"""

import numpy as np

from ..ranges import real_numbers

UPPER = np.uint32(0xFFFF0000)


def _bits(x):
    return np.ascontiguousarray(real_numbers("x", x), dtype=np.float32).view(np.uint32)


def _upper(bits, x):
    """The float32 with the upper half of ``bits``; NaN stays NaN, whatever was added to it."""
    rounded = (bits & UPPER).view(np.float32)
    return np.where(np.isnan(np.asarray(x, dtype=np.float32)), np.float32(np.nan), rounded).reshape(np.shape(x))[()]


def bf16(x):
    """``x`` rounded to bfloat16, to the nearest, ties to the even neighbour; returned as float32 of the same shape.

    Where ``x`` is float64 it is first rounded to float32, as a processor does on its way.
    """
    bits = _bits(x)
    return _upper(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)), x)


def bf16_stochastic(x, rng):
    """``x`` rounded to one of its two bfloat16 neighbours at random, so that the mean is ``x``; float32, the same shape.

    ``rng`` is a numpy Generator.  Infinity and NaN stay what they are.
    """
    bits = _bits(x)
    lifted = bits + rng.integers(0, 1 << 16, bits.shape, dtype=np.uint32)
    return _upper(np.where(np.isfinite(np.asarray(x, dtype=np.float32)).reshape(bits.shape), lifted, bits), x)


def bf16_gap(x):
    """The distance from the size of ``x``, as bfloat16 has it, to the next larger bfloat16 (``x`` finite);
    float32, the same shape."""
    bits = _bits(np.abs(bf16(x)))
    return ((bits + np.uint32(0x10000)).view(np.float32) - bits.view(np.float32)).reshape(np.shape(x))[()]
