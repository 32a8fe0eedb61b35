"""The libstdc++.so.6 that the loader's default search finds, and the newest versions it defines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.loader.cache import FLAGS, MAX_CACHE, parse_cache
from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why

_NAME = "libstdc++.so.6"
_VERSION = re.compile(r"(GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)")


def find_libstdcxx(ctx: Context, machine: str) -> Path | None:
    """Its path: /etc/ld.so.cache, else the usual folders. LD_LIBRARY_PATH is not looked at."""
    for path in (*_cached(ctx, machine), *_usual(machine)):
        if (found := ctx.at(path)).is_file():
            return found
    return None


def _cached(ctx: Context, machine: str) -> Iterator[str]:
    try:
        entries = parse_cache(read(ctx.at("/etc/ld.so.cache"), MAX_CACHE))
    except OSError:  # normal on musl and in minimal images
        return
    for entry in entries:
        if entry.name == _NAME and entry.flags == FLAGS.get(machine) and not entry.hwcaps:
            yield entry.path


def _usual(machine: str) -> Iterator[str]:
    for folder in (f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu"):
        yield f"{folder}/{_NAME}"
    for folder in ("/lib64", "/usr/lib64", "/lib", "/usr/lib"):
        yield f"{folder}/{_NAME}"


def highest_versions(ctx: Context, library: Path) -> tuple[str | None, str | None]:
    """The highest GLIBCXX and CXXABI that it defines, as ("3.4.30", "1.3.13")."""
    try:
        names = [definition.version for definition in ElfFile(str(library)).version_definitions]
    except (ElfError, OSError) as error:
        ctx.gap("host", text(str(library)), f"cannot be read: {why(error)}")
        return None, None
    highest: dict[str, tuple[int, ...]] = {}
    for match in filter(None, map(_VERSION.fullmatch, names)):
        version = tuple(map(int, match[2].split(".")))
        highest[match[1]] = max(highest.get(match[1], ()), version)
    glibcxx, cxxabi = (highest.get(family) for family in ("GLIBCXX", "CXXABI"))
    return _dotted(glibcxx), _dotted(cxxabi)


def _dotted(version: tuple[int, ...] | None) -> str | None:
    return ".".join(map(str, version)) if version else None
