"""file(): the project's own files; what is written or fetched is not followed."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from gpufix.source.builds.cmake_patterns import compiled, fits
from gpufix.source.builds.cmake_state import Call, CMakeState
from gpufix.source.builds.cmake_store import unknown, value
from gpufix.source.builds.run import UNKNOWN_PART

_MOST_FOLDERS, _MOST_FILES, _LONGEST = 4_000, 20_000, 1 << 16


class _Untold(Exception):
    """What a pattern finds is not known."""


def file_command(run: CMakeState, call: Call) -> None:
    """file()."""
    texts = call.texts
    match texts[:1]:
        case ["GLOB" | "GLOB_RECURSE"] if len(texts) > 1:
            _glob(run, call)
        case ["READ"] if len(texts) > 2:
            text = _read(run, texts[1]) if len(texts) == 3 else None
            run.put(
                texts[2], unknown(call.places()) if text is None else value(text, call.places())
            )
        case ["STRINGS"] if len(texts) > 2:
            _strings(run, call)
        case ["RELATIVE_PATH"] if len(texts) > 3:
            known = call.known and all(text.startswith("/") for text in texts[2:4])
            text = posixpath.relpath(texts[3], texts[2]) if known else UNKNOWN_PART
            run.put(texts[1], value(text, call.places()))
        case ["REAL_PATH"] if len(texts) > 2:
            run.put(
                texts[2],
                value(run.absolute(texts[1]) if call.known else UNKNOWN_PART, call.places()),
            )
        case ["TO_CMAKE_PATH" | "TO_NATIVE_PATH"] if len(texts) > 2:
            run.put(texts[2], value(texts[1], call.places()))
        case ["SIZE" | "TIMESTAMP" | "SHA256" | "MD5" | "SHA1" | "READ_SYMLINK"] if len(texts) > 2:
            run.put(texts[2], unknown(call.places()))
        case ["DOWNLOAD" | "UPLOAD" | "LOCK" | "GET_RUNTIME_DEPENDENCIES"]:
            for at, text in enumerate(texts[:-1]):
                if text in ("STATUS", "LOG", "RESULT_VARIABLE"):
                    run.put(texts[at + 1], unknown((call.place,)))


def _read(run: CMakeState, name: str) -> str | None:
    """A small file of the project."""
    if UNKNOWN_PART in name:
        return None
    path = run.absolute(name)
    text = run.text(path) if run.inside(path) else None
    return text if text is not None and len(text) <= _LONGEST and UNKNOWN_PART not in text else None


def _strings(run: CMakeState, call: Call) -> None:
    texts = call.texts
    text = _read(run, texts[1])
    pattern = compiled(texts[4]) if texts[3:4] == ["REGEX"] and len(texts) == 5 else None
    if (
        text is None
        or (len(texts) > 3 and pattern is None)
        or re.search(r"[^\t\n\r\x20-\x7e]", text)
    ):
        run.put(texts[2], unknown(call.places()))
        return
    lines = [line for line in re.split(r"[\r\n]+", text) if line]
    if pattern is not None:
        if not all(fits(pattern, line) for line in lines):
            run.put(texts[2], unknown(call.places()))
            return
        lines = [line for line in lines if pattern.search(line)]
    run.put(texts[2], value(";".join(line.replace(";", "\\;") for line in lines), call.places()))


def _glob(run: CMakeState, call: Call) -> None:
    texts = call.texts
    recursive, out, rest = texts[0] == "GLOB_RECURSE", texts[1], texts[2:]
    relative, folders, patterns = None, not recursive, []
    at = 0
    while at < len(rest):
        if rest[at] == "RELATIVE" and at + 1 < len(rest):
            relative, at = rest[at + 1], at + 2
        elif rest[at] == "LIST_DIRECTORIES" and at + 1 < len(rest):
            folders, at = rest[at + 1].lower() in ("true", "1", "on", "yes"), at + 2
        else:
            patterns += (
                [rest[at]] if rest[at] not in ("CONFIGURE_DEPENDS", "FOLLOW_SYMLINKS") else []
            )
            at += 1
    found: list[str] = []
    for pattern in patterns:
        try:
            found += sorted(set(_matches(run, pattern, recursive, folders)))
        except _Untold:
            found.append(UNKNOWN_PART)
    if relative is not None:
        found = [p if p == UNKNOWN_PART else posixpath.relpath(p, relative) for p in found]
    found = sorted(set(found)) if run.is_new("CMP0009", (2, 6)) else found
    run.put(out, value(";".join(found), call.places()))


def _matches(run: CMakeState, pattern: str, recursive: bool, folders: bool) -> Iterator[str]:
    if UNKNOWN_PART in pattern:
        raise _Untold
    full = posixpath.normpath(posixpath.join(run.folder, pattern))
    parts = full.split("/")
    fixed = next((n for n, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts) - 1)
    fixed = min(fixed, len(parts) - 1)
    base = "/".join(parts[:fixed]) or "/"
    if not run.inside(base):
        raise _Untold
    seen = [0, 0]
    yield from _below(run, base, parts[fixed:], recursive, folders, seen)


def _below(
    run: CMakeState, folder: str, parts: list[str], recursive: bool, folders: bool, seen: list[int]
) -> Iterator[str]:
    """The paths that the parts of a pattern match below a folder."""
    names = run.world.files.names_in(folder)
    seen[0] += 1
    if names is None or seen[0] > _MOST_FOLDERS:
        raise _Untold
    files, last = run.world.files, len(parts) == 1
    for name in sorted(names):
        path = f"{folder}/{name}"
        fits_name = fnmatch.fnmatchcase(name, parts[0])
        inner = (
            files.is_folder(path) if not last or recursive or (fits_name and not folders) else False
        )
        if inner is None:
            raise _Untold
        if last and fits_name and (folders or not inner):
            seen[1] += 1
            if seen[1] > _MOST_FILES:
                raise _Untold
            yield path
        if inner and not last and fits_name:
            yield from _below(run, path, parts[1:], recursive, folders, seen)
        if inner and last and recursive:
            yield from _below(run, path, parts, recursive, folders, seen)
