"""Every notebook is run once: the site shows what came out, and nbval compares it with what is stored.

    for run in executed.run_all():      # notebooks whose outputs nobody has yet, as many at a time as there are cores
        print(run.name, run.seconds, run.error)

A run is kept with the list of the files that its kernel, and every process that the kernel started, really read
(trace/sitecustomize.py notes them). It is valid while the notebook's code and all these files are what they were: so an edited
module, record, style sheet or table runs exactly the notebooks that rest on it, and an edited sentence none.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import CodeType

import nbformat
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
TRACE = Path(__file__).resolve().parent / "trace"
HANG = 3600  # seconds: no cell comes near it on the slowest machine; only what hangs does
KEEP = 4  # runs a notebook: a change and its undoing should not run it again
HARMLESS = {
    "cc",
    "gcc",
    "g++",
    "c++",
    "clang",
    "clang++",
    "ninja",
    "ld",
    "ldconfig",
    "uname",
    "lscpu",
    "file",
    "fc-list",
    "which",
}
"""Programs of the system that read nothing of the house but what their command line names."""
LIBRARY = ("momentum_lib", "notebooks", "_config.yml")  # what a program of which nothing is known may read
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Kernels read an IPython profile of their own. Figures are SVG, sharp on every screen, in colours that pictures.py can exchange;
# and PNG, two dots a pixel, for the reader's edition (book/_gen/reader.py). Each SVG brings the one for phones along.
PROFILE = """\
c.InlineBackend.figure_formats = {"svg", "retina"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
c.HistoryManager.enabled = False
c.InteractiveShellApp.extensions = ["momentum_lib.narrow"]
"""


def notebooks(root=ROOT):
    """Every notebook that is committed: the chapters, then the problem sets' masters."""
    return sorted((root / "notebooks").glob("*.ipynb")) + sorted((root / "notebooks" / "homework").glob("*.ipynb"))


def cores():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def profile(folder):
    """Write the IPython profile below `folder`; return what IPYTHONDIR has to be."""
    place = Path(folder) / ".ipython" / "profile_default"
    place.mkdir(parents=True, exist_ok=True)
    file = place / "ipython_kernel_config.py"
    if not file.exists() or file.read_text() != PROFILE:
        file.write_text(PROFILE)
    return str(place.parent)


# --- what a run rests on --------------------------------------------------------------------------------------------
def _sha(data):
    return hashlib.sha256(data).hexdigest()[:16]


def code_cells(notebook):
    """The cells of a notebook that run; the text between them may have changed since its run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_key(path, root=ROOT):
    """The hash of a notebook's code cells with their tags, of the pinned packages, of Python, and of how notebooks are run."""
    code = [[cell.source, cell.metadata.get("tags", [])] for cell in code_cells(nbformat.read(path, as_version=4))]
    pins = root / "requirements.txt"
    how = [PROFILE, (TRACE / "sitecustomize.py").read_text("utf-8")]
    return _sha(json.dumps([code, pins.read_text() if pins.exists() else "", sys.version, how]).encode())


def _folder_names(path):
    return "\n".join(sorted(name for name in os.listdir(path) if name not in ("__pycache__", ".ipynb_checkpoints"))).encode()


CODE = ("co_name", "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_names", "co_varnames", "co_freevars",
        "co_cellvars", "co_code", "co_exceptiontable")  # fmt: skip


def _shape(thing):
    """What a compiled constant is, without line numbers and in an order that is the same in every process."""
    if isinstance(thing, CodeType):
        return [*(getattr(thing, name) for name in CODE), _shape(thing.co_consts)]
    if isinstance(thing, tuple):
        return [_shape(part) for part in thing]
    if isinstance(thing, frozenset):
        return sorted(repr(_shape(part)) for part in thing)
    return type(thing).__name__, repr(thing)


def _code(data):
    """What a module does, whatever its comments and its layout are; the bytes of what is no module."""
    try:
        return repr(_shape(compile(data, "", "exec", dont_inherit=True))).encode()
    except (SyntaxError, ValueError):
        return data


@cache
def _fingerprint(path, kind, moment, size):
    data = Path(path).read_bytes()
    return _sha(_code(data) if kind == "code" else data)


def fingerprint(path, kind):
    """The hash of what a reader of `path` saw: names of a folder, code without comments of a module, else every byte."""
    try:
        if os.path.isdir(path):
            return _sha(_folder_names(path))
        stat = os.stat(path)
        return _fingerprint(str(path), kind, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        return "missing"


def _noted(folder, root):
    """What the processes of a run noted, as {path from the root: kind}; a text counts more than code."""
    lines = {line for file in Path(folder).iterdir() for line in file.read_text("utf-8", "surrogateescape").splitlines()}
    noted = [line.split("\t", 1) for line in sorted(lines)]  # "code" before "text", which overwrites it
    unknown = {name for kind, name in noted if kind == "program"} - HARMLESS
    read = {os.path.relpath(path, root): kind for kind, path in noted if kind != "program"}
    return read | (_whole_library(root) if unknown else {})


def _whole_library(root):
    """Every file that a program of which nothing is known may have read."""
    files = [file for top in LIBRARY for file in [root / top, *(root / top).rglob("*")]]
    return {os.path.relpath(file, root): "text" for file in files if "__pycache__" not in file.parts}


def _changed_since(path, moment):
    try:
        return os.path.isfile(path) and os.stat(path).st_mtime >= moment
    except FileNotFoundError:
        return False


def reads(folder, root, began):
    """{path: [kind, fingerprint]} of a run; a file that was edited while it ran gets a fingerprint that never fits."""
    return {
        path: [kind, "edited during the run" if _changed_since(root / path, began) else fingerprint(root / path, kind)]
        for path, kind in sorted(_noted(folder, root).items())
    }


# --- one run --------------------------------------------------------------------------------------------------------
@dataclass
class Run:
    """What came out of a notebook, and what it rests on."""

    name: str  # "01-ravine", "homework-1-idea"
    id: str
    key: str
    seconds: float
    cells: dict  # id of a cell -> seconds
    reads: dict  # path -> [kind, fingerprint]
    error: str | None  # the traceback of the first cell that failed and should not have
    file: Path  # the executed notebook

    def notebook(self):
        """The executed notebook."""
        return nbformat.read(self.file, as_version=4)

    def valid(self, root=ROOT, seen=None):
        """Whether everything that the run read is as it was; `seen` shares fingerprints between runs."""
        seen = {} if seen is None else seen
        for path, (kind, before) in self.reads.items():
            if (path, kind) not in seen:
                seen[path, kind] = fingerprint(root / path, kind)
            if seen[path, kind] != before:
                return False
        return True


def name_of(path, root=ROOT):
    """The name under which a notebook's runs are kept."""
    return path.resolve().relative_to(root.resolve()).with_suffix("").as_posix().removeprefix("notebooks/").replace("/", "-")


def _store(root):
    return root / "_build" / "executed"


def runs(name, root=ROOT):
    """The runs of a notebook that are kept, the newest first."""
    files = sorted(_store(root).glob(f"{name}@*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [Run(**json.loads(file.read_text()), file=file.with_suffix(".ipynb")) for file in files]


def find(path, root=ROOT, seen=None):
    """The run of the notebook as it and its files stand now, or None."""
    key = code_key(path, root)
    return next((run for run in runs(name_of(path, root), root) if run.key == key and run.valid(root, seen)), None)


def environment(root, trace, threads):
    """What a kernel inherits: the house first on its path, its own profile, its share of the cores, where to note files."""
    inherited = {**os.environ, "IPYTHONDIR": profile(root / "_build"), "MOMENTUM_TRACE": str(trace), "MOMENTUM_ROOT": str(root)}
    inherited["PYTHONPATH"] = os.pathsep.join([str(TRACE), str(root)])
    inherited.pop("MPLBACKEND", None)  # a back end from outside would take the pictures out of the cells
    return inherited | dict.fromkeys(THREADS, str(threads))


def _take_times(notebook):
    """How long each cell took, in seconds, by its id; the client's notes are taken out of the cells."""
    spent = {}
    for index, cell in enumerate(notebook.cells):
        times = cell.metadata.pop("execution", {})
        if "shell.execute_reply" in times:
            began, ended = (datetime.fromisoformat(times[key]) for key in ("iopub.execute_input", "shell.execute_reply"))
            spent[cell.get("id", str(index))] = round((ended - began).total_seconds(), 3)
    return spent


def first_error(notebook):
    """The traceback of the first cell that failed without saying that it would, or None."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                return "\n".join(output.traceback)
    return None


async def _execute(path, root, threads):
    """Run a notebook to its end, failing cells included, and keep what came out."""
    from nbclient import NotebookClient

    began, key, notebook = time.time(), code_key(path, root), nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=HANG, startup_timeout=HANG, iopub_timeout=HANG, allow_errors=True, record_timing=True,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="momentum-trace-") as trace:
        await client.async_execute(env=environment(root, trace, threads))
        read = reads(trace, root, began)
    told = {
        "name": name_of(path, root),
        "key": key,
        "error": first_error(notebook),
        "cells": _take_times(notebook),
        "reads": read,
    }
    return _keep(root, notebook, told | {"seconds": round(time.time() - began, 2)})


def _keep(root, notebook, told):
    """Write an executed notebook and what is told of it; forget the oldest."""
    name = told["name"]
    told["id"] = _sha(json.dumps([told, time.time()]).encode())
    file = _store(root) / f"{name}@{told['id']}.ipynb"
    nbformat.write(notebook, file)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(told, indent=1))
    part.replace(file.with_suffix(".json"))
    for old in runs(name, root)[KEEP:]:
        old.file.unlink(missing_ok=True)
        old.file.with_suffix(".json").unlink(missing_ok=True)
    return Run(**told, file=file)


def run(path, root=ROOT, threads=1, failed=True):
    """The run of one notebook: the kept one where it is valid, else a new one. One that failed is repeated if not `failed`."""
    return asyncio.run(_run(path, root, threads, failed, None))


async def _run(path, root, threads, failed, say):
    _store(root).mkdir(parents=True, exist_ok=True)
    lock = FileLock(_store(root) / f"{name_of(path, root)}.lock")
    while True:  # another process may be running it; this one goes on with its other notebooks meanwhile
        try:
            lock.acquire(blocking=False)
            break
        except TimeoutError:
            await asyncio.sleep(0.2)
    try:
        found = find(path, root)
        if found is None or (found.error and not failed):
            found = await _execute(path, root, threads)
            if say:
                say(found)
        return found
    finally:
        lock.release()


def _longest_first(paths, root):
    """What took long the last time comes first, so that no core waits for it at the end; what never ran before all."""

    def last(path):
        return next((-run.seconds for run in runs(name_of(path, root), root)), -float("inf"))

    return sorted(paths, key=last)


def run_all(paths=None, root=ROOT, workers=None, say=None, failed=True):
    """The runs of the notebooks (all without an argument), new ones side by side; `say(run)` is called after each new one."""
    paths = notebooks(root) if paths is None else list(paths)
    workers = workers or cores()
    threads = max(1, cores() // workers)

    async def together():
        places = asyncio.Semaphore(workers)

        async def one(path):
            async with places:
                return path, await _run(path, root, threads, failed, say)

        return dict(await asyncio.gather(*map(one, _longest_first(paths, root))))

    done = asyncio.run(together())
    return [done[path] for path in paths]


def store(path, run):
    """Write what the cells of a run printed into the notebook itself (tests/clean.py then takes the pictures out)."""
    notebook = nbformat.read(path, as_version=4)
    for cell, ran in zip(code_cells(notebook), code_cells(run.notebook()), strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    nbformat.write(notebook, path)


# --- what the site reads --------------------------------------------------------------------------------------------
def fill(folder, found):
    """Make `folder` a jupyter-cache that holds these runs ({path of a notebook: Run}) and nothing else."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    stamp, wanted = Path(folder) / "holds.json", json.dumps(sorted(run.id for run in found.values()))
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    cache = get_cache(folder)
    for path, run in found.items():
        bundle = CacheBundleIn(run.notebook(), str(path), data={"execution_seconds": run.seconds})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    stamp.write_text(wanted)
