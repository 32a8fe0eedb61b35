"""The folders below a library folder that glibc prefers, by release and processor."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from lab import Lab, judge

from gpufix.binary.elf import ElfFile
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.processor import Processor, describe_processor
from gpufix.binary.loader.search import Search
from gpufix.binary.loader.system import System, Version, describe_system

CALLS_DEP = "int dep(void); int which(void) { return dep(); }"
# In no loader's order.
FOLDERS = (
    *("x86_64", "x86_64/x86_64", "tls", "tls/x86_64", "tls/x86_64/x86_64", "haswell", "avx512_1"),
    *("tls/haswell/x86_64", "glibc-hwcaps/x86-64-v2", "glibc-hwcaps/x86-64-v3", "atomics"),
)


@pytest.fixture(scope="module")
def numbered(lab: Lab) -> list[str]:
    """Libraries whose dep() gives their place in the list."""
    return [
        lab.build(f"numbered/{number}.so", f"int dep(void) {{ return {number}; }}")
        for number in range(len(FOLDERS) + 1)
    ]


@pytest.mark.some(4)
@pytest.mark.parametrize("first", range(len(FOLDERS) + 1))
def test_the_preferred_folder(lab: Lab, numbered: list[str], first: int) -> None:
    """The folder itself, and FOLDERS from the first one on."""
    base = lab.folder / f"preferred{first}"
    for library, folder in zip(numbered, ("", *FOLDERS), strict=True):
        if folder in ("", *FOLDERS[first:]):
            (base / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(library, base / folder / "libdep.so")
    path = lab.build(f"{base.name}.so", CALLS_DEP, "-L{}/base", "-ldep",
                     f"-Wl,-rpath,$ORIGIN/{base.name}")  # fmt: skip
    used = next(use.path for use in judge(lab, path).uses if use.name == "libdep.so")
    folder = str(Path(used).parent.relative_to(base))
    assert lab.open(path).which == (".", *FOLDERS).index(folder)


def test_the_name_of_the_platform(lab: Lab) -> None:
    platform = here().processor.platform
    lab.build(f"platform/{platform}/libdep.so", "int dep(void) { return 5; }")
    path = lab.build("platform.so", CALLS_DEP, "-L{}/base", "-ldep",
                     "-Wl,-rpath,$ORIGIN/platform/${PLATFORM}")  # fmt: skip
    assert judge(lab, path).loads


V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"
PHI = f"{V3} avx512f avx512cd avx512er avx512pf"
LEVELS = ("x86-64-v4", "x86-64-v3", "x86-64-v2")
PROCESSORS = [
    # vendor, flags, platform, levels, the best of the old folders
    ("GenuineIntel", V2, "x86_64", LEVELS[2:], "tls/x86_64/x86_64"),
    ("GenuineIntel", V3, "haswell", LEVELS[1:], "tls/haswell/x86_64"),
    ("GenuineIntel", V4, "haswell", LEVELS, "tls/haswell/avx512_1/x86_64"),
    ("GenuineIntel", PHI, "xeon_phi", LEVELS[1:], "tls/xeon_phi/x86_64"),
    ("AuthenticAMD", V4, "x86_64", LEVELS, "tls/x86_64/x86_64"),
]


@pytest.mark.parametrize(("vendor", "flags", "platform", "levels", "best"), PROCESSORS)
def test_processors(
    vendor: str, flags: str, platform: str, levels: tuple[str, ...], best: str
) -> None:
    text = f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\n"
    found = describe_processor(text.encode(), "x86_64")
    assert (found.platform, found.levels, found.legacy[0]) == (platform, levels, best)


def test_the_order_of_the_old_folders() -> None:
    """As LD_DEBUG=libs shows it on a Haswell."""
    text = f"vendor_id: GenuineIntel\nflags: {V3}\n"
    assert describe_processor(text.encode(), "x86_64").legacy == (
        *("tls/haswell/x86_64", "tls/haswell", "tls/x86_64", "tls"),
        *("haswell/x86_64", "haswell", "x86_64"),
    )
    arm = describe_processor(b"processor: 0\nFeatures: fp asimd atomics\n", "aarch64")
    assert arm.legacy[:3] == ("tls/aarch64/atomics", "tls/aarch64", "tls/atomics")


RELEASES: list[tuple[Version | None, list[str]]] = [
    ((2, 32), ["tls", ""]),
    ((2, 33), ["glibc-hwcaps/x86-64-v2", "tls", ""]),
    ((2, 36), ["glibc-hwcaps/x86-64-v2", "tls", ""]),
    ((2, 37), ["glibc-hwcaps/x86-64-v2", ""]),
    (None, ["glibc-hwcaps/x86-64-v2", ""]),
]


@pytest.mark.parametrize(("glibc", "folders"), RELEASES)
def test_releases(tmp_path: Path, glibc: Version | None, folders: list[str]) -> None:
    """LD_DEBUG=libs of 2.31, 2.36, 2.41 and 2.43 shows these."""
    for folder in ("glibc-hwcaps/x86-64-v2", "tls", ""):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "libdep.so").touch()
    processor = Processor("x86_64", ("x86-64-v2",), ("tls",))
    system = replace(here(), glibc=glibc, processor=processor)
    search = Search(Files(), system, str(tmp_path), sys.executable)
    steps = search._folder_steps(str(tmp_path), "libdep.so", "LD_LIBRARY_PATH")
    assert [path for _, path in steps] == [
        os.path.normpath(tmp_path / folder / "libdep.so") for folder in folders
    ]


def here() -> System:
    program = ElfFile(sys.executable)
    return describe_system(Files(), program.interpreter or "", program.machine, program.bits)
