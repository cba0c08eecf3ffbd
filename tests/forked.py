"""Python programs that start at once: forks of a process that has imported the large packages and nothing of the house.

    done = forked.run(["-m", "pytest", "-q"], cwd=folder, env=environment)
    process = forked.start(["-W", "error", "-m", "momentum_lib.train", "run"])

What a program does, it does in a process of its own, with its own arguments, folder, environment, path and output, as if Python
had been started for it; that Python starts, and that torch is read from the disk, is what is not repeated. Not for what tests
the start itself: isolation (-I), what an import brings or how long it takes. The workers of one run of pytest share the process.
"""

import fcntl
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.limits import HANG

PACKAGES = ("numpy", "torch", "torch._dynamo", "torch.distributed.fsdp", "torch.distributed.checkpoint", "matplotlib.pyplot")
PACKAGES += ("nbformat", "yaml", "bs4", "pytest", "xdist.plugin", "hypothesis", "distributed")  # _dynamo: for optimisers
READY = tuple(name for name in PACKAGES if find_spec(name.partition(".")[0]))  # what nearly every program here imports
CODE = """import sys; sys.path.insert(0, {root!r})
from tests import forked
sys.path.pop(0)
forked.serve({listening}, {folder!r}, {ready!r})"""


# -- in the process that forks --------------------------------------------------------------------
def serve(listening, folder, ready):
    """Import ``ready``, then fork for each request until nobody holds the other end of the folder's pipe."""
    outer = {entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry}
    base = [entry for entry in sys.path if entry and entry not in outer]
    for name in ready:
        __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(fileno=listening)
    threading.Thread(target=_end_with_the_last, args=(Path(folder),), daemon=True).start()
    while True:
        asked, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _look_after(asked, base)
        asked.close()


def _end_with_the_last(folder):
    """End this process once nobody has the pipe open; who comes meanwhile waits at the lock, and then finds no address."""
    alive = os.open(folder / "alive", os.O_RDONLY)
    told = select.poll()
    told.register(alive, select.POLLHUP)
    while True:
        os.read(alive, 1)
        with _locked(folder):
            if told.poll(0):
                os.unlink(folder / "socket")
                os._exit(0)


