"""Packs a table of text for the wheel."""

import lzma

# Text has no alignment, and the letter before tells most of the next one.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]


def packed_text(plain: bytes) -> bytes:
    return lzma.compress(plain, check=lzma.CHECK_CRC32, filters=_FILTERS)
