"""What an inspection finds, ready for JSON (`dataclasses.asdict`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Served = Literal["native", "jit", "partly", "too new", "none", "unknown"]
Kind = Literal["module", "library", "object", "archive", "program", "code"]


@dataclass
class TorchNeed:
    """What the symbols say about torch. `releases` are those whose exports suffice.

    built_for: the lowest minor that suffices. newer: asks for names newer than every release
    known. unseen: torch names that no release exports. accelerators: builds that it needs.
    """

    releases: list[str] = field(default_factory=list)
    built_for: str | None = None
    interface: str = "none"
    newer: bool = False
    unseen: list[str] = field(default_factory=list)
    accelerators: list[str] = field(default_factory=list)


@dataclass
class InspectedCode:
    """One kind of GPU code: "cubin" sm_90a, "ptx" sm_90 of ISA 8.4, "hip" gfx1101 ..."""

    kind: str
    arch: str
    ptx_version: str | None
    compressed: bool
    count: int


@dataclass
class File:
    """One machine-code file. `glibc`, `glibcxx`, `cxxabi`: the highest version asked for.

    served: target → how; "partly": some units of it have no code for the target, as `lacking` says;
    "too new": by PTX that the driver cannot compile. drivers: target served by PTX → the CUDA of the
    oldest driver that compiles it. here: with --python, why it would not load there ([] = it would).
    """

    path: str
    kind: Kind
    machine: str | None = None
    soname: str | None = None
    python_tag: str | None = None
    needed: list[str] = field(default_factory=list)
    exports: int = 0
    undefined: int = 0
    glibc: str | None = None
    glibcxx: str | None = None
    cxxabi: str | None = None
    cxx11_abi: int | None = None
    torch: TorchNeed | None = None
    code: list[InspectedCode] = field(default_factory=list)
    served: dict[str, Served] = field(default_factory=dict)
    drivers: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)
    compilers: list[str] = field(default_factory=list)
    here: list[str] | None = None


@dataclass
class Inspection:
    """One argument of the command. `served`, `drivers` and `torch`: all its files together.

    driver: the CUDA of the driver that it was judged for.
    """

    subject: str
    kind: Literal["file", "wheel", "folder", "distribution"]
    name: str | None = None
    version: str | None = None
    tags: list[str] = field(default_factory=list)
    requires: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    torch: TorchNeed | None = None
    cxx11_abi: int | None = None
    served: dict[str, Served] = field(default_factory=dict)
    drivers: dict[str, str] = field(default_factory=dict)
    driver: str | None = None
    here: dict[str, Any] | None = None
    gaps: list[str] = field(default_factory=list)
