"""Write the repository's address, set once in _config.yml (repository: url:), into the files that cannot read it.

    python book/_gen/address.py            rewrite them
    python book/_gen/address.py --check    write nothing; exit 1 if a file has another address

In those files every address at github.com, every Colab address and every github.io address is the course's own.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = ("README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml", "momentum_lib/grade/misconceptions.py")
OWNER_AND_NAME = r"[\w-]+/[\w-]+(?:\.[\w-]+)*"


def owner_and_name(root=ROOT):
    """("OWNER", "NAME") of repository.url. Raises ValueError for an address of another shape."""
    text = (root / "_config.yml").read_text("utf-8")
    found = re.search(r"^repository:\s*\n(?:[ \t]+.*\n)*?[ \t]+url:[ \t]*(\S+)", text, re.M)
    address = found[1].strip("\"'") if found else None
    shape = re.fullmatch(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?", address or "")
    if not shape:
        raise ValueError(f"_config.yml: repository.url is {address!r}; it must look like https://github.com/OWNER/NAME")
    return shape.groups()


def rewrite(text, owner, name):
    """The text with every address of the course replaced by the one that is set."""
    text = re.sub(rf"https://github\.com/{OWNER_AND_NAME}", f"https://github.com/{owner}/{name}", text)
    text = re.sub(
        rf"https://colab\.research\.google\.com/github/{OWNER_AND_NAME}",
        f"https://colab.research.google.com/github/{owner}/{name}",
        text,
    )
    site = f"https://{owner}.github.io/" + ("" if name == f"{owner}.github.io" else f"{name}/")
    return re.sub(r"https://[\w-]+\.github\.io/(?:[\w.-]+/)?", site, text)


def main(arguments):
    owner, name = owner_and_name()
    stale = []
    for file in FILES:
        path = ROOT / file
        if not path.exists():
            continue
        text = path.read_text("utf-8")
        new = rewrite(text, owner, name)
        if new != text:
            stale.append(file)
            if "--check" in arguments:
                print(f'{file} has another address than _config.yml; run "make generate".')
            else:
                path.write_text(new, "utf-8")
                print(f"wrote {file}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
