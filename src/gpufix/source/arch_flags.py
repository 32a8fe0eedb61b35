"""Compiler flags that choose GPU architectures, in nvcc's and hipcc's spellings."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

UNKNOWN = "\0"  # stands for a part of a string that only a run of the build file would tell

Kind = Literal["cubin", "ptx", "hip", "native", "dynamic"]

_CODE = re.compile(r"(sm|compute|lto)_(\d{2,3}[af]?)")
_PAIR = re.compile(r"arch=(?:compute|sm)_(\d{2,3}[af]?),code=(\[[^\]]*\]|\"[^\"]*\"|\S+)")
_SINGLE = re.compile(
    r"(?:^|[\s;:\"'])(?:-arch|--gpu-architecture|-gpu-arch)[=\s]((?:sm|compute)_\d{2,3}[af]?|native|all(?:-major)?)\b"
)
_HIP = re.compile(r"--(?:offload-arch|amdgpu-target)[=\s](gfx[0-9a-f]+(?:[:][a-z+:-]+)?|native)")
_HIP_WORD = re.compile(r"offload-arch|amdgpu-target|gfx")
_DYNAMIC = re.compile(
    r"(?:-gencode|-arch|--gpu-architecture|--offload-arch|--amdgpu-target|arch=compute_|code=sm_)"
)
# One whole flag, quotes in pairs, with the separators on both sides.
_CODES = r"(?:sm|compute|lto)_\d{2,3}[af]?"
_FLAG = re.compile(
    r"(?P<before>[\s;]{0,64})(?<![\w-])(?:"
    r"(?:-gencode|--generate-code)(?:=|[\s;]+)(?P<q>\\?[\"'])?arch=(?:compute|sm)_\d{2,3}[af]?,code="
    rf"(?:(?P<c>\\?[\"'])\[?{_CODES}(?:,{_CODES})*\]?(?P=c)|\[{_CODES}(?:,{_CODES})*\]|{_CODES})(?(q)(?P=q))"
    rf"|(?:-arch|--gpu-architecture|-gpu-arch)(?:=|[\s;]+){_CODES})(?![\w,])(?P<after>[\s;]{{0,64}})"
)
_REMAINS = re.compile(r"-gencode|--generate-code|compute_|code=|(?<!\w)sm_\d")


class ArchFlag(NamedTuple):
    """One architecture of which code is asked. `arch`: "sm_90", "gfx1100"; of a dynamic one "sm" or "gfx"."""

    kind: Kind
    arch: str = ""


def parse(text: str) -> list[ArchFlag]:
    """What one flag, or a string of several, asks for; empty when it chooses no architecture."""
    found: list[ArchFlag] = []
    for pair in _PAIR.finditer(text):
        codes = _CODE.findall(pair.group(2))
        found += [ArchFlag("ptx" if kind == "compute" else "cubin", f"sm_{n}") for kind, n in codes]
    for single in _SINGLE.finditer(text):
        found += _single(single.group(1))
    for hip in _HIP.finditer(text):
        native = hip.group(1) == "native"
        found.append(ArchFlag("native") if native else ArchFlag("hip", hip.group(1)))
    if not found and UNKNOWN in text and _DYNAMIC.search(text):
        return [ArchFlag("dynamic", "gfx" if _HIP_WORD.search(text) else "sm")]
    return found


def without(text: str) -> str | None:
    """A text of several flags less those that choose fixed architectures; the rest as it stands.

    None when one of them is made of variables, or a part of one would stay.
    """
    rest = _FLAG.sub(lambda m: m["after"] if m["before"] else "", text)
    if rest == text or _DYNAMIC.search(rest) or _REMAINS.search(rest):
        return None
    return rest


def _single(value: str) -> list[ArchFlag]:
    """-arch=sm_90 stands for machine code and PTX, -arch=compute_90 for PTX."""
    if not value.startswith(("sm_", "compute_")):
        return [ArchFlag("native")]
    number = value.partition("_")[2]
    ptx = ArchFlag("ptx", f"sm_{number}")
    return [ptx] if value.startswith("compute_") else [ArchFlag("cubin", f"sm_{number}"), ptx]


def switches_off_torch(text: str) -> bool:
    """Whether cpp_extension takes a flag for one of its user's own choosing.

    torch/utils/cpp_extension.py, _get_cuda_arch_flags: any nvcc flag that contains "arch".
    """
    return "arch" in text and "TORCH_EXTENSION_NAME" not in text
