"""A patient: an environment on disk, its project, and how commands are run for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT = 400_000  # characters of a command's output that are kept
CUDA = ("/usr/local/cuda", "/usr/local/cuda-13.0", "/opt/cuda")
KEPT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "TERM", "USER")


class Failed(RuntimeError):
    """A command of a recipe failed, with what it said."""


@dataclass(frozen=True)
class Answer:
    """What a command said; `exit` is None when its time ran out."""

    run: list[str]
    exit: int | None
    output: str
    seconds: float


@dataclass
class Patient:
    """Where everything is. Files of the prefix may share their inode with a cache: never write
    one in place; `write` and `remove` are safe."""

    root: Path  # holds prefix, project and home
    case: Path  # the case's folder
    version: str  # of its Python
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "venv"
    tools: tuple[str, ...] = ()  # folders of the programs that the recipe needs, last on PATH

    @property
    def prefix(self) -> Path:
        return self.root / self.folder

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"

    @property
    def site(self) -> Path:
        return self.prefix / "lib" / f"python{self.version}" / "site-packages"

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def home(self) -> Path:
        return self.root / "home"

    def filled(self, text: str) -> str:
        """Placeholders of a recipe: {python} {prefix} {site} {project} {case} {cuda} {root}."""
        for name in ("python", "prefix", "site", "project", "case", "root"):
            text = text.replace("{" + name + "}", str(getattr(self, name)))
        return text.replace("{cuda}", cuda_home()) if "{cuda}" in text else text

    def variables(self) -> dict[str, str]:
        """An activated environment with a home of its own: nothing of the user's is read."""
        own = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(("PIP_", "UV_"))}
        path = [str(self.prefix / "bin"), own.get("PATH", os.defpath), *self.tools]
        own |= {"PATH": os.pathsep.join(path), "VIRTUAL_ENV": str(self.prefix)}
        own |= {"HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / ".cache")}
        own |= {"TMPDIR": str(self.root / "tmp")}
        own |= {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "MAX_JOBS": "2"}
        return own | {k: self.filled(v) for k, v in self.environment.items()}

    def ask(
        self,
        command: Iterable[str],
        *,
        limit: float = 600,
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run a command for the patient: output and errors together, its session ended after."""
        return ask(
            [self.filled(part) for part in command],
            environment=self.variables() | dict(more or {}),
            cwd=cwd or (self.project if self.project.is_dir() else self.root),
            limit=limit,
        )

    def run(self, *command: str | Path, cwd: Path | None = None, **more: str) -> str:
        """Run a step of a recipe; what it said. Fails when it fails."""
        answer = self.ask([str(part) for part in command], cwd=cwd, more=more)
        if answer.exit != 0:
            tail = "\n".join(answer.output.splitlines()[-25:])
            raise Failed(f"{' '.join(answer.run)} ended with {answer.exit}:\n{tail}")
        return answer.output

    def at(self, name: str | Path) -> Path:
        """A path below the patient; a relative one is below site-packages."""
        path = Path(os.path.normpath(self.site / self.filled(str(name))))
        if not path.is_relative_to(self.root):
            raise Failed(f"{name} leaves the patient")
        return path

    def write(self, name: str | Path, content: str | bytes, *, mode: int = 0o644) -> Path:
        """A new file in place of what was there (never through a link to a cache)."""
        path = self.at(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".clinic-new")
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        new.chmod(mode)
        new.replace(path)
        return path

    def remove(self, *patterns: str) -> None:
        """Files and folders by glob; a pattern without a match is a fault of the recipe."""
        for pattern in patterns:
            found = list(self.root.glob(self.at(pattern).relative_to(self.root).as_posix()))
            if not found:
                raise Failed(f"nothing to remove: {pattern}")
            for path in found:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def copy(self, source: str, name: str | Path) -> Path:
        """A file or folder beside case.toml, copied below the patient."""
        path = self.at(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if (self.case / source).is_dir():
            shutil.copytree(self.case / source, path, dirs_exist_ok=True)
        else:
            shutil.copy2(self.case / source, path)
        return path

    def install(self, *arguments: str | Path) -> str:
        """Install more with uv: own sources (`./folder`), never by name from an index."""
        from clinic.wheels import uv

        fixed = ["--python", str(self.python), "--no-deps", "--no-index", "--no-build-isolation"]
        said = self.run(uv(), "pip", "install", *fixed, *arguments)
        self.forget_origins()
        return said

    def forget_origins(self) -> None:
        """Wheels lie as an index would have brought them: without the path that they came from."""
        for origin in self.site.glob("*.dist-info/direct_url.json"):
            if '.whl"' not in origin.read_text("utf-8"):
                continue
            record = origin.with_name("RECORD")
            mine = f"{origin.parent.name}/{origin.name},"
            rows = record.read_text("utf-8").splitlines(keepends=True)
            self.write(record, "".join(row for row in rows if not row.startswith(mine)))
            origin.unlink()

    def distribution(
        self, name: str, version: str, files: Mapping[str, str | bytes], *metadata: str
    ) -> None:
        """An installed distribution of one's own: files below site-packages, METADATA, RECORD."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
        every: dict[str, str | bytes] = {
            **files,
            f"{info}/METADATA": "\n".join(head) + "\n",
            f"{info}/INSTALLER": "pip\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        rows = [*(f"{path},," for path in every), f"{info}/RECORD,,"]
        for path, content in (every | {f"{info}/RECORD": "\n".join(rows) + "\n"}).items():
            self.write(path, content)


def cuda_home() -> str:
    """The toolkit's folder: CUDA_HOME, where nvcc is, or the usual places."""
    if named := os.environ.get("CUDA_HOME"):
        return named
    for folder in CUDA:
        if Path(folder, "bin", "nvcc").exists():
            return folder
    if nvcc := shutil.which("nvcc"):
        return str(Path(nvcc).resolve().parent.parent)
    raise Failed("no CUDA toolkit was found: set CUDA_HOME")


def ask(command: list[str], *, environment: Mapping[str, str], cwd: Path, limit: float) -> Answer:
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        return Answer(command, 127, str(error), 0.0)
    code: int | None
    try:
        output, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        _end(process.pid)
        output, _ = process.communicate()
        code = None
    else:
        _end(process.pid)
    return Answer(command, code, output[:OUTPUT], time.monotonic() - start)


def _end(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def program(name: str) -> str:
    """A program on PATH, of the CUDA toolkit or beside the clinic (uv, NVIDIA's wheels), or nothing."""
    packages = Path(sysconfig.get_path("purelib"))
    places = [sysconfig.get_path("scripts"), *map(str, packages.glob("nvidia/*/bin"))]
    with suppress(Failed):
        places.insert(0, f"{cuda_home()}/bin")
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(places)) or ""
