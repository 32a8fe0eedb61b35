"""Zip files on sys.path: eggs, wheels, and others that modules are imported from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.binary.gpucode.images import CodeError
from gpufix.binary.wheel import WheelZip
from gpufix.facts.context import CollectContext
from gpufix.facts.packages.metadata import (
    CorruptMetadata,
    Metadata,
    name_and_version,
    parse,
    requires_rows,
)
from gpufix.facts.reading import text, why
from gpufix.model import Distribution

# An egg has one distribution, in EGG-INFO; of others, importlib.metadata sees the top folders.
_METADATA = re.compile(r"EGG-INFO/PKG-INFO|[^/]+\.egg-info/PKG-INFO|[^/]+\.dist-info/METADATA")
_LIBRARY = re.compile(r"\.so(?:\.\d+)*$")
_LIMIT = 1 << 20  # bytes
_LISTED = 1000  # distributions in one file


def collect(ctx: CollectContext, path: str) -> list[Distribution]:
    """The distributions in a zip file; what lies in it and cannot be judged is a gap."""
    try:
        with WheelZip(path) as archive:
            names = [member.name for member in archive.members()]
            libraries = [name for name in names if _LIBRARY.search(name)]
            if libraries:
                reason = "compiled libraries in a zip file are not looked at"
                ctx.gap(
                    "binaries", text(path), text(f"{reason}: {len(libraries)}, as {libraries[0]}")
                )
            files = [name for name in names if _METADATA.fullmatch(name)]
            if len(files) > _LISTED:
                ctx.gap("distributions", text(path), f"only {_LISTED} of {len(files)} were read")
            return list(_described(ctx, archive, path, files[:_LISTED]))
    except (CodeError, OSError) as error:
        ctx.gap("distributions", text(path), f"cannot be read: {why(error)}")
        return []


def _described(
    ctx: CollectContext, archive: WheelZip, path: str, files: list[str]
) -> Iterator[Distribution]:
    for file in files:
        folder = file.rpartition("/")[0]
        try:
            metadata = parse(archive.head(file, _LIMIT))
        except (CodeError, CorruptMetadata) as error:
            ctx.gap("distributions", text(f"{path}/{file}"), f"cannot be read: {why(error)}")
            stem = path.rpartition("/")[2] if folder == "EGG-INFO" else folder
            claim = name_and_version(stem.rpartition(".")[0])
            if claim is None:
                continue
            metadata = Metadata(*claim)
        yield Distribution(
            name=metadata.name,
            version=metadata.version,
            location=text(path),
            metadata=text(f"{path}/{folder}"),
            source="egg",
            requires=metadata.requires or _requires(archive, f"{folder}/requires.txt"),
            requires_python=metadata.requires_python,
        )


def _requires(archive: WheelZip, name: str) -> list[str]:
    try:
        return requires_rows(archive.head(name, _LIMIT))
    except CodeError:
        return []
