"""Problem sets: checks that teach, and grading that is safe.

In a notebook::

    from momentum_lib import grade

    grade.check("q2", grade.update_rule, my_step, like="heavy_ball", lr=0.001, beta=0.9)

On an instructor's machine::

    python -m momentum_lib.grade SUBMISSIONS --master notebooks/homework/1-idea.ipynb --out RESULTS

``answers``         an answer here or in the sandbox, asked in one way
``checks``          types, shapes, values, and which known mistake it is
``misconceptions``  well-known mistakes as rules of their own
``problem_set``     masters, and the student's copies that are made of them
``editions``        an instructor's own edition of a set: what varies, and how it is drawn
``sandbox``         where a student's code runs; ``stem`` and ``worker`` are the processes there, ``cells`` how it runs, ``wire``
                    what may cross, ``syscalls`` what the kernel refuses, ``usage`` what has been used
``likeness``        which answers are the published solution
``folder``          which files are submissions, and whose; ``systems`` what Canvas, Moodle and Gradescope say of them
``grading``         one submission, many submissions
``results``         tables, feedback pages; ``reading`` the page of the open questions; ``gradescope`` and ``moodle`` what these
                    two take back
``late``            late and repeated submissions; ``appeal`` points changed on appeal, and the log
"""

from .answers import Wrong
from .checks import *  # noqa: F403  what a check cell may call: `checks` has the list
from .checks import __all__ as _called


def check(question, test, *args, **kwargs):
    """Run one check in a notebook and print its sentence; a wrong answer prints what helps and stops nothing."""
    try:
        said = test(*args, **kwargs)
    except Wrong as wrong:
        print(f"{question}: not yet. {wrong}")
    else:
        print(f"{question}: {said if isinstance(said, str) else getattr(said, 'said', f'{said:g} points')}")


__all__ = ["check", *_called]
