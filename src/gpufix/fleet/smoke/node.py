"""On a node: `look` at its GPUs one by one, or start its `ranks`; prints one line for the asker.

A program that hangs is ended at the limit, and what it said until then is kept.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpufix.fleet.smoke import network
from gpufix.fleet.wire import encode

_KEPT = 4000  # lines of one rank
_LONG = 60_000  # characters of a line: the copies of 16 GPUs are one
_GRACE = 5.0  # seconds in which the rest ends, once one rank has come to the end

_ASK = """\
import json
import torch
from torch import distributed
row = {"version": torch.__version__, "cuda": torch.version.cuda, "hip": getattr(torch.version, "hip", None)}
row["distributed"] = distributed.is_available()
row["gloo"] = bool(row["distributed"] and getattr(distributed, "is_gloo_available", lambda: True)())
row["nccl"] = bool(row["distributed"] and distributed.is_nccl_available())
row["devices"] = torch.cuda.device_count()
print(json.dumps(row))
"""


class Child:
    """A program whose lines are read as they come; in this session, so that it ends with it."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.begin = self.heard = self.ran = time.monotonic()
        self._popen = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=env, universal_newlines=True, errors="replace",
        )  # fmt: skip
        pairs = (self._popen.stdout, self.lines), (self._popen.stderr, self.errors)
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True) for pair in pairs
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, into: list[str]) -> None:
        for line in stream:
            into.append(line.rstrip("\n")[:_LONG])
            self.heard = time.monotonic()

    @property
    def code(self) -> int | None:
        return self._popen.poll()

    def wait(self, until: float) -> int | None:
        """The exit code; None where it is still under way then."""
        try:
            code = self._popen.wait(max(0.0, until - time.monotonic()))
            for reader in self._readers:
                reader.join(1.0)
            return code
        except subprocess.TimeoutExpired:
            return None

    def state(self) -> str:
        """What it does now: one that was stopped, or hangs in the kernel, says so here."""
        try:
            stat = Path(f"/proc/{self._popen.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return "gone"
        letter = stat.rpartition(")")[2].split()[0]
        return {"T": "stopped", "D": "in an uninterruptible wait", "Z": "gone"}.get(
            letter, "running"
        )

    def kill(self) -> None:
        self._popen.kill()
        self.wait(time.monotonic() + 2.0)

    def row(self, until: float) -> dict[str, Any]:
        """How it ended, and what it printed."""
        code = self.wait(until)
        seconds = time.monotonic() - self.begin
        state = self.state() if code is None else ""
        if code is None:
            self.kill()
        return {"code": code, "state": state, "seconds": round(seconds, 3),
                "out": "\n".join(self.lines[-_KEPT:]), "err": "\n".join(self.errors[-40:])}  # fmt: skip


def look(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Torch's own account, quick on every GPU side by side, the topology, the network."""
    end = time.monotonic() + plan["seconds"]
    answer: dict[str, Any] = {"network": network.describe(), "cpus": os.cpu_count()}
    torch = Child([sys.executable, "-B", "-c", _ASK])
    topology = Child([sys.executable, "-B", str(folder / "smoke_topology.py")])
    guess = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    cuda = plan["device"] != "cpu"
    quick = [_quick(folder, n) for n in range(guess)] if cuda and plan["quick"] else []
    answer["torch"] = _parsed(torch.row(min(end, time.monotonic() + plan["torch_s"])))
    devices = int(answer["torch"].get("devices") or 0)
    if cuda and plan["quick"]:
        quick += [_quick(folder, n) for n in range(len(quick), devices)]
    answer["quick"] = [child.row(end) for child in quick]
    answer["topology"] = _parsed(topology.row(min(end, time.monotonic() + 5.0)))
    return answer


def _quick(folder: Path, ordinal: int) -> Child:
    return Child([sys.executable, "-B", str(folder / "quick.py"), "--device", str(ordinal)])


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON object that a child printed, or what it said instead."""
    try:
        found = json.loads(row["out"].splitlines()[-1])
        if isinstance(found, dict):
            return found
    except (ValueError, IndexError):
        pass
    if row["code"] is None:
        return {"problem": f"did not end within {row['seconds']:.0f} s"}
    words = [line for line in row["err"].splitlines() if line.strip()]
    return {"problem": (words or ["printed nothing"])[-1][:500]}


def ranks(folder: Path, plan: dict[str, Any], node: str) -> dict[str, Any]:
    """Start this node's ranks, and tell of each what it said and how it ended."""
    end = time.monotonic() + plan["seconds"]
    first, own = 0, None
    for row in plan["world"]:
        if row["name"] == node:
            own = row
            break
        first += row["ranks"]
    if own is None:
        return {"problem": f"the plan has no node {node!r}"}
    store = _start(folder, ["store"], {}) if plan["host"] == node else None
    try:
        return _ranks(folder, plan, range(first, first + own["ranks"]), end, store)
    finally:
        if store is not None:
            store.kill()


def _ranks(
    folder: Path, plan: dict[str, Any], numbers: Sequence[int], end: float, store: Child | None
) -> dict[str, Any]:
    try:
        addresses = plan["addresses"] if store is None else ["127.0.0.1"]
        address = network.reach(addresses, plan["port"], plan["join_s"])
    except network.Unreachable as error:
        if store is None:
            return {"unreachable": f"{plan['host']}: {error}"}
        said = " ".join("\n".join([*store.lines, *store.errors]).split()[-40:])
        late = f"it did not listen within {plan['join_s']:.0f} s"
        return {"problem": f"the store of torch.distributed: {said or late}"}
    toward = plan["addresses"][0] if store is not None and plan["addresses"] else address
    name, own = network.interface_to(toward if len(plan["world"]) > 1 else "127.0.0.1")
    env = environment(dict(os.environ), name, folder)
    env["GPUFIX_OWN_ADDRESS"] = own or next(iter(network.describe()["addresses"]), "127.0.0.1")
    children = {n: _start(folder, [str(n), address], env) for n in numbers}
    _wait(children, plan, end)
    rows = {str(n): child.row(time.monotonic()) for n, child in children.items()}
    members = [_members(line) for line in store.lines if '"members"' in line] if store else []
    return {
        "ranks": rows,
        "interface": name,
        "address": own,
        "members": members[0] if members else None,
    }


def _wait(children: dict[int, Child], plan: dict[str, Any], end: float) -> None:
    """Until all have ended, or the time is over. One that is stopped or silent for long is given up."""
    grace = float("inf")
    while time.monotonic() < min(end, grace):
        left = [child for child in children.values() if child.code is None]
        if not left:
            return
        over = any('"left"' in line for c in children.values() for line in c.lines[-1:])
        if grace == float("inf") and over:
            grace = time.monotonic() + _GRACE  # all leave together
        given_up = [_given_up(child, plan) for child in left]  # each is looked at each time
        if all(given_up):
            return
        time.sleep(0.05)


def _given_up(child: Child, plan: dict[str, Any]) -> bool:
    """One that is slowed down by stops runs in between: each look at it in a while finds it stopped."""
    now = time.monotonic()
    if child.state() == "running":
        child.ran = now
    silent = now - child.heard
    if silent > 2 * plan["join_s"] + _GRACE:  # longer than any step may take
        return True
    return silent > plan["step_s"] and now - child.ran > _GRACE


def _members(line: str) -> Any:
    try:
        return json.loads(line)["members"]
    except (ValueError, KeyError):
        return None


def _start(folder: Path, arguments: list[str], env: dict[str, str]) -> Child:
    command = [sys.executable, "-B", str(folder / "smoke_rank.py"), *arguments]
    return Child(command, env or None)


def environment(env: dict[str, str], interface: str, folder: Path) -> dict[str, str]:
    """NCCL and gloo take the way that leads to the others, unless the node says otherwise.

    NVLink multicast (NVLS) is off: a program that uses it wrongly can take GPUs out of service that
    other jobs share.
    """
    if interface:
        env.setdefault("GLOO_SOCKET_IFNAME", interface)
        env.setdefault("NCCL_SOCKET_IFNAME", interface)
    env["NCCL_NVLS_ENABLE"] = "0"
    env["TORCH_SYMM_MEM_DISABLE_MULTICAST"] = "1"
    env.setdefault("NCCL_DEBUG", "INFO")
    env.setdefault("NCCL_DEBUG_SUBSYS", "INIT,NET,P2P,SHM")
    env["NCCL_DEBUG_FILE"] = str(folder / "nccl.%p")
    env["OMP_NUM_THREADS"] = "1"
    env.setdefault("PYTHONUNBUFFERED", "1")
    env.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    return env


def main(folder: str, arguments: Sequence[str]) -> None:
    """`look NODE` or `ranks NODE`; the plan lies beside."""
    # Ended from outside, the children go too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    where = Path(folder)
    plan = json.loads((where / "plan.json").read_text(encoding="utf-8"))
    what, node = arguments
    answer = {"gpufix_fleet_smoke": 1, "node": node, "python": platform.python_version()}
    if what == "look":
        answer.update(look(where, plan))
    else:
        answer.update(ranks(where, plan, node))
    print(encode(answer), flush=True)
