"""Build files that ask for an older C++ than the installed torch's headers take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gpufix.evidence import building, cmake_builds, cxx
from gpufix.evidence.builds import setup_runs
from gpufix.evidence.gpu_build import wanted_run
from gpufix.evidence.jit_runs import loads
from gpufix.evidence.removed_names import header_ends, resolve
from gpufix.evidence.source_view import active, for_tests, is_vendored, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.model import SourceKind
from gpufix.model.source_payload import StandardWay
from gpufix.source.builds.run import FOREIGN, UNKNOWN_PART, BuildRun, Said
from gpufix.source.cxx.build_files import from_above
from gpufix.source.cxx_standards import flags, year

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeBuild, CMakeTarget
    from gpufix.source.source_facts import Include

    _Found = tuple[str | None, Include]  # the project's file that an include names

_ALWAYS_CHECKED = "ATen/ATen.h"
_INCLUDES = 20_000  # followed in one project
_TORCH = ("torch/", "ATen/", "c10/")
_INLINE = "torch/extension.h"  # load_inline() puts it first in what it compiles
_BY_TORCH = ("cuda", "cpp")
# Targets that pass on no C++, or none that is newer than a compiler's default.
_PASSES_NONE = re.compile(
    r"torch(_library|_python|_cpu|_cuda)?|c10(_cuda)?|cuda(rt)?|cublas(Lt)?|nvrtc|dl|m|rt|pthread"
    r"|(CUDA|Threads|OpenMP|Python3?|pybind11)::\w+"
)


class Asked(NamedTuple):
    """What one compiler is asked for in one build. `sure`: that line decides what is compiled."""

    path: str
    line: int
    text: str  # "-std=c++17", "C++17"
    value: int
    way: StandardWay
    sure: bool
    sources: tuple[str, ...] | None  # that the compiler gets; None = the text of a load_inline()
    unset: str = ""  # the variable that is not set, so that the compiler's default counts


class Refused(NamedTuple):
    """What a file asks for, and a source with a header that does not compile with that.

    needs: what the header takes; source: "" = the text that a Python file compiles.
    """

    path: str
    way: StandardWay
    asked: tuple[Asked, ...]
    needs: int
    source: str
    line: int
    header: str


class _Met(NamedTuple):
    """The first torch header in a source that older C++ does not compile."""

    source: str
    line: int
    header: str
    needs: int


def refused(view: View) -> Iterator[Refused]:
    """One row for each build file whose sources cannot compile with what it asks for."""
    if view.facts.torch is None or not cxx.source_kinds(view):
        return
    asked = [*_of_setups(view), *_of_loads(view), *_of_cmake(view)]
    needed = view.torch_standard(_ALWAYS_CHECKED) if asked else 0
    found: dict[str, list[tuple[Asked, _Met]]] = {}
    for one in asked:
        if needed and one.value < needed and (met := _first_met(view, one)):
            found.setdefault(one.path, []).append((one, met))
    for path, rows in found.items():
        met = rows[0][1]
        ways = {row.way for row, _ in rows}
        way: StandardWay = "load" if "load" in ways else rows[0][0].way
        lines = dict.fromkeys(row._replace(sources=(), way=way) for row, _ in rows)
        ordered = tuple(sorted(lines, key=lambda row: (row.line, row.text)))
        yield Refused(path, way, ordered, met.needs, met.source, met.line, met.header)


def _of_setups(view: View) -> Iterator[Asked]:
    """Of the extensions of every setup.py, as it would run here."""
    for path, run in setup_runs(view):
        if is_vendored(path) or for_tests(path):
            continue
        rows = list(_of_run(view, run))
        wanted = wanted_run(view, path)
        if run.fails and not run.extensions and wanted is None:
            yield from _of_stopped(view, path)
        yield from rows
        known = {(row.path, row.line, row.text) for row in rows}
        for row in _of_run(view, wanted) if wanted else ():
            if (row.path, row.line, row.text) not in known:
                yield row._replace(sure=False)  # as long as SRC613 is not answered


def _of_run(view: View, run: BuildRun) -> Iterator[Asked]:
    for extension in run.extensions:
        way: StandardWay = "load" if extension.kind == "jit" else "setup"
        for given, cuda in ((extension.cxx, False), (extension.nvcc, True)):
            sources = _sources(view, extension.sources, cuda)
            decides = _deciding(given, extension.kind in _BY_TORCH) if sources else None
            if decides is not None:
                said, text, value = decides
                sure = said.sure and extension.sure
                at = said.place
                yield Asked(at.path, at.line, text, value, way, sure, sources)


def _of_stopped(view: View, path: str) -> Iterator[Asked]:
    """Of the lists in a setup.py that ends before it builds, such as for want of a submodule."""
    facts = python_files(view).get(path)
    for row in facts.standards if facts else ():
        way, _, compiler = row.compiler.partition(" ")
        if (
            way == "setup"
            and row.text.startswith("-std=")
            and active(view, row.guards) is not False
        ):
            sources = _near(view, path, compiler == "nvcc")
            yield Asked(path, row.line, row.text, row.value, "setup", False, sources)


def _deciding(given: Sequence[Said], by_torch: bool) -> tuple[Said, str, int] | None:
    """The flag that decides, its text and C++; None where none does, or where that is not known.

    by_torch: cpp_extension adds its own behind all others, unless one is spelled -std=….
    """
    found: list[tuple[Said, str, int]] = []  # from the last sure one on
    joint = False
    for said in given:
        for _, _, text, value in flags(said.text):
            joint = joint or text.startswith("-std=")
            found = [*([] if said.sure else found), (said, text, value)]
    if not found or (by_torch and not joint) or any(UNKNOWN_PART in s.text for s, _, _ in found):
        return None
    return max(found, key=lambda row: row[2])


def _sources(
    view: View, said: Sequence[Said], cuda: bool, copies: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The sources that nvcc, or the host's compiler, gets for sure. Of a copy its own name tells which."""
    kinds, origins = cxx.source_kinds(view), copies or {}
    named = [(s.text, origins.get(s.text, s.text)) for s in said if s.sure]
    mine = [origin for name, origin in named if name.endswith((".cu", ".cuh")) == cuda]
    return tuple(origin for origin in mine if origin in kinds)


