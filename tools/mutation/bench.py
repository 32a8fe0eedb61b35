"""A copy of the tree on which mutants are tried, each in a fork of a server that has pytest ready."""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutation import interpreter, trial
from mutation.texts import Texts

_LEFT_OUT = (".git", ".venv*", "build", "dist", "site", "__pycache__", ".*_cache", ".hypothesis")
OPTIONS = (
    "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--strict-markers",
)  # fmt: skip


_ORIGINAL = 1_000_000_000  # seconds: when all sources were written


class Broken(Exception):
    """The bench says nothing of the tree."""


@dataclass(frozen=True)
class Result:
    """What some tests came to; `late`: they were ended."""

    said: trial.Said
    late: bool = False


class Bench:
    """One copy; mutants are tried one after the other."""

    def __init__(self, root: Path, texts: Texts, source: str, package: str, folder: Path) -> None:
        tree, temporary = folder / "tree", folder / "tmp"
        shutil.copytree(root, tree, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        temporary.mkdir()
        python = interpreter.make(folder / "env", tree / source)
        self.copy = trial.Copy(tree, source, package, temporary, python)
        self._held = 0  # mutants so far
        for path, text in texts.items():
            self._write(path, text, _ORIGINAL)
        if not (found := interpreter.imports(python, package)).startswith(f"{tree}/"):
            raise Broken(f"programs import {found}")

    def _write(self, file: str, text: bytes, time: int) -> None:
        """Python knows byte code by the time of its source: no two mutants have the same."""
        path = self.copy.tree / file
        path.write_bytes(text)
        os.utime(path, (time, time))

    @contextmanager
    def holding(self, file: str, text: str) -> Iterator[None]:
        """The copy, with another text in one of its files."""
        original = (self.copy.tree / file).read_bytes()
        self._held += 1
        self._write(file, text.encode(), _ORIGINAL + self._held)
        try:
            yield
        finally:
            self._write(file, original, _ORIGINAL)

    def run(
        self,
        tests: Sequence[str],
        cpu: float,
        *options: str,
        first: Sequence[str] = (),
        write: bool = False,
    ) -> Result:
        """What the tests come to within some seconds of CPU, those named in `first` first. Raises Broken.

        By the clock they have much more: a busy machine must kill no mutant, what waits for ever must end.
        """
        receive, send = _SERVER.Pipe(duplex=False)
        arguments = (self.copy, [*OPTIONS, *options, *tests], math.ceil(cpu), first, write, send)
        child = _SERVER.Process(target=trial.run, args=arguments)
        child.start()
        send.close()
        ended = receive.poll(60 + 20 * cpu)
        if not ended and child.pid and child.is_alive():
            os.killpg(child.pid, signal.SIGKILL)
        child.join()
        late = not ended or child.exitcode == -signal.SIGXCPU
        try:
            said: trial.Said = receive.recv()
        except EOFError:
            said = trial.Said(
                failed=["not in time" if late else "the tests' process died"], cpu=cpu
            )
        if said.wrong:
            raise Broken(said.wrong)
        return Result(said, late)

    def output(self) -> str:
        """The end of what the last tests printed."""
        return (self.copy.temporary / "output").read_text("utf-8", "replace")[-2000:]


_SERVER = multiprocessing.get_context("forkserver")


def prepare(modules: Sequence[str]) -> None:
    """What the server has imported before it forks: what takes time, and nothing of the package."""
    _SERVER.set_forkserver_preload(["__main__", "mutation.trial", *modules])


@contextmanager
def benches(
    root: Path, texts: Texts, source: str, package: str, count: int
) -> Iterator[list[Bench]]:
    """As many copies, outside of the checkout; they go away at the end."""
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        yield [Bench(root, texts, source, package, Path(folder, str(n))) for n in range(count)]
