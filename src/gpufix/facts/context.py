"""What every collector is handed: where to look, and where to report what could not be seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gpufix.model import Gap

T = TypeVar("T")


def _silent(_: str) -> None:
    return None


def _here() -> Path:
    """The current folder; the root where it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


@dataclass
class CollectContext:
    """`root` stands for "/" (tests point it at a recorded /proc, /sys, /etc tree)."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    root: Path = Path("/")
    home: Path = field(default_factory=Path.home)
    cwd: Path = field(default_factory=_here)
    deep: bool = False  # hash every recorded file
    compare: bool = False  # what only a comparison of nodes asks: bytes of libraries, network
    defer: bool = False  # leave out the bytes of libraries that lie on a network's file system
    examined: tuple[
        Path, ...
    ] = ()  # the patient's and the project's folders: no script there is run
    progress: Callable[[str], None] = _silent
    gaps: list[Gap] = field(default_factory=list)

    def gap(self, section: str, subject: object, reason: object) -> None:
        """Report something that could not be looked at, and why."""
        self.gaps.append(Gap(section=section, subject=str(subject), reason=str(reason)))

    def attempt(self, section: str, collector: Callable[[], T], otherwise: T) -> T:
        """A collector that crashes leaves a gap: the rest can still be judged."""
        try:
            return collector()
        except Exception as error:
            self.gap(section, section, f"the collector crashed: {error!r}")
            return otherwise

    def at(self, path: str) -> Path:
        """An absolute path of the machine, under `root`."""
        return self.root / path.lstrip("/")
