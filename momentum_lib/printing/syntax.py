"""What may stand in the text of a rule or a surface, and its statements."""

import ast
import copy
import inspect
import math
import textwrap

PRECEDENCE = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.USub: 3, ast.Pow: 4}
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==="}
CALLS = {"sqrt": "sqrt", "sign": "sign", "absolute": "abs", "sin": "sin", "cos": "cos", "exp": "exp", "maximum": "max"}
# A matrix rule may call these, too, and multiply by @; it is printed as LaTeX only.
MATRIX_CALLS = ("orthogonal", "rows", "columns", "transpose", "root", "eigenvectors")
ARITY = {"where": 3, "np.where": 3, "root": 3, "maximum": 2, "np.arctan2": 2}  # every other call takes one argument
# A closed form of the theory calls NumPy itself.
NUMPY = {f"np.{name}": name for name in ("sqrt", "sin", "cos", "exp", "log", "sinh", "abs")} | {"np.arctan2": "atan2"}
CHOOSE = ("where", "np.where")


LARGEST = 2**53  # a whole number up to here is the same in every language


def statements(fn, matrix=False, closed=()):
    """The function's assignments and its return value: ``([(name, expression), ...], [expression, ...])``.

    ``matrix`` allows the helpers of matrix rules.  ``closed``: the calls that a closed form of the theory may make;
    its lines that only check are left out.
    Raises TypeError for anything that is not straight-line arithmetic: what is returned means the same in every language.
    """
    calls = closed or ["where", *CALLS, *(MATRIX_CALLS if matrix else ())]
    source = textwrap.dedent(inspect.getsource(fn))
    body = ast.parse(source).body[0].body
    if closed:
        body = [node for node in body if not isinstance(node, ast.Expr)]
    assigned, returned = [], None
    check = _Check(fn, calls)
    for call in (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) not in calls:
            raise TypeError(f"{fn.__name__}: a rule may call {', '.join(calls)}; found {ast.unparse(call.func)}.")
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # the docstring
        if returned is not None:
            check.refuse(node, "nothing may follow the return", node)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            name, value = node.targets[0], node.value
            if not isinstance(name, ast.Name):
                raise TypeError(
                    f"{fn.__name__}, line {node.lineno}: assign one name at a time; "
                    f"{ast.unparse(node)!r} would need both sides at once."
                )
            check.assign(name, value)
            assigned.append((name.id, value))
        elif isinstance(node, ast.Return):
            returned = list(node.value.elts) if isinstance(node.value, ast.Tuple) else [node.value]
            for value in returned:
                check.number(value or node)
        else:
            raise TypeError(
                f"{fn.__name__}, line {node.lineno}: a rule is straight-line arithmetic (assignments and one return); "
                f"found {type(node).__name__}. Use where(condition, a, b) instead of if."
            )
    if returned is None:
        raise TypeError(f"{fn.__name__} returns nothing; end it with a return of what comes next.")
    return assigned, returned


def one_expression(fn):
    """The one value of a function, its assignments put in where they are used; raises TypeError as :func:`statements`."""
    assigned, returned = statements(fn)
    if len(returned) != 1:
        raise TypeError(f"{fn.__name__} returns {len(returned)} values; allowed: one, a point.")
    known = {}
    for name, value in assigned:
        known[name] = _PutIn(known).visit(copy.deepcopy(value))
    return _PutIn(known).visit(copy.deepcopy(returned[0]))


def digits_of(value):
    """A constant in as few digits as say all of it."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


class _PutIn(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, known):
        self.known = known

    def visit_Name(self, node):
        return copy.deepcopy(self.known.get(node.id, node))


class _Check:
    """Refuses what one of the languages would read otherwise than Python."""

    def __init__(self, fn, calls):
        self.fn, self.calls, self.closed = fn, calls, "np.where" in calls
        parameters = inspect.signature(fn).parameters.values()
        self.kinds = {p.name: "condition" if isinstance(p.default, bool) else "number" for p in parameters}
        for name in self.kinds:
            self.spell(None, name)

    def refuse(self, node, why, found):
        line = f", line {node.lineno}" if node is not None else ""
        found = ast.unparse(found) if isinstance(found, ast.AST) else found
        raise TypeError(f"{self.fn.__name__}{line}: a rule is straight-line arithmetic; found {found!r}: {why}.")

    def spell(self, node, name):
        """Refuse a name that not every language can write, or that would hide a helper."""
        if not name.isascii():
            self.refuse(node, "write names in ASCII; symbols live in notation.py", name)

    def assign(self, name, value):
        self.spell(name, name.id)
        if name.id in self.calls:
            self.refuse(name, "this is the name of a helper; name the variable otherwise", name)
        self.kinds[name.id] = self.kind(value)

    def number(self, node):
        if self.kind(node) != "number":
            self.refuse(node, "a comparison is no number; choose numbers by where(condition, a, b)", node)

    def kind(self, node):
        """Whether an expression is a number or a condition."""
        if isinstance(node, ast.Name):
            if node.id not in self.kinds:
                self.refuse(node, f"it uses {node.id!r}, which is none of its arguments", node)
            return self.kinds[node.id]
        check = self.CHECKS.get(type(node))
        if check is None:
            self.refuse(node, "allowed are numbers, names, + - * / **, one comparison and the helpers", node)
        return check(self, node) or "number"

    def constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self.refuse(node, "write the branch that it chooses; where(condition, a, b) needs a comparison", node)
        if not isinstance(value, (int, float)) or not abs(value) < math.inf or (isinstance(value, int) and value > LARGEST):
            self.refuse(node, f"a constant is a finite number, a whole one at most {LARGEST}", node)

    def unary(self, node):
        if not isinstance(node.op, ast.USub):
            self.refuse(node, "the one sign is the minus", node)
        self.number(node.operand)

    def binary(self, node):
        product = isinstance(node.op, ast.MatMult) and "orthogonal" in self.calls  # the text of a matrix rule
        if type(node.op) not in PRECEDENCE and not product:
            self.refuse(node, "allowed are + - * / **", node)
        self.number(node.left)
        self.number(node.right)

    def compare(self, node):
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARE:
            self.refuse(node, "allowed is one comparison by < <= > >= ==", node)
        self.number(node.left)
        self.number(node.comparators[0])
        return "condition"

    def call(self, node):
        name = ast.unparse(node.func)
        wanted = ARITY.get(name, 1)
        known = name in CHOOSE or name in CALLS or name in NUMPY or name in MATRIX_CALLS
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args) or (known and len(node.args) != wanted):
            self.refuse(node, f"{name} takes {wanted} arguments, by place", node)
        numbers = node.args
        if name in CHOOSE:
            condition, *numbers = node.args
            if self.kind(condition) != "condition":
                self.refuse(condition, f"{name} needs a comparison to choose by", condition)
        for value in numbers:
            self.number(value)

    def attribute(self, node):
        if not self.closed or ast.unparse(node) != "np.pi":
            self.refuse(node, "write the number out", node)

    CHECKS = {
        ast.Constant: constant,
        ast.UnaryOp: unary,
        ast.BinOp: binary,
        ast.Compare: compare,
        ast.Call: call,
        ast.Attribute: attribute,
    }
