"""What a CMake run comes to: each target's sources, flags, architectures and standards."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

from gpufix.frozen import Frozen
from gpufix.source.builds.cmake_genex import Setting, generated, whole
from gpufix.source.builds.cmake_run import CMakeRun
from gpufix.source.builds.cmake_state import CMakeCall
from gpufix.source.builds.cmake_store import UNDEFINED, Fatal, Value
from gpufix.source.builds.cmake_targets import Folder, Target
from gpufix.source.builds.cmake_words import elements, separate
from gpufix.source.builds.run import (
    FOREIGN,
    UNKNOWN_PART,
    Ending,
    Macro,
    Place,
    Question,
    Said,
    Unsure,
)

CUDA_SOURCE = (".cu",)
CXX_SOURCE = (".cpp", ".cc", ".cxx", ".C", ".c++", ".mm", ".CPP")
C_SOURCE = (".c", ".m")
_COMPILED = ("library", "module", "executable", "FindCUDA")
_MOST_LINKS = 200


class Archs(NamedTuple):
    """CUDA_ARCHITECTURES. maybe: what may stand in its unknown part."""

    text: str
    place: Place
    sure: bool = True
    maybe: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """As a reader sees it."""
        return self.text if UNKNOWN_PART not in self.text else " or ".join(self.maybe)


class CMakeTarget(Frozen):
    """One target that compiles something.

    archs: CUDA_ARCHITECTURES as CMake has it ("70;75", "native", "OFF"); None where its sources are
    not CUDA or CMake adds none. nvcc, cxx: the flags in the order of the command line. kind: as of
    cmake_targets.Target. cuda_standard, cxx_standard: "17", None where nothing asks for one. least:
    the languages whose standard compile features alone ask for: a compiler whose own is later keeps it.
    """

    name: str
    kind: str
    place: Place
    sources: tuple[Said, ...] = ()
    archs: Archs | None = None
    nvcc: tuple[Said, ...] = ()
    cxx: tuple[Said, ...] = ()
    macros: tuple[Macro, ...] = ()
    cuda_standard: Said | None = None
    cxx_standard: Said | None = None
    least: frozenset[str] = frozenset()
    sure: bool = True
    hangs: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()  # what it links to that the project does not make

    @property
    def cuda(self) -> bool | None:
        """Whether nvcc compiles some of it; None where its sources are not all known."""
        if any(said.text.endswith(CUDA_SOURCE) and said.sure for said in self.sources):
            return True
        return (
            None
            if any(UNKNOWN_PART in s.text or s.text.endswith(CUDA_SOURCE) for s in self.sources)
            else False
        )


class CMakeBuild(Frozen):
    """One run of a CMakeLists.txt and of all that it reads.

    files: relative to the project; copies: in the build folder -> of the project; languages: with the line that enables each for sure; ran: the
    commands that run, or may, by path and line: whether surely.
    """

    path: str
    targets: tuple[CMakeTarget, ...] = ()
    endings: tuple[Ending, ...] = ()
    asked: tuple[Question, ...] = ()
    unsure: tuple[Unsure, ...] = ()
    files: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[tuple[str, Place], ...] = ()
    whole: bool = True
    with_torch: Place | None = None  # find_package(Torch), where it is called, perhaps
    finds_cuda: bool = False  # surely, by FindCUDA or CUDAToolkit
    ran: Mapping[tuple[str, int], bool] = field(default_factory=dict)
    detects: Place | None = None  # find_package(Torch) that surely has no list of architectures

    @property
    def enables_cuda(self) -> bool:
        """Whether CUDA is a language of it, perhaps."""
        return any(kind == "CUDA" for kind, _ in self.languages) or self.with_torch is not None

    @property
    def fails(self) -> Ending | None:
        """The end of every way through it, where none gets through."""
        return (
            next((e for e in self.endings if e.state == "error" and e.sure), None)
            if self.whole
            else None
        )


def run_cmake(call: CMakeCall) -> CMakeBuild:
    """Run a CMakeLists.txt in a world. Never raises."""
    run = CMakeRun(call)
    run.follow()
    try:
        summary = _Summary(run)
        targets = tuple(summary.targets()) if run.whole else ()
        summary.unfound()
        for target in targets:
            _missing(run, target)
    except (Fatal, RecursionError):
        run.whole, targets = False, ()
    return CMakeBuild(
        path=run.relative(f"{call.source}/CMakeLists.txt"),
        targets=targets,
        endings=tuple(run.endings[:100]),
        asked=tuple(run.asked.values()),
        unsure=tuple(Unsure(reason, place) for reason, place in run.unfollowed),
        files=tuple(run.relative(path) for path in run.reads),
        copies={run.relative(copy): run.relative(path) for copy, path in run.copies.items()},
        languages=tuple(run.languages.items()),
        whole=run.whole,
        with_torch=run.with_torch,
        finds_cuda=run.finds_cuda,
        ran={(run.relative(path), line): sure for (path, line), sure in run.ran.items()},
        detects=run.detects,
    )


def _missing(run: CMakeRun, target: CMakeTarget) -> None:
    """Sources that are not there: CMake refuses to generate, unless a command makes them."""
    for said in target.sources:
        path = posixpath.join(run.world.root, said.text)
        known = UNKNOWN_PART not in said.text and "$<" not in said.text and path not in run.copies
        if known and run.exists(path) is not True and len(run.endings) < 200:
            message = f"{target.name} names {said.text}, which is not here"
            run.endings.append(
                Ending("error", said.place, "missing source", message[:300], sure=False)
            )


class _Item(NamedTuple):
    """One flag or macro with where it comes from."""

    text: str
    places: tuple[Place, ...]
    sure: bool


class _Summary:
    def __init__(self, run: CMakeRun) -> None:
        self._run = run
        self._spent = 0

    def targets(self) -> Iterator[CMakeTarget]:
        for target in self._run.store.targets.values():
            if target.kind in _COMPILED:
                yield self._target(target)

    def _target(self, target: Target) -> CMakeTarget:
        sources = tuple(self._sources(target))
        languages = {_language(said.text) for said in sources}
        cuda = "CUDA" in languages or UNKNOWN_PART in "".join(s.text for s in sources)
        standard = {name: self._standard(target, name) for name in ("CUDA", "CXX")}
        return CMakeTarget(
            name=target.name,
            kind=target.kind,
            place=target.place,
            sources=sources,
            archs=self._archs(target) if cuda and target.kind != "FindCUDA" else None,
            nvcc=tuple(self._flags(target, "CUDA")) if cuda else (),
            cxx=tuple(self._flags(target, "CXX")) if "CXX" in languages else (),
            macros=tuple(self._macros(target, languages)),
            cuda_standard=standard["CUDA"],
            cxx_standard=standard["CXX"],
            least=frozenset(
                n for n in standard if self._property(target, f"{n}_STANDARD").defined is False
            ),
            sure=target.sure,
            hangs=target.hangs,
            foreign=self._foreign(target),
        )

    def _property(self, target: Target, name: str) -> Value:
        return self._run.store.properties.get(("target", target.name, name), UNDEFINED)

    def _sources(self, target: Target) -> Iterator[Said]:
        found = self._property(target, "SOURCES")
        seen: set[str] = set()
        for item in self._items(found, self._setting(target, "CUDA")):
            for text in (item.text,) if not item.text.startswith("$<TARGET_OBJECTS") else ():
                path = self._run.relative(text)
                if path not in seen:
                    seen.add(path)
                    yield Said(
                        path,
                        item.places[-1] if item.places else target.place,
                        item.sure,
                        target.hangs,
                    )

    def _archs(self, target: Target) -> Archs | None:
        found = self._property(target, "CUDA_ARCHITECTURES")
        if found.defined is False:
            return None
        text = generated(found.text, self._setting(target, "CUDA"))
        place = self._origin(found.places, text.split(";")[0], target.place)
        sure = found.known and UNKNOWN_PART not in text
        return Archs(text, place, sure, found.maybe)

    def _standard(self, target: Target, language: str) -> Said | None:
        found = self._property(target, f"{language}_STANDARD")
        best = found.text if found.defined is not False else ""
        places, known = found.places, found.defined is False or found.known
        feature = f"{language.lower()}_std_"
        for value in self._used(target, "COMPILE_FEATURES"):
            for item in elements(value.text):
                known = known and UNKNOWN_PART not in item
                if item.startswith(feature) and _later(item.removeprefix(feature), best):
                    best, places = item.removeprefix(feature), value.places
        if not best and known:
            return None
        return Said(best or UNKNOWN_PART, places[-1] if places else target.place, known)

    def _flags(self, target: Target, language: str) -> Iterator[Said]:
        """The flags for one compiler, in the order of its command line."""
        setting = self._setting(target, language)
        folder = self._folder(target)
        names = [f"CMAKE_{language}_FLAGS"]
        names += [f"CMAKE_{language}_FLAGS_{setting.config.upper()}"] if setting.config else []
        rows: list[_Item] = []
        if target.kind == "FindCUDA" and language == "CUDA":
            rows += self._items(self._property(target, "_NVCC"), setting)
        else:
            for name in names:
                found = folder.variables.get(name, UNDEFINED)
                rows += [_Item(t, found.places, UNKNOWN_PART not in t) for t in _split(found.text)]
            shared = self._run.store.properties.get(
                ("folder", self._run.relative(target.folder), "_FLAGS"), UNDEFINED
            )
            rows += [_Item(t, shared.places, UNKNOWN_PART not in t) for t in _split(shared.text)]
        if not (target.kind == "FindCUDA" and language == "CUDA"):
            for value in self._used(target, "COMPILE_OPTIONS"):
                rows += self._items(value, setting, joined=True)
            if self._foreign(target):
                yield Said(UNKNOWN_PART, target.place, False, FOREIGN)
        seen: set[str] = set()
        for row in rows:
            for text in _shell(row.text):
                if (
                    text in seen
                    and not text.startswith(("-X", "-gencode", "-arch"))
                    and text.startswith("-")
                ):
                    continue
                seen.add(text)
                yield Said(
                    text, self._origin(row.places, text, target.place), row.sure and target.sure
                )

    def _macros(self, target: Target, languages: set[str]) -> Iterator[Macro]:
        """Those of all its compilers are sure; those of one are not of the other."""
        key = ("folder", self._run.relative(target.folder), "COMPILE_DEFINITIONS")
        values = [
            *self._used(target, "COMPILE_DEFINITIONS"),
            self._run.store.properties.get(key, UNDEFINED),
        ]
        each = [
            self._defined(values, self._setting(target, kind))
            for kind in sorted(languages & {"CXX", "CUDA"})
        ]
        for text, item in {k: v for rows in reversed(each) for k, v in rows.items()}.items():
            name, equals, value = text.partition("=")
            shared = all(text in rows for rows in each)
            place = self._origin(item.places, text, target.place)
            yield Macro(
                name, value if equals else None, place, item.sure and target.sure and shared
            )

    def _defined(self, values: list[Value], setting: Setting) -> dict[str, _Item]:
        items = (item for value in values for item in self._items(value, setting))
        found = {item.text.removeprefix("-D"): item for item in items}
        return {text: item for text, item in found.items() if text.partition("=")[0]}

    def _used(self, target: Target, name: str) -> Iterator[Value]:
        """A property of the target, and what those that it links to pass on."""
        yield self._property(target, name)
        for other in self._links(target):
            yield self._run.store.properties.get(("target", other, f"INTERFACE_{name}"), UNDEFINED)

    def _links(self, target: Target) -> list[str]:
        """The project's targets whose properties reach this one."""
        found: dict[str, None] = {}
        queue = self._linked(target.name, "LINK_LIBRARIES")
        while queue and len(found) < _MOST_LINKS:
            name = queue.pop(0)
            if name in found or name not in self._run.store.targets:
                continue
            found[name] = None
            queue += self._linked(name, "INTERFACE_LINK_LIBRARIES")
        return list(found)

    def _linked(self, name: str, wanted: str) -> list[str]:
        value = self._run.store.properties.get(("target", name, wanted), UNDEFINED)
        aliases = self._run.store.other
        self._spent += 1
        if self._spent > 20_000:
            raise Fatal
        return [str(aliases.get(("alias", item), item)) for item in elements(value.text)]

    def unfound(self) -> None:
        """NAME::NAME that no file of the project makes: CMake refuses to generate without it."""
        for target in self._run.store.targets.values():
            for item in self._linked(target.name, "LINK_LIBRARIES"):
                if "::" in item and "<" not in item and item not in self._run.store.targets:
                    message = (
                        f"{target.name} links to {item}, of which nobody knows whether it is here"
                    )
                    end = Ending("error", target.place, "missing target", message[:300], sure=False)
                    if len(self._run.endings) < 200:
                        self._run.endings.append(end)

    def _foreign(self, target: Target) -> tuple[str, ...]:
        """What it links to that may pass on flags which nobody sees here."""
        seen = {target.name, *self._links(target)}
        linked = (
            item
            for name in seen
            for wanted in ("LINK_LIBRARIES", "INTERFACE_LINK_LIBRARIES")
            for item in self._linked(name, wanted)
        )
        foreign = re.compile(r"::|\0|^\$<|^[A-Za-z_]\w*$")
        targets = self._run.store.targets
        return tuple(sorted({i for i in linked if i not in targets and foreign.search(i)}))

    def _items(self, value: Value, setting: Setting, joined: bool = False) -> list[_Item]:
        """A property's elements, evaluated; what may be among them is unsure.

        joined: an expression may reach over several of them.
        """
        rows = []
        found = elements(value.text)
        for element in whole(found) if joined else found:
            self._run.spend(len(element))
            text = generated(element, setting)
            sure = UNKNOWN_PART not in text and value.defined is not None
            rows += [_Item(part, value.places, sure) for part in elements(text) if part]
        for maybe in value.maybe:
            for element in elements(generated(maybe, setting)):
                if element.strip(UNKNOWN_PART):
                    rows.append(_Item(element, value.places, False))
        return rows

    @cached_property
    def _top(self) -> Folder:
        """The folder whose CMAKE_BUILD_TYPE counts for all."""
        found = self._run.store.other.get(("folder", self._run.call.source))
        return found if isinstance(found, Folder) else Folder({}, None)

    def _folder(self, target: Target) -> Folder:
        found = self._run.store.other.get(("folder", target.folder))
        return found if isinstance(found, Folder) else Folder({}, None)

    def _setting(self, target: Target, language: str) -> Setting:
        config = self._top.variables.get("CMAKE_BUILD_TYPE", UNDEFINED)
        text = None if not config.known and config.defined is not False else config.text
        variables = self._top.variables
        compilers = {}
        for name in ("CXX", "CUDA", "C"):
            compiler = variables.get(f"CMAKE_{name}_COMPILER_ID", UNDEFINED)
            compilers[name] = compiler.text if compiler.text.strip(UNKNOWN_PART) else None
        return Setting(language, text, compilers, {}, self._names)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._run.store.targets)

    def _origin(self, places: tuple[Place, ...], text: str, otherwise: Place) -> Place:
        """The last of the lines that hold a text, else its number, else the last one."""
        whole = text.replace(UNKNOWN_PART, "")
        number = re.search(r"\d{2,3}", whole)
        for piece in (whole, number[0] if number else ""):
            for place in reversed(places) if piece else ():
                lines = self._lines(place.path)[place.line - 1 : place.line + 12]
                if any(piece in line for line in lines):
                    return place
        return places[-1] if places else otherwise

    def _lines(self, path: str) -> list[str]:
        cache = self._run.__dict__.setdefault("_split_lines", {})
        if path not in cache:
            text = self._run.text(posixpath.join(self._run.world.root, path))
            cache[path] = (text or "").split("\n")
        found: list[str] = cache[path]
        return found


def _language(path: str) -> str:
    if path.endswith(CUDA_SOURCE):
        return "CUDA"
    if path.endswith(CXX_SOURCE):
        return "CXX"
    return "C" if path.endswith(C_SOURCE) else ""


def _later(one: str, two: str) -> bool:
    """Whether a C++ standard is newer."""
    order = {"98": 0}
    numbers = [
        order.get(text, int(text) if text.isdigit() and len(text) < 4 else -1)
        for text in (one, two)
    ]
    return numbers[0] > numbers[1]


def _split(text: str) -> list[str]:
    """A variable of flags as words; a list is no such thing to CMake, but meant as one."""
    return separate(text.replace(";", " "))


def _shell(text: str) -> list[str]:
    return separate(text.removeprefix("SHELL:")) if text.startswith("SHELL:") else [text]
