"""The notebooks that people download: chapters to run, and the students' copies of the problem sets.

A chapter's is its reader's edition (book/_gen/reader.py), the same that Colab opens. Students' copies are made from the masters
at every build and never committed, so that no solution can stay behind in one.
"""

import shutil
from pathlib import Path


def write(app, error):
    """Write ``notebooks/NAME.ipynb`` below the built site for every chapter, ``homework/NAME.ipynb`` for every master."""
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.srcdir, "book", "reader").glob("*.ipynb")):
        (Path(app.outdir) / "notebooks").mkdir(exist_ok=True)
        shutil.copyfile(path, Path(app.outdir) / "notebooks" / path.name)
    masters = sorted(Path(app.srcdir, "notebooks", "homework").glob("[0-9]*.ipynb"))
    if masters:
        from momentum_lib.grade.problem_set import Master, write_copy

        for path in masters:
            write_copy(Master(path), Path(app.outdir) / "homework")


def setup(app):
    app.connect("build-finished", write, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
