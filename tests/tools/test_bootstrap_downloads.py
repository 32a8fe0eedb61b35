"""What is said of downloads and disk beforehand is true: counted by a proxy, for the real project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from byte_counter import counting_proxy
from checkouts import ROOT

import needs

ANNOUNCED = re.compile(r": up to (\d+) MB to download, (\d+) MB on disk")


def size(folder: Path) -> float:
    """What a folder takes on the disk, in MB."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


@pytest.mark.slow
def test_downloads_and_disk(tmp_path: Path) -> None:
    for stage, most in (("base", 20), ("test", 110), ("full", 280)):
        venv = tmp_path / stage
        with counting_proxy() as (url, received):
            pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1"}
            done = subprocess.run(
                [sys.executable, "tools/bootstrap", str(venv), stage],
                env={**os.environ, **pip, "HTTPS_PROXY": url, "TORCH": "no"},
                cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
            )  # fmt: skip
        if "(the package index does not answer: " in done.stderr:
            raise needs.Missing(["package index"])
        assert done.returncode == 0, done.stderr
        announced, *_ = ANNOUNCED.findall(done.stdout)
        assert 1 < received() / 1e6 <= int(announced[0]) <= most
        assert int(announced[1]) / 2 <= size(venv) <= int(announced[1])
