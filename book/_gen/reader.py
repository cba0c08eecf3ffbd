"""Write the reader's edition: the chapters' notebooks as Colab, JupyterLab, VS Code and GitHub show them with nothing installed.

python book/_gen/reader.py               rewrite book/reader/*.ipynb; a picture that is there stays
python book/_gen/reader.py --pictures    the same, with pictures from the notebooks' newest runs and of the live figures
python book/_gen/reader.py --check       write nothing; exit 1 if a file is stale or a figure has no picture

The chapters' source is MyST, which these clients show as code, questions and answers alike. Here the text is plain Markdown
(_myst.py), answers are closed, code is the source's letter for letter, and each figure has a picture, so that a notebook that
nobody has run yet shows no empty boxes. The files are committed because Colab opens notebooks from GitHub alone.
"""

import base64
import html
import io
import json
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_output

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE), str(HERE.parent / "_ext")]

import _myst  # noqa: E402
import executed  # noqa: E402
import live  # noqa: E402

FOLDER = ROOT / "book" / "reader"
WIDTH = 720  # pixels of the page that a picture may take
DOTS = 1080  # pixels that it has, for sharper screens
COLOURS = 64
FACE = re.compile(r'<div class="live-figure" data-figure="(\w+)" data-state="([^"]*)"')
ANSWERS = {"hide-cell", "hide-output"}  # what such a cell prints is folded on the site; here it comes when the cell is run


def notebooks():
    """The notebooks that have a reader's edition: the chapters and the errata."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


# --- pictures -------------------------------------------------------------------------------------------------------
def small(png):
    """A PNG at the edition's size and with few colours: (base64, width on the page, height on the page)."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGBA")
    share = min(1, DOTS / image.width)
    image = image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)
    wide = min(WIDTH, image.width)
    out = io.BytesIO()
    image.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode(), wide, round(image.height * wide / image.width)


def _picture(png, alt, plain):
    data, wide, high = small(png)
    size = {"width": wide, "height": high, "alt": alt}
    return new_output("display_data", {"image/png": data, "text/plain": plain}, metadata={"image/png": size})


def is_picture(output):
    """Whether an output is a picture of the edition."""
    return "image/png" in output.get("data", {})


class Pictures:
    """Where a figure's picture comes from: the edition that there is, or what was run and can be drawn now."""

    def __init__(self, path, before, fresh):
        self.path, self.fresh = path, fresh
        self.stored = {cell.id: cell.outputs for cell in before.cells if cell.cell_type == "code"} if before else {}
        self._run = None

    def _ran(self, cell):
        if self._run is None:
            run = executed.find(self.path)
            cells = executed.code_cells(run.notebook()) if run else []
            self._run = {ran.id: ran.outputs for ran in cells}
        return [output for output in self._run.get(cell.id, []) if is_picture(output)]

    def of_run(self, cell, number):
        """The picture that the cell's figure of that number (from 0) became, or None where nobody has it."""
        kept = [output for output in self.stored.get(cell.id, []) if is_picture(output)]
        if self.fresh or number >= len(kept):
            ran = self._ran(cell)
            if number < len(ran):
                alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                return _picture(base64.b64decode(ran[number].data["image/png"]), alt, ran[number].data["text/plain"])
        return kept[number] if number < len(kept) else None

    def of_live(self, cell, name, state):
        """The outputs that stand for a live figure: what to do, what it shows in words, its picture."""
        face = {"figure": name, "state": state}
        kept = self.stored.get(cell.id, [])
        if not self.fresh and kept and kept[0].metadata.get("momentum") == face:
            return kept
        from momentum_lib import widgets

        svg, title = live.drawn(ROOT / "_build" / ".live", name, state), widgets.make(name, **state).title
        alt = svg.with_suffix(".txt").read_text("utf-8")
        invitation = "This is a picture. Run this cell, and the figure moves under your hand."
        words = f"<p><b>{html.escape(title)}.</b> {invitation}</p>\n<p><small>{html.escape(alt)}</small></p>"
        plain = f"{title}. {invitation}\n{alt}"
        note = new_output("display_data", {"text/html": words, "text/plain": plain}, metadata={"momentum": face})
        return [note, _picture(svg.with_suffix(".png").read_bytes(), alt, f"A picture of the live figure {name!r}")]


