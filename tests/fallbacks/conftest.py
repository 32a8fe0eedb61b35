"""Fallbacks as they are installed: a folder of modules, imported here or in a process of its own."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import needs
from gpufix.fallbacks.catalogue import get
from gpufix.fallbacks.pack import tree

LIMIT_S = 300.0


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``payload(name)``: the folder that holds a fallback's modules, as site-packages would."""
    done: dict[str, Path] = {}

    def assemble(name: str) -> Path:
        if name not in done:
            done[name] = tmp_path_factory.mktemp(name)
            for path, content in tree(name).items():
                file = done[name] / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        return done[name]

    return assemble


@pytest.fixture(scope="session")
def imported(payload: Callable[[str], Path]) -> Iterator[Callable[[str], types.ModuleType]]:
    """``imported(name)``: the fallback's first module, imported into this process with torch."""
    needs.require("torch")
    added: list[str] = []

    def load(name: str) -> types.ModuleType:
        folder = str(payload(name))
        if folder not in sys.path:
            sys.path.insert(0, folder)
            added.append(folder)
        return importlib.import_module(get(name).imports[0])

    yield load
    for folder in added:
        sys.path.remove(folder)


Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def script(payload: Callable[[str], Path], tmp_path: Path) -> Script:
    """``script(name, text, **environment)``: runs Python text in a new process with the fallback.

    Nothing of the tests' environment goes along but PATH. ``check=False`` lets it fail.
    """
    needs.require("torch")

    def run(
        name: str, text: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "script.py"  # Triton reads the source of its kernels
        file.write_text(text, "utf-8")
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(tmp_path),
            "PYTHONPATH": str(payload(name)),
            "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor"),
            **environment,
        }
        done = subprocess.run(
            [sys.executable, str(file)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def interpreter() -> dict[str, str]:
    """The environment in which Triton interprets its kernels on the CPU; skips without Triton."""
    needs.require("triton")
    return {"TRITON_INTERPRET": "1"}
