"""Where a student's code runs: bubblewrap, no network, nothing to write on, no new processes, limits on everything.

What the sandbox shows to the code inside: the Python that grades (read-only), momentum_lib
(read-only), the system's libraries (read-only), an empty work folder in memory.  Nothing else:
no home, no submissions, no masters, no results, no /proc and no /sys (an instructor who grades as root
would hand out the kernel's switches with them).  Matplotlib's list of fonts, which it would make anew in every sandbox,
is made once and shown read-only.  What it cannot do: open a connection, start a process,
keep memory that its limit does not count (a system-call filter refuses both), outlive its limits or the grader.

Starting Python and importing NumPy takes longer than most submissions.  So a sandbox starts with a stem (`stem`), which
imports and runs nothing of a student's, and makes of itself for each submission what bubblewrap would: a nursery in name
spaces of its own, with a work folder of its own.  Where the system refuses that, each submission has a sandbox to itself.

Limits of time count the processor's seconds, and those in which the code sleeps; waiting for a busy machine costs nothing.
"""

import contextlib
import json
import math
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from . import syscalls
from .stem import NEXT
from .usage import Usage
from .wire import LARGEST_MESSAGE, dumps

PACKAGE = Path(__file__).resolve().parents[1]
WORK = "/student"
COURSE = "/course"
GRACE = 2.0  # seconds that a child gets beyond a limit to say so itself
HANG = 600.0  # seconds after which a sandbox that has not even started is given up
LOOK = 0.1  # seconds between two looks at what a child uses
MOST_KEPT = 2  # sandboxes that wait for the next submission: with what draws, and without


class NoSandbox(RuntimeError):
    """There is no working sandbox on this machine; the text says what to do."""


class Lost(RuntimeError):
    """The student's process ended, hung or answered nonsense; the text says which."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    ``cell`` and ``call`` are seconds of processor time (or of sleep) for one cell and for one call of a function, ``total``
    those for one question, all its cells and calls together, and those for all cells that no question needs.  ``memory`` and
    ``disk`` are bytes.
    """

    cell: float = 10.0
    call: float = 5.0
    total: float = 60.0
    memory: int = 2 * 2**30
    disk: int = 64 * 2**20


# -- the command -------------------------------------------------------------------------------


def environment(home, course):
    """The few environment variables that a worker gets."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "PYTHONPATH": course,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": home,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
    }


def bubblewrap(limits, filter_fd, work=()):
    """The command line of the sandbox up to the program that it runs; ``work``: what it shows in the work folder.

    The two capabilities are the stem's, to divide the sandbox with and to give up: no student's code has any.
    """
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    if may_divide():
        command += ["--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"]
    for name, value in environment(WORK, COURSE).items():
        command += ["--setenv", name, value]
    for folder in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"):
        command += ["--ro-bind-try", folder, folder]
    for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):  # the Python that runs, and its packages
        if not Path(prefix).is_relative_to("/usr"):
            command += ["--ro-bind", prefix, prefix]
    command += ["--dev", "/dev", "--size", str(limits.disk), "--tmpfs", WORK, *work]
    command += ["--ro-bind", str(PACKAGE), f"{COURSE}/momentum_lib"]
    command += ["--tmpfs", "/dev/pts", "--dir", NEXT]
    for place in ("/dev/pts", "/dev", "/"):  # file systems in memory, and would have no limit
        command += ["--remount-ro", place]
    command += ["--chdir", WORK, "--seccomp", str(filter_fd)]
    return command


def may_divide():
    """Whether bubblewrap may leave its stem a right: one that is set-user-ID refuses all but root."""
    program = shutil.which("bwrap")
    return os.geteuid() == 0 or program is None or not os.stat(program).st_mode & stat.S_ISUID


def readable_from_inside(path):
    """The folder that the sandbox shows and ``path`` lies in, or None: masters and submissions belong elsewhere."""
    path = Path(path).resolve()
    shown = [Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), Path(sys.base_prefix), Path(sys.prefix), PACKAGE]
    return next((folder for folder in shown if path.is_relative_to(folder.resolve())), None)


def worker_command(limits, preload=(), sandboxed=True):
    """The command line of the stem; ``preload``: modules that it imports before it makes the first nursery."""
    restraints = {"memory": limits.memory, "seconds": math.ceil(3 * limits.total) + 10, "file_size": limits.disk}
    kind = "sandboxed" if sandboxed else "trusted"
    return [sys.executable, "-m", "momentum_lib.grade.stem", json.dumps(restraints), kind, *preload]


@cache
def fonts():
    """The folder of this process that keeps matplotlib's list of the fonts that a sandbox sees; `refusal` fills it."""
    folder = tempfile.TemporaryDirectory(prefix="grade-fonts-")
    Finalize(folder, folder.cleanup, exitpriority=0)  # a process of a pool ends without Python's own clean-up
    return folder.name


