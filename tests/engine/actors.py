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

    def act(self) -> None:
        """Save a source, append to a log, write a checkpoint, install a package, make a folder."""
        project, site = self.patient.project, self.patient.site
        self._save(project / "setup.py")
        self._append(project / "train.log")
        self._save(project / f"checkpoint-{self.name}.pt")
        self._save(project / "build/a" / f"notes-{self.name}.txt")
        self._save(site / f"theirs_{self.name}/__init__.py")
        self._save(site / f"theirs_{self.name}-1.0.dist-info/RECORD")
        self._save(site / "pkg/part1/mod1.py")

    def _save(self, path: Path) -> None:
        """As editors do: a new file takes the place of the old one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{self.name}.swp")
        new.write_bytes(f"{path.name} by {self.name}\n".encode())
        new.rename(path)
        self.wrote[str(path)] = path.read_bytes()

    def _append(self, path: Path) -> None:
        """As loggers do: the file is written into."""
        with path.open("ab") as file:
            file.write(f"{self.name}\n".encode())
        self.wrote[str(path)] = path.read_bytes()

    def lost(self) -> list[str]:
        """What is neither at its place nor put aside."""
        return [path for path, data in self.wrote.items() if data not in self._held(path)]

    def _held(self, path: str) -> list[bytes]:
        places = [Path(path)]
        for run in runs.every(self.patient.state):
            for folder in runs.aside_folders(run):
                places += [Path(f"{top}{path}") for top in folder.glob("[0-9]*")]
        return [place.read_bytes() for place in places if place.is_file()]
