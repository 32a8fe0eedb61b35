"""The kernel's log since the machine started: lines of GPU drivers that speak of faults.

Of an Xid's line its process's name is left out; no other line is kept that names a board.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import Literal, TypeAlias

from gpufix.facts.context import CollectContext
from gpufix.facts.node.unread import Unread
from gpufix.facts.reading import text, why
from gpufix.model import KernelLog, LogEvent

Kind: TypeAlias = Literal["xid", "init", "amd"]
_PATH = "/dev/kmsg"
_RECORD = 8192  # bytes; the kernel gives one record a read
_MOST = 500_000  # records
_KEPT = 200  # events
_LONG = 300
_ADDRESS = re.compile(r"\(PCI:([0-9a-fA-F:.]+)\)|\b([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\b")
_XID = re.compile(r"NVRM: Xid \([^)]*\): (\d{1,3})\b")
_INIT = re.compile(r"NVRM: .*RmInitAdapter failed|NVRM: .*GPU has fallen off the bus")
# What amdgpu and amdkfd write when they reset a GPU, or fail to. "no uncorrectable …" and "0 …" are well.
_AMD = re.compile(
    r"GPU reset begin|GPU reset\(\d+\) failed|GPU reset end with ret"
    r"|\b[1-9]\d* (?:new )?uncorrectable hardware errors detected"
    r"|Queue preemption failed for queue|Failed to evict process queues"
)
_PROCESS = re.compile(r", (?:pid='?[^,]*|name=[^,]*)")


def collect(ctx: CollectContext) -> KernelLog:
    """Raises Unread where it is closed, or holds nothing."""
    path = str(ctx.at(_PATH))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise Unread(f"{_PATH} is closed: {why(error)}") from None
    try:
        return _parsed(_records(descriptor))
    except OSError as error:
        raise Unread(f"{_PATH}: {why(error)}") from None
    finally:
        os.close(descriptor)


def _records(descriptor: int) -> Iterator[bytes]:
    """Those that there are. A recorded log is a file with one on each line."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        yield from os.read(descriptor, 64 << 20).splitlines()
        return
    for _ in range(_MOST):
        try:
            record = os.read(descriptor, _RECORD)
        except BlockingIOError:
            return
        except BrokenPipeError:  # overwritten while it was read: the next is the oldest
            continue
        if not record:
            return
        yield record.split(b"\n", 1)[0]


def _parsed(records: Iterator[bytes]) -> KernelLog:
    events: list[LogEvent] = []
    held = False
    for record in records:
        head, _, message = record.partition(b";")
        parts = head.split(b",")
        if len(parts) < 3 or not parts[2].isdigit():
            continue
        held = True
        if b"NVRM" in message or b"amdgpu" in message or b"amdkfd" in message:
            event = _event(text(message), int(parts[2]) / 1e6)
            events += [event] if event else []
    if not held:
        raise Unread(f"{_PATH} holds nothing")
    return KernelLog(events=events[-_KEPT:])


def _event(message: str, seconds: float) -> LogEvent | None:
    xid, kind = _XID.search(message), _kind(message)
    if kind is None:
        return None
    at = _ADDRESS.search(message)
    return LogEvent(
        kind=kind,
        seconds=seconds,
        text=_PROCESS.sub("", message)[:_LONG],
        number=int(xid[1]) if xid else None,
        address=_kernel_form(at[1] or at[2]) if at else None,
    )


def _kind(message: str) -> Kind | None:
    if _XID.search(message):
        return "xid"
    if _INIT.search(message):
        return "init"
    of_amd = "amdgpu" in message or "amdkfd" in message
    return "amd" if of_amd and _AMD.search(message) else None


def _kernel_form(address: str) -> str:
    """ "0000:01:00" of NVIDIA's lines -> "0000:01:00.0"."""
    return address.lower() if "." in address else f"{address.lower()}.0"
