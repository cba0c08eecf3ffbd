"""The plain path: a group's step on the tensors where they lie, in place, without a compiler."""

import ctypes
import os

import torch

from . import _inplace
from ._step import advance, followed, pieces

ROUNDED = 4  # units in the last digit by which a point looked up again, in another order of operations, may differ
STACKED = 2**14  # numbers in a matrix up to which a CPU multiplies several as one product sooner than one after the other
LISTED = 2**26  # numbers that one call moves on an accelerator: what its temporaries may take
MEMCMP = ctypes.CDLL(None if os.name == "posix" else "msvcrt").memcmp
MEMCMP.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Plain:
    """The steps of one group at one moment: a :class:`Way`, its numbers, and the program in place where there is one.

    A number that lives on an accelerator is not read, so the rule's text runs as it stands there.
    ``join``: whether looking ahead may round otherwise than the text, as :func:`momentum_lib.optim._inplace.look_of` says.
    """

    def __init__(self, way, values, join=True):
        self.way, self.values = way, values
        read = not any(isinstance(value, torch.Tensor) for value in values.values())
        self.program = _inplace.step_of(way) if read else None
        self.look = _inplace.look_of(way.rule, join) if way.rule.look_fn else None
        self._numbers, self._looks, self._scratch, self._spaces = {}, {}, {}, {}

    def numbers(self, t, shape=()):
        """What arrays meet at step ``t``, matrices of this shape; None where the text has to run as it stands."""
        if self.program is None or (self.way.rule.look_fn and self.look is None):
            return None
        sides = dict(zip(("_columns", "_rows"), map(float, reversed(shape)))) if self.way.rule.matrix else {}
        key = (t, *sides.values())
        if key not in self._numbers:
            try:
                self._numbers[key] = self.program.numbers({**self.values, **sides}, t)
            except ArithmeticError:  # arrays divide by zero in their own way
                self._numbers[key] = None
        return self._numbers[key]

    def space(self, count, like):
        """``count`` arrays like this one, whose content is of no use to anyone."""
        if not count:
            return []
        if not like.is_contiguous():
            return [torch.empty_like(like) for _ in range(count)]
        kind = like.dtype, like.shape, count
        if kind not in self._spaces:
            size, kept = like.numel(), self._scratch.get(like.dtype, [])
            if len(kept) < count or kept[0].numel() < size:
                kept = [torch.empty(size, dtype=like.dtype) for _ in range(max(count, len(kept)))]
                self._scratch[like.dtype], self._spaces = kept, {}
            self._spaces[kind] = [space.narrow(0, 0, size).view(like.shape) for space in kept[:count]]
        return self._spaces[kind]

    def move(self, shown, theta, grad, slots, t, before):
        """One parameter's step in place; arguments as for :func:`momentum_lib.optim._step.advance`."""
        numbers = (
            self.numbers(t, theta.shape) if type(theta) is type(grad) is torch.Tensor and theta.device.type == "cpu" else None
        )
        apart = theta is not shown
        for where, point, piece, *held in pieces(self.way.rule, (shown, theta, grad, *slots)):
            where = where if apart else point
            if numbers is None:
                advance(self.way, where, point, piece, held, self.values, t, before)
            else:
                self._block(where, point, piece, held, numbers, before)

    def together(self, shown, theta, grad):
        """Whether a parameter can move with others of its kind: elementwise ones of an accelerator, and small matrices."""
        if theta.device.type == "cpu" and not (self.way.rule.matrix and theta.numel() <= STACKED and self.program):
            return False
        if theta is not shown or grad.dtype != theta.dtype or not (self.way.rule.matrix or self.program):
            return False
        return not any(hasattr(type(tensor), "__tensor_flatten__") for tensor in (theta, grad))  # several, with own arithmetic

    def move_together(self, members):
        """Move parameters, a list of (theta, grad, slots, t), in as few calls as their kinds and LISTED allow."""
        kinds, matrix = {}, self.way.rule.matrix
        for theta, grad, slots, t in members:
            kind = (theta.device, theta.dtype, t, theta.shape if matrix else None)
            kinds.setdefault(kind, []).append((theta, grad, *slots))
        for (_, _, t, _), arrays in kinds.items():
            for some in portions(arrays):
                (self._stack if matrix else self._list)(some, t)

    def _stack(self, some, t):
        """Matrices of one shape as one array (number, rows, columns), on which the rule's text runs as on one."""
        stacks = [torch.stack(column) for column in zip(*some)]
        theta, grad, *slots = stacks
        numbers = self.numbers(t, theta.shape)
        if numbers is None:
            advance(self.way, theta, theta, grad, slots, self.values, t)
        else:
            space = [torch.empty_like(theta) for _ in range(self.program.scratch)]
            self.program.one([theta, grad, *slots], space, numbers)
        for own, moved in zip(zip(*some), (theta, None, *slots)):
            if moved is not None:
                torch._foreach_copy_(list(own), list(moved.unbind()))

    def _list(self, some, t):
        """Parameters of any shapes, an operation at a time on all of them."""
        numbers = self.numbers(t)
        if numbers is not None:
            self.program.many([list(column) for column in zip(*some)], (), numbers)
            return
        for theta, grad, *slots in some:
            advance(self.way, theta, theta, grad, slots, self.values, t)

    def _block(self, shown, theta, grad, slots, numbers, before):
        if shown is not theta:
            self._follow(shown, theta, slots, before)
        if grad.dtype != theta.dtype:
            grad = grad.to(theta.dtype)
        arrays = [theta, grad, *slots]
        if self.look and self.way.decay == "coupled":
            arrays.append(shown.to(theta.dtype))
        self.program.one(arrays, self.space(self.program.scratch, theta), numbers)
        if shown is theta:
            return
        if self.look is None:
            shown.copy_(theta)
        else:
            self._look(shown, theta, slots, self._look_numbers(self.values))

    def _look(self, into, theta, slots, numbers):
        """Write where the rule looks from into an array."""
        target = into if into.dtype == theta.dtype else torch.empty_like(theta)
        self.look.one([target, theta, *slots], self.space(self.look.scratch, theta), numbers)
        if target is not into:
            into.copy_(target)

    def _look_numbers(self, hyper):
        """What arrays meet where the rule looks by these hyper-parameters; None where one of them is not read."""
        if id(hyper) not in self._looks:
            read = not any(isinstance(value, torch.Tensor) for value in hyper.values())
            self._looks[id(hyper)] = hyper, self.look.numbers(hyper, 0) if read else None
        return self._looks[id(hyper)][1]

    def _follow(self, shown, theta, slots, before):
        """Where somebody else wrote into the parameter, let the point be what it holds now."""
        wrote = theta
        if self.way.rule.look_fn:
            if before is None:
                return
            numbers = self._look_numbers(before)
            if numbers is None:
                theta.copy_(followed(self.way, shown, theta, slots, before))
                return
            wrote = self.space(self.look.scratch + 1, theta)[-1]
            self._look(wrote, theta, slots, numbers)
        if not same(wrote.to(shown.dtype), shown):
            slack = ROUNDED * torch.finfo(shown.dtype).eps if self.look and shown.dtype == theta.dtype else 0.0
            theta.copy_(followed(self.way, shown, theta, slots, before, slack))


def look(rule, theta, slots, hyper):
    """Where a rule looks from, a new array, to the bit as :class:`Plain` writes it."""
    program = _inplace.look_of(rule, True) if type(theta) is torch.Tensor and theta.device.type == "cpu" else None
    if program is None or any(isinstance(value, torch.Tensor) for value in hyper.values()):
        return rule.look(theta, *slots, **hyper)
    into = torch.empty_like(theta)
    program.one([into, theta, *slots], [torch.empty_like(theta) for _ in range(program.scratch)], program.numbers(hyper, 0))
    return into


def portions(arrays):
    """The tuples of arrays in portions of at most LISTED numbers each, a larger one by itself."""
    some, size = [], 0
    for each in arrays:
        if some and size + each[0].numel() > LISTED:
            yield some
            some, size = [], 0
        some.append(each)
        size += each[0].numel()
    if some:
        yield some


def same(a, b):
    """Whether two arrays of one kind hold the same bits.  Several times as fast as torch.equal."""
    if not (a.is_contiguous() and b.is_contiguous()):
        return torch.equal(a, b)
    return MEMCMP(a.data_ptr(), b.data_ptr(), a.nbytes) == 0
