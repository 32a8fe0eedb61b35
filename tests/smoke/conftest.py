from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "machine"
    folder.mkdir()
    return Machine(folder)
