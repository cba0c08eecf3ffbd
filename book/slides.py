"""Write the lectures: a deck of slides for each chapter, one HTML file each, that opens from a folder without a network.

    python book/slides.py              _build/slides/03-momentum.html and the others, with an index
    python book/slides.py 03 05        only these chapters

A slide is marked in the notebook, in the metadata of the cell that it shows:

    "slides": [{"title": "One step, one factor", "points": ["Between 0 and 1: it slides in."], "show": "formula",
                "notes": "Ask first: what happens at 1?"}]

`show` is what is taken from the cell: "figure", "formula" (or "formula 2"), "output" (or "output 1-3", its lines), "code",
"table", "claims" (what is bold in a list) or "claim" (of the title); nothing shows the words alone. "ask": 2 makes the second
question of a `{predict}` box a question for the room; "expect": [20, 50, 30] is our guess of the answers, in percent; a
question of its own has "question", "answers" and "right" (from 1) instead. Slides follow the order of their cells; one with
"before": "c12" comes before that cell's. What stands in a formula, a figure or a question
is never typed again. The plan of the board is the notebook's, under "course", "board". Figures come from the built book.
"""

import argparse
import base64
import html
import json
import re
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "book" / "_ext")]

import katex_math  # noqa: E402
import live  # noqa: E402
import pygments  # noqa: E402
import tinycss2  # noqa: E402
from bs4 import BeautifulSoup  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402
from mdit_py_plugins.dollarmath import dollarmath_plugin  # noqa: E402
from pygments.formatters import HtmlFormatter  # noqa: E402
from pygments.lexers import PythonLexer  # noqa: E402

from momentum_lib.widgets import predict  # noqa: E402

OWN = ROOT / "book" / "_slides"
KEYS = {"title", "points", "show", "notes", "before", "ask", "expect", "question", "answers", "right", "why"}
SHOWS = ("figure", "formula", "output", "code", "table", "claims", "claim")
LETTERS = "ABCDEF"
LEAST, MOST = 12, 20  # slides of a deck, without the lecturer's page
WORDS = 45  # on a slide, in its points
WIDE = 74  # letters of a printed line, above which it is set smaller


def refused(where, told):
    """The error of a mark that cannot be followed: where it stands, what is wrong, what to do."""
    return LookupError(f"{where}: {told}")


# --- words ----------------------------------------------------------------------------------------------------------
def _formula(tex, display):
    if display and "\\\\" in tex and "\\begin{" not in tex:
        tex = f"\\begin{{aligned}}{tex}\\end{{aligned}}"
    made, error = katex_math.render(tex.strip(), display)
    if error:
        raise ValueError(f"a formula cannot be rendered: {error} in: {tex}")
    return f'<div class="math math-block">{made}</div>' if display else f'<span class="math">{made}</span>'


@cache
def _markdown():
    return MarkdownIt("commonmark").enable("table").use(
        dollarmath_plugin, double_inline=True, renderer=lambda tex, options: _formula(tex, options["display_mode"])
    )  # fmt: skip


def plain_markdown(text):
    """A chapter's MyST without what only the book can follow: roles become their words."""
    text = re.sub(r"\{[\w:+-]+\}`([^`<>]*?)\s*<[^`>]*>`", r"\1", text)
    return re.sub(r"\{(?:term|doc|ref|numref|cite:?[pt]?)\}`([^`]*)`", r"\1", text)


def inline(text):
    """One line of Markdown with mathematics, as HTML."""
    return _markdown().renderInline(plain_markdown(text))


def block(text):
    """Paragraphs, lists and tables as HTML."""
    return _markdown().render(plain_markdown(text))


