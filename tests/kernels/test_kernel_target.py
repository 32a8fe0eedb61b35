from __future__ import annotations

import pytest

from gpufix.kernels.toolchain import KernelTarget, parse_target


@pytest.mark.parametrize(
    ("text", "target", "vendor", "matrix"),
    [
        ("sm_75", KernelTarget("sm_75"), "cuda", False),
        ("sm_80", KernelTarget("sm_80"), "cuda", True),
        ("sm_90a", KernelTarget("sm_90a"), "cuda", True),
        ("sm_120+PTX", KernelTarget("sm_120", ptx=True), "cuda", True),
        ("SM_120+ptx", KernelTarget("sm_120", ptx=True), "cuda", True),
        (" gfx1030 ", KernelTarget("gfx1030"), "hip", False),
        ("gfx906", KernelTarget("gfx906"), "hip", False),
        ("gfx90a", KernelTarget("gfx90a"), "hip", True),
        ("gfx942", KernelTarget("gfx942"), "hip", True),
        ("gfx1151", KernelTarget("gfx1151"), "hip", True),
        ("gfx1201", KernelTarget("gfx1201"), "hip", True),
    ],
)
def test_targets(text: str, target: KernelTarget, vendor: str, matrix: bool) -> None:
    parsed = parse_target(text)
    assert parsed == target
    assert (parsed.vendor, parsed.has_bf16_matrix) == (vendor, matrix)
    assert parse_target(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "sm_", "sm_9", "compute_90", "sm_90 -o /x", "gfx", "gfx90z", "gfx1030,sm_90", "native"],
)
def test_not_a_target(text: str) -> None:
    with pytest.raises(ValueError, match="not a GPU architecture"):
        parse_target(text)
