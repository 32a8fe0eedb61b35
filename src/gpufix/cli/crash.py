"""What happens when gpufix itself fails: one line for people, a log to paste into a bug report."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

INTERNAL_ERROR = 3


def report(error: Exception) -> int:
    """Write the traceback to a new file, name it on standard error; returns the exit code."""
    import gpufix

    text = "".join(traceback.format_exception(error))
    header = (
        f"gpufix {gpufix.__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    )
    print(f"gpufix: internal error: {error!r}", file=sys.stderr)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="gpufix-crash-", suffix=".log", delete=False
        ) as log:
            log.write(header + f"command: {' '.join(map(repr, sys.argv))}\n\n{text}")
        print(f"gpufix: this is a bug in gpufix; its log is {Path(log.name)}", file=sys.stderr)
    except OSError:
        print(header + text, file=sys.stderr)
    return INTERNAL_ERROR
