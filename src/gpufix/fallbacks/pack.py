"""A fallback assembled and packed as a wheel, with its version."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import gpufix
from gpufix.fallbacks.catalogue import LOCAL, ROOT, Fallback, get
from gpufix.files import own
from gpufix.frozen import Frozen


def choose(known: Iterable[str], required: Sequence[SpecifierSet]) -> str | None:
    """The first version with the local part "gpufix" that all of `required` admit; None: none does.

    `known` is tried first: what is installed, then the fallback's own. PEP 440 compares `==` and
    the ranges without the local part, unless the specifier has one itself.
    """
    named = (s.version.removesuffix(".*") for specs in required for s in specs)
    for text in [*known, *named]:
        version = _local(text)
        if version and all(specs.contains(version, prereleases=True) for specs in required):
            return version
    return None


def _local(text: str) -> str | None:
    try:
        return f"{Version(text).public}+{LOCAL}"
    except InvalidVersion:
        return None


_TIME = (2020, 1, 1, 0, 0, 0)
_MODE = 0o644


class Wheel(Frozen):
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


NATIVE_MODULE = "_gpufix_native"
_SHARED = {"_gpufix_tiers": "tiers.py", NATIVE_MODULE: "native.py"}  # modules of `common`
_SKIPPED = ("__pycache__",)
_SUITE = ROOT.parent / "kernels"


def tree(name: str) -> dict[str, bytes]:
    """Path below site-packages → content. Raises UnknownFallback, OSError."""
    return files(get(name))


def files(fallback: Fallback) -> dict[str, bytes]:
    """The payload; beside its first package's files the shared modules that it imports, and the suite's sources."""
    payload = fallback.folder / "payload"
    found = {
        path.relative_to(payload).as_posix(): own(path)
        for path in sorted(payload.rglob("*"))
        if path.is_file() and not any(part in _SKIPPED for part in path.parts)
    }
    contents = tuple(found.values())
    for module, source in _SHARED.items():
        if any(module.encode() in content for content in contents):
            found[f"{fallback.imports[0]}/{module}.py"] = own(ROOT / "common" / source)
    for path in fallback.sources:
        text = own(_SUITE / path).replace(b'#include "../common/', b'#include "')
        found[f"{fallback.imports[0]}/{path.rpartition('/')[2]}"] = text
    return found
