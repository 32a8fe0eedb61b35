"""Nodes by ssh: the user's own client, keys, configuration and known hosts."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence

from gpufix.fleet.engines import Answer, CannotReach, Work, words
from gpufix.fleet.engines.fanout import programs
from gpufix.fleet.ranges import BadRange, expand

_CONNECT = 15  # seconds
# Nothing is asked, and a connection that died is noticed. Host keys stay as ssh_config has them.
_OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={_CONNECT}",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
)


class Ssh:
    """`hosts` as typed: "node[01-32]", "user@host". `options`: further arguments of ssh."""

    def __init__(self, hosts: str, options: str = "") -> None:
        self._hosts, self._options = hosts, options

    def nodes(self) -> list[str]:
        """The hosts that were named."""
        try:
            found = expand(self._hosts)
        except BadRange as error:
            raise CannotReach(f"--ssh {error}") from None
        if option := next((name for name in found if name.startswith("-")), None):
            raise CannotReach(f"--ssh {option!r} is no host")
        if shutil.which("ssh") is None:
            raise CannotReach("there is no ssh on PATH")
        return found

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """The remote shell, whichever it is, gets the command as one quoted line."""
        own = [part for option in _OPTIONS for part in ("-o", option)]
        # What is given first counts: the user's own options stand before ours.
        given = ["ssh", "-T", *shlex.split(self._options), *own, "--"]

        def command(node: str) -> list[str]:
            return [*given, node, shlex.join(words(work, node))]

        yield from programs(work, nodes, command, beside=_CONNECT)

    def close(self) -> None:
        """Nothing is open."""
