"""A row of letters above a glossary: each leads to the first of its words.

The words are sorted when a page is written, so the row is made then, too; a letter without a word has no place in it.
"""

from docutils import nodes
from sphinx import addnodes


def row(document):
    """Put the row above each glossary of a document."""
    for glossary in list(document.findall(addnodes.glossary)):  # all of them first: each gets a neighbour
        first = {}
        for term in glossary.findall(nodes.term):
            first.setdefault(term.astext().strip()[0].upper(), term["ids"][0])
        links = []
        for letter, anchor in first.items():
            link = nodes.reference("", letter, refid=anchor, internal=True)
            links += [link, nodes.Text(" ")]
        glossary.parent.insert(glossary.parent.index(glossary), nodes.paragraph("", "", *links[:-1], classes=["letters"]))


def setup(app):
    app.connect("doctree-resolved", lambda app, document, name: row(document))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
