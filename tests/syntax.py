"""Places in code, found by syntax: what a snippet means, not how it is typed.

A snippet is a whole expression, a statement or a few of them.  It matches code that has the same syntax tree, so that line
breaks, quotes and parentheses that change nothing are free.  A name of the module (an import, a constant, a
function), an attribute, a keyword and a number stand for themselves; **a parameter or a local variable may go by any name**,
by the same one each time.  So a renamed variable breaks no snippet.  Python is read by ``ast``, JavaScript by
``js/trees.mjs``; what finds and compares is the same for both.
"""

import ast
import builtins
import contextlib
import difflib
import functools
import json
import textwrap
from pathlib import Path
from typing import NamedTuple


class Node(NamedTuple):
    """A piece of syntax: its kind, its parts by name, where it stands, and, if it is a name, whether a function owns it."""

    kind: str
    parts: tuple = ()
    """(name, value): a node, a list of them, or a plain value."""
    where: object = None
    """What is replaced: the piece of ``ast`` in Python, (start, end) in JavaScript."""
    name: str = None
    owner: object = None
    """Of a name: the function (or block) whose variable it is; None: the module's, or nobody's."""
    title: str = None
    """Of a function, a class, a method, a constant that the module's users can see: what they call it."""


class Code(NamedTuple):
    """The syntax tree of a module (or of a snippet) and its text."""

    root: Node
    text: str
    line: callable
    """The line of a node."""
    own: frozenset
    """The names that the module itself defines or imports, outside its functions."""


def walk(node):
    """The node and everything in it."""
    yield node
    for _, part in node.parts:
        for child in part if isinstance(part, list) else [part]:
            if isinstance(child, Node):
                yield from walk(child)


# -- matching ------------------------------------------------------------------------------------------------------------


class Match(NamedTuple):
    """A place that a snippet describes: the nodes there, and what its names are called there."""

    nodes: list
    names: dict


def matches(snippet, code, inside=None):
    """Every place of ``code`` that ``snippet`` (a list of nodes) describes; ``inside``: only in what has this title."""
    found, seen = [], set()
    for root in _roots(code.root, inside):
        for run in _runs(root, len(snippet)):
            names = {}
            if all(_same(a, b, code.own, names) for a, b in zip(snippet, run)) and id(run[0]) not in seen:
                seen.add(id(run[0]))
                found.append(Match(run, {mine: theirs for mine, (theirs, owner) in names.items() if owner is not None}))
    return found


def _roots(root, inside):
    return [root] if inside is None else [node for node in walk(root) if node.title == inside]


def _runs(root, length):
    """Every node below (of a snippet of one piece), or every run of neighbours in a list."""
    if length == 1:
        yield from ([node] for node in walk(root))
        return
    for node in walk(root):
        for _, part in node.parts:
            if isinstance(part, list):
                yield from (part[k : k + length] for k in range(len(part) - length + 1))


def _same(mine, theirs, own, names):
    """Whether two parts are the same syntax; ``names`` collects which variable each of the snippet's names is."""
    if isinstance(mine, list):
        alike = isinstance(theirs, list) and len(mine) == len(theirs)
        return alike and all(_same(a, b, own, names) for a, b in zip(mine, theirs))
    if not isinstance(mine, Node) or not isinstance(theirs, Node):
        return type(mine) is type(theirs) and mine == theirs
    if mine.kind != theirs.kind or len(mine.parts) != len(theirs.parts) or not _same_name(mine, theirs, own, names):
        return False
    return all(a == b and _same(one, other, own, names) for (a, one), (b, other) in zip(mine.parts, theirs.parts))


def _same_name(mine, theirs, own, names):
    """Whether two names may be one variable: a function's own goes by any name, the module's by its own alone."""
    variable = theirs.name, theirs.owner
    if mine.name is None or theirs.owner is None:
        return mine.name == theirs.name and (mine.name is None or names.setdefault(mine.name, variable) == variable)
    if mine.name in own or (mine.name not in names and variable in names.values()):
        return False
    return names.setdefault(mine.name, variable) == variable


