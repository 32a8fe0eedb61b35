"""Who may import whom: checks and fixes are pure, the default doctor imports no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gpufix

SOURCE = Path(gpufix.__file__).parent
FORBIDDEN = ("gpufix.facts", "gpufix.engine", "subprocess", "torch", "os", "ctypes", "socket")
PURE = sorted([*(SOURCE / "checks").rglob("*.py"), *(SOURCE / "fixes").rglob("*.py")])


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", PURE, ids=lambda p: p.stem)
def test_checks_and_fixes_are_pure(path: Path) -> None:
    for name in imported(path):
        assert not name.startswith(tuple(f"{f}." for f in FORBIDDEN)), name
        assert name not in FORBIDDEN, name


def test_the_model_imports_nothing_of_ours_but_itself() -> None:
    for path in (SOURCE / "model").glob("*.py"):
        ours = [n for n in imported(path) if n.startswith("gpufix.")]
        assert all(n.startswith("gpufix.model") for n in ours), path


def test_the_probe_parses_as_python_3_7() -> None:
    text = (SOURCE / "facts" / "python" / "probe.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))


@pytest.mark.parametrize("module", ["torch", "numpy", "pynvml", "rich.progress"])
def test_the_command_line_loads_nothing_heavy(module: str) -> None:
    code = f"import gpufix.cli.app, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_version_needs_no_model() -> None:
    code = "import gpufix.cli.app, sys; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
