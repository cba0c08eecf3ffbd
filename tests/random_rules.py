"""Random rules, as texts: names, constants and nestings that an author may write, and some that must be refused."""

import itertools
import keyword
import linecache
from typing import NamedTuple

from hypothesis import strategies as st

from momentum_lib import core, ops
from momentum_lib.printing.javascript import KEYWORDS
from momentum_lib.printing.syntax import CALLS

PYTHONS = {*keyword.kwlist, "return", "function", "const", "let"}
RESERVED = sorted({name for name in KEYWORDS.split() if not keyword.iskeyword(name)})
HELPERS = ["square", "cube", "Math"]
ENGINES = ["look", "look0a", "next_v", "steps", "out", "i", "k", "x", "state", "theta_", "fixed_0", "points", "lr_all"]
LOCALS = ["a", "b", *HELPERS, *ENGINES, *RESERVED[::2], *["theta", "grad", "square", "cube", "lr", "beta", "t"] * 3]
SLOTS = ["v", "s", "new", "look", "square", "x", "next_v", "var", "t"]
SETTINGS = ["beta", "gate", "damping"]
BAD_SETTINGS = ["default", "steps", "square", "k", "bound", "lr_all"]
CONSTANTS = ["0", "1", "2", "3", "0.5", "2.0", "1.23456789", "1e-08", "0.1"]
numbers = itertools.count()


class Text(NamedTuple):
    """A rule's source, and what it is refused for, if anything."""

    source: str
    slots: dict
    settings: list
    look: str
    refused: str


class _Writer:
    """Writes one expression; ``exact`` names hold the same bits in every language."""

    def __init__(self, draw, names, exact):
        self.draw, self.names, self.exact = draw, names, exact

    def pick(self, options):
        return self.draw(st.sampled_from(options))

    def leaf(self, exact):
        return self.pick([name for name in self.names if not exact or name in self.exact] * 3 + CONSTANTS)

    def number(self, depth, exact=False):
        """A number; ``exact``: by operations that round alike everywhere, since a choice depends on it."""
        if depth == 0:
            return self.leaf(exact)
        a = self.number(depth - 1, exact)
        kind = self.pick(["leaf", "-", "- -", *"+-*/", "square", "sign", "max", "where", "call"] + ["rounded"] * (not exact))
        if kind in ("leaf", "-", "- -"):
            return {"leaf": a, "-": f"-({a})", "- -": f"(- -({a}))"}[kind]
        if kind == "square":
            return f"({self.number(min(depth - 1, 1), exact)}) ** {self.pick(['2', '2.0'])}"
        if kind == "sign":
            return f"sign({self.number(depth - 1, True)})"
        if kind == "call":
            return self.pick([f"absolute({a})", f"sqrt(absolute({a}))"])
        if kind == "rounded":
            low = self.number(min(depth - 1, 1), exact)
            forms = [f"sin({a})", f"cos({a})", f"exp(-absolute({a}))", f"({low}) ** 3", f"({low}) ** 3.0"]
            return self.pick([*forms, f"(1 + absolute({a})) ** -1", f"absolute({a}) ** 0.5"])
        b = self.number(depth - 1, exact)
        if kind == "where":
            sides = self.number(min(depth - 1, 1), True), self.number(min(depth - 1, 1), True)
            return f"where({sides[0]} {self.pick(['<', '<=', '>', '>='])} {sides[1]}, {a} + 0 * theta, {b})"
        if kind == "max":
            return f"maximum({a}, {b})"
        return f"({a}) / (1 + ({b}) ** 2)" if kind == "/" else f"({a}) {kind} ({b})"


@st.composite
def rules(draw, fault="", slots=SLOTS, least=0):
    """A :class:`Text` with ``least`` to two of the slots; ``fault``: with what must be refused."""
    slots = draw(st.lists(st.sampled_from(slots), min_size=least, max_size=2, unique=True))
    settings = draw(st.lists(st.sampled_from(SETTINGS), max_size=2, unique=True))
    uses_t = "t" not in slots and draw(st.booleans())
    if fault == "name":
        settings.append(draw(st.sampled_from([name for name in BAD_SETTINGS if name not in slots])))
    arguments = ["theta", "grad", *slots, "lr", *settings, *(["t"] if uses_t else [])]
    write = _Writer(draw, list(arguments), set(arguments))
    lines = []
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(LOCALS))
        array = f" + 0 * {name}" if name in ("theta", "grad") else ""  # these stay as many numbers as there are coordinates
        lines.append(f"{name} = {write.number(draw(st.integers(1, 3)))}{array}")
        write.exact.discard(name)
        write.names += [name] * (name not in write.names)
    after = [write.number(2) for _ in slots]
    used = [f" + ({name} + theta) ** {draw(st.integers(2, 3))}" for name in write.names if name in (*HELPERS, *slots)]
    answer = ", ".join([f"theta - lr * grad + {write.number(3)}{''.join(used)}", *(f"0 * grad + {a}" for a in after)])
    if fault == "True":
        lines.append(f"chosen = where(True, {write.leaf(False)}, {write.leaf(False)})")
    if fault == "truth":
        lines.append("chosen = (grad > 0) + (theta > 0)")
    head = "".join(f", {name}" for name in slots)
    keys = ", ".join(["lr", *(f"{name}=0.75" for name in settings), *(["t"] if uses_t else [])])
    body = "\n    ".join([*lines, f"return {answer}"])
    source = f"def random_rule(theta, grad{head}, *, {keys}):\n    {body}\n"
    look = ""
    if draw(st.booleans()):
        there = _Writer(draw, ["theta", *slots, "lr", *settings], {"theta", *slots, "lr", *settings})
        name = draw(st.sampled_from([name for name in LOCALS if name not in ("lr", "theta", *settings)]))
        first = there.number(2)
        there.names.append(name)
        keys = ", ".join(["lr", *settings])
        look = f"def look(theta{head}, *, {keys}):\n    {name} = {first}\n    return theta + lr * ({name}) + {there.number(1)}\n"
    return Text(source, dict.fromkeys(slots, 0), settings, look, fault)


def made(text):
    """The :class:`core.Rule` of a text, with a source that ``inspect`` finds."""
    scope = {name: getattr(ops, name) for name in ("where", *CALLS)}
    for source in filter(None, (text.source, text.look)):
        file = f"random_rule_{next(numbers)}.py"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), scope)
    rule = core.Rule(scope["random_rule"], text.slots, family="momentum", title=None, same_as=None)
    if text.look:
        rule.looks_at(scope["look"])
    return rule


def forget():
    """Drop the sources that ``made`` left."""
    for file in [file for file in linecache.cache if file.startswith("random_rule_")]:
        del linecache.cache[file]
