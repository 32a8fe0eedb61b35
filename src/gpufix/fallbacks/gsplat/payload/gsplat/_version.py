"""The version that is installed: that of the package whose place this one takes."""

from __future__ import annotations

import re
from importlib import metadata

try:
    __version__ = metadata.version("gsplat")
except metadata.PackageNotFoundError:  # imported from a folder
    __version__ = "1.5.3+gpufix"

PARTS = tuple(int(part) for part in re.findall(r"\d+", __version__.partition("+")[0])[:3])
TWO_RADII = PARTS >= (1, 5)  # radii along x and y since 1.5, one number before
