"""Writes small DLLs: what a test needs of one, without a compiler."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MACHINES = {"x86_64": 0x8664, "i386": 0x14C, "aarch64": 0xAA64}
_ALIGN, _BASE = 0x200, 0x1000


@dataclass
class Dll:
    """exports: name -> "" or a forwarder. imports: DLL -> names, and ordinals as "#12"."""

    imports: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    delayed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    machine: str = "x86_64"
    linker: tuple[int, int] = (14, 44)
    version: tuple[int, int, int, int] | None = None
    sections: Mapping[str, bytes] = field(default_factory=dict)

    def bytes(self) -> bytes:
        """The file."""
        data = _Data(self.machine != "i386")
        directories = dict.fromkeys(range(16), (0, 0))
        if self.exports:
            directories[0] = data.exports(self.exports)
        if self.imports:
            directories[1] = data.imports(self.imports)
        if self.version:
            directories[2] = data.resource(self.version)
        if self.delayed:
            directories[13] = data.delayed(self.delayed)
        return self._file({".rdata": bytes(data.held), **self.sections}, directories)

    def _file(
        self, sections: Mapping[str, bytes], directories: Mapping[int, tuple[int, int]]
    ) -> bytes:
        wide = self.machine != "i386"
        optional = bytearray(struct.pack("<HBB", 0x20B if wide else 0x10B, *self.linker))
        optional += bytes((112 if wide else 96) - len(optional))
        struct.pack_into("<II", optional, 32, 0x1000, _ALIGN)
        struct.pack_into("<I", optional, len(optional) - 4, 16)
        for row in directories.values():
            optional += struct.pack("<II", *row)
        machine, flags = MACHINES[self.machine], 0x2022
        head = struct.pack(
            "<4sHHIIIHH", b"PE\0\0", machine, len(sections), 0, 0, 0, len(optional), flags
        )
        at = _up(64 + len(head) + len(optional) + 40 * len(sections), _ALIGN)
        table, bodies, address = b"", b"", _BASE
        for name, body in sections.items():
            size = _up(len(body), _ALIGN)
            table += struct.pack(
                "<8sIIIIIIHHI",
                name.encode()[:8],
                max(len(body), 1),
                address,
                size,
                at,
                0,
                0,
                0,
                0,
                0x40000040,
            )
            bodies += body.ljust(size, b"\0")
            at, address = at + size, address + _up(max(len(body), 1), 0x1000)
        struct.pack_into("<I", optional, 56, address)
        dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
        start = dos + head + bytes(optional) + table
        return start.ljust(_up(len(start), _ALIGN), b"\0") + bodies


class _Data:
    """The section .rdata, which begins at address 0x1000."""

    def __init__(self, wide: bool) -> None:
        self.held, self.wide = bytearray(16), wide

    def put(self, body: bytes) -> int:
        """Add bytes, aligned; their address."""
        self.held += bytes(-len(self.held) % 8)
        self.held += body
        return _BASE + len(self.held) - len(body)

    def text(self, text: str) -> int:
        return self.put(text.encode("latin-1") + b"\0")

    def _thunks(self, names: Sequence[str]) -> int:
        top = 1 << (63 if self.wide else 31)
        values = [
            top | int(name[1:])
            if name.startswith("#")
            else self.put(b"\0\0" + name.encode("latin-1") + b"\0")
            for name in names
        ]
        return self.put(struct.pack(f"<{len(names) + 1}{'Q' if self.wide else 'I'}", *values, 0))

    def imports(self, asked: Mapping[str, Sequence[str]]) -> tuple[int, int]:
        rows = b""
        for library, names in asked.items():
            lookup, table, name = self._thunks(names), self._thunks(names), self.text(library)
            rows += struct.pack("<IIIII", lookup, 0, 0, name, table)
        rows += bytes(20)
        return self.put(rows), len(rows)

    def delayed(self, asked: Mapping[str, Sequence[str]]) -> tuple[int, int]:
        rows = b""
        for library, names in asked.items():
            rows += struct.pack("<8I", 1, self.text(library), 0, 0, self._thunks(names), 0, 0, 0)
        rows += bytes(32)
        return self.put(rows), len(rows)

    def exports(self, names: Mapping[str, str]) -> tuple[int, int]:
        start = self.put(bytes(40))
        ordered = sorted(names)
        targets = [self.text(names[name]) if names[name] else 0x2000000 for name in ordered]
        table = self.put(struct.pack(f"<{len(ordered)}I", *targets))
        spelled = self.put(struct.pack(f"<{len(ordered)}I", *(self.text(n) for n in ordered)))
        numbers = self.put(struct.pack(f"<{len(ordered)}H", *range(len(ordered))))
        count = len(ordered)
        row = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, 0, 1, count, count, table, spelled, numbers)
        self.held[start - _BASE : start - _BASE + 40] = row
        return start, _BASE + len(self.held) - start

    def resource(self, version: tuple[int, int, int, int]) -> tuple[int, int]:
        major, minor, build, revision = version
        fixed = struct.pack("<IIHHHH", 0xFEEF04BD, 0x10000, minor, major, revision, build)
        body = self.put("VS_VERSION_INFO\0".encode("utf-16-le").ljust(40, b"\0") + fixed)
        root = self.put(bytes(3 * 24 + 16))
        rows = b""
        for level, name in enumerate((16, 1, 1033)):
            offset = 24 * (level + 1) | (0x80000000 if level < 2 else 0)
            rows += struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, name, offset)
        rows += struct.pack("<IIII", body, 40 + len(fixed), 0, 0)
        self.held[root - _BASE : root - _BASE + len(rows)] = rows
        return root, len(rows)


def _up(size: int, to: int) -> int:
    return -(-size // to) * to
