"""Checkpoints that a kill, a full disk or a flipped bit cannot spoil.

A checkpoint is an ordinary ``torch.load`` file of tensors and plain containers, read with ``weights_only=True``.  It is
written beside its final name, flushed to the disk, and only then put in place by ``os.replace``, which is atomic:
at every instant the folder holds complete checkpoints and at most one file in the making.  The last two are kept.
Processes that divide a model's rows among them write a folder instead, in parts (see :mod:`momentum_lib.train.parts`).
"""

import errno
import io
import os
import re
import shutil
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from . import parallel

FORMAT = "momentum_lib.train checkpoint"
VERSION = 2  # 1: queries and keys had the coordinates that turn together half a head apart, not side by side
KEPT = 2
NAME = re.compile(r"step-(\d{8})(\.pt)?")


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
    ours = (path for path in folder.iterdir() if NAME.fullmatch(path.name) and (path.suffix or path.is_dir()))
    return sorted(ours, key=lambda path: (number(path), path.name), reverse=True)


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
    _flush(path.parent)


def _flush(folder):
    """Let the names in a folder reach the disk, as their files have."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def packed(step, state):
    """A checkpoint's bytes."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, "step": step, **state}, buffer)
    return buffer.getbuffer()


def save(folder, step, state, world=None):
    """Write ``state`` (tensors and plain containers) as the checkpoint of ``step``; returns its path, keeps the last two.

    ``world``: the processes that call this together, where the model and the optimiser of the state are DTensors.
    Raises CheckpointError where the folder cannot be written or the disk is full; earlier checkpoints stay as they were.
    """
    folder = Path(folder)
    if world is not None:
        return _save_parts(folder, step, state, world)
    content, path = packed(step, state), folder / file_name(step)
    try:
        _sweep(folder)
        write_atomically(path, content)
    except OSError as error:
        raise _not_written(path, error, f" ({content.nbytes / 1e6:.1f} MB)") from error
    _forget(folder)
    return path


def _sweep(folder):
    """Make the folder, and take away what a process left that was killed while it wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".step-*.tmp"):
        with suppress(OSError):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _not_written(path, error, size=""):
    """The CheckpointError of a checkpoint that the disk did not take."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    why = "the disk is full" if full else error.strerror or str(error)
    kept = found(path.parent)
    rest = f"the checkpoint of step {number(kept[0])} is untouched" if kept else "no earlier checkpoint exists"
    return CheckpointError(f"could not write {path}{size}: {why}; {rest}.")


def _forget(folder):
    """Take away all but the newest checkpoints."""
    for old in found(folder)[KEPT:]:
        with suppress(OSError):
            _remove(old)


def _remove(path):
    """Take a checkpoint away; a folder has another name first, so that a kill leaves no half of one."""
    if path.is_dir():
        aside = path.with_name(f".{path.name}.old.tmp")
        os.replace(path, aside)
        shutil.rmtree(aside)
    else:
        path.unlink()


def _save_parts(folder, step, state, world):
    """The checkpoint of several processes: a folder, written beside its name and renamed by the first of them."""
    path = folder / file_name(step).removesuffix(".pt")
    making = path.with_name(f".{path.name}.tmp")
    from . import parts  # torch.distributed.checkpoint, which takes a while to import

    with _together(path, world):
        if world.first:
            _sweep(folder)
            making.mkdir()
    with _together(path, world):
        rest = parts.write(making, state, world)
    with _together(path, world):
        if world.first:
            write_atomically(making / parts.RUN, packed(step, rest))
            if path.exists():
                _remove(path)
            os.replace(making, path)
            _flush(folder)
            _forget(folder)
    return path


@contextmanager
def _together(path, world):
    """A part of a save that has succeeded where it has succeeded in all processes.  Raises CheckpointError in all of them."""
    from torch.distributed.checkpoint import CheckpointException

    problem = None
    try:
        yield
    except (OSError, CheckpointException) as error:
        causes = [cause for cause, _ in error.failures.values()] if isinstance(error, CheckpointException) else [error]
        problem = next((cause for cause in causes if isinstance(cause, OSError)), OSError(str(causes[0])))
    if parallel.agree(problem is not None, world):
        raise _not_written(path, problem or OSError("another process could not write its part"))


def number(path):
    """The step in a checkpoint's name."""
    return int(NAME.fullmatch(Path(path).name)[1])


def load(path, world=None, mesh=None):
    """Read one checkpoint; its tensors come to the CPU.

    ``world``: the processes that read it together; ``mesh``: theirs, if they share a model's rows, of which each then reads its
    own from a checkpoint in parts.  A single file is read whole by each.
    Raises CheckpointError for a file that is damaged (each part's checksum is looked at), that another program wrote,
    or that a version of this one wrote whose numbers mean something else.
    """
    path = Path(path)
    if path.is_dir():
        return _load_parts(path, world or parallel.World(0, 1, torch.device("cpu")), mesh)
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
        raise CheckpointError(
            f"{path} has version {state.get('version')!r} of the format; this program reads {VERSION}. "
            "Go on with the momentum_lib that wrote it, or begin anew in another folder."
        )
    return state


def _load_parts(path, world, mesh):
    from torch.distributed.checkpoint import CheckpointException

    from . import parts

    state, problem = None, None
    try:
        state = load(path / parts.RUN)
        wrong = parts.damaged(path, state["digests"], world)
        problem = wrong and CheckpointError(f"{path} is damaged: {wrong} is not what was written.")
    except (CheckpointError, LookupError, TypeError, AttributeError) as error:
        problem = error if isinstance(error, CheckpointError) else CheckpointError(f"{path} is not a checkpoint of this program.")
    if parallel.agree(problem is not None, world):
        raise problem or CheckpointError(f"{path} is damaged: another process found a part of it so.")
    try:
        return parts.complete(path, state, mesh)
    except (Exception, CheckpointException) as error:  # as of torch.load: whatever foreign bytes lead to
        reason = next(iter(str(error).strip().splitlines()[-1:]), type(error).__name__)
        raise CheckpointError(f"{path} is not a checkpoint of this program ({reason}).") from None


def latest(folder, say=print, world=None, mesh=None):
    """The newest readable checkpoint of a folder, or None if it has no checkpoint at all.

    ``world``, ``mesh``: as for :func:`load`.

    A damaged newest one is reported through ``say`` and the one before it is taken.  Raises CheckpointError where
    none of them can be read, rather than let a run start from nothing over what is there.
    """
    paths = found(folder)
    errors = []
    for path in paths:
        try:
            state = load(path, world, mesh)
        except CheckpointError as error:
            errors.append(error)
            continue
        for error in errors:
            say(f"note: {error} Going on from {path.name}.")
        return state
    if errors:
        raise CheckpointError(str(errors[0]))
    return None
