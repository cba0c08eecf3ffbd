"""A notebook's cells where they run: executed statement by statement, and read to see which of them a question needs."""

import ast
import asyncio
import builtins
import inspect
import linecache
import re
import symtable
from dataclasses import dataclass

TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
FUTURES = 0x1FF0000 | 0x2000  # the bits of compiled code that ``from __future__`` sets
BODY_RUNS = re.compile(r"\A(?:[ \t]*(?:#[^\n]*)?\n)*%%(?:time|capture|prun)\b[^\n]*\n")
TIMED_LINE = re.compile(r"^([ \t]*)(?:[\w, \t]+=[ \t]*)?%(?:time|prun)[ \t]+(?=\S)", re.M)
COMMAND = re.compile(r"^\s*[%!?,;/]|[?][ \t]*$|=\s*[%!]|get_ipython", re.M)


class Missing:
    """What stands where a module is not installed: it can be named and passed over, and whatever needs it fails.

    A statement that only calls it is left out; a name that it would have made is Missing, too.
    """

    def __init__(self, module):
        self.__dict__["module"] = module

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __setattr__(self, name, value):
        pass

    def refuse(self, *args, **kwargs):
        raise NotInstalled(
            f"there is no module {self.module} where notebooks are graded; write it with what the course's set-up imports"
        )

    __call__ = __getitem__ = __setitem__ = __iter__ = __enter__ = __add__ = __radd__ = __mul__ = __rmul__ = __bool__ = refuse
    __len__ = __float__ = __contains__ = __sub__ = __rsub__ = __truediv__ = __array__ = __exit__ = refuse


class NotInstalled(ImportError):
    """A module that is not there was needed."""


def needs_shell(source):
    """Whether a cell may hold what IPython understands and Python does not."""
    return COMMAND.search(source) is not None


