"""The modules that a setup.py imports: which of them its build does not find, and who has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from packaging.requirements import Requirement

from gpufix.evidence.builds import builds_of
from gpufix.evidence.requirements import Requirements, parse
from gpufix.evidence.source_view import (
    absolute,
    for_documentation,
    for_tests,
    requirement_files,
    toml_files,
)
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table
from gpufix.source.builds.run import Place
from gpufix.source.source_facts import TomlFacts
from gpufix.text.names import normalise

HOLDERS = {"skbuild": "scikit-build", "git": "gitpython"}  # module -> its distribution
# What these lay into an environment; none requires a package that holds others' modules.
_OF_TOOLS = {
    "setuptools": ("setuptools", "pkg_resources", "distutils"),
    "wheel": ("wheel",),
    "ninja": ("ninja",),
    "cmake": ("cmake",),
    "packaging": ("packaging",),
    "pybind11": ("pybind11",),
    "cython": ("Cython", "cython", "pyximport"),
    "numpy": ("numpy",),
}
# A setup.py that imports one of these builds for it, and is no concern of an environment without it.
_FRAMEWORKS = frozenset({"jax", "mindspore", "mxnet", "oneflow", "paddle", "tensorflow"})
_LEGACY = ("setuptools>=40.8.0",)  # PEP 517, without a build-system table


class AbsentModule(Frozen):
    """A module without which a setup.py surely ends. distribution: that holds it, where it is known."""

    name: str
    place: Place
    distribution: str | None = None
    declared: bool = False  # what the build requires may hold it
    listed: Place | None = None  # the line of a requirement file that names its distribution


def absent_modules(view: View, path: str) -> list[AbsentModule]:
    """Those that this patient's Python does not find, one behind the other."""
    if _requires_itself(view, path) or _awaits_submodule(view, path):
        return []
    known = {d.name.replace("-", "_"): True for d in view.facts.distributions}
    rows = list(_ending(view, path, known, lambda name: view.lacks_module(name) is True))
    if any(name in _FRAMEWORKS for name, _ in rows):
        return []
    return [_described(view, path, *row) for row in rows]


def undeclared_modules(view: View, path: str) -> list[tuple[str, Place]]:
    """Those that this patient's Python finds, and a build in isolation surely does not."""
    required = _required(view, path)
    if required is None or _requires_itself(view, path):
        return []

    def only_here(name: str) -> bool:
        return _holds(view, required, name) is False and view.lacks_module(name) is False

    return list(_ending(view, path, {}, only_here))


def _ending(
    view: View, path: str, known: dict[str, bool], is_gone: Callable[[str], bool]
) -> Iterator[tuple[str, Place]]:
    """The modules beside the known ones that are gone and surely end the file, one behind the other."""
    first = builds_of(view).run(path, modules=known)
    asked = {q.subject for q in first.asked if q.kind == "module"}
    left = set(asked)
    while left:
        modules = {**known, **{name: name not in left for name in asked}}
        end = builds_of(view).run(path, modules=modules).fails
        if end is None or end.missing not in left:
            return
        left.discard(end.missing)
        if is_gone(end.missing):
            yield end.missing, end.place


def _described(view: View, path: str, name: str, place: Place) -> AbsentModule:
    required = _required(view, path)
    rows = [row for text in required or () if (row := parse(text)) is not None]
    holder, listed = _named(name, [row.name for row in rows]), None
    if holder is None:
        holder, listed = next(_lines_of(view, path, name), (None, None))
    declared = required is None or _holds(view, required, name) is not False
    return AbsentModule(name, place, holder or _holder(name), declared, listed)


def _holder(module: str) -> str | None:
    """The distribution that is known to hold a module of another name."""
    known: str | None = HOLDERS.get(module) or table("import_names")["names"].get(module)
    return known


def _named(module: str, distributions: Sequence[str]) -> str | None:
    """The distribution among these that holds a module: of its name, by a table, or z3-solver of z3."""
    wanted = normalise(_holder(module) or module)
    names = [normalise(name) for name in distributions]
    if wanted in names:
        return wanted
    return next((name for name in names if name.startswith(f"{wanted}-")), None)


