"""Static libraries: the members of an ar archive (GNU, BSD and System V long names)."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.binary.gpucode.file_bytes import Bytes
from gpufix.binary.gpucode.images import CodeError
from gpufix.frozen import Frozen

MAGIC, THIN_MAGIC = b"!<arch>\n", b"!<thin>\n"
HEADER = 60
# The symbol tables and the table of long names; LLVM's and BSD's spellings too.
_TABLES = {"/", "/SYM64/", "//", "__.SYMDEF", "__.SYMDEF SORTED", "__.SYMDEF_64"}
MAX_NAME = 4096
MAX_NAMES = 64 << 20  # bytes of the table of long names


class Member(Frozen):
    """A file inside an archive: its bytes are data[offset : offset + size]."""

    name: str
    offset: int
    size: int


def members(data: Bytes, start: int, end: int) -> Iterator[Member]:
    """The files of the archive in data[start:end], in order.

    Raises CodeError when a header is damaged, and for thin archives, which hold no bytes.
    """
    magic = data[start : start + len(MAGIC)]
    if magic == THIN_MAGIC:
        raise CodeError("thin archive: its members are files of their own")
    if magic != MAGIC:
        raise CodeError("not an ar archive")
    position, names = start + len(MAGIC), b""
    while position + HEADER <= end:
        header = data[position : position + HEADER]
        position += HEADER
        size = _size(header, position, end)
        name = header[:16].decode("latin-1").rstrip(" ")
        if name == "//":
            names = data[position : position + min(size, MAX_NAMES)]
        if name.startswith("#1/"):
            yield from _bsd_member(data, position, size, name)
        elif name not in _TABLES:
            yield Member(_gnu_name(name, names), position, size)
        position += size + (size & 1)


def _size(header: bytes, position: int, end: int) -> int:
    digits = header[48:58].rstrip(b" ")
    if header[58:] != b"`\n" or not digits.isdigit() or int(digits) > end - position:
        raise CodeError(f"archive member at {position - HEADER:#x}: header is damaged")
    return int(digits)


def _gnu_name(name: str, names: bytes) -> str:
    """ "/123" points into the table of long names, where "/\\n" ends one; else "name/"."""
    if name[:1] == "/" and name[1:].isascii() and name[1:].isdigit():
        at = int(name[1:])
        return names[at : at + MAX_NAME].split(b"\n")[0].decode("utf-8", "replace").rstrip("/")
    return name.rstrip("/")


def _bsd_member(data: Bytes, position: int, size: int, name: str) -> Iterator[Member]:
    """ "#1/20": a name of 20 bytes stands before the content."""
    digits = name[3:]
    length = int(digits) if digits.isascii() and digits.isdigit() else size + 1
    if length > min(size, MAX_NAME):
        raise CodeError(f"archive member at {position - HEADER:#x}: name is damaged")
    real = data[position : position + length].rstrip(b"\0").decode("utf-8", "replace")
    if real not in _TABLES:
        yield Member(real, position + length, size - length)
