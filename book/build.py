"""Build the book with warnings as errors; optionally serve it.

    python book/build.py              build _build/html, unless nothing changed since the last build that succeeded
    python book/build.py --serve      the same, then serve it on this machine and print the address
    python book/build.py --force      build in any case

Every build writes all pages (a partial one would hide warnings); what takes long, running the notebooks, is cached and the
cache knows when the library changed (book/_ext/library_cache.py).
"""

import argparse
import hashlib
import http.server
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "_build" / "html"
STAMP = ROOT / "_build" / "built-from"
INPUTS = ("_config.yml", "_toc.yml", "requirements.txt", "package.json", "book", "notebooks", "momentum_lib")
SKIPPED = {"__pycache__", ".ipynb_checkpoints"}


def digest(root=ROOT):
    """Return the hash of every file that the book is made from."""
    total = hashlib.sha256()
    for name in INPUTS:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not SKIPPED & set(path.parts):
                total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def build(force=False):
    """Build the book; return the exit status of Jupyter Book (0 also when there was nothing to do)."""
    before = digest()
    if not force and OUT.exists() and STAMP.exists() and STAMP.read_text() == before:
        print("The book is up to date:", OUT)
        return 0
    STAMP.unlink(missing_ok=True)
    # -W: a warning is an error; -n: a reference that leads nowhere is a warning; --keep-going: list them all
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT), "--all", "-n", "-W", "--keep-going"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("MPLBACKEND", None)  # a back end from outside would take the pictures out of the cells
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if status == 0:
        STAMP.write_text(before)
    else:
        print("\nThe book was not built: a warning above counts as an error.", file=sys.stderr)
    return status


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files quietly, and let the browser ask again each time (the author edits and reloads)."""

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *args):
        pass


def serve(port=8000):
    """Serve the built book on this machine only, at the first free port from `port` on, until Ctrl-C."""
    handler = partial(Handler, directory=str(OUT))
    for candidate in [*range(port, port + 50), 0]:
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", candidate), handler)
            break
        except OSError:
            continue
    print(f"\n  Read the course at  http://127.0.0.1:{server.server_port}/   (Ctrl-C stops it)\n", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.server_close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", action="store_true", help="serve the book after building it")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    parser.add_argument("--port", type=int, default=8000, help="first port to try (default: 8000)")
    options = parser.parse_args()
    status = build(options.force)
    if status == 0 and options.serve:
        serve(options.port)
    return status


if __name__ == "__main__":
    sys.exit(main())
