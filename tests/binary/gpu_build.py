"""Files with GPU code, made byte by byte or with the compilers that are here."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"


def entry(
    kind: int = 2,
    arch: int = 90,
    flags: int = 0x11,
    version: tuple[int, int] = (1, 8),
    payload: bytes = b"",
    header: int = 64,
) -> bytes:
    """A fatbin entry: header padded to `header` bytes, payload padded to 8."""
    payload += b"\0" * (-len(payload) % 8)
    fields = (kind, 0x101, header, len(payload), 0, 0, version[1], version[0], arch, 0, 0, flags)
    return struct.pack("<HHIQIIHHIIIQ16x", *fields).ljust(header, b"\0") + payload


def fatbin(*entries: bytes) -> bytes:
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def cubin(e_flags: int, osabi: int = 65, machine: int = 190, abi: int = 8) -> bytes:
    """The 64-byte ELF header of a cubin, or with machine 224 of an AMD code object."""
    ident = b"\x7fELF\2\1\1" + bytes([osabi, abi]) + b"\0" * 7
    return ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, 0, e_flags, 64, 0, 0, 0, 0, 0)


def bundle(images: dict[str, bytes], page: int = 4096) -> bytes:
    """A clang offload bundle with its images at page starts."""
    table = len(BUNDLE) + 8 + sum(24 + len(name) for name in images)
    at, rows, body = -(-table // page) * page, b"", b""
    for name, image in images.items():
        rows += struct.pack("<QQQ", at + len(body), len(image), len(name)) + name.encode()
        body += image + b"\0" * (-len(image) % page)
    return (BUNDLE + struct.pack("<Q", len(images)) + rows).ljust(at, b"\0") + body


def ccob(packed: bytes, plain: int, version: int = 2, method: int = 0) -> bytes:
    """A compressed bundle around already compressed bytes."""
    layout = {1: "<4sHHIQ", 2: "<4sHHIIQ", 3: "<4sHHQQQ"}[version]
    size = struct.calcsize(layout) + len(packed)
    sizes = (plain,) if version == 1 else (size, plain)
    return struct.pack(layout, b"CCOB", version, method, *sizes, 0) + packed


def host_elf(sections: dict[str, bytes], machine: int = 62) -> bytes:
    """A relocatable ELF file with these sections, each 8-aligned."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [*sections, ".shstrtab"])
    body, rows = b"", [struct.pack("<IIQQQQIIQQ", *[0] * 10)]
    for name, data in {**sections, ".shstrtab": names}.items():
        body += b"\0" * (-len(body) % 8)
        at = names.index(name.encode() + b"\0")
        rows.append(struct.pack("<IIQQQQIIQQ", at, 1, 2, 0, 64 + len(body), len(data), 0, 0, 8, 0))
        body += data
    counts = (64, 0, 0, 64, len(rows), len(rows) - 1)
    header = b"\x7fELF\2\1\1" + b"\0" * 9
    header += struct.pack("<HHIQQQI6H", 1, machine, 1, 0, 0, 64 + len(body), 0, *counts)
    return header + body + b"".join(rows)


def ar(members: dict[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) & 1)
    return out


def run(*command: str, cwd: Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
