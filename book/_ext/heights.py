"""How tall the parts of a page will be, so that a browser need not lay out what is not seen.

A part with many elements (formulas, code, a table) is laid out only when it comes near the view (`content-visibility: auto`,
the class `far` of styles/content.css). Until then the page gives it the height that is told here, for a laptop (`--w`) and a
phone (`--n`): text is set word by word with the advance widths of our own typefaces, formulas stand in the heights that KaTeX
wrote, code has its lines and a picture its proportions. The estimate is within a few hundredths of the truth, and costs no
browser; once a part has been seen, the browser remembers its true height. Sizes are those of styles/content.css and base.css.
"""

import re
from dataclasses import dataclass
from functools import cache

from bs4 import NavigableString, Tag
from fontTools.ttLib import TTFont
from stylesheet import MODULES

MANY, TALL = 10, 3000  # a part with fewer elements, or taller on a laptop (it is in view for long), is laid out at once
FACES = {
    "serif": "@fontsource/source-serif-4/files/source-serif-4-latin-400-normal.woff2",
    "strong": "@fontsource/source-serif-4/files/source-serif-4-latin-600-normal.woff2",
    "em": "@fontsource/source-serif-4/files/source-serif-4-latin-400-italic.woff2",
    "sans": "@fontsource/source-sans-3/files/source-sans-3-latin-400-normal.woff2",
    "mono": "@fontsource/source-code-pro/files/source-code-pro-latin-400-normal.woff2",
    "main": "katex/dist/fonts/KaTeX_Main-Regular.woff2",
    "mathnormal": "katex/dist/fonts/KaTeX_Math-Italic.woff2",
}
SIZES = (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.44, 1.728, 2.074, 2.488)  # KaTeX's size1 to size11
BLOCKS = {
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "details",
    "table",
    "figure",
    "blockquote",
    "pre",
    "section",
    "h2",
    "figcaption",
}
PRINTED = 0.6 * 13.76  # pixels of a letter of what cells print
PICTURES = {"img", "picture", "picture-scroll"}
ROWS = {"ledger-jumps", "letters"}  # rows of links at the top of a page: there is nothing to put off
OUTSIDE = {
    "sidenote",
    "marginnote",
    "margin",
    "live-figure",
    "full-width",
    "tag_full-width",
    "tag_full_width",
    "beside",
}  # beside the column


@dataclass(frozen=True)
class Setting:
    """Type in a column: its width and size in pixels, the leading as a multiple of the size, the face."""

    width: float
    size: float
    leading: float = 1.62
    face: str = "serif"

    def with_(self, **changes):
        return Setting(**{**self.__dict__, **changes})


_known = {}  # formula of this page -> its pieces: each is asked for at both widths
WIDE, NARROW = Setting(656, 18), Setting(350, 17)
REACH = 916  # pixels of a laptop's column with its margin


# --- text: words and formulas, set in lines ---------------------------------------------------------------------------
@cache
def _advances(face):
    font = TTFont(MODULES / FACES[face])
    widths, em = font["hmtx"], font["head"].unitsPerEm
    return {chr(code): widths[name][0] / em for code, name in font.getBestCmap().items()}


def _length(text, face):
    table = _advances(face)
    return sum(table.get(letter, 0.55) for letter in text)


def _em(style, *names):
    """Sum of the em lengths that an inline style gives to these properties."""
    return sum(float(value) for name in names for value in re.findall(rf"(?:^|;){name}:(-?[\d.]+)em", style or ""))


def _classes(node):
    return node.get("class") or []


def _classes_of(child):
    return _classes(child) if isinstance(child, Tag) else []


def _formula_width(node, scale=1.0, face="main"):
    """Width of what KaTeX wrote, in em: stacked rows count once, small letters as small ones."""
    if isinstance(node, NavigableString):
        return _length(node.strip("\u200b\n"), face) * scale
    classes = _classes(node)
    style = node.get("style")
    sizes = [int(found[1]) for name in classes if (found := re.fullmatch(r"(?:reset-)?size(\d+)", name))]
    if len(sizes) == 2:
        scale *= SIZES[sizes[1] - 1] / SIZES[sizes[0] - 1]
    face = "mathnormal" if "mathnormal" in classes else face
    inside = [_formula_width(child, scale, face) for child in node.children if getattr(child, "name", "") != "svg"]
    stacked = "vlist" in classes or "vlist-t" in classes
    width = (max(inside, default=0) if stacked else sum(inside)) + 0.12 * scale * ("nulldelimiter" in classes)
    return (
        max(width, _em(style, "min-width") * scale) + _em(style, "margin-right", "margin-left", "width", "padding-left") * scale
    )


