"""Which files ld.so passes over, and which it refuses: glibc's checks in elf/dl-load.c."""

from __future__ import annotations

import mmap

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.elf.headers import Segment
from gpufix.binary.elf.layout import (
    DF_1_NOOPEN,
    DF_1_PIE,
    EM_X86_64,
    ET_DYN,
    ET_EXEC,
    PF_X,
    PT_GNU_STACK,
    PT_LOAD,
)
from gpufix.binary.loader.system import System

OTHER_MACHINE = "built for another processor or word size"
EXECUTABLE_STACK = "needs an executable stack, which glibc refuses since 2.41"
_SYSV, _GNU = 0, 3  # EI_OSABI
_GNU_VERSIONS = 3  # the highest EI_ABIVERSION of a GNU file (include/libc-abis.h)


class Refusal:
    """Judges files for one program on one system."""

    def __init__(self, system: System, program: ElfFile, tunables: str = "") -> None:
        """tunables: $GLIBC_TUNABLES; one of them makes every stack executable from the start."""
        self._system = system
        self._program = program
        self._stack = "glibc.rtld.execstack=2" in tunables or _wants_executable_stack(program)

    def passes_over(self, file: ElfFile | ElfError) -> bool:
        """Whether the search goes on to the next folder, as if the file were not there."""
        if isinstance(file, ElfError):
            return file.absent or file.other_class
        mine, its = self._program.image.header, file.image.header
        if its.layout.bits != mine.layout.bits:
            return True
        return not self._ident(file) and its.machine != mine.machine

    def of(self, file: ElfFile) -> str:
        """Why the loader refuses to load the file; "" when it does not."""
        fault = self._ident(file)
        if fault:
            return fault
        if self.passes_over(file):
            return OTHER_MACHINE
        if file.type not in (ET_DYN, ET_EXEC):
            return "not a shared object"
        if file.type == ET_EXEC or file.flags_1 & DF_1_PIE:
            return "an executable, not a shared object"
        if file.flags_1 & DF_1_NOOPEN:
            return "marked as not to be opened (DF_1_NOOPEN)"
        return self._segments(file)

    def _ident(self, file: ElfFile) -> str:
        """What is wrong with the first bytes; a file of another word size is not looked at."""
        mine, its = self._program.image.header, file.image.header
        if its.layout.bits != mine.layout.bits or self._system.musl:
            return ""
        if its.layout is not mine.layout:
            return "another byte order than this machine's"
        version, system, abi = its.ident[6:9]
        if version != 1 or its.version != 1:
            return f"its ELF version is {its.version if version == 1 else version}, not 1"
        if system not in (_SYSV, _GNU):
            return f"made for another operating system (EI_OSABI {system})"
        if abi > (_GNU_VERSIONS if system == _GNU else 0):
            return f"an ABI version that the loader does not know (EI_ABIVERSION {abi})"
        return "its header is damaged (padding in e_ident)" if any(its.ident[9:]) else ""

    def _segments(self, file: ElfFile) -> str:
        loads = [segment for segment in file.image.segments if segment.type == PT_LOAD]
        if not loads or not file.dynamic:
            return "no dynamic section" if loads else "no loadable segments"
        end, size = max(s.offset + s.file_size for s in loads), file.image.size
        if end > size:
            return f"truncated: {size} bytes of {end}"
        if self._system.musl:
            return ""
        if any(self._misaligned(segment) for segment in loads):
            return "its segments are not aligned to pages"
        if self._system.since(2, 41) and _wants_executable_stack(file) and not self._stack:
            return EXECUTABLE_STACK
        return ""

    def _misaligned(self, segment: Segment) -> bool:
        shift = segment.address - segment.offset
        if not self._system.before(2, 33):
            return shift % mmap.PAGESIZE != 0
        # Older ones want it as its own header says (2.35 gave that up).
        return segment.align % mmap.PAGESIZE != 0 or bool(shift & (segment.align - 1))


def _wants_executable_stack(file: ElfFile) -> bool:
    """On x86-64 a file without the header wants one (sysdeps/x86_64/stackinfo.h)."""
    found = file.image.segment(PT_GNU_STACK)
    if found is None:
        return file.image.header.machine == EM_X86_64
    return bool(found.flags & PF_X)
