"""What a run's journal says of the paths that its steps could touch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpufix.engine.journal import listing as states
from gpufix.engine.journal import proof, runs
from gpufix.engine.journal.aside import NAME
from gpufix.engine.journal.journal import FORMAT
from gpufix.engine.journal.keep import place
from gpufix.engine.journal.listing import PARENT, ListedEntry, Scope, changed, equal
from gpufix.engine.journal.runs import Run
from gpufix.engine.run_context import CorruptJournal
from gpufix.frozen import Frozen

_SLACK = 5 * 10**9  # nanoseconds: clocks of file systems are coarse, machines busy


class Part(Frozen):
    """One scope of one step: its state before, and after when the step was finished."""

    step: int
    scope: Scope
    before: dict[str, ListedEntry | None]
    after: dict[str, ListedEntry | None] | None
    kept: Path
    aside: Path

    def path(self, key: str) -> str:
        """The absolute path of a key."""
        return self.scope.at(key)

    def touched(self) -> list[str]:
        """What a finished step changed; of an unfinished one, whatever is not as it was."""
        if self.after is not None:
            return list(self.after)
        return changed(self.before, states.take(self.scope, self.before))


def of(run: Run) -> list[Part]:
    """All parts, in the order of the steps. Raises CorruptJournal, also for a newer gpufix's run."""
    if int(run.begin.get("format", FORMAT)) > FORMAT:
        version = run.begin.get("version")
        raise CorruptJournal(
            f"run {run.id} was made by a newer gpufix ({version}): undo it with that"
        )
    try:
        return list(_parts(run))
    except (LookupError, TypeError, ValueError) as error:
        raise CorruptJournal(f"the journal of {run.id} makes no sense: {error!r}") from None


def _parts(run: Run) -> Iterator[Part]:
    done = {row["step"]: row["scopes"] for row in run.rows if row["type"] == "done"}
    for row in run.rows:
        if row["type"] == "guard":
            after: list[Any] = done.get(row["step"]) or [None] * len(row["scopes"])
            for here, there in zip(row["scopes"], after, strict=True):
                yield _part(run, row["step"], here, there)


def _part(run: Run, step: int, here: dict[str, Any], there: dict[str, Any] | None) -> Part:
    before = states.load(run.folder / here["listing"], here["sha256"])
    after = states.load(run.folder / there["listing"], there["sha256"]) if there else None
    kept = Path(here["kept"])  # KEPT/STEP-NUMBER, in the run's folder or beside the patient
    own, *beside = runs.kept_folders(run)
    if kept.parent in beside:
        aside = kept.parent / NAME
    else:  # the run's folder may have been moved since
        kept, aside = own / kept.name, run.folder / NAME
    part = Part(step, Scope.of(here["scope"]), before, after, kept, aside)
    _require_own(run, part)
    return part


def _require_own(run: Run, part: Part) -> None:
    """A step wrote where the run's first row allows it, nowhere else. Raises ValueError."""
    roots = run.begin.get("roots")  # an older gpufix noted none
    if roots is not None and not part.scope.within(roots):
        raise ValueError(f"{part.scope.path} is neither the patient's nor the project's")
    for key in (*part.before, *(part.after or ())):
        if key != PARENT and ".." in key and ".." in key.split("/"):
            raise ValueError(f"{key!r} lies outside {part.scope.path}")


def diverted(run: Run, parts: Sequence[Part]) -> Iterator[str]:
    """Folders in which the run changed something, and that somebody has replaced by links since.

    Of an unfinished step only those above its scope: all that is in it is kept, whatever is there now.
    """
    roots = [str(root) for root in (run.prefix, run.begin.get("project")) if root]
    left = {part.path(key): entry for part in parts for key, entry in (part.after or {}).items()}
    seen: set[str] = set()
    for part in parts:
        above = [root for root in roots if _below(part.scope.path, root)]
        top = max(above, key=len, default=os.path.dirname(part.scope.path))
        for key in [""] if part.after is None else part.after:
            folder = os.path.dirname(part.path(key))
            while folder not in seen and folder != top and _below(folder, top):
                seen.add(folder)
                entry = left.get(folder)
                if os.path.islink(folder) and (entry is None or entry.kind != "link"):
                    yield folder
                folder = os.path.dirname(folder)


