"""An out-of-memory in an extension that gpufix has a replacement for."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import builders as b

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.explain.confirm import check
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import read

OOM = "RuntimeError: parallel_for failed: cudaErrorMemoryAllocation: out of memory\n"
FRAME = '  File "/ws/scene/gaussian_model.py", line 134, in create_from_pcd\n    {}\n'
KNN = FRAME.format("dist2 = torch.clamp_min(distCUDA2(points), 0.0000001)")
SSIM = FRAME.format("loss = 1.0 - fused_ssim(image, target)")


def explanation(text: str) -> Explanation:
    primary = read(io.BytesIO(text.encode()))[0].primary
    assert primary is not None
    return primary


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        (OOM, None),
        (FRAME.format("x = my_distCUDA2s(points)") + OOM, None),
        ("CUDA error: no kernel image is available for execution on the device\n" + KNN, None),
        (KNN + OOM, "simple_knn"),
        (KNN + SSIM + OOM, "fused_ssim"),
        (
            KNN + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n",
            "simple_knn",
        ),
    ],
)
def test_whose_allocation_it_was(text: str, extension: str | None) -> None:
    assert explanation(text).captures.get("extension") == extension


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("1.0.0", "gpufix fix --apply --fallback simple_knn"),
        (None, "gpufix fix --apply --fallback simple_knn"),
        ("1.0.0+gpufix", None),
    ],
)
def test_the_plan_is_named(version: str | None, command: str | None) -> None:
    installed = [b.dist("simple-knn", version)] if version else []
    facts = b.healthy(distributions=[*b.healthy().distributions, *installed])
    found = check(explanation(KNN + OOM), diagnose(facts, Request()), b.view(facts))
    assert (found.state, found.finding) == ("cannot tell", None)
    assert (found.plan.command if found.plan else None) == command


def test_a_fallback_that_asks_for_as_much_is_none() -> None:
    facts = b.healthy(distributions=[*b.healthy().distributions, b.dist("fused-ssim")])
    assert check(explanation(SSIM + OOM), diagnose(facts, Request()), b.view(facts)).plan is None
