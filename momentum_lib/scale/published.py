"""Settings that published trainings used: one data file, each row with its source and what of it was read."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..core import is_known

_FILE = json.loads((Path(__file__).parent / "settings.json").read_text(encoding="utf-8"))
MARKS = _FILE["marks"]
"""What was read for a row -> in words."""
UNKNOWN = ("not stated", "not recorded", "none")
"""A value that is no number: the source states none, we did not look it up there, the method has none."""


@dataclass(frozen=True)
class Run:
    """One published training: its optimiser's settings, their source and its mark.

    ``momentum`` is Adam's beta1, or the momentum of Muon or of an outer optimiser.  Each value is
    a number, the text of a schedule, or a word of ``UNKNOWN``.  ``clip`` is the gradient norm
    at which gradients are clipped, ``tokens_per_step`` counts at the full batch size.
    """

    name: str
    year: int
    optimiser: str
    family: str
    momentum: float | str
    beta2: float | str
    eps: float | str
    weight_decay: float | str
    clip: float | str
    tokens_per_step: int | str
    source: str
    url: str
    mark: str
    note: str

    def states(self, *fields):
        """Whether each of these fields is a number here."""
        return all(isinstance(getattr(self, f), (int, float)) for f in fields)


RUNS = tuple(Run(**row) for row in _FILE["runs"])


def runs(*fields, family=None, since=None):
    """The published runs that state every one of ``fields`` as a number, in the file's order, as a tuple of Run.

    ``family`` keeps those of one optimiser family ("adam", "muon", ...), ``since`` those of that
    year or later.  Raises ValueError for an unknown field or family.
    """
    known = {run.family for run in RUNS}
    if family is not None and not is_known(family, known):
        raise ValueError(f"unknown family {family!r}; known: {', '.join(sorted(known))}.")
    wrong = [f for f in fields if f not in Run.__dataclass_fields__]
    if wrong:
        raise ValueError(f"unknown field {wrong[0]!r}; known: {', '.join(Run.__dataclass_fields__)}.")
    return tuple(
        run
        for run in RUNS
        if run.states(*fields) and (family is None or run.family == family) and (since is None or run.year >= since)
    )
