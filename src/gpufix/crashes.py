"""What an exception of a rule, a fix or a plugin says, bounded: nothing in it is trusted."""

from __future__ import annotations

import traceback

_WORDS = 300
_FRAMES = 20


def words(error: BaseException) -> str:
    """Its type and repr on one line, cut; its type where no repr can be made."""
    name = type(error).__name__
    try:
        said = repr(error)
    except Exception:
        said = f"{name}, whose repr crashes"
    said = said if name in said else f"{name}: {said}"
    said = plain(said.replace("\n", " "))
    return said if len(said) <= _WORDS else said[:_WORDS] + "…"


def plain(text: str) -> str:
    """Text that can be encoded: a lone surrogate is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def places(error: BaseException) -> list[tuple[str, int]]:
    """File and line of every frame that it came through, the outermost first."""
    steps = traceback.walk_tb(error.__traceback__)
    return [(plain(frame.f_code.co_filename), line or 0) for frame, line in steps]


def trace(error: BaseException) -> list[str]:
    """The traceback's lines: of a deep one the innermost frames."""
    frames = "".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))
    return ["Traceback (most recent call last):", *plain(frames).splitlines(), words(error)]
