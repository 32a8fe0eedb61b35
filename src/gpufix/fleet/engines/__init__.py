"""How a command reaches many nodes: one file an engine that people have, all behind `Engine`.

An engine lists nodes, and gives one answer for each of them, in the order in which they come. What
its scheduler or transport does (queues, retries, fan-out, host keys) is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from gpufix.frozen import Frozen


class Work(Frozen):
    """A command for every node. `given`: its standard input.

    `seconds`: how long a node may take, from the start there. `kept`: bytes of output. An argument
    that is PYTHON stands for the interpreter that the engine itself runs on, where it has one; NODE
    for the node's name.
    """

    command: tuple[str, ...]
    given: bytes = b""
    seconds: float = 120.0
    kept: int = 16 << 20


PYTHON = "{python}"
NODE = "{node}"


def words(work: Work, node: str, python: str = "") -> list[str]:
    """The command for one node."""
    known = {PYTHON: python, NODE: node}
    return [known.get(part, part) for part in work.command]


class Answer(Frozen):
    """What came of one node. `problem`: why there is no output, None = the command ended."""

    node: str
    out: bytes = b""
    err: str = ""
    code: int | None = None
    problem: str | None = None
    seconds: float = 0.0


class Engine(Protocol):
    """One way to nodes."""

    def nodes(self) -> Sequence[str]:
        """The nodes that there are, each name once. Raises CannotReach."""
        ...

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """One answer for each of these nodes, as they come: no node waits for another."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class CannotReach(Exception):
    """The engine itself cannot be used: not installed, no cluster, no such partition."""
