"""What builds see of the torch that is installed."""

from __future__ import annotations

import builders as b

from gpufix.evidence.builds import torch_seen


def test_code_of_which_no_architecture_is_written_is_in_no_list() -> None:
    objects = [*b.code("sm_90", "sm_80"), *b.code("sm_90", kind="ptx"), *b.code("", kind="other")]
    held = b.binaries(b.library("torch/lib/libtorch_cuda.so", objects))
    seen = torch_seen(b.view(b.healthy(binaries=held)))
    assert seen.archs == ("sm_80", "sm_90", "compute_90")