def _bases(formula):
    """The unbreakable pieces of a formula: (width, above the line, below it), in em."""
    if id(formula) not in _known:
        _known[id(formula)] = list(_read(formula))
    return _known[id(formula)]


def _read(formula):
    for base in formula.find(class_="katex-html").find_all(class_="katex-base", recursive=False):
        strut = base.find(class_="katex-strut")
        below = -_em(strut["style"], "vertical-align")
        yield _formula_width(base), _em(strut["style"], "height") - below, below


def _pieces(node, at, out):
    """Append to ``out`` what a line is made of: (width, above, below) in pixels, or None where it may break."""
    if isinstance(node, NavigableString):
        for k, word in enumerate(re.split(r"\s+", str(node))):
            if k:
                out.append(None)
            out.append((_length(word, at.face) * at.size, 0, 0))
    elif "math" in _classes(node):
        for width, above, below in _bases(node):
            out += [(width * 1.1 * at.size, above * 1.1 * at.size, below * 1.1 * at.size), None]
        if out and out[-1] is None:
            out.pop()
    elif not set(_classes(node)) & {"headerlink", "visually-hidden", "only-dark", "viewcode-link"}:
        if node.name == "br":
            out.append((10**6, 0, 0))
        code = node.name == "code"
        size, face = (at.size * 0.84, "mono") if code else (at.size, {"strong": "strong", "em": "em"}.get(node.name, at.face))
        pad = (0.28 * size, 0, 0)
        out += [pad] * code
        for child in node.children:
            _pieces(child, at.with_(size=size, face=face), out)
        out += [pad] * code


def _lines(nodes, at):
    """Height of text set in lines, each as tall as its tallest formula asks."""
    pieces = []
    for node in nodes:
        _pieces(node, at, pieces)
    words, word = [], (0, 0, 0)
    for piece in [*pieces, None]:
        if piece is None:
            words.append(word)
            word = (0, 0, 0)
        else:
            word = (word[0] + piece[0], max(word[1], piece[1]), max(word[2], piece[2]))
    if not any(word[0] for word in words):
        return 0
    leading = at.leading * at.size
    up = 0.35 * at.size + leading / 2  # from the line of writing to the top of a line without formulas
    total, x, above, below = 0, 0, up, leading - up
    for width, high, deep in words:
        if x and x + width > at.width:
            total += above + below
            x, above, below = 0, up, leading - up
        x += width + 0.23 * at.size
        above, below = max(above, high), max(below, deep)
    return total + above + below


# --- blocks: one below the other, margins collapsed ---------------------------------------------------------------------
def _margins(node, at):
    classes, name = set(_classes(node)), node.name
    for own, pair in (
        ("claim-row", (0, 0)), ("math-block", (24, 24)), ("cell", (27.2, 27.2)), ("exercise", (35.2, 9.6)),
        ("solution", (3.2, 16)), ("admonition-title", (0, 7.2)), ("hide", (0, 0)), ("admonition", (30.4, 30.4)),
        ("table-scroll", (30.4, 30.4)), ("py", (35.2, 35.2)), ("erratum", (0, 25.6)), ("sd-dropdown", (3.2, 16)),
        ("highlight", (0, 0)), ("stream", (8.8, 0)), ("text_plain", (8.8, 0)),
    ):  # fmt: skip
        if own in classes:
            return pair
    if any(name.startswith("highlight-") for name in classes) and node.find_parent(class_="cell") is None:
        return 24, 24
    if name in ("p", "li") and node.find_parent(["td", "th", "figcaption"]) is not None:
        return 0, 0
    inside = node.parent is not None and node.parent.name == "li"
    return {
        "p": (0, (0.4 if inside else 1.1) * at.size),
        "ul": (0, 1.1 * at.size), "ol": (0, 1.1 * at.size), "li": (0, 0.4 * at.size),
        "blockquote": (25.6, 25.6), "dd": (3.2, 16), "dl": (at.size, at.size), "figure": (22.4, 22.4), "figcaption": (11.2, 0),
        "h2": (25.6, 8),
    }.get(name, (0, 0))  # fmt: skip


def _stack(nodes, at):
    """(margin above, height, margin below) of blocks and loose text, one below the other."""
    loose, first, total, below, started = [], 0, 0.0, 0, False

    def put(box):
        nonlocal first, total, below, started
        top, height, bottom = box
        if not started:
            first, started = top, True
        else:
            total += max(below, top)
        total += height
        below = bottom

    for node in [*nodes, None]:
        block = isinstance(node, Tag) and node.name in BLOCKS
        if node is None or block:
            height = _lines(loose, at)
            if height:
                put((0, height, 0))
            loose = []
        if block and "only-dark" not in _classes(node):
            box = _box(node, at)
            if box[1]:
                put(box)
        elif node is not None and not block:
            loose.append(node)
    return first, total, below


