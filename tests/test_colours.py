"""A meaning has one colour, set once in momentum_lib/notation.py: everything that wears it follows."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from momentum_lib.notation import LOOKS, colour_of

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("colours", "cards", "conventions", "notation", "reader")


@pytest.fixture(scope="module")
def colours():
    spec = importlib.util.spec_from_file_location("colours", ROOT / "book" / "_gen" / "colours.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_coloured_symbol_wears_the_colour_of_its_meaning(colours, capsys):
    assert colours.main(["--check"]) == 0, capsys.readouterr().out
    assert sum(len(colours.COLOURED.findall(path.read_text("utf-8"))) for path in colours.files()) > 400


@pytest.mark.parametrize(
    ("symbol", "look"),
    [
        (r"\beta", "momentum"),
        (r"\beta_2", "adaptive"),
        (r"\beta_k", "momentum"),
        ("g_{t-1}", "gradient"),
        (r"\hat m", "averaged"),
    ],
)
def test_a_symbol_has_one_colour_whatever_its_index(colours, symbol, look):
    assert colour_of(symbol) == LOOKS[look].light
    for text in (rf"$\textcolor{{#123456}}{{{symbol}}}$", rf"\textcolor{{}}{{{symbol}}}"):
        doubled = text.replace("\\", "\\\\")
        assert LOOKS[look].light in colours.coloured(text) and LOOKS[look].light in colours.coloured(doubled)


def test_a_symbol_without_a_colour_is_named(colours, tmp_path, capsys):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "page.md").write_text(r"A $\textcolor{#1D5FBF}{\zeta_3}$.")
    assert colours.main([], tmp_path) == 1
    said = capsys.readouterr().out
    assert r"page.md: '\\zeta_3' has no colour" in said and "notation.py" in said


def test_another_colour_reaches_every_page_and_its_dark_counterpart(tmp_path):
    """The colour of the velocity changed in the one place: nothing keeps the old one, and the dark page knows the new one."""
    old, new = LOOKS["momentum"].light, "#123ABC"
    for name in ("book", "momentum_lib", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.json", "vendor"))
    shutil.copy(ROOT / "momentum_lib/scale/settings.json", tmp_path / "momentum_lib/scale/settings.json")
    for name in ("_toc.yml", "_config.yml"):
        shutil.copy(ROOT / name, tmp_path)
    notation = tmp_path / "momentum_lib" / "notation.py"
    notation.write_text(notation.read_text("utf-8").replace(old, new), "utf-8")
    for script in (["-m", "momentum_lib.codegen"], *([f"book/_gen/{name}.py"] for name in SCRIPTS)):
        done = subprocess.run(
            [sys.executable, *script], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    texts = {
        path: path.read_text("utf-8") for path in tmp_path.rglob("*") if path.suffix in {".ipynb", ".md", ".py", ".js", ".css"}
    }
    assert [path.name for path, text in texts.items() if re.search(old, text, re.I)] == []
    css = texts[tmp_path / "momentum_lib/widgets/js/generated/look.css"]
    assert f'html[data-theme="dark"] .katex [style*="{new}" i] {{ color: {LOOKS["momentum"].dark} !important; }}' in css
    assert texts[tmp_path / "notebooks/03-momentum.ipynb"].count(new) > 20
