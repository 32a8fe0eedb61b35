"""What scripts and Dockerfiles let pip build that imports torch, and where from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gpufix.evidence.script_calls import Called, images, scripts, stages
from gpufix.evidence.source_view import for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.knowledge.torch_importers import TorchImporter, of_address, of_name
from gpufix.source.builds.installs import Install, folder_of, installs
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_state import ShellRun, joined

_ELSEWHERE = ("-f", "--find-links", "--index-url", "--extra-index-url", "-i", "--only-binary")


_CLONED = re.compile(
    r"(?:git\+)?(https://github\.com/[\w.-]+/[\w-][\w.-]*?)(?:\.git)?(?:/([\w./-]+?))?/?"
)


def torch_builds(view: View, folder: str) -> Iterator[tuple[str, int, str]]:
    """Where scripts let pip build a folder of the project in isolation: script, line, command."""
    root = view.facts.project.root.rstrip("/") if view.facts.project else ""
    yield from view.derive(_isolated_folders).get(f"{root}/{folder}".rstrip("/"), ())


def _isolated_folders(view: View) -> dict[str, list[tuple[str, int, str]]]:
    found: dict[str, list[tuple[str, int, str]]] = {}
    for path, ways in scripts(view).items():
        for way in ways:
            for each in way.isolated:
                goals = (folder_of(way.run, each, target) for target in each.targets)
                when = f" (with {way.when})" if way.when else ""
                row = (path, each.command.place.line, f"{' '.join(each.command.words)[:100]}{when}")
                for goal in {g.rstrip("/") for g in goals if g}:
                    found.setdefault(goal, []).append(row)
    return found


def installs_file(view: View, path: str) -> Iterator[tuple[str, int, str, bool]]:
    """Where scripts install a requirement file: script, line, command, whether in isolation."""
    root = view.facts.project.root.rstrip("/") if view.facts.project else ""
    for script, ways in scripts(view).items():
        for way in ways:
            here = {id(command) for command in way.commands}
            for each in installs(way.run):
                places = {joined(each.command.folder, name) for name in each.files}
                if f"{root}/{path}" in places and id(each.command) in here:
                    words = " ".join(each.command.words)[:100]
                    yield script, each.command.place.line, words, each.isolated


class TorchInstall(NamedTuple):
    """A line of a script that lets pip build, in isolation, what imports torch undeclared."""

    path: str
    line: int
    command: str
    when: str
    package: TorchImporter
    others: bool  # whether the line installs more than that


def isolated_installs(view: View, of_images: bool = False) -> Iterator[TorchInstall]:
    """Those of all scripts, or of all Dockerfiles."""
    for path, ways in (images if of_images else scripts)(view).items():
        if not for_tests(path) and not is_vendored(path):
            yield from isolated_of(view, path, ways)


def isolated_of(view: View, path: str, ways: tuple[Called, ...]) -> Iterator[TorchInstall]:
    """Those of one script's runs, but what it installs into another environment."""
    python = view.facts.python
    home = python.prefix.rstrip("/").rpartition("/")[2] if python else ""
    seen: set[tuple[int, str]] = set()
    for way in ways:
        for each in way.isolated:
            command = each.command
            other = command.within and command.within.rstrip("/").rpartition("/")[2] != home
            if other or command.place.path != path:
                continue
            for target in each.targets:
                row = _importer(way.run, each, target)
                if row is not None and (command.place.line, row.name) not in seen:
                    seen.add((command.place.line, row.name))
                    line, words = command.place.line, " ".join(command.words)[:100]
                    yield TorchInstall(path, line, words, way.when, row, len(each.targets) > 1)


def isolates_in_image(view: View, path: str, text: str) -> bool:
    """Whether a Dockerfile with this text has pip build in isolation what imports torch."""
    return any(isolated_of(view, path, stages(view, path, text)))


class TorchSource(NamedTuple):
    """A public extension for torch that a script clones and has pip build."""

    path: str
    line: int
    when: str
    package: TorchImporter
    requirement: str  # "nvdiffrast @ git+https://github.com/NVlabs/nvdiffrast"


def torch_sources(view: View) -> Iterator[TorchSource]:
    """Those of all scripts, each distribution once, at the newest state alone."""
    seen: set[str] = set()
    for path, ways in scripts(view).items():
        if for_tests(path) or is_vendored(path):
            continue
        for way in ways:
            for each in installs(way.run):
                for target in each.targets:
                    row = _importer(way.run, each, target)
                    goal = folder_of(way.run, each, target) if row else None
                    found = _CLONED.fullmatch(goal or "")
                    if row is None or found is None or row.name in seen:
                        continue
                    seen.add(row.name)
                    inner = f"#subdirectory={found[2]}" if found[2] else ""
                    requirement = f"{row.name} @ git+{found[1]}{inner}"
                    line = each.command.place.line
                    yield TorchSource(path, line, way.when, row, requirement)


def _importer(found: ShellRun, install: Install, target: str) -> TorchImporter | None:
    if UNKNOWN_PART in target:
        return None
    goal = folder_of(found, install, target)
    if goal is None:
        wheels = any(word in _ELSEWHERE for word in install.command.words)
        return None if wheels else of_name(target)
    if goal == target:
        return of_address(goal)
    return of_address(goal, _tag(found, goal))


def _tag(found: ShellRun, address: str) -> str | None:
    """What a clone is at: "" for the newest; None where the script may move it."""
    tag: str | None = ""
    for command in found.commands:
        words = command.words
        if words[:1] != ("git",):
            continue
        if "checkout" in words or "switch" in words or "reset" in words:
            return None
        if "clone" in words and any(address.startswith(w.rstrip("/")) for w in words if "/" in w):
            named = [words[i + 1] for i, w in enumerate(words[:-1]) if w in ("-b", "--branch")]
            named += [w.partition("=")[2] for w in words if w.startswith("--branch=")]
            tag = named[-1] if named else ""
    return tag
