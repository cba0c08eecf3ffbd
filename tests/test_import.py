"""What ``import momentum_lib`` loads, and which way its modules import each other."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "momentum_lib"
HEAVY = ["torch", "matplotlib", "anywidget", "ipywidgets", "IPython", "scipy", "numba", "optuna", "pandas", "PIL", "sklearn"]

# the layers of the design, lowest first; a module may import from its own layer and from those below
LAYERS = [
    {"notation", "ranges", "ops", "draws", "cluster"},
    {"core", "printing"},
    {"rules", "surfaces"},
    {"theory", "sweep", "kernels", "conventions", "codegen", "gaps", "looks", "optim", "relief", "scale", "typeface", "networks"},
    {"plot", "animate", "widgets", "grade", "records"},
    {"train"},
]


def test_importing_the_library_loads_numpy_alone():
    """A convenience import that makes every reader wait for torch or matplotlib."""
    code = (
        "import sys, json; import numpy; before = set(sys.modules); import momentum_lib; print(json.dumps([*set(sys.modules) - "
        "before]))"
    )
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    loaded = {name.split(".")[0] for name in json.loads(out)}
    assert "momentum_lib" in loaded
    assert loaded - set(sys.stdlib_module_names) - {"numpy", "momentum_lib"} == set()


@pytest.mark.parametrize(
    "name",
    [
        "rules",
        "surfaces",
        "theory",
        "networks",
        "sweep",
        "kernels",
        "conventions",
        "codegen",
        "printing.latex",
        "notation",
        "records",
        "scale",
        "records.summary",
    ],
)
def test_the_core_modules_load_numpy_alone(name):
    """A heavy import that hides in a module of the core."""
    code = (
        f"import sys, importlib; importlib.import_module('momentum_lib.{name}'); print([m for m in {HEAVY} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert out.strip() == "[]"


def modules():
    return sorted(path for path in LIBRARY.rglob("*.py") if "__pycache__" not in path.parts)


def part(path):
    """The design's name of a file: the first folder or file below momentum_lib."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported(path):
    """The parts of momentum_lib that a file imports, at any depth and in any function."""
    package = ("momentum_lib", *path.relative_to(LIBRARY).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            names = [[*base, alias.name] for alias in node.names]
        for name in names:
            if name[:1] == ["momentum_lib"] and len(name) > 1:
                yield name[1]


def layer(name):
    found = [k for k, names in enumerate(LAYERS) if name in names]
    assert found, f"momentum_lib.{name} has no place in LAYERS; put it in its layer"
    return found[0]


@pytest.mark.parametrize(
    "path", [p for p in modules() if p != LIBRARY / "__init__.py"], ids=lambda p: str(p.relative_to(LIBRARY))
)
def test_imports_run_one_way(path):
    """A lower layer that reaches up, such as core importing rules."""
    here = part(path)
    for name in imported(path):
        if name == here or not ((LIBRARY / name).is_dir() or (LIBRARY / f"{name}.py").exists()):
            continue  # its own package, or a name of momentum_lib/__init__.py
        assert layer(name) <= layer(here), f"{path.relative_to(ROOT)} imports {name}, which stands above {here}"


def test_a_rule_calls_no_array_library():
    """``np.`` or ``torch.`` inside a rule: one text could then not serve both, nor JavaScript."""
    for path in (LIBRARY / "rules").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert getattr(node, "level", 0) > 0, f"{path.name} imports something from outside the library"
            assert not isinstance(node, ast.Attribute) or node.attr in {"looks_at", "reports", "values", "name", "matrix"}, (
                path.name
            )
