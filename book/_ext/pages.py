"""The frame of every page and the last hand on its HTML.

The theme's own frame brings 1.2 MB a page: scripts, icon fonts, a style sheet for a hundred components. Here the page is
told where its addresses are (`html-page-context`), keeps only the scripts it needs, and is finished after the template:
foldable boxes become `<details>`, which need no script; side notes lose their checkboxes; titles lose their LaTeX; pictures
get their size, and a second file for dark pages (pictures.py); what is far from the view gets its height (heights.py).
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

import cards
import finding
import heights
import live
import outputs
import pictures
import playground
import predict
import search_index
import stylesheet
import thumbnails
from bs4 import BeautifulSoup, NavigableString
from sphinx.domains.std import StandardDomain

OWN_SCRIPTS = {"book/claims": ["claims.js"], "book/myths": ["myths.js"]}  # of one page alone
SCRIPTS = Path(__file__).resolve().parents[1] / "_static" / "scripts"
FRAME = ("course.js", "finder.js", "cards.js", "tiles.js")  # what every page loads, joined


# --- what the template is told --------------------------------------------------------------------------------------
def _addresses(app, pagename):
    options = app.config.html_theme_options
    repository, branch = options["repository_url"].rstrip("/"), options["repository_branch"]
    body = f"Page: {pagename}\n\nWhat it says, and what it should say:\n"
    addresses = {
        "repository": repository,
        "branch": branch,
        "issue": f"{repository}/issues/new?" + urlencode({"title": f"Error on page {pagename}", "body": body}, quote_via=quote),
        "colab": None,
        "notebook": None,
    }
    if pagename in app.env.found_docs and app.env.doc2path(pagename).endswith(".ipynb"):
        path = repository.removeprefix("https://github.com/")
        colab = options["launch_buttons"]["colab_url"].rstrip("/")
        edition = pagename.rpartition("/")[2]  # book/reader/, not notebooks/: Colab does not read the source's MyST
        addresses["colab"] = f"{colab}/github/{path}/blob/{branch}/book/reader/{edition}.ipynb"
    return addresses


def _context(app, pagename, templatename, context, doctree):
    course = _addresses(app, pagename)
    if course["colab"]:
        course["notebook"] = context["pathto"](f"{pagename}.ipynb", 1)
    context["course"] = course
    context["style_version"] = app.course_style_version
    context["frame_version"] = app.course_frame_version
    context["tiles"] = thumbnails.neighbours(app, pagename)
    context["script_files"] = []  # the frame's script is in the template; a figure's, live.py adds where there is one
    context["own_scripts"] = OWN_SCRIPTS.get(pagename, ())
    context["css_files"] = []


# --- the script of the frame ------------------------------------------------------------------------------------------
@cache
def scripts():
    """The classic scripts by name: the frame's, joined from its modules, and those of single pages."""
    joined = {"course.js": "".join(f'import "./{name}";' for name in FRAME)}
    own = {name: f'import "./{name}";' for names in OWN_SCRIPTS.values() for name in names}
    return {name: live.smaller(text, SCRIPTS, bundle=True) for name, text in (joined | own).items()}


def _write_scripts(app, error):
    if error is None and app.builder.format == "html":
        for name, text in scripts().items():
            (Path(app.outdir) / "_static" / name).write_text(text, encoding="utf8")


# --- the last hand on the HTML --------------------------------------------------------------------------------------
def _plain(tag):
    """Text of a heading, with each formula as its MathML reads (no LaTeX source, no doubled glyphs)."""
    copy = BeautifulSoup(str(tag), "html.parser")
    for extra in copy.select(".katex-html, .headerlink"):
        extra.decompose()
    return re.sub(r"\s+", " ", copy.get_text()).strip()


def _title(soup, site):
    heading = finding.first(soup, "article h1")
    if heading is None:
        return
    number = heading.select_one(".section-number")
    if number is not None:
        digits = number.get_text().strip().rstrip(".")
        number.string = f"Chapter {digits}" if digits.isdigit() else digits
        number["class"] = "chapter-number"
        number.insert_after(" ")
    text = _plain(heading)
    if number is not None:
        text = text.removeprefix(number.get_text()).strip()
    if soup.title is not None:
        soup.title.string = text if text == site else f"{text} · {site}"
    for meta in finding.find(soup, 'meta[property="og:title"]'):
        meta["content"] = text


