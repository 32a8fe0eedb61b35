"""Runs compiled kernels and the torch extension; puts their times beside the device's roof."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.kernels.formula import BadOutput, FormulaError, number, numbers, objects, text
from gpufix.kernels.manifest import SUITE, Case, Kernel
from gpufix.process import Finished, Limits, NotStarted, Program, run

_RATES = Path(__file__).with_name("rates.json")
# GDDR6 moves 16 bits per pin in one period of the clock that AMD's driver reports; HBM, and every
# memory in the clock that NVIDIA's driver reports, two.
_HBM_BUS_BITS = 1024


class Roofs(Frozen):
    """Bytes per second and operations per second; None where the driver or the table is silent."""

    bandwidth: float | None
    fp32: float | None
    bf16: float | None

    def arithmetic(self, unit: str) -> float | None:
        return {"fp32": self.fp32, "bf16": self.bf16}[unit]


class Achieved(Frozen):
    """``fraction`` of the roof that binds: "bandwidth", "fp32" or "bf16"."""

    bound: str
    fraction: float


def roofs(device: Mapping[str, Any]) -> Roofs:
    """From the device line of any program of the suite. Dense rates, at the highest clock."""
    clock = _positive(device, "clock_khz")
    units = _positive(device, "units")
    rates = _rates(str(device.get("arch", "")), str(device.get("name", "")))
    per_second = clock * 1e3 * units if clock and units else None

    def rate(unit: str) -> float | None:
        return rates[unit] * per_second if per_second and rates.get(unit) else None

    return Roofs(_bandwidth(device), rate("fp32"), rate("bf16"))


def _bandwidth(device: Mapping[str, Any]) -> float | None:
    clock = _positive(device, "memory_clock_khz")
    bits = _positive(device, "bus_bits")
    if not clock or not bits or device.get("integrated"):
        return None  # shared memory: its rate is the host's, and the driver does not say it
    amd = str(device.get("arch", "")).startswith("gfx")
    per_pin = 16 if amd and bits < _HBM_BUS_BITS else 2
    return per_pin * clock * 1e3 * bits / 8


def achieved(case: CaseResult, limits: Roofs) -> Achieved | None:
    """The longest of the times that the roofs allow, over the median; None without any roof."""
    if case.time_ms is None or case.status != "valid":
        return None
    floors: list[tuple[float, str]] = []
    if case.bytes and limits.bandwidth:
        floors.append((case.bytes / limits.bandwidth, "bandwidth"))
    peak = limits.arithmetic(case.unit)
    if case.flops and peak:
        floors.append((case.flops / peak, case.unit))
    if not floors:
        return None
    seconds, bound = max(floors)
    return Achieved(bound, seconds / (case.time_ms.median / 1e3))


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(own(_RATES))
    return table


def _rates(arch: str, name: str) -> dict[str, float]:
    """Operations per clock of one multiprocessor, as the runtime counts those."""
    row = dict(_table()["arch"].get(arch, {}))
    if "GeForce" in name and "bf16_geforce" in row:
        row["bf16"] = row["bf16_geforce"]
    return row


def _positive(device: Mapping[str, Any], key: str) -> float | None:
    """The programs print 0 for what a driver does not tell."""
    value = number(device.get(key))
    return value if value and value > 0 else None


# The runtime's names for what a user can act on; any other failure is the runtime's own words.
OUT_OF_MEMORY = "out of memory"
NO_SUCH_DEVICE = "no such device"
NO_DEVICE = "no device"
DEVICE_BUSY = "device busy"
CAUSES = {
    "cudaErrorMemoryAllocation": OUT_OF_MEMORY,
    "hipErrorOutOfMemory": OUT_OF_MEMORY,
    "hipErrorMemoryAllocation": OUT_OF_MEMORY,
    "cudaErrorDevicesUnavailable": DEVICE_BUSY,
    "OutOfMemoryError": OUT_OF_MEMORY,  # torch's
    "cudaErrorInvalidDevice": NO_SUCH_DEVICE,
    "hipErrorInvalidDevice": NO_SUCH_DEVICE,
    "NoSuchDevice": NO_SUCH_DEVICE,  # torch_quick's
    "cudaErrorNoDevice": NO_DEVICE,
    "hipErrorNoDevice": NO_DEVICE,
    "cudaErrorInsufficientDriver": "driver too old",
    "hipErrorInsufficientDriver": "driver too old",
    "cudaErrorCompatNotSupportedOnDevice": "driver too old",
    "cudaErrorNoKernelImageForDevice": "no code for this GPU",
    "hipErrorNoBinaryForGpu": "no code for this GPU",
    "cudaErrorUnsupportedPtxVersion": "PTX newer than the driver",
    "cudaErrorJitCompilerNotFound": "driver's PTX compiler missing",
}


class Time(Frozen):
    """Milliseconds over repeated runs."""

    median: float
    min: float
    max: float
    runs: int


class CaseResult(Frozen):
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
    compared: bool = False


class RunResult(Frozen):
    """``status``: ok, wrong, not applicable, error, crashed, timeout, bad output.

    ``cause`` is one of CAUSES' values, else "". ``message`` is what the program, the runtime or
    the system said. Cases that were reported before a failure are kept. ``cached``: torch's extension
    was not built again.
    """

    kernel: str
    status: str
    cases: tuple[CaseResult, ...] = ()
    device: Mapping[str, Any] | None = None
    cause: str = ""
    message: str = ""
    seconds: float = 0.0
    cached: bool = False


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
        ended = run(Program([program, *arguments], env), Limits(limit))
    except NotStarted as error:
        return RunResult(kernel.name, "error", message=str(error))
    return read_result(kernel, ended)


def read_result(kernel: Kernel, ended: Finished) -> RunResult:
    """What a finished program's output and exit amount to."""
    cases: list[CaseResult] = []
    device: Mapping[str, Any] | None = None
    failure: tuple[str, str, str] | None = None
    cached = False
    try:
        for line in objects(ended.stdout):
            cached = cached or line.get("cached") is True
            if isinstance(line.get("device"), dict):
                device = line["device"]
            elif "case" in line:
                cases.append(_case(kernel, line))
            elif line.get("status") == "error":
                failure = _runtime_error(line.get("error"))
    except (BadOutput, FormulaError) as error:
        failure = ("bad output", "", str(error))
    status, cause, message = failure or _ending(ended, cases)
    return RunResult(
        kernel.name, status, tuple(cases), device, cause, message, round(ended.seconds, 3), cached
    )


