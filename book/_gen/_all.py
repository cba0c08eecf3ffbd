"""Every generator of this folder, one after the other in one process: Python starts once, and the library is loaded once.

python book/_gen/_all.py                     write what is stale
python book/_gen/_all.py --check             write nothing; exit 1 at the first generator that finds something stale
python book/_gen/_all.py --check --but claims    the same without claims.py, which measures for twenty seconds
"""

import argparse
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))


def generators(but=()):
    """The scripts, by name. Raises SystemExit for a name in ``but`` that is none."""
    found = sorted(HERE.glob("[a-z]*.py"))
    unknown = set(but) - {path.stem for path in found}
    if unknown:
        raise SystemExit(
            f"--but: no generator is named {', '.join(sorted(unknown))}; there are {', '.join(p.stem for p in found)}"
        )
    return [path for path in found if path.stem not in but]


def status_of(script, arguments):
    """Run a script as ``python SCRIPT ARGUMENTS`` would; return its exit status."""
    sys.argv = [str(script), *arguments]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        return end.code or 0
    return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something is stale")
    parser.add_argument("--but", nargs="*", default=[], metavar="NAME", help="leave these out")
    options = parser.parse_args(arguments)
    from momentum_lib import codegen

    scripts, passed = generators(options.but), ["--check"] if options.check else []
    if status := codegen.main(passed):
        return status
    return next((status for script in scripts if (status := status_of(script, passed))), 0)


if __name__ == "__main__":
    sys.exit(main())
