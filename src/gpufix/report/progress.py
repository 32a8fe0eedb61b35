"""What `gpufix build` and `gpufix smoke` show while they work."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gpufix.fixes.build_environment.variables import Folder
from gpufix.text.clean import clean

if TYPE_CHECKING:
    from rich.status import Status


class _Log(Protocol):
    def progress(self) -> tuple[int, int] | None: ...


class _Running(Protocol):
    @property
    def log(self) -> _Log: ...
    @property
    def seconds(self) -> float: ...


class _Ended(Protocol):
    @property
    def folder(self) -> Folder: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def seconds(self) -> float: ...


class BuildProgress:
    """A watcher of builds; use it as a context manager."""

    def __init__(self, console: Console):
        self._console = console
        self._live = Live(console=console, transient=True, refresh_per_second=4)
        self._shown = 0.0

    def __enter__(self) -> BuildProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, folder: Folder, jobs: int) -> None:
        """A folder's build begins."""
        if not self._console.is_terminal:
            compilers = f"{jobs} compiler{'' if jobs == 1 else 's'}"
            self._say(f"building {folder.path} with up to {compilers}")

    def progress(self, running: Sequence[tuple[Folder, _Running]]) -> None:
        """Redraw, a few times a second at most."""
        now = time.monotonic()
        if running and self._console.is_terminal and now - self._shown > 0.25:
            self._shown = now
            self._live.start()
            self._live.update(Group(*(_line(folder, state) for folder, state in running)))

    def ended(self, ended: _Ended) -> None:
        """A folder's programs are over; its result is printed where the live lines were."""
        self._live.stop()
        if not self._console.is_terminal:
            word = "compiled" if ended.reason is None else ended.reason
            self._say(f"{ended.folder.path}: {word} after {ended.seconds:.1f} s")

    def _say(self, text: str) -> None:
        self._console.print(Text(clean(text)), soft_wrap=True, highlight=False)


def _line(folder: Folder, running: _Running) -> Text:
    done = running.log.progress()
    files = f"{done[0]}/{done[1]} files" if done else "…"
    name = folder.path.rpartition("/")[2]
    return Text(f"  {clean(name):<30.30} {files:>14} {running.seconds:7.0f} s")


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