def only_match(snippet, text, code, where):
    """The one place that a snippet describes; ``where`` is ``module`` or ``module.title``. No place, or several, is an error."""
    module, _, inside = where.partition(".")
    found = matches(snippet, code, inside or None)
    if len(found) == 1:
        return found[0]
    if inside and not _roots(code.root, inside):
        raise LookupError(
            f"{module} has no {inside!r} any more, where the mutant changes `{text}`: name the function that has it now."
        )
    if found:
        lines = ", ".join(str(code.line(match.nodes[0])) for match in found)
        raise LookupError(
            f"{where} has `{text}` {len(found)} times (lines {lines}); a mutant changes one place: "
            "say more of it, or in which function it is."
        )
    near = difflib.get_close_matches(text, [line.strip() for line in code.text.splitlines()], 3, 0.4)
    raise LookupError(f"{where} has nothing like `{text}` any more; a mutant changes what is there. The nearest lines: {near}")


def strangers(names, match, code):
    """The names of a wrong text that mean nothing at the place: neither the right text's variables nor the module's."""
    return sorted(set(names) - set(match.names) - code.own)


# -- Python --------------------------------------------------------------------------------------------------------------


@functools.cache
def python(text):
    """The tree of a Python text."""
    parsed = ast.parse(text)
    owners = _owners(parsed)
    own = _bound(parsed) | {alias.asname or alias.name for piece in parsed.body for alias in getattr(piece, "names", ())}
    return Code(_node(parsed, owners), text, lambda node: getattr(node.where, "lineno", 1), frozenset(own))


def _snippet_pieces(text):
    """What a snippet is read as: an expression, an item of a dict, a case of a ``match``, or statements."""
    readings = [
        lambda: [ast.parse(text.strip(), mode="eval").body],
        lambda: _items(ast.parse(f"{{{text}}}", mode="eval").body),
        lambda: ast.parse(f"match _:\n{textwrap.indent(text, '  ')}").body[0].cases,
    ]
    for read in readings:
        with contextlib.suppress(SyntaxError, AttributeError):
            return read()
    return ast.parse(text).body


def _items(piece):
    return [Item(key, value) for key, value in zip(piece.keys, piece.values)]


class Item(ast.AST):
    """An item of a dict, which ``ast`` keeps as two lists."""

    _fields = ("key", "value")


def python_snippet(text):
    """The nodes of a snippet."""
    return [_node(piece, {}) for piece in _snippet_pieces(text)]


