"""Print the whole book as one PDF, from its built pages, by headless Chromium.

    python book/pdf.py                 _build/html -> _build/momentum.pdf
    python book/pdf.py 03 notation     only these pages, to look at

The pages are joined into one document: title, contents, the parts in the order of _toc.yml, solutions, index. Live figures are
the pictures that the site has for them; what is folded is open, but the code of figures is left out, and solutions and answers
to predictions stand at the end, with their page number in their place. It is printed until its numbers are right, most often
twice: the first printing says on which page everything is, the next has these numbers in contents, references and index. A link
that leads nowhere, page numbers that go on moving, or a file above 25 MB is an error.
"""

import argparse
import html
import json
import logging
import re
import sys
import tempfile
from pathlib import Path
from posixpath import join, normpath
from urllib.parse import quote, unquote

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import chromium  # noqa: E402

STYLE = ROOT / "book" / "_print" / "print.css"
LIMIT = 25e6  # bytes
ONE_LINE = 105  # letters, above which a paragraph has more than one
SHORT = 12  # lines of code or output, or rows of a table, that stay on one page
TIMES = 3  # printings after which the numbers in it must be its own
# Without the last one the widths of letters are whole pixels of a screen, and the spaces between words uneven on paper.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"]
DROPPED = (
    "script, style, button, form, input, select, template, nav, .headerlink, .only-dark, picture > source, details.hide, "
    "a.start, a.race-it, ul.cards, ol.cards, .cards, .js-only, .viewcode-link, a.download, .live-said"
)
LATER = "details.solution, .predict details.fold"  # what stands at the end of the book


class DeadLink(Exception):
    """A reference of the printed book that leads nowhere."""


# --- the documents ----------------------------------------------------------------------------------------------------
def contents(root=ROOT):
    """(part's caption, document) of every page of the book, in order, as _toc.yml has them."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    listed = [("", toc["root"])]
    for part in toc["parts"]:
        listed += [(part["caption"], entry["file"]) for entry in part["chapters"]]
    return listed


def slug(document):
    """The name of a document within the joined one."""
    return re.sub(r"\W+", "-", document)


def reference(anchor, words, kind="page"):
    """A link with the page to which it leads, which `numbered` fills in."""
    return f'<a class="{kind}" href="#{anchor}">{words}<span class="at">⟦{anchor}⟧</span></a>'


class Book:
    """The pages, one after the other, and what is gathered from them on the way: folds for the end, uses of words."""

    def __init__(self, site, listed, address):
        self.site, self.listed, self.address = site, listed, address.rstrip("/") + "/"
        self.documents = {document for _, document in listed}
        self.later, self.used, self.counter = [], {}, 0

    def link(self, document, href):
        """Where a link of a page leads in the printed book: an anchor of it, or an address."""
        if re.match(r"[a-z][a-z0-9+.-]*:", href):
            return href
        path, _, anchor = href.partition("#")
        target = normpath(join(document.rpartition("/")[0], unquote(path.partition("?")[0]))) if path else f"{document}.html"
        name = target.removesuffix(".html")
        if target.endswith(".html") and name in self.documents:
            return f"#{slug(name)}--{anchor}" if anchor and not anchor.startswith("live=") else f"#{slug(name)}"
        if not (self.site / target).exists():
            raise DeadLink(f"{document} links to {href}, which is not in the built book")
        return self.address + quote(target) + (f"#{anchor}" if anchor else "")

    def _pictures(self, document, article):
        for picture in article.select("picture"):
            picture.unwrap()
        for image in article.select("img"):
            path = (self.site / document).parent / unquote(image["src"].partition("?")[0])
            image["src"] = path.resolve().as_uri()
            image.attrs.pop("loading", None)
            image.attrs.pop("srcset", None)

    def _collect(self, document, article):
        """Take what stands at the end out of the text, and leave its page number."""
        for fold in article.select(LATER):
            self.counter += 1
            anchor = f"later-{self.counter}"
            is_solution = "solution" in fold.get("class", [])
            title = fold.find("summary").get_text(" ", strip=True) if is_solution else "What you predicted"
            words = reference(anchor, "Solution: page " if is_solution else "Answers: page ")
            fold.insert_before(BeautifulSoup(f'<p class="see-later">{words}</p>', "html.parser"))
            body = fold.extract()
            body.find("summary").decompose()
            body.name, body["class"] = "div", ["later"]
            self.later.append((document, anchor, title, body))
        for fold in article.select("details"):
            fold["open"] = ""

    def _uses(self, document, article):
        """Mark the first use of each word of the glossary on a page: the index leads there."""
        for link in article.select('a[href*="glossary.html#term-"]'):
            term = link["href"].partition("#")[2]
            places = self.used.setdefault(term, {})
            if document not in places:
                places[document] = f"use-{slug(document)}-{term}"
                link["id"] = places[document]

    def _anchors(self, document, article):
        name = slug(document)
        for node in article.select("[id]"):
            if not node["id"].startswith(("use-", "later-")):
                node["id"] = f"{name}--{node['id']}"
        for node in article.select("[aria-labelledby], [aria-describedby]"):
            node.attrs.pop("aria-labelledby", None)
            node.attrs.pop("aria-describedby", None)
        for link in article.select("a[href]"):
            if not link["href"].startswith(("#later-", "#use-")):
                link["href"] = self.link(document, link["href"])

    def page(self, document):
        """One page's article, made ready for paper."""
        path = self.site / f"{document}.html"
        article = BeautifulSoup(path.read_text("utf-8"), "html.parser").select_one("article")
        for node in article.select(DROPPED):
            node.decompose()
        for node in article.select("section"):  # a heading whose only content was for the screen
            if not any(str(child).strip() for child in node.children if child.name not in ("h2", "h3")):
                node.clear()
        for head in article.select("h2"):  # a section that begins with a section: both headings stay with what comes
            after = head.find_next_sibling(lambda tag: tag.name != "span")
            if after is not None and after.name == "section" and not re.match(r"notebooks/\d", document):
                after.insert(0, head.extract())
        for pre in article.select("pre"):
            if pre.get_text().strip().count("\n") < SHORT:
                pre["class"] = [*pre.get("class", []), "whole"]
        for line in article.select("p"):
            below = getattr(line.find_previous_sibling(), "name", "") in ("h2", "h3")
            if plain(line).endswith(":") or below and len(plain(line)) < ONE_LINE:
                line["class"] = [*line.get("class", []), "lead-in"]
        for node in article.select(".katex-mathml"):  # the same formula once more, for a reader of the page
            node.decompose()
        for node in article.select(".far"):
            node.attrs.pop("style", None)
            node["class"] = [one for one in node["class"] if one != "far"]
        self._pictures(document, article)
        self._uses(document, article)
        self._collect(document, article)
        self._anchors(document, article)
        for table in article.select("table"):
            columns = max((len(row.find_all(["td", "th"])) for row in table.select("tr")), default=0)
            if columns > 4:
                table["class"] = [*table.get("class", []), "many"]
            if len(table.select("tr")) <= SHORT:
                table["class"] = [*table.get("class", []), "whole"]
        article.name, article["id"] = "section", slug(document)
        article["class"] = ["document", f"doc-{slug(document)}"]
        return article


