"""The machine: kernel, C and C++ libraries, container, memory and processors of its cgroup."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from gpufix.binary.loader.cache import FLAGS, MAX_CACHE, parse_cache
from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read, text, text_of, why
from gpufix.frozen import Frozen
from gpufix.model import CxxLibrary, Host

_NAME = "libstdc++.so.6"
_VERSION = re.compile(r"(GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)")


def find_libstdcxx(ctx: CollectContext, machine: str) -> Path | None:
    """Its path: /etc/ld.so.cache, else the usual folders. LD_LIBRARY_PATH is not looked at."""
    for path in (*_cached(ctx, machine), *_usual(machine)):
        if (found := ctx.at(path)).is_file():
            return found
    return None


def _cached(ctx: CollectContext, machine: str) -> Iterator[str]:
    try:
        entries = parse_cache(read(ctx.at("/etc/ld.so.cache"), MAX_CACHE))
    except OSError:  # normal on musl and in minimal images
        return
    for entry in entries:
        if entry.name == _NAME and entry.flags == FLAGS.get(machine) and not entry.hwcaps:
            yield entry.path


def _usual(machine: str) -> Iterator[str]:
    for folder in (f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu"):
        yield f"{folder}/{_NAME}"
    for folder in ("/lib64", "/usr/lib64", "/lib", "/usr/lib"):
        yield f"{folder}/{_NAME}"


def highest_versions(ctx: CollectContext, library: Path) -> tuple[str | None, str | None]:
    """The highest GLIBCXX and CXXABI that it defines, as ("3.4.30", "1.3.13")."""
    from gpufix.binary.elf import ElfError, ElfFile

    try:
        names = [definition.version for definition in ElfFile(str(library)).version_definitions]
    except (ElfError, OSError) as error:
        ctx.gap("host", text(str(library)), f"cannot be read: {why(error)}")
        return None, None
    highest: dict[str, tuple[int, ...]] = {}
    for match in filter(None, map(_VERSION.fullmatch, names)):
        version = tuple(map(int, match[2].split(".")))
        highest[match[1]] = max(highest.get(match[1], ()), version)
    glibcxx, cxxabi = (highest.get(family) for family in ("GLIBCXX", "CXXABI"))
    return _dotted(glibcxx), _dotted(cxxabi)


def _dotted(version: tuple[int, ...] | None) -> str | None:
    return ".".join(map(str, version)) if version else None


_LIMIT = 1 << 16
_MEMINFO = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB", re.MULTILINE)


def collect(ctx: CollectContext, prefixes: Sequence[str] | None = ()) -> Host:
    """Describe the machine under ctx.root; parts that cannot be read are gaps.

    `prefixes`: of environments that may bring a libstdc++ of their own; None = no libstdc++ is read.
    """
    uname = os.uname()
    libc, libc_version = _libc(ctx)
    library = find_libstdcxx(ctx, uname.machine) if prefixes is not None else None
    glibcxx, cxxabi = highest_versions(ctx, library) if library else (None, None)
    own = [CxxLibrary(path=text(str(library)), glibcxx=glibcxx, cxxabi=cxxabi)] if library else []
    limits, release = cgroup_limits(ctx), _distro(ctx)
    total, available = _memory(ctx)
    return Host(
        os=uname.sysname,
        kernel=_kernel(ctx) or uname.release,
        machine=uname.machine,
        distro=release.name,
        distro_ids=list(release.ids),
        distro_version=release.version,
        libc=libc,
        libc_version=libc_version,
        libstdcxx=text(str(library)) if library else None,
        glibcxx=glibcxx,
        cxxabi=cxxabi,
        cxx_libraries=[*own, *_copies(ctx, prefixes or ())],
        cpus=_cpus(limits.cpus),
        memory=_least(total, limits.memory),
        memory_available=_least(available, limits.memory_left),
        container=container_kind(ctx),
        wsl=is_wsl(ctx),
        image=_image(ctx),
        boot=_boot(ctx),
    )


_IMAGE_ID = re.compile(r'^imageid="?([0-9a-f]{12,64})', re.MULTILINE)
_IMAGE_VARIABLES = ("GPUFIX_IMAGE", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")


def _image(ctx: CollectContext) -> str | None:
    """A container cannot see its own digest: its runtime, or who started it, says which it is."""
    named = next(filter(None, map(ctx.environ.get, _IMAGE_VARIABLES)), None)
    if named:
        return text(named)[:500]
    found = _IMAGE_ID.search(text_of(ctx.at("/run/.containerenv"), _LIMIT))
    return found[1] if found else None


def _boot(ctx: CollectContext) -> str | None:
    number = text_of(ctx.at("/proc/sys/kernel/random/boot_id"), 64).strip()
    return hashlib.sha256(number.encode()).hexdigest()[:12] if number else None


def _copies(ctx: CollectContext, prefixes: Sequence[str]) -> Iterator[CxxLibrary]:
    for prefix in dict.fromkeys(prefixes):
        path = ctx.at(f"{prefix}/lib/{_NAME}")
        if path.is_file():
            has = highest_versions(ctx, path)
            yield CxxLibrary(path=text(str(path)), glibcxx=has[0], cxxabi=has[1])


def _least(*sizes: int | None) -> int | None:
    return min((size for size in sizes if size is not None), default=None)


def _kernel(ctx: CollectContext) -> str | None:
    try:
        return text(read(ctx.at("/proc/sys/kernel/osrelease"), 256)).strip() or None
    except OSError:
        return None


class _Release(NamedTuple):
    """What os-release says."""

    name: str | None = None
    ids: tuple[str, ...] = ()
    version: str | None = None


_ID = re.compile(r"[a-z0-9._-]{1,32}")


def _distro(ctx: CollectContext) -> _Release:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = text(read(ctx.at(path), _LIMIT)).splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines)
        fields = {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}
        ids = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".split()
        return _Release(
            (fields.get("PRETTY_NAME") or fields.get("NAME") or "")[:200] or None,
            tuple(filter(_ID.fullmatch, ids)),
            fields.get("VERSION_ID", "")[:32] or None,
        )
    return _Release()


def _libc(ctx: CollectContext) -> tuple[Literal["glibc", "musl"] | None, str | None]:
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


def _memory(ctx: CollectContext) -> tuple[int | None, int | None]:
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


# What a control group's path tells, where no marker file does.
_IN_CGROUP = (
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("containerd", "containerd"),
)


def container_kind(ctx: CollectContext) -> str | None:
    """ "docker", "podman", "kubernetes", "apptainer", "lxc", ...; None on a plain machine."""
    if ctx.environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if ctx.environ.get("APPTAINER_CONTAINER") or ctx.environ.get("SINGULARITY_CONTAINER"):
        return "apptainer"
    if ctx.at("/run/.containerenv").exists():
        return "podman"
    if ctx.at("/.dockerenv").exists():
        return "docker"
    named = _first_word(ctx, "/run/systemd/container") or ctx.environ.get("container", "")
    if named and not is_wsl(ctx):  # WSL with systemd calls itself a container
        return text(named)[:32]
    groups = text_of(ctx.at("/proc/1/cgroup"), _LIMIT)
    return next((kind for mark, kind in _IN_CGROUP if mark in groups), None)


def is_wsl(ctx: CollectContext) -> bool:
    """Microsoft's kernel says so in its release."""
    return "microsoft" in text_of(ctx.at("/proc/sys/kernel/osrelease"), _LIMIT).lower()


