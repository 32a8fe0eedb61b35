"""What torch/utils/cpp_extension.py accepts, read from its syntax tree: nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any


class CppExtensionSource:
    """The module as source. A table that it does not have in the known form raises ValueError."""

    def __init__(self, source: str) -> None:
        self._tree = ast.parse(source)

    def tables(self) -> dict[str, Any]:
        """As `cpp_extension` of a release's file."""
        flags = self._function("_get_cuda_arch_flags")
        named = self._assigned("named_arches", flags)
        words = {node.value for node in ast.walk(flags) if isinstance(node, ast.Constant)}
        return {
            "archs": " ".join(ast.literal_eval(self._assigned("supported_arches", flags))),
            "native": "native" in words,
            "gcc": self._bounds("CUDA_GCC_VERSIONS"),
            "clang": self._bounds("CUDA_CLANG_VERSIONS"),
            "named": dict(
                ast.literal_eval(named.args[0] if isinstance(named, ast.Call) else named)
            ),
        }

    def standard(self) -> int:
        """The C++ standard that an extension without one of its own is compiled with."""
        function = next(
            node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.FunctionDef) and re.match("append_std.*_if_no_std", node.name)
        )
        found = {
            int(match[1])
            for node in ast.walk(function)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for match in [re.fullmatch(r"(?:.*=)?c\+\+(\d\d)", node.value)]
            if match
        }
        if len(found) != 1:
            raise ValueError(f"{function.name} names the C++ standards {sorted(found)}")
        return found.pop()

    def _function(self, name: str) -> ast.FunctionDef:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
        raise ValueError(f"there is no function {name}")

    def _assigned(self, name: str, scope: ast.AST) -> ast.expr:
        for target, value in _assignments(scope):
            if target == name:
                return value
        raise ValueError(f"nothing is assigned to {name}")

    def _bounds(self, name: str) -> dict[str, list[str]]:
        """CUDA version -> least version, first version that is too new."""
        table = self._assigned(name, self._tree)
        if not isinstance(table, ast.Dict):
            raise ValueError(f"{name} is no dictionary")
        return {
            ast.literal_eval(key): [self._dotted(bound) for bound in pair.elts]
            for key, pair in zip(table.keys, table.values, strict=True)
            if key is not None and isinstance(pair, ast.Tuple)
        }

    def _dotted(self, bound: ast.expr) -> str:
        if isinstance(bound, ast.Name):
            bound = self._assigned(bound.id, self._tree)
        return ".".join(map(str, ast.literal_eval(bound)))


def _assignments(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
