"""Many runs from one command: each finished one is a line in a file, and what is there is not run again.

A line is a JSON object, appended in one write and flushed to the disk, so that a kill loses at most the runs at
hand; a line that a full disk cut short is taken back.  Whoever makes the runs, this process, others of this machine, or the
workers of a cluster, one process holds the file and writes it: it is all that they share.
"""

import contextlib
import itertools
import json
import math
import multiprocessing
import os
import signal
import socket
import time
import traceback
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import connection
from pathlib import Path

import numpy as np

from .. import cluster, rules
from ..records import code_of, row_key
from ..records.summary import GROUPS, frequency_group
from .data import corpus
from .loop import Trainer, train
from .settings import Settings
from .stopping import StopRequest

CODE = {rule: code_of(rule) for rule in rules.RULES}  # of what this process imported, whatever is edited while it runs
CURVE_EVERY = 10
FIRST = 5


class SweepError(RuntimeError):
    """A run of a sweep failed, or its file cannot be used."""


@dataclass(frozen=True)
class Task:
    """One run to be made: its settings, and what its row says beyond them.

    ``role`` is "tune" for a run that chooses a setting and "judge" for one that is counted, ``side`` what it competes for.
    ``groups`` asks for the held-out loss by how frequent a byte is; ``changes``: settings in which the run differs from its
    experiment's others.
    """

    settings: Settings
    role: str = "judge"
    side: str = ""
    groups: bool = False
    changes: dict = field(default_factory=dict)
    trainer = Trainer  # what makes the run's steps: no field, it is the same for every run of a kind

    @property
    def key(self):
        return row_key(self.settings.deciding())

    def train(self, trainer, **how):
        """Run the trainer as :func:`loop.train` does; returns its result."""
        return train(trainer, **how)

    def says(self, result):
        """What its row says beyond what every row says."""
        return {"changes": self.changes} if self.changes else {}


def grid(base, axes):
    """All combinations as Settings, the last axis running fastest.

    ``axes``: name to list of values; a name that is no setting is a hyper-parameter of the rule.
    """
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values))
        plain = {name: value for name, value in chosen.items() if name in Settings.__dataclass_fields__}
        hyper = {**base.hyper, **{name: value for name, value in chosen.items() if name not in plain}}
        yield replace(base, **plain, hyper=hyper)


# -- the file of rows --------------------------------------------------------------------------


class Rows:
    """The file of finished runs: reads what is there, appends one line a run.  Use it in a ``with`` block.

    ``current``: leave out the runs that other code made (a rule, the model, the loop have changed since), so that a record never
    mixes two versions; ``outdated`` counts them.

    Raises SweepError where another sweep is writing the file, or a line is not this program's.  A last line
    without its end, left by a kill or a power cut, is dropped.
    """

    def __init__(self, path, current=False):
        self.path = Path(path)
        self.current = current
        self.rows, self.outdated = [], 0

    def __enter__(self):
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise SweepError(f"could not write {self.path}: {error.strerror or error}; choose another --out.") from None
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self.handle)
            raise
        return self

    def __exit__(self, *_):
        os.close(self.handle)

    def _lock(self):
        try:
            import fcntl
        except ImportError:  # no such locks on Windows
            return
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SweepError(f"another sweep is writing {self.path}; wait for it, or choose another --out.") from None

    def _read(self):
        content = self.path.read_bytes()
        whole, _, rest = content.rpartition(b"\n")
        if rest:
            os.ftruncate(self.handle, len(content) - len(rest))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
                row["key"]
            except (ValueError, KeyError, TypeError):
                raise SweepError(f"{self.path}, line {number}: not a row of a sweep; choose another --out.") from None
            if self.current and row.get("code") != CODE.get(row["rule"]):
                self.outdated += 1
                continue
            self.rows.append(row)

    def append(self, row):
        """Add one row, all of it or, where the disk does not take it (OSError), nothing."""
        line = (json.dumps(row) + "\n").encode()
        size = os.fstat(self.handle).st_size
        try:
            written = os.write(self.handle, line)
            if written != len(line):
                raise OSError(f"the disk took {written} of {len(line)} bytes")
            os.fsync(self.handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self.handle, size)
            reason = error.strerror or str(error)
            raise OSError(f"could not append to {self.path} ({reason}); the {len(self.rows)} rows in it are whole.") from error
        self.rows.append(row)


# -- one run -----------------------------------------------------------------------------------


def by_frequency(frequency, evaluation):
    """Mean held-out loss of each frequency group of :data:`summary.GROUPS`, and how many bytes it was asked about."""
    group = frequency_group(frequency)
    nats, counts = (np.bincount(group, values, len(GROUPS)) for values in (evaluation.nats, evaluation.counts))
    return [[round(a / b, 5), int(b)] if b else [None, 0] for a, b in zip(nats, counts)]


