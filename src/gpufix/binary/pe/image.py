"""Addresses of a PE image, as positions in its file."""

from __future__ import annotations

from gpufix.binary.gpucode.file_bytes import Bytes
from gpufix.binary.pe.headers import PeError, PeHeaders, PeSection

MAX_STRING = 64 << 10  # a decorated C++ name has up to 4,096
_CHUNK = 4096


class Image:
    """Reads by address; a section is read once, in windows that grow."""

    def __init__(self, path: str, data: Bytes, headers: PeHeaders) -> None:
        self.path, self.headers, self.size = path, headers, len(data)
        self._data = data
        self._window = (0, b"")  # position in the file, bytes
        self._last: PeSection | None = None

    def fail(self, what: str, where: str) -> PeError:
        return PeError(self.path, what, where)

    def section(self, address: int, where: str) -> PeSection:
        """The section that holds an address. Raises PeError."""
        last = self._last
        if last and last.address <= address < last.address + last.size:
            return last
        for section in self.headers.sections:
            if section.address <= address < section.address + section.size:
                self._last = section
                return section
        raise self.fail(f"address {address:#x} is not in the file", where)

    def read(self, address: int, length: int, where: str) -> bytes:
        """Bytes at an address, all of them within one section. Raises PeError."""
        section = self.section(address, where)
        inside = address - section.address
        if length > section.size - inside:
            raise self.fail(f"{length} bytes at {address:#x} reach beyond {section.name}", where)
        return self._bytes(section.offset + inside, length)

    def rest(self, address: int, most: int, where: str) -> bytes:
        """The bytes from an address to the end of its section, at most `most`. Raises PeError."""
        section = self.section(address, where)
        inside = address - section.address
        return self._bytes(section.offset + inside, min(most, section.size - inside))

    def text(self, address: int, where: str) -> str:
        """The string at an address. Raises PeError."""
        for most in (256, MAX_STRING):
            data = self.rest(address, most, where)
            end = data.find(b"\0")
            if end >= 0:
                return data[:end].decode("latin-1")
        raise self.fail(f"string at {address:#x} does not end", where)

    def _bytes(self, at: int, length: int) -> bytes:
        """Small reads near each other are served from one window."""
        first, held = self._window
        if first <= at and at + length <= first + len(held):
            return held[at - first : at - first + length]
        if length > 16 * _CHUNK:
            return self._data[at : at + length]
        self._window = (at, self._data[at : at + 16 * _CHUNK])
        return self._window[1][:length]
