"""Cards: what a word of the glossary or a cited source says, carried by the page that links to it.

The script (_static/scripts/cards.js) opens a card where the link is, so that nobody leaves the page for a definition; without
it the link leads to the glossary or the bibliography. A page carries the cards of its own links and no others, as JSON within
the page, since a page that is opened from a file may not fetch anything.
"""

import html
import json
import posixpath
import re

import finding
import thumbnails
from bs4 import BeautifulSoup
from docutils import nodes

GLOSSARY, SOURCES = "book/glossary", "book/bibliography"
PLACES = (  # what a reference's text names -> where it is
    (r"doi:(10\.\S+?)(?=[,.]?(?:\s|$))", r"https://doi.org/\1"),
    (r"arXiv:(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", r"https://arxiv.org/abs/\1"),
    (r"(https?://\S+?)(?=[,.]?(?:\s|$))", r"\1"),
)


def source(text):
    """The HTML of a reference's text, with a link where it names a DOI, an arXiv number or an address."""
    said = html.escape(text, quote=False)
    for pattern, address in PLACES:
        said = re.sub(rf"(?<![\w/\">]){pattern}", rf'<a href="{address}" rel="noopener" target="_blank">\g<0></a>', said)
    return f"<p>{said}</p>"


def _from_root(address):
    """An address on the glossary's page as one from the site's top."""
    if re.match(r"\w+:", address):
        return address
    return f"{GLOSSARY}.html{address}" if address.startswith("#") else posixpath.normpath(posixpath.join("book", address))


def _small(fragment):
    """A definition's HTML with formulas as MathML, which every browser draws, and addresses from the site's top."""
    soup = BeautifulSoup(fragment, "html.parser")
    for formula in finding.find(soup, "span.math"):
        if formula.math is not None:
            formula.replace_with(formula.math.extract())
    for link in finding.find(soup, "a[href]"):
        link.attrs = {"href": _from_root(link["href"])}
        link.string = link.get_text()
    return soup


def definitions(app):
    """Anchor of the glossary -> its card: word, definition, the chapter that teaches it (or None)."""
    if not hasattr(app, "course_definitions"):
        app.course_definitions = {}
        page = app.env.get_and_resolve_doctree(GLOSSARY, app.builder)
        for item in page.findall(nodes.definition_list_item):
            soup = _small(app.builder.render_partial(item[-1])["fragment"])
            taught = next((link["href"] for link in finding.find(soup, "a") if thumbnails.CHAPTER.match(link["href"])), None)
            words = "".join(str(part) for part in (soup.dd or soup).children).strip()
            for term in item.findall(nodes.term):
                card = {"title": term.astext(), "html": words}
                if taught:
                    card["chapter"] = taught
                app.course_definitions |= {anchor: card for anchor in term["ids"]}
    return app.course_definitions


def finish(soup, app, page):
    """Give a page the cards of its links. A reference's text leaves the link's title: the card says it, and says it once."""
    article = finding.first(soup, "article.bd-article")
    if article is None or page in (GLOSSARY, SOURCES):
        return
    cards, chapters = {}, {}
    for link in finding.find(
        article,
        'a.internal[href*="glossary.html#term-"], .bibtex-citation a[title], a.internal[href*="bibliography.html#"][title]',
    ):
        name, _, anchor = link["href"].rpartition("/")[2].partition("#")
        if name == "glossary.html":
            card = definitions(app).get(anchor)
        else:
            card = {"title": "", "html": source(link.get("title", ""))}
            link.attrs.pop("title", None)
        if card is None:
            continue
        cards.setdefault(f"{name}#{anchor}", card)
        if taught := card.get("chapter"):
            chapters[taught] = thumbnails.tile(taught.removesuffix(".html"))
    if not cards:
        return
    script = soup.new_tag("script", attrs={"type": "application/json", "id": "cards"})
    script.string = json.dumps({"cards": cards, "tiles": chapters}, ensure_ascii=False, separators=(",", ":")).replace(
        "</", "<\\/"
    )
    article.insert_after(script)
