"""A sweep's inner loop, printed from the rule's and the surface's own text: as C, and as NumPy that writes in place.

``program``   the rule on the surface as one straight-line program
``in_c``      the program as C; ``build`` compiles it, keeps the machine code and loads it
``in_numpy``  the program as NumPy calls that write into arrays they are given
``lookup``    what no run's state enters, such as ``beta1**t`` or ``cos(angle)``: computed beforehand, looked up

A C compiler (cc, gcc or clang) is called when something is compiled, never before; ``missing()`` says why there is none.
"""

from .program import Program, Unprintable, printed

__all__ = ["Program", "Unprintable", "cache_folder", "missing", "printed"]


def missing():
    """Why nothing can be compiled on this machine, as a sentence; None if it can."""
    from . import build

    return build.missing()


def cache_folder():
    """Where compiled kernels are kept, as a Path; None if the environment variable ``MOMENTUM_CACHE`` is empty.

    ``MOMENTUM_CACHE`` names another folder.  Without it: ``momentum_lib`` in the platform's place
    for caches (``~/.cache`` or ``$XDG_CACHE_HOME``; ``~/Library/Caches``; ``%LOCALAPPDATA%``).
    Nothing is lost if you delete the folder.
    """
    from . import build

    return build.cache_folder()
