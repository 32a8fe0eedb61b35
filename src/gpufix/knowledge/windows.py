"""What is true of Windows: its own DLLs, the Visual C++ runtime, who adds which folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from gpufix.knowledge.data_table import numbers, table

_WORDS = re.compile(r"\{(\w+)\}")


@cache
def own_dlls() -> frozenset[str]:
    """Lower-case names of the DLLs that every Windows has."""
    return frozenset(table("windows")["own"])


@cache
def runtime_dlls() -> frozenset[str]:
    """Those of the Visual C++ runtime, which is installed apart."""
    return frozenset(table("windows")["runtime"])


def is_runtime(name: str) -> bool:
    """Whether a DLL is one of the Visual C++ runtime."""
    return name.lower() in runtime_dlls()


@cache
def brought_into_system() -> tuple[str, ...]:
    """Beginnings of names of DLLs that drivers and installers put into System32."""
    return tuple(table("windows")["others"])


@cache
def never_in_system() -> tuple[str, ...]:
    """Beginnings of names of DLLs that no installer puts into System32."""
    return tuple(table("windows")["elsewhere"])


def added_folders(package: str, places: Mapping[str, str]) -> list[str]:
    """The folders that a package adds to those that are searched when it is imported.

    places: "site", "prefix", "base", "cuda"; what is not known is left out.
    """
    named = {"package": package, **places}
    found = (f for row in _rows(package) for f in row["folders"])
    known = (f for f in found if all(word in named for word in _WORDS.findall(f)))
    return list(dict.fromkeys(folder.format(**named) for folder in known))


def loaded_folders(package: str, site: str) -> list[str]:
    """The folders of which a package loads every DLL when it is imported."""
    return [row["loads"].format(site=site) for row in _rows(package) if row["loads"]]


def _rows(package: str) -> Iterator[dict[str, Any]]:
    return (row for row in table("windows")["adds"] if row["package"] in (package, "*"))


def accepted_toolsets(cuda: str) -> tuple[str, str] | None:
    """The toolsets of Visual C++ that a CUDA release's nvcc accepts: at least, and below."""
    rows = [row for row in table("windows")["msvc"] if numbers(row["cuda"]) <= numbers(cuda)]
    return (rows[-1]["least"], rows[-1]["below"]) if rows else None
