"""Build files that ask for an older C++ than the installed torch's headers take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gpufix.evidence import cxx
from gpufix.evidence.removed_names import header_ends, resolve
from gpufix.evidence.source_view import active, cmake_files, for_tests, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.model.source_payload import StandardWay

if TYPE_CHECKING:
    from gpufix.source.source_facts import CxxStandard

_ALWAYS_CHECKED = "ATen/ATen.h"
_INCLUDES = 20_000  # followed in one project
_TORCH = ("torch/", "ATen/", "c10/")
_INLINE = "torch/extension.h"  # load_inline() puts it first in what it compiles


class Asked(NamedTuple):
    """An older C++ that a file asks for. `sure`: that line decides what is compiled."""

    path: str
    line: int
    text: str  # "-std=c++17"
    value: int
    way: StandardWay
    sure: bool


class Refused(NamedTuple):
    """What a file asks for, and a source whose header does not compile with that.

    needs: what the header takes; source: "" = the text that a Python file compiles.
    """

    path: str
    way: StandardWay
    asked: tuple[Asked, ...]
    needs: int
    source: str
    line: int
    header: str


def refused(view: View) -> Iterator[Refused]:
    """One row for each build file whose sources cannot compile with what it asks for."""
    files = list(_build_files(view)) if view.facts.torch else []
    needed = view.torch_standard(_ALWAYS_CHECKED) if files else 0
    if not needed:
        return
    for path, way, rows in files:
        found: list[tuple[Asked, _Met]] = []
        for compiler in ("cxx", "nvcc"):
            for asked in _asked(view, path, way, rows, compiler, needed):
                met = _first_met(view, path, way, asked, compiler)
                if met is not None:
                    found.append((asked, met))
        if found:
            asked_all = tuple(dict.fromkeys(asked for asked, _ in found))
            met = found[0][1]
            yield Refused(path, way, asked_all, met.needs, met.source, met.line, met.header)


def _build_files(view: View) -> Iterator[tuple[str, StandardWay, Sequence[CxxStandard]]]:
    """Every file that asks for a standard, with its rows: the one place that knows the readers."""
    if not cxx.source_kinds(view):
        return
    for path, facts in python_files(view).items():
        if not facts.extension or not facts.standards or is_vendored(path) or for_tests(path):
            continue
        ways: dict[StandardWay, list[CxxStandard]] = {}
        for row in facts.standards:
            ways.setdefault("load" if row.compiler.startswith("load") else "setup", []).append(row)
        for way, rows in ways.items():
            yield path, way, rows
    cmake = cmake_files(view)
    finding = [path.rpartition("/")[0] for path, found in cmake.items() if found.torch]
    for path, found in cmake.items():
        below = any(f"{path}/".startswith(f"{folder}/" if folder else "") for folder in finding)
        if found.standards and below and not is_vendored(path):
            yield path, "cmake", found.standards


def _asked(
    view: View, path: str, way: StandardWay, rows: Sequence[CxxStandard], compiler: str, needed: int
) -> Iterator[Asked]:
    """What one compiler is asked for, where nothing in the file asks for a newer C++."""
    mine = [row for row in rows if row.compiler.rpartition(" ")[2] in ("", compiler)]
    if way == "cmake" and compiler == "nvcc" and not mine and cmake_files(view)[path].torch:
        mine = [row for row in rows if row.text.startswith("CMAKE_CXX_STANDARD")]
    judged = [(row, active(view, row.guards)) for row in mine]
    if any(row.value >= needed and state is not False for row, state in judged):
        return
    for row, state in judged:
        if state is not False:
            inline = "inline " if row.compiler.startswith("load_inline") else ""
            text = f"{inline}{row.text}"
            yield Asked(path, row.line, text, row.value, way, state is True)


class _Met(NamedTuple):
    """The first torch header in a source that older C++ does not compile."""

    source: str
    line: int
    header: str
    needs: int


def _first_met(view: View, path: str, way: StandardWay, asked: Asked, compiler: str) -> _Met | None:
    if asked.text.startswith("inline "):
        needs = view.torch_standard(_INLINE) or 0
        return _Met("", asked.line, _INLINE, needs) if needs > asked.value else None
    kinds = cxx.source_kinds(view)
    walk = view.derive(_Walk)
    for unit in _units(view, path):
        if (kinds.get(unit) == "cuda") == (compiler == "nvcc"):
            met = walk.first(unit, asked.value)
            if met is not None:
                return met
    return None


def _units(view: View, path: str) -> list[str]:
    """The sources that the build files name, in and below the folder of one of them."""
    folder = path.rpartition("/")[0]
    inside = f"{folder}/" if folder else ""
    return sorted(unit for unit in cxx.built(view) if unit.startswith(inside))


class _Walk:
    """Follows the includes of units to the headers of torch."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.files = cxx.cxx_files(view)
        self.by_end = view.derive(header_ends)
        self.left = _INCLUDES

    def first(self, unit: str, value: int) -> _Met | None:
        """The first header on the way that a C++ does not compile, where the way is certain."""
        passes = cxx.cuda_passes(self.view, cxx.source_kinds(self.view).get(unit))
        waiting, seen = [unit], {unit}
        for path in waiting:
            facts = self.files.get(path)
            for include in facts.includes if facts else ():
                self.left -= 1
                if self.left < 0:
                    return None
                if facts is None or not cxx.live(facts.macros, include.guards, passes):
                    continue
                own = resolve(path, include.name, self.by_end)
                if own is not None:
                    waiting += [own] if own not in seen else []
                    seen.add(own)
                elif include.name.startswith(_TORCH):
                    needs = self.view.torch_standard(include.name) or 0
                    if needs > value:
                        return _Met(path, include.line, include.name, needs)
        return None


def first_release(view: View, needs: int) -> str | None:
    """The first torch release whose headers take nothing older; at worst the installed one."""
    torch = view.facts.torch
    release = torch.release if torch else None
    known = _FIRST.get(needs)
    if release is None:
        return known
    if known and at_least(release, known):
        return known
    return ".".join(str(n) for n in numbers(release)[:2]) or None


# include/ATen/ATen.h of the wheels of 1.13.0 to 2.14.1 read.
_FIRST = {17: "2.1", 20: "2.14"}
