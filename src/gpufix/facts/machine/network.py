"""What collectives between nodes use: interfaces, InfiniBand, rdma-core, NCCL's own configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from posixpath import realpath

from gpufix.binary.loader.cache import FLAGS, MAX_CACHE, parse_cache
from gpufix.facts.context import CollectContext
from gpufix.facts.machine import infiniband
from gpufix.facts.machine.infiniband import listed, word
from gpufix.facts.reading import read, text, text_of
from gpufix.model import Network, NetworkInterface

# Made by container and virtual-machine software, a pair for each guest: never a way to another node.
_INNER = re.compile(
    r"(?:lo|veth|docker|br-|cali|cni|flannel|virbr|vnet|tap|tun|lxc|lxd|dummy|kube|podman|ifb|sit)"
)
# rdma-core's libraries, which NCCL opens by name, and the plug-ins that it looks for.
_LIBRARIES = re.compile(
    r"lib(?:ibverbs|rdmacm|mlx5|mlx4|efa|bnxt_re|fabric|nccl-net|nccl-tuner|nccl)\.so(?:\.\d+)?"
)
_LIMIT = 1 << 16


def collect(ctx: CollectContext) -> Network:
    """Describe it; what cannot be read is a gap."""
    names = listed(ctx, "network", "/sys/class/net")
    found = list(_interfaces(ctx, names))
    return Network(
        interfaces=sorted(found, key=lambda one: one.name),
        others=sorted(set(map(text, names)) - {one.name for one in found}),
        infiniband=infiniband.collect(ctx),
        libraries=_libraries(ctx),
        nccl=_nccl(ctx),
    )


def _interfaces(ctx: CollectContext, names: Iterable[str]) -> Iterator[NetworkInterface]:
    for name in names:
        folder = f"/sys/class/net/{name}"
        if not _INNER.match(name) and word(ctx, f"{folder}/operstate") != "down":
            asked = ("mtu", "speed", "carrier_down_count")
            mtu, speed, downs = (_number(ctx, f"{folder}/{what}") for what in asked)
            yield NetworkInterface(name=text(name), mtu=mtu, speed=speed, downs=downs)


def _number(ctx: CollectContext, path: str) -> int | None:
    """None for what is not there, and for -1: the link has no speed."""
    found = word(ctx, path)
    return int(found) if found.isascii() and found.isdigit() and len(found) < 12 else None


def _libraries(ctx: CollectContext) -> dict[str, str] | None:
    """Names in ld.so's cache, each with the file that it leads to: "libibverbs.so.1.14.44.0"."""
    machine = os.uname().machine
    try:
        entries = parse_cache(read(ctx.at("/etc/ld.so.cache"), MAX_CACHE))
    except OSError:  # normal on musl and in minimal images
        return None
    found = {}
    for entry in entries:
        if entry.flags == FLAGS.get(machine) and _LIBRARIES.fullmatch(entry.name):
            file = ctx.at(entry.path)
            if file.exists():
                found[text(entry.name)] = text(Path(realpath(file)).name)
    return dict(sorted(found.items()))


def _nccl(ctx: CollectContext) -> dict[str, str]:
    """NCCL reads NAME=VALUE lines of both files; the user's stands before the machine's."""
    lines = text_of(ctx.at("/etc/nccl.conf"), _LIMIT).splitlines()
    lines += text_of(ctx.home / ".nccl.conf", _LIMIT).splitlines()
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
