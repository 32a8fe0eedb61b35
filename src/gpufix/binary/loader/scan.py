"""The entry points: one library, or all libraries of an environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process, Verdict
from gpufix.binary.loader.preloaded import Preloaded
from gpufix.binary.loader.state import start


def predict(process: Process, path: str, files: Files | None = None) -> Verdict:
    """What loading `path` in `process` would do. Raises ElfError if the interpreter is unreadable."""
    return scan(process, [path], files)[0]


def scan(process: Process, libraries: Iterable[str], files: Files | None = None) -> list[Verdict]:
    """A verdict for each library, in the order given, each as if loaded on its own.

    A library that fails in a bare process is tried again after what its package would have
    loaded first: `import torch`, or libraries that it opens with ctypes.
    """
    files, libraries = files or Files(), list(libraries)
    preloaded = Preloaded(files, process, start(files, process), libraries)
    verdicts = [preloaded.judge(path) for path in libraries]
    if all(verdict.loads for verdict in verdicts):
        return verdicts
    users = _users(files, verdicts)
    return [
        verdict
        if verdict.loads
        else replace(verdict, served_by=users.get(files.open(verdict.path)))
        for verdict in verdicts
    ]


def _users(files: Files, verdicts: list[Verdict]) -> dict[object, str]:
    """Library -> the first library that loads and uses it."""
    users: dict[object, str] = {}
    for verdict in verdicts:
        for used in verdict.uses if verdict.loads else ():
            if used.reason != "already loaded":
                users.setdefault(files.open(used.path), verdict.path)
    return users
