"""Where gpufix's own fixes are asked beside `doctor` and `fix`, one that crashes is told as well.

By name (`--fallback`), in a build, with a log and in a smoke test. A stand-in makes them crash.
"""

from __future__ import annotations

import io
from dataclasses import replace

import builders as b
import pytest

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.engine.run.propose import FixRequest, propose
from gpufix.explain.confirm import check
from gpufix.explain.read import read
from gpufix.fallbacks.catalogue import UnknownFallback
from gpufix.fixes.build_environment.assemble import build_environment
from gpufix.kernels.toolchain import KernelTarget
from gpufix.model import Binaries, CodeObject, Facts, Library
from gpufix.smoke.compile import ToolchainChoice
from gpufix.smoke.smoke_findings import no_compiler

FALLBACK = "gpufix.fixes.fallback.install_fallback.fit.originals"
CRASHES = pytest.mark.parametrize("crash", [False, True])


def boom(*_: object) -> None:
    raise ValueError("boom")


@CRASHES
def test_a_fallback_that_is_asked_for(crash: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if crash:
        monkeypatch.setattr(FALLBACK, boom)
    made = propose(b.healthy(), None, FixRequest(Request(), fallbacks=("fused_ssim",)))
    assert [f.code for f in made.failures] == ["DOC003"] * crash
    if crash:
        assert (
            "planning for --fallback (fused_ssim): ValueError('boom')" in made.failures[0].message
        )
        assert made.choice.plans == made.choice.skips == []
    with pytest.raises(UnknownFallback):
        propose(b.healthy(), None, FixRequest(Request(), fallbacks=("no such",)))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (None, ""),
        ("gpufix.fixes.toolchain.point_cuda_home.cuda_torch", "DOC003"),
        ("gpufix.checks.toolchain.tch204_toolkit_missing.cuda_torch", "DOC001"),
    ],
)
def test_a_build(place: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crashes are obstacles: a variable may be missing."""
    words = {
        "DOC003": "The fix point-cuda-home (gpufix.fixes.toolchain.point_cuda_home) crashed while planning",
        "DOC001": "The check of TCH204 (gpufix.checks.toolchain.tch204_toolkit_missing) crashed",
    }
    if place:
        monkeypatch.setattr(place, boom)
    view = b.view(b.healthy(toolkits=[]), "sm_120")
    obstacles = "\n".join(build_environment(view).obstacles)
    assert ("crashed" in obstacles) is bool(said)
    assert words.get(said, "") in obstacles


@CRASHES
def test_a_log(crash: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'File "/ws/a.py", line 1, in f\n    dist2 = distCUDA2(points)\nRuntimeError: ' \
           "parallel_for failed: cudaErrorMemoryAllocation: out of memory\n"  # fmt: skip
    told = read(io.BytesIO(text.encode()))[0].primary
    assert told is not None
    diagnosis = diagnose(b.healthy(), Request())
    if crash:
        monkeypatch.setattr(FALLBACK, boom)
    answer = check(told, diagnosis, b.view(b.healthy()))
    assert (answer.plan is None) is crash
    crashed = [line for line in answer.statements if line.startswith("DOC003: The fix install-")]
    assert len(crashed) == crash


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        (None, ["KRN901"]),
        (FALLBACK, ["KRN901", "DOC003"]),
        ("gpufix.checks.gpu.gpu103_extension_lacks_target.extensions", ["KRN901", "DOC001"]),
    ],
)
def test_a_smoke_test(place: str | None, codes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if place:
        monkeypatch.setattr(place, boom)
    findings = list(
        no_compiler(_with_an_old_extension(), KernelTarget("sm_120"), ToolchainChoice(None))
    )
    assert [f.code for f in findings] == codes


def _with_an_old_extension() -> Facts:
    code = [CodeObject(kind="cubin", arch="sm_75")]
    library = Library(path="/site/fused_ssim_cuda.so", distribution="fused-ssim", code=code)
    healthy = b.healthy()
    return replace(
        healthy,
        distributions=[*healthy.distributions, b.dist("fused-ssim", "1.0.0")],
        binaries=Binaries(libraries=[library]),
    )
