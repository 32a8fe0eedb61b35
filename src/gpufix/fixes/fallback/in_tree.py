"""A fallback in a project's own folder: where an extension was built in place and is imported there."""

from __future__ import annotations

from posixpath import basename, dirname

import gpufix
from gpufix.evidence.view import View
from gpufix.fallbacks.catalogue import Fallback, every
from gpufix.fallbacks.pack import files
from gpufix.model import Distribution, Finding, Plan, Remove, Skip, Step, WriteFile


def of_path(path: str, view: View) -> Fallback | None:
    """The fallback of a library that a project holds and no distribution owns."""
    return next((f for f in every() if _root(f, path, view)), None)


def plan(name: str, fallback: Fallback, view: View, finding: Finding | None) -> Plan | Skip | None:
    """Remove what was built in place and put the fallback's files there.

    None: the project holds no such library. A skip: it does, and what imports it is not certain.
    """
    libraries = _in_place(fallback, view)
    roots = {root for path in libraries if (root := _root(fallback, path, view))}
    if not roots:
        return None
    reason = _uncertain(fallback, roots, view)
    if reason:
        return skip(name, fallback, finding, reason)
    (root,) = roots
    writes = [_write(f"{root}/{path}", data, view) for path, data in files(fallback).items()]
    steps: list[Step] = [Remove(path=path) for path in libraries]
    return Plan(
        fix=name,
        codes=[finding.code] if finding else [],
        subjects=list(libraries),
        title=f"put gpufix's {fallback.name} in place of {', '.join(map(basename, libraries))} "
        f"in {root}",
        safety="unsafe",
        steps=[*steps, *writes],
        notes=[fallback.summary, *fallback.covers, f"changes the project's own files in {root}"],
        fallback=fallback.name,
    )


def skip(name: str, fallback: Fallback, finding: Finding | None, reason: str) -> Skip:
    """Why a fallback is not offered for a finding, or cannot be had by its name."""
    if finding is None:
        return Skip(fix=name, code="", subject=fallback.name, reason=reason)
    return finding.skip(name, f"gpufix's {fallback.name}: {reason}")


def shadows(fallback: Fallback, view: View) -> list[str]:
    """A note for each folder of the project that Python finds before what is installed."""
    project = view.facts.project
    if project is None:
        return []
    own = {s.path.partition("/")[0] for s in project.sources if s.path.endswith("/__init__.py")}
    return [
        f"{project.root}/{top} comes first for scripts that are started in the project"
        for top in fallback.imports
        if top in own
    ]


def generator(dist: Distribution, view: View) -> str | None:
    """ "gpufix 0.3.0" when an installed fallback was made by this very version; else None."""
    wheel = view.source(f"{dist.metadata}/WHEEL") if dist.metadata else None
    lines = wheel.text.splitlines() if wheel else []
    mine = f"gpufix {gpufix.__version__}"
    return mine if f"Generator: {mine}" in lines else None


def _in_place(fallback: Fallback, view: View) -> list[str]:
    libraries = [x.path for x in view.facts.binaries.libraries if x.distribution is None]
    return sorted(path for path in libraries if _root(fallback, path, view))


def _root(fallback: Fallback, path: str, view: View) -> str | None:
    """The folder that must be on sys.path for a library to be a module of the original.

    Of /p/x/simple_knn/_C.cpython-311-x86_64-linux-gnu.so that is /p/x: its package is simple_knn.
    """
    project = view.facts.project
    if project is None or not path.startswith(f"{project.root}/"):
        return None
    folder, module = dirname(path), basename(path).partition(".")[0]
    if module in fallback.imports:
        return folder
    while len(folder) > len(project.root):
        if basename(folder) in fallback.imports:
            return dirname(folder)
        folder = dirname(folder)
    return None


def _uncertain(fallback: Fallback, roots: set[str], view: View) -> str | None:
    if fallback.build:
        return "it is built in place in the project; a compiled fallback is only installed"
    if len(roots) > 1:
        return f"built in place in several folders: {', '.join(sorted(roots))}"
    (root,) = roots
    there = {dirname(path) for path in _in_place(fallback, view)}
    there |= {dirname(path) for path in _sources(view)}
    wanted = [f"{root}/{path}" for path in files(fallback)]
    missing = sorted({dirname(path) for path in wanted} - there - {root})
    if missing:
        return f"built in place in {root}, where the folder {missing[0]} is not"
    unread = [path for path in wanted if path in _sources(view) and _digest(path, view) is None]
    return f"{unread[0]}, which it would replace, cannot be read" if unread else None


def _sources(view: View) -> set[str]:
    project = view.facts.project
    return {f"{project.root}/{s.path}" for s in project.sources} if project else set()


def _write(path: str, data: bytes, view: View) -> WriteFile:
    """Over what is there now, when the facts know of such a file."""
    return WriteFile(path=path, content=data.decode(), expect=_digest(path, view))


def _digest(path: str, view: View) -> str | None:
    """Of a source that the facts know of."""
    source = view.source(path) if path in _sources(view) else None
    return source.sha256 if source else None
