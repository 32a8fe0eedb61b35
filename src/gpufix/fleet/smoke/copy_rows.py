"""The copy matrix against the topology: access that is refused, copies that are slow for their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from gpufix.checks.smoke.net1252_peer_access_refused import NET1252
from gpufix.checks.smoke.net1254_peer_copy_slow import NET1254
from gpufix.fleet.smoke.answers import Looked, Pair, Ranks
from gpufix.fleet.smoke.naming import LEAST
from gpufix.fleet.smoke.outcome import Outcome
from gpufix.fleet.smoke.quick_rows import result_of
from gpufix.fleet.smoke.topology import bus
from gpufix.fleet.smoke.world import World
from gpufix.kernels.formula import number
from gpufix.model import ERROR, WARNING
from gpufix.model.fleet_smoke import SmokeCopy

_OK = "ok"
_OFF = "disabled by a registry key"


def kinds(nodes: Sequence[Looked]) -> dict[str, dict[str, str]]:
    """Node -> "0-1" -> the way between these two GPUs, by torch's ordinals: pairs of one way compare."""
    return {one.node: dict(_kinds(one)) for one in nodes if one.pairs}


def _kinds(one: Looked) -> Iterator[tuple[str, str]]:
    for (a, b), pair in _ways(one).items():
        if a < b:
            yield f"{a}-{b}", _way(pair)


def _ways(one: Looked) -> dict[tuple[int, int], Pair]:
    """NVML's pairs by torch's ordinals: both name a GPU by its place on the bus."""
    places = {}
    for ordinal, ended in enumerate(one.quick):
        place = str((result_of(ended).device or {}).get("bus_id") or "")
        if place:
            places[bus(place)] = ordinal
    found = {}
    for pair in one.pairs:
        ends = places.get(bus(pair.source)), places.get(bus(pair.target))
        if ends[0] is not None and ends[1] is not None:
            found[ends[0], ends[1]] = pair
    return found


def _way(pair: Pair | None) -> str:
    if pair is None:
        return ""
    return f"NVLink × {pair.nvlinks}" if pair.nvlinks else pair.ancestor


def judge(found: Outcome, world: World, told: Mapping[str, Ranks]) -> None:
    """Rows and findings of all nodes."""
    by_name = {one.node: one for one in found.nodes}
    for node, answer in told.items():
        ways = _ways(by_name[node])
        for ended in answer.ended.values():
            for line in ended.lines:
                rows = line.get("copies")
                for row in rows if isinstance(rows, list) else ():
                    if isinstance(row, dict):
                        _take(found, node, row, ways)
    _slow(found)


def _take(
    found: Outcome, node: str, row: Mapping[str, Any], ways: Mapping[tuple[int, int], Pair]
) -> None:
    one, two = row.get("from"), row.get("to")
    if not isinstance(one, int) or not isinstance(two, int):
        return
    pair, access, rate = ways.get((one, two)), row.get("access"), number(row.get("rate"))
    copy = SmokeCopy(
        node=node,
        source=one,
        target=two,
        way=_way(pair),
        allowed=pair.allowed if pair else None,
        access=access if isinstance(access, bool) else None,
        gb_s=round(rate / 1e9, 2) if rate else None,
        problem=str(row["problem"])[:300] if row.get("problem") else None,
    )
    found.copies.append(copy)
    name = f"{node} GPU {one} to GPU {two}"
    if copy.problem or row.get("same") is False:
        words = copy.problem or "other bytes arrive than were sent"
        found.find(NET1252, ERROR, name, f"The copy from {name} fails: {words}", [node])
    elif copy.access is False and pair is not None and (why := _refused(pair)):
        found.find(NET1252, WARNING, name, f"No peer access from {name}, {why}.", [node])


def _refused(pair: Pair) -> str:
    """Why access should have been there; empty where the topology or the GPU has none."""
    if pair.nvlinks:
        return f"though {pair.nvlinks} NVLinks are up between them"
    if pair.allowed == _OFF:
        return "since it is switched off in the driver"
    if pair.allowed == _OK:
        return f"though NVML allows it ({pair.ancestor or 'PCIe'})"
    return ""


def _slow(found: Outcome) -> None:
    """Under the median of all pairs with the same way and access, by the factor of slow links."""
    groups: dict[tuple[str, bool | None], list[SmokeCopy]] = {}
    for copy in found.copies:
        if copy.gb_s:
            groups.setdefault((copy.way, copy.access), []).append(copy)
    for (way, _), same in groups.items():
        usual = median(copy.gb_s or 0.0 for copy in same)
        for copy in same:
            if len(same) > 2 and copy.gb_s and copy.gb_s * LEAST < usual:
                name = f"{copy.node} GPU {copy.source} to GPU {copy.target}"
                over = f" over {way}" if way else ""
                message = (
                    f"{name} copies {copy.gb_s:.1f} GB/s{over}; the median of such pairs is "
                    f"{usual:.1f} GB/s."
                )
                found.find(NET1254, WARNING, name, message, [copy.node])
