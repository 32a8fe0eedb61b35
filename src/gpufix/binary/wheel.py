"""Compiled files inside a wheel (or any zip), without unpacking the wheel.

A member is decompressed into an unlinked temporary file, one at a time, and only when asked for.
Zip bombs are refused: by the ratio of sizes, by overlapping members, by an oversized directory.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from gpufix.binary.gpucode.file_bytes import open_regular
from gpufix.binary.gpucode.images import CodeError

# libtorch_cuda.so reaches 1.6 GB; a table of constants in a .so may compress 50-fold.
MAX_MEMBER = 8 << 30
MAX_RATIO, FREE_SIZE = 200, 1 << 20
# torch's wheels have 14,000 members and a directory of 1.5 MB.
MAX_DIRECTORY = 64 << 20
CHUNK = 1 << 20
_FAULTS = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in the archive; size: bytes once decompressed, packed: bytes in the archive."""

    name: str
    size: int
    packed: int


class _Bounded(io.BufferedReader):
    """zipfile reads the directory at once and makes 700 bytes of each entry of 46: not too many."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise CodeError(f"zip directory of {size} bytes")
        return super().read(size)


@contextmanager
def _unnamed() -> Iterator[tuple[IO[bytes], str]]:
    """A temporary file and a path to it. On Linux no folder shows it; Windows has no such files."""
    if os.name != "nt":
        with tempfile.TemporaryFile() as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "member")
        with path.open("wb") as file:
            yield file, str(path)


class WheelZip:
    """An open wheel. Every method raises CodeError for an archive that is damaged or hostile."""

    def __init__(self, path: str) -> None:
        self._file = _Bounded(io.FileIO(open_regular(path)))
        try:
            self._zip = zipfile.ZipFile(self._file)
            self._infos = {info.filename: info for info in self._zip.infolist()}
            _check_overlaps(list(self._infos.values()))
        except _FAULTS as error:
            self._file.close()
            if isinstance(error, CodeError):
                raise
            raise CodeError(f"{path}: not a readable zip: {error}") from error

    def members(self) -> list[ZipMember]:
        """All files, in the order of the directory."""
        return [
            ZipMember(info.filename, info.file_size, info.compress_size)
            for info in self._infos.values()
            if not info.filename.endswith("/")
        ]

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of a member: enough to see whether it is ELF, or to read METADATA."""
        try:
            with self._zip.open(self._info(name)) as stream:
                return stream.read(size)
        except _FAULTS as error:
            raise CodeError(f"{name}: cannot read: {error}") from error

    @contextmanager
    def unpacked(self, name: str) -> Iterator[str]:
        """A path at which the member can be read while the block lasts; nothing stays on disk."""
        info = self._info(name)
        with _unnamed() as (file, path):
            try:
                with self._zip.open(info) as stream:
                    while chunk := stream.read(CHUNK):
                        file.write(chunk)
                file.flush()
            except _FAULTS as error:
                raise CodeError(f"{name}: cannot unpack: {error}") from error
            yield path

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._infos.get(name)
        if info is None:
            raise CodeError(f"no member {name!r}")
        if info.file_size > min(MAX_MEMBER, MAX_RATIO * info.compress_size + FREE_SIZE):
            raise CodeError(f"{name}: {info.file_size} bytes from {info.compress_size}: a zip bomb")
        return info

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def __enter__(self) -> WheelZip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small archive unpacks to petabytes."""
    for before, after in pairwise(sorted(infos, key=lambda info: info.header_offset)):
        if before.header_offset + before.compress_size > after.header_offset:
            raise CodeError(f"members {before.filename!r} and {after.filename!r} overlap")
