"""Note every file of the house that this process reads; Python imports this module by itself when it starts.

It stands first on the PYTHONPATH of a notebook's kernel (executed.py), and so of every Python that the kernel starts. Each
process appends to a file of its own in $MOMENTUM_TRACE, one line a file, at the moment it is opened: what a killed process had
read is noted, too. A line is KIND, a tab and the path:

    code      imported: its text counts without comments and layout
    text      opened: every byte counts
    list      a folder whose names were listed
    program   a program that cannot note what it reads
"""

import os
import re
import sys
from _thread import get_ident
from contextlib import suppress
from importlib.util import source_from_cache

FOLDER, ROOT = os.environ.get("MOMENTUM_TRACE"), os.environ.get("MOMENTUM_ROOT", "") + os.sep
IMPORTERS = ("<frozen importlib._bootstrap_external>", os.path.join("importlib", "metadata", "__init__.py"))
LEFT_OUT = {".venv", ".venv-colab", "node_modules", "_build", ".git", ".ipynb_checkpoints"}
BLIND = re.compile(r"-\w*[IES]\w*")  # a Python that is started so does not import this module


def source_of(path):
    """The module that a compiled file stands for, wherever Python keeps it; any other path as it is."""
    if path.endswith(".pyc"):
        with suppress(ValueError):
            return source_from_cache(path)
    return path


class Notes:
    """What this process noted so far, and where it writes."""

    def __init__(self):
        self.seen, self.handle, self.busy = set(), None, set()

    def write(self, kind, path):
        if (kind, path) in self.seen:
            return
        self.seen.add((kind, path))
        if self.handle is None:
            name = os.path.join(FOLDER, f"{os.getpid()}-{id(self)}")
            try:
                self.handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0))
            except FileNotFoundError:  # the run is over, and nobody reads notes any more
                return
        os.write(self.handle, f"{kind}\t{path}\n".encode("utf-8", "surrogateescape"))

    def file(self, kind, path):
        if isinstance(path, int) or path is None or "__editable__" in os.fsdecode(path):  # a name on sys.path that is no file
            return
        path = source_of(os.path.abspath(os.fsdecode(path)))
        if path.startswith(ROOT) and not LEFT_OUT & set(path[len(ROOT) :].split(os.sep)):
            self.write(kind, path)


NOTES = Notes()


def only_writes(mode, flags):
    if isinstance(mode, str):
        return "r" not in mode and "+" not in mode
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) == os.O_WRONLY


def imported(depth=3):
    """Whether Python's own importer asked, or its list of installed packages."""
    return sys._getframe(depth).f_code.co_filename.endswith(IMPORTERS)


def opened(path, mode, flags):
    if not only_writes(mode, flags):
        NOTES.file("code" if imported() else "text", path)


def listed(path=None):
    if not imported():  # the importer lists every folder that it looks into; what it then finds, it opens
        NOTES.file("list", os.getcwd() if path is None else path)


def started(program, arguments=(), folder=None, environment=None):
    """A Python notes for itself, unless it was told to ignore the environment; of another program the name is noted."""
    words = [os.fsdecode(word) for word in ([arguments] if isinstance(arguments, (str, bytes)) else arguments or ())]
    name = os.path.basename(os.fsdecode(program if program is not None else words[0] if words else ""))
    kept = environment is None or "MOMENTUM_TRACE" in environment or b"MOMENTUM_TRACE" in environment
    if name.startswith("python") and kept and not any(map(BLIND.fullmatch, words)):
        return
    NOTES.write("program", name)
    for file in (os.path.join(folder or os.getcwd(), word) for word in words[1:]):
        if os.path.exists(file):
            NOTES.file("text", file)


WATCHED = {
    "open": opened,
    "os.listdir": listed,
    "os.scandir": listed,
    "subprocess.Popen": started,
    "os.exec": lambda program, arguments, environment: started(program, arguments, None, environment),
    "os.posix_spawn": lambda program, arguments, environment: started(program, arguments, None, environment),
    "os.spawn": lambda mode, program, arguments, environment: started(program, arguments, None, environment),
    "os.system": lambda command: started(command.split()[0] if isinstance(command, str) else b"sh", ()),
}


def hook(event, arguments):
    watcher, thread = WATCHED.get(event), get_ident()
    if watcher is None or thread in NOTES.busy:
        return
    NOTES.busy.add(thread)
    try:
        watcher(*arguments)
    except OSError:  # a folder that is gone, say: what the program then says of it is its own affair
        pass
    finally:
        NOTES.busy.discard(thread)


if FOLDER:
    sys.addaudithook(hook)
