"""What nvcc, ptxas and the compilers in the driver and in nvJitLink do not know: an architecture, a version of PTX, an instruction."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.machine import machine
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import at_least

_VERSIONS = re.compile(r"Unsupported \.version (\d+\.\d+); current version is '(\d+\.\d+)'")
_TARGET = re.compile(
    r"Value '(?P<arch>(?:sm|compute)_\w{1,5})' is not defined for option 'gpu-name'"
)
_AROUND = 1500  # characters
_TRITON = re.compile(r"triton", re.IGNORECASE)


def nvcc_arch(explanation: Explanation, hit: Hit) -> Explanation:
    """Too new for this nvcc or ptxas, or dropped by it: the toolkits that know the architecture."""
    arch = re.sub(r"^(?:compute|sm)_", "", explanation.captures.get("arch", ""))
    if arch in ("native", "all", "all-major") or re.search(r"compute_(?:native|all)", hit.shown):
        return explanation.but(
            what="nvcc was given a word where an architecture has to stand: this CMake (before 3.24) or nvcc does not know it.",
            do="Name the GPU: -DCMAKE_CUDA_ARCHITECTURES=89 for 8.9; or use CMake 3.24 or newer, which knows native, all and "
            "all-major.",
        )
    span = cuda.first_and_last(f"sm_{arch}") if arch else None
    if span is None:
        return explanation
    first, last = span
    told = machine(context(hit)).nvcc
    of_triton = _TRITON.search(context(hit, 3000, 500))
    this = f"this nvcc, of CUDA {told}," if told else "this nvcc"
    if of_triton or "ptxas" in hit.shown:
        this = "this ptxas"
    explanation = explanation.but(
        f"nvcc generates code for sm_{arch} from CUDA {first}{f' to {last}' if last else ' on'}.",
        what=f"sm_{arch} was dropped after CUDA {last}: {this} is newer."
        if last
        else f"sm_{arch} came with CUDA {first}: {this} is older.",
    )
    if last:
        return explanation.but(
            do=f"Take {arch} off the list (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, the build file's -gencode); "
            f"for a GPU of that architecture build with CUDA {last} or older."
        )
    if of_triton:
        return explanation.but(
            do=f"Give Triton a ptxas of CUDA {first} or newer: `export TRITON_PTXAS_PATH=/usr/local/cuda/bin/ptxas` "
            f"where that toolkit is (nvidia-cuda-nvcc brings one as a wheel), or install a newer Triton with its torch."
        )
    return explanation.but(
        do=f"Build with CUDA {first} or newer (CUDA_HOME and PATH at it: `which nvcc`, `nvcc --version`), or take {arch} "
        "off the list (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, the build file's -gencode)."
    )


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


# ptxas of CUDA 13.0, run: each of these instructions for every target from sm_75 to sm_121a.
_SPECIFIC = (
    (re.compile(r"wgmma"), ("90a",)),
    (re.compile(r"tcgen05|cta_group"), ("100a", "103a", "110a")),
    (re.compile(r"redux\.f32"), ("100a", "103a")),
    (re.compile(r"mma with .*(?:block scale|FP6|FP4)|scale_vec"), ("120a", "121a")),
    (re.compile(r"setmaxnreg"), ("90a", "100a", "103a", "110a", "120a", "121a")),
    (
        re.compile(r"e2m1x2|e2m3x2|ue8m0x2|ldmatrix with format|kind::"),
        ("100a", "103a", "110a", "120a", "121a"),
    ),
)


def ptx_feature(explanation: Explanation, _: Hit) -> Explanation:
    """From Hopper on some instructions are of the architecture-specific target alone: sm_121a has what sm_121 lacks."""
    captures = {name: value.rstrip("'") for name, value in explanation.captures.items()}
    explanation = explanation.but(captures=captures)
    plain = re.fullmatch(r"sm_(?P<number>\d{2,3})", captures.get("arch", ""))
    if plain is None:
        return explanation
    arch, number = plain[0], plain["number"]
    feature = captures.get("feature", "")
    having = next((having for names, having in _SPECIFIC if names.search(feature)), ())
    if having and f"{number}a" not in having:
        named = ", ".join(f"sm_{one}" for one in having)
        return explanation.but(
            what=f"The kernel uses an instruction ({{feature}}) that only {named} {'have' if having[1:] else 'has'}: it is for other GPUs than {arch}.",
            do=f"Leave that kernel out for {arch} (the project's option for it, `__CUDA_ARCH__` in the source), or take {number} off the list of "
            "architectures (TORCH_CUDA_ARCH_LIST, CMAKE_CUDA_ARCHITECTURES, the build file's -gencode). On this GPU use another back end or data type.",
        )
    if int(number) < 90:
        return explanation
    dotted = f"{number[:-1]}.{number[-1]}"
    unsure = "" if having else f" Where {arch}a refuses it, too, the kernel is for another GPU."
    return explanation.but(
        what=f"The PTX holds an instruction ({{feature}}) that the plain target {arch} does not have: such instructions are of architecture-specific "
        f"targets ({arch}a){'' if having else ', or of another architecture'}.",
        do=f"Compile for {arch}a in place of {arch}: `-gencode arch=compute_{number}a,code={arch}a`, -DCMAKE_CUDA_ARCHITECTURES={number}a, "
        f'TORCH_CUDA_ARCH_LIST="{dotted}a"; a compiler of its own is given that target.{unsure}',
    )
