"""MyST as the chapters use it, said in the Markdown that every notebook client shows with nothing installed.

    page = Page(book, "notebooks/03-momentum")
    page.markdown("{term}`Momentum <momentum>` ...")

What that Markdown has: links, emphasis, code, tables, mathematics between dollars, and three HTML elements that JupyterLab,
Notebook, Colab, VS Code and GitHub all let through: `<details>` and `<summary>` for what stays closed until the reader opens
it, `<blockquote>` for boxes. A blank line behind the opening tag lets them read what is inside as Markdown. A box is no line
of `>`: JupyterLab takes mathematics out before it looks for such lines, and would leave the signs inside a formula.
"""

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import nbformat
import yaml
from pybtex.database import parse_file
from pybtex.richtext import Text
from sphinx.util.nodes import _make_id

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"(`{3,}|~{3,}|:{3,})\s*(.*)$")
ROLE_OR_CODE = re.compile(r"(?:\{([\w:+-]+)\})?(?<!`)(`+)(?!`)(.+?)(?<!`)\2(?!`)", re.S)
LABEL = re.compile(r"^\(([\w-]+)\)=\s*\n(?:\([\w-]+\)=\s*\n)*#+ (.*)", re.M)
BOXES = {"note", "tip", "hint", "important", "warning", "caution", "attention", "danger", "error", "seealso", "margin", "sidebar"}
THEOREMS = {"theorem", "lemma", "proposition", "corollary", "definition", "example", "remark", "algorithm"}


class Place(NamedTuple):
    """Where a label leads: the document, the anchor on its page, the words of the heading it stands over."""

    document: str
    anchor: str
    words: str


def split(target):
    """("words", "target") of a role's text: ``words <target>``, or the target alone, whose words are None."""
    found = re.fullmatch(r"(.*?)\s*<([^<>]+)>", target.strip(), re.S)
    return (found[1], found[2]) if found else (None, target.strip())


class Book:
    """What the pages refer to: labels, glossary, bibliography, the address of the published site."""

    def __init__(self, root=ROOT):
        self.root = Path(root)

    @cached_property
    def config(self):
        """_config.yml."""
        return yaml.safe_load((self.root / "_config.yml").read_text("utf-8"))

    @cached_property
    def site(self):
        """The address of the published site, with a slash at its end."""
        owner, name = self.config["repository"]["url"].rstrip("/").removesuffix(".git").split("/")[-2:]
        return f"https://{owner}.github.io/" + ("" if name == f"{owner}.github.io" else f"{name}/")

    @cached_property
    def documents(self):
        """Document -> its source, Markdown cells of a notebook joined."""
        found = {}
        for path in [*sorted((self.root / "book").glob("*.md")), *sorted((self.root / "notebooks").glob("*.ipynb"))]:
            name = path.relative_to(self.root).with_suffix("").as_posix()
            if path.suffix == ".md":
                found[name] = path.read_text("utf-8")
            else:
                cells = nbformat.read(path, as_version=4).cells
                found[name] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        return found

    @cached_property
    def labels(self):
        """Label -> Place, for every ``(label)=`` of the book."""
        return {
            found[1]: Place(name, _make_anchor(found[1]), found[2].strip())
            for name, text in self.documents.items()
            for found in LABEL.finditer(text)
        }

    def title(self, document):
        """The first heading of a document. Raises LookupError where there is none."""
        text = self.documents.get(document)
        if text is None:
            raise LookupError(f"no page is called {document!r}; there are: {', '.join(sorted(self.documents))}")
        return re.search(r"^# (.+)$", text, re.M)[1].strip()

    def address(self, document, anchor=""):
        """The published page of a document. Raises LookupError for one that does not exist."""
        self.title(document)
        return f"{self.site}{document}.html" + (f"#{anchor}" if anchor else "")

    @cached_property
    def terms(self):
        """Term of the glossary in lower case -> its anchor on the page."""
        text = re.search(r"^```\{glossary\}\n(.*?)^```", self.documents["book/glossary"], re.M | re.S)[1]
        words = re.findall(r"^([^\s:].*)$", text, re.M)
        return {word.strip().lower(): _term_anchor(word.strip()) for word in words}

    @cached_property
    def sources(self):
        """Key -> entry of the bibliography."""
        return parse_file(str(self.root / "book" / "references.bib")).entries

    def citation(self, key, kind):
        """A citation as a link to what is cited: ``Goh (2017)`` in the text, ``Goh, 2017`` in parentheses.

        Raises LookupError for a key that the bibliography does not have.
        """
        if key not in self.sources:
            raise LookupError(f"references.bib has no {key!r}; add the entry, or mend the citation")
        entry = self.sources[key]
        who, year = _who(entry), entry.fields.get("year")
        words = f"{who} ({year})" if kind == "t" else ", ".join(filter(None, (who, year)))
        return f"[{words}]({self._where(entry)})"

    def _where(self, entry):
        fields = entry.fields
        if "doi" in fields:
            return "https://doi.org/" + fields["doi"].replace("(", "%28").replace(")", "%29")
        if "eprint" in fields:
            return "https://arxiv.org/abs/" + fields["eprint"]
        return fields.get("url", self.address("book/bibliography")).replace("(", "%28").replace(")", "%29")


