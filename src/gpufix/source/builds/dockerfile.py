"""What the RUN instructions of a Dockerfile would run, stage by stage. Nothing is executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from gpufix.frozen import Frozen
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_run import Runner
from gpufix.source.builds.shell_state import Exhausted, Leave, ShellRun, joined
from gpufix.source.builds.world import BuildWorld

_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")
# An instruction up to the first line that no backslash continues; lines left empty by comments
# are passed over, as Docker does.
_INSTRUCTION = re.compile(
    r"(?m)^[ \t]*([A-Za-z]+)[ \t]+((?:[^\n]*\\[ \t]*\r?\n(?:[ \t]*\r?\n)*)*[^\n]*)"
)
_DOCUMENT = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_OPTION = re.compile(r"\A(?:--[\w-]+(?:=\S+)?[\s\\]+)+")
_IMAGE = re.compile(r"(?:\S+/)?nvidia/cuda:(\d+\.\d+)\S*-devel")
_JOINED = re.compile(r"\\[ \t]*(\r?\n)((?:[ \t]*\r?\n)*)")
_MOST = 1000  # instructions


class Instruction(NamedTuple):
    """One instruction: its name in capitals, its words as written, the line on which these begin."""

    name: str
    words: str
    line: int


class Stage(Frozen):
    """What one stage does. cuda: of the NVIDIA development image that it is built on, None: another."""

    image: str
    cuda: str | None
    run: ShellRun


def instructions(text: str) -> Iterator[Instruction]:
    """All of them, in order. RUN <<EOF has its document as words."""
    text, position = _COMMENT.sub("", text), 0
    for _ in range(_MOST):
        found = _INSTRUCTION.search(text, position)
        if found is None:
            return
        position, words = found.end(), found[2]
        line = text.count("\n", 0, found.start(2)) + 1
        if found[1].upper() == "RUN" and (document := _DOCUMENT.search(words)):
            end = re.compile(rf"(?m)^\t*{document[1]}[ \t]*\r?$").search(text, position)
            stop = end.start() if end else len(text)
            words, line = text[position:stop], text.count("\n", 0, found.end()) + 1
            position = stop
        yield Instruction(found[1].upper(), words, line)


def run_dockerfile(text: str, file: str, world: BuildWorld) -> list[Stage]:
    """The stages, from the first FROM on."""
    stages: list[_Stage] = []
    outer: dict[str, str] = {}  # ARG before the first FROM
    for each in instructions(text):
        if each.name == "FROM":
            stages.append(_Stage(each, text, file, world, outer, stages))
            continue
        if not stages:  # ARG before the first FROM, or a part of a Dockerfile
            stages.append(_Stage(None, text, file, world, outer, ()))
        try:
            stages[-1].take(each)
        except Exhausted:
            break
        if each.name == "ARG" and len(stages) == 1 and not stages[0].image:
            outer.update(stages[0].given)
    return [stage.result() for stage in stages]


class _Stage:
    """One stage while it is read."""

    def __init__(
        self,
        each: Instruction | None,
        text: str,
        file: str,
        world: BuildWorld,
        outer: dict[str, str],
        before: list[_Stage] | tuple[()],
    ) -> None:
        self.image, self.name, self.shell = "", "", True
        self.cuda: str | None = None
        self.given: dict[str, str] = {}  # of ARG: seen by RUN, not kept in the image
        self._outer = outer
        world = replace(world, torch=None, environment={})
        base: _Stage | None = None
        if each is not None:
            base = self._from(each, outer, before)
            world = replace(world, nvcc=self.cuda or "?")
        self._runner = Runner(text, file, world)
        self._runner.stops = True
        self._runner.state.opaque = True  # COPY brings what nobody sees from here
        if base is not None:
            self.cuda, self.shell = base.cuda, base.shell
            self._runner.state.variables = dict(base._runner.state.variables)
            self._runner.state.exported = set(base._runner.state.exported)
            self._runner.state.folder = base._runner.state.folder

    def _from(
        self, each: Instruction, outer: dict[str, str], before: list[_Stage] | tuple[()]
    ) -> _Stage | None:
        words = _OPTION.sub("", each.words).split()
        image = words[0] if words else ""
        image = re.sub(
            r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: outer.get(m[1], m[2] or UNKNOWN_PART), image
        )
        self.image = image
        self.name = words[2] if len(words) == 3 and words[1].lower() == "as" else ""
        found = _IMAGE.match(image)
        self.cuda = found[1] if found else None
        return next((s for s in before if s.name and s.name.lower() == image.lower()), None)

    def take(self, each: Instruction) -> None:
        """One instruction."""
        if each.name in ("ENV", "ARG"):
            self._set(each)
        elif each.name == "WORKDIR":
            state = self._runner.state
            goal = self._runner.expanded(each.words.strip().strip("\"'"))
            state.folder = joined(state.folder, goal)
        elif each.name == "SHELL":
            self.shell = re.search(r"\b(?:ba|da|z)?sh\b", each.words) is not None
        elif each.name == "RUN" and self.shell:
            self._run(each)

    def _set(self, each: Instruction) -> None:
        """NAME=value …, or the old NAME value."""
        runner = self._runner
        text = _flat(each.words)
        if not re.match(r"\s*[A-Za-z_]\w*=", text):
            name, _, value = text.strip().partition(" ")
            if each.name == "ARG":
                value = self._outer.get(name, "")
                if name not in self._outer:
                    return
            text = f'{name}="{value.strip()}"' if '"' not in value else f"{name}={value.strip()}"
        script = parse(f"export {text}", each.line)
        runner.line = each.line
        variables = runner.state.variables
        before = dict(variables)
        variables["IFS"] = ""  # Docker splits no value
        with suppress(Leave):  # ${NAME?}: Docker refuses it
            runner.script(script)
        variables.pop("IFS", None)
        if "IFS" in before:
            variables["IFS"] = before["IFS"]
        if each.name == "ARG":
            changed = {n: v for n, v in variables.items() if before.get(n) != v}
            self.given.update({n: v for n, v in changed.items() if isinstance(v, str)})

    def _run(self, each: Instruction) -> None:
        """RUN: a shell of its own, of which only files remain."""
        words = _OPTION.sub(lambda m: "\n" * m[0].count("\n"), each.words, count=1)
        if words.lstrip().startswith("["):
            return
        runner = self._runner
        outer, runner.state = runner.state, runner.state.copy()
        try:
            with suppress(Leave):
                runner.script(parse(_flat(words), each.line))
        finally:
            runner.state = outer

    def result(self) -> Stage:
        """What it has done."""
        return Stage(self.image, self.cuda, self._runner.whole(parse("")))


def _flat(words: str) -> str:
    """Continued lines without the blanks and empty lines that Docker passes over."""
    return _JOINED.sub(lambda m: f"\\{m[1]}" + m[2].count("\n") * "\\\n", words)
