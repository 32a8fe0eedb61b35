"""HIP offload bundles made by hand, plain and compressed, and clang's offload binaries."""

from __future__ import annotations

import struct
import zlib

import gpu_build as b
import pytest

from gpufix.binary.gpucode.amdgpu import MACH_NAMES, entry_target
from gpufix.binary.gpucode.extract import code_in

HOST = "host-x86_64-unknown-linux--"
HIP = "hipv4-amdgcn-amd-amdhsa--"


def code_object(flags: int, abi: int = 3) -> bytes:
    return b.cubin(flags, osabi=64, machine=224, abi=abi)


def section(data: bytes, name: str = ".hip_fatbin") -> bytes:
    return b.host_elf({name: data})


def archs(data: bytes) -> list[tuple[str, int]]:
    return [(image.arch, image.count) for image in code_in(data).images]


ONE = b.bundle({HOST: b"", HIP + "gfx1030": code_object(0x36)})
TWO = b.bundle(
    {
        HOST: b"",
        HIP + "gfx90a:sramecc+:xnack-": code_object(0xE3F),
        HIP + "gfx11-generic": code_object(0x1000054, abi=4),
    }
)


@pytest.mark.parametrize(
    "data", [section(b""), section(b"\0" * 8192), section(b.bundle({HOST: b""}))]
)
def test_nothing_but_host_entries_is_no_gpu_code(data):
    code = code_in(data)
    assert not code and not code.groups and not code.gaps


def test_bundles_of_several_translation_units():
    code = code_in(section(ONE + TWO + ONE))
    assert [(i.kind, i.arch, i.code_version, i.count) for i in code.images] == [
        ("hip", "gfx1030", 5, 2),
        ("hip", "gfx90a:sramecc+:xnack-", 5, 1),
        ("hip", "gfx11-generic", 6, 1),
    ]
    assert [(g.images, g.count) for g in code.groups] == [((0,), 2), ((1, 2), 1)]
    assert code.gaps == ()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_compressed_bundles(version):
    packed = [b.ccob(zlib.compress(one), len(one), version) for one in (ONE, TWO, ONE)]
    padded = b"".join(part + b"\0" * (-len(part) % 4096) for part in packed)
    code = code_in(section(padded))
    assert [(i.arch, i.count) for i in code.images] == [
        ("gfx1030", 2), ("gfx90a:sramecc+:xnack-", 1), ("gfx11-generic", 1),
    ]  # fmt: skip
    assert {i.compression for i in code.images} == {"zlib"}
    assert code.containers == 3 and code.gaps == ()


@pytest.mark.parametrize(
    ("payload", "method", "reason"),
    [
        (b"\xff" * 64, 0, "zlib"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 64, 1, "zstd"),
        (zlib.compress(b"text" * 99), 0, "no bundle inside"),
        (b"?" * 64, 7, "unknown compression method"),
    ],
)
def test_what_cannot_be_decompressed_is_a_gap_and_not_nothing(payload, method, reason):
    code = code_in(section(b.ccob(payload, 4096, 2, method)))
    assert [image.kind for image in code.images] == ["other"]
    assert len(code.gaps) == 1 and reason in code.gaps[0]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (HIP + "gfx90a:sramecc+:xnack-", "gfx90a:sramecc+:xnack-"),
        ("hip-amdgcn-amd-amdhsa-gfx906", "gfx906"),
        ("hip-amdgcn-amd-amdhsa--gfx10-3-generic", "gfx10-3-generic"),
        ("openmp-amdgcn-amd-amdhsa--gfx90c", "gfx90c"),
        (HOST, None),
        ("hip-spirv64-amd-amdhsa--amdgcnspirv", None),
        (HIP + "gfx90a:xnack", None),
        (HIP + "gfx90a\x1b[31m", None),
        (HIP, None),
    ],
)
def test_targets_in_ids(name, target):
    assert entry_target(name) == target


def test_spirv_and_foreign_entries_are_told():
    code = code_in(section(b.bundle({"hip-spirv64-amd-amdhsa--amdgcnspirv": b"x", "odd": b"y"})))
    assert [image.kind for image in code.images] == ["spirv", "other"]
    assert len(code.gaps) == 2


