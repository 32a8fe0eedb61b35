"""Byte and operation counts as formulas, and the lines that kernels print."""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

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


MAX_LINE = 1 << 16


class BadOutput(ValueError):
    """A line that looks like a result and is none."""


def objects(stdout: str) -> Iterator[dict[str, Any]]:
    """Every line that begins with a brace; a runtime's own notices are passed over."""
    for line in stdout.splitlines():
        if not line.startswith("{"):
            continue
        if len(line) > MAX_LINE:
            raise BadOutput("a line too long to be a result")
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise BadOutput(f"not JSON ({error}): {line[:200]!r}") from error
        yield value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def text(line: Mapping[str, Any], key: str, most: int = 1000) -> str:
    """A string field, clipped; "" when it is absent or something else."""
    value = line.get(key)
    return value[:most] if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number, or None (the programs print null for NaN and infinity)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError as error:
        raise BadOutput("a number beyond float's range") from error


def numbers(value: Any) -> dict[str, float]:
    """An object whose values are all numbers."""
    if not isinstance(value, dict):
        raise BadOutput("expected an object of numbers")
    read = {key: number(item) for key, item in value.items()}
    if any(item is None for item in read.values()):
        raise BadOutput(f"expected numbers: {list(read)[:10]}")
    return {key: item for key, item in read.items() if item is not None}
