"""Paths as every machine would write them: below the project, below the environment, elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gpufix.model import PatientSummary

Base = Literal["project", "environment", "elsewhere"]

_PYTHON_FOLDER = re.compile(r"(?<=lib/python)\d+\.\d+t?(?=/)")


class Place(NamedTuple):
    """A path, relative to its base; absolute where `base` is "elsewhere"."""

    base: Base
    path: str


@dataclass(frozen=True)
class Places:
    """Where the project and the environment are. None = there is none."""

    project: str | None = None
    environment: str | None = None

    @classmethod
    def of(cls, patient: PatientSummary) -> Places:
        """The folders of a report's patient."""
        return cls(patient.project, patient.prefix)

    def place(self, path: str) -> Place:
        """An environment inside the project is an environment."""
        bases: tuple[tuple[Base, str | None], ...] = (
            ("environment", self.environment),
            ("project", self.project),
        )
        inside = [
            Place(base, path[len(root.rstrip("/")) + 1 :])
            for base, root in bases
            if root and path.startswith(f"{root.rstrip('/')}/")
        ]
        # The shorter remainder belongs to the inner folder.
        return min(inside, key=lambda p: len(p.path), default=Place("elsewhere", path))

    def portable(self, text: str) -> str:
        """The text without what differs from machine to machine: roots, Python's minor version."""
        folders = [(self.environment, "{env}"), (self.project, "{project}")]
        known = [(root.rstrip("/"), name) for root, name in folders if root]
        for root, name in sorted(known, key=lambda pair: -len(pair[0])):
            if root:
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?=/|$|[\s:;,'\"])", name, text)
        return _PYTHON_FOLDER.sub("", text)
