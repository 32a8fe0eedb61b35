"""One row carried out: a copy of its root, gpufix in it, the README's commands."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fresh_roots import measure, readme, source
from fresh_roots.bases import VARIABLES, Bases, copy, remove
from fresh_roots.rows import BLANK_AND_LETTERS, Row
from fresh_roots.sandbox import USER, Sandbox

TIMEOUT = 3600.0
# What tools/debian_packages.sh brings on every Debian: a run with compilers that finds less is red.
REQUIRED = (
    *("gcc", "g++", "Python.h", "nm", "readelf", "objcopy", "ar", "c++filt", "git", "patch"),
    *("cmake", "fish", "zstd", "musl-gcc", "chromium", "clang"),
)


@dataclass
class Step:
    """A command, how it ended, and how long it took."""

    command: str
    code: int
    seconds: int


@dataclass
class Result:
    """What is recorded of a row; `digest` names the files that it was tried with."""

    name: str
    digest: str
    ok: bool = False
    why: str = ""
    steps: list[Step] = field(default_factory=list)
    closing: list[str] = field(default_factory=list)
    wanting: list[str] = field(default_factory=list)
    venv_mb: int = 0
    disk_mb: int = 0
    downloads_mb: int = 0

    def recorded(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Trial:
    """A row, the roots it may start from, and where its log and its own root go; `short`: the
    first command alone."""

    row: Row
    bases: Bases
    log: Path
    root: Path
    short: bool = False

    def run(self, digest: str, keep: bool = False) -> Result:
        """Carry the row out; its root goes away afterwards, however that ends."""
        result = Result(self.row.name, digest)
        make = self.bases.furnished if self.row.furnished else self.bases.named
        try:
            packages = self.row.packages(readme.packages(self._readme))
            copy(make(self.row.suite, packages), self.root)
            self._prepare()
            self._commands(result)
            self._measure(result)
        finally:
            if not keep:
                remove(self.root)
        result.ok = not result.why
        return result

    @property
    def _readme(self) -> str:
        return readme.README.read_text("utf-8")

    @property
    def _home(self) -> Path:
        return Path("/home/somebody" if self.row.user else "/root")

    @property
    def _checkout(self) -> Path:
        return self._home / (BLANK_AND_LETTERS if self.row.odd else "gpufix")

    def _inside(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    def _prepare(self) -> None:
        source.lay(self._inside(self._checkout), self.row.tarball)
        if self.row.user:
            home = str(self._inside(self._home))
            subprocess.run(["chown", "-R", f"{USER}:{USER}", home], check=True)
        if not self.row.shm:
            (self.root / "dev/shm").chmod(0o755)

    def _commands(self, result: Result) -> None:
        commands = readme.commands(self._readme)
        if self.row.says:
            self._must_say(commands[0], result)
            if not self.row.lacks or result.why:
                return
            self._step(
                f"apt-get update -qq && apt-get install -y -qq {self.row.lacks}",
                result,
                0,
            )
            commands = commands[:1]
        elif self.row.ci:
            commands = [*commands[:-1], ".ci/run"]
        for command in commands[:1] if self.short else commands:
            if self._step(command, result) != 0:
                result.why = f"{command!r} ended with {result.steps[-1].code}"
                return

    def _must_say(self, command: str, result: Result) -> None:
        before = self.log.stat().st_size if self.log.exists() else 0
        code = self._step(command, result)
        said = self.log.read_bytes()[before:].decode("utf-8", "replace")
        if code == 0:
            result.why = f"{command!r} passed without {self.row.lacks or 'a fit Python'}"
        elif not re.search(self.row.says, said):
            result.why = f"{command!r} did not say {self.row.says!r}"
        elif re.search("^Traceback", said, re.M):
            result.why = f"{command!r} ended with a traceback"

    def _step(self, command: str, result: Result, user: int | None = None) -> int:
        user = (USER if self.row.user else 0) if user is None else user
        box = Sandbox(self.root, self.bases.host.shared, self.row.shm)
        environ = {**self.bases.host.environ, "HOME": str(self._home), "LANG": self.row.lang}
        environ |= {} if self.row.torch else {"TORCH": "no"}
        environ |= {"CI": "true"} if self.row.ci else {}
        environ |= {"GPUFIX_TESTS_REQUIRE": ",".join(REQUIRED)} if self.row.compilers else {}
        environ |= VARIABLES if user != (USER if self.row.user else 0) else {}
        started = time.monotonic()
        code = box.run(command, self.log, environ, str(self._checkout), user, TIMEOUT)
        result.steps.append(Step(command, code, round(time.monotonic() - started)))
        return code

    def _measure(self, result: Result) -> None:
        log = self.log.read_text("utf-8", "replace")
        checkout = self._inside(self._checkout)
        result.closing, result.wanting = measure.closing_lines(log), measure.wanting(log)
        result.venv_mb = measure.megabytes(checkout / ".venv")
        result.disk_mb = measure.megabytes(checkout)
        result.downloads_mb = measure.downloads(log)
