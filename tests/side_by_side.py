"""Tests side by side in processes that share one collection: ``pytest -p tests.side_by_side --side-by-side 2``.

With pytest-xdist every worker imports the large packages and collects all tests anew, half a minute of a core each. Here that is
done once; the workers are forks of the process that did it, and tell it what came of each test. Each begins with a stretch of
neighbours, so that what a module's tests share is mostly made once; who has none left takes over half of the longest stretch.
A worker that dies makes its test red, and another one takes its place.
"""

import gc
import os
import signal
import uuid
import warnings
from collections import deque
from multiprocessing.connection import Pipe, wait

import pytest

from tests.forked import RUN


def pytest_addoption(parser):
    parser.addoption("--side-by-side", type=int, default=1, metavar="N", help="run the tests in N forks of this process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    count = min(session.config.option.side_by_side, len(session.items))
    if count < 2 or session.testsfailed or session.config.option.collectonly:
        return None  # pytest's own loop, which also knows what a failed collection means
    os.environ[RUN] = uuid.uuid4().hex
    session.config._tmp_path_factory.getbasetemp()  # one folder for all
    gc.collect()
    gc.freeze()  # else the forks' collections would copy all of it
    Team(session, count).run()
    return True


# -- in the process that collected ------------------------------------------------------------------
def parted(things, count):
    """Things in order as so many stretches of neighbours, equally long but for one."""
    things, size, rest = list(things), *divmod(len(things), count)
    return [deque(things[k * size + min(k, rest) : (k + 1) * size + min(k + 1, rest)]) for k in range(count)]


class Worker:
    """One fork, seen from outside: its end of the pipe, the stretch it has still to do, and the tests that it was given."""

    def __init__(self, session, waiting, others):
        self.waiting, self.given, self.began = waiting, deque(), False
        self.pipe, theirs = Pipe()
        self.process = os.fork()
        if self.process == 0:
            for pipe in (self.pipe, *(other.pipe for other in others)):
                pipe.close()
            _work(session, theirs)
        theirs.close()

    def status(self):
        """The exit status of the process, once it has ended."""
        self.pipe.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


class Team:
    """The workers of a run, and what is told by them."""

    def __init__(self, session, count):
        self.session, self.hook, self.workers = session, session.config.hook, []
        for waiting in parted(range(len(session.items)), count):
            self.add(waiting)

    def add(self, waiting):
        """One more worker, with a stretch of tests."""
        self.workers.append(Worker(self.session, waiting, self.workers))

    def run(self):
        """All tests; or, once there is a reason to stop, those that have begun."""
        try:
            while self.workers:
                for pipe in wait([worker.pipe for worker in self.workers]):
                    self._hear(next(worker for worker in self.workers if worker.pipe is pipe))
                if self.session.shouldfail or self.session.shouldstop:
                    for worker in self.workers:
                        worker.waiting.clear()
        finally:
            for worker in self.workers:
                os.kill(worker.process, signal.SIGTERM)
                worker.status()
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def _hear(self, worker):
        try:
            kind, *told = worker.pipe.recv()
        except (EOFError, ConnectionError):
            self._gone(worker)
        else:
            getattr(self, f"on_{kind}")(worker, *told)

    def _gone(self, worker):
        """A worker has ended: because nothing was left, or in the midst of a test, which is red then."""
        self.workers.remove(worker)
        status = worker.status()
        if worker.began:
            item = self.session.items[worker.given.popleft()]
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            said = f"the process that ran this test ended before it: {how}"
            self.hook.pytest_runtest_logreport(report=pytest.TestReport(item.nodeid, item.location, {}, "failed", said, "call"))
            self.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        elif status:
            raise RuntimeError(f"a process that runs tests ended between two of them: {status}; it says why above")
        worker.waiting.extendleft(reversed(worker.given))
        if worker.waiting:
            self.add(worker.waiting)

    def on_next(self, worker):
        """It asks for a test."""
        if not worker.waiting:
            longest = max(self.workers, key=lambda other: len(other.waiting)).waiting
            worker.waiting.extendleft([longest.pop() for _ in range((len(longest) + 1) // 2)])
        number = worker.waiting.popleft() if worker.waiting else None
        if number is not None:
            worker.given.append(number)
        worker.pipe.send(number)

    def on_begin(self, worker):
        """It begins the first test that it was given."""
        worker.began, item = True, self.session.items[worker.given[0]]
        self.hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)

    def on_end(self, worker):
        """It has ended that test."""
        worker.began, item = False, self.session.items[worker.given.popleft()]
        self.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def on_report(self, worker, data):
        """What came of a test, or of what it needs."""
        report = self.hook.pytest_report_from_serializable(config=self.session.config, data=data)
        self.hook.pytest_runtest_logreport(report=report)

    def on_warning(self, worker, text, name, filename, line, when, nodeid, location):
        """A warning that is no error."""
        warning = warnings.WarningMessage(text, type(name, (Warning,), {}), filename, line)
        told = {"warning_message": warning, "when": when, "nodeid": nodeid, "location": location}
        self.hook.pytest_warning_recorded.call_historic(kwargs=told)


# -- in a worker --------------------------------------------------------------------------------------
class Teller:
    """The plugin that tells the other process what is reported in this one."""

    def __init__(self, config, pipe):
        self.config, self.pipe = config, pipe

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.pipe.send(("report", data))

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        at = warning_message
        told = (str(at.message), at.category.__name__, at.filename, at.lineno, when, nodeid, location)
        self.pipe.send(("warning", *told))


def _work(session, pipe):
    """Be a worker, to the end of the process."""
    status = 1
    try:
        _settle(session.config, pipe)
        ask = lambda: pipe.send(("next",)) or pipe.recv()
        number = ask()
        while number is not None:
            following = ask()  # before the test: what it leaves to the next one depends on which one that is
            pipe.send(("begin",))
            items = [None if k is None else session.items[k] for k in (number, following)]
            session.config.hook.pytest_runtest_protocol(item=items[0], nextitem=items[1])
            pipe.send(("end",))
            number = following
        status = 0
    except KeyboardInterrupt:
        pass
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)  # what the other process would do at its end is not done here


def _settle(config, pipe):
    """A worker reports to the pipe alone, reads nothing, and keeps apart what its tests print."""
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(Teller(config, pipe))
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    capture.start_global_capturing()
    capture.suspend_global_capture()
