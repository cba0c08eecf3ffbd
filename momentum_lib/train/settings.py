"""What a run is told: every setting, its range, and which of them decide the run's numbers."""

import math
from dataclasses import asdict, dataclass

from ..core import nearest
from . import device as devices
from . import parallel
from .defaults import Defaults
from .model import size
from .optimizers import complete
from .schedule import DECAYS

MOST = 10**8 - 1  # steps that a checkpoint's name can count; enough for every other number
RANGES = {
    **dict.fromkeys(("batch", "accumulation", "steps", "eval_windows", "log_every"), (1, MOST)),
    **dict.fromkeys(("warmup", "eval_every", "checkpoint_every"), (0, MOST)),
    "context": (0, 16_384),  # 16 times the largest size's own: attention's time grows with the square
    "seed": (0, 2**64 - 1),  # what torch's generators take
}


@dataclass(frozen=True)
class Settings(Defaults):
    """All that decides a run's numbers, and how it is watched.

    ``model`` names a size; ``norm``, ``positions`` and ``context`` change it.  ``rule``, ``lr`` and ``hyper`` are the
    optimiser's.  A step sees ``batch`` windows, in ``accumulation`` parts.  The rate rises over
    ``warmup`` steps and falls along ``decay`` to ``floor`` times itself.  ``clip``: the largest gradient norm; 0 is none.
    ``compile`` makes machine code of the model, and of the rule where its parameters are many enough to be worth it.
    Raises ValueError for a setting outside its range.
    """

    def __post_init__(self):
        for name, (least, most) in RANGES.items():
            check_whole(name, getattr(self, name), least, most)
        self.config()  # an unknown size, norm or kind of positions
        complete(self.rule, self.lr, self.hyper)  # an unknown rule or hyper-parameter
        if not (math.isfinite(self.lr) and self.lr >= 0):
            raise ValueError(f"lr is {self.lr!r}; allowed: a finite number >= 0.")
        if not (math.isfinite(self.clip) and self.clip >= 0):
            raise ValueError(f"clip is {self.clip!r}; allowed: a finite number >= 0 (0: no clipping).")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor is {self.floor!r}; allowed: a share of the rate, from 0 to 1.")
        if self.decay not in DECAYS:
            raise ValueError(nearest(self.decay, DECAYS, "decay"))
        if self.shard not in parallel.SHARDS:
            raise ValueError(nearest(self.shard, parallel.SHARDS, "way to shard"))
        if self.precision not in devices.PRECISIONS:
            raise ValueError(nearest(self.precision, devices.PRECISIONS, "precision"))
        if self.batch % self.accumulation:
            raise ValueError(
                f"batch {self.batch} cannot be cut into {self.accumulation} equal parts; accumulation must divide it."
            )

    def config(self):
        """The model's shape."""
        changes = {"context": self.context} if self.context else {}
        return size(self.model, norm=self.norm, positions=self.positions, **changes)

    def deciding(self):
        """The settings that decide a run's numbers, as plain values."""
        others = {"shard", "eval_every", "log_every", "checkpoint_every"}
        return {name: value for name, value in asdict(self).items() if name not in others}


def check_whole(name, value, least, most):
    """Raise ValueError where the option ``--name`` is no whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(
            f"{name} is {value!r}; allowed: a whole number of at least {least} and at most {most}; "
            f"choose --{name.replace('_', '-')} in that range."
        )
