"""The students' copies of the problem sets, written into the site where the preview pages link to them.

The copies are made from the masters at every build and never committed, so that no solution can stay behind in one.
"""

from pathlib import Path


def write(app, error):
    """Write ``homework/NAME.ipynb`` below the built site for every master of the book."""
    if error is not None or app.builder.format != "html":
        return
    masters = sorted(Path(app.srcdir, "notebooks", "homework").glob("[0-9]*.ipynb"))
    if masters:
        from momentum_lib.grade.problem_set import Master, write_copy

        for path in masters:
            write_copy(Master(path), Path(app.outdir) / "homework")


def setup(app):
    app.connect("build-finished", write, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
