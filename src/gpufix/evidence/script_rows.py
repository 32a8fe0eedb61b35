"""What scripts and Dockerfiles set, define and point to: one row each, as their runs come to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from gpufix.evidence.script_calls import Called, called, images, script_world, scripts
from gpufix.evidence.source_view import docker_texts, shell_texts
from gpufix.evidence.view import View
from gpufix.source.builds.installs import LISTS
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_state import ShellCommand, ShellRun
from gpufix.source.requirement_files import addresses
from gpufix.source.source_facts import AbiFlag, Address, ShellExport, ShellFacts

_ABI = re.compile(r"-D\s?_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")


def shell_files(view: View) -> Mapping[str, ShellFacts]:
    """What shell scripts set, define and point to."""
    return view.derive(_shell_files)


def docker_files(view: View) -> Mapping[str, ShellFacts]:
    """The same of Dockerfiles."""
    return view.derive(_docker_files)


def _shell_files(view: View) -> Mapping[str, ShellFacts]:
    ran, texts, python = scripts(view), shell_texts(view), view.facts.python
    home = python.prefix.rstrip("/").rpartition("/")[2] if python else ""
    return {p: rows(p, f.text, ran[p], home) if p in ran else f for p, f in texts.items()}


def _docker_files(view: View) -> Mapping[str, ShellFacts]:
    ran, texts = images(view), docker_texts(view)
    return {p: rows(p, f.text, ran[p]) if p in ran else f for p, f in texts.items()}


def rows(path: str, text: str, ways: tuple[Called, ...], home: str = "") -> ShellFacts:
    """What a file's runs come to, in rows. home: the name of the patient's environment.

    What is installed into another environment, `conda activate NAME`, says nothing of this one.
    """
    exports: list[ShellExport] = []
    abi: list[AbiFlag] = []
    found: list[Address] = []
    for way in ways:
        exports += [row for row in _exports(path, way) if _new(row, exports)]
        abi += [row for row in _abi(path, text, way) if _new(row, abi)]
        for command in way.commands:
            other = command.within and command.within.rstrip("/").rpartition("/")[2] != home
            if command.place.path == path and not (other and way.image == ""):
                line = command.place.line
                for row in addresses(command.words, line):
                    row = row._replace(when=way.when, image=way.image)
                    if UNKNOWN_PART not in row.url and _new(row, found):
                        found.append(row)
    return ShellFacts(tuple(exports), tuple(abi), tuple(found), text)


Row = TypeVar("Row", ShellExport, AbiFlag, Address)


def _new(row: Row, known: list[Row]) -> bool:
    """Whether no other way to call the script has brought it."""
    plain = row._replace(when="")
    return all(other._replace(when="") != plain for other in known)


def _exports(path: str, way: Called) -> Iterator[ShellExport]:
    """Lists that are in force when something runs, or when the script has ended."""
    for each in way.run.writes:
        name, value = each.name, each.value
        if name not in LISTS or not each.sure or each.place.path != path or not value:
            continue
        forced = {c.environment.get(name) for c in way.run.commands if _builds(c)}
        if UNKNOWN_PART not in value and value in {*forced, way.run.final.get(name)}:
            # ENV and ARG of a Dockerfile stand outside of its RUN lines
            yield ShellExport(each.place.line, name, value, way.image, way.when)


_NO_BUILD = frozenset(("grep", "sed", "cat", "git", "cd"))


def _builds(command: ShellCommand) -> bool:
    return command.words[0] not in _NO_BUILD


def _abi(path: str, text: str, way: Called) -> Iterator[AbiFlag]:
    """-D_GLIBCXX_USE_CXX11_ABI in compilers' calls and in the variables that builds read."""
    for command in way.commands:
        if command.place.path == path:
            for word in command.words:
                if flag := _ABI.search(word):
                    line = _written(text, way.run, command.place.line, flag[0])
                    yield AbiFlag(line, int(flag[1]), (), way.image, way.when)
    for each in way.run.writes:
        flag = _ABI.search(each.value or "")
        if flag and each.sure and each.place.path == path:
            yield AbiFlag(each.place.line, int(flag[1]), (), way.image, way.when)


def _written(text: str, found: ShellRun, line: int, flag: str) -> int:
    """The line on which a flag stands that a command is given by way of a variable."""
    lines = text.split("\n")
    if line <= len(lines) and flag in lines[line - 1]:
        return line
    places = [row.place.line for row in found.plain if flag in row.value]
    return places[-1] if places else line


def leaves(view: View, path: str, text: str, name: str, value: str) -> bool:
    """Whether every way to call a script leaves a variable as it is when that is set."""
    world = script_world(view, {})
    ways = called(view, path, text, environment={**world.environment, name: value})
    return all(row.name != name or row.value == value for row in rows(path, text, ways).exports)
