"""Several GPUs in one machine: all run side by side, and one that stays behind is advice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import DEVICE, Machine, valid

from gpufix.kernels.manifest import load
from gpufix.model import Severity
from gpufix.model.smoke_result import SmokeReport
from gpufix.smoke import watch
from gpufix.smoke.suite import smoke

# A program of which the GPU with an ordinal takes `times[ordinal]` as long.
CODE = """\
import json, sys, time
ordinal = int(sys.argv[sys.argv.index("--device") + 1])
times = {times!r}
if ordinal >= {visible!r}:
    error = dict(name="cudaErrorInvalidDevice", text="invalid", call="gpuSetDevice", where="x.h:1")
    print(json.dumps(dict(kernel={kernel!r}, status="error", error=error)))
    sys.exit(3)
device = dict({device!r}, bus_id="0000:0%d:00.0" % ordinal, **{more!r}.get(ordinal, {{}}))
print(json.dumps(dict(kernel={kernel!r}, device=device, seed="1")), flush=True)
for line in {lines!r}:
    for key in ("median", "min", "max"):
        line["time_ms"][key] *= times[ordinal]
    print(json.dumps(line), flush=True)
"""


@pytest.fixture
def four(machine: Machine) -> Machine:
    gpus = [replace(machine.facts.gpus[0], index=i) for i in range(4)]
    machine.facts = replace(machine.facts, gpus=gpus)
    return machine


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """NVML says that every GPU is idle and not throttled; the list fills with what was run again."""
    repeated: list[str] = []

    def during(bus: str, _seconds: float, work):  # type: ignore[no-untyped-def]
        repeated.append(bus)
        return work(), False

    monkeypatch.setattr(watch, "at_rest", lambda _bus: True)
    monkeypatch.setattr(watch, "during", during)
    return repeated


def program(
    machine: Machine,
    kernel: str,
    times: tuple[float, ...],
    visible: int = 4,
    more: dict[int, dict[str, object]] | None = None,
) -> None:
    # 1 ms for what the roof of 1e12 bytes a second allows in 0.8 ms
    lines = [valid(kernel, c.name, 1.0, {"n": 1e8 if c.name == "copy" else 0.66e8})
             for c in load(kernel).cases]  # fmt: skip
    code = CODE.format(
        kernel=kernel, times=times, visible=visible, device=DEVICE, lines=lines, more=more or {}
    )
    machine.program(kernel, code)


def ran(machine: Machine, *kernels: str) -> SmokeReport:
    return smoke(machine.facts, machine.request(*kernels))


def test_all_are_run(four: Machine, free: list[str]) -> None:
    program(four, "stream", (1.0, 1.04, 1.0, 0.99))
    report = ran(four, "stream")
    assert report.findings == [] and free == []
    assert [(row.target, row.ordinal, row.ran) for row in report.kernels] == [
        ("sm_90", i, "ok") for i in range(4)
    ]
    assert [device.ordinal for device in report.devices] == [0, 1, 2, 3]
    copy = next(row for row in report.spreads if row.case == "copy")
    assert (copy.ordinals, copy.slowest, copy.ratio) == ([0, 1, 2, 3], 1, 1.04)
    assert copy.times_ms == pytest.approx([1.0, 1.04, 1.0, 0.99])


def test_those_that_a_variable_hides_are_not_run(four: Machine, free: list[str]) -> None:
    program(four, "stream", (1.0, 1.0, 1.0, 1.0), visible=2)
    report = ran(four, "stream")
    assert report.findings == []
    assert [row.ordinal for row in report.kernels] == [0, 1]


def test_one_stays_behind(four: Machine, free: list[str]) -> None:
    program(four, "stream", (1.0, 1.0, 1.07, 1.0))
    report = ran(four, "stream")
    assert {(f.code, f.severity) for f in report.findings} == {("KRN904", Severity.advice)}
    assert [f.message for f in report.findings] == [
        f"stream on sm_90 GPU 2: case {case} takes at least 7.0% longer than on the median of "
        "3 others, in 3 medians."
        for case in ("copy", "triad")
    ]
    assert free == ["0000:02:00.0"] * 2  # only that GPU was run again


@pytest.mark.parametrize(
    ("idle", "throttled"), [(True, True), (True, None), (False, False), (None, False)]
)
def test_behind_is_said_only_of_a_free_gpu(
    four: Machine, monkeypatch: pytest.MonkeyPatch, idle: bool | None, throttled: bool | None
) -> None:
    program(four, "stream", (1.0, 1.0, 1.2, 1.0))
    monkeypatch.setattr(watch, "at_rest", lambda _bus: idle)
    monkeypatch.setattr(watch, "during", lambda _bus, _s, work: (work(), throttled))
    assert ran(four, "stream").findings == []


def test_gpus_of_another_kind_are_no_siblings(four: Machine, free: list[str]) -> None:
    smaller = {"name": "Fake GPU PCIe", "memory_clock_khz": 800_000}
    program(four, "stream", (1.0, 1.0, 1.2, 1.2), more={2: smaller, 3: smaller})
    report = ran(four, "stream")
    assert report.findings == []
    assert {tuple(row.ordinals) for row in report.spreads} == {(0, 1), (2, 3)}


def test_far_under_the_roof_is_one_finding_a_case(four: Machine, free: list[str]) -> None:
    program(four, "stream", (1.0, 1.0, 4.0, 1.0))
    messages = [f.message for f in ran(four, "stream").findings]
    assert len(messages) == 2 and all("GPU 2" in m and "roof" in m for m in messages)


def test_what_fails_alike_is_one_finding(four: Machine) -> None:
    four.program("stream", "import os\nos.abort()")
    report = ran(four, "stream")
    assert [f.code for f in report.findings] == ["KRN902"]
    assert "GPUs 0, 1, 2, 3" in report.findings[0].message
    assert [row.ran for row in report.kernels] == ["crashed"] * 4
