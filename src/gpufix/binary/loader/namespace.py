"""The libraries in a process, in the order in which the loader finds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .library import Library
from .model import Missing, Unusable, Used


@dataclass(eq=False, slots=True)
class Loaded:
    """A library in the process.

    path: as the loader opened it; loader: what asked for it first; inherited: the
    RPATH folders that apply to its dependencies, the loaders' included; needs: its direct dependencies, used: where each was found, problems: those not to be had.
    """

    library: Library
    path: str
    loader: Loaded | None
    inherited: tuple[str, ...] = ()
    needs: list[Loaded] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    problems: list[Missing | Unusable] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """What $ORIGIN stands for: the folder of the path by which it was opened."""
        return self.path.rpartition("/")[0] or "/"


class Namespace:
    """Libraries already in a process, found by name or file; layered, so that trying is free.

    scope: those whose symbols everybody sees.
    """

    def __init__(self, below: Namespace | None = None) -> None:
        self.below = below
        self.scope: list[Loaded] = list(below.scope) if below else []
        self._by_name: dict[str, Loaded] = {}
        self._by_library: dict[Library, Loaded] = {}

    def add(self, loaded: Loaded, names: Iterable[str | None]) -> None:
        """Enter a library under all the names that further requests may use."""
        self._by_library.setdefault(loaded.library, loaded)
        for name in names:
            if name:
                self.alias(loaded, name)

    def alias(self, loaded: Loaded, name: str) -> None:
        """A further name; an earlier library of that name keeps it."""
        if self.named(name) is None:
            self._by_name[name] = loaded

    def named(self, name: str) -> Loaded | None:
        """The library that a request for `name` would find without searching."""
        found = self._by_name.get(name)
        if found is None and self.below is not None:
            return self.below.named(name)
        return found

    def same_file(self, library: Library) -> Loaded | None:
        """The entry of the same file, however it was named."""
        found = self._by_library.get(library)
        if found is None and self.below is not None:
            return self.below.same_file(library)
        return found

    def holds(self, loaded: Loaded) -> bool:
        """Entered in this layer or below."""
        return self.same_file(loaded.library) is loaded


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