class Cells:
    """The names of a notebook, and how its cells change them.

    ``shell`` is an IPython shell for its own commands, which then has the names, or None; ``names`` is the dict to use.
    """

    def __init__(self, shell=None, names=None):
        self.shell = shell
        self.names = shell.user_ns if shell else {} if names is None else names
        self.names["__name__"] = "__main__"
        self.names.setdefault("display", lambda *args, **kwargs: None)
        self.flags, self.loop = 0, None

    def plain(self, source):
        """The source as Python: as it stands where it is that, else as IPython reads it."""
        try:
            ast.parse(source)
            return source
        except SyntaxError:
            return source if self.shell is None else self.shell.transform_cell(source)

    def run(self, source, name, until=None, begin=lambda at: None):
        """Run a cell's statements one after the other, up to the one numbered ``until``; returns the modules that were missing.

        ``begin`` is told the number of each statement before it runs.  Raises what a statement raises.
        """
        source, missing = self.plain(source), []
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        tree = ast.parse(source, name)
        compile(tree, name, "exec", self.flags | TOP_LEVEL_AWAIT, True)  # as a whole first: a cell with an error runs nothing
        for at, statement in enumerate(single_imports(tree.body)[:until]):
            begin(at)
            try:
                self.execute(statement, name)
            except ModuleNotFoundError as error:
                if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                    raise
                missing.append(self.pass_over(statement, error.name or f"{error}"))
            except NotInstalled:
                if not isinstance(statement, (ast.Expr, ast.Assign)):
                    raise
                missing.append(self.pass_over(statement, None))
        return list(dict.fromkeys(filter(None, missing)))

    def execute(self, statement, name):
        """Run one statement; one that awaits is awaited."""
        code = compile(ast.Module([statement], []), name, "exec", self.flags | TOP_LEVEL_AWAIT, True)
        self.flags |= code.co_flags & FUTURES
        if code.co_flags & inspect.CO_COROUTINE:
            self.loop = self.loop or asyncio.new_event_loop()
            self.loop.run_until_complete(eval(code, self.names))
        else:
            exec(code, self.names)

    def pass_over(self, statement, module):
        """Make the names that a statement would have made, without the module; returns the module's name."""
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            made = [alias.asname or alias.name.split(".")[0] for alias in statement.names]
        else:
            held = [self.names.get(node.id) for node in ast.walk(statement) if isinstance(node, ast.Name)]
            module = next((value.module for value in held if isinstance(value, Missing)), module)
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            made = [leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
        for name in made:
            if not isinstance(statement, ast.Import) or name not in self.names or isinstance(self.names[name], Missing):
                self.names[name] = Missing(module or "that is needed here")
        return module


def single_imports(body):
    """The statements, with ``import a, b`` as two: one that is missing costs the other nothing."""
    return [
        ast.copy_location(ast.Import([alias]), statement) if isinstance(statement, ast.Import) else statement
        for statement in body
        for alias in (statement.names if isinstance(statement, ast.Import) else [None])
    ]


# -- which cells a question needs ----------------------------------------------------------------

ALWAYS = {"exec", "eval", "globals", "locals", "vars", "setattr", "delattr", "__import__", "get_ipython", "reload", "open"}
WRITES = {"save", "savez", "savez_compressed", "savetxt", "to_csv", "to_json", "dump", "write_text", "write_bytes", "mkdir"}
QUIET = {"plt", "grade", "display", "print"}  # what a statement may call without a trace for later cells, or for what it gives
HARMLESS = set(dir(builtins)) - ALWAYS - {"next", "map", "filter", "zip", "iter", "enumerate", "reversed"}


@dataclass
class Parts:
    """What a cell does to names: those it makes, may change, reads; which it makes by import or def; whether one cannot tell;
    which of those it makes may hold what another name holds, as (made, held)."""

    makes: set
    changes: set
    reads: set
    still: set
    doubtful: bool
    aliases: set


UNREADABLE = Parts(set(), set(), set(), set(), True, set())


def parts(source):
    """The `Parts` of a cell.  One that is no Python counts as doubtful: it runs, to say so."""
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return UNREADABLE
    makes, reads, still = set(), set(), set()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            makes.add(symbol.get_name())
        if symbol.is_imported() or (symbol.is_namespace() and symbol.is_assigned()):
            still.add(symbol.get_name())
        if symbol.is_referenced():
            reads.add(symbol.get_name())
    for scope in scopes(table):
        for symbol in scope.get_symbols():
            if symbol.is_global():
                reads.add(symbol.get_name())
                if symbol.is_declared_global() and symbol.is_assigned():
                    makes.add(symbol.get_name())
    reads |= {root(node.target) for node in ast.walk(tree) if isinstance(node, ast.AugAssign)} - {None}
    for node in tree.body:  # a name that is also assigned may hold anything
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
            still -= {leaf.id for leaf in ast.walk(node) if isinstance(leaf, ast.Name) and not isinstance(leaf.ctx, ast.Load)}
    return Parts(makes, changed(tree), reads, still, doubtful(tree, reads), aliases(tree))


def scopes(table):
    """All scopes inside a symbol table."""
    for child in table.get_children():
        yield child
        yield from scopes(child)


def root(node):
    """The name at the bottom of ``name.attribute[...]``, or None."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def changed(tree):
    """The names whose values a cell may change without assigning them: ``!name`` where that is certain."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found.add(f"!{root(node)}")
        elif isinstance(node, ast.Call):
            plain = (isinstance(node.func, ast.Name) and node.func.id in HARMLESS) or root(node.func) in QUIET
            given = [] if plain else [*node.args, *(word.value for word in node.keywords)]
            found |= {root(item) for item in given} | {root(node.func)}
        elif isinstance(node, ast.AugAssign):  # an array changes in place: v -= lr * grad
            found.add(root(node.target))
        elif isinstance(node, (ast.Assign, ast.NamedExpr)):
            held = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            found |= {root(item) for item in held}
        elif isinstance(node, (ast.For, ast.AsyncFor)) and changes_each(node):
            found |= {part.id for part in ast.walk(node.iter) if isinstance(part, ast.Name)}
    return found - {None, "!None"}


NEW = HARMLESS - {"dict", "list", "tuple", "set", "frozenset", "getattr", "max", "min", "memoryview", "sorted", "vars"}
"""What makes a new thing of what it is given, or a number: nothing of the old is held."""
VIEWS = {"asarray", "asanyarray", "array", "atleast_1d", "atleast_2d", "broadcast_to", "copy", "detach", "expand_dims", "flip"}
VIEWS |= {
    "from_numpy",
    "moveaxis",
    "nan_to_num",
    "numpy",
    "ravel",
    "reshape",
    "split",
    "squeeze",
    "swapaxes",
    "transpose",
    "view",
}
"""Functions of NumPy and torch whose answer may share its memory with what they were given."""


def aliases(tree):
    """(made, held) for each assignment after which two names may hold one thing: ``pair = [want, other]``, ``row = want[0]``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            made = {root(leaf) for target in targets for leaf in ast.walk(target) if isinstance(leaf, (ast.Name, ast.Attribute))}
            found |= {(name, other) for name in made for other in holds(node.value) if name != other}
    return {pair for pair in found if None not in pair}


def holds(node):
    """The names whose values, or parts of them, an expression's value holds: what is changed in it is changed in them."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Starred)):
        return {root(node)} if root(node) else holds(node.value)
    if isinstance(node, ast.Call):
        name, last = root(node.func), node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if (name in NEW and not last) or name in QUIET or (name in MODULES and last not in VIEWS):
            return set()
        within = holds(node.func.value) if last else set()
        return within.union(*map(holds, node.args), *(holds(word.value) for word in node.keywords)) - MODULES
    inside = {
        ast.List: ("elts",), ast.Tuple: ("elts",), ast.Set: ("elts",), ast.Dict: ("values",), ast.IfExp: ("body", "orelse"),
        ast.BoolOp: ("values",), ast.NamedExpr: ("value",), ast.Await: ("value",), ast.ListComp: ("elt", "generators"),
        ast.SetComp: ("elt", "generators"), ast.DictComp: ("value", "generators"), ast.GeneratorExp: ("elt", "generators"),
        ast.comprehension: ("iter",), ast.BinOp: ("left", "right") if listed(node) else (),
    }.get(type(node), ())  # fmt: skip
    fields = (getattr(node, field) for field in inside)
    return set().union(*(holds(part) for field in fields for part in (field if isinstance(field, list) else [field])))


def listed(node):
    """Whether a sum is one of lists, of which one is written out: ``[want] + rest`` holds what both hold."""
    sides = (getattr(node, "left", None), getattr(node, "right", None))
    return any(isinstance(side, (ast.List, ast.Tuple)) or (isinstance(side, ast.BinOp) and listed(side)) for side in sides)


def changes_each(loop):
    """Whether a loop changes in place what it goes through: ``for curve in (a, b): curve /= 2``."""
    each = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    return not each.isdisjoint(name.removeprefix("!") for statement in loop.body for name in changed(statement))


def doubtful(tree, reads):
    """Whether a cell may matter to any other: it reads or writes files, runs texts, or calls a module for its effect."""
    if reads & ALWAYS:
        return True
    imported = {alias.asname or alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
                for alias in node.names}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Attribute) and node.attr in WRITES:
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await)):
            call = node.value.value if isinstance(node.value, ast.Await) else node.value
            name = root(getattr(call, "func", call))
            if isinstance(getattr(call, "func", None), ast.Attribute) and name in (imported | MODULES) - QUIET:
                return True
    return False


