"""Arithmetic over named sizes, as manifests write it: ``"8 * n"``, ``"4 * heads * length**2"``.

Nothing but numbers, names, operators and five functions is understood; nothing is executed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

MAX_LENGTH = 200
MAX_EXPONENT = 8

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log2": math.log2,
}


class FormulaError(ValueError):
    """The formula is not arithmetic, names an unknown size, or has no finite value."""


def evaluate(formula: str, sizes: Mapping[str, float]) -> float:
    """The formula's value, a finite float. Raises FormulaError."""
    if len(formula) > MAX_LENGTH:
        raise FormulaError("formula too long")
    try:
        value = _value(ast.parse(formula, mode="eval").body, sizes)
    except FormulaError as error:
        raise FormulaError(f"{formula!r}: {error}") from None
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise FormulaError(f"{formula!r}: {error}") from None
    if not math.isfinite(value):
        raise FormulaError(f"{formula!r}: not a finite number")
    return value


def _value(node: ast.expr, sizes: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        if isinstance(node.value, bool):
            raise FormulaError("a truth value is not a number")
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in sizes:
            raise FormulaError(f"unknown size {node.id!r}")
        return float(sizes[node.id])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, sizes)
    if isinstance(node, ast.BinOp):
        return _binary(node, sizes)
    if isinstance(node, ast.Call):
        return _call(node, sizes)
    raise FormulaError(f"{type(node).__name__} is not arithmetic")


def _binary(node: ast.BinOp, sizes: Mapping[str, float]) -> float:
    operation = _BINARY.get(type(node.op))
    if operation is None:
        raise FormulaError(f"{type(node.op).__name__} is not arithmetic")
    left, right = _value(node.left, sizes), _value(node.right, sizes)
    if isinstance(node.op, ast.Pow):
        if abs(right) > MAX_EXPONENT:
            raise FormulaError("exponent too large")
        if left < 0 and right != int(right):
            raise FormulaError("root of a negative number")
    return operation(left, right)


def _call(node: ast.Call, sizes: Mapping[str, float]) -> float:
    if not isinstance(node.func, ast.Name) or node.keywords or not node.args:
        raise FormulaError("only plain function calls are understood")
    function = _FUNCTIONS.get(node.func.id)
    if function is None:
        raise FormulaError(f"unknown function {node.func.id!r}")
    arguments = [_value(argument, sizes) for argument in node.args]
    if len(arguments) > 1 and node.func.id not in ("min", "max"):
        raise FormulaError(f"{node.func.id} takes one argument")
    if len(arguments) == 1 and node.func.id in ("min", "max"):
        raise FormulaError(f"{node.func.id} takes several arguments")
    return float(function(*arguments))
