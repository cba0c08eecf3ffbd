"""A picture beside every link to a chapter, and one for whoever shares a page.

    ```{tiles}
    Part I: The idea
    01-ravine
    02-averages
    ```

becomes cards: each chapter's picture (tiles.py), its number, its name, its claim, its part, how long it takes. The cards
for Previous and Next wear the same pictures, and each page names a share picture, 1200 x 630, of its own.
"""

import hashlib
import json
import re
import shutil
from functools import cache
from pathlib import Path

import finding
import scene
import tiles
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

HERE = Path(__file__).resolve().parent
CHAPTER = re.compile(r"notebooks/(\d\d)-")
SIZE = (1200, 630)


@cache
def tile(page):
    """The SVG of a page's picture, such as "notebooks/03-momentum"; "" for a page without one of its own."""
    return scene.svg(tiles.chapter(page.rpartition("/")[2])) if CHAPTER.match(page) else ""


@cache
def minutes_of(page, source):
    """How many minutes a chapter takes; ``source``: the folder of the book."""
    return minutes(json.loads((Path(source) / f"{page}.ipynb").read_text("utf-8")))


def minutes(notebook):
    """How long a chapter takes, to five minutes: 200 words a minute, 10 seconds a line of code, 3 minutes a live figure."""
    words = lines = figures = 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        hidden = {"hide-input", "hide-cell", "remove-cell", "remove-input"} & set(cell["metadata"].get("tags", ()))
        if cell["cell_type"] == "markdown":
            words += len(re.findall(r"\w+", re.sub(r"\$[^$]*\$|\{[^}]*\}", " x ", text)))
        elif "momentum_lib.widgets" in text:
            figures += 1
        elif not hidden:
            lines += len([line for line in text.splitlines() if line.strip()])
    return max(5, 5 * round((words / 200 + lines / 6 + 3 * figures) / 5))


# --- the cards on a page --------------------------------------------------------------------------------------------
class tile_cards(nodes.General, nodes.Element):
    """A list of links to chapters, each with its picture."""


class Tiles(SphinxDirective):
    has_content = True

    def run(self):
        part, pages = "", []
        for line in filter(None, map(str.strip, self.content)):
            page = f"notebooks/{line}"
            if page in self.env.found_docs:
                pages.append((page, part))
            elif CHAPTER.match(page):
                raise self.error(
                    f"tiles: there is no {page}.ipynb; a line names a chapter's notebook, such as 03-momentum, or a part."
                )
            else:
                part = line
        return [tile_cards(pages=pages)]


def _visit(self, node):
    env, here = self.builder.env, self.builder.current_docname
    cards = []
    for page, part in node["pages"]:
        claim = self.attval(env.metadata[page].get("claim", ""))
        time = minutes_of(page, str(env.srcdir))
        number = int(CHAPTER.match(page)[1])
        name, foot = (self.attval(text) for text in (env.titles[page].astext(), f"{part.partition(':')[0]} · {time} min"))
        cards.append(
            f'<li><a class="card" href="{self.builder.get_relative_uri(here, page)}">{tile(page)}'
            f'<span class="card-name"><span class="card-number">{number}</span> {name}</span>'
            f'<span class="card-claim">{claim}</span><span class="card-time">{foot}</span></a></li>'
        )
    self.body.append(f'<ul class="cards">{"".join(cards)}</ul>\n')
    raise nodes.SkipNode


# --- galleries of rules and surfaces --------------------------------------------------------------------------------
class picture_cards(nodes.General, nodes.Element):
    """Raw HTML with pictures, drawn when the page is written."""


class Gallery(SphinxDirective):
    """``{gallery} rules``: a card with a picture for each, which leads to its place on the page."""

    required_arguments = 1

    def run(self):
        kind = self.arguments[0].removesuffix("s")
        cards = []
        for each in _known(kind).values():
            place = f"{kind}-{each.name.replace('_', '-')}"
            cards.append(f'<li><a class="card" href="#{place}">{_drawn(kind, each.name)}')
            cards.append(f'<span class="card-name">{each.title}</span></a></li>')
        return [picture_cards(html=f'<ul class="cards many">{"".join(cards)}</ul>\n')]


class Beside(SphinxDirective):
    """``{beside-rule} heavy_ball``: what stands beside a card: its picture, its memory as bars, a link that races it."""

    required_arguments = 1

    def run(self):
        kind = self.name.removeprefix("beside-")
        each = _known(kind)[self.arguments[0]]
        parts = [_drawn(kind, each.name)]
        if kind == "rule":
            parts.append(_memory(len(each.slots), " of a square matrix" if each.sides else ""))
        race = _race(kind, each)
        if race:
            parts.append(f'<a class="race-it" href="#{race}">{"Race it" if kind == "rule" else "Race on it"}</a>')
        return [picture_cards(html=f'<div class="beside">{"".join(parts)}</div>\n')]


