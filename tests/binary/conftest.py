"""The lab that the ELF and loader tests share."""

from __future__ import annotations

import pytest
from lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The libraries that the ELF and loader tests share."""
    made = Lab(tmp_path_factory.mktemp("lab"))
    made.build("base/libdep.so", "int dep(void) { return 1; } int which(void) { return 1; }")
    made.build("other/libdep.so", "int dep(void) { return 2; } int which(void) { return 2; }")
    return made
