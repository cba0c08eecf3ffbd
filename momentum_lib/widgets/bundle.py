"""Join the small ES modules of the live figures into one text: a script for pages, a module for Jupyter.

``python -m momentum_lib.widgets.bundle OUT.js [OUT.css]`` writes the classic script that every page of the
site shares (ES modules do not load from ``file://``) and the styles beside it.  Each module becomes a
function of its own, so that two modules may use one name.  The modules keep to one form, and anything
else is refused: ``import { a, b as c } from "./x.js";`` at the top, and ``export`` before a ``const``,
a ``function``, an ``async function`` or a ``class``.
"""

import functools
import re
import sys
from pathlib import Path

from ..notation import LOOKS

JS = Path(__file__).parent / "js"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.\.?\/[\w./-]+\.js)";\n?', re.M)
_EXPORT = re.compile(r"^export (?=(?:const|class|async function|function\*?) (\w+))", re.M)
# What `compact` must see whole: a comment, a string, the begin of a template, a slash, a line end with what is blank about it;
# inside a template's expression a brace, too.
_WHOLE = (
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<template>`)|(?P<slash>/)|(?P<space>[ \t]*\n\s*)"
)
_PIECE = re.compile(_WHOLE, re.S)
_PIECE_OR_BRACE = re.compile(_WHOLE + r"|(?P<open>\{)|(?P<close>\})", re.S)
_REGEX = re.compile(r"(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/")
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(?P<end>`|\$\{)", re.S)  # up to its end, or to an expression in it


def figure_names(folder=JS):
    """The live figures that have a module: every ``js/<name>.js`` that exports ``render``."""
    return sorted(
        p.stem for p in Path(folder).glob("*.js") if re.search(r"^export function render\(", p.read_text(encoding="utf-8"), re.M)
    )


def unmatched(classes):
    """One sentence for each figure that has a module and no class among ``classes`` (by name), or a class and no module."""
    for name in sorted({*figure_names()} - {*classes}):
        yield (
            f"js/{name}.js has no class; write momentum_lib/widgets/{name}.py and import it in momentum_lib/widgets/__init__.py."
        )
    for name in sorted({*classes} - {*figure_names()}):
        yield f"the figure {name!r} has no module; write momentum_lib/widgets/js/{name}.js, which exports render."


def path_of(name):
    """The file of the module ``name``: a figure's, or a part of the kit that figures share."""
    found = JS / f"{name}.js"
    return found if found.is_file() else JS / "kit" / f"{name}.js"


def _read(path):
    """One module: its imports (names, path), its exports, the text without either keyword."""
    text = path.read_text(encoding="utf-8")
    imports = [
        ([part.strip() for part in names.split(",") if part.strip()], (path.parent / other).resolve())
        for names, other in _IMPORT.findall(text)
    ]
    body = _IMPORT.sub("", text)
    _refuse_a_second_name(path, body)
    exports = [match[1] for match in _EXPORT.finditer(body)]
    body = _EXPORT.sub("", body)
    left = re.search(r"^(import|export)\b.*", body, re.M)
    if left:
        raise ValueError(
            f'{path.name}: {left[0]!r} cannot be joined; allowed: import {{ a, b as c }} from "./x.js"; '
            "and export before a const, a function or a class."
        )
    return imports, exports, body


def _refuse_a_second_name(path, body):
    """Raise where ``export const`` declares more than one name: only the first would be exported."""
    for match in re.finditer(r"^export const (?=[^;]*,)", body, re.M):
        depth, said = 0, []
        for kind, part in _pieces(body[match.end() :]):
            said.append(part)
            for letter in part if kind == "code" else "":
                depth += (letter in "([{") - (letter in ")]}")
                if depth == 0 and letter == ",":
                    raise ValueError(
                        f"{path.name}: 'export const {' '.join(''.join(said).split())} ...' declares a second name, which "
                        "would not be exported; allowed is one name: write export const before each."
                    )
            if kind == "code" and depth == 0 and ";" in part:
                break


def _pieces(text):
    """JavaScript in pieces (kind, text): "space", "comment", "code", or "literal" (a string,
    a regular expression, part of a template)."""
    at, before = 0, ""  # the last piece of code, by which a slash is a division or begins a regular expression
    braces = []  # for each template that we are inside an expression of: how many braces are open in that expression
    while piece := (_PIECE_OR_BRACE if braces else _PIECE).search(text, at):
        if piece.start() > at:
            before = text[at : piece.start()]
            yield "code", before
        kind, part, at = piece.lastgroup, piece[0], piece.end()
        if kind in ("space", "comment"):
            yield kind, part
            continue
        kind = "literal" if kind in ("string", "template") else kind
        into_template = part == "`"
        if kind == "slash" and (not before or before.rstrip(" ").endswith((*"(,=:[!&|?{};>", "return"))):
            kind, part = "literal", part + _REGEX.match(text, at)[0]
        elif kind in ("open", "close"):
            braces[-1] += 1 if kind == "open" else -1
            into_template = braces[-1] < 0
        if into_template:
            if part == "}":
                braces.pop()
            rest = _TEMPLATE.match(text, at)
            kind, part = "literal", part + rest[0]
            if rest["end"] == "${":
                braces.append(0)
        at = piece.start() + len(part)
        before = part
        yield "literal" if kind == "literal" else "code", part
    if at < len(text):
        yield "code", text[at:]


# Blanks beside these never matter; nor does a line end after the first kind or before the second.
_LOOSE = re.compile(r" ?([=,;:{}()\[\]<>?&|]) ?")
_NO_END_AFTER, _NO_END_BEFORE = "{([,;=:?&|", ")]}.,:?&|"


@functools.lru_cache(maxsize=128)
def compact(text):
    """The same code without comments, indentation and needless blanks: the reader of a page does not download them.

    Strings, regular expressions and templates stay as they are, and so do line ends by which JavaScript may end a statement.
    """
    out, gap = [""], ""
    for kind, part in _pieces(text):
        if kind in ("space", "comment"):
            gap = "\n" if "\n" in part + gap else ""
            continue
        part = _LOOSE.sub(r"\1", part) if kind == "code" else part
        if gap and not (out[-1].endswith((*_NO_END_AFTER,)) or part.startswith((*_NO_END_BEFORE,))):
            out.append(gap)
        out.append(part)
        gap = ""
    return "".join(out).strip() + "\n"


def _name(path):
    """The variable that holds a module, from its place below ``js``."""
    return "m_" + re.sub(r"\W", "_", path.resolve().relative_to(JS.resolve()).with_suffix("").as_posix())


def join(entries):
    """The modules ``entries`` (paths) and all they import, each once, in order, as one text of constants."""
    done, out = [], []

    def add(path, above=()):
        if path in done:
            return
        if path in above:
            raise ValueError("modules import each other in a circle: " + " -> ".join(p.name for p in (*above, path)))
        if not path.is_file():
            raise FileNotFoundError(
                f"{above[-1].name if above else 'the bundle'} wants {path}, which does not exist; run `make generate`."
            )
        imports, exports, body = _read(path)
        for _, other in imports:
            add(other, (*above, path))
        done.append(path)
        wanted = "".join(
            f"const {{ {', '.join(n.replace(' as ', ': ') for n in names)} }} = {_name(other)};\n" for names, other in imports
        )
        out.append(f"const {_name(path)} = (() => {{\n{wanted}{compact(body)}return {{ {', '.join(exports)} }};\n}})();\n")

    for entry in entries:
        add(Path(entry).resolve())
    return "".join(out)


def script(names=None):
    """The classic script of the site: every figure, or those of ``names``, mounted when the page is ready."""
    names = figure_names() if names is None else names
    joined = join([*(JS / f"{name}.js" for name in names), JS / "kit" / "host.js"])
    table = ", ".join(f"{name}: {_name(JS / f'{name}.js')}.render" for name in names)
    return (
        f'// The live figures of the course, joined by momentum_lib.widgets.bundle.\n(() => {{\n"use '
        f'strict";\n{joined}m_kit_host.startWhenReady({{ {table} }});\n}})();\n'
    )


def module(name):
    """One figure as an ES module with anywidget's default export, self-contained."""
    path = JS / f"{name}.js"
    return f"{join([path])}export default {{ render: {_name(path)}.render }};\n"


def notebook_module():
    """What every figure brings along in a notebook: a few lines that fetch the module of its class, once a page."""
    path = JS / "kit" / "notebook.js"
    return f"{join([path])}export default {{ render: {_name(path)}.render }};\n"


def plain_css(text):
    """Styles without comments and indentation."""
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.S)).lstrip()


