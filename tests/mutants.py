"""Code broken on purpose, for the tests of the tests: one piece of a module's text replaced, and everything put back
afterwards."""

import sys
import warnings
from pathlib import Path

import pytest

NOTICED = (AssertionError, ValueError, IndexError, pytest.fail.Exception)


def replace_once(text, right, wrong, name):
    """``text`` with ``right`` replaced; a mutant changes one place, so it must stand there once."""
    assert text.count(right) == 1, f"{name} has {right!r} {text.count(right)} times; a mutant changes one place"
    return text.replace(right, wrong)


class Swap:
    """A module with one text changed, for the length of a ``with`` block.

    The module is run anew with the wrong text; every name in the modules of its package, and in
    ``users``, that held one of its functions or classes gets the wrong one.
    """

    def __init__(self, module, right, wrong, users=()):
        path = Path(module.__file__)
        self.code = compile(replace_once(path.read_text("utf-8"), right, wrong, path.name), str(path), "exec")
        self.module, self.users = module, users

    def __enter__(self):
        package = self.module.__name__.rpartition(".")[0]
        every = [module for name, module in sys.modules.items() if name.startswith(package)] + list(self.users)
        self.saved = [(module, dict(vars(module))) for module in every]
        before = dict(vars(self.module))
        exec(self.code, vars(self.module))
        new = {id(value): vars(self.module)[name] for name, value in before.items() if not name.startswith("__")}
        for module in every:
            if module is not self.module:
                vars(module).update({name: new[id(value)] for name, value in vars(module).items() if id(value) in new})

    def __exit__(self, *_):
        for module, names in self.saved:
            vars(module).clear()
            vars(module).update(names)


def run(test, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong mathematics may overflow; what counts is the assertion
        test(*arguments)
