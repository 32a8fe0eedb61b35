"""Which GCC release brought a symbol version of libstdc++."""

from __future__ import annotations

from gpufix.knowledge.data_table import at_least, table


def gcc_with(version: str) -> str | None:
    """The first GCC whose libstdc++ defines it: "GLIBCXX_3.4.32" → "13.2"; None = not listed."""
    family, _, number = version.partition("_")
    row: str | None = table("libstdcxx")["versions"].get(family, {}).get(number)
    return row


def defines(gcc: str, version: str) -> bool | None:
    """Whether the libstdc++ of a GCC release has a symbol version; None = not listed."""
    first = gcc_with(version)
    return None if first is None else at_least(gcc, first)
