"""Libraries that are missing for the loader, and lie in the environment all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gpufix.facts.libraries.problems import problems_of
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.reading import text
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.model import Problem


def held(judge: Judge, belongs: Mapping[str, str], problem: Problem) -> str | None:
    """A missing library's file, where the wheel that should have brought it has brought it."""
    if problem.kind != "missing-library":
        return None
    wheels = bringing(problem.name)
    files = judge.preloaded.found(problem.name)
    return next((path for path in files if not wheels or belongs.get(path) in wheels), None)


def placed(judge: Judge, belongs: Mapping[str, str], problems: Iterable[Problem]) -> list[Problem]:
    """With the files that are there and not found; what those lack themselves in their place.

    A file that others open before, and that cannot load either, is no cause.
    """
    found: dict[tuple[str, str, str | None], Problem] = {}
    for problem in problems:
        path = held(judge, belongs, problem)
        verdict = judge.verdicts.get(path) if path else None
        deeper = problems_of(verdict) if path and verdict and verdict.refused else []
        for one in deeper or [problem]:
            by = one.needed_by or (text(path) if path and deeper else None)
            at = held(judge, belongs, one)
            named = replace(one, needed_by=by, provider=text(at) if at else one.provider)
            found.setdefault((one.kind, one.name, one.version), named)
    return list(found.values())
