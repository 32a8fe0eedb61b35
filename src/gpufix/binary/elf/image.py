"""One mapped ELF file: addresses, strings and the dynamic section, on which the tables stand."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.binary.elf.headers import (
    Buffer,
    Header,
    MappedFile,
    Segment,
    loadable,
    read_header,
    read_segments,
)
from gpufix.binary.elf.layout import (
    DT_AUXILIARY,
    DT_FILTER,
    DT_NEEDED,
    DT_STRSZ,
    DT_STRTAB,
    PT_DYNAMIC,
    PT_INTERP,
    ElfError,
    Layout,
)


@dataclass(frozen=True, slots=True)
class Dynamic:
    """tags: the last value of each tag, as the loader keeps it.

    String offsets in order: needed; auxiliaries and filters, libraries to search before this one.
    """

    tags: dict[int, int]
    needed: tuple[int, ...]
    auxiliaries: tuple[int, ...] = ()
    filters: tuple[int, ...] = ()


# Tables have some forty entries; a hole of a sparse file may follow one that does not end.
MAX_DYNAMIC = 1 << 20


def read_dynamic(
    path: str, data: Buffer, size: int, form: Layout, offset: int, length: int
) -> Dynamic:
    """The entries up to DT_NULL of the table at `offset`, of at most `length` bytes."""
    entry = form.dynamic.size
    if offset + entry > size:
        raise ElfError(path, f"starts at {offset}, the file ends at {size}", "dynamic section")
    end = min(offset + min(length, MAX_DYNAMIC), size)
    end -= (end - offset) % entry
    tags: dict[int, int] = {}
    needed: list[int] = []
    auxiliaries: list[int] = []
    filters: list[int] = []
    for tag, value in form.dynamic.iter_unpack(data[offset:end]):
        if tag == 0:
            break
        if tag == DT_NEEDED:
            needed.append(value)
        elif tag == DT_AUXILIARY:
            auxiliaries.append(value)
        elif tag == DT_FILTER:
            filters.append(value)
        else:
            tags[tag] = value
    return Dynamic(tags, tuple(needed), tuple(auxiliaries), tuple(filters))


MAX_STRING = 64 * 1024
MAX_STRINGS = 512 << 20  # libtorch_cpu.so has 40 MiB
MAX_NEEDED = 4096


class Image:
    """Opens a file and reads its headers and dynamic section; every access is bounded by its size."""

    def __init__(self, source: MappedFile) -> None:
        self.source = source
        self.path = source.path
        self.size = source.size
        data = source.buffer()
        self.header: Header = read_header(self.path, data, self.size)
        self.segments: list[Segment] = read_segments(self.path, data, self.size, self.header)
        self._loads = loadable(self.segments)
        self.dynamic: Dynamic | None = self._read_dynamic(data)
        self.strings, self.strings_end = self._read_strings()

    @property
    def layout(self) -> Layout:
        return self.header.layout

    @property
    def data(self) -> Buffer:
        return self.source.buffer()

    @property
    def tags(self) -> dict[int, int]:
        return {} if self.dynamic is None else self.dynamic.tags

    def segment(self, kind: int) -> Segment | None:
        """The first program header of this type."""
        return next((s for s in self.segments if s.type == kind), None)

    def offset(self, address: int, where: str) -> tuple[int, int]:
        """Where `address` lies in the file: (offset, end of the bytes of its segment)."""
        for load in self._loads:
            inside = address - load.address
            if 0 <= inside < load.file_size:
                start = load.offset + inside
                end = min(load.offset + load.file_size, self.size)
                if start < end:
                    return start, end
        size = max((load.offset + load.file_size for load in self._loads), default=0)
        if size > self.size:
            raise ElfError(self.path, f"truncated: {self.size} bytes of {size}", where)
        raise ElfError(self.path, f"address {address:#x} is not in the file", where)

    def fail(self, what: str, where: str) -> ElfError:
        return ElfError(self.path, what, where)

    def string(self, offset: int, where: str = "string table") -> str:
        """The dynamic string at `offset` bytes into the string table."""
        return self.raw_string(offset, where).decode("utf-8", "surrogateescape")

    def raw_string(self, offset: int, where: str = "string table") -> bytes:
        start = self.strings + offset
        if start >= self.strings_end:
            raise self.fail(f"string at {offset} lies outside", where)
        end = self.data.find(b"\0", start, min(self.strings_end, start + MAX_STRING))
        if end < 0:
            raise self.fail(f"string at {offset} does not end", where)
        return bytes(self.data[start:end])

    @property
    def interpreter(self) -> str | None:
        """The loader that the file asks for (PT_INTERP): executables only."""
        found = self.segment(PT_INTERP)
        if found is None:
            return None
        text = bytes(self.data[found.offset : found.offset + min(found.file_size, 4096)])
        return text.split(b"\0")[0].decode("utf-8", "surrogateescape")

    def _read_dynamic(self, data: Buffer) -> Dynamic | None:
        found = self.segment(PT_DYNAMIC)
        if found is None:
            return None
        # The loader reads the table through memory, and patching tools may leave p_offset stale.
        start, end = self.offset(found.address, "dynamic section")
        length = min(max(found.memory_size, found.file_size), end - start)
        table = read_dynamic(self.path, data, self.size, self.layout, start, length)
        libraries = len(table.needed) + len(table.auxiliaries) + len(table.filters)
        if libraries > MAX_NEEDED:
            raise self.fail(f"{libraries} needed libraries", "dynamic section")
        return table

    def _read_strings(self) -> tuple[int, int]:
        address = self.tags.get(DT_STRTAB)
        if address is None:
            return 0, 0
        start, end = self.offset(address, "DT_STRTAB")
        return start, min(end, start + min(self.tags.get(DT_STRSZ, end - start), MAX_STRINGS))
