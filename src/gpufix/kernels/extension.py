"""torch's own extension build, in the patient: does cpp_extension give a module that works?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from .manifest import SUITE, Case, Kernel
from .process import run_limited
from .run import RunResult, read_result

TORCH_EXTENSION = Kernel(
    name="torch_extension",
    title="a small op built by torch.utils.cpp_extension, imported, gradients checked",
    cases=tuple(
        Case(f"{device}_{check}")
        for device in ("cpu", "cuda")
        for check in ("forward", "gradcheck")
    ),
    time_limit_s=600.0,
)


def run_torch_extension(
    python: Path,
    env: Mapping[str, str] | None = None,
    limit_s: float = TORCH_EXTENSION.time_limit_s,
    scratch: Path | None = None,
) -> RunResult:
    """Builds in a temporary folder under ``scratch`` (default: the system's), removed afterwards.

    The GPU half is built and checked when torch sees a GPU and finds its compiler; otherwise those
    cases are not applicable and say why. Never raises for what the patient does.
    """
    script = SUITE / TORCH_EXTENSION.name / "build_op.py"
    with tempfile.TemporaryDirectory(prefix="gpufix-op-", dir=scratch) as folder:
        command: list[str | Path] = [python.absolute(), "-B", script, folder]
        try:
            ended = run_limited(command, limit_s, env=env, cwd=Path(folder))
        except OSError as error:
            message = f"cannot start {python}: {error.strerror or error}"
            return RunResult(TORCH_EXTENSION.name, "error", message=message)
        return read_result(TORCH_EXTENSION, ended, limit_s)
