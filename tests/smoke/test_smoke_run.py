"""Whole runs with a fake compiler: healthy ones are silent, each failure is its own kernel's."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Machine, says, valid

from gpufix.kernels.execute import RunResult
from gpufix.kernels.toolchain import parse_target
from gpufix.model import Binaries, CodeObject, Distribution, Gpu, Library, Python, Severity, Torch
from gpufix.model.smoke_result import SmokeReport
from gpufix.smoke import suite, watch
from gpufix.smoke.suite import smoke


def runtime_error(name: str) -> str:
    error = {"name": name, "text": "said the runtime", "call": "gpuMalloc", "where": "x.h:1"}
    return says("launch", {"kernel": "launch", "status": "error", "error": error}) + "exit(3)\n"


def codes(report: SmokeReport) -> list[str]:
    return [finding.code for finding in report.findings]


def row(report: SmokeReport, kernel: str) -> tuple[str, str]:
    found = next(r for r in report.kernels if r.kernel == kernel)
    return found.compiled, found.ran


def test_a_healthy_machine(machine: Machine) -> None:
    machine.works("launch")
    machine.works("warp")
    report = smoke(machine.facts, machine.request("launch", "warp"))
    assert report.findings == []
    assert [r.ran for r in report.kernels] == ["ok", "ok"]
    assert report.devices[0].bandwidth == pytest.approx(1e12)
    again = smoke(machine.facts, machine.request("launch", "warp"))
    assert [r.compiled for r in again.kernels] == ["cached", "cached"]


# Runs beside the other kernel's program: each waits until both have started.
BESIDE = """\
import os, sys, time
lock = sys.argv[sys.argv.index("--turns") + 1]
open(lock + {kernel!r}, "w").close()
while not os.path.exists(lock + {other!r}):
    time.sleep(0.01)
"""


@pytest.fixture
def large(machine: Machine) -> Machine:
    host = replace(machine.facts.host, cpus=8, memory_available=64 << 30)
    machine.facts = replace(machine.facts, host=host)
    return machine


def test_programs_run_beside_each_other(large: Machine) -> None:
    for kernel, other in (("launch", "warp"), ("warp", "launch")):
        large.works(kernel)
        path = large.folder / "programs" / f"{kernel}.py"
        path.write_text(BESIDE.format(kernel=kernel, other=other) + path.read_text())
    report = smoke(large.facts, large.request("launch", "warp"))
    assert report.findings == []
    assert [r.ran for r in report.kernels] == ["ok", "ok"]


@pytest.mark.some(1)
@pytest.mark.parametrize(
    "beside", ["time.sleep(600)", runtime_error("cudaErrorMemoryAllocation"),
               runtime_error("cudaErrorDevicesUnavailable")],
)  # fmt: skip
def test_what_the_others_may_have_caused_is_run_again_alone(large: Machine, beside: str) -> None:
    large.works("launch")
    path = large.folder / "programs" / "launch.py"
    inner = "".join(f"    {line}\n" for line in beside.splitlines())
    path.write_text("import sys, time\nif '--turns' in sys.argv:\n" + inner + path.read_text())
    large.works("warp")
    report = smoke(large.facts, large.request("launch", "warp"))
    assert report.findings == []
    assert [r.ran for r in report.kernels] == ["ok", "ok"]


def test_slow_times_wait_for_torchs_extension(
    large: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the GPU, and a GPU that is held is never judged."""
    done: list[str] = []

    def extension(*_: object, **__: object) -> RunResult:
        time.sleep(1.0)
        done.append("extension")
        return RunResult("torch_extension", "ok")

    monkeypatch.setattr(suite, "_torch_extension", extension)
    monkeypatch.setattr(watch, "at_rest", lambda _bus: done == ["extension"])
    monkeypatch.setattr(watch, "during", lambda _bus, _s, work: (work(), False))
    large.works("stream", sizes=SLOW)
    assert codes(smoke(large.facts, large.request("stream"))) == ["KRN904", "KRN904"]


