"""What changes at scale: published settings, memory in tokens, bytes of state, sixteen-bit averages.

>>> from momentum_lib import scale
>>> round(scale.half_life(0.9, tokens=3.2e6) / 1e6)
21
>>> scale.memory(7.5e9, "adam", stage=1, gpus=64).line
'7.5 billion × (2 + 2 + (4 + 4 + 4)/64) bytes = 31.4 GB'

Everything here is arithmetic on numbers that you give, and one data file, ``settings.json``.
"""

from .precision import bf16, bf16_gap, bf16_stochastic
from .published import MARKS, RUNS, UNKNOWN, Run, runs
from .schedule import sutskever
from .state import CARDS, MENU, OPTIMISERS, PRECISIONS, STAGES, Memory, memory, optimiser, state_bytes
from .tokens import beta_for, half_life, same_memory

__all__ = [
    "CARDS",
    "MARKS",
    "MENU",
    "OPTIMISERS",
    "PRECISIONS",
    "RUNS",
    "STAGES",
    "UNKNOWN",
    "Memory",
    "Run",
    "beta_for",
    "bf16",
    "bf16_gap",
    "bf16_stochastic",
    "half_life",
    "memory",
    "optimiser",
    "runs",
    "same_memory",
    "state_bytes",
    "sutskever",
]
