"""Fabric Manager, which sets NVSwitches up: whether it runs, and of which version it is."""

from __future__ import annotations

import re

from gpufix.facts.context import CollectContext
from gpufix.facts.node.pci import switches
from gpufix.facts.reading import read, text_of
from gpufix.model import FabricManager

_COMM = "nv-fabricmanage"  # the kernel keeps 15 characters of a process's name
_STATUS = "/var/lib/dpkg/status"
_LIMIT = 64 << 20
# Debian's packages are named after the branch: nvidia-fabricmanager-570, nvidia-fabricmanager.
_PACKAGE = re.compile(rb"^Package: nvidia-fabricmanager(?:-\d+)?$(.*?)^$", re.M | re.S)
_VERSION = re.compile(rb"^Version: (?:\d+:)?(\d{3}\.\d+(?:\.\d+)?)", re.M)
_INSTALLED = b"Status: install ok installed"


def collect(ctx: CollectContext) -> FabricManager:
    """What there is of it; only a machine with NVSwitches is searched for more."""
    found = switches(ctx)
    if not found:
        return FabricManager(switches=found)
    return FabricManager(switches=found, running=_running(ctx), version=_version(ctx))


def _running(ctx: CollectContext) -> bool | None:
    """None where the processes of the machine cannot be seen: in a container there are few."""
    try:
        folders = [folder for folder in ctx.at("/proc").iterdir() if folder.name.isdecimal()]
    except OSError:
        return None
    return any(text_of(folder / "comm", 64).strip() == _COMM for folder in folders)


def _version(ctx: CollectContext) -> str | None:
    try:
        packages = read(ctx.at(_STATUS), _LIMIT)
    except OSError:
        return None
    for package in _PACKAGE.finditer(packages):
        version = _VERSION.search(package[1])
        if version and _INSTALLED in package[1]:
            return version[1].decode()
    return None