def test_a_wrong_result_is_not_tried_again(large: Machine) -> None:
    """A GPU that computes wrongly now and then is no healthy one."""
    large.works("launch")
    path = large.folder / "programs" / "launch.py"
    wrong = says("launch", valid("launch", "latency", 1.0, valid=False))
    inner = "".join(f"    {line}\n" for line in [*wrong.splitlines(), "exit(1)"])
    path.write_text("import sys\nif '--turns' in sys.argv:\n" + inner + path.read_text())
    assert codes(smoke(large.facts, large.request("launch"))) == ["KRN903"]


def test_what_does_not_apply_is_no_fault(machine: Machine) -> None:
    turing = (parse_target("sm_75"),)
    request = machine.request("matmul", targets=turing, compile_only=True)
    report = smoke(machine.facts, request)
    assert report.findings == []
    assert row(report, "matmul") == ("not applicable", "not applicable")


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("code", "ran", "finding", "words"),
    [
        (
            runtime_error("cudaErrorMemoryAllocation"),
            "error",
            "RUN806",
            "0.5 of 24.0 GiB were free",
        ),
        (runtime_error("cudaErrorDevicesUnavailable"), "error", "KRN902", "device busy"),
        (runtime_error("cudaErrorNoDevice"), "error", "KRN902", "no device"),
        ("import os\nos.abort()", "crashed", "KRN902", "crashed"),
        ("import time\ntime.sleep(600)", "timeout", "KRN902", "timeout"),
        ("print('{nonsense')", "bad output", "KRN902", "bad output"),
        ("pass", "bad output", "KRN902", "bad output"),
        (
            says("launch", valid("launch", "latency", 1.0, valid=False, max_err=None)) + "exit(1)",
            "wrong",
            "KRN903",
            "not a number",
        ),
    ],
)
def test_one_fails_the_other_runs(
    machine: Machine, code: str, ran: str, finding: str, words: str
) -> None:
    machine.works("warp")
    machine.program("launch", code)
    report = smoke(machine.facts, machine.request("launch", "warp"))
    assert row(report, "launch") == ("built", ran)
    assert row(report, "warp") == ("built", "ok")
    assert codes(report) == [finding]
    assert report.findings[0].severity is Severity.error
    assert words in report.findings[0].message


def test_one_cause_is_one_finding(machine: Machine) -> None:
    for kernel in ("launch", "warp"):
        machine.program(kernel, runtime_error("cudaErrorNoDevice"))
    report = smoke(machine.facts, machine.request("launch", "warp"))
    assert [f.subject for f in report.findings] == ["launch, warp"]


def test_the_compilers_own_words(machine: Machine) -> None:
    machine.works("warp")
    report = smoke(machine.facts, machine.request("launch", "stream", "warp"))
    assert row(report, "warp") == ("built", "ok")
    assert row(report, "launch") == ("failed", "not run")
    [finding] = report.findings  # both say the same of different files
    assert (finding.code, finding.subject) == ("KRN901", "launch, stream")
    assert "identifier is undefined" in finding.message


def test_no_compiler_names_what_brings_one(machine: Machine) -> None:
    facts = replace(machine.facts, toolkits=[], tools=[])
    targets = (parse_target("sm_120"), parse_target("gfx1030"))
    report = smoke(facts, machine.request("launch", targets=targets, compile_only=True))
    assert codes(report) == ["KRN901", "KRN901"]
    commands = [[fix.command or "" for fix in finding.fixes] for finding in report.findings]
    assert "cuda-toolkit[nvcc,crt,nvvm,cudart,cccl]==13.0" in commands[0][1]
    assert any("rocm-device-libs" in command for command in commands[1])
    assert {r.compiled for r in report.kernels} == {"not tried"}


