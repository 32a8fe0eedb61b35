"""HIP object files from the clang that is here, compared with LLVM's own tools."""

from __future__ import annotations

import re
from pathlib import Path

import gpu_build as b
import pytest

import needs
from gpufix.binary.gpucode.amdgpu import MACH_NAMES
from gpufix.binary.gpucode.extract import GpuCode, code_objects

# No header and no device library: only the compiler itself is needed.
SOURCE = """
struct dim3 { unsigned x, y, z; };
extern "C" int hipLaunchKernel(const void *, dim3, dim3, void **, unsigned long, void *);
__attribute__((global)) void k(float *x) { x[0] = 2.f; }
"""
FLAGS = ("-w", "-x", "hip", "-nogpuinc", "-nogpulib", "-c", "k.hip")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("bundles")
    (where / "k.hip").write_text(SOURCE)
    return where


def compile_for(folder: Path, output: str, archs: list[str], *flags: str) -> GpuCode:
    targets = [f"--offload-arch={arch}" for arch in archs]
    flags = ("-mcode-object-version=5", *flags)  # clang 19's own choice; newer ones take 6
    b.run(needs.path("clang"), *FLAGS, *targets, *flags, "-o", output, cwd=folder)
    return code_objects(str(folder / output))


SEVERAL = ["gfx1030", "gfx90a:sramecc+:xnack-", "gfx90a:sramecc+:xnack+"]


@pytest.mark.some(2)
@pytest.mark.parametrize(
    ("archs", "flags", "compression"),
    [
        (["gfx1030"], (), ""),
        (SEVERAL, (), ""),
        (SEVERAL, ("--offload-compress",), "zstd"),
        (["gfx10-3-generic", "gfx9-generic", "gfx1030"], ("-mcode-object-version=6",), ""),
        (SEVERAL, ("--offload-new-driver",), ""),
    ],
    ids=["one", "features", "compressed", "generic", "new-driver"],
)
def test_what_clang_was_asked_for_is_found(folder, archs, flags, compression):
    code = compile_for(folder, "k.o", archs, *flags)
    assert sorted(image.arch for image in code.images) == sorted(archs)
    assert {(i.kind, i.compression, i.count) for i in code.images} == {("hip", compression, 1)}
    assert code.containers == 1 and code.gaps == ()
    assert bundler_list(folder, "k.o") == sorted(archs)
    versions = {image.code_version for image in code.images}
    assert versions == ({None} if compression else {6} if "generic" in archs[0] else {5})


def bundler_list(folder: Path, output: str) -> list[str]:
    b.run(needs.path("objcopy"), "-O", "binary", "-j", ".hip_fatbin", output, "k.hipfb", cwd=folder)
    # Where it really lies, it finds the llvm-objcopy that it starts.
    tool = str(Path(needs.path("clang")).resolve().with_name("clang-offload-bundler"))
    text = b.run(tool, "--list", "--type=o", "--input=k.hipfb", cwd=folder)
    return sorted(re.findall(r"--(gfx\S+)", text))


@pytest.mark.parametrize("flags", [("-fgpu-rdc",), ("-fgpu-rdc", "--offload-new-driver")])
def test_code_still_to_be_linked(folder, flags):
    code = compile_for(folder, "rdc.o", ["gfx1030"], *flags)
    assert [(i.kind, i.arch, i.relocatable) for i in code.images] == [("bitcode", "gfx1030", True)]
    assert code.gaps == ()


@pytest.mark.parametrize("arch", ["gfx906", "gfx90a", "gfx942", "gfx1036", "gfx1101", "gfx1152"])
def test_bare_code_objects_and_their_machine_numbers(folder, arch):
    assert arch in MACH_NAMES.values()
    flags = ("--cuda-device-only", "--no-gpu-bundle-output")
    code = compile_for(folder, "k.co", [arch], *flags)
    assert [(i.kind, i.arch, i.code_version) for i in code.images] == [("hip", arch, 5)]


@pytest.mark.needs("ar")
def test_static_library(folder):
    compile_for(folder, "k.o", ["gfx1030"])
    b.run("ar", "rcs", "libk.a", "k.o", cwd=folder)
    code = code_objects(str(folder / "libk.a"))
    assert [(image.arch, image.count) for image in code.images] == [("gfx1030", 1)]
