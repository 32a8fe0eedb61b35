"""The bytes of one ELF file, mapped on first use, with its header and program headers."""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass
from typing import NamedTuple

from gpufix.binary.elf.layout import PT_LOAD, ElfError, Layout, layout
from gpufix.files import open_regular

# Below this size one read() is cheaper than a mapping and its page faults.
SMALL_FILE = 32 * 1024
# CPython keeps a descriptor for each mapping unless told not to (3.13): thousands would hit the limit.
_MAP_OPTIONS: dict[str, bool] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

Buffer = bytes | mmap.mmap


class MappedFile:
    """A regular file of known size and identity; `buffer()` gives all its bytes."""

    __slots__ = ("_buffer", "identity", "path", "size", "stamp")

    def __init__(self, path: str, buffer: bytes | None = None) -> None:
        self.path = path
        self._buffer: Buffer | None = buffer
        self.size = 0 if buffer is None else len(buffer)
        self.identity: tuple[int, int] | None = None
        self.stamp = 0
        if buffer is None:
            self._buffer = self._open(first=True)

    def buffer(self) -> Buffer:
        """The whole file. Raises ElfError when it changed since it was first read."""
        if self._buffer is None:
            self._buffer = self._open(first=False)
        return self._buffer

    def release(self) -> None:
        """Drop the mapping; views that are still held keep it alive until they go."""
        if self.identity is not None:
            self._buffer = None

    @property
    def mapped(self) -> bool:
        return isinstance(self._buffer, mmap.mmap)

    def _open(self, first: bool) -> Buffer:
        try:
            handle = open_regular(self.path)
        except OSError as error:
            raise ElfError(self.path, f"cannot open: {error}", "file") from error
        try:
            status = os.fstat(handle)
            if first:
                self.size = status.st_size
                self.identity = (status.st_dev, status.st_ino)
                self.stamp = status.st_mtime_ns
            elif status.st_size != self.size or status.st_mtime_ns != self.stamp:
                raise ElfError(self.path, "changed while it was read", "file")
            return self._load(handle)
        except (OSError, ValueError) as error:
            if isinstance(error, ElfError):
                raise
            raise ElfError(self.path, f"cannot read: {error}", "file") from error
        finally:
            os.close(handle)

    def _load(self, handle: int) -> Buffer:
        if self.size > SMALL_FILE:
            return mmap.mmap(handle, self.size, access=mmap.ACCESS_READ, **_MAP_OPTIONS)
        data = os.read(handle, self.size) if self.size else b""
        self.size = len(data)
        return data


MAGIC = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of the ELF header, as in the specification."""

    layout: Layout
    ident: bytes
    type: int
    machine: int
    version: int
    phoff: int
    shoff: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class Segment(NamedTuple):
    """One program header; addresses and sizes in bytes."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    align: int


def read_header(path: str, data: Buffer, size: int) -> Header:
    """The ELF header of `data`, whose size is `size` bytes. Raises ElfError."""
    ident = bytes(data[:16])
    if len(ident) < 16 or not ident.startswith(MAGIC):
        raise ElfError(path, "not an ELF file" if ident else "empty file", "header")
    bits, order = {1: 32, 2: 64}.get(ident[4]), ident[5]
    if bits is None:
        raise ElfError(path, f"unknown class {ident[4]}", "header")
    if order not in (1, 2):
        raise ElfError(path, f"unknown byte order {order}", "header")
    form = layout(bits, order == 1)
    if size < form.header.size:
        raise ElfError(
            path, f"{size} bytes, the header by itself takes {form.header.size}", "header"
        )
    kind, machine, version, _entry, phoff, shoff, _flags, _ehsize, *counts = (
        form.header.unpack_from(data)
    )
    return Header(form, ident, kind, machine, version, phoff, shoff, *counts)


def read_segments(path: str, data: Buffer, size: int, header: Header) -> list[Segment]:
    """The program headers. Raises ElfError when the table does not lie inside the file."""
    form = header.layout.segment
    if header.phnum == 0:
        return []
    if header.phentsize != form.size:
        raise ElfError(path, f"entries of {header.phentsize} bytes", "program headers")
    end = header.phoff + header.phnum * form.size
    if end > size:
        raise ElfError(path, f"end at {end}, the file at {size}", "program headers")
    rows = form.iter_unpack(data[header.phoff : end])
    if header.layout.bits == 64:
        return [Segment(t, f, o, a, n, m, align) for t, f, o, a, _p, n, m, align in rows]
    return [Segment(t, f, o, a, n, m, align) for t, o, a, _p, n, m, f, align in rows]


def loadable(segments: list[Segment]) -> list[Segment]:
    """The segments that the loader maps and that have bytes in the file."""
    return [s for s in segments if s.type == PT_LOAD and s.file_size]