# --- what a cell shows ------------------------------------------------------------------------------------------------
class Chapter:
    """One chapter's notebook beside its page in the built book."""

    def __init__(self, path, site):
        self.path, self.stem, self.number = path, path.stem, int(path.stem[:2])
        notebook = json.loads(path.read_text("utf-8"))
        self.cells, self.course = notebook["cells"], notebook["metadata"].get("course", {})
        page = site / "notebooks" / f"{path.stem}.html"
        if not page.exists():
            raise refused(page, "the chapter is not built; run: python book/build.py")
        self.page, self.soup = page, BeautifulSoup(page.read_text("utf-8"), "html.parser")
        self.lives = self.soup.select("article .cell_output div.live-figure")
        heads = [source(cell) for cell in self.cells if cell["cell_type"] == "markdown"]
        self.name = re.search(r"^# (.+)$", "\n".join(heads), re.M)[1]
        self.shown = [cell["id"] for cell in self.cells if "live-figure" in json.dumps(cell.get("outputs", []))]

    def image(self, tag):
        """A picture's file as an address that holds it."""
        path = (self.page.parent / unquote(tag["src"].partition("?")[0])).resolve()
        kind = {".svg": "svg+xml", ".png": "png", ".gif": "gif"}[path.suffix]
        return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"

    def picture(self, images):
        """The pictures of a figure, of which each theme shows one."""
        return "".join(
            f'<img class="{" ".join(tag.get("class", []))}" alt="{html.escape(tag.get("alt", ""))}" src="{self.image(tag)}" '
            f'width="{tag.get("width", "")}" height="{tag.get("height", "")}">'
            for tag in images
        )

    def figure(self, cell):
        """(HTML, caption) of a cell's figure, drawn or live."""
        if cell["id"] in self.shown:
            place = self.lives[self.shown.index(cell["id"])]
            face = {name: place[name] for name in ("data-figure", "data-state", "aria-label")}
            asked = " ".join(f'{name}="{html.escape(value)}"' for name, value in face.items())
            still = self.picture(place.select("img.only-light")[:1]).replace('class="only-light"', "")
            caption = place.select_one("figcaption")
            face = f'<div class="live-figure" data-prevent-swipe role="group" {asked}>'
            return (
                f'{face}<figure class="live-static">{still}</figure></div>',
                caption.get_text(" ", strip=True) if caption else "",
            )
        name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        found = self.soup.find(id=name) if name else None
        if found is None:
            raise refused(f"{self.path.name}, cell {cell['id']}", "it has no figure; show something else of it, or nothing")
        caption = found.select_one(".caption-text")
        return f"<figure>{self.picture(found.select('img'))}</figure>", caption.get_text(" ", strip=True) if caption else ""


def source(cell):
    """The text of a cell."""
    return "".join(cell["source"])


def printed(cell):
    """The lines that a cell prints."""
    said = "".join("".join(out.get("text", "")) for out in cell.get("outputs", []))
    return said.strip("\n").split("\n") if said.strip() else []


def markdown_of(cell):
    """A cell's Markdown: its text, or what its code displays as Markdown."""
    if cell["cell_type"] == "markdown":
        return source(cell)
    return "\n\n".join("".join(out.get("data", {}).get("text/markdown", "")) for out in cell.get("outputs", []))


def _pick(parts, which, what, where):
    number = int(which or 1)
    if not 1 <= number <= len(parts):
        raise refused(where, f"it has {len(parts)} of what `show` calls {what}, and number {number} is asked for")
    return parts[number - 1]


