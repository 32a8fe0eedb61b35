"""Ask the nodes of an engine, and read what they printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gpufix.fleet.engines import Answer, Engine, Work
from gpufix.fleet.inputs import Reading, answer
from gpufix.fleet.launch import NO_FOLDER
from gpufix.fleet.wire import find

_AT = re.compile(r"^gpufix: at (.+)$", re.MULTILINE)
_LONG = 300


def ask(engine: Engine, first: Work, whole: Work | None = None) -> Iterator[Reading]:
    """One reading a node. `first` may leave out the bytes on shared storage: then `whole` is asked
    of one node for each copy, and holds for all that share it."""
    deferred: list[Reading] = []
    for one in engine.submit(first, list(engine.nodes())):
        reading = read(one)
        if whole is not None and reading.deferred:
            deferred.append(reading)
        else:
            yield reading
    if deferred and whole is not None:
        yield from _shared(engine, whole, deferred)


def read(one: Answer) -> Reading:
    """What a node printed, or why it printed nothing."""
    line = find(one.out.decode("utf-8", "replace"))
    if line is not None:
        return answer(line, one.node)
    return Reading(one.node, problem=why_not(one))


def why_not(one: Answer) -> str:
    """Why a node printed no answer, in its own words or the engine's."""
    where = _AT.findall(one.err)
    last = f"; the last that was heard: at {where[-1]}" if where else ""
    if one.problem is not None:
        return f"{one.problem}{last}"[:_LONG]
    said = [line.strip(" │") for line in one.err.splitlines() if not _AT.match(line)]
    told = next((line for line in reversed(said) if any(map(str.isalnum, line))), "")
    if one.code == NO_FOLDER:
        told = f"no folder for temporary files: {told}"
    ended = "printed no answer" if one.code == 0 else f"ended with {one.code}"
    return f"{told or f'the command {ended}'}{last}"[:_LONG]


def _key(reading: Reading) -> str:
    storage = (reading.facts or {}).get("storage")
    return str(storage.get("key")) if isinstance(storage, dict) else ""


def _shared(engine: Engine, whole: Work, deferred: list[Reading]) -> Iterator[Reading]:
    """The bytes of each copy, read on one node; on another one where that gives no answer."""
    copies: dict[str, list[Reading]] = {}
    for reading in deferred:
        copies.setdefault(_key(reading), []).append(reading)
    left = {key: [reading.node for reading in readings] for key, readings in copies.items()}
    found: dict[str, Any] = {}
    for _ in range(3):
        asked = {nodes.pop(0): key for key, nodes in left.items() if nodes and key not in found}
        if not asked:
            break
        for one in engine.submit(whole, list(asked)):
            facts = read(one).facts
            if facts is not None:
                found[asked[one.node]] = facts.get("binaries")
    for key, readings in copies.items():
        yield from (_with(reading, found.get(key)) for reading in readings)


def _with(reading: Reading, binaries: Any) -> Reading:
    facts = dict(reading.facts or {})
    if isinstance(binaries, dict) and isinstance(facts.get("binaries"), dict):
        read_once = {key: binaries.get(key) for key in ("files", "further")}
        facts["binaries"] = {**facts["binaries"], **read_once}
    return replace(reading, facts=facts)
