from __future__ import annotations

import pytest

from gpufix.kernels.toolchain import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target", "vendor", "matrix"),
    [
        ("sm_75", Target("sm_75"), "cuda", False),
        ("sm_80", Target("sm_80"), "cuda", True),
        ("sm_90a", Target("sm_90a"), "cuda", True),
        ("sm_120+PTX", Target("sm_120", ptx=True), "cuda", True),
        ("SM_120+ptx", Target("sm_120", ptx=True), "cuda", True),
        (" gfx1030 ", Target("gfx1030"), "hip", False),
        ("gfx906", Target("gfx906"), "hip", False),
        ("gfx90a", Target("gfx90a"), "hip", True),
        ("gfx942", Target("gfx942"), "hip", True),
        ("gfx1151", Target("gfx1151"), "hip", True),
        ("gfx1201", Target("gfx1201"), "hip", True),
    ],
)
def test_targets(text: str, target: Target, vendor: str, matrix: bool) -> None:
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
