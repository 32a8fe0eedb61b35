"""Packages that require another one, or one that is not here, by the modules that people import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from posixpath import basename

from gpufix.facts.libraries.library_files import is_library_name, python_tag
from gpufix.facts.reading import read, text_of
from gpufix.frozen import Frozen
from gpufix.knowledge.markers import applies, environment
from gpufix.model import Distribution, Python
from gpufix.text.names import module_name, normalise

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PACKAGE = re.compile(r"^([A-Za-z]\w*)(?:/__init__)?\.py,", re.MULTILINE)
_FOLDER = re.compile(r"^([A-Za-z]\w*)/__init__\.py,", re.MULTILINE)
_INNER = re.compile(r"^([A-Za-z]\w*(?:/[A-Za-z]\w*)+)/__init__\.py,", re.MULTILINE)
_SOURCE = re.compile(r"^([A-Za-z][\w/]*\.py),", re.MULTILINE)
_OPENS = (b"find_library", b"dlopen(", b"CDLL(", b"LoadLibrary(")
_FEW, TEXT = 30, 128 << 10  # files of a distribution that is looked at, bytes of each
_RECORD = 4 << 20
TESTS = {"test", "tests", "testing", "benchmarks", "examples"}


def dependents(distributions: Sequence[Distribution], owner: str) -> Iterator[tuple[str, str]]:
    """The distributions that require the owner, each with its packages."""
    for dist in distributions:
        if any(_requires(text, owner) for text in dist.requires):
            yield from _packages(dist)


def between(distributions: Sequence[Distribution], user: str, owner: str) -> Iterator[str]:
    """The packages of distributions that the user requires and that require the owner."""
    wanted = {required_name(text) for d in distributions if d.name == user for text in d.requires}
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
        absent = (text for text in rows if required_name(text) not in here)
        if any(map(_is_code, _missing(dist))) or any(_applies(text, python) for text in absent):
            yield from _packages(dist)


class Gone(Frozen):
    """What distributions recorded and no longer have. `files`: libraries, as sources may call them."""

    owners: frozenset[str]
    modules: frozenset[str]
    files: frozenset[str]


def recorded(dist: Distribution) -> str:
    """The files that a distribution recorded, as its RECORD lists them."""
    return text_of(f"{dist.metadata}/RECORD", _RECORD)


def sources(dist: Distribution) -> list[str]:
    """The Python files of a distribution, as it recorded them."""
    return _SOURCE.findall(recorded(dist))


def main_packages(dist: Distribution) -> list[str]:
    """The packages that a distribution is installed for: not tools, nor tests, that lie beside them.

    Of a namespace, what it has of it: "orbax.checkpoint".
    """
    record = recorded(dist)
    folders = [name for name in dict.fromkeys(_FOLDER.findall(record)) if name not in TESTS]
    every = folders or _outermost(_INNER.findall(record))
    named = [name for name in every if dist.name.startswith(normalise(name))]
    return named or (every if len(every) == 1 else [])


def _outermost(folders: Sequence[str]) -> list[str]:
    """Packages that lie in no other one, as they are imported."""
    here = {*folders}
    own = (path.split("/") for path in dict.fromkeys(folders) if not TESTS & set(path.split("/")))
    return [
        ".".join(parts)
        for parts in own
        if not any("/".join(parts[:end]) in here for end in range(1, len(parts)))
    ]


def owner_of(distributions: Sequence[Distribution], module: str) -> str | None:
    """The distribution that brought the package of a module: of several, the one that is called like it."""
    top = module.partition(".")[0]
    brought = re.compile(rf"^{re.escape(top)}(?:/__init__)?\.py,", re.MULTILINE)
    every = [d.name for d in distributions if brought.search(recorded(d))]
    return normalise(top) if normalise(top) in every else next(iter(every), None)


def carries(dist: Distribution, module: str) -> bool:
    """Whether a distribution brings a module of this name along, in a folder that it may add to sys.path."""
    top = re.escape(module.partition(".")[0])
    record = recorded(dist)
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
        if any(_opens(f"{dist.location}/{path}") for path in sources(dist)):
            yield from _packages(dist)


def _opens(path: str) -> bool:
    try:
        text = read(path, TEXT)
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
    record = recorded(dist)
    for package in dict.fromkeys(_PACKAGE.findall(record)):
        yield dist.name, package


def _applies(text: str, python: Python) -> bool:
    """Whether a row holds for this Python, of no extra."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False
    return applies(requirement, environment(python, machine=python.machine or ""))


def required_name(text: str) -> str:
    """Of "Torch>=2; extra == 'x'": "torch"."""
    name = _NAME.match(text)
    return normalise(name[0]) if name else ""


def _requires(text: str, owner: str) -> bool:
    """Whether a row asks for the owner, without an extra that somebody must name."""
    return required_name(text) == owner and "extra" not in text
