"""One style sheet for the site: ours, KaTeX's, the live figures', and what is used of the code highlighter's.

The theme ships 500 kB of rules and 300 kB of icon fonts for its own frame; the book has a frame of its own (pages.py) and
does without them. After the pages are written, this module reads which tags, classes and ids occur in them (and which words
occur in our scripts, which may add classes), and keeps the rules that can match. The typefaces stand beside the style sheet,
as woff2 alone, with the characters that the site uses.
"""

import hashlib
import html
import re
import shutil
import string
from logging import WARNING, getLogger
from pathlib import Path

import tinycss2
from fontTools import subset
from sphinx.util import logging

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "node_modules"
STYLES = ROOT / "book" / "_static" / "styles"
THEME = ("pygments.css", "sphinx-design.min.css")
OWN = ("base.css", "chrome.css", "content.css", "tiles.css", "reference.css", "frame.css", "print.css")
FACES = [  # family as named in our style sheet, package, weight, style
    ("Source Serif 4", "source-serif-4", 400, "normal"),
    ("Source Serif 4", "source-serif-4", 400, "italic"),
    ("Source Serif 4", "source-serif-4", 600, "normal"),
    ("Source Sans 3", "source-sans-3", 400, "normal"),
    ("Source Sans 3", "source-sans-3", 600, "normal"),
    ("Source Code Pro", "source-code-pro", 400, "normal"),
]
RANGES = {
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,"
    "U+2191,"
    "U+2193,U+2212,U+2215,U+FEFF,U+FFFD",
    "greek": "U+0370-0377,U+037A-037F,U+0384-038A,U+038C,U+038E-03A1,U+03A3-03FF",
}
LEFT_OVER = [
    "locales", "images", "vendor", "scripts", "styles", "togglebutton.js", "togglebutton.css", "copybutton.js",
    "copybutton.css", "copybutton_funcs.js", "clipboard.min.js", "copy-button.svg", "check-solid.svg", "design-tabs.js",
    "sphinx-thebe.js", "sphinx-thebe.css", "sphinx-design.min.css", "exercise.css", "proof.css", "basic.css",
    "pygments.css", "play-solid.svg", "webpack-macros.html", "sbt-webpack-macros.html", "file.png", "minus.png",
    "plus.png", "searchtools.js", "doctools.js",
    "language_data.js", "sphinx_highlight.js", "documentation_options.js",
]  # fmt: skip


def _faces():
    rules = []
    for family, package, weight, style in FACES:
        for script, span in RANGES.items():
            name = f"{package}-{script}-{weight}-{style}.woff2"
            if (MODULES / "@fontsource" / package / "files" / name).exists():
                rules.append(
                    f"@font-face{{font-family:'{family}';font-style:{style};font-weight:{weight};font-display:swap;"
                    f"src:url(fonts/{name}) format('woff2');unicode-range:{span}}}"
                )
    return "\n".join(rules)


def _katex():
    text = (MODULES / "katex" / "dist" / "katex.min.css").read_text(encoding="utf8")
    return re.sub(r",url\([^)]*\.(?:woff|ttf)\) format\([^)]*\)", "", text)


def _live():
    from momentum_lib.widgets import bundle

    return bundle.styles()


def _own():
    return "\n".join((STYLES / name).read_text(encoding="utf8") for name in OWN)


def version(app):
    """Return a short hash of the style sheet's sources, for the address by which pages ask for it."""
    return hashlib.sha256((_faces() + _katex() + _live() + _own()).encode()).hexdigest()[:8]


# --- which rules can match ------------------------------------------------------------------------------------------
def _words(outdir):
    """Return every tag, class, id and attribute word of the site's pages, and every word of its scripts."""
    words = set()
    for page in outdir.rglob("*.html"):
        text = page.read_text(encoding="utf8")
        words.update(re.findall(r"<([a-zA-Z][\w-]*)", text))
        for value in re.findall(r"""\b(?:class|id)=["']([^"']*)["']""", text):
            words.update(value.split())
    scripts = STYLES.parent / "scripts"  # (the built search brings the words of all pages: its source does not)
    built = [path for name in ("live/*.js", "predict.js", "play.js") for path in (outdir / "_static").glob(name)]
    for script in [*built, *scripts.rglob("*.js")]:
        words.update(re.findall(r"[A-Za-z_][\w-]*", script.read_text(encoding="utf8")))
    return words | {"html", "body", "root", "main"}


def _can_match(selector, words):
    plain = re.sub(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)", "", selector)
    plain = re.sub(r"\[[^\]]*\]|::?[\w-]+(?:\([^)]*\))?", "", plain)
    names = re.findall(r"[.#]?-?[A-Za-z_](?:\\.|[\w-])*", plain)
    return all(name.lstrip(".#").replace("\\", "") in words for name in names)


def _selectors(prelude):
    parts, depth, start = [], 0, 0
    for i, char in enumerate(prelude):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append(prelude[start:i])
            start = i + 1
    return [p.strip() for p in [*parts, prelude[start:]]]


def _squeeze(text):
    return re.sub(r"\s*([;{}])\s*", r"\1", re.sub(r"\s+", " ", text)).strip().rstrip(";")


