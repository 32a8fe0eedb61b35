"""The modules of gpufix and what they import, read from their sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gpufix

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SOURCE = Path(gpufix.__file__).parent
FLOORS = Path(__file__).parents[2] / "tools" / "floors.toml"


@dataclass(frozen=True)
class Import:
    """`importer` names `imported`, both below gpufix: "facts.collect". `inside` a function or not."""

    importer: str
    imported: str
    inside: bool


def declared() -> dict[str, Any]:
    """tools/floors.toml."""
    return tomllib.loads(FLOORS.read_text(encoding="utf-8"))


def package(module: str) -> str:
    """The name right below gpufix."""
    return module.split(".")[0]


@cache
def modules() -> dict[str, Path]:
    """Every module but what is copied into patients."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if "payload" not in parts[:-1]:
            found[".".join(parts).removesuffix("__init__").removesuffix(".")] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    """Every import of one module of gpufix by another; `gpufix` itself is the module ""."""
    return tuple(each for name in modules() for each in _imports(name))


def _imports(module: str) -> Iterator[Import]:
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    for statement, inside in _statements(tree.body):
        for name in _names(statement):
            if name == "gpufix" or name.startswith("gpufix."):
                yield Import(module, _module(name[7:]), inside)


def _statements(nodes: Iterable[ast.AST], inside: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Each statement below these, and whether it stands inside a function; expressions hold none."""
    for node in nodes:
        yield node, inside
        function = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            if not isinstance(node, ast.expr):
                yield from _statements(getattr(node, field, ()), function)


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0 and node.module, "imports are absolute"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _module(name: str) -> str:
    """ "model.Facts" → "model"."""
    return name if name in modules() else name.rpartition(".")[0]
