"""Which sources a project's builds really compile, as an abstract run of each tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpufix.evidence.builds import builds_of, setup_runs
from gpufix.evidence.cmake_builds import roots
from gpufix.evidence.source_view import for_tests, is_vendored, python_files, source_of
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeBuild

_COMPILES = re.compile(
    r"\b(?:add_custom_command|add_custom_target|execute_process|ExternalProject_Add|cuda_compile\w*"
    r"|try_compile)\s*\(",
    re.IGNORECASE,
)


def compiled(view: View) -> frozenset[str] | None:
    """Sources that are compiled here, or with the targets visible; None where others may be."""
    return view.derive(_compiled)


def _compiled(view: View) -> frozenset[str] | None:
    project = view.facts.project
    if project is None or _others_build(view):
        return None
    found = _of_cmake(view)
    if found is None:
        return None
    for path, run in setup_runs(view):
        if for_tests(path) or is_vendored(path):
            continue
        there = builds_of(view).run(path, **with_gpu(view))
        # A failure here is SRC613's, or one that the other run has as well.
        for each in (there,) if run.fails else (run, there):
            if not _is_settled(each):
                return None
            found |= {said.text for built in each.extensions for said in built.sources}
    return frozenset(found) if found else None


def _of_cmake(view: View) -> set[str] | None:
    """The sources of all targets, also of those that may be made; None where others may be."""
    project = view.facts.project
    sources = project.sources if project else []
    own = [s.path for s in sources if s.kind == "cmake" and not is_vendored(s.path)]
    if not own:
        return set()
    builds = [root.build for root in roots(view)]
    read = {path for build in builds for path in build.files}
    if any(path not in read and not for_tests(path) for path in own):
        return None
    if not builds or not all(_is_settled_cmake(view, build) for build in builds):
        return None
    named = ((b, said.text) for b in builds for target in b.targets for said in target.sources)
    return {build.copies.get(text, text) for build, text in named}


def _is_settled_cmake(view: View, build: CMakeBuild) -> bool:
    """Whether its targets and their sources are known, and no command of its own compiles."""
    if view.facts.project is None or not build.whole or build.fails or build.unsure:
        return False
    if any(UNKNOWN_PART in said.text for target in build.targets for said in target.sources):
        return False
    texts = (source_of(view, path) for path in build.files)
    return not any(_COMPILES.search(found.text) for found in texts if found)


def _others_build(view: View) -> bool:
    """Whether a program compiles something when it runs."""
    followed = {path for path, _ in setup_runs(view)}
    return any(
        facts.extension and path not in followed for path, facts in python_files(view).items()
    )


def _is_settled(run: BuildRun) -> bool:
    sources = (said for built in run.extensions for said in built.sources)
    known = run.whole and run.called and not run.fails and not run.unsure
    return known and not any(UNKNOWN_PART in said.text for said in sources)
