"""CUDA fatbins made by hand: the silent cases, each field, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import gpu_build as b
import pytest

from gpufix.binary.code import CodeError, code_in, code_objects

VECTORS = Path(__file__).parent / "data" / "fatbin_vectors.tsv"
CUBIN_90 = b.cubin(0x6005A04)


def kinds(data: bytes) -> list[tuple[str, str, int]]:
    return [(image.kind, image.arch, image.count) for image in code_in(data).images]


@pytest.mark.parametrize(
    "data",
    [
        b.host_elf({}),
        b.host_elf({".text": b"\x90" * 99}),
        b.host_elf({".nv_fatbin": b""}),
        b.host_elf({".nv_fatbin": b"\0" * 64}),
        b.host_elf({".nv_fatbin_of_mine": b"text"}),
        b.ar({}),
        b.ar({"a.o": b.host_elf({".text": b"x"}), "notes.txt": b"odd"}),
    ],
    ids=["bare", "text", "empty", "zeros", "other-name", "empty-archive", "host-archive"],
)
def test_host_code_holds_no_gpu_code(data):
    code = code_in(data)
    assert not code and code.images == () and code.groups == () and code.gaps == ()


def test_the_interpreters_libraries_hold_no_gpu_code():
    import _ctypes

    code = code_objects(_ctypes.__file__)
    assert not code and not code.gaps


def vectors() -> list[dict[str, str]]:
    lines = VECTORS.read_text().splitlines()[1:]
    return [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]


@pytest.mark.parametrize("row", vectors(), ids=lambda row: f"{row['file']}-{row['kind']}")
def test_entries_as_fatbinary_writes_them(row):
    number, flags = int(row["arch"]), int(row["flags"], 16)
    version = int(row["major"]), int(row["minor"])
    payload = bytes.fromhex(row["payload_magic_hex"]).ljust(int(row["payload_size_padded"]), b"\0")
    header = int(row["header_size"])
    entry = b.entry(int(row["kind"]), number, flags, version, payload, header)
    (image,) = code_in(b.fatbin(entry)).images
    name = row["file"].removesuffix(".fb").partition("_")[2]
    assert image.kind == ("ptx" if row["kind"] == "1" else "cubin")
    assert image.arch == (f"sm_{name}" if name[0].isdigit() else "sm_80")
    assert image.ptx_version == ("9.0" if image.kind == "ptx" else None)
    magic = {"28b52ffd": "zstd", "7f454c46": "", "2e766572": ""}.get(
        row["payload_magic_hex"], "lz4"
    )
    assert image.compression == magic
    assert image.compressed == (row["uncompressed_size"] != "0")
    assert image.size == len(payload) and image.bits == 64 and not image.debug


def test_kinds_are_counted_and_containers_grouped():
    both = b.fatbin(b.entry(2, 80), b.entry(2, 90, 0x100011), b.entry(1, 90, 0x102011, (8, 4)))
    one = b.fatbin(b.entry(2, 80))
    code = code_in(b.host_elf({".nv_fatbin": both + one + b"\0" * 16 + both}))
    assert [(i.kind, i.arch, i.count) for i in code.images] == [
        ("cubin", "sm_80", 3), ("cubin", "sm_90a", 2), ("ptx", "sm_90a", 2),
    ]  # fmt: skip
    assert [(g.images, g.count) for g in code.groups] == [((0, 1, 2), 2), ((0,), 1)]
    assert code.containers == 3 and code.gaps == ()


def test_lto_debug_and_relocatable_code_are_told_apart():
    entries = b.fatbin(b.entry(8, 90, 0x18011), b.entry(2, 90, 0x13))
    first, second = code_in(b.host_elf({"__nv_relfatbin": entries})).images
    assert (first.kind, first.relocatable, first.debug) == ("lto", True, False)
    assert (second.kind, second.relocatable, second.debug) == ("cubin", True, True)


def test_linked_code_has_the_relocatable_code_behind_it():
    linked = b.fatbin(b.entry(2, 80))
    spare = b.fatbin(b.entry(2, 80), b.entry(1, 90, 0x11, (8, 4)), b.entry(8, 90))
    code = code_in(b.host_elf({".nv_fatbin": linked, "__nv_relfatbin": spare}))
    ((images, count),) = code.parts()
    assert count == 1
    assert [(i.kind, i.arch, i.relocatable) for i in images] == [
        ("cubin", "sm_80", False),
        ("cubin", "sm_80", True),
        ("ptx", "sm_90", True),
    ]


def test_relocatable_code_alone_is_a_part_of_its_own():
    code = code_in(b.host_elf({"__nv_relfatbin": b.fatbin(b.entry(2, 80))}))
    ((images, count),) = code.parts()
    assert [i.arch for i in images] == ["sm_80"] and count == 1


@pytest.mark.parametrize(
    ("payload", "arch", "gaps"),
    [
        (CUBIN_90, 90, 0),
        (b.cubin(0x500550, osabi=51, abi=7), 80, 0),
        (b.cubin(0x6007802), 120, 0),
        (CUBIN_90, 80, 1),
        (b.cubin(0x6005A04, machine=62), 80, 0),
    ],
)
def test_cubins_are_checked_against_their_entry(payload, arch, gaps):
    code = code_in(b.fatbin(b.entry(2, arch, payload=payload)))
    assert len(code.gaps) == gaps, code.gaps


def test_bare_cubin_does_not_tell_its_variant():
    code = code_in(CUBIN_90)
    assert [(i.kind, i.arch) for i in code.images] == [("cubin", "sm_90")]
    assert len(code.gaps) == 1


@pytest.mark.parametrize(
    ("text", "arch", "version"),
    [
        (b"//\n// Generated\n\n.version 8.4\n.target sm_90a\n.address_size 64\n", "sm_90a", "8.4"),
        (b"/* .version 1.0 */ .version 7.8 .target sm_80, debug\n", "sm_80", "7.8"),
        (b".version 9.0\n.target sm_120f\n", "sm_120f", "9.0"),
    ],
)
def test_ptx_as_text(text, arch, version):
    (image,) = code_in(text).images
    assert (image.kind, image.arch, image.ptx_version) == ("ptx", arch, version)
    assert image.debug == (b"debug" in text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\n",
        b"MZ\x90\0" + b"\0" * 60,
        b"// .version and .target are only mentioned here\n",
        b".version 8.4\n.text\n.target sm_90\n",
    ],
)
def test_other_files_are_refused(data):
    with pytest.raises(CodeError):
        code_in(data)


@pytest.mark.parametrize("path", ["/nowhere/lib.so", "/tmp", "/dev/null", "a\0b"])
def test_unreadable_paths_are_refused(path):
    with pytest.raises(CodeError):
        code_objects(path)


GOOD = b.fatbin(b.entry(2, 80))


@pytest.mark.parametrize(
    ("section", "read"),
    [
        (GOOD + b"garbage!" * 4, 1),
        (GOOD + GOOD[:-8], 1),
        (GOOD + GOOD[:16] + b"\xff" * 64, 1),
        (GOOD + b.fatbin(b.entry(2, 90)[:-8]), 1),
        (GOOD + b.fatbin(b.entry(2, 90, header=8)[:64]), 1),
        (GOOD + b.fatbin(b.entry(77, 90)), 2),
    ],
    ids=["garbage", "cut", "huge-entry", "short-entry", "small-header", "unknown-kind"],
)
def test_what_is_malformed_is_a_gap_beside_what_was_read(section, read):
    code = code_in(b.host_elf({".nv_fatbin": section}))
    assert len(code.images) == read and code.images[0].arch == "sm_80"
    assert len(code.gaps) == 1


def test_invented_kinds_and_containers_are_bounded():
    flood = b.fatbin(*(b.entry(2, n) for n in range(10_000)))
    code = code_in(b.host_elf({".nv_fatbin": flood}))
    assert len(code.images) == 4096 and len(code.gaps) == 1


def test_overlapping_sections_are_refused():
    data = bytearray(b.host_elf({".nv_fatbin": GOOD, "__nv_relfatbin": GOOD}))
    table = int.from_bytes(data[40:48], "little")
    data[table + 64 * 2 + 24 : table + 64 * 2 + 32] = data[table + 64 + 24 : table + 64 + 32]
    code = code_in(bytes(data))
    assert not code and "overlap" in code.gaps[0]


def test_files_without_section_headers_are_searched():
    data = bytearray(b.host_elf({".nv_fatbin": GOOD, ".data": GOOD[:16] + b"\xff" * 80}))
    data[40:48] = bytes(8)
    code = code_in(bytes(data))
    assert [(i.arch, i.count) for i in code.images] == [("sm_80", 1)]


def test_large_and_small_files_read_alike(tmp_path):
    small = b.host_elf({".nv_fatbin": GOOD})
    large = b.host_elf({".text": b"\x90" * 3_000_000, ".nv_fatbin": b"\0" * 2_000_000 + GOOD})
    for data in (small, large):
        path = tmp_path / "lib.so"
        path.write_bytes(data)
        assert code_objects(str(path)) == code_in(data)
        assert kinds(data) == [("cubin", "sm_80", 1)]
