"""Pictures of the pages: their size, so that the text does not jump, and each figure in the colours of light and dark pages.

A figure is drawn once, in mid-tones that can be read on any ground (a notebook's page may be light or dark). The site does
better: it writes each SVG twice, with every mid-tone exchanged for the exact colour that the meaning has on a light page and
on a dark one, the colours of the text, the equations and the live figures. The style sheet shows the one that fits.
Words get a rim in the colour of the page, so that no line strikes through them. On a phone a figure is the one that was laid
out for it (momentum_lib.narrow); where there is none, the wide one keeps its size and is moved sideways.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import finding

from momentum_lib import narrow

HAIR = ("#8794a3", "#66727f")  # contours and grids, on a light page and on a dark one
GROUND = ("#ffffff", "#14181f")  # the pages
NARROW, PHONE, LEAST = "(max-width: 34rem)", 350, 11  # where a page is narrow; its column and the smallest word there, in pixels


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
    return rimmed("".join(pieces).replace("<svg ", f'<svg fill="{colours["#000000"]}" ', 1), GROUND[theme == "dark"])


WORD = re.compile(r'<g(?: style="[^"]*")? transform="[^"]*scale\(([\d.]+) -[\d.]+\)">.*?</g>', re.S)


def rimmed(svg, colour):
    """The SVG with a rim of a colour below each of its words (which are paths, 100 units to their size)."""
    rim = 'fill="none" stroke="{}" stroke-opacity="0.85" stroke-linejoin="round" stroke-width="{:.0f}" '

    def below(word):
        plain = re.sub(r'^<g(?: style="[^"]*")? ', "<g " + rim.format(colour, 2.6 / float(word[1])), word[0])
        return plain + word[0]

    return WORD.sub(below, svg)


def begin(app):
    """Start a build: no pairs noted yet; live.py adds the pictures that it draws to `course_pictures` (name -> path)."""
    app.course_pairs = set()
    app.course_pictures = {}


def _size(path, text=None):
    if path.suffix == ".svg":
        head = (text or path.read_text(encoding="utf8"))[:2000]
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
    for image in finding.find(soup, "article img"):
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
            _for_phones(soup, path, stem, image, other)


def _for_phones(soup, path, stem, *pair):
    """Let a pair of pictures have its narrow ones; or, where the words would be too small, keep it as wide as it must be."""
    wide, phone = narrow.parted(path.read_text(encoding="utf8"))
    if phone:
        size = dict(zip(("width", "height"), map(str, _size(path, phone)), strict=True))
        for theme, image in zip(("light", "dark"), pair, strict=True):
            source = soup.new_tag("source", attrs={"media": NARROW, "srcset": f"{stem}-phone-{theme}.svg", **size})
            image.wrap(soup.new_tag("picture")).insert(0, source)
    elif (smallest := narrow.smallest(wide, PHONE)) and smallest < LEAST and pair[0].get("width"):
        place = pair[0].wrap(soup.new_tag("div", attrs={"class": "picture-scroll"}))
        place["style"] = f"--least:{round(PHONE * LEAST / smallest) / 16:g}rem"
        place.append(pair[1].extract())


def write(app, error):
    """Write the pairs of the pictures that the pages of this build show, in the place of the single files."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_images"
    for name in sorted(app.course_pairs):
        path = folder / name
        for text, kind in zip(narrow.parted(path.read_text(encoding="utf8")), ("", "-phone"), strict=True):
            # a hundredth of a point is finer than any screen, and saves half of the bytes of a contour
            text = re.sub(r' d="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), text or "")
            for theme in ("light", "dark") if text else ():
                path.with_name(f"{path.stem}{kind}-{theme}.svg").write_text(exchange(text, theme), encoding="utf8")
        path.unlink()
