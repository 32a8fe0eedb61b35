"""Compiler flags that choose GPU architectures, in nvcc's and hipcc's spellings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

UNKNOWN = "\0"  # stands for a part of a string that only a run of the build file would tell

Kind = Literal["cubin", "ptx", "hip", "native", "dynamic"]

_CODE = re.compile(r"(sm|compute|lto)_(\d{2,3}[af]?)")
_PAIR = re.compile(r"arch=(?:compute|sm)_(\d{2,3}[af]?),\s*code=(\[[^\]]*\]|\"[^\"]*\"|\S+)")
_SINGLE = re.compile(
    r"(?:^|[\s;:\"'])(?:-arch|--gpu-architecture|-gpu-arch)[=\s]((?:sm|compute)_\d{2,3}[af]?|native|all(?:-major)?)\b"
)
_LISTED = re.compile(r"(?:^|[\s;:\"'])(?:-code|--gpu-code)[=\s]\"?([\w,\0]+)")
_HIP = re.compile(r"--(?:offload-arch|amdgpu-target)[=\s](gfx[0-9a-f]+(?:[:][a-z+:-]+)?|native)")
_HIP_WORD = re.compile(r"offload-arch|amdgpu-target|gfx")
_DYNAMIC = re.compile(
    r"(?:-gencode|-arch|--gpu-architecture|--offload-arch|--amdgpu-target|arch=compute_|code=sm_)"
)
# One whole flag, quotes in pairs, with the separators on both sides.
_CODES = r"(?:sm|compute|lto)_\d{2,3}[af]?"
_FLAG = re.compile(
    r"(?P<before>[\s;]{0,64})(?<![\w-])(?:"
    r"(?:-gencode|--generate-code)(?:=|[\s;]+)(?P<q>\\?[\"'])?arch=(?:compute|sm)_\d{2,3}[af]?,\s*code="
    rf"(?:(?P<c>\\?[\"'])\[?{_CODES}(?:,{_CODES})*\]?(?P=c)|\[{_CODES}(?:,{_CODES})*\]|{_CODES})(?(q)(?P=q))"
    rf"|(?:-arch|--gpu-architecture|-gpu-arch)(?:=|[\s;]+){_CODES}"
    rf"|(?:-code|--gpu-code)(?:=|[\s;]+){_CODES}(?:,{_CODES})*)(?![\w,])(?P<after>[\s;]{{0,64}})"
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
        found += _listed(pair.group(2))
    listed, singles = _LISTED.search(text), list(_SINGLE.finditer(text))
    for single in singles:
        found += _single(single.group(1), listed.group(1) if listed else "")
    if listed and not singles:  # of an -arch that is another word
        found += _listed(listed.group(1))
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


TWO_WORDS = (
    "-arch",
    "--gpu-architecture",
    "-code",
    "--gpu-code",
)  # options whose value may be the next word


def codes(words: Sequence[str]) -> str:
    """The -code among separate words, spelled for `parse` behind an -arch; "" where there is none."""
    for at, word in enumerate(words):
        name, given, value = word.partition("=")
        if name in ("-code", "--gpu-code"):
            return f" -code={value if given else ''.join(words[at + 1 : at + 2])}"
    return ""


def parse_word(word: str, listed: str) -> list[ArchFlag]:
    """What one of several words asks for. listed: their `codes`, which say what an -arch stands for."""
    return parse(word + listed if listed and _SINGLE.search(word) else word)


def _listed(text: str) -> list[ArchFlag]:
    kinds = _CODE.findall(text)
    return [ArchFlag("ptx" if kind == "compute" else "cubin", f"sm_{n}") for kind, n in kinds]


def _single(value: str, listed: str) -> list[ArchFlag]:
    """-arch=sm_90 stands for machine code and PTX, -arch=compute_90 for PTX, unless -code says for what."""
    if not value.startswith(("sm_", "compute_")):
        return [ArchFlag("native")]
    if UNKNOWN in listed:
        return [ArchFlag("dynamic", "sm")]
    if listed and value.startswith("compute_"):
        return _listed(listed)
    number = value.partition("_")[2]
    ptx = ArchFlag("ptx", f"sm_{number}")
    return [ptx] if value.startswith("compute_") else [ArchFlag("cubin", f"sm_{number}"), ptx]


def switches_off_torch(text: str) -> bool:
    """Whether cpp_extension takes a flag for one of its user's own choosing.

    torch/utils/cpp_extension.py, _get_cuda_arch_flags: any nvcc flag that contains "arch".
    """
    return "arch" in text and "TORCH_EXTENSION_NAME" not in text
