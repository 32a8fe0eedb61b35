"""Explains a name that the wanted torch lacks: what the same function is called elsewhere."""

from __future__ import annotations

from ...binary.mangle import entity, neutral, string_abi
from .history import NameHistory, SymbolHistory


def other_spelling(history: SymbolHistory, name: str) -> str | None:
    """The known name that differs from `name` in nothing but the ABI of std::string.

    None as well when several would fit.
    """
    abi = string_abi(name)
    if abi is None:
        return None
    wanted = neutral(name)
    found = [
        candidate
        for candidate in history.names.starting(entity(name), limit=2000)
        if string_abi(candidate) == 1 - abi and neutral(candidate) == wanted
    ]
    return found[0] if len(found) == 1 else None


def relatives(history: SymbolHistory, name: str, limit: int = 5) -> tuple[NameHistory, ...]:
    """The same function with other parameters, most recent first; () when there is none."""
    prefix = entity(name)
    switched = prefix.replace("_ZNK", "_ZN") if "_ZNK" in prefix else "_ZNK" + prefix[3:]
    prefixes = (prefix, switched) if prefix.startswith("_ZN") else (prefix,)
    found = [
        record
        for start in prefixes
        for candidate in history.names.starting(start)
        if candidate != name and (record := history.history(candidate)) is not None
    ]
    order = {version: i for i, version in enumerate(history.releases)}
    return tuple(sorted(found, key=lambda r: -order[r.last])[:limit])
