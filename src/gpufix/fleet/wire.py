"""One node's answer as one line, which survives whatever a login prints around it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

MARK = "gpufix-fleet:1:"
_LINE = re.compile(rf"{re.escape(MARK)}([xz]):([A-Za-z0-9+/=]+)")
_LIMIT = 64 << 20  # bytes of one answer, unpacked: the largest seen has 0.3 MB


class BadLine(ValueError):
    """A line that begins like an answer, and is none."""


def encode(answer: Any) -> str:
    """The line, without its end. ASCII alone; xz where this Python has it, a quarter smaller."""
    data = json.dumps(answer, separators=(",", ":")).encode()
    try:
        import lzma

        kind, packed = "x", lzma.compress(data, format=lzma.FORMAT_ALONE, preset=6)
    except ImportError:
        kind, packed = "z", zlib.compress(data, 9)
    return f"{MARK}{kind}:{base64.b64encode(packed).decode()}"


def find(text: str) -> str | None:
    """The answer in what a node printed; None where there is none."""
    found = _LINE.findall(text)
    return f"{MARK}{':'.join(found[-1])}" if found else None  # an earlier one may be an echo


def decode(line: str) -> Any:
    """What `encode` was given. Raises BadLine."""
    found = _LINE.search(line)
    if found is None:
        raise BadLine("no answer of gpufix")
    try:
        packed = base64.b64decode(found[2], validate=True)
        return json.loads(_unpacked(found[1], packed))
    except (ValueError, EOFError, zlib.error, RecursionError, ImportError) as error:
        raise BadLine(f"a damaged answer: {error}") from None


def _unpacked(kind: str, packed: bytes) -> bytes:
    if kind == "z":
        plain = zlib.decompressobj()
        data, ended = plain.decompress(packed, _LIMIT), plain.eof
    else:
        import lzma

        try:
            alone = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
            data, ended = alone.decompress(packed, _LIMIT), alone.eof
        except lzma.LZMAError as error:
            raise BadLine(f"a damaged answer: {error}") from None
    if not ended:
        raise BadLine(f"an answer larger than {_LIMIT >> 20} MiB, or cut off")
    return data
