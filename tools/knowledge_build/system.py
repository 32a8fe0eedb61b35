"""The system's packages that hold libraries which no wheel brings."""

from __future__ import annotations

from typing import Any

from .read import Knowledge

_DEBIAN = ("12", "13")


def build(known: Knowledge) -> Any:
    """SONAME → [the package in Debian 12, in Debian 13, on conda-forge]."""
    rows = known.system_libraries
    libraries = {}
    for name, row in rows.libraries.items():
        apt = row.apt if isinstance(row.apt, dict) else dict.fromkeys(_DEBIAN, row.apt)
        libraries[name] = [*(apt.get(release) for release in _DEBIAN), row.conda]
    ffmpeg = rows.ffmpeg.model_dump()
    return {
        "sources": {"apt": rows.apt_source, "conda": rows.conda_source, "rpm": rows.rpm_source},
        "libraries": libraries,
        "ffmpeg": {name: ffmpeg[name] for name in ffmpeg if name.startswith("lib")},
        "ffmpeg_of_debian": ffmpeg["debian"],
        "ffmpeg_source": ffmpeg["source"],
    }
