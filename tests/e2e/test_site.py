"""The documentation as a site: every page is reached, every link resolves, nothing is loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import needs

ROOT = Path(__file__).parents[2]
# What a page may load: a script, a style sheet, a font, a picture.
_LOADS = re.compile(
    r"""<(?:script|img|link(?![^>]*rel="canonical"))[^>]+(?:src|href)="(https?:)?//"""
)


@pytest.mark.needs("mkdocs")
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    for name in ("docs", "mkdocs.yml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [needs.path("mkdocs"), "build", "--strict", "--quiet"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    site = tmp_path / "build" / "site"
    pages = [p for p in site.rglob("*.html") if p.name != "404.html"]
    assert len(pages) == len(list((ROOT / "docs").rglob("*.md")))
    for page in pages:
        assert not _LOADS.search(page.read_text(encoding="utf-8")), page
