"""Bit streams, finite-state-entropy tables and literals of Zstandard (RFC 8878)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

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


MAX_BLOCK = 128 * 1024
HuffmanTable = list[tuple[int, int]]  # the next bits, as a number -> (symbol, bits used)


def read_literals(
    data: bytes, previous: HuffmanTable | None
) -> tuple[Iterator[int], int, HuffmanTable | None]:
    """The block's literals, where its sequences section starts, and the table for the next block."""
    if len(data) < 1:
        raise ZstdError("empty block")
    kind, form = data[0] & 3, data[0] >> 2 & 3
    if kind < 2:
        width = (1, 2, 1, 3)[form]
        size = int.from_bytes(data[:width], "little") >> (4 if form & 1 else 3)
        end = width + (1 if kind else size)
        if size > MAX_BLOCK or end > len(data):
            raise ZstdError("literals exceed their block")
        return iter(data[width:end]) if kind == 0 else repeat(data[width], size), end, previous
    width, field = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
    header = int.from_bytes(data[:width], "little") >> 4
    size, packed = header & (1 << field) - 1, header >> field
    end = width + packed
    if size > MAX_BLOCK or end > len(data):
        raise ZstdError("literals exceed their block")
    start = width
    if kind == 2:
        previous, start = _read_tree(data, width)
    if previous is None or start > end:
        raise ZstdError("literals without their Huffman table")
    return _streams(data[start:end], size, form == 0, previous), end, previous


def _streams(data: bytes, size: int, single: bool, table: HuffmanTable) -> Iterator[int]:
    if single:
        return _symbols(data, size, table)
    if len(data) < 6:
        raise ZstdError("jump table of the literals is cut off")
    lengths = [int.from_bytes(data[i : i + 2], "little") for i in (0, 2, 4)]
    quarter, parts, at = (size + 3) // 4, [], 6
    for length in lengths:
        parts.append(_symbols(data[at : at + length], quarter, table))
        at += length
    parts.append(_symbols(data[at:], max(0, size - 3 * quarter), table))
    return chain(*parts)


def _symbols(data: bytes, count: int, table: HuffmanTable) -> Iterator[int]:
    bits = BackwardBits(data)
    width = len(table).bit_length() - 1
    for _ in range(count):
        symbol, used = table[bits.peek(width)]
        bits.left -= used
        if bits.left < 0:
            raise ZstdError("literals end early")
        yield symbol


def _read_tree(data: bytes, position: int) -> tuple[HuffmanTable, int]:
    """The Huffman table described at position, and where the description ends."""
    if position >= len(data):
        raise ZstdError("Huffman tree is cut off")
    head, position = data[position], position + 1
    size = head if head < 128 else (head - 126) // 2
    body = data[position : position + size]
    if len(body) < size:
        raise ZstdError("Huffman tree is cut off")
    if head < 128:
        weights = _packed_weights(body)
    else:
        weights = [nibble for byte in body for nibble in (byte >> 4, byte & 15)][: head - 127]
    return _huffman_table(weights), position + size


def _packed_weights(body: bytes) -> list[int]:
    """Weights from two interleaved finite-state streams that end where the bits do."""
    counts, log, start = read_distribution(body, 0, 6)
    table, bits = fse_table(counts, log), BackwardBits(body[start:])
    states = [bits.read(log), bits.read(log)]
    weights: list[int] = []
    turn = 0
    while len(weights) < 255:
        symbol, width, base = table[states[turn]]
        weights.append(symbol)
        if bits.left < width:
            weights.append(table[states[1 - turn]][0])
            return weights
        states[turn] = base + bits.read(width)
        turn = 1 - turn
    raise ZstdError("more than 255 Huffman weights")


def _huffman_table(weights: list[int]) -> HuffmanTable:
    """From all weights but the last, which fills the table up to a power of two."""
    total = sum(1 << weight - 1 for weight in weights if weight)
    width = total.bit_length()
    rest = (1 << width) - total
    if not total or width > 11 or rest & rest - 1:
        raise ZstdError("Huffman weights do not add up")
    table: HuffmanTable = []
    complete = [*weights, rest.bit_length()]
    for weight in range(1, width + 1):
        for symbol, own in enumerate(complete):
            if own == weight:
                table.extend([(symbol, width + 1 - weight)] * (1 << weight - 1))
    return table
