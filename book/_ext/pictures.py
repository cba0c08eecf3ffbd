"""Pictures of the pages: their size, so that the text does not jump, and each figure in the colours of light and dark pages.

A figure is drawn once, in mid-tones that can be read on any ground (a notebook's page may be light or dark). The site does
better: it writes each SVG twice, with every mid-tone exchanged for the exact colour that the meaning has on a light page and
on a dark one, the colours of the text, the equations and the live figures. The style sheet shows the one that fits.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

HAIR = ("#8794a3", "#66727f")  # contours and grids, on a light page and on a dark one
GROUND = ("#ffffff", "#14181f")  # the pages


def _hexa(colour):
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)


@cache
def palette(theme):
    """Return hex in a figure -> hex on a page, for ``theme`` "light" or "dark": mid-tones, and light hexes used as such."""
    from momentum_lib import notation, plot

    ink, quiet = (getattr(notation.LOOKS[name], theme).lower() for name in ("ink", "quiet"))
    pairs = {notation.GREY.lower(): quiet, notation.PALE.lower(): HAIR[theme == "dark"]}
    pairs |= {"#000000": ink, "#ffffff": GROUND[theme == "dark"]}
    for name, look in notation.LOOKS.items():
        target = getattr(look, theme).lower()
        pairs[look.light.lower()] = target
        pairs.setdefault(_hexa(plot.colour(name)), target)
    return pairs


def exchange(svg, theme):
    """Return the SVG text in the colours of a theme; heat maps (meshes and images) keep theirs."""
    pieces = re.split(r'(<g id="QuadMesh_\d+">.*?</g>\s*</g>|<image .*?/>)', svg, flags=re.S)
    colours = palette(theme)
    pieces[::2] = [re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: colours.get(m[0].lower(), m[0]), piece) for piece in pieces[::2]]
    # what names no colour is black in SVG; let it be ink
    return "".join(pieces).replace("<svg ", f'<svg fill="{colours["#000000"]}" ', 1)


def begin(app):
    """Start a build: no pairs noted yet; live.py adds the pictures that it draws to `course_pictures` (name -> path)."""
    app.course_pairs = set()
    app.course_pictures = {}


def _size(path):
    if path.suffix == ".svg":
        head = path.read_text(encoding="utf8")[:2000]
        box = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', head)
        # matplotlib counts in points, 72 to the inch; pages count in pixels, 96 to the inch
        return tuple(round(float(v) * 4 / 3) for v in box.groups()) if box else None
    if path.suffix == ".png":
        data = path.read_bytes()[16:24]
        return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
    return None


def finish(soup, app):
    """Give every picture of a page its size; put two in the place of every SVG, one a theme."""
    sources = {name: Path(app.srcdir, source) for source, name in getattr(app.builder, "images", {}).items()}
    sources.update(app.course_pictures)
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
        if path.suffix == ".svg" and "one-colour" not in classes:
            app.course_pairs.add(name)
            stem = src.removesuffix(".svg")
            image["loading"] = "lazy"
            other = soup.new_tag("img", attrs={**image.attrs, "src": f"{stem}-dark.svg", "class": [*classes, "only-dark"]})
            image["src"], image["class"] = f"{stem}-light.svg", [*classes, "only-light"]
            image.insert_after(other)


def write(app, error):
    """Write the pairs of the pictures that the pages of this build show, in the place of the single files."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_images"
    for name in sorted(app.course_pairs):
        path = folder / name
        text = path.read_text(encoding="utf8")
        # a hundredth of a point is finer than any screen, and saves half of the bytes of a contour
        text = re.sub(r' d="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), text)
        for theme in ("light", "dark"):
            path.with_name(f"{path.stem}-{theme}.svg").write_text(exchange(text, theme), encoding="utf8")
        path.unlink()
