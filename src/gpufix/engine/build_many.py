"""Several folders at once: as many as processors and memory allow, their compilers counted together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gpufix.buildenv.folder import Folder
from gpufix.buildenv.jobs import share
from gpufix.engine.build_process import Running, Task

_POLL = 0.05  # seconds


@dataclass(frozen=True)
class Ended:
    """How one folder's programs ended. `reason` None = they all succeeded."""

    folder: Folder
    jobs: int
    task: Task | None
    reason: str | None
    seconds: float = 0.0


class Watch(Protocol):
    """Is told what goes on."""

    def started(self, folder: Folder, jobs: int) -> None:
        """A folder's build begins."""

    def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
        """Called some twenty times a second."""

    def ended(self, ended: Ended) -> None:
        """A folder's programs are over; nothing is known of the product yet."""


@dataclass
class _Slot:
    folder: Folder
    jobs: int
    running: Running


def build_all(
    folders: Sequence[Folder],
    prepare: Callable[[Folder, int], Task],
    limits: tuple[int, int],
    watch: Watch,
) -> Iterator[Ended]:
    """Build every folder; a failure stops none of the others.

    `limits`: (folders at once, compilers in all). `prepare` makes the task for a number of jobs;
    when it raises OSError or ValueError, that folder has failed. Interrupted, all groups are killed.
    """
    slots, jobs = limits
    waiting, active = list(folders), list[_Slot]()
    try:
        while waiting or active:
            while waiting and len(active) < slots:
                places = min(len(waiting), slots - len(active))
                number = share(jobs - sum(s.jobs for s in active), places)
                outcome = _begin(waiting.pop(0), number, prepare, watch)
                if isinstance(outcome, Ended):
                    yield outcome
                else:
                    active.append(outcome)
            over = [slot for slot in active if slot.running.poll()]
            active = [slot for slot in active if slot not in over]
            for slot in over:
                yield _end(slot, watch)
            watch.progress([(slot.folder, slot.running) for slot in active])
            if active and not over:
                time.sleep(_POLL)
    finally:
        for slot in active:
            slot.running.kill()


def _begin(
    folder: Folder, jobs: int, prepare: Callable[[Folder, int], Task], watch: Watch
) -> _Slot | Ended:
    watch.started(folder, jobs)
    try:
        return _Slot(folder, jobs, Running(prepare(folder, jobs)))
    except (OSError, ValueError) as error:
        ended = Ended(folder, jobs, None, str(error))
        watch.ended(ended)
        return ended


def _end(slot: _Slot, watch: Watch) -> Ended:
    running = slot.running
    ended = Ended(slot.folder, slot.jobs, running.task, running.reason, running.seconds)
    watch.ended(ended)
    return ended
