"""tools/amd_emulation: what can be judged without an emulator, and a run with one where there is one."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import ROOT

import need_finders as find
import needs
from amd_emulation import faults
from amd_emulation.bitcode import isa_version, with_architectures
from amd_emulation.build import Builder, Missing, compat, device_flags
from amd_emulation.code_object import (
    Argument,
    CodeObjectError,
    Descriptor,
    Kernel,
    bundled,
    parse,
)
from amd_emulation.kernarg import Shape, pack, packet
from gpufix.kernels.toolchain import device_libraries

TOOL = ROOT / "tools" / "amd_emulation"
KERNEL = """
#include <hip/hip_runtime.h>
__global__ void __launch_bounds__(192) k(float* a, unsigned char b, double c, int n) {
    __shared__ float s[100];
    s[threadIdx.x % 100] = float(c) + b;
    __syncthreads();
    int i = int(blockIdx.y * blockDim.x + threadIdx.x);
    if (i < n) a[i] = s[99 - threadIdx.x % 100];
}
"""


def kernel(*arguments: Argument, size: int = 64) -> Kernel:
    return Kernel("k", 0, Descriptor(0, 0, size, 0, 0, 0, 0, 0, 0), arguments, 1024)


def test_arguments_lie_where_the_metadata_say() -> None:
    """Explicit ones by their number, the launch's own by their kind, nothing else defined."""
    told = kernel(
        Argument(0, 8, "global_buffer"), Argument(8, 1, "by_value"), Argument(16, 4, "hidden_block_count_y"),
        Argument(20, 2, "hidden_group_size_x"), Argument(22, 2, "hidden_remainder_x"),
        Argument(24, 8, "hidden_global_offset_x"), Argument(32, 2, "hidden_grid_dims"),
        Argument(36, 4, "hidden_dynamic_lds_size"), Argument(40, 8, "hidden_hostcall_buffer"),
    )  # fmt: skip
    given = {0: struct.pack("<Q", 0x1122334455667788), 1: b"\x07"}
    segment = pack(told, Shape((5, 6, 1), (128, 1, 1), 400), lambda i, size: given[i][:size])
    assert segment[:9] == given[0] + given[1]
    assert segment[9:16] == b"\xff" * 7
    assert struct.unpack_from("<IHHQH", segment, 16) == (6, 128, 0, 0, 2)
    assert struct.unpack_from("<I", segment, 36) == (400,)
    assert segment[40:48] == b"\xff" * 8


def test_an_argument_behind_the_segment_is_an_error() -> None:
    with pytest.raises(CodeObjectError, match="ends behind"):
        pack(kernel(Argument(60, 8, "by_value")), Shape((1, 1, 1), (1, 1, 1)), lambda *_: b"\0" * 8)


def test_the_dispatch_packet() -> None:
    raw = packet(Shape((5, 2, 1), (64, 2, 1), 12), 0xAAAA, 0xBBBB)
    assert len(raw) == 64
    assert struct.unpack_from("<HHH", raw, 4) == (64, 2, 1)
    assert struct.unpack_from("<III", raw, 12) == (320, 4, 1)
    assert struct.unpack_from("<IQQ", raw, 28) == (12, 0xAAAA, 0xBBBB)


def compiled(folder: Path, arch: str, *stage: str) -> Path:
    """KERNEL for an architecture that Debian's device libraries may not know: a bundle, or its assembly."""
    needs.require("hip")
    found = Builder(arch, folder, Path("/usr/include")).headers("stream")
    assert found is not None
    source, bundle = folder / "k.hip", folder / "k.hipfb"
    source.write_text(KERNEL)
    flags = device_flags("stream", arch, found, folder)
    command = [
        needs.path("clang"),
        *flags,
        "--cuda-device-only",
        *(stage or ["--gpu-bundle-output"]),
    ]
    subprocess.run([*command, "-o", str(bundle), str(source)], check=True, timeout=120)
    return bundle


