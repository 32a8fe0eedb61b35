"""AMD GPU targets: as offload bundles name them, and as e_flags of code objects hold them.

Numbers: EF_AMDGPU_* in LLVM's ELF.h (19), and LLVM's "User Guide for AMDGPU Backend"; gfx950, gfx1250,
gfx1153 and gfx9-4-generic, newer than that header, from code objects of ROCm 7.14 and the guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct

from gpufix.binary.gpucode.file_bytes import Bytes

EM_AMDGPU = 224
_HEADER = Struct("<4s3xBB9xH28xI")
# EI_ABIVERSION 2, 3, 4 are code object versions 4, 5, 6; older ones keep features elsewhere.
_FIRST_VERSION, _FIRST_ABI = 4, 2

_MACH = """
20 600 601 700 701 702 703 704 - 801 802 803 810 900 902 904 906
30 908 909 90c 1010 1011 1012 1030 1031 1032 1033 602 705 805 1035 1034 90a
40 940 1100 1013 1150 1103 1036 1101 1102 1200 1250 1151 941 942 - 1201 950
50 - 9-generic 10-1-generic 10-3-generic 11-generic 1152 - - 1153 12-generic - - - - - 9-4-generic
"""
MACH_NAMES = {
    int(row.split()[0], 16) + column: f"gfx{name}"
    for row in _MACH.strip().splitlines()
    for column, name in enumerate(row.split()[1:])
    if name != "-"
}

# "hipv4-amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-" and its older and OpenMP relatives
_ENTRY_TARGET = re.compile(
    r"-(gfx[0-9a-f]{3,5}|gfx[0-9]{1,2}(?:-[0-9])?-generic)((?::(?:xnack|sramecc)[+-]){0,2})\Z"
)


@dataclass(frozen=True, slots=True)
class AmdCodeObject:
    """What the ELF header of an AMD code object says."""

    target: str  # "gfx90a:xnack-"; "" for a machine number that we do not know
    mach: int
    version: int  # code object version


def entry_target(entry_id: str) -> str | None:
    """The target id at the end of a bundle entry's id; None for the host's and for other devices."""
    found = _ENTRY_TARGET.search(entry_id)
    return found[1] + found[2] if found else None


def read_code_object(data: Bytes, offset: int) -> AmdCodeObject | None:
    """The code object at offset; None when there is no AMD GPU ELF of a known version."""
    header = data[offset : offset + _HEADER.size]
    if len(header) < _HEADER.size:
        return None
    magic, osabi, abi, machine, flags = _HEADER.unpack(header)
    if magic != b"\x7fELF" or machine != EM_AMDGPU or osabi != 64 or abi < _FIRST_ABI:
        return None
    mach = flags & 0xFF
    name = MACH_NAMES.get(mach, "")
    features = _feature(flags >> 10 & 3, "sramecc") + _feature(flags >> 8 & 3, "xnack")
    return AmdCodeObject(name + features if name else "", mach, abi - _FIRST_ABI + _FIRST_VERSION)


def _feature(setting: int, name: str) -> str:
    """0 unsupported, 1 any: no suffix; 2 off, 3 on."""
    return {2: f":{name}-", 3: f":{name}+"}.get(setting, "")
