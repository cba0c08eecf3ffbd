"""The playground: a page as large as the window, and the same without a frame for slides and other pages.

    ```{playground}
    ```

leaves the place on the page, with a picture that stands there when JavaScript is off. The script and the style sheet are
loaded by that page alone and by ``embed.html``, which has no script, style or picture inside its text: it works where a server
sends ``Content-Security-Policy`` with the words in `NEEDS`, and inside a page whose own policy allows nothing but this frame.
"""

import hashlib
from functools import cache
from pathlib import Path

import finding
import live
import scene
import tiles
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PAGE = "book/playground"
NEEDS = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:"
"""What `embed.html` needs of a strict content security policy."""
ALT = "A ravine seen from above: gradient descent zigzags between its walls, and the heavy ball runs along the floor."

EMBED = """<!doctype html>
<html lang="en" data-theme="system">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Momentum: the playground</title>
<link rel="stylesheet" href="_static/book.css?v={style}">
<link rel="stylesheet" href="_static/play.css?v={version}">
<script src="_static/play.js?v={version}" defer></script>
<link rel="icon" href="data:,">
</head>
<body class="play-embed">
<main class="playground" data-embed="" data-page="{page}.html">
<noscript><p>{alt} <a href="{page}.html" target="_blank">The playground</a> needs JavaScript.</p></noscript>
</main>
</body>
</html>
"""


class playground(nodes.General, nodes.Element):
    """The place of the playground."""


class Playground(SphinxDirective):
    def run(self):
        return [playground()]


def _visit(self, node):
    picture = scene.svg(tiles.chapter("01-ravine"))
    self.body.append(
        f'<div class="playground"><figure class="live-static" role="img" aria-label="{ALT}">{picture}</figure></div>\n'
    )
    raise nodes.SkipNode


# --- what the page loads -----------------------------------------------------------------------------------------------
@cache
def script():
    """The script of the playground, with what it takes from the kit of the live figures."""
    from momentum_lib.widgets import bundle

    return live.smaller('import "./play/page.js";', bundle.JS, bundle=True)


KIT = ("../kit/*", "./kit/*", *(f"../generated/{name}.js" for name in ("rules", "surfaces", "look", "tuned", "conventions")))
"""What the live figures of a chapter bring along, too: their kit, the rules and the surfaces."""


def own_script():
    """What the script has beside the kit of the live figures. It does not run by itself: its size is what is asked of it."""
    from momentum_lib.widgets import bundle

    return live.smaller('import "./play/page.js";', bundle.JS, bundle=True, apart=KIT)


@cache
def styles():
    """The style sheet of the playground."""
    from momentum_lib.widgets import bundle

    return bundle.plain_css((bundle.JS / "play" / "play.css").read_text("utf-8"))


def _version():
    return hashlib.sha256((script() + styles()).encode()).hexdigest()[:8]


def finish(soup, root):
    """Give the page with the playground its script and its styles."""
    if soup.head is None or finding.first(soup, "div.playground") is None:
        return
    soup.html["class"] = [*soup.html.get("class", []), "plays"]
    sheet = {"rel": "stylesheet", "href": f"{root}_static/play.css?v={_version()}"}
    soup.head.append(soup.new_tag("link", attrs=sheet))
    soup.head.append(
        soup.new_tag("script", attrs={"src": f"{root}_static/play.js?v={_version()}", "defer": "", "onerror": live.OFF})
    )


def embed(style, version):
    """The page for frames in other pages; ``style`` and ``version`` are of the style sheet and of the script."""
    return EMBED.format(style=style, version=version, page=PAGE, alt=ALT)


def _write(app, error):
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    (out / "_static" / "play.js").write_text(script(), encoding="utf8")
    (out / "_static" / "play.css").write_text(styles(), encoding="utf8")
    (out / "embed.html").write_text(embed(app.course_style_version, _version()), encoding="utf8")


def setup(app):
    app.add_directive("playground", Playground)
    app.add_node(playground, html=(_visit, None))
    app.connect("build-finished", _write, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