def show_fonts():
    """The part of bubblewrap's command line that puts the list of fonts into the work folder, not to be written."""
    return [word for path in Path(fonts()).glob("fontlist-*.json") for word in ("--ro-bind", str(path), f"{WORK}/{path.name}")]


@cache
def refusal():
    """Why there is no sandbox on this machine, or None where there is one that works (tried, once).

    The trial's stem runs our imports alone, on a work folder that stays: it leaves matplotlib's list of fonts there.
    """
    if shutil.which("bwrap") is None:
        return (
            "bubblewrap (bwrap) is not installed; on Debian and Ubuntu: apt install bubblewrap; "
            "on macOS and Windows, grade in a Linux virtual machine (WSL 2 is one)"
        )
    try:
        work, preload = ["--bind", fonts(), WORK], ["matplotlib.font_manager"]
        with Process(Limits(total=60), checked=True, work=work, preload=preload) as process:
            reply = process.ask({"op": "run", "cell": "trial", "source": "import numpy", "limit": 50}, 55)
    except (Lost, OSError, NoSandbox, syscalls.UnknownMachine) as error:
        return f"bubblewrap is installed and does not work here: {error}"
    if "error" in reply:
        return f"the grader's Python does not work in the sandbox: {reply['error']['text']}"
    return None


def require_sandbox():
    """Raise NoSandbox, with the way out, where no sandbox works."""
    why = refusal()
    if why:
        raise NoSandbox(
            f"no sandbox: {why}. Submissions are programs; without a sandbox they can read and change what you can. "
            "If you trust every one of them, say --trust."
        )


# -- one sandbox -----------------------------------------------------------------------------------


