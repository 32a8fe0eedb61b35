"""Bit readers of Zstandard, and its finite-state-entropy tables (RFC 8878, sections 4.1 and 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

FseTable = list[tuple[int, int, int]]  # state -> (symbol, bits to read, base of the next state)


class ZstdError(ValueError):
    """A zstd frame is damaged, or uses what this decoder leaves out (dictionaries)."""


class ForwardBits:
    """Bits from the first byte up, lowest first: descriptions of tables."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.bit = position * 8

    def peek(self, count: int) -> int:
        byte, shift = divmod(self.bit, 8)
        if self.bit + count > len(self.data) * 8 + 7:
            raise ZstdError("table description ends early")
        return int.from_bytes(self.data[byte : byte + 4], "little") >> shift & (1 << count) - 1


class BackwardBits:
    """Bits from the last byte down to the first; the highest set bit of the last byte is a mark."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise ZstdError("bit stream without its end mark")
        self.data = data
        self.left = len(data) * 8 - 9 + data[-1].bit_length()

    def peek(self, count: int) -> int:
        """The next bits, not consumed; below the first byte there are zeros."""
        low = self.left - count
        if low < 0:
            return int.from_bytes(self.data[:8], "little") << -low & (1 << count) - 1
        byte = low >> 3
        window = int.from_bytes(self.data[byte : byte + 8], "little")
        return window >> (low & 7) & (1 << count) - 1

    def read(self, count: int) -> int:
        value = self.peek(count)
        self.left -= count
        return value


def read_distribution(data: bytes, position: int, max_log: int) -> tuple[list[int], int, int]:
    """Normalised counts (-1: less than one), their accuracy log, and where the description ends."""
    bits = ForwardBits(data, position)
    log = bits.peek(4) + 5
    bits.bit += 4
    if log > max_log:
        raise ZstdError("accuracy of a table is too high")
    counts: list[int] = []
    remaining = 1 << log
    while remaining > 0:
        count = _read_count(bits, remaining)
        counts.append(count)
        remaining -= abs(count)
        while count == 0:
            zeros = bits.peek(2)
            bits.bit += 2
            counts.extend([0] * zeros)
            if zeros < 3:
                break
        if len(counts) > 256:
            raise ZstdError("table with more than 256 symbols")
    return counts, log, (bits.bit + 7) // 8


def _read_count(bits: ForwardBits, remaining: int) -> int:
    """A count of up to `remaining`, in as few bits as that needs (RFC 8878, section 4.1.1)."""
    width = (remaining + 1).bit_length()
    value = bits.peek(width)
    half = (1 << width - 1) - 1
    spare = (1 << width) - 2 - remaining
    if value & half < spare:
        value &= half
        width -= 1
    elif value > half:
        value -= spare
    bits.bit += width
    return value - 1


def fse_table(counts: Sequence[int], log: int) -> FseTable:
    """The decoding table of a distribution whose absolute counts add up to 1 << log."""
    size = 1 << log
    symbols = [0] * size
    high = size
    for symbol, count in enumerate(counts):
        if count == -1:
            high -= 1
            symbols[high] = symbol
    at, step = 0, (size >> 1) + (size >> 3) + 3
    for symbol, count in enumerate(counts):
        for _ in range(count):
            symbols[at] = symbol
            at = (at + step) % size
            while at >= high > 0:
                at = (at + step) % size
    nexts = [abs(count) for count in counts]
    table = []
    for symbol in symbols:
        order = nexts[symbol]
        nexts[symbol] += 1
        width = log + 1 - order.bit_length()
        table.append((symbol, width, (order << width) - size))
    return table