# --- what only paper has ------------------------------------------------------------------------------------------------
def plain(tag):
    """The text of a heading."""
    return re.sub(r"\s+", " ", tag.get_text()).strip()


def heading(tag):
    """A heading's inside, to be shown again."""
    return "".join(str(part) for part in tag.contents)


def table_of_contents(book, articles):
    """The parts, the chapters and their sections, with page numbers."""
    lines, before = [], None
    for (part, document), article in zip(book.listed, articles, strict=True):
        if part and part != before:
            lines.append(f'<p class="toc-part">{html.escape(part)}</p>')
        before = part
        title = article.find("h1")
        lines.append(f'<p class="toc-1">{reference(slug(document), heading(title), "entry")}</p>')
        if re.match(r"notebooks/\d", document):
            for section in article.select("h2"):
                anchor = section.find_parent("section").get("id")
                lines.append(f'<p class="toc-2">{reference(anchor, heading(section), "entry")}</p>')
    lines.append(f'<p class="toc-1">{reference("solutions", "Solutions and answers", "entry")}</p>')
    lines.append(f'<p class="toc-1">{reference("index", "Index", "entry")}</p>')
    return "".join(lines)


def solutions(book, titles):
    """What was folded, chapter by chapter."""
    parts, before = [], None
    for document, anchor, title, body in book.later:
        if document != before:
            parts.append(f"<h2>{titles[document]}</h2>")
        before = document
        parts.append(f'<div class="answer" id="{anchor}"><h3>{html.escape(title)}</h3>{body}</div>')
    return "".join(parts)


