"""A page has a plain name and, below it, the sentence that it claims.

A source writes the name as its title and the claim as a bold paragraph right below it, which every notebook client shows.
Lists of pages (sidebar, Next, search, the browser's tab) then say the name; the claim stands where there is room for a sentence.
"""

import re

from docutils import nodes


def claim_of(document):
    """The paragraph that holds a document's claim, or None: the first one below the title, if all of it is bold."""
    title = next(document.findall(nodes.title), None)
    if title is None:
        return None
    place = title.parent.index(title) + 1
    below = title.parent[place] if place < len(title.parent) else None
    parts = [part for part in below if part.astext()] if isinstance(below, nodes.paragraph) else []  # MyST adds empty text
    return below if [type(part) for part in parts] == [nodes.strong] else None


TOGETHER = re.compile(r" (?== )|(?<= =) ")
"""Blanks at which no line of a claim breaks, about an equals sign; those within numbers are held in all prose (together.py)."""


def read(app, document):
    """Mark the claim for the style sheet, and keep its words for other pages."""
    paragraph = claim_of(document)
    if paragraph is None:
        return
    paragraph["classes"].append("claim")
    paragraph[:] = next(paragraph.findall(nodes.strong)).children
    app.env.metadata[app.env.docname]["claim"] = paragraph.astext()
    for text in list(paragraph.findall(nodes.Text)):
        text.parent.replace(text, nodes.Text(TOGETHER.sub("\N{NO-BREAK SPACE}", text.astext())))


def hold(app, document, name):
    """Keep a number on the line of its word: "Problem set / 3: networks" is no way to break a title."""
    for text in list(next(document.findall(nodes.title), nodes.title()).findall(nodes.Text)):
        text.parent.replace(text, nodes.Text(re.sub(r" (?=\d+\b)", "\N{NO-BREAK SPACE}", text.astext())))


def tell(app, pagename, templatename, context, document):
    """Give the template the claims of this page and of its neighbours: ``claims.prev``, ``claims.this``, ``claims.next``."""
    _, before, behind = app.builder.relations.get(pagename, [None, None, None]) if app.builder.relations else [None] * 3
    said = {"prev": before, "this": pagename, "next": behind}
    context["claims"] = {key: app.env.metadata.get(name, {}).get("claim", "") for key, name in said.items()}


def setup(app):
    app.connect("doctree-read", read)
    app.connect("doctree-resolved", hold)
    app.connect("html-page-context", tell)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
