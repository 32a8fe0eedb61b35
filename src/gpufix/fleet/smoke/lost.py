"""Which ranks did not come to the end, and why; who only waited for them is not among these."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpufix.fleet.smoke.answers import Ended, Ranks
from gpufix.fleet.smoke.meeting import LOST, STUCK
from gpufix.fleet.smoke.world import World
from gpufix.model.fleet_smoke import SmokeLost

_LONG = 300


def rows(
    world: World, told: Mapping[str, Ranks], ended: Mapping[int, Ended], members: Sequence[int]
) -> Iterator[SmokeLost]:
    """A row for each rank that is lost, with the node's own reason first."""
    causes: dict[int, tuple[str, str]] = {}
    waited: dict[int, tuple[str, str]] = {}
    missed = _missed(world, ended)
    for rank, (node, _) in enumerate(world.places):
        problem = told[node].problem
        if problem is not None:
            causes[rank] = problem, ""
        elif rank not in ended:
            causes[rank] = "it was not started", ""
        elif any(line.get("cut") is True for line in ended[rank].lines):
            causes[rank] = missed.get(node, "it was cut off"), "nodes reach each other"
        else:
            _sort(world, rank, ended[rank], members, causes, waited)
    if not causes:
        causes = _blamed(world, ended) or waited
    for rank, (why, at) in sorted(causes.items()):
        yield SmokeLost(name=world.name(rank), node=world.places[rank][0], why=why[:_LONG], at=at)


def _missed(world: World, ended: Mapping[int, Ended]) -> dict[str, str]:
    """Of each node, the first connection to it or from it that failed."""
    found: dict[str, str] = {}
    for rank, one in ended.items():
        for line in one.lines:
            rows = line.get("missed")
            for other, why in rows.items() if isinstance(rows, dict) else ():
                node = world.places[rank][0]
                said = f"{node} does not reach {other}: {why}"
                found.setdefault(str(other), said)
                found.setdefault(node, said)
    return found


def _sort(
    world: World,
    rank: int,
    one: Ended,
    members: Sequence[int],
    causes: dict[int, tuple[str, str]],
    waited: dict[int, tuple[str, str]],
) -> None:
    lines = one.lines
    at = next((_at(world, line, members) for line in reversed(lines) if line.get("at")), "")
    if any(line.get("done") is True for line in lines):
        return
    if any(line.get("late") is True for line in lines):
        causes[rank] = "it came too late for the roll call", at
    elif one.code is None:
        causes[rank] = (
            f"no word for the rest of {one.seconds:.0f} s; its process is {one.state}",
            at,
        )
    elif one.code < 0:
        causes[rank] = f"it was ended by {_signal(-one.code)}", at
    elif one.code in (STUCK, LOST):
        waited[rank] = "it waited, and nobody came", at
    elif error := next((str(line["error"]) for line in lines if line.get("error")), ""):
        waited[rank] = " ".join(error.split()), at
    else:
        words = [line for line in one.err.splitlines() if line.strip()]
        causes[rank] = f"exit status {one.code}: {words[-1].strip() if words else 'no word'}", at


def _at(world: World, line: Mapping[str, Any], members: Sequence[int]) -> str:
    """What it was about to do, and with whom."""
    at, peer = str(line["at"])[:80], line.get("peer")
    if isinstance(peer, int) and 0 <= peer < len(members):
        return f"{at} with {world.name(members[peer])}"
    return at


def _blamed(world: World, ended: Mapping[int, Ended]) -> dict[int, tuple[str, str]]:
    """Those for whom most of the waiting ranks waited: each says who was not there."""
    found: dict[int, tuple[str, str]] = {}
    for one in ended.values():
        for line in one.lines:
            missing = line.get("lost")
            for member in missing if isinstance(missing, list) else ():
                if isinstance(member, int) and 0 <= member < world.size:
                    found[member] = "the others waited for it", str(line.get("step"))[:80]
    waiting = {rank for rank, one in ended.items() if one.code == LOST}
    return {rank: why for rank, why in found.items() if rank not in waiting}


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
