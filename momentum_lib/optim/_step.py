"""One step of a rule on torch tensors, in place: the text that the plain and the compiled path share."""

from dataclasses import dataclass

import torch

from ..core import SIDES, slot_shape
from ._order import step

LOW = (torch.float16, torch.bfloat16)  # kept in float32 behind the parameter


@dataclass(frozen=True)
class Way:
    """How a group's rule is applied: the rule, and what stands around its step.

    ``decay``  None, "decoupled" (the point shrinks by ``lr * weight_decay`` first) or "coupled" (``weight_decay``
    times the point joins the gradient).  ``maximize`` climbs.
    """

    rule: object
    decay: str | None = None
    maximize: bool = False

    @property
    def numbers(self):
        """The names of the hyper-parameters that a step needs, in order."""
        outside = ["weight_decay"] if self.decay else []
        return [*self.rule.hyper, *outside]

    def hyper(self, values):
        """Of all values, those that the rule itself takes."""
        return {name: values[name] for name in self.rule.hyper}


def work_dtype(dtype):
    """The dtype in which a parameter of this dtype is computed and its state kept."""
    return torch.float32 if dtype in LOW else dtype


def keeps_point(rule, dtype):
    """Whether the optimiser keeps the point itself: the parameter holds something else, or fewer digits."""
    return rule.look_fn is not None or rule.read_fn is not None or dtype in LOW


BLOCK = 2**18  # numbers; the few temporaries of a step on so many stay in the caches, those of a large tensor do not


def pieces(rule, tensors):
    """The tensors cut alike into blocks that fit the cache; whole where that is no gain or would not be the same step."""
    first = tensors[0]
    cut = first.device.type == "cpu" and first.numel() > BLOCK and not rule.matrix and type(first) is torch.Tensor
    if not cut or not all(tensor.is_contiguous() for tensor in tensors):
        return [tensors]
    return zip(*(tensor.view(-1).split(BLOCK) for tensor in tensors))


def followed(way, shown, theta, slots, before, slack=0.0):
    """The point to go on from: ``theta``, but where somebody else wrote into the parameter, what it holds now.

    A coordinate was written by others if it differs from what the optimiser put there: the point rounded, or where the rule
    looks from by the hyper-parameters ``before``, those of that time.  Without them (None, or a ``known`` of 0 among them) a
    rule that looks ahead goes on from ``theta``.  ``slack``: a relative difference that is rounding.
    """
    if way.rule.look_fn is not None and before is None:
        return theta
    wrote = (way.rule.look(theta, *slots, **way.hyper(before)) if way.rule.look_fn else theta).to(shown.dtype)
    if slack:
        same = (wrote - shown).abs() <= slack * wrote.abs()
    elif shown.dtype in LOW:  # as bits, because a compiler may leave out a rounding on the way to a comparison
        same = wrote.view(torch.int16) == shown.view(torch.int16)
    else:
        same = wrote == shown
    if before is not None and "known" in before:
        same = same | (before["known"] == 0)
    return torch.where(same, theta, shown.to(theta.dtype))


def advance(way, shown, theta, grad, slots, values, t, before=None, slack=0.0):
    """One step, in place: ``theta`` and ``slots`` get their new values, ``shown`` the point to look from next.

    All tensors have one shape, but for slots that are a square of a side.  ``theta`` and ``slots`` have the working dtype;
    ``shown`` (the parameter) and ``grad`` may have fewer digits.  ``shown`` is ``theta`` itself where the rule looks from its
    point.  ``values`` holds a number or a 0-D tensor for each name of ``way.numbers``; ``t`` counts from 1.
    ``before`` and ``slack``: as for :func:`followed`.  ``grad`` is read, never written.
    """
    grad = grad.to(theta.dtype)
    if way.maximize:
        grad = -grad
    point = theta if shown is theta else followed(way, shown, theta, slots, before, slack)
    if way.decay == "coupled":  # the penalty's gradient, measured where the loss's is
        grad = grad + values["weight_decay"] * (shown.to(theta.dtype) if way.rule.look_fn else point)
    elif way.decay == "decoupled":
        point = point * (1 - values["lr"] * values["weight_decay"])
    new, news = step(way.rule, point, grad, slots, way.hyper(values), t)
    held = (theta, *slots)
    news = [value.clone() if any(value is old for old in held) else value for value in news]  # polyak returns its point
    for old, value in zip(slots, news, strict=True):
        old.copy_(value)
    theta.copy_(new)
    if shown is not theta:
        shown.copy_(way.rule.look(theta, *slots, **way.hyper(values)))


def start(rule, theta):
    """The slots before the first step: shaped and strided like ``theta``, or a square of one of its sides."""

    def one(how):
        if how in SIDES:
            return theta.new_zeros(slot_shape(how, theta.shape))
        return torch.zeros_like(theta) if how == 0 else theta.clone()

    return [one(how) for how in rule.slots.values()]
