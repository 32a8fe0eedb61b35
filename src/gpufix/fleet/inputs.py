"""Answers of nodes from files, folders and streams: snapshots, JSON lines, lines of `fleet probe`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from gpufix.files import TooLarge, given
from gpufix.fleet.wire import MARK, BadLine, decode, encode
from gpufix.frozen import Frozen

_LIMIT = 256 << 20  # bytes of one snapshot
# What a pod prints where the look itself failed.
_FAILED = re.compile(r"gpufix-fleet:0:([^\s:]{1,255}):(.{1,1000})")
# What pdsh ("node1: "), clush, srun -l and kubectl logs --prefix ("[pod/NAME/CONTAINER] ") put first.
_PREFIX = re.compile(r"\s*(?:\[(?:pod/)?([^\]\s/]+)[^\]]*\]|([\w.@-]{1,255}):)\s+")


class Reading(Frozen):
    """One node's answer, or why there is none. `facts`: JSON that nobody has validated yet."""

    node: str
    facts: dict[str, Any] | None = None
    problem: str | None = None
    gpufix: str | None = None
    cpu_seconds: float | None = None
    note: str | None = None
    deferred: bool = False  # the bytes of its libraries are still to be read


class CannotRead(Exception):
    """A file that the user named and that cannot be read."""


def read_all(names: Iterable[str]) -> Iterator[Reading]:
    """Those of every file, of the files in every folder, and of `-`. Raises CannotRead."""
    for name in names:
        if name == "-":
            yield from _stream("/dev/stdin", "stdin")
        elif Path(name).is_dir():
            for path in sorted(Path(name).iterdir()):
                if path.suffix in (".json", ".jsonl", ".txt", ".log") and path.is_file():
                    yield from _stream(str(path), path.stem)
        else:
            yield from _stream(name, Path(name).stem)


def expected(readings: Iterable[Reading], names: Iterable[str]) -> Iterator[Reading]:
    """The readings, and a row for each of the names that is not among them."""
    missing = dict.fromkeys(names)
    for reading in readings:
        missing.pop(reading.node, None)
        yield reading
    yield from (Reading(name, problem="no answer of it is among the inputs") for name in missing)


def _stream(path: str, name: str) -> Iterator[Reading]:
    """A file is one snapshot, or lines of which each is an answer."""
    try:
        with given(path) as file:
            first = file.readline(_LIMIT)
            second = file.readline(_LIMIT) if _is_line(first) else b""
            if second:
                yield from _lines([first, second], file, name)
            else:
                yield from _only(first + file.read(_LIMIT), name)
    except TooLarge as error:
        raise CannotRead(f"{path}: {error.strerror}") from None
    except OSError as error:
        raise CannotRead(f"{path}: {error.strerror or error}") from None


def _is_line(first: bytes) -> bool:
    """Whether the first line is whole in itself: JSON over several lines begins with `{` alone."""
    text = first.decode("utf-8", "replace").strip()
    return text not in ("", "{", "[") and not _open_object(text)


def _open_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _lines(first: list[bytes], rest: Iterable[bytes], name: str) -> Iterator[Reading]:
    for number, line in enumerate(chain(first, rest), 1):
        yield from _line(line, f"{name}:{number}")


def _line(line: bytes, name: str) -> Iterator[Reading]:
    """Nothing for a line that is no answer: logs have others between."""
    text = line.decode("utf-8", "replace")
    prefix = _PREFIX.match(text)
    node = (prefix[1] or prefix[2]) if prefix else None
    if failed := _FAILED.search(text):
        yield Reading(failed[1], problem=failed[2].strip())
        return
    if MARK in text:
        yield answer(text, None, node or name)
        return
    body = text[prefix.end() :] if prefix and "{" in text else text
    if body.lstrip().startswith("{"):
        yield _document(body.encode(), node or name)


def _only(content: bytes, name: str) -> Iterator[Reading]:
    """A file that holds one answer, with or without what a shell's prompt put before it."""
    found = list(_line(content, name)) if b"\n" not in content.strip() else []
    yield from found or [_document(content, name)]


def _document(content: bytes, name: str) -> Reading:
    text = content.decode("utf-8", "replace")
    if MARK in text[:4096]:
        return answer(text, None, name)
    try:
        return of_json(json.loads(text), name)
    except (ValueError, RecursionError) as error:
        return Reading(name, problem=f"not a snapshot: invalid JSON: {error}")


def answer(printed: str, node: str | None, otherwise: str = "?") -> Reading:
    """What a node printed. `node`: what the engine calls it, None = as it calls itself."""
    try:
        data = decode(printed)
    except BadLine as error:
        return Reading(node or otherwise, problem=str(error))
    reading = of_json(data, otherwise)
    return reading if node is None else replace(reading, node=node)


def of_json(data: Any, name: str) -> Reading:
    """Of `fleet probe`'s envelope, or of a bare snapshot, whose file names the node."""
    if not isinstance(data, dict):
        return Reading(name, problem="not a snapshot: no JSON object")
    if "gpufix_fleet" not in data:
        return _bare(data, name, _text(data.get("gpufix_version")))
    node = _text(data.get("node")) or name
    version = _text(data.get("gpufix"))
    if data["gpufix_fleet"] != 1:
        return Reading(node, problem="an answer of another gpufix's form", gpufix=version)
    if problem := _text(data.get("problem")):
        return Reading(node, problem=problem, gpufix=version)
    spent = data.get("cpu_seconds")
    cpu = float(spent) if isinstance(spent, (int, float)) else None
    facts = data.get("facts")
    reading = _bare(facts if isinstance(facts, dict) else {}, node, version, cpu)
    there = _text(data.get("there"))
    note = f"{there} is installed there; a streamed gpufix {version} has looked" if there else None
    return replace(reading, note=note, deferred=data.get("deferred") is True)


def _bare(
    facts: dict[str, Any], node: str, version: str | None, cpu: float | None = None
) -> Reading:
    host = facts.get("host")
    if not isinstance(host, dict) or not isinstance(host.get("kernel"), str):
        return Reading(node, problem="not a snapshot: it tells of no host", gpufix=version)
    return Reading(node, facts, gpufix=version, cpu_seconds=cpu)


def _text(value: Any) -> str | None:
    return value[:1000] if isinstance(value, str) and value else None


def line(reading: Reading) -> str:
    """A reading as a line that `read_all` reads as the same."""
    whole = {
        "gpufix_fleet": 1,
        "gpufix": reading.gpufix,
        "node": reading.node,
        "problem": reading.problem,
        "cpu_seconds": reading.cpu_seconds,
        "facts": reading.facts,
    }
    return encode(whole)
