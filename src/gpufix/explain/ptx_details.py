"""PTX that is newer than who is to read it: ptxas, or the compiler in the driver or in nvJitLink."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.toolchain_details import nvcc_arch
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import at_least

_VERSIONS = re.compile(r"Unsupported \.version (\d+\.\d+); current version is '(\d+\.\d+)'")
_TARGET = re.compile(
    r"Value '(?P<arch>(?:sm|compute)_\w{1,5})' is not defined for option 'gpu-name'"
)
_AROUND = 1500  # characters


def ptx_version(explanation: Explanation, hit: Hit) -> Explanation:
    """The CUDA that wrote the PTX and the one that reads it, from ptxas' own numbers of versions; a GPU
    that ptxas does not know, by its name."""
    around = context(hit, _AROUND, _AROUND)
    if target := _TARGET.search(around):
        return nvcc_arch(explanation.but(captures={"arch": target["arch"]}), hit)
    found = _VERSIONS.search(around)
    if found is None:
        return explanation
    wants = _first(found[1])
    newer = f"CUDA {wants} or newer" if wants else "a newer CUDA"
    written = (
        f"The PTX is of version {found[1]}{f', which came with CUDA {wants}' if wants else ''}"
    )
    read = f"{found[2]}{_cuda(found[2])}"
    if "application ptx input" not in around:
        return explanation.but(
            what=f"{written}; this ptxas reads PTX up to {read}: the two come from different toolkits.",
            do=f"Let a ptxas of {newer} read it: that toolkit first on PATH (`which ptxas`, `ptxas --version`), or its "
            "wheel (`pip install -U nvidia-cuda-nvcc-cu12`). For Triton `export "
            "TRITON_PTXAS_PATH=/usr/local/cuda/bin/ptxas` of that toolkit.",
        )
    if "nvjitlink" in around.lower():
        return explanation.but(
            what=f"{written}; the nvJitLink that is loaded reads PTX up to {read}.",
            do=f"Bring nvJitLink to that of {newer} (`pip install -U nvidia-nvjitlink-cu12`), or take an NVVM and NVRTC that are no "
            "newer than it.",
        )
    driver = cuda.min_driver(wants, full=True) if wants else None
    came = f" (CUDA {wants} came with {driver})" if driver else ""
    return explanation.but(
        rule="GPU104",
        what=f"{written}; this driver compiles PTX up to {read}, and no machine code for this GPU stands beside it.",
        do=f"Update the NVIDIA driver{came}. Or use what is built with a CUDA that this driver serves: a release or extra of the package "
        "for it (numba-cuda[cu12], cupy-cuda12x), torch from an older index. For a build take that toolkit, or write machine code for this "
        "very GPU (name it in TORCH_CUDA_ARCH_LIST).",
    )


def _first(ptx: str) -> str | None:
    """The oldest CUDA that writes this PTX; None: older or newer than all in the table."""
    if not at_least(ptx, _ptx(cuda.versions()[0])):
        return None
    return next((one for one in cuda.versions() if at_least(_ptx(one), ptx)), None)


def _cuda(ptx: str) -> str:
    """ " (CUDA 12.4)" of "8.4"."""
    same = [one for one in cuda.versions() if _ptx(one) == ptx]
    return f" (CUDA {same[-1]})" if same else ""


def _ptx(version: str) -> str:
    toolkit = cuda.get(version)
    return toolkit.ptx if toolkit else "0"
