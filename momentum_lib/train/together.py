"""The runs of a sweep in ensembles: grouped by shape, cut to the memory there is, and gone on with after a kill.

While an ensemble trains, its checkpoint lies in a folder beside the file of rows; once its rows are written the folder goes.
"""

import hashlib
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from ..records import row_key
from . import checkpoint, parallel
from .ensemble import JUDGED, Ensemble, shared, train
from .loop import Result
from .stacked import Layout, activation_bytes
from .sweep import CODE, by_frequency, missing, row_of, run_each

SHARE = 0.5  # of the free memory that ensembles may fill
CACHE = 2**21  # bytes of the widest array of a pass, for each CPU thread: what its cache, and a part of the shared one, holds
COPIES = 12  # of the parameters: point, gradient, slots, and what is in between


@dataclass(frozen=True)
class Bunch:
    """The runs of one ensemble, and the folder of its checkpoint."""

    tasks: tuple
    folder: Path


def run_together(tasks, rows, *, jobs=1, threads=1, device="auto", bar=None, say=None, stop=None):
    """Make every run that ``rows`` (an open :class:`sweep.Rows`) lacks, in ensembles, ``jobs`` of them at a time.

    Returns the number of the signal that stopped it, or 0.  Raises SweepError where one failed; what was finished is kept.
    """
    home = rows.path.with_name(f"{rows.path.name}.ensembles")
    wanted = missing(tasks, rows)
    begun, wanted = going_on(wanted, home)
    fresh, lines = bunches(wanted, home, parallel.alone(device).device, jobs, threads or torch.get_num_threads())
    for line in [f"{len(begun)} ensembles go on from their checkpoints"] * bool(begun) + lines:
        if say:
            say(line)
    open_folders = {bunch.folder: {task.key for task in bunch.tasks} for bunch in (*begun, *fresh)}

    def tick(number):  # after each row: what is written needs no checkpoint
        done = {row["key"] for row in rows.rows}
        for folder in [folder for folder, keys in open_folders.items() if keys <= done]:
            shutil.rmtree(folder, ignore_errors=True)
            del open_folders[folder]
        if bar:
            bar(number)

    stopped = run_each([*begun, *fresh], rows, jobs, threads, device, run_bunch, tick, say, stop)
    with suppress(OSError):  # not there, or not empty
        home.rmdir()
    return stopped


def identity(tasks):
    """The name of an ensemble's folder: a hash of its runs and of the code that makes them."""
    text = "\n".join(f"{task.key} {CODE[task.settings.rule]}" for task in tasks)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def going_on(tasks, home):
    """(the bunches whose checkpoints lie in ``home`` and whose runs are all wanted, the tasks that are left)."""
    left, begun = {task.key: task for task in tasks}, []
    for folder in sorted(home.iterdir()) if home.is_dir() else []:
        try:
            state = checkpoint.latest(folder, say=lambda line: None)
        except checkpoint.CheckpointError:
            continue
        keys = [row_key(run) for run in state["runs"]] if state else []
        mine = tuple(left[key] for key in keys if key in left)
        if keys and len(mine) == len(keys) and identity(mine) == folder.name:
            begun.append(Bunch(mine, folder))
            left = {key: task for key, task in left.items() if key not in keys}
    return begun, list(left.values())


def bunches(tasks, home, device, jobs=1, threads=1):
    """(the tasks as :class:`Bunch` objects that fit the memory, lines that say how they were cut)."""
    alike = {}
    for task in tasks:
        alike.setdefault(shared(task.settings), []).append(task)
    made, lines = [], []
    for group in alike.values():
        settings = group[0].settings
        size, why = width(settings, device, jobs, threads)
        number = -(-len(group) // size)
        number = min(len(group), -(-number // jobs) * jobs)  # work for every process
        cut = [group[len(group) * k // number : len(group) * (k + 1) // number] for k in range(number)]
        made += [Bunch(tuple(part), home / identity(part)) for part in cut]
        runs = f"{len(group)} {'run' if len(group) == 1 else 'runs'} of the {settings.model} model"
        lines.append(f"{runs} in {number} {'ensemble' if number == 1 else 'ensembles'} of at most {max(map(len, cut))}: {why}")
    return made, lines


def width(settings, device, jobs=1, threads=1):
    """(how many runs train at a time in each of ``jobs`` processes, why as a phrase); at least one."""
    config = settings.config()
    windows = settings.batch // settings.accumulation
    numbers = 4 * COPIES * Layout(config).size
    judged = 4 * min(JUDGED, settings.eval_windows) * config.context * 3 * max(config.vocab, 4 * config.width)
    each = numbers + max(activation_bytes(config, windows), judged)
    room = SHARE * free_memory(device) / jobs
    most = max(1, int(room // each))
    if device.type != "cpu":
        return most, f"{each / 1e6:.0f} MB a run, {room / 1e9:.1f} GB to fill"
    widest = 4 * windows * config.context * max(config.vocab, 4 * config.width)
    cached = max(1, round(CACHE * threads / widest))
    if cached <= most:
        return cached, f"{widest / 1e6:.2f} MB the widest array of a run, {CACHE * threads / 1e6:.1f} MB of cache for them"
    return most, f"{each / 1e6:.0f} MB a run, {room / 1e9:.1f} GB to fill"


def free_memory(device):
    """Bytes that are free on the device: of a GPU, or of this machine, or of what this process may still take of it."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    found = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with suppress(OSError, ValueError):  # a container's own limit; "max" is none
        group = Path("/sys/fs/cgroup")
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    with suppress(OSError, ValueError, AttributeError):
        found = found or [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2]
    return max(0, min(found)) if found else 2**30


def run_bunch(bunch, world=None, bar=None, stop=None):
    """Train one bunch, from its checkpoint if it has one; returns its rows, or None where a signal stopped it.

    Where a GPU's memory does not suffice after all, the bunch is cut in two.
    """
    try:
        return _run(bunch, world, bar, stop)
    except torch.OutOfMemoryError:
        if len(bunch.tasks) == 1:
            raise
    torch.cuda.empty_cache()
    half, rows = len(bunch.tasks) // 2, []
    for part in (bunch.tasks[:half], bunch.tasks[half:]):
        made = run_bunch(Bunch(part, bunch.folder.with_name(identity(part))), world, bar, stop)
        if made is None:
            return None
        rows += made
    return rows


def _run(bunch, world, bar, stop):
    began, tasks = time.time(), bunch.tasks
    ensemble = Ensemble([task.settings for task in tasks], world)
    groups, results = [[] for _ in tasks], None
    state = checkpoint.latest(bunch.folder, say=lambda line: None)
    if state:
        ensemble.load(state)
        groups, results = state["groups"], [Result(**result) for result in state["results"]]

    def watch(run, step, evaluation):
        if tasks[run].groups:
            groups[run].append([step, by_frequency(ensemble.corpus.frequency, evaluation)])

    results, stopped = train(
        ensemble, folder=bunch.folder, results=results, watch=watch, beside={"groups": groups}, bar=bar, stop=stop
    )
    return None if stopped else [row_of(*each, began) for each in zip(tasks, results, groups)]
