"""Genuine conda prefixes: packages made by conda-package-streaming, solved and linked by rattler."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pip

SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SUBDIR = f"linux-{'64' if os.uname().machine == 'x86_64' else os.uname().machine}"
_MACHINE = {"__glibc": "2.36", "__cuda": "13.0", "__linux": "6.1", "__unix": "0"}
_MOMENT = 1_700_000_000_000  # milliseconds


@dataclass
class Recipe:
    """What a package is: "python" is in every prefix."""

    name: str
    version: str = "1.0"
    build: str = "h1_0"
    depends: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    noarch: bool = False

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"


def python() -> Recipe:
    """The interpreter of the tests; a pyvenv.cfg makes it take the prefix for its own."""
    home = Path(os.path.realpath(sys.executable))
    config = f"home = {home.parent}\ninclude-system-site-packages = false\n"
    links = {"bin/python": os.fspath(home), f"bin/python{PYTHON}": "python"}
    return Recipe("python", f"{PYTHON}.0", files={"pyvenv.cfg": config.encode()}, links=links)


def distribution(
    name: str,
    version: str,
    requires: Iterable[str] = (),
    installer: str | None = "conda",
    site: str = SITE,
) -> dict[str, bytes]:
    """The files of a Python distribution, as conda-build leaves them: RECORD and all."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {row}\n" for row in requires)
    files = {f"{module}/__init__.py": f"__version__ = {version!r}\n".encode()}
    files[f"{info}/METADATA"] = metadata.encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if installer:
        files[f"{info}/INSTALLER"] = f"{installer}\n".encode()
    rows = [f"{path},{_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    return {f"{site}/{path}": data for path, data in files.items()}


def _digest(data: bytes) -> str:
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')}"


class Channel:
    """A folder that is a channel, and the prefixes made from it."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "channel"
        for subdir in (SUBDIR, "noarch"):
            (self.path / subdir).mkdir(parents=True)

    def add(self, recipe: Recipe) -> None:
        from conda_package_streaming.create import conda_builder

        folder = self.path / ("noarch" if recipe.noarch else SUBDIR)
        with conda_builder(recipe.stem, folder) as archive:
            rows = [_add(archive, path, data) for path, data in recipe.files.items()]
            rows += [_link(archive, path, target) for path, target in recipe.links.items()]
            for path, content in _info(recipe, rows).items():
                _add(archive, f"info/{path}", json.dumps(content).encode())

    def prefix(self, name: str, recipes: Iterable[Recipe], requested: Iterable[str]) -> Path:
        """A prefix with these packages, as a solver and a linker of conda's make it."""
        for recipe in (python(), *recipes):
            self.add(recipe)
        prefix = self.root / name
        asyncio.run(self._install(prefix, ["python", *requested]))
        return prefix

    async def _install(self, prefix: Path, wanted: list[str]) -> None:
        import rattler
        from rattler.index import index_fs

        await index_fs(self.path)
        build = rattler.BuildString("0")
        machine = [
            rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(v), build)
            for name, v in _MACHINE.items()
        ]
        records = await rattler.solve(
            [rattler.Channel(self.path.as_uri())],
            wanted,
            platforms=[SUBDIR, "noarch"],
            virtual_packages=machine,
        )
        cache = self.root / "cache"
        await rattler.install(records, prefix, cache_dir=cache, show_progress=False)


def _add(archive: tarfile.TarFile, path: str, data: bytes) -> dict[str, object]:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
    archive.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(data)}


def _link(archive: tarfile.TarFile, path: str, target: str) -> dict[str, object]:
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    archive.addfile(entry)
    digest = hashlib.sha256(b"").hexdigest()
    return {"_path": path, "path_type": "softlink", "sha256": digest, "size_in_bytes": 0}


def _info(recipe: Recipe, rows: list[dict[str, object]]) -> dict[str, object]:
    machine = {} if recipe.noarch else {"arch": os.uname().machine, "platform": "linux"}
    index = {
        "name": recipe.name,
        "version": recipe.version,
        "build": recipe.build,
        "build_number": 0,
        "depends": list(recipe.depends),
        "subdir": "noarch" if recipe.noarch else SUBDIR,
        "timestamp": _MOMENT,
        **({"noarch": "python"} if recipe.noarch else {}),
        **machine,
    }
    paths = {"paths": rows, "paths_version": 1}
    linked = {"noarch": {"type": "python"}, "package_metadata_version": 1}
    return {
        "index.json": index,
        "paths.json": paths,
        "about.json": {},
        **({"link.json": linked} if recipe.noarch else {}),
    }


def pip_install(prefix: Path, folder: Path, name: str, version: str) -> None:
    """What `pip install` in the environment does, with a wheel of its own and the real pip."""
    folder.mkdir(exist_ok=True)
    tag = f"{name.replace('-', '_')}-{version}"
    wheel = folder / f"{tag}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in distribution(name, version, installer=None, site="").items():
            archive.writestr(path.lstrip("/"), data)
    runner = Path(pip.__file__).with_name("__pip-runner__.py")
    command = [prefix / "bin/python", "-I", runner, "install", "--no-index", "--no-deps", wheel]
    subprocess.run([*command, "--force-reinstall", "--quiet"], check=True, capture_output=True)
