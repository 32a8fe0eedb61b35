"""Files with one thing changed: what the real loader makes of them, found first or opened by path."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lab import Lab, judge

from gpufix.binary.elf import ElfFile
from gpufix.binary.elf.layout import (
    DF_1_NOOPEN,
    DF_1_PIE,
    DT_FLAGS_1,
    PT_DYNAMIC,
    PT_GNU_STACK,
    PT_LOAD,
)
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.refusal import EXECUTABLE_STACK, OTHER_MACHINE, Refusal
from gpufix.binary.loader.system import Version, describe_system

Change = Callable[[bytearray], None]
_PHDR = struct.Struct("<IIQQQQQQ")
_DYN = struct.Struct("<QQ")


def byte(offset: int, *values: int) -> Change:
    def change(data: bytearray) -> None:
        data[offset : offset + len(values)] = bytes(values)

    return change


def short(size: int) -> Change:
    def change(data: bytearray) -> None:
        del data[size:]

    return change


def segment(kind: int, field: int, value: int, last: bool = False) -> Change:
    """In the first or last program header of this kind: a field of Elf64_Phdr."""

    def change(data: bytearray) -> None:
        start, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
        rows = [start + _PHDR.size * at for at in range(count)]
        found = [at for at in rows if _PHDR.unpack_from(data, at)[0] == kind]
        row = list(_PHDR.unpack_from(data, found[-1 if last else 0]))
        row[field] = row[field] + value if field == 3 else value
        _PHDR.pack_into(data, found[-1 if last else 0], *row)

    return change


def flag(value: int) -> Change:
    """DT_FLAGS_1 in place of DT_RELACOUNT, which is advisory."""

    def change(data: bytearray) -> None:
        at = data.index(_DYN.pack(0x6FFFFFF9, 3))
        _DYN.pack_into(data, at, DT_FLAGS_1, value)

    return change


def nothing(data: bytearray) -> None:
    pass


# The bytes of the header: 4 the class, 5 the byte order, 6 its version, 7 the system, 8 its ABI.
CHANGES: dict[str, Change] = {
    "nothing": nothing,
    "GNU system": byte(7, 3),
    "GNU system, ABI 3": byte(7, 3, 3),
    "GNU system, ABI 4": byte(7, 3, 4),
    "ABI 1 of no system": byte(8, 1),
    "FreeBSD": byte(7, 9),
    "standalone": byte(7, 255),
    "version 0": byte(6, 0),
    "version 2 in the header": byte(20, 2),
    "padding": byte(12, 1),
    "big-endian": byte(5, 2),
    "no byte order": byte(5, 0),
    "32 bits": byte(4, 1),
    "no class": byte(4, 0),
    "aarch64": byte(18, 183, 0),
    "no machine": byte(18, 0, 0),
    "big-endian and FreeBSD": byte(5, 2, 1, 9),
    "relocatable": byte(16, 1),
    "executable": byte(16, 2),
    "core": byte(16, 4),
    "program headers of another size": byte(54, 57),
    "no program headers": byte(56, 0),
    "header of another size": byte(52, 0),
    "section headers of another size": byte(58, 9),
    "no ELF": byte(0, 0),
    "empty": short(0),
    "shorter than its header": short(63),
    "shorter than its program headers": short(200),
    "no alignment": segment(PT_LOAD, 7, 1),
    "aligned to three pages": segment(PT_LOAD, 7, 0x3000),
    "not page-aligned": segment(PT_LOAD, 3, 8, last=True),
    "no dynamic section": segment(PT_DYNAMIC, 0, 0x60000000),
    "executable stack": segment(PT_GNU_STACK, 1, 7),
    "nothing about its stack": segment(PT_GNU_STACK, 0, 0x60000000),
    "not to be opened": flag(DF_1_NOOPEN),
    "a program": flag(DF_1_PIE),
}
PASSED_OVER = {"32 bits", "no class", "aarch64", "no machine"}


@pytest.fixture(scope="module")
def whole(lab: Lab) -> bytes:
    return Path(lab.path("base/libdep.so")).read_bytes()


@pytest.fixture(scope="module")
def user(lab: Lab) -> str:
    source = "int dep(void); int which(void) { return dep(); }"
    return lab.build("changed/user.so", source, "-L{}/base", "-ldep")


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file(lab: Lab, whole: bytes, user: str, name: str) -> None:
    folder = lab.folder / "changed" / name.replace(" ", "_")
    folder.mkdir(parents=True)
    data = bytearray(whole)
    CHANGES[name](data)
    (folder / "libdep.so").write_bytes(data)
    direct = judge(lab, str(folder / "libdep.so"))
    searched = judge(lab, user, {"LD_LIBRARY_PATH": f"{folder}:{lab.path('base')}"})
    assert direct.loads or direct.unusable
    assert searched.loads is (direct.loads or name in PASSED_OVER)


def test_a_folder_of_that_name(lab: Lab, user: str) -> None:
    folder = lab.folder / "changed" / "folder"
    (folder / "libdep.so").mkdir(parents=True)
    searched = judge(lab, user, {"LD_LIBRARY_PATH": f"{folder}:{lab.path('base')}"})
    assert [problem.what for problem in searched.unusable] == ["a directory"]
    assert not judge(lab, str(folder / "libdep.so")).loads


@pytest.mark.parametrize("name", sorted(PASSED_OVER - {"no class"}))
def test_what_is_passed_over_is_for_another_machine(whole: bytes, name: str) -> None:
    data = bytearray(whole)
    CHANGES[name](data)
    assert refused(data, (2, 36)) == OTHER_MACHINE


# Judged by the loaders of Debian 11 (2.31), 12, 13 (2.41) and of 2.43, as tried by hand.
RELEASES: list[tuple[str, Version, str]] = [
    ("executable stack", (2, 36), ""),
    ("executable stack", (2, 41), EXECUTABLE_STACK),
    ("nothing about its stack", (2, 40), ""),
    ("nothing about its stack", (2, 43), EXECUTABLE_STACK),
    ("no alignment", (2, 31), "its segments are not aligned to pages"),
    ("no alignment", (2, 36), ""),
    ("not page-aligned", (2, 31), "its segments are not aligned to pages"),
    ("not page-aligned", (2, 43), "its segments are not aligned to pages"),
    ("nothing", (2, 31), ""),
    ("nothing", (2, 43), ""),
]


@pytest.mark.parametrize(("name", "glibc", "fault"), RELEASES)
def test_a_changed_file_under_another_release(
    whole: bytes, name: str, glibc: Version, fault: str
) -> None:
    data = bytearray(whole)
    CHANGES[name](data)
    assert refused(data, glibc) == fault


def test_a_tunable_makes_every_stack_executable(whole: bytes) -> None:
    data = bytearray(whole)
    CHANGES["executable stack"](data)
    assert refused(data, (2, 41), "glibc.rtld.execstack=2") == ""
    assert refused(data, (2, 41), "glibc.rtld.execstack=0") == EXECUTABLE_STACK


def refused(data: bytearray, glibc: Version, tunables: str = "") -> str:
    program = ElfFile(sys.executable)
    system = describe_system(Files(), program.interpreter or "", "x86_64", 64)
    refusal = Refusal(replace(system, glibc=glibc), program, tunables)
    return refusal.of(ElfFile("changed.so", bytes(data)))
