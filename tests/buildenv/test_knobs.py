"""A project's own variables, found in its build files."""

from __future__ import annotations

import pytest

from gpufix.fixes.build_environment.jobs import knobs
from gpufix.knowledge.gpus.models import resolve


def found(text: str, *gpus: str) -> dict[str, str | None]:
    return {v.name: v.value for v in knobs(text, [resolve(g) for g in gpus])}


SILENT = {
    "nothing": "from setuptools import setup",
    "torch's own": 'os.environ.get("TORCH_CUDA_ARCH_LIST", "8.6")',
    "no default to learn from": 'os.environ["MY_ARCH"]',
    "a default that is no list": 'os.getenv("ARCHIVE_ARCH", "x86_64")',
    "not about architectures": 'os.environ.get("WORKERS", "86")',
    "not read from the environment": 'ARCHS = "75;86"',
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    assert found(SILENT[case], "sm_120") == {}


SPELLED = {
    "numbers, semicolons": ('os.getenv("FOO_CUDA_ARCHS", "75;86")', "FOO_CUDA_ARCHS", "89;120"),
    "dots, commas": (
        'os.environ.get("CUDA_ARCHITECTURES") or os.environ.get("CUDA_ARCHITECTURES", "8.0,8.6")',
        "CUDA_ARCHITECTURES",
        "8.9,12.0",
    ),
    "dots, blanks": ("os.environ.get('X_ARCH_LIST', '7.5 8.6+PTX')", "X_ARCH_LIST", "8.9 12.0"),
    "one number": ('environ.get("CUDA_ARCH", "75")', "CUDA_ARCH", "89;120"),
    "tiny-cuda-nn": (
        'if "TCNN_CUDA_ARCHITECTURES" in os.environ and os.environ["TCNN_CUDA_ARCHITECTURES"]:',
        "TCNN_CUDA_ARCHITECTURES",
        "89,120",
    ),
    "Transformer Engine": ('archs = os.getenv("NVTE_CUDA_ARCHS")', "NVTE_CUDA_ARCHS", "89;120"),
    "NATTEN": ('os.environ.get("NATTEN_CUDA_ARCH", "")', "NATTEN_CUDA_ARCH", "8.9;12.0"),
    "flash-attention": (
        'os.getenv("FLASH_ATTN_CUDA_ARCHS", "80;90;100;120").split(";")',
        "FLASH_ATTN_CUDA_ARCHS",
        "80;120",
    ),
}


@pytest.mark.parametrize("case", SPELLED)
def test_in_the_project_s_own_spelling(case: str) -> None:
    text, name, value = SPELLED[case]
    assert found(text, "sm_120", "sm_89") == {name: value}
    assert found(text) == {}
    assert found(text, "gfx1100") == {}


def test_flash_attention_knows_no_code_for_turing() -> None:
    assert found('os.getenv("FLASH_ATTN_CUDA_ARCHS", "80;90")', "sm_75") == {}


def test_a_ready_made_wheel_is_not_fetched() -> None:
    text = 'FORCE_BUILD = os.getenv("FLASH_ATTENTION_FORCE_BUILD", "FALSE") == "TRUE"'
    assert found(text) == {"FLASH_ATTENTION_FORCE_BUILD": "TRUE"}
