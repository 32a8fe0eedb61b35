"""Which CUDA release a ptxas is of, read from the file: it is not run."""

from __future__ import annotations

import re

from gpufix.files import read

_LIMIT = 128 << 20
# The line that `ptxas --version` prints; beside it stands a format, "release %d.%d,".
_RELEASE = re.compile(rb"Cuda compilation tools, release (\d{1,2}\.\d{1,2}), V\d")


def release(path: str) -> str | None:
    """ "12.8"; "" for a file that names none, as a script around it; None: there is no such file."""
    try:
        found = _RELEASE.search(read(path, _LIMIT))
    except FileNotFoundError:
        return None
    return found[1].decode() if found else ""
