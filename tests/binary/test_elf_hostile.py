"""Damaged files: nothing but ElfError comes out, soon and without much memory."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lab import Lab

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.elf.bulk import defined_keys, reference_keys
from gpufix.binary.elf.layout import DT_GNU_HASH, DT_STRTAB, DT_SYMTAB, DT_VERNEED, DT_VERNEEDNUM

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
int gone(void); int f(void) { return gone() + puts("x"); } int g(void) { return abs(f()); }
"""


@pytest.fixture(scope="module")
def images(lab: Lab) -> list[bytes]:
    styles = ("gnu", "sysv")
    return [
        Path(lab.build(f"hostile_{style}.so", SOURCE, f"-Wl,--hash-style={style}")).read_bytes()
        for style in styles
    ]


def read_everything(data: bytes) -> None:
    """All that the reader offers; a part that fails must not keep the others from being tried."""
    try:
        elf = ElfFile("hostile", data)
    except ElfError:
        return
    parts = [
        lambda: (elf.needed, elf.soname, elf.rpath, elf.runpath, elf.interpreter, elf.bind_now),
        lambda: (elf.version_needs, elf.version_definitions),
        elf.undefined,
        lambda: list(elf.exports()),
        lambda: [elf.lookup(name) for name in ("f", "gone", "puts", "x")],
        lambda: elf.lookup("puts", "GLIBC_2.2.5"),
        elf.referenced,
        lambda: [elf.section(name) for name in (".text", ".dynstr")],
        lambda: (elf.build_id, elf.compilers),
        lambda: (reference_keys(elf), defined_keys(elf)),
    ]
    for part in parts:
        try:
            part()
        except ElfError as error:
            assert error.path == "hostile"
            assert error.what
            assert error.where


def test_an_undamaged_file_reads(images: list[bytes]) -> None:
    for data in images:
        elf = ElfFile("whole", data)
        assert {"gone", "puts"} <= {symbol.name for symbol in elf.undefined()}


NUMBERS = st.sampled_from(
    [0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1]
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 0xFFFF), st.sampled_from([1, 2, 4, 8]), NUMBERS),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    which=st.integers(0, 1), changes=CHANGES, near=st.booleans(), cut=st.none() | st.floats(0, 1)
)
def test_changed_numbers(
    images: list[bytes],
    which: int,
    changes: list[tuple[int, int, int]],
    near: bool,
    cut: float | None,
) -> None:
    data = bytearray(images[which])
    interesting = interesting_offsets(images[which])
    for offset, size, value in changes:
        # Half of the changes go where the tables are; the rest anywhere.
        at = interesting[offset % len(interesting)] if near else offset % len(data)
        data[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    read_everything(bytes(data[: int(len(data) * cut)] if cut is not None else data))


def interesting_offsets(data: bytes) -> list[int]:
    """The header, the program headers, the dynamic section, and the starts of its tables."""
    elf = ElfFile("x", data)
    found = list(range(16, 64 + 56 * elf.image.header.phnum, 2))
    for address in elf.image.tags.values():
        try:
            start = elf.image.offset(address, "")[0]
        except ElfError:
            continue
        found += range(start, start + 64, 2)
    start = elf.image.segment(2).offset  # type: ignore[union-attr]
    return [at for at in [*found, *range(start, start + 480, 4)] if at < len(data) - 8]


def table(data: bytes, tag: int) -> int:
    elf = ElfFile("x", data)
    return elf.image.offset(elf.image.tags[tag], "")[0]


def test_a_chain_without_end(images: list[bytes]) -> None:
    data = bytearray(images[0])
    start = table(images[0], DT_GNU_HASH)
    buckets, _first, blooms, _shift = struct.unpack_from("<4I", data, start)
    data[start + 16 : start + 16 + 8 * blooms] = b"\xff" * 8 * blooms
    chains = start + 16 + 8 * blooms + 4 * buckets
    dynamic = ElfFile("x", images[0]).image.segment(2)
    assert dynamic is not None
    for at in range(chains, dynamic.offset, 4):
        data[at] &= 0xFE
    with pytest.raises(ElfError):
        [ElfFile("x", bytes(data)).lookup(name) for name in "abcdefghij"]


def test_a_cyclic_sysv_chain(images: list[bytes]) -> None:
    data = bytearray(images[1])
    elf = ElfFile("x", images[1])
    start = elf.image.offset(elf.image.tags[4], "")[0]
    buckets, chains = struct.unpack_from("<2I", data, start)
    words = [1] * (buckets + chains)
    data[start + 8 : start + 8 + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)
    with pytest.raises(ElfError, match="chain"):
        ElfFile("x", bytes(data)).lookup("f")


def test_version_records_that_stand_still(images: list[bytes]) -> None:
    data = bytearray(images[0])
    start = table(images[0], DT_VERNEED)
    data[start + 12 : start + 16] = (1).to_bytes(4, "little")
    count = data.index(DT_VERNEEDNUM.to_bytes(8, "little"))
    data[count + 8 : count + 16] = (2**40).to_bytes(8, "little")
    with pytest.raises(ElfError):
        assert ElfFile("x", bytes(data)).version_needs


def test_names_that_overlap_do_not_fill_memory(images: list[bytes]) -> None:
    """40,000 symbols, each named by a suffix of one string of 60,000 bytes: 1.2 GB if kept."""
    data = bytearray(images[1])
    image = ElfFile("x", images[1]).image
    text, symbols = 60_000, 40_000
    strings = len(data)
    data += b"a" * text + b"\0"
    data += bytes(-len(data) % 8)
    rows = len(data)
    data += b"".join(struct.pack("<IBBHQQ", i, 0x12, 0, 0, 0, 0) for i in range(symbols))
    hashes = len(data)
    data += struct.pack("<II", 1, symbols) + bytes(4 * (symbols + 1))
    # The last program header becomes a segment that maps all that was added.
    base = 0x10000000
    last = image.header.phoff + 56 * (image.header.phnum - 1)
    segment = (1, 4, 0, base, base, len(data), len(data), 4096)
    data[last : last + 56] = struct.pack("<IIQQQQQQ", *segment)
    changed = {DT_STRTAB: base + strings, DT_SYMTAB: base + rows, 4: base + hashes, 10: text + 1}
    for tag, value in changed.items():
        row = struct.pack("<QQ", tag, image.tags[tag])
        at = data.index(row)
        data[at + 8 : at + 16] = struct.pack("<Q", value)
    elf = ElfFile("x", bytes(data))
    tracemalloc.start()
    with pytest.raises(ElfError, match="overlap"):
        elf.undefined()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(data)
