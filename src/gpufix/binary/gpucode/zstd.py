"""The first bytes of a zstd frame, in plain Python: Python has no zstd before 3.14.

Decodes no more than is asked for, literals included: about 1 ms for the head of an offload bundle.
Written from RFC 8878; checked against libzstd. Not for whole files: it is a thousand times slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from gpufix.binary.gpucode.zstd_bits import (
    MAX_BLOCK,
    BackwardBits,
    FseTable,
    HuffmanTable,
    ZstdError,
    fse_table,
    read_distribution,
    read_literals,
)

__all__ = ["ZstdError", "zstd_head"]

FRAME_MAGIC = bytes.fromhex("28b52ffd")
# RFC 8878, section 3.1.1.3.2: (base, extra bits) by code, and the predefined distributions.
_LITERAL_LENGTHS = [(n, 0) for n in range(16)] + [
    *((16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3), (48, 4)),
    *((1 << n, n) for n in range(6, 17)),
]
_MATCH_LENGTHS = [(n + 3, 0) for n in range(32)] + [
    *((35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4)),
    (99, 5),
    *((3 + (1 << n), n) for n in range(7, 17)),
]
_LL_COUNTS = [4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4]
_OF_COUNTS = [*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5]
_ML_COUNTS = [1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7]
# (default counts, their log, highest log, highest code) of literal lengths, offsets, match lengths
_KINDS = ((_LL_COUNTS, 6, 9, 35), (_OF_COUNTS, 5, 8, 31), (_ML_COUNTS, 6, 9, 52))


def zstd_head(data: bytes, want: int) -> bytes:
    """The first `want` bytes of the frame's content, or all when there are fewer. ZstdError."""
    position = _after_frame_header(data)
    out = bytearray()
    decoder = _Decoder()
    last = False
    while not last and len(out) < want:
        if position + 3 > len(data):
            raise ZstdError("frame is cut off")
        header = int.from_bytes(data[position : position + 3], "little")
        position += 3
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        stored = 1 if kind == 1 else size
        # The caller may have cut the input: what a raw block still has is good.
        block = data[position : position + stored]
        if size > MAX_BLOCK or kind == 3 or (kind and len(block) < stored):
            raise ZstdError("block is damaged or cut off")
        if kind == 2:
            decoder.decode(block, out, want)
        else:
            out += block * size if kind == 1 else block
            last = last or len(block) < stored
        position += stored
    return bytes(out[:want])


def _after_frame_header(data: bytes) -> int:
    if data[:4] != FRAME_MAGIC or len(data) < 6:
        raise ZstdError("no zstd frame")
    descriptor = data[4]
    single = descriptor >> 5 & 1
    if descriptor & 3:
        raise ZstdError("frame needs a dictionary")
    return 5 + (1 - single) + ((single, 2, 4, 8)[descriptor >> 6])


class _Decoder:
    """Blocks of one frame: tables and offsets carry over from one to the next."""

    def __init__(self) -> None:
        self.huffman: HuffmanTable | None = None
        self.tables: list[FseTable | None] = [None, None, None]
        self.offsets = [1, 4, 8]

    def decode(self, block: bytes, out: bytearray, want: int) -> None:
        literals, at, self.huffman = read_literals(block, self.huffman)
        count, at = _sequence_count(block, at)
        if count:
            at = self._read_tables(block, at)
            self._run(block[at:], count, literals, out, want)
        if len(out) < want:
            out += bytes(islice(literals, want - len(out)))

    def _read_tables(self, block: bytes, at: int) -> int:
        if at >= len(block):
            raise ZstdError("sequences are cut off")
        modes, at = block[at], at + 1
        for i, (counts, log, max_log, max_code) in enumerate(_KINDS):
            mode = modes >> 6 - 2 * i & 3
            if mode == 0:
                self.tables[i] = fse_table(counts, log)
            elif mode == 1:
                self.tables[i] = [(block[at] if at < len(block) else 255, 0, 0)]
                at += 1
            elif mode == 2:
                counts, log, at = read_distribution(block, at, max_log)
                self.tables[i] = fse_table(counts, log)
            table = self.tables[i]
            if table is None or max(symbol for symbol, _, _ in table) > max_code:
                raise ZstdError("table of the sequences is missing or has unknown codes")
        return at

    def _run(
        self, data: bytes, count: int, literals: Iterator[int], out: bytearray, want: int
    ) -> None:
        bits = BackwardBits(data)
        tables = [table for table in self.tables if table is not None]
        states = [bits.read(len(table).bit_length() - 1) for table in tables]
        for step in range(count):
            cells = [table[state] for table, state in zip(tables, states, strict=True)]
            (ll_base, ll_bits), (ml_base, ml_bits) = (
                _LITERAL_LENGTHS[cells[0][0]],
                _MATCH_LENGTHS[cells[2][0]],
            )
            code = cells[1][0]
            offset = (1 << code) + bits.read(code)
            match = ml_base + bits.read(ml_bits)
            run = ll_base + bits.read(ll_bits)
            out += bytes(islice(literals, min(run, want - len(out))))
            if len(out) >= want:
                return
            self._copy(self._offset(offset, run), match, out)
            if len(out) >= want:
                return
            if step + 1 < count:
                for i in (0, 2, 1):
                    states[i] = cells[i][2] + bits.read(cells[i][1])
            if bits.left < 0:
                raise ZstdError("sequences end early")

    def _offset(self, value: int, run: int) -> int:
        """The distance that an offset value means: 1 to 3 repeat recent ones (section 3.1.1.5)."""
        if value > 3:
            self.offsets = [value - 3, *self.offsets[:2]]
            return value - 3
        index = value - 1 + (run == 0)
        distance = self.offsets[index] if index < 3 else self.offsets[0] - 1
        if index:
            kept = [old for i, old in enumerate(self.offsets) if i != min(index, 2)]
            self.offsets = [distance, *kept]
        return distance

    @staticmethod
    def _copy(distance: int, length: int, out: bytearray) -> None:
        if not 0 < distance <= len(out):
            raise ZstdError("match before the start")
        start = len(out) - distance
        pattern = out[start : start + length]
        out += (pattern * (length // len(pattern) + 1))[:length]


def _sequence_count(block: bytes, at: int) -> tuple[int, int]:
    head = block[at : at + 3]
    if not head or (len(head) < 2 and head[0] > 127) or (len(head) < 3 and head[0] == 255):
        raise ZstdError("sequences are cut off")
    if head[0] < 128:
        return head[0], at + 1
    if head[0] < 255:
        return (head[0] - 128 << 8) + head[1], at + 2
    return head[1] + (head[2] << 8) + 0x7F00, at + 3
