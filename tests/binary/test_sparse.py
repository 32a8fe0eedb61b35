"""Sparse files: a name of a few kilobytes that claims terabytes costs neither time nor memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import gpu_build as b
import pytest

from gpufix.binary.gpucode import file_bytes
from gpufix.binary.gpucode.extract import code_objects

TIB = 1 << 40
GIB = 1 << 30
FATBINS = b.fatbin(b.entry(2, 80, payload=b.cubin(0x6005004)))
HOST = b.cubin(0, osabi=0, machine=62)  # a library's header: neither sections nor segments


def sparse(path: Path, size: int, pieces: Mapping[int, bytes]) -> str:
    with path.open("wb") as file:
        for at, piece in pieces.items():
            file.seek(at)
            file.write(piece)
        file.truncate(size)
        assert os.fstat(file.fileno()).st_blocks * 512 < size >> 4, "this needs holes"
    return str(path)


@pytest.mark.parametrize(
    "at",
    [4096, 3 * GIB - 4, TIB - len(FATBINS)],
    ids=["near", "over the edge of a page", "at the end"],
)
def test_a_fatbin_is_found_behind_any_hole(at: int, tmp_path: Path) -> None:
    begin = time.process_time()
    code = code_objects(sparse(tmp_path / "x.so", TIB, {0: HOST, at: FATBINS}))
    assert [image.arch for image in code.images] == ["sm_80"]
    assert code.gaps == ()
    assert time.process_time() - begin < 2


def test_an_empty_section_of_a_terabyte_is_no_gpu_code(tmp_path: Path) -> None:
    whole = bytearray(b.host_elf({".nv_fatbin": FATBINS}))
    (table,) = struct.unpack_from("<Q", whole, 40)
    rows = [table + 64 * i for i in range(struct.unpack_from("<H", whole, 60)[0])]
    row = next(
        r for r in rows if whole.startswith(FATBINS, struct.unpack_from("<Q", whole, r + 24)[0])
    )
    struct.pack_into("<QQ", whole, row + 24, GIB, TIB)
    begin = time.process_time()
    code = code_objects(sparse(tmp_path / "x.so", 2 * TIB, {0: bytes(whole)}))
    assert code.images == () == code.gaps
    assert time.process_time() - begin < 2


def test_more_data_than_is_searched_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_bytes, "MAX_SEARCHED", 1 << 20)
    pieces = {0: HOST, 4096: FATBINS, 1 << 24: b"x" * (2 << 20)}
    code = code_objects(sparse(tmp_path / "x.so", TIB, pieces))
    assert [image.arch for image in code.images] == ["sm_80"]
    assert code.gaps == ("only 0 GiB of it were searched",)


# Address 0 of the file stands at its start, so that addresses are offsets.
TABLES = {
    "a dynamic section that does not end": {0x7FFFFFF0: 0},
    "System V hash": {4: GIB, 5: 2 * GIB, 6: 3 * GIB},
    "symbols without a hash": {5: 2 * GIB, 6: 3 * GIB, 7: GIB, 8: TIB >> 1, 9: 24},
    "GNU hash": {0x6FFFFEF5: GIB, 5: 2 * GIB, 6: 3 * GIB},
    "strings": {4: GIB, 5: 2 * GIB, 6: 3 * GIB, 10: TIB >> 1},
}
WORDS = {
    GIB: struct.pack("<4I", 1 << 31, 1 << 31, 1 << 30, 5),
    3 * GIB + 24: b"\1\0\0\0\x12\0\0\0" * 3,
}
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))
from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.elf.bulk import defined_keys, reference_keys
try:
    elf = ElfFile(sys.argv[1])
    for ask in (elf.undefined, lambda: list(elf.exports()), elf.referenced, lambda: elf.sections,
                lambda: reference_keys(elf), lambda: defined_keys(elf), lambda: elf.versions):
        try:
            ask()
        except ElfError:
            pass
except ElfError:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
"""


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tags", TABLES.values(), ids=TABLES)
def test_tables_of_a_sparse_library_are_bounded(
    tags: Mapping[int, int], order: str, tmp_path: Path
) -> None:
    header = b"\x7fELF\2" + (b"\1" if order == "<" else b"\2") + b"\1".ljust(10, b"\0")
    header += struct.pack(
        f"{order}HHIQQQIHHHHHH", 3, 62, 1, 0, 64, TIB >> 1, 0, 64, 56, 2, 64, 0, 1
    )
    segments = struct.pack(f"{order}IIQQQQQQ", 1, 6, 0, 0, 0, TIB, TIB, 4096)
    segments += struct.pack(f"{order}IIQQQQQQ", 2, 6, 4096, 4096, 0, TIB - 4096, TIB - 4096, 8)
    dynamic = b"".join(struct.pack(f"{order}qQ", tag, value) for tag, value in tags.items())
    section = struct.pack(f"{order}IIQQQQIIQQ", 0, 0, 0, 0, 0, 1 << 31, 1, 0, 0, 0)
    pieces = {0: header + segments, 4096: dynamic, TIB >> 1: section, **WORDS}
    path = sparse(tmp_path / "x.so", TIB, pieces)
    command = [sys.executable, "-c", READ, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    assert float(done.stdout) < 3
