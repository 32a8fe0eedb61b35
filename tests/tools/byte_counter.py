"""A proxy for https that counts what comes through it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting_proxy() -> Iterator[tuple[str, Callable[[], int]]]:
    """Its address, and the bytes that servers have sent through it so far."""
    received = [0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, received), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", lambda: received[0]


def _accept(server: socket.socket, received: list[int]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # closed: the end
            return
        threading.Thread(target=_serve, args=(client, received), daemon=True).start()


def _serve(client: socket.socket, received: list[int]) -> None:
    """CONNECT host:port, then whatever the two say to each other."""
    with client:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1) or b"\r\n\r\n"
        method, place, *_ = head.decode("latin-1").split(" ")
        if method != "CONNECT":
            return
        host, _, port = place.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            up = threading.Thread(target=_copy, args=(client, server, [0]), daemon=True)
            up.start()
            _copy(server, client, received)
            up.join(1)


def _copy(source: socket.socket, target: socket.socket, count: list[int]) -> None:
    try:
        while data := source.recv(1 << 16):
            count[0] += len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # the other side has hung up
        pass
