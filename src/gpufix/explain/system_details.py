"""Which package of the system brings a library or a header, in the words of apt, dnf and conda."""

from __future__ import annotations

from gpufix.knowledge import system_headers, system_libraries
from gpufix.knowledge.conda import CHANNEL


def library(name: str) -> str | None:
    """How to install what holds a library; None where that is not known."""
    held = system_libraries.holding(name)
    if held is None:
        return None
    debian = " or ".join(dict.fromkeys(filter(None, held.debian)))
    return _commands(debian, f"'{name}()(64bit)'", held.conda)


def header(name: str) -> str | None:
    """How to install what holds a header; None where that is not known."""
    held = system_headers.holding(name)
    return _commands(held.debian, f"'*/include/{name}'", held.conda) if held else None


def _commands(debian: str, provided: str, conda: str | None) -> str:
    ways = [f"`apt install {debian}`"] if debian else []
    ways.append(f"`dnf install {provided}`")
    if conda:
        ways.append(f"`conda install -c {CHANNEL} {conda}`")
    return f"Install what holds it: {', '.join(ways)}."
