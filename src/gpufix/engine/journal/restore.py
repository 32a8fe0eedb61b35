"""Brings a scope back to an earlier state. Doing it twice, or finishing half of it, is the same.

Nothing is deleted or overwritten: what stands in the way is put aside first.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from gpufix.engine.journal.aside import Aside, moved
from gpufix.engine.journal.exchange import named
from gpufix.engine.journal.keep import twin
from gpufix.engine.journal.listing import (
    PARENT,
    TEMPORARY,
    ListedEntry,
    Scope,
    covers,
    equal,
    look,
    set_attributes,
)

_TRIES = 20  # times that somebody may take a name while it is given back


class Lost(OSError):
    """The earlier bytes are gone, for good: no other attempt can bring them back."""


class Restorer:
    """One scope's earlier state, where its bytes are kept, and what could not be put back.

    `problems`: what another attempt may mend; `lost`: what none will.
    """

    def __init__(
        self,
        scope: Scope,
        before: Mapping[str, ListedEntry | None],
        kept: Mapping[str, str],
        aside: Aside,
    ):
        self.scope, self.before, self.kept, self.aside = scope, before, kept, aside
        self.problems: list[str] = []
        self.lost: dict[str, str] = {}
        self._folders: set[str] = set()  # whose names were changed
        self._held: dict[str, set[str]] | None = None

    def restore(self, keys: Iterable[str]) -> None:
        """Give these keys their earlier states. What fails is a problem; the rest goes on."""
        given = set(keys)
        wanted = given - {PARENT}
        ordered = sorted(wanted, key=lambda k: (k.count("/"), k))
        # What lies behind a link that stands where a folder did is nobody's to be touched.
        links = [k for k in ordered if self._is_dir(k) and os.path.islink(self.path(k))]
        for key in (*links, *reversed(ordered)):
            self._guarded(self._clear, key)
        for key in ordered:
            self._guarded(self._put, key)
        self._tidy(wanted)
        folders = {*self._folders, *(given & {PARENT}), *(k for k in wanted if self._is_dir(k))}
        for key in sorted(folders, key=lambda k: (k != PARENT, k.count("/"), k), reverse=True):
            self._guarded(self._finish_folder, key)

    def path(self, key: str) -> str:
        """The absolute path of a key."""
        return self.scope.at(key)

    def _is_dir(self, key: str) -> bool:
        entry = self.before.get(key)
        return entry is not None and entry.is_dir

    def _guarded(self, act: Callable[[str], None], key: str) -> None:
        try:
            act(key)
        except Lost as error:
            self.lost[key] = f"{self.path(key)}: {error}"
        except OSError as error:
            self.problems.append(f"{self.path(key)}: {error.strerror or error}")

    def _clear(self, key: str) -> None:
        """Put aside what was not there, or is now of another kind. An empty folder just goes."""
        entry, now = self.before.get(key), look(self.path(key))
        if now is None or (entry is not None and entry.kind == now.kind):
            return
        self._touch(key)
        if now.is_dir and _removed_empty(self.path(key)):
            return
        self.aside.take(self.path(key))

    def _put(self, key: str) -> None:
        entry = self.before.get(key)
        if entry is None:
            return
        now = look(self.path(key))
        if entry.is_dir:
            if now is None:
                self._touch(key)
                os.mkdir(self.path(key), 0o700)
        elif entry.kind == "link":
            if not equal(entry, now):
                self._put_link(key, entry)
        else:
            self._put_file(key, entry, now)

    def _put_link(self, key: str, entry: ListedEntry) -> None:
        source = self.kept.get(key)
        if source is not None and os.path.lexists(source):
            self._replace(key, None, lambda place: _link(source, place))
            return
        self._replace(key, entry, lambda place: os.symlink(str(entry.target), place))

    def _put_file(self, key: str, entry: ListedEntry, now: ListedEntry | None) -> None:
        source = self.kept.get(key)
        bytes_there = look(source) if source else None
        if source is None or bytes_there is None:
            if not equal(entry, now):
                raise Lost("its bytes were not kept")
            return
        whole = (bytes_there.size, bytes_there.mtime) == (entry.size, entry.mtime)
        if entry.kept == "link":  # what was written into it comes back with it, whoever did that
            if now is None or now.inode != bytes_there.inode:
                self._replace(key, entry if whole else None, lambda place: _link(source, place))
            elif whole:
                set_attributes(source, entry)
        elif whole:
            self._put_copy(key, entry, now, source)
        if not whole:
            raise Lost("it was written in place, and its kept bytes with it")

    def _put_copy(self, key: str, entry: ListedEntry, now: ListedEntry | None, source: str) -> None:
        """The bytes; and where the file has other names too, the very file that they name."""
        path, shared = self.path(key), twin(source)
        original = look(shared)
        same = now is not None and _same_bytes(entry, now, source, path)
        if original is not None and now is not None and now.inode == original.inode:
            if not same:  # written in place under all of its names
                seen = os.lstat(shared)
                self.aside.copy(path, shared)
                _rewrite(source, shared, seen)
            set_attributes(shared, entry)
        elif original is not None and _equal(source, shared):
            self._replace(key, entry, lambda place: _link(shared, place))
        elif not (same and equal(entry, now, identity=False)):
            self._replace(key, entry, lambda place: _copy(source, place))

    def _replace(self, key: str, entry: ListedEntry | None, make: Callable[[str], object]) -> None:
        """Make it under another name, with the attributes of an entry, then give it its own.

        What lies there is moved aside, also what somebody puts there meanwhile: no name is taken
        that is in use.
        """
        self._touch(key)
        path = self.path(key)
        temporary = os.path.join(os.path.dirname(path), TEMPORARY)
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        make(temporary)
        if entry is not None:
            set_attributes(temporary, entry)
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):
                self.aside.take(path)
            if named(temporary, path):
                return
        raise OSError(errno.EBUSY, "somebody keeps writing it")

    def _touch(self, key: str) -> None:
        self._folders.add(os.path.dirname(key) if key else PARENT)

    def _tidy(self, keys: Iterable[str]) -> None:
        """An earlier attempt may have been cut off before its temporary name was gone."""
        for folder in {os.path.dirname(key) if key else PARENT for key in keys}:
            with suppress(OSError):
                os.unlink(os.path.join(self.path(folder), TEMPORARY))
                self._folders.add(folder)

    def _finish_folder(self, key: str) -> None:
        """Mode, and the time of its last change unless it now holds something else as well."""
        entry, path = self.before.get(key), self.path(key)
        now = look(path)
        if entry is None or now is None or not now.is_dir:
            return
        if key != PARENT:
            set_attributes(path, entry, times=False)
        if now.mtime != entry.mtime and (key == PARENT or self._names(key) >= self._covered(key)):
            os.utime(path, ns=(entry.mtime, entry.mtime))

    def _names(self, key: str) -> set[str]:
        """The names that a folder held."""
        if self._held is None:
            self._held = {}
            for below, entry in self.before.items():
                if entry is not None and below not in ("", PARENT):
                    folder, _, name = below.rpartition("/")
                    self._held.setdefault(folder, set()).add(name)
        return self._held.get(key, set())

    def _covered(self, key: str) -> set[str]:
        """The names that it holds now, of those that the scope covers."""
        place, scope = self.path(key), self.scope
        return {name for name in os.listdir(place) if covers(scope, key, name)}


def _same_bytes(entry: ListedEntry, now: ListedEntry, kept: str, path: str) -> bool:
    """Inode and time do not tell: both are used anew within one tick of the kernel's clock."""
    same = (now.kind, now.size) == ("file", entry.size)
    return same and _equal(kept, path)


def _equal(one: str, other: str) -> bool:
    filecmp.clear_cache()  # it knows a file by its size and its time, and that not to the nanosecond
    return filecmp.cmp(one, other, shallow=False)


def _link(source: str, place: str) -> None:
    os.link(source, place, follow_symlinks=False)


def _rewrite(source: str, path: str, seen: os.stat_result) -> None:
    """A kill in the middle leaves bytes that differ still: the next undo writes them again.

    `seen`: what it was when its bytes were put aside.
    """
    with open(source, "rb") as kept, open(path, "r+b") as file:
        if moved(seen, os.fstat(file.fileno())):
            raise OSError(errno.EBUSY, "somebody is writing it")
        shutil.copyfileobj(kept, file)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _copy(source: str, place: str) -> None:
    shutil.copyfile(source, place, follow_symlinks=False)
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _removed_empty(folder: str) -> bool:
    """Whether it is gone; False where something lies in it."""
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True
