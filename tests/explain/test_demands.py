"""What a program asks of the GPU, held against the GPU of the text."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

_SAGE = "SM89 kernel is not available. Make sure you GPUs with compute capability 8.9."


@pytest.mark.parametrize(
    "log, rule, what, do",
    [
        (
            f"NVIDIA GeForce RTX 3060, sageattn on\n{_SAGE}",
            "SRC610",
            "8.6, and this wants 8.9",
            "sdpa",
        ),
        (f"NVIDIA GeForce RTX 4090\n{_SAGE}", "GPU103", "no code for it", 'LIST="8.9"'),
        (_SAGE, "SRC610", "wants a GPU of capability 8.9", "nvidia-smi"),
        ("This kernel only supports sm_100f", "SRC610", "10.0", "nvidia-smi"),
        (
            "GPU: RTX 5090\nThis kernel only supports sm_100f",
            "SRC610",
            "only for capability 10.x",
            "newer release",
        ),
        (
            "Quantization scheme is not supported for the current GPU. Min capability: 80. Current capability: 75.",
            "SRC610",
            "7.5, and this wants 8.0",
            "quantisation",
        ),
        (
            "FP8 requires a GPU with Compute Capability 8.9 or higher. Your GPU's capability is 8.6.",
            "SRC610",
            "8.6, and this wants 8.9",
            "without FP8",
        ),
        (
            "GPU: RTX 5090\nheat_up: Supported only on GPUs with compute capability 9.x",
            "SRC610",
            "only for GPUs of capability 9.x, and the GPU's is 12.0",
            "newer release",
        ),
        (
            "RuntimeError: warm attention needs compute capability 9.0, 10.0, or 12.0; this device reports 8.6.",
            "SRC610",
            "only for GPUs of capability 9.0 or 10.0 or 12.0, and the GPU's is 8.6",
            "sdpa",
        ),
        (
            "GPU: RTX 5090\nRuntimeError: warm heads support compute capability 9.0 or 12.0; compute capability 12.0 or newer is fast",
            "GPU103",
            "no code for it",
            'LIST="12.0"',
        ),
        (
            "RuntimeError: heating requires exact compute capability 10.0 (B200)",
            "SRC610",
            "only for GPUs of capability 10.0.",
            "nvidia-smi",
        ),
        ("qprep requires an SM90 (Hopper) GPU", "SRC610", "capability 9.0", "nvidia-smi"),
        ("ValueError: --warm-backend odd is SM90-only", "SRC610", "9.0", "nvidia-smi"),
        (
            "ValueError: warmth is supported only on NVIDIA Blackwell GPUs",
            "SRC610",
            "10.0",
            "nvidia-smi",
        ),
        (
            "ValueError: WarmAttention supports CUDA compute capabilities 8.0, 8.6, and 9.0; found 12.0.",
            "SRC610",
            "only for GPUs of capability 8.0 or 8.6 or 9.0, and the GPU's is 12.0",
            "newer release",
        ),
        ("RuntimeError: warmth is only supported for Hopper GPUs", "SRC610", "9.0", "nvidia-smi"),
    ],
)
def test_the_gpu_of_the_text_decides(log: str, rule: str, what: str, do: str) -> None:
    answer = explain([log.encode()])[0].primary
    assert answer is not None and answer.id == "gpu-demand"
    assert answer.rule == rule and what in answer.what and do in answer.do


@pytest.mark.parametrize(
    "log", ["only supports gfx90a", "the plugin requires sm_tools", "Ampere GPUs"]
)
def test_other_words_ask_for_nothing(log: str) -> None:
    answer = explain([log.encode()])[0].primary
    assert answer is None or answer.id != "gpu-demand"
