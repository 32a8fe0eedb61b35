"""From an engine to the report: look at every node, then let ranks on all of them meet."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from gpufix.fleet.engines import CannotReach, Engine
from gpufix.fleet.ranges import fold
from gpufix.fleet.smoke import answers, copy_rows, quick_rows, rank_rows
from gpufix.fleet.smoke.answers import Looked, Ranks
from gpufix.fleet.smoke.naming import LEAST, LEAST_CPU
from gpufix.fleet.smoke.outcome import Outcome, assembled
from gpufix.fleet.smoke.packed import work
from gpufix.fleet.smoke.world import Member, World
from gpufix.frozen import Frozen
from gpufix.model.fleet_smoke import FleetSmoke
from gpufix.text.clean import counted

Device = Literal["cuda", "cpu"]
SECTIONS = ("quick", "copies", "allreduce", "pairs")
_AGAIN = 2  # more runs of what lags: three medians, as `gpufix smoke` takes
_HOSTS = 2  # nodes that are tried as the store's

Say = Callable[[str], None]


class Wanted(Frozen):
    """`python`: on the nodes, "" = python3. `ranks`: of each node, on CPUs. `seconds`: of one step."""

    python: str
    device: Device | None = None
    ranks: int = 2
    seconds: float = 300.0
    sections: tuple[str, ...] = SECTIONS


def smoke(
    engine: Engine, nodes: Sequence[str], wanted: Wanted, say: Say = lambda _: None
) -> FleetSmoke:
    """`nodes`: of the engine's. Raises CannotReach where there are none."""
    begin = time.monotonic()
    if not nodes:
        raise CannotReach("there is no node")
    say(f"looking at {counted(len(nodes), 'node')}")
    seen = _look(engine, wanted, nodes)
    device = wanted.device or ("cuda" if any(one.devices for one in seen) else "cpu")
    found = Outcome(device=device, nodes=seen)
    if not any(one.problem is None for one in seen):
        return assembled(found, time.monotonic() - begin)
    if wanted.device is None and device == "cpu":
        found.notes.append("no GPU is seen on any node: --device cpu lets ranks on CPUs meet")
        return assembled(found, time.monotonic() - begin)
    if "quick" in wanted.sections and device == "cuda":
        say("comparing the GPUs")
        quick_rows.judge(found, lambda some: _quick_again(engine, wanted, some))
    _meet(engine, wanted, found, say)
    return assembled(found, time.monotonic() - begin)


def _look(engine: Engine, wanted: Wanted, nodes: Sequence[str]) -> list[Looked]:
    plan = {
        "device": wanted.device,
        "quick": "quick" in wanted.sections,
        "seconds": wanted.seconds,
        "torch_s": wanted.seconds / 2,
    }
    asked = engine.submit(work("look", wanted.python, plan, wanted.seconds + 10), nodes)
    by_name = {one.node: answers.looked(one) for one in asked}
    missing = Looked("", "the engine gave no answer for it")
    return [by_name.get(node, replace(missing, node=node)) for node in nodes]


def _quick_again(engine: Engine, wanted: Wanted, nodes: Sequence[str]) -> list[list[Looked]]:
    """Two more looks at the nodes that have a GPU which lags."""
    return [_look(engine, wanted, nodes) for _ in range(_AGAIN)]


def _meet(engine: Engine, wanted: Wanted, found: Outcome, say: Say) -> None:
    """Ranks on all nodes that can; another store where its node has gone."""
    members = [m for one in found.nodes if (m := _member(one, found, wanted)) is not None]
    sections = [s for s in wanted.sections if s != "quick"]
    total = sum(m.ranks for m in members)
    if total == 1:
        found.notes.append("one rank: there are no copies, all-reduces or pairs to compare")
    if not sections or total < (1 if found.device == "cuda" else 2):
        return  # one rank on a GPU shows whether NCCL starts
    for _ in range(_HOSTS):
        world = World(members, found.device)
        say(f"{counted(world.size, 'rank')} on {counted(len(members), 'node')} meet")
        plan = _plan(wanted, world, found, sections)
        told = _ranks(engine, wanted, plan, world)
        found.met = True
        why = _host_gone(members, told)
        if why is None or len(members) < 3:
            break
        found.gone[members[0].node] = why
        members = members[1:]
    rank_rows.judge(found, world, told)
    _names(found, members)
    if "copies" in sections and found.device == "cuda":
        copy_rows.judge(found, world, told)


def _names(found: Outcome, members: Sequence[Member]) -> None:
    """Nodes whose own name leads to loopback: a job that goes by names meets nobody there."""
    there = {m.node for m in members}
    wrong = [
        one.node
        for one in found.nodes
        if one.node in there and (one.resolved is None or one.resolved.startswith("127."))
    ]
    if wrong and len(members) > 1:
        found.notes.append(
            f"on {fold(wrong)} the host's own name resolves to loopback or to nothing; the ranks met "
            "since GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME were set to the interface between nodes"
        )


def _host_gone(members: Sequence[Member], told: Mapping[str, Ranks]) -> str | None:
    """Why another node should keep the store: this one has not started, or nobody reaches it."""
    host, *others = (told[m.node] for m in members)
    if not host.ended:
        return host.problem or "no rank has started"
    if others and not any(one.ended for one in others):
        return f"no other node reaches it: {others[0].node} {others[0].problem}"
    return None


def _member(one: Looked, found: Outcome, wanted: Wanted) -> Member | None:
    """A node's part; one that answered and can have none says why."""
    if one.problem is not None:
        return None
    cuda = found.device == "cuda"
    why = None
    if cuda and not one.devices:
        why = f"torch {one.torch} sees no GPU"
    elif not (one.nccl if cuda else one.gloo):
        why = f"torch {one.torch} has no {'NCCL' if cuda else 'gloo'}"
    if why is not None:
        found.unfit[one.node] = why
        return None
    return Member(one.node, one.devices if cuda else wanted.ranks)


def _plan(
    wanted: Wanted, world: World, found: Outcome, sections: Sequence[str]
) -> Mapping[str, Any]:
    by_name = {one.node: one for one in found.nodes}
    host = by_name[world.members[0].node]
    return {
        "device": found.device,
        "sections": sections,
        "world": [{"name": m.node, "ranks": m.ranks} for m in world.members],
        "host": host.node,
        "addresses": list(host.addresses),
        "port": host.port,
        "kinds": copy_rows.kinds(found.nodes),
        "nonce": secrets.randbelow(1 << 30),
        "least": LEAST if found.device == "cuda" else LEAST_CPU,
        "seconds": wanted.seconds,
        "join_s": min(60.0, max(10.0, wanted.seconds / 3)),
        "step_s": min(30.0, max(5.0, wanted.seconds / 8)),
    }


def _ranks(
    engine: Engine, wanted: Wanted, plan: Mapping[str, Any], world: World
) -> dict[str, Ranks]:
    job = work("ranks", wanted.python, plan, wanted.seconds + 20)
    nodes = [m.node for m in world.members]
    found = {one.node: answers.ranks(one) for one in engine.submit(job, nodes)}
    return {n: found.get(n, Ranks(n, "the engine gave no answer for it")) for n in nodes}
