"""Around each step: what it may touch is kept before, and what it changed is noted after."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpufix.engine.journal import listing as states
from gpufix.engine.journal.journal import Journal
from gpufix.engine.journal.keep import keep, place, twin
from gpufix.engine.journal.listing import KEPT_PREFIX, Listing, Scope, changed
from gpufix.engine.journal.lock import make_folder
from gpufix.engine.journal.owner import hand_over
from gpufix.engine.run_context import Refused, StepFailed

Kept = tuple[Scope, Listing, Path]
_TICK = 20_000_000  # nanoseconds: a kernel's clock for files moves in steps of up to 10 ms


class Guard:
    """One step's guard. `open` before the step acts, `close` when it is done."""

    def __init__(self, journal: Journal, folder: Path, step: int):
        self._journal, self._folder, self._step = journal, folder, step
        self._kept: list[Kept] = []
        self._settled = 0

    def open(self, scopes: Sequence[Scope]) -> None:
        """Keep the scopes' state; the journal row is written last. Raises OSError, Refused."""
        todo, rows = list(scopes), []
        roots = [scope.path for scope in scopes]
        allowed = self._journal.rows[0].get("roots") if self._journal.rows else None
        for scope in scopes:
            if allowed is not None and not scope.within(allowed):
                raise Refused(f"{scope.path} is neither the patient's nor the project's")
        for number, scope in enumerate(todo):  # grows: installers write through links
            rows.append(self._keep(number, scope))
            if scope.follow and scope.through is None:
                _, listed, _ = self._kept[-1]
                todo += states.leading_out(scope, listed, [*roots, *(s.path for s in todo)])
        self._settled = time.time_ns() - _TICK
        self._journal.append("guard", step=self._step, scopes=rows)

    def holds(self, path: str) -> bool:
        """Whether what is at the path now is what was kept of it."""
        for scope, listed, _ in self._kept:
            if path == scope.path or path.startswith(f"{scope.path}/"):
                entry = listed.get(path[len(scope.path) + 1 :])
                return entry is not None and states.equal(entry, states.look(path), identity=False)
        return False

    def close(self) -> None:
        """Note what has changed, then let go of what has not. Raises StepFailed for what may not."""
        rows = []
        unneeded: list[str] = []
        for number, (scope, before, folder) in enumerate(self._kept):
            after = states.take(scope, before, self._settled)
            if scope.through is None:
                hand_over(scope, before, after)
            keys = changed(before, after)
            if scope.through is not None and keys:
                raise StepFailed(
                    f"it wrote into {scope.path}, which lies outside the environment: {scope.through} "
                    "leads there, and others may use it"
                )
            name = f"after-{self._step}-{number}"
            digest = states.save(self._folder / name, {k: after.get(k) for k in keys})
            rows.append({"listing": name, "sha256": digest})
            needed = set(keys)
            for key, path in place(folder, before).items():
                if key not in needed:
                    unneeded += [path, twin(path)] if before[key].kept == "copy" else [path]
        self._journal.append("done", step=self._step, scopes=rows)
        for path in unneeded:
            with suppress(FileNotFoundError):  # few copies have a twin
                os.unlink(path)

    def nothing(self, scopes: int) -> None:
        """Note that after all the step has changed nothing: it was taken back."""
        rows = []
        for number in range(scopes):
            name = f"after-{self._step}-{number}-taken-back"
            rows.append({"listing": name, "sha256": states.save(self._folder / name, {})})
        self._journal.append("done", step=self._step, scopes=rows)

    def _keep(self, number: int, scope: Scope) -> dict[str, Any]:
        state = os.path.realpath(self._folder.parent.parent)
        scope = replace(scope, outside=(*scope.outside, state))
        before = states.take(scope)
        folder = self._place(scope) / f"{self._step}-{number}"
        listed = keep(scope, before, folder)
        name = f"before-{self._step}-{number}"
        digest = states.save(self._folder / name, dict(listed))
        self._kept.append((scope, listed, folder))
        row = {"scope": scope.record(), "listing": name, "sha256": digest, "kept": str(folder)}
        return row

    def _place(self, scope: Scope) -> Path:
        """The run's own folder, or one beside the patient when only that allows hard links."""
        own = self._folder / "kept"
        if scope.near is None or os.stat(scope.near).st_dev == os.stat(self._folder).st_dev:
            return own
        near = Path(scope.near) / f"{KEPT_PREFIX}{self._folder.name}"
        if not near.is_dir():
            self._journal.append("near", folder=str(near))
            make_folder(near)
        return near
