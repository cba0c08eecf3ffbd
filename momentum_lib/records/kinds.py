"""The kinds of experiment: what a row of each holds, and what its rows say together."""

from collections.abc import Callable
from dataclasses import dataclass

from . import speed, summary, worth
from .format import DICT, LIST, NUMBER, TEXT

RUN = {
    "key": TEXT,
    "role": TEXT,
    "side": TEXT,
    "rule": TEXT,
    "lr": NUMBER,
    "hyper": DICT,
    "seed": int,
    "held_out": (int, float, type(None)),
    "diverged_at": (int, type(None)),
    "first_losses": LIST,
    "curve": LIST,
    "evaluations": LIST,
    "seconds": NUMBER,
}
TO_TARGET = {**RUN, "reached": (int, float, type(None))}
TIMING = {"side": TEXT, "rule": TEXT, "milliseconds": LIST, "state_bytes": int, "parameters": int}
PACE = {"side": TEXT, "settings": DICT, "milliseconds": LIST, "core": LIST, "first": NUMBER}


@dataclass(frozen=True)
class Kind:
    """``summary(rows)`` is what they say; ``fields`` what a row holds; ``trained``: each row is a run that can be run again."""

    summary: Callable
    fields: dict
    trained: bool

    @property
    def curves(self):
        """Whether its runs make all of their steps, so that the curves of a record can lie over each other."""
        return self.trained and "reached" not in self.fields


def _training(summary):
    return Kind(summary, RUN, trained=True)


KINDS = {
    "momentum": _training(summary.momentum),
    "best": _training(summary.best_against_best),
    "frequency": _training(summary.frequency),
    "worth": _training(worth.worth),
    "numbers": _training(worth.against),
    "nesterov": _training(worth.ahead),
    "million": _training(worth.worth),
    "lengths": _training(worth.against),
    "delay": _training(summary.momentum),
    "speed": Kind(speed.speed, TO_TARGET, trained=True),
    "pace": Kind(speed.pace, PACE, trained=False),
    "cost": Kind(summary.cost, TIMING, trained=False),
}
