"""What the tests of the grader's parts share: a sandbox whose answers are told, a process without one, a worker's requests."""

import json
import os
from types import SimpleNamespace

import pytest

from momentum_lib.grade import (
    cells,
    grading,
    sandbox,
)
from momentum_lib.grade.answers import Wrong


def says(words, check, *given, **named):
    """The check must not pass, with these words."""
    with pytest.raises(Wrong) as wrong:
        check(*given, **named)
    assert words in str(wrong.value), str(wrong.value)
    return wrong.value


def ask(mine, **request):
    one, sent = mine
    one.serve([json.dumps({"id": 1, "limit": 5, **request})])
    return sent[-1]


class Told:
    """A sandbox whose answers are told: a dict, a Lost, or a function of the request; and what each request used."""

    def __init__(self, answers, spent=0.0):
        self.answers, self.spent, self.at, self.asked, self.alive, self.closed = answers, spent, None, [], True, False
        self.forks = 0

    def fresh(self):
        self.forks += 1

    def meet(self):
        pass

    def prepare(self):
        self.asked.append("prepared")

    def close(self):
        self.closed = True

    def ask(self, request, seconds):
        self.asked.append((request["op"], request.get("cell") or request.get("name"), request.get("until"), seconds))
        if request["op"] == "plan":
            return cells.plan(request["cells"], request["wanted"])
        answer = self.answers.get(request.get("cell") or request.get("name"), {})
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def room_of(master, sources, told, **limits):
    submission = grading.Submission(None, "d", [(name, name if name.startswith("q") else "", source) for name, source in sources])
    ahead = SimpleNamespace(take=lambda limits, **options: told)
    return grading.Room(master, submission, sandbox.limits_of(**limits), True, ahead)


def ran(told):
    return [(name, until) for op, name, until, _ in told.asked if op == "run"]


LONG = "§" * 30_000


def child_that(do):
    """A process of ours that does something and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(do() or 0)
        finally:
            os._exit(9)
    return pid


def bare_process(channel, **known):
    """A process of the grader's side with nothing behind it but a channel."""
    process = object.__new__(sandbox.Process)
    process.channel, process.buffer, process.count, process.usage = channel, b"", 0, None
    for name, value in known.items():
        setattr(process, name, value)
    return process
