"""``python -m momentum_lib.records``: verify and show records; `python -m momentum_lib.train` replays them."""

import argparse
import json
import sys
from pathlib import Path

from . import RecordError, load, verify


def main(argv=None):
    """The command line.  Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m momentum_lib.records", description="Check recorded experiments.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {"verify": "recompute the summary, check fields, hashes and budgets", "show": "print question, command and summary"}
    for name, words in helps.items():
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    action = {"verify": verify_file, "show": show}[arguments.command]
    try:
        for path in arguments.files:
            action(path)
    except (RecordError, OSError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 1
    return 0


def verify_file(path):
    record = verify(load(path))
    print(f"{path}: verified, {len(record['rows'])} rows, recorded {record['recorded']} on {record['device']}")


def show(path):
    record = load(path)
    print(f"{record['question']}\n{record['command']}\n{json.dumps(record['summary'], indent=1)}")


if __name__ == "__main__":
    sys.exit(main())