def _who(entry):
    """The authors as a citation names them: one, two, or the first *et al.*"""
    names = [Text.from_latex(" ".join(person.prelast_names + person.last_names)) for person in entry.persons["author"]]
    first, *others = [str(name) for name in names]
    if not others:
        return first
    return f"{first} and {others[0]}" if len(others) == 1 else f"{first} *et al.*"


def _make_anchor(label):
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _term_anchor(term):
    return _make_id(f"term-{term}")


def inline_html(text):
    """Words of a title as HTML: a ``<summary>`` is not read as Markdown."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def fold(title, body):
    """What stays closed until the reader opens it."""
    return f"<details>\n<summary>{inline_html(title)}</summary>\n\n{body}\n\n</details>"


def box(title, body):
    """A box with a title, or without one."""
    head = f"**{title}**\n\n" if title else ""
    return f"<blockquote>\n\n{head}{body}\n\n</blockquote>"


class Page:
    """One document on its way to plain Markdown; numbers of exercises and theorems count through it as on the site."""

    def __init__(self, book, document, figures=()):
        self.book, self.document = book, document
        found = re.search(r"/(\d+)-", document)
        self.chapter = f"{int(found[1])}." if found else ""
        text = book.documents[document]
        self.exercises = self._count(text, r"^[`:]{3,}\{exercise\}[^\n]*\n(?:[`:]*:[^\n]*\n)*?:label: (\S+)")
        self.theorems = {kind: {} for kind in THEOREMS}
        for kind in THEOREMS:
            self.theorems[kind] = self._count(text, rf"^[`:]{{3,}}\{{prf:{kind}\}}[^\n]*\n(?:[^\n]*\n)*?:label: (\S+)")
        self.figures = {name: f"{self.chapter}{place}" for place, name in enumerate(figures, 1)}

    def _count(self, text, pattern):
        return {label: f"{self.chapter}{place}" for place, label in enumerate(re.findall(pattern, text, re.M), 1)}

    # -- blocks ------------------------------------------------------------------------------------------------------
    def markdown(self, source):
        """The text in plain Markdown. Raises LookupError, with what to do, for a role or directive that is new here."""
        blocks, prose, lines = [], [], source.split("\n")
        while lines:
            fence = FENCE.match(lines[0])
            if fence is None and not lines[0].startswith(">"):
                prose.append(lines.pop(0))
                continue
            blocks.append(self._prose("\n".join(prose)))
            prose = []
            blocks.append(self._fenced(lines, fence) if fence else self._quoted(lines))
        blocks.append(self._prose("\n".join(prose)))
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(block for block in blocks if block)).strip("\n")

    def _quoted(self, lines):
        """Take a quotation off the lines; return it as a box."""
        quoted = []
        while lines and lines[0].startswith(">"):
            quoted.append(re.sub(r"^> ?", "", lines.pop(0)))
        return box("", self.markdown("\n".join(quoted)))

    def _fenced(self, lines, fence):
        """Take a fenced block off the lines; return it in plain Markdown."""
        mark, info = fence.groups()
        first, body = lines.pop(0), []
        closing = re.compile(rf"{re.escape(mark[0])}{{{len(mark)},}}\s*$")
        while lines and not closing.match(lines[0]):
            body.append(lines.pop(0))
        if not lines:
            raise LookupError(f"{self.document}: {first!r} is never closed; close it with {mark}")
        last = lines.pop(0)
        directive = re.match(r"\{([\w:-]+)\}\s*(.*)$", info)
        if directive is None:
            return "\n".join([first, *body, last])
        options = {}
        while body and (found := re.match(r":([\w-]+):\s*(.*)$", body[0])):
            options[found[1]] = found[2]
            body.pop(0)
        return self._directive(directive[1], directive[2].strip(), options, "\n".join(body).strip("\n"))

    def _predict(self, body):
        """A box of predictions: what is asked, and in a fold what is right and why the other answers are tempting."""
        from momentum_lib.widgets import predict

        questions = predict.parse(body)
        many = len(questions) > 1
        lines = [(f"**{k}.** " if many else "") + predict.asked(question) for k, question in enumerate(questions, 1)]
        said = [
            (f"**{k}.** " if many and not place else "") + words
            for k, question in enumerate(questions, 1)
            for place, (_, words) in enumerate(predict.answered(question))
        ]
        open_this = fold("Then open this", self.markdown("\n\n".join(said)))
        return box("", self.markdown("\n\n".join(lines))) + "\n\n" + open_this

    def _directive(self, name, argument, options, body):
        title = self._inline(argument)
        if name in ("dropdown", "toggle"):
            return fold(title or "Open this", self.markdown(body))
        if name == "predict":
            return self._predict(body)
        if name == "admonition":
            make = fold if "dropdown" in options.get("class", "") else box
            return make(title, self.markdown(body))
        if name in BOXES:
            words = "" if name in ("margin", "sidebar") else {"seealso": "See also"}.get(name, name.capitalize())
            return box(words, self.markdown("\n\n".join(filter(None, (argument, body)))))
        if name == "exercise":
            return box(f"Exercise {self.exercises[options['label']]}: {title}", self.markdown(body))
        if name == "solution":
            return fold(f"Solution to exercise {self.exercises[argument]}", self.markdown(body))
        kind = name.removeprefix("prf:")
        if kind in THEOREMS:
            return box(f"{kind.capitalize()} {self.theorems[kind][options['label']]} ({title})", self.markdown(body))
        if kind == "proof":
            return self.markdown(f"*Proof.* {body}")
        if name == "math":
            return f"$${body.strip()}$$"
        raise LookupError(
            f"{self.document}: the directive {{{name}}} is not known to book/_gen/_myst.py; say there, in `_directive`, how "
            "every notebook client can show it, or write it otherwise"
        )

    # -- lines -------------------------------------------------------------------------------------------------------
    def _prose(self, text):
        text = re.sub(r"^\([\w-]+\)=[ \t]*\n?", "", text, flags=re.M)
        text = re.sub(r"^\{[.#][^}\n]*\}[ \t]*\n?", "", text, flags=re.M)
        text = re.sub(r"^(?:%.*|\+\+\+.*)\n?", "", text, flags=re.M)
        text = re.sub(r"^(\S.*)\n: +((?:.+\n?)+)", self._definition, text, flags=re.M)
        return self._inline(text).strip("\n")

    @staticmethod
    def _definition(found):
        words, said = found[1].strip(), found[2].strip()
        return f"**{words}:**\n\n{said}\n" if said.startswith("$$") else f"**{words}:** {said}\n"

    def _inline(self, text):
        text = ROLE_OR_CODE.sub(lambda found: self._role(found[1], found[3]) if found[1] else found[0], text)
        return re.sub(r"\]\(#([\w-]+)\)", lambda found: f"]({self._to_label(found[1])})", text)

    def _to_label(self, label):
        place = self.book.labels.get(label)
        if place is None:
            raise LookupError(f"{self.document}: no heading has the label {label!r}")
        return self.book.address(place.document, place.anchor)

    def _role(self, name, text):
        words, target = split(text)
        if name == "term":
            anchor = self.book.terms.get(" ".join(target.split()).lower())
            if anchor is None:
                raise LookupError(f"{self.document}: the glossary has no {target!r}")
            return f"[{words or target}]({self.book.address('book/glossary', anchor)})"
        if name in ("cite", "cite:p", "cite:t"):
            kind = "t" if name == "cite:t" else "p"
            links = [self.book.citation(key.strip(), kind) for key in text.split(",")]
            return _list(links) if kind == "t" else f"({'; '.join(sorted(links))})"  # by name, as on the site
        if name == "doc":
            document = target.removeprefix("/") if target.startswith("/") else f"{self.document.rpartition('/')[0]}/{target}"
            return f"[{words or self.book.title(document)}]({self.book.address(document)})"
        if name == "ref":
            address = self._to_label(target)
            return f"[{words or self.book.labels[target].words}]({address})"
        if name in ("numref", "prf:ref"):
            return self._number(words, target)
        if name == "download":
            place = self.book.root / Path(self.document).parent / target
            inside = place.resolve().relative_to(self.book.root.resolve()).as_posix()
            folder = hashlib.md5(inside.encode(), usedforsecurity=False).hexdigest()  # as Sphinx names it
            return f"[{words or place.name}]({self.book.site}_downloads/{folder}/{place.name})"
        if name == "set":  # words that move a figure on the page
            return words or text
        if name in ("sub", "sup", "kbd"):
            return f"<{name}>{text}</{name}>"
        raise LookupError(
            f"{self.document}: the role {{{name}}} is not known to book/_gen/_myst.py; say there, in `_role`, how every notebook "
            "client can show it, or write it otherwise"
        )

    def _number(self, words, target):
        kinds = {"Fig.": self.figures, "Exercise": self.exercises}
        kinds |= {kind.capitalize(): numbers for kind, numbers in self.theorems.items()}
        for kind, numbers in kinds.items():
            if target in numbers:
                return words.replace("%s", numbers[target]) if words else f"{kind} {numbers[target]}"
        raise LookupError(f"{self.document}: no figure, theorem or exercise of this page is called {target!r}")


def _list(links):
    return links[0] if len(links) == 1 else ", ".join(links[:-1]) + " and " + links[-1]
