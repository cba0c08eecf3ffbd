"""The course's typeface for matplotlib: Source Sans 3, which npm brings for the pages; matplotlib's own where it is not there.

matplotlib reads no woff2, so the files are turned into TrueType once and kept in its cache. Outside a copy of the course (in
Colab, say) there is nothing to turn, and figures are set in DejaVu Sans, without a word.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

FAMILY, PLAIN = "Source Sans 3", "DejaVu Sans"
FILES = Path(__file__).resolve().parents[1] / "node_modules" / "@fontsource" / "source-sans-3" / "files"
PARTS = {"latin-400": (FAMILY, 400), "latin-600": (FAMILY, 600), "greek-400": (f"{FAMILY} Greek", 400)}
"""Part of the typeface -> the family and weight under which matplotlib knows it; what a family lacks is taken from the next."""


def true_type(source):
    """The TrueType file of a woff2 file, in matplotlib's cache; made where it is not there yet."""
    import matplotlib as mpl
    from fontTools.ttLib import TTFont

    folder = Path(mpl.get_cachedir()) / "momentum"
    target = folder / f"{source.stem}-{source.stat().st_size}.ttf"
    if not target.exists():
        font = TTFont(source)
        font.flavor = None
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".ttf")
        os.close(handle)
        font.save(name)
        os.replace(name, target)  # two kernels may do this at once
    return target


@cache
def families():
    """The families in which figures are set, best first; each is known to matplotlib afterwards."""
    from matplotlib import font_manager

    found = []
    try:
        for part, (family, weight) in PARTS.items():
            file = true_type(FILES / f"source-sans-3-{part}-normal.woff2")
            font_manager.fontManager.ttflist.append(font_manager.FontEntry(fname=str(file), name=family, weight=weight))
            found += [family] * (family not in found)
    except (ImportError, OSError):  # no fontTools or brotli, no such file, or nowhere to write
        return [PLAIN]
    return [*found, PLAIN]
