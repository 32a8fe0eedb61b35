"""Architectures that scripts give to cmake and nvcc, and variables that they set for the shell alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gpufix.evidence.script_calls import Called, images, scripts, stages
from gpufix.evidence.source_view import for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.source.builds.installs import installs
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_builtins import unwrapped

_CMAKE_ARCHS = re.compile(r"-D ?\w*CUDA_ARCHITECTURES(?::\w+)?=([\w;-]+)(?!\S)")


_NVCC_ARCHS = re.compile(r"(?:-gencode|--generate-code|-?-gpu-architecture|-arch|-code)[= ]\S+")


class ArchWords(NamedTuple):
    """Architectures on a command line of a script. cmake: as CMake spells them; else nvcc's flags."""

    path: str
    line: int
    text: str
    archs: str
    cmake: bool
    when: str


def arch_words(view: View) -> Iterator[ArchWords]:
    """What scripts give to cmake by -D…CUDA_ARCHITECTURES= and to nvcc by -arch and its like."""
    for path, ways in scripts(view).items():
        if for_tests(path) or is_vendored(path):
            continue
        for way in ways:
            for command in way.commands:
                line, words = command.place.line, [*unwrapped(command.words)]
                if command.place.path != path or not words:
                    continue
                program, text = words[0].rpartition("/")[2], " ".join(words[1:])
                if program == "cmake":
                    for found in _CMAKE_ARCHS.finditer(text):
                        yield ArchWords(path, line, found[0], found[1], True, way.when)
                elif program == "nvcc" and UNKNOWN_PART not in text:
                    flags = " ".join(found[0] for found in _NVCC_ARCHS.finditer(text))
                    if flags:
                        yield ArchWords(path, line, flags, flags, False, way.when)


def unexported(view: View, names: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    """Where scripts and Dockerfiles set one of these for the shell alone: path, line, name."""
    for ways in (*scripts(view).values(), *images(view).values()):
        yield from _plain(ways, names)


def unexported_in_images(view: View, names: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    """The same of Dockerfiles that install a folder, as `pip install .`."""
    for ways in images(view).values():
        yield from _plain([way for way in ways if _installs_folder(way)], names)


def exports_in(view: View, path: str, text: str, name: str) -> bool:
    """Whether programs that a Dockerfile with this text runs see a variable, wherever it sets it."""
    return not any(_plain(stages(view, path, text), frozenset((name,))))


def _plain(ways: Iterable[Called], names: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    for way in ways:
        seen = {name for c in way.run.commands for name in c.environment} | {*way.run.final}
        for row in way.run.plain:
            if row.name in names and row.name not in seen and not row.hangs and not way.when:
                yield row.place.path, row.place.line, row.name


def _installs_folder(way: Called) -> bool:
    """Whether pip is given a folder, or a setup.py is run."""
    folders = (t for each in installs(way.run) for t in each.targets if t.startswith((".", "/")))
    return any(folders) or any(
        command.words[1:2] and command.words[1].rpartition("/")[2] == "setup.py"
        for command in way.run.commands
    )
