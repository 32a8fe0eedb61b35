"""What `gpufix smoke` shows while it works: one line on standard error, when that is a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gpufix.report.clean import clean

if TYPE_CHECKING:
    from rich.status import Status


class SmokeProgress:
    """A context manager. `say` may be called from any thread."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> SmokeProgress:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("looking …", spinner="dots")
            self._status.start()
        return self

    def say(self, what: str) -> None:
        """Show what is being done now."""
        if self._status is not None:
            self._status.update(clean(what) + " …")

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