class Sandbox:
    """A running sandbox, or (without ``sandboxed``) a process that stands for one: a stem, and at most one nursery at a time.

    ``preload`` are the modules that the stem imports, ``work`` what bubblewrap shows in the work folder (default: the list of
    fonts).  ``spent`` says that it can make no further nursery.
    """

    def __init__(self, limits, *, sandboxed=True, checked=False, preload=(), work=None):
        if sandboxed and not checked:
            require_sandbox()
        if sandboxed and work is None:
            work = show_fonts()
        self.folder, self.newest, self.spent = None, None, False
        self.errors = tempfile.TemporaryFile()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        options = dict(stdin=theirs, stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True)
        try:
            if sandboxed:
                self.process = shut_in(limits, work, preload, options)
            else:
                self.folder = tempfile.TemporaryDirectory(prefix="grade-")
                options |= {"env": environment(self.folder.name, str(PACKAGE.parent)), "cwd": self.folder.name}
                self.process = subprocess.Popen(worker_command(limits, preload, False), **options)
        finally:
            theirs.close()

    def close(self):
        """End the sandbox and everything in it."""
        if self.control.fileno() == -1:
            return
        # The group: what a worker without a sandbox has started, and bubblewrap's second process, which for the first
        # milliseconds waits for the first one and would wait for ever.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.control.close()
        self.errors.close()
        if self.folder:
            self.folder.cleanup()

    @property
    def alive(self):
        """Whether it can make a further nursery."""
        return not self.spent and self.process.poll() is None

    def nursery(self, errors):
        """Make a new nursery, which ends the one before: a socket to talk with it; its last words go to the file ``errors``.

        Raises Lost where the sandbox has ended.
        """
        self.newest, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            socket.send_fds(self.control, [dumps({"op": "nursery"})], [theirs.fileno(), errors.fileno()])
            self.control.settimeout(HANG)
            self.spent = not json.loads(self.control.recv(1 << 12))["divided"]
        except (OSError, ValueError):
            self.newest.close()
            raise Lost(self.last_words()) from None
        finally:
            theirs.close()
        return self.newest

    def end(self, nursery):
        """End a nursery, if it is the newest one; older ones have ended."""
        if nursery is self.newest:
            with contextlib.suppress(OSError):
                self.control.send(dumps({"op": "end"}))

    def last_words(self):
        """What a sandbox that is gone said."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        return ended(self.errors) or "the sandbox ended"


def ended(errors):
    """That a sandbox ended, with the last line of a file of errors; "" where that is empty."""
    errors.seek(0)
    said = errors.read(2000).decode(errors="replace").strip().splitlines()
    return f"the sandbox ended: {said[-1][:200]}" if said else ""


class Process:
    """A submission's part of a sandbox, with at most one child in it: ask the child, within a limit, and get a dict or Lost.

    ``sandbox`` is one that serves others, too; without it, ``options`` make one (as `Sandbox` has them), which ends with this.
    ``spent`` is what the last request used, in seconds of processor time and of sleep; ``at`` the number of the statement that
    a cell had begun when it ended.
    """

    def __init__(self, limits, *, sandbox=None, **options):
        self.count, self.buffer = 0, b""
        self.channel, self.usage, self.at, self.spent = None, None, None, 0.0
        self.sandbox, self.lent = sandbox or Sandbox(limits, **options), sandbox is not None
        self.errors = tempfile.TemporaryFile()
        try:
            self.control = self.sandbox.nursery(self.errors)
        except Lost:
            self.errors.close()
            if not self.lent:
                self.sandbox.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End everything that is the submission's."""
        self.sandbox.end(self.control)
        for held in (self.channel, self.control, self.errors):
            if held:
                held.close()
        if not self.lent or self.sandbox.spent:
            self.sandbox.close()

    @property
    def alive(self):
        """Whether there can be another child."""
        if self.control.fileno() == -1 or self.sandbox.process.poll() is not None:
            return False
        return not select.select([self.control], [], [], 0)[0]  # a nursery that has not been asked says nothing but goodbye

    def prepare(self):
        """Have all further children understand what IPython understands."""
        with contextlib.suppress(OSError):
            self.control.send(dumps({"op": "shell"}))

    def fresh(self):
        """Give the child up, if there is one: a new process, forked from one that never ran a student's line, takes its place.

        Raises Lost where the sandbox has ended.
        """
        if self.channel:
            self.channel.close()
        self.channel, theirs = socket.socketpair()
        self.buffer, self.usage = b"", None
        if sys.platform == "linux":
            self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            socket.send_fds(self.control, [dumps({"op": "fork"})], [theirs.fileno()])
        except OSError:
            raise Lost(self.last_words()) from None
        finally:
            theirs.close()

    def meet(self):
        """Wait for the child's first message, which says which process it is on this side.  Raises Lost."""
        if not select.select([self.channel], [], [], HANG)[0]:
            raise Lost("no process came to be in the sandbox")
        message, ancillary, _, _ = self.channel.recvmsg(1 << 12, socket.CMSG_SPACE(12))
        if not message:
            raise Lost(self.last_words())
        pid = int.from_bytes(ancillary[0][2][:4], sys.byteorder) if ancillary else json.loads(message)["ready"]
        if sys.platform == "linux":
            self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        self.channel.setblocking(False)
        self.usage = Usage(pid)

    def ask(self, request, seconds):
        """The answer to one request.  Raises Lost where none comes within so many seconds of use.

        A request that says its own ``limit`` is told so when it has slept for that long.
        """
        if self.channel is None:
            self.fresh()
        if self.usage is None:
            self.meet()
        self.count, self.at = self.count + 1, None
        self.usage.start(request.get("limit", seconds), seconds)
        try:
            self._write(dumps({"id": self.count, **request}))
            while True:
                reply = self._read()
                if isinstance(reply, dict) and reply.get("id") == self.count:
                    if len(reply) == 2 and type(reply.get("at")) is int:
                        self.at = reply["at"]
                    else:
                        return reply
        except OSError:
            raise Lost(self.last_words()) from None
        finally:
            self.spent = self.usage.spent()

    def _write(self, message):
        while message:
            if select.select([], [self.channel], [], LOOK)[1]:
                message = message[self.channel.send(message[:65536]) :]
            elif self.usage.over():
                raise Lost("it did not take the request in time")

    def _read(self):
        """The next message as JSON has it."""
        while b"\n" not in self.buffer:
            if len(self.buffer) > 2 * LARGEST_MESSAGE:
                raise Lost("its answer was too large")
            if select.select([self.channel], [], [], LOOK)[0]:
                piece = self.channel.recv(1 << 18)
                if not piece:
                    raise Lost(self.last_words())
                self.buffer += piece
            elif self.usage.over():
                raise Lost("the time limit was reached")
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise Lost("it answered with something that is no message") from None

    def last_words(self):
        """How a child that is gone ended, in words."""
        with contextlib.suppress(OSError, ValueError):
            self.control.settimeout(GRACE)
            self.control.send(dumps({"op": "end"}))
            code = json.loads(self.control.recv(1 << 12))["code"]
            self.control.settimeout(None)
            return "it used up its processor time" if code == -signal.SIGXCPU else f"the process ended by itself (code {code})"
        return ended(self.errors) or self.sandbox.last_words()


