"""gpufix as a health check of `conda doctor`. conda loads this at each command: it imports little."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from conda.base.constants import OK_MARK, X_MARK

from conda import plugins

_CLEAN = 0  # no finding from warnings up


def judge(prefix: str, verbose: bool) -> None:
    """Print what gpufix says of the environment in `prefix`."""
    python = Path(prefix, "bin", "python")
    if not python.exists():
        print(f"{OK_MARK} gpufix: nothing to judge, there is no Python in {prefix}.\n")
        return
    command = [sys.executable, "-m", "gpufix", "doctor", "--python", str(python)]
    command += ["--fail-on", "warning", *(["--verbose"] if verbose else [])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=prefix)
    mark = OK_MARK if done.returncode == _CLEAN else X_MARK
    print(f"{mark} gpufix:\n\n{done.stdout or done.stderr}")


@plugins.hookimpl
def conda_health_checks() -> Iterator[plugins.types.CondaHealthCheck]:
    """The one check that this brings."""
    yield plugins.types.CondaHealthCheck(
        name="gpufix",
        action=judge,
        summary="Check that GPU code of this environment loads and runs here",
    )
