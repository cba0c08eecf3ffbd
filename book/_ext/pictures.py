"""Pictures of the pages: their size, so that the text does not jump, and a twin in dark colours for each SVG.

The course's colours have one hex on white pages and another on dark ones. A figure is drawn once, in the light ones; the
twin is the same file with each colour exchanged, and the style sheet shows the one that fits the page.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from sphinx.util import logging

logger = logging.getLogger(__name__)


def palette():
    """Return light hex -> dark hex for the course's colours; they live in momentum_lib.notation."""
    from momentum_lib import notation

    pairs = {"#1f2933": "#e6eaf0", "#5b6672": "#9aa6b2", "#ffffff": "#14181f", "#000000": "#e6eaf0"}
    for look in notation.LOOKS.values():
        get = look.get if isinstance(look, dict) else lambda name, look=look: getattr(look, name)
        pairs[get("light").lower()] = get("dark").lower()
    return pairs


def begin(app):
    """Start a build with no twins noted; live.py adds the pictures that it draws to `course_pictures` (name -> path)."""
    app.course_twins = set()
    app.course_pictures = {}


def _grey(hexa):
    """A quiet grey keeps its distance from the page: lightness mirrored; anything with a hue stays as it is."""
    r, g, b = (int(hexa[i : i + 2], 16) for i in (1, 3, 5))
    if max(r, g, b) - min(r, g, b) > 36:
        return hexa
    page = (0x14, 0x18, 0x1F)
    return "#" + "".join(f"{round(p + (255 - c) * (230 - p) / 255):02x}" for c, p in zip((r, g, b), page, strict=True))


def dark_twin(svg, colours):
    """Return the SVG text with every colour of `colours` exchanged and greys mirrored; heat maps are left alone."""
    pieces = re.split(r"(<g id=\"QuadMesh_\d+\">.*?</g>\s*</g>|<image .*?/>)", svg, flags=re.S)

    def exchange(match):
        hexa = match[0].lower()
        return colours.get(hexa) or _grey(hexa)

    pieces[::2] = [re.sub(r"#[0-9a-fA-F]{6}\b", exchange, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _size(path):
    if path.suffix == ".svg":
        head = path.read_text(encoding="utf8")[:2000]
        box = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', head)
        # matplotlib counts in points; pages count in pixels
        return tuple(round(float(v) * 4 / 3) for v in box.groups()) if box else None
    if path.suffix == ".png":
        data = path.read_bytes()[16:24]
        return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
    return None


def finish(soup, app, pagename):
    """Give every picture of a page its size; pair every figure in SVG with its dark twin."""
    sources = {name: Path(app.srcdir, source) for source, name in getattr(app.builder, "images", {}).items()}
    sources.update(getattr(app, "course_pictures", {}))
    for image in soup.select("article img"):
        src = image.get("src", "")
        name = unquote(src.rpartition("/")[2])
        path = sources.get(name)
        image["decoding"] = "async"
        if path is None or not path.exists():
            continue
        size = _size(path)
        if size and not image.get("width") and not image.get("style"):
            image["width"], image["height"] = map(str, size)
        classes = image.get("class", [])
        if path.suffix == ".svg" and "only-light" not in classes and "no-twin" not in classes:
            app.course_twins.add(name)
            twin = soup.new_tag("img", attrs={**image.attrs, "src": src.removesuffix(".svg") + "-dark.svg"})
            twin["class"] = [*classes, "only-dark"]
            twin["loading"] = "lazy"
            image["class"] = [*classes, "only-light"]
            image["loading"] = "lazy"
            image.insert_after(twin)


def write(app, error):
    """Write the dark twins beside the pictures that the pages of this build show."""
    if error is not None or app.builder.format != "html":
        return
    colours = palette()
    folder = Path(app.outdir) / "_images"
    for name in sorted(app.course_twins):
        path = folder / name
        path.with_name(path.stem + "-dark.svg").write_text(dark_twin(path.read_text(encoding="utf8"), colours), encoding="utf8")
