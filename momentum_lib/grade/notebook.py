"""IPython's own commands (%time, !ls, ...) where a student's code runs: they are understood, and change nothing outside it."""

import contextlib
import os
import re

NO_TIMES = re.compile(r"(?<!\S)-[nr] ?\d+(?!\S)")
OUTSIDE = (
    "system",
    "sx",
    "sc",
    "pip",
    "conda",
    "mamba",
    "micromamba",
    "uv",
    "logstart",
    "store",
    "reset",
    "debug",
    "matplotlib",
    "gui",
)
OF_A_CELL = ("time", "timeit", "capture", "prun", "writefile", "file", "python", "python3")


def make_shell():
    """An IPython shell without history, files or processes, to be inherited by every child.

    Commands to the operating system and installations do nothing; a command that is not known, or needs what the sandbox
    does not give, is passed over.  ``%timeit`` runs its statement once.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.autocall = 0
    os.environ.setdefault("IPYTHONDIR", os.environ.get("HOME", "."))
    shell = InteractiveShell(config=config)
    line, cell = shell.run_line_magic, shell.run_cell_magic

    def run_line_magic(name, text, _stack_depth=1):
        if name in OUTSIDE:
            return None
        with contextlib.suppress(Exception):
            return line(name, once(name, text), _stack_depth + 1)  # names are made where the cell makes its own

    def run_cell_magic(name, text, body):
        if name in ("python", "python3"):
            exec(compile(body, "<cell>", "exec"), {})
        elif name in OF_A_CELL:
            with contextlib.suppress(Exception):
                return cell(name, once(name, text), body)

    for name, instead in {
        "run_line_magic": run_line_magic,
        "run_cell_magic": run_cell_magic,
        "system": lambda command: None,
        "getoutput": lambda command, *args, **kwargs: [],
    }.items():
        shell.__dict__[name] = instead
    return shell


def once(name, text):
    """The words of a %timeit with one run of one round; of another command as they are."""
    return "-n 1 -r 1 " + NO_TIMES.sub("", text) if name == "timeit" else text