def run_one(task, world=None, bar=None, stop=None):
    """Make one run; returns its row, or None where a signal stopped it."""
    began = time.time()
    trainer = task.trainer(task.settings, world)
    groups = []

    def watch(trainer, evaluation):
        groups.append([trainer.done, by_frequency(trainer.corpus.frequency, evaluation)])

    result = task.train(trainer, bar=bar, stop=stop, watch=watch if task.groups else None)
    return None if result.stopped_by else row_of(task, result, groups, began)


def run_stated(task, world=None, bar=None, stop=None):
    """As `run_one`; the row says, too, which data it was trained on and by which torch."""
    import torch

    row = run_one(task, world, bar, stop)
    return row and {**row, "corpus": corpus().fingerprint[:12], "torch": torch.__version__}


def row_of(task, result, groups, began):
    """The row of a run that ended just now; ``groups``: [step, loss by frequency], ``began``: when, in seconds of the clock."""
    settings = task.settings
    return {
        "key": task.key,
        "code": CODE[settings.rule],
        "role": task.role,
        "side": task.side or settings.rule,
        "rule": settings.rule,
        "lr": settings.lr,
        "hyper": settings.hyper,
        "seed": settings.seed,
        "held_out": result.held_out,
        "diverged_at": result.diverged_at,
        "first_losses": list(itertools.takewhile(math.isfinite, result.losses[:FIRST])),
        "curve": [[step, round(loss, 4)] for step, loss in result.curve(CURVE_EVERY) if math.isfinite(loss)],
        "evaluations": [[step, round(loss, 4)] for step, loss in result.evaluations],
        **({"groups": groups} if task.groups else {}),
        **task.says(result),
        "seconds": round(result.seconds, 3),
        "tokens_per_second": result.tokens_per_second and round(result.tokens_per_second),
        "began": round(began, 3),
        "took": round(time.time() - began, 3),
    }


def worker(pipe, device, threads, runner):
    """A process that makes the runs that come through its pipe, until None comes."""
    import torch

    from . import parallel

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends this process
    torch.set_num_threads(threads)
    world = parallel.alone(device)
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(("row", runner(task, world, stop=_Quietly(StopRequest()))))
        except Exception:
            pipe.send(("error", traceback.format_exc()))


def elsewhere(task, expected, device, threads, runner):
    """On a cluster's worker: make a run, if it would be the same here; its row says ``on`` what machine.

    ``expected``: the code's hash and the data's fingerprint where the row is kept.  Raises SweepError where they are others here.
    """
    import torch

    from . import parallel
    from .device import machine, title

    if what_decides(task) != expected:
        raise SweepError(
            f"{socket.gethostname()} has another version of momentum_lib or of Python, and so other rules or other data; give "
            "every worker those of the machine that keeps the rows"
        )
    if threads:
        torch.set_num_threads(threads)
    world = parallel.alone(device)
    row = runner(task, world, stop=cluster.Asked())
    if row is None:
        raise SweepError("the cluster took its task back while it was made")
    return {**row, "on": f"{title(world.device)}; {machine()}"}


def what_decides(task):
    """(hash of the code, fingerprint of the data): what must be the same wherever a run is made."""
    return CODE[task.settings.rule], corpus().fingerprint


# -- many runs ---------------------------------------------------------------------------------


def run_all(tasks, rows, *, jobs=1, threads=1, device="auto", runner=run_one, on=None, bar=None, say=None, stop=None):
    """Make every run that ``rows`` (an open :class:`Rows`) lacks, ``jobs`` at a time, each on ``threads`` CPU threads.

    ``on``: a cluster whose workers make them, as for :func:`momentum_lib.cluster.address`; ``jobs`` is then theirs to decide.
    Returns the number of the signal that stopped it, or 0.  Raises SweepError where a run failed; what was finished is kept.
    """
    if on is None:
        return run_each(missing(tasks, rows), rows, jobs, threads, device, runner, bar, say, stop)
    with stop or StopRequest() as request:
        return _on_cluster(missing(tasks, rows), rows, on, threads, device, runner, bar, say, request)


def missing(tasks, rows):
    """The tasks whose rows are not there, once each."""
    there = {row["key"] for row in rows.rows}
    return list({task.key: task for task in tasks if task.key not in there}.values())


def run_each(units, rows, jobs, threads, device, runner, bar=None, say=None, stop=None):
    """``runner(unit, world, stop=...)`` for each unit, ``jobs`` at a time; it returns the row, or the rows, of its runs.

    Returns the number of the signal that stopped it, or 0.  Raises SweepError where a run failed.
    """
    if not units:
        return 0
    with stop or StopRequest() as request:
        if jobs == 1:
            return _one_by_one(units, rows, threads, device, runner, bar, say, request)
        return _in_processes(units, rows, jobs, threads, device, runner, bar, say, request)


