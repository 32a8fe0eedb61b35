"""Paths as a reader wants them: relative to site-packages or the project, whole and unbroken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpufix.frozen import Frozen
from gpufix.model import Evidence, PatientSummary

_SITE = (
    r"(?:/(?:lib|lib64)/(?:python|pypy)[\w.]+/(?:site|dist)-packages/"
    r"|[\\/]Lib[\\/]site-packages[\\/])"  # Windows'
)


class Shortened(Frozen):
    """Shortens the paths of one patient in texts; everything else stays as it is."""

    prefix: str | None = None
    project: str | None = None

    @classmethod
    def of(cls, patient: PatientSummary) -> Shortened:
        """For a report on this patient."""
        return cls(patient.prefix, patient.project)

    def __call__(self, text: str) -> str:
        """The text, with paths in site-packages or the project made relative to these."""
        if self.prefix and self.prefix in text:
            text = re.sub(f"{_START}{re.escape(self.prefix.rstrip('/'))}{_SITE}", "", text)
        if self.project and self.project.rstrip("/") and self.project in text:
            text = re.sub(f"{_START}{re.escape(self.project.rstrip('/'))}/", "", text)
        return text

    def evidence(self, found: Sequence[Evidence]) -> list[Evidence]:
        """The same pieces of evidence with short paths."""
        return [
            replace(item, text=self(item.text), path=self(item.path) if item.path else item.path)
            for item in found
        ]


_START = r"(?<![\w/.-])"


def near(path: str) -> str:
    """A path as one would type it here: relative where it lies below the current folder."""
    try:
        here = str(Path.cwd())
    except OSError:  # the folder is gone
        return path
    if path == here:
        return "."
    return path[len(here) + 1 :] if path.startswith(here.rstrip("/") + "/") else path
