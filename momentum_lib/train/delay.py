"""Training with the gradient of the step before: what overlapping a step with the sending of its gradient costs."""

from dataclasses import dataclass

import torch

from ..records import row_key
from .loop import Trainer
from .sweep import Task


class Delayed(Trainer):
    """A :class:`loop.Trainer` whose step t is taken with the gradient that step t - 1 measured; the first one is zero.

    So the workers of a group can send a gradient while they compute the next.  Everything else, the order of the data and the
    rate of each step among it, is as without the delay.
    """

    delay = 1

    def __init__(self, settings, world=None, corpus=None):
        super().__init__(settings, world, corpus)
        self.waiting = None
        self.optimizer.register_step_pre_hook(self._exchange)

    def _exchange(self, *_):
        parameters = list(self.model.parameters())
        fresh = [p.grad for p in parameters]
        for p, late in zip(parameters, self.waiting or map(torch.zeros_like, parameters)):
            p.grad = late
        self.waiting = fresh

    def state(self):
        """As a Trainer's, with the gradient that waits."""
        state = super().state()
        return state and {**state, "waiting": self.waiting}

    def load(self, state):
        """As a Trainer's, with the gradient that waits."""
        super().load(state)
        self.waiting = state["waiting"] and [late.to(self.world.device) for late in state["waiting"]]


@dataclass(frozen=True)
class DelayedTask(Task):
    """A run with the delay; its key tells it from the run without."""

    trainer = Delayed

    @property
    def key(self):
        return row_key({**self.settings.deciding(), "delay": Delayed.delay})
