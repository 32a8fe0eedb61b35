"""The modules of the simple_knn fallback, imported once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def module(imported: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    """``module("_eager")``: a module of the installed payload."""
    imported("simple_knn")
    import torch

    torch.set_num_threads(1)  # the tests' own processes compete for the cores
    return lambda name: importlib.import_module(f"simple_knn.{name}")


@pytest.fixture(scope="session")
def dist(module: Callable[[str], ModuleType]) -> Callable[..., object]:
    """distCUDA2."""
    return module("_C").distCUDA2  # type: ignore[no-any-return]
