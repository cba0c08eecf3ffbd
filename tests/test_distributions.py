"""What travels: the sdist and the wheel, and the licences with them and with the site."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "momentum_lib"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """The names in the sdist and in the wheel, as setuptools builds them: {"sdist": names, "wheel": names}."""
    house = tmp_path_factory.mktemp("dist")
    for name in ("momentum_lib", "tests", "notebooks/records"):
        shutil.copytree(ROOT / name, house / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "LICENSE.CC-BY-4.0"):
        shutil.copy(ROOT / name, house)
    code = "from setuptools import build_meta as b; print(b.build_sdist('out')); print(b.build_wheel('out'))"
    subprocess.run([sys.executable, "-c", code], cwd=house, check=True, capture_output=True)
    (sdist,), (wheel,) = (house / "out").glob("*.tar.gz"), (house / "out").glob("*.whl")
    return {"sdist": tarfile.open(sdist).getnames(), "wheel": zipfile.ZipFile(wheel).namelist()}


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_both_licences_and_every_module_travel(distributions, kind):
    names = distributions[kind]
    for licence in ("LICENSE", "LICENSE.CC-BY-4.0"):
        assert any(Path(name).name == licence for name in names), licence
    modules = {path.relative_to(ROOT).as_posix() for path in LIBRARY.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    travelling = {name.partition("/")[2] if kind == "sdist" else name for name in names}
    left = {"momentum_lib/widgets/README.md", *(f"momentum_lib/widgets/js/{of}/types.d.ts" for of in ("kit", "play"))}
    assert modules - travelling == left
    assert not any("/tests/" in f"/{name}" for name in names), "tests that could not run without the repository"
    assert any(name.endswith("momentum-cpu.json") for name in names)
