"""No line breaks within a number, nor before its sign of a hundredth: "10 / 000" and "2 / %" are no way to read a number.

Sources write plain blanks there, which every client of a notebook shows.
"""

import re

from docutils import nodes

WITHIN = re.compile(r"(?<=\d) (?=\d{3}(?!\d)|%)")
"""The blanks of a number: before each group of three digits, and before its sign."""
AS_IT_STANDS = nodes.FixedTextElement, nodes.literal, nodes.raw, nodes.math, nodes.math_block, nodes.comment


def hold(app, document):
    """Make the blanks within the numbers of a page's prose such that no line breaks there."""
    for text in list(document.findall(nodes.Text)):
        if isinstance(text.parent, AS_IT_STANDS) or not WITHIN.search(text):
            continue
        text.parent.replace(text, nodes.Text(WITHIN.sub("\N{NO-BREAK SPACE}", text)))


def setup(app):
    app.connect("doctree-read", hold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
