"""One PE file, read without loading it: what it imports, what it exports, its version."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from gpufix.binary.gpucode.file_bytes import FileBytes
from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.pe.headers import (
    DELAYED,
    EXPORTS,
    IMPORTS,
    RESOURCES,
    PeError,
    PeHeaders,
    read_headers,
)
from gpufix.binary.pe.image import Image
from gpufix.binary.pe.tables import Exports, Import, read_delayed, read_exports, read_imports
from gpufix.binary.pe.version import read_version

T = TypeVar("T")


class PeFile:
    """Raises PeError when the file is no PE file; tables are read when first asked for, and raise it too."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.headers: PeHeaders = self._opened(lambda image: image.headers)

    @property
    def machine(self) -> str:
        """ "x86_64", "aarch64", "i386"."""
        return self.headers.machine

    @cached_property
    def truncated(self) -> bool:
        """Whether sections lie beyond the end of the file."""
        return self._opened(lambda image: image.size < image.headers.end)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """What the loader binds when it loads the file, by DLL."""
        return self._opened(read_imports) if self._has(IMPORTS) else ()

    @cached_property
    def delayed(self) -> tuple[Import, ...]:
        """What the file's own code loads at the first call of it."""
        return self._opened(read_delayed) if self._has(DELAYED) else ()

    @cached_property
    def exports(self) -> Exports:
        """What it exports, by name and by ordinal."""
        return self._opened(read_exports) if self._has(EXPORTS) else Exports()

    @cached_property
    def version(self) -> tuple[int, int, int, int] | None:
        """The file version of its version resource: (14, 44, 35112, 0)."""
        return self._opened(read_version) if self._has(RESOURCES) else None

    @property
    def needed(self) -> tuple[str, ...]:
        """The DLLs that must be there for it to load, as it spells them."""
        return tuple(dict.fromkeys(one.library for one in self.imports))

    def _has(self, directory: int) -> bool:
        directories = self.headers.directories
        return len(directories) > directory and directories[directory][0] != 0

    def _opened(self, read: Callable[[Image], T]) -> T:
        try:
            with FileBytes(self.path) as data:
                return read(Image(self.path, data, read_headers(self.path, data, len(data))))
        except CodeError as error:
            raise PeError(self.path, str(error).removeprefix(f"{self.path}: "), "file") from None
        except (struct.error, OverflowError) as error:
            raise PeError(self.path, str(error), "table") from None
