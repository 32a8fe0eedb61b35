"""Where ranks wait for each other: a store of torch.distributed, time limits, and who is missing."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import timedelta
from typing import Any, NoReturn

STUCK, LOST, FAILED = 9, 10, 11  # exit codes


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
