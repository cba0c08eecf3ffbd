"""The command of a table that the figures read and that took long to find: write it anew, or see whether it has to be."""

import sys


def command(table, fresh, made, arguments=None):
    """Write the file ``table``, or with ``--check`` say whether it is out of date. Returns the exit status.

    ``fresh``  () -> whether the file was found with the code and the settings as they are now
    ``made``   () -> the file's text, found anew as far as it has to be
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments not in ([], ["--check"]):
        print(f"usage of what writes {table.name}: [--check]", file=sys.stderr)
        return 2
    if fresh():
        return 0
    if arguments:
        print(f"{table.name} is out of date: run make generate", file=sys.stderr)
        return 1
    table.write_text(made(), encoding="utf-8")
    return 0