MODULES = {"np", "numpy", "random", "torch", "os", "sys", "warnings", "math", "matplotlib", "mpl", "sns", "pd", "scipy"}


def plan(cells, wanted, plain=lambda source: source):
    """Which cells each question needs: ``{"slices": {question: [labels]}, "needed": [labels]}``.

    ``cells`` are (label, source, question) in order, ``wanted`` is ``{question: (names, own labels)}``.  A cell is needed that
    makes or may change a name that is needed, and then so is what it reads; a question's own cells are needed; one of which one
    cannot tell is run for every question, and counts as needed by none.
    """
    known = {}
    for label, source, _ in cells:
        try:
            known[label] = parts(TIMED_LINE.sub(r"\1", plain(BODY_RUNS.sub("", source)) if COMMAND.search(source) else source))
        except Exception:
            known[label] = UNREADABLE
    moving = {name for part in known.values() for name in part.makes - part.still}
    through = indirect(known)
    slices, needed = {}, set()
    for question, (names, own) in wanted.items():
        names, chosen = set(names), set()
        forced = {label for label in known if known[label].doubtful} | set(own)
        while True:
            held = also_called(names, known.values())
            touched = {f"!{name}" for name in held} | (held & moving)
            more = {
                label
                for label, part in known.items()
                if label not in chosen and (label in forced or part.makes & names or (part.changes | through[label]) & touched)
            }
            if not more:
                break
            chosen |= more
            names = names.union(*(known[label].reads for label in more))
        slices[question] = [label for label, _, _ in cells if label in chosen]
        needed |= {label for label in chosen if not known[label].doubtful} | set(own)
    return {"slices": slices, "needed": [label for label, _, _ in cells if label in needed]}


def also_called(names, every):
    """The names, and those under which one of the cells keeps what they hold."""
    pairs = set().union(*(part.aliases for part in every)) if every else set()
    while more := {made for made, held in pairs if held in names} - names:
        names = names | more
    return names


def indirect(known):
    """What each cell may change through a function that another cell defines: ``{label: names as in Parts.changes}``."""
    acts = {}
    for part in known.values():
        for name in part.still:
            acts[name] = acts.get(name, set()) | part.changes | {f"!{made}" for made in part.makes - part.still}
    return {
        label: set().union(*(acts.get(name, set()) for name in part.reads - part.still)) if part.reads else set()
        for label, part in known.items()
    }
