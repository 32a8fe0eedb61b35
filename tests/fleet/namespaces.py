"""Nodes with networks of their own on one machine: a namespace each, joined by a bridge in another one.

Slow links and closed ports are real: a cable of their own with a token bucket, a route to nowhere.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gpufix.fleet.engines import Answer, Work, words
from gpufix.fleet.engines.fanout import programs


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


class Namespaces:
    """An engine of its own: nodes "n1" … "n8", each in its network."""

    def __init__(self, count: int) -> None:
        self._prefix = f"gf{os.getpid() % 100000}"
        self.names = [f"n{k}" for k in range(1, count + 1)]
        self._switch = f"{self._prefix}sw"
        self._cables = 0
        ip("netns", "add", self._switch)
        self._in(self._switch, "link", "add", "br0", "type", "bridge")
        self._in(self._switch, "link", "set", "br0", "up")
        for name in self.names:
            ip("netns", "add", self.space(name))
            self._in(self.space(name), "link", "set", "lo", "up")
            port = f"p{name}"
            self._in(self._switch, "link", "add", port, "type", "veth", "peer", "name", "eth0",
                     "netns", self.space(name))  # fmt: skip
            self._in(self._switch, "link", "set", port, "master", "br0", "up")
            self._in(self.space(name), "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            self._in(self.space(name), "link", "set", "eth0", "up")

    def space(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def address(self, name: str) -> str:
        return f"10.77.0.{name[1:]}"

    def _in(self, space: str, *arguments: str) -> None:
        ip("-n", space, *arguments)

    def throttle(self, one: str, two: str, rate: str) -> None:
        """A cable of their own between two nodes, slow in both directions."""
        self._cables += 1
        ends = f"c{self._cables}a", f"c{self._cables}b"
        first, second = self.space(one), self.space(two)
        self._in(
            first, "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", second
        )
        for space, end, own, other in (
            (first, ends[0], one, two),
            (second, ends[1], two, one),
        ):
            self._in(space, "link", "set", end, "up")
            self._in(space, "route", "add", f"{self.address(other)}/32", "dev", end,
                     "src", self.address(own))  # fmt: skip
            bucket = ["root", "tbf", "rate", rate, "burst", "64k", "latency", "200ms"]
            subprocess.run(["tc", "-n", space, "qdisc", "add", "dev", end, *bucket], check=True)

    def close_off(self, name: str, other: str) -> None:
        """Nothing arrives from one node at the other, and nobody says so, as behind a firewall."""
        nobody = ["lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent"]
        self._in(self.space(name), "neigh", "replace", self.address(other), *nobody)

    def nodes(self) -> Sequence[str]:
        return self.names

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        def command(node: str) -> list[str]:
            return ["ip", "netns", "exec", self.space(node), *words(work, node, sys.executable)]

        yield from programs(work, nodes, command)

    def close(self) -> None:
        for name in [*self.names, ""]:
            space = self.space(name) if name else self._switch
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


@contextmanager
def namespaces(count: int) -> Iterator[Namespaces]:
    made = Namespaces(count)
    try:
        yield made
    finally:
        made.close()


def ranks_of(parent: int) -> dict[int, int]:
    """Rank -> process, of all rank processes below a process."""
    ranks: dict[int, int] = {}  # by process: other runs on this machine have the same ranks
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            command = (folder / "cmdline").read_bytes()
            if is_rank := re.search(rb"/smoke_rank\.py\0(\d+)\0", command):
                ranks[int(folder.name)] = int(is_rank[1])
    return {rank: pid for pid, rank in ranks.items() if _below(pid, parent, parents)}


def _below(pid: int, parent: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == parent:
            return True
        pid = parents[pid]
    return False


def _connected(pid: int) -> bool:
    """Whether it has reached the store."""
    with suppress(OSError):
        return any(
            str(fd.readlink()).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir()
        )
    return False


class Slowed(threading.Thread):
    """Gives one rank of several at most a tenth of what each gets, by stopping and continuing it.

    It is stopped for as long as it really ran before: on a busy machine this thread is late itself.
    """

    def __init__(self, rank: int, ranks: int, step: float = 0.003) -> None:
        super().__init__(daemon=True)
        self._rank, self._step = rank, step
        self._share = 0.1 * min(1.0, len(os.sched_getaffinity(0)) / ranks)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            pid = ranks_of(os.getpid()).get(self._rank)
            if pid is None or not _connected(pid):  # importing torch would take minutes
                time.sleep(0.05)
                continue
            with suppress(ProcessLookupError):
                while not self._over.is_set():
                    began = time.monotonic()
                    time.sleep(self._step)
                    os.kill(pid, signal.SIGSTOP)
                    ran = time.monotonic() - began
                    time.sleep(ran / self._share - ran)
                    os.kill(pid, signal.SIGCONT)

    def __enter__(self) -> Slowed:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(5)
