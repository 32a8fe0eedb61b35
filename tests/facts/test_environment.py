"""Variables of the process, the environment file and shell profiles."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.python import environment
from gpufix.facts.python.environment import IN_PROFILES, matters, overlaid
from gpufix.model.base import to_json


def test_what_matters_and_what_does_not(ctx: CollectContext) -> None:
    kept = (
        "CUDA_HOME CUDA_VISIBLE_DEVICES CUDAARCHS CUDACXX TORCH_CUDA_ARCH_LIST PYTORCH_ROCM_ARCH"
        " PYTORCH_CUDA_ALLOC_CONF HSA_OVERRIDE_GFX_VERSION ROCR_VISIBLE_DEVICES NCCL_DEBUG"
        " LD_LIBRARY_PATH LD_PRELOAD CC CXX CXXFLAGS NVCC_PREPEND_FLAGS CMAKE_CUDA_ARCHITECTURES"
        " MAX_JOBS PYTHONPATH VIRTUAL_ENV CONDA_PREFIX ATTN_BACKEND XFORMERS_DISABLED SPARSE_BACKEND"
        " SPCONV_ALGO NVDIFRAST_BACKEND FLASH_ATTN_CUDA_ARCHS FORCE_CUDA USE_ROCM PIP_INDEX_URL UV_INDEX"
    )
    dropped = (
        "HOME USER SHELL SECRET UV_PUBLISH_TOKEN PIP_PASSWORD TORCH_API_KEY CONDA_TOKEN AWS_KEY"
    )
    given = dict.fromkeys(f"{kept} {dropped}".split(), "x")
    found = environment.collect(replace(ctx, environ=given), None)
    assert sorted(found.process) == sorted(kept.split())
    assert (found.overlay, found.overlay_path, found.profile) == ({}, None, {})
    assert all(matters(name) for name in IN_PROFILES)


def test_addresses_lose_their_passwords(ctx: CollectContext) -> None:
    urls = "https://me:pw@a.example/simple http://token@b.example/x?y=1"
    found = environment.collect(replace(ctx, environ={"PIP_EXTRA_INDEX_URL": urls}), None)
    expected = "https://a.example/simple http://b.example/x?y=1"
    assert found.process == {"PIP_EXTRA_INDEX_URL": expected}


def test_names_and_values_that_are_no_text(ctx: CollectContext) -> None:
    given = {"CUDA_\udcff": "\udcfe\x1b[31m", "CUDA_LONG": "x" * 100_000}
    found = environment.collect(replace(ctx, environ=given), None)
    json.dumps(to_json(found), ensure_ascii=False).encode()
    assert max(map(len, found.process.values())) < 40_000


def test_a_program_is_started_with_the_environment_file_applied() -> None:
    found = overlaid({"A": "1", "B": "1", "C": "1"}, {"B": "2", "C": None, "D": "2", "E": None})
    assert found == {"A": "1", "B": "2", "D": "2"}


def test_the_environment_file(ctx: CollectContext, tmp_path: Path) -> None:
    path = tmp_path / "env.json"
    path.write_text(json.dumps({"variables": {"A": "1", "B": None}, "other": 1}))
    found = environment.collect(ctx, path)
    assert (found.overlay, found.overlay_path) == ({"A": "1", "B": None}, str(path))
    assert environment.collect(ctx, tmp_path / "absent").overlay == {}
    assert ctx.gaps == []


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{}",
        "[]",
        '{"variables": []}',
        '{"variables": {"A": 1}}',
        '{"variables": {"A B": "x"}}',
        '{"variables": {"A": "x\\u0000"}}',
        '{"variables": {"A": "\\udcff"}}',
        "[" * 100_000,
    ],
)
def test_a_malformed_environment_file_is_a_gap(
    ctx: CollectContext, tmp_path: Path, raw: str
) -> None:
    path = tmp_path / "env.json"
    path.write_text(raw)
    assert environment.collect(ctx, path).overlay == {}
    assert [gap.subject for gap in ctx.gaps] == [str(path)]


def test_profiles(ctx: CollectContext) -> None:
    (ctx.home / ".bashrc").write_text(
        "# export CUDA_HOME=/commented\n"
        "export CUDA_HOME=/usr/local/cuda-11.8\n"
        'alias x="TORCH_CUDA_ARCH_LIST=8.6 make"\n'
        "if true; then export TORCH_CUDA_ARCH_LIST=8.6 CUDA_PATH=/x; fi\n"
        "MY_CUDA_HOME=/other CUDA_HOMES=2\n"
        "echo $CUDA_HOME\n"
        "LD_LIBRARY_PATH+=:/opt\x1b[31m\n"
    )
    (ctx.home / ".config/fish").mkdir(parents=True)
    (ctx.home / ".config/fish/config.fish").write_text(
        "set -gx HSA_OVERRIDE_GFX_VERSION 10.3.0\nset -q CUDAARCHS; or echo no\n"
    )
    (ctx.home / ".zshrc").mkdir()
    assert environment.collect(ctx, None).profile == {
        "CUDA_HOME": ["~/.bashrc:2: export CUDA_HOME=/usr/local/cuda-11.8"],
        "TORCH_CUDA_ARCH_LIST": [
            "~/.bashrc:4: if true; then export TORCH_CUDA_ARCH_LIST=8.6 CUDA_PATH=/x; fi"
        ],
        "CUDA_PATH": [
            "~/.bashrc:4: if true; then export TORCH_CUDA_ARCH_LIST=8.6 CUDA_PATH=/x; fi"
        ],
        "LD_LIBRARY_PATH": ["~/.bashrc:7: LD_LIBRARY_PATH+=:/opt\x1b[31m"],
        "HSA_OVERRIDE_GFX_VERSION": [
            "~/.config/fish/config.fish:1: set -gx HSA_OVERRIDE_GFX_VERSION 10.3.0"
        ],
    }
    assert [gap.subject for gap in ctx.gaps] == ["~/.zshrc"]
