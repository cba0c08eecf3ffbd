"""What a Python file does, as a hash: a docstring, a comment or another layout does not change it, code does.

Every Python from 3.10 on gives the same hash, so that one can check what another wrote.
"""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from .format import canonical

LIBRARY = Path(__file__).resolve().parents[1]
TRAINING = ("cohort", "data", "defaults", "ensemble", "loop", "model", "optimizers", "schedule", "settings", "stacked")


def tree(node):
    """A syntax tree as nested lists, the same from every Python: without strings that stand alone, places and empty fields."""
    if isinstance(node, list):
        return [tree(item) for item in node if not _is_text(item)]
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__} {node!r}"
    fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ("kind", "type_comment", "ctx"))
    return [type(node).__name__, *([name, tree(value)] for name, value in fields if value not in (None, []))]


def _is_text(node):
    """Whether a statement is a string by itself, such as a docstring: it says something and does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@lru_cache(maxsize=512)  # rules share most of their files, so each text is read as code once a process
def code_hash(text):
    """SHA-256 of the code in a Python text.  Raises SyntaxError where it is none."""
    return hashlib.sha256(repr(tree(ast.parse(text))).encode()).hexdigest()


def source_hash(name, library=LIBRARY):
    """SHA-256 of one file of the library, such as "rules/sign.py"; None if it does not exist.

    Of a Python file its code counts, of any other every byte but the line ends' form.
    """
    path = Path(library) / name
    if not path.is_file():
        return None
    if path.suffix == ".py":
        return code_hash(path.read_text("utf-8"))
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def sources_of(rules):
    """The files of the library that decide the numbers of runs with these rules."""
    from ..rules import get

    families = {get(rule).fn.__module__.rpartition(".")[2] for rule in rules}
    optim = [path.relative_to(LIBRARY).as_posix() for path in sorted(LIBRARY.glob("optim/*.py"))]
    training = [f"train/{name}.py" for name in TRAINING]
    return sorted(
        {
            "core.py",
            "ops.py",
            "records/summary.py",
            "train/files.txt",
            *optim,
            *training,
            *(f"rules/{name}.py" for name in families),
        }
    )


def code_of(rule):
    """The identity of the code that a run with this rule rests on: a hash of its sources."""
    return hashlib.sha256(canonical({name: source_hash(name) for name in sources_of([rule])}).encode()).hexdigest()[:12]
