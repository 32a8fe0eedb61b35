"""What the project's install scripts and Dockerfiles would do here, and when called with an option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from gpufix.evidence.builds import ViewFiles, world_of
from gpufix.evidence.source_view import docker_texts, shell_texts
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source.builds.dockerfile import run_dockerfile
from gpufix.source.builds.installs import Install, installs
from gpufix.source.builds.python_prints import prints
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_core import PythonPrints
from gpufix.source.builds.shell_options import options
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.shell_state import ShellCommand, ShellRun
from gpufix.source.builds.shell_syntax import Script
from gpufix.source.builds.world import BuildWorld


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


def called(view: View, path: str, text: str, **changes: object) -> tuple[Called, ...]:
    """The ways to call one script with this text. changes: of the world."""
    script = parse(text)
    answers: dict[str, str | None] = {}

    def prints_once(code: str, world: BuildWorld) -> str | None:
        if code not in answers:
            answers[code] = prints(code, world)
        return answers[code]

    # replace() takes any field; mypy asks for one type of all.
    world = replace(script_world(view, {path: text}), **changes)  # type: ignore[arg-type]
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


def script_world(view: View, edited: Mapping[str, str]) -> BuildWorld:
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
    return {path: stages(view, path, facts.text) for path, facts in texts if facts.text}


def stages(view: View, path: str, text: str) -> tuple[Called, ...]:
    world = replace(script_world(view, {}), torch=None, gpu=False)
    return tuple(Called(s.run, image=s.cuda) for s in run_dockerfile(text, path, world))
