"""What is kept can be read again; what is not such a file is refused, saying where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpufix.model import PatientSummary
from gpufix.model.smoke_result import CaseRow, DeviceRow, KernelRow, SmokeReport, TimeMs
from gpufix.smoke.save import CorruptSave, compare, dumps, load, save


def report(median: float, target: str = "sm_90", n: float = 8, spread: float = 0.01) -> SmokeReport:
    time = TimeMs(median=median, min=median * (1 - spread), max=median * (1 + spread), runs=20)
    case = CaseRow(name="copy", status="valid", sizes={"n": n}, time_ms=time)
    row = KernelRow(kernel="stream", target=target, compiled="built", ran="ok", cases=[case])
    device = DeviceRow(target=target, ordinal=0, about={"name": "Fake GPU"})
    return SmokeReport(
        gpufix_version="1", patient=PatientSummary(), kernels=[row], devices=[device]
    )


def test_round_trip(tmp_path: Path) -> None:
    save(report(1.0), tmp_path / "x")
    assert load(tmp_path / "x") == report(1.0)


@pytest.mark.parametrize(
    ("now", "then", "ratio", "regression"),
    [
        (report(1.0), report(1.0), 1.0, False),
        (report(1.09), report(1.0), 1.09, False),
        (report(1.11), report(1.0), 1.11, True),
        (report(0.5), report(1.0), 0.5, False),
        (report(2.0, "sm_90"), report(1.0, "sm_75"), 2.0, True),  # another machine's
        (report(1.2, spread=0.5), report(1.0), 1.2, False),  # within the spread
    ],
)
def test_ratios(now: SmokeReport, then: SmokeReport, ratio: float, regression: bool) -> None:
    [change] = compare(now, then, "f").changes
    assert (change.ratio, change.regression) == (pytest.approx(ratio), regression)


def test_other_sizes_are_not_compared() -> None:
    beside = compare(report(1.0, n=8), report(1.0, n=16), "f")
    assert (beside.changes, beside.left_out, beside.devices) == ([], 1, ["Fake GPU"])


def test_the_same_gpu_else_the_first() -> None:
    def run(*medians: float) -> SmokeReport:
        rows = [replace(report(median).kernels[0], ordinal=i) for i, median in enumerate(medians)]
        return replace(report(1.0), kernels=rows)

    beside = compare(run(1.0, 2.0, 3.0), run(1.0, 4.0), "f")
    assert [(c.ordinal, c.ratio) for c in beside.changes] == [(0, 1.0), (1, 0.5), (2, 3.0)]


def _changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(dumps(report(1.0))), **fields}).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1"),
        (b'{"kind":\n  oops}', "line 2, column 3"),
        (b"[]", "top level"),
        (b"{}", "gpufix_version"),
        (b"\xff{}", "not a saved run"),
        (b"[" * 100_000, "not a saved run"),
        (b'{"schema_version": ' + b"9" * 10_000 + b"}", "not a saved run"),
        (_changed(schema_version=2), "schema_version"),
        (_changed(kind="something"), "kind"),
        (_changed(kernels=[{"kernel": 3}]), "kernels.0"),
        (dumps(report(1.0)).replace('"median": 1.0', '"median": NaN').encode(), "median"),
        (dumps(report(1.0)).replace('"median": 1.0', '"median": 0').encode(), "median"),
    ],
)
def test_corrupt_files(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CorruptSave, match=says):
        load(tmp_path / "x")
