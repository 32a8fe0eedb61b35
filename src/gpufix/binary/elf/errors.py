"""The one exception of the ELF reader."""

from __future__ import annotations


class ElfError(ValueError):
    """A file is not ELF, or contradicts itself.

    path: the file; what: the fault, in words; where: the table or field that shows it.
    """

    def __init__(self, path: str, what: str, where: str) -> None:
        super().__init__(f"{path}: {where}: {what}")
        self.path = path
        self.what = what
        self.where = where

    @property
    def absent(self) -> bool:
        """The file could not be opened at all."""
        return self.what.startswith("cannot open")

    def __reduce__(self) -> tuple[type[ElfError], tuple[str, str, str]]:
        return type(self), (self.path, self.what, self.where)
