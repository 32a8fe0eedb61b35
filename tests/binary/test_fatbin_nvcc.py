"""Fatbins from the CUDA compiler that is here, compared with cuobjdump where there is one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import gpu_build as b
import pytest

import needs
from gpufix.binary.gpucode.extract import GpuCode, code_objects

SOURCE = "__global__ void k(float *x) { x[threadIdx.x] *= 2.f; }\n"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("fatbins")
    (where / "k.cu").write_text(SOURCE)
    return where


def compile_with(folder: Path, output: str, *flags: str) -> GpuCode:
    if not (folder / output).exists():
        command = [needs.path("nvcc"), "-Wno-deprecated-gpu-targets", *flags]
        b.run(*command, "k.cu", "-o", output, cwd=folder)
    return code_objects(str(folder / output))


def shown(code: GpuCode) -> list[tuple[str, str]]:
    return sorted((image.kind, image.arch) for image in code.images)


LIBRARY = ("-shared", "-Xcompiler", "-fPIC", "-cudart", "none")
SM_90 = "-gencode=arch=compute_90,code=sm_90"


@pytest.mark.some(2)
@pytest.mark.parametrize(
    ("output", "flags", "expected"),
    [
        ("sm_90.so", (*LIBRARY, SM_90), [("cubin", "sm_90")]),
        (
            "ptx.fatbin",
            ("-fatbin", "-gencode=arch=compute_90,code=[sm_90,compute_90]"),
            [("cubin", "sm_90"), ("ptx", "sm_90")],
        ),
        (
            "variants.fatbin",
            (
                "-fatbin",
                "-gencode=arch=compute_90a,code=[sm_90a,compute_90a]",
                "-gencode=arch=compute_120f,code=sm_120f",
            ),
            [("cubin", "sm_120f"), ("cubin", "sm_90a"), ("ptx", "sm_90a")],
        ),
        (
            "rdc.o",
            ("-c", "-rdc=true", "-gencode=arch=compute_90,code=[sm_90,lto_90]"),
            [("cubin", "sm_90"), ("lto", "sm_90")],
        ),
        ("k.cubin", ("-cubin", "-arch=sm_90"), [("cubin", "sm_90")]),
        ("k.ptx", ("-ptx", "-arch=compute_90"), [("ptx", "sm_90")]),
    ],
)
def test_what_nvcc_was_asked_for_is_found(folder, output, flags, expected):
    code = compile_with(folder, output, *flags)
    assert shown(code) == expected
    assert all(image.relocatable == (output == "rdc.o") for image in code.images)
    assert bool(code.gaps) == (output == "k.cubin")
    if cuobjdump := needs.optional("cuobjdump"):
        assert listed(cuobjdump, folder / output) == without_lto(code)


@pytest.mark.parametrize(
    ("mode", "compression"),
    [(("-Xfatbin", "-compress-all"), {"zstd", "lz4"}), (("-Xfatbin", "-compress=false"), {""})],
)
def test_compressed_or_not_reads_alike(folder, mode, compression):
    output = f"packed-{mode[1]}.fatbin"
    flags = ("-fatbin", "-gencode=arch=compute_90,code=[sm_90,compute_90]", *mode)
    code = compile_with(folder, output, *flags)
    assert shown(code) == [("cubin", "sm_90"), ("ptx", "sm_90")]
    assert {image.compression for image in code.images} <= compression


@pytest.mark.parametrize("mode", ["-compress-all", "-compress=false", "-compress-mode=speed"])
def test_a_source_without_kernels_says_nothing_of_gpus(folder, mode):
    (folder / "host.cu").write_text("int answer() { return 42; }\n")
    flags = ("-fatbin", "-arch=sm_90", "-Wno-deprecated-gpu-targets", "-Xfatbin", mode)
    b.run(needs.path("nvcc"), *flags, "host.cu", "-o", "host.fatbin", cwd=folder)
    code = code_objects(str(folder / "host.fatbin"))
    assert not code and code.gaps == ()
    assert sorted((i.kind, i.arch) for i in code.hollow) == [("cubin", "sm_90"), ("ptx", "sm_90")]


def test_the_ptx_version_is_the_one_that_nvcc_writes(folder):
    compile_with(folder, "k.ptx", "-ptx", "-arch=compute_90")
    written = re.search(r"\.version (\d+\.\d+)", (folder / "k.ptx").read_text())
    assert written
    for output, flags in (("k.ptx", ()), ("ptx.fatbin", ("-fatbin", "-arch=sm_90"))):
        code = compile_with(folder, output, *flags)
        assert {i.ptx_version for i in code.images if i.kind == "ptx"} == {written[1]}


@pytest.mark.needs("ar")
def test_static_library_of_objects(folder):
    compile_with(folder, "rdc.o", "-c", "-rdc=true", "-gencode=arch=compute_90,code=[sm_90,lto_90]")
    alone = code_objects(str(folder / "rdc.o"))
    shutil.copy(folder / "rdc.o", folder / "an_object_of_a_very_long_name.o")
    b.run("ar", "rcs", "lib.a", "rdc.o", "an_object_of_a_very_long_name.o", cwd=folder)
    both = code_objects(str(folder / "lib.a"))
    assert shown(both) == shown(alone)
    assert [image.count for image in both.images] == [2, 2]
    assert both.containers == 2 and both.gaps == ()


def listed(cuobjdump: str, path: Path) -> list[tuple[str, str]]:
    if path.suffix in (".cubin", ".ptx"):
        return without_lto(code_objects(str(path)))
    text = b.run(cuobjdump, "-lelf", "-lptx", str(path), cwd=path.parent)
    names = re.findall(r"(?:PTX|ELF) file +\d+: .*\.(sm_\d+[af]?)\.(cubin|ptx)", text)
    return sorted({(kind, arch) for arch, kind in names})


def without_lto(code: GpuCode) -> list[tuple[str, str]]:
    """As cuobjdump lists them: without LTO-IR, and sm_120f as sm_120."""
    return sorted({(i.kind, i.arch.rstrip("f")) for i in code.images if i.kind != "lto"})
