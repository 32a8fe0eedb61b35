"""Libraries that native code opens by their path, and what these open by name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Plugin(Frozen):
    """`opens`: libraries without which the GPU part is lost; `finds`: who looks for them.

    `beside`: without one of these distributions nobody asks for it. `asked`: who installs its
    distribution asks for the GPU.
    """

    library: str
    distributions: tuple[str, ...]
    opens: tuple[str, ...]
    finds: Literal["wheels", "loader", "pathfinder"]
    beside: tuple[str, ...]
    asked: bool

    def wanted(self, installed: Iterable[str]) -> bool:
        """Whether anybody asks for it where these distributions are installed."""
        return not self.beside or not set(self.beside).isdisjoint(installed)


def plugin(path: str, distribution: str | None, version: str | None = None) -> Plugin | None:
    """What is known of a library of a distribution at a version; None = not known."""
    for row in table("plugins")["plugins"]:
        meant = distribution in row["distributions"] and _within(version, row["versions"])
        if meant and fnmatchcase(path, f"*/{row['library']}"):
            return Plugin(
                row["library"],
                tuple(row["distributions"]),
                tuple(row["opens"]),
                row["finds"],
                tuple(row["beside"]),
                row["asked"],
            )
    return None


def _within(version: str | None, versions: str) -> bool:
    if not versions:
        return True
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return version is not None and SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidVersion:
        return False