def test_no_compiler_names_the_fallback_of_what_is_installed(machine: Machine) -> None:
    """For an extension that has no code for the GPU; not for one that has, or is ours."""
    versions = {"1.0.0": ["sm_75"], "1.0.0+gpufix": ["sm_75"], "1.0.1": ["sm_75", "sm_120"]}
    titles = []
    for version, archs in versions.items():
        dists = [
            Distribution(name=name, version=number, location="/site")
            for name, number in (("fused-ssim", version), ("torch", "2.9.0"))
        ]
        code = [CodeObject(kind="cubin", arch=arch) for arch in archs]
        library = Library(path="/site/fused_ssim_cuda.so", distribution="fused-ssim", code=code)
        given = {"toolkits": [], "distributions": dists, "binaries": Binaries(libraries=[library])}
        whole = replace(machine.facts, **given)
        request = machine.request("launch", targets=(parse_target("sm_120"),), compile_only=True)
        [finding] = smoke(
            replace(whole, binaries=Binaries()), request, whole=lambda w=whole: w
        ).findings
        titles.append([f.title for f in finding.fixes if f.safety == "unsafe"])
    assert titles == [["install gpufix's fused_ssim in place of fused-ssim 1.0.0"], [], []]


def test_with_a_compiler_no_library_is_read(machine: Machine) -> None:
    machine.works("launch")
    request = machine.request("launch")
    assert codes(smoke(machine.facts, request, whole=lambda: pytest.fail("read"))) == []


def test_a_compiler_that_cannot_start(machine: Machine) -> None:
    machine.nvcc.write_text("#!/bin/sh\necho broken installation >&2\nexit 1\n")
    report = smoke(machine.facts, machine.request("launch"))
    assert codes(report) == ["KRN901"]
    assert "broken installation" in report.findings[0].evidence[0].text


def test_the_runtime_shows_no_such_device(machine: Machine) -> None:
    """Two GPUs of different kinds: the program for one is never run on the other."""
    machine.works("launch")
    other = Gpu(vendor="nvidia", index=1, arch="sm_75", source="nvml")
    facts = replace(machine.facts, gpus=[*machine.facts.gpus, other])
    good = smoke(facts, machine.request("launch"))
    assert row(good, "launch") == ("built", "ok")
    bad = smoke(facts, machine.request("launch", targets=(parse_target("sm_75"),)))
    assert codes(bad) == ["KRN902"]
    assert row(bad, "launch") == ("built", "not run")


SLOW = {"n": 1000.0}  # 8 kB in a millisecond


@pytest.mark.parametrize(
    ("idle", "throttled", "expected"),
    [
        (True, False, ["KRN904", "KRN904"]),
        (True, True, []),
        (True, None, []),
        (False, False, []),
        (None, False, []),
    ],
)
def test_slow_is_said_only_of_a_free_gpu(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    idle: bool | None,
    throttled: bool | None,
    expected: list[str],
) -> None:
    machine.works("stream", sizes=SLOW)
    monkeypatch.setattr(watch, "at_rest", lambda _bus: idle)
    monkeypatch.setattr(watch, "during", lambda _bus, _s, work: (work(), throttled))
    report = smoke(machine.facts, machine.request("stream"))
    assert codes(report) == expected
    assert all(f.severity is Severity.advice for f in report.findings)


def test_cases_that_are_not_judged_are_never_slow(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.works("knn", sizes=SLOW)
    monkeypatch.setattr(watch, "at_rest", lambda _bus: pytest.fail("asked"))
    assert smoke(machine.facts, machine.request("knn")).findings == []


def test_the_extension_build_fails(machine: Machine, tmp_path: Path) -> None:
    """The patient's torch does not import: torch's words, as KRN905."""
    python = Python(
        executable=sys.executable, version="3.11.0", tag="cp311", prefix=sys.prefix,
        base_prefix=sys.base_prefix, kind="venv",
    )  # fmt: skip
    torch = Torch(state="ok", location=str(tmp_path), version="2.0")
    facts = replace(machine.facts, python=python, torch=torch)
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libc10.so is gone')\n")
    request = machine.request("launch", with_torch_extension=True)
    machine.works("launch")
    report = smoke(facts, replace(request, env={**request.env, "PYTHONPATH": str(tmp_path)}))
    assert codes(report) == ["KRN905"]
    assert "libc10.so is gone" in report.findings[0].message
    quiet = smoke(facts, replace(request, compile_only=True))
    assert quiet.findings == []
