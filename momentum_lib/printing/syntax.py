"""What may stand in the text of a rule or a surface, and its statements."""

import ast
import inspect
import textwrap

PRECEDENCE = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.USub: 3, ast.Pow: 4}
COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==="}
CALLS = {"sqrt": "sqrt", "sign": "sign", "absolute": "abs", "sin": "sin", "cos": "cos", "exp": "exp", "maximum": "max"}
MATRIX_CALLS = ("orthogonal", "rows", "columns")  # a matrix rule may call these, too; it is printed as LaTeX only
# A closed form of the theory calls NumPy itself.
NUMPY = {f"np.{name}": name for name in ("sqrt", "sin", "cos", "exp", "log", "sinh", "abs")} | {"np.arctan2": "atan2"}
CHOOSE = ("where", "np.where")


def statements(fn, matrix=False, closed=()):
    """The function's assignments and its return value: ``([(name, expression), ...], [expression, ...])``.

    ``matrix`` allows the helpers of matrix rules.  ``closed``: the calls that a closed form of the theory may make;
    its lines that only check are left out.
    Raises TypeError for anything that is not straight-line arithmetic.
    """
    calls = closed or ["where", *CALLS, *(MATRIX_CALLS if matrix else ())]
    source = textwrap.dedent(inspect.getsource(fn))
    body = ast.parse(source).body[0].body
    if closed:
        body = [node for node in body if not isinstance(node, ast.Expr)]
    assigned, returned = [], None
    for call in (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) not in calls:
            raise TypeError(f"{fn.__name__}: a rule may call {', '.join(calls)}; found {ast.unparse(call.func)}.")
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # the docstring
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            name, value = node.targets[0], node.value
            if not isinstance(name, ast.Name):
                raise TypeError(
                    f"{fn.__name__}, line {node.lineno}: assign one name at a time; "
                    f"{ast.unparse(node)!r} would need both sides at once."
                )
            assigned.append((name.id, value))
        elif isinstance(node, ast.Return):
            returned = node.value
        else:
            raise TypeError(
                f"{fn.__name__}, line {node.lineno}: a rule is straight-line arithmetic (assignments and one return); "
                f"found {type(node).__name__}. Use where(condition, a, b) instead of if."
            )
    return assigned, list(returned.elts) if isinstance(returned, ast.Tuple) else [returned]
