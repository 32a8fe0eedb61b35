"""The version that is installed: that of the package whose place this one takes."""

from __future__ import annotations

import re
from importlib import metadata

try:
    __version__ = metadata.version("flash-attn")
except metadata.PackageNotFoundError:  # imported from a folder
    __version__ = "2.8.3+gpufix"

PARTS = tuple(int(part) for part in re.findall(r"\d+", __version__.partition("+")[0])[:3])
