"""Ports of InfiniBand and RoCE devices, as the kernel lists them. No GUID and no GID is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text, text_of, why
from gpufix.model import InfinibandPort

TOP = "/sys/class/infiniband"
_VERBS = "/sys/class/infiniband_verbs"
_GIDS = 16  # of the table's first entries: each address of an interface has two
_NO_GID = "0000:0000:0000:0000:0000:0000:0000:0000"


def listed(ctx: CollectContext, section: str, folder: str) -> list[str]:
    """The names in a folder; a gap where it is there and may not be listed."""
    try:
        return [entry.name for entry in ctx.at(folder).iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        ctx.gap(section, folder, f"cannot be listed: {why(error)}")
        return []


def ports(ctx: CollectContext, section: str) -> list[tuple[str, int]]:
    """Devices with the numbers of their ports."""
    found = [
        (device, int(port))
        for device in listed(ctx, section, TOP)
        for port in listed(ctx, section, f"{TOP}/{device}/ports")
        if port.isascii() and port.isdigit()
    ]
    return sorted(found)


def collect(ctx: CollectContext) -> list[InfinibandPort]:
    """Describe them; what cannot be read is None."""
    found = ports(ctx, "network")
    usable = dict(_usable(ctx)) if found else {}
    return [_port(ctx, device, port, usable) for device, port in found]


def _port(ctx: CollectContext, device: str, port: int, usable: dict[str, bool]) -> InfinibandPort:
    own, folder = f"{TOP}/{device}", f"{TOP}/{device}/ports/{port}"
    layer = word(ctx, f"{folder}/link_layer") or None
    names = sorted(listed(ctx, "network", f"{own}/device/net"))
    return InfinibandPort(
        device=text(device),
        port=port,
        state=word(ctx, f"{folder}/state").rpartition(": ")[2] or None,
        rate=word(ctx, f"{folder}/rate") or None,
        layer=layer,
        physical=word(ctx, f"{folder}/phys_state").rpartition(": ")[2] or None,
        board=word(ctx, f"{own}/board_id") or None,
        firmware=word(ctx, f"{own}/fw_ver") or None,
        interface=text(names[0]) if names else None,
        verbs=usable.get(device, False),
        gids=dict(_gids(ctx, folder)) if layer == "Ethernet" else None,
    )


def _usable(ctx: CollectContext) -> Iterator[tuple[str, bool]]:
    """By device: whether this user may open what libibverbs opens."""
    for name in listed(ctx, "network", _VERBS):
        device = word(ctx, f"{_VERBS}/{name}/ibdev")
        if device:
            node = ctx.at(f"/dev/infiniband/{name}")
            yield device, os.access(node, os.R_OK | os.W_OK)


def _gids(ctx: CollectContext, folder: str) -> Iterator[tuple[str, str]]:
    """The kind of each entry in use."""
    for index in map(str, range(_GIDS)):
        kind = word(ctx, f"{folder}/gid_attrs/types/{index}")
        if kind and word(ctx, f"{folder}/gids/{index}") not in ("", _NO_GID):
            yield index, kind


def word(ctx: CollectContext, path: str) -> str:
    """A short file's text; "" where it cannot be read."""
    return text_of(ctx.at(path), 256).strip()
