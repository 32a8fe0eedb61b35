"""The system's packages that hold libraries which no wheel brings."""

from __future__ import annotations

import re

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table

_FFMPEG = re.compile(r"(lib(?:av|sw)[a-z]+)\.so\.(\d+)")


class SystemPackage(Frozen):
    """`debian`: the package of Debian 12 and that of 13, None where it has none."""

    debian: tuple[str | None, str | None]
    conda: str | None


def holding(soname: str) -> SystemPackage | None:
    """The packages that hold a library, where they are known. FFmpeg's are by its major."""
    libraries = table("system_libraries")["libraries"]
    row = libraries.get(soname)
    if row is None and soname.endswith(".so"):  # opened without its major
        row = next((libraries[one] for one in libraries if one.startswith(f"{soname}.")), None)
    return SystemPackage((row[0], row[1]), row[2]) if row else _of_ffmpeg(soname)


def is_package(name: str) -> bool:
    """Whether Debian has a package of this name that holds a library: "libportaudio2"."""
    rows = table("system_libraries")["libraries"].values()
    return any(name in (old, new) for old, new, *_ in rows)


def ffmpeg(soname: str) -> tuple[int, ...]:
    """The majors of FFmpeg that have a library of this name; () when it is none of FFmpeg's."""
    found = _FFMPEG.fullmatch(soname)
    rows = table("system_libraries")["ffmpeg"].get(found[1], {}) if found else {}
    return tuple(rows.get(found[2], ())) if found else ()


def _of_ffmpeg(soname: str) -> SystemPackage | None:
    majors, found = ffmpeg(soname), _FFMPEG.fullmatch(soname)
    if not majors or found is None:
        return None
    has = table("system_libraries")["ffmpeg_of_debian"]
    name = f"{found[1]}{found[2]}"
    debian = [name if set(has[release]) & set(majors) else None for release in ("12", "13")]
    return SystemPackage((debian[0], debian[1]), f"ffmpeg={majors[-1]}")
