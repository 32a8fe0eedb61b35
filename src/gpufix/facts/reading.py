"""What was read, made fit for facts."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gpufix.files import read, read_whole

__all__ = [
    "json_number",
    "json_text",
    "read",
    "read_whole",
    "text",
    "text_of",
    "why",
    "without_collection",
]


def text_of(path: str | os.PathLike[str], limit: int) -> str:
    """The first `limit` bytes of a regular file as text; empty when it cannot be read."""
    try:
        return text(read(path, limit))
    except OSError:
        return ""


def json_text(value: object) -> str:
    """A text that JSON holds, as `text` gives it. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:80]!r} is not a text")
    return text(value)


def json_number(value: object) -> int:
    """A whole number that JSON holds. Raises TypeError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{str(value)[:80]!r} is not a whole number")
    return value


def why(error: BaseException) -> str:
    """One line for a gap, without the path that the gap already names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def text(raw: bytes | str) -> str:
    """Text that can be written as UTF-8 whatever the bytes or file name were."""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "backslashreplace")
    return raw.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def without_collection() -> Iterator[None]:
    """Syntax trees are many small objects without cycles: looking for some takes half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
