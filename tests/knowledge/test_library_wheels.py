"""Which wheel brings which CUDA library."""

import pytest

from gpufix.knowledge.packages import bringing


@pytest.mark.parametrize(
    ("soname", "wheels"),
    [
        ("libc10.so", []),
        ("libstdc++.so.6", []),
        ("libcudart.so.11.0", ["nvidia-cuda-runtime-cu11"]),
        ("libcudart.so.12", ["nvidia-cuda-runtime-cu12"]),
        ("libcudart.so.13", ["nvidia-cuda-runtime"]),
        ("libcublasLt.so.12", ["nvidia-cublas-cu12"]),
        ("libnccl.so.2", ["nvidia-nccl-cu11", "nvidia-nccl-cu12", "nvidia-nccl-cu13"]),
        ("libcudnn_ops.so.9", ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13"]),
        ("libcurand.so.10", ["nvidia-curand-cu11", "nvidia-curand-cu12", "nvidia-curand"]),
    ],
)
def test_bringing(soname: str, wheels: list[str]) -> None:
    assert bringing(soname) == wheels
