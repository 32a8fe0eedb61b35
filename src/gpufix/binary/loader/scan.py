"""The entry points: one library, or all libraries of an environment."""

from __future__ import annotations

from collections.abc import Iterable

from .files import Files
from .model import Process, Verdict
from .preludes import Preludes
from .state import start


def predict(process: Process, path: str, files: Files | None = None) -> Verdict:
    """What loading `path` in `process` would do. Raises ElfError if the interpreter is unreadable."""
    return scan(process, [path], files)[0]


def scan(process: Process, libraries: Iterable[str], files: Files | None = None) -> list[Verdict]:
    """A verdict for each library, in the order given, each as if loaded on its own.

    A library that fails in a bare process is tried again after what its package would have
    loaded first: `import torch`, or libraries that it opens with ctypes.
    """
    files = files or Files()
    preludes = Preludes(files, process, start(files, process))
    return [preludes.judge(path) for path in libraries]
