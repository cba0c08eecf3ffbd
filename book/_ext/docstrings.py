"""Docstrings are written to be read in a terminal; this makes the library's reference print them as they stand.

Asterisks of `*args` and of shapes such as `(2, *batch)` are no emphasis. Aligned tables of arguments (two blanks after a
name) keep their lines.
"""

import re


def _escape(line):
    pieces = re.split(r"(``[^`]*``)", line)
    pieces[::2] = [re.sub(r"(?<!\\)\*", r"\\*", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _print(app, what, name, thing, options, lines):
    out, table = [], None
    for line in map(_escape, lines):
        row = re.match(r"^(\s*)(``\S.*?``|[\w.\\*]+(?:, [\w.\\*]+)*) {2,}(\S.*)$", line)
        if row:
            if table is None and out and out[-1].strip():
                out.append("")
            table = row[1]
            line = f"{table}| {row[2]}   {row[3]}"
        elif table is not None and line.strip():
            if len(line) - len(line.lstrip()) > len(table):
                line = f"{table}  {line.strip()}"  # the row goes on
            else:
                out.append("")
                table = None
        elif table is not None:
            table = None
        out.append(line)
    lines[:] = out


def setup(app):
    app.connect("autodoc-process-docstring", _print)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
