"""The built site as browsers get it: built if it is not up to date, served under the path that it has when published."""

import contextlib
import fcntl
import functools
import http.server
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "_build" / "html"
PREFIX = "/momentum/"

# Notes what goes wrong in a page, for browsers that do not tell: errors, what did not load, what was said to the console.
WATCH = """<script>(() => {
  const noted = (window.__problems = []);
  addEventListener("error", (event) => noted.push(event.target instanceof Element
    ? `did not load: ${event.target.outerHTML.slice(0, 200)}`
    : `error: ${event.message} (${event.filename}:${event.lineno})`), true);
  addEventListener("unhandledrejection", (event) => noted.push(`unhandled rejection: ${event.reason}`));
  for (const level of ["error", "warn"]) {
    const say = console[level];
    console[level] = (...words) => { noted.push(`console ${level}: ${words.map(String).join(" ")}`); say.apply(console, words); };
  }
})();</script>"""


@dataclass
class Site:
    """The built site: `path` on disk, `base` address while served; `pages` are names like ``notebooks/01-ravine``.
    `refused`: what the server was asked for and did not have."""

    path: Path
    base: str
    pages: list = field(default_factory=list)
    refused: list = field(default_factory=list)

    def url(self, name, scheme="http"):
        """Return the address of a page by its name, over http or from a file."""
        if scheme == "file":
            return (self.path / f"{name}.html").as_uri()
        return f"{self.base}{name}.html"


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refused = None

    def translate_path(self, path):
        path = urlsplit(path).path
        return super().translate_path("/" + path.removeprefix(PREFIX)) if path.startswith(PREFIX) else "/nowhere"

    def send_error(self, code, *words):
        self.refused.append(f"status {code}: {self.path}")
        super().send_error(code, *words)

    def log_message(self, *args):
        pass


class _Watched(_Handler):
    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html" or not path.is_file():
            return super().do_GET()
        body = path.read_text("utf-8").replace("<head>", "<head>" + WATCH, 1).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None


def build():
    """Build the book, with warnings as errors, unless it is up to date; one process builds, the others wait. Returns what a
    failed build said, or nothing."""
    lock = ROOT / "_build" / "test-build.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        run = subprocess.run([sys.executable, "book/build.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    return (run.stdout + run.stderr)[-4000:] if run.returncode else ""


@contextlib.contextmanager
def serve(folder=OUT, watched=False):
    """Serve a built site on a free port; ``watched``: each page notes in `__problems` what goes wrong in it."""
    site = Site(folder, "")
    handler = type("Handler", (_Watched if watched else _Handler,), {"refused": site.refused})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.base = f"http://127.0.0.1:{server.server_port}{PREFIX}"
    pages = sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.html") if p.name != "index.html")
    site.pages = [page for page in pages if not page.startswith("_")]
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
