"""`.egg-info` files and folders, and `.egg` folders: what setuptools and distutils left before wheels."""

from __future__ import annotations

from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read, text, why
from gpufix.facts.metadata import Metadata, name_and_version, read_metadata
from gpufix.model import Distribution

_LIMIT = 1 << 18


def describe(ctx: Context, location: str, name: str) -> Distribution | None:
    """The distribution that `location/name` stands for. None and a gap when nothing names it."""
    path = Path(location, name)
    file = path / "PKG-INFO" if path.is_dir() else path
    try:
        metadata = read_metadata(str(file))
    except (OSError, ValueError) as error:
        ctx.gap("distributions", text(str(file)), f"cannot be read: {why(error)}")
        stem = Path(location).name if name == "EGG-INFO" else name
        claim = name_and_version(stem.removesuffix(".egg-info").removesuffix(".egg"))
        if claim is None:
            return None
        metadata = Metadata(*claim)
    return Distribution(
        name=metadata.name,
        version=metadata.version,
        location=location,
        metadata=text(str(path)),
        source="egg",
        installer=_installer(path),
        requires=metadata.requires or _requires(path / "requires.txt"),
        requires_python=metadata.requires_python,
    )


def link(site: str, name: str) -> str | None:
    """The project folder of an `.egg-link`, which `setup.py develop` left in `site`."""
    try:
        lines = read(Path(site, name), _LIMIT).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    return lines[0].strip() if lines else None


def _installer(path: Path) -> str | None:
    try:
        words = read(path / "INSTALLER", 256).decode("ascii", "replace").split()
    except OSError:
        return None
    return words[0][:64] if words else None


def _requires(path: Path) -> list[str]:
    """requires.txt as Requires-Dist rows: its sections `[extra:marker]` become markers."""
    try:
        lines = read(path, _LIMIT).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    rows, suffix = [], ""
    for line in (line.strip() for line in lines[:2000]):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f'extra == "{extra}"'] if extra else []
            suffix = f" ; {' and '.join(parts)}" if parts else ""
        elif line and not line.startswith("#"):
            rows.append(line[:1000] + suffix)
    return rows
