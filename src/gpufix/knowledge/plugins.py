"""Libraries that native code opens by their path, and what these open by name."""

from __future__ import annotations

from fnmatch import fnmatchcase

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Plugin(Frozen):
    """`opens`: libraries without which the GPU part is lost. `preload`: the call that finds them.

    `asked`: who installs its distribution asks for the GPU.
    """

    library: str
    distributions: tuple[str, ...]
    opens: tuple[str, ...]
    preload: str | None
    asked: bool


def plugin(path: str, distribution: str | None) -> Plugin | None:
    """What is known of a library of a distribution."""
    for row in table("plugins")["plugins"]:
        if distribution in row["distributions"] and fnmatchcase(path, f"*/{row['library']}"):
            lists = (tuple(row["distributions"]), tuple(row["opens"]))
            return Plugin(row["library"], *lists, preload=row["preload"], asked=row["asked"])
    return None
