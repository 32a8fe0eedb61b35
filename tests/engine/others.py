"""Kinds of second actors: each writes as one does, and what it wrote stands in a file beside the tree.

They act in whatever process reaches the instant, also in one that is killed later.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trees import Patient, wheel

from gpufix.engine.journal import programs, runs

KINDS = ["editor", "in place", "appender", "pip", "orphan"]
_NOBODY = 65534
# Writes late, in a session of its own, long after what had started it was killed.
_ORPHAN = 'sleep 0.03; printf %s "$1" > "$2"; printf %s "$1" >> "$3"; : > "$4"'


@dataclass
class Other:
    """One of them. `told`: the file that says what was written. `spares`: what an installer replaces."""

    patient: Patient
    kind: str
    told: Path
    spares: bool = False

    def __post_init__(self) -> None:
        self.told.unlink(missing_ok=True)
        self._log = self.patient.project / "train.log"
        self._fd = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._fd, b"began\n")

    def close(self) -> None:
        """It stops; whatever it has left behind ends."""
        os.close(self._fd)
        for ended in {Path(row["ended"]) for row in self._rows() if "ended" in row}:
            while not ended.exists():
                time.sleep(0.01)
            ended.unlink()

    def act(self) -> None:
        """What this kind does, once; every time with bytes that are nowhere else."""
        mark = f"{self.kind} {len(self._rows())}\n"
        {
            "editor": self._edit,
            "in place": self._write_in_place,
            "appender": self._append,
            "pip": self._install,
            "orphan": self._leave,
        }[self.kind](mark)

    def _edit(self, mark: str) -> None:
        """A new file takes the place of the old one, with an owner, a mode and an attribute of its own."""
        number, project, site = len(self._rows()), self.patient.project, self.patient.site
        for path in (
            project / "setup.py",
            project / f"notes{number}.txt",
            project / "build/a" / f"notes{number}.txt",
            site / ("sitecustomize.py" if self.spares else "pkg/part1/mod1.py"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.swp")
            new.write_text(f"{path.name} {mark}")
            with suppress(OSError):  # a file system without them
                os.setxattr(new, "user.by", mark.encode())
            new.chmod(0o604)
            if os.geteuid() == 0:
                os.chown(new, _NOBODY, _NOBODY)
            new.rename(path)
            self._tell(path)

    def _write_in_place(self, mark: str) -> None:
        project, site = self.patient.project, self.patient.site
        for path in (
            project / "setup.py",
            site / "other/part1/mod1.py",
            site / "pkg/part1/mod1.py",
        ):
            try:
                with path.open("r+") as file:
                    file.write(mark)
            except FileNotFoundError:
                continue
            self._tell(path, mark)

    def _append(self, mark: str) -> None:
        os.write(self._fd, mark.encode())
        self._tell(self._log, mark)

    def _install(self, mark: str) -> None:
        """A distribution with a RECORD."""
        number = len(self._rows())
        for name, data in wheel(f"theirs{number}", "1.0", 6).items():
            path = self.patient.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data + mark.encode())
            self._tell(path)

    def _leave(self, mark: str) -> None:
        """A program of the last run, if there is one by now, that outlives it."""
        known = runs.every(self.patient.state)
        environ = {"PATH": os.environ["PATH"], programs.VARIABLE: known[-1].id if known else "none"}
        late = self.patient.project / f"late{len(self._rows())}.txt"
        ended = f"{self.told}-{len(self._rows())}"
        command = ["sh", "-c", _ORPHAN, "orphan", mark, str(late), str(self._log), ended]
        subprocess.Popen(command, env=environ, start_new_session=True)
        self._note({"ended": ended})
        self._tell(late, mark)
        self._tell(self._log, mark)

    def _tell(self, path: Path, mark: str | None = None) -> None:
        """Note what stands there now; with `mark`, that this is somewhere in it."""
        self._note({"path": str(path), "mark": mark, "held": None if mark else _described(path)})

    def _note(self, row: dict[str, Any]) -> None:
        with self.told.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _rows(self) -> list[dict[str, Any]]:
        if not self.told.exists():
            return []
        return [json.loads(line) for line in self.told.read_text().splitlines()]

    def touched(self) -> set[str]:
        return {row["path"] for row in self._rows() if "path" in row}

    def lost(self) -> list[str]:
        """What is neither at its place, nor put aside, nor kept by a run that can be undone."""
        files = list(_files(self.patient.root))
        described, whole = (
            [_described(path) for path in files],
            [path.read_bytes() for path in files],
        )
        # Who writes over his own bytes has destroyed them himself; a log grows.
        rows = [row for row in self._rows() if "path" in row]
        last = {(r["path"], r["mark"] if self.kind == "appender" else ""): r for r in rows}
        return [
            row["path"]
            for row in last.values()
            if not (
                any(row["mark"].encode() in data for data in whole)
                if row["mark"]
                else row["held"] in described
            )
        ]


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _described(path: Path) -> list[Any]:
    """Bytes, mode, time, owner and attributes, as JSON gives them back."""
    status = path.stat()
    held = {name: os.getxattr(path, name).hex() for name in os.listxattr(path)}
    mode = stat.S_IMODE(status.st_mode)
    return [path.read_bytes().hex(), mode, status.st_mtime_ns, status.st_uid, held]
