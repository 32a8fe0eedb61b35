"""HTML reports for tests: of hostile text, and one with every section."""

from __future__ import annotations

from dataclasses import replace

from hostile import diagnosis

from gpufix.evidence.coverage import Row
from gpufix.evidence.gpu_code import Service
from gpufix.kernels.manifest import load
from gpufix.model import Held, Plan, Proposal, StepPreview, Target
from gpufix.model.base import from_json
from gpufix.model.smoke_result import CaseRow, DeviceRow, KernelRow, SmokeReport, TimeMs
from gpufix.report.html import Content, render

TARGETS = [
    Target(vendor="nvidia", arch="sm_120", name="NVIDIA GeForce RTX 5090", source="GPU 0"),
    Target(vendor="nvidia", arch="sm_90", source="--gpu sm_90"),
]
_SIZES = {"n": 4096.0, "length": 1024.0, "heads": 8.0}


def page(text: str, rows: int = 4) -> str:
    """Every string that can come from elsewhere is `text`; `rows` libraries in the matrix."""
    return render(content(text, rows))


def content(text: str, rows: int = 4) -> Content:
    """The same before it is rendered."""
    found = replace(diagnosis(text), targets=TARGETS)
    hows = (Service.native, Service.jit, Service.too_new, Service.none, Service.unknown)
    matrix = tuple(
        Row(f"{text}{n}", text, text, {"sm_120": hows[n % 5], "sm_90": Service.native})
        for n in range(rows)
    )
    return Content(found, matrix, _proposal(text, found.patient), _run(text, found.patient))


def _plan(text: str, safety: str) -> Plan:
    return from_json(
        Plan,
        {
            "fix": "x",
            "codes": ["WHL503"],
            "subjects": [text],
            "title": text,
            "safety": safety,
            "steps": [],
            "notes": [text],
        },
    )


def _proposal(text: str, patient: object) -> Proposal:
    step = StepPreview(kind="write-file", title=text, commands=[text], diff=f"-{text}\n+{text}\n")
    return from_json(
        Proposal,
        {
            "gpufix_version": "0",
            "patient": patient,
            "plans": [_plan(text, "safe")],
            "steps": [step],
            "held": [Held(plan=_plan(text, "unsafe"), reason=text)],
            "refused": text,
        },
    )


def _run(text: str, patient: object) -> SmokeReport:
    stream = load("stream")
    time = TimeMs(median=0.5, min=0.4, max=0.6, runs=5)
    cases = [
        CaseRow(name=c.name, status="valid", sizes=_SIZES, time_ms=time, bound=text, fraction=0.9)
        for c in stream.cases
    ]
    device = DeviceRow(
        target="sm_90", ordinal=0, about={"name": text}, bandwidth=4.8e12, fp32=6.7e13, bf16=9.9e14
    )
    kernels = [
        KernelRow(kernel="stream", target="sm_90", compiled="built", ran="ok", cases=cases),
        KernelRow(kernel=text, target=text, compiled="failed", message=text),
    ]
    return from_json(
        SmokeReport,
        {"gpufix_version": "0", "patient": patient, "devices": [device], "kernels": kernels},
    )
