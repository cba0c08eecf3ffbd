"""What a record holds, field by field, and what identifies a run and a record."""

import hashlib
import json

FORMAT = "momentum_lib.record"
VERSION = 2  # 1 hashed whole source files, docstrings and layout with them

TEXT, NUMBER, LIST, DICT = str, (int, float), list, dict
FIELDS = {
    "format": TEXT,
    "version": int,
    "experiment": TEXT,
    "family": TEXT,
    "question": TEXT,
    "command": TEXT,
    "config": DICT,
    "seeds": LIST,
    "tuning": DICT,
    "sources": DICT,
    "older": DICT,
    "corpus": TEXT,
    "versions": DICT,
    "device": TEXT,
    "wall_seconds": NUMBER,
    "recorded": TEXT,
    "replay": DICT,
    "summary": DICT,
    "digest": TEXT,
    "rows": LIST,
}


class RecordError(ValueError):
    """A record is damaged, or does not hold what it claims."""


def canonical(value):
    """JSON text that is the same for the same value: keys sorted, no spaces, whole floats as numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def row_key(settings):
    """The identity of a run: a hash of the settings that decide its numbers."""
    plain = {name: float(value) if type(value) is int else value for name, value in settings.items()}
    plain["hyper"] = {name: float(value) for name, value in settings.get("hyper", {}).items()}
    return hashlib.sha256(canonical(plain).encode()).hexdigest()[:16]


def digest(record):
    """SHA-256 of everything in a record but the digest itself."""
    return hashlib.sha256(canonical({name: value for name, value in record.items() if name != "digest"}).encode()).hexdigest()
