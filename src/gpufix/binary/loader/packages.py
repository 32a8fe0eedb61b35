"""What a package's Python source says that it loads; read, never run."""

from __future__ import annotations

import re

from .files import Files

MAX_SOURCE = 256 * 1024
MAX_FILES = 64
_OPENS = re.compile(rb"\b(?:CDLL|LoadLibrary|PyDLL)\b")
_IMPORTS_TORCH = re.compile(rb"^[ \t]*(?:import|from)[ \t]+torch\b", re.MULTILINE)


def imports_torch(files: Files, library: str, site_dirs: tuple[str, ...]) -> bool:
    """Some module beside the library, or on the way up to its site folder, imports torch."""
    return _mentions(files, library, site_dirs, _IMPORTS_TORCH)


def opens_libraries(files: Files, library: str, site_dirs: tuple[str, ...]) -> bool:
    """Some such module opens libraries with ctypes."""
    return _mentions(files, library, site_dirs, _OPENS)


def installed(files: Files, name: str, library: str, site_dirs: tuple[str, ...]) -> str | None:
    """A library file of this name in the package's own folders or in the nvidia packages'."""
    folders = folders_above(library, site_dirs)
    for site in site_dirs:
        if folders and folders[-1].startswith(f"{site}/"):
            folders.append(f"{folders[-1]}.libs")
        nvidia = sorted(files.names_in(f"{site}/nvidia"))
        folders += [f"{site}/nvidia/{package}/lib" for package in nvidia]
    candidates = [f"{folder}{sub}" for folder in folders for sub in ("", "/lib")]
    return next((f"{f}/{name}" for f in candidates if name in files.names_in(f)), None)


def _mentions(
    files: Files, library: str, site_dirs: tuple[str, ...], pattern: re.Pattern[bytes]
) -> bool:
    return any(
        pattern.search(files.read(f"{folder}/{name}", MAX_SOURCE))
        for folder in folders_above(library, site_dirs)
        for name in sources(files, folder)
    )


def folders_above(library: str, site_dirs: tuple[str, ...]) -> list[str]:
    """The library's folder and its parents, up to but without the site folder."""
    found: list[str] = []
    folder = library.rpartition("/")[0]
    while folder and folder not in site_dirs and len(found) < 8:
        found.append(folder)
        folder = folder.rpartition("/")[0]
    return found if folder in site_dirs else found[:1]


def sources(files: Files, folder: str) -> list[str]:
    """Python files of a folder, __init__.py first, not more than a few dozen."""
    names = sorted(name for name in files.names_in(folder) if name.endswith(".py"))
    names.sort(key=lambda name: name != "__init__.py")
    return names[:MAX_FILES]
