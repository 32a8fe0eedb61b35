"""A log in, an answer out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from gpufix.explain.resolve import Answer, resolve
from gpufix.explain.scan import Scan, scan
from gpufix.explain.source import pieces
from gpufix.explain.told import tell


def read(file: IO[bytes]) -> tuple[Answer, Scan]:
    """Explain a log. Raises OSError."""
    return explain(pieces(file))


def explain(parts: Iterable[bytes]) -> tuple[Answer, Scan]:
    """Explain a log that comes in pieces."""
    found = scan(parts)
    told = (tell(hit) for hit in found.hits)
    return resolve(t for t in told if t is not None), found
