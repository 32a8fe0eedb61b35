"""Whether the sources that a CMake file builds take torch's C++ ABI from force_abi.h."""

from __future__ import annotations

from gpufix.checks import cxx_view
from gpufix.source.cxx_abi import HEADER, takes_header
from gpufix.view import View


def units(view: View, path: str) -> list[str]:
    """The sources that build files name, in and below the folder of a CMake file's project."""
    folder = path.rpartition("/")[0]
    kinds = cxx_view.kinds(view)
    while folder and f"{folder}/CMakeLists.txt" not in kinds:
        folder = folder.rpartition("/")[0]
    inside = f"{folder}/" if folder else ""
    return sorted(unit for unit in cxx_view.built(view) if unit.startswith(inside))


def forced(view: View, path: str) -> bool:
    """Whether every such source includes the header first: then no flag decides."""
    files = cxx_view.files(view)
    found = units(view, path)
    return bool(found) and all(
        takes_header(unit) and files.get(unit, {}).get("includes", [[""]])[0][0] == HEADER
        for unit in found
    )
