"""Nodes by Slurm: a step a node, so that one that is down takes no other along."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence

from gpufix.fleet.engines import Answer, CannotReach, Work, words
from gpufix.fleet.engines.fanout import programs
from gpufix.fleet.ranges import BadRange, expand
from gpufix.process import NoAnswer, ask

_QUEUE = 30  # seconds for which a busy node is waited for
_SECONDS = 30.0
# States in which a node runs nothing; Slurm puts a mark behind a state (down*, drained~).
_OUT = re.compile(r"(?:down|drained|draining|fail|failing|error|future|unknown|powered_down|power)")
# Options of srun that choose nodes, and are understood by sinfo.
_CHOOSING = {"-p": "-p", "--partition": "-p", "-w": "-n", "--nodelist": "-n", "-M": "-M"}
_OURS = {"-N", "--nodes", "-n", "--ntasks", "--ntasks-per-node"}


class Slurm:
    """`options`: arguments of srun: "-p gpu -w node[01-08] --gpus-per-node=8"."""

    def __init__(self, options: str = "") -> None:
        self._options, self._choosing, self._excluded = _read(shlex.split(options))
        self._out: dict[str, str] = {}

    def nodes(self) -> list[str]:
        """Those of the allocation at hand, else those that sinfo lists for the options."""
        for program in ("srun", "sinfo"):
            if shutil.which(program) is None:
                raise CannotReach(f"there is no {program} on PATH")
        held = os.environ.get("SLURM_JOB_NODELIST")
        named = self._choosing.get("-n") or (held if "SLURM_JOB_ID" in os.environ else None)
        states = self._states(named)
        try:
            left_out = set(expand(self._excluded)) if self._excluded else set()
            wanted = expand(named) if named else list(states)
        except BadRange as error:
            raise CannotReach(f"--slurm: {error}") from None
        found = [node for node in wanted if node not in left_out]
        if not found:
            raise CannotReach("Slurm lists no node for these options")
        unknown = "Slurm does not know this node"
        self._out = {n: states.get(n, unknown) for n in found if states.get(n, unknown)}
        return found

    def _states(self, named: str | None) -> dict[str, str]:
        """Node -> why it runs nothing, "" for one that does."""
        command = ["sinfo", "-h", "-N", "-o", "%N|%T|%E"]
        choosing = {**self._choosing, **({"-n": named} if named else {})}
        command += [part for pair in choosing.items() for part in pair]
        try:
            answer = ask(command, os.environ, _SECONDS)
        except NoAnswer as error:
            raise CannotReach(f"sinfo: {error}") from None
        if answer.code:
            raise CannotReach(f"sinfo: {_last(answer.stderr)}")
        found: dict[str, str] = {}
        for line in answer.stdout.splitlines():
            node, _, rest = line.partition("|")
            state, _, why = rest.partition("|")
            told = f"{state}: {why}" if why not in ("", "none") else state
            found[node] = f"Slurm says {told}" if _OUT.match(state) else ""
        return found

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """Nodes that Slurm itself gives up are answered at once."""
        for node in nodes:
            if node in self._out:
                yield Answer(node, problem=self._out[node])
        inside = "SLURM_JOB_ID" in os.environ
        place = ["--overlap"] if inside else [f"--immediate={_QUEUE}"]
        given = ["srun", "--quiet", *self._options, *place, "-N1", "-n1"]
        asked = [node for node in nodes if node not in self._out]
        for answer in programs(
            work, asked, lambda node: [*given, "-w", node, *words(work, node)], beside=_QUEUE
        ):
            yield _explained(answer)

    def close(self) -> None:
        """Nothing is open."""


def _read(arguments: Sequence[str]) -> tuple[list[str], dict[str, str], str]:
    """The options for srun without those that choose or count nodes, these, and who is excluded."""
    kept: list[str] = []
    choosing: dict[str, str] = {}
    excluded = ""
    rest = iter(arguments)
    for argument in rest:
        name, value = _named(argument)
        if name not in _CHOOSING and name not in _OURS and name not in ("-x", "--exclude"):
            kept.append(argument)
            continue
        if value is None:
            value = next(rest, "")
        if name in ("-x", "--exclude"):
            excluded = value
        elif name in _CHOOSING:
            choosing[_CHOOSING[name]] = value
            kept += [] if _CHOOSING[name] == "-n" else [name, value]
    return kept, choosing, excluded


def _named(argument: str) -> tuple[str, str | None]:
    """The option's name, and the value where it stands in the same word."""
    if argument.startswith("--"):
        name, equals, value = argument.partition("=")
        return name, value if equals else None
    return argument[:2], argument[2:] or None


def _explained(answer: Answer) -> Answer:
    """srun's own word where the command did not run."""
    if answer.problem is None and answer.code and not answer.out:
        return Answer(
            answer.node,
            err=answer.err,
            code=answer.code,
            problem=_last(answer.err) or None,
            seconds=answer.seconds,
        )
    return answer


def _last(printed: str) -> str:
    """The first line of srun's that says error: later ones follow from it."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    of_srun = [line for line in lines if line.startswith(("srun: error", "sinfo: error"))]
    return next(iter(of_srun), lines[-1] if lines else "")
