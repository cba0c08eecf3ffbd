"""How long a student's process has worked or slept, whatever else the machine does meanwhile."""

import contextlib
import math
import os
import signal
import time

TICK = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01  # Windows, where nothing is graded, may import this
ASLEEP = 0.05  # a process that has computed for less than this share of a look, and is found asleep, has slept through it
LONGEST = 0.5  # seconds that one look counts for at most: a machine that was suspended has used up nobody's time


class Usage:
    """The seconds that a process uses: those of the processor, and those in which it sleeps.

    Waiting for a processor is neither.  Where the system does not tell (no /proc), a tenth of the time on the clock counts.
    """

    def __init__(self, pid):
        self.pid = pid
        self.start(math.inf, math.inf)

    def look(self):
        """Seconds of processor time so far, and whether every thread is asleep; None where that cannot be told."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            states = {fields[0]}
            if states <= {b"S"} and int(fields[17]) > 1:
                states = {state_of(f"/proc/{self.pid}/task/{task}/stat") for task in os.listdir(f"/proc/{self.pid}/task")}
        except (OSError, IndexError, ValueError):
            return None
        return (int(fields[11]) + int(fields[12])) * TICK, states <= {b"S", b"T", b"t"}

    def start(self, limit, most):
        """Begin to count for one request: told at ``limit``, ended at ``most``."""
        self.limit, self.most, self.told = limit, most, False
        found = self.look()
        self.begun = self.cpu = found[0] if found else 0.0
        self.slept, self.clock, self.last = 0.0, time.monotonic(), None

    def update(self):
        """Look, and count what has passed since the last look."""
        now, found = time.monotonic(), self.look()
        passed, self.clock = min(now - self.clock, LONGEST), now
        if found is None:
            self.slept += passed / 10
            return
        cpu, asleep = found
        if asleep and self.last and cpu - self.cpu <= ASLEEP * passed:
            self.slept += passed
        self.cpu, self.last = cpu, asleep

    def spent(self):
        """Seconds used since `start`."""
        found = self.look()
        if found:
            self.cpu = max(self.cpu, found[0])
        return self.cpu - self.begun + self.slept

    def over(self):
        """Whether the request has used up what it has, in which case its process is ended; one that sleeps is told before."""
        self.update()
        used = self.cpu - self.begun + self.slept
        if used >= self.limit and self.slept and not self.told:
            self.told = True
            self.send(signal.SIGPROF)
        if used < self.most:
            return False
        self.send(signal.SIGKILL)
        return True

    def send(self, number):
        """Send a signal.  The process is not waited for before the next request, so its number is its own till then."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)


def state_of(path):
    """The state of one thread, a letter."""
    with open(path, "rb") as file:
        return file.read().rpartition(b")")[2].split()[0]
