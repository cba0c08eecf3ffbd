"""How the build runs notebooks: with a cache that knows the library, and with figures as SVG.

jupyter-cache runs a notebook again when the notebook's own code changes; a change in `momentum_lib` escapes it and the
book would show yesterday's numbers. So the cache lives in a folder named after a hash of everything a notebook imports:
the library's files and the pinned requirements. Kernels started by the build read an IPython profile of its own, which asks
for SVG (sharp on every screen, and pictures.py can give it the page's colours); elsewhere a figure stays a PNG.
"""

import hashlib
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".py", ".js", ".css", ".mplstyle"}
KEEP = 4  # a change and its undoing should not run every notebook again


def library_hash(root=ROOT):
    """Return a short hexadecimal hash of momentum_lib's files and requirements.txt under `root`."""
    digest = hashlib.sha256()
    files = [p for p in (root / "momentum_lib").rglob("*") if p.suffix in SUFFIXES]
    for path in [*sorted(files), root / "requirements.txt"]:
        if path.exists():
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _key_cache(app, config):
    folder = Path(app.outdir).parent / ".jupyter_cache"
    cache = folder / library_hash()
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    old = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in old[KEEP:]:
        shutil.rmtree(path, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)


PROFILE = """\
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
c.HistoryManager.enabled = False
"""


def _kernel_profile(app, config):
    folder = Path(app.outdir).parent / ".ipython" / "profile_default"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ipython_kernel_config.py").write_text(PROFILE)
    os.environ["IPYTHONDIR"] = str(folder.parent)


def setup(app):
    app.connect("config-inited", _key_cache, priority=100)
    app.connect("config-inited", _kernel_profile)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