def shown(chapter, cell, what):
    """(HTML, caption) of what a mark shows of its cell."""
    kind, _, which = what.partition(" ")
    where = f"{chapter.path.name}, cell {cell['id']}"
    if kind not in SHOWS:
        raise refused(where, f"show {what!r} is not known; allowed: {', '.join(SHOWS)}, some with a number")
    if kind == "figure":
        return chapter.figure(cell)
    text = markdown_of(cell)
    if kind == "formula":
        display = [part[2] for part in re.finditer(r"(?<!\\)(\$\$)(.+?)\$\$", text, re.S)]
        return _formula(_pick(display, which, "formula", where), True), ""
    if kind == "code":
        return pygments.highlight(source(cell).strip(), PythonLexer(), HtmlFormatter(nowrap=False, cssclass="highlight")), ""
    if kind == "table":
        tables = re.findall(r"(?:^[ >]*\|.*\|[ ]*\n?)+", text, re.M)
        return block(re.sub(r"^[ >]+", "", _pick(tables, which, "table", where), flags=re.M)), ""
    if kind == "output":
        lines, (first, _, last) = printed(cell), which.partition("-")
        if first and not 1 <= int(first) <= int(last or first) <= len(lines) or not lines:
            raise refused(where, f"it prints {len(lines)} lines, and {what!r} is asked for")
        if first:
            lines = lines[int(first) - 1 : int(last or first)]
        wide = ' class="wide"' if max(map(len, lines)) > WIDE else ""
        return f"<pre{wide}>" + html.escape("\n".join(lines)) + "</pre>", ""
    bold = re.findall(r"^(?:[-*]|\d+\.) \*\*(.+?)\*\*", text, re.M) or [
        re.split(r"(?<=[.:]) ", line, maxsplit=1)[0] for line in re.findall(r"^(?:[-*]|\d+\.) (.+)$", text, re.M)
    ]
    if kind == "claims":
        return "<ol>" + "".join(f"<li>{inline(one.rstrip('.,:'))}.</li>" for one in bold) + "</ol>", ""
    claims = re.findall(r"^\*\*(.+)\*\*$", text, re.M)
    return f'<p class="claim">{inline(_pick(claims, which, "claim", where))}</p>', ""


# --- a question for the room ------------------------------------------------------------------------------------------
def asked(cell, mark, where):
    """(text, answers, number of the right one from 0, what each answer's sentence is) of a question."""
    if "ask" not in mark:
        return mark["question"], mark["answers"], mark["right"] - 1, mark.get("why", [])
    box = re.search(r"^(`{3,})\{predict\}\n(.*?)^\1$", source(cell), re.M | re.S)
    if box is None:
        raise refused(where, '"ask" wants a cell with a {predict} box; write "question", "answers" and "right" instead')
    question = _pick(predict.parse(box[2]), mark["ask"], "ask", where)
    labels = {"low": "It lies lower.", "close": question.right.said, "high": "It lies higher."}
    answers = [answer.label or labels[answer.kind] for answer in question.answers]
    return question.text, answers, question.answers.index(question.right), [answer.said for answer in question.answers]


def _question(chapter, cell, mark):
    """(what a question slide shows, its notes)."""
    where = f"{chapter.path.name}, cell {cell['id']}"
    text, answers, right, why = asked(cell, mark, where)
    expect = mark.get("expect")
    if not expect or len(expect) != len(answers) or sum(expect) != 100:
        raise refused(where, f'"expect" must have {len(answers)} numbers that add up to 100; it is {expect}')
    drawn = "ask" in mark and "draw:" in source(cell) and answers[0] == "It lies lower."
    if drawn:
        rows = f'<p class="answer fragment right">{inline(answers[right])}</p>'
        text += " *Draw it on paper.*"
    else:
        tick = '<span class="fragment tick" aria-label="right">✓</span>'
        rows = [
            f"<li><b>{LETTERS[k]}</b> {inline(answer.rstrip('.'))}{tick if k == right else ''}</li>"
            for k, answer in enumerate(answers)
        ]
        rows = f'<ol class="answers">{"".join(rows)}</ol>'
    notes = ["**Expect** (our estimate; nobody has counted yet):", ""]
    for k, share in enumerate(expect):
        label = ("too low", "right", "too high")[k] if drawn else LETTERS[k]
        notes.append(
            f"- {label}: {share} %{', the right answer' if k == right and not drawn else ''}. {why[k] if k < len(why) else ''}"
        )
    return f'<div class="asked">{block(text)}{rows}</div>', "\n".join(notes)


