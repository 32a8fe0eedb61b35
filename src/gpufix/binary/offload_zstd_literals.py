"""Literals of a zstd block, decoded one by one as they are asked for (RFC 8878, section 3.1.1.3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

from .offload_zstd_bits import BackwardBits, ZstdError, fse_table, read_distribution

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
