"""Checkpoints that a kill, a full disk or a flipped bit cannot spoil.

A checkpoint is an ordinary ``torch.load`` file of tensors and plain containers, read with ``weights_only=True``.  It is
written beside its final name, flushed to the disk, and only then put in place by ``os.replace``, which is atomic:
at every instant the folder holds complete checkpoints and at most one file in the making.  The last two are kept.
"""

import errno
import io
import os
import re
import zipfile
from contextlib import suppress
from pathlib import Path

import torch

FORMAT = "momentum_lib.train checkpoint"
VERSION = 1
KEPT = 2
NAME = re.compile(r"step-(\d{8})\.pt")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or what lies there is none that this program can read."""


def file_name(step):
    """The name of the checkpoint after ``step`` steps; names sort as steps do."""
    return f"step-{step:08d}.pt"


def found(folder):
    """The folder's checkpoints, newest first, as paths; a folder that does not exist has none."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)


def write_atomically(path, content):
    """Put bytes at ``path`` so that a reader meets the old file or the new one, never a part.

    Raises OSError where the disk does not take them; the old file is then untouched and nothing is left beside it.
    """
    path = Path(path)
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(making, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(making, path)
    except BaseException:
        with suppress(OSError):
            making.unlink()
        raise
    if os.name == "posix":  # the new name itself reaches the disk with the folder
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save(folder, step, state):
    """Write ``state`` (tensors and plain containers) as the checkpoint of ``step``; returns its path, keeps the last two.

    Raises CheckpointError where the folder cannot be written or the disk is full; earlier checkpoints stay as they were.
    """
    folder = Path(folder)
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, "step": step, **state}, buffer)
    path = folder / file_name(step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".step-*.tmp"):  # of a process that was killed while it wrote
            with suppress(OSError):
                leftover.unlink()
        write_atomically(path, buffer.getbuffer())
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why = "the disk is full" if full else error.strerror or str(error)
        size = f"{buffer.getbuffer().nbytes / 1e6:.1f} MB"
        kept = found(folder)
        rest = f"the checkpoint of step {number(kept[0])} is untouched" if kept else "no earlier checkpoint exists"
        raise CheckpointError(f"could not write {path} ({size}): {why}; {rest}.") from error
    for old in found(folder)[KEPT:]:
        with suppress(OSError):
            old.unlink()
    return path


def number(path):
    """The step in a checkpoint's name."""
    return int(NAME.fullmatch(Path(path).name)[1])


def load(path):
    """Read one checkpoint; its tensors come to the CPU.

    Raises CheckpointError for a file that is damaged (each part's checksum is looked at), that another program wrote,
    or that a newer version of this one wrote.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.") from None
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({error}).") from None
    if damaged:
        raise CheckpointError(f"{path} is damaged: the checksum of {damaged} does not fit.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler of foreign bytes raises whatever it meets
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{path} is not a checkpoint of this program ({reason.rstrip('.')}).") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this program; it lacks the mark {FORMAT!r}.")
    if state.get("version") != VERSION:
        raise CheckpointError(f"{path} has version {state.get('version')!r} of the format; this program reads {VERSION}.")
    return state


def latest(folder, say=print):
    """The newest readable checkpoint of a folder, or None if it has no checkpoint at all.

    A damaged newest one is reported through ``say`` and the one before it is taken.  Raises CheckpointError where
    none of them can be read, rather than let a run start from nothing over what is there.
    """
    paths = found(folder)
    errors = []
    for path in paths:
        try:
            state = load(path)
        except CheckpointError as error:
            errors.append(error)
            continue
        for error in errors:
            say(f"note: {error} Going on from {path.name}.")
        return state
    if errors:
        raise CheckpointError(str(errors[0]))
    return None
