"""A whole sweep as calls of a compiled kernel: large enough to cost nothing, short enough to be interrupted."""

import math
import os

import numpy as np

from .build import call
from .in_c import V

CELLS = 1 << 18  # of one call at most, so that what a call keeps between two stretches of steps stays small
WORK = 1 << 31  # operations of one call: some tenths of a second
TABLE_BYTES = 1 << 24  # of looked-up values at a time


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Calls:
    """One sweep, ready to be run by ``function``, the compiled form of ``kernel``.

    ``start``, ``steps``, ``bound``, ``reach``, ``origin`` (the start's distance to a minimum) and ``out`` (result
    name -> array shaped like the grid) are the sweep's, ``lookup`` what the kernel looks up.
    """

    def __init__(self, kernel, function, lookup, *, start, steps, shape, bound, reach, origin, out):
        self.kernel, self.function, self.lookup = kernel, function, lookup
        self.steps, self.shape, self.out = steps, shape, out
        self.size = math.prod(shape)
        known = {**lookup.numbers, "bound": bound, "reach": reach or 0.0, "origin": origin or 1.0}
        known.update({f"start{i}": x for i, x in enumerate(start)})
        self.numbers = [float(known[name]) for name in kernel.numbers]
        self.strides = {name: math.prod(shape[k + 1 :]) for k, name in enumerate(lookup.axes)}
        self._tables = {}

    def used(self, axis, begin, end):
        """The places of an axis that a range of cells uses: the first one, and how many from there on, round and round."""
        length, stride = len(self.lookup.axes[axis]), self.strides[axis]
        count = (end - 1) // stride - begin // stride + 1
        return (0, length) if count >= length else (begin // stride % length, count)

    def table(self, name, times, first, count):
        """One table of looked-up values; a table of all steps and places is made once."""
        key = (name, times, first, count)
        if key in self._tables:
            return self._tables[key]
        if name is None:
            table = self.lookup.by_step(times)
        else:
            length = len(self.lookup.axes[self.kernel.program.by_axis[name][0]])
            table = self.lookup.by_axis(name, times, (first + np.arange(count)) % length)
        if len(times) == self.steps:
            self._tables[key] = table
        return table

    def at_once(self, begin, end):
        """How many steps one call makes."""
        p = self.kernel.program
        width = len(p.by_step) + sum(self.used(axis, begin, end)[1] for axis, _ in p.by_axis.values())
        work = int(WORK / p.operations) // (end - begin)
        return max(1, min(self.steps, work, TABLE_BYTES // (8 * max(1, width))))

    def __call__(self, done=None):
        """Run all cells.  Returns the first cell found at which the surface answered NaN, or None.

        ``done(n)`` is called with the steps times runs that were made since the last call.
        """
        for begin in range(0, self.size, CELLS):
            end = min(begin + CELLS, self.size)
            wrong = self.cells(begin, end, done)
            if wrong >= 0:
                return wrong
        return None

    def cells(self, begin, end, done):
        """Run a range of cells, stretch by stretch of steps."""
        kernel, at_once = self.kernel, self.at_once(begin, end)
        blocks, wrong = -(-(end - begin) // V), -1
        saved = None if at_once >= self.steps else np.empty(blocks * kernel.saved, kernel.dtype)
        threads = min(cores(), -(-blocks // 4))
        known = {"begin": begin, "end": end, "budget": self.steps, "size": self.size, "cores": threads}
        arrays = {
            "saved": saved,
            **self.out,
            **{f"axis_{n}": axis for n, axis in self.lookup.axes.items()},
            **self.lookup.derived,
        }
        for name, axis in self.lookup.axes.items():
            known[f"offset_{name}"], known[f"width_{name}"] = self.used(name, begin, end)
            known[f"stride_{name}"], known[f"length_{name}"] = self.strides[name], len(axis)
        for first in range(1, max(2, self.steps + 1), at_once):
            stop = min(first + at_once, self.steps + 1)
            times = range(first, stop)
            known |= {"first": first, "stop": stop}
            arrays["by_step"] = self.table(None, times, 0, 0)
            for name, (axis, _) in kernel.program.by_axis.items():
                arrays[f"table_{name}"] = self.table(name, times, *self.used(axis, begin, end))
            whole = [known[name] for name in kernel.whole]
            wrong = call(self.function, whole, self.numbers, [arrays.get(name) for name in kernel.arrays])
            if done is not None:
                done(len(times) * (end - begin))
        return wrong
