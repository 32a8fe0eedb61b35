"""Whether a library that the loader refuses must load: what its package's sources tell of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from posixpath import dirname

from gpufix.evidence.view import View
from gpufix.model import Import, Library, Spared


class Use(Enum):
    """What becomes of the package's import without the library."""

    must = "it fails"
    part = "a module of the package fails, its own import does not"
    told = "it goes on, and tells people"
    spared = "it goes on, and says nothing"
    served = "another library takes its place"
    doubted = "it goes on, and the library may load"
    unsure = "it may fail"
    named = "compiled code names the library, and may import it"
    apart = "it does not ask for the library"
    plugin = "native code opens it by its path"
    unknown = "it was not followed"


class Imports:
    """What was followed of the packages that hold a refused library."""

    def __init__(self, told: Iterable[Import], libraries: Iterable[Library] = ()) -> None:
        self._told = list(told)
        self._failing: dict[str, Import] = {}
        self._parts: dict[str, Import] = {}
        self._doubts: set[str] = set()
        self._named: set[str] = set()
        self._spared: dict[str, list[Spared]] = {}
        for one in self._told:
            if one.state == "fails" and one.library:
                failing = self._parts if one.part_of else self._failing
                failing.setdefault(one.library, one)
            self._doubts.update(one.doubts if not one.part_of else ())
            self._named.update(one.named)
            for spared in one.spared:
                self._spared.setdefault(spared.library, []).append(spared)
        self._torch = [x for x in libraries if x.distribution == "torch"]

    @classmethod
    def of(cls, view: View) -> Imports:
        """For `View.derive`."""
        return cls(view.facts.binaries.imports, view.facts.binaries.libraries)

    def use(self, library: Library) -> Use:
        """What becomes of the package's import without the library."""
        if library.distribution == "torch":
            return Use.must if self._of_torch(library) else Use.apart
        if library.path in self._failing:
            return Use.must
        spared = self._spared.get(library.path, [])
        if any(one.served for one in spared):
            return Use.served
        if library.path in self._doubts:
            return Use.unsure
        if library.path in self._parts:
            return Use.part
        if spared and all(one.doubtful for one in spared):
            return Use.doubted
        if spared:
            return Use.told if any(one.said for one in spared) else Use.spared
        return Use.named if library.path in self._named else self._unmet(library)

    def _unmet(self, library: Library) -> Use:
        """Of a library that no import was seen to ask for."""
        if library.opened_by == "plugin":
            return Use.plugin
        followed = [one for one in self._told if not one.part_of and _holds(one.module, library)]
        if not followed:
            return Use.unknown
        if any(one.state == "fails" for one in followed):  # before it comes to the library
            lost = {(one.missing or "").partition(".")[0] for one in followed}
            return Use.must if library.links_torch and "torch" in lost else Use.apart
        return Use.apart if all(one.whole for one in followed) else Use.unsure

    def _of_torch(self, library: Library) -> bool:
        """Whether `import torch` needs it: torch._C does, by however many others."""
        root = [x for x in self._torch if x.module and dirname(x.path).endswith("/torch")]
        names = {p.needed_by for x in root for p in x.problems}
        return not root or library in root or library.path in names

    def torch_lacks(self, names: Collection[str]) -> bool:
        """Whether a library that `import torch` loads needs one of these names."""
        needed = (x for x in self._torch if self._of_torch(x))
        return any(
            p.kind == "missing-library" and p.name in names for x in needed for p in x.problems
        )

    def failing(self, libraries: Iterable[Library]) -> Import | None:
        """The import that fails by one of these libraries: the package's own, else of a part."""
        every = list(libraries)
        for failing in (self._failing, self._parts):
            found = next((failing[x.path] for x in every if x.path in failing), None)
            if found:
                return found
        return None

    def failing_for(self, missing: Collection[str]) -> Import | None:
        """The import that fails for want of one of these; a package's own, where one does."""
        found = [one for one in self._told if one.state == "fails" and one.missing in missing]
        return min(found, key=lambda one: one.part_of is not None, default=None)

    def without_library(self) -> list[Import]:
        """Packages' own imports that fail, or may, for want of a library that they open by name."""
        own = (
            one for one in self._told if not one.part_of and not one.library and one.distribution
        )
        return [one for one in own if one.state != "works" and _is_library(one.missing or "")]

    def named_of(self, modules: Iterable[str]) -> list[str]:
        """Those of these modules that compiled code names, and may import."""
        return [module for module in modules if module in self._named]

    def lacking(self, distribution: str) -> Import | None:
        """The import of a distribution's package that fails for want of a module."""
        own = (x for x in self._told if x.distribution == distribution and not x.part_of)
        return next((x for x in own if x.state == "fails" and x.missing and not x.library), None)

    def works(self, distribution: str) -> bool:
        """Whether the imports of a distribution's packages were followed, and none lacks anything.

        Unsure may be what has nothing to do with modules and libraries: an exception of its own.
        """
        own = [x for x in self._told if x.distribution == distribution and not x.part_of]
        lacks = any(x.state == "fails" or x.missing or x.library or x.doubts for x in own)
        return bool(own) and not lacks and all(x.whole for x in own)

    def rivals(self, library: Library) -> set[str]:
        """The libraries that are tried at the same place, of which one would do."""
        places = {one.place for one in self._spared.get(library.path, [])}
        return {
            path
            for path, every in self._spared.items()
            if any(one.place in places for one in every)
        }

    def way(self, libraries: Iterable[Library]) -> tuple[str, ...]:
        """The evidence: the import that fails by one of them, and the places that lead there."""
        every = list(libraries)
        if found := self.failing(every):
            what = f"{found.module}.{found.call}()" if found.call else f"import {found.module}"
            return (f"{what} fails", *found.chain)
        tried = [one for x in every for one in self._spared.get(x.path, [])]
        return (f"tried at {tried[0].place}, and done without",) if tried else ()

    def way_without(self, missing: Collection[str]) -> tuple[str, ...]:
        """The evidence: the import that fails for want of one of these, and the places that lead there."""
        found = self.failing_for(missing)
        return (f"import {found.module} fails", *found.chain) if found else ()


def _is_library(name: str) -> bool:
    return name.startswith("lib") and ".so" in name


def _holds(module: str, library: Library) -> bool:
    """Whether a library lies in a package, or is the module."""
    name = f"/{module.replace('.', '/')}"
    return f"{name}/" in library.path or f"{name}." in library.path
