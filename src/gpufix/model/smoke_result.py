"""What a smoke run found: what is printed as JSON, saved, and compared with later."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field

from gpufix.model.base import Model
from gpufix.model.finding import Finding, PatientSummary

Compiled = Literal["built", "cached", "failed", "timeout", "not applicable", "not tried"]
Ran = Literal[
    "ok", "wrong", "not applicable", "error", "crashed", "timeout", "bad output", "not run"
]


Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TimeMs(Model):
    """Milliseconds over repeated runs."""

    median: Milliseconds
    min: Milliseconds
    max: Milliseconds
    runs: int


class CaseRow(Model):
    """One thing that a kernel checked and timed. `fraction` is of the roof that `bound` names."""

    name: str
    status: Literal["valid", "wrong", "not applicable"]
    sizes: dict[str, float] = field(default_factory=dict)
    max_err: float | None = None
    tolerance: float | None = None
    time_ms: TimeMs | None = None
    bound: str | None = None  # "bandwidth", "fp32", "bf16"
    fraction: float | None = None
    judged: bool = False  # whether a small fraction is a fault
    why: str = ""
    gb_s: float | None = None  # 1e9 bytes of device memory per second
    tflop_s: float | None = None  # 1e12 operations per second


class KernelRow(Model):
    """One kernel for one target. Times in seconds."""

    kernel: str
    target: str
    compiled: Compiled
    compile_s: float = 0.0
    ran: Ran = "not run"
    run_s: float = 0.0
    cause: str = ""
    message: str = ""  # the compiler's or the program's own words, or why it does not apply
    cases: list[CaseRow] = field(default_factory=list)
    ordinal: int | None = None  # the runtime's number of the GPU that it ran on


class DeviceRow(Model):
    """A device that programs ran on, as its driver describes it, and its roofs per second."""

    target: str
    ordinal: int
    about: dict[str, Any] = field(default_factory=dict)
    bandwidth: float | None = None
    fp32: float | None = None
    bf16: float | None = None


class SpreadRow(Model):
    """One case's medians on several GPUs of one kind, and how the slowest compares."""

    kernel: str
    case: str
    target: str
    ordinals: list[int]
    times_ms: list[Milliseconds]
    slowest: int  # its ordinal
    ratio: float  # its time over the median of the others


class CompilerRow(Model):
    """What compiled for which targets. `version` is the compiler's own line."""

    compiler: str
    version: str
    targets: list[str]


class Change(Model):
    """One median against an earlier one. `ratio` = now / then."""

    kernel: str
    case: str
    target: str
    now_ms: float
    then_ms: float
    ratio: float
    regression: bool
    ordinal: int | None = None


class SmokeComparison(Model):
    """This run beside a saved one. Cases of other sizes, or that only one of them has, are left out."""

    file: str
    devices: list[str] = field(default_factory=list)  # of the saved run
    changes: list[Change] = field(default_factory=list)
    left_out: int = 0


class SmokeReport(Model):
    """What `gpufix smoke --format json` prints and --save keeps."""

    schema_version: Literal[1] = 1
    kind: Literal["gpufix smoke"] = "gpufix smoke"
    gpufix_version: str
    patient: PatientSummary
    compilers: list[CompilerRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)
    kernels: list[KernelRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    comparison: SmokeComparison | None = None
    seconds: float = 0.0
    spreads: list[SpreadRow] = field(default_factory=list)
