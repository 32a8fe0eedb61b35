"""Demangles names for messages: by the grammar here, what that leaves by `c++filt` if present."""

from __future__ import annotations

from collections.abc import Iterable

from .encoding import demangle_one
from .filt import through_filter


def demangle(names: Iterable[str], use_filter: bool = True) -> dict[str, str]:
    """Each mangled name → readable C++, or the name itself when neither way can.

    use_filter: ask `c++filt` on PATH for what the own grammar does not cover.
    """
    found = {name: demangle_one(name) for name in names}
    left = [name for name, text in found.items() if text is None and name.startswith("_Z")]
    filtered = through_filter(left) if left and use_filter else {}
    return {name: text or filtered.get(name, name) for name, text in found.items()}
