"""Packages that require another one, or one that is not here, by the modules that people import."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from posixpath import basename

from gpufix.facts.libraries.apart import Apart
from gpufix.facts.libraries.library_files import is_library_name, python_tag
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.reading import read, text_of
from gpufix.frozen import Frozen
from gpufix.knowledge.markers import environment
from gpufix.model import Distribution, Python
from gpufix.source.python.asked_of_modules import (
    asked_of_modules,
    imported_modules,
    possibly_asked,
    tried_in_vain,
)
from gpufix.source.python.skeleton import Late, cut_functions
from gpufix.text.names import module_name, normalise

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PACKAGE = re.compile(r"^([A-Za-z]\w*)(?:/__init__)?\.py,", re.MULTILINE)
_FOLDER = re.compile(r"^([A-Za-z]\w*)/__init__\.py,", re.MULTILINE)
_INNER = re.compile(r"^([A-Za-z]\w*(?:/[A-Za-z]\w*)+)/__init__\.py,", re.MULTILINE)
_SOURCE = re.compile(r"^([A-Za-z][\w/]*\.py),", re.MULTILINE)
_OPENS = (b"find_library", b"dlopen(", b"CDLL(", b"LoadLibrary(")
_FEW, _TEXT = 30, 128 << 10  # files of a distribution that is looked at, bytes of each
_RECORD = 4 << 20
_TESTS = {"test", "tests", "testing", "benchmarks", "examples"}


def dependents(distributions: Sequence[Distribution], owner: str) -> Iterator[tuple[str, str]]:
    """The distributions that require the owner, each with its packages."""
    for dist in distributions:
        if any(_requires(text, owner) for text in dist.requires):
            yield from _packages(dist)


def between(distributions: Sequence[Distribution], user: str, owner: str) -> Iterator[str]:
    """The packages of distributions that the user requires and that require the owner."""
    wanted = {_name(text) for d in distributions if d.name == user for text in d.requires}
    for other in distributions:
        if other.name in wanted and any(_requires(text, owner) for text in other.requires):
            yield from (package for _, package in _packages(other))


def lacking(distributions: Sequence[Distribution], python: Python) -> Iterator[tuple[str, str]]:
    """The distributions that require one that is not here, or lack a module or library of their own.

    Each with its packages.
    """
    here = {dist.name for dist in distributions}
    for dist in distributions:
        rows = (text for text in dist.requires if "extra" not in text)  # cheap: most are an extra's
        absent = (text for text in rows if _name(text) not in here)
        if any(map(_is_code, _missing(dist))) or any(_applies(text, python) for text in absent):
            yield from _packages(dist)


class Gone(Frozen):
    """What distributions recorded and no longer have. `files`: libraries, as sources may call them."""

    owners: frozenset[str]
    modules: frozenset[str]
    files: frozenset[str]


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
_PARTS = 2  # modules of a distribution that are asked besides its packages


class Estranged(Frozen):
    """A package, and the modules of it that ask for what is not there. `apart`: of a framework, of which it is not known otherwise that it uses one."""

    owner: str
    package: str
    parts: tuple[str, ...]
    apart: bool = False


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
        record = text_of(f"{dist.metadata}/RECORD", _RECORD)
        sources = [path for path in _SOURCE.findall(record) if not _TESTS & set(path.split("/"))]
        if len(sources) > most:
            continue
        if aside and not (sources := apart.asking(dist, sources)):
            continue
        texts = {path: _text(f"{dist.location}/{path}") for path in sources}
        read = _Sources(texts, names, uses_late=aside)
        lost = [path for path in sources if read.asks_in_vain(path)]
        few = sources if len(sources) <= _FOR_MODULES else ()
        absent = {path: modules for path in few if (modules := read.absent(path))}
        if not lost and not absent:
            continue
        gone = set().union(*absent.values()).intersection(names.modules.lost)
        speaks = aside and apart.speaks_of_framework(dist)
        if aside and not (lost or gone or speaks):
            continue  # an optional part of something that has nothing to do with GPUs
        asking = [path for path, modules in absent.items() if not gone.isdisjoint(modules)]
        yield from _estranged(dist, lost, asking, speaks and bool(lost))


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

    def asks_in_vain(self, path: str) -> bool:
        """Whether one takes a name that is not there from a module of another package, at once; that is remembered."""
        text, top = self._texts[path], path.partition("/")[0]
        maybe = {name: self._names.maybe_in_vain(name) for name in possibly_asked(text, top)}
        words = {*filter(None, maybe.values())}
        if not words:
            return False
        asked = dict.fromkeys(asked_of_modules(self._at_once(path), self._early(path, words)))
        lost = [name for name in asked if maybe.get(name) and self._names.in_vain(name)]
        return bool(lost)

    def absent(self, path: str) -> set[str]:
        """The modules that one imports at once and that are not there."""
        text, lacks = self._texts[path], self._names.modules.lacks
        every = imported_modules(f"{text}\n{tried_in_vain(text)}")
        if not self._uses_late and not any(map(lacks, every)):
            return set()
        return {name for name in imported_modules(self._at_once(path)) if lacks(name)}

    def _at_once(self, path: str) -> str:
        late = _LATE.findall(self._early(path)) if self._uses_late else ()
        return "\n".join([self._top(path), *late])

    def _top(self, path: str) -> str:
        """Without the bodies of functions; what it tries and cannot do without stands under no condition."""
        text = self._parts(path)[0]
        return f"{text}\n{tried_in_vain(text)}"

    def _early(self, path: str, words: Collection[str] = ("",)) -> str:
        """What of its functions may run while the package is imported, of those that have one of the words."""
        functions = self._parts(path)[1]
        having = (one for one in functions if any(word in one.text for word in words))
        return "\n".join(map(self._runs, having))

    def _parts(self, path: str) -> tuple[str, list[Late]]:
        if path not in self._cut:
            self._cut[path] = cut_functions(self._texts[path])
        return self._cut[path]

    def _runs(self, function: Late) -> str:
        """All of a function where some module calls its name."""
        if function.name in self._called:
            return function.text
        return function.header if "." in function.text[:_HEADER] else ""

    @cached_property
    def _called(self) -> frozenset[str]:
        texts = map(self._top, self._texts)
        return frozenset(name for text in texts for name in _CALLED.findall(text))


def _is_for_gpus(dist: Distribution, gpu: Collection[str]) -> bool:
    named = (dist.name, *map(_name, dist.requires))
    return any(name in gpu or name.startswith(_OF_GPU) for name in named)


def _required(dist: Distribution) -> set[str]:
    return {_name(text) for text in dist.requires if "extra" not in text}


def _text(path: str) -> str:
    """A source without its long texts, which speak of names that it does not ask for."""
    try:
        return _without_texts(read(path, _TEXT).decode("utf-8", "replace"))
    except OSError:
        return ""


def _without_texts(text: str) -> str:
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


def main_packages(dist: Distribution) -> list[str]:
    """The packages that a distribution is installed for: not tools, nor tests, that lie beside them.

    Of a namespace, what it has of it: "orbax.checkpoint".
    """
    record = text_of(f"{dist.metadata}/RECORD", _RECORD)
    folders = [name for name in dict.fromkeys(_FOLDER.findall(record)) if name not in _TESTS]
    every = folders or _outermost(_INNER.findall(record))
    named = [name for name in every if dist.name.startswith(normalise(name))]
    return named or (every if len(every) == 1 else [])


def _outermost(folders: Sequence[str]) -> list[str]:
    """Packages that lie in no other one, as they are imported."""
    here = {*folders}
    own = (path.split("/") for path in dict.fromkeys(folders) if not _TESTS & set(path.split("/")))
    return [
        ".".join(parts)
        for parts in own
        if not any("/".join(parts[:end]) in here for end in range(1, len(parts)))
    ]


def owner_of(distributions: Sequence[Distribution], module: str) -> str | None:
    """The distribution that brought the package of a module: of several, the one that is called like it."""
    top = module.partition(".")[0]
    brought = re.compile(rf"^{re.escape(top)}(?:/__init__)?\.py,", re.MULTILINE)
    every = [
        d.name for d in distributions if brought.search(text_of(f"{d.metadata}/RECORD", _RECORD))
    ]
    return normalise(top) if normalise(top) in every else next(iter(every), None)


def carries(dist: Distribution, module: str) -> bool:
    """Whether a distribution brings a module of this name along, in a folder that it may add to sys.path."""
    top = re.escape(module.partition(".")[0])
    record = text_of(f"{dist.metadata}/RECORD", _RECORD)
    return (
        re.search(rf"^(?:.*/)?{top}(?:/|\.py,|\.so|\.cpython|\.cp\d|\.pyd)", record, re.MULTILINE)
        is not None
    )


def openers(distributions: Sequence[Distribution]) -> Iterator[tuple[str, str]]:
    """Small distributions whose sources open libraries, each with its packages.

    Bindings of one library of the system: that it is not here, no file of theirs tells.
    """
    for dist in distributions:
        if dist.record is None or not 0 < dist.record.files <= _FEW or not dist.metadata:
            continue
        record = text_of(f"{dist.metadata}/RECORD", _RECORD)
        sources = (f"{dist.location}/{path}" for path in _SOURCE.findall(record))
        if any(map(_opens, sources)):
            yield from _packages(dist)


def _opens(path: str) -> bool:
    try:
        text = read(path, _TEXT)
    except OSError:
        return False
    return any(word in text for word in _OPENS)


def gone(distributions: Sequence[Distribution]) -> Gone:
    """The modules and libraries that are gone."""
    rows = [(dist, path) for dist in distributions for path in _missing(dist) if _is_code(path)]
    libraries = [(dist, path) for dist, path in rows if not _is_module(path)]
    return Gone(
        frozenset(dist.name for dist, _ in rows),
        frozenset(module_name(path) for _, path in rows if _is_module(path)),
        frozenset(
            name for d, path in libraries for name in (f"{d.location}/{path}", basename(path))
        ),
    )


def _missing(dist: Distribution) -> list[str]:
    return dist.record.missing if dist.record else []


def _is_code(path: str) -> bool:
    return is_library_name(basename(path)) or _is_module(path)


def _is_module(path: str) -> bool:
    """Whether a file of a distribution is a module of Python's, and no test."""
    inner = {"test", "tests", "testing"} & set(path.split("/"))
    return not inner and (path.endswith(".py") or python_tag(path) is not None)


def _packages(dist: Distribution) -> Iterator[tuple[str, str]]:
    record = text_of(f"{dist.metadata}/RECORD", _RECORD)
    for package in dict.fromkeys(_PACKAGE.findall(record)):
        yield dist.name, package


def _applies(text: str, python: Python) -> bool:
    """Whether a row holds for this Python, of no extra."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        marker = Requirement(text).marker
    except InvalidRequirement:
        return False
    here = environment(python, machine=python.machine or "")
    return marker is None or marker.evaluate(here)


def _name(text: str) -> str:
    name = _NAME.match(text)
    return normalise(name[0]) if name else ""


def _requires(text: str, owner: str) -> bool:
    """Whether a row asks for the owner, without an extra that somebody must name."""
    return _name(text) == owner and "extra" not in text