def _of_loads(view: View) -> Iterator[Asked]:
    """Of load() and load_inline() in Python files that a program imports."""
    for path, facts in python_files(view).items():
        if is_vendored(path) or for_tests(path):
            continue
        rows = [row for row in facts.standards if not row.compiler.startswith("setup")]
        inline = any(row.compiler.startswith("load_inline") for row in rows)
        if rows and not inline and (runs := loads(view, path)):
            for run in runs:
                yield from _of_run(view, _from_above(view, path, run))
            continue
        for row in rows:
            state = active(view, row.guards)
            if state is False:
                continue
            way, _, compiler = row.compiler.partition(" ")
            nvcc = compiler == "nvcc"
            sources = None if way == "load_inline" else _near(view, path, nvcc, row.sources)
            yield Asked(path, row.line, row.text, row.value, "load", state is True, sources)


def _from_above(view: View, path: str, run: BuildRun) -> BuildRun:
    """The same with sources that load() takes from where the program runs, a folder above the file."""
    folder, kinds = path.rpartition("/")[0], cxx.source_kinds(view)

    def there(said: Said) -> Said:
        named = [said.text.removeprefix(f"{folder}/")] if said.text not in kinds else []
        return next((said._replace(text=p) for p in from_above(folder, named, kinds)), said)

    rows = (replace(e, sources=tuple(map(there, e.sources))) for e in run.extensions)
    return replace(run, extensions=tuple(rows))


def _near(view: View, path: str, cuda: bool, named: Sequence[str] = ()) -> tuple[str, ...]:
    """The sources that build files name, in and below the folder of a Python file; those that a call
    names alone, where they are there or in a folder above."""
    folder = path.rpartition("/")[0]
    inside = f"{folder}/" if folder else ""
    kinds, built = cxx.source_kinds(view), cxx.built(view)
    near = sorted(unit for unit in built if unit.startswith(inside))
    last = {word.rpartition("/")[2] for word in named}
    mine = [unit for unit in near if unit.rpartition("/")[2] in last]
    mine = mine or sorted(built.intersection(from_above(folder, named, kinds)))
    return tuple(unit for unit in mine or near if (kinds.get(unit) == "cuda") == cuda)


def _of_cmake(view: View) -> Iterator[Asked]:
    """Of the targets of every CMake build."""
    for root in cmake_builds.roots(view):
        yield from _of_build(view, root.build, certain=root.caller != "aside")


def _of_build(view: View, build: CMakeBuild, certain: bool) -> Iterator[Asked]:
    for target in build.targets:
        for standard, given, name, language in (
            (target.cxx_standard, target.cxx, "CMAKE_CXX_STANDARD", "CXX"),
            # Caffe2/public/cuda.cmake of torch has set it to CMAKE_CXX_STANDARD
            (target.cuda_standard, target.nvcc, "CMAKE_CUDA_STANDARD", "CUDA"),
        ):
            sources = _sources(view, target.sources, "CUDA" in name, build.copies)
            asked = _of_target(standard, given) if sources else None
            if asked is not None:
                said, text, value = asked
                sure, at = said.sure and target.sure and certain, said.place
                own = _own(view) if language in target.least and standard is not None else 0
                if own is not None and own > value:
                    text, value = f"C++{own}", own
                sure = sure and own is not None
                yield Asked(at.path, at.line, text, value, "cmake", sure, sources)
            elif sources and standard is None and _leaves_open(build, target, given):
                yield from _by_default(view, build, target, name, certain, sources)