def _runtime_error(error: Any) -> tuple[str, str, str]:
    if not isinstance(error, dict):
        raise BadOutput("an error line without an error")
    name = text(error, "name")
    error_text = text(error, "text", most=8000)  # a compiler's log, for torch's extension build
    message = f"{name}: {error_text} ({text(error, 'call')} at {text(error, 'where')})"
    return "error", CAUSES.get(name, ""), message


def _ending(ended: Finished, cases: Sequence[CaseResult]) -> tuple[str, str, str]:
    if ended.timed_out:
        return "timeout", "", f"it {ended.problem}"
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
        compared=case.judged or case.compared,
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
    cache: Path | None = None,
    turns: Path | None = None,
) -> RunResult:
    """Builds in a temporary folder under ``scratch`` (default: the system's), removed afterwards.

    A module that is right is kept in ``cache`` for the next run with the same torch and compilers.
    ``turns``: the lock that it holds, together with others, while it works on the GPU.

    The GPU half is built and checked when torch sees a GPU and finds its compiler; otherwise those
    cases are not applicable and say why. Never raises for what the patient does.
    """
    script = SUITE / TORCH_EXTENSION.name / "build_op.py"
    with tempfile.TemporaryDirectory(prefix="gpufix-op-", dir=scratch) as folder:
        command: list[str | Path] = [python.absolute(), "-B", script, folder]
        command += [path.absolute() if path else "" for path in (cache, turns)]
        try:
            ended = run(Program(command, env, folder), Limits(limit_s))
        except NotStarted as error:
            return RunResult(TORCH_EXTENSION.name, "error", message=f"{python} {error.problem}")
        return read_result(TORCH_EXTENSION, ended)
