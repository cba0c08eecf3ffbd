"""One expression in a language with C's operators; JavaScript and C differ in names, calls and powers."""

import ast

from .syntax import CHOOSE, COMPARE, PRECEDENCE

SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class Infix:
    """A printer: ``Infix().print(expression)``.  A language says how it writes names, constants, calls and powers."""

    equal = "=="

    def name(self, name):
        return name

    def constant(self, value):
        return repr(value)

    def call(self, name, arguments):
        raise NotImplementedError

    def power(self, base, exponent):
        raise NotImplementedError

    def attribute(self, text):
        raise TypeError(f"a rule is straight-line arithmetic; found {text!r}.")

    def compare(self, operator):
        return self.equal if isinstance(operator, ast.Eq) else COMPARE[type(operator)]

    def print(self, node, need=0):
        """The text, in parentheses where ``need`` binds tighter.  Raises TypeError for what is not arithmetic."""
        text, level = self.parts(node)
        return f"({text})" if level < need else text

    def parts(self, node):
        """The text and how tightly its outermost operator binds."""
        if isinstance(node, ast.Name):
            return self.name(node.id), 9
        if isinstance(node, ast.Constant):
            return self.constant(node.value), 9
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            text = self.print(node.operand, 3)
            return f"-({text})" if text.startswith("-") else f"-{text}", 3  # two signs together mean another thing
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            return f"{self.print(node.left, 1)} {self.compare(node.ops[0])} {self.print(node.comparators[0], 1)}", 0
        if isinstance(node, ast.Attribute):
            return self.attribute(ast.unparse(node)), 9
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CHOOSE:
            condition, yes, no = map(self.print, node.args)
            return f"({condition} ? {yes} : {no})", 9
        if isinstance(node, ast.Call):
            return self.call(ast.unparse(node.func), [self.print(a) for a in node.args]), 9
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self.power(node.left, node.right), 9
        if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            level = PRECEDENCE[type(node.op)]
            return f"{self.print(node.left, level)} {SIGNS[type(node.op)]} {self.print(node.right, level + 1)}", level
        raise TypeError(f"a rule is straight-line arithmetic; found {ast.unparse(node)!r}.")