def _lines_of(view: View, path: str, module: str) -> Iterator[tuple[str, Place]]:
    """The lines of requirement files, in its folder or above, that ask for a module's distribution."""
    folder = path.rpartition("/")[0]
    for file, facts in requirement_files(view).items():
        where = file.rpartition("/")[0]
        beside = not where or folder == where or folder.startswith(f"{where}/")
        if not beside or for_tests(file) or for_documentation(file):
            continue
        for row in facts.requirements:
            found = parse(row.text.partition(" #")[0].strip())
            if found and _named(module, [found.name]):
                yield normalise(found.name), Place(file, row.line)


def _required(view: View, path: str) -> tuple[str, ...] | None:
    """What a build in isolation has, as declared; None where a back end may add more."""
    folder = path.rpartition("/")[0]
    toml: TomlFacts | None = toml_files(view).get(
        f"{folder}/pyproject.toml" if folder else "pyproject.toml"
    )
    if toml is None or toml.requires is None:
        return _LEGACY
    return None if may_add(toml) else toml.requires


def isolation_takes(view: View, path: str, name: str, release: str) -> bool:
    """Whether a build in isolation may have this release of what it surely has."""
    rows = [row for text in _required(view, path) or () if (row := parse(text)) is not None]
    mine = [row.specifier for row in rows if normalise(row.name) == name]
    return all(allowed.contains(release, prereleases=True) for allowed in mine)


def may_add(toml: TomlFacts) -> bool:
    """Whether a back end beside setuptools' may ask for more than the file declares, or not run setup.py."""
    return bool(toml.backend) and not (toml.backend or "").startswith("setuptools.build_meta")


def _holds(view: View, required: Sequence[str], module: str) -> bool | None:
    """Whether one of these, or what they require in turn, holds a module; None: it may."""
    told = view.derive(Requirements.of)
    waiting = [row for text in required if (row := parse(text)) is not None]
    if len(waiting) < len(required):
        return None
    seen: set[str] = set()
    while waiting:
        row = waiting.pop()
        name = normalise(row.name)
        if name in seen or not told.applies(row):
            continue
        seen.add(name)
        if name in _OF_TOOLS:
            if module in _OF_TOOLS[name]:
                return True
            continue
        laid = _laid_by(view, name)
        if laid is None:
            return None
        if module in laid:
            return True
        waiting += _in_turn(view, row)
    return False


def _laid_by(view: View, name: str) -> set[str] | None:
    """The modules that an installed distribution holds; None where nobody can tell."""
    dist = view.dist(name)
    if dist is None or dist.metadata is None or dist.record is None:
        return None
    paths = view.recorded_code(dist.metadata)
    return None if paths is None else {p.partition("/")[0].partition(".")[0] for p in paths}


def _in_turn(view: View, row: Requirement) -> Iterator[Requirement]:
    """What an installed distribution requires, with the extras of a row that asks for it."""
    told, dist = view.derive(Requirements.of), view.dist(normalise(row.name))
    for text in dist.requires if dist else ():
        found = parse(text)
        if found and any(told.applies(found, extra) for extra in ("", *row.extras)):
            yield found


def _requires_itself(view: View, path: str) -> bool:
    """Whether setup_requires may bring what is imported later."""
    folder = path.rpartition("/")[0]
    place = absolute(view, folder).rstrip("/")
    texts = [view.source(absolute(view, path))]
    if "setup.cfg" in (view.project_names(place) or ()):
        texts.append(view.source(f"{place}/setup.cfg"))
    return any(source is not None and "setup_requires" in source.text for source in texts)


def _awaits_submodule(view: View, path: str) -> bool:
    """Whether a folder that is put on sys.path may be an empty submodule."""
    project, source = view.facts.project, view.source(absolute(view, path))
    empty = any(not x.populated for x in project.submodules) if project else False
    return empty and source is not None and "sys.path" in source.text