def _fold(soup):
    for box in finding.find(soup, "div.admonition.dropdown"):
        box.name = "details"
        if "toggle-shown" in box["class"]:
            box["open"] = ""
        title = box.select_one(".admonition-title")
        if title is not None:
            title.name = "summary"
            for link in title.select("a"):  # a link inside a summary cannot be reached: the whole line folds
                link.unwrap()
            box.insert(0, title.extract())
            if "solution" in box["class"]:  # the exercise's own title is just above
                title.string = re.sub(
                    r"^(Solution to )E(xercise [\d.]+).*", r"\1e\2", title.get_text(" ", strip=True), flags=re.S
                )
    for box in finding.find(soup, "details.sd-dropdown"):
        box["class"] = ["sd-dropdown", "fold"]
        words, body = box.select_one(".sd-summary-text"), box.select_one(".sd-summary-content")
        box.summary.replace_with(summary := soup.new_tag("summary"))
        summary.extend(list(words.children))
        body["class"] = "fold-body"
    for summary in finding.find(soup, "details.hide > summary"):
        summary.clear()
        summary.string = "Code"
        del summary["aria-label"]


def _exercises(soup):
    """An exercise is called by its number and its title, without brackets in brackets; its stars stand apart."""
    for head in finding.find(soup, "div.exercise > .admonition-title"):
        number, *rest = head.contents
        parts = [part for part in rest if str(part).strip()]
        if not parts or not str(parts[0]).lstrip().startswith("(") or not str(parts[-1]).rstrip().endswith(")"):
            continue
        parts[0].replace_with(first := NavigableString(str(parts[0]).lstrip()[1:]))
        parts[0] = first
        last = str(parts[-1]).rstrip()[:-1]
        words, stars = re.fullmatch(r"(.*?)[\s(]*(★*)[\s)]*", last, re.S).groups()
        parts[-1].replace_with(end := NavigableString(words))
        parts[-1] = end
        title = soup.new_tag("span", attrs={"class": "exercise-title"})
        title.extend(parts)
        head.clear()
        number.string = number.get_text().strip()
        head.extend([number, " ", title])
        if stars:
            level = soup.new_tag("span", attrs={"class": "level", "title": ("easy", "middling", "hard")[len(stars) - 1]})
            level.string = stars
            head.extend([" ", level])


def _says_nothing_more(code):
    """Whether code is imports and at most one call: a figure's own buttons give such a line, and more."""
    try:
        rest = [line for line in ast.parse(code).body if not isinstance(line, ast.Import | ast.ImportFrom)]
    except SyntaxError:  # a line for the shell
        return False
    return len(rest) <= 1 and all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Call) for line in rest)


def _checks(code):
    """Whether code ends in assertions: what its numbers are held to."""
    try:
        last = ast.parse(code).body[-1]
    except (SyntaxError, IndexError):
        return False
    return isinstance(last.body[-1] if isinstance(last, ast.For) else last, ast.Assert)


def _one_fold(soup):
    """Folded code that shows nothing joins the folded code right below it: two lines "Code" one below the other say no more."""
    for cell in finding.find(soup, "div.cell"):
        below = cell.find_next_sibling()
        if cell.select_one(":scope > .cell_output") is not None or below is None or "cell" not in below.get("class", ()):
            continue
        upper, lower = (one.select_one(":scope > details.hide:has(> .cell_input)") for one in (cell, below))
        if upper is not None and lower is not None:
            for code in reversed(upper.select(":scope > .cell_input")):
                lower.summary.insert_after(code.extract())
            cell.decompose()


def _pictures_first(soup):
    """A figure comes before its folded code, and a live one does without where the code is a call."""
    for cell in finding.find(soup, "div.cell"):
        fold, output = cell.select_one(":scope > details.hide"), cell.select_one(":scope > .cell_output")
        code = "\n".join(part.get_text() for part in fold.select(".cell_input pre")) if fold is not None else ""
        if not code:
            continue
        if output is None:
            fold.summary.string = "Imports" if _says_nothing_more(code) else "Checks" if _checks(code) else "Code"
        elif output.select_one(".live-figure, img") is not None:
            if output.select_one(".live-figure") is not None and _says_nothing_more(code):
                fold.decompose()
            else:
                fold.summary.string = "The code of this figure"
                output.insert_after(fold.extract())


def _notes(soup):
    for toggle in finding.find(soup, "input.margin-toggle"):
        toggle.decompose()
    for label in finding.find(soup, "label.margin-toggle"):
        label.name = "span"
        label.attrs = {"class": "note-mark"}
    for rule in finding.find(soup, "hr.footnotes"):
        rule.decompose()
    for aside in finding.find(soup, "aside.margin > .sidebar-title"):
        if not aside.get_text(strip=True):
            aside.decompose()


