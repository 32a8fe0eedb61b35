"""A node's addresses, and why one node does not reach another."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_SIOCGIFADDR = 0x8915  # <linux/sockios.h>
_TRY = 3.0  # seconds of one attempt to connect
_PAUSE = 0.2
# Bridges that have the same address on every host: docker's, libvirt's, LXC's.
_SAME_EVERYWHERE = ("docker", "br-", "virbr", "lxcbr", "lxdbr", "podman", "cni", "veth")
WHY = {
    errno.ECONNREFUSED: "refused: nothing listens there, or a firewall rejects it",
    errno.EHOSTUNREACH: "no route: another network, or a firewall",
    errno.ENETUNREACH: "no route to that network",
    errno.ETIMEDOUT: "no answer: the port is closed by a firewall, or the address is another host's",
}


def interfaces() -> dict[str, str]:
    """Name -> IPv4 address, of those that have one."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                request = struct.pack("256s", name.encode()[:15])
                reply = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            found[name] = socket.inet_ntoa(reply[20:24])
    return found


def describe() -> dict[str, Any]:
    """Addresses that other nodes may reach, this host's name and what it resolves to, a free port."""
    here = socket.gethostname()
    try:
        resolved: str | None = socket.gethostbyname(here)
    except OSError:
        resolved = None
    addresses = [
        address
        for name, address in interfaces().items()
        if not address.startswith("127.") and not name.startswith(_SAME_EVERYWHERE)
    ]
    with socket.socket() as listener:
        listener.bind(("", 0))
        port = listener.getsockname()[1]
    return {"hostname": here, "resolved": resolved, "addresses": addresses, "port": port}


def interface_to(address: str) -> tuple[str, str]:
    """The interface that leads to an address, and its own address; ("", "") where none does."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # sends nothing
            own: str = probe.getsockname()[0]
    except OSError:
        return "", ""
    return next((name for name, mine in interfaces().items() if mine == own), ""), own


class Unreachable(Exception):
    """Says of each address why it was not reached."""


def reach(addresses: Sequence[str], port: int, seconds: float) -> str:
    """The first address where somebody listens, waiting for that. Raises Unreachable."""
    end = time.monotonic() + seconds
    why: dict[str, str] = {}
    while True:
        for address in addresses:
            left = max(0.2, end - time.monotonic())
            why[address] = _try(address, port, min(_TRY, left))
            if not why[address]:
                return address
        if time.monotonic() + _PAUSE >= end:
            told = [f"{address}:{port} {reason}" for address, reason in why.items()]
            raise Unreachable("; ".join(told) or "the node has no address but loopback")
        time.sleep(_PAUSE)


def _try(address: str, port: int, seconds: float) -> str:
    """Why it cannot be connected to; empty where it can."""
    try:
        with socket.create_connection((address, port), seconds):
            return ""
    except OSError as error:
        late = isinstance(error, socket.timeout)
        return WHY.get(errno.ETIMEDOUT if late else error.errno or 0, str(error))


class Listener:
    """Takes connections at a port of its own, and closes each."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((address, 0))
        self._socket.listen(512)
        self.address, self.port = self._socket.getsockname()

    def __enter__(self) -> Listener:
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def _take(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def missed(places: dict[str, list[Any]]) -> dict[str, str]:
    """Of nodes by their address and port: those that do not answer, and why."""

    def one(node: str) -> tuple[str, str]:
        address, port = places[node]
        why = _try(address, port, _TRY)
        return node, f"{address}:{port} {why}" if why else ""

    with ThreadPoolExecutor(max_workers=32) as pool:
        return {node: why for node, why in pool.map(one, places) if why}


def cut(missed_by: dict[str, dict[str, str]]) -> list[str]:
    """The fewest nodes without which all reach each other: the one that misses most goes first."""
    pairs = {(min(a, b), max(a, b)) for a, others in missed_by.items() for b in others}
    found: list[str] = []
    while pairs:
        counts = Counter(node for pair in sorted(pairs) for node in pair)
        worst = max(sorted(counts, reverse=True), key=lambda node: counts[node])
        found.append(worst)
        pairs = {pair for pair in pairs if worst not in pair}
    return found
