"""What a step is handed when it is checked and carried out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpufix.model import Facts


@dataclass(frozen=True)
class Indexes:
    """Where packages come from, as the user says: options first, then pip's and uv's variables."""

    index_url: str | None = None
    find_links: tuple[str, ...] = ()


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class Context:
    """The facts that the plan was made from, and the run that carries it out.

    `folder`: the run's own folder, for logs and as working directory of programs; None while a
    plan is only being checked. `lock_fd`: to be passed to every program that is started, so that
    one that outlives the run keeps the patient locked.
    """

    facts: Facts
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    indexes: Indexes = Indexes()
    say: Callable[[str], None] = _silent
    folder: Path | None = None
    lock_fd: int | None = None
    ahead: bool = False  # checking before earlier steps, which may make what is missing, have run

    @property
    def project(self) -> str | None:
        """The project's folder."""
        return self.facts.project.root if self.facts.project else None