# --- slides -----------------------------------------------------------------------------------------------------------
def one_slide(chapter, cell, mark):
    """One slide as a section."""
    where = f"{chapter.path.name}, cell {cell['id']}"
    if strange := sorted(set(mark) - KEYS):
        raise refused(where, f"a slide has no {strange[0]!r}; allowed: {', '.join(sorted(KEYS))}")
    if not mark.get("title") or not mark.get("notes"):
        raise refused(where, "a slide needs a title and notes")
    points, notes, parts = mark.get("points", []), [mark["notes"]], []
    if len(re.findall(r"\S+", " ".join(points))) > WORDS:
        raise refused(
            where, f"the points of {mark['title']!r} have more than {WORDS} words; what is longer belongs into the notes"
        )
    kinds = []
    if "ask" in mark or "question" in mark:
        body, expected = _question(chapter, cell, mark)
        parts.append(body)
        notes.append(expected)
        kinds.append("ask")
    for what in [mark["show"]] if isinstance(mark.get("show"), str) else mark.get("show", []):
        made, caption = shown(chapter, cell, what)
        kind = "live" if 'class="live-figure"' in made else what.split()[0]
        parts.append(f'<div class="show {kind}">{made}</div>')
        kinds.append(kind)
        if caption:
            notes.append(f"*The figure:* {caption}")
    listed = "<ul class='points'>" + "".join(f"<li>{inline(point)}</li>" for point in points) + "</ul>" if points else ""
    told = "\n\n".join(notes)
    return (
        f'<section class="slide {" ".join(kinds) or "words"}"><h2>{inline(mark["title"])}</h2><div class="body">{listed}'
        f'{"".join(parts)}</div><aside class="notes">{block(told)}</aside></section>'
    )


def marked(chapter):
    """(cell, mark) of each slide of a chapter, in order. Raises LookupError for a place that there is not."""
    at = {cell["id"]: place for place, cell in enumerate(chapter.cells)}
    found = [(cell, mark) for cell in chapter.cells for mark in cell["metadata"].get("slides", [])]
    for cell, mark in found:
        if mark.get("before", cell["id"]) not in at:
            raise refused(f"{chapter.path.name}, cell {cell['id']}", f"no cell {mark['before']!r} to come before")
    return sorted(found, key=lambda pair: at[pair[1]["before"]] - 0.5 if "before" in pair[1] else at[pair[0]["id"]])


def _title(chapter, cell):
    claim = re.search(r"^\*\*(.+)\*\*$", source(cell), re.M)
    able = chapter.course.get("able", "")
    return (
        f'<section class="slide title"><p class="number">Chapter {chapter.number}</p><h1>{inline(chapter.name)}</h1>'
        f'<p class="claim">{inline(claim[1] if claim else "")}</p><aside class="notes">{block(f"Afterwards they can {able}.")}'
        f"{block(HELP)}</aside></section>"
    )


HELP = (
    "Keys: arrows, space or a clicker turn the page; S opens this view in a window of its own, N shows it below the slide, D "
    "changes between light and dark, F fills the screen, Ctrl+P prints the deck or writes it as PDF. In a figure the arrows move "
    "what has the focus, and Escape gives them back to the slides."
)


def _board(chapter):
    """The lecturer's last page: what the board holds at the end, and which questions are asked."""
    plan = "".join(f"<li>{inline(line)}</li>" for line in chapter.course.get("board", []))
    return (
        f'<section class="slide board" data-visibility="uncounted"><h2>For the lecturer: the board</h2><div class="body">'
        f'<ol class="plan">{plan}</ol></div><aside class="notes">{block("What stands on the board, from left to right.")}</aside>'
        "</section>"
    )


def sections(chapter):
    """The slides of a chapter as sections. Raises LookupError where there are too few or too many."""
    marks = marked(chapter)
    if not LEAST <= len(marks) + 1 <= MOST:
        raise refused(chapter.path.name, f"{len(marks) + 1} slides; a lecture has {LEAST} to {MOST}, each with one idea")
    if not chapter.course.get("board"):
        raise refused(chapter.path.name, 'no plan of the board; its metadata lack "board" under "course", a list of lines')
    title = next(cell for cell in chapter.cells if re.search(r"^# ", source(cell), re.M) and cell["cell_type"] == "markdown")
    return [_title(chapter, title), *(one_slide(chapter, cell, mark) for cell, mark in marks), _board(chapter)]


