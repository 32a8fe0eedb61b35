"""Small environments on the disk, and their whole state as a value."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpufix.model import CacheEntry, Distribution, Environment, Facts, Host, Project, Python

OLD = 1_600_000_000_000_000_000  # ns: an installation long ago


@dataclass(frozen=True)
class Patient:
    """A prefix with a site folder, a project beside it, a state directory and a JIT cache."""

    root: Path

    @property
    def prefix(self) -> Path:
        return self.root / "env"

    @property
    def site(self) -> Path:
        return self.prefix / "lib/python3.11/site-packages"

    @property
    def project(self) -> Path:
        return self.root / "my 'project'\n☃"

    @property
    def cache(self) -> Path:
        return self.root / "cache/torch_extensions/py311_cu128"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def facts(self) -> Facts:
        """What the collectors would say of it."""
        infos = sorted(self.site.glob("*.dist-info"))
        entries = sorted(self.cache.iterdir()) if self.cache.is_dir() else []
        return Facts(
            host=Host(os="Linux", kernel="6", machine="x86_64"),
            python=Python(
                executable=str(self.prefix / "bin/python"),
                version="3.11.7",
                tag="cp311",
                prefix=str(self.prefix),
                base_prefix="/usr",
                kind="venv",
                site_dirs=[str(self.site)],
            ),
            distributions=[_distribution(info) for info in infos],
            caches=[
                CacheEntry(cache="torch_extensions", path=str(e), name=e.name) for e in entries
            ],
            environment=Environment(overlay_path=str(self.state / "env/abc.json")),
            project=Project(root=str(self.project)),
        )


def _distribution(info: Path) -> Distribution:
    name, version = info.name.removesuffix(".dist-info").split("-")
    return Distribution(name=name, version=version, location=str(info.parent), metadata=str(info))


def wheel(name: str, version: str, files: int) -> dict[str, bytes]:
    """Contents of a wheel with so many files, RECORD included."""
    info = f"{name}-{version}.dist-info"
    contents = {f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n".encode()}
    for number in range(files - 2):
        place = f"{name}/part{number % 5}/mod{number}.py" if number % 3 else f"{name}/é {number}.so"
        contents[place] = f"{version} {number}\n".encode() * (number + 1)
    rows = [f"{path},{digest(data)},{len(data)}\n" for path, data in contents.items()]
    return {**contents, f"{info}/RECORD": "".join([*rows, f"{info}/RECORD,,\n"]).encode()}


def digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def unpack(site: Path, contents: dict[str, bytes]) -> None:
    """As installers do: what is there is unlinked, never written into."""
    for path, data in contents.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(data)


def make(root: Path, files: int = 50) -> Patient:
    """A patient with one wheel of so many files, odd names and modes, links of both kinds."""
    patient = Patient(root)
    unpack(patient.site, wheel("pkg", "1.0", files))
    unpack(patient.site, wheel("other", "2.0", 4))
    (patient.prefix / "bin").mkdir()
    (patient.prefix / "bin/tool").write_text("#!/bin/sh\n")
    (patient.prefix / "bin/tool").chmod(0o755)
    (patient.prefix / "lib64").symlink_to("lib")
    (patient.site / "pkg/link").symlink_to("../other")
    (patient.site / "pkg/dangling").symlink_to("/no/such/place")
    store = root / "store"
    store.mkdir()
    (store / "shared").write_bytes(b"from the installer's cache\n")
    (patient.site / "pkg/shared.py").hardlink_to(store / "shared")
    (patient.site / "other/shared.py").hardlink_to(store / "shared")
    (patient.site / "easy-install.pth").write_text("./an.egg\n./pkg.egg\n")
    os.link(patient.site / "pkg/link", store / "link", follow_symlinks=False)
    _project(patient)
    for name in ("x.o", "z.o", "alias.o"):
        os.link(patient.project / "build/a" / name, store / name, follow_symlinks=False)
    _age(root)
    return patient


def _project(patient: Patient) -> None:
    patient.project.mkdir()
    (patient.project / "setup.py").write_text("setup()\n")
    (patient.project / "setup.py").chmod(0o640)
    build = patient.project / "build/a"
    build.mkdir(parents=True)
    (build / "x.o").write_bytes(b"object")
    (build / "z.o").write_bytes(b"another object")
    (build / "alias.o").symlink_to("z.o")
    entry = patient.cache / "my_ext"
    entry.mkdir(parents=True)
    (entry / "lock").touch()
    (entry / "build.ninja").write_text("rule\n")


def _age(root: Path) -> None:
    paths = sorted(root.rglob("*"), key=lambda p: len(p.parts), reverse=True)
    for number, path in enumerate(paths):
        os.utime(path, ns=(OLD + number, OLD + number), follow_symlinks=False)


def state(patient: Patient) -> dict[str, Any]:
    """Everything below the root but gpufix's own state: kind, mode, time, links, content."""
    found: dict[str, Any] = {}
    overlay = patient.state / "env"
    for top in (patient.root, overlay):
        for folder, names, files in os.walk(top):
            if top == patient.root and Path(folder) == patient.root:
                names[:] = [n for n in names if n != "state"]
            names[:] = [n for n in names if not n.startswith(".gpufix-kept-")]  # what lies aside
            for name in [*names, *files]:
                path = f"{folder}/{name}"
                found[path.removeprefix(f"{patient.root}/")] = _described(path)
    return found


def _described(path: str) -> tuple[Any, ...]:
    status = os.lstat(path)
    common = (stat.filemode(status.st_mode), status.st_mtime_ns)
    if stat.S_ISLNK(status.st_mode):
        return (common[0], None, status.st_nlink, Path(path).readlink())
    if stat.S_ISDIR(status.st_mode):
        return common
    return (*common, status.st_nlink, Path(path).read_bytes())


def but_links(state: dict[str, Any]) -> dict[str, Any]:
    """A state without the numbers of links."""
    return {path: found[:2] + found[3:] for path, found in state.items()}


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What differs, to be read in a failed test."""
    keys = before.keys() | after.keys()
    return {k: (before.get(k), after.get(k)) for k in keys if before.get(k) != after.get(k)}
