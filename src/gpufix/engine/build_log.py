"""A build's log: written by its programs, read for progress while they run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

_TAIL = 64 << 10  # bytes looked at for progress
_KEPT = 20  # runs whose logs stay
_STEP = re.compile(r"\[\s*(\d+)\s*/\s*(\d+)\s*\]")  # ninja's


class Log:
    """One folder's log file."""

    def __init__(self, path: Path):
        self.path = path

    def note(self, command: Sequence[str]) -> None:
        """A line that says what is run now."""
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"$ {shlex.join(command)}\n")

    def size(self) -> int:
        """Bytes written so far."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def progress(self) -> tuple[int, int] | None:
        """(files done, files in all) as ninja last said, None when nobody said."""
        found = _STEP.findall(self._tail())
        return (int(found[-1][0]), int(found[-1][1])) if found else None

    def _tail(self) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.size() - _TAIL))
                return file.read(_TAIL).decode("utf-8", "replace")
        except OSError:
            return ""


def new_folder(state: Path) -> Path:
    """A folder for one run's logs under the state directory; those of old runs go. Raises OSError."""
    parent = state / "builds"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(p for p in parent.iterdir() if p.is_dir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    return folder


def name_for(number: int, folder: str) -> str:
    """A log's file name: readable, without anything that a shell or terminal would act on."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(folder).name)[:60]
    return f"{number}-{plain or 'build'}.log"