# --- the file ---------------------------------------------------------------------------------------------------------
def styles(site):
    """The book's style sheet with its typefaces inside, reveal.js's, and the decks' own."""
    static = site / "_static"

    def font(match):
        path = static / match[1]
        data = base64.b64encode(path.read_bytes()).decode() if path.exists() else ""
        return f"url(data:font/woff2;base64,{data})"

    book = re.sub(
        r"url\((fonts/[\w.-]+\.woff2)\)", font, (static / "book.css").read_text("utf-8").removeprefix('@charset "utf-8";')
    )
    rules = tinycss2.parse_stylesheet((ROOT / "node_modules" / "reveal.js" / "dist" / "reveal.css").read_text("utf-8"))
    reveal = tinycss2.serialize([rule for rule in rules if "print" not in tinycss2.serialize(getattr(rule, "prelude", ()) or ())])
    return "\n".join([reveal, book, (OWN / "deck.css").read_text("utf-8")])


@cache
def script(names):
    """The script of a deck with these live figures."""
    entry = [f'import {{ render as {name} }} from "../../momentum_lib/widgets/js/{name}.js";' for name in names]
    entry += ['import { start } from "./deck.js";', f"start({{ {', '.join(names)} }});"]
    return live.smaller("\n".join(entry), OWN, bundle=True).replace("</script", "<\\/script")


def licences(site):
    """The licence texts of what is inside a deck: the slides' machinery, the typefaces, the mathematics."""
    reveal = (ROOT / "node_modules" / "reveal.js" / "LICENSE").read_text("utf-8").strip()
    return f"reveal.js\n=========\n\n{reveal}\n\n\n{(site / '_static' / 'licences.txt').read_text('utf-8').strip()}".replace(
        "-->", "->"
    )


def page(title, body, css, licence):
    """A whole HTML file of these slides, with what moves their figures."""
    names = tuple(sorted(set(re.findall(r'data-figure="(\w+)"', body))))
    return (
        f'<!doctype html>\n<html lang="en" data-theme="light">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}: slides</title>\n'
        f"<!-- Words and figures: The Momentum course authors, CC BY 4.0. What is from others:\n{licence}\n-->\n"
        f'<style>{css}</style></head>\n<body><main><div class="reveal" aria-roledescription="slides" '
        f'aria-label="{html.escape(title)}"><div class="slides">\n{body}\n</div></div></main>\n'
        f"<script>{script(names)}</script></body></html>\n"
    )


def deck(chapter, css, licence):
    """One chapter's deck, a whole HTML file."""
    title = BeautifulSoup(inline(chapter.name), "html.parser").get_text()
    return page(title, "\n".join(sections(chapter)), css, licence)


def index(chapters):
    """The page that lists the decks."""
    rows = "".join(f'<li value="{each.number}"><a href="{each.stem}.html">{inline(each.name)}</a></li>' for each in chapters)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        'initial-scale=1"><title>Slides</title><style>body{font:18px/1.6 Georgia,serif;max-width:40rem;margin:3rem auto;'
        f"padding:0 1rem}}</style></head><body><h1>Slides</h1><ol>{rows}</ol><p>{inline(HELP)}</p>"
        "<p>Words and figures are CC BY 4.0; reveal.js, which turns the slides, has the MIT licence that each file holds.</p>"
        "</body></html>\n"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("numbers", nargs="*", help="numbers of chapters (default: all)")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built book (default: _build/html)")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "slides", help="where to write (default: _build/slides)")
    options = parser.parse_args(arguments)
    wanted = {int(number) for number in options.numbers}
    paths = [path for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")) if not wanted or int(path.stem[:2]) in wanted]
    try:
        chapters = [Chapter(path, options.site) for path in paths]
        css, licence = styles(options.site), licences(options.site)
        options.out.mkdir(parents=True, exist_ok=True)
        for chapter in chapters:
            text = deck(chapter, css, licence)
            (options.out / f"{chapter.stem}.html").write_text(text, "utf-8")
            print(f"{chapter.stem}: {len(marked(chapter)) + 1} slides, {len(text.encode()) / 1e6:.1f} MB")
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    listing = options.out / "index.html"
    if not wanted or not listing.exists():  # some decks made anew leave the list of all
        listing.write_text(index(chapters), "utf-8")
    print(f"{len(chapters)} decks: {listing}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
