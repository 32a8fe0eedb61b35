"""Which imports fail by libraries that the loader would refuse: their packages' sources are read."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from posixpath import basename, dirname
from typing import Any

from gpufix.binary.loader.disk import Files
from gpufix.binary.pe_loader.disk import PeFiles
from gpufix.facts.libraries.dependents import (
    between,
    carries,
    dependents,
    gone,
    lacking,
    main_packages,
    openers,
    owner_of,
)
from gpufix.facts.libraries.estranged import FOLLOWED, Estranged
from gpufix.facts.libraries.generated import Unfit
from gpufix.facts.libraries.imports import Site, dotted, module_above
from gpufix.facts.libraries.known_values import known_values
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.reading import text
from gpufix.facts.windows.judge import WindowsJudge
from gpufix.facts.windows.site import WindowsSite
from gpufix.knowledge import families, removed_apis
from gpufix.model import Distribution, Import, Python, Spared, Torch
from gpufix.source.python.import_world import Outcome
from gpufix.source.python.importing import Parsed, Session

_APART = {"torch"}  # judged by its own libraries; its sources decide by hundreds of conditions
_MODULES = 40  # of one package whose own imports are tried
_PARTS, _ALL_PARTS = 8, 48  # modules of one package, and of all, that are asked as well
_DEPENDENTS = 24  # packages that require one of these, that are asked as well
_OPENERS = 24  # packages that open libraries of the system
_FURTHER = 6  # modules that one import lacks
_STEPS = 2_000_000  # of all imports, each of which has a limit of its own
_CHECKS = "google.protobuf.runtime_version"  # what generated code asks, since protobuf 5.27
_FOLDERS, _SOURCE = 2_000, 1 << 20
_TESTS = {"test", "tests", "testing", "_testing", "conftest", "setup", "__main__"}


def imports(
    python: Python,
    environ: Mapping[str, str],
    judge: Judge | WindowsJudge,
    suspect: Collection[str],
    belongs: Mapping[str, str],
    torch: Torch | None,
    distributions: Sequence[Distribution] = (),
    unfit: Collection[str] = (),
    names: ModuleNames | None = None,
    astray: Sequence[Estranged] = (),
    generated: Sequence[Unfit] = (),
) -> list[Import]:
    """What importing each package that holds a suspect library would do.

    Where a package's own import goes nowhere near a suspect library, the modules that name it are
    asked too: they are the parts that are lost without it. And the packages that require it, whose
    imports may need just such a part. unfit: modules that raise when they are imported. astray: packages
    that ask others for what is not there. generated: code that raises when it is imported.
    """
    packages: dict[str, list[str]] = {}
    for path in suspect:
        name = module_above(path, python.sys_path)
        if name and name.partition(".")[0] not in _APART:
            packages.setdefault(name, []).append(path)
    real = {os.path.realpath(path): path for path in suspect}
    names = names or ModuleNames(Modules(python))
    known = known_values(distributions, torch)
    follower = _Follower(python, environ, judge, real, known, distributions, names, unfit)
    found = [
        told
        for name, paths in packages.items()
        for told in follower.package(name, belongs.get(paths[0]), paths)
    ]
    found += follower.lacking({one.module for one in found})
    found += follower.openers({one.module for one in found})
    found += follower.generated(generated)
    told = {one.module for one in found if one.state == "fails"}
    return [*found, *follower.estranged(told, astray)]


class _Follower:
    """Follows imports, within limits for all of them together."""

    def __init__(
        self,
        python: Python,
        environ: Mapping[str, str],
        judge: Judge | WindowsJudge,
        suspects: Mapping[str, str],
        known: Mapping[str, Any],
        distributions: Sequence[Distribution],
        names: ModuleNames,
        unfit: Collection[str] = (),
    ) -> None:
        self._python = python
        self._judge, self._known, self._distributions = judge, known, distributions
        self._gone = gone(distributions)
        damaged = (name for path in suspects.values() if (name := self._damaged(path)))
        self._lost = {*self._gone.modules, *damaged}
        self._modules, self._names, self._unfit = names.modules, names, unfit
        self._context = (python, environ, judge.preloaded, suspects, self._lost, names)
        self._steps, self._parts, self._others = _STEPS, _ALL_PARTS, _DEPENDENTS
        self._parsed: Parsed = {}

    def _damaged(self, path: str) -> str | None:
        """The name of a module that no process can load."""
        unusable = self._judge.verdicts[path].unusable
        return dotted(path, self._python.sys_path) if unusable else None

    def _site(self, *followed: str, siblings: bool = False) -> tuple[Site, Session]:
        tops = {name.partition(".")[0] for name in followed}
        kind = WindowsSite if self._python.platform == "win32" else Site
        site = kind(*self._context, tops, siblings, self._known, self._unfit)
        return site, Session(site, self._steps, self._parsed)

    def package(self, name: str, owner: str | None, paths: Sequence[str]) -> Iterator[Import]:
        """The import of a package that holds these libraries, and what more is asked."""
        siblings = any(_serves_another(self._judge, p, self._python.sys_path) for p in paths)
        site, session = self._site(name, siblings=siblings)
        told = session.follow(name)
        _remember(self._judge, site, told)
        yield self._own(name, owner, told)
        if told.state != "fails":
            self._try_rest(site, session, paths)
            met = {*told.doubts, *told.named, *(one.library for one in told.spared)}
            left = [p for p in paths if p not in met and not self._judge.verdicts[p].unusable]
            for part in _users(site, self._judge.files, name, left)[: self._parts]:
                self._parts -= 1
                for call, asked in _of_part(session, name, part):
                    _remember(self._judge, site, asked)
                    if asked.library or asked.missing or asked.spared or asked.doubts:
                        yield replace(_import(part, owner, asked), part_of=name, call=call)
        self._steps = session.left
        if told.state != "fails" and owner is not None:
            yield from self._dependents(name, owner, siblings)

    def _try_rest(self, site: Site, session: Session, paths: Sequence[str]) -> None:
        """What loads in the process that the package's import, or a module's own, has prepared."""
        rest = [path for path in paths[:_MODULES] if self._judge.servers(path) != []]
        for path in rest:
            if path not in site.tried and (module := dotted(path, self._python.sys_path)):
                session.follow(module)
        site.try_rest(rest)
        self._judge.verdicts |= site.loaded

    def lacking(self, known: Collection[str]) -> Iterator[Import]:
        """The imports of what lacks a distribution, or a module of its own."""
        every = lacking(self._distributions, self._python)
        for owner, package in islice(every, _DEPENDENTS):
            if package in known or package in _APART:
                continue
            session = self._site(package)[1]
            told = session.follow(package)
            self._steps = session.left
            yield _import(package, owner, told)
            if told.state != "fails" and owner in self._gone.owners:
                yield from self._dependents(package, owner, siblings=False)

    def openers(self, known: Collection[str]) -> Iterator[Import]:
        """The imports that may fail by a library of the system, of what holds no refused one."""
        for owner, package in islice(openers(self._distributions), _OPENERS):
            if package in known or package in _APART:
                continue
            session = self._site(package)[1]
            told = session.follow(package)
            self._steps = session.left
            if told.missing:
                yield _import(package, owner, told)

    def generated(self, every: Sequence[Unfit]) -> Iterator[Import]:
        """The imports that lead to generated code that raises: that it does is put in its place."""
        for one in every[:FOLLOWED]:
            dist = next(d for d in self._distributions if d.name == one.owner)
            raising = {f"__{module.replace('.', '_')}__": module for module in one.modules}
            for absent, module in raising.items():
                path = f"{dist.location}/{module.replace('.', '/')}.py"
                raises = one.modules[module].raises
                if raises == "Exception" and not self._modules.find(_CHECKS):
                    raises = "ImportError"
                text = f"try:\n    import {absent}\nexcept ImportError:\n    raise {raises}\n"
                self._modules.add(module, path, text)
            for package in main_packages(dist) or [""]:
                own = [package] if package else []
                for name in dict.fromkeys([*own, *one.parts]):
                    session = self._site(name)[1]
                    told = session.follow(name)
                    self._steps = session.left
                    met = raising.get(told.missing) if told.state == "fails" else None
                    if met:
                        part = None if name == package else package or name.partition(".")[0]
                        row = one.modules[met].row
                        failing = _import(name, one.owner, told)
                        yield replace(failing, missing=met, part_of=part, wants=row)
                        break

    def estranged(self, known: Collection[str], astray: Sequence[Estranged]) -> Iterator[Import]:
        """The imports that fail for want of what another package, or none, should have."""
        for one in sorted(astray, key=lambda one: not one.parts)[:FOLLOWED]:
            if one.package in known or one.package in _APART:
                continue
            session = self._site(one.package, *one.parts)[1]
            told = self._own(one.package, one.owner, session.follow(one.package))
            told = replace(told, part_of=one.part_of, further=self._further(one, told))
            every = [told] if told.foreign else [*self._parts_of(one, told, session)]
            self._steps = session.left
            yield from every or (self._by_way_of(one) if one.apart else ())

    def _further(self, one: Estranged, told: Import) -> list[str]:
        """What an import lacks as well, once the module is there that it lacks."""
        found: list[str] = []
        while told.foreign and not told.of and len(found) < _FURTHER:
            found.append(told.missing or "")
            site, session = self._site(one.package)
            site.assume({name.partition(".")[0] for name in found})
            told = self._own(one.package, one.owner, session.follow(one.package))
            self._steps = session.left
        return found[1:]

    def _by_way_of(self, one: Estranged) -> Iterator[Import]:
        """The imports of what requires a package, where its own works and they reach the part that does not."""
        for owner, package in islice(dependents(self._distributions, one.owner), _PARTS):
            session = self._site(package, one.package)[1]
            told = self._own(package, owner, session.follow(package))
            self._steps = session.left
            if told.foreign and f"/{one.package.replace('.', '/')}/" in told.chain[-1]:
                yield told

    def _parts_of(self, one: Estranged, whole: Import, session: Session) -> Iterator[Import]:
        """The first module that fails by a name, where the package may reach it, many of it do, or the name is known to be gone.

        Where the package's import works without, it is for a release that people may not have; and a
        module of its own (`_old`) is none of those that people import.
        """
        asked = (self._own(part, one.owner, session.follow(part)) for part in one.parts)
        for told in asked:
            lost = told.missing or ""
            certain = _is_known_to_be_gone(lost) or lost in self._modules.lost
            inner = told.module.count(".") == 1 and self._is_hollow(one.package)
            private = told.module.rpartition(".")[2].startswith("_")
            asked_for = (certain or inner or told.module in one.central) and not private
            if told.foreign and (whole.state != "works" or asked_for):
                yield replace(told, part_of=one.package)
                return

    def _is_hollow(self, package: str) -> bool:
        """Whether a package imports nothing itself: people import its modules."""
        found = self._modules.find(package)
        if found is None or found.kind != "source":
            return False
        try:
            return "import" not in self._modules.text(found.path)
        except (OSError, ValueError):
            return False

    def _own(self, name: str, owner: str | None, told: Outcome) -> Import:
        """The import of a package, and whether what it lacks is nothing of its own."""
        lost, dist = told.missing, next((d for d in self._distributions if d.name == owner), None)
        top = name.partition(".")[0]
        foreign = (
            told.state == "fails"
            and bool(lost)
            and not f"{lost}.".startswith(f"{top}.")
            and dist is not None
            and (
                lost in self._modules.lost
                or any(f"{name}.".startswith(f"{package}.") for package in main_packages(dist))
            )
            and (self._is_lost_name(lost) or self._is_lost_module(lost, dist))
        )
        of = owner_of(self._distributions, lost) if foreign else None
        return replace(_import(name, owner, told), foreign=foreign, of=of)

    def _is_lost_name(self, lost: str) -> bool:
        module, _, name = lost.rpartition(".")
        return (module, name) in self._names.lost

    def _is_lost_module(self, lost: str, dist: Distribution) -> bool:
        here = self._modules.find(lost.partition(".")[0]) is not None
        return self._modules.lacks(lost) and (here or not carries(dist, lost))

    def _dependents(self, name: str, owner: str, siblings: bool) -> Iterator[Import]:
        """The imports of packages that require this one, of those that fail by it, or may."""
        names = self._gone.modules | self._gone.files
        for other, package in islice(dependents(self._distributions, owner), self._others):
            self._others -= 1
            way = between(self._distributions, other, owner)
            site, session = self._site(name, package, *way, siblings=siblings)
            told = session.follow(package)
            self._steps = session.left
            fails = told.library in site.refused or told.missing in names
            if told.state != "fails" and not told.named:
                told = replace(told, named=self._named_inside(site, session, package))
            if (told.state == "fails" and fails) or told.named:
                _remember(self._judge, site, told)
                yield _import(package, other, told)

    def _named_inside(self, site: Site, session: Session, package: str) -> tuple[str, ...]:
        """What is lost and what some compiled module of a package names: others may import that one."""
        found = site.find(package)
        if not self._lost or found is None or not found.is_package or not found.path:
            return ()
        folder = f"{dirname(found.path)}/"
        own = (p for p in self._judge.verdicts if p.startswith(folder) and python_tag(p))
        every = dict.fromkeys(
            name for path in islice(own, _MODULES) for name in site.named_in(path)
        )
        names = [n for n in every if any(f"{lost}.".startswith(f"{n}.") for lost in self._lost)]
        asked = [session.follow(name) for name in names]
        told = (t.named if t.state != "fails" else (t.library or t.missing,) for t in asked)
        self._steps = session.left
        return tuple(dict.fromkeys(name for some in told for name in some if name))


def _is_known_to_be_gone(lost: str) -> bool:
    """Whether a later release has a name no more, or the module that it is of: it is none that came since."""
    parts = lost.split(".")
    above = (".".join(parts[:end]) for end in range(2, len(parts) + 1))
    return bool(families.gone_name(lost)) or any(map(removed_apis.get, above))


def _serves_another(judge: Judge | WindowsJudge, path: str, sys_path: Sequence[str]) -> bool:
    """Whether a library of another package could serve what this one lacks."""
    servers = judge.servers(path)
    own = module_above(path, sys_path)
    return servers is None or any(module_above(file, sys_path) != own for file in servers)


def _of_part(session: Session, package: str, part: str) -> Iterator[tuple[str | None, Outcome]]:
    """The import of a module, and where that works the calls of its functions."""
    if part != package:
        asked = session.follow(part)
        yield None, asked
        if asked.state == "fails":
            return
    yield from session.calls(part)


def _remember(judge: Judge | WindowsJudge, site: Site, told: Outcome) -> None:
    """The verdict on a library is that of the process that asks for it."""
    for library in (told.library, *told.doubts, *told.named, *(one.library for one in told.spared)):
        if library in site.refused:
            judge.verdicts[library] = site.refused[library]


def _import(module: str, owner: str | None, told: Outcome) -> Import:
    return Import(
        module=module,
        distribution=owner,
        state=told.state,
        library=text(told.library) or None,
        missing=text(told.missing) or None,
        chain=[text(place) for place in told.chain],
        spared=[
            Spared(
                library=text(one.library),
                place=text(one.place[-1]),
                said=one.said,
                served=one.served,
                doubtful=one.doubtful,
            )
            for one in told.spared
        ],
        doubts=[text(path) for path in told.doubts],
        named=[text(path) for path in told.named],
        whole=told.whole,
    )


def _users(site: Site, files: Files | PeFiles, package: str, libraries: Sequence[str]) -> list[str]:
    """Modules of a package whose sources name one of the libraries, the outermost first."""
    found = site.find(package)
    if not libraries or found is None or not found.is_package or not found.path:
        return []
    stems = {_stem(path) for path in libraries}
    named = re.compile(rb"\b(?:lib)?(?:%s)" % b"|".join(map(re.escape, sorted(stems))))
    every = []
    for path in _sources(files, dirname(found.path)):
        module = path[len(dirname(found.path)) + 1 : -3].replace("/", ".")
        module = module.removesuffix("__init__").rstrip(".")
        if not _TESTS & set(module.split(".")) and named.search(files.read(path, _SOURCE)):
            every.append(f"{package}.{module}".rstrip("."))
    every.sort(key=lambda name: name.count("."))
    return every[:_PARTS]


def _stem(path: str) -> bytes:
    """What a source must hold that names the library: of numbered ones, what stands before."""
    stem = basename(path).partition(".")[0].removeprefix("lib")
    if not python_tag(path):
        stem = re.split(r"\d", stem)[0] or stem
    return stem.encode("utf-8", "surrogateescape")


def _sources(files: Files | PeFiles, folder: str) -> Iterator[str]:
    folders = [folder]
    for at, inner in enumerate(folders):  # grows: breadth first
        names = sorted(files.names_in(inner))
        yield from (f"{inner}/{name}" for name in names if name.endswith(".py"))
        if at < _FOLDERS:
            below = [f"{inner}/{n}" for n in names if n.isidentifier() and n != "__pycache__"]
            folders += [path for path in below if files.names_in(path)]
