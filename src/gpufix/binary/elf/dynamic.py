"""The dynamic section: what the loader is told."""

from __future__ import annotations

from dataclasses import dataclass

from .constants import DT_NEEDED
from .errors import ElfError
from .layout import Layout
from .source import Buffer


@dataclass(frozen=True, slots=True)
class Dynamic:
    """tags: the last value of each tag, as the loader keeps it; needed: string offsets in order."""

    tags: dict[int, int]
    needed: tuple[int, ...]


def read_dynamic(
    path: str, data: Buffer, size: int, form: Layout, offset: int, length: int
) -> Dynamic:
    """The entries up to DT_NULL of the table at `offset`, of at most `length` bytes."""
    entry = form.dynamic.size
    if offset + entry > size:
        raise ElfError(path, f"starts at {offset}, the file ends at {size}", "dynamic section")
    end = min(offset + length, size)
    end -= (end - offset) % entry
    tags: dict[int, int] = {}
    needed: list[int] = []
    for tag, value in form.dynamic.iter_unpack(data[offset:end]):
        if tag == 0:
            break
        if tag == DT_NEEDED:
            needed.append(value)
        else:
            tags[tag] = value
    return Dynamic(tags, tuple(needed))
