"""Where a student's code runs: bubblewrap, no network, nothing to write on, no new processes, limits on everything.

What the sandbox shows to the code inside: the Python that grades (read-only), momentum_lib
(read-only), the system's libraries (read-only), an empty work folder in memory.  Nothing else:
no home, no submissions, no masters, no results, no /proc and no /sys (an instructor who grades as root
would hand out the kernel's switches with them).  Matplotlib's list of fonts, which it would make anew in every sandbox,
is made once and shown read-only.  What it cannot do: open a connection, start a process,
keep memory that its limit does not count (a system-call filter refuses both), outlive its limits.
"""

import contextlib
import json
import os
import platform
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from .wire import LARGEST_MESSAGE, dumps

PACKAGE = Path(__file__).resolve().parents[1]
WORK = "/student"
COURSE = "/course"
GRACE = 2.0  # seconds that a worker gets beyond a cell's limit to say so itself


class NoSandbox(RuntimeError):
    """There is no working sandbox on this machine; the text says what to do."""


class Lost(RuntimeError):
    """The student's process ended, hung or answered nonsense; the text says which."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    ``cell`` and ``call`` are seconds for one cell and for one call of a function, ``total`` seconds
    for the whole submission, ``memory`` and ``disk`` bytes.
    """

    cell: float = 10.0
    call: float = 5.0
    total: float = 60.0
    memory: int = 2 * 2**30
    disk: int = 64 * 2**20


# -- the system-call filter ------------------------------------------------------------------

