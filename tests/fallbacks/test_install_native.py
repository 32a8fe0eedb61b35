"""Fallbacks that are compiled when they are installed."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import needs
from gpufix.binary.gpucode.extract import code_objects
from gpufix.engine.builds.native_fallback import compiled, toolchain
from gpufix.engine.run_context import Refused, RunContext, StepFailed
from gpufix.engine.steps import fallback as step_kind
from gpufix.engine.steps.fallback import packed
from gpufix.fallbacks import catalogue
from gpufix.fallbacks.catalogue import Fallback, Native
from gpufix.model import Distribution, Facts, Host, InstallFallback, Python, Tool, Toolkit

KERNEL = """\
#include "gpufix_gpu.h"
__global__ void k(float *p) { p[threadIdx.x] += 1.0f; }
extern "C" int go(float *p) { k<<<1, 32>>>(p); return 0; }
"""


@pytest.fixture
def native(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source file of the only fallback there is."""
    source, payload = tmp_path / "kernel.cu", tmp_path / "fast" / "payload" / "fast"
    payload.mkdir(parents=True)
    (payload / "__init__.py").write_text("")
    made = Fallback(
        "fast", tmp_path / "fast", "fast", "1.0", ("fast",), ("fast",), (), "s",
        build=(Native(str(source), "fast/_fast.so"),),
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "every", lambda: (made,))
    source.write_text(KERNEL)
    return source


def context(folder: Path, *toolkits: Toolkit, tools: tuple[Tool, ...] = ()) -> RunContext:
    host = Host(os="Linux", kernel="6", machine="x86_64")
    facts = Facts(host=host, toolkits=list(toolkits), tools=list(tools))
    return RunContext(facts, environ=dict(os.environ), folder=folder)


def cuda(version: str = "13.0") -> Toolkit:
    nvcc = needs.path("nvcc")
    root = Path(nvcc).resolve().parent.parent
    return Toolkit(kind="cuda", root=str(root), version=version, origin="PATH", compiler=nvcc)


def step(*archs: str) -> InstallFallback:
    return InstallFallback(
        name="fast", distribution="fast", version="1.0+gpufix", archs=list(archs)
    )


@pytest.mark.needs("nvcc")
def test_one_library_for_every_target(native: Path, tmp_path: Path) -> None:
    made = packed(step("sm_75", "sm_120"), context(tmp_path, cuda()))
    assert made.name == "fast-1.0+gpufix-py3-none-linux_x86_64.whl"
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        library = tmp_path / "_fast.so"
        library.write_bytes(archive.read("fast/_fast.so"))
    assert {image.arch for image in code_objects(str(library)).images} == {"sm_75", "sm_120"}


@pytest.mark.slow
@pytest.mark.needs("hip")
def test_one_library_for_every_amd_target(native: Path, tmp_path: Path) -> None:
    clang = needs.path("clang")
    here = context(tmp_path, tools=(Tool(name=Path(clang).name, path=clang),))
    chosen = toolchain(["gfx1030", "gfx90a"], here)
    assert chosen.kind == "clang"
    (found,) = compiled(catalogue.every()[0], ["gfx1030", "gfx90a"], here).values()
    (tmp_path / "_fast.so").write_bytes(found)
    assert {i.arch for i in code_objects(str(tmp_path / "_fast.so")).images} == {
        "gfx1030",
        "gfx90a",
    }


@pytest.mark.needs("nvcc")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("int x = y;", r"kernel.cu.*error: identifier"),
        ('extern "C" int go() { return 0; }', "no code; none of it runs on sm_90"),
    ],
)
def test_what_does_not_come_out_is_said(
    native: Path, tmp_path: Path, text: str, reason: str
) -> None:
    native.write_text(text)
    with pytest.raises(StepFailed, match=reason):
        packed(step("sm_90"), context(tmp_path, cuda()))


def test_without_a_compiler_or_a_target_it_is_refused(native: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no compiler for sm_90"):
        toolchain(["sm_90"], context(tmp_path))
    with pytest.raises(Refused, match="--gpu"):
        toolchain([], context(tmp_path))
    clang = Tool(name="clang++-1", path=str(tmp_path / "clang++-1"))
    with pytest.raises(Refused, match=r"no compiler for gfx1030 is here \(.*clang"):
        toolchain(["gfx1030"], context(tmp_path, tools=(clang,)))


def test_feature_flags_of_a_target_are_the_loaders_business(native: Path, tmp_path: Path) -> None:
    """hipcc is asked for gfx90a, whose code serves gfx90a:xnack- too."""
    rocm = Toolkit(kind="rocm", root="/opt/rocm", origin="/opt", compiler="/opt/rocm/bin/hipcc")
    chosen = toolchain(["gfx90a:xnack-"], context(tmp_path, rocm))
    assert (chosen.kind, str(chosen.compiler)) == ("hipcc", "/opt/rocm/bin/hipcc")


def test_the_check_asks_for_the_compiler(native: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    python = Python(
        executable="/x/python", version="3.11.7", tag="cp311", prefix=str(site), base_prefix="/usr",
        kind="venv", site_dirs=[str(site)],
    )  # fmt: skip
    pip = Distribution(name="pip", version="25", location=str(site))
    bare = context(tmp_path)
    facts = replace(bare.facts, python=python, distributions=[pip])
    with pytest.raises(Refused, match="no compiler for sm_90"):
        step_kind.check(step("sm_90"), replace(bare, facts=facts))
