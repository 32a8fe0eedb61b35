"""The values for GPUs that build files themselves compare a variable with: `cuda`, `CUDA`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.source_view import source_of
from gpufix.evidence.view import View

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_syntax import Command

_WORDS = {"nvidia": r"(?i)cuda|gpu|nvidia", "amd": r"(?i)hip|rocm|gpu"}


def commands_of(view: View, paths: Iterable[str]) -> list[Command]:
    """Those of CMake files."""
    from gpufix.source.builds.cmake_syntax import commands

    return [each for path in paths for each in commands(_text(view, path))]


def compared(view: View, commands: Sequence[Command]) -> dict[str, list[str]]:
    """By variable: what CMake compares it with."""
    found: dict[str, list[str]] = {}
    for command in commands:
        words = command.words if command.name in ("if", "elseif") else []
        for name, test, value in zip(words, words[1:], words[2:], strict=False):
            if test == "STREQUAL" and _for_gpus(view, value):
                rows = found.setdefault(name.removeprefix("${").removesuffix("}"), [])
                rows += [value] if value not in rows else []
    return found


def declared(commands: Sequence[Command]) -> frozenset[str]:
    """The variables of the cache: those that CMake files offer to who calls them."""
    rows = (c for c in commands if c.words)
    return frozenset(c.words[0] for c in rows if c.name == "set" and "CACHE" in c.words)


def in_python(view: View, path: str) -> list[str]:
    """What a Python file compares anything with."""
    try:
        tree = ast.parse(_text(view, path))
    except (SyntaxError, ValueError):
        return []
    words = dict.fromkeys(_compared(tree))
    return [word for word in words if _for_gpus(view, word)]


def _compared(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
            for part in side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else (side,):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def _for_gpus(view: View, value: str) -> bool:
    return bool(re.fullmatch(r"\w+", value) and re.search(_WORDS[vendor(view)], value))


def _text(view: View, path: str) -> str:
    found = source_of(view, path)
    return found.text if found else ""
