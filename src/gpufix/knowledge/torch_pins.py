"""What each torch release requires: NVIDIA's libraries, triton, NCCL."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.knowledge.table import table


@dataclass(frozen=True, slots=True)
class Pins:
    """Requirements of the default x86-64 wheel: name -> specifier ("==12.8.93")."""

    variant: str
    nvidia: dict[str, str]
    triton: str | None
    nccl: str | None
    source: str


def get(version: str) -> Pins | None:
    """The pins of a release, None when it is not in the table."""
    row = table("torch_pins")["releases"].get(version.split("+")[0])
    return Pins(**row) if row else None
