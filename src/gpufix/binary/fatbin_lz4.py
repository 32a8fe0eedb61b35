"""One LZ4 block, as fatbins hold them (no frame), in plain Python: for images of a few KiB."""

from __future__ import annotations


def lz4_block(data: bytes, size: int) -> bytes:
    """The `size` bytes that a block holds. Raises ValueError when it is damaged.

    Format: lz4_Block_format.md of the LZ4 project.
    """
    out = bytearray()
    at = 0
    try:
        while len(out) < size:
            token, at = data[at], at + 1
            length, at = _length(data, at, token >> 4)
            out += data[at : at + length]
            at += length
            if at >= len(data) or len(out) >= size:
                break
            distance, at = data[at] | data[at + 1] << 8, at + 2
            length, at = _length(data, at, token & 15)
            if not 0 < distance <= len(out):
                raise ValueError("match before the start")
            start = len(out) - distance
            pattern = out[start : start + length + 4]
            out += (pattern * ((length + 4) // len(pattern) + 1))[: length + 4]
    except IndexError as short:
        raise ValueError("block is cut off") from short
    if len(out) != size:
        raise ValueError("block has another size than its header says")
    return bytes(out)


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    """15 goes on in further bytes, as long as they are 255."""
    if length == 15:
        while True:
            more, at = data[at], at + 1
            length += more
            if more != 255:
                break
    return length, at