def colours():
    """The styles that give a page the generated colours, light or dark as the page is."""
    text = (JS / "generated" / "look.css").read_text(encoding="utf-8")
    # Notebooks elsewhere say "dark" in their own words: Colab's output frame, then VS Code.
    dark = "".join(f"--look-{name}: {look.dark}; " for name, look in LOOKS.items())
    return plain_css(f'{text}html[theme="dark"], body.vscode-dark {{ {dark}}}\n')


def figure_styles():
    """The look of the live figures: each meaning's colour, dash and width, then the sheets beside this file."""
    looks = "".join(
        f'.lf [data-look="{name}"] {{ --lf-colour: var(--look-{name}); --lf-width: {look.width:g}px; --lf-dash: '
        f"{look.dash or 'none'}; }}\n"
        for name, look in LOOKS.items()
    )
    own = sorted(p for p in Path(__file__).parent.glob("*.css") if p.name != "widgets.css")
    sheets = [Path(__file__).parent / "widgets.css", *own]
    return plain_css(looks + "".join(sheet.read_text(encoding="utf-8") for sheet in sheets))


def styles():
    """All styles of a page of ours: the colours, then the look of the live figures."""
    return colours() + figure_styles()


ROOT_FONT = 16
"""Pixels of one rem in a notebook. Its page sets a root font for its own purposes, classic Notebook one of 10 pixels."""
# A notebook's page hands down more than a typeface: how blanks wrap, letters are spaced, lists are aligned.
HOST = (
    ":host { all: initial; display: block; "
    "font-family: var(--jp-content-font-family, var(--vscode-font-family, system-ui, sans-serif)); }\n"
)


def notebook_styles(more=""):
    """The look of the live figures in a notebook: nothing is handed down, and no size hangs on the page's root font.

    ``more``: a sheet that comes after theirs.
    """
    sheet = figure_styles() + plain_css(more)
    return HOST + re.sub(r"(?<![\w.])(\d*\.?\d+)rem\b", lambda size: f"{float(size[1]) * ROOT_FONT:g}px", sheet)


def main(arguments=None):
    """Write the script, and the styles where a second path is given. Returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) not in (1, 2):
        print("usage: python -m momentum_lib.widgets.bundle OUT.js [OUT.css]", file=sys.stderr)
        return 2
    for path, text in zip(map(Path, arguments), (script(), styles()), strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
