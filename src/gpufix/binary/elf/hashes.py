"""The two hash functions of ELF symbol tables."""

from __future__ import annotations

from functools import cache

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