def _first_word(ctx: CollectContext, path: str) -> str:
    return (text_of(ctx.at(path), _LIMIT).split() or [""])[0]


_DEPTH = 32
_NO_LIMIT = 1 << 60  # version 1 writes a number near 2**63 for none


class CgroupLimits(Frozen):
    """Bytes and processors; None = unlimited, or no control group to be seen."""

    memory: int | None = None
    memory_left: int | None = None
    cpus: float | None = None


class _Names(Frozen):
    """The files of one version, and how its memory.stat calls cache that can be dropped."""

    limit: str
    usage: str
    inactive: str


_V2 = _Names("memory.max", "memory.current", "inactive_file")
_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def cgroup_limits(ctx: CollectContext) -> CgroupLimits:
    """The tightest limits from this process's own groups up to the root."""
    memory: list[tuple[int, int | None]] = []
    cpus: list[float] = []
    for controllers, path in _groups(ctx):
        for folder in _folders(ctx, controllers, path):
            if controllers in ("", "memory"):
                limit = _cgroup_memory(folder, _V1 if controllers else _V2)
                memory += [limit] if limit else []
            if controllers == "" or "cpu" in controllers.split(","):
                quota = _quota_v1(folder) if controllers else _quota_v2(folder)
                cpus += [quota] if quota else []
    return CgroupLimits(
        memory=min((limit for limit, _ in memory), default=None),
        memory_left=min((left for _, left in memory if left is not None), default=None),
        cpus=min(cpus, default=None),
    )


def _groups(ctx: CollectContext) -> Iterator[tuple[str, str]]:
    """(controllers, path) rows of /proc/self/cgroup; version 2's row names no controllers."""
    for line in _cgroup_text(ctx.at("/proc/self/cgroup")).splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3 and ".." not in parts[2].split("/"):
            yield parts[1], parts[2]


def _folders(ctx: CollectContext, controllers: str, path: str) -> Iterator[Path]:
    """The group's folder and its parents'. A container sees only its own root: those exist."""
    mounts = [f"/sys/fs/cgroup/{controllers}"]
    mounts += [f"/sys/fs/cgroup/{name}" for name in controllers.split(",") if name != controllers]
    base = next((ctx.at(mount) for mount in mounts if ctx.at(mount).is_dir()), None)
    if base is None:
        return
    group = PurePosixPath("/", path)
    for part in [group, *group.parents][:_DEPTH]:
        folder = base / str(part).lstrip("/")
        if folder.is_dir():
            yield folder


def _cgroup_memory(folder: Path, names: _Names) -> tuple[int, int | None] | None:
    """(limit, what is left under it) in bytes, None = unlimited."""
    limit = _number(_cgroup_text(folder / names.limit))
    if limit is None or limit >= _NO_LIMIT:
        return None
    usage = _number(_cgroup_text(folder / names.usage))
    if usage is None:
        return limit, None
    rows = dict(
        row.split(" ", 1) for row in _cgroup_text(folder / "memory.stat").splitlines() if " " in row
    )
    cache = _number(rows.get(names.inactive, "")) or 0
    return limit, max(0, limit - max(0, usage - cache))


def _quota_v2(folder: Path) -> float | None:
    parts = _cgroup_text(folder / "cpu.max").split()
    return _ratio(*parts) if len(parts) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    return _ratio(
        _cgroup_text(folder / "cpu.cfs_quota_us"), _cgroup_text(folder / "cpu.cfs_period_us")
    )


def _ratio(quota: str, period: str) -> float | None:
    used, available = _number(quota), _number(period)
    return used / available if used and available else None


def _number(digits: str) -> int | None:
    digits = digits.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 25 else None


def _cgroup_text(path: Path) -> str:
    try:
        return read(path, _LIMIT).decode("ascii", "replace")
    except OSError:
        return ""