def as_left(entry: ListedEntry | None, path: str) -> bool:
    """Whether a path is as an entry says, whatever its inode."""
    return equal(entry, states.look(path), identity=False)


def unlike(parts: Iterable[Part]) -> dict[str, tuple[Part, str]]:
    """Paths that are not as they were before the first step that touched them, with its part and key."""
    first: dict[str, tuple[Part, str]] = {}
    for part in parts:
        for key in part.touched():
            if key != PARENT:
                first.setdefault(part.path(key), (part, key))
    return {p: (part, k) for p, (part, k) in first.items() if not as_left(part.before.get(k), p)}


def in_place(parts: Iterable[Part]) -> set[proof.Identity]:
    """The files that were kept by link and are at their places."""
    found: set[proof.Identity] = set()
    for part in parts:
        for key, source in place(part.kept, part.before).items():
            with suppress(OSError):
                if (kept := proof.identity(source)) == proof.identity(part.path(key)):
                    found.add(kept)
    return found


def changed_since(run: Run, parts: list[Part]) -> list[str]:
    """Paths that somebody changed after the run's steps and programs had ended, sorted."""
    expected: dict[str, ListedEntry | None] = {}
    unfinished = [part for part in parts if part.after is None]
    for part in parts:
        for key, entry in (part.after or {}).items():
            if states.matters(key):
                expected[part.path(key)] = entry
    known = [p for p in expected if not any(_below(p, part.scope.path) for part in unfinished)]
    links = {p for p, entry in expected.items() if entry is not None and entry.kind == "link"}
    differing = {p for p in known if not (as_left(expected[p], p) or _behind(p, links))}
    made = [p for part in parts for p in _made(part) if expected.get(p) and p in known]
    differing |= {p for folder in made for p in _children(folder) if p not in expected}
    last, written = last_sign(run), proof.written(run)
    for part in unfinished:
        found = ((key, part.path(key)) for key in part.touched() if states.matters(key))
        newer = {path for key, path in found if _is_newer(path, last)}
        differing |= {path for path in newer if not proof.is_written(path, path, written)}
    return sorted(differing)


def last_sign(run: Run) -> int:
    """When the run or one of its programs last showed that it lived (nanoseconds since 1970).

    A guard's time stands in the journal; programs write logs, and the run itself, while they work,
    touches its heartbeat.
    """
    told = [
        int(row["at"]) for row in run.rows if row["type"] in ("guard", "writing") and "at" in row
    ]
    seen = [
        path.stat().st_mtime_ns
        for path in (*run.folder.glob("*.log"), heartbeat(run.folder))
        if path.exists()
    ]
    return max([*told, *seen], default=0)


def heartbeat(folder: Path) -> Path:
    """The file that a run touches while its programs work."""
    return folder / "heartbeat"


def _is_newer(path: str, last: int) -> bool:
    now = states.look(path)
    return now is not None and not now.is_dir and last > 0 and now.ctime > last + _SLACK


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _behind(path: str, links: set[str]) -> bool:
    """Whether a folder above it is one of these: what was there before is not what is there now."""
    return any(str(folder) in links for folder in Path(path).parents)


def _made(part: Part) -> Iterator[str]:
    """Folders that the step added: with them goes whatever lies in them."""
    for key, entry in (part.after or {}).items():
        if (
            states.matters(key)
            and entry is not None
            and entry.is_dir
            and part.before.get(key) is None
        ):
            yield part.path(key)


def _children(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    yield from (f"{folder}/{name}" for name in names if states.matters(name))
