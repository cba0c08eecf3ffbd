"""Ask every outside address that the course links to whether it still answers.

    python tests/links.py            ask, print what is broken, exit 1 if anything is
    python tests/links.py --list     print the addresses, ask nothing

Standard library only.  An address is broken when its host cannot be found or when it answers 404 or 410.
A publisher that turns robots away (401, 403, 405, 429, 5xx) has not lost the page, so that is printed and not counted.
The weekly workflow runs this; `make test` only checks that the list is found and that a broken address is noticed.
"""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"https?://[^\s<>\"'`\\|{}\[\]]+")
BROKEN = {404, 410}
NO_PAGE = ("http://www.w3.org/", "http://127.0.0.1", "http://localhost")


def tidy(address):
    """An address without the punctuation of the sentence around it."""
    address = address.rstrip(".,;:!?*_")
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(".,;:!?*_")
    return address


def files(root=ROOT):
    """Names of the files that git tracks; without git (an unpacked archive), of all files but environments and built ones."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if done.returncode == 0:
        return [name for name in done.stdout.decode().split("\0") if (root / name).is_file()]
    built = {".venv", "_build", "node_modules"}
    paths = (path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file())
    return [path.as_posix() for path in paths if not built & set(path.parts)]


def texts(root=ROOT):
    """(file name, text) of every text that a reader sees; of a notebook, its Markdown cells."""
    for name in files(root):
        path = root / name
        if name.endswith((".md", ".bib", ".cff")):
            yield name, path.read_text("utf-8")
        elif name.endswith(".ipynb"):
            cells = json.loads(path.read_text("utf-8"))["cells"]
            yield name, "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def addresses(sources=None):
    """Address -> sorted list of the files that link to it. DOIs and arXiv numbers of the bibliography count, too."""
    found = {}
    for name, text in texts() if sources is None else sources:
        if name.endswith(".bib"):
            text += "".join(f"\nhttps://doi.org/{doi}" for doi in re.findall(r"^\s*doi\s*=\s*\{(.+?)\}", text, re.M))
            text += "".join(
                f"\nhttps://arxiv.org/abs/{number}" for number in re.findall(r"^\s*eprint\s*=\s*\{(.+?)\}", text, re.M)
            )
        for address in map(tidy, ADDRESS.findall(text)):
            if not address.startswith(NO_PAGE):
                found.setdefault(address, set()).add(name)
    return {address: sorted(names) for address, names in sorted(found.items())}


def ask(address, timeout=30):
    """(verdict, detail): verdict is "fine", "broken" or "unsure"."""
    request = urllib.request.Request(address, headers={"User-Agent": "momentum-course link check", "Accept": "*/*"})
    for attempt in range(2):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return "fine", str(answer.status)
        except urllib.error.HTTPError as error:
            if error.code in BROKEN:
                return "broken", str(error.code)
            detail = str(error.code)
        except urllib.error.URLError as error:
            detail = str(error.reason)
            if attempt and "Name or service not known" in detail:
                return "broken", detail
        except (OSError, ValueError) as error:
            detail = str(error)
    return "unsure", detail


def main(arguments):
    found = addresses()
    if "--list" in arguments:
        print("\n".join(found))
        return 0
    with ThreadPoolExecutor(8) as pool:
        verdicts = dict(zip(found, pool.map(ask, found), strict=True))
    for verdict in ("unsure", "broken"):
        for address, (said, detail) in verdicts.items():
            if said == verdict:
                print(f"{verdict}: {address} ({detail}), linked from {', '.join(found[address])}")
    broken = sum(said == "broken" for said, _ in verdicts.values())
    print(f"{len(found)} addresses, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
