"""Formulas of the manifests: arithmetic, and nothing but arithmetic."""

from __future__ import annotations

import pytest

from gpufix.kernels.formula import FormulaError, evaluate

SIZES = {"n": 8, "m": 3.0, "heads": 64}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("12", 12),
        ("0.5", 0.5),
        ("8 * n", 64),
        ("n + m * 2", 14),
        ("-(n - 10)", 2),
        ("n / m", 8 / 3),
        ("n // m", 2),
        ("n % m", 2),
        ("2 * n**3", 1024),
        ("max(n, m) + min(n, m)", 11),
        ("ceil(n / m)", 3),
        ("log2(n) + sqrt(heads)", 11),
    ],
)
def test_arithmetic(formula: str, value: float) -> None:
    assert evaluate(formula, SIZES) == pytest.approx(value)


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "n +",
        "k",
        "True",
        "None",
        "'n'",
        "n if m else 1",
        "n < m",
        "n and m",
        "n << 2",
        "~n",
        "[n]",
        "n[0]",
        "n.real",
        "(lambda: 1)()",
        "[x for x in (1, 2)]",
        "(n := 1)",
        "f'{n}'",
        "abs(n)",
        "max(n)",
        "ceil(n, m)",
        "max(n, key=m)",
        "max(*n)",
        "sqrt()",
        "eval('1')",
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "(1).__class__",
        "open('/etc/passwd')",
        "exec('x=1')",
        "n ** 99999999",
        "9 ** 9 ** 9 ** 9",
        "2 ** -9",
        "(-n) ** 0.5",
        "1 / 0",
        "n % 0",
        "sqrt(-1)",
        "log2(0)",
        "1e308 * 10",
        "1e400",
        "9" * 300,
        "(" * 90 + "n" + ")" * 90 + "+",
        "-" * 199 + "k",
        "n\n; import os",
        "n\0",
        "ｎ ** 2 +",
        "1j",
        "b'1'",
        "...",
        "await n",
        "yield",
    ],
)
def test_anything_else_is_refused(formula: str) -> None:
    with pytest.raises(FormulaError):
        evaluate(formula, SIZES)


def test_the_message_names_the_formula_and_the_fault() -> None:
    with pytest.raises(FormulaError, match=r"'8 \* k'.*unknown size 'k'"):
        evaluate("8 * k", SIZES)
