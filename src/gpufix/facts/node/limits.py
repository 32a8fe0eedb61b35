"""What the machine and this process are limited to, and the settings that collectives meet."""

from __future__ import annotations

import os
import re

from gpufix.facts.context import CollectContext
from gpufix.facts.node.unread import Unread
from gpufix.facts.reading import text_of, why

_LOCKED = re.compile(r"^Max locked memory\s+(\d{1,20}|unlimited)\b", re.M)
_FLAGS = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.M)
_PEERMEM = ("nvidia_peermem", "nv_peer_mem")


def uptime(ctx: CollectContext) -> float:
    """Seconds since the machine started."""
    word = text_of(ctx.at("/proc/uptime"), 64).partition(" ")[0]
    if not re.fullmatch(r"\d+(\.\d+)?", word):
        raise Unread("/proc/uptime holds no number")
    return float(word)


def virtual(ctx: CollectContext) -> bool:
    """Whether a hypervisor is below. x86 has a flag for it; elsewhere the firmware's names say it."""
    flags = _FLAGS.search(text_of(ctx.at("/proc/cpuinfo"), 1 << 14))
    if flags and "fpu" in flags[1].split():
        return "hypervisor" in flags[1].split()
    names = " ".join(
        text_of(ctx.at(f"/sys/class/dmi/id/{name}"), 256) for name in ("sys_vendor", "product_name")
    )
    if not names.strip():
        raise Unread("neither the processor's flags nor the firmware's names tell it")
    return bool(
        re.search(r"QEMU|KVM|Virtual|VMware|Xen|Google Compute|Amazon EC2(?!.*metal)", names)
    )


def shm(ctx: CollectContext) -> int:
    """Bytes of /dev/shm."""
    try:
        found = os.statvfs(ctx.at("/dev/shm"))
    except OSError as error:
        raise Unread(f"/dev/shm: {why(error)}") from None
    return found.f_blocks * found.f_frsize


def memlock(ctx: CollectContext) -> int:
    """Bytes that this process may lock, -1 = any number."""
    found = _LOCKED.search(text_of(ctx.at("/proc/self/limits"), 1 << 14))
    if not found:
        raise Unread("/proc/self/limits names no limit of locked memory")
    return -1 if found[1] == "unlimited" else int(found[1])


def peermem(ctx: CollectContext) -> bool:
    """Whether the module that lends GPU memory to RDMA devices is loaded."""
    return any(ctx.at(f"/sys/module/{name}").exists() for name in _PEERMEM)


def numa_nodes(ctx: CollectContext) -> int:
    """Those of the machine."""
    found = len(list(ctx.at("/sys/devices/system/node").glob("node[0-9]*")))
    if not found:
        raise Unread("/sys/devices/system/node lists none")
    return found


def numa_balancing(ctx: CollectContext) -> bool:
    """Whether the kernel moves pages between them; a kernel without the setting does not."""
    return text_of(ctx.at("/proc/sys/kernel/numa_balancing"), 16).strip() not in ("", "0")
