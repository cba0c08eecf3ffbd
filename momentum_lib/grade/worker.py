"""The processes of one submission: a nursery that forks, and its children, in which the student's code runs.

The nursery runs our code alone.  At each request it ends the child that there is, empties the work folder and forks a new
one, which talks with the grader over a socket of its own: it takes requests as JSON lines and answers with plain data.
A child holds no solution, no check and no score.  Whatever the student's code does to it, the worst result is an answer that
is wrong.  Where the nursery comes from: `stem`.
"""

import contextlib
import copy
import json
import os
import shutil
import signal
import socket
import sys
import time
import types

import numpy as np

from . import syscalls
from .cells import Cells, plan
from .wire import LARGEST_MESSAGE, decode, dumps, encode

with contextlib.suppress(ImportError):  # Windows has none, and is told where to grade instead
    import resource

MOST_LEFT = 2000  # entries of the work folder that are worth removing; beyond, a new sandbox is cheaper


class OutOfTime(BaseException):
    """The time limit, in a form that ``except Exception`` does not swallow."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the student's code after so many seconds of processor time, or when the grader says so."""

    def stop(signum, frame):
        raise OutOfTime

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


def describe(error):
    """An error as a short sentence of plain text."""
    if isinstance(error, OutOfTime):
        return {"kind": "OutOfTime", "text": "the time limit was reached"}
    try:
        text = str(error)
    except BaseException:  # a student's own exception class can fail even here
        text = ""
    line = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename.startswith("<cell"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"kind": type(error).__name__[:80], "text": text[:500], "line": line}


class Worker:
    """The student's names, and the four requests: run a cell, get a name, call a function, plan what to run."""

    def __init__(self, answer, shell=None, names=None):
        self.answer = answer
        self.cells = Cells(shell, names)
        self.names = self.cells.names

    def run(self, request):
        """Run one cell, up to the statement ``until`` where that is given; errors are the answer, not the end."""
        answer, number = self.answer, request["id"]

        def begin(at):
            answer(dumps({"id": number, "at": at}))

        missing = []
        with time_limit(request["limit"]):
            try:
                missing = self.cells.run(request["source"], f"<cell {request['cell']}>", request.get("until"), begin)
            except (Exception, OutOfTime, SystemExit, KeyboardInterrupt) as error:
                return {"error": describe(error)}
        return {"missing modules": missing} if missing else {}

    def get(self, request):
        """The value of a name, as data; a function crosses as ``{"alien": "function"}``."""
        if request["name"] not in self.names:
            return {"missing": True}
        with time_limit(request.get("limit", 5)):
            try:
                return {"value": encode(self.names[request["name"]])}
            except (Exception, OutOfTime, SystemExit, KeyboardInterrupt) as error:
                return {"error": describe(error)}

    def call(self, request):
        """Call a student's function; says which arguments it changed in place."""
        if request["name"] not in self.names:
            return {"missing": True}
        function = self.names[request["name"]]
        if function is Ellipsis:
            return {"blank": True}
        if not callable(function):
            return {"error": {"kind": "TypeError", "text": f"{request['name']} is no function", "line": None}}
        args = [decode(item, programs=True) for item in request["args"]]
        kwargs = {key: decode(item, programs=True) for key, item in request["kwargs"].items()}
        before = [copy.deepcopy(item) if isinstance(item, (np.ndarray, list, dict)) else None for item in args]
        with time_limit(request["limit"]):
            try:
                value = encode(function(*args, **kwargs))
            except (Exception, OutOfTime, SystemExit, KeyboardInterrupt) as error:
                return {"error": describe(error)}
        return {
            "value": value,
            "changed": [i for i, (a, b) in enumerate(zip(args, before)) if b is not None and encode(a) != encode(b)],
        }

    def plan(self, request):
        """Which cells each question needs; parses the cells and runs none."""
        return plan(request["cells"], request["wanted"], self.cells.plain)

    def serve(self, lines):
        """Answer request after request until the other side hangs up."""
        verbs = {"run": self.run, "get": self.get, "call": self.call, "plan": self.plan}
        for line in lines:
            request = json.loads(line)
            reply = {"id": request["id"], **verbs[request["op"]](request)}
            message = dumps(reply)
            if len(message) > LARGEST_MESSAGE:
                message = dumps(
                    {
                        "id": request["id"],
                        "error": {"kind": "TooLarge", "text": "the answer is too large to hand in", "line": None},
                    }
                )
            self.answer(message)


