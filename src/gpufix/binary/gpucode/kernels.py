"""The kernels of the units of NVIDIA code in a library, by their mangled names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import repeat

from gpufix.binary.gpucode import fatbin
from gpufix.binary.gpucode.extract import code_sections
from gpufix.binary.gpucode.file_bytes import Bytes, FileBytes
from gpufix.binary.gpucode.images import CodeError, GpuImage, Tally
from gpufix.binary.gpucode.zstd import zstd_head
from gpufix.frozen import Frozen

# The names of a cubin's sections stand right behind its header; PTX begins with its first kernel.
HEAD = 256 * 1024
PACKED_HEAD = 8 * 1024  # unpacking is slow
_CUBIN = re.compile(rb"\.text\.([^\0]+)")
_PTX = re.compile(rb"\.entry\s+([\w$]+)")
# "Sm80", "enable_sm89_to_sm90", "arch_75", "ampere_hgemm"; not CUB's namespace CUB_300001_SM_800_NS.
_FOR_AN_ARCHITECTURE = re.compile(
    rb"(?:sm|arch|compute|cc)_?(?:[5-9]\d|1[0-3]\d)(?!\d)"
    rb"|maxwell|pascal|volta|turing|ampere|hopper|blackwell",
    re.IGNORECASE,
)


class Kernels(Frozen):
    """What one container holds, and names of its kernels (of the first of them, when there are many)."""

    images: tuple[GpuImage, ...]
    names: tuple[bytes, ...]

    @property
    def named_for_an_architecture(self) -> bool:
        """Whether a kernel says in its name what GPUs it is for: the library chooses by that.

        Among others by a template argument that is the number of what the unit is compiled for.
        """
        numbers = {re.sub(r"\D", "", image.arch) for image in self.images} - {""}
        argument = re.compile(rf"Li(?:{'|'.join(numbers)})E".encode())
        return any(_FOR_AN_ARCHITECTURE.search(n) or argument.search(n) for n in self.names)


def kernels(
    path: str, wanted: Callable[[tuple[GpuImage, ...]], bool] = lambda _: True
) -> Iterator[Kernels]:
    """Of each container of a library that holds anything, and just such images. Raises CodeError."""
    tally = Tally()
    with FileBytes(path) as file:
        for start, end in code_sections(file, ".nv_fatbin"):
            for body, stop in fatbin.containers(file, start, end, tally):
                entries = list(fatbin.entries(file, body, stop, tally))
                images = tuple(fatbin.describe(file, e, "", False, tally) for e in entries)
                if wanted(images) and not fatbin.all_hollow(file, body, stop, tally):
                    found = map(_names, repeat(file), entries, images)
                    yield Kernels(images, next(filter(None, found), ()))


def _names(data: Bytes, entry: fatbin.Entry, image: GpuImage) -> tuple[bytes, ...]:
    pattern = {"cubin": _CUBIN, "ptx": _PTX}.get(image.kind)
    if pattern is None:
        return ()
    payload, size, packed, plain = *entry[1:3], *entry[7:9]
    stored = packed if image.compressed and packed < size else size
    head = data[payload : payload + min(stored, 2 * HEAD)]
    try:
        if image.compression == "zstd":
            head = zstd_head(head, PACKED_HEAD)
        elif image.compression == "lz4":
            head = fatbin.lz4_head(head, min(plain, PACKED_HEAD))
    except ValueError as error:
        raise CodeError(f"an image cannot be unpacked: {error}") from None
    return tuple(dict.fromkeys(pattern.findall(head)))
