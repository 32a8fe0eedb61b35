"""The machine: operating system, C and C++ runtime, processors and memory that may be used."""

from __future__ import annotations

import os
import re
from typing import Literal

from gpufix.facts import cgroup
from gpufix.facts.container import container_kind, is_wsl
from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why
from gpufix.facts.libstdcxx import find_libstdcxx, highest_versions
from gpufix.model import Host

_LIMIT = 1 << 16
_MEMINFO = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB", re.MULTILINE)


def collect(ctx: Context) -> Host:
    """Describe the machine under ctx.root; parts that cannot be read are gaps."""
    uname = os.uname()
    libc, libc_version = _libc(ctx)
    library = find_libstdcxx(ctx, uname.machine)
    glibcxx, cxxabi = highest_versions(ctx, library) if library else (None, None)
    limits = cgroup.limits(ctx)
    total, available = _memory(ctx)
    return Host(
        os=uname.sysname,
        kernel=_kernel(ctx) or uname.release,
        machine=uname.machine,
        distro=_distro(ctx),
        libc=libc,
        libc_version=libc_version,
        libstdcxx=text(str(library)) if library else None,
        glibcxx=glibcxx,
        cxxabi=cxxabi,
        cpus=_cpus(limits.cpus),
        memory=_least(total, limits.memory),
        memory_available=_least(available, limits.memory_left),
        container=container_kind(ctx),
        wsl=is_wsl(ctx),
    )


def _least(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


def _kernel(ctx: Context) -> str | None:
    try:
        return text(read(ctx.at("/proc/sys/kernel/osrelease"), 256)).strip() or None
    except OSError:
        return None


def _distro(ctx: Context) -> str | None:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = text(read(ctx.at(path), _LIMIT)).splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines)
        fields = {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
        return (fields.get("PRETTY_NAME") or fields.get("NAME") or "")[:200] or None
    return None


def _libc(ctx: Context) -> tuple[Literal["glibc", "musl"] | None, str | None]:
    """The C library that this process runs on, which is the one that its machine's programs use."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError, AttributeError):
        name, version = "", ""
    if name == "glibc":
        return "glibc", version or None
    folder = ctx.at("/lib")
    if folder.is_dir() and any(folder.glob("ld-musl-*.so.1")):
        return "musl", None
    return None, None


def _memory(ctx: Context) -> tuple[int | None, int | None]:
    path = ctx.at("/proc/meminfo")
    try:
        rows = dict(_MEMINFO.findall(text(read(path, _LIMIT))))
    except OSError as error:
        ctx.gap("host", path, f"cannot be read: {why(error)}")
        return None, None
    total, available = (
        int(rows[key]) * 1024 if key in rows else None for key in ("MemTotal", "MemAvailable")
    )
    return total, available


def _cpus(quota: float | None) -> int:
    """Processors that this process may use: its affinity, cut to the cgroup's quota."""
    try:
        usable = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        usable = os.cpu_count() or 1
    return max(1, min(usable, int(quota)) if quota else usable)
