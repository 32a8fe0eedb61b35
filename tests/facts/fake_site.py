"""A site folder that the tests can make sick, with distributions whose RECORDs are true."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gpufix.model import Python


def recorded_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"sha256={digest}"


@dataclass
class Site:
    """A site folder inside a prefix, and what can be installed into it."""

    prefix: Path
    folder: Path

    def python(self, **update: object) -> Python:
        """An interpreter's facts that name this folder as the only site folder."""
        return replace(
            Python(
                executable=str(self.prefix / "bin/python"),
                version="3.11.7",
                tag="cp311",
                extension_suffixes=[".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"],
                prefix=str(self.prefix),
                base_prefix="/usr",
                kind="venv",
                site_dirs=[str(self.folder)],
                sys_path=[str(self.folder)],
            ),
            **update,
        )

    def install(
        self,
        name: str,
        version: str = "1.0",
        files: Mapping[str, bytes] | None = None,
        *,
        metadata: bytes | None = None,
        notes: Mapping[str, bytes] | None = None,
        rows: str = "",
    ) -> Path:
        """Write files, metadata and RECORD as pip would; returns the .dist-info folder."""
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        if metadata is None:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\ntext\n".encode()
        contents = {f"{info}/METADATA": metadata, **(files or {})}
        contents |= {f"{info}/{k}": v for k, v in {"INSTALLER": b"pip\n", **(notes or {})}.items()}
        lines = []
        for path, data in contents.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            name_as_csv = f'"{path}"' if "," in path else path
            lines.append(f"{name_as_csv},{recorded_hash(data)},{len(data)}\n")
        record = self.folder / info / "RECORD"
        record.write_text("".join(lines) + f"{info}/RECORD,,\n" + rows)
        return record.parent


def later(path: Path, seconds: float) -> None:
    """Move a file's modification time."""
    moment = path.stat().st_mtime + seconds
    os.utime(path, (moment, moment))
