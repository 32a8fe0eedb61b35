"""ELF files read by hand: mapped, bounded, and only as far as asked."""

from __future__ import annotations

from gpufix.binary.elf.file import ElfFile
from gpufix.binary.elf.hashtable import gnu_hash, sysv_hash
from gpufix.binary.elf.layout import ElfError
from gpufix.binary.elf.symbols import ExportedSymbol, UndefinedSymbol
from gpufix.binary.elf.tables import Section
from gpufix.binary.elf.versions import VersionDefinition, VersionNeed

__all__ = [
    "ElfError",
    "ElfFile",
    "ExportedSymbol",
    "Section",
    "UndefinedSymbol",
    "VersionDefinition",
    "VersionNeed",
    "gnu_hash",
    "sysv_hash",
]
