"""WHL5xx on hand-made facts: silent on the healthy twin first."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.wheels import (
    whl501_mixed_cuda_majors,
    whl502_file_owned_twice,
    whl503_files_missing,
    whl504_pin_skew,
    whl505_torch_family_mismatch,
    whl506_requirement_conflict,
    whl507_duplicate_install,
)
from gpufix.model import CondaPackage, Facts, Problem, Record, Severity, SharedFile
from gpufix.model.base import from_json

NCCL = "nvidia/nccl/lib/libnccl.so.2"
mixed = whl501_mixed_cuda_majors.mixed_cuda_majors
twice = whl502_file_owned_twice.file_owned_twice
missing = whl503_files_missing.files_missing
skew = whl504_pin_skew.pin_skew
family = whl505_torch_family_mismatch.torch_family_mismatch
conflict = whl506_requirement_conflict.requirement_conflict
duplicate = whl507_duplicate_install.duplicate_install

TORCH = b.dist("torch", "2.9.0+cu128", requires=["nvidia-nccl-cu12==2.27.5", "filelock"])
BARE = b.dist("torch", "2.9.0+cu128")
NCCL12 = b.dist("nvidia-nccl-cu12", "2.27.5")
NCCL11 = b.dist("nvidia-nccl-cu11", "2.21.5", requested=True)


def shared(holder: str | None, differ: bool = True, path: str = NCCL) -> SharedFile:
    owners = ["nvidia-nccl-cu11", "nvidia-nccl-cu12"]
    return SharedFile(path=path, owners=owners, differ=differ, holder=holder)


def env(*dists: object, **sections: object) -> Facts:
    return b.facts(torch=b.torch(), distributions=list(dists), **sections)


def conda(name: str, version: str = "1.0", **more: object) -> CondaPackage:
    place = {"prefix": "/env", "metadata": f"/env/conda-meta/{name}.json"}
    return from_json(CondaPackage, {"name": name, "version": version, **place, **more})


CU13 = [
    b.dist("torch", "2.13.0+cu130", requires=["cuda-toolkit[cublas]==13.0.3"]),
    b.dist("cuda-toolkit", "13.0.3", requires=['nvidia-cublas==13.1.0.3; extra == "cublas"']),
    b.dist("nvidia-cublas", "13.1.0.3"),
]

SILENT = {
    "torch and its own nccl": (mixed, env(TORCH, NCCL12)),
    "no torch": (mixed, b.facts(distributions=[NCCL11, NCCL12])),
    "cpu torch": (mixed, b.facts(torch=b.torch("2.9.0+cpu"), distributions=[NCCL11])),
    "requested stray, nothing collides": (mixed, env(TORCH, NCCL12, NCCL11)),
    "required stray, nothing collides": (
        mixed,
        env(
            TORCH,
            NCCL12,
            b.dist("nvidia-cudnn-cu13", "9"),
            b.dist("jax-cuda13-plugin", requires=["nvidia-cudnn-cu13"]),
        ),
    ),
    "CUDA 13 wheels without suffix": (
        mixed,
        b.facts(torch=b.torch("2.13.0+cu130"), distributions=CU13),
    ),
    "same bytes": (twice, env(shared_files=[shared(None, differ=False)])),
    "package markers": (twice, env(shared_files=[shared(None, path="/s/nvidia/__init__.py")])),
    "top-level tests": (twice, env(shared_files=[shared(None, path="/s/tests/test_a.py")])),
    "licences": (twice, env(shared_files=[shared(None, path="/s/LICENSE")])),
    "whole record": (missing, env(b.dist("a", record=Record(files=3)))),
    "no record": (missing, env(b.dist("a"))),
    "slimmed: tests, stubs and scripts gone": (
        missing,
        env(
            b.dist(
                "scipy",
                record=Record(
                    files=9,
                    missing=["scipy/tests/test_a.py", "scipy/__init__.pyi", "../../../bin/f2py"],
                    missing_count=3,
                ),
            )
        ),
    ),
    "editable": (
        missing,
        env(b.dist("a", editable="/src/a", record=Record(files=1, missing=["a.py"]))),
    ),
    "pins met": (skew, env(TORCH, NCCL12)),
    "pin of something else": (
        skew,
        env(b.dist("a", requires=["triton==1.0"]), b.dist("triton", "3.0")),
    ),
    "companion fits": (
        family,
        env(b.dist("torchvision", "0.24.0+cu128", requires=["torch==2.9.0"])),
    ),
    "lower bound": (family, env(b.dist("accelerate", "1.0", requires=["torch>=2.0"]))),
    "cuda major alone fits": (family, env(b.dist("flash-attn", "2.8.3+cu12torch2.9cxx11abitrue"))),
    "PyG fits": (family, env(b.dist("torch-scatter", "2.1.2+pt29cu128"))),
    "no torch at all": (family, b.facts(distributions=[b.dist("torchvision", "0.24.0")])),
    "unrelated local version": (family, env(b.dist("mypkg", "1.0+cuddly"))),
    "met": (conflict, env(b.dist("a", requires=["b>=1"]), b.dist("b", "1.5"))),
    "extra nobody asked for": (
        conflict,
        env(b.dist("a", requires=['b>=1; extra == "x"'])),
    ),
    "another python's row": (
        conflict,
        env(b.dist("a", requires=['tomli; python_version < "3.11"'])),
    ),
    "another platform's row": (
        conflict,
        env(b.dist("a", requires=['pywin32; sys_platform == "win32"'])),
    ),
    "gradio with what it wants": (
        conflict,
        env(b.dist("gradio", "4.44.1"), b.dist("huggingface-hub", "0.36.2")),
    ),
    "prerelease counts": (conflict, env(b.dist("a", requires=["b>=1"]), b.dist("b", "2.0rc1"))),
    "one copy": (duplicate, env(b.dist("a"))),
    "Debian's two descriptions of one install": (
        duplicate,
        env(b.dist("a", "38.0.4"), b.dist("a", "38.0.4", source="egg")),
    ),
    "conda's record of a pip-visible package": (
        duplicate,
        env(b.dist("numpy", "2.0"), b.dist("numpy", "2.0", source="conda", location="/env")),
    ),
    "conda's record of a distribution that conda brought": (
        duplicate,
        env(b.dist("numpy", "2.0", source="conda"), conda_packages=[conda("numpy", "2.1")]),
    ),
    "conda's requirements are no requirements of Python's": (
        conflict,
        env(conda_packages=[conda("pytorch", depends=["libstdcxx >=13", "magma-cuda126"])]),
    ),
    "conda's files are there": (missing, env(conda_packages=[conda("libgcc")])),
    "shadowed elsewhere, no GPU package": (
        duplicate,
        env(b.dist("six", "1.16"), b.dist("six", "1.15", location="/usr/lib/python3")),
    ),
}

FIRING = {
    "stray that nothing requires": (
        mixed,
        env(TORCH, NCCL12, replace(NCCL11, requested=False)),
        Severity.advice,
        "torch 2.9.0+cu128 wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's, "
        "and nothing requires it.",
    ),
    "stray that collides": (
        mixed,
        env(TORCH, NCCL12, NCCL11, shared_files=[shared("nvidia-nccl-cu11")]),
        Severity.error,
        f"torch 2.9.0+cu128 wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's and "
        f"owns {NCCL} too.",
    ),
    "two owners": (
        twice,
        env(shared_files=[shared("nvidia-nccl-cu11")]),
        Severity.warning,
        f"nvidia-nccl-cu11 and nvidia-nccl-cu12 both own {NCCL}; the bytes there are "
        "nvidia-nccl-cu11's.",
    ),
    "library gone": (
        missing,
        env(
            b.dist(
                "nvidia-nccl-cu12",
                "2.27.5",
                record=Record(files=5, missing=["nvidia/nccl/lib/libnccl.so.2"], missing_count=1),
            )
        ),
        Severity.error,
        "nvidia-nccl-cu12 2.27.5 recorded nvidia/nccl/lib/libnccl.so.2, which is missing.",
    ),
    "torch cannot load": (
        missing,
        b.facts(
            torch=b.torch(state="broken", missing=["lib/libc10.so"]),
            distributions=[
                b.dist(
                    "torch",
                    "2.9.0+cu128",
                    record=Record(files=5, missing=["torch/lib/libc10.so"], missing_count=1),
                )
            ],
        ),
        Severity.error,
        "torch 2.9.0+cu128 is installed but cannot load: torch/lib/libc10.so is missing.",
    ),
    "one file shown of many that are gone": (
        missing,
        env(b.dist("a", record=Record(files=9, missing=["a/x.so"], missing_count=9))),
        Severity.error,
        "a 1.0 recorded a/x.so and 8 more files, which are missing.",
    ),
    "header gone": (
        missing,
        env(b.dist("a", record=Record(files=5, missing=["a/include/a.h"], missing_count=1))),
        Severity.warning,
        "a 1.0 recorded a/include/a.h, which is missing.",
    ),
    "edited": (
        missing,
        env(
            b.dist(
                "torch",
                "2.9.0",
                record=Record(files=5, altered=["torch/utils/cpp_extension.py"], altered_count=1),
            )
        ),
        Severity.warning,
        "torch 2.9.0 installed torch/utils/cpp_extension.py with other content than is there now.",
    ),
    "older nccl": (
        skew,
        env(TORCH, b.dist("nvidia-nccl-cu12", "2.21.5")),
        Severity.warning,
        "torch 2.9.0+cu128 declares nvidia-nccl-cu12==2.27.5; 2.21.5 is installed.",
    ),
    "torchvision of another torch": (
        family,
        env(BARE, b.dist("torchvision", "0.21.0", requires=["torch==2.6.0"])),
        Severity.error,
        "torchvision 0.21.0 requires torch==2.6.0; torch 2.9.0+cu128 is installed.",
    ),
    "another minor whose libraries load": (
        family,
        env(
            BARE,
            b.dist("x", requires=["torch==2.8.0"]),
            binaries=b.binaries(b.library("x/_C.so", distribution="x")),
        ),
        Severity.warning,
        "x 1.0 requires torch==2.8.0; torch 2.9.0+cu128 is installed.",
    ),
    "another patch whose libraries fail": (
        family,
        env(
            BARE,
            b.dist("x", requires=["torch==2.9.1"]),
            binaries=b.binaries(
                b.library(
                    "x/_C.so",
                    distribution="x",
                    problems=[Problem(kind="undefined-symbol", name="_ZN3c10")],
                )
            ),
        ),
        Severity.error,
        "x 1.0 requires torch==2.9.1; torch 2.9.0+cu128 is installed.",
    ),
    "PyG of another torch": (
        family,
        env(b.dist("torch-scatter", "2.1.2+pt25cu124")),
        Severity.error,
        "torch-scatter 2.1.2+pt25cu124 names torch 2.5; torch 2.9.0+cu128 is installed.",
    ),
    "companion of another CUDA": (
        family,
        env(b.dist("torchvision", "0.24.0+cu118")),
        Severity.warning,
        "torchvision 0.24.0+cu118 is built for cu118; torch 2.9.0+cu128 is cu128.",
    ),
    "absent": (
        conflict,
        env(b.dist("a", requires=["b>=1"])),
        Severity.warning,
        "a 1.0 requires b>=1; not installed.",
    ),
    "too old": (
        conflict,
        env(b.dist("a", requires=["b>=2"]), b.dist("b", "1.0")),
        Severity.warning,
        "a 1.0 requires b>=2; b 1.0 is installed.",
    ),
    "extra that was asked for": (
        conflict,
        env(
            b.dist("a", requires=["b[x]"]),
            b.dist("b", "1.0", requires=['c; extra == "x"']),
        ),
        Severity.warning,
        "b 1.0 requires c; not installed.",
    ),
    "gradio and a new hub": (
        conflict,
        env(b.dist("gradio", "4.44.1"), b.dist("huggingface-hub", "1.2.0")),
        Severity.error,
        "gradio 4.44.1 does not work with huggingface-hub 1.2.0: ImportError: cannot import name "
        "'HfFolder' from 'huggingface_hub'.",
    ),
    "pip's over conda's": (
        duplicate,
        env(b.dist("numpy", "2.0"), conda_packages=[conda("numpy", "1.26")]),
        Severity.warning,
        f"numpy is installed 2 times: 2.0 (pip) in {b.SITE} and 1.26 (conda) in /env; Python takes "
        "the first.",
    ),
    "a file of conda's is gone": (
        missing,
        env(conda_packages=[conda("libgcc", record=Record(missing=["lib/x.so"], missing_count=1))]),
        Severity.error,
        "libgcc 1.0 recorded lib/x.so, which is missing.",
    ),
    "two dist-infos in one folder": (
        duplicate,
        env(b.dist("six", "1.16"), b.dist("six", "1.15")),
        Severity.warning,
        f"six is installed 2 times: 1.16 (pip) in {b.SITE} and 1.15 (pip) in {b.SITE}; Python "
        "takes the first.",
    ),
    "torch in the user site too": (
        duplicate,
        env(b.dist("torch", "2.9.0"), b.dist("torch", "2.4.0", location="/home/u/.local")),
        Severity.warning,
        f"torch is installed 2 times: 2.9.0 (pip) in {b.SITE} and 2.4.0 (pip) in /home/u/.local; "
        "Python takes the first.",
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


def test_a_file_overwritten_by_another_owner_is_told_once() -> None:
    record = Record(files=5, altered=[NCCL], altered_count=1)
    facts = env(replace(NCCL12, record=record), shared_files=[shared("other")])
    assert b.run(missing, facts) == []


def test_the_shared_package_marker_of_nvidia_is_not_missed() -> None:
    record = Record(files=5, missing=["nvidia/__init__.py"], missing_count=1)
    assert b.run(missing, env(replace(NCCL12, record=record))) == []
