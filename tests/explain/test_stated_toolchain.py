"""What a toolchain's message says with the versions that the text prints."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.machine import machine
from gpufix.explain.read import explain

NVCC = "Cuda compilation tools, release {0}, V{0}.61\n"
GNU = "-- The CXX compiler identification is GNU {0}\n"
UNKNOWN = "-- The CUDA compiler identification is unknown\n"


def said(text: str) -> Explanation:
    found = explain([text.encode()])[0].primary
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "nvcc", "gcc", "driver", "served"),
    [
        ("nothing", None, None, None, None),
        (NVCC.format("12.4") + NVCC.format("11.8"), None, None, None, None),
        (NVCC.format("12.4") + "/usr/local/cuda-11.8/bin/nvcc", "12.4", None, None, None),
        ("C:\\NVIDIA GPU Computing Toolkit\\CUDA\\v12.6\\bin", "12.6", None, None, None),
        (GNU.format("14.2.0"), None, 14, None, None),
        ("gcc (Ubuntu 13.2.0-23ubuntu4) 13.2.0", None, 13, None, None),
        ("| NVIDIA-SMI 470.82.01  Driver Version: 470.82.01  ", None, None, "470.82.01", "11.4"),
        ("too old (found version 12020)", None, None, None, "12.2"),
    ],
)
def test_the_machine_of_a_text(
    text: str, nvcc: str | None, gcc: int | None, driver: str | None, served: str | None
) -> None:
    read = machine(text)
    assert (read.nvcc, read.gcc, read.driver, read.served) == (nvcc, gcc, driver, served)


@pytest.mark.parametrize(
    ("text", "rule", "what"),
    [
        (UNKNOWN, "TCH204", "CMake does not find a CUDA toolkit (nvcc)."),
        (GNU.format("14.2.0") + NVCC.format("12.8") + UNKNOWN, "TCH204", "host compiler (GCC 14)"),
        (
            GNU.format("15.2.0") + NVCC.format("12.8") + UNKNOWN,
            "TCH205",
            "GCC 15 is newer than the nvcc of CUDA 12.8",
        ),
        (
            "#error -- unsupported GNU version! gcc versions later than 13 are not supported!\n"
            "/usr/local/cuda-12.5/bin/nvcc\ngcc (GCC) 14.2.1",
            "TCH205",
            "GCC 14, is newer than the nvcc of CUDA 12.5 takes: GCC 13",
        ),
        (
            "#error -- unsupported GNU version! gcc versions later than 13 are not supported!",
            "TCH205",
            "The host compiler is newer than this CUDA toolkit's nvcc takes: GCC 13",
        ),
        (
            "nvcc fatal : Unsupported gpu architecture 'compute_120'\n" + NVCC.format("12.4"),
            "TCH206",
            "sm_120 came with CUDA 12.8: this nvcc, of CUDA 12.4, is older.",
        ),
        (
            "nvcc fatal : Unsupported gpu architecture 'compute_35'",
            "TCH206",
            "sm_35 was dropped after CUDA 11.8: this nvcc is newer.",
        ),
        (
            "The current installed version of g++ (13.3.0) is greater than the maximum required version by CUDA 12.1. "
            "Please make sure to use an adequate version of g++ (>=6.0.0, <13.0).",
            "TCH205",
            "g++ 13.3.0 is newer than torch's build check takes for CUDA 12.1.",
        ),
        (
            "ld: cannot find -lcudart_static: No such file or directory",
            "TCH204",
            "libcudart_static",
        ),
        (
            "g++ -std=c++14 x.cpp\n#error C++17 or later compatible compiler is required to use PyTorch.",
            "TCH205",
            "torch's headers want C++17, and the build asks for C++14.",
        ),
        (
            "RTX 5090, torch 2.6.0+cu124\nRuntimeError: CUDA error: no kernel image is available for execution",
            "GPU101",
            "torch 2.6.0+cu124 holds no machine code for this GPU (12.0).",
        ),
        (
            "The NVIDIA driver on your system is too old (found version 11040). torch 2.3.1+cu121",
            "GPU105",
            "serves CUDA 11.4 and older; torch is built for CUDA 12.1.",
        ),
        (
            "No such file or directory: 'nvidia-smi'",
            "GPU106",
            "nvidia-smi comes with the NVIDIA driver",
        ),
        (
            "No such file or directory: 'nvidia-smi'\nconfiguration: driver=nouveau latency=0",
            "GPU106",
            "driven by nouveau",
        ),
        (
            "libnvinfer_plugin_tensorrt_llm.so.9: cannot open shared object file",
            "SYM402",
            "TensorRT-LLM's",
        ),
    ],
)
def test_the_cause_holds_the_versions_of_the_text(text: str, rule: str, what: str) -> None:
    found = said(text)
    assert found.rule == rule
    assert what in found.what
