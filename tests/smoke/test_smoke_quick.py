"""--quick: whether each GPU works with the patient's torch, by stand-ins for that torch's Python."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import DEVICE, Machine

from gpufix.cli.smoke import _run
from gpufix.kernels.toolchain import parse_target
from gpufix.kernels.torch_program import TORCH_QUICK, run_torch_quick
from gpufix.model import Distribution, Facts, Python, Torch
from gpufix.model.smoke_result import SmokeReport
from gpufix.smoke import watch
from gpufix.smoke.quick import quick
from programs import write_program

# Started as `python -B quick.py --device N`, or as `python -c CODE` with the modules of its folder. Sees
# `visible` GPUs.
PATIENT = """\
import json, sys
if sys.argv[1] == "-c":
    sys.path.insert(0, sys.argv[0].rpartition("/")[0])
    exec(sys.argv[2])
    sys.exit()
ordinal, visible = int(sys.argv[-1]), {visible!r}
def say(**line):
    print(json.dumps(dict(kernel="torch_quick", **line)), flush=True)
def fail(name, text):
    say(status="error", error=dict(name=name, text=text, call="torch.cuda.init", where="quick.py"))
    sys.exit(3)
if {broken!r}:
    fail("RuntimeError", {broken!r})
if ordinal >= visible:
    say(device=dict(visible=visible))
    fail("NoSuchDevice", "torch sees fewer")
say(device=dict({device!r}, visible=visible, bus_id=str(ordinal)), seed="0")
for case in {cases!r}:
    ms = {times!r}[ordinal]
    say(case=case, valid=case not in {wrong!r}.get(ordinal, ()), sizes=dict(n=1e8 if case == "copy" else 4096),
        max_err=0.0, rel_err=0.0, tolerance=1e-5, time_ms=dict(median=ms, min=ms, max=ms, runs=9))