def _images(node):
    """The pictures that stand in a block, in the light page's colours."""
    found = node.select(":scope > img, :scope > picture > img, :scope > .picture-scroll > img")
    return [image for image in found if "only-dark" not in _classes(image)]


def _picture(image, at):
    """Height of a picture: on a phone, that of the one for phones, or of one that keeps a width and is moved sideways."""
    around, phone = image.parent, at.width <= NARROW.width
    shown = around.source if phone and around.name == "picture" else image
    width, height = float(shown.get("width") or at.width), float(shown.get("height") or 0)
    least = re.search(r"--least:([\d.]+)rem", around.get("style") or "") if phone else None
    return height * min(1, (16 * float(least[1]) if least else at.width) / width)


def _table(table, at):
    """A table's rows, its columns shared out as a browser does: at least the longest word, at most the longest line."""
    if "printed" in _classes(table.parent):
        return len(table.find_all("tr")) * 27
    at = at.with_(size=16, leading=1.45, face="sans")
    rows = [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]
    count = max(map(len, rows), default=0)
    least, most = [1.0] * count, [1.0] * count
    for row in rows:
        for k, cell in enumerate(row):
            pieces = []
            _pieces(cell, at, pieces)
            widths = [piece[0] if piece else 0.2 * at.size for piece in pieces]
            least[k] = max(least[k], max(widths, default=0) + 14.4)
            most[k] = max(most[k], sum(widths) + 14.4)
    full = REACH if at.width == WIDE.width else at.width  # it may reach into the margin
    room = full - sum(least)
    spare = sum(most) - sum(least)
    share = min(1, max(0, room / spare)) if spare > 0 else 0
    columns = [low + share * (high - low) - 14.4 for low, high in zip(least, most, strict=True)]
    tall = lambda cell, width: max(_stack(cell.children, at.with_(width=width + 0.5))[1], at.size * at.leading)  # noqa: E731
    return sum(max((tall(cell, columns[k]) for k, cell in enumerate(row)), default=0) + 16.4 for row in rows)


