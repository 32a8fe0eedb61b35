"""Reads knowledge/ and the hand-written tables of data/: every row is checked, every fault named."""

from __future__ import annotations

import json
import lzma
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from packaging.version import Version
from pydantic import ValidationError

from . import rows

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

R = TypeVar("R", bound=rows.Row)


class BadRows(ValueError):
    """Rows that were refused, a line each: file, row, what."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True)
class Knowledge:
    """All of knowledge/, releases in the order of their versions."""

    torch: dict[str, rows.TorchRelease]
    companions: dict[str, rows.Companion]
    listings: dict[str, rows.Listing]
    toolkits: rows.Toolkits
    wheels: rows.CudaWheels
    nvidia: rows.Nvidia
    amd: rows.Amd
    drivers: rows.Drivers
    triton: rows.Triton
    node: rows.NodeTable
    conflicts: rows.Conflicts
    caps: dict[str, rows.Caps]
    plugins: rows.Plugins
    windows: rows.Windows
    rocm_wheels: rows.RocmWheels
    hip: rows.Hip
    removed_cxx: rows.RemovedCxx
    families: dict[str, rows.Family]
    dispatchers: rows.Dispatchers
    system_libraries: rows.SystemLibraries
    conda_pytorch: rows.CondaPytorch
    conda_names: rows.CondaNames
    messages: dict[str, rows.Messages]
    cuda_errors: rows.CudaErrors


def load_toml(path: Path) -> dict[str, Any]:
    """One file as it stands, unchecked."""
    loaded: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return loaded


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[str] = []

    def one(self, name: str, kind: type[R], content: Any = None) -> R | None:
        """The rows of one file; None when it was refused."""
        try:
            return kind.model_validate(self.load(name) if content is None else content)
        except ValidationError as error:
            for fault in error.errors():
                row = ".".join(map(str, fault["loc"])) or "the file"
                what = fault["msg"].removeprefix("Value error, ")
                self.faults.append(f"{name}: {row}: {what}")
        except (OSError, ValueError) as error:
            self.faults.append(f"{name}: cannot be read: {error}")
        return None

    def load(self, name: str) -> Any:
        path = self.folder / name
        if path.suffix == ".xz":
            return json.loads(lzma.decompress(path.read_bytes()))
        return json.loads(path.read_bytes()) if path.suffix == ".json" else load_toml(path)

    def folder_of(self, name: str, kind: type[R]) -> dict[str, R]:
        """A file a row: the file's name is the row's."""
        names = sorted(path.stem for path in self.folder.joinpath(name).glob("*.toml"))
        found = {stem: self.one(f"{name}/{stem}.toml", kind) for stem in names}
        return {stem: row for stem, row in found.items() if row is not None}

    def messages(self) -> dict[str, rows.Messages]:
        """By subject: a file of JSON each, since a text holds quotes and backslashes of all kinds."""
        names = sorted(path.stem for path in self.folder.joinpath("messages").glob("*.json"))
        found = {
            stem: self.one(f"messages/{stem}.json", rows.Messages)
            for stem in names
            if stem != "cuda_errors"
        }
        return {stem: row for stem, row in found.items() if row is not None}

    def releases(self) -> dict[str, rows.TorchRelease]:
        """By number; a name that is none is a fault."""
        found = self.folder_of("torch", rows.TorchRelease)
        odd = [name for name in found if not re.fullmatch(r"\d+\.\d+\.\d+", name)]
        self.faults += [f"torch/{name}.toml: the name is no release's number" for name in odd]
        return {name: found[name] for name in sorted(found.keys() - odd, key=Version)}

    def caps(self) -> dict[str, rows.Caps]:
        name = "caps.toml"
        found = {}
        try:
            packages = self.load(name)
        except (OSError, ValueError) as error:
            self.faults.append(f"{name}: cannot be read: {error}")
            return {}
        for package, content in packages.items():
            if row := self.one(f"{name}: {package}", rows.Caps, content):
                found[package] = row
        return found


def read(folder: Path) -> Knowledge:
    """Raises BadRows."""
    reader = _Reader(folder)
    found: dict[str, Any] = {
        "torch": reader.releases(),
        "companions": reader.folder_of("companions", rows.Companion),
        "listings": reader.folder_of("listings", rows.Listing),
        "toolkits": reader.one("cuda/toolkits.toml", rows.Toolkits),
        "wheels": reader.one("cuda/wheels.toml", rows.CudaWheels),
        "nvidia": reader.one("gpus/nvidia.toml", rows.Nvidia),
        "amd": reader.one("gpus/amd.toml", rows.Amd),
        "triton": reader.one("triton.toml", rows.Triton),
        "node": reader.one("node.toml", rows.NodeTable),
        "drivers": reader.one("gpus/drivers.toml", rows.Drivers),
        "conflicts": reader.one("conflicts.toml", rows.Conflicts),
        "caps": reader.caps(),
        "plugins": reader.one("plugins.toml", rows.Plugins),
        "windows": reader.one("windows.toml", rows.Windows),
        "rocm_wheels": reader.one("rocm_wheels.toml", rows.RocmWheels),
        "hip": reader.one("hip.toml", rows.Hip),
        "removed_cxx": reader.one("removed_cxx.toml", rows.RemovedCxx),
        "families": reader.folder_of("families", rows.Family),
        "dispatchers": reader.one("dispatchers.toml", rows.Dispatchers),
        "system_libraries": reader.one("system_libraries.toml", rows.SystemLibraries),
        "conda_pytorch": reader.one("conda/pytorch.toml", rows.CondaPytorch),
        "conda_names": reader.one("conda/names.toml", rows.CondaNames),
        "messages": reader.messages(),
        "cuda_errors": reader.one("messages/cuda_errors.json", rows.CudaErrors),
    }
    faults = reader.faults or _contradictions(found)
    if faults:
        raise BadRows(faults)
    return Knowledge(**found)


def _contradictions(found: dict[str, Any]) -> list[str]:
    """What only several files together show."""
    faults = []
    releases: dict[str, rows.TorchRelease] = found["torch"]
    for version, row in releases.items():
        same = row.cpp_extension.same_as
        if same and (same not in releases or releases[same].cpp_extension.same_as):
            faults.append(f"torch/{version}.toml: cpp_extension: {same} has no tables of its own")
        for platform, builds in row.variants.items():
            for name in builds:
                cuda = f"{name[2:-1]}.{name[-1]}"
                if name.startswith("cu") and cuda not in found["toolkits"].toolkit:
                    where = f"torch/{version}.toml: variants.{platform}.{name}"
                    faults.append(f"{where}: cuda/toolkits.toml has no toolkit {cuda}")
    for name, row in found["listings"].items():
        if any(block.declared for block in row.wheels) and name not in found["companions"]:
            faults.append(f"listings/{name}.toml: declared, but there is no companions/{name}.toml")
    for name, row in found["companions"].items():
        for version, text in row.requires.items():
            if text == "torch" and version not in row.since:
                faults.append(
                    f"companions/{name}.toml: requires.{version}: names no torch, so `since` must"
                    " say with which release it came out"
                )
    return faults


def check_data(data: Path) -> None:
    """The tables that are kept by hand in data/ itself. Raises BadRows."""
    reader = _Reader(data)
    reader.one("removed_names.json", rows.RemovedNames)
    reader.one("successors.json", rows.Successors)
    reader.one("system_headers.json", rows.SystemHeaders)
    reader.one("import_names.json", rows.ImportNames)
    reader.one("name_history.json.xz", rows.NameHistory)
    if reader.faults:
        raise BadRows(reader.faults)
