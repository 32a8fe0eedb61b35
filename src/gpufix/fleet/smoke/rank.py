"""One rank: meets the others at the store, then measures with them.

    python smoke_rank.py RANK STORE-ADDRESS
    python smoke_rank.py store

Prints JSON lines: what it is about to do, what it measured, and why it stopped. A rank that waits for
another longer than a step may take says for whom, and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

from gpufix.fleet.smoke import copies, network
from gpufix.fleet.smoke.group import Group
from gpufix.fleet.smoke.meeting import (
    FAILED,
    LOST,
    Meeting,
    Watchdog,
    keep_store,
    leave,
    open_store,
    say,
)
from gpufix.fleet.smoke.reduces import allreduces
from gpufix.fleet.smoke.rounds import pairs

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def measure(group: Group) -> None:
    """All sections that are wanted, together with the others; does not return."""
    wanted = group.plan["sections"]
    if "copies" in wanted and group.cuda:
        _copies(group)
    _reach_all(group)
    several = len(group.places) > 1
    if several or group.cuda:
        _connect(group)
    if several and "allreduce" in wanted:
        allreduces(group)
    if several and "pairs" in wanted:
        pairs(group)
    if group.cuda:
        say(transport=_transport("nccl"))
    say(done=True)
    group.step("the end")  # who leaves earlier takes connections along, and the store
    leave(0, left=True)


def _copies(group: Group) -> None:
    """By the first rank of each node that has several; the others wait for it."""
    beside = [local for node, local in group.places if node == group.node]
    if group.local == beside[0] and len(beside) > 1:
        devices = [group.torch.device("cuda", local) for local in beside]
        say(copies=copies.matrix(group.torch, devices, group.dog.arm))
        group.torch.cuda.empty_cache()
    group.step("the copies of all nodes")


def _reach_all(group: Group) -> None:
    """Every node to every other one, at ports like those that NCCL and gloo take."""
    first = {node: i for i, (node, _) in reversed(list(enumerate(group.places)))}
    if len(first) < 2:
        return
    speaks, store = first[group.node] == group.index, group.meeting.store
    with network.Listener(group.address) as listener:
        if speaks:
            here = json.dumps([listener.address, listener.port]).encode()
            store.set(f"listens/{group.node}", here)
        group.step("nodes listen")
        if speaks:
            others = [node for node in first if node != group.node]
            places = {n: json.loads(group.meeting.read(f"listens/{n}")) for n in others}
            missed = network.missed(places)
            say(missed=missed)
            store.set(f"missed/{group.node}", json.dumps(missed).encode())
        group.step("nodes reach each other")
    missed_by = {node: json.loads(group.meeting.read(f"missed/{node}")) for node in first}
    if cut := network.cut(missed_by):
        if group.node in cut:
            leave(0, cut=True)
        group.without(cut)
        say(members=group.meeting.members)


def _connect(group: Group) -> None:
    """The process group, and one small all-reduce that opens it."""
    group.step("connecting")
    backend = "nccl" if group.cuda else "gloo"
    group.dist.init_process_group(
        backend,
        store=group.dist.PrefixStore("group", group.meeting.store),
        rank=group.index,
        world_size=len(group.places),
        timeout=timedelta(seconds=group.plan["step_s"]),
    )
    group.dist.all_reduce(group.torch.ones(1, device=group.device))
    group.wait()
    say(transport=_transport(backend))


def _transport(backend: str) -> list[str]:
    if backend == "gloo":
        name = os.environ.get("GLOO_SOCKET_IFNAME", "")
        return [f"gloo, TCP over {name}" if name else "gloo, TCP"]
    return transports(os.environ.get("NCCL_DEBUG_FILE", ""))


_VIA = re.compile(r" via ((?:P2P|SHM|NET)/\w+|direct\S*)|Using network (\S+)")
_VERSION = re.compile(r"NCCL version (\S+)")


def transports(files: str) -> list[str]:
    """What NCCL says it goes through, the commonest first, from its own log of this process."""
    path = Path(files.replace("%p", str(os.getpid())))
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    ways = Counter(via or f"network {chosen}" for via, chosen in _VIA.findall(text))
    version = _VERSION.findall(text)[:1]
    return [*(f"NCCL {v}" for v in version), *(way for way, _ in ways.most_common(8))]


def end_with_parent() -> None:
    """Killed as soon as the process that started it is gone, however that went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    end_with_parent()
    plan = json.loads((Path(__file__).parents[3] / "plan.json").read_text(encoding="utf-8"))
    dog = Watchdog(plan["step_s"])
    dog.arm("import torch", plan["join_s"])
    import torch

    if sys.argv[1] == "store":
        dog.arm("store", float("inf"))
        keep_store(torch, plan)
    rank, address = int(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    step = "the roll call"
    try:
        say(at=step)
        dog.arm(step, plan["join_s"] * 2)
        store = open_store(torch, address, plan["port"], plan["join_s"])
        meeting = Meeting(store, rank, plan["step_s"])
        meeting.arrive(plan["join_s"] * 2)
        measure(Group(torch, plan, rank, meeting, dog))
    except TimeoutError:
        leave(LOST, lost=[], step=step)
    except Exception as error:
        leave(FAILED, error=f"{type(error).__name__}: {error}"[:1000])
