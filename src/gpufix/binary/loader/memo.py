"""Answers to "is this key defined?", kept as sets so that thousands are asked at once."""

from __future__ import annotations

from gpufix.binary.elf.bulk import Key, Keys


class Memo:
    """Keys known to be defined, and keys known not to be."""

    def __init__(self, earlier: Memo | None = None) -> None:
        """earlier: what was found by then is found still; what was not may be by now."""
        self._plain: set[Key] = set(earlier._plain) if earlier else set()
        self._versioned: set[Key] = set(earlier._versioned) if earlier else set()
        self._no_plain: set[Key] = set()
        self._no_versioned: set[Key] = set()

    def open(self, keys: Keys) -> Keys:
        """Those not known to be defined: one pass over what may be thousands."""
        return Keys(keys.plain - self._plain, keys.versioned - self._versioned)

    def unknown(self, keys: Keys) -> Keys:
        """Of keys not known to be defined, those never asked for."""
        return Keys(keys.plain - self._no_plain, keys.versioned - self._no_versioned)

    def known(self, keys: Keys) -> Keys:
        """Those known to be defined."""
        return Keys(keys.plain & self._plain, keys.versioned & self._versioned)

    def learn(self, found: Keys, absent: Keys) -> None:
        """`found` are defined, `absent` are not."""
        self._plain |= found.plain
        self._versioned |= found.versioned
        self._no_plain |= absent.plain
        self._no_versioned |= absent.versioned
