"""Modules that are imported when they are first used: drawing takes most of a sandbox's start, and few answers draw."""

import importlib
import importlib.util
import sys
import types

POSTPONE = "later"  # among the modules to import: put off those that draw
DRAWING = ("matplotlib", "matplotlib.pyplot", "momentum_lib.plot")


class Later(types.ModuleType):
    """What stands in a module's place until a name of it is asked for; from then on it has all of the module's names."""

    def __getattr__(self, name):
        if name.startswith("__") or sys.modules.get(self.__name__) is not self:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        use()
        return getattr(self, name)


def postpone(names=DRAWING):
    """Put a `Later` in the place of each of these modules that is installed and not imported yet."""
    for name in names:
        if name in sys.modules:
            continue
        package, _, last = name.rpartition(".")
        spec = importlib.util.find_spec(name) if not package or package in sys.modules else None
        if spec is not None:
            module = Later(name, f"{name}, imported when it is first used")
            module.__spec__, module.__file__ = spec, spec.origin
            if spec.submodule_search_locations is not None:
                module.__path__ = spec.submodule_search_locations
            sys.modules[name] = module
            if package:
                setattr(sys.modules[package], last, module)


def use():
    """Import what has been postponed, and give its names to what stands in its place."""
    waiting = {name: module for name, module in sys.modules.items() if isinstance(module, Later)}
    for name in waiting:
        del sys.modules[name]
    for name, module in waiting.items():
        vars(module).update(vars(importlib.import_module(name)))
