"""What packages reach at once when they are imported, and cannot do without: the modules that are not there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gpufix.facts.libraries.apart import Apart
from gpufix.facts.libraries.dependents import TESTS, carries, main_packages, recorded, required_name
from gpufix.facts.libraries.estranged import Estranged, without_texts
from gpufix.facts.libraries.modules import Modules, absolute, listed, statements
from gpufix.facts.reading import text_of
from gpufix.model import Distribution
from gpufix.source.python.skeleton import cut_functions
from gpufix.text.names import normalise

_MODULES = 300  # of one package, on the ways from one of its modules
_SUBPACKAGES, _FILES = 60, 3_000  # of one distribution
_MANY = 3  # subpackages that lack the same: fewer may be optional
_CALLED = re.compile(r"^(?:\w+[ \t]*=[ \t]*)?(\w+)\(", re.MULTILINE)
_COMMANDS = re.compile(r"^[^\s=\[]+[ \t]*=[ \t]*([\w.]+):[\w.]+[ \t]*$", re.MULTILINE)
_ENTRY_POINTS = 64 << 10


def in_vain(distributions: Sequence[Distribution], modules: Modules) -> Iterator[Estranged]:
    """The packages whose imports ask for a module that is not there, declared or not.

    Of one that can do without and speaks of a framework, the parts that cannot: most of its subpackages, or a
    command that no extra is for. What the sources then do is followed.
    """
    apart = Apart(modules)
    for dist in distributions:
        if dist.record is None or dist.record.files > _FILES or not dist.metadata or dist.editable:
            continue
        reach = Reach(modules, dist)
        for package in main_packages(dist):
            if reach.absent(package):
                yield Estranged(dist.name, package, ())
                continue
            if not apart.speaks_of_framework(dist):
                continue
            yield from (Estranged(dist.name, part, ()) for part in _most(dist, package, reach))
            for command in _commands(dist, package):
                lost = reach.absent(command)
                if lost and not _is_extra(dist, lost):
                    yield Estranged(dist.name, command, (), part_of=package)
                    break


class Reach:
    """The modules of a distribution, as they import each other by statements under no condition."""

    def __init__(self, modules: Modules, dist: Distribution) -> None:
        self._modules, self._dist = modules, dist
        self._asked: dict[str, tuple[list[str], str]] = {}
        self._complete: set[str] = set()  # those that lack nothing, nor does what they import

    def absent(self, start: str) -> str:
        """A module of another package that the import of one needs, and that is not there; "" for none."""
        ways, seen = [start], {start}
        for name in ways:
            if name in self._complete:
                continue
            own, lost = self._asked.get(name) or self._read(name)
            if lost:
                return lost
            further = [one for one in own if one not in seen][: _MODULES - len(seen)]
            seen.update(further)
            ways += further
        self._complete |= seen
        return ""

    def _read(self, name: str) -> tuple[list[str], str]:
        """The modules of its own package that one imports, and what it lacks."""
        text, package = self._modules.source(name)
        asked = list(dict.fromkeys(self._imported(text, package)))
        lost = self._lost(asked, name)
        if lost:  # a text may speak of it
            lost = self._lost(self._imported(without_texts(text), package), name)
        if lost and carries(self._dist, lost):
            lost = ""
        own = [one for one in asked if _top(one) == _top(name) and self._is_source(one)]
        self._asked[name] = own, lost
        return own, lost

    def _lost(self, asked: Iterable[str], name: str) -> str:
        others = (one for one in asked if _top(one) != _top(name))
        return next(filter(self._modules.lacks, others), "")

    def _imported(self, text: str, package: str) -> Iterator[str]:
        """The modules that a source imports at once; what may be one of its own package, too."""
        late: set[str] = set()
        for found in statements(text):
            base = absolute(found["base"] or "", package)
            names = [base] if base else list(listed(found["plain"] or ""))
            if text[found.start()].isspace():
                late.update(name for name in names if _top(name) in self._modules.lost)
                continue
            yield from names
            if base and _top(base) == _top(package):
                yield from (f"{base}.{name}" for name in listed(found["of"].strip("()")))
        if late:
            yield from _of_called(text)

    def _is_source(self, name: str) -> bool:
        found = self._modules.find(name)
        return found is not None and found.kind == "source"


def _top(name: str) -> str:
    return name.partition(".")[0]


def _of_called(text: str) -> Iterator[str]:
    """What functions import that their module calls at once."""
    cut, functions = cut_functions(text)
    called = {*_CALLED.findall(cut)}
    for function in functions:
        if function.name in called and not function.text[:1].isspace():
            for found in statements(function.text):
                yield from [found["base"]] if found["base"] else listed(found["plain"])


def _most(dist: Distribution, package: str, reach: Reach) -> Iterator[str]:
    """A subpackage of a package, most of whose subpackages lack the same module."""
    folder = package.replace(".", "/")
    names = re.findall(rf"^{folder}/([A-Za-z]\w*)/__init__\.py,", recorded(dist), re.MULTILINE)
    every = [f"{package}.{name}" for name in names if name not in TESTS][:_SUBPACKAGES]
    lost = {name: absent for name in every if (absent := reach.absent(name))}
    for absent, count in Counter(lost.values()).most_common(1):
        if count >= _MANY and 2 * count > len(every):
            yield next(name for name, one in lost.items() if one == absent)


def _commands(dist: Distribution, package: str) -> list[str]:
    """The modules of a package that its commands run."""
    text = text_of(f"{dist.metadata}/entry_points.txt", _ENTRY_POINTS)
    scripts = text.partition("[console_scripts]")[2].partition("\n[")[0]
    found = dict.fromkeys(_COMMANDS.findall(scripts))
    return [module for module in found if module.startswith(f"{package}.")]


def _is_extra(dist: Distribution, module: str) -> bool:
    """Whether a row of its metadata names the module's distribution: an extra brings it, then."""
    name = normalise(module.partition(".")[0])
    return any(required_name(text) == name for text in dist.requires)
