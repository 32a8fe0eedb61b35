"""Hashes of installed files, as RECORD writes them, within a budget of bytes."""

from __future__ import annotations

import base64
import hashlib
import os

from gpufix.facts.files import opened_file

_ALGORITHMS = {"sha256", "sha384", "sha512"}  # what the specification of RECORD allows
_CHUNK = 1 << 20


class Budget:
    """How many bytes may still be hashed; `None` = all."""

    def __init__(self, size: int | None):
        self._left = size

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may be hashed; if so they are spent."""
        if self._left is None:
            return True
        if size > self._left:
            return False
        self._left -= size
        return True


def matches(path: str, recorded: str, dir_fd: int | None = None) -> bool | None:
    """Whether a file has the hash `sha256=<urlsafe base64>`; None when the hash is of no such form.

    Raises OSError.
    """
    algorithm, _, expected = recorded.partition("=")
    if algorithm not in _ALGORITHMS or not expected:
        return None
    digest = hashlib.new(algorithm)
    with opened_file(path, dir_fd) as descriptor:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") == expected.rstrip("=")
