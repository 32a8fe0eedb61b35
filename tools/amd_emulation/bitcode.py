"""AMD's device libraries with the constants of architectures that are newer than them.

clang links one file that says which architecture code is for, ``oclc_isa_version_1100.bc``: one constant,
1000 times the major number, 100 times the minor and the step, both hexadecimal digits. So are all that
Debian has, which the tests compare; Debian 12's libraries are from before gfx1100.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

TRIPLE = "amdgcn-amd-amdhsa"
ISA = """\
target triple = "{triple}"
@__oclc_ISA_version = linkonce_odr protected local_unnamed_addr addrspace(4) constant i32 {number}, align 4
"""


def isa_version(arch: str) -> int:
    """gfx1100 -> 11000, gfx90a -> 9010, gfx942 -> 9402."""
    digits = arch.removeprefix("gfx")
    major, minor, step = digits[:-2], digits[-2], digits[-1]
    return int(major) * 1000 + int(minor, 16) * 100 + int(step, 16)


def with_architectures(clang: Path, there: Path, folder: Path, archs: list[str]) -> Path:
    """A folder with links to the libraries of `there` and a constant for each of `archs`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in there.glob("*.bc"):
        link = folder / path.name
        if not link.exists():
            link.symlink_to(path)
    for arch in archs:
        target = folder / f"oclc_isa_version_{arch.removeprefix('gfx')}.bc"
        if not target.exists():
            text = ISA.format(triple=TRIPLE, number=isa_version(arch))
            flags = ["-x", "ir", f"--target={TRIPLE}", "-nogpulib", "-c", "-emit-llvm"]
            command = [clang, *flags, "-", "-o", target]
            subprocess.run(command, input=text, text=True, check=True)
    return folder
