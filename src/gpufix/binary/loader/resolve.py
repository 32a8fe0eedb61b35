"""A process's libraries in lookup order, and a definition for every reference, as ld.so finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gpufix.binary.elf.bulk import NOTHING, Key, Keys
from gpufix.binary.loader.library import LinkedLibrary, Memo
from gpufix.binary.loader.model import Missing, Reason, Undefined, Unusable, VersionMissing


@dataclass(eq=False, slots=True)
class Loaded:
    """A library in the process.

    path: as the loader opened it; loader: what asked for it first; inherited: the
    RPATH folders that apply to its dependencies, the loaders' included; needs: its direct dependencies, used: (name, path, rule) of each; problems: those not to be had.
    """

    library: LinkedLibrary
    path: str
    loader: Loaded | None
    inherited: tuple[str, ...] = ()
    needs: list[Loaded] = field(default_factory=list)
    used: list[tuple[str, str, Reason]] = field(default_factory=list)
    problems: list[Missing | Unusable] = field(default_factory=list)
    filled: bool = False

    @property
    def origin(self) -> str:
        """What $ORIGIN stands for: the folder of the path by which it was opened."""
        return self.path.rpartition("/")[0] or "/"


class Namespace:
    """Libraries already in a process, found by name or file; copied for a trial.

    scope: those whose symbols everybody sees.
    """

    def __init__(self, below: Namespace | None = None) -> None:
        self.scope: list[Loaded] = list(below.scope) if below else []
        # Copies, for there are few names below and very many questions above.
        self._by_name: dict[str, Loaded] = dict(below._by_name) if below else {}
        self._by_library: dict[LinkedLibrary, Loaded] = dict(below._by_library) if below else {}

    def add(self, loaded: Loaded, names: Iterable[str | None]) -> None:
        """Enter a library under all the names that further requests may use."""
        self._by_library.setdefault(loaded.library, loaded)
        for name in names:
            if name:
                self.alias(loaded, name)

    def alias(self, loaded: Loaded, name: str) -> None:
        """A further name; an earlier library of that name keeps it."""
        self._by_name.setdefault(name, loaded)

    def members(self) -> Iterable[Loaded]:
        """All libraries."""
        return self._by_library.values()

    def named(self, name: str) -> Loaded | None:
        """The library that a request for `name` would find without searching."""
        return self._by_name.get(name)

    def same_file(self, library: LinkedLibrary) -> Loaded | None:
        """The entry of the same file, however it was named."""
        return self._by_library.get(library)

    def paths(self) -> list[str]:
        """The files of all libraries in the process."""
        return [loaded.path for loaded in self._by_library.values()]


def closure(root: Loaded) -> list[Loaded]:
    """The library and all that it needs, breadth first: the order of its symbol search."""
    order = [root]
    seen = {root}
    for loaded in order:
        for need in loaded.needs:
            if need not in seen:
                seen.add(need)
                order.append(need)
    return order


def definer(symbol: bytes, scope: Iterable[Loaded]) -> Loaded | None:
    """The first library of `scope` that defines `symbol`."""
    return next((loaded for loaded in scope if loaded.library.elf.find(symbol) is not None), None)


_MANY = 1000


class Resolver:
    """Answers for one namespace, whose global scope does not change any more.

    below: the resolver of an earlier state; what was found then is found now.
    """

    def __init__(self, namespace: Namespace, below: Resolver | None = None) -> None:
        self._scope = list(dict.fromkeys(loaded.library for loaded in namespace.scope))
        self._memo: Memo = Memo(below._memo if below else None)
        self._beyond: dict[LinkedLibrary, Keys] = {}
        self._witness: dict[LinkedLibrary, set[LinkedLibrary]] = {}

    def unresolved(self, library: LinkedLibrary, scope: list[LinkedLibrary]) -> Keys:
        """References that neither the global scope nor `scope` defines."""
        pending = self.beyond(library)
        if not pending:
            return pending
        witness = self._witness.get(library)
        if witness is not None and witness.issubset(scope):
            return NOTHING
        used: set[LinkedLibrary] = set()
        others = [other for other in scope if other is not library]
        if len(pending.plain) > _MANY:  # the largest has most of them: the others are asked for few
            others.sort(key=lambda other: other.size, reverse=True)
        for other, asked in _order(pending, others):
            found = other.provided(pending & asked if asked else pending)
            if found:
                used.add(other)
                pending -= found
                if not pending:
                    self._witness[library] = used
                    break
        return pending

    def beyond(self, library: LinkedLibrary) -> Keys:
        """References that the global scope does not define."""
        known = self._beyond.get(library)
        if known is None:
            known = self._memo.open(library.references)
            fresh = self._memo.unknown(known) if known else known
            if fresh:
                known -= self._search_scope(fresh)
            self._beyond[library] = known
        return known

    def undefined(self, loaded: Loaded, scope: list[LinkedLibrary]) -> list[Undefined]:
        """The problems of one library among those of its search scope."""
        pending = self.unresolved(loaded.library, scope)
        if not pending:
            return []
        return [
            Undefined(symbol.name, symbol.version, loaded.path, symbol.library, symbol.kind)
            for symbol in loaded.library.describe(pending)
        ]

    def _search_scope(self, keys: Keys) -> Keys:
        """Those of `keys` that some library of the global scope defines."""
        rest = keys
        for other, asked in _order(keys, self._scope):
            found = other.provided(rest & asked if asked else rest)
            if found:
                rest -= found
                if not rest:
                    break
        found = keys - rest
        self._memo.learn(found, rest)
        return found


def _order(
    keys: Keys, libraries: list[LinkedLibrary]
) -> Iterator[tuple[LinkedLibrary, Keys | None]]:
    """Whom to ask for what: for a version, those who define it; then everybody for all (None)."""
    by_version: dict[bytes, set[Key]] = {}
    for key in keys.versioned:
        by_version.setdefault(key.partition(b"\0")[2], set()).add(key)
    for other in libraries if by_version else ():
        wanted = [by_version[v] for v in other.own_versions if v in by_version]
        if wanted:
            yield other, Keys(frozenset(), frozenset().union(*wanted))
    for other in libraries:
        yield other, None


def missing_versions(namespace: Namespace, objects: Iterable[Loaded]) -> list[VersionMissing]:
    """Versions that some of `objects` need and that the library of that name does not define."""
    found = []
    for loaded in objects:
        for name, versions in loaded.library.version_needs.items():
            other = namespace.named(name)
            defined = other.library.defined_versions if other else None
            # A library without versions satisfies every need: ld.so only warns.
            if other is None or defined is None:
                continue
            found += [
                VersionMissing(version, name, other.path, loaded.path)
                for version, weak in versions.items()
                if not weak and version not in defined
            ]
    return found