# --- cells ----------------------------------------------------------------------------------------------------------
class Edition:
    """One notebook's reader's edition, made from its source."""

    def __init__(self, book, path, before=None, fresh=False):
        self.source = nbformat.read(path, as_version=4)
        self.document = path.relative_to(book.root).with_suffix("").as_posix()
        named = [found for cell in self.source.cells if (found := _figure(cell)) is not None]
        self.page = _myst.Page(book, self.document, [figure.get("name", "") for figure in named])
        # A page that is no chapter has figures, too; on the site their numbers depend on the pages before it.
        number = "Fig. {}{}" if self.page.chapter else "Figure"
        self.number = {id(figure): number.format(self.page.chapter, place) for place, figure in enumerate(named, 1)}
        self.book = book
        self.pictures = Pictures(path, before, fresh)
        self.missing = []

    def notebook(self):
        """The edition; ``missing`` then names the cells whose figure has no picture."""
        cells = [self._head()]
        for cell in self.source.cells:
            cells += self._code(cell) if cell.cell_type == "code" else [self._text(cell)]
        made = nbformat.v4.new_notebook(cells=cells)
        # No course, no authors' fields; Colab lists the sections by itself.
        made.metadata = {key: self.source.metadata[key] for key in ("kernelspec", "language_info")}
        made.metadata["colab"] = {"toc_visible": True}
        made.nbformat, made.nbformat_minor = 4, 5
        return made

    def _head(self):
        site, title = self.book.site, self.book.config["title"]
        where = f"Chapter {self.page.chapter.rstrip('.')} of" if self.page.chapter else "A page of"
        words = (
            f"{where} [{title}]({site}), a copy to run; [read it on its page]({self.book.address(self.document)}), where the "
            "figures move without a kernel.\n\n"
            "Run the first cell, then the others from top to bottom (in Colab: *Runtime*, *Run all*). A ▸ opens what is folded.\n"
            "In a notebook that you saved and open again, a figure may be a picture: run its cell, and it moves.\n\n"
            "<!-- Generated by book/_gen/reader.py from the chapter's source. Do not edit. -->"
        )
        return _cell(new_markdown_cell(words), "about-this-copy")

    def _text(self, cell):
        return _cell(new_markdown_cell(self.page.markdown(cell.source)), cell.id)

    def _code(self, cell):
        tags = set(cell.metadata.get("tags", []))
        outputs = [] if tags & ANSWERS else self._outputs(cell)
        made = _cell(nbformat.v4.new_code_cell(cell.source, outputs=outputs), cell.id)
        if tags & {"hide-input", "hide-cell", "remove-input"}:
            made.metadata = {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab's word, then JupyterLab's
        if not (figure := _figure(cell)):
            return [made]
        words = f"**{self.number[id(figure)]}.** {self.page.markdown(figure['caption'])}"
        return [made, _cell(new_markdown_cell(words), f"{cell.id}-caption")]

    def _outputs(self, cell):
        made, figures = [], 0
        for output in cell.outputs:
            data = output.get("data", {})
            face = FACE.search(data.get("text/html", ""))
            if face:
                made += self.pictures.of_live(cell, face[1], json.loads(html.unescape(face[2])))
            elif "<Figure size" in data.get("text/plain", ""):
                picture = self.pictures.of_run(cell, figures)
                figures += 1
                if picture is None:
                    self.missing.append(cell.id)
                made.append(picture or _uncounted(output))
            else:
                made.append(self._said(_uncounted(output)))
        return made

    def _said(self, output):
        """An output with its text in plain Markdown."""
        if "text/markdown" in output.get("data", {}):
            output.data["text/markdown"] = self.page.markdown(output.data["text/markdown"])
        return output


def _figure(cell):
    """The caption and name that a cell's metadata give its figure, or None."""
    return cell.metadata.get("mystnb", {}).get("figure")


def _cell(cell, name):
    cell.id = name
    return cell


def _uncounted(output):
    """An output of a notebook that nobody has run yet: it has no number."""
    copy = nbformat.from_dict(json.loads(json.dumps(output)))
    if copy.output_type == "execute_result":
        copy.execution_count = None
    return copy


def text(notebook):
    """A notebook as the text that is committed."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def write(fresh=False, check=False):
    """Write every edition whose text is not what it should be, and remove those without a source; return the exit status."""
    book, status, wanted = _myst.Book(ROOT), 0, set()
    for path in notebooks():
        target = FOLDER / path.name
        wanted.add(target)
        before = target.read_text("utf-8") if target.exists() else ""
        edition = Edition(book, path, nbformat.reads(before, as_version=4) if before else None, fresh)
        made = text(edition.notebook())
        if edition.missing:
            status = 1
            print(
                f'book/reader/{path.name}: no picture of {", ".join(edition.missing)}; run "make notebooks", which runs the cells'
            )
        if made != before:
            status |= check
            print(f'book/reader/{path.name} is stale; run "make generate".' if check else f"wrote book/reader/{path.name}")
            if not check:
                FOLDER.mkdir(exist_ok=True)
                target.write_text(made, "utf-8")
    for target in set(FOLDER.glob("*.ipynb")) - wanted:
        status |= check
        print(f'book/reader/{target.name} has no source; run "make generate".' if check else f"removed book/reader/{target.name}")
        if not check:
            target.unlink()
    return int(status)


def main(arguments):
    try:
        return write(fresh="--pictures" in arguments, check="--check" in arguments)
    except LookupError as error:
        if isinstance(error, KeyError | IndexError):  # a fault of the script itself
            raise
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
