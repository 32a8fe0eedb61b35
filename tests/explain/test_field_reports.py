"""Every error that the five field reports quote is explained by the rule that their fault has."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

# Report, rule, the quoted message (with the line beside it where the report's own heading tells).
QUOTES = [
    ("000", "ABI301", "undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs"),
    ("000", "RUN802", "fatal error: EGL/egl.h: No such file or directory"),
    ("000", "RUN806", "Cuda error: 2[cudaMalloc(&m_gpuPtr, bytes);]"),
    ("000", "RUN806", "cudaMalloc(&m_gpuPtr, bytes)` OOM (error: 2)"),
    ("001", "RUN806", "MemoryError: std::bad_alloc: cudaErrorMemoryAllocation: out of memory"),
    (
        "001",
        "GPU103",
        '  File "fused_ssim/__init__.py", line 41, in fused_ssim\n'
        "    map = fused_ssim_cuda.fusedssim(C1, C2, img1, img2)\n"
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
    ),
    ("002", "SYM401", "ImportError: undefined symbol: _ZNK3c107SymBool14guard_or_falseEPKcl"),
    ("002", "SYM403", "ImportError: undefined symbol: ncclGroupSimulateEnd"),
    (
        "002",
        "SYM402",
        "ImportError: libnccl.so.2: cannot open shared object file: No such file or directory",
    ),
    (
        "002",
        "GPU101",
        "UserWarning: NVIDIA GeForce RTX 5080 with CUDA capability sm_120 is not compatible with "
        "the current PyTorch installation.\nThe current PyTorch install supports CUDA capabilities "
        "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.",
    ),
    (
        "002",
        "TCH202",
        "RuntimeError: ('The detected CUDA version (%s) mismatches the version that was used to "
        "compilePyTorch (%s). Please make sure to use the same CUDA versions.', '12.9', '11.8')",
    ),
    ("004", "WHL505", "Could not find a version that satisfies the requirement kaolin==0.18.0"),
    ("004", "WHL506", "gradio 4.44.1 requires pillow<11.0` but `rembg requires pillow>=12.1.0"),
    ("004", "WHL506", "ImportError: cannot import name 'HfFolder' from 'huggingface_hub'"),
    ("004", "WHL506", "ImportError: cannot import name 'is_offline_mode' from 'huggingface_hub'"),
    (
        "004",
        "SRC605",
        "ModuleNotFoundError: No module named 'trellis.representations.mesh.flexicubes'",
    ),
    (
        "004",
        "SRC604",
        "AttributeError: 'torch.cuda._CudaDeviceProperties' has no attribute 'total_mem'",
    ),
    ("004", "WHL506", "TypeError: argument of type 'bool' is not iterable"),
    (
        "004",
        "SRC612",
        "Device Mismatch (cpu vs cuda:0) During Model Swapping\nRuntimeError: Expected all tensors "
        "to be on the same device, but found at least two devices, cpu and cuda:0!",
    ),
    (
        "004",
        "GPU103",
        "CUDA error (flash_fwd_launch_template.h:175): no kernel image is available for execution "
        "on the device",
    ),
    (
        "004",
        "SRC611",
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Half",
    ),
    (
        "004",
        "SRC611",
        "RuntimeError: index_add_(): self (Float) and source (Half) must have the same scalar type",
    ),
    ("004", "SRC611", "RuntimeError: expected scalar type Float but found Half"),
    ("004", "GPU103", "torch.OutOfMemoryError: Tried to allocate 66846724.03 GiB"),
    (
        "004",
        "GPU103",
        "RuntimeError: Cuda error: 209[cudaFuncGetAttributes(&attr, (void*)fineRasterKernel);]",
    ),
]


@pytest.mark.parametrize(("report", "rule", "text"), QUOTES)
def test_a_quoted_message_has_its_rule(report: str, rule: str, text: str) -> None:
    answer, _ = explain([text.encode()])
    assert answer.recognised
    assert answer.primary is not None
    assert answer.primary.rule == rule
