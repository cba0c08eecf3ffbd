"""The first momentum schedule that deep learning adopted."""

import numpy as np

from ..ranges import MOMENTUM, NOT_NEGATIVE, POSITIVE, asks


@asks(t=NOT_NEGATIVE, limit=MOMENTUM, every=POSITIVE)
def sutskever(t, limit=0.99, every=250):
    """Momentum at step ``t`` (a number or an array, from 0): 1/2 at first, then 3/4, 5/6, 7/8 ... up to ``limit``.

    min(1 - 2^(-1 - log2(floor(t/every) + 1)), limit), which is 1 - 1/(2k) in the k-th stretch of
    ``every`` steps.  Returns an array of t's shape.  Raises ValueError for a negative step or a
    limit outside [0, 1).
    Source: Sutskever, Martens, Dahl and Hinton 2013, section 3.
    """
    t = np.asarray(t, dtype=float)
    return np.minimum(1 - 2.0 ** (-1 - np.log2(t // every + 1)), limit)
