"""GPU code in a file of any kind: shared library, executable, object file, static library, image."""

from __future__ import annotations

from collections.abc import Callable

from . import archive, fatbin, offload_binary, offload_bundle
from .code_model import CodeError, GpuCode, Group, Image
from .code_sections import ELF_MAGIC, read_header, sections
from .code_source import SMALL_FILE, Bytes, FileBytes, find
from .code_tally import Tally
from .fatbin_cubin import EM_CUDA, cubin_sm
from .fatbin_ptx import looks_like_ptx, read_ptx
from .offload_amdgpu import EM_AMDGPU, entry_target, read_code_object
from .offload_ccob import CCOB

__all__ = ["CodeError", "GpuCode", "Group", "Image", "code_in", "code_objects"]

# clang without the new driver, -fgpu-rdc: one section per target, named after it.
CLANG_SECTION = "__CLANG_OFFLOAD_BUNDLE__"
Reader = Callable[[Bytes, int, int, str, Tally], None]
READERS: dict[str, Reader] = {
    ".nv_fatbin": fatbin.read_fatbins,
    "__nv_relfatbin": fatbin.read_fatbins,
    ".hip_fatbin": offload_bundle.read_bundles,
    ".llvm.offloading": offload_binary.read_offload_binaries,
}
IMAGE_READERS: tuple[tuple[bytes, Reader], ...] = (
    (fatbin.SIGNATURE, fatbin.read_fatbins),
    (offload_bundle.MAGIC, offload_bundle.read_bundles),
    (CCOB, offload_bundle.read_bundles),
    (offload_binary.MAGIC, offload_binary.read_offload_binaries),
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
    if data[:8] in (archive.MAGIC, archive.THIN_MAGIC):
        _read_archive(data, size, tally)
    elif data[:4] == ELF_MAGIC:
        _guarded(_read_elf, data, 0, size, "", tally)
    elif reader := _image_reader(data):
        _guarded(reader, data, 0, size, "file", tally)
    elif looks_like_ptx(data):
        _add(read_ptx(data, "file"), size, tally)
    else:
        raise CodeError("neither ELF, nor a static library, nor GPU code")
    return tally.result()


def _image_reader(data: Bytes) -> Reader | None:
    return next((read for magic, read in IMAGE_READERS if data[: len(magic)] == magic), None)


def _read_archive(data: Bytes, size: int, tally: Tally) -> None:
    try:
        for member in archive.members(data, 0, size):
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
    _add(Image("cubin", f"sm_{number}", "file"), end - start, tally)


def _read_code_object(data: Bytes, start: int, end: int, tally: Tally) -> None:
    code = read_code_object(data, start)
    if code is None or not code.target:
        raise CodeError("AMD code object of an unknown version or GPU")
    _add(Image("hip", code.target, "file", code_version=code.version), end - start, tally)


def _read_clang_section(name: str, size: int, tally: Tally) -> None:
    target = entry_target(name)
    if target:
        _add(Image("bitcode", target, CLANG_SECTION, relocatable=True), size, tally)


def _add(image: Image, size: int, tally: Tally) -> None:
    tally.group({tally.add(image, image, size)})


def _read_unlabelled(data: Bytes, start: int, end: int, tally: Tally) -> None:
    """A file stripped of its section headers: fatbins by their magic, bundles at page starts.

    Found in one pass of the file. A header alone is not believed: a container must read through.
    """
    position = start
    while (found := find(data, fatbin.SIGNATURE, position, end)) >= 0:
        tally.step()
        head = data[found : min(found + fatbin.CONTAINER.size, end)]
        size = fatbin.CONTAINER.unpack(head)[3] if len(head) == fatbin.CONTAINER.size else end
        stop = found + fatbin.CONTAINER.size + size
        if stop <= end:
            _guarded(fatbin.read_fatbins, data, found, stop, "", tally)
        position = stop if stop <= end else found + 8
    position = start
    while (found := find(data, offload_bundle.MAGIC, position, end)) >= 0:
        tally.step()
        if (found - start) % 4096 == 0:
            tally.gap("no section headers: offload bundles are there, but not read")
            break
        position = found + 8
