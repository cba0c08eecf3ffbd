"""A rule's step for several runs at once: the rule's own text, mapped over the first axis of stacked arrays."""

import itertools
import math
from dataclasses import dataclass, replace

import torch
from torch.func import vmap

from ..optim._order import step
from ..optim._step import BLOCK, keeps_point, start


@dataclass(frozen=True)
class Span:
    """Neighbouring parameters of a run's row, from ``at`` on, that a rule moves together: as an array of this shape."""

    at: int
    shape: tuple

    def of(self, rows):
        """That part of the rows (E, size), as a view (E, *shape)."""
        return rows.narrow(1, self.at, math.prod(self.shape)).view(len(rows), *self.shape)


def spans(layout, names, matrix):
    """The parameters of these names as few spans: matrices of one shape as one (number, rows, columns), others as one line."""
    wanted, found = set(names), []
    for name, (at, shape) in layout.at.items():
        if name not in wanted:
            continue
        last = found[-1] if found else None
        own = (1, *shape) if matrix else (math.prod(shape),)
        joined = last and last.at + math.prod(last.shape) == at and last.shape[1:] == own[1:]
        if joined:
            found[-1] = replace(last, shape=(last.shape[0] + own[0], *own[1:]))
        else:
            found.append(Span(at, own))
    return found


def cohorts(layout, groups, rows):
    """The :class:`Cohort` objects of a stack: neighbouring runs whose optimisers have the same groups, one for each group.

    ``groups``: for each row, its optimiser's groups as (rule, names of parameters, numbers); ``rows`` (E, size).
    """
    alike = lambda place: [(rule.name, names) for rule, names, _ in groups[place]]
    found = []
    for _, places in itertools.groupby(range(len(groups)), key=alike):
        places = list(places)
        for parts in zip(*(groups[place] for place in places)):
            rule, names, numbers = parts[0]
            values = {name: torch.tensor([own[name] for _, _, own in parts], dtype=torch.float64) for name in numbers}
            found.append(Cohort.begin(rule, places, spans(layout, names, rule.matrix), values, rows))
    return found


class Cohort:
    """Runs that share a rule, and the spans of their rows that it moves.

    ``places``: which rows, neighbours; ``values``: hyper-parameter -> (E,) float64, ``lr`` at its highest; ``states``: for each
    span the rule's slots by name, and ``theta`` where the rule looks from, or reports, another point than its own.
    """

    def __init__(self, rule, places, spans, values, states):
        self.rule, self.places, self.spans, self.values, self.states = rule, places, spans, values, states
        self.now = values  # the numbers of the last step

    @classmethod
    def begin(cls, rule, places, spans, values, rows):
        """The cohort before its first step."""
        rows, states = rows.narrow(0, places[0], len(places)), []
        for span in spans:
            theta = span.of(rows)
            state = dict(zip(rule.slots, start(rule, theta.clone(memory_format=torch.contiguous_format)), strict=True))
            states.append(state | ({"theta": theta.clone()} if keeps_point(rule, theta.dtype) else {}))
        return cls(rule, places, spans, values, states)

    def _mine(self, rows):
        return rows.narrow(0, self.places[0], len(self.places))

    def step(self, rows, grad, scale, t):
        """One step in place: ``rows`` (all of the stack's) get the points to look from next; ``scale``: of each row's rate."""
        scale = torch.tensor([scale[place] for place in self.places], dtype=torch.float64)
        kind = torch.float32 if rows.device.type == "mps" else torch.float64
        self.now = {name: (value * scale if name == "lr" else value).to(rows.device, kind) for name, value in self.values.items()}
        rows, grad = self._mine(rows), self._mine(grad)
        for span, state in zip(self.spans, self.states):
            shown = span.of(rows)
            slots = [state[name] for name in self.rule.slots]
            for arrays in self._blocks(shown, span.of(grad), state.get("theta", shown), *slots):
                self._move(t, *arrays)

    def _blocks(self, *arrays):
        """The arrays (E, n) cut alike into blocks that a CPU core's cache holds; matrices, and a GPU's arrays, whole."""
        first = arrays[0]
        if self.rule.matrix or first.device.type != "cpu" or first.numel() <= BLOCK:
            return [arrays]
        return zip(*(array.split(max(1, BLOCK // len(first)), 1) for array in arrays))

    def _move(self, t, shown, grad, theta, *slots):
        rule = self.rule

        def one(theta, grad, slots, hyper):  # a single run, whose hyper-parameters are numbers
            new, news = step(rule, theta, grad, slots, hyper, t)
            news = [value.clone() if any(value is old for old in (theta, *slots)) else value for value in news]
            look = rule.look(new, *news, **hyper) if rule.look_fn else new
            return look, new, tuple(news)

        look, new, news = vmap(one)(theta, grad, slots, self.now)
        for old, value in zip(slots, news, strict=True):
            old.copy_(value)
        shown.copy_(look)
        if theta is not shown:
            theta.copy_(new)

    def report(self, rows):
        """Put the points that the rule reports into ``rows`` (the whole stack's)."""
        rule = self.rule
        if not (rule.look_fn or rule.read_fn):
            return
        read = vmap(lambda theta, slots, hyper: rule.read(theta, *slots, **hyper))
        for span, state in zip(self.spans, self.states):
            slots = [state[name] for name in rule.slots]
            numbers = {name: value.to(rows.device) for name, value in self.now.items()}
            span.of(self._mine(rows)).copy_(read(state["theta"], slots, numbers))

    def kept(self, places):
        """The cohort of those of its runs that stand at these places of the stack, at their new places; None without any."""
        stay = [(new, self.places.index(old)) for new, old in enumerate(places) if old in self.places]
        if not stay:
            return None
        own = torch.tensor([k for _, k in stay])
        states = [{name: value.index_select(0, own.to(value.device)) for name, value in state.items()} for state in self.states]
        left = Cohort(
            self.rule,
            [new for new, _ in stay],
            self.spans,
            {name: value.index_select(0, own) for name, value in self.values.items()},
            states,
        )
        left.now = {name: value.index_select(0, own.to(value.device)) for name, value in self.now.items()}
        return left

    def load(self, states):
        """Take over saved states, tensor by tensor."""
        for mine, saved in zip(self.states, states, strict=True):
            for name, value in mine.items():
                value.copy_(saved[name])
