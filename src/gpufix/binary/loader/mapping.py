"""Bringing a library and all that it needs into a namespace, as ld.so maps them."""

from __future__ import annotations

from gpufix.binary.elf import ElfError
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.library import LinkedLibrary
from gpufix.binary.loader.model import Missing, Place, Reason, Unusable
from gpufix.binary.loader.refusal import EXECUTABLE_STACK, Refusal
from gpufix.binary.loader.resolve import Loaded, Namespace
from gpufix.binary.loader.search import Rule, Search, is_driver_library
from gpufix.binary.loader.system import System

# musl provides these from its own loader, whatever the file system has.
_MUSL_OWN = ("libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet.")


class Mapper:
    """Maps libraries for one program; `program` is its executable."""

    def __init__(
        self, files: Files, system: System, search: Search, program: Loaded, tunables: str
    ) -> None:
        self.files = files
        self.system = system
        self.search = search
        self.program = search.describe(program)
        self.refusal = Refusal(system, program.library.elf, tunables)
        self._hits: dict[object, tuple[str, Reason, LinkedLibrary | str] | Missing] = {}
        self._faults: dict[LinkedLibrary, str] = {}

    def open(self, namespace: Namespace, path: str, caller: Loaded | None) -> Loaded | Unusable:
        """Map the library at `path`, and what it needs, into `namespace`."""
        library = self.files.open(path)
        fault = str(library.what) if isinstance(library, ElfError) else self.fault(library)
        if fault or isinstance(library, ElfError):
            return _unusable(path, None, fault)
        known = namespace.same_file(library)
        if known is not None:
            return known
        loaded = self.search.describe(Loaded(library, path, caller))
        self._enter(namespace, loaded, None)
        self.fill(namespace, loaded)
        return loaded

    def fill(self, namespace: Namespace, root: Loaded) -> None:
        """Map the dependencies of `root`, breadth first."""
        queue, seen = [root], {root}
        for loaded in queue:
            if not loaded.filled:
                self._fill_one(namespace, loaded)
            for need in loaded.needs:
                if need not in seen:
                    seen.add(need)
                    queue.append(need)

    def fault(self, library: LinkedLibrary) -> str:
        """Why ld.so refuses to load a file that it found; "" when it does not."""
        known = self._faults.get(library)
        if known is None:
            known = self._faults[library] = self.refusal.of(library.elf)
        return known

    def _fill_one(self, namespace: Namespace, loaded: Loaded) -> None:
        rules, elf = self.search.rules(loaded), loaded.library.elf
        optional = () if self.system.musl else elf.auxiliaries
        filters = () if self.system.musl else elf.filters
        # A library that this one filters for is searched for symbols before it: that some library
        # has them is what matters here.
        for name in (*optional, *filters, *elf.needed):
            found = self.need(namespace, name, loaded, rules)
            if isinstance(found, Loaded):
                loaded.needs.append(found)
            elif name not in optional:
                loaded.problems.append(found)
        loaded.filled = True

    def need(
        self, namespace: Namespace, name: str, needed_by: Loaded, rules: tuple[Rule, ...]
    ) -> Loaded | Missing | Unusable:
        """Find `name` among what is loaded, then by the search; its own needs are not mapped."""
        lookup = self.system.loader if self.system.musl and name.startswith(_MUSL_OWN) else name
        known = namespace.named(lookup)
        if known is not None:
            needed_by.used.append((name, known.path, "already loaded"))
            return known
        key = (name, needed_by.origin if "/" in name else rules)
        hit = self._hits.get(key)
        if hit is None:
            hit = self._hits[key] = self._look(name, needed_by)
        if isinstance(hit, Missing):
            return Missing(name, needed_by.path, hit.searched, hit.driver)
        path, reason, library = hit
        if isinstance(library, str):
            return _unusable(path, needed_by.path, library)
        needed_by.used.append((name, path, reason))
        return self._place(namespace, library, path, name, needed_by)

    def _look(
        self, name: str, needed_by: Loaded
    ) -> tuple[str, Reason, LinkedLibrary | str] | Missing:
        """The first file that the search accepts, or why ld.so stops at one."""
        searched: list[Place] = []
        for place, path in self.search.steps(name, needed_by):
            searched.append(place)
            library = self.files.open(path) if path else None
            if library is None or self.refusal.passes_over(
                library if isinstance(library, ElfError) else library.elf
            ):
                continue
            if isinstance(library, ElfError):
                return path, place.reason, library.what
            return path, place.reason, self.fault(library) or library
        return Missing(name, needed_by.path, tuple(searched), is_driver_library(name))

    def _place(
        self, namespace: Namespace, library: LinkedLibrary, path: str, name: str, needed_by: Loaded
    ) -> Loaded:
        """A new entry, or the one that the same file has already."""
        same = namespace.same_file(library)
        if same is not None:
            namespace.alias(same, name)
            return same
        loaded = self.search.describe(Loaded(library, path, needed_by))
        self._enter(namespace, loaded, name)
        return loaded

    def _enter(self, namespace: Namespace, loaded: Loaded, name: str | None) -> None:
        # musl knows a library by the name that found it; glibc by its path and SONAME as well.
        names = (name,) if self.system.musl else (name, loaded.path, loaded.library.elf.soname)
        namespace.add(loaded, names)


def _unusable(path: str, needed_by: str | None, fault: str) -> Unusable:
    return Unusable(path, needed_by, fault, sound=fault == EXECUTABLE_STACK)
