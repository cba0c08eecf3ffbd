"""What an experiment is made of: how large its runs are, who competes, and what each may try."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .settings import Settings


@dataclass(frozen=True)
class Family:
    """How large the runs are, and around which rate each rule's tuning is centred (found by a coarse sweep before).

    ``replay``: how many first steps of a record are run again, and how far their losses may lie apart, in nats.
    ``also``: what decides its runs beside their settings, such as a target at which they end.
    """

    base: Settings
    centre: dict
    replay: dict
    also: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One competitor: its name, its rule, and what it may try: (lr, hyper), or (lr, hyper, changes to the shared settings).

    ``trials`` are tried first.  Where a side searches on, ``further(outcomes)`` names the trials of the next round, none when
    it has used up its budget of ``tries`` in all; outcomes: a list of ((lr, hyper), held-out loss, infinite if it diverged).
    """

    name: str
    rule: str
    trials: tuple
    further: Callable | None = None
    tries: int = 0

    @property
    def budget(self):
        """How many settings it may try in all."""
        return self.tries or len(self.trials)

    def wanted(self, loss):
        """(the trials that can be named so far, whether those are all); ``loss(lr, hyper)``: None where it has not run."""
        trials = list(self.trials)
        while self.further:
            outcomes = [(trial, loss(*trial)) for trial in trials]
            if any(found is None for _, found in outcomes):
                return trials, False
            more = self.further(outcomes)
            if not more:
                break
            trials += more
        return trials, all(loss(*trial) is not None for trial in trials)
