"""The fused_ssim fallback's tiers, each in a process of its own."""

from __future__ import annotations

import subprocess
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMPARE = """
import torch
import fused_ssim
from fused_ssim._choice import EAGER

name = fused_ssim.tier("{device}").name
generator = torch.Generator().manual_seed(0)
def at(shift, image):  # so many floats from where memory begins
    flat = torch.cat((torch.zeros(shift), image.flatten())).to("{device}")
    return flat[shift:].view(image.shape)

for shift, *shape in {shapes}:
    y = torch.rand(shape, generator=generator)
    x = 0.7 * y + 0.3 * torch.rand(shape, generator=generator)
    x, y = at(shift, x), at(shift, y)
    run = fused_ssim.implementation(x, 5)
    assert type(run) is not type(EAGER), run
    for margin in (0, 5):
        count = shape[0] * shape[1] * max(shape[2] - 2 * margin, 0) * max(shape[3] - 2 * margin, 0)
        results = []
        for one in (run, EAGER):
            mean, kept = one.mean(x, y, 1e-4, 9e-4, 5, margin, True)
            gradient = one.mean_backward(x, y, kept, x.new_tensor(1.5), count, 5)
            results.append((mean, gradient) if name == "cuda" else (mean, kept, gradient))
        torch.testing.assert_close(*results, rtol=2e-4, atol=2e-4, equal_nan=True)
    chain = torch.rand(shape, generator=generator).to(x.device)
    results = []
    for one in (run, EAGER):
        whole, kept = one.forward(x, y, 1e-4, 9e-4, 5, True)
        only, nothing = one.forward(x, y, 1e-4, 9e-4, 5, False)
        assert nothing is None
        torch.testing.assert_close(only, whole, rtol=0, atol=1e-5)  # the compilers' kernels differ
        results.append((whole, kept, one.backward(x, y, kept, chain, 5), one.backward(x, y, kept, None, 5)))
    torch.testing.assert_close(*results, rtol=2e-4, atol=2e-4)
print(name)
"""


@pytest.mark.slow
@pytest.mark.needs("Triton's interpreter counts")
def test_triton_interpreted(script: Any, interpreter: dict[str, str]) -> None:
    text = COMPARE.format(
        device="cpu", shapes=[(0, 1, 2, 3, 131), (0, 1, 1, 13, 14), (0, 2, 1, 1, 1)]
    )
    done = script("fused_ssim", text, GPUFIX_FUSED_SSIM_TIER="triton", **interpreter)
    assert done.stdout.split() == ["triton"]


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h")
def test_compiled(script: Any) -> None:
    text = COMPARE.format(device="cpu", shapes=[(0, 1, 3, 40, 30), (0, 2, 1, 12, 70)])
    done = script("fused_ssim", text, GPUFIX_FUSED_SSIM_TIER="compile")
    assert done.stdout.split() == ["compile"]


ON_A_GPU = [
    (0, 1, 3, 545, 980), (0, 2, 1, 12, 70), (0, 1, 1, 1, 1), (0, 3, 2, 131, 513), (1, 1, 2, 97, 246),
]  # fmt: skip


@pytest.mark.needs("GPU", "gcc", "g++", "Python.h")
@pytest.mark.parametrize(
    "tier",
    [pytest.param("cuda", marks=pytest.mark.needs("CUDA GPU")), "triton", "compile", "eager"],
)
def test_on_a_gpu(script: Any, tier: str) -> None:
    text = COMPARE.format(device="cuda", shapes=ON_A_GPU)
    done = script("fused_ssim", text, GPUFIX_FUSED_SSIM_TIER=tier)
    assert done.stdout.split() == [tier]


@pytest.mark.slow
@pytest.mark.needs("nvcc")
@pytest.mark.parametrize("arch", ["sm_75", "sm_90", "sm_120"])
def test_the_cuda_sources_compile(
    imported: Callable[[str], types.ModuleType], tmp_path: Path, arch: str
) -> None:
    imported("fused_ssim")
    from fused_ssim import _cuda  # type: ignore[import-not-found]

    file = tmp_path / "kernels.cu"
    file.write_text(_cuda.source(), "utf-8")
    command = ["nvcc", "-cubin", "-o", "/dev/null", f"-arch={arch}", *_cuda.OPTIONS, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr


def test_on_a_cpu_it_is_said_once_what_runs(script: Any) -> None:
    text = """
import torch, sys
import fused_ssim
assert not {"triton", "torch._dynamo", "torch._inductor"} & set(sys.modules), "import is cheap"
x = torch.rand(1, 1, 12, 12)
for _ in range(3):
    fused_ssim.fused_ssim(x, x)
tier = fused_ssim.tier("cpu")
print(tier.name, tier.device, sorted(tier.reasons))
"""
    done = script("fused_ssim", text)
    assert done.stdout.split("\n")[0] == "eager cpu ['compile', 'cuda', 'triton']"
    said = done.stderr.strip().split("\n")
    assert len(said) == 1 and said[0].startswith(
        "fused_ssim (gpufix): eager on cpu; not cuda: not a GPU of NVIDIA's; "
        "not triton: Triton compiles nothing for cpu tensors; "
    )


def test_a_mistyped_variable_is_an_error(script: Any) -> None:
    text = "import torch, fused_ssim\nfused_ssim.fused_ssim(*[torch.rand(1, 1, 4, 4)] * 2)"
    done = script("fused_ssim", text, check=False, GPUFIX_FUSED_SSIM_TIER="fast")
    assert done.returncode != 0
    assert "GPUFIX_FUSED_SSIM_TIER=fast: choose one of cuda, triton, compile, eager" in done.stderr


@pytest.mark.parametrize("slots", [1, 132 * 5, 10_000])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1), (3, 1080, 1920), (15, 1080, 1920), (3, 545, 980), (1, 3, 100_000), (7, 129, 127)],
)
def test_the_programs_cover_the_image(
    imported: Callable[[str], types.ModuleType], shape: tuple[int, int, int], slots: int
) -> None:
    imported("fused_ssim")
    from fused_ssim._cut import BLOCK, cut  # type: ignore[import-not-found]

    planes, height, width = shape
    share = cut(planes, height, width, slots)
    assert (share.strips - 1) * BLOCK < width <= share.strips * BLOCK
    assert (share.segments - 1) * share.rows < height <= share.segments * share.rows
    assert share.programs == planes * share.strips * share.segments
