"""The process in which a student's code runs: it takes requests as JSON lines and answers with plain data.

Started by :mod:`momentum_lib.grade.sandbox`, inside the sandbox.  It holds no solution, no check and no
score.  Whatever the student's code does to this process, the worst result is an answer that is wrong.
"""

import contextlib
import copy
import importlib
import json
import os
import resource
import signal
import sys

import numpy as np

from .wire import LARGEST_MESSAGE, decode, dumps, encode


class OutOfTime(BaseException):
    """The time limit, in a form that ``except Exception`` does not swallow."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the student's code after so many seconds."""

    def stop(signum, frame):
        raise OutOfTime

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


RUNS_ITS_CELL = ("%%time", "%%timeit", "%%capture", "%%prun")


def without_magics(source):
    """The source with what only a notebook understands (lines that start with % or !, or end in ?) made comments."""
    first, _, rest = source.partition("\n")
    if first.startswith("%%"):
        return rest if first.split()[0] in RUNS_ITS_CELL else ""
    lines = source.split("\n")
    for number, line in enumerate(lines):
        words = line.strip()
        if words[:1] in ("%", "!") or (words.endswith("?") and not words.startswith("#")):
            lines[number] = line[: len(line) - len(line.lstrip())] + "pass  # " + words
    return "\n".join(lines)


def compiled(source, name):
    """A cell's code: as it stands where that is Python, else without the notebook's own commands."""
    try:
        return compile(source, name, "exec")
    except SyntaxError:
        plain = without_magics(source)
        if plain == source:
            raise
        return compile(plain, name, "exec")


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
    """The student's names, and the three requests: run a cell, get a name, call a function."""

    def __init__(self, answer):
        self.answer = answer
        self.names = {"__name__": "__main__", "display": lambda *args, **kw: None}

    def run(self, request):
        """Run one cell; errors are the answer, not the end."""
        with time_limit(request["limit"]):
            try:
                exec(compiled(request["source"], f"<cell {request['cell']}>"), self.names)
            except (Exception, OutOfTime, SystemExit, KeyboardInterrupt) as error:
                return {"error": describe(error)}
        return {}

    def get(self, request):
        """The value of a name, as data; a function crosses as ``{"alien": "function"}``."""
        if request["name"] not in self.names:
            return {"missing": True}
        return {"value": encode(self.names[request["name"]])}

    def call(self, request):
        """Call a student's function; says which arguments it changed in place."""
        function = self.names.get(request["name"])
        if function is None:
            return {"missing": True}
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

    def serve(self, lines):
        """Answer request after request until the other side hangs up."""
        verbs = {"run": self.run, "get": self.get, "call": self.call}
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


def main():
    limits, *preload = sys.argv[1:]
    restrain(**json.loads(limits))
    requests, answers = os.dup(0), os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what the student prints goes nowhere, however much it is
        os.dup2(silence, descriptor)

    def answer(message):
        while message:
            message = message[os.write(answers, message) :]

    for name in preload:  # all of it ours: the master's imports, which every submission repeats
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    Worker(answer).serve(os.fdopen(requests, "rb"))


if __name__ == "__main__":
    main()
