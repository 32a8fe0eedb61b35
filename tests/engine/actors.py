"""A second actor: somebody else who works in the tree while gpufix does. None of their bytes may be lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trees import Patient

from gpufix.engine.journal import runs


@dataclass
class Actor:
    """Writes as people and their programs do, each time with bytes that are nowhere else."""

    patient: Patient
    name: str
    wrote: dict[str, bytes] = field(default_factory=dict)  # path → what it holds by now
    touched: set[str] = field(default_factory=set)  # every path that it ever wrote

    def act(self) -> None:
        """Save a source, append to a log, write a checkpoint, install a package, make a folder."""
        project, site = self.patient.project, self.patient.site
        self.save(project / "setup.py")
        self._append(project / "train.log")
        self.save(project / f"checkpoint-{self.name}.pt")
        self.save(project / "build/a" / f"notes-{self.name}.txt")
        self.save(site / f"theirs_{self.name}/__init__.py")
        self.save(site / f"theirs_{self.name}-1.0.dist-info/RECORD")
        self.save(site / "pkg/part1/mod1.py")

    def save(self, path: Path) -> None:
        """As editors do: a new file takes the place of the old one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{self.name}.swp")
        new.write_bytes(f"{path.name} by {self.name}\n".encode())
        new.rename(path)
        self._note(path)

    def _append(self, path: Path) -> None:
        """As loggers do: the file is written into."""
        with path.open("ab") as file:
            file.write(f"{self.name}\n".encode())
        self._note(path)

    def _note(self, path: Path) -> None:
        self.wrote[str(path)] = path.read_bytes()
        self.touched.add(str(path))

    def lost(self) -> list[str]:
        """What is neither at its place, nor put aside, nor kept by a run that can be undone."""
        held = [self._bytes(p) for r in runs.every(self.patient.state) for p in _kept(r)]
        return [
            path
            for path, data in self.wrote.items()
            if data not in held and data != self._bytes(Path(path))
        ]

    @staticmethod
    def _bytes(path: Path) -> bytes | None:
        return path.read_bytes() if path.is_file() else None


def _kept(run: runs.Run) -> list[Path]:
    folders = [*runs.kept_folders(run), *runs.aside_folders(run)]
    return [path for folder in folders if folder.is_dir() for path in folder.rglob("*")]
