"""Compiling a kernel's C text, keeping the result, and loading it.

What is compiled is kept in the user's cache folder, so that the next process starts at once.  A file's name holds a
hash of all that it depends on (the text, the compiler, its options, the processor) and a hash of its own content: a
file that was cut short or damaged is not loaded, because loading it could end the process; it is compiled anew.
A file appears whole or not at all, so processes may start together.  Where the folder cannot be written, a kernel is
compiled anew in each process.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

FOLDER, COMPILER = "MOMENTUM_CACHE", "MOMENTUM_CC"  # environment variables
COMPILERS = ("cc", "gcc", "clang")
# The bits of NumPy: no contraction of a product and a sum, no shortcut that assumes anything of numbers.
OPTIONS = ("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
SHAPE = ("-shared", "-fPIC", "-pthread", "-w", "-x", "c", "-", "-lm")
TUNED = "-march=native"
_ready, _failed, _lock = {}, {}, threading.Lock()


class BuildError(OSError):
    """The compiler is there and did not make it; the message says what it said."""


# -- the compiler ------------------------------------------------------------------------------


def compiler():
    """The path of the C compiler: ``$MOMENTUM_CC``, or the first of cc, gcc and clang; None without one.

    An empty ``MOMENTUM_CC`` says that there is none.
    """
    chosen = os.environ.get(COMPILER)
    names = COMPILERS if chosen is None else (chosen,) if chosen else ()
    return next((path for path in map(shutil.which, names) if path), None)


def missing():
    """Why nothing can be compiled here, as a sentence; None if it can."""
    if sys.platform == "win32":
        return "compiled sweeps need a Unix C compiler and Windows has none"
    if os.environ.get(COMPILER) == "":
        return f"the compiler is switched off by an empty {COMPILER}"
    if compiler() is None:
        return f"no C compiler was found ({os.environ.get(COMPILER) or ', '.join(COMPILERS)})"
    if sys.platform == "darwin" and compiler() == "/usr/bin/cc" and _command("/usr/bin/xcode-select", "-p").returncode:
        return "the command line tools are not installed (xcode-select --install)"  # to call cc would open a window
    return None


def _command(*words, text=None):
    return subprocess.run([*map(str, words)], input=text, capture_output=True, text=True, check=False)


def compile_to(path, text):
    """Compile C text to a shared library.  Raises BuildError with the compiler's own words."""
    for tuned in ((TUNED,), ()):  # some compilers do not know the processor by itself
        done = _command(compiler(), *OPTIONS, *tuned, "-o", path, *SHAPE, text=text)
        if done.returncode == 0:
            return
    said = [line for line in done.stderr.splitlines() if "error" in line] or [f"it ended with code {done.returncode}"]
    raise BuildError(f"{compiler()} failed: {said[0].strip()}")


# -- the cache ---------------------------------------------------------------------------------


def cache_folder():
    """Where compiled kernels are kept; see :func:`momentum_lib.kernels.cache_folder`."""
    chosen = os.environ.get(FOLDER)
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "momentum_lib"


def processor():
    """What code tuned for this processor depends on: a home folder may be shared by different machines."""
    words = [sys.platform, os.uname().machine]
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.split(":")[0].strip() in ("model name", "flags", "Features", "CPU part", "isa"):
                    words.append(line)
                if not line.strip():  # the first processor is enough
                    break
    except OSError:
        words += [os.uname().nodename]
    return "".join(words)


def key_of(text):
    """A hash of all that the compiled code depends on."""
    path = compiler()
    status = os.stat(os.path.realpath(path))
    words = [text, path, str((status.st_size, status.st_mtime_ns)), *OPTIONS, TUNED, *SHAPE, processor()]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


def digest(content):
    return hashlib.sha256(content).hexdigest()[:24]


def mine(status):
    """Whether a file or folder is ours, and ours alone to write: kept code is executed."""
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def private_folder():
    """The cache folder, made if need be; None if there is none, it cannot be made, or others could write into it."""
    folder = cache_folder()
    try:
        if folder is None:
            return None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder if mine(folder.stat()) else None
    except OSError:
        return None


def kept(text, folder):
    """The kept library for a text, whole and ours; None without one."""
    for path in folder.glob(f"kernel_{key_of(text)}_*.so"):
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            if mine(os.fstat(file.fileno())) and digest(file.read()) == path.stem.rpartition("_")[2]:
                return path
    return None


def keep(text, content, folder):
    """Write a compiled library into the cache: all of it or nothing.  Returns its path."""
    path = folder / f"kernel_{key_of(text)}_{digest(content)}.so"
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


# -- loading -----------------------------------------------------------------------------------


def library(path, name="run"):
    """The function ``run`` of a shared library."""
    run = getattr(ctypes.CDLL(str(path)), name)
    run.argtypes, run.restype = [ctypes.c_void_p] * 3, ctypes.c_int64
    return run


def from_cache(text):
    """The function from the cache folder; None if there is none there or it does not load."""
    folder = private_folder()
    try:
        path = kept(text, folder) if folder else None
        return library(path) if path else None
    except OSError:
        return None


def build(text):
    """Compile a text now, keep it where that is possible, and load it."""
    with tempfile.TemporaryDirectory(prefix="momentum-", ignore_cleanup_errors=True) as place:
        path = Path(place) / "kernel.so"
        compile_to(path, text)
        try:
            if folder := private_folder():
                return library(keep(text, path.read_bytes(), folder))
        except OSError:  # a full disk, a folder from which nothing may be executed: the work goes on without a cache
            pass
        return library(path)


def is_ready(kernel):
    """Whether the kernel has been loaded in this process."""
    return kernel.text in _ready


def is_kept(kernel):
    """Whether compiled code for the kernel lies in the cache folder."""
    folder = private_folder()
    try:
        return folder is not None and kept(kernel.text, folder) is not None
    except OSError:
        return False


def why_not(kernel):
    """Why the kernel cannot be had: what :func:`missing` says, or what the compiler said in this process; None if it may."""
    return None if is_ready(kernel) else missing() or _failed.get(kernel.text)


def compiled(kernel):
    """The kernel as machine code: from this process, from the cache folder, or compiled now (a few tenths of a second).

    Raises ImportError, with the reason, where that cannot be done.
    """
    with _lock:
        if kernel.text not in _ready:
            if why := why_not(kernel):
                raise ImportError(f"{why}; install a C compiler (gcc or clang), or use engine='numpy'.")
            try:
                _ready[kernel.text] = from_cache(kernel.text) or build(kernel.text)
            except OSError as error:
                _failed[kernel.text] = str(error)
                raise ImportError(f"{error}; use engine='numpy'.") from error
        return _ready[kernel.text]


def call(run, whole, numbers, arrays):
    """Hand the lists over: whole numbers, numbers, arrays (None for no array).  Returns what ``run`` returns."""
    whole, numbers = np.array(whole, dtype=np.int64), np.array(numbers, dtype=float)
    addresses = np.array([0 if array is None else array.ctypes.data for array in arrays], dtype=np.uintp)
    return run(whole.ctypes.data, numbers.ctypes.data, addresses.ctypes.data)
