"""Runs the suite's programs and reads what they print. Whatever one does is that one's result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .formula import FormulaError
from .lines import BadOutput, number, numbers, objects, text
from .manifest import Kernel
from .process import Finished, run_limited

# The runtime's names for what a user can act on; any other failure is the runtime's own words.
OUT_OF_MEMORY = "out of memory"
CAUSES = {
    "cudaErrorMemoryAllocation": OUT_OF_MEMORY,
    "hipErrorOutOfMemory": OUT_OF_MEMORY,
    "hipErrorMemoryAllocation": OUT_OF_MEMORY,
    "cudaErrorDevicesUnavailable": "device busy",
    "cudaErrorNoDevice": "no device",
    "hipErrorNoDevice": "no device",
    "cudaErrorInsufficientDriver": "driver too old",
    "hipErrorInsufficientDriver": "driver too old",
    "cudaErrorCompatNotSupportedOnDevice": "driver too old",
    "cudaErrorNoKernelImageForDevice": "no code for this GPU",
    "hipErrorNoBinaryForGpu": "no code for this GPU",
    "cudaErrorUnsupportedPtxVersion": "PTX newer than the driver",
    "cudaErrorJitCompilerNotFound": "driver's PTX compiler missing",
}


@dataclass(frozen=True)
class Time:
    """Milliseconds over repeated runs."""

    median: float
    min: float
    max: float
    runs: int


@dataclass(frozen=True)
class CaseResult:
    """``status``: valid, wrong, not applicable. Cost is None where the manifest gives none.

    ``judged``: whether a small fraction of the roof is a fault, see manifest.Case.
    """

    name: str
    status: str
    sizes: Mapping[str, float] = field(default_factory=dict)
    max_err: float | None = None
    rel_err: float | None = None
    tolerance: float | None = None
    time_ms: Time | None = None
    bytes: float | None = None
    flops: float | None = None
    unit: str = "fp32"
    judged: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class RunResult:
    """``status``: ok, wrong, not applicable, error, crashed, timeout, bad output.

    ``cause`` is one of CAUSES' values, else "". ``message`` is what the program, the runtime or
    the system said. Cases that were reported before a failure are kept.
    """

    kernel: str
    status: str
    cases: tuple[CaseResult, ...] = ()
    device: Mapping[str, Any] | None = None
    cause: str = ""
    message: str = ""
    seconds: float = 0.0


def run_program(
    kernel: Kernel,
    program: Path,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    limit_s: float | None = None,
) -> RunResult:
    """Never raises for what the program does."""
    limit = kernel.time_limit_s if limit_s is None else limit_s
    try:
        ended = run_limited([program, *arguments], limit, env=env)
    except OSError as error:
        return RunResult(kernel.name, "error", message=f"cannot start: {error.strerror or error}")
    return read_result(kernel, ended, limit)


def read_result(kernel: Kernel, ended: Finished, limit_s: float) -> RunResult:
    """What a finished program's output and exit amount to."""
    cases: list[CaseResult] = []
    device: Mapping[str, Any] | None = None
    failure: tuple[str, str, str] | None = None
    try:
        for line in objects(ended.stdout):
            if isinstance(line.get("device"), dict):
                device = line["device"]
            elif "case" in line:
                cases.append(_case(kernel, line))
            elif line.get("status") == "error":
                failure = _runtime_error(line.get("error"))
    except (BadOutput, FormulaError) as error:
        failure = ("bad output", "", str(error))
    status, cause, message = failure or _ending(ended, cases, limit_s)
    return RunResult(
        kernel.name, status, tuple(cases), device, cause, message, round(ended.seconds, 3)
    )


def _runtime_error(error: Any) -> tuple[str, str, str]:
    if not isinstance(error, dict):
        raise BadOutput("an error line without an error")
    name = text(error, "name")
    said = text(error, "text", most=8000)  # a compiler's log, for torch's extension build
    message = f"{name}: {said} ({text(error, 'call')} at {text(error, 'where')})"
    return "error", CAUSES.get(name, ""), message


def _ending(ended: Finished, cases: Sequence[CaseResult], limit_s: float) -> tuple[str, str, str]:
    if ended.timed_out:
        return "timeout", "", f"no end within {limit_s:.0f} s"
    if ended.signal_name:
        return "crashed", "", _with(ended.stderr, f"ended by {ended.signal_name}")
    if any(case.status == "wrong" for case in cases):
        return "wrong", "", ""
    if ended.code != 0:
        return "crashed", "", _with(ended.stderr, f"exit status {ended.code}")
    if not cases:
        return "bad output", "", "the program reported no case"
    applies = any(case.status != "not applicable" for case in cases)
    return ("ok", "", "") if applies else ("not applicable", "", cases[0].why)


def _with(stderr: str, what: str) -> str:
    words = stderr.strip()[-2000:]
    return f"{what}: {words}" if words else what


def _case(kernel: Kernel, line: Mapping[str, Any]) -> CaseResult:
    name = text(line, "case")
    case = kernel.case(name)
    if case is None:
        raise BadOutput(f"a case that the manifest does not know: {name!r}")
    if line.get("status") == "not applicable":
        return CaseResult(name, "not applicable", why=text(line, "why"))
    if not isinstance(line.get("valid"), bool):
        raise BadOutput(f"case {name} does not say whether it is valid")
    sizes = numbers(line.get("sizes"))
    moved, done = case.cost(sizes)
    extra = line.get("extra")
    return CaseResult(
        name=name,
        status="valid" if line["valid"] else "wrong",
        sizes=sizes,
        max_err=number(line.get("max_err")),
        rel_err=number(line.get("rel_err")),
        tolerance=number(line.get("tolerance")),
        time_ms=_time(line.get("time_ms")),
        bytes=moved,
        flops=done,
        unit=case.unit,
        judged=case.judged,
        extra=extra if isinstance(extra, dict) else {},
    )


def _time(value: Any) -> Time | None:
    if value is None:
        return None
    fields = numbers(value)
    try:
        time = Time(fields["median"], fields["min"], fields["max"], int(fields["runs"]))
    except KeyError as error:
        raise BadOutput(f"a time without its {error}") from error
    if not 0 < time.min <= time.median <= time.max or not math.isfinite(time.max):
        raise BadOutput(f"a time that cannot be: {fields}")
    return time
