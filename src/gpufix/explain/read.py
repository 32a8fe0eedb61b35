"""A log in, an answer out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from gpufix.explain.resolve import Answer, resolve
from gpufix.explain.scan import Hit, Scan, scan
from gpufix.explain.source import pieces
from gpufix.explain.told import tell
from gpufix.explain.unpaste import unwrapped


def read(file: IO[bytes]) -> tuple[Answer, Scan]:
    """Explain a log. Raises OSError."""
    return explain(pieces(file))


def explain(parts: Iterable[bytes]) -> tuple[Answer, Scan]:
    """Explain a log that comes in pieces."""
    found = scan(parts)
    answer = _answer(found)
    if _rule(answer) is None and found.size <= len(found.head):
        joined = unwrapped(found.head.decode("utf-8", "replace"))
        again = _answer(scan([joined.encode("utf-8", "replace")])) if joined else answer
        if _rule(again) or (again.recognised and not answer.recognised):
            answer = again
    return answer, found


def _rule(answer: Answer) -> str | None:
    return answer.primary.rule if answer.primary and answer.recognised else None


def _answer(found: Scan) -> Answer:
    first: dict[tuple[int, str], Hit] = {}
    for hit in found.hits:  # in the order of lines, then of texts
        first.setdefault((hit.line, hit.message.id), hit)
    told = (tell(hit) for hit in first.values())
    return resolve(t for t in told if t is not None)
