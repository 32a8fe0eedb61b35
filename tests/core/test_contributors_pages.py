"""The files that the pages for contributors name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md")
NAMED = re.compile(r"`(\w[\w.-]*(?:/[\w.-]+)*/[\w-]+\.\w+)`")  # `facts/collect.py`


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page: str) -> None:
    names = NAMED.findall((ROOT / page).read_text("utf-8"))
    places = (ROOT, ROOT / "src/gpufix", ROOT / "docs")
    assert [name for name in names if not any((p / name).exists() for p in places)] == []
    assert names
