"""Whether a setup.py compiles anything by itself; read, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# Keywords of setup() by which something is compiled: setuptools, scikit-build, setuptools-rust.
_KEYWORDS = {"ext_modules", "cmdclass", "distclass", "rust_extensions", "cffi_modules"}
_PREFIX = "cmake_"
_CMAKE = re.compile(r"\bcmake\b", re.IGNORECASE)
_DEFINITION = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def setup_builds(text: str) -> bool:
    """True for extensions or commands given to setup(), and for cmake called on the way there.

    A class that is defined and not used compiles nothing. What cannot be parsed, or hands setup()
    keywords that are computed, is taken to build when it speaks of either.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "ext_modules" in text or "cmake" in text
    for call in _calls(tree):
        names = {keyword.arg for keyword in call.keywords}
        if names & _KEYWORDS or any(n is not None and n.startswith(_PREFIX) for n in names):
            return True
        if None in names and "ext_modules" in text:
            return True
    statements = (s for s in tree.body if not isinstance(s, _DEFINITION))
    return any(_CMAKE.search(_reached(tree, statement)) for statement in statements)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            if name == "setup":
                yield node


def _reached(tree: ast.Module, statement: ast.stmt) -> str:
    """The strings of a statement, and of the functions and classes that it names."""
    named = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
    bodies = [s for s in tree.body if isinstance(s, _DEFINITION) and s.name in named]
    nodes = (node for part in (statement, *bodies) for node in ast.walk(part))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return " ".join(value for value in constants if isinstance(value, str))
