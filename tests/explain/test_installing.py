"""What resolvers, installers, compilers and Windows' loader say: the names of the text in the advice."""

from __future__ import annotations

import re

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain

ADVICE = [
    (  # the pin that is excluded, and by whom
        "The conflict is caused by:\n    The user requested huggingface_hub==0.25.0\n"
        "    diffusers 0.35.0.dev0 depends on huggingface-hub>=0.27.0",
        r"write `huggingface-hub>=0\.27\.0`",
    ),
    (  # a pin that all allow is not it
        "The conflict is caused by:\n    The user requested numpy==1.26.4\n    scipy 1.11 depends on numpy<2\n"
        "    torchvision 0.19.0 depends on torch==2.4.0\n    The user requested torch==2.5.0",
        r"torchvision|torch==2\.4\.0",
    ),
    (
        "LibMambaUnsatisfiableError: Encountered problems while solving:\n"
        "  - package scipy-1.5.2-py38h8c5af15_0 requires python >=3.8,<3.9.0a0, but none of the providers can be installed",
        r"python=3\.8 scipy",
    ),
    (
        "LibMambaUnsatisfiableError: Encountered problems while solving:\n"
        "  - nothing provides libgdal-core needed by rasterio-1.4.3-py312h7e6bd1b_0",
        r"libgdal-core that rasterio wants",
    ),
    (
        "Solving environment: failed\nResolvePackageNotFound:\n  - ncurses==6.4=h6a678d5_0",
        r"take them out",
    ),
    (
        "      Getting requirements to build wheel did not run successfully.\n"
        "        File \"<string>\", line 9, in <module>\n      ModuleNotFoundError: No module named 'numpy'",
        r"--no-build-isolation",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement torch==2.1.2+${DEVICE} (from versions: 2.1.2)",
        r"Give DEVICE its value where torch is asked for",
    ),
    ("ERROR: No matching distribution found for foo==%VERSION%", r"Give VERSION its value"),
    (  # a library from a newer system than this one
        "x.cpp: /opt/lib/libfoo.so: undefined reference to `fmod@GLIBC_2.38'",
        r"This system's C library is older than glibc 2\.38",
    ),
    (
        "/home/user/miniconda3/envs/x/lib/libhdf5.so.103: undefined reference to `fmod@GLIBC_2.38'",
        r"sysroot_linux-64",
    ),
    (  # a local part is no name
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because torch==2.6.0+cu124 has no wheels with a matching Python ABI tag "
        "(e.g., `cp314`) and your project depends on torch==2.6.0+cu124",
        r"Python that torch's wheels name",
    ),
    (  # none is in it
        "ERROR: Could not find a version that satisfies the requirement torch==1.12.0 (from versions: 1.13.0, 2.0.0)",
        r"Use an older Python for torch 1\.12\.0, or torch 1\.13\.0 or newer",
    ),
    ("ModuleNotFoundError: No module named 'numpy'", r"python -m pip install numpy"),
    (  # the GCC of the headers in the path
        "/usr/include/c++/11/bits/std_function.h:435:145: error: parameter packs not expanded with ‘...’:",
        r"g\+\+-10",
    ),
    ("csrc/k.cu:5:10: fatal error: cuda_fp8.h: No such file or directory", r"CUDA 11\.8"),
    ("fatal error: 'rocblas/rocblas.h' file not found", r"rocblas-dev"),
    (
        "ImportError: DLL load failed while importing win32api: The specified module could not be found.",
        r"pywin32",
    ),
    (
        "ImportError: DLL load failed while importing _ssl: The specified module could not be found.",
        r"part of Python|conda activate",
    ),
    ("ImportError: cannot import name 'Self' from 'typing'", r"3\.11"),
    ("AttributeError: 'ModelPatcher' object has no attribute 'get_model_object'", r"ComfyUI"),
    (
        "ERROR: Could not find a version that satisfies the requirement faiss_gpu==1.7.2 (from versions: none)",
        r"faiss-gpu-cu12",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement open3d (from physics-simulator) (from versions: none)",
        r"no open3d for this Python",
    ),
    (
        "/site-packages/flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi",
        r"FLASH_ATTENTION_FORCE_BUILD",
    ),
]
CALM = [
    "Looking for a package that provides libgdal-core.",
    "zsh is the shell here; no matches were found in the log.",
    "CMake 3.30 is compatible with files for CMake 3.4.",
    "The user requested numpy==1.26.4 and got it.",
    "Docker pulled the image; its manifest has linux/amd64.",
]


def primary(text: str) -> Explanation | None:
    answer, _ = explain([text.encode()])
    return answer.primary


@pytest.mark.parametrize(("text", "wanted"), ADVICE)
def test_the_advice_holds_the_names_of_the_text(text: str, wanted: str) -> None:
    told = primary(text)
    assert told is not None
    assert re.search(wanted, told.do or ""), told.do


@pytest.mark.parametrize("text", CALM)
def test_words_of_the_same_kind_name_no_cause(text: str) -> None:
    told = primary(text)
    assert told is None or told.role == "unknown"


def test_a_kernel_with_too_much_shared_memory_is_no_old_ptxas() -> None:
    told = primary(
        "ptxas error   : Entry function '_Z1kPi' uses too much shared data (0x13880 bytes, 0xc000 max)"
    )
    assert told is not None
    assert told.rule is None
