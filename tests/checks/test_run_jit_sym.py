"""JIT703 and SYM402 on hand-made facts: silent on the healthy twin first."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.abi import abi303_numpy_abi_mismatch
from gpufix.checks.jit import jit703_stale_lock
from gpufix.checks.symbols import sym402_missing_library
from gpufix.model import CacheEntry, Facts, Problem, Severity

numpy_abi = abi303_numpy_abi_mismatch.numpy_abi_mismatch
lock = jit703_stale_lock.stale_lock
library = sym402_missing_library.missing_library

ENTRY = CacheEntry(
    cache="torch_extensions",
    path="/home/u/.cache/torch_extensions/py311_cu128/my_ext",
    name="my_ext",
    lock="/home/u/.cache/torch_extensions/py311_cu128/my_ext/lock",
    lock_age=10_800.0,
)


def cached(torch: str = "2.9.0+cu128", **changes: object) -> Facts:
    return b.facts(torch=b.torch(torch), caches=[replace(ENTRY, **changes)])


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
    "no lock": (lock, cached(lock=None)),
    "a build is running": (lock, cached(lock_holders=[4711])),
    "processes could not be read": (lock, cached(lock_judged=False)),
    "torch 2.14 locks with its process": (lock, cached("2.14.0+cu130")),
    "driver library on a machine without a GPU": (library, lacking("libcuda.so.1")),
    "one optional module of many": (library, optional(modules=30)),
    "libraries load": (library, lacking("", problems=[])),
}

FIRING = {
    "lock": (
        lock,
        cached(),
        Severity.error,
        "The build lock of my_ext is 3 hours old and held by no living process; loading it waits "
        "until the lock is gone.",
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
