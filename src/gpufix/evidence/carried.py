"""Folders that hold projects of others, of which a setup.py of this one only includes headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpufix.evidence.builds import setup_runs
from gpufix.evidence.cmake_builds import roots
from gpufix.evidence.source_view import cmake_files
from gpufix.evidence.view import View

if TYPE_CHECKING:
    from gpufix.source.builds.run import BuildRun


def is_carried(view: View, path: str) -> bool:
    """Whether a file lies in one of them: what its own CMakeLists.txt compiles, nobody here builds."""
    return any(path.startswith(folder) for folder in view.derive(_folders))


def _folders(view: View) -> tuple[str, ...]:
    """Each with "/" behind."""
    project = view.facts.project
    if project is None:
        return ()
    root = f"{project.root.rstrip('/')}/"
    files = cmake_files(view)
    projects = {p.removesuffix("CMakeLists.txt") for p, facts in files.items() if facts.project}
    included: set[str] = set()
    sources: set[str] = set()
    for path, run in setup_runs(view):
        here = path.rpartition("/")[0]
        mine = f"{here}/" if here else ""
        included |= {f for f in _included(run, root, mine) if f in projects}
        sources |= {said.text for built in run.extensions for said in built.sources}
    found = {f for f in included if not any(text.startswith(f) for text in sources)}
    return tuple(found - _added(view, found)) if found else ()


def _included(run: BuildRun, root: str, mine: str) -> Iterator[str]:
    """The folders above those that an extension looks for headers in, up to setup.py's."""
    for built in run.extensions:
        for said in built.include_dirs:
            parts = said.text.removeprefix(root).rstrip("/").split("/")
            above = ("/".join(parts[: n + 1]) + "/" for n in range(len(parts)))
            yield from (folder for folder in above if not mine.startswith(folder))


def _added(view: View, folders: set[str]) -> set[str]:
    """Those whose CMakeLists.txt another CMake build reads."""
    builds = [root.build for root in roots(view)]
    return {
        folder
        for folder in folders
        for build in builds
        if f"{folder}CMakeLists.txt" in build.files and not build.path.startswith(folder)
    }
