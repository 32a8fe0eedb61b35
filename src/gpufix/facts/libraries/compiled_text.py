"""The texts of a compiled module, those that Cython 3.2 and later compress as well."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice

_COMPRESSED = b"CYTHON_COMPRESS_STRINGS"  # of the message for a Python without zlib
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_TRIED, _LONGEST, _TEXT = 4_000, 1 << 20, 200


def texts(data: bytes) -> Iterator[bytes]:
    """The file itself, and what is compressed in it."""
    yield data
    if _COMPRESSED not in data:
        return
    view = memoryview(data)
    for found in islice(_ZLIB.finditer(data), _TRIED):
        try:
            text = zlib.decompressobj().decompress(view[found.start() :][:_LONGEST], _LONGEST)
        except zlib.error:
            continue
        if len(text) >= _TEXT:
            yield text
