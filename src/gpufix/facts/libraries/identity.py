"""What a library's bytes are, without reading all of them: for comparing one node with another."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from posixpath import basename

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text, why
from gpufix.files import opened
from gpufix.model import FileIdentity
from gpufix.text.names import normalise

_WHOLE = 4 << 20  # bytes up to which a file is hashed whole
_END = 64 << 10  # of a larger one: its head has the build ID and the names, its end the sections
_SAMPLES, _SAMPLE = 32, 16 << 10  # and pages between, evenly
_LISTED = 400
_DIGITS = 12
# Libraries for GPUs come first where there are more than are listed.
_FIRST = re.compile(r"nvidia-|torch|jax|cupy|triton|nccl|rccl|cuda|rocm|flash|xformers|vllm|apex")
_CONSTANTS = 16 << 20
_STATED = {
    "libnccl.so": re.compile(rb"NCCL version (\d+\.\d+[\w.]*(?:\+cuda\d+\.\d+)?)"),
    "librccl.so": re.compile(rb"RCCL version[ :]+(\d+\.\d+[\w.+-]*)"),
}


def identities(
    ctx: CollectContext, paths: Iterable[str], belongs: Mapping[str, str]
) -> tuple[list[FileIdentity], dict[str, str]]:
    """Those of the libraries, and a digest for each distribution's beyond the first 400."""
    ordered = sorted(paths, key=lambda path: _order(path, belongs.get(path)))
    found = [one for path in ordered if (one := _identity(ctx, path, belongs.get(path)))]
    further: dict[str, hashlib._Hash] = {}
    for one in found[_LISTED:]:
        joined = further.setdefault(one.distribution or "", hashlib.sha256())
        joined.update(f"{basename(one.path)}\0{one.digest}\0".encode())
    return found[:_LISTED], {name: _short(joined) for name, joined in further.items()}


def _order(path: str, owner: str | None) -> tuple[bool, str, str]:
    name = normalise(owner or basename(path))
    return _FIRST.search(name) is None, name, path


def _identity(ctx: CollectContext, path: str, owner: str | None) -> FileIdentity | None:
    try:
        with opened(path) as descriptor:
            size = os.fstat(descriptor).st_size
            whole = ctx.deep or size <= _WHOLE
            digest = hashlib.sha256(str(size).encode())
            for part in _parts(descriptor, size, whole):
                digest.update(part)
    except OSError as error:
        ctx.gap("binaries", text(path), f"cannot be read: {why(error)}")
        return None
    return FileIdentity(
        path=text(path),
        distribution=owner,
        size=size,
        digest=_short(digest),
        sampled=not whole,
        version=_stated(path),
    )


def _short(digest: hashlib._Hash) -> str:
    return digest.hexdigest()[:_DIGITS]


def _parts(descriptor: int, size: int, whole: bool) -> Iterator[bytes]:
    step = 1 << 20
    if whole:
        places: Iterable[tuple[int, int]] = ((at, step) for at in range(0, size, step))
    else:
        between = size // (_SAMPLES + 1)
        inner = ((number * between, _SAMPLE) for number in range(1, _SAMPLES + 1))
        places = chain([(0, _END)], inner, [(size - _END, _END)])
    for at, length in places:
        yield os.pread(descriptor, length, at)


def _stated(path: str) -> str | None:
    """The version that a library holds as text, whatever its wheel's metadata says."""
    pattern = next((p for name, p in _STATED.items() if basename(path).startswith(name)), None)
    if pattern is None:
        return None
    try:
        elf = ElfFile(path)
        constants: Sequence[int] | None = elf.section(".rodata")
        found = pattern.search(bytes(constants[:_CONSTANTS])) if constants else None
    except (ElfError, OSError):
        return None
    return text(found[1]) if found else None