@pytest.mark.parametrize("arch", ["gfx1100", pytest.param("gfx942", marks=pytest.mark.slow)])
def test_a_descriptor_as_llvm_reads_it(arch: str, tmp_path: Path) -> None:
    """Its assembly printer and its reader of notes are the oracle."""
    data = bundled(compiled(tmp_path, arch).read_bytes(), arch)
    (tmp_path / "k.co").write_bytes(data)
    [found] = parse(data).kernels.values()
    about = found.descriptor
    text = compiled(tmp_path, arch, "-S").read_text()
    said = {name: int(value) for name, value in re.findall(r"\.amdhsa_(\w+) (\d+)$", text, re.M)}
    assert about.lds_bytes == said["group_segment_fixed_size"] == 400
    assert about.scratch_bytes == said["private_segment_fixed_size"]
    assert about.kernarg_bytes == said["kernarg_size"]
    assert about.user_registers == said["user_sgpr_count"]
    axes = [bool(said[f"system_sgpr_workgroup_id_{axis}"]) for axis in "xyz"]
    assert list(about.group_ids) == axes
    assert about.keeps_denormals == (said["float_denorm_mode_32"] == 3)
    assert about.wave32 == bool(said.get("wavefront_size32", 0)) == (arch == "gfx1100")
    assert dict(about.user_layout()) == {
        name: size
        for name, size in (("dispatch_ptr", 2), ("kernarg_segment_ptr", 2), ("dispatch_id", 2))
        if said[f"user_sgpr_{name}"]
    }
    notes = llvm("llvm-readelf", "--notes", tmp_path / "k.co")
    rows = re.findall(r"\.offset: +(\d+)\n +\.size: +(\d+)\n +\.value_kind: +(\w+)", notes)
    assert [(a.offset, a.size, a.kind) for a in found.arguments] == [
        (int(offset), int(size), kind) for offset, size, kind in rows
    ]
    assert [a.size for a in found.arguments if not a.hidden] == [8, 1, 8, 4]
    assert found.most_threads == 192


def llvm(name: str, *arguments: object) -> str:
    clang = Path(needs.path("clang"))
    tool = clang.resolve().parent / name
    return subprocess.run(
        [str(tool), *map(str, arguments)], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_other_targets_and_other_files_are_errors(tmp_path: Path) -> None:
    bundle = compiled(tmp_path, "gfx1100").read_bytes()
    with pytest.raises(CodeObjectError, match=r"no code for gfx942 in the bundle, only .*gfx1100"):
        bundled(bundle, "gfx942")
    with pytest.raises(CodeObjectError, match="no plain offload bundle"):
        bundled(b"CCOB" + bundle, "gfx1100")
    with pytest.raises(CodeObjectError, match="not an ELF file"):
        parse(bundle)


def test_the_constants_are_as_debians(tmp_path: Path) -> None:
    """Each that Debian has holds the number that its name stands for, and ours hold theirs."""
    needs.require("hip")
    there = device_libraries()
    assert there is not None
    ours = with_architectures(
        Path(needs.path("clang")), there, tmp_path / "bc", ["gfx1100", "gfx1201"]
    )
    paths = sorted(ours.glob("oclc_isa_version_*.bc"))
    known = [path for path in paths if "-generic" not in path.name]
    assert len(known) > 20
    for path in [*known[::9], ours / "oclc_isa_version_1100.bc", ours / "oclc_isa_version_1201.bc"]:
        text = llvm("llvm-dis", path, "-o", "-")
        number = re.search(r"@__oclc_ISA_version = .* constant i32 (\d+)", text)
        arch = path.stem.removeprefix("oclc_isa_version_")
        assert number is not None
        assert int(number[1]) == isa_version(f"gfx{arch}")
    assert (ours / "ocml.bc").is_file()


def test_the_header_that_fix_writes_is_the_one_that_is_tried(tmp_path: Path) -> None:
    [header] = compat(tmp_path).iterdir()
    assert "gpufix_shfl_sync" in header.read_text()


def test_each_fault_has_its_place(tmp_path: Path) -> None:
    """A change of the suite that takes a fault's place away is seen here, not when it is seeded."""
    rows = faults.faults()
    assert len(rows) >= 10
    for row in rows:
        try:
            faults.seeded(row, tmp_path / "suite")
        except Missing as error:
            raise AssertionError(error) from None


def tool(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)


def test_without_an_emulator_it_says_what_is_missing(tmp_path: Path) -> None:
    ended = tool("--emulator", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"no emulator in {tmp_path}: test/mockgpu/amd/emu.py is not there (a checkout of tinygrad)\n"
    )


@pytest.mark.slow
@pytest.mark.needs("hip", "AMD emulator")
@pytest.mark.parametrize("arch", ["gfx1100", "gfx942"])
def test_the_header_and_the_waves_in_an_emulator(arch: str, tmp_path: Path) -> None:
    emulator = os.environ[find.EMULATOR]
    wanted = ["--arch", arch, "--program", "header", "--program", "warp", "--work", tmp_path]
    ended = tool("--emulator", emulator, *wanted)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(re.findall(r"^header .*: valid", ended.stdout, re.M)) == 12
    assert len(re.findall(r"^warp .*: valid", ended.stdout, re.M)) == 6
