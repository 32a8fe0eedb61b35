"""The build environment is pure: fixes use it."""

from __future__ import annotations

import ast
from pathlib import Path

import gpufix.buildenv
import pytest

FORBIDDEN = {"os", "subprocess", "pathlib", "time", "socket", "torch"}
SOURCES = sorted(Path(gpufix.buildenv.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_nothing_is_looked_at(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name not in FORBIDDEN
            assert not name.startswith(("gpufix.facts", "gpufix.engine"))
