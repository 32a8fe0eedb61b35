"""What a fuzz target is, and what holds for every one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SECONDS = 1.0  # CPU of one input
SLOWER = 5.0  # times slower, at most, when Python is instrumented
LARGER, FREE = (
    128,
    1 << 18,
)  # an answer's text may have so many bytes for each of the input, and so many


@dataclass(frozen=True)
class Target:
    """`load` imports the reader and returns a function of one input: its answer, or nothing.

    `errors`: the exceptions that it declares. `seeds`: inputs to begin with.
    """

    load: Callable[[], Callable[[bytes], object]]
    errors: Callable[[], tuple[type[BaseException], ...]] = lambda: ()
    seeds: Callable[[], Iterable[bytes]] = lambda: ()
    longest: int = 1 << 16


class BadAnswer(AssertionError):
    """An input took too long, or its answer is much larger than it."""


def checked(target: Target, slower: float = 1.0) -> Callable[[bytes], None]:
    """The function of one input that raises whatever is a finding."""
    read, errors = target.load(), target.errors()

    def one_input(data: bytes) -> None:
        begin = time.process_time()
        try:
            answer = read(data)
        except errors:
            answer = None
        seconds = time.process_time() - begin
        if seconds > SECONDS * slower:
            raise BadAnswer(f"{seconds:.1f} s for {len(data)} bytes")
        if (size := len(repr(answer))) > LARGER * len(data) + FREE:
            raise BadAnswer(f"an answer of {size} bytes to {len(data)}")

    return one_input


_MEMORY: list[int] = []


def as_file(data: bytes) -> str:
    """The path of a file in memory that has these bytes; the next call writes another into it."""
    if not _MEMORY:
        _MEMORY.append(os.memfd_create("fuzz"))
    os.ftruncate(_MEMORY[0], 0)
    os.pwrite(_MEMORY[0], data, 0)
    return f"/proc/{os.getpid()}/fd/{_MEMORY[0]}"
