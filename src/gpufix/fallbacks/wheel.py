"""A wheel out of files in memory: the same files give the same bytes. (PyPA: binary distribution
format, recording installed projects, core metadata.)"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

import gpufix

_TIME = (2020, 1, 1, 0, 0, 0)
_MODE = 0o644


@dataclass(frozen=True)
class Wheel:
    """`name` is the file's name, `data` its bytes."""

    name: str
    data: bytes


def build(
    distribution: str,
    version: str,
    files: Mapping[str, bytes],
    summary: str,
    requires: Sequence[str] = (),
    description: str = "",
    platform: str | None = None,
) -> Wheel:
    """A wheel for any Python 3; `platform` ("linux_x86_64") when it holds machine code."""
    stem = f"{_escaped(distribution)}-{version}"
    info = f"{stem}.dist-info"
    tag = f"py3-none-{platform or 'any'}"
    tops = sorted({path.partition("/")[0].removesuffix(".py") for path in files})
    metadata = {
        f"{info}/METADATA": _metadata(distribution, version, summary, requires, description),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: gpufix {gpufix.__version__}\n"
        f"Root-Is-Purelib: {'false' if platform else 'true'}\nTag: {tag}\n",
        f"{info}/top_level.txt": "".join(f"{top}\n" for top in tops),
    }
    content = dict(sorted(files.items())) | {k: v.encode() for k, v in metadata.items()}
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD")
    return Wheel(f"{stem}-{tag}.whl", _zipped(content))


def _metadata(
    distribution: str, version: str, summary: str, requires: Sequence[str], description: str
) -> str:
    rows = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
    rows += [f"Summary: {summary}", "License: Apache-2.0", "Requires-Python: >=3.8"]
    rows += [f"Requires-Dist: {text}" for text in requires]
    return "\n".join(rows) + f"\n\n{description}\n"


def _record(content: Mapping[str, bytes], own: str) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    for path, data in content.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((path, f"sha256={digest}", len(data)))
    rows.writerow((own, "", ""))
    return out.getvalue().encode()


def _zipped(content: Mapping[str, bytes]) -> bytes:
    """Stored, not deflated: another zlib would give other bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = 3  # Unix: the mode counts
            entry.external_attr = (0o100000 | _MODE) << 16
            archive.writestr(entry, data)
    return out.getvalue()


def _escaped(name: str) -> str:
    return canonicalize_name(name).replace("-", "_")