def _look_after(asked, base):
    """Start one program and tell its number, then its exit status."""
    size = int.from_bytes(asked.recv(4), "big")
    text, outputs, _, _ = socket.recv_fds(asked, size, 2)
    while len(text) < size:
        text += asked.recv(size - len(text))
    child = os.fork()
    if child == 0:
        asked.close()
        _become(json.loads(text), outputs, base)
    for output in outputs:
        os.close(output)
    asked.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked, outputs, base):
    """Be the program: streams, folder, environment, path, arguments."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.dont_write_bytecode = bool(asked["env"].get("PYTHONDONTWRITEBYTECODE"))
    os.chdir(asked["cwd"])
    status = 1
    try:
        _execute(asked["arguments"], [part for part in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if part] + base)
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        _leave(status)


def _execute(arguments, path):
    """What ``python ARGUMENTS`` would run: -m MODULE, -c TEXT or a script, after -W and what becomes of warnings."""
    import runpy
    import warnings

    kind, *rest = arguments
    if kind == "-W":
        sys.warnoptions.append(rest[0])
        warnings.simplefilter(rest[0])
        kind, *rest = arguments = rest[1:]
    if kind == "-m":
        _find_in([os.getcwd(), *path])
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        _find_in(["", *path])
        sys.argv = ["-c", *rest[1:]]
        main = type(sys)("__main__")
        main.__builtins__ = __builtins__
        sys.modules["__main__"] = main
        exec(compile(rest[0], "<string>", "exec"), vars(main))
    else:
        _find_in([str(Path(kind).resolve().parent), *path])
        sys.argv = arguments
        runpy.run_path(kind, run_name="__main__")


def _find_in(path):
    """Let modules be found there; pytest-xdist keeps the path of the moment when it was imported, for its workers."""
    sys.path[:] = path
    if "xdist.plugin" in sys.modules:
        sys.modules["xdist.plugin"]._sys_path[:] = path


def _leave(status):
    """End as Python ends: threads awaited, exit handlers run, streams flushed."""
    import atexit

    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 255)


# -- in the test ------------------------------------------------------------------------------------
@contextmanager
def _locked(folder):
    """Alone among those who start and end the process of a folder."""
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _folder(ready):
    """Where the process that has imported ``ready`` is met: by all workers of this run of pytest-xdist, or by this process."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return Path(tempfile.mkdtemp(prefix="forked-"))
    name = hashlib.sha256(repr((run, ready, os.getuid())).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir(), f"forked-{name}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@cache
def _server(ready):
    """The address of a process that has imported ``ready``; it ends with the last of those who asked for it, or who live."""
    folder = _folder(ready)
    with _locked(folder):
        if not (folder / "alive").exists():
            os.mkfifo(folder / "alive", 0o600)
        ours = os.open(folder / "alive", os.O_RDWR)
        if not (folder / "socket").exists():
            _start_server(folder, ready)
    return str(folder / "socket"), ours


def _start_server(folder, ready):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen(64)
        root = str(Path(__file__).resolve().parents[1])
        code = CODE.format(root=root, listening=server.fileno(), folder=str(folder), ready=ready)
        start = {"pass_fds": (server.fileno(),), "stdin": subprocess.DEVNULL, "start_new_session": True}
        subprocess.Popen([sys.executable, "-c", code], **start)


class Process:
    """A forked program, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, arguments, ready, cwd, env, joined):
        address, _ = _server(tuple(ready))
        self.told = socket.socket(socket.AF_UNIX)
        self.told.connect(address)
        out, errors = os.pipe(), None if joined else os.pipe()
        asked = {
            "arguments": [*map(str, arguments)],
            "cwd": str(cwd or os.getcwd()),
            "env": dict(os.environ if env is None else env),
        }
        text = json.dumps(asked).encode()
        self.told.sendall(len(text).to_bytes(4, "big"))
        sent = socket.send_fds(self.told, [text], [out[1], (errors or out)[1]])
        self.told.sendall(text[sent:])
        os.close(out[1])
        self.stdout, self.stderr = open(out[0], encoding="utf-8", errors="replace"), None
        if errors:
            os.close(errors[1])
            self.stderr = open(errors[0], encoding="utf-8", errors="replace")
        self.lines = self.told.makefile()
        self.pid, self.returncode = int(self.lines.readline()), None

    def wait(self, timeout=None):
        """The exit status, once it has one."""
        if self.returncode is None:
            if not _readable(self.told, timeout):
                raise subprocess.TimeoutExpired("a forked program", timeout)
            self.returncode = int(self.lines.readline())
            self.lines.close()
            self.told.close()
        return self.returncode

    def poll(self):
        """The exit status, or None while it runs."""
        if self.returncode is None and _readable(self.told, 0):
            self.wait()
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """End it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """What it said, (stdout, stderr), when it has ended."""
        said = {}
        readers = [
            threading.Thread(target=lambda name=name, stream=stream: said.__setitem__(name, stream.read()), daemon=True)
            for name, stream in (("out", self.stdout), ("errors", self.stderr))
            if stream
        ]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        for reader in readers:
            reader.join()
        for stream in filter(None, (self.stdout, self.stderr)):
            stream.close()
        return said.get("out", ""), said.get("errors")


def _readable(told, timeout):
    """Whether there is something to read within so many seconds; None waits for ever."""
    return bool(select.select([told], [], [], timeout)[0])


def start(arguments, ready=READY, cwd=None, env=None, joined=False):
    """A running ``python ARGUMENTS`` forked from a process that has imported ``ready``; ``joined``: errors go to its output."""
    return Process(arguments, ready, cwd, env, joined)


def run(arguments, ready=READY, cwd=None, env=None, joined=False, timeout=HANG):
    """The same, to its end: what `subprocess.run` returns."""
    process = start(arguments, ready, cwd, env, joined)
    out, errors = process.communicate(timeout)
    return subprocess.CompletedProcess(["python", *map(str, arguments)], process.returncode, out, errors)
