"""One rank: meets the others at the store, then all-reduces, and exchanges with one partner at a time.

    python smoke_rank.py RANK STORE-ADDRESS

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
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from gpufix.fleet.smoke import copies, network
from gpufix.fleet.smoke.naming import FURTHER, further
from gpufix.fleet.smoke.pairing import Round, chosen, joined, tournament
from gpufix.fleet.smoke.ratios import Sample

STUCK, LOST, FAILED = 9, 10, 11  # exit codes
MIB = 1 << 20
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LATENCY_BYTES = 8


class Scale:
    """Sizes and times by device."""

    def __init__(self, cuda: bool, room: int) -> None:
        largest = [size for size in (64 * MIB, 1 << 30) if size * 3 < room]
        self.reduced = (
            [LATENCY_BYTES, MIB, *largest] if cuda else [LATENCY_BYTES, 1 << 16, MIB, 16 * MIB]
        )
        self.full, self.swept = (64 * MIB, 8 * MIB) if cuda else (256 << 10, 256 << 10)
        if cuda and room < 1 << 30:
            self.full = self.swept = MIB
        self.chunk = 8 if cuda else 2
        # CPU ranks share their processors: a window spans many turns of the scheduler.
        self.window_s, self.sweep_s = (0.1, 0.5) if cuda else (0.5, 1.5)
        self.step_s = 0.01 if cuda else 0.04
        self.budget_s = 1.0 if cuda else 0.5


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def leave(code: int, **line: Any) -> NoReturn:
    """Nothing is torn down: a collective that hangs would hang that, too."""
    say(**line)
    os._exit(code)


class Watchdog:
    """Ends the process when one step takes too long, whatever the step hangs in."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until, self._step = seconds, float("inf"), ""
        threading.Thread(target=self._watch, daemon=True).start()

    def arm(self, step: str, seconds: float = 0.0) -> None:
        self._step = step
        self._until = time.monotonic() + max(self._seconds, seconds)

    def _watch(self) -> None:
        while time.monotonic() < self._until:
            time.sleep(0.2)
        leave(STUCK, stuck=self._step, seconds=self._seconds)


class Meeting:
    """The store, where ranks wait for each other, and learn who is missing."""

    def __init__(self, store: Any, rank: int, seconds: float) -> None:
        self.store, self._rank, self._seconds = store, rank, seconds
        self.members: list[int] = []

    def arrive(self, seconds: float) -> None:
        """Be counted; then the members are those who came in time."""
        self.store.set(f"here/{self._rank}", b"1")
        self.store.add("arrived", 1)
        self.members = json.loads(self.read("members", seconds))
        if self._rank not in self.members:
            leave(LOST, lost=[], step="the roll call", late=True)

    def read(self, key: str, seconds: float | None = None) -> bytes:
        """The value, once somebody has set it. Raises TimeoutError."""
        end = time.monotonic() + (seconds or self._seconds)
        while True:
            try:
                self.store.wait([key], timedelta(seconds=0.5))
                value: bytes = self.store.get(key)
                return value
            except RuntimeError:
                if time.monotonic() >= end or self._aborted():
                    raise TimeoutError(key) from None
                time.sleep(0.02)

    def _aborted(self) -> bool:
        try:
            return bool(self.store.check(["abort"]))
        except RuntimeError:  # the store is gone
            return True

    def barrier(self, step: str) -> None:
        """All members are here; or this process says who is not, and ends."""
        self.store.set(f"at/{step}/{self._rank}", b"1")
        if self.store.add(f"at/{step}", 1) == len(self.members):
            self.store.set(f"go/{step}", b"1")
        try:
            self.read(f"go/{step}")
        except TimeoutError:
            self.give_up(step)

    def give_up(self, step: str) -> NoReturn:
        try:
            lost = [r for r in self.members if not self.store.check([f"at/{step}/{r}"])]
            self.store.set("abort", b"1")
        except RuntimeError:
            leave(LOST, lost=[], step=step, store="gone")
        leave(LOST, lost=lost, step=step)


