"""What is known of a folder that is to be built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Backend = Literal["python", "cmake", "cmake, then python"]


@dataclass(frozen=True, slots=True)
class Folder:
    """An extension's source. `text`: its build files, cut; `stale`: what earlier builds left."""

    path: str
    backend: Backend
    distribution: str | None = None  # the installed one that was made from it
    editable: bool = False
    gpu_sources: int = 0
    host_sources: int = 0
    text: str = ""
    stale: tuple[str, ...] = ()
    in_source: bool = False  # CMake was last configured in the folder itself, or must be

    @property
    def cmake(self) -> bool:
        """Whether CMake is called directly."""
        return self.backend != "python"
