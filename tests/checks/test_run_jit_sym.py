"""RUN8xx on hand-made facts: silent on the healthy twin first."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.runtime import (
    run801_backend_variable,
    run803_gpu_memory_held,
    run804_allocator_setting,
    run805_harmful_variable,
)
from gpufix.model import Facts, GpuProcess, Severity

backend = run801_backend_variable.backend_variable
held = run803_gpu_memory_held.gpu_memory_held
allocator = run804_allocator_setting.allocator_setting
harmful = run805_harmful_variable.harmful_variable

GIB = 2**30


def held_by(*sizes: int | None) -> Facts:
    processes = [GpuProcess(pid=10 + i, name="python", memory=s) for i, s in enumerate(sizes)]
    return b.facts(gpus=[b.gpu(processes=processes, memory_total=16 * GIB, memory_free=None)])


def variables(*gpus: object, torch: str = "2.9.0+cu128", **process: str) -> Facts:
    return b.facts(gpus=list(gpus), torch=b.torch(torch), environment=b.environment(**process))


SILENT = {
    "back end unset": (backend, variables()),
    "sdpa needs nothing": (backend, variables(ATTN_BACKEND="sdpa")),
    "a desktop": (held, held_by(600 << 20)),
    "an idle GPU": (held, held_by()),
    "usual setting": (
        allocator,
        variables(PYTORCH_CUDA_ALLOC_CONF="expandable_segments:True,max_split_size_mb:32"),
    ),
    "list of divisions": (
        allocator,
        variables(PYTORCH_ALLOC_CONF="roundup_power2_divisions:[256:1,512:2,>:8],backend:native"),
    ),
    "cpu torch reads none": (
        allocator,
        variables(torch="2.9.0+cpu", PYTORCH_CUDA_ALLOC_CONF="nonsense"),
    ),
    "a GPU is chosen": (harmful, variables(b.gpu(), CUDA_VISIBLE_DEVICES="0")),
    "a GPU is chosen by UUID": (harmful, variables(b.gpu(), CUDA_VISIBLE_DEVICES="GPU-8c1b")),
    "no GPU to hide": (harmful, variables(CUDA_VISIBLE_DEVICES="")),
    "ordinary library path": (harmful, variables(LD_LIBRARY_PATH="/usr/local/cuda/lib64")),
    "override within the major": (
        harmful,
        variables(b.gpu("gfx1031"), torch="2.9.0+rocm6.4", HSA_OVERRIDE_GFX_VERSION="10.3.0"),
    ),
    "override without an AMD GPU": (harmful, variables(HSA_OVERRIDE_GFX_VERSION="10.3.0")),
}

FIRING = {
    "flash attention not installed": (
        backend,
        variables(ATTN_BACKEND="flash_attn"),
        Severity.warning,
        'ATTN_BACKEND is "flash_attn"; flash-attn is not installed.',
    ),
    "memory held": (
        held,
        held_by(8 * GIB, 2 * GIB),
        Severity.advice,
        "10.0 of 16.0 GiB of GPU 0 are held by other processes.",
    ),
    "lower-case boolean": (
        allocator,
        variables(PYTORCH_CUDA_ALLOC_CONF="expandable_segments:true"),
        Severity.error,
        "PYTORCH_CUDA_ALLOC_CONF cannot be used: expandable_segments takes True or False, "
        "not 'true'.",
    ),
    "equals sign": (
        allocator,
        variables(PYTORCH_CUDA_ALLOC_CONF="max_split_size_mb=128"),
        Severity.error,
        "PYTORCH_CUDA_ALLOC_CONF cannot be used: 'max_split_size_mb=128' is not of the form "
        "key:value.",
    ),
    "unknown key": (
        allocator,
        variables(PYTORCH_ALLOC_CONF="max_split:32"),
        Severity.warning,
        "PYTORCH_ALLOC_CONF cannot be used: no torch release known here has the key 'max_split'.",
    ),
    "the older name is hidden": (
        allocator,
        variables(
            PYTORCH_ALLOC_CONF="expandable_segments:True",
            PYTORCH_CUDA_ALLOC_CONF="expandable_segments:False",
        ),
        Severity.warning,
        "PYTORCH_CUDA_ALLOC_CONF is not read: PYTORCH_ALLOC_CONF is set too, and outranks it.",
    ),
    "every GPU hidden": (
        harmful,
        variables(b.gpu(), CUDA_VISIBLE_DEVICES="-1"),
        Severity.warning,
        'CUDA_VISIBLE_DEVICES is "-1": every GPU is hidden from CUDA.',
    ),
    "index of no GPU": (
        harmful,
        variables(b.gpu(), CUDA_VISIBLE_DEVICES="1"),
        Severity.warning,
        'CUDA_VISIBLE_DEVICES is "1": every GPU is hidden from CUDA.',
    ),
    "stubs": (
        harmful,
        variables(LD_LIBRARY_PATH="/usr/local/cuda/lib64/stubs"),
        Severity.warning,
        "LD_LIBRARY_PATH holds /usr/local/cuda/lib64/stubs, a folder of link-time stubs: a "
        "libcuda found there has no driver behind it.",
    ),
    "override of another major": (
        harmful,
        variables(b.gpu("gfx1101"), torch="2.9.0+rocm6.4", HSA_OVERRIDE_GFX_VERSION="10.3.0"),
        Severity.error,
        "HSA_OVERRIDE_GFX_VERSION is 10.3.0; the GPU is gfx1101, of another major, whose code "
        "this one cannot run.",
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    check, facts = SILENT[case]
    assert b.run(check, facts) == []


@pytest.mark.parametrize("case", FIRING)
def test_firing(case: str) -> None:
    check, facts, severity, message = FIRING[case]
    found = b.run(check, facts)
    assert [(f.severity, f.message) for f in found] == [(severity, message)]


def test_the_environment_file_outranks_the_process() -> None:
    facts = variables(b.gpu(), CUDA_VISIBLE_DEVICES="-1")
    unset = replace(facts.environment, overlay={"CUDA_VISIBLE_DEVICES": None})
    assert b.run(harmful, replace(facts, environment=unset)) == []