NAMED = {ast.Name: "id", ast.arg: "arg", ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name"}
NAMED |= {ast.ExceptHandler: "name", ast.MatchAs: "name", ast.MatchStar: "name"}
"""Where a piece of ``ast`` holds a variable's name."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NO_PARTS = ("ctx", "kind", "type_comment", "type_ignores", "simple")


def _node(piece, owners):
    """A piece of ``ast`` as a node."""
    if not isinstance(piece, ast.AST):
        return [_node(one, owners) for one in piece] if isinstance(piece, list) else piece
    field = NAMED.get(type(piece))
    name = getattr(piece, field) if field else None
    fields = [("items", _items(piece))] if isinstance(piece, ast.Dict) else ast.iter_fields(piece)
    parts = tuple((key, _node(value, owners)) for key, value in fields if key not in NO_PARTS and key != field)
    where = piece.value if isinstance(piece, Item) else piece
    return Node(type(piece).__name__, parts, where, name, owners.get(piece), _title(piece, owners))


def _title(piece, owners):
    if isinstance(piece, ast.Assign) and isinstance(piece.targets[0], ast.Name):
        piece = piece.targets[0]
    elif not isinstance(piece, (*FUNCTIONS[:2], ast.ClassDef)):
        return None
    return getattr(piece, NAMED[type(piece)]) if owners.get(piece) is None else None


def _owners(tree):
    """The function (or comprehension) that owns each name of a module, for all names that are not the module's."""
    found = {}
    _resolve(tree.body, [], found)
    return found


def _resolve(pieces, scopes, found):
    """Go through pieces of one scope; ``scopes``: (owner, its names), the innermost last."""
    for piece in pieces:
        if type(piece) in NAMED:
            owner = _owner(getattr(piece, NAMED[type(piece)]), scopes)
            if owner is not None:
                found[piece] = owner
        if isinstance(piece, FUNCTIONS):
            outside = [*getattr(piece, "decorator_list", []), *piece.args.defaults, *filter(None, piece.args.kw_defaults)]
            _resolve(outside, scopes, found)
            _resolve(_inner(piece), [*scopes, (piece, _bound(piece))], found)
        elif isinstance(piece, COMPREHENSIONS):
            _resolve([piece.generators[0].iter], scopes, found)
            _resolve(_inner(piece), [*scopes, (piece, _bound(piece))], found)
        elif isinstance(piece, ast.ClassDef):
            _resolve([*piece.decorator_list, *piece.bases, *piece.keywords], scopes, found)
            _resolve(piece.body, [*scopes, (None, _bound(piece))], found)
        else:
            _resolve(ast.iter_child_nodes(piece), scopes, found)


def _owner(name, scopes):
    """The innermost scope that has the name; a class shows its names to itself alone."""
    for depth, (owner, names) in enumerate(reversed(scopes)):
        if name in names and (owner is not None or depth == 0):
            return owner
    return None


def _inner(piece):
    """What stands in a scope of its own."""
    if isinstance(piece, ast.Lambda):
        return [*_arguments(piece.args), piece.body]
    if isinstance(piece, FUNCTIONS):
        return [*_arguments(piece.args), *piece.body]
    first = piece.generators[0]
    value = [piece.key, piece.value] if isinstance(piece, ast.DictComp) else [piece.elt]
    return [*value, first.target, *first.ifs, *piece.generators[1:]]


def _arguments(args):
    return [*args.posonlyargs, *args.args, *filter(None, [args.vararg]), *args.kwonlyargs, *filter(None, [args.kwarg])]


def _bound(scope):
    """The names that a scope binds itself, without what it imports: an imported name stands for itself."""
    names, other = set(), set()
    waiting = list(scope.body if isinstance(scope, (ast.ClassDef, ast.Module)) else _inner(scope))
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, (ast.Global, ast.Nonlocal)):
            other |= set(piece.names)
        elif type(piece) in NAMED and (not isinstance(piece, ast.Name) or not isinstance(piece.ctx, ast.Load)):
            names.add(getattr(piece, NAMED[type(piece)]))
        if isinstance(piece, COMPREHENSIONS):
            waiting += [part.target for part in ast.walk(piece) if isinstance(part, ast.NamedExpr)]
        elif not isinstance(piece, (*FUNCTIONS, ast.ClassDef)):
            waiting += ast.iter_child_nodes(piece)
    return names - other - {None}


@functools.cache
def python_mutant(text, where, right, wrong):
    """The tree of a module with one place, described by ``right``, as ``wrong`` has it."""
    code = python(text)
    match = only_match(python_snippet(right), right, code, where)
    places = {id(node.where) for node in match.nodes}
    new = _pieces(wrong, match, code)
    fresh = ast.parse(text)  # the tree that is read stays as it is
    old = [piece for read, piece in zip(ast.walk(code.root.where), ast.walk(fresh)) if id(read) in places]
    for piece in new:
        for part in ast.walk(piece):
            ast.copy_location(part, old[0])
    return _Replace(old, new).visit(fresh)


def _pieces(wrong, match, code):
    """The wrong text's pieces, with the names of the place."""
    pieces = _snippet_pieces(wrong)
    every = [part for piece in pieces for part in ast.walk(piece)]
    used = {part.id for part in every if isinstance(part, ast.Name)}
    bound = {part.id for part in every if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}
    bound |= {part.arg for part in every if isinstance(part, ast.arg)}
    unknown = [name for name in strangers(used - bound, match, code) if not hasattr(builtins, name)]
    if unknown:
        raise LookupError(f"`{wrong}` uses {unknown}, which mean nothing at its place: let the right text name them, too.")
    for part in every:
        field = NAMED.get(type(part))
        if field:
            setattr(part, field, match.names.get(getattr(part, field), getattr(part, field)))
    if isinstance(match.nodes[0].where, ast.stmt):
        return [ast.Expr(piece) if isinstance(piece, ast.expr) else piece for piece in pieces]
    return [piece.value if isinstance(piece, Item) else piece for piece in pieces]


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        if node is self.old[0]:
            return self.new if isinstance(node, ast.stmt) else self.new[0]
        if any(node is other for other in self.old[1:]):
            return None
        return self.generic_visit(node)


