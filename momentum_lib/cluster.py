"""Independent tasks on the workers of a Dask cluster: the machines of a lab, or what Slurm, PBS or Kubernetes lends.

>>> from momentum_lib import cluster
>>> cluster.address("dask:tcp://head:8786")
{'address': 'tcp://head:8786'}

Workers share nothing, not even a disk: a task goes out with its data and comes back as its result, and only the process that
asked writes files.  So a worker that dies loses no more than its task, which another one does again; whatever comes back twice
is taken once.  Why Dask: its workers run on plain machines as under every scheduler; submitit knows Slurm alone and wants
a disk that all machines see, Ray is ten times as large, and joblib in front of Dask tells neither who died nor when to stop.

Needs Dask (``pip install .[cluster]``); nothing is imported before it is used.
"""

import os
import queue
import signal
from contextlib import contextmanager

SCHEME = "dask:"
ANSWER = 15  # seconds in which a scheduler has to answer
LOOK = 0.2  # seconds between two looks whether to stop
ON_HELP = (
    "hand the work to a Dask cluster: dask:tcp://HOST:8786, or dask:FILE, the file that `dask scheduler --scheduler-file FILE` "
    "writes; each of its workers takes one piece at a time (dask worker --nthreads 1)"
)


class ClusterError(RuntimeError):
    """The cluster cannot be reached, or cannot do this work; the message says so in one line."""


class Died(ClusterError):
    """Several workers ended while they did the same task; the task's own doing, or their machines'."""


def address(where):
    """What ``dask:ADDRESS`` or ``dask:FILE`` means, as keyword arguments of ``distributed.Client``.

    Raises ValueError for anything else.
    """
    found = where.removeprefix(SCHEME)
    if not where.startswith(SCHEME) or not found.strip():
        raise ValueError(
            f"on is {where!r}; allowed: dask: with a scheduler's address, as in dask:tcp://head:8786, or with the file that "
            "it wrote, as in dask:scheduler.json."
        )
    return {"address": found} if "://" in found else {"scheduler_file": os.path.expanduser(found)}


@contextmanager
def connect(where):
    """The cluster at ``where`` (as for :func:`address`), connected until the block ends: a :class:`Cluster`.

    Raises ValueError for another text, ClusterError where Dask is not installed or no scheduler answers.
    """
    arguments = address(where)
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("a cluster needs Dask: pip install 'momentum-lib[cluster]', here and on each worker.") from None
    file = arguments.get("scheduler_file")
    if file and not os.path.exists(file):
        raise ClusterError(f"{file} does not exist; start `dask scheduler --scheduler-file {file}` first, or give its address.")
    try:
        client = Client(**arguments, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ClusterError(f"no Dask scheduler answers at {where.removeprefix(SCHEME)} ({reason}).") from None
    try:
        yield Cluster(client)
    finally:
        client.close()


class Cluster:
    """A connection to a Dask scheduler."""

    def __init__(self, client):
        self.client = client

    @property
    def workers(self):
        """How many workers there are just now."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def in_turn(self, function, tasks, ended=lambda: False):
        """Yield (key, value or error) of ``function(*arguments)`` for each of ``tasks`` ({key: arguments}), as they finish.

        A task whose worker dies is done again by another; one that takes several workers with it yields Died.
        ``ended()`` is asked a few times a second; once it is true, what has not finished is given up.
        Raises ClusterError where the scheduler is gone.
        """
        finished, waiting = queue.SimpleQueue(), {}
        for key, arguments in tasks.items():
            future = self.client.submit(_alone, function, *arguments, pure=False)
            waiting[future.key] = key, future
        for _, future in list(waiting.values()):
            future.add_done_callback(finished.put)
        try:
            while waiting and not ended():
                try:
                    key, future = waiting.pop(finished.get(timeout=LOOK).key)
                except queue.Empty:
                    continue
                yield key, _outcome(future)
                future.release()
        finally:
            if waiting and self.client.status == "running":
                self.client.cancel([future for _, future in waiting.values()], force=True)


def _outcome(future):
    """What a finished task gave: its value, or its error."""
    from distributed import KilledWorker

    if future.status not in ("finished", "error"):
        raise ClusterError("the Dask scheduler is gone; what was finished is kept, and the same command goes on.")
    error = future.exception()
    if isinstance(error, KilledWorker):
        return Died(f"{error.allowed_failures + 1} workers died with the same work; had they enough memory?")
    return error or future.result()


def _alone(function, *arguments):
    """On the worker: call the function, if this process does nothing else meanwhile."""
    from distributed import get_worker

    worker = get_worker()
    if worker.state.nthreads != 1:
        raise ClusterError(
            f"the worker {worker.address} does {worker.state.nthreads} pieces of work at a time in one process, where they would "
            "disturb each other; start it as `dask worker --nthreads 1`, several of them on a large machine."
        )
    return function(*arguments)


class Asked:
    """On a worker, the stop that a loop looks at: ``number`` is SIGTERM once nobody wants the work any more, else 0."""

    def __init__(self):
        from distributed import get_worker

        self._worker = get_worker()
        self._key = self._worker.get_current_task()

    @property
    def number(self):
        """The signal that a loop should believe has come."""
        task = self._worker.state.tasks.get(self._key)
        return 0 if task is not None and task.state == "executing" else int(signal.SIGTERM)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
