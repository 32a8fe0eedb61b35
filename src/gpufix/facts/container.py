"""Whether this is a container, or the Windows Subsystem for Linux."""

from __future__ import annotations

from gpufix.facts.context import Context
from gpufix.facts.files import read, text

_LIMIT = 1 << 16
# What a control group's path tells, where no marker file does.
_IN_CGROUP = (
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("containerd", "containerd"),
)


def container_kind(ctx: Context) -> str | None:
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
    groups = _text(ctx, "/proc/1/cgroup")
    return next((kind for mark, kind in _IN_CGROUP if mark in groups), None)


def is_wsl(ctx: Context) -> bool:
    """Microsoft's kernel says so in its release."""
    return "microsoft" in _text(ctx, "/proc/sys/kernel/osrelease").lower()


def _text(ctx: Context, path: str) -> str:
    try:
        return text(read(ctx.at(path), _LIMIT))
    except OSError:
        return ""


def _first_word(ctx: Context, path: str) -> str:
    return (_text(ctx, path).split() or [""])[0]
