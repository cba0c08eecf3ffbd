"""Noise that is the same in Python and in the browser (js/kit/noise.js)."""

import numpy as np


def draw_noise(n, seed=0):
    """``n`` draws of noise with mean 0 and variance 1, the same numbers as in the browser, bit for bit.

    Each is the sum of twelve uniform numbers, less six: close to normal, never beyond 6, and made
    by additions alone, so that Python and JavaScript agree exactly.  The uniforms come from
    mulberry32 (T. Ettinger 2017, public domain), which hashes a counter; ``seed`` starts the counter.
    Returns floats of shape (n,).
    """
    mask = np.uint64(0xFFFFFFFF)
    count = np.arange(1, 12 * n + 1, dtype=np.uint64)
    a = (np.uint64(seed * 0x9E3779B1 & 0xFFFFFFFF) + count * np.uint64(0x6D2B79F5)) & mask
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & mask
    t ^= (t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & mask)) & mask
    uniform = (t ^ (t >> np.uint64(14))).astype(float) / 2**32
    return uniform.reshape(n, 12).sum(axis=1) - 6
