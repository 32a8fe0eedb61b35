"""Whether CMake must be configured in the source folder itself."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from gpufix.source.cmake import commands

_SETTERS = ("set", "set_target_properties", "set_property")
_PLACE = re.compile(r"\$\{(?:CMAKE_|PROJECT_|CMAKE_CURRENT_)BINARY_DIR\}/([\w./-]+)")


def in_package(root: Path, text: str) -> bool:
    """An output folder under CMake's binary folder is the package of the sources: they are one.

    `text`: CMakeLists.txt. With a build folder apart, the library would not lie where it is imported.
    """
    for command in commands(text) if "OUTPUT_DIRECTORY" in text else ():
        words = command.words if command.name in _SETTERS else []
        for name, value in pairwise(words):
            place = _PLACE.fullmatch(value)
            if "OUTPUT_DIRECTORY" in name and place and (root / place[1] / "__init__.py").is_file():
                return True
    return False
