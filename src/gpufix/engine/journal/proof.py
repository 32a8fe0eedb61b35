"""What of the things put aside is proven to be the run's own: that alone is deleted.

Proof is: bytes that a step of gpufix wrote, by their digest in the journal; a file that the RECORD of a
distribution lists with its digest, where the run's installer says that it installed that version of it;
bytecode; objects that a compiler made in a build folder. Changed while a step ran is no proof.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from gpufix.engine.journal.aside import held
from gpufix.engine.journal.listing import NEW, TEMPORARY
from gpufix.engine.journal.runs import Run
from gpufix.facts.packages.record_file import matches
from gpufix.files import read, read_end
from gpufix.text.names import normalise

_STASHED = re.compile(r"/~[^/]*/")  # pip renames a folder that it removes
_BYTECODE = re.compile(r"/__pycache__/[^/]+\.pyc$")
_BUILT = re.compile(r"/(build|_skbuild|CMakeFiles|[^/]+\.egg-info)/")
_MADE = (".o", ".obj", ".d", ".a", ".so", ".ninja_deps", ".ninja_log")
_INFO = re.compile(r"/([^/]+)-([^/-]+)\.dist-info/RECORD$")
# What pip and uv say of what they install: pip names each wheel that it takes or makes.
_PIP = re.compile(r"([^\s/=-]+)-([^\s/-]+)-[^\s/]+\.whl\b")
_UV = re.compile(r"^ [+~] ([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_LOG = 8 << 20  # bytes of a log that are looked at, at its end
_RECORD = 64 << 20  # bytes
_BLOCK = 1 << 20


def delete_own(run: Run, folder: Path, in_place: set[Identity]) -> None:
    """Delete, from what lies aside, what is proven to be the run's own. Raises OSError.

    `in_place`: files that are back where they were; the name that pip has given one is needless.
    """
    lying = {was: lies for lies, was in held(folder)}
    own, builds = written(run), _builds(run)
    for was, lies in lying.items():
        disposable = _is_regular(lies) and (_disposable(was) or _is_object(was, builds))
        stashed = _STASHED.search(was) and identity(lies) in in_place
        if disposable or stashed or is_written(was, lies, own):
            os.unlink(lies)
    installed = installed_by(run)
    for was, lies in sorted(lying.items()):
        found = _INFO.search(was)
        if found and (normalise(found[1]), found[2]) in installed and os.path.isfile(lies):
            _delete_distribution(was, lies, lying)


def installed_by(run: Run) -> set[tuple[str, str]]:
    """(name, version) of the distributions that the run's installers say they installed."""
    found: set[tuple[str, str]] = set()
    for log in run.folder.glob("*.log"):
        text = read_end(log, _LOG).decode("utf-8", "replace")
        found |= {*_PIP.findall(text), *_UV.findall(text)}
    return {(normalise(name), unquote(version)) for name, version in found}


def _delete_distribution(was: str, lies: str, lying: dict[str, str]) -> None:
    """The files that this RECORD lists and whose bytes it tells; itself when all of them are."""
    site = os.path.dirname(os.path.dirname(was))
    whole = True
    for name, recorded in _rows(lies):
        place = lying.get(os.path.normpath(os.path.join(site, name)))
        if place is None or place == lies or not os.path.lexists(place):
            continue
        if recorded.startswith("sha256=") and _is_plain(place) and matches(place, recorded):
            os.unlink(place)
        else:
            whole = False
    if whole:
        os.unlink(lies)


def _rows(record: str) -> Iterator[tuple[str, str]]:
    """(path, its digest as RECORD writes it)."""
    text = read(record, _RECORD).decode("utf-8", "surrogateescape")
    try:
        for row in csv.reader(text.splitlines()):
            if len(row) == 3:
                yield row[0], row[1]
    except csv.Error:
        return


Identity = tuple[int, int]


def identity(path: str) -> Identity:
    """Of a file, under whatever name."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def is_written(was: str, lies: str, own: dict[str, set[str]]) -> bool:
    """Whether the file that lies there now is one that gpufix itself wrote to where it was."""
    return was in own and _is_plain(lies) and _digest(lies) in own[was]


def _is_regular(path: str) -> bool:
    """A file, or a link: no pipe, which is never the run's own."""
    return os.path.islink(path) or os.path.isfile(path)


def _is_plain(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def written(run: Run) -> dict[str, set[str]]:
    """path → the digests of what gpufix itself wrote there."""
    found: dict[str, set[str]] = {}
    for row in run.rows:
        if row["type"] == "writing":
            found.setdefault(row["path"], set()).add(row["sha256"])
    return found


def _disposable(path: str) -> bool:
    """What is made again from what is there; gpufix's own temporary names."""
    return path.endswith((TEMPORARY, NEW)) or _BYTECODE.search(path) is not None


def _builds(run: Run) -> dict[str, bool]:
    """The paths of all scopes, the deepest first, and whether that is what a build may write into."""
    guards = (row for row in run.rows if row["type"] == "guard")
    scopes = [part["scope"] for row in guards for part in row["scopes"]]
    found = {scope["path"]: scope["policy"] == "copy" for scope in scopes}
    return dict(sorted(found.items(), reverse=True))


def _is_object(path: str, builds: dict[str, bool]) -> bool:
    """Whether a build folder below the sources holds it: how folders above are called says nothing."""
    above = next((top for top in builds if path.startswith(f"{top}/")), None)
    if above is None or not builds[above] or not path.endswith(_MADE):
        return False
    return _BUILT.search(path.removeprefix(above)) is not None


def _digest(path: str) -> str:
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()


def remaining(folders: Iterable[Path]) -> list[str]:
    """Where the things that still lie aside were."""
    return sorted(was for folder in folders for _, was in held(folder))