def _on_cluster(tasks, rows, on, threads, device, runner, bar, say, request):
    """Hand the tasks to a cluster; this process alone writes the rows, as they come."""
    if not tasks:
        return 0
    work = partial(elsewhere, device=device, threads=threads, runner=runner)
    with cluster.connect(on) as crew:
        if say:
            say(f"{crew.workers} workers at {on}" + ("" if crew.workers else "; the runs begin when one comes"))
        handed = {task.key: (task, what_decides(task)) for task in tasks}
        for _, answer in crew.in_turn(work, handed, ended=lambda: request.number):
            if isinstance(answer, Exception):
                raise SweepError(f"a run failed: {answer}; finished runs are kept.") from answer
            _finish(answer, rows, bar, say)
    return request.number


def _finish(made, rows, bar, say):
    for row in made if isinstance(made, list) else [made]:
        rows.append(row)
        if bar:
            bar(1)
        if say:
            say(describe_row(row))


def describe_row(row):
    """A finished run in one line."""
    end = f"diverged by step {row['diverged_at']}" if row["held_out"] is None else f"held out {row['held_out']:.4f}"
    return f"{_setting(row)}  seed {row['seed']}  {end}  {row['took']:.1f} s"


def _setting(row):
    usual = rules.get(row["rule"]).hyper
    hyper = "".join(f" {name} {value:g}" for name, value in row["hyper"].items() if usual.get(name) != value)
    return f"{row['rule']:18s} lr {row['lr']:<10.4g}{hyper}"


def best_of_each(tasks, rows):
    """A line for each rule of a sweep: its best setting by the mean over the seeds.  A setting that diverged once is out."""
    rows = {row["key"]: row for row in rows}
    settings = {}
    for task in tasks:
        settings.setdefault(json.dumps(replace(task.settings, seed=0).deciding(), sort_keys=True), []).append(rows.get(task.key))
    best = {}
    for runs in settings.values():
        if any(row is None or row["held_out"] is None for row in runs):
            continue
        mean, rule = float(np.mean([row["held_out"] for row in runs])), runs[0]["rule"]
        best[rule] = min(best.get(rule, (math.inf,)), (mean, len(runs), _setting(runs[0])))
    return [
        f"{setting}  held out {mean:.4f}, {f'mean of {n} seeds' if n > 1 else 'one seed'}" for mean, n, setting in best.values()
    ]


class _Quietly:
    """A stop request that is already being listened to, for the loop inside a run."""

    def __init__(self, request):
        self.request = request

    def __enter__(self):
        return self.request

    def __exit__(self, *_):
        pass


def _one_by_one(tasks, rows, threads, device, runner, bar, say, request):
    import torch

    from . import parallel

    world = parallel.alone(device)
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        for task in tasks:
            row = runner(task, world, stop=_Quietly(request))
            if row is not None:  # else it was stopped
                _finish(row, rows, bar, say)
            if request.number:
                return request.number
    finally:
        torch.set_num_threads(before)
    return 0


def _context():
    """How worker processes begin: where the system can, as forks of one that has imported torch, so that this is done once."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numpy", "torch", "torch._dynamo"])  # the last: torch's first optimiser imports it
    return context


def _in_processes(tasks, rows, jobs, threads, device, runner, bar, say, request):
    context = _context()
    waiting, crew = list(reversed(tasks)), {}
    try:
        for _ in range(min(jobs, len(tasks))):
            mine, theirs = context.Pipe()
            process = context.Process(target=worker, args=(theirs, device, threads or 1, runner), daemon=True)
            process.start()
            theirs.close()
            crew[mine] = process
            mine.send(waiting.pop())
        while crew:
            for pipe in connection.wait(list(crew), timeout=0.2):
                _take(pipe, crew, waiting, rows, bar, say)
            if request.number:
                return request.number
        return 0
    finally:
        for process in crew.values():
            process.terminate()
        for process in crew.values():
            process.join()


def _take(pipe, crew, waiting, rows, bar, say):
    """Receive a worker's answer, and give it the next task or send it home."""
    try:
        kind, answer = pipe.recv()
    except EOFError:
        crew[pipe].join()
        raise SweepError(f"a worker process died with exit code {crew[pipe].exitcode}; finished runs are kept.") from None
    if kind == "error":
        raise SweepError(f"a run failed: {answer.strip().splitlines()[-1]}; finished runs are kept.")
    _finish(answer, rows, bar, say)
    if waiting:
        pipe.send(waiting.pop())
    else:
        pipe.send(None)
        crew.pop(pipe).join()
