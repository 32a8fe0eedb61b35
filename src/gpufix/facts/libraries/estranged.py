"""Distributions for GPUs, and what uses these, that ask others for modules or names which are not there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from gpufix.facts.libraries.apart import Apart
from gpufix.facts.libraries.dependents import TESTS, TEXT, main_packages, required_name, sources
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.reading import read
from gpufix.frozen import Frozen
from gpufix.model import Distribution
from gpufix.source.python.asked_of_modules import (
    asked_of_modules,
    imported_modules,
    possibly_asked,
    tried_in_vain,
)
from gpufix.source.python.skeleton import Late, cut_functions
from gpufix.text.names import module_name

_OF_GPU = (
    "tensorrt", "torch-tensorrt", "cupy", "cuda-", "jax", "rapids", "warp-lang", "onnx", "nvidia-",
)  # fmt: skip
_HEADER = 2_000  # characters of a function that its parameters end in
_CALLED = re.compile(r"(?<!def )(?<!class )\b([A-Za-z_]\w*)\(")
_LATE = re.compile(
    r"^[ \t]+(import[ \t]+[A-Za-z][\w.]*(?:[ \t]+as[ \t]+\w+)?)[ \t]*$", re.MULTILINE
)
_SOURCES = 1_200  # of a distribution that is looked at for names
_OF_OTHERS = 60  # of one that is not for GPUs itself
_OF_APART = 250  # of one that requires none that is, of which few are looked at
_FOR_MODULES = 400  # and for modules
FOLLOWED = 8  # of all that are told
_PARTS = 2  # modules of a distribution that are asked besides its packages
_MANY = 10  # modules of a package that import one of its own: nobody does without that


class Estranged(Frozen):
    """A package, and the modules of it that ask for what is not there. `apart`: of a framework, of which it is not known otherwise that it uses one.

    `part_of`: the package, of one that can do without, that this is a module of. `central`: of the parts, those that
    many of the package's own modules import.
    """

    owner: str
    package: str
    parts: tuple[str, ...]
    apart: bool = False
    part_of: str | None = None
    central: tuple[str, ...] = ()


def estranged(
    distributions: Sequence[Distribution], gpu: Collection[str], names: ModuleNames
) -> Iterator[Estranged]:
    """Distributions for GPUs, and what requires these, that ask for modules or names which are not there.

    Told from statements that stand under no condition. Of what requires these in turn, only the small ones.
    """
    near = {dist.name for dist in distributions if _is_for_gpus(dist, gpu)}
    apart = Apart(names.modules)
    for dist in distributions:
        above = near if dist.name in near else _required(dist)
        if dist.record is None or not dist.metadata or dist.editable:
            continue
        aside = near.isdisjoint(above)
        most = _SOURCES if dist.name in near else _OF_APART if aside else _OF_OTHERS
        if aside and not apart.may_ask(dist):
            continue
        paths = [path for path in sources(dist) if not TESTS & set(path.split("/"))]
        if len(paths) > most or (aside and not (paths := apart.asking(dist, paths))):
            continue
        texts = {path: _text(f"{dist.location}/{path}") for path in paths}
        read = _Sources(texts, names, uses_late=aside)
        lost = [path for path in paths if read.asks_in_vain(path)]
        few = paths if len(paths) <= _FOR_MODULES else ()
        absent = {path: modules for path in few if (modules := read.absent(path))}
        if not lost and not absent:
            continue
        gone = set().union(*absent.values()).intersection(names.modules.lost)
        speaks = aside and apart.speaks_of_framework(dist)
        if aside and not (lost or gone or speaks):
            continue  # an optional part of something that has nothing to do with GPUs
        asking = [path for path, modules in absent.items() if not gone.isdisjoint(modules)]
        for one in _estranged(dist, lost, asking, speaks and bool(lost)):
            yield replace(one, central=tuple(filter(read.is_central, one.parts)))


def _estranged(
    dist: Distribution, lost: Sequence[str], asking: Sequence[str], apart: bool
) -> Iterator[Estranged]:
    """`lost`: the sources that ask for a name in vain. `asking`: for a module that Python has no more."""
    packages = main_packages(dist)
    for package in packages:
        inner = [
            module_name(path) for path in lost if path.startswith(f"{package.replace('.', '/')}/")
        ]
        above = [module_name(path).rpartition(".")[0] for path in asking]
        inner += [name for name in above if name.startswith(f"{package}.")]
        # setuptools brings pkg_resources, too
        beside = {path.partition("/")[0] for path in (*lost, *asking)} - {*packages}
        inner += [name for name in beside if f"{name}/__init__.py" in (*lost, *asking)]
        parts = dict.fromkeys(
            sorted((n for n in inner if n != package), key=lambda n: n.count("."))
        )
        yield Estranged(dist.name, package, tuple(parts)[:_PARTS], apart)


class _Sources:
    """The sources of a distribution, by path.

    `uses_late`: a framework is imported where it is used: imports of functions that run count as at the top.
    """

    def __init__(self, texts: Mapping[str, str], names: ModuleNames, uses_late: bool) -> None:
        self._texts, self._names, self._uses_late = texts, names, uses_late
        self._cut: dict[str, tuple[str, list[Late]]] = {}
        self._called: dict[str, frozenset[str]] = {}  # names, by path

    def asks_in_vain(self, path: str) -> bool:
        """Whether one takes a name that is not there from a module of another package, at once; that is remembered."""
        text, names, own = self._texts[path], self._names, path.partition("/")[0]
        every = possibly_asked(
            text, lambda top: top != own and names.tells(top), names.modules.is_module
        )
        maybe = {name: last for name in every if (last := names.maybe_in_vain(name))}
        if not maybe:
            return False
        at_once, words = self._at_once(path), {*maybe.values()}
        having = [one for one in self._parts(path)[1] if any(word in one.text for word in words)]
        if maybe.keys().isdisjoint(asked_of_modules(at_once, "\n".join(f.text for f in having))):
            return False
        asked = dict.fromkeys(asked_of_modules(at_once, "\n".join(map(self._runs, having))))
        lost = [name for name in asked if name in maybe and names.in_vain(name)]
        return bool(lost)

    def is_central(self, module: str) -> bool:
        """Whether many of them import it, by its whole name."""
        return sum(f"from {module} import" in text for text in self._texts.values()) >= _MANY

    def absent(self, path: str) -> set[str]:
        """The modules that one imports at once and that are not there."""
        text, lacks = self._texts[path], self._names.modules.lacks
        every = imported_modules(f"{text}\n{tried_in_vain(text)}")
        if not self._uses_late and not any(map(lacks, every)):
            return set()
        return {name for name in imported_modules(self._at_once(path)) if lacks(name)}

    def _at_once(self, path: str) -> str:
        late = self._parts(path)[1] if self._uses_late else ()
        running = (self._runs(one) for one in late if "import" in one.text)
        return "\n".join([self._top(path), *_LATE.findall("\n".join(running))])

    def _top(self, path: str) -> str:
        """Without the bodies of functions; what it tries and cannot do without stands under no condition."""
        text = self._parts(path)[0]
        return f"{text}\n{tried_in_vain(text)}"

    def _parts(self, path: str) -> tuple[str, list[Late]]:
        if path not in self._cut:
            self._cut[path] = cut_functions(self._texts[path])
        return self._cut[path]

    def _runs(self, function: Late) -> str:
        """What of a function may run while the package is imported: all of it where some module calls its name."""
        if self._is_called(function.name):
            return function.text
        return function.header if "." in function.text[:_HEADER] else ""

    def _is_called(self, name: str) -> bool:
        having = (path for path, text in self._texts.items() if f"{name}(" in text)
        return any(name in self._calls(path) for path in having)

    def _calls(self, path: str) -> frozenset[str]:
        if path not in self._called:
            self._called[path] = frozenset(_CALLED.findall(self._top(path)))
        return self._called[path]


def _is_for_gpus(dist: Distribution, gpu: Collection[str]) -> bool:
    named = (dist.name, *map(required_name, dist.requires))
    return any(name in gpu or name.startswith(_OF_GPU) for name in named)


def _required(dist: Distribution) -> set[str]:
    return {required_name(text) for text in dist.requires if "extra" not in text}


def _text(path: str) -> str:
    """A source without its long texts, which speak of names that it does not ask for."""
    try:
        return without_texts(read(path, TEXT).decode("utf-8", "replace"))
    except OSError:
        return ""


def without_texts(text: str) -> str:
    """With '' in the place of what stands between three quotes. A search for two words is faster than a pattern."""
    kept, at = [], 0
    following = {mark: text.find(mark) for mark in ('"""', "'''")}
    while here := [(start, mark) for mark, start in following.items() if start >= 0]:
        start, mark = min(here)
        end = text.find(mark, start + 3)
        if end < 0:
            following[mark] = -1
            continue
        kept += [text[at:start], "''"]
        at = end + 3
        following = {m: text.find(m, at) if 0 <= s < at else s for m, s in following.items()}
    return "".join([*kept, text[at:]])
