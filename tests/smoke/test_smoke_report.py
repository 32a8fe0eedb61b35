"""The text report of recorded results: 80 columns, no control characters, no colour in a pipe."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from gpufix.kernels.execute import RunResult
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Facts, Host, PatientSummary
from gpufix.model.base import from_json
from gpufix.model.smoke_result import (
    CaseRow,
    Change,
    CompilerRow,
    DeviceRow,
    KernelRow,
    SmokeComparison,
    SmokeReport,
    SpreadRow,
    TimeMs,
)
from gpufix.report import smoke_table
from gpufix.smoke.smoke_findings import not_run

FACTS = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"))
GOLDEN = """\
gpufix smoke torch 2.11.0+cu130 · Linux x86_64
/usr/local/cuda/bin/nvcc for sm_90
  Cuda compilation tools, release 13.0, V13.0.88

sm_90 NVIDIA H200 · 4,814 GB/s · 67 fp32 · 1,071 bf16 TFLOP/s
  attention       –       not applicable
  knn             failed  not run
  launch          4.0 s   ✓    latency         9.69 µs
  sort            cached  ✓    sort           0.733 ms █████░░░░░  50% bandwidth
  splat           12.7 s  ✗ out of memory
  stream          4.5 s   ✓    triad          0.734 ms █████████░  91% bandwidth

✗ error RUN806 out-of-memory · splat
  splat on sm_90: out of memory
  │ cudaErrorMemoryAllocation\\x1b[31m

compared with old.json (NVIDIA H200)
  ✗ stream copy                        0.505 ms → 0.610 ms  1.21 ×
  2 medians, 1 slower by more than 10%; 3 without a counterpart

note: a note
✗ faults: 4 of 5 compiled, 3 of 5 validated in 61 s
"""


def case(
    name: str, median: float, bound: str | None = None, share: float = 0, judged: bool = False
) -> CaseRow:
    time = TimeMs(median=median, min=median, max=median, runs=20)
    fraction = share if bound else None
    return CaseRow(
        name=name, status="valid", time_ms=time, bound=bound, fraction=fraction, judged=judged
    )


def row(kernel: str, compiled: str, ran: str, *cases: CaseRow, **more: object) -> KernelRow:
    given = {"kernel": kernel, "target": "sm_90", "compiled": compiled, "ran": ran, "cases": cases}
    return from_json(KernelRow, {**given, **more})


def change(case: str, then: float, now: float) -> Change:
    ratio = now / then
    return Change(
        kernel="stream", case=case, target="sm_90", now_ms=now, then_ms=then, ratio=ratio,
        regression=ratio > 1.1,
    )  # fmt: skip


def recorded() -> SmokeReport:
    copy = case("copy", 0.505, "bandwidth", 0.88, judged=True)
    triad = case("triad", 0.734, "bandwidth", 0.91, judged=True)
    failure = RunResult(
        "splat", "error", cause="out of memory", message="cudaErrorMemoryAllocation\x1b[31m"
    )
    return SmokeReport(
        gpufix_version="1",
        patient=PatientSummary(torch="torch 2.11.0+cu130", platform="Linux x86_64"),
        compilers=[
            CompilerRow(
                compiler="/usr/local/cuda/bin/nvcc",
                version="Cuda compilation tools, release 13.0, V13.0.88",
                targets=["sm_90"],
            )
        ],
        devices=[
            DeviceRow(
                target="sm_90", ordinal=0, about={"name": "NVIDIA H200"},
                bandwidth=4.8143e12, fp32=66.9e12, bf16=1070.53e12,
            )
        ],
        kernels=[
            row("attention", "not applicable", "not applicable"),
            row("knn", "failed", "not run"),
            row("launch", "built", "ok", case("latency", 0.00969), compile_s=4.0),
            row("sort", "cached", "ok", case("ranges", 0.04), case("sort", 0.733, "bandwidth", 0.5)),
            row("splat", "built", "error", compile_s=12.7, cause="out of memory"),
            row("stream", "built", "ok", copy, triad, case("long", 9.0), compile_s=4.5),
        ],
        findings=list(not_run(FACTS, KernelTarget("sm_90"), [failure])),
        notes=["a note"],
        comparison=SmokeComparison(
            file="old.json",
            devices=["NVIDIA H200"],
            changes=[change("copy", 0.505, 0.61), change("triad", 0.734, 0.735)],
            left_out=3,
        ),
        seconds=61.2,
    )  # fmt: skip


def test_golden() -> None:
    assert smoke_table.text(recorded()) == GOLDEN


def test_every_case_when_verbose() -> None:
    text = smoke_table.text(recorded(), verbose=True)
    assert "    copy                       ✓     0.505 ms █████████░  88% bandwidth" in text
    assert "0.734 ms → 0.735 ms  1.00 ×" in text


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_80_columns(verbose: bool, several: bool) -> None:
    report = several_gpus() if several else recorded()
    assert max(map(len, smoke_table.text(report, verbose).splitlines())) <= 80


SEVERAL = """\
gpufix smoke no torch · unknown

sm_90 GPU 0 NVIDIA H200 · 4,814 GB/s
  torch_quick     –       ✓
    elementwise    ✓
    attention      –    this torch has none
    copy           ✓     0.250 ms       4,295 GB/s  89% bandwidth
    matmul         ✓      1.50 ms    733.0 TFLOP/s

sm_90 GPU 1 NVIDIA H200 · 4,814 GB/s
  torch_quick     –       ✗ out of memory

spread over GPUs of one kind
  sm_90    torch_quick copy       0.250 ms … 0.275 ms  slowest GPU 1: 1.100 ×

✓ ok: 1 of 2 validated in 7 s
"""


def several_gpus() -> SmokeReport:
    cases = [
        CaseRow(name="elementwise", status="valid"),
        CaseRow(name="attention", status="not applicable", why="this torch has none"),
        replace(case("copy", 0.25, "bandwidth", 0.89, judged=True), gb_s=4295.0),
        replace(case("matmul", 1.5), gb_s=268.0, tflop_s=733.0),
    ]
    return SmokeReport(
        gpufix_version="1",
        patient=PatientSummary(platform="unknown"),
        devices=[
            DeviceRow(target="sm_90", ordinal=i, about={"name": "NVIDIA H200"}, bandwidth=4.8143e12)
            for i in (0, 1)
        ],
        kernels=[
            row("torch_quick", "not applicable", "ok", *cases, ordinal=0),
            row("torch_quick", "not applicable", "error", cause="out of memory", ordinal=1),
        ],
        spreads=[
            SpreadRow(kernel="torch_quick", case="copy", target="sm_90", ordinals=[0, 1],
                      times_ms=[0.25, 0.275], slowest=1, ratio=1.1)
        ],
        seconds=7.0,
    )  # fmt: skip


def test_several_gpus_and_quick() -> None:
    assert smoke_table.text(several_gpus()) == SEVERAL


def test_a_terminal_without_unicode() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80, color_system=None)
    smoke_table._paint(recorded(), console, verbose=False)
    console.file.flush()
    assert b"#########.  91% bandwidth" in raw.getvalue()
    assert b"9.69 us" in raw.getvalue()
