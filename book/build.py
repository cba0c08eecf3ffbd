"""Build the book with warnings as errors; optionally serve it.

    python book/build.py              build _build/html, unless nothing changed since the last build that succeeded
    python book/build.py --serve      the same, then serve it on this machine and print the address
    python book/build.py --force      build in any case
    python book/build.py --execute    only run the notebooks that have to be run, side by side
    python book/build.py --store      the same, and write what they printed into the notebooks
    python book/build.py --page 03    only one page, by its number or its name, in seconds; print where it is

A build writes all pages (a partial one would hide warnings); what takes long, running the notebooks, is kept, and each run
knows the files that it rests on (book/_ext/executed.py). One page alone is what an author looks at while writing: the site
around it stays as it was built last, and the next build writes all of it again.
"""

import argparse
import hashlib
import http.server
import os
import re
import sys
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import executed  # noqa: E402

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


def sphinx(name=None, jobs=1):
    """Let Jupyter Book's Sphinx write the site, or one page of it, with warnings as errors; return the exit status.

    nitpicky: a reference that leads nowhere is a warning; keep_going: list all warnings.
    """
    from jupyter_book.sphinx import build_sphinx

    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.pop("MPLBACKEND", None)  # a back end from outside would take the pictures out of the cells
    settings = {"external_toc_path": str(ROOT / "_toc.yml"), "latex_individualpages": False, "nitpicky": True}
    which = {"filenames": [str(source(name))], "quiet": True} if name else {"freshenv": True}
    status = build_sphinx(
        ROOT, OUT, noconfig=True, path_config=ROOT / "_config.yml", confoverrides=settings, jobs=jobs,
        warningiserror=True, keep_going=True, **which,
    )  # fmt: skip
    return status if isinstance(status, int) else 1


def source(name):
    """The file of a document."""
    return next(file for ending in (".ipynb", ".md") if (file := ROOT / f"{name}{ending}").exists())


def build(force=False):
    """Build the book; return the exit status of Sphinx (0 also when there was nothing to do)."""
    before = digest()
    if not force and OUT.exists() and STAMP.exists() and STAMP.read_text() == before:
        print("The book is up to date:", OUT)
        return 0
    STAMP.unlink(missing_ok=True)
    status = sphinx()
    if status == 0:
        STAMP.write_text(before)
        print("The book is built:", OUT)
    else:
        print("\nThe book was not built: a warning above counts as an error.", file=sys.stderr)
    return status


def execute(store=False):
    """Run the notebooks that have no valid run; return 1 if a cell of one failed. `store` writes the outputs into them."""
    began = time.monotonic()
    say = lambda run: print(f"{run.name}: {'a cell failed' if run.error else 'ran'}, {run.seconds:.1f} s", flush=True)
    runs = executed.run_all(say=say, failed=False)
    for path, run in zip(executed.notebooks(), runs):
        if store and not run.error:
            executed.store(path, run)
        if run.error:
            print(f"\n{run.name}: a cell failed\n{run.error}", file=sys.stderr)
    print(f"{len(runs)} notebooks have been run with the files as they are ({time.monotonic() - began:.0f} s)")
    return int(any(run.error for run in runs))


# --- one page -------------------------------------------------------------------------------------------------------
def documents():
    """Every page of the book as Sphinx names it, from _toc.yml: ``notebooks/03-momentum``."""
    return re.findall(r"^\s*(?:- file|root): (\S+)", (ROOT / "_toc.yml").read_text("utf-8"), re.M)


def find_page(words):
    """The document that ``words`` mean: its number ("3", "03"), its name or the start of it, with or without folder."""
    number = words.zfill(2) + "-" if words.isdigit() else words
    found = [name for name in documents() if number in (name, name.rpartition("/")[2])]
    found = found or [name for name in documents() if name.rpartition("/")[2].startswith(number)]
    if len(found) != 1:
        raise SystemExit(f"P={words} means {' or '.join(found) or 'no page'}; there are: {', '.join(documents())}")
    return found[0]


def page(words):
    """Write one page into the built site; return the exit status."""
    name, began = find_page(words), time.monotonic()
    if not (OUT.parent / ".doctrees" / "environment.pickle").exists():
        print("The book was never built here: that comes first.", flush=True)
        return build() or page(words)
    STAMP.unlink(missing_ok=True)
    os.environ["COURSE_PAGE"] = name  # book/_ext/one_page.py leaves the others alone
    status = sphinx(name)
    if status == 0:
        print(f"\n  {OUT / name}.html  after {time.monotonic() - began:.1f} s\n  {(OUT / name).with_suffix('.html').as_uri()}")
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
    parser.add_argument("--execute", action="store_true", help="only run the notebooks that have to be run")
    parser.add_argument("--store", action="store_true", help="run the notebooks that have to be run, and store what they print")
    parser.add_argument("--page", help="only this page: its number or its name")
    parser.add_argument("--port", type=int, default=8000, help="first port to try (default: 8000)")
    options = parser.parse_args()
    if options.execute or options.store:
        return execute(options.store)
    if options.page:
        return page(options.page)
    status = build(options.force)
    if status == 0 and options.serve:
        serve(options.port)
    return status


if __name__ == "__main__":
    sys.exit(main())