def _known(kind):
    from momentum_lib import rules, surfaces

    return {"rule": rules.RULES, "surface": surfaces.SURFACES}[kind]


@cache
def _drawn(kind, name):
    return scene.svg(getattr(tiles, kind)(name))


def _memory(slots, where=""):
    """Bars for the four bytes of a parameter and of each number that the rule keeps beside it, and ``where`` it keeps so many."""
    words = f"{4 * slots} bytes of memory a parameter{where}" if slots else "no memory"
    bars = '<i class="bar point"></i>' + '<i class="bar"></i>' * slots
    return f'<span class="bars"><span aria-hidden="true">{bars}</span> {words}</span>'


def _race(kind, each):
    """The address of the page's race with this rule, or on this surface; "" where the race does not know it."""
    if kind == "rule":
        rivals = ",".join(dict.fromkeys(("gradient_descent", each.name)))
        return "" if each.matrix else f"live=race&rules={rivals}&playing=true&step=0"
    return f"live=race&surface={each.name}&playing=true&step=0" if each.dim == 2 else ""


def _visit_pictures(self, node):
    self.body.append(node["html"])
    raise nodes.SkipNode


# --- what a shared link shows ---------------------------------------------------------------------------------------
def _share_picture(app, page, title, claim, site):
    """Draw a page's share picture, or find it where it was drawn; return its file name."""
    shapes = tiles.chapter(page.rpartition("/")[2])
    drawn = repr((scene.svg(shapes), title, claim, site, (HERE / "scene.py").read_text("utf-8")))
    name = f"share-{page.rpartition('/')[2]}-{hashlib.sha256(drawn.encode()).hexdigest()[:10]}.png"
    kept = Path(app.outdir).parent / ".live" / name
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        scene.card(shapes, title, claim, site, kept)
    target = Path(app.outdir) / "_images" / name
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(kept, target)
    return name


def description(soup, most=200):
    """The first sentences of a page's text, as many as fit, without what stands in figures and boxes."""
    first, then = "article > section > p:not(.claim)", "article > section > section > p"  # a page may open with a tool
    for paragraph in [*finding.find(soup, first), *finding.find(soup, then)]:
        copy = re.sub(r"\s+", " ", _words(paragraph))
        sentences = re.split(r"(?<=[.?!]) ", copy)
        text = ""
        for sentence in sentences:
            if text and len(text) + len(sentence) + 1 > most:
                break
            text = f"{text} {sentence}".strip()
        if len(text) > 20:
            return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"
    return ""


def _words(tag):
    parts = []
    for piece in tag.find_all(string=True):
        if not any("katex-html" in (parent.get("class") or ()) for parent in piece.parents):
            parts.append(piece)
    return "".join(parts).strip()


def finish(soup, app, page):
    """Give a page's head what a shared link shows: the site's name, a description, a picture."""
    address = finding.first(soup, 'meta[property="og:url"]')
    if address is None or soup.head is None:
        return
    site = app.config.html_title
    title = finding.first(soup, 'meta[property="og:title"]')["content"]
    text, claim = description(soup), finding.first(soup, "p.claim")
    for meta in finding.find(soup, 'meta[property="og:site_name"], meta[property^="og:description"], meta[name="description"]'):
        meta.decompose()
    base = address["content"].removesuffix(f"{page}.html")
    name = _share_picture(app, page, title, _words(claim) if claim else text, site)
    width, height = map(str, SIZE)
    said = [("og:site_name", site), ("og:description", text), ("og:image", f"{base}_images/{name}")]
    said += [("og:image:width", width), ("og:image:height", height), ("og:image:alt", f"{title}: a picture of the idea")]
    for key, value in said:
        soup.head.append(soup.new_tag("meta", attrs={"property": key, "content": value}))
    for key, value in (("description", text), ("twitter:card", "summary_large_image")):
        soup.head.append(soup.new_tag("meta", attrs={"name": key, "content": value}))


def neighbours(app, page):
    """The pictures for the cards Previous and Next of a page; "" where the neighbour has none."""
    relations = getattr(app.builder, "relations", {}).get(page)
    before, after = relations[1:] if relations else (None, None)
    return {"prev": tile(before or ""), "next": tile(after or "")}


def setup(app):
    app.add_directive("tiles", Tiles)
    app.add_directive("gallery", Gallery)
    for kind in ("rule", "surface"):
        app.add_directive(f"beside-{kind}", Beside)
    app.add_node(tile_cards, html=(_visit, None))
    app.add_node(picture_cards, html=(_visit_pictures, None))
    return {"parallel_read_safe": True, "parallel_write_safe": False}