def terms(book, glossary):
    """Each word of the glossary as (HTML, anchors): where it is explained, then where each page first uses it. Sorted.

    A chapter that the explanation names and that has no mark of its use stands there with its beginning.
    """
    rows = []
    for entry in glossary.select("dt[id]") if glossary is not None else ():
        uses = dict(book.used.get(entry["id"].partition("--")[2], {}))
        explained = entry.find_next_sibling("dd")
        for link in explained.select("a[href^='#notebooks-']") if explained else ():
            document = next((one for one in book.documents if f"#{slug(one)}" == link["href"].partition("--")[0]), None)
            if document:
                uses.setdefault(document, slug(document))
        rows.append((plain(entry).lower(), heading(entry), [entry["id"], *uses.values()]))
    return [(words, anchors) for _, words, anchors in sorted(rows)]


def index_of_terms(rows, pages):
    """The index: of several uses on one page the first, and the page that explains a word in bold."""
    lines = []
    for words, anchors in rows:
        at = {}
        for anchor in anchors:
            at.setdefault(pages.get(anchor, anchor), anchor)
        links = [
            f'<a{" class=bold" if anchor == anchors[0] else ""} href="#{anchor}">{pages.get(anchor, "000")}</a>'
            for anchor in at.values()
        ]
        lines.append(f"<p>{words}, {', '.join(links)}</p>")
    return "".join(lines)


def numbered(text, rows, pages):
    """The joined document with page numbers; where one is not known yet, as much room as it takes."""
    text = re.sub(r"⟦([^⟧]+)⟧", lambda found: str(pages.get(found[1], "000")), text)
    return text.replace("<!--index-->", index_of_terms(rows, pages))


def _running(name, title, number):
    """The page boxes of one document: its title above, the page below."""
    said = json.dumps(title, ensure_ascii=False)
    return (
        f".doc-{name}{{page:{name}}}@page {name}{{@top-left{{content:{said}}}@top-right{{content:{json.dumps(number)}}}"
        "@bottom-center{content:counter(page)}}"
    )


def joined(book, title, author):
    """(the whole document as HTML with places for the page numbers, the rows of its index)."""
    articles = [book.page(document) for _, document in book.listed]
    glossary = next((one for one in articles if one["id"] == "book-glossary"), None)
    titles = {document: heading(one.find("h1")) for (_, document), one in zip(book.listed, articles, strict=True)}
    pages, before = [_running("solutions", "Solutions and answers", ""), _running("index", "Index", "")], None
    body = []
    for (part, document), article in zip(book.listed, articles, strict=True):
        head = article.find("h1")
        number = head.select_one(".chapter-number")
        words = plain(head).removeprefix(number.get_text() if number else "").strip()
        pages.append(_running(slug(document), words, number.get_text() if number else ""))
        if part and part != before and part.startswith("Part "):
            first, _, rest = part.partition(": ")
            body.append(f'<section class="part"><p>{html.escape(first)}</p><h1>{html.escape(rest)}</h1></section>')
        before = part
        body.append(str(article))
    glossary_note = (
        "A bold number is the page that explains the word; the others are where a chapter first uses it, or begins to teach it."
    )
    css = (book.site / "_static" / "book.css").as_uri()
    text = (
        f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<link rel="stylesheet" href="{css}"><link rel="stylesheet" href="{STYLE.as_uri()}"><style>{"".join(pages)}</style>'
        f'</head><body><section class="cover"><h1>{html.escape(title)}</h1><p>{html.escape(author)}</p></section>'
        f'<section class="imprint"><p>{html.escape(title)}. The printed edition of a course whose figures move on the screen: '
        f'<a href="{book.address}">{book.address}</a>. There each picture of a live figure is the figure, and the code of every '
        "drawing can be read and run.</p><p>Text and figures: Creative Commons Attribution 4.0. Code: BSD 3-Clause. "
        "The typefaces are Source Serif 4, Source Sans 3 and Source Code Pro (SIL Open Font License), the mathematics is set by "
        "KaTeX (MIT).</p></section>"
        f'<section class="toc"><h1>Contents</h1>{table_of_contents(book, articles)}</section>{"".join(body)}'
        f'<section class="document doc-solutions" id="solutions"><h1>Solutions and answers</h1>{solutions(book, titles)}'
        f'</section><section class="document doc-index" id="index"><h1>Index</h1><p>{glossary_note}</p>'
        '<div class="index"><!--index--></div></section></body></html>'
    )
    return text, terms(book, glossary)


def dead(text):
    """The internal links of the joined document whose target it does not have, each once."""
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    return sorted({anchor for anchor in re.findall(r'href="#([^"]*)"', text) if html.unescape(anchor) not in ids})


