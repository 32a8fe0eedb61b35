"""The names that a release of a package has, as its modules take them over from one another."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from module_reading import STANDARD, Arguments, Class, Module, read_module

Files = Iterable[tuple[str, Callable[[], bytes]]]
# What nobody imports from: tests, examples, copies of other packages.
_ASIDE = re.compile(
    r"(?:^|/)(?:tests?|testing_utils|benchmarks?|examples?|docs?|_vendor|_vendored_packages|vendored|third_party|"
    r"conftest\.py|test_[^/]*\.py|[^/]*_test\.py|setup\.py)(?:/|$)"
)
_TAG = re.compile(r"\.(?:cpython|abi3|cp3|pypy).*$|\.(?:so|pyd)$")
ANY = "?"  # any name may be given, and another one in each release
_NO_BASES = {"object", "ABC", "Protocol", "Generic", "Enum", "Exception"}
_CACHE: dict[tuple[str, int], Module] = {}


@dataclass
class Names:
    """The names of a module: those that it has; whether it may have others that cannot be known."""

    has: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    open: set[str] = field(
        default_factory=set
    )  # what may give it other names: a compiled module, its __getattr__


@dataclass
class Release:
    """The modules of one release by their full names."""

    top: str
    modules: dict[str, Module] = field(default_factory=dict)
    stubs: dict[str, Module] = field(default_factory=dict)
    only_stubs: set[str] = field(
        default_factory=set
    )  # parts of compiled modules, or what is for type checkers alone
    _known: dict[str, Names] = field(default_factory=dict)
    _attributes: dict[tuple[str, str], Names] = field(default_factory=dict)
    _all: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)

    @cached_property
    def children(self) -> dict[str, set[str]]:
        out: dict[str, set[str]] = defaultdict(set)
        for module in self.modules:
            folder, _, last = module.rpartition(".")
            out[folder].add(last)
        return out

    def names(self, module: str, seen: frozenset[str] = frozenset()) -> Names:
        """With what it takes over by stars, and with the modules below it."""
        if module in self._known:
            return self._known[module]
        found = self.modules.get(module)
        if found is None:
            return Names(open={module})
        own, has = set(found.own), found.own | found.other
        is_open = {ANY if found.read else module} if found.opaque else set()
        for source in found.stars:
            if source in seen:
                continue
            taken, more = self._star(source, seen | {module})
            own |= taken
            is_open |= more
        for source in found.forwards:
            if source not in seen:
                other = self.names(source, seen | {module})
                own |= other.has
                is_open |= other.open
        if found.stub and module in self.stubs:
            own |= self.stubs[module].own
        elif is_open and module in self.stubs:
            own |= self.stubs[module].own  # not all of them: stubs leave out what is about to go
        gone = found.raising - found.own
        out = Names((has | own | self.children.get(module, set())) - gone, own - gone, is_open)
        if not seen:
            self._known[module] = out
        return out

    def _star(self, source: str, seen: frozenset[str]) -> tuple[set[str], set[str]]:
        found = self.modules.get(source)
        if found is None:
            return set(), {source}
        if found.all is not None and "?" not in found.all:
            return self._listed(source, frozenset())
        other = self.names(source, seen)
        return {one for one in other.has if one[0] != "_"}, other.open

    def _listed(self, source: str, seen: frozenset[str]) -> tuple[set[str], set[str]]:
        """What __all__ says, with the __all__ of others."""
        if source in self._all:
            return self._all[source]
        found = self.modules.get(source)
        if found is None or found.all is None or source in seen:
            return set(), {source}
        names: set[str] = set()
        is_open: set[str] = set()
        for one in found.all:
            if one == "?":  # not more than the module has
                other = self.names(source, seen | {source})
                names |= {one for one in other.has if one[0] != "_"}
                is_open |= other.open
            elif one[0] == "=":
                more, unknown = self._listed(self._real(one[1:]), seen | {source})
                names |= more
                is_open |= unknown
            else:
                names.add(one)
        if not seen:
            self._all[source] = names, is_open
        return names, is_open

    def _real(self, module: str) -> str:
        """A module by another name: `import a.b as c`, `from a import b`."""
        if module in self.modules:
            return module
        folder, _, last = module.rpartition(".")
        found = self.modules.get(folder)
        return found.imports.get(last, module).replace(":", ".") if found else module

    def find(self, module: str, dotted: str, deep: int = 8) -> tuple[str, str] | None:
        """The module and the name of what a name in a module is, where a class of the package is meant."""
        found = self.modules.get(module)
        if found is None or deep == 0:
            return None
        head, _, rest = dotted.partition(".")
        if not rest and dotted in found.classes:
            return module, dotted
        if head in found.imports:
            source, _, name = found.imports[head].partition(":")
            if rest:
                return self.find(f"{source}.{name}" if name else source, rest, deep - 1)
            return self.find(source, name, deep - 1) if name else None
        for source in found.stars:
            if told := self.find(source, dotted, deep - 1):
                return told
        return None

    def attributes(self, module: str, name: str, deep: int = 8) -> Names:
        """Of a class with its bases; `own`: without what is set on self; `open`: bases that are of other packages."""
        if (module, name) in self._attributes:
            return self._attributes[module, name]
        one = self.modules[module].classes[name]
        out = Names(one.attributes | one.assigned, set(one.attributes))
        for place, base in self._bases(module, one, out.open):
            if deep and (place, base) != (module, name):
                more = self.attributes(place, base, deep - 1)
                out.has |= more.has
                out.own |= more.own
                out.open |= more.open
        self._attributes[module, name] = out
        return out

    def _bases(self, module: str, one: Class, others: set[str]) -> list[tuple[str, str]]:
        out = []
        for text in one.bases:
            plain = text.partition("[")[0].partition("(")[0]
            if told := self.find(module, plain):
                out.append(told)
                continue
            head = self.modules[module].imports.get(plain.partition(".")[0], "").partition(":")[0]
            if plain.rpartition(".")[2] not in _NO_BASES and head.partition(".")[0] not in STANDARD:
                others.add(plain)
        return out

    def init(self, module: str, name: str, deep: int = 8) -> Arguments:
        """What a class is made with: its own __init__, and those of its bases where that passes on what it is given."""
        one = self.modules[module].classes[name]
        own = one.init
        if own is not None and not own.passes_on:
            return own
        names = set(own.names) if own else set()
        others: set[str] = set()
        rest = False
        bases = self._bases(module, one, others)
        for place, base in bases if deep else ():
            if (place, base) != (module, name):
                more = self.init(place, base, deep - 1)
                names |= more.names
                rest |= more.rest
        return Arguments(names, rest or bool(others))


def read(files: Files, top: str) -> Release:
    """The modules of a package, among the files of an archive."""
    found = Release(top)
    binaries = []
    for path, content in files:
        if path.partition("/")[0].partition(".")[0] != top or _ASIDE.search(path):
            continue
        if path.endswith((".so", ".pyd")):
            binaries.append(_TAG.sub("", path).replace("/", "."))
        elif path.endswith((".py", ".pyi")):
            whole = path.rpartition(".")[0].replace("/", ".")
            name = whole.removesuffix(".__init__")
            text = content()
            key = (whole, zlib.crc32(text))
            if key not in _CACHE:
                _CACHE[key] = read_module(name, name != whole, text)
            (found.stubs if path.endswith("i") else found.modules)[name] = _CACHE[key]
    for name in binaries:
        if name not in found.modules:
            found.modules[name] = Module(opaque=True, read=False)
    for name, stub in found.stubs.items():
        found.modules.setdefault(name, stub)
        if found.modules[name] is stub:
            found.only_stubs.add(name)
    return found
