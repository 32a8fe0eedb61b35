"""A libstdc++ that a package brings along under its plain name, and who could not load after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import normpath

from gpufix.binary.loader.model import Verdict
from gpufix.facts.libraries.verdicts import Judge
from gpufix.facts.reading import text
from gpufix.model import OldCxx

_NAME = "libstdc++.so.6"


def old_cxx(judge: Judge, belongs: Mapping[str, str]) -> list[OldCxx]:
    """Whoever is loaded first decides which copy all others get: the loader goes by the name."""
    takes = {path: used for path, verdict in judge.verdicts.items() if (used := _taken(verdict))}
    brought = {used: path for path, used in takes.items() if used in belongs}
    return [
        row
        for copy, bringer in sorted(brought.items())
        for row in _behind(judge, copy, belongs.get(bringer) or belongs[copy], takes, belongs)
    ]


def _taken(verdict: Verdict) -> str | None:
    return next((normpath(used.path) for used in verdict.uses if used.name == _NAME), None)


def _behind(
    judge: Judge, copy: str, owner: str, takes: Mapping[str, str], belongs: Mapping[str, str]
) -> Iterator[OldCxx]:
    """One row for each other distribution that loads by another copy, and lacks something of this one."""
    reader = judge.elf(copy)
    has = {row.version for row in reader.version_definitions} if reader else set()
    told = {owner}
    for path, used in takes.items():
        user, elf = belongs.get(path), judge.elf(path)
        if used == copy or user is None or user in told or elf is None:
            continue
        if not judge.verdicts[path].loads:
            continue
        needs = (n.version for n in elf.version_needs if n.library == _NAME and not n.weak)
        if lacking := [version for version in needs if version not in has]:
            told.add(user)
            yield OldCxx(
                path=text(copy),
                distribution=owner,
                user=user,
                library=text(path),
                versions=[text(version) for version in lacking],
            )
