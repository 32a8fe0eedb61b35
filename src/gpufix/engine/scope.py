"""What a step may touch, as it declares before it acts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Policy = Literal["link", "copy"]


@dataclass(frozen=True)
class Scope:
    """A path that need not exist, and everything below it. The engine keeps its state before.

    `policy`: "link" when the step only unlinks or replaces files, "copy" when it can write into
    them. `near`: a folder on the same file system, for links when the state directory is on
    another one.
    """

    path: str
    policy: Policy = "link"
    only: tuple[str, ...] | None = None  # names directly below `path` that belong to it
    skip: tuple[str, ...] = ()  # names at any depth that do not
    outside: tuple[str, ...] = ()  # whole paths below it that do not: gpufix's own state
    environments: bool = True  # False = virtual environments below it do not belong to it
    near: str | None = None

    def record(self) -> dict[str, Any]:
        """For the journal."""
        return asdict(self)

    @classmethod
    def of(cls, row: dict[str, Any]) -> Scope:
        """From the journal."""
        only = row["only"]
        return cls(
            **{
                **row,
                "only": None if only is None else tuple(only),
                "skip": tuple(row["skip"]),
                "outside": tuple(row["outside"]),
            }
        )