def _purge(rules, words):
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [s for s in _selectors(tinycss2.serialize(rule.prelude)) if _can_match(s, words)]
            body = _squeeze(tinycss2.serialize(rule.content))
            if selectors and body:
                kept.append(f"{','.join(map(_squeeze, selectors))}{{{body}}}")
        elif rule.type == "at-rule":
            prelude = _squeeze(tinycss2.serialize(rule.prelude))
            if rule.at_keyword in ("media", "supports", "container"):
                inner = _purge(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), words)
                if inner:
                    kept.append(f"@{rule.at_keyword} {prelude}{{{''.join(inner)}}}")
            elif rule.at_keyword == "font-face":
                body = _squeeze(tinycss2.serialize(rule.content))
                if "Font Awesome" not in body.replace("\\", ""):
                    kept.append(f"@font-face{{{body}}}")
            elif rule.at_keyword not in ("import", "charset") and rule.content is not None:
                kept.append(f"@{rule.at_keyword} {prelude}{{{_squeeze(tinycss2.serialize(rule.content))}}}")
    return kept


def _drop_unused(text):
    """Drop keyframes and custom properties that nothing refers to, until nothing more falls."""
    while True:
        used = set(re.findall(r"var\(\s*(--[\w-]+)", text))
        shorter = re.sub(r"(?<=[{;])(--[\w-]+):[^;{}]*(?:;|(?=}))", lambda m, used=used: m[0] if m[1] in used else "", text)
        names = set(re.findall(r"animation(?:-name)?:([^;}]*)", shorter))
        for name in re.findall(r"@keyframes ([\w-]+)", shorter):
            if not any(name in value for value in names):
                shorter = re.sub(rf"@keyframes {name}\{{(?:[^{{}}]*\{{[^{{}}]*\}})*[^{{}}]*\}}", "", shorter)
        shorter = re.sub(r"[^{};]*\{\}", "", shorter)
        if shorter == text:
            return text
        text = shorter


# --- typefaces ------------------------------------------------------------------------------------------------------
def _characters(outdir):
    """Return every character that a page or a script of the site can show."""
    characters = set(string.printable)
    for path in [*outdir.rglob("*.html"), *outdir.joinpath("_static").rglob("*.js")]:
        characters.update(html.unescape(path.read_text(encoding="utf8")))
    return characters


def _write_fonts(names, outdir):
    folder = outdir / "_static" / "fonts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    codes = sorted(map(ord, _characters(outdir)))
    getLogger("fontTools").setLevel(WARNING)  # it tells of every table
    options = subset.Options(flavor="woff2", layout_features=["*"], hinting=False, notdef_outline=True, name_IDs=["*"])
    for name in sorted(names):
        sources = [MODULES / "katex" / "dist" / "fonts" / name, *MODULES.glob(f"@fontsource/*/files/{name}")]
        font = subset.load_font(next(path for path in sources if path.exists()), options)
        if not set(codes) & set(font.getBestCmap()):
            continue  # no page uses it: its @font-face is never asked for
        worker = subset.Subsetter(options)
        worker.populate(unicodes=codes)
        worker.subset(font)
        font.flavor = "woff2"
        font.save(folder / name)


def licences():
    """The licence texts of the typefaces, of KaTeX and of MiniSearch, which must go where their files go."""
    parts = []
    for folder in (MODULES / "katex", MODULES / "minisearch", *sorted((MODULES / "@fontsource").iterdir())):
        package = folder.relative_to(MODULES).as_posix()
        text = next(folder.glob("LICENSE*")).read_text("utf8").strip()
        parts.append(f"{package}\n{'=' * len(package)}\n\n{text}\n")
    return "\n\n".join(parts)


# --- without a script -------------------------------------------------------------------------------------------------
SYSTEM = {"dark": "screen and (prefers-color-scheme:dark)", "light": "print,not all and (prefers-color-scheme:dark)"}


def _both(rules):
    """Rules, and behind each that belongs to a theme the same for a page whose theme no script has set."""
    for rule in rules:
        if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports") and rule.content is not None:
            inside = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield f"@{rule.lower_at_keyword}{tinycss2.serialize(rule.prelude)}{{{''.join(_both(inside))}}}"
            continue
        yield rule.serialize()
        if rule.type != "qualified-rule":
            continue
        for theme, asked in SYSTEM.items():
            named = [one for one in _selectors(tinycss2.serialize(rule.prelude)) if f'[data-theme="{theme}"]' in one]
            if named:
                named = ",".join(named).replace(f'[data-theme="{theme}"]', '[data-theme="system"]')
                yield f"@media {asked}{{{named}{{{tinycss2.serialize(rule.content)}}}}}"


def for_the_system(text):
    """The style sheet that follows the reader's system also where JavaScript is off."""
    return "".join(_both(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)))


# --- the build's last step ------------------------------------------------------------------------------------------
def write(app, error):
    if error is not None or app.builder.format != "html":
        return
    outdir = Path(app.outdir)
    static = outdir / "_static"
    theme = [(static / name).read_text(encoding="utf8") for name in THEME if (static / name).exists()]
    words = _words(outdir)
    sheets = [*theme, _faces(), _katex(), _own(), _live()]
    rules = [tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True) for text in sheets]
    text = for_the_system(_drop_unused("".join("".join(_purge(r, words)) for r in rules)))
    (static / "book.css").write_text('@charset "utf-8";' + text, encoding="utf8")

    (static / "licences.txt").write_text(licences(), encoding="utf8")
    _write_fonts(set(re.findall(r"url\(fonts/([\w.-]+\.woff2)\)", text)), outdir)
    for name in LEFT_OVER:
        path = static / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in [*static.rglob("*.map"), *static.rglob("*.LICENSE.txt"), *static.glob("mystnb.*.css")]:
        path.unlink()
    logger.info("style sheet: %d of %d rules' bytes kept", len(text), sum(map(len, sheets)))
