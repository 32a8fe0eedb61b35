"""What a rank knows of the others and of its device: for all that it measures."""

from __future__ import annotations

import os
from typing import Any

from gpufix.fleet.smoke.meeting import Meeting, Watchdog, say

MIB = 1 << 20
LATENCY_BYTES = 8


class Scale:
    """Sizes and times by device. `room`: free bytes of a GPU's memory."""

    def __init__(self, cuda: bool, room: int) -> None:
        small = [MIB] if cuda else [1 << 16, MIB, 16 * MIB]
        large = [size for size in (64 * MIB, 1 << 30) if cuda and size * 3 < room]
        self.reduced = [LATENCY_BYTES, *small, *large]
        self.full, self.swept = (64 * MIB, 8 * MIB) if cuda else (256 << 10, 256 << 10)
        if cuda and room < 1 << 30:
            self.full = self.swept = MIB
        self.probe = MIB if cuda else 64 << 10
        self.chunk = 8 if cuda else 2
        # CPU ranks share their processors: a window spans many turns of the scheduler.
        self.window_s, self.sweep_s = (0.1, 0.5) if cuda else (0.5, 1.5)
        self.step_s = 0.01 if cuda else 0.04
        self.budget_s = 1.0 if cuda else 0.5


class Group:
    """All ranks that came. They are numbered among the members, which `index` is of this one."""

    def __init__(
        self, torch: Any, plan: dict[str, Any], rank: int, meeting: Meeting, dog: Watchdog
    ) -> None:
        self.torch, self.dist = torch, torch.distributed
        self.plan, self.meeting, self.dog = plan, meeting, dog
        self.cuda = plan["device"] == "cuda"
        places = [(node["name"], i) for node in plan["world"] for i in range(node["ranks"])]
        self.places: list[tuple[str, int]] = [places[member] for member in meeting.members]
        self.index = meeting.members.index(rank)
        self.node, self.local = places[rank]
        self.device = torch.device("cuda", self.local) if self.cuda else torch.device("cpu")
        if self.cuda:
            torch.cuda.set_device(self.device)
        room = torch.cuda.mem_get_info(self.device)[0] if self.cuda else 0
        self.scale = Scale(self.cuda, room)
        self.address = os.environ.get("GPUFIX_OWN_ADDRESS", "")
        self.seed = int(plan["nonce"]) % 1000

    def step(self, name: str) -> None:
        """All members begin it together."""
        self.dog.arm(name)
        say(at=name)
        self.meeting.barrier(name)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.cuda:
            self.torch.cuda.synchronize(self.device)

    def without(self, cut: list[str]) -> None:
        """Number the ranks again, without those of some nodes."""
        kept = [i for i, (node, _) in enumerate(self.places) if node not in cut]
        self.meeting.members = [self.meeting.members[i] for i in kept]
        self.places = [self.places[i] for i in kept]
        self.index = kept.index(self.index)

    def kind(self, phase: str, a: int, b: int) -> str:
        """Which pairs compare: inside a node those of one kind of link."""
        if phase == "between":
            return phase
        node, one = self.places[a]
        kinds: dict[str, str] = self.plan["kinds"].get(node, {})
        return kinds.get(f"{one}-{self.places[b][1]}", phase)
