"""Code objects as clang bundles them: segments to load, and each kernel's descriptor and arguments.

Layouts: LLVM's "User Guide for AMDGPU Backend", sections Code Object and Kernel Descriptor, and
"Clang Offload Bundler"; ELF's from its specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.gpucode.messagepack import unpack

BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"
_ENTRY = struct.Struct("<QQQ")
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_NOTE = struct.Struct("<III")
_LOAD, _NOTES, _DYNAMIC_SYMBOLS, _RELOCATIONS = 1, 4, 11, 4
_METADATA = 32  # NT_AMDGPU_METADATA
_RELATIVE64, _ABSOLUTE64 = 13, 3


class CodeObjectError(ValueError):
    """Not a code object, or one with something that is not emulated."""


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel, as its metadata describe it."""

    offset: int
    size: int
    kind: str

    @property
    def hidden(self) -> bool:
        """Whether the runtime fills it in, not the caller."""
        return self.kind.startswith("hidden_")


@dataclass(frozen=True)
class Descriptor:
    """The kernel descriptor: 64 bytes that the command processor reads."""

    lds_bytes: int
    scratch_bytes: int
    kernarg_bytes: int
    entry: int
    rsrc3: int
    rsrc1: int
    rsrc2: int
    properties: int
    preload: int

    LAYOUT = struct.Struct("<III4xq20xIIIHH4x")

    @property
    def user_registers(self) -> int:
        """How many scalar registers are set before the kernel starts, without the block's index."""
        return self.rsrc2 >> 1 & 0x1F

    @property
    def group_ids(self) -> tuple[bool, bool, bool]:
        """Whether the block's x, y and z stand in scalar registers."""
        x, y, z = (bool(self.rsrc2 >> bit & 1) for bit in (7, 8, 9))
        return x, y, z

    @property
    def keeps_denormals(self) -> bool:
        """Whether float32 denormals are kept, in sources and in results."""
        return self.rsrc1 >> 16 & 3 == 3

    @property
    def wave32(self) -> bool:
        """Whether ENABLE_WAVEFRONT_SIZE32 is set, a bit that exists from gfx10 on."""
        return bool(self.properties >> 10 & 1)

    def user_layout(self) -> list[tuple[str, int]]:
        """What the user registers hold, in order: name and number of registers."""
        rows = (
            ("private_segment_buffer", 4), ("dispatch_ptr", 2), ("queue_ptr", 2), ("kernarg_segment_ptr", 2),
            ("dispatch_id", 2), ("flat_scratch_init", 2), ("private_segment_size", 1),
        )  # fmt: skip
        return [row for bit, row in enumerate(rows) if self.properties >> bit & 1]


@dataclass(frozen=True)
class Kernel:
    """A kernel's descriptor and what its metadata say of it."""

    name: str
    descriptor_at: int
    descriptor: Descriptor
    arguments: tuple[Argument, ...]
    most_threads: int


@dataclass(frozen=True)
class Relocation:
    """A 64-bit word of the loaded image that holds an address."""

    at: int
    addend: int


@dataclass(frozen=True)
class CodeObject:
    """An AMD GPU ELF: `image` is its memory from address 0 on."""

    image: bytes
    code: tuple[int, int]
    kernels: dict[str, Kernel]
    relocations: tuple[Relocation, ...] = field(default=())


def bundled(data: bytes, target: str) -> bytes:
    """The code object for a target in an offload bundle. Raises CodeObjectError."""
    if not data.startswith(BUNDLE):
        raise CodeObjectError("no plain offload bundle (compile without --offload-compress)")
    (count,) = struct.unpack_from("<Q", data, len(BUNDLE))
    at, names = len(BUNDLE) + 8, []
    for _ in range(count):
        offset, size, length = _ENTRY.unpack_from(data, at)
        name = data[at + _ENTRY.size : at + _ENTRY.size + length].decode()
        at += _ENTRY.size + length
        names.append(name)
        if name.rpartition("-")[2].partition(":")[0] == target:
            return data[offset : offset + size]
    raise CodeObjectError(f"no code for {target} in the bundle, only {', '.join(names)}")