def by_torchs_cmake(view: View, path: str) -> bool:
    """Whether every build with a file finds torch by torch's own CMake files, which say its version."""
    builds = [root.build for root in cmake_builds.roots(view) if path in root.build.files]
    return all(build.with_torch is not None for build in builds)


def torch_finder(view: View, path: str) -> str | None:
    """Another file of the builds with this one that calls find_package(Torch)."""
    places = (r.build.with_torch for r in cmake_builds.roots(view) if path in r.build.files)
    return next((place.path for place in places if place and place.path != path), None)


def raises(view: View, path: str, text: str, needs: int) -> bool:
    """Whether no target of a CMake build gets an older C++ when a file of it has this text."""
    for root in cmake_builds.roots(view):
        if path in root.build.files:
            build = cmake_builds.run(view, root.path, root.defines, edited={path: text})
            if any(row.value < needs for row in _of_build(view, build, certain=True)):
                return False
    return True


def _own(view: View) -> int | None:
    """The C++ that the compiler takes of its own accord; 0 = there is none here, None = not known."""
    compiler = building.cxx_in_use(view)
    return building.default_standard(compiler) if compiler else 0


def _leaves_open(build: CMakeBuild, target: CMakeTarget, given: Sequence[Said]) -> bool:
    """Whether surely nothing chooses the C++ of a target that is built with torch."""
    if build.with_torch is None or build.unsure or not build.whole or not target.sure:
        return False
    known = (s for s in given if s.hangs != FOREIGN and s.text != f"-{UNKNOWN_PART}")  # torch's own
    words = [said.text for said in known]
    return all(map(_PASSES_NONE.fullmatch, target.foreign)) and not any(
        UNKNOWN_PART in word or "std" in word for word in words
    )


def _by_default(
    view: View,
    build: CMakeBuild,
    target: CMakeTarget,
    name: str,
    certain: bool,
    sources: tuple[str, ...],
) -> Iterator[Asked]:
    """What the compiler takes when nobody asks it for a C++."""
    compiler = building.cxx_in_use(view)
    value = building.default_standard(compiler) if compiler else None
    torch = build.with_torch
    if compiler is None or value is None or torch is None:
        return
    text = f"{compiler.name} {compiler.version} takes C++{value}"
    at = torch if torch.path == target.place.path else target.place
    yield Asked(at.path, at.line, text, value, "cmake", certain, sources, name)


def _of_target(standard: Said | None, given: Sequence[Said]) -> tuple[Said, str, int] | None:
    """CMake puts the flag of CXX_STANDARD behind the flags that a project gives."""
    if standard is None:
        return _deciding(given, by_torch=False)
    value = year(standard.text)
    return (standard, f"C++{standard.text}", value) if value is not None else None


def _first_met(view: View, asked: Asked) -> _Met | None:
    if asked.sources is None:
        needs = view.torch_standard(_INLINE) or 0
        return _Met("", asked.line, _INLINE, needs) if needs > asked.value else None
    walk = view.derive(_Walk)
    mets = (walk.first(unit, asked.value) for unit in asked.sources)
    return next((met for met in mets if met is not None), None)


class _Walk:
    """Follows the includes of units to the headers of torch."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.files = cxx.cxx_files(view)
        self.by_end = view.derive(header_ends)
        self.left = _INCLUDES
        self._known: dict[tuple[str, SourceKind | None], list[_Found]] = {}

    def first(self, unit: str, value: int) -> _Met | None:
        """The first header on the way that a C++ does not compile, where the way is certain."""
        kind = cxx.source_kinds(self.view).get(unit)
        waiting, seen = [unit], {unit}
        for path in waiting:
            for own, include in self._includes(path, kind):
                self.left -= 1
                if self.left < 0:
                    return None
                if own is not None:
                    waiting += [own] if own not in seen else []
                    seen.add(own)
                elif include.name.startswith(_TORCH):
                    needs = self.view.torch_standard(include.name) or 0
                    if needs > value:
                        return _Met(path, include.line, include.name, needs)
        return None

    def _includes(self, path: str, kind: SourceKind | None) -> list[_Found]:
        """What a file certainly includes in a unit of a kind, each with the project's file that it is."""
        if (path, kind) not in self._known:
            facts, passes = self.files.get(path), cxx.cuda_passes(self.view, kind)
            self._known[path, kind] = [
                (resolve(path, include.name, self.by_end), include)
                for include in (facts.includes if facts else ())
                if facts and cxx.live(facts.macros, include.guards, passes)
            ]
        return self._known[path, kind]


def first_release(view: View, needs: int) -> str | None:
    """The first torch release whose headers take nothing older; at worst the installed one."""
    torch = view.facts.torch
    release = torch.release if torch else None
    known = _FIRST.get(needs)
    if release is None or (known and at_least(release, known)):
        return known
    return ".".join(str(n) for n in numbers(release)[:2]) or None


# include/ATen/ATen.h of the wheels of 1.13.0 to 2.14.1 read.
_FIRST = {17: "2.1", 20: "2.14"}