def shut_in(limits, work, preload, options):
    """Start the stem in bubblewrap; returns its process."""
    reading, writing = os.pipe()
    try:
        os.write(writing, syscalls.outer(allowed=syscalls.DIVIDING))
        os.close(writing)
        command = bubblewrap(limits, reading, work) + worker_command(limits, preload)
        return subprocess.Popen(command, pass_fds=[reading], **options)
    finally:
        os.close(reading)


class Ahead:
    """Sandboxes that have imported what the next submission needs: one for each of the last few limits and options."""

    def __init__(self):
        self.kept = {}

    def start(self, limits, **options):
        """Start a sandbox for these limits and options, unless one is there; returns it."""
        key = limits, *sorted(options.items())
        sandbox = self.kept.pop(key, None)
        if sandbox and not sandbox.alive:
            if not sandbox.spent:  # else it ends with the submission that has it to itself
                sandbox.close()
            sandbox = None
        self.kept[key] = sandbox or Sandbox(limits, **options)
        while len(self.kept) > MOST_KEPT:
            self.kept.pop(next(iter(self.kept))).close()
        return self.kept[key]

    def take(self, limits, **options):
        """A process for these limits and options: of the sandbox that is there where it lives, else of a new one.

        Raises Lost where that has ended at once.
        """
        return Process(limits, sandbox=self.start(limits, **options))

    def close(self):
        """End all sandboxes that are there."""
        while self.kept:
            self.kept.popitem()[1].close()


# the least and the most of each limit: a worker that cannot even start grades nothing, and no limit is no number
BOUNDS = {
    "cell": (0.0, 86_400.0),
    "call": (0.0, 86_400.0),
    "total": (0.0, 86_400.0),
    "memory": (2**28, 2**46),
    "disk": (2**16, 2**40),
}


def limits_of(**given):
    """Limits with some values changed.  Raises ValueError for an unknown name, or a value that is out of bounds or no number."""
    known = asdict(Limits())
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"unknown limit {name!r}; known: {', '.join(known)}.")
        least, most = BOUNDS[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and 0 < value and least <= value <= most):
            scale, unit = (2**20, " MB") if name in ("memory", "disk") else (1, " seconds")
            shown = f"{value / scale:g}" if isinstance(value, float) else str(value)[:40]
            span = f"from {least / scale:g} to {most / scale:g}" if least else f"a number > 0, to {most:g}"
            raise ValueError(f"limit {name} is {shown}; allowed: {span}{unit}.")
    whole = {name: int(value) for name, value in given.items() if name in ("memory", "disk")}
    return Limits(**{**known, **given, **whole})