def _tidy(soup):
    for node in finding.find(soup, "#exercise-content, #solution-content, #proof-content"):
        node.name = "div"
        del node["id"]
    for node in finding.find(soup, ".mathjax_ignore"):
        node["class"] = [name for name in node["class"] if name not in ("mathjax_ignore", "tex2jax_ignore")]
        if not node["class"]:
            del node["class"]
    for script in finding.find(soup, 'article script[type*="thebe"], script[type*="widget-state"], script[type*="widget-view"]'):
        script.decompose()
    for script in finding.find(soup, "article script"):
        if "kernelName" in script.get_text():
            script.decompose()
    for link in finding.find(soup, "a.headerlink"):
        link["aria-label"] = "Link to this place"
        link.attrs.pop("title", None)
    for table in finding.find(soup, ".pst-scrollable-table-container > table"):
        table.parent["class"] = ["table-scroll"]
    for cell in finding.find(soup, "thead th"):
        if cell.get_text(strip=True):
            cell["scope"] = "col"
            formula = cell.select_one(".math")
            if formula is not None and formula.get_text() == cell.get_text(
                strip=True
            ):  # some readers skip a lone formula: say it in words, too
                formula["aria-hidden"] = "true"
                words = soup.new_tag("span", attrs={"class": "visually-hidden"})
                words.string = _plain(formula)
                formula.insert_after(words)
        else:
            cell.name = "td"  # an empty corner heads nothing
    for link in finding.find(soup, "a.external[href^=http]"):
        link["rel"] = "noopener"
    for entry in finding.find(soup, '.citation-list [role="doc-biblioentry"]'):
        entry["role"] = "listitem"  # the role that docutils writes is deprecated, and no child of a list
    for meta in finding.find(soup, 'meta[name="viewport"]')[1:]:
        meta.decompose()
    current = finding.first(soup, "nav.chapters li.current.active")
    sections = finding.first(soup, "nav.sections > ul")
    if current is not None:
        link = current.find("a")
        if link is not None:
            link["aria-current"] = "page"
        if sections is not None:
            for link in sections.select("a"):  # the chapter's number is enough
                if link.string:
                    link.string = re.sub(r"^(\d+\.)+\s*", "", link.string)
            holder = sections.parent
            sections["class"] = "sections"
            current.append(sections.extract())
            holder.decompose()


def _mathematics_in_titles(soup):
    for link in finding.find(soup, "nav.turn .turn-title, nav.chapters a"):
        if link.select_one(".katex-html") is not None:
            link.string = _plain(link)


def finish(html, app, page):
    """Return a page's HTML with everything in place that no template can do."""
    soup = BeautifulSoup(html, "html.parser")
    _title(soup, app.config.html_title)
    _fold(soup)
    _exercises(soup)
    _one_fold(soup)
    _pictures_first(soup)
    _notes(soup)
    _tidy(soup)
    _mathematics_in_titles(soup)
    root = soup.html.get("data-content_root", "") if soup.html is not None else ""
    live.finish(soup, app, root)
    predict.finish(soup, app, root)
    playground.finish(soup, root)
    thumbnails.finish(soup, app, page)
    pictures.finish(soup, app)
    outputs.finish(soup)
    search_index.collect(app, page, soup)
    cards.finish(soup, app, page)
    heights.finish(soup)
    return str(soup)


def _wrap_templates(app):
    if app.builder.format != "html":
        return
    app.course_style_version = stylesheet.version(app)
    app.course_frame_version = hashlib.sha256("".join(scripts().values()).encode()).hexdigest()[:8]
    pictures.begin(app)
    render = app.builder.templates.render

    def render_and_finish(template, context):
        html = render(template, context)
        return finish(html, app, context["pagename"]) if "pagename" in context and html.lstrip().startswith("<!") else html

    app.builder.templates.render = render_and_finish


def setup(app):
    # Sphinx keeps the label "search" for its own search page; in a course on tuning a section wants it.
    for table in ("labels", "anonlabels"):
        StandardDomain.initial_data[table].pop("search", None)
    app.connect("builder-inited", _wrap_templates, priority=900)
    app.connect("html-page-context", _context, priority=900)
    app.connect("build-finished", pictures.write, priority=100)
    app.connect("build-finished", _write_scripts, priority=200)
    app.connect("build-finished", stylesheet.write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
