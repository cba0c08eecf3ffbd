"""Code broken on purpose, for the tests of the tests: one place of a module changed, and everything put back afterwards.

A mutant says where it is (``module`` or ``module.function``), what stands there and what is wrong instead: two snippets, found
by what they mean (see ``syntax``), so that another layout or other names of local variables break no mutant.
"""

import sys
import warnings
from pathlib import Path

import pytest
from syntax import python_mutant

NOTICED = (AssertionError, ValueError, IndexError, pytest.fail.Exception)


class Swap:
    """A module of a package with one place changed, for the length of a ``with`` block.

    The module is run anew with the wrong code; every name in the modules of its package, and in
    ``users``, that held one of its functions or classes gets the wrong one.
    """

    def __init__(self, package, where, right, wrong, users=()):
        self.module, self.users = sys.modules[f"{package}.{where.partition('.')[0]}"], users
        path = Path(self.module.__file__)
        self.code = compile(python_mutant(path.read_text("utf-8"), where, right, wrong), str(path), "exec")

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
