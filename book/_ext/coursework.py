"""The notebooks that people download: chapters to run, the students' copies of the problem sets, and their solutions.

A chapter's is its reader's edition (book/_gen/reader.py), the same that Colab opens. Students' copies are made from the masters
at every build and never committed, so that no solution can stay behind in one. The masters are the practice edition: public,
with their solutions (momentum_lib.grade.editions makes those that are graded).
"""

import shutil
from pathlib import Path


def write(app, error):
    """Write ``notebooks/NAME.ipynb`` below the built site for every chapter, and for every master ``homework/NAME.ipynb`` and
    ``homework/NAME-solutions.ipynb``.
    """
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
            shutil.copyfile(path, Path(app.outdir) / "homework" / f"{path.stem}-solutions.ipynb")


def setup(app):
    app.connect("build-finished", write, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