def parse(data: bytes) -> CodeObject:
    """Raises CodeObjectError."""
    if data[:4] != b"\x7fELF" or len(data) < _HEADER.size or data[18:20] != b"\xe0\0":
        raise CodeObjectError("not an ELF file for AMD GPUs")
    header = _HEADER.unpack_from(data)
    programs = [_PROGRAM.unpack_from(data, header[5] + i * header[9]) for i in range(header[10])]
    sections = [_SECTION.unpack_from(data, header[6] + i * header[11]) for i in range(header[12])]
    image = _image(data, programs)
    symbols = _symbols(data, sections)
    metadata = _metadata(data, programs)
    code = next((p[3], p[3] + p[6]) for p in programs if p[0] == _LOAD and p[1] & 1)
    kernels = {}
    for row in metadata.get("amdhsa.kernels", []):
        at = symbols[row[".symbol"]][1]
        kernels[row[".name"]] = _kernel(row, at, image)
    return CodeObject(image, code, kernels, tuple(_relocations(data, sections, symbols)))


def _image(data: bytes, programs: list[Any]) -> bytes:
    loads = [p for p in programs if p[0] == _LOAD]
    image = bytearray(max(p[3] + p[6] for p in loads))
    for _, _, offset, address, _, size, _, _ in loads:
        image[address : address + size] = data[offset : offset + size]
    return bytes(image)


def _symbols(data: bytes, sections: list[Any]) -> dict[str, tuple[int, int]]:
    """Name -> (index, address) of the dynamic symbols."""
    found: dict[str, tuple[int, int]] = {}
    for section in sections:
        if section[1] != _DYNAMIC_SYMBOLS:
            continue
        strings = sections[section[6]]
        for index in range(section[5] // _SYMBOL.size):
            name, _, _, _, value, _ = _SYMBOL.unpack_from(data, section[4] + index * _SYMBOL.size)
            start = strings[4] + name
            found[data[start : data.index(b"\0", start)].decode()] = (index, value)
    return found


def _relocations(
    data: bytes, sections: list[Any], symbols: dict[str, tuple[int, int]]
) -> list[Relocation]:
    values, found = dict(symbols.values()), []
    for section in sections:
        if section[1] != _RELOCATIONS:
            continue
        for start in range(section[4], section[4] + section[5], _RELOCATION.size):
            at, info, addend = _RELOCATION.unpack_from(data, start)
            if info & 0xFFFFFFFF not in (_RELATIVE64, _ABSOLUTE64):
                raise CodeObjectError(f"relocation of type {info & 0xFFFFFFFF} is not emulated")
            found.append(Relocation(at, values.get(info >> 32, 0) * bool(info >> 32) + addend))
    return found


def _metadata(data: bytes, programs: list[Any]) -> dict[str, Any]:
    for kind, _, offset, _, _, size, _, _ in programs:
        at = offset
        while kind == _NOTES and at + _NOTE.size <= offset + size:
            name, length, number = _NOTE.unpack_from(data, at)
            body = at + _NOTE.size + (name + 3 & ~3)
            if number == _METADATA:
                try:
                    found = unpack(data[body : body + length])
                except CodeError as error:
                    raise CodeObjectError(f"the metadata: {error}") from None
                return found if isinstance(found, dict) else {}
            at = body + (length + 3 & ~3)
    raise CodeObjectError("the code object has no metadata")


def _kernel(row: dict[str, Any], at: int, image: bytes) -> Kernel:
    arguments = (Argument(a[".offset"], a[".size"], a[".value_kind"]) for a in row.get(".args", []))
    return Kernel(
        row[".name"],
        at,
        Descriptor(*Descriptor.LAYOUT.unpack_from(image, at)),
        tuple(arguments),
        row.get(".max_flat_workgroup_size", 1024),
    )
