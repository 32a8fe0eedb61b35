"""The fallback, imported once, with the modules that tests look into."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def xops(imported: Callable[[str], types.ModuleType]) -> types.ModuleType:
    """``xformers.ops``, as callers import it."""
    imported("xformers")
    return importlib.import_module("xformers.ops")