# audit architecture, then the numbers of fork, vfork (None where the machine has none), clone, clone3
CALLS = {"x86_64": (0xC000003E, 57, 58, 56, 435), "aarch64": (0xC00000B7, None, None, 220, 435)}
# What no answer needs: (x86_64, aarch64).  Memory that RLIMIT_AS does not count, name spaces of one's own with
# mounts in them, other processes, and the parts of the kernel that most escapes have gone through.
REFUSED = {
    "shmget": (29, 194),
    "msgget": (68, 186),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, JUMP_IF_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, EAGAIN, ENOSYS = 1, 11, 38
CLONE_THREAD, OTHER_CALLING_CONVENTION = 0x00010000, 0x40000000


def no_new_processes(machine=None):
    """A seccomp program, as bytes, that lets a process start threads but no processes, and refuses the calls of REFUSED.

    Raises NoSandbox on a machine whose system-call numbers are not known here.
    """
    machine = machine or platform.machine()
    if machine not in CALLS:
        raise NoSandbox(
            f"the sandbox knows the system calls of {', '.join(CALLS)}; this machine is {machine}. Grade on one of those."
        )
    arch, fork, vfork, clone, clone3 = CALLS[machine]
    # The end of the program, reached by relative jumps: refuse, say "no such call", allow, kill.
    body = [
        ("arch", JUMP_IF_EQUAL, arch, None, "kill"),
        ("number", LOAD, 0),
        (None, JUMP_IF_AT_LEAST, OTHER_CALLING_CONVENTION, "kill", None),
    ]
    for call in (fork, vfork):
        if call is not None:
            body.append((None, JUMP_IF_EQUAL, call, "refuse", None))
    column = list(CALLS).index(machine)
    body += [(None, JUMP_IF_EQUAL, numbers[column], "forbid", None) for numbers in REFUSED.values()]
    body += [
        (None, JUMP_IF_EQUAL, clone3, "unknown", None),  # the C library then falls back to clone, whose flags can be read
        (None, JUMP_IF_EQUAL, clone, None, "allow"),
        ("flags", LOAD, 16),
        (None, JUMP_IF_BITS, CLONE_THREAD, "allow", "refuse"),
    ]
    ends = {"refuse": REFUSE | EAGAIN, "forbid": REFUSE | EPERM, "unknown": REFUSE | ENOSYS, "allow": ALLOW, "kill": KILL}
    places = {name: 1 + len(body) + i for i, name in enumerate(ends)}
    program = [struct.pack("HBBI", LOAD, 0, 0, 4)]
    for at, (_, code, operand, *jumps) in enumerate(body, start=1):
        yes, no = ((0 if name is None else places[name] - at - 1) for name in (jumps or (None, None)))
        program.append(struct.pack("HBBI", code, yes, no, operand))
    program += [struct.pack("HBBI", RETURN, 0, 0, value) for value in ends.values()]
    return b"".join(program)


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
    """The command line of the sandbox up to the program that it runs; ``work``: what it shows in the work folder."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    for name, value in environment(WORK, COURSE).items():
        command += ["--setenv", name, value]
    for folder in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"):
        command += ["--ro-bind-try", folder, folder]
    for prefix in dict.fromkeys((sys.base_prefix, sys.prefix)):  # the Python that runs, and its packages
        if not Path(prefix).is_relative_to("/usr"):
            command += ["--ro-bind", prefix, prefix]
    command += ["--dev", "/dev", "--size", str(limits.disk), "--tmpfs", WORK, *work]
    command += ["--ro-bind", str(PACKAGE), f"{COURSE}/momentum_lib"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]  # both are file systems in memory, and would have no limit
    command += ["--chdir", WORK, "--seccomp", str(filter_fd)]
    return command


def readable_from_inside(path):
    """The folder that the sandbox shows and ``path`` lies in, or None: masters and submissions belong elsewhere."""
    path = Path(path).resolve()
    shown = [Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), Path(sys.base_prefix), Path(sys.prefix), PACKAGE]
    return next((folder for folder in shown if path.is_relative_to(folder.resolve())), None)


def worker_command(limits, preload=()):
    """The command line of the worker itself; ``preload``: modules that it imports before it takes the first request."""
    restraints = {"memory": limits.memory, "seconds": int(limits.total) + 5, "file_size": limits.disk}
    return [sys.executable, "-m", "momentum_lib.grade.worker", json.dumps(restraints), *preload]


TRIAL = """
import contextlib
import numpy
with contextlib.suppress(ImportError):
    import matplotlib.font_manager
"""


@cache
def fonts():
    """The folder of this process that keeps matplotlib's list of the fonts that a sandbox sees; `refusal` fills it."""
    folder = tempfile.TemporaryDirectory(prefix="grade-fonts-")
    Finalize(folder, folder.cleanup, exitpriority=0)  # a process of a pool ends without Python's own clean-up
    return folder.name


def show_fonts():
    """The part of bubblewrap's command line that puts the list of fonts into the work folder, not to be written."""
    lists = sorted(Path(fonts()).glob("fontlist-*.json"))
    return [word for path in lists for word in ("--ro-bind", str(path), f"{WORK}/{path.name}")]


@cache
def refusal():
    """Why there is no sandbox on this machine, or None where there is one that works (tried, once).

    The trial runs our import alone, on a work folder that stays: it leaves matplotlib's list of fonts there.
    """
    if shutil.which("bwrap") is None:
        return (
            "bubblewrap (bwrap) is not installed; on Debian and Ubuntu: apt install bubblewrap; "
            "on macOS and Windows, grade in a Linux virtual machine (WSL 2 is one)"
        )
    try:
        with Process(Limits(total=60), checked=True, work=["--bind", fonts(), WORK]) as process:
            reply = process.ask({"op": "run", "cell": "trial", "source": TRIAL, "limit": 50}, 55)
    except (Lost, OSError, NoSandbox) as error:
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


# -- one worker ----------------------------------------------------------------------------------


class Process:
    """A running worker: ask it, within a time, and get a dict back or Lost."""

    def __init__(self, limits, *, sandboxed=True, checked=False, preload=(), work=None):
        if sandboxed and not checked:
            require_sandbox()
        if sandboxed and work is None:
            work = show_fonts()
        self.limits, self.count, self.buffer = limits, 0, b""
        self.ends = time.monotonic() + limits.total
        self.folder = None
        self.errors = tempfile.TemporaryFile()
        options = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0)
        if sandboxed:
            reading, writing = os.pipe()
            try:
                os.write(writing, no_new_processes())
                os.close(writing)
                command = bubblewrap(limits, reading, work) + worker_command(limits, preload)
                self.process = subprocess.Popen(command, pass_fds=[reading], **options)
            finally:
                os.close(reading)
        else:
            self.folder = tempfile.TemporaryDirectory(prefix="grade-")
            env = environment(self.folder.name, str(PACKAGE.parent))
            self.process = subprocess.Popen(
                worker_command(limits, preload), env=env, cwd=self.folder.name, start_new_session=True, **options
            )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        os.set_blocking(self.process.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the worker and everything in it."""
        self.selector.close()
        if self.folder:  # no sandbox: what the worker started is in its process group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            try:
                pipe.close()
            except OSError:
                pass  # a pipe that the worker closed first
        if self.folder:
            self.folder.cleanup()

    def ask(self, request, seconds):
        """The answer to one request.  Raises Lost where none comes in time."""
        self.count += 1
        deadline = min(time.monotonic() + seconds, self.ends)
        try:
            self._write(dumps({"id": self.count, **request}), deadline)
        except OSError:
            raise Lost(self._epitaph()) from None
        while True:
            line = self._read_line(deadline)
            try:
                reply = json.loads(line)
            except (ValueError, RecursionError):
                raise Lost("it answered with something that is no message") from None
            if isinstance(reply, dict) and reply.get("id") == self.count:
                return reply

    def _write(self, message, deadline):
        descriptor = self.process.stdin.fileno()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as ready:
            ready.register(descriptor, selectors.EVENT_WRITE)
            while message:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    raise Lost("it did not take the request in time")
                message = message[os.write(descriptor, message[:65536]) :]

    def _read_line(self, deadline):
        while b"\n" not in self.buffer:
            if len(self.buffer) > 2 * LARGEST_MESSAGE:
                raise Lost("its answer was too large")
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise Lost("the time limit was reached")
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                raise Lost(self._epitaph())
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def _epitaph(self):
        """How a worker that is gone ended, in words."""
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "it closed its channel"
        self.errors.seek(0)
        said = self.errors.read(2000).decode(errors="replace").strip().splitlines()
        return f"the process ended by itself (code {code})" + (f": {said[-1][:200]}" if said and code != 0 else "")


class Ahead:
    """At most one worker that is started before it is needed, so that it has imported what it must by then."""

    def __init__(self):
        self.process = self.made_for = None

    def start(self, limits, **options):
        """Start a worker for these limits and options, unless one is waiting."""
        if self.process is None:
            self.process, self.made_for = Process(limits, **options), (limits, options)

    def take(self, limits, **options):
        """A worker for these limits and options: the one that is waiting where it fits and lives, else a new one."""
        process, made_for = self.process, self.made_for
        self.process = self.made_for = None
        if process and made_for == (limits, options) and process.process.poll() is None:
            return process
        if process:
            process.close()
        return Process(limits, **options)

    def close(self):
        """End the worker that is waiting, if there is one."""
        if self.process:
            self.process.close()
            self.process = None


def limits_of(**given):
    """Limits with some values changed.  Raises ValueError for an unknown name or a value that is not positive."""
    known = asdict(Limits())
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"unknown limit {name!r}; known: {', '.join(known)}.")
        if not value > 0:
            raise ValueError(f"limit {name} is {value}; allowed: a number > 0.")
    return Limits(**{**known, **given})
