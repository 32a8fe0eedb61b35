"""The module under test, in plain torch: what runs without a GPU."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest


@pytest.fixture
def fused(
    imported: Callable[[str], types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> types.ModuleType:
    for variable in ("GPUFIX_FUSED_SSIM_TIER", "GPUFIX_FALLBACK_TIER", "TRITON_INTERPRET"):
        monkeypatch.delenv(variable, raising=False)
    return imported("fused_ssim")