class Rank:
    """The measurements. Ranks are numbered among the members from here on."""

    def __init__(
        self, torch: Any, plan: dict[str, Any], rank: int, meeting: Meeting, dog: Watchdog
    ) -> None:
        self.torch, self.dist, self.plan, self.meeting, self.dog = (
            torch,
            torch.distributed,
            plan,
            meeting,
            dog,
        )
        self.cuda = plan["device"] == "cuda"
        places = [(node["name"], i) for node in plan["world"] for i in range(node["ranks"])]
        self.places = [places[member] for member in meeting.members]
        self.index = meeting.members.index(rank)
        self.node, self.local = places[rank]
        self.device = torch.device("cuda", self.local) if self.cuda else torch.device("cpu")
        if self.cuda:
            torch.cuda.set_device(self.device)
        room = torch.cuda.mem_get_info(self.device)[0] if self.cuda else 0
        self.scale = Scale(self.cuda, room)
        self.own = os.environ.get("GPUFIX_OWN_ADDRESS", "")
        self.seed = int(plan["nonce"]) % 1000

    def step(self, name: str) -> None:
        self.dog.arm(name)
        say(at=name)
        self.meeting.barrier(name)

    def run(self) -> None:
        wanted = self.plan["sections"]
        if "copies" in wanted and self.cuda:
            self._copies()
        self._reach_all()
        if len(self.places) > 1 or self.cuda:
            self._connect()
        if len(self.places) > 1:
            if "allreduce" in wanted:
                self._allreduces()
            if "pairs" in wanted:
                self._pairs()
        self.step("the end")
        leave(0, done=True)

    def _copies(self) -> None:
        """By the first rank of each node that has several; the others wait for it."""
        beside = [i for n, i in self.places if n == self.node]
        if self.local == beside[0] and len(beside) > 1:
            devices = [self.torch.device("cuda", i) for i in beside]
            say(copies=copies.matrix(self.torch, devices, self.dog.arm))
        self.step("the copies of all nodes")

    def _reach_all(self) -> None:
        """Every node to every other one, at ports like those that NCCL and gloo take."""
        first = {node: i for i, (node, _) in reversed(list(enumerate(self.places)))}
        if len(first) < 2:
            return
        with network.Listener(self.own) as listener:
            if first[self.node] == self.index:
                here = json.dumps([listener.address, listener.port]).encode()
                self.meeting.store.set(f"listens/{self.node}", here)
            self.step("nodes listen")
            if first[self.node] == self.index:
                others = [node for node in first if node != self.node]
                places = {node: json.loads(self.meeting.read(f"listens/{node}")) for node in others}
                missed = network.missed(places)
                say(missed=missed)
                self.meeting.store.set(f"missed/{self.node}", json.dumps(missed).encode())
            self.step("nodes reach each other")
        missed_by = {node: json.loads(self.meeting.read(f"missed/{node}")) for node in first}
        cut = network.cut(missed_by)
        if cut:
            self._go_on_without(cut)

    def _go_on_without(self, cut: Sequence[str]) -> None:
        """The ranks of nodes that are cut off end; the others are numbered again."""
        if self.node in cut:
            leave(0, cut=True)
        kept = [i for i, (node, _) in enumerate(self.places) if node not in cut]
        self.meeting.members = [self.meeting.members[i] for i in kept]
        self.places = [self.places[i] for i in kept]
        self.index = kept.index(self.index)
        say(members=self.meeting.members)
        if len(self.places) < 2:
            leave(0, done=True)

    def _connect(self) -> None:
        """The process group, and one small all-reduce that opens it."""
        self.step("connecting")
        backend = "nccl" if self.cuda else "gloo"
        store = self.dist.PrefixStore("group", self.meeting.store)
        limit = timedelta(seconds=self.plan["step_s"])
        self.dist.init_process_group(
            backend, store=store, rank=self.index, world_size=len(self.places), timeout=limit
        )
        self.reduce(self.torch.ones(1, device=self.device), None)
        self.wait()
        say(transport=self._transport(backend))

    def _transport(self, backend: str) -> list[str]:
        if backend == "gloo":
            name = os.environ.get("GLOO_SOCKET_IFNAME", "")
            return [f"gloo, TCP over {name}" if name else "gloo, TCP"]
        return transports(os.environ.get("NCCL_DEBUG_FILE", ""))

    def _allreduces(self) -> None:
        self._reduce_among("all", None, list(range(len(self.places))))
        names = list(dict.fromkeys(node for node, _ in self.places))
        inside = [[i for i, (node, _) in enumerate(self.places) if node == name] for name in names]
        if len(names) > 1 and any(len(ranks) > 1 for ranks in inside):
            self.step("groups of the nodes")
            groups = [self.dist.new_group(ranks) if len(ranks) > 1 else None for ranks in inside]
            at = names.index(self.node)
            self._reduce_among("node", groups[at], inside[at])
        if self.cuda:
            say(transport=self._transport("nccl"))

    def _reduce_among(self, name: str, group: Any, ranks: list[int]) -> None:
        for size in self.scale.reduced:
            self.step(f"all-reduce, {name}, {size} bytes")
            if len(ranks) < 2:
                continue
            data = self.torch.empty(size // 4, dtype=self.torch.float32, device=self.device)
            right = self._checked(data, group, ranks)
            data.zero_()
            seconds = self._timed(data, group, 100 if size <= MIB else 20)
            say(allreduce=name, bytes=size, seconds=seconds, ranks=len(ranks), right=right)
            del data

    def _checked(self, data: Any, group: Any, ranks: list[int]) -> bool:
        """Small whole numbers, so that their sum is exact in any order; compared at random places."""
        n = data.numel()
        places = self.torch.arange(n, device=self.device)
        data.copy_(((places * 7 + ranks.index(self.index) * 13 + self.seed) % 31).to(data.dtype))
        del places
        self.reduce(data, group)
        self.wait()
        some = self.torch.randint(0, n, (min(n, 1 << 16),), device=self.device)
        some[-1] = n - 1
        wanted = sum((some * 7 + k * 13 + self.seed) % 31 for k in range(len(ranks)))
        return bool(self.torch.equal(data[some], wanted.to(data.dtype)))

    def _timed(self, data: Any, group: Any, most: int) -> float:
        """Seconds of one, over as many as the slowest rank has time for. nccl-tests: the mean, too."""
        first = self.torch.tensor([self._seconds(data, group, 2)], device=self.device)
        self.dist.all_reduce(first, op=self.dist.ReduceOp.MAX, group=group)
        runs = int(max(2, min(most, self.scale.budget_s / max(float(first.item()), 1e-9))))
        return self._seconds(data, group, runs)

    def _seconds(self, data: Any, group: Any, runs: int) -> float:
        self.wait()
        begin = time.perf_counter()
        for _ in range(runs):
            self.reduce(data, group)
        self.wait()
        return (time.perf_counter() - begin) / runs

    def reduce(self, data: Any, group: Any) -> None:
        self.dist.all_reduce(data, group=group)

    def wait(self) -> None:
        if self.cuda:
            self.torch.cuda.synchronize(self.device)

    def _pairs(self) -> None:
        """Inside all nodes side by side; then between them, ranks of one number with each other."""
        nodes: dict[str, list[int]] = {}
        lanes: dict[int, list[int]] = {}
        for index, (node, local) in enumerate(self.places):
            nodes.setdefault(node, []).append(index)
            lanes.setdefault(local, []).append(index)
        for name, groups in (("inside", nodes.values()), ("between", lanes.values())):
            meeting = [g for g in groups if len(g) > 1]
            if meeting and (name == "inside" or len(nodes) > 1):
                Phase(self, name, meeting).run()

    def kind(self, name: str, a: int, b: int) -> str:
        """Which pairs compare: inside a node those of one kind of link."""
        if name == "between":
            return name
        node, one = self.places[a]
        kinds: dict[str, str] = self.plan["kinds"].get(node, {})
        return kinds.get(f"{one}-{self.places[b][1]}", name)


class Phase:
    """The rounds among some groups of ranks: the sweep, the chosen ones, then what is suspected."""

    def __init__(self, rank: Rank, name: str, groups: Sequence[Sequence[int]]) -> None:
        self._rank, self._name, self._groups = rank, name, groups
        self._mine: list[Sample] = []
        self._number = 0
        self._buffers: dict[int, tuple[Any, Any]] = {}

    def run(self) -> None:
        scale = self._rank.scale
        sweep = joined([tournament(g) for g in self._groups])
        window = max(scale.step_s, scale.sweep_s / max(1, len(sweep)))
        self._step("sweep", len(sweep) * 4 * window)
        for pairs in sweep:
            self._round(pairs, window, full=False)
        for pairs in joined([chosen(g) for g in self._groups]):
            self._full(pairs)
        for number in range(FURTHER):
            more = self._further(number)
            if not more:
                break
            self._full(more)
        say(rounds=self._number, phase=self._name)

    def _full(self, pairs: Round) -> None:
        self._step(f"round {self._number}", 0.0)
        self._round(pairs, self._rank.scale.window_s, full=True)

    def _step(self, what: str, seconds: float) -> None:
        step = f"{self._name}: {what}"
        self._rank.step(step)
        self._rank.dog.arm(step, seconds)
        self._number += 1

    def _round(self, pairs: Round, window: float, full: bool) -> None:
        me = self._rank.index
        for a, b in pairs:
            if me in (a, b):
                peer = b if me == a else a
                self._exchange(peer, window, full)

    def _exchange(self, peer: int, window: float, full: bool) -> None:
        rank, scale = self._rank, self._rank.scale
        size = scale.full if full else scale.swept
        mine, theirs = self._tensors(size)
        say(at=f"{self._name}, round {self._number}", peer=peer)
        self._swap(peer, mine, theirs, 1)  # opens the way
        rank.wait()
        begin, marks, ended = time.perf_counter(), [0.0], False
        while not ended:
            self._swap(peer, mine, theirs, scale.chunk)
            ended = self._agreed(peer, time.perf_counter() - begin >= window)
            marks.append(time.perf_counter() - begin)
        cost = marks[-1] / (size * scale.chunk * (len(marks) - 1))
        middle = len(marks) // 2
        halves = (
            marks[middle] / middle,
            (marks[-1] - marks[middle]) / max(1, len(marks) - 1 - middle),
        )
        spread = abs(halves[0] / halves[1] - 1) if len(marks) > 2 and halves[1] else 0.0
        low, high = sorted((rank.index, peer))
        sample = Sample(low, high, cost, rank.kind(self._name, low, high), full, spread)
        self._mine.append(sample)
        say(sample=sample, phase=self._name, round=self._number, right=self._right(peer, theirs))

    def _tensors(self, size: int) -> tuple[Any, Any]:
        if size not in self._buffers:
            torch, device = self._rank.torch, self._rank.device
            mine = self._pattern(self._rank.index, size)
            self._buffers[size] = mine, torch.zeros(size // 4, dtype=torch.int32, device=device)
        return self._buffers[size]

    def _pattern(self, rank: int, size: int) -> Any:
        torch, device = self._rank.torch, self._rank.device
        places = torch.arange(size // 4, dtype=torch.int32, device=device)
        return places * 7 + rank * 1001 + self._rank.seed

    def _right(self, peer: int, theirs: Any) -> bool:
        return bool(self._rank.torch.equal(theirs, self._pattern(peer, theirs.numel() * 4)))

    def _swap(self, peer: int, mine: Any, theirs: Any, times: int) -> None:
        dist = self._rank.dist
        for _ in range(times):
            ops = [dist.P2POp(dist.isend, mine, peer), dist.P2POp(dist.irecv, theirs, peer)]
            for work in dist.batch_isend_irecv(ops):
                work.wait()

    def _agreed(self, peer: int, over: bool) -> bool:
        """The lower rank says whether the window is over; both then end after the same exchange."""
        torch, dist = self._rank.torch, self._rank.dist
        flag = torch.tensor([int(over)], dtype=torch.int32, device=self._rank.device)
        way = dist.isend if self._rank.index < peer else dist.irecv
        for work in dist.batch_isend_irecv([dist.P2POp(way, flag, peer)]):
            work.wait()
        self._rank.wait()
        return bool(flag.item())

    def _further(self, number: int) -> list[tuple[int, int]]:
        """The first rank reads what all have measured, and says what is to be measured again."""
        rank, key = self._rank, f"{self._name}/further/{number}"
        meeting = rank.meeting
        own = json.dumps(self._mine).encode()
        meeting.store.set(f"{key}/{rank.index}", own)
        step = f"{self._name}: what is suspected"
        rank.dog.arm(step)
        try:
            if rank.index == 0:
                rows = [json.loads(meeting.read(f"{key}/{i}")) for i in self._ranks()]
                samples = [Sample(*row) for some in rows for row in some]
                units = units_of(rank.places, self._name)
                more = further(samples, units, rank.plan["least"])
                meeting.store.set(key, json.dumps(more).encode())
            return [(int(a), int(b)) for a, b in json.loads(meeting.read(key))]
        except TimeoutError:
            self._rank.meeting.give_up(step)

    def _ranks(self) -> list[int]:
        return sorted({0, *(i for group in self._groups for i in group)})


def units_of(places: Sequence[tuple[str, int]], phase: str) -> list[str]:
    """What is named beside ranks: the node of each."""
    return [node for node, _ in places]


_VIA = re.compile(r" via ((?:P2P|SHM|NET)/\w+|direct\S*)|Using network (\S+)")
_VERSION = re.compile(r"NCCL version (\S+)")


def transports(files: str) -> list[str]:
    """What NCCL says it goes through, the commonest first, from its own log of this process."""
    path = Path(files.replace("%p", str(os.getpid())))
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    ways = Counter(via or f"network {network}" for via, network in _VIA.findall(text))
    version = _VERSION.findall(text)[:1]
    return [*(f"NCCL {v}" for v in version), *(way for way, _ in ways.most_common(8))]


def open_store(torch: Any, address: str, port: int, seconds: float, serve: bool = False) -> Any:
    return torch.distributed.TCPStore(
        address, port, None, serve, timedelta(seconds=seconds), wait_for_workers=False
    )


def keep_store(torch: Any, plan: dict[str, Any]) -> NoReturn:
    """Serve the store, close the roll call when all are there or the time is over; never ends."""
    port, seconds = plan["port"], plan["join_s"]
    try:
        store = open_store(torch, "127.0.0.1", port, seconds, serve=True)
    except Exception as error:
        leave(FAILED, error=f"{type(error).__name__}: {error}"[:500], step="the store")
    total, end = sum(node["ranks"] for node in plan["world"]), time.monotonic() + seconds
    while store.add("arrived", 0) < total and time.monotonic() < end:
        time.sleep(0.05)
    here = [rank for rank in range(total) if store.check([f"here/{rank}"])]
    store.set("members", json.dumps(here).encode())
    say(members=here)
    while True:
        time.sleep(60)


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
        Rank(torch, plan, rank, meeting, dog).run()
    except TimeoutError:
        leave(LOST, lost=[], step=step)
    except Exception as error:
        leave(FAILED, error=f"{type(error).__name__}: {error}"[:1000])
