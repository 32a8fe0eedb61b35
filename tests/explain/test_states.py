"""Reports without an error: what torch, the driver and a program print of the GPUs that they see."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain

ASKED = "print(torch.__version__); print(torch.version.cuda); print(torch.cuda.is_available())\n"
ARCHS = "['sm_50', 'sm_60', 'sm_70', 'sm_75', 'sm_80', 'sm_86', 'sm_90'"
SMI = "| NVIDIA-SMI {0}   Driver Version: {0}   CUDA Version: {1} |\n"


def told(text: str) -> Explanation | None:
    return explain([text.encode()])[0].primary


@pytest.mark.parametrize(
    "text",
    [
        ASKED + "2.4.0+cu124\n12.4\nTrue",
        "Num GPUs Available:  1",
        "GPU available: True (cuda), used: True",
        "Found 10 GPU(s). Start.",
        f"torch.cuda.get_arch_list()\n{ARCHS}, 'sm_120']\n(12, 0)",
        f"torch.cuda.get_arch_list()\n{ARCHS}, 'compute_90']\n(12, 0)",
        f"torch.cuda.get_arch_list()\n{ARCHS}]\nsys.version_info[:2] == (3, 9)",
        f"targets of the kernels: {ARCHS}]\n(12, 0)",
        "torch 2.6.0+cu124\nuse_cuda=False\nepoch 1",
        SMI.format("550.54.14", "12.4") + "| 0  NVIDIA GeForce RTX 4090 |",
        "Successfully installed torch-2.4.0+cpu numpy-1.26.4",
        "PyTorch version: 2.3.1+cpu\nOS: macOS 14.4\nIs CUDA available: False\n",
        "PyTorch version: 2.3.1+rocm6.0\nCUDA used to build PyTorch: None\nROCM used to build PyTorch: 6.0\n"
        "Is CUDA available: True\nGPU: AMD\n",
        f"## Troubleshooting\n\nA CPU build prints\n```\n{ASKED}2.4.0+cpu\nNone\nFalse\n```\n",
        f"See [torch](a.md) and [drivers](b.md).\n\n{ASKED}2.4.0+cpu\nNone\nFalse\n",
        "pytorch  2.5.1  py3.12_cuda12.4_cudnn9.1.0_0  pytorch\npytorch-cuda 12.4",
    ],
)
def test_what_is_as_it_should_be_says_nothing(text: str) -> None:
    assert told(text) is None


def test_an_error_beside_it_is_what_the_text_is_about() -> None:
    found = told(f"{ASKED}2.4.0+cpu\nNone\nFalse\nValueError: the table has no row 7\n")
    assert found is None or found.id != "report"


@pytest.mark.parametrize(
    ("text", "rule", "line", "what"),
    [
        (ASKED + "\n2.4.0+cpu\nNone\nFalse\n", "TCH201", 3, "torch 2.4.0 is a CPU build"),
        (ASKED + "1.12.1\nFalse\nNone", "TCH201", 2, "torch 1.12.1 is a CPU build"),
        ("pytorch  2.5.1  py3.12_cpu_0  pytorch\npytorch-cuda 11.7", "TCH201", 1, "CPU build"),
        (
            "CUDA used to build PyTorch: None\nROCM used to build PyTorch: N/A\nIs CUDA available: False\n",
            "TCH201",
            1,
            "CPU build",
        ),
        (
            SMI.format("470.223.02", "11.4")
            + "torch.__version__\n'2.3.1+cu121'\ntorch.cuda.is_available()\nFalse",
            "GPU105",
            3,
            "The driver 470.223.02 serves CUDA 11.4 and older; torch is built for CUDA 12.1.",
        ),
        (
            "PyTorch version: 2.3.1+cu121\nIs CUDA available: False\nNvidia driver version: Could not collect",
            "GPU106",
            3,
            "built for CUDA 12.1, and no NVIDIA driver answers",
        ),
        (
            f"torch.cuda.get_arch_list()\n{ARCHS}]\n(12, 0)",
            "GPU101",
            2,
            "code for sm_50 to sm_90, and none for this GPU (12.0)",
        ),
        ("start\nFound 0 GPU(s). Start DDP.", None, 2, "The program sees no GPU"),
        ("import tensorflow as tf\nNum GPUs Available:  0", None, 2, "TensorFlow sees no GPU"),
        (">>> jax.devices()\n[CpuDevice(id=0)]", None, 2, "jax sees no GPU"),
        ("Using device: cpu", None, 1, "runs on the CPU"),
        (
            "2.6.0+cu124\n>>> torch.cuda.is_available()\nFalse\n" + SMI.format("535.54.03", "12.2"),
            None,
            2,
            "torch, a build with CUDA, sees no GPU",
        ),
        (
            "torch 2.4.0+cpu\nRuntimeError: CUDA is not available\n",
            "TCH201",
            2,
            "torch 2.4.0 is a CPU build",
        ),
    ],
)
def test_a_report_is_an_answer(text: str, rule: str | None, line: int, what: str) -> None:
    found = told(text)
    assert found is not None
    assert (found.rule, found.line) == (rule, line)
    assert what in found.what
