"""Runs commands in a root, in namespaces of their own: their end ends all they started and mounted."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# --kill-child: when unshare dies, so does the first process of the namespace, and with it all others
# and the mounts. setpriv: unshare dies with this process, even if that is killed.
_ENTER = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
_PROGRAMS = ("unshare", "setpriv", "chroot", "mount", "cp", "tar")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = 1000


def reason_against_entering() -> str | None:
    """Why no root can be entered on this machine; None where one can."""
    if sys.platform != "linux":
        return "clean roots need Linux"
    if os.geteuid() != 0:
        return "only root can enter a clean root: sudo make fresh"
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    probe = [*_ENTER, "mount", "-t", "proc", "proc", "/proc"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        return "nothing can be mounted here (a container without CAP_SYS_ADMIN?)"
    return None


def reason_against(folder: Path, megabytes: int) -> str | None:
    """Why no clean root can be made below this folder; None where one can."""
    reason = reason_against_entering()
    if reason:
        return reason
    if shutil.which("debootstrap") is None:
        return "not installed: debootstrap (apt-get install debootstrap)"
    free = shutil.disk_usage(folder).free // 1_000_000
    return f"{free} MB of disk are free, {megabytes} are needed" if free < megabytes else None


@dataclass(frozen=True)
class Sandbox:
    """A root and what is mounted in it while a command runs; `shm`: /dev/shm can be written."""

    root: Path
    shared: Sequence[Path] = ()
    shm: bool = True

    def run(
        self,
        command: str,
        log: Path,
        environ: Mapping[str, str],
        folder: str = "/",
        user: int = 0,
        timeout: float | None = None,
    ) -> int:
        """Run a shell's command, append what it prints to the log; its exit code, 124 for a timeout."""
        variables = [f"{name}={value}" for name, value in {"PATH": PATH, **environ}.items()]
        chroot = ["chroot", f"--userspec={user}:{user}", "--groups=", str(self.root)]
        inner = ["sh", "-c", 'cd "$0" && exec sh -c "$1"', folder, command]
        # Not by exec: the signal of --kill-child is forgotten by a process that changes its user.
        last = shlex.join([*chroot, "env", "-i", *variables, *inner]) + " || exit $?; exit 0"
        lines = [*self._mounts(), last]
        with log.open("ab") as out:
            out.write(f"$ {command}\n".encode())
            out.flush()
            try:
                return subprocess.run(
                    [*_ENTER, "sh", "-ec", "\n".join(lines)],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                return 124

    def _mounts(self) -> list[str]:
        kinds = [
            ("proc", "proc", "nosuid"),
            ("sysfs", "sys", "ro"),
            ("devpts", "dev/pts", "newinstance,mode=620,ptmxmode=666"),
            *([("tmpfs", "dev/shm", "mode=1777")] if self.shm else []),
        ]
        lines = [["mount", "-t", t, "-o", how, t, str(self.root / at)] for t, at, how in kinds]
        for path in self.shared:
            inside = self.root / path.relative_to("/")
            if _has_content(inside):  # the root's own certificates, say
                continue
            lines.append(["mkdir", "-p", str(inside if path.is_dir() else inside.parent)])
            lines += [] if path.is_dir() else [["touch", str(inside)]]
            lines.append(["mount", "--bind", str(path), str(inside)])
            lines.append(["mount", "-o", "remount,bind,ro", str(inside)])
        return [shlex.join(line) for line in lines]


def _has_content(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists() and path.stat().st_size > 0
