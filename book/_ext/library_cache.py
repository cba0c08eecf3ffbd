"""How the build comes by the outputs of notebooks: each is run once, outside of Sphinx, and its run is kept (executed.py).

Before Sphinx reads its pages, the notebooks among them that have no valid run are run, side by side, and a jupyter-cache is
filled from which every page takes its outputs. A page whose notebook rests on an edited file is read again even though its own
text is the same. Code cells of other pages are run by Sphinx, in kernels with the same profile.
"""

import hashlib
import os
from pathlib import Path

import executed
import one_page
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)
ROOT = executed.ROOT


def library_hash(root=ROOT):
    """Return a short hexadecimal hash of what pictures are drawn from: the library, the records, the pinned packages."""
    files = [path for top in ("momentum_lib", "notebooks/records") for path in (root / top).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in [*sorted(path for path in files if "__pycache__" not in path.parts), root / "requirements.txt"]:
        kind = "code" if path.suffix == ".py" else "text"
        digest.update(f"{path.relative_to(root).as_posix()}\0{executed.fingerprint(path, kind)}\0".encode())
    return digest.hexdigest()[:16]


def _prepare(app, config):
    build = Path(app.outdir).parent
    config.nb_execution_cache_path = str(build / ".jupyter_cache")
    os.environ["IPYTHONDIR"] = executed.profile(build)


def _notebooks(app, documents):
    """Document -> path of those that are notebooks of the house."""
    paths = {document: Path(app.env.doc2path(document)) for document in documents}
    return {document: path for document, path in paths.items() if path.suffix == ".ipynb"}


def _rest_on_edited_files(app, env, added, changed, removed):
    known, seen = getattr(env, "course_runs", {}), {}
    found = {name: executed.find(path, Path(app.srcdir), seen) for name, path in _notebooks(app, known).items() if path.exists()}
    return [name for name, run in found.items() if run is None or run.id != known[name]]


def _run(app, env, documents):
    """Run what has to be run, and fill the cache with the runs of the pages that will be read."""
    paths = _notebooks(app, documents)
    root = Path(app.srcdir)
    say = lambda run: logger.info(f"ran {run.name} in {run.seconds:.1f} s")
    runs = dict(zip(paths, executed.run_all(paths.values(), root, say=say, failed=False)))
    for name, run in runs.items():
        if run.error:
            raise ExtensionError(f"{env.doc2path(name)}: a cell failed\n{run.error}")
    executed.fill(app.config.nb_execution_cache_path, {paths[name]: run for name, run in runs.items()})
    env.course_runs = getattr(env, "course_runs", {}) | {name: run.id for name, run in runs.items()}


def setup(app):
    app.connect("config-inited", _prepare, priority=100)
    app.connect("env-get-outdated", _rest_on_edited_files)
    app.connect("env-before-read-docs", _run, priority=900)
    one_page.connect(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
