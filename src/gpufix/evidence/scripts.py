"""What the project's install scripts and Dockerfiles would do here, and when called with an option."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath
from posixpath import normpath
from typing import NamedTuple, TypeVar

from gpufix.evidence.builds import ViewFiles, world_of
from gpufix.evidence.source_view import docker_texts, for_tests, is_vendored, shell_texts
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.torch_importers import TorchImporter, of_address, of_name
from gpufix.source.builds.dockerfile import run_dockerfile
from gpufix.source.builds.installs import LISTS, Install, folder_of, installs
from gpufix.source.builds.python_prints import prints
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_builtins import unwrapped
from gpufix.source.builds.shell_core import PythonPrints
from gpufix.source.builds.shell_options import options
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.shell_state import ShellCommand, ShellRun, Unmatched, joined
from gpufix.source.builds.shell_syntax import Script
from gpufix.source.builds.world import BuildWorld, TorchSeen
from gpufix.source.requirement_files import addresses
from gpufix.source.source_facts import AbiFlag, Address, ShellExport, ShellFacts

_ABI = re.compile(r"-D\s?_GLIBCXX_USE_CXX11_ABI=([01])(?!\w)")
_ELSEWHERE = ("-f", "--find-links", "--index-url", "--extra-index-url", "-i", "--only-binary")
_CMAKE_ARCHS = re.compile(r"-D ?\w*CUDA_ARCHITECTURES(?::\w+)?=([\w;-]+)(?!\S)")
_NVCC_ARCHS = re.compile(r"(?:-gencode|--generate-code|-?-gpu-architecture|-arch|-code)[= ]\S+")
_RELEASE = re.compile(r"\d+(?:\.\d+){1,2}")
_STEPS_TO_A_BRANCH = 3
_CLONED = re.compile(
    r"(?:git\+)?(https://github\.com/[\w.-]+/[\w-][\w.-]*?)(?:\.git)?(?:/([\w./-]+?))?/?"
)
_NO_BUILD = frozenset(("grep", "sed", "cat", "git", "cd"))


class Called(Frozen):
    """One way to call a script. when: the option that leads to more than a plain call does."""

    run: ShellRun
    when: str = ""
    image: str | None = ""  # CUDA of the development image; None: another; "": no Dockerfile
    before: frozenset[tuple[str, int, tuple[str, ...]]] = frozenset()  # what a plain call does too
    known: frozenset[tuple[int, str]] = frozenset()  # what is missing without the option too
    given: tuple[str, ...] = ()  # the arguments

    @property
    def commands(self) -> Iterator[ShellCommand]:
        """What surely runs, and did not without the option."""
        for each in self.run.commands:
            if not each.hangs and not each.asks and _key(each) not in self.before:
                yield each

    @cached_property
    def isolated(self) -> tuple[Install, ...]:
        """Of these commands, those that let pip build in isolation."""
        here = {id(command) for command in self.commands}
        found = installs(self.run)
        return tuple(each for each in found if each.isolated and id(each.command) in here)


def _key(command: ShellCommand) -> tuple[str, int, tuple[str, ...]]:
    return command.place.path, command.place.line, command.words


def scripts(view: View) -> Mapping[str, tuple[Called, ...]]:
    """Path → the ways to call each shell script."""
    return view.derive(_scripts)


def images(view: View) -> Mapping[str, tuple[Called, ...]]:
    """Path → the stages of each Dockerfile."""
    return view.derive(_images)


def shell_files(view: View) -> Mapping[str, ShellFacts]:
    """What shell scripts set, define and point to."""
    return view.derive(_shell_files)


def docker_files(view: View) -> Mapping[str, ShellFacts]:
    """The same of Dockerfiles."""
    return view.derive(_docker_files)


def called(view: View, path: str, text: str, **changes: object) -> tuple[Called, ...]:
    """The ways to call one script with this text. changes: of the world."""
    script = parse(text)
    answers: dict[str, str | None] = {}

    def prints_once(code: str, world: BuildWorld) -> str | None:
        if code not in answers:
            answers[code] = prints(code, world)
        return answers[code]

    # replace() takes any field; mypy asks for one type of all.
    world = replace(_world(view, {path: text}), **changes)  # type: ignore[arg-type]
    plain = _run(view, text, path, world, (), script, prints_once)
    before = frozenset(map(_key, plain.commands))
    lacks = frozenset((row.place.line, row.command) for row in plain.missing)
    found = [Called(plain)]
    for option in options(script):
        given, when = _arguments(option)
        each = _run(view, text, path, world, given, script, prints_once)
        if each.beyond and len(given) == 1 and not option.endswith(("=", ":")):
            each = _run(view, text, path, world, (*given, UNKNOWN_PART), script, prints_once)
        way = Called(each, when, before=before, known=lacks, given=given)
        more = len(each.unmatched) > len(plain.unmatched)
        if more or any(way.commands) or set(each.writes) - set(plain.writes):
            found.append(way)
    return tuple(found)


def _arguments(option: str) -> tuple[tuple[str, ...], str]:
    if option.endswith(":"):
        return (option[:-1], UNKNOWN_PART), option[:-1]
    if option.endswith("="):
        return (option + UNKNOWN_PART,), option[:-1]
    return (option,), option


def _run(
    view: View,
    text: str,
    path: str,
    world: BuildWorld,
    given: tuple[str, ...],
    script: Script,
    answers: PythonPrints,
) -> ShellRun:
    found = run(text, path, world, given, answers, script)
    for name in found.asked:  # a plan that sets one of them asks this run again
        view.env(name)
    return found


def _world(view: View, edited: Mapping[str, str]) -> BuildWorld:
    """The patient as a script sees it that is run for its targets."""
    project = view.facts.project
    root = project.root if project else ""
    texts = {f"{root}/{path}": text for path, text in edited.items()}
    world = world_of(view, root, ViewFiles(view, root).edited(texts))
    if view.targets:
        world = replace(world, **with_gpu(view))
    return replace(world, torch=world.torch if view.facts.torch else None)


def _scripts(view: View) -> Mapping[str, tuple[Called, ...]]:
    base = view.with_other_variables()
    known = scripts(base) if base else {}
    return {
        path: known[path]
        if base and path in known and _reads_alike(known[path], view, base)
        else called(view, path, facts.text)
        for path, facts in shell_texts(view).items()
        if facts.text
    }


def _reads_alike(ways: tuple[Called, ...], view: View, base: View) -> bool:
    """Whether no variable that these runs read differs."""
    names = {name for way in ways for name in way.run.asked}
    return [view.env(n) for n in sorted(names)] == [base.env(n) for n in sorted(names)]


def _images(view: View) -> Mapping[str, tuple[Called, ...]]:
    texts = docker_texts(view).items()
    return {path: _stages(view, path, facts.text) for path, facts in texts if facts.text}


def _stages(view: View, path: str, text: str) -> tuple[Called, ...]:
    world = replace(_world(view, {}), torch=None, gpu=False)
    return tuple(Called(s.run, image=s.cuda) for s in run_dockerfile(text, path, world))


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


class MissingFolder(NamedTuple):
    """A path of the project that a script needs and nobody makes. Paths are relative to the root."""

    path: str
    script: str
    line: int
    command: str
    when: str


def missing_folders(view: View) -> Iterator[MissingFolder]:
    """Of scripts that install something: what is needed whenever they get there."""
    project = view.facts.project
    root = f"{project.root.rstrip('/')}/" if project else "/"
    files = ViewFiles(view, root.rstrip("/"))
    for path, ways in scripts(view).items():
        if for_tests(path) or is_vendored(path):
            continue
        for way in ways:
            if not way.run.whole or not any(installs(way.run)):
                continue
            for row in way.run.missing:
                name = row.path.removeprefix(root)
                # called in its own folder, or in one between that and the project's
                near = (normpath(f"{root}{up}/{name}") for up in PurePosixPath(path).parents)
                known = (row.place.line, row.command) in way.known
                if not row.hangs and not known and not any(map(files.exists, near)):
                    yield MissingFolder(name, row.place.path, row.place.line, row.command, way.when)


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
    seen = _world(view, {}).torch
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
                world = replace(_world(view, {path: text}), torch=torch)
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


def isolates_in_image(view: View, path: str, text: str) -> bool:
    """Whether a Dockerfile with this text has pip build in isolation what imports torch."""
    return any(isolated_of(view, path, _stages(view, path, text)))


def exports_in(view: View, path: str, text: str, name: str) -> bool:
    """Whether programs that a Dockerfile with this text runs see a variable, wherever it sets it."""
    return not any(_plain(_stages(view, path, text), frozenset((name,))))


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


def leaves(view: View, path: str, text: str, name: str, value: str) -> bool:
    """Whether every way to call a script leaves a variable as it is when that is set."""
    world = _world(view, {})
    ways = called(view, path, text, environment={**world.environment, name: value})
    return all(row.name != name or row.value == value for row in rows(path, text, ways).exports)


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
