"""The hash tables of the dynamic symbols, DT_GNU_HASH and DT_HASH, and their hash functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from struct import unpack_from
from typing import Literal

from gpufix.binary.elf.image import Image
from gpufix.binary.elf.layout import DT_GNU_HASH, DT_HASH

# A name's hash is a polynomial in 33 of its bytes. int(text, 33) evaluates such polynomials in C,
# for digits below 33: so a byte is split into its low five bits and the rest.
_DIGITS = b"0123456789abcdefghijklmnopqrstuvw"
_LOW = bytes(_DIGITS[byte & 31] for byte in range(256))
_HIGH = bytes(_DIGITS[byte >> 5] for byte in range(256))
# int() grows quadratically with length, and Python limits it to 4,300 digits.
_LONGEST = 512


@cache
def _seed(length: int) -> int:
    """What the start value 5381 has become after `length` bytes."""
    return 5381 * pow(33, length, 1 << 32)


def gnu_hash(name: bytes) -> int:
    """DT_GNU_HASH: h = h * 33 + byte, from 5381, modulo 2**32."""
    length = len(name)
    if not 0 < length <= _LONGEST:
        return _gnu_hash_long(name)
    low, high = int(name.translate(_LOW), 33), int(name.translate(_HIGH), 33)
    return (_seed(length) + low + (high << 5)) & 0xFFFFFFFF


def _gnu_hash_long(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def sysv_hash(name: bytes) -> int:
    """DT_HASH and symbol versions: the hash of the System V gABI, 28 bits."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & 0x0FFFFFFF
    return value


# libtorch_cpu.so has 300,000 symbols. A sparse file may claim any number, and each costs memory.
MAX_SYMBOLS = 2 << 20
# Real chains hold a handful of symbols; a crafted one must not cost more than this.
MAX_CHAIN = 4096
_LETTERS: dict[int, Literal["H", "I", "Q"]] = {16: "H", 32: "I", 64: "Q"}


def words(image: Image, start: int, count: int, end: int, bits: int = 32) -> Sequence[int]:
    """`count` unsigned integers of `bits` bits at file offset `start`, not copied when possible."""
    size = count * bits // 8
    if count > MAX_SYMBOLS:
        raise image.fail(f"table of {count} words", "hash table")
    if count < 0 or start + size > end:
        raise image.fail(f"table of {count} words runs out of its segment", "hash table")
    letter = _LETTERS[bits]
    if image.layout.native:
        return memoryview(image.data)[start : start + size].cast(letter)
    return unpack_from(f"{image.layout.order}{count}{letter}", image.data, start)


class GnuHash:
    """DT_GNU_HASH: bloom filter, buckets, and chains of hashes in symbol order."""

    def __init__(self, image: Image, address: int) -> None:
        start, end = image.offset(address, "DT_GNU_HASH")
        self.image = image
        self.bits = image.layout.bits
        buckets, self.first, blooms, self.shift = words(image, start, 4, end)
        if not buckets or not blooms or blooms & (blooms - 1):
            raise image.fail(f"{buckets} buckets, {blooms} bloom words", "DT_GNU_HASH")
        self.bloom = words(image, start + 16, blooms, end, self.bits)
        at = start + 16 + blooms * self.bits // 8
        self.buckets = words(image, at, buckets, end)
        at += 4 * buckets
        self.chains = words(image, at, min((end - at) // 4, MAX_SYMBOLS), end)
        self.size, self.mask, self.shift = buckets, blooms - 1, self.shift & 31

    def candidates(self, name: bytes) -> list[int]:
        """Symbol indices whose hash is the name's; the names remain to be compared."""
        value = gnu_hash(name)
        word = self.bloom[(value // self.bits) & self.mask]
        if not (word >> value % self.bits) & (word >> (value >> self.shift) % self.bits) & 1:
            return []
        first = self.buckets[value % self.size] - self.first
        return self._walk(first, value | 1) if first >= 0 else []

    def _walk(self, first: int, value: int) -> list[int]:
        """The chain from `first` on; a hash's lowest bit marks the chain's end instead."""
        found: list[int] = []
        for at, chain in enumerate(self.chains[first : first + MAX_CHAIN], first):
            if chain | 1 == value:
                found.append(at + self.first)
            if chain & 1:
                return found
        raise self.image.fail(f"chain of symbol {first + self.first} does not end", "DT_GNU_HASH")

    def symbol_count(self) -> int:
        """Symbols up to the end of the last chain; 0 when the table hashes none."""
        last = max(self.buckets) - self.first
        if last < 0:
            return 0
        for at in range(last, min(last + MAX_CHAIN, len(self.chains))):
            if self.chains[at] & 1:
                return at + 1 + self.first
        raise self.image.fail("the last chain does not end", "DT_GNU_HASH")


class SysvHash:
    """DT_HASH: buckets and a chain link for every symbol."""

    def __init__(self, image: Image, address: int) -> None:
        start, end = image.offset(address, "DT_HASH")
        self.image = image
        self.first = 0
        buckets, chains = words(image, start, 2, end)
        if not buckets:
            raise image.fail("no buckets", "DT_HASH")
        self.buckets = words(image, start + 8, buckets, end)
        self.chains = words(image, start + 8 + 4 * buckets, chains, end)

    def candidates(self, name: bytes) -> Iterator[int]:
        """Symbol indices of the name's bucket; the names remain to be compared."""
        index = self.buckets[sysv_hash(name) % len(self.buckets)]
        for _ in range(MAX_CHAIN):
            if index == 0:
                return
            if index >= len(self.chains):
                raise self.image.fail("chain leaves the table", "DT_HASH")
            yield index
            index = self.chains[index]
        raise self.image.fail(f"chain of over {MAX_CHAIN} symbols", "DT_HASH")

    def symbol_count(self) -> int:
        return len(self.chains)


def read_hash_table(image: Image) -> GnuHash | SysvHash | None:
    """The table that the loader uses: the GNU one when there are both."""
    if DT_GNU_HASH in image.tags:
        return GnuHash(image, image.tags[DT_GNU_HASH])
    if DT_HASH in image.tags:
        return SysvHash(image, image.tags[DT_HASH])
    return None
