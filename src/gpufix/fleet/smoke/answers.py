"""What nodes and their ranks answered, as typed records. All of it is untrusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from functools import cached_property
from typing import Any

from gpufix.fleet.ask import why_not
from gpufix.fleet.engines import Answer
from gpufix.fleet.smoke.ratios import Sample
from gpufix.fleet.wire import BadLine, decode, find
from gpufix.frozen import Frozen
from gpufix.kernels.formula import BadOutput, number, objects, text
from gpufix.process import Finished

_MOST = 64  # GPUs, and ranks of one node, that are believed


class Ended(Frozen):
    """How a program on a node ended. `code` None: it had to be ended; `state`: what it did then."""

    code: int | None
    state: str
    seconds: float
    out: str
    err: str

    @property
    def finished(self) -> Finished:
        """As the runner of local programs has it."""
        late = self.code is None
        problem = f"did not end within {self.seconds:.0f} s" if late else None
        return Finished(
            self.code, self.out.encode(), self.err.encode(), self.seconds, 0, late, problem
        )

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines that it printed, up to one that is none."""
        found: list[dict[str, Any]] = []
        with suppress(BadOutput):
            found.extend(objects(self.out))
        return found


class Pair(Frozen):
    """What NVML says of the way from one GPU to another, by bus ID."""

    source: str
    target: str
    ancestor: str
    allowed: str | None
    nvlinks: int


class Looked(Frozen):
    """A node's first answer; `problem`: why there is none, or why it can take no part."""

    node: str
    problem: str | None = None
    torch: str | None = None
    cuda: str | None = None
    gloo: bool = False
    nccl: bool = False
    devices: int = 0
    quick: tuple[Ended, ...] = ()
    pairs: tuple[Pair, ...] = ()
    no_topology: str | None = None
    addresses: tuple[str, ...] = ()
    port: int = 0
    hostname: str = ""
    resolved: str | None = None


class Ranks(Frozen):
    """A node's second answer: its ranks by number, or why there are none."""

    node: str
    problem: str | None = None
    ended: Mapping[int, Ended] = field(default_factory=dict)
    interface: str = ""
    address: str = ""
    members: tuple[int, ...] | None = None  # of the node that kept the store


def looked(one: Answer) -> Looked:
    """Of the first question."""
    data, problem = _data(one)
    if problem is not None:
        return Looked(one.node, problem)
    torch, topology, network = (_table(data.get(k)) for k in ("torch", "topology", "network"))
    version = text(torch, "version")
    rows = data.get("quick")
    quick = tuple(_ended(row) for row in (rows if isinstance(rows, list) else [])[:_MOST])
    if not version:
        return Looked(one.node, f"torch: {text(torch, 'problem') or 'no answer'}", quick=quick)
    return Looked(
        one.node,
        torch=version,
        cuda=text(torch, "cuda") or text(torch, "hip") or None,
        gloo=torch.get("gloo") is True,
        nccl=torch.get("nccl") is True,
        devices=_whole(torch.get("devices"), _MOST),
        quick=quick,
        pairs=tuple(_pairs(topology)),
        no_topology=text(topology, "problem") or None,
        addresses=tuple(str(a)[:64] for a in network.get("addresses") or [])[:16],
        port=_whole(network.get("port"), 65535),
        hostname=text(network, "hostname"),
        resolved=text(network, "resolved") or None,
    )


def ranks(one: Answer) -> Ranks:
    """Of the second."""
    data, problem = _data(one)
    if problem is not None:
        return Ranks(one.node, problem)
    if unreachable := text(data, "unreachable"):
        return Ranks(one.node, f"does not reach the store on {unreachable}")
    rows = _table(data.get("ranks"))
    members = data.get("members")
    return Ranks(
        one.node,
        ended={int(n): _ended(row) for n, row in rows.items() if n.isdigit()},
        interface=text(data, "interface"),
        address=text(data, "address"),
        members=tuple(m for m in members if isinstance(m, int))
        if isinstance(members, list)
        else None,
    )


def samples(lines: Iterable[Mapping[str, Any]], ranks: int, phase: str) -> list[Sample]:
    """The pairs that a rank says it measured."""
    found = []
    for line in lines:
        row = line.get("sample")
        if line.get("phase") != phase or not isinstance(row, list) or len(row) != 6:
            continue
        a, b, cost, kind, full, spread = row
        known = all(isinstance(end, int) and 0 <= end < ranks for end in (a, b)) and a != b
        seconds, halves = number(cost), number(spread)
        if known and seconds and seconds > 0 and halves is not None:
            found.append(Sample(a, b, seconds, str(kind)[:80], full is True, halves))
    return found


def _data(one: Answer) -> tuple[dict[str, Any], str | None]:
    line = find(one.out.decode("utf-8", "replace"))
    if line is None:
        return {}, why_not(one)
    try:
        data = decode(line)
    except BadLine as error:
        return {}, str(error)
    if not isinstance(data, dict) or data.get("gpufix_fleet_smoke") != 1:
        return {}, "an answer of another gpufix's form"
    return data, text(data, "problem") or None


def _ended(row: Any) -> Ended:
    row = _table(row)
    code = row.get("code")
    out, err = row.get("out"), row.get("err")
    return Ended(
        code if isinstance(code, int) else None,
        text(row, "state"),
        number(row.get("seconds")) or 0.0,
        out if isinstance(out, str) else "",
        err[-4000:] if isinstance(err, str) else "",
    )


def _pairs(topology: Mapping[str, Any]) -> Iterable[Pair]:
    rows = topology.get("pairs")
    for row in (rows if isinstance(rows, list) else [])[: _MOST * _MOST]:
        row = _table(row)
        yield Pair(
            text(row, "from"),
            text(row, "to"),
            text(row, "ancestor"),
            text(row, "status") or None,
            _whole(row.get("nvlinks"), 64),
        )


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any, most: int) -> int:
    return min(most, max(0, value)) if isinstance(value, int) else 0
