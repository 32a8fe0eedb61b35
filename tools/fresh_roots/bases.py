"""The roots that rows start from, made once and copied: a Debian, what the README names, compilers."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fresh_roots.host import Host
from fresh_roots.sandbox import USER, Sandbox

TOOLS = Path(__file__).parent.parent
SCRIPT = ("debian_packages.sh", "debian_packages.txt")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_TIDY = "apt-get clean; rm -rf /var/lib/apt/lists/*"
_APT = "apt-get -qq -o Dpkg::Use-Pty=0"
VARIABLES = {"DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}


class BaseError(Exception):
    """A root could not be made; the log says why."""


@dataclass(frozen=True)
class Bases:
    """A folder of roots. One that is there is whole: it was renamed when it was finished."""

    folder: Path
    host: Host
    log: Path

    def plain(self, suite: str) -> Path:
        """A Debian, and nothing else."""
        made = self.folder / suite
        if not made.exists():
            part = _emptied(self.folder / f"{suite}.part")
            # A debootstrap older than the suite knows no script for it: all of them are sid's.
            script = [] if (_SCRIPTS / suite).exists() else [str(_SCRIPTS / "sid")]
            command = [
                "debootstrap",
                "--variant=minbase",
                suite,
                str(part),
                self.host.mirror,
                *script,
            ]
            with self.log.open("ab") as log:
                done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                raise BaseError(f"debootstrap {suite} ended with {done.returncode}")
            part.rename(made)
        return made

    def named(self, suite: str, packages: Iterable[str]) -> Path:
        """With these packages, a user, and this machine's way to its servers."""
        names = " ".join(packages)
        key = _key(names, self.host.mirror, repr(self.host.files))
        made = self.folder / f"{suite}-start-{key}"
        if not made.exists():
            part = copy(self.plain(suite), self.folder / f"{suite}-start.part")
            self.host.furnish(part)
            self._run(
                part,
                f"{_APT} update && {_APT} install -y --no-install-recommends {names} && "
                f"useradd --uid {USER} --create-home --shell /bin/sh somebody; code=$?; {_TIDY}; "
                "exit $code",
            )
            part.rename(made)
        return made

    def furnished(self, suite: str, packages: Iterable[str]) -> Path:
        """With what tools/debian_packages.sh installs, too."""
        start = self.named(suite, packages)
        texts = [(TOOLS / name).read_bytes() for name in SCRIPT]
        made = self.folder / f"{suite}-compilers-{_key(start.name, *map(repr, texts))}"
        if not made.exists():
            part = copy(start, self.folder / f"{suite}-compilers.part")
            (part / "opt/gpufix").mkdir()
            for name, text in zip(SCRIPT, texts, strict=True):
                (part / "opt/gpufix" / name).write_bytes(text)
            self._run(part, f"bash /opt/gpufix/{SCRIPT[0]}; code=$?; {_TIDY}; exit $code")
            remove(part / "opt/gpufix")
            part.rename(made)
        return made

    def _run(self, root: Path, command: str) -> None:
        code = Sandbox(root).run(
            command, self.log, {**VARIABLES, **self.host.environ}, timeout=3600
        )
        if code != 0:
            raise BaseError(f"exit code {code} of: {command}")


def copy(root: Path, to: Path) -> Path:
    """A copy of a root; what was there goes away."""
    _emptied(to).rmdir()
    subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(to)], check=True)
    return to


def remove(folder: Path) -> None:
    """Delete a root, but nothing that is mounted in it."""
    for _ in range(20):  # processes of an interrupted row may take a moment to end
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)
        if not folder.exists():
            return
        time.sleep(0.25)
    raise BaseError(f"{folder} cannot be removed")


def _emptied(folder: Path) -> Path:
    remove(folder)
    folder.mkdir(parents=True)
    return folder


def _key(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
