"""Runs a program that nobody vouches for: bounded in time and output, its whole group killed."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

_LIMIT = 1 << 20  # bytes kept of each stream


class ChildError(Exception):
    """The program could not be started, took too long, or said too much."""


@dataclass(frozen=True)
class Answer:
    """What a program said before it exited."""

    code: int
    out: bytes
    err: bytes


def run(argv: Sequence[str], environ: Mapping[str, str], timeout: float) -> Answer:
    """Run `argv` without a shell or standard input. Raises ChildError."""
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ChildError(getattr(error, "strerror", None) or str(error)) from error
    try:
        return _converse(process, time.monotonic() + timeout, timeout)
    finally:
        _end(process)


def _converse(process: subprocess.Popen[bytes], deadline: float, timeout: float) -> Answer:
    said: dict[IO[bytes], bytearray] = {}
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            said[stream] = bytearray()
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ChildError(f"no answer within {timeout:g} s")
            for key, _ in ready:
                _listen(selector, key, said)
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise ChildError(f"no answer within {timeout:g} s") from error
    out, err = (bytes(said[s]) for s in (process.stdout, process.stderr) if s is not None)
    return Answer(code, out, err)


def _listen(
    selector: selectors.BaseSelector, key: selectors.SelectorKey, said: dict[IO[bytes], bytearray]
) -> None:
    stream = key.fileobj
    chunk = os.read(key.fd, 65536)
    if not chunk:
        selector.unregister(stream)
    # Registered were the two pipes that `said` holds; the selector knows them as any file.
    said[stream] += chunk  # type: ignore[index]
    if len(said[stream]) > _LIMIT:  # type: ignore[index]
        raise ChildError(f"printed more than {_LIMIT} bytes")


def _end(process: subprocess.Popen[bytes]) -> None:
    # The group outlives its leader when a wrapper script left something behind.
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