@functools.cache
def renamed_python(text):
    """The module with every parameter and local variable renamed, and printed anew."""
    tree = ast.parse(text)
    owners = _owners(tree)
    number = {}
    for piece, owner in owners.items():
        field = NAMED[type(piece)]
        setattr(piece, field, f"local_{number.setdefault((owner, getattr(piece, field)), len(number))}")
    for piece in ast.walk(tree):
        if isinstance(piece, ast.Nonlocal):
            names = {name: f"local_{count}" for (_, name), count in number.items()}
            piece.names = [names[name] for name in piece.names]
    return ast.unparse(tree)


# -- JavaScript ----------------------------------------------------------------------------------------------------------

TREES = Path(__file__).parent / "js" / "trees.mjs"


class Snippet(NamedTuple):
    """A piece of JavaScript that stands alone."""

    text: str
    nodes: list
    kind: str


class JavaScript:
    """Modules and snippets in JavaScript, all read by one call of Node; ``node`` is the fixture of that name."""

    def __init__(self, node, texts, snippets=()):
        texts, snippets = dict.fromkeys(texts), dict.fromkeys(snippets)
        read = json.loads(node(TREES, text=json.dumps({"texts": list(texts), "snippets": list(snippets)})))
        self.codes = {text: _javascript(text, tree) for text, tree in zip(texts, read["texts"])}
        self.snippets = {text: _snippet(text, found) for text, found in zip(snippets, read["snippets"])}
        self.known = set(read["known"])

    def mutant(self, text, where, right, wrong):
        """The text of a module with one place, described by ``right``, as ``wrong`` has it."""
        code = self.codes[text]
        match = only_match(self.snippets[right].nodes, right, code, where)
        new = self._renamed(self.snippets[wrong], match, code)
        start, end = match.nodes[0].where[0], match.nodes[-1].where[1]
        return text[:start] + new + text[end:]

    def _renamed(self, snippet, match, code):
        """The wrong text with the names of the place."""
        free = {node.name for piece in snippet.nodes for node in walk(piece) if node.name and node.owner is None}
        unknown = [name for name in strangers(free, match, code) if name not in self.known]
        if unknown:
            raise LookupError(
                f"`{snippet.text}` uses {unknown}, which mean nothing at its place: let the right text name them, too."
            )
        new = _with_names(snippet.text, snippet.nodes, lambda node: match.names.get(node.name, node.name))
        if snippet.kind == "declaration":
            return new.partition(" ")[2].rstrip(";")  # without `const`, which stands there once for several
        return f"({new})" if snippet.kind == "expression" else new

    def renamed(self, text):
        """The module with every parameter and local variable renamed."""
        number = {}

        def new(node):
            return node.name if node.owner is None else f"local{number.setdefault((node.owner, node.name), len(number))}"

        return _with_names(text, [self.codes[text].root], new)


def _javascript(text, tree):
    return Code(_from_json(tree["tree"]), text, lambda node: text.count("\n", 0, node.where[0]) + 1, frozenset(tree["own"]))


def _snippet(text, found):
    return Snippet(text, [_from_json(tree) for tree in found["nodes"]], found["kind"])


def _from_json(tree):
    """A node of what ``trees.mjs`` wrote."""
    if not isinstance(tree, list):
        return tree
    if not tree or isinstance(tree[0], list) or tree[0] is None:
        return [_from_json(one) for one in tree]
    kind, parts, start, end, name, owner, title = tree
    return Node(kind, tuple((key, _from_json(value)) for key, value in parts), (start, end), name, owner, title)


def _with_names(text, nodes, new):
    """The text with every variable called as ``new`` says; `{ lr }` becomes `{ lr: other }`."""
    every = [node for piece in nodes for node in walk(piece)]
    keys = {node.where for node in every if node.kind == "Identifier" and node.name is None}
    for node in sorted({node.where: node for node in every if node.name}.values(), key=lambda node: node.where, reverse=True):
        (start, end), called = node.where, new(node)
        if called != node.name:
            text = text[:start] + (f"{node.name}: " if node.where in keys else "") + called + text[end:]
    return text
