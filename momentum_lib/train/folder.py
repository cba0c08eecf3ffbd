"""The folder of one run: one process at a time writes in it, and nothing that is there is lost."""

import json
import os
import tempfile
from contextlib import contextmanager

from .. import records
from . import checkpoint, parallel

LOCK = ".lock"
RESULT = "result.json"
OURS = {"settings", "fingerprint", "losses"}  # what every result.json of this program has


class FolderError(RuntimeError):
    """The folder is in use by another run, or the disk does not take files in it."""


@contextmanager
def held(path, world, *, resume=False, say=print):
    """Hold the folder ``path`` for one run until the block ends; None holds nothing.

    The first process makes the folder, locks it and looks at what lies there; the others wait for its verdict.  The
    system gives the lock back when the process ends, however it ends, so that a kill leaves no stale one.
    Raises FolderError where another run holds the folder or it cannot be written, ValueError where ``path`` is a file or
    where a result would be written over.
    """
    handle, problem = None, None
    if path is not None and world.first:
        try:
            make(path)
            handle = lock(path, say)
            check_result(path, resume)
        except (FolderError, ValueError) as error:
            problem = error
    try:
        if parallel.agree(problem is not None, world):
            raise problem or ValueError(f"the first process cannot use {path}.")
        yield
    finally:
        if handle is not None:
            os.close(handle)


def make(path):
    """Make the folder and try to write in it.  Raises ValueError for a file, FolderError where the disk refuses."""
    try:
        if path.exists() and not path.is_dir():
            raise ValueError(f"--out {path} is a file; allowed: a folder, made if it is not there; choose another --out.")
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"\0")
    except OSError as error:
        raise FolderError(
            f"could not write in {path}: {error.strerror or error}; choose an --out on a disk that can be written."
        ) from None


def lock(path, say=print):
    """Lock the folder and return the open handle, whose closing unlocks it.

    Raises FolderError where another run has the lock.  A system without such locks is noted through ``say``.
    """
    try:
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise FolderError(f"could not write {path / LOCK}: {error.strerror or error}; choose another --out.") from None
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise FolderError(f"another run is writing in {path}; wait for its end, or choose another --out.") from None
    except (ImportError, OSError):
        say(f"note: this system cannot lock {path}; start no second run in it.")
    return handle


def check_result(path, resume=False):
    """Raise ValueError where the end of the run would write over a result.json that another program or run left.

    The result of a run that diverged may be written over, and that of the run that is resumed.
    """
    file = path / RESULT
    if not os.path.lexists(file):
        return
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not content.keys() >= OURS:
        raise ValueError(f"{file} is not a result of this program and would be written over; move it, or choose another --out.")
    if not resume and content.get("diverged_at") is None and not checkpoint.found(path):
        raise ValueError(f"{file} holds the result of a finished run; move it, or choose another --out.")


def check_record(path, rows):
    """Raise ValueError where an experiment's record would be written over what it does not hold itself.

    ``rows``: the finished runs of the experiment's folder.  A record made of them alone may be written again, any other
    file, and a record of other runs, may not.
    """
    if not os.path.lexists(path):
        return
    way_out = "move it, or choose another --out"
    try:
        record = records.load(path)
        known = {row["key"]: row["held_out"] for row in rows}
        lost = [row for row in record["rows"] if "held_out" not in row or known.get(row["key"], "none") != row["held_out"]]
        where = f"of {record['recorded']} with {len(lost)} of {len(record['rows'])} runs that are not"
    except (records.RecordError, OSError, RecursionError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"{path} is not a record that this program can read, and would be written over; {way_out}.") from None
    if lost:
        raise ValueError(f"{path} is a record {where} among the finished runs in this folder and would be lost; {way_out}.")
