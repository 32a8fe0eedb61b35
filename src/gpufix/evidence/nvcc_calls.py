"""The nvcc that a setup.py starts itself, with subprocess or os.system, and what it compiles for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import groupby

from gpufix.evidence.arch_lists import ArchList, arch_list
from gpufix.evidence.builds import arch_flags, builds_of
from gpufix.evidence.source_view import python_files
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source.arch_flags import ArchFlag, parse
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun, Place, Said
from gpufix.source.builds.shell_builtins import unwrapped

READ_BY_NVCC = ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")
_NEXT = ("&&", "||", ";", "|")
_VARIABLE = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
# Outputs that hold the code of one GPU.
OF_ONE = ("-ptx", "--ptx", "-cubin", "--cubin")


class NvccCall(Frozen):
    """One call. archs: with what nvcc reads from variables; one: its output holds code of one GPU.

    spelled: its flags, as they name architectures.
    """

    place: Place
    spelled: str
    flags: tuple[ArchFlag, ...]
    archs: ArchList
    one: bool
    sure: bool


def beside(view: View) -> list[ArchFlag]:
    """The architectures that nvcc takes from variables."""
    return [flag for name in READ_BY_NVCC for flag in parse(view.env(name) or "")]


def nvcc_calls(view: View) -> Iterator[tuple[str, list[NvccCall]]]:
    """Each setup.py, and its calls that name architectures: all of them are known."""
    more = beside(view)
    setups = [path for path, facts in python_files(view).items() if facts.calls_setup]
    found = view.project_holders("nvcc") if setups else ()
    holders = [path.rpartition("/")[0] for path in found or ()]
    for path in setups:
        folder = path.rpartition("/")[0]
        if not any(_within(folder, each) or _within(each, folder) for each in holders):
            continue
        here = builds_of(view).run(path)
        asks = here.fails and any(q.kind in ("gpu", "capability") for q in here.asked)
        run = builds_of(view).run(path, **with_gpu(view)) if asks else here
        if calls := list(_calls(run, more)):
            yield path, calls


def _within(folder: str, other: str) -> bool:
    return f"{folder}/".startswith(f"{other}/") or not other


def _calls(run: BuildRun, more: list[ArchFlag]) -> Iterator[NvccCall]:
    for row in run.started:
        for words in programs(row.arguments):
            if posixpath.basename(words[0]) != "nvcc":
                continue
            rows = arch_flags(tuple(Said(word, row.place) for word in words[1:]))
            flags = [flag for _, found in rows for flag in found]
            if flags and all(flag.kind in ("cubin", "ptx") for flag in flags):
                spelled = " ".join(said.text for said, found in rows if found)
                yield NvccCall(
                    place=row.place,
                    spelled=spelled.replace(UNKNOWN_PART, "…"),
                    flags=tuple(flags),
                    archs=arch_list([*flags, *more]),
                    one=any(word in OF_ONE for word in words),
                    sure=row.sure and run.whole,
                )


def programs(words: tuple[str, ...]) -> Iterator[list[str]]:
    """The programs of a line of shell, each without what is set for it."""
    for between, group in groupby(words, key=lambda word: word in _NEXT):
        rest = list(group)
        while rest and _VARIABLE.fullmatch(rest[0]):
            rest = rest[1:]
        if not between and (rest := unwrapped(rest)):
            yield rest
