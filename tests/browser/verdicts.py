"""What axe found nothing on stays found: a page that is unchanged needs no second look.

A verdict is kept under _build/verdicts with the hash of all that it rests on: the page, every file of the site that the page
names, the site's style sheets, fonts and scripts, the tests of this folder, axe, and the browser. If any of them changed, the
page is looked at again. Only a pass is kept; a first run, and a run on another machine, look at every page.
"""

import contextlib
import hashlib
import re
from pathlib import Path

from tests.browser.accessibility import AXE

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "_build" / "verdicts"


def digest(paths):
    """The hash of these files, by name and content."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def named_by(page):
    """The files of the site that a page names, with the page itself."""
    names = re.findall(r'(?:src|href|data)="([^"#?:]+)', page.read_text("utf-8"))
    return [page, *sorted({path for name in names if (path := (page.parent / name).resolve()).is_file()})]


class Verdicts:
    """The verdicts that are kept, for one browser and the files that every page shares: those of the folder ``static``."""

    def __init__(self, version, static, kept=KEPT):
        self.kept = kept
        checker = digest([*sorted(Path(__file__).parent.glob("*.py")), AXE])
        self.common = f"{version} {checker} {digest(sorted(p for p in static.rglob('*') if p.is_file()))}"

    @contextlib.contextmanager
    def of(self, name, files):
        """Yields whether ``name`` has to be looked at; it has passed if the block ends well, and that is kept."""
        wanted = f"{self.common} {digest(files)}"
        path = self.kept / name.replace("/", "-")
        unknown = not path.is_file() or path.read_text() != wanted
        path.unlink(missing_ok=True)
        yield unknown
        self.kept.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted)
