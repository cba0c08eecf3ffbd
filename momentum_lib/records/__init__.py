"""Recorded experiments: written with their provenance, read without torch, checked, and replayed.

A record is one JSON file in ``notebooks/records``.  :func:`load` reads it and :func:`verify` recomputes what it claims,
both without torch; :func:`momentum_lib.train.replay.replay` runs its first steps again::

    python -m momentum_lib.records verify notebooks/records/*.json
    python -m momentum_lib.train replay notebooks/records/momentum-cpu.json

``experiment``     its name, a key of ``KINDS``; ``family`` is cpu or gpu
``question``       what it asks, in a sentence; ``command`` runs it again
``config``         the settings that all runs share; a row adds rule, lr, hyper and seed
``seeds``          those of the runs that are counted; ``tuning`` what each side was allowed to try before
``sources``        SHA-256 of the code of each file of the library that the numbers rest on
``older``          for a file whose code changed since: every reason given why the numbers hold, with the code's hash then
``corpus``         fingerprint of the training data; ``versions``, ``device``, ``wall_seconds``, ``recorded`` (date)
``rows``           every run, losing settings included; ``summary`` what they say, recomputed by ``verify``
``replay``         which rows' first losses are run again, over how many steps, and how closely they must agree
``digest``         SHA-256 of all the rest
"""

from .checks import changed, explain, unexplained, verify
from .code import code_of, source_hash, sources_of
from .file import FOLDER, load, make, text, write
from .format import FIELDS, RecordError, digest, row_key
from .kinds import KINDS

__all__ = [
    "FIELDS",
    "FOLDER",
    "KINDS",
    "RecordError",
    "changed",
    "code_of",
    "digest",
    "explain",
    "load",
    "make",
    "row_key",
    "source_hash",
    "sources_of",
    "text",
    "unexplained",
    "verify",
    "write",
]
