"""Write the colour of every symbol that the text colours: \textcolor{#hex}{\beta} wears what momentum_lib/notation.py says.

    python book/_gen/colours.py            rewrite notebooks and pages
    python book/_gen/colours.py --check    write nothing; exit 1 if a symbol wears another colour

The hex stands in the notebooks, since Colab and JupyterLab know no colours by name; the author may write any, it is the symbol
that decides. The site's dark page swaps each hex for its dark counterpart (`look_css` in momentum_lib/codegen.py).
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from momentum_lib.notation import colour_of  # noqa: E402

COLOURED = re.compile(r"(textcolor\{)(#?\w*)(\}\{)((?:[^{}]|\{[^{}]*\})*)(?=\})")


def files(root=ROOT):
    """The notebooks and pages whose text people write."""
    return [*sorted((root / "notebooks").rglob("*.ipynb")), *sorted((root / "book").glob("*.md"))]


def coloured(text):
    """The text with each coloured symbol in its own colour. Raises LookupError for a symbol that has none."""

    def wear(found):
        opening, _, between, symbol = found.groups()
        return opening + colour_of(symbol.replace("\\\\", "\\")) + between + symbol  # a notebook's file doubles its backslashes

    return COLOURED.sub(wear, text)


def main(arguments, root=ROOT):
    status = 0
    for path in files(root):
        text = path.read_text("utf-8")
        try:
            new = coloured(text)
        except LookupError as error:
            print(f"{path.relative_to(root)}: {error}")
            status = 1
            continue
        if new == text:
            continue
        if "--check" in arguments:
            print(f'{path.relative_to(root)}: a symbol wears another colour than notation.py says; run "make generate".')
            status = 1
        else:
            path.write_text(new, "utf-8")
            print(f"wrote {path.relative_to(root)}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
