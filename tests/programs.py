"""Programs that tests make: Python scripts that can be started as they are."""

from __future__ import annotations

import sys
from pathlib import Path

# The kernel reads no blank and no more than 255 bytes of what stands behind `#!`, and the path of this
# interpreter may have both. To Python, the second line is a string that ends in the third.
HEAD = f"""#!/bin/sh
'''exec' "{sys.executable}" -IS "$0" "$@"
' '''
"""


def write_program(path: Path, code: str) -> Path:
    """An executable file that runs `code` in this interpreter, without site-packages."""
    path.write_text(HEAD + code, encoding="utf-8")
    path.chmod(0o755)
    return path
