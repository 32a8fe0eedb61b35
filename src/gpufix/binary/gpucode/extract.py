"""GPU code in a file of any kind: shared library, executable, object file, static library, image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from gpufix.binary import ar
from gpufix.binary.elf.layout import SHT_NOBITS, Layout, layout
from gpufix.binary.gpucode import fatbin, offload
from gpufix.binary.gpucode.amdgpu import EM_AMDGPU, entry_target, read_code_object
from gpufix.binary.gpucode.fatbin import EM_CUDA, cubin_sm, looks_like_ptx, read_ptx
from gpufix.binary.gpucode.file_bytes import SMALL_FILE, Bytes, FileBytes, find
from gpufix.binary.gpucode.images import CodeError, GpuCode, GpuImage, ImageGroup, Tally
from gpufix.binary.gpucode.offload import CCOB
from gpufix.binary.pe.headers import DOS_MAGIC, PeError, PeSection
from gpufix.binary.pe.headers import read_headers as pe_headers

__all__ = ["CodeError", "GpuCode", "GpuImage", "ImageGroup", "code_in", "code_objects"]

# clang without the new driver, -fgpu-rdc: one section per target, named after it.
CLANG_SECTION = "__CLANG_OFFLOAD_BUNDLE__"
Reader = Callable[[Bytes, int, int, str, Tally], None]
READERS: dict[str, Reader] = {
    ".nv_fatbin": fatbin.read_fatbins,
    "__nv_relfatbin": fatbin.read_fatbins,
    ".hip_fatbin": offload.read_bundles,
    ".llvm.offloading": offload.read_offload_binaries,
}
IMAGE_READERS: tuple[tuple[bytes, Reader], ...] = (
    (fatbin.SIGNATURE, fatbin.read_fatbins),
    (offload.MAGIC, offload.read_bundles),
    (CCOB, offload.read_bundles),
    (offload.BINARY_MAGIC, offload.read_offload_binaries),
)


def code_objects(path: str) -> GpuCode:
    """The GPU code of a .so, executable, .o, .a, .fatbin, .cubin, .ptx, .co or .hsaco file.

    Empty for host code without any. Raises CodeError when the file cannot be read or is none of
    these; parts that are malformed become `gaps`, beside what could be read.
    """
    with FileBytes(path) as file:
        return code_in(file[:] if len(file) <= SMALL_FILE else file)


def code_in(data: Bytes) -> GpuCode:
    """As code_objects, for the bytes of such a file."""
    tally = Tally()
    size = len(data)
    if data[:8] in (ar.MAGIC, ar.THIN_MAGIC):
        _read_archive(data, size, tally)
    elif data[:4] == ELF_MAGIC:
        _guarded(_read_elf, data, 0, size, "", tally)
    elif data[:2] == DOS_MAGIC:
        _guarded(read_pe, data, 0, size, "", tally)
    elif reader := _image_reader(data):
        _guarded(reader, data, 0, size, "file", tally)
    elif looks_like_ptx(data):
        _add(read_ptx(data, "file"), size, tally)
    else:
        raise CodeError("neither ELF nor PE, nor a static library, nor GPU code")
    return tally.result()


def _image_reader(data: Bytes) -> Reader | None:
    return next((read for magic, read in IMAGE_READERS if data[: len(magic)] == magic), None)


def _read_archive(data: Bytes, size: int, tally: Tally) -> None:
    try:
        for member in ar.members(data, 0, size):
            tally.step()
            if data[member.offset : member.offset + 4] == ELF_MAGIC:
                end = member.offset + member.size
                _guarded(_read_elf, data, member.offset, end, member.name, tally)
    except CodeError as reason:
        tally.gap(str(reason))


def _read_elf(data: Bytes, start: int, end: int, name: str, tally: Tally) -> None:
    header = read_header(data, start, end)
    if header.machine == EM_CUDA:
        _read_cubin(data, start, end, tally)
    elif header.machine == EM_AMDGPU:
        _read_code_object(data, start, end, tally)
    elif header.table == 0:
        _read_unlabelled(data, start, end, tally)
    else:
        for section in sections(data, header, end, (*READERS, CLANG_SECTION)):
            if section.name.startswith(CLANG_SECTION):
                _read_clang_section(section.name, section.end - section.start, tally)
            elif reader := READERS.get(section.name):
                _guarded(reader, data, section.start, section.end, section.name, tally)


# PE images keep eight characters of a section's name.
PE_READERS = {name[:8]: reader for name, reader in READERS.items()}


def read_pe(data: Bytes, start: int, end: int, name: str, tally: Tally) -> None:
    """The GPU code of a Windows DLL, by its sections. Raises CodeError."""
    for section in _of_gpu(data, end):
        last = section.offset + min(section.size, section.extent)
        reader = PE_READERS[section.name]
        _guarded(reader, data, section.offset, last, section.name, tally)


def _of_gpu(data: Bytes, end: int) -> list[PeSection]:
    try:
        found = [s for s in pe_headers("", data, end).sections if s.name in PE_READERS and s.size]
    except PeError as error:
        raise CodeError(f"{error.where}: {error.what}") from None
    found.sort(key=lambda section: section.offset)
    for before, after in pairwise(found):
        if after.offset < before.offset + before.size:
            raise CodeError(f"sections {before.name!r} and {after.name!r} overlap")
    return found


def code_sections(data: Bytes, name: str) -> Iterator[tuple[int, int]]:
    """Where the sections of this name lie in an ELF file. Raises CodeError."""
    if data[:4] == ELF_MAGIC:
        header = read_header(data, 0, len(data))
        for section in sections(data, header, len(data), (name,)):
            if section.name == name:
                yield section.start, section.end
    elif data[:2] == DOS_MAGIC:
        for found in _of_gpu(data, len(data)):
            if found.name == name[:8]:
                yield found.offset, found.offset + min(found.size, found.extent)


def _guarded(reader: Reader, data: Bytes, start: int, end: int, name: str, tally: Tally) -> None:
    try:
        reader(data, start, end, name, tally)
    except CodeError as reason:
        tally.gap(f"{name}: {reason}" if name else str(reason))


def _read_cubin(data: Bytes, start: int, end: int, tally: Tally) -> None:
    number = cubin_sm(data, start)
    if number is None:
        raise CodeError("cubin of an unknown generation")
    # "a" and "f" are written in fatbins only.
    tally.gap("a bare cubin does not say whether it is for sm_XY, sm_XYa or sm_XYf")
    _add(GpuImage("cubin", f"sm_{number}", "file"), end - start, tally)


def _read_code_object(data: Bytes, start: int, end: int, tally: Tally) -> None:
    code = read_code_object(data, start)
    if code is None or not code.target:
        raise CodeError("AMD code object of an unknown version or GPU")
    _add(GpuImage("hip", code.target, "file", code_version=code.version), end - start, tally)


def _read_clang_section(name: str, size: int, tally: Tally) -> None:
    target = entry_target(name)
    if target:
        _add(GpuImage("bitcode", target, CLANG_SECTION, relocatable=True), size, tally)


def _add(image: GpuImage, size: int, tally: Tally) -> None:
    tally.group({tally.add(image, image, size)})


def _read_unlabelled(data: Bytes, start: int, end: int, tally: Tally) -> None:
    """A file stripped of its section headers: fatbins by their magic, bundles at page starts.

    Found in one pass of the file. A header alone is not believed: a container must read through.
    """
    position = start
    while (found := find(data, (fatbin.SIGNATURE, offload.MAGIC), position, end)) >= 0:
        tally.step()
        position = found + 8
        head = data[found : min(found + fatbin.CONTAINER.size, end)]
        if not head.startswith(fatbin.SIGNATURE):
            if (found - start) % 4096 == 0:
                tally.gap("no section headers: offload bundles are there, but not read")
        elif len(head) == fatbin.CONTAINER.size:
            stop = found + fatbin.CONTAINER.size + fatbin.CONTAINER.unpack(head)[3]
            if stop <= end:
                _guarded(fatbin.read_fatbins, data, found, stop, "", tally)
                position = stop


ELF_MAGIC = b"\x7fELF"
MAX_SECTIONS = 500_000
MAX_NAME = 256
MAX_NAMES = 64 << 20
XINDEX = 0xFFFF


@dataclass(frozen=True, slots=True)
class HostHeader:
    """What is wanted of the ELF header; `start`: where the file begins in the data."""

    form: Layout
    machine: int
    start: int
    table: int
    entry_size: int
    count: int
    names: int


@dataclass(frozen=True, slots=True)
class HostSection:
    """A section with content; `start` and `end` are positions in the data."""

    name: str
    start: int
    end: int


def read_header(data: Bytes, start: int, end: int) -> HostHeader:
    """The ELF header at start. Raises CodeError when it is cut off or of an unknown class."""
    ident = data[start : start + 16]
    bits = {1: 32, 2: 64}.get(ident[4] if len(ident) == 16 else 0)
    if bits is None or ident[5] not in (1, 2):
        raise CodeError("ELF of unknown class or byte order")
    form = layout(bits, ident[5] == 1)
    head = data[start : min(start + form.header.size, end)]
    if len(head) < form.header.size:
        raise CodeError("ELF header is cut off")
    fields = form.header.unpack(head)
    machine, table, (size, count, names) = fields[1], fields[5], fields[-3:]
    return HostHeader(form, machine, start, table, size, count, names)


def sections(
    data: Bytes, header: HostHeader, end: int, wanted: tuple[str, ...]
) -> list[HostSection]:
    """Sections whose name starts with one of `wanted`, by position. Raises CodeError.

    Empty when the file has no section headers. Sections that overlap are refused: a few bytes
    could otherwise be made to look like any amount of code.
    """
    found = sorted(_named(data, header, end, wanted), key=lambda s: (s.start, s.end))
    for before, after in pairwise(found):
        if after.start < before.end:
            raise CodeError(f"sections {before.name!r} and {after.name!r} overlap")
    return found


def _named(
    data: Bytes, header: HostHeader, end: int, wanted: tuple[str, ...]
) -> Iterator[HostSection]:
    form, table = header.form.section, _table(data, header, end)
    if not table:
        return
    # Numbers that do not fit the header stand in the first, empty section.
    index = form.unpack_from(table)[6] if header.names == XINDEX else header.names
    if (index + 1) * form.size > len(table):
        raise CodeError("ELF has no section names")
    start, stop = _extent(form.unpack_from(table, index * form.size), header, end)
    names = data[start : min(stop, start + MAX_NAMES)]
    prefixes = tuple(name.encode() for name in wanted)
    for row in form.iter_unpack(table):
        if row[1] == SHT_NOBITS or not row[5] or not names.startswith(prefixes, row[0]):
            continue
        name = names[row[0] : row[0] + MAX_NAME].split(b"\0", 1)[0]
        yield HostSection(name.decode("latin-1"), *_extent(row, header, end))


def _table(data: Bytes, header: HostHeader, end: int) -> bytes:
    """The section headers, as they lie in the file."""
    if not header.table:
        return b""
    form, first = header.form.section, header.start + header.table
    count = header.count
    if not count:
        head = data[first : min(first + form.size, end)]
        count = form.unpack(head)[5] if len(head) == form.size else 1
    if header.entry_size != form.size or count > MAX_SECTIONS:
        raise CodeError("section headers are implausible")
    if first + count * form.size > end:
        raise CodeError("section headers lie outside the file")
    return data[first : first + count * form.size]


def _extent(row: tuple[int, ...], header: HostHeader, end: int) -> tuple[int, int]:
    start = header.start + row[4]
    if start + row[5] > end:
        raise CodeError("a section lies outside the file")
    return start, start + row[5]
