"""A script's `case` on a release of torch or CUDA that has no branch for the one that is here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from gpufix.evidence.script_calls import script_world, scripts
from gpufix.evidence.source_view import shell_texts
from gpufix.evidence.view import View
from gpufix.source.builds.installs import installs
from gpufix.source.builds.python_prints import prints
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.shell_state import ShellRun, Unmatched
from gpufix.source.builds.world import TorchSeen

_RELEASE = re.compile(r"\d+(?:\.\d+){1,2}")


_STEPS_TO_A_BRANCH = 3


class Unserved(NamedTuple):
    """What a script installs for other releases of torch or CUDA, and not for those that are here."""

    path: str
    line: int
    names: tuple[str, ...]
    of: str  # "torch", "CUDA"
    releases: tuple[str, ...]
    when: str


def unserved(view: View) -> Iterator[Unserved]:
    """Of a `case` on a release: run again with one that has a branch, the script installs more."""
    seen = script_world(view, {}).torch
    if not isinstance(seen, TorchSeen):
        return
    for path, ways in scripts(view).items():
        text = shell_texts(view)[path].text
        told: set[tuple[str, ...]] = set()
        for way in ways:
            have = set(_installed_by(way.run))
            first = next(iter(_cases(way.run, seen)), None)
            torch: TorchSeen = seen
            run_now = way.run
            names: tuple[str, ...] = ()
            for _ in range(_STEPS_TO_A_BRANCH if first else 0):
                case = next(iter(_cases(run_now, torch)), None)
                if case is None:
                    break
                torch = _with_branch(torch, *case)
                world = replace(script_world(view, {path: text}), torch=torch)
                run_now = run(text, path, world, way.given, lambda c, w: prints(c, w), parse(text))
                names = tuple(sorted(set(_installed_by(run_now)) - have))
                if names:
                    break
            if first and names and names not in told:
                told.add(names)
                of, row = first
                releases = tuple(p for p in row.patterns if _RELEASE.fullmatch(p))
                yield Unserved(path, row.place.line, names, of, releases, way.when)


def _installed_by(found: ShellRun) -> Iterator[str]:
    """The names of packages, and the addresses of no wheel."""
    for each in installs(found):
        for target in each.targets if not each.command.hangs else ():
            name = re.match(r"[A-Za-z][\w.-]*(?=$|[=<>!~\[ ;])", target)
            if name and "/" not in target:
                yield name[0]


def _cases(found: ShellRun, torch: TorchSeen) -> Iterator[tuple[str, Unmatched]]:
    """The first `case` that has no branch for the torch or its CUDA, and what it is about."""
    for row in found.unmatched:
        if row.hangs or not any(_RELEASE.fullmatch(p) for p in row.patterns):
            continue
        if row.text in (torch.version, torch.version.partition("+")[0]):
            yield "torch", row
        elif row.text == torch.cuda:
            yield "CUDA", row


def _with_branch(torch: TorchSeen, of: str, row: Unmatched) -> TorchSeen:
    release = [p for p in row.patterns if _RELEASE.fullmatch(p)][-1]
    version, _, local = torch.version.partition("+")
    if of == "torch":
        whole = row.text == torch.version  # the script compares with what is behind the "+"
        return replace(torch, version=release if whole or not local else f"{release}+{local}")
    return replace(torch, version=f"{version}+cu{release.replace('.', '')}", cuda=release)
