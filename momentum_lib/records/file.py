"""Records as files: made, written, read."""

import json
import platform
import sys
from pathlib import Path

from .checks import summary_of, verify
from .code import LIBRARY, source_hash
from .format import FIELDS, FORMAT, VERSION, RecordError, digest

_BESIDE, _INSTALLED = LIBRARY.parent / "notebooks" / "records", LIBRARY / "recorded"
FOLDER = _BESIDE if _BESIDE.is_dir() or not _INSTALLED.is_dir() else _INSTALLED  # the wheel carries the records as package data


def versions():
    """Python, NumPy, and torch where it has been imported."""
    import numpy

    found = {"python": platform.python_version(), "numpy": numpy.__version__}
    if "torch" in sys.modules:
        found["torch"] = sys.modules["torch"].__version__
    return found


def make(*, rows, sources, older=None, **fields):
    """A complete record from its parts: adds format, versions, hashes, summary and digest.

    Raises RecordError if it does not verify.
    """
    record = {
        "format": FORMAT,
        "version": VERSION,
        **fields,
        "sources": {name: source_hash(name) for name in sources},
        "older": older or {},
        "versions": versions(),
        "rows": rows,
    }
    record["summary"] = summary_of(record)
    record["digest"] = digest(record)
    record = {name: record[name] for name in (*FIELDS, *(name for name in record if name not in FIELDS)) if name in record}
    verify(record)
    return record


def text(record):
    """A record as the file's text: one field a line, one row a line, so that a change shows as the line it is in."""
    lines = []
    for name, value in record.items():
        if name == "rows":
            body = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in value)
            lines.append(f' "rows": [\n{body}\n ]')
        else:
            lines.append(f' "{name}": {json.dumps(value, allow_nan=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(record, path):
    """Write a record that verifies to ``path``; returns the path."""
    verify(record)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(".tmp")
    making.write_text(text(record), "utf-8")
    making.replace(path)
    return path


def load(path):
    """Read a record: by path, or by name ("momentum-cpu") from ``notebooks/records``.

    Raises RecordError where the file is missing, no JSON, or not a record.  :func:`verify` checks what it says.
    """
    path = Path(path)
    if path.suffix != ".json":
        path = FOLDER / f"{path}.json"
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.json")) or ["none"]
        raise RecordError(f"{path} does not exist; records there: {', '.join(there)}.")
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise RecordError(f"{path} is no JSON ({error}).") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(f"{path} is not a record of this library; it lacks the mark {FORMAT!r}.")
    return record
