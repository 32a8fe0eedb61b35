"""The fallback, imported once."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def flash(imported: Callable[[str], types.ModuleType]) -> types.ModuleType:
    """``flash_attn``, as callers import it."""
    return imported("flash_attn")
