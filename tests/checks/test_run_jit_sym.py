"""RUN8xx and SYM402 on hand-made facts: silent on the healthy twin first."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.abi import abi303_numpy_abi_mismatch
from gpufix.checks.runtime import (
    run801_backend_variable,
    run803_gpu_memory_held,
    run804_allocator_setting,
    run805_harmful_variable,
)
from gpufix.checks.symbols import sym402_missing_library
from gpufix.model import Facts, GpuProcess, Problem, Severity

numpy_abi = abi303_numpy_abi_mismatch.numpy_abi_mismatch
backend = run801_backend_variable.backend_variable
held = run803_gpu_memory_held.gpu_memory_held
allocator = run804_allocator_setting.allocator_setting
harmful = run805_harmful_variable.harmful_variable
library = sym402_missing_library.missing_library

GIB = 2**30


def held_by(*sizes: int | None) -> Facts:
    processes = [GpuProcess(pid=10 + i, name="python", memory=s) for i, s in enumerate(sizes)]
    return b.facts(gpus=[b.gpu(processes=processes, memory_total=16 * GIB, memory_free=None)])


def variables(*gpus: object, torch: str = "2.9.0+cu128", **process: str) -> Facts:
    return b.facts(gpus=list(gpus), torch=b.torch(torch), environment=b.environment(**process))


def lacking(name: str, **changes: object) -> Facts:
    base = {
        "distribution": "torch",
        "problems": [Problem(kind="missing-library", name=name, driver=name == "libcuda.so.1")],
    }
    torch = b.dist("torch", "2.9.0+cu128", requires=["nvidia-nccl-cu12==2.27.5"])
    shared = b.library("torch/lib/libtorch_cuda.so", **(base | changes))
    return b.facts(torch=b.torch(), distributions=[torch], binaries=b.binaries(shared))


def optional(modules: int) -> Facts:
    """A module of foo that links neither torch nor a GPU library, beside others that load."""
    facts = lacking("libfoo.so.1", distribution="foo", module=True)
    counted = replace(facts.binaries, modules={"foo": modules})
    return replace(facts, binaries=counted)


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
    "driver library on a machine without a GPU": (library, lacking("libcuda.so.1")),
    "one optional module of many": (library, optional(modules=30)),
    "libraries load": (library, lacking("", problems=[])),
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
    "nccl": (
        library,
        lacking("libnccl.so.2"),
        Severity.error,
        "torch needs libnccl.so.2, which is in no place that the loader searches; "
        "nvidia-nccl-cu12 brings it.",
    ),
    "no module of a package can be loaded": (
        library,
        optional(modules=1),
        Severity.warning,
        "foo needs libfoo.so.1, which is in no place that the loader searches.",
    ),
}


def with_numpy(version: str, *old: str) -> Facts:
    scan = replace(b.binaries(), numpy_1={f"/s/{n}/_x.so": n for n in old})
    dists = [b.dist("numpy", version), *(b.dist(n) for n in old)]
    return b.facts(distributions=dists, binaries=scan)


SILENT["modules for NumPy 2"] = (numpy_abi, with_numpy("2.1.0"))
SILENT["no numpy"] = (numpy_abi, b.facts())
FIRING["a module for NumPy 1"] = (
    numpy_abi,
    with_numpy("2.1.0", "pyfoo"),
    Severity.error,
    "numpy 2.1.0 is installed; pyfoo 1.0 is built for NumPy 1.",
)
FIRING["torch for NumPy 1"] = (
    numpy_abi,
    with_numpy("2.1.0", "torch"),
    Severity.warning,
    "numpy 2.1.0 is installed; torch 1.0 is built for NumPy 1.",
)


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