# --- printing -----------------------------------------------------------------------------------------------------------
def program():
    """The Chromium of this machine. Raises FileNotFoundError that says how to get one."""
    found = chromium.path()
    if found is None:
        raise FileNotFoundError(
            f"no Chromium was found ({', '.join(chromium.NAMES)}); on Debian and Ubuntu: apt install chromium"
        )
    return found


def printed(text, target):
    """Print the joined document to a PDF file."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "book.html"
        page_file.write_text(text, "utf-8")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program(), args=ARGUMENTS)
            page = browser.new_page()
            page.set_default_timeout(0)
            page.goto(page_file.as_uri(), wait_until="load")
            page.evaluate("document.fonts.ready")
            page.pdf(path=target, prefer_css_page_size=True, print_background=True)
            browser.close()


def page_numbers(path):
    """Anchor -> page number from 1 of a printed document, as its links find them."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it counts Chromium's objects, and tells
    reader = pypdf.PdfReader(path)
    at = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages, 1)}
    found = {}
    for name, where in reader.named_destinations.items():
        page = where.page
        number = at.get(getattr(page, "idnum", None))
        if number:
            found[unquote(name.lstrip("/"))] = number
    return found, len(reader.pages)


def lost(path):
    """Links of a PDF whose destination it does not have: (page, destination)."""
    import pypdf

    reader = pypdf.PdfReader(path)
    names = {name.lstrip("/") for name in reader.named_destinations}
    found = []
    for number, page in enumerate(reader.pages, 1):
        for note in page.get("/Annots", []):
            link = note.get_object()
            where = link.get("/Dest") or (link.get("/A") or {}).get("/D")
            if isinstance(where, str) and where.lstrip("/") not in names:
                found.append((number, where))
    return found


def finish(path, target, title, author, marks):
    """Write the PDF with its data and bookmarks; ``marks`` are (words, page number, level)."""
    import pypdf

    writer = pypdf.PdfWriter(clone_from=path)
    writer.add_metadata({"/Title": title, "/Author": author})
    above = []
    for words, number, level in marks:
        del above[level:]
        above.append(writer.add_outline_item(title=words, page_number=number - 1, parent=above[-1] if above else None))
    for _ in range(3):  # a picture on ten pages is there ten times; two are the same once their masks are
        writer.compress_identical_objects()
    writer.write(target)


def bookmarks(text, pages):
    """(words, page number, level) of the chapters and their sections."""
    soup = BeautifulSoup(text, "html.parser")
    found = []
    for link in soup.select(".toc a.entry"):
        number = pages.get(link["href"][1:])
        link.select_one(".at").decompose()
        level = 0 if "toc-1" in link.parent["class"] else 1
        if number:
            found.append((plain(link), number, level))
    return found


def make(site, listed, address, title, author, target):
    """Print the book; returns its number of pages. Raises DeadLink where a reference leads nowhere or a page number moved."""
    text, rows = joined(Book(site, listed, address), title, author)
    whole = len(listed) == len(contents())
    if whole and (missing := dead(numbered(text, rows, {}))):
        raise DeadLink(f"{len(missing)} references lead nowhere: {', '.join(missing[:10])}")
    with tempfile.TemporaryDirectory() as folder:
        pages, again, path = {}, None, Path(folder) / "book.pdf"
        for _ in range(TIMES):
            printed(numbered(text, rows, pages), path)
            again, count = page_numbers(path)
            if again == pages:
                break
            pages = again
        else:
            raise DeadLink("the page numbers move with each printing")
        if whole and (missing := lost(path)):
            raise DeadLink(f"links of the PDF lead nowhere: {missing[:10]}")
        finish(path, target, title, author, bookmarks(numbered(text, rows, pages), pages))
    return count


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="*", help="only these: numbers or names of pages (default: all)")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built book (default: _build/html)")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "momentum.pdf", help="the file to write")
    options = parser.parse_args(arguments)
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    owner, name = config["repository"]["url"].rstrip("/").split("/")[-2:]
    wanted = [one.zfill(2) + "-" if one.isdigit() else one for one in options.pages]
    listed = [pair for pair in contents() if not wanted or any(pair[1].rpartition("/")[2].startswith(one) for one in wanted)]
    try:
        count = make(options.site, listed, f"https://{owner}.github.io/{name}", config["title"], config["author"], options.out)
    except (DeadLink, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    size = options.out.stat().st_size
    print(f"{count} pages, {size / 1e6:.1f} MB: {options.out}")
    if size > LIMIT:
        print(f"The file is larger than {LIMIT / 1e6:.0f} MB.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