@pytest.mark.parametrize(
    ("mach", "name"),
    [(0x2C, "gfx900"), (0x3F, "gfx90a"), (0x36, "gfx1030"), (0x45, "gfx1036"), (0x41, "gfx1100"),
     (0x46, "gfx1101"), (0x4A, "gfx1151"), (0x4C, "gfx942"), (0x4E, "gfx1201"), (0x4F, "gfx950"),
     (0x49, "gfx1250"), (0x55, "gfx1152"), (0x58, "gfx1153"), (0x51, "gfx9-generic"),
     (0x54, "gfx11-generic"), (0x59, "gfx12-generic"), (0x5F, "gfx9-4-generic")],
)  # fmt: skip
def test_machine_numbers(mach, name):
    assert MACH_NAMES[mach] == name
    (image,) = code_in(code_object(mach)).images
    assert (image.kind, image.arch) == ("hip", name)


@pytest.mark.parametrize(
    ("flags", "arch"),
    [(0x53F, "gfx90a"), (0xE3F, "gfx90a:sramecc+:xnack-"), (0x33F, "gfx90a:xnack+")],
)
def test_features_in_e_flags(flags, arch):
    assert archs(code_object(flags)) == [(arch, 1)]


def test_an_entry_that_holds_another_gpus_code_is_told():
    code = code_in(section(b.bundle({HIP + "gfx1030": code_object(0x41)})))
    assert len(code.gaps) == 1 and "gfx1100" in code.gaps[0]


@pytest.mark.parametrize(
    "tail",
    [
        b"garbage!",
        b.BUNDLE,
        b.BUNDLE + struct.pack("<Q", 1 << 60),
        b.BUNDLE + struct.pack("<QQQQ", 1, 0, 1 << 40, 1) + b"x",
        b.BUNDLE + struct.pack("<QQQQ", 1, 0, 0, 1 << 40),
        b"CCOB",
        b"CCOB\x09\0\0\0" + b"\0" * 64,
        b"CCOB\2\0\0\0" + b"\xff" * 64,
    ],
)
def test_what_is_malformed_is_a_gap_beside_what_was_read(tail):
    code = code_in(section(ONE + tail))
    assert [image.arch for image in code.images] == ["gfx1030"]
    assert len(code.gaps) == 1


def offload_binary(
    kind: int, arch: str, triple: str, image: bytes = b"BC", version: int = 1
) -> bytes:
    names = f"\0arch\0{arch}\0triple\0{triple}\0".encode()
    strings = 32 + 40
    base = strings + 32
    at = [base + names.index(part) for part in (b"arch", arch.encode(), b"triple", triple.encode())]
    size = -(-(base + len(names) + len(image)) // 8) * 8
    head = struct.pack("<4sIQQQ", b"\x10\xff\x10\xad", version, size, 32, 40)
    entry = struct.pack("<HHIQQQQ", kind, 4, 0, strings, 2, base + len(names), len(image))
    return (head + entry + struct.pack("<QQQQ", *at) + names + image).ljust(size, b"\0")


def test_offload_binaries_of_the_new_driver():
    data = offload_binary(2, "gfx90a:xnack+", "amdgcn-amd-amdhsa")
    data += offload_binary(3, "sm_90", "nvptx64-nvidia-cuda")
    code = code_in(section(data, ".llvm.offloading"))
    assert [(i.kind, i.arch, i.relocatable) for i in code.images] == [
        ("bitcode", "gfx90a:xnack+", True), ("cubin", "sm_90", True),
    ]  # fmt: skip
    assert code.gaps == ()


def test_an_architecture_that_is_none_is_not_repeated():
    code = code_in(section(offload_binary(2, "\x1b[31m", "amdgcn-amd-amdhsa"), ".llvm.offloading"))
    assert [image.arch for image in code.images] == [""]


@pytest.mark.parametrize("version", [0, 2, 99])
def test_unknown_offload_binaries_are_a_gap(version):
    data = offload_binary(2, "gfx90a", "amdgcn-amd-amdhsa", version=version)
    code = code_in(section(data, ".llvm.offloading"))
    assert not code and len(code.gaps) == 1
