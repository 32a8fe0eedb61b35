"""Libraries that native code opens by their path, and what these open by name."""

from __future__ import annotations

from fnmatch import fnmatchcase

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Plugin(Frozen):
    """`opens`: libraries without which the GPU part is lost.

    `asked`: who installs its distribution asks for the GPU.
    """

    library: str
    distributions: tuple[str, ...]
    opens: tuple[str, ...]
    asked: bool


def plugin(path: str, distribution: str | None, version: str | None = None) -> Plugin | None:
    """What is known of a library of a distribution at a version; None = not known."""
    for row in table("plugins")["plugins"]:
        meant = distribution in row["distributions"] and _within(version, row["versions"])
        if meant and fnmatchcase(path, f"*/{row['library']}"):
            lists = (tuple(row["distributions"]), tuple(row["opens"]))
            return Plugin(row["library"], *lists, asked=row["asked"])
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
