"""What Windows itself has: API sets, its own DLLs, and the folder System32 where it is in reach."""

from __future__ import annotations

from gpufix.frozen import Frozen

_API_SETS = ("api-ms-", "ext-ms-")


class WindowsSystem(Frozen):
    """folder: System32, None where it is not in reach: what lies there is not known then.

    own: lower-case names of DLLs that every Windows has. elsewhere: beginnings of names of DLLs
    that are never installed there. others: of those that drivers and installers put there, which a
    copy in part (`whole` False) does not tell.
    """

    own: frozenset[str]
    folder: str | None = None
    elsewhere: tuple[str, ...] = ()
    whole: bool = True
    others: tuple[str, ...] = ()

    def is_part(self, name: str) -> bool:
        """Whether Windows has it, whatever the folder shows: an API set is no file."""
        lower = name.lower()
        return lower.startswith(_API_SETS) or lower in self.own

    def may_have(self, name: str) -> bool:
        """Whether it may lie in a System32 that is not in reach, or not wholly."""
        lower = name.lower()
        if self.folder is not None:
            return not self.whole and lower.startswith(self.others)
        return not lower.startswith(self.elsewhere)