def restrain(memory, seconds, file_size):
    """Give up, for good, the right to more memory, processor time and disk than this."""
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 256),  # threads; the kernel does not count root's
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def close_but(kept):
    """Close every descriptor but one, which gets the number 3; what is said leads nowhere, as input and output do already."""
    kept = os.dup2(kept, 200)
    os.dup2(1, 2)
    os.dup2(kept, 3)
    os.closerange(4, 256)
    return 3


def live(channel, limits, sandboxed, libc, shell):
    """The life of a child: give up rights, say that it is there, serve.  Does not return."""
    parent = os.getppid()
    channel = close_but(channel)
    if libc is not None:
        syscalls.die_with_parent(libc, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    restrain(**limits)
    if sandboxed:
        syscalls.install(syscalls.inner(os.getpid()), libc)

    def answer(message):
        while message:
            message = message[os.write(channel, message) :]

    sys.path.insert(0, os.getcwd())  # a notebook may import what it has written; the nursery may not
    answer(dumps({"ready": os.getpid()}))
    module = types.ModuleType("__main__") if shell is None else shell.user_module
    sys.modules["__main__"] = module  # what a notebook's names belong to, so that they can be pickled and reached by it
    Worker(answer, shell, vars(module)).serve(os.fdopen(channel, "rb"))


class Nursery:
    """The process that forks the children; it runs no student's code and keeps nothing of theirs."""

    def __init__(self, control, limits, sandboxed):
        self.control, self.limits, self.sandboxed = control, limits, sandboxed
        self.child, self.shell = None, None
        self.libc = syscalls.system() if sys.platform == "linux" else None
        self.kept = set(os.listdir("."))  # what lies in the work folder before any child does

    def end(self):
        """End the child that there is; returns how it ended, as `os.waitstatus_to_exitcode` has it, or None."""
        if self.child is None:
            return None
        with contextlib.suppress(ChildProcessError):
            for pause in (0.0, 0.0, 0.005, 0.02):  # one that has just hung up is given the time to end by itself
                done, status = os.waitpid(self.child, os.WNOHANG)
                if done:
                    break
                time.sleep(pause)
            else:
                os.kill(self.child, signal.SIGKILL)
                _, status = os.waitpid(self.child, 0)
            self.child = None
            return os.waitstatus_to_exitcode(status)

    def kill(self):
        """End the child at once."""
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.child, signal.SIGKILL)
                os.waitpid(self.child, 0)
            self.child = None

    def sweep(self):
        """Empty the work folder.  Raises OSError or RecursionError where a child made that impossible."""
        left = [entry for entry in os.scandir(".") if entry.name not in self.kept]
        if len(left) > MOST_LEFT:
            raise OSError("too many files")
        for entry in left:
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)

    def fork(self, channel):
        """A new child on the other end of ``channel``, after the last one and with nothing of it."""
        self.kill()
        self.sweep()
        self.child = os.fork()
        if self.child == 0:
            try:
                live(channel, self.limits, self.sandboxed, self.libc, self.shell)
            finally:
                os._exit(1)
        os.close(channel)

    def serve(self):
        """Do what the grader says until it hangs up, or is no more."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 4)
            if not message:
                return
            request = json.loads(message)
            if request["op"] == "fork":
                self.fork(*descriptors)
            elif request["op"] == "shell":
                from .notebook import make_shell

                self.shell = self.shell or make_shell()
            elif request["op"] == "end":
                self.control.send(dumps({"code": self.end()}))
