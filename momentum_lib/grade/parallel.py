"""Many tasks on several processes, where one that takes its process down with it stops none of the others."""

import contextlib
import os
import signal
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for


class Died(RuntimeError):
    """The process that worked on a task ended; the task's own doing, or the machine's."""


@contextlib.contextmanager
def interruptions_later():
    """Hold Ctrl-C back for a moment: a process that is started in it holds it back, too, until it is `ready`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ready():
    """Begin the life of a process of a pool: it ends with the one that started it, and at Ctrl-C without a word."""
    end_with_parent()
    signal.signal(signal.SIGINT, leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def leave(signum, frame):
    """End this process, and clean up behind it; what breaks on the way, half a message to its parent, say, is no news."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    sys.exit(1)


def end_with_parent():
    """See that this process of a pool does not outlive the one that started it, even one that was killed."""

    def watch(sentinel):
        wait_for([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent_process().sentinel,), daemon=True).start()


def in_turn(function, tasks, jobs):
    """Yield (key, value or error) of ``function(*arguments)`` for each of ``tasks`` ({key: arguments}), as they finish.

    No more than ``jobs`` tasks are under way.  Where a process dies, those under way are suspects: each is tried once
    more, alone, and the one that dies again yields Died.
    """
    left, suspects = dict(tasks), {}
    while left or suspects:
        alone = not left
        batch, suspects = (suspects, {}) if alone else (left, suspects)
        pool = ProcessPoolExecutor(1 if alone else jobs, mp_context=get_context("spawn"), initializer=ready)
        waiting = {}
        try:
            while batch or waiting:
                while batch and len(waiting) < (1 if alone else jobs):
                    key = next(iter(batch))
                    with interruptions_later():
                        future = pool.submit(function, *batch[key])
                    waiting[future] = key, batch.pop(key)
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    key, arguments = waiting[future]
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        raise error
                    del waiting[future]
                    yield key, error or future.result()
        except BrokenProcessPool:
            under_way = dict(waiting.values())
            if alone:
                suspects = batch
                for key in under_way:
                    yield key, Died("the process that graded it ended; see --jobs and --memory-mb if memory was short")
            else:
                left, suspects = batch, suspects | under_way
        finally:
            pool.shutdown(cancel_futures=True)