def _cards(node, at):
    """Rows of cards (styles/tiles.css): a picture of 220 to 140, and words below it; on a phone, a chapter's beside it."""
    wide, many = at.width > NARROW.width, "many" in _classes(node)
    least, gap, pad = (137.6, 12.8, 6.4) if many else (198.4, 17.6, 8.8)
    room = 912 if wide else at.width
    beside = not (wide or many)
    count = 1 if beside else int((room + gap) // (least + gap))
    inner = (room - gap * (count - 1)) / count - 2 * pad - 2
    picture = (118.4 if beside else inner) * 140 / 220
    column = at.with_(width=inner - 131.2 if beside else inner - (4.8 if many else 8), face="sans")
    tall = []
    for card in node.find_all("li", recursive=False):
        name, claim = (card.find(class_=part) for part in ("card-name", "card-claim"))
        words = _lines([name], column.with_(size=14.72 if many else 16.8, leading=1.4 if many else 1.3))
        if claim is not None:
            words += _lines([claim], column.with_(size=15.2, leading=1.4)) + 19
        if beside:
            tall.append(max(picture, words + 6.4) + 17.6 + 2)
        else:
            tall.append(picture + words + (6.4 + 15.2 if many else 10.4 + 3.2 + 8.8 + 21.6) + 2)
    rows = [max(tall[k : k + count]) for k in range(0, len(tall), count)]
    return sum(rows) + gap * (len(rows) - 1)


def _box(node, at):
    """(margin above, height, margin below) of one block."""
    top, bottom = _margins(node, at)
    height = _height(node, at)
    return (top, height, bottom) if height else (0, 0, 0)


def _claim(summary, at):
    """A claim's line (styles/reference.css): sign, number, text, verdict; a phone cuts the text to two lines."""
    wide = at.width > NARROW.width
    column = at.with_(width=REACH - 93 if wide else at.width - 99, size=14.44, leading=1.3, face="sans")
    told, text = (summary.find(class_=name) for name in ("claim-told", "claim-text"))
    lines = _lines([text], column) if wide else min(_lines([text], column), 2 * 1.3 * column.size)
    return max(44, lines + (0 if told is None else _lines([told], column.with_(face="strong"))) + 8) + 1


def _closed(node, at):
    """What a closed fold shows."""
    if "claim-row" in _classes(node):
        return _claim(node.find("summary"), at)
    return max(44, _lines([node.find("summary")], at.with_(width=at.width - 30, size=15.2, leading=1.3, face="sans")) + 9.6)


def _height(node, at):
    """Height of one block, without its margins."""
    classes = set(_classes(node))
    if node.name == "pre":
        lines = node.get_text().strip("\n").split("\n")
        if node.find_parent(class_="cell_output") is None:
            return len(lines) * 17.2 + 30.4
        room = (at.width - 32 - 20.4 * (at.width > NARROW.width)) / PRINTED  # letters in a line
        return sum(1 + max(0, -int(-(len(line) - room) // (room - 2))) for line in lines) * 17.2 + 8
    if "cards" in classes:
        return _cards(node, at)
    if "math-block" in classes:
        bases = _bases(node)
        return 1.1 * at.size * (max((b[1] for b in bases), default=0) + max((b[2] for b in bases), default=0)) + 12
    if node.name == "details" and not node.has_attr("open"):
        return _closed(node, at)
    if node.name == "table":
        return _table(node, at)
    if node.name == "figure" or "cell_output" in classes or "output" in classes:
        images = _images(node)
        pictures = sum(_picture(image, at) for image in images)
        others = [child for child in node.children if not {getattr(child, "name", None), *_classes_of(child)} & PICTURES]
        first, rest, last = _stack(others, at)
        return pictures + rest + ((first if images else first + last) if rest else 0)
    if "exercise" in classes:
        at = at.with_(width=at.width - 23)
        return _stack(node.children, at)[1]
    if "admonition" in classes:
        first, rest, _ = _stack(node.children, at.with_(width=at.width - 43))
        return first + rest + 32.8
    if "admonition-title" in classes:
        return _lines(node.children, at.with_(size=14.6, leading=1.4, face="sans"))
    if node.name == "h2":  # of a chapter's claims; any other is laid out at once
        return _lines(node.children, at.with_(size=25.92, leading=1.2, face="strong"))
    if node.name == "figcaption":
        return _lines(node.children, at.with_(size=15.2, leading=1.48, face="sans"))
    if "sig" in classes:
        return _lines(node.children, at.with_(width=at.width - 28.8, size=14.4, leading=1.55, face="mono")) + 17.6
    if "erratum" in classes:  # names beside what they say; on a phone above it
        wide, said = at.width > NARROW.width, node.find_all("dd", recursive=False)
        column = at.with_(width=at.width - 91 * wide)
        return sum(_stack(dd.children, column)[1] + (8.8 if wide else 38) for dd in said) - 8.8 * wide
    if node.name in ("ul", "ol", "blockquote"):
        return _stack(node.children, at.with_(width=at.width - 22.4))[1]
    if node.name == "dd":
        return _stack(node.children, at.with_(width=at.width - 14.4))[1]
    return _stack(node.children, at)[1]


# --- the page ---------------------------------------------------------------------------------------------------------
def parts(section):
    """The blocks of a page's text, one after the other: what stands in a section, or in a section of it."""
    for node in section.find_all(True, recursive=False):
        if node.name == "section" and node.find(class_="claim-row", recursive=False) is None:
            yield from parts(node)
        else:
            yield node


def _reaching(article):
    """Ids of the elements that stand, or hold something that stands, beside the column."""
    beside = [node for node in article.find_all(True) if OUTSIDE.intersection(_classes(node))]
    return {id(place) for node in beside for place in (node, *node.parents)}


def waiting(article):
    """The parts that may be laid out later, with their heights on a laptop and on a phone.

    They have many elements and a height that can be told, are no heading, and hold nothing that is folded away or beside the
    column. A chapter's claims, each a line to open, are one part; of a list that is too tall its items are.
    """
    reaching = _reaching(article)
    for node in parts(article):
        if re.fullmatch(r"h\d", node.name) or id(node) in reaching or _closed_fold(node):
            continue
        if len(node.find_all(True, limit=MANY)) < MANY or ROWS.intersection(_classes(node)):
            continue
        wide, narrow = estimate(node)
        if not (wide and narrow):  # the playground, say, which is as tall as the window
            continue
        if wide <= TALL:
            yield node, wide, narrow
        else:
            yield from ((item, *estimate(item)) for item in node.find_all(["dd", "li"], recursive=False) if item.find(True))


def _closed_fold(node):
    return node.name == "details" and not node.has_attr("open")


def estimate(node):
    """The height of a part on a laptop and on a phone, in pixels."""
    return round(_height(node, WIDE)), round(_height(node, NARROW))


def finish(soup):
    """Mark the parts of a page that can wait, with their heights."""
    _known.clear()
    article = soup.find("article", class_="bd-article")
    for node, wide, narrow in list(waiting(article)) if article is not None else ():
        node["class"] = [*_classes(node), "far"]
        node["style"] = f"--w:{wide / 16:g}rem;--n:{narrow / 16:g}rem"
