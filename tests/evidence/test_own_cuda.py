"""Which CUDA a package is built for, and who asks for a CUDA library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
import pytest

from gpufix.evidence.own_cuda import OwnCuda, asked_for, own_cuda
from gpufix.evidence.view import View
from gpufix.model import Distribution, Library

CTRANSLATE2 = b.library(
    "ctranslate2.libs/libctranslate2-a7a60d30.so.4.8.5",
    b.code("sm_86", kind="ptx", ptx_version="8.2"),
    distribution="ctranslate2",
)


def of(*libraries: Library, dists: Sequence[Distribution] = (), **cuda: list[str]) -> View:
    scan = replace(b.binaries(*libraries), cuda={k.replace("_", "-"): v for k, v in cuda.items()})
    return b.view(b.facts(torch=None, distributions=list(dists), binaries=scan))


def ptx(isa: str, owner: str = "ext") -> Library:
    return b.library(
        f"{owner}/x.so", b.code("sm_90", kind="ptx", ptx_version=isa), distribution=owner
    )


@pytest.mark.parametrize(
    ("view", "majors", "least", "by"),
    [
        (of(ext=["libcudart.so.12", "libcusolver.so.11"]), (12,), None, "libraries"),
        (of(ext=["libcusolver.so.11", "libcusparse.so.12"]), (12,), None, "libraries"),
        (of(ext=["libcudart-53d54daa.so.12.6.68"]), (12,), None, "libraries"),
        # bitsandbytes has a library for each CUDA.
        (of(ext=["libcudart.so.11.0", "libcudart.so.12", "libcudart.so.13"]), (11, 12, 13), None, "libraries"),
        (of(ext=["libcudart.so.13"], dists=[b.dist("ext", "1+cu128")]), (13,), None, "libraries"),
        (of(ext=["libcusolver.so.11"]), (), None, ""),
        (of(ext=["libcudnn.so.9"]), (), None, ""),
        (of(ptx("9.0")), (), 13, "code"),
        (of(ptx("8.7"), ext=["libcudart.so.13"]), (13,), 12, "libraries"),
        (of(ptx("9.9")), (), None, ""),  # of which ISA is not known yet
        (of(dists=[b.dist("ext", "2.8+cu12torch2.9")]), (12,), None, "name"),
        (of(dists=[b.dist("ext", "2.1.2+pt25cu124")]), (12,), None, "name"),
    ],
)  # fmt: skip
def test_own_cuda(view: View, majors: tuple[int, ...], least: int | None, by: str) -> None:
    found = own_cuda(view)["ext"]
    assert (found.majors, found.least, found.by) == (majors, least, by)
    assert found.major == (majors[0] if len(majors) == 1 else None)


@pytest.mark.parametrize(
    ("name", "major"),
    [
        ("cupy-cuda12x", 12),
        ("faiss-gpu-cu12", 12),
        ("spconv-cu126", 12),
        ("jax-cuda13-plugin", 13),
        ("nvidia-dali-cuda130", 13),
        ("onnxruntime-gpu", None),
        ("cucumber", None),
        ("x-cu12-tools-cu1", 12),
    ],
)
def test_names(name: str, major: int | None) -> None:
    found = own_cuda(of(dists=[b.dist(name)])).get(name, OwnCuda())
    assert found.major == major


def test_what_native_code_opens_counts() -> None:
    view = of(CTRANSLATE2)
    assert own_cuda(view)["ctranslate2"] == OwnCuda(
        (12,),
        12,
        "libraries",
        ("names libcublas.so.12", "libctranslate2-a7a60d30.so.4.8.5 holds PTX 8.2"),
    )
    assert asked_for(view) == {"libcublas.so.12": {"ctranslate2"}}


def test_asked_for() -> None:
    more: Any = {"/x/_C.so": ["libcudart.so.12"]}
    view = of(a=["libcudart.so.12", "libcudnn.so.9"], b=["libcudart-53d54daa.so.12.6.68"], **more)
    assert asked_for(view) == {"libcudart.so.12": {"a", "/x/-C.so"}, "libcudnn.so.9": {"a"}}
