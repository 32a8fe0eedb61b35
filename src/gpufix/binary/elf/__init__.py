"""ELF files read by hand: mapped, bounded, and only as far as asked."""

from __future__ import annotations

from .errors import ElfError
from .file import ElfFile
from .hashes import gnu_hash, sysv_hash
from .notes import Section
from .symbols import Export, UndefinedSymbol
from .versions import VersionDefinition, VersionNeed

__all__ = [
    "ElfError",
    "ElfFile",
    "Export",
    "Section",
    "UndefinedSymbol",
    "VersionDefinition",
    "VersionNeed",
    "gnu_hash",
    "sysv_hash",
]
