"""The fallback, imported once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def gsplat(imported: Callable[[str], ModuleType]) -> ModuleType:
    """``gsplat``, as callers import it."""
    return imported("gsplat")
