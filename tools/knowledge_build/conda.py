"""conda: its names of Python's distributions, and conda-forge's builds of pytorch."""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from .read import Knowledge
from .rows import CondaArchs


def names(known: Knowledge) -> Any:
    return {"source": known.conda_names.source, "names": known.conda_names.names}


def pytorch(known: Knowledge) -> Any:
    """release -> its Pythons, and of each platform: CUDA -> [machine code, PTX]."""
    rows = known.conda_pytorch
    releases: dict[str, Any] = {}
    for version, row in rows.release.items():
        platforms = {"linux_x86_64": row.linux_x86_64, "linux_aarch64": row.linux_aarch64}
        releases[version] = {
            "python": row.python,
            **{
                platform: {cuda: _code(rows.archs, cuda, version) for cuda in offered}
                for platform, offered in platforms.items()
            },
        }
    return {"source": rows.source, "releases": releases}


def _code(rows: list[CondaArchs], cuda: str, version: str) -> list[str]:
    """The newest row that holds for the release."""
    fitting = [r for r in rows if r.cuda == cuda and Version(r.since) <= Version(version)]
    row = max(fitting, key=lambda r: Version(r.since))
    return [row.archs, row.ptx]