"""


def patient(
    machine: Machine,
    visible: int = 1,
    gpus: int = 1,
    broken: str = "",
    times: tuple[float, ...] = (1.0,) * 8,
    wrong: dict[int, tuple[str, ...]] | None = None,
) -> Facts:
    given: dict[str, Any] = {"visible": visible, "broken": broken, "times": times}
    given |= {"device": {k: v for k, v in DEVICE.items() if k != "bus_id"}, "wrong": wrong or {}}
    cases = [case.name for case in TORCH_QUICK.cases]
    program = write_program(machine.folder / "python", PATIENT.format(cases=cases, **given))
    python = Python(
        executable=str(program), version="3.11.0", tag="cp311", prefix=str(machine.folder),
        base_prefix=sys.base_prefix, kind="venv",
    )  # fmt: skip
    torch = Torch(state="ok", location="/site/torch", version="2.0")
    seen = [replace(machine.facts.gpus[0], index=i) for i in range(gpus)]
    return replace(machine.facts, python=python, torch=torch, gpus=seen)


def asked(facts: Facts) -> SmokeReport:
    return quick(facts, parse_target("sm_90"), {"PATH": "/usr/bin:/bin"})


def test_healthy_gpus(machine: Machine) -> None:
    report = asked(patient(machine, visible=2, gpus=2))
    assert report.findings == []
    assert [(r.kernel, r.target, r.ordinal, r.compiled, r.ran) for r in report.kernels] == [
        ("torch_quick", "sm_90", i, "not applicable", "ok") for i in (0, 1)
    ]
    timed = {case.name: case for case in report.kernels[0].cases}
    assert timed["copy"].gb_s == pytest.approx(800)
    assert timed["matmul"].tflop_s == pytest.approx(137.439)
    assert {row.case for row in report.spreads} == {"copy", "matmul"}


@pytest.mark.parametrize(("visible", "gpus"), [(1, 3), (3, 1)])
def test_the_gpus_are_those_that_torch_sees(machine: Machine, visible: int, gpus: int) -> None:
    """A variable hides some; or the driver was not asked."""
    report = asked(patient(machine, visible=visible, gpus=gpus))
    assert report.findings == []
    assert [row.ordinal for row in report.kernels] == list(range(visible))


def test_a_wrong_result_names_the_gpu(machine: Machine) -> None:
    report = asked(patient(machine, visible=2, gpus=2, wrong={1: ("convolution",)}))
    [finding] = report.findings
    assert finding.code == "KRN903"
    assert finding.message.startswith("torch_quick on sm_90 GPU 1: case convolution")


@pytest.mark.parametrize("gpus", [1, 4])
def test_a_torch_that_sees_none_is_one_finding(machine: Machine, gpus: int) -> None:
    report = asked(patient(machine, gpus=gpus, broken="No CUDA GPUs are available"))
    [finding] = report.findings
    assert finding.code == "KRN902"
    assert "RuntimeError: No CUDA GPUs are available" in finding.message
    assert "GPUs" not in finding.subject and len(report.kernels) == 1


def test_one_gpu_multiplies_slower(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "at_rest", lambda _bus: True)
    monkeypatch.setattr(watch, "during", lambda _bus, _s, work: (work(), False))
    report = asked(patient(machine, visible=3, gpus=3, times=(1.0, 1.0, 1.1)))
    cases = [f.message.partition(": case ")[2].split()[0] for f in report.findings]
    assert cases == ["copy", "matmul"]
    assert all("on sm_90 GPU 2" in finding.message for finding in report.findings)


def test_a_patient_without_torch(machine: Machine) -> None:
    report = asked(replace(patient(machine), torch=None))
    assert (report.findings, report.kernels) == ([], [])
    assert report.notes == ["torch_quick not applicable: the patient has no torch"]


@pytest.mark.parametrize(
    ("version", "module", "said"),
    [
        ("1.0.0", "def launcher(): return 'C++'", None),  # the original
        ("1.0.0+gpufix", "raise ImportError", None),
        ("1.0.0+gpufix", "def launcher(): return 'C++'", "C++"),
        (
            "1.0.0+gpufix",
            "def launcher(): return 'Python: no C++ compiler'",
            "Python: no C++ compiler",
        ),
    ],
)
def test_what_launches_a_fallback(
    machine: Machine, version: str, module: str, said: str | None
) -> None:
    (machine.folder / "fused_ssim.py").write_text(module)
    installed = [
        Distribution(name=name, version=found, location="/site")
        for name, found in (("fused-ssim", version), ("simple-knn", "1.0+gpufix"), ("other", "1"))
    ]
    facts = replace(patient(machine), distributions=installed)
    notes = asked(facts).notes
    assert notes == ([f"steps of fused_ssim (fallback) are launched by {said}"] if said else [])


def test_the_command_asks_torch_only(machine: Machine) -> None:
    facts = patient(machine)
    report = _run(facts, machine.request("launch", quick=True), lambda: facts)
    assert [row.kernel for row in report.kernels] == ["torch_quick"]
    assert report.compilers == []


def test_a_torch_for_the_cpu(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(
        "__version__ = '2.0+cpu'\n"
        "class version: cuda = hip = None\n"
        "def get_num_threads(): return 1\n"
        "def set_num_threads(n): pass\n"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    result = run_torch_quick(Path(sys.executable), ["--device", "0"], env)
    assert result.status == "error"
    assert result.cause.startswith("NoGpu: torch 2.0+cpu is built for the CPU")


@pytest.mark.slow
@pytest.mark.needs("torch")
def test_every_case_on_a_cpu() -> None:
    result = run_torch_quick(Path(sys.executable), ["--cpu"])
    assert result.status == "ok", result.message
    assert [case.name for case in result.cases] == [case.name for case in TORCH_QUICK.cases]
    assert {case.status for case in result.cases} == {"valid"}
    assert [case.name for case in result.cases if case.time_ms] == ["copy", "matmul"]
