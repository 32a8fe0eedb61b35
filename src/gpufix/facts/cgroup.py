"""What control groups leave of the machine: memory and processor limits, versions 1 and 2.

Files: kernel documentation, admin-guide/cgroup-v2 and cgroup-v1/memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gpufix.facts.context import Context
from gpufix.facts.files import read

_LIMIT = 1 << 16
_DEPTH = 32
_NO_LIMIT = 1 << 60  # version 1 writes a number near 2**63 for none


@dataclass(frozen=True)
class Limits:
    """Bytes and processors; None = unlimited, or no control group to be seen."""

    memory: int | None = None
    memory_left: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class _Names:
    """The files of one version, and how its memory.stat calls cache that can be dropped."""

    limit: str
    usage: str
    inactive: str


_V2 = _Names("memory.max", "memory.current", "inactive_file")
_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def limits(ctx: Context) -> Limits:
    """The tightest limits from this process's own groups up to the root."""
    memory: list[tuple[int, int | None]] = []
    cpus: list[float] = []
    for controllers, path in _groups(ctx):
        for folder in _folders(ctx, controllers, path):
            if controllers in ("", "memory"):
                limit = _memory(folder, _V1 if controllers else _V2)
                memory += [limit] if limit else []
            if controllers == "" or "cpu" in controllers.split(","):
                quota = _quota_v1(folder) if controllers else _quota_v2(folder)
                cpus += [quota] if quota else []
    return Limits(
        memory=min((limit for limit, _ in memory), default=None),
        memory_left=min((left for _, left in memory if left is not None), default=None),
        cpus=min(cpus, default=None),
    )


def _groups(ctx: Context) -> Iterator[tuple[str, str]]:
    """(controllers, path) rows of /proc/self/cgroup; version 2's row names no controllers."""
    for line in _text(ctx.at("/proc/self/cgroup")).splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3 and ".." not in parts[2].split("/"):
            yield parts[1], parts[2]


def _folders(ctx: Context, controllers: str, path: str) -> Iterator[Path]:
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


def _memory(folder: Path, names: _Names) -> tuple[int, int | None] | None:
    """(limit, what is left under it) in bytes, None = unlimited."""
    limit = _number(_text(folder / names.limit))
    if limit is None or limit >= _NO_LIMIT:
        return None
    usage = _number(_text(folder / names.usage))
    if usage is None:
        return limit, None
    rows = dict(
        row.split(" ", 1) for row in _text(folder / "memory.stat").splitlines() if " " in row
    )
    cache = _number(rows.get(names.inactive, "")) or 0
    return limit, max(0, limit - max(0, usage - cache))


def _quota_v2(folder: Path) -> float | None:
    parts = _text(folder / "cpu.max").split()
    return _ratio(*parts) if len(parts) == 2 else None


def _quota_v1(folder: Path) -> float | None:
    return _ratio(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    used, whole = _number(quota), _number(period)
    return used / whole if used and whole else None


def _number(said: str) -> int | None:
    said = said.strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 25 else None


def _text(path: Path) -> str:
    try:
        return read(path, _LIMIT).decode("ascii", "replace")
    except OSError:
        return ""
